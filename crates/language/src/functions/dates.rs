//! Functions of dates and instants. An instant is a text in RFC 3339; results are in UTC.
//! There is no function for the present: `run.now` is the only clock.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan, Zoned};

use super::{Args, Function, may, need};
use crate::duration::parse_duration;
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "datetime",
        category: "dates",
        about: "The instant in UTC, read from RFC 3339, from `2026-01-31 09:00:00` or from a date (in a zone, else UTC).",
        params: &[need("value", "string"), may("zone", "string")],
        returns: "datetime",
        examples: &[
            ("datetime('2026-01-31T10:00:00+01:00')", r#""2026-01-31T09:00:00Z""#),
            ("datetime('2026-07-01 09:00:00', 'Europe/London')", r#""2026-07-01T08:00:00Z""#),
        ],
        call: |args| Ok(json!(instant(&args.text(0)?, &zone(args, 1)?)?.to_string())),
        shallow: false,
    },
    Function {
        name: "date",
        category: "dates",
        about: "The calendar day of an instant in a zone (else UTC).",
        params: &[need("value", "string"), may("zone", "string")],
        returns: "date",
        examples: &[("date('2026-01-31T23:30:00Z', 'Europe/Berlin')", r#""2026-02-01""#)],
        call: |args| Ok(json!(zoned(args, 1)?.date().to_string())),
        shallow: false,
    },
    Function {
        name: "day_start",
        category: "dates",
        about: "The instant at which a day begins in a zone (else UTC): the day of a given instant, or one so many days later.",
        params: &[need("instant", "datetime"), may("zone", "string"), may("days", "integer")],
        returns: "datetime",
        examples: &[
            ("day_start('2026-07-02T06:00:00Z', 'Europe/London')", r#""2026-07-01T23:00:00Z""#),
            ("day_start('2026-07-02T06:00:00Z', 'Europe/London', -1)", r#""2026-06-30T23:00:00Z""#),
            ("day_start('2026-03-30T06:00:00Z', 'Europe/London', -1)", r#""2026-03-29T00:00:00Z""#),
        ],
        call: |args| {
            let days = Span::new().try_days(args.integer_or(2, 0)?).map_err(|_| out_of_range())?;
            let start = zoned(args, 1)?.checked_add(days).and_then(|day| day.start_of_day());
            Ok(json!(start.map_err(|_| out_of_range())?.timestamp().to_string()))
        },
        shallow: false,
    },
    Function {
        name: "date_add",
        category: "dates",
        about: "A date or instant moved by a span, back with a leading minus: `2d`, `-1h30m`, and whole `months` or `years`.",
        params: &[need("value", "string"), need("by", "string"), may("zone", "string")],
        returns: "string",
        examples: &[
            ("date_add('2026-01-31', '1 month')", r#""2026-02-28""#),
            ("date_add('2026-01-31T09:00:00Z', '-1h30m')", r#""2026-01-31T07:30:00Z""#),
            (
                "date_add('2026-03-28T09:00:00Z', '1d', 'Europe/London')",
                r#""2026-03-29T08:00:00Z""#,
            ),
        ],
        call: date_add,
        shallow: false,
    },
    Function {
        name: "date_diff",
        category: "dates",
        about: "How many whole `days`, `hours`, `minutes` or `seconds` there are from one instant to another.",
        params: &[need("from", "string"), need("to", "string"), may("unit", "string")],
        returns: "integer",
        examples: &[
            ("date_diff('2026-01-01', '2026-01-31')", "30"),
            ("date_diff('2026-01-01T10:00:00Z', '2026-01-01T08:30:00Z', 'hours')", "-1"),
        ],
        call: date_diff,
        shallow: false,
    },
    Function {
        name: "format_date",
        category: "dates",
        about: "An instant or date written by a pattern (`%Y-%m-%d %H:%M`, `%d %b %Y`) in a zone (else UTC).",
        params: &[need("value", "string"), need("format", "string"), may("zone", "string")],
        returns: "string",
        examples: &[
            (
                "format_date('2026-07-01T08:00:00Z', '%d %b %Y %H:%M', 'Europe/London')",
                r#""01 Jul 2026 09:00""#,
            ),
            ("format_date('2026-07-01', '%A')", r#""Wednesday""#),
        ],
        call: |args| {
            let moment = zoned(args, 2)?;
            let format = args.text(1)?;
            let text = jiff::fmt::strtime::format(format.as_ref(), &moment);
            text.map(|text| json!(text)).map_err(|_| format!("cannot write a date as {format:?}"))
        },
        shallow: false,
    },
    Function {
        name: "parse_date",
        category: "dates",
        about: "The instant of a text that is written by a pattern (`%d/%m/%Y`), in a zone (else UTC).",
        params: &[need("text", "string"), need("format", "string"), may("zone", "string")],
        returns: "datetime",
        examples: &[("parse_date('31/01/2026', '%d/%m/%Y')", r#""2026-01-31T00:00:00Z""#)],
        call: parse_date,
        shallow: false,
    },
    Function {
        name: "is_business_day",
        category: "dates",
        about: "Whether the day of an instant in a zone (else UTC) is Monday to Friday.",
        params: &[need("value", "string"), may("zone", "string")],
        returns: "boolean",
        examples: &[
            ("is_business_day('2026-01-31')", "false"),
            ("is_business_day('2026-02-02')", "true"),
        ],
        call: |args| Ok(json!(is_business_day(zoned(args, 1)?.date()))),
        shallow: false,
    },
    Function {
        name: "add_business_days",
        category: "dates",
        about: "The date so many business days (Monday to Friday) later, or earlier with a minus.",
        params: &[need("value", "string"), need("days", "integer"), may("zone", "string")],
        returns: "date",
        examples: &[
            ("add_business_days('2026-01-30', 1)", r#""2026-02-02""#),
            ("add_business_days('2026-02-02', -1)", r#""2026-01-30""#),
        ],
        call: add_business_days,
        shallow: false,
    },
];

/// The instant that a text in RFC 3339 (with its offset) names.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let looks_so =
        text.len() >= 20 && text.as_bytes().get(10).is_some_and(|c| matches!(c, b'T' | b't'));
    if looks_so { text.parse().ok() } else { None }
}

/// The instant that a text names; without an offset it is read in the zone.
pub(crate) fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let civil = match text.parse::<DateTime>() {
        Ok(civil) => civil,
        Err(_) => text.parse::<Date>().map_err(|_| unreadable(text))?.at(0, 0, 0, 0),
    };
    let zoned = civil.to_zoned(zone.clone()).map_err(|_| unreadable(text))?;
    Ok(zoned.timestamp())
}

fn unreadable(text: &str) -> String {
    format!("cannot read {text:?} as a date: write 2026-01-31 or 2026-01-31T09:00:00Z")
}

fn out_of_range() -> String {
    "the date is out of range".to_owned()
}

fn zone(args: &Args<'_>, at: usize) -> Result<TimeZone, String> {
    let name = args.text_or(at, "UTC")?;
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(&name)
        .map_err(|_| format!("there is no time zone {name:?}: write it as Europe/London"))
}

/// The first argument as a moment in the zone of another.
fn zoned(args: &Args<'_>, zone_at: usize) -> Result<Zoned, String> {
    let zone = zone(args, zone_at)?;
    Ok(instant(&args.text(0)?, &zone)?.to_zoned(zone))
}

fn date_add(args: &Args<'_>) -> Result<Value, String> {
    let text = args.text(0)?;
    let by = args.text(1)?;
    let span = span(&by)?;
    if let (Ok(date), false) = (text.trim().parse::<Date>(), text.contains(':')) {
        let moved = date.checked_add(span).map_err(|_| out_of_range())?;
        return Ok(json!(moved.to_string()));
    }
    let moved = zoned(args, 2)?.checked_add(span).map_err(|_| out_of_range())?;
    Ok(json!(moved.timestamp().to_string()))
}

/// `2d`, `-1h30m`, `1 month`, `-2 years`. Days are calendar days, hours are elapsed time.
fn span(text: &str) -> Result<Span, String> {
    let trimmed = text.trim();
    let (sign, body) = match trimmed.strip_prefix('-') {
        Some(body) => (-1, body.trim()),
        None => (1, trimmed.trim_start_matches('+')),
    };
    let calendar = body.split_once(|c: char| !c.is_ascii_digit()).and_then(|(number, _)| {
        let unit = body[number.len()..].trim().trim_end_matches('s');
        Some((number.parse::<i64>().ok()?, unit))
    });
    let span = match calendar {
        Some((number, "month")) => Span::new().try_months(number),
        Some((number, "year")) => Span::new().try_years(number),
        Some((number, "week" | "w")) => Span::new().try_weeks(number),
        Some((number, "day" | "d")) => Span::new().try_days(number),
        _ => {
            let duration = parse_duration(body)?;
            let elapsed = SignedDuration::try_from(duration).map_err(|_| out_of_range())?;
            Span::try_from(elapsed)
        }
    };
    span.map(|span| span * sign).map_err(|_| out_of_range())
}

fn date_diff(args: &Args<'_>) -> Result<Value, String> {
    let from = instant(&args.text(0)?, &TimeZone::UTC)?;
    let to = instant(&args.text(1)?, &TimeZone::UTC)?;
    let seconds = match args.text_or(2, "days")?.trim_end_matches('s') {
        "day" => 86_400,
        "hour" => 3600,
        "minute" => 60,
        "second" => 1,
        other => {
            return Err(format!("there is no unit {other:?}: days, hours, minutes or seconds"));
        }
    };
    Ok(json!(to.duration_since(from).as_secs() / seconds))
}

fn parse_date(args: &Args<'_>) -> Result<Value, String> {
    let (text, format) = (args.text(0)?, args.text(1)?);
    let failed = |_| format!("cannot read {text:?} as {format:?}");
    let parsed = jiff::fmt::strtime::parse(format.as_ref(), text.as_bytes()).map_err(failed)?;
    if let Ok(instant) = parsed.to_timestamp() {
        return Ok(json!(instant.to_string()));
    }
    let civil = match parsed.to_datetime() {
        Ok(civil) => civil,
        Err(_) => parsed.to_date().map_err(failed)?.at(0, 0, 0, 0),
    };
    let zoned = civil.to_zoned(zone(args, 2)?).map_err(failed)?;
    Ok(json!(zoned.timestamp().to_string()))
}

fn is_business_day(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn add_business_days(args: &Args<'_>) -> Result<Value, String> {
    let mut left = args.integer(1)?;
    if left.abs() > 10_000 {
        return Err("more than 10,000 days".to_owned());
    }
    let step = left.signum();
    let mut date = zoned(args, 2)?.date();
    while left != 0 {
        date = date.checked_add(step.days()).map_err(|_| out_of_range())?;
        if is_business_day(date) {
            left -= step;
        }
    }
    Ok(json!(date.to_string()))
}
