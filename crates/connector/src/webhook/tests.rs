//! Signatures as systems make them; the expected ones were computed by another implementation.

use super::*;

const BODY: &[u8] = br#"{"id":"evt-1","kind":"course.completed"}"#;
const SECRET: &[u8] = b"canary-secret";
const TIME: &str = "1769850000";

fn webhook(text: &str) -> Webhook {
    Webhook::read(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn mistakes(text: &str) -> Vec<String> {
    let found = Webhook::read(text).err().unwrap_or_default();
    found.into_iter().map(|mistake| mistake.message).collect()
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    all.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
}

fn check(
    webhook: &Webhook,
    all: &[(&'static str, &str)],
    body: &[u8],
    seconds: i64,
) -> Result<(), Refused> {
    let headers = headers(all);
    let now = Timestamp::from_second(1_769_850_000 + seconds).unwrap();
    webhook.check(&Incoming { headers: &headers, body, token: None }, &[b"older", SECRET], now)
}

const SUMTOTAL: &str = "{ auth: hmac, algorithm: sha1, header: X-SUMT-Signature, time: t, signature: v1, signs: \"{{ time }}.{{ body }}\" }";

#[test]
fn a_signature_of_time_and_body_is_checked_whole() {
    let webhook = webhook(SUMTOTAL);
    let right = "t=1769850000,v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b1";
    assert_eq!(check(&webhook, &[("x-sumt-signature", right)], BODY, 0), Ok(()));
    // Of several signatures, as while a secret is changed, one must fit.
    let two = format!("t={TIME}, v1=00ff, v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b1");
    assert_eq!(check(&webhook, &[("x-sumt-signature", &two)], BODY, 299), Ok(()));
    for (value, body, expected) in [
        (right, &b"{}"[..], Refused::Wrong),
        ("t=1769850001,v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b1", BODY, Refused::Wrong),
        ("t=1769850000,v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b", BODY, Refused::Wrong),
        ("t=1769850000,v1=zz", BODY, Refused::Wrong),
        ("t=1769850000", BODY, Refused::Wrong),
        (
            "v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b1",
            BODY,
            Refused::Missing("time in its signature".to_owned()),
        ),
    ] {
        assert_eq!(
            check(&webhook, &[("x-sumt-signature", value)], body, 0),
            Err(expected),
            "{value}"
        );
    }
    assert_eq!(
        check(&webhook, &[], BODY, 0),
        Err(Refused::Missing("header X-SUMT-Signature".to_owned()))
    );
    for seconds in [301, -301] {
        let late = Refused::Late { seconds: 301, most: 300 };
        assert_eq!(check(&webhook, &[("x-sumt-signature", right)], BODY, seconds), Err(late));
    }
}

#[test]
fn signatures_of_other_makers_are_checked_too() {
    let hub = webhook("{ auth: hmac, header: X-Hub-Signature-256, prefix: sha256= }");
    assert_eq!(
        check(
            &hub,
            &[(
                "x-hub-signature-256",
                "sha256=8dff227f18551ae53a5c3d0f8cc06d3fb68349857f80da75010e62f219d735f4"
            )],
            BODY,
            9999
        ),
        Ok(())
    );
    assert_eq!(
        check(
            &hub,
            &[(
                "x-hub-signature-256",
                "8dff227f18551ae53a5c3d0f8cc06d3fb68349857f80da75010e62f219d735f4"
            )],
            BODY,
            0
        ),
        Err(Refused::Wrong)
    );
    let standard = webhook(
        "{ auth: hmac, header: webhook-signature, encoding: base64, prefix: \"v1,\", id_header: webhook-id, time_header: webhook-timestamp, signs: \"{{ id }}.{{ time }}.{{ body }}\" }",
    );
    let mut all = [
        ("webhook-signature", "v1,lMgOkw9fjWvdZ9/NErAQQo0wd9B3FUBXTz+gmGJpK7I="),
        ("webhook-id", "msg-1"),
        ("webhook-timestamp", TIME),
    ];
    assert_eq!(check(&standard, &all, BODY, 10), Ok(()));
    all[1].1 = "msg-2";
    assert_eq!(check(&standard, &all, BODY, 10), Err(Refused::Wrong));
}

#[test]
fn a_token_in_the_address_or_in_a_header_must_be_the_whole_one() {
    let now = Timestamp::UNIX_EPOCH;
    let none = HeaderMap::new();
    let url = webhook("{ auth: url_token, dedupe: body.id, reply: 204 }");
    let with = |token| Incoming { headers: &none, body: BODY, token };
    assert_eq!(url.check(&with(Some("canary-secret")), &[SECRET], now), Ok(()));
    assert_eq!(url.check(&with(Some("canary-secre")), &[SECRET], now), Err(Refused::Wrong));
    assert_eq!(url.check(&with(Some("")), &[b""], now), Err(Refused::Wrong));
    assert_eq!(url.check(&with(Some("x")), &[], now), Err(Refused::NoSecret));
    assert!(url.check(&with(None), &[SECRET], now).is_err());
    assert_eq!(url.reply(), 204);
    let header = webhook("{ auth: header_token, header: X-Token }");
    assert_eq!(check(&header, &[("x-token", "canary-secret")], BODY, 0), Ok(()));
    assert_eq!(check(&header, &[("x-token", "older2")], BODY, 0), Err(Refused::Wrong));
    let open = webhook("{ auth: none }");
    assert_eq!(open.check(&with(None), &[], now), Ok(()));
}

#[test]
fn a_repeated_call_is_known_by_the_id_that_the_spoke_names() {
    let none = HeaderMap::new();
    let webhook = webhook("{ auth: url_token, dedupe: body.id }");
    let id = |body| webhook.id(&Incoming { headers: &none, body, token: None });
    assert_eq!(id(BODY).as_deref(), Some("evt-1"));
    assert_eq!(id(b"{}"), None);
    assert_eq!(id(b"no json"), None);
}

#[test]
fn a_refusal_never_tells_a_secret_or_the_body() {
    let webhook = webhook(SUMTOTAL);
    for value in ["t=1769850000,v1=00", "t=1,v1=fc14a74cfc3f1050fceeb011d2ac020cdd6624b1", ""] {
        let refused = check(&webhook, &[("x-sumt-signature", value)], BODY, 0).unwrap_err();
        let told = format!("{refused} {refused:?}");
        assert!(!told.contains("canary") && !told.contains("evt-1"), "{told}");
    }
}

#[test]
fn a_declaration_that_cannot_work_is_refused() {
    for (text, words) in [
        ("{ auth: hamc }", "`hamc` means nothing here"),
        ("{ auth: hmac }", "`header` is missing"),
        ("{ auth: hmac, header: X, signs: \"{{ time }}.{{ body }}\" }", "`time` or `time_header`"),
        ("{ auth: hmac, header: X, signs: \"{{ id }}.{{ body }}\" }", "`id_header`"),
        (
            "{ auth: hmac, header: X, time: t, signature: v1, signs: \"{{ tim }}\" }",
            "`tim` is no name here",
        ),
        ("{ auth: none, reply: 500 }", "from 200 to 299"),
    ] {
        let found = mistakes(text);
        assert!(found.iter().any(|message| message.contains(words)), "{text}: {found:?}");
    }
}

#[test]
fn what_was_signed_tells_a_call_from_others_where_nothing_else_does() {
    let webhook = webhook(SUMTOTAL);
    let id = |value: &str, body| {
        let headers = headers(&[("x-sumt-signature", value)]);
        webhook.id(&Incoming { headers: &headers, body, token: None })
    };
    let first = id("t=1769850000,v1=00", BODY).unwrap();
    assert_eq!(first.len(), 64);
    // The signature itself says nothing of what is told.
    assert_eq!(id("t=1769850000,v1=ff", BODY), Some(first.clone()));
    assert_ne!(id("t=1769850001,v1=00", BODY), Some(first.clone()));
    assert_ne!(id("t=1769850000,v1=00", b"{}"), Some(first));
}

#[test]
fn a_time_that_is_not_signed_is_a_mistake() {
    for time in ["time_header: x-time", "time: t, signature: v1"] {
        let text = format!("{{ auth: hmac, header: x-signature, {time} }}");
        let found = mistakes(&text);
        assert!(found.len() == 1 && found[0].contains("`signs` must use"), "{found:?}");
    }
}

#[test]
fn a_call_that_is_printed_for_debugging_shows_no_secret() {
    let headers = headers(&[("x-token", "canary-secret")]);
    let incoming = Incoming { headers: &headers, body: SECRET, token: Some("canary-secret") };
    assert_eq!(format!("{incoming:?}"), "Incoming { .. }");
}
