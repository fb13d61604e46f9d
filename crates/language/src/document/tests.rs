//! Documents: values, places, what a file must not hold, and how it is explained.

use super::*;
use crate::value::json;

fn codes_of(text: &str) -> Vec<(&'static str, usize, usize)> {
    let diagnostics = Document::parse("t.yaml", text).err().unwrap_or_default();
    diagnostics
        .iter()
        .map(|d| {
            let (line, column) = d.position();
            (d.code.0, line, column)
        })
        .collect()
}

fn help_of(text: &str) -> String {
    let diagnostics = Document::parse("t.yaml", text).err().unwrap();
    diagnostics[0].help.clone().unwrap_or_default()
}

#[test]
fn values_keep_their_written_order_and_their_kinds() {
    let document = Document::parse("t", "b: 1\na: [x, 1.5, true, null, no, 007]\n").unwrap();
    assert_eq!(
        document.root().value(),
        &json!({ "b": 1, "a": ["x", 1.5, true, null, "no", "007"] })
    );
    let keys: Vec<&str> = document.root().entries().iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["b", "a"]);
}

#[test]
fn every_value_knows_where_it_stands() {
    let text = "ä: 'x'\nsteps:\n  - id: \"lörn\"\n    with: { a: [1, 22] }\n";
    let document = Document::parse("t", text).unwrap();
    let step = document.root().get("steps").unwrap().items().remove(0);
    let of = |span: Span| &text[span.start..span.end];
    assert_eq!(of(step.get("id").unwrap().span()), "\"lörn\"");
    assert_eq!(of(step.get("id").unwrap().key_span()), "id");
    assert_eq!(of(step.get("with").unwrap().span()), "{ a: [1, 22] }");
    let item = step.get("with").unwrap().get("a").unwrap().items().remove(1);
    assert_eq!((of(item.span()), item.pointer()), ("22", "/steps/0/with/a/1"));
    assert!(of(document.root().get("steps").unwrap().span()).ends_with("[1, 22] }"));
}

#[test]
fn a_part_of_a_text_is_found_in_every_style() {
    let text =
        "a: see {{ x }}\nb: \"q\\\"{{ x }} {{ x }}\"\nc: |\n  one\n  {{ x }}\nd: 'it''s {{ x }}'\n";
    let document = Document::parse("t", text).unwrap();
    for (key, line, column) in [("a", 1, 8), ("b", 2, 8), ("c", 5, 3), ("d", 6, 11)] {
        let node = document.root().get(key).unwrap();
        let at = node.as_str().unwrap().find("{{").unwrap();
        let span = node.span_within(at..at + 7);
        assert_eq!(&text[span.start..span.end], "{{ x }}", "{key}");
        assert_eq!(document.source().position(span.start), (line, column), "{key}");
    }
    let second = document.root().get("b").unwrap();
    let at = second.as_str().unwrap().rfind("{{").unwrap();
    assert_eq!(document.source().position(second.span_within(at..at + 7).start), (2, 16));
}

#[test]
fn what_a_file_must_not_hold_is_refused_with_its_place() {
    for (text, code, line, column) in [
        ("a: 1\na: 2\n", "duplicate-key", 2, 1),
        ("a: &x 1\nb: 2\n", "yaml-alias", 1, 4),
        ("a: !!str 1\n", "yaml-tag", 1, 4),
        ("a: 1\n---\nb: 2\n", "second-document", 2, 1),
        ("1: a\n", "yaml-key", 1, 1),
        ("true: a\n", "yaml-key", 1, 1),
        ("? [a, b]\n: c\n", "yaml-key", 1, 3),
        ("a:\n  <<: { b: 1 }\n", "yaml-alias", 2, 3),
        ("a: .nan\n", "yaml-number", 1, 4),
        ("a: 99999999999999999999999\n", "yaml-number", 1, 4),
        ("a: \"b\u{202e}c\"\n", "forbidden-character", 1, 6),
        ("a: [1\nb: 2\n", "yaml-syntax", 2, 1),
    ] {
        let found = codes_of(text);
        assert_eq!(found.first().map(|d| d.0), Some(code), "{text:?}: {found:?}");
        if code != "yaml-number" && code != "yaml-syntax" {
            assert_eq!(found[0], (code, line, column), "{text:?}");
        }
    }
    assert_eq!(codes_of(&"[".repeat(100))[0].0, "too-deep");
    assert_eq!(codes_of(&format!("a: {}", "x".repeat(MAX_BYTES)))[0].0, "file-too-large");
    let alias = codes_of("a: &x [1]\nb: *x\n");
    assert_eq!(alias.len(), 2);
}

#[test]
fn all_mistakes_of_form_are_reported_at_once() {
    let found = codes_of("a: 1\na: 2\nb: {{ x }}\nc: { d: {{ y }} }\n3: d\n");
    let mut codes: Vec<&str> = found.iter().map(|d| d.0).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["duplicate-key", "unquoted-braces", "unquoted-braces", "yaml-key"]);
}

#[test]
fn unquoted_braces_are_explained_with_the_corrected_line() {
    for (text, help) in [
        ("a:\n  email: {{ hire.email }}\n", "write: email: \"{{ hire.email }}\""),
        (
            "with: { codes: {{ inputs.c }}, b: 1 }\n",
            "write: with: { codes: \"{{ inputs.c }}\", b: 1 }",
        ),
        ("a: {{ x \"y\" }} # note\n", "write: a: '{{ x \"y\" }}' # note"),
        ("a: {{ x }} and more\n", "write: a: \"{{ x }} and more\""),
    ] {
        assert_eq!(codes_of(text)[0].0, "unquoted-braces", "{text}");
        assert_eq!(help_of(text), help, "{text}");
    }
}

#[test]
fn expression_traps_are_explained_with_the_quoted_line() {
    for (text, line) in [
        ("if: !learner.active\n", "if: \"!learner.active\""),
        ("if: 'a' == b\n", "if: \"'a' == b\""),
        ("if: [1] == b\n", "if: \"[1] == b\""),
        ("if: a ? b : c\n", "if: \"a ? b : c\""),
    ] {
        let help = help_of(text);
        assert!(help.ends_with(line), "{text}: {help}");
    }
}

#[test]
fn an_empty_file_is_null() {
    assert_eq!(Document::parse("t", "# nothing\n").unwrap().root().value(), &json!(null));
    assert_eq!(Document::parse("t", "\u{feff}a: 1\n").unwrap().root().value(), &json!({ "a": 1 }));
}

proptest::proptest! {
    #[test]
    fn parse_never_panics(text in "[ \\-:{}\\[\\]'\"#!&*|>%@,?\na-c0-9äé\u{202e}\\\\]{0,200}") {
        // Whatever comes out is fine; coming back is the point.
        let result = Document::parse("t.yaml", &text);
        if let Err(diagnostics) = result {
            proptest::prop_assert!(!diagnostics.is_empty());
            let rendered = crate::render(&diagnostics, crate::Format::Human { color: false });
            proptest::prop_assert!(!rendered.is_empty());
        }
    }
}
