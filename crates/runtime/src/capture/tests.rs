//! What is kept of an exchange, and what is not.

use bytes::Bytes;
use linchpin_connector::{Body, Effect, ErrorKind, VerifyMode};
use linchpin_language::Fields;

use super::*;
use crate::secret::Secret;

fn spec(is_personal: bool) -> ActionSpec {
    let input = Schema { personal: is_personal, ..Schema::string() };
    ActionSpec {
        name: "people.find".to_owned(),
        title: "Find".to_owned(),
        about: None,
        effect: Effect::Read,
        idempotent: true,
        inputs: Fields::from_iter([("email".to_owned(), input)]),
        outputs: Schema::any(),
        stream: None,
        verify: VerifyMode::NotNeeded,
        looks: false,
        undo: None,
        collections: Vec::new(),
    }
}

/// An exchange of a call, as it is kept.
async fn heard(capture: &Capture, sent: &str, answer: Result<&str, &str>) {
    let redactor = Redactor::new();
    redactor.know("lms/api_key", &Secret::new("k3y-canary"));
    let body = Body { content_type: "application/json".to_owned(), bytes: sent.to_owned().into() };
    let query = vec![("search".to_owned(), "ana@example.test".to_owned())];
    let request =
        Request { body: Some(body), query, ..Request::new(http::Method::POST, "/people") };
    let answer = match answer {
        Ok(body) => Ok(Response {
            status: 409,
            reason: None,
            headers: http::HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        }),
        Err(message) => Err(ActionError::new(ErrorKind::Timeout, message)),
    };
    Capture::during(Some(capture), async {
        Heard::request(&request, &redactor).unwrap().answer(&answer, &redactor);
    })
    .await;
}

#[tokio::test]
async fn bodies_are_kept_without_secrets_and_cut() {
    let capture = Capture::of(Keep::Everything, &spec(false)).unwrap();
    let large = "x".repeat(LARGEST_BODY * 2);
    heard(&capture, r#"{"key":"k3y-canary","password":"p"}"#, Ok(&large)).await;
    let kept = capture.take(false).remove(0);
    assert_eq!(kept.path, "/people?search=ana@example.test");
    assert_eq!(kept.sent.as_deref(), Some(r#"{"key":"[secret]","password":"[secret]"}"#));
    let got = kept.got.unwrap();
    assert!(got.len() < LARGEST_BODY + 50 && got.ends_with("... (8192 bytes)"), "{}", got.len());
    assert_eq!(kept.status, Some(409));
    assert!(capture.take(true).is_empty(), "it is taken once");
}

#[tokio::test]
async fn of_a_personal_action_only_the_outline_is_kept() {
    let capture = Capture::of(Keep::Everything, &spec(true)).unwrap();
    heard(&capture, r#"{"name":"Ana"}"#, Ok("Ana")).await;
    let kept = capture.take(false).remove(0);
    assert_eq!(kept.path, "/people?search=...");
    assert_eq!(kept.sent.as_deref(), Some("(14 bytes, personal: not kept)"));
    assert_eq!(kept.got.as_deref(), Some("(3 bytes, personal: not kept)"));
}

#[tokio::test]
async fn with_failures_only_the_good_ones_are_forgotten() {
    assert!(Capture::of(Keep::Nothing, &spec(false)).is_none());
    let capture = Capture::of(Keep::Failures, &spec(false)).unwrap();
    heard(&capture, "1", Ok("fine")).await;
    assert!(capture.take(false).is_empty());
    heard(&capture, "2", Err("k3y-canary timed out")).await;
    let kept = capture.take(true);
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].error.as_deref(), Some("[secret] timed out"));
    // Nobody listens outside of a call.
    let request = Request::new(http::Method::GET, "/people");
    assert!(Heard::request(&request, &Redactor::new()).is_none());
}
