//! The layout: what becomes of each form, and that meaning, comments and stability hold for all.

use proptest::prelude::*;

use super::*;
use crate::value::json;

fn tidy(text: &str) -> String {
    let tidy = format_yaml("t.yaml", text).unwrap_or_else(|found| panic!("{text}\n{found:?}"));
    assert_eq!(format_yaml("t.yaml", &tidy).unwrap(), tidy, "not stable:\n{text}\n---\n{tidy}");
    tidy
}

fn check(text: &str, expected: &str) {
    assert_eq!(tidy(text), expected, "of:\n{text}");
}

#[test]
fn indentation_dashes_and_blank_lines_have_one_form() {
    check(
        "\n\na:   1\n\n\n\nsteps:\n\n- id: x\n  with:\n      b:   2\n\n\n-   id: y\n- - c\n  - d\n\n\n",
        "a: 1\n\nsteps:\n  - id: x\n    with:\n      b: 2\n\n  - id: y\n  - - c\n    - d\n",
    );
    check("a: 1\r\nb:\r\n- x\r\n", "a: 1\nb:\n  - x\n");
    check("\u{feff}---\na: 1\n...\n", "a: 1\n");
    check("a: 1", "a: 1\n");
    check("", "");
    check("? a\n: b\n? c\n", "a: b\nc:\n");
    check("-\n  a: 1\n-\n- \n  - x\n", "- a: 1\n-\n- - x\n");
}

#[test]
fn comments_stay_with_what_they_are_about() {
    check(
        "# head\n\n# flow\nflow: x   # name\nsteps:    # all\n# first\n- id: a # here\n  # more\n  call: b\n  # end of a\n# second\n- id: c\n# last\nouts: 1\n#bye\n",
        "# head\n\n# flow\nflow: x # name\nsteps: # all\n  # first\n  - id: a # here\n    # more\n    call: b\n    # end of a\n  # second\n  - id: c\n# last\nouts: 1\n#bye\n",
    );
    check(
        "connections:\n  # sn: servicenow\n\n  # lms: litmos\nsteps:\n  - a\n  # - b\n",
        "connections:\n  # sn: servicenow\n\n  # lms: litmos\nsteps:\n  - a\n  # - b\n",
    );
    check("- # what\n  id: x\n-   # why\n  y\n", "# what\n- id: x\n# why\n- y\n");
    check("a:\n  # one\n  1 # two\n", "# one\na: 1 # two\n");
    check("a: # zero\n  # one\n  1 # two\n", "# zero\n# one\na: 1 # two\n");
    check("# only\n\n\n# comments\n", "# only\n\n# comments\n");
    check("--- # start\na: 1 # x\n... # end\n", "# start\na: 1 # x\n# end\n");
    check("a: # c\nb:   # d\n  c: 1\n", "a: # c\nb: # d\n  c: 1\n");
    check("a: '#no' # yes\nb: x#y\n", "a: \"#no\" # yes\nb: x#y\n");
}

#[test]
fn brackets_are_kept_where_they_fit_and_hold_no_comment() {
    check("a: {b: 1,c: [x,y ,  z],d: {}, e: []}\n", "a: { b: 1, c: [x, y, z], d: {}, e: [] }\n");
    check("a: [\n  x,\n\n  y\n]\n", "a: [x, y]\n");
    check("a: {b: , c}\n", "a: { b: null, c: null }\n");
    check("a: [b: 1, {c: 2}]\n", "a: [{ b: 1 }, { c: 2 }]\n");
    check(
        "a: { b: 1, # one\n  # two\n  c: [x] } # three\n",
        "a:\n  b: 1 # one\n  # two\n  c: [x]\n  # three\n",
    );
    check("a: [ # list\n  x ]\n", "# list\na: [x]\n");
    check("a: [ # none\n  ]\n", "# none\na: []\n");
    check("a: # zero\n  # one\n  [ # two\n  x, ]\n", "# zero\n# one\n# two\na: [x]\n");
    let long = "x".repeat(60);
    check(
        &format!("a: {{ b: {long}, c: {{ d: {long} }} }} # why\n"),
        &format!("a: # why\n  b: {long}\n  c: {{ d: {long} }}\n"),
    );
    check(&format!("- [{long}, {long}] # why\n"), &format!("# why\n- - {long}\n  - {long}\n"));
}

