//! Functions that read and write dates and instants. An instant is a text in RFC 3339; results are
//! in UTC. There is no function for the present: `run.now` is the only clock.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Args, Function, may, need};
use crate::duration::{parse_duration, print_duration};
use crate::value::{Value, json};

/// The longest pattern of a date, in bytes.
const MAX_PATTERN: usize = 200;

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
            let (moment, format) = (zoned(args, 2)?, pattern(args.value(1))?);
            let text = jiff::fmt::strtime::format(format, &moment);
            text.map(|text| json!(text)).map_err(|_| format!("cannot write a date as {format:?}"))
        },
        shallow: false,
    },
    Function {
        name: "parse_date",
        category: "dates",
        about: "The instant of a text that is written by a pattern (`%d/%m/%Y`), or by the first of several that fits, in a zone (else UTC).",
        params: &[need("text", "string"), need("format", "any"), may("zone", "string")],
        returns: "datetime",
        examples: &[
            ("parse_date('31/01/2026', '%d/%m/%Y')", r#""2026-01-31T00:00:00Z""#),
            (
                "parse_date('31 Jan 2026 09:30', ['%d/%m/%Y', '%d %b %Y %H:%M'], 'Europe/Berlin')",
                r#""2026-01-31T08:30:00Z""#,
            ),
        ],
        call: parse_date,
        shallow: false,
    },
    Function {
        name: "to_zone",
        category: "dates",
        about: "An instant written with the clock of a zone and its offset.",
        params: &[need("value", "string"), need("zone", "string")],
        returns: "datetime",
        examples: &[(
            "to_zone('2026-07-01T08:00:00Z', 'Europe/London')",
            r#""2026-07-01T09:00:00+01:00""#,
        )],
        call: |args| Ok(json!(zoned(args, 1)?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())),
        shallow: false,
    },
    Function {
        name: "is_before",
        category: "dates",
        about: "Whether one instant or date is before another, whatever offsets they are written with.",
        params: &[need("value", "string"), need("other", "string"), may("zone", "string")],
        returns: "boolean",
        examples: &[("is_before('2026-01-31T10:00:00+02:00', '2026-01-31T09:00:00Z')", "true")],
        call: |args| {
            let zone = zone(args, 2)?;
            Ok(json!(instant(&args.text(0)?, &zone)? < instant(&args.text(1)?, &zone)?))
        },
        shallow: false,
    },
    Function {
        name: "is_after",
        category: "dates",
        about: "Whether one instant or date is after another, whatever offsets they are written with.",
        params: &[need("value", "string"), need("other", "string"), may("zone", "string")],
        returns: "boolean",
        examples: &[("is_after('2026-02-01', '2026-01-31T09:00:00Z')", "true")],
        call: |args| {
            let zone = zone(args, 2)?;
            Ok(json!(instant(&args.text(0)?, &zone)? > instant(&args.text(1)?, &zone)?))
        },
        shallow: false,
    },
    Function {
        name: "to_epoch",
        category: "dates",
        about: "The seconds from 1970 to an instant.",
        params: &[need("value", "string")],
        returns: "integer",
        examples: &[("to_epoch('2026-01-31T09:00:00Z')", "1769850000")],
        call: |args| Ok(json!(instant(&args.text(0)?, &TimeZone::UTC)?.as_second())),
        shallow: false,
    },
    Function {
        name: "from_epoch",
        category: "dates",
        about: "The instant so many `seconds` or `milliseconds` after 1970.",
        params: &[need("number", "integer"), may("unit", "string")],
        returns: "datetime",
        examples: &[
            ("from_epoch(1769850000)", r#""2026-01-31T09:00:00Z""#),
            ("from_epoch(1769850000000, 'milliseconds')", r#""2026-01-31T09:00:00Z""#),
        ],
        call: from_epoch,
        shallow: false,
    },
    Function {
        name: "duration_seconds",
        category: "dates",
        about: "The whole seconds of a duration such as `1h30m` or `2d`.",
        params: &[need("duration", "string")],
        returns: "integer",
        examples: &[("duration_seconds('1h30m')", "5400")],
        call: |args| Ok(json!(parse_duration(&args.text(0)?)?.as_secs())),
        shallow: false,
    },
    Function {
        name: "format_duration",
        category: "dates",
        about: "So many seconds as a duration in days, hours, minutes and seconds.",
        params: &[need("seconds", "integer")],
        returns: "duration",
        examples: &[
            ("format_duration(5400)", r#""1h30m""#),
            ("format_duration(90061)", r#""1d1h1m1s""#),
        ],
        call: |args| {
            let seconds =
                u64::try_from(args.integer(0)?).map_err(|_| "the duration is negative")?;
            Ok(json!(print_duration(Duration::from_secs(seconds))))
        },
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

pub(super) fn out_of_range() -> String {
    "the date is out of range".to_owned()
}

pub(super) fn zone(args: &Args<'_>, at: usize) -> Result<TimeZone, String> {
    let name = args.text_or(at, "UTC")?;
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(&name)
        .map_err(|_| format!("there is no time zone {name:?}: write it as Europe/London"))
}

/// The first argument as a moment in the zone of another.
pub(super) fn zoned(args: &Args<'_>, zone_at: usize) -> Result<Zoned, String> {
    let zone = zone(args, zone_at)?;
    Ok(instant(&args.text(0)?, &zone)?.to_zoned(zone))
}

fn parse_date(args: &Args<'_>) -> Result<Value, String> {
    let (text, zone) = (args.text(0)?, zone(args, 2)?);
    let patterns: Vec<&Value> = match args.value(1) {
        Value::Array(patterns) => patterns.iter().collect(),
        single => vec![single],
    };
    for one in &patterns {
        if let Some(instant) = parsed(&text, pattern(one)?, &zone) {
            return Ok(json!(instant.to_string()));
        }
    }
    let shown: String = text.chars().take(40).collect();
    let written: Vec<String> = patterns.iter().take(5).map(ToString::to_string).collect();
    Err(format!("cannot read {shown:?} as {}", written.join(" or ")))
}

fn parsed(text: &str, format: &str, zone: &TimeZone) -> Option<Timestamp> {
    let parsed = jiff::fmt::strtime::parse(format, text.as_bytes()).ok()?;
    if let Ok(instant) = parsed.to_timestamp() {
        return Some(instant);
    }
    let civil = parsed.to_datetime().or_else(|_| parsed.to_date().map(|date| date.at(0, 0, 0, 0)));
    Some(civil.ok()?.to_zoned(zone.clone()).ok()?.timestamp())
}

/// A pattern of a date.
fn pattern(value: &Value) -> Result<&str, String> {
    match value.as_str() {
        Some(pattern) if pattern.len() <= MAX_PATTERN => Ok(pattern),
        Some(_) => Err(format!("the pattern is longer than {MAX_PATTERN} bytes")),
        None => Err("a pattern of a date is a text such as '%d/%m/%Y'".to_owned()),
    }
}

fn from_epoch(args: &Args<'_>) -> Result<Value, String> {
    let number = args.integer(0)?;
    let instant = match args.text_or(1, "seconds")?.as_ref() {
        "seconds" => Timestamp::from_second(number),
        "milliseconds" => Timestamp::from_millisecond(number),
        other => return Err(format!("there is no unit {other:?}: seconds or milliseconds")),
    };
    instant.map(|instant| json!(instant.to_string())).map_err(|_| out_of_range())
}
