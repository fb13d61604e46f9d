//! Where a cursor stands, in files that are half written.

use super::*;

/// The way to the mark `|` as `steps.2.with`, and what is written of the word before it.
fn check(marked: &str, path: &str, expected: &str) {
    let cursor = marked.find('¦').unwrap();
    let text = marked.replacen('¦', "", 1);
    let place = Place::of(&text, cursor);
    let mut way = place.pointers().pop().unwrap_or_default().replace('/', ".");
    if way.starts_with('.') {
        way.remove(0);
    }
    let found = match place.position {
        Position::Key(span) => format!("key {}", &text[span.start..span.end]),
        Position::Value { written, quoted } => {
            let kind = if quoted { "quoted" } else { "value" };
            format!("{kind} {}", &text[written.start..written.end])
        }
        Position::Nowhere => "nowhere".to_owned(),
    };
    assert_eq!((way.as_str(), found.trim_end()), (path, expected), "{marked}");
}

#[test]
fn a_cursor_is_found_in_half_a_file() {
    check("¦", "", "key");
    check("flow: a\nst¦", "", "key st");
    check("flow: a¦", "flow", "value a");
    check("steps:\n  - ¦", "steps.0", "key");
    check("steps:\n  - ca¦", "steps.0", "key ca");
    check("steps:\n  - id: a\n    ca¦\n", "steps.0", "key ca");
    check("steps:\n- id: a\n- id: b\n  call: lms.¦\n", "steps.1.call", "value lms.");
    check("steps:\n  - id: a\n    with:\n      ¦\n", "steps.0.with", "key");
    check("steps:\n  - id: a\n    with:\n      b: 1\n    ¦\n", "steps.0", "key");
    check("steps:\n  - id: a\n    with: { b: \"{{ c.¦\n", "steps.0.with.b", "quoted {{ c.");
    check("steps:\n  - with: { b: 1, ¦ }\n", "steps.0.with", "key");
    check("steps:\n  - with: { b: 1, c: [x, y¦] }\n", "steps.0.with.c.1", "value y");
    check("steps:\n  - with: { b: ¦ }\n", "steps.0.with.b", "value");
    check("steps:\n  - with: { b: [\n  - id: c¦", "steps.1.id", "value c");
    check(
        "steps:\n  - log: |\n      one\n      {{ two¦\n",
        "steps.0.log",
        "quoted       one\n      {{ two",
    );
    check("a: b # c¦", "a", "nowhere");
    check("# a: ¦", "", "nowhere");
    check("steps:\n  - id: a\n\n  - then:\n      - id: b\n¦", "", "key");
    check("a:\n  b: 'it''s'\n  c: ¦", "a.c", "value");
}

#[test]
fn the_keys_on_both_sides_of_a_cursor_are_seen() {
    let text = "steps:\n  - id: a\n    with: { x: 1,  }\n    call: lms.b\nend: c\n";
    let place = Place::of(text, text.find(",  }").unwrap() + 2);
    let Frame::Map { keys, .. } = &place.frames[2] else { panic!("{place:?}") };
    let names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "with", "call"]);
    assert_eq!(place.frames[2].text("call"), Some("lms.b"));
    assert!(place.inner().unwrap().has("x"));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_broken(text in "[ \\-:{}\\[\\]'\"#|,\\\\\na-cé]{0,120}", at in 0_usize..121) {
        let mut cursor = at.min(text.len());
        while !text.is_char_boundary(cursor) {
            cursor -= 1;
        }
        let place = Place::of(&text, cursor);
        if let Position::Key(span) | Position::Value { written: span, .. } = place.position {
            proptest::prop_assert!(text.get(span.start..span.end).is_some());
            proptest::prop_assert!(span.end <= cursor);
        }
    }
}