#[test]
fn quotes_stand_where_they_are_needed_and_nowhere_else() {
    for (written, tidy) in [
        ("'visible'", "visible"),
        ("\"size(look.records) > 0\"", "size(look.records) > 0"),
        ("\"a ? b : c\"", "\"a ? b : c\""),
        ("'{{ x }}'", "\"{{ x }}\""),
        ("Hello {{ x }}", "\"Hello {{ x }}\""),
        ("'{{ join x \", \" }}'", "'{{ join x \", \" }}'"),
        ("\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""),
        ("'!a.b'", "\"!a.b\""),
        ("'true'", "\"true\""),
        ("'1'", "\"1\""),
        ("\"0 7 * * *\"", "\"0 7 * * *\""),
        ("\"2026-01-31\"", "\"2026-01-31\""),
        ("2026-01-31", "2026-01-31"),
        ("no", "\"no\""),
        ("'On'", "\"On\""),
        ("~", "~"),
        ("''", "\"\""),
        ("' x'", "\" x\""),
        ("'it''s'", "it's"),
        ("-opened_at", "-opened_at"),
        ("'='", "\"=\""),
        ("https://a.test/b", "https://a.test/b"),
        ("\"https://a.test/b\"", "\"https://a.test/b\""),
        ("0x1F", "0x1F"),
        ("1.50", "1.50"),
        ("\"a\\tb\"", "\"a\\tb\""),
        ("\"\u{a0}\"", "\"\\xa0\""),
        ("Zoë & Ümit", "Zoë & Ümit"),
    ] {
        check(&format!("a: {written}\n"), &format!("a: {tidy}\n"));
    }
    check("{ 'a, b': 'c, d', 'on': x, '7': y }\n", "{ \"a, b\": \"c, d\", \"on\": x, \"7\": y }\n");
    check("retry:\n  on: [timeout]\n", "retry:\n  on: [timeout]\n");
}

#[test]
fn texts_over_several_lines_keep_their_lines() {
    check(
        "a: |   # why\n      one\n        two\n\n      three\n\n\nb: >-\n   x\n   y\n# c\n",
        "a: | # why\n  one\n    two\n\n  three\n\nb: >-\n  x\n  y\n# c\n",
    );
    check("a: |+\n  x\n\n\n# z\n\nb: 1\n", "a: |+\n  x\n\n\n# z\n\nb: 1\n");
    check("a: |+\n  x\n\nb: 1\n", "a: |+\n  x\n\nb: 1\n");
    check("a: |2\n    x\n  y\n", "a: |2\n    x\n  y\n");
    check("a: |4\n      x\n    y\n", "a: |2\n    x\n  y\n");
    check("- |\n x\n- >\n y\n", "- |\n  x\n- >\n  y\n");
    check("a: |\n  x", "a: |-\n  x\n");
    check("a: |\nb: 1\n", "a: \"\"\nb: 1\n");
    check("a: one\n  two\n", "a: one two\n");
    check("a: \"one\n\n  two\"\n", "a: |-\n  one\n  two\n");
    let long = "x ".repeat(50);
    let long = long.trim();
    check(&format!("a: {long}\n  {long}\n"), &format!("a: >-\n  {long}\n  {long}\n"));
    check(&format!("a: '{long}\n  it''s' # why\n"), &format!("a: >- # why\n  {long}\n  it's\n"));
    check(&format!("a: [ '{long}\n  b' ]\n"), &format!("a:\n  - >-\n    {long}\n    b\n"));
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    let found = format_yaml("t.yaml", "a: {{ x }}\na: 1\n").unwrap_err();
    assert!(found.iter().any(|mistake| mistake.code == codes::UNQUOTED_BRACES));
}

#[test]
fn a_value_is_written_so_that_it_is_read_again() {
    let value = json!({ "flow": "x", "note": "one\ntwo\n", "on": "no", "empty": "", "list": [],
        "steps": [{ "id": "a", "with": { "n": 1, "f": 1.0, "t": "1" } }, ["x", null, true]] });
    let text = write_yaml(&value);
    assert_eq!(
        text,
        "flow: x\nnote: |\n  one\n  two\n\"on\": \"no\"\nempty: \"\"\nlist: []\nsteps:\n  - id: a\n    with: { n: 1, f: 1.0, t: \"1\" }\n  - [x, null, true]\n"
    );
    assert_eq!(format_yaml("t.yaml", &text).unwrap(), text);
}

/// A text for a scalar: plain words and everything that YAML trips over.
fn scalars() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}( [a-z]{1,8}){0,3}",
        "[ \\-:{}\\[\\]'\"#!&*|>%@,?=~a-c0-9.\\\\äé\n\t]{0,12}",
        "(yes|no|on|off|null|true|1e3|0x1f|0o7|1_000|12:30|2026-01-31|<<|---|[.]{3}|-|[?])",
        "[a-z ]{90,120}",
        "\\{\\{ [a-z]{1,3} \\}\\}[ a-z]{0,3}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => scalars().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1e9..1e9f64).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((scalars(), inner), 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_and_read_again(value in values()) {
        let text = write_yaml(&value);
        let read = Document::parse("t.yaml", &text);
        prop_assert!(read.is_ok(), "{}\n{:?}", text, read.err());
        let read = read.unwrap();
        prop_assert_eq!(read.root().value().to_string(), value.to_string(), "{}", text);
        prop_assert_eq!(format_yaml("t.yaml", &text).unwrap(), text);
    }

    #[test]
    fn any_text_that_can_be_read_is_laid_out_once_and_for_all(
        text in "([ ]{0,6}(- )?([ab]:|- |[?] |: )?[ ]{0,2}([abc1]|'x'|\"y\"|\\[|\\]|\\{|\\}|,|\\||>-|no|)[ ,]{0,2}( #[d-f])?\n){1,9}"
    ) {
        if let Err(found) = Document::parse("t.yaml", &text) {
            prop_assert!(!found.is_empty());
        } else {
            // The guard inside tells a changed value and a lost comment as an error.
            let tidy = format_yaml("t.yaml", &text);
            prop_assert!(tidy.is_ok(), "{}", text);
            let tidy = tidy.unwrap();
            prop_assert_eq!(&format_yaml("t.yaml", &tidy).unwrap(), &tidy, "of:\n{}", text);
        }
    }
}
