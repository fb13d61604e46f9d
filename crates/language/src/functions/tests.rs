//! The examples of every function, and every function with arguments that nobody would give it.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::value::json;
use crate::{Map, Text, unknown};

#[test]
fn every_function_has_an_example_and_every_example_is_true_in_expressions_and_texts() {
    let mut wrong = Vec::new();
    for function in functions() {
        for (text, expected) in function.examples {
            let expected: Value = serde_json::from_str(expected).unwrap();
            let found = Expression::parse(text).map(|read| read.eval(&Map::new()));
            if found != Ok(Ok(expected.clone())) {
                wrong.push(format!("{text} gives {found:?}"));
            }
            let Some(pill) = function.in_text(text) else { continue };
            let found = Text::parse(&pill).map(|read| read.render(&Map::new()));
            if found != Ok(Ok(expected)) {
                wrong.push(format!("{pill} gives {found:?}"));
            }
        }
        if !function.examples.iter().any(|(text, _)| function.in_text(text).is_some()) {
            wrong.push(format!("{} has no example that a text can write", function.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_are_unique_and_parameters_are_in_an_order_that_can_be_called() {
    let mut names = std::collections::BTreeSet::new();
    for function in functions() {
        assert!(names.insert(function.name), "{} is there twice", function.name);
        let required: Vec<bool> = function.params.iter().map(|p| p.required).collect();
        assert!(required.is_sorted_by_key(|required| !required), "{}", function.name);
    }
}

#[test]
fn an_unknown_argument_makes_an_unknown_result_with_an_identity() {
    let id = unknown("a", "string", "id of learner");
    let mut scope = Map::new();
    scope.insert("id".into(), id);
    let text = Text::parse("{{ lower id }}").unwrap().render(&scope).unwrap();
    let expression = Expression::parse("lower(id)").unwrap().eval(&scope).unwrap();
    assert_eq!(text, expression);
    assert_eq!(crate::as_unknown(&text).unwrap().label, "id of learner");
    scope.insert("rows".into(), json!([{ "id": scope["id"] }, 2]));
    assert_eq!(Expression::parse("size(rows)").unwrap().eval(&scope), Ok(json!(2)));
    let other = Expression::parse("upper(id)").unwrap().eval(&scope).unwrap();
    assert_ne!(other, text);
}

#[test]
fn a_function_says_how_it_is_called() {
    let split = function("split").unwrap();
    assert_eq!(split.signature(), "split(text, by)");
    assert!(split.wrong_count(1).unwrap().contains("takes 2 arguments, not 1"));
    assert_eq!(function("round").unwrap().wrong_count(1), None);
}

/// Texts at the edges of what the functions read.
const EDGES: [&str; 46] = [
    "",
    " ",
    "a",
    "ä",
    "ﬃ",
    "İ",
    "\u{301}",
    "👩‍👩‍👧",
    "\u{0}",
    "\n",
    "%",
    "%Y",
    "%-999Y",
    "%9999d",
    "%%%",
    "%Q",
    "%s",
    "%::::z",
    "'",
    "\\",
    "$0$1${x}",
    "${",
    "(?P<a>.*)+",
    "(a*)*",
    "[",
    ".*",
    "a{1000}",
    "day",
    "months",
    "desc",
    "seconds",
    "Europe/London",
    "Pacific/Apia",
    "../etc/passwd",
    "9999-12-31",
    "-9999-01-01",
    "9999-12-31T23:59:59Z",
    "-9999-01-02T00:00:00Z",
    "2026-03-29T01:30:00",
    "9999999999999999999w",
    "-1 years",
    "1e400",
    "&#x110000;",
    "<a><b/></a>",
    "a.0.b",
    "==",
];

fn edge() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|value| json!(value)),
        any::<i64>().prop_map(|value| json!(value)),
        prop::sample::select(vec![0, 1, -1, 2, 15, 100_000, i64::MAX, i64::MIN])
            .prop_map(|value| json!(value)),
        prop::sample::select(vec![u64::MAX]).prop_map(|value| json!(value)),
        prop::sample::select(vec![
            0.0,
            -0.0,
            0.1,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            1e19,
            -1e300
        ])
        .prop_map(|value| json!(value)),
        prop::sample::select(EDGES.to_vec()).prop_map(|value| json!(value)),
        ".{0,12}".prop_map(|value| json!(value)),
        Just(json!("ab".repeat(40_000))),
    ]
}

fn argument() -> impl Strategy<Value = Value> {
    edge().prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec(("(a|b|key|value|a\\.b)", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What a function takes at a place, as often as not.
fn fitting(ty: &str) -> BoxedStrategy<Value> {
    let list = || prop::collection::vec(argument(), 0..8).prop_map(Value::Array);
    let fits = match ty {
        "list" => list().boxed(),
        "object" => prop::collection::vec(("[a-c]", argument()), 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
            .boxed(),
        "string" | "datetime" => {
            prop::sample::select(EDGES.to_vec()).prop_map(|text| json!(text)).boxed()
        }
        "integer" => any::<i64>().prop_map(|number| json!(number)).boxed(),
        _ => argument().boxed(),
    };
    prop_oneof![fits, argument()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_argument_makes_a_function_panic_or_give_more_than_it_may(
        (function, args) in prop::sample::select(functions().to_vec()).prop_flat_map(|function| {
            let args: Vec<_> = function.params.iter().map(|param| fitting(param.ty)).collect();
            (Just(function), args)
        }),
        given in 0_usize..6,
    ) {
        let needed = function.params.iter().filter(|param| param.required).count();
        let values: Vec<Cow<'_, Value>> =
            args.into_iter().take(given.max(needed)).map(Cow::Owned).collect();
        match function.invoke(&Args::new(&values)) {
            Ok(value) => {
                prop_assert!(bytes(&value) <= MAX_TEXT.max(MAX_ARGUMENTS) + 1024);
                prop_assert!(serde_json::from_str::<Value>(&value.to_string()).is_ok());
            }
            Err(message) => {
                prop_assert!(!message.is_empty() && message.chars().count() <= MAX_MESSAGE + 1, "{}", message);
                prop_assert!(!message.ends_with('.'), "{}", message);
            }
        }
    }
}
