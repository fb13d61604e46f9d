//! Conditions as functions, for `{{#if (gt hires.count 0)}}`; expressions have operators for them.

use super::{Args, Function, may, need, rest};
use crate::cel::compare;
use crate::unknown::equal;
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "eq",
        category: "conditions",
        about: "Whether two values are equal.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("eq(1, 1.0)", "true"), ("eq('a', 1)", "false")],
        call: |args| Ok(json!(equal(args.value(0), args.value(1)) == Some(true))),
        shallow: false,
    },
    Function {
        name: "ne",
        category: "conditions",
        about: "Whether two values differ.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("ne(1, 2)", "true")],
        call: |args| Ok(json!(equal(args.value(0), args.value(1)) == Some(false))),
        shallow: false,
    },
    Function {
        name: "lt",
        category: "conditions",
        about: "Whether the left value is smaller.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("lt(1, 2)", "true")],
        call: |args| Ok(json!(compare(args.value(0), args.value(1))?.is_lt())),
        shallow: false,
    },
    Function {
        name: "lte",
        category: "conditions",
        about: "Whether the left value is smaller or equal.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("lte(2, 2)", "true")],
        call: |args| Ok(json!(compare(args.value(0), args.value(1))?.is_le())),
        shallow: false,
    },
    Function {
        name: "gt",
        category: "conditions",
        about: "Whether the left value is larger.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("gt(1, 2)", "false")],
        call: |args| Ok(json!(compare(args.value(0), args.value(1))?.is_gt())),
        shallow: false,
    },
    Function {
        name: "gte",
        category: "conditions",
        about: "Whether the left value is larger or equal.",
        params: &[need("left", "any"), need("right", "any")],
        returns: "boolean",
        examples: &[("gte('b', 'a')", "true")],
        call: |args| Ok(json!(compare(args.value(0), args.value(1))?.is_ge())),
        shallow: false,
    },
    Function {
        name: "and",
        category: "conditions",
        about: "Whether all conditions hold.",
        params: &[need("first", "boolean"), rest("more", "boolean")],
        returns: "boolean",
        examples: &[("and(true, false)", "false")],
        call: |args| every(args, true),
        shallow: false,
    },
    Function {
        name: "or",
        category: "conditions",
        about: "Whether one of the conditions holds.",
        params: &[need("first", "boolean"), rest("more", "boolean")],
        returns: "boolean",
        examples: &[("or(true, false)", "true")],
        call: |args| every(args, false),
        shallow: false,
    },
    Function {
        name: "not",
        category: "conditions",
        about: "Whether a condition does not hold.",
        params: &[need("condition", "boolean")],
        returns: "boolean",
        examples: &[("not(true)", "false")],
        call: |args| Ok(json!(!args.boolean(0)?)),
        shallow: false,
    },
    Function {
        name: "choose",
        category: "conditions",
        about: "One value where a condition holds, another one (or null) where it does not.",
        params: &[need("condition", "boolean"), need("then", "any"), may("otherwise", "any")],
        returns: "any",
        examples: &[("choose(true, 'on', 'off')", r#""on""#), ("choose(false, 1)", "null")],
        call: |args| Ok(args.value(if args.boolean(0)? { 1 } else { 2 }).clone()),
        shallow: false,
    },
    Function {
        name: "is_blank",
        category: "conditions",
        about: "Whether a value is null, an empty list or object, or a text of nothing but blank space.",
        params: &[need("value", "any")],
        returns: "boolean",
        examples: &[("is_blank(' ')", "true"), ("is_blank([])", "true"), ("is_blank(0)", "false")],
        call: |args| Ok(json!(is_blank(args.value(0)))),
        shallow: true,
    },
];

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether each condition is as wanted, where true is wanted; whether any is, where false.
fn every(args: &Args<'_>, wanted: bool) -> Result<Value, String> {
    for at in 0..args.count() {
        if args.boolean(at)? != wanted {
            return Ok(json!(!wanted));
        }
    }
    Ok(json!(wanted))
}
