//! Functions that move in the calendar: spans, differences, and where days, weeks, months and
//! years begin and end in a zone. A date stays a date.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span, ToSpan, Unit, Zoned};

use super::dates::{instant, out_of_range, zone, zoned};
use super::{Args, Function, may, need};
use crate::duration::parse_duration;
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
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
        name: "start_of",
        category: "dates",
        about: "When the `hour`, `day`, `week` (from Monday), `month`, `quarter` or `year` of an instant begins in a zone (else UTC), or one so many later.",
        params: &[
            need("value", "string"),
            need("unit", "string"),
            may("zone", "string"),
            may("shift", "integer"),
        ],
        returns: "string",
        examples: &[
            (
                "start_of('2026-07-15T10:20:00Z', 'month', 'Europe/London')",
                r#""2026-06-30T23:00:00Z""#,
            ),
            ("start_of('2026-07-15', 'week')", r#""2026-07-13""#),
            ("start_of('2026-07-15', 'quarter', null, 1)", r#""2026-10-01""#),
        ],
        call: |args| start_of(args, 0).map(|start| start.print()),
        shallow: false,
    },
    Function {
        name: "end_of",
        category: "dates",
        about: "The last second of the `hour`, `day`, `week` (to Sunday), `month`, `quarter` or `year` of an instant in a zone (else UTC), or of one so many later; the last day of that of a date.",
        params: &[
            need("value", "string"),
            need("unit", "string"),
            may("zone", "string"),
            may("shift", "integer"),
        ],
        returns: "string",
        examples: &[
            ("end_of('2026-02-10', 'month')", r#""2026-02-28""#),
            ("end_of('2026-07-15T10:20:00Z', 'day', 'Europe/London')", r#""2026-07-15T22:59:59Z""#),
        ],
        call: |args| start_of(args, 1)?.before().map(|end| end.print()),
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
        about: "How many whole `years`, `months`, `weeks`, `days` (by the calendar of a zone, else UTC), `hours`, `minutes` or `seconds` there are from one instant to another.",
        params: &[
            need("from", "string"),
            need("to", "string"),
            may("unit", "string"),
            may("zone", "string"),
        ],
        returns: "integer",
        examples: &[
            ("date_diff('2026-01-01', '2026-01-31')", "30"),
            ("date_diff('2026-01-01T10:00:00Z', '2026-01-01T08:30:00Z', 'hours')", "-1"),
            ("date_diff('2025-11-30', '2026-02-28', 'months')", "2"),
        ],
        call: date_diff,
        shallow: false,
    },
    Function {
        name: "date_part",
        category: "dates",
        about: "One part of a date or instant in a zone (else UTC): `year`, `quarter`, `month`, `week` (ISO), `day`, `weekday` (Monday is 1), `day_of_year`, `hour`, `minute` or `second`.",
        params: &[need("value", "string"), need("part", "string"), may("zone", "string")],
        returns: "integer",
        examples: &[
            ("date_part('2026-07-15', 'weekday')", "3"),
            ("date_part('2026-07-15T23:30:00Z', 'day', 'Europe/London')", "16"),
        ],
        call: date_part,
        shallow: false,
    },
];

/// Where a period begins.
enum Start {
    Date(Date),
    Instant(Zoned),
}

impl Start {
    fn print(&self) -> Value {
        match self {
            Self::Date(date) => json!(date.to_string()),
            Self::Instant(instant) => json!(instant.timestamp().to_string()),
        }
    }

    /// The last of what is before it.
    fn before(self) -> Result<Self, String> {
        match self {
            Self::Date(date) => date.yesterday().map(Self::Date),
            Self::Instant(instant) => instant.checked_sub(1.second()).map(Self::Instant),
        }
        .map_err(|_| out_of_range())
    }
}

/// The date that a text is, when it has no time.
fn bare_date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.contains(':') { None } else { text.parse().ok() }
}

/// Where the period of the first argument begins, or one so many later.
fn start_of(args: &Args<'_>, later: i64) -> Result<Start, String> {
    let shift = args.integer_or(3, 0)?.checked_add(later).ok_or_else(out_of_range)?;
    let unit = args.text(1)?;
    if let Some(date) = bare_date(&args.text(0)?) {
        return period(date, unit.trim_end_matches('s'), shift).map(Start::Date);
    }
    let moment = zoned(args, 2)?;
    if unit.trim_end_matches('s') == "hour" {
        let span = Span::new().try_hours(shift).map_err(|_| out_of_range())?;
        let minutes = i64::from(moment.minute()) * 60 + i64::from(moment.second());
        let into = SignedDuration::new(minutes, moment.subsec_nanosecond());
        let start = moment.checked_sub(into).and_then(|start| start.checked_add(span));
        return start.map(Start::Instant).map_err(|_| out_of_range());
    }
    let date = period(moment.date(), unit.trim_end_matches('s'), shift)?;
    let start = DateTime::from_parts(date, Time::midnight()).to_zoned(zone(args, 2)?);
    start.map(Start::Instant).map_err(|_| out_of_range())
}

/// The first day of the period that a day is in, or of one so many later.
fn period(date: Date, unit: &str, shift: i64) -> Result<Date, String> {
    let (first, span) = match unit {
        "day" => (Ok(date), Span::new().try_days(shift)),
        "week" => {
            let since = i64::from(date.weekday().to_monday_zero_offset());
            (date.checked_sub(since.days()), Span::new().try_weeks(shift))
        }
        "month" => (Ok(date.first_of_month()), Span::new().try_months(shift)),
        "quarter" => {
            let month = (date.month() - 1) / 3 * 3 + 1;
            let months = shift.checked_mul(3).ok_or_else(out_of_range)?;
            (Date::new(date.year(), month, 1), Span::new().try_months(months))
        }
        "year" => (Ok(date.first_of_year()), Span::new().try_years(shift)),
        other => {
            return Err(format!(
                "there is no unit {other:?} here: hour, day, week, month, quarter or year"
            ));
        }
    };
    let start = span.and_then(|span| first?.checked_add(span));
    start.map_err(|_| out_of_range())
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
    let zone = zone(args, 3)?;
    let from = instant(&args.text(0)?, &zone)?;
    let to = instant(&args.text(1)?, &zone)?;
    let unit = args.text_or(2, "days")?;
    let seconds = match unit.trim_end_matches('s') {
        "hour" => 3600,
        "minute" => 60,
        "second" => 1,
        other => return calendar_diff(&from.to_zoned(zone.clone()), &to.to_zoned(zone), other),
    };
    Ok(json!(to.duration_since(from).as_secs() / seconds))
}

fn calendar_diff(from: &Zoned, to: &Zoned, unit: &str) -> Result<Value, String> {
    let unit = match unit {
        "year" => Unit::Year,
        "month" => Unit::Month,
        "week" => Unit::Week,
        "day" => Unit::Day,
        other => {
            return Err(format!(
                "there is no unit {other:?}: years, months, weeks, days, hours, minutes or seconds"
            ));
        }
    };
    let span = from.until((unit, to)).map_err(|_| out_of_range())?;
    Ok(json!(match unit {
        Unit::Year => i64::from(span.get_years()),
        Unit::Month => i64::from(span.get_months()),
        Unit::Week => i64::from(span.get_weeks()),
        _ => i64::from(span.get_days()),
    }))
}

fn date_part(args: &Args<'_>) -> Result<Value, String> {
    let moment = zoned(args, 2)?;
    let part = match args.text(1)?.as_ref() {
        "year" => i64::from(moment.year()),
        "quarter" => i64::from((moment.month() - 1) / 3 + 1),
        "month" => i64::from(moment.month()),
        "week" => i64::from(moment.date().iso_week_date().week()),
        "day" => i64::from(moment.day()),
        "weekday" => i64::from(moment.weekday().to_monday_one_offset()),
        "day_of_year" => i64::from(moment.day_of_year()),
        "hour" => i64::from(moment.hour()),
        "minute" => i64::from(moment.minute()),
        "second" => i64::from(moment.second()),
        other => {
            return Err(format!(
                "there is no part {other:?}: year, quarter, month, week, day, weekday, day_of_year, \
                 hour, minute or second"
            ));
        }
    };
    Ok(json!(part))
}
