//! Conditions as functions, for `{{#if (gt hires.count 0)}}`; expressions have operators for them.

use super::{Args, Function, need, rest};
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
        call: |args| Ok(json!(!truth(args, 0)?)),
        shallow: false,
    },
];

fn truth(args: &Args<'_>, at: usize) -> Result<bool, String> {
    let value = args.value(at);
    value.as_bool().ok_or_else(|| args.wrong(at, "true or false", value))
}

/// Whether each condition is as wanted, where true is wanted; whether any is, where false.
fn every(args: &Args<'_>, wanted: bool) -> Result<Value, String> {
    for at in 0..args.0.len() {
        if truth(args, at)? != wanted {
            return Ok(json!(!wanted));
        }
    }
    Ok(json!(wanted))
}
