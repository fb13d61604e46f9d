//! Dates as systems write them, read as one form: RFC 3339 in UTC, or a plain date.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// How the answers of a spoke are read, beyond their content type.
#[derive(Clone, Debug)]
pub(crate) struct ReadRules {
    /// ISO 8601 text, with or without a zone.
    pub(crate) iso: bool,
    /// `/Date(milliseconds+hhmm)/`.
    pub(crate) wcf: bool,
    /// Seconds since 1970.
    pub(crate) unix: bool,
    /// Milliseconds since 1970.
    pub(crate) unix_ms: bool,
    /// The zone of a text that names none.
    pub(crate) zone: TimeZone,
    /// Keys with dots become nested objects.
    pub(crate) nest_dotted: bool,
}

impl Default for ReadRules {
    fn default() -> ReadRules {
        ReadRules {
            iso: true,
            wcf: false,
            unix: false,
            unix_ms: false,
            zone: TimeZone::UTC,
            nest_dotted: false,
        }
    }
}

impl ReadRules {
    /// An instant, as RFC 3339 in UTC; none when the text is no date.
    pub(crate) fn datetime(&self, text: &str) -> Option<String> {
        self.instant(text.trim()).map(|instant| instant.to_string())
    }

    /// A day; of an instant, its day in the spoke's zone.
    pub(crate) fn date(&self, text: &str) -> Option<String> {
        let text = text.trim();
        if self.iso
            && text.len() == 10
            && let Ok(date) = text.parse::<civil::Date>()
        {
            return Some(date.to_string());
        }
        let instant = self.instant(text)?;
        Some(instant.to_zoned(self.zone.clone()).date().to_string())
    }

    fn instant(&self, text: &str) -> Option<Timestamp> {
        let wcf = if self.wcf { wcf(text) } else { None };
        let iso = || if self.iso { self.iso(text) } else { None };
        wcf.or_else(|| self.number(text)).or_else(iso)
    }

    /// A whole number since 1970; a fraction of a second is dropped.
    fn number(&self, text: &str) -> Option<Timestamp> {
        if !self.unix && !self.unix_ms {
            return None;
        }
        let whole: i64 = text.split('.').next()?.parse().ok()?;
        if self.unix_ms {
            Timestamp::from_millisecond(whole).ok()
        } else {
            Timestamp::from_second(whole).ok()
        }
    }

    fn iso(&self, text: &str) -> Option<Timestamp> {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(instant);
        }
        let local = text.parse::<civil::DateTime>().ok()?;
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

/// The milliseconds are UTC already; the offset only says where they were written.
fn wcf(text: &str) -> Option<Timestamp> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let end = inner.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-'));
    let millis = end.map_or(inner, |(at, _)| &inner[..at]);
    Timestamp::from_millisecond(millis.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let rules = ReadRules { wcf: true, ..ReadRules::default() };
        assert_eq!(rules.datetime(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_forms_of_dates_read_as_one() {
        check("/Date(1769850000000+0000)/", Some("2026-01-31T09:00:00Z"));
        check("/Date(1769850000000)/", Some("2026-01-31T09:00:00Z"));
        check("/Date(-1000-0500)/", Some("1969-12-31T23:59:59Z"));
        check("2026-01-31T09:00:00Z", Some("2026-01-31T09:00:00Z"));
        check("2026-01-31T10:00:00+01:00", Some("2026-01-31T09:00:00Z"));
        check("2026-01-31T09:00:00.250", Some("2026-01-31T09:00:00.25Z"));
        check("2026-01-31 09:00:00", Some("2026-01-31T09:00:00Z"));
        check("2026-01-31", Some("2026-01-31T00:00:00Z"));
        check("next week", None);
        check("/Date(x)/", None);
    }

    #[test]
    fn numbers_are_instants_only_where_the_spoke_says_so() {
        let seconds = ReadRules { unix: true, ..ReadRules::default() };
        assert_eq!(seconds.datetime("1769850000").as_deref(), Some("2026-01-31T09:00:00Z"));
        assert_eq!(seconds.datetime("1769850000.5").as_deref(), Some("2026-01-31T09:00:00Z"));
        assert_eq!(
            seconds.datetime("2026-01-31T09:00:00Z").as_deref(),
            Some("2026-01-31T09:00:00Z")
        );
        let millis = ReadRules { unix_ms: true, ..ReadRules::default() };
        assert_eq!(millis.date("1769850000000").as_deref(), Some("2026-01-31"));
        assert_eq!(ReadRules::default().datetime("1769850000"), None);
    }

    #[test]
    fn a_day_of_an_instant_is_the_day_in_the_spokes_zone() {
        let zone = TimeZone::get("Pacific/Auckland").unwrap();
        let rules = ReadRules { zone, ..ReadRules::default() };
        assert_eq!(rules.date("2026-01-31T20:00:00Z").as_deref(), Some("2026-02-01"));
        assert_eq!(rules.date("2026-01-31").as_deref(), Some("2026-01-31"));
    }
}
