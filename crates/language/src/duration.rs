//! Durations as people write them: `30s`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads `30s`, `500ms`, `5m`, `1h30m`, `2d`, `1w`. Each part is a whole number and a unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let hint = || format!("cannot read {text:?} as a duration: write it as 30s, 5m, 1h30m or 2d");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(hint());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let unit_end = rest[digits..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(rest.len(), |end| digits + end);
        let number: u64 = rest[..digits].parse().map_err(|_| hint())?;
        let unit = &rest[digits..unit_end];
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(hint)?;
        total = number
            .checked_mul(*millis)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("the duration {text:?} is too long"))?;
        rest = &rest[unit_end..];
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that [`parse_duration`] reads it again; below a millisecond is dropped.
pub fn print_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, millis) in UNITS.iter().skip(1) {
        let count = rest / millis;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_the_same() {
        for text in ["30s", "5m", "1h30m", "2d", "500ms", "1d2h3m4s5ms", "0s"] {
            assert_eq!(print_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(parse_duration("1w").unwrap(), Duration::from_secs(604_800));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "m", "5 m", "-5m", "5y", "1.5h", "99999999999999999999s", "5mm", "ü"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("9999999999999999w").unwrap_err().contains("too long"));
    }
}
