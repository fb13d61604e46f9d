//! What an answer asks of its caller: to wait, and for how long.

use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use linchpin_connector::Response;

use crate::clock::until;

/// How long a `Retry-After` header, in seconds or as a date, asks to wait. Nonsense asks nothing.
pub(crate) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(until(now, date))
}

/// Puts a `Retry-After` that is a date into seconds, since a spoke has no clock to read it with. A
/// broken second counts whole: nobody is asked again too early.
pub(super) fn in_seconds(response: &mut Response, now: Timestamp) {
    let Some(value) = response.headers.get_mut(RETRY_AFTER) else { return };
    let Some(wait) = value.to_str().ok().and_then(|text| retry_after(text, now)) else { return };
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    *value = HeaderValue::from(whole);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-31T09:00:00.5Z".parse().expect("it is an instant")
    }

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_as_a_date() {
        let check = |text: &str, expect: Option<f64>| {
            let found = retry_after(text, now()).map(|wait| wait.as_secs_f64());
            assert_eq!(found, expect, "{text}");
        };
        check("120", Some(120.0));
        check(" 0 ", Some(0.0));
        check("Sat, 31 Jan 2026 09:01:00 GMT", Some(59.5));
        check("Sat, 31 Jan 2026 08:00:00 GMT", Some(0.0));
        check("soon", None);
        check("-5", None);
        check("", None);
    }

    #[test]
    fn a_date_is_put_into_whole_seconds() {
        let mut headers = http::HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Sat, 31 Jan 2026 09:01:00 GMT"));
        let mut response =
            Response { status: 503, reason: None, headers, body: bytes::Bytes::new() };
        in_seconds(&mut response, now());
        assert_eq!(response.headers[RETRY_AFTER], "60");
    }
}
