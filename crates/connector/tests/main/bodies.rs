//! The forms of a request's body that the other tests do not have: texts, and forms with files.

use linchpin_connector::testing::run_examples;

use crate::acme::{load, printed};

const UPLOAD: &str = r#"
action: plans.upload
title: Upload a plan
effect: create
idempotent: true
inputs:
  name: { type: string, required: true }
  rows: { type: string, required: true }
  note: { type: string }
write:
  post: /plans
  multipart:
    note: "{{ inputs.note }}"
    kind: [plan, csv]
    file: { file: "{{ inputs.name }}", type: text/csv, text: "{{ inputs.rows }}" }
outputs:
  id: { type: string, value: answer.Id }
examples:
  - inputs: { name: "a \"1\".csv", rows: "a,b" }
    replies:
      - { post: /plans, sent: { kind: [plan, csv], file: { file: "a \"1\".csv", type: text/csv, text: "a,b" } }, body: { Id: p1 } }
    expect: { id: p1 }
"#;

const SAY: &str = r#"
action: notes.say
title: Say a note
effect: update
idempotent: true
inputs:
  note: { type: string }
write: { put: /note, text: { content: "{{ inputs.note }}", type: text/markdown } }
outputs:
  said: { type: string, value: inputs.note }
examples:
  - inputs: { note: "**Hello**" }
    replies: [{ put: /note, sent: "**Hello**", status: 204 }]
    expect: { said: "**Hello**" }
"#;

#[tokio::test]
async fn a_form_with_files_and_a_text_are_bodies() {
    let spoke = load(&[UPLOAD, SAY]).unwrap();
    assert_eq!(printed(&run_examples(&spoke).await), "");
}

#[tokio::test]
async fn a_part_that_differs_from_the_example_is_reported() {
    let wrong =
        UPLOAD.replace("type: text/csv, text: \"a,b\" } }, body", "text: \"a,b\" } }, body");
    let spoke = load(&[&wrong]).unwrap();
    let failures = run_examples(&spoke).await;
    assert!(failures[0].message.contains("\"type\":\"text/csv\""), "{failures:?}");
}

#[test]
fn a_request_has_one_body() {
    let both = SAY.replace("write: { put: /note,", "write: { put: /note, json: { a: 1 },");
    let mistakes = load(&[&both]).map(|_| ()).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{}", printed(&mistakes));
    assert!(mistakes[0].message.contains("`json` or `text`, not both"), "{}", printed(&mistakes));
}
