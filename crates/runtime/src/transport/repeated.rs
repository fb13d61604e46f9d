//! Takes secrets out of an answer that repeats them, as some systems do in what they refuse with.
//!
//! Done before anybody reads the answer: so a secret is in no output, journal, error or log, and what
//! a run read is the same when it is replayed.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderValue;
use linchpin_connector::Response;

use crate::redaction::Redactor;

/// The answer without any known secret.
pub(super) fn cleaned(mut response: Response, redactor: &Redactor) -> Response {
    if let Ok(Cow::Owned(clean)) = std::str::from_utf8(&response.body).map(|it| redactor.clean(it))
    {
        response.body = Bytes::from(clean);
    }
    if let Some(Cow::Owned(clean)) = response.reason.as_deref().map(|it| redactor.clean(it)) {
        response.reason = Some(clean);
    }
    for value in response.headers.values_mut() {
        if let Ok(Cow::Owned(clean)) = value.to_str().map(|it| redactor.clean(it)) {
            *value = HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static(""));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn what_repeats_a_secret_is_cleaned_and_the_rest_is_as_it_came() {
        let redactor = Redactor::new();
        redactor.know("lms/api_key", &Secret::new("k3y-canary"));
        let mut headers = http::HeaderMap::new();
        headers.insert("x-seen", HeaderValue::from_static("k3y-canary"));
        let response = |body: &'static [u8]| Response {
            status: 400,
            reason: Some("no k3y-canary".to_owned()),
            headers: headers.clone(),
            body: Bytes::from_static(body),
        };
        let clean = cleaned(response(b"{\"message\": \"k3y-canary is refused\"}"), &redactor);
        assert_eq!(clean.body, "{\"message\": \"[secret] is refused\"}");
        assert_eq!(clean.headers["x-seen"], "[secret]");
        assert_eq!(clean.reason.as_deref(), Some("no [secret]"));
        assert_eq!(cleaned(response(b"\xff\xfe"), &redactor).body, b"\xff\xfe".as_slice());
    }
}
