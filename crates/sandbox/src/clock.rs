//! The sandbox's clock, and the ways the three systems write a moment.

use jiff::Timestamp;

/// Where the sandbox takes the time from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A moment that stands still until the control port moves it.
    Fixed(Timestamp),
}

impl Clock {
    /// The present moment.
    pub fn now(self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::Fixed(moment) => moment,
        }
    }
}

/// `2026-01-31T09:00:00Z`
pub(crate) fn iso(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-01-31 09:00:00`, UTC.
pub(crate) fn plain(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads ISO 8601 with or without fraction and zone, a space in place of `T`, or a bare date; UTC when no zone is given.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let civil: jiff::civil::DateTime = match text.len() {
        10 => text.parse::<jiff::civil::Date>().ok()?.to_datetime(jiff::civil::Time::midnight()),
        16 => format!("{text}:00").parse().ok()?,
        _ => text.parse().ok()?,
    };
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_every_form_the_systems_take() {
        let expect = "2026-01-31T09:00:00Z".parse::<Timestamp>().ok();
        for text in [
            "2026-01-31T09:00:00Z",
            "2026-01-31T09:00:00",
            "2026-01-31 09:00:00",
            "2026-01-31 09:00",
            "2026-01-31T10:00:00.000+01:00",
        ] {
            assert_eq!(parse(text), expect, "{text}");
        }
        assert_eq!(parse("2026-01-31").map(iso).as_deref(), Some("2026-01-31T00:00:00Z"));
        assert_eq!(parse("tomorrow"), None);
    }
}
