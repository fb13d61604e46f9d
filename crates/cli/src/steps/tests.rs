//! What the lines about a run say.

use linchpin_language::{Value, json};

use super::*;

#[test]
fn lengths_of_time_are_short() {
    let cases = [
        (7, "7 ms"),
        (1_260, "1.2 s"),
        (61_000, "61 s"),
        (125_000, "2 min 5 s"),
        (7_260_000, "2 h 1 min"),
    ];
    for (millis, expected) in cases {
        assert_eq!(print_millis(millis), expected);
    }
}

#[test]
fn outputs_fit_on_a_line() {
    assert_eq!(brief(&json!(["a", "b"])), "a, b");
    assert_eq!(brief(&json!([])), "none");
    assert_eq!(brief(&json!({ "n": 1 })), "{\"n\":1}");
    assert_eq!(brief(&Value::Array(vec![json!({ "id": 1 }); 100])), "100 items");
}

fn entry(second: i64, event: Event) -> Entry {
    Entry { at: Timestamp::from_second(second).unwrap(), event }
}

#[test]
fn a_question_waits_until_it_is_answered() {
    let mut steps = Steps::default();
    let path: StepPath = "choice".parse().unwrap();
    let decision = Decision::Asked {
        of: "starter".to_owned(),
        message: Some("Which?".to_owned()),
        choices: BTreeMap::new(),
        approval: None,
    };
    let asked = steps.add(&entry(10, Event::Decided { path: path.clone(), decision }));
    let [asked] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((asked.mark, asked.detail.as_str()), (Mark::Waits, "asks starter: Which?"));
    assert_eq!(steps.asks.len(), 1);
    let event = Event::Answered { path, values: json!({}), by: "kim".to_owned() };
    let answered = steps.add(&entry(14, event));
    assert!(steps.is_outdated(asked));
    let [answered] = answered.as_slice() else { panic!("{answered:?}") };
    assert_eq!((answered.mark, answered.took), (Mark::Done, Some(4000)));
    assert!(steps.asks.is_empty());
}

#[test]
fn a_stream_ends_with_how_many_rows_it_read() {
    let mut steps = Steps::default();
    let path: StepPath = "people".parse().unwrap();
    let decision = Decision::Stream { input: Value::Null.into() };
    let opened = steps.add(&entry(10, Event::Decided { path: path.clone(), decision }));
    assert_eq!(opened[0].mark, Mark::Opened);
    for (at, cursor) in [(11, Some(json!(2))), (12, None)] {
        let rows = vec![json!(1).into(), json!(2).into()];
        let page = Event::Page { path: path.clone(), rows, keys: Vec::new(), cursor };
        assert_eq!(steps.add(&entry(at, page)), []);
    }
    let outcome = Outcome::Succeeded { outputs: json!({}).into() };
    let ended = steps.add(&entry(13, Event::Ended { outcome }));
    let [ended] = ended.as_slice() else { panic!("{ended:?}") };
    assert_eq!((ended.mark, ended.detail.as_str()), (Mark::Done, "4 read"));
    assert_eq!(ended.took, Some(2000));
}

#[test]
fn a_wait_without_an_id_is_told_by_its_kind() {
    let mut steps = Steps::default();
    let decision = Decision::Until(Timestamp::from_second(60).unwrap());
    let path: StepPath = "#3".parse().unwrap();
    let waits = steps.add(&entry(10, Event::Decided { path: path.clone(), decision }));
    assert_eq!(waits[0].kind, Some("wait"));
    let woke = steps.add(&entry(60, Event::Woke { path }));
    assert_eq!(woke[0].kind, Some("wait"));
}

#[test]
fn the_counts_tell_the_calls_that_failed() {
    let mut steps = Steps::default();
    let failed = json!({
        "path": "people", "op": 1, "input": {}, "next": null,
        "error": {
            "kind": "unavailable", "message": "down", "step": "people", "attempt": 1,
            "write": "none",
        },
    });
    steps.add(&entry(10, Event::Failed(serde_json::from_value(failed).unwrap())));
    assert_eq!(steps.counts(), "1 call, 1 failed, nothing changed");
}

/// The entries of a write that was sent and to which nobody had an answer.
fn sent() -> Steps {
    let mut steps = Steps::default();
    let intended = json!({
        "path": "mail", "op": 1, "attempt": 1, "chunk": 0, "input": {}, "request": "POST /mail",
        "look": { "found": {}, "changes": ["mail"], "chunks": 1, "effect": "send" },
    });
    steps.add(&entry(10, Event::Intended(serde_json::from_value(intended).unwrap())));
    steps.add(&entry(11, held(false)));
    steps
}

fn held(blocked: bool) -> Event {
    let (path, reason) = ("mail".parse().unwrap(), "nobody knows".to_owned());
    Event::Held { path, reason, limit: None, blocked }
}

fn ruled(ruling: Ruling) -> Event {
    Event::Resolved { path: "mail".parse().unwrap(), ruling, by: "ana".to_owned() }
}

#[test]
fn a_write_in_doubt_stays_in_doubt_however_its_run_ends() {
    let maybe = "0 calls, 1 more change may have been made";
    let mut steps = sent();
    assert_eq!(steps.counts(), maybe);
    steps.add(&entry(12, Event::Ended { outcome: Outcome::Cancelled }));
    assert_eq!(steps.counts(), maybe);
    let mut steps = sent();
    steps.add(&entry(12, ruled(Ruling::Fail)));
    assert_eq!(steps.counts(), maybe);
    let mut steps = sent();
    steps.add(&entry(12, ruled(Ruling::GoOn)));
    steps.add(&entry(13, held(true)));
    assert_eq!(steps.counts(), "0 calls, nothing changed");
}

#[test]
fn a_step_that_waits_for_its_connection_may_still_have_sent_its_write() {
    let mut steps = sent();
    steps.add(&entry(12, held(true)));
    steps.add(&entry(13, ruled(Ruling::GoOn)));
    steps.add(&entry(14, held(false)));
    assert_eq!(steps.counts(), "0 calls, 1 more change may have been made");
}

#[test]
fn what_a_cancel_begins_has_not_waited_before() {
    let mut steps = Steps::default();
    let waits = |path: &str| Event::Decided {
        path: path.parse().unwrap(),
        decision: Decision::Until(Timestamp::from_second(5000).unwrap()),
    };
    let woke = |path: &str| Event::Woke { path: path.parse().unwrap() };
    steps.add(&entry(10, waits("nap")));
    let by = "kim".to_owned();
    steps.add(&entry(3000, Event::Controlled { control: Control::Cancel, by }));
    let first: &str = "/on_cancel.told";
    steps.add(&entry(3001, waits(first)));
    let told = steps.add(&entry(3002, woke(first)));
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(told.took, Some(2000));
}
