//! What an answer asks of its caller: to wait, and for how long.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
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

/// How long to wait after "too many calls" that does not say how long.
pub(super) const USUAL_WAIT: Duration = Duration::from_secs(5);

/// How long the answer asks everybody to wait.
pub(super) fn wait(response: &Response, now: Timestamp) -> Option<Duration> {
    retry_after(response.headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

/// How many calls the server says are left, and for how long.
pub(super) fn remaining(response: &Response, now: Timestamp) -> Option<(u64, Duration)> {
    // Most say nothing, and to ask for each name takes longer than to see that.
    let is_told = |name: &HeaderName| name.as_str().contains("remaining") || name == "ratelimit";
    if !response.headers.keys().any(is_told) {
        return None;
    }
    let get = |name: &str| response.headers.get(name)?.to_str().ok().map(str::trim);
    for (left, reset) in [
        ("ratelimit-remaining", "ratelimit-reset"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ] {
        let Some(left) = get(left) else { continue };
        let reset: f64 = get(reset)?.parse().ok()?;
        // Some count the seconds from now, some from 1970.
        let seconds = if reset > 1e9 { reset - now.as_duration().as_secs_f64() } else { reset };
        let wait = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
        return Some((left.parse().ok()?, wait));
    }
    // `"default";r=50;t=30`: what is left, and for how many seconds.
    let mut left = None;
    let mut seconds = None;
    for part in get("ratelimit")?.split(';') {
        match part.trim().split_once('=') {
            Some(("r", number)) => left = number.parse().ok(),
            Some(("t", number)) => seconds = number.parse().ok(),
            _ => {}
        }
    }
    Some((left?, Duration::from_secs(seconds?)))
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
    fn what_is_left_is_read_in_each_usual_form() {
        let check = |headers: &[(&'static str, &'static str)], expect: Option<(u64, f64)>| {
            let mut map = http::HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            let body = bytes::Bytes::new();
            let response = Response { status: 200, reason: None, headers: map, body };
            let found = remaining(&response, now()).map(|(left, wait)| (left, wait.as_secs_f64()));
            assert_eq!(found, expect, "{headers:?}");
        };
        check(&[("ratelimit-remaining", "3"), ("ratelimit-reset", "20")], Some((3, 20.0)));
        // 2026-01-31T09:00:30Z
        let reset = ("x-ratelimit-reset", "1769850030");
        check(&[("x-ratelimit-remaining", "0"), reset], Some((0, 29.5)));
        check(&[("x-ratelimit-remaining", "7")], None);
        check(&[reset], None);
        check(&[("ratelimit", "\"default\";r=50;t=30")], Some((50, 30.0)));
        check(&[("ratelimit", "nonsense")], None);
        check(&[("ratelimit-remaining", "many"), ("ratelimit-reset", "20")], None);
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
