//! Functions for values of any type, and the conversions of CEL.

use super::{Args, Function, may, need, rest};
use crate::value::{Value, json, print};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "default",
        category: "general",
        about: "The value, or another one where it is null or missing.",
        params: &[need("value", "any"), need("otherwise", "any")],
        returns: "any",
        examples: &[("default(null, 'none')", r#""none""#), ("default('a', 'b')", r#""a""#)],
        call: |args| Ok(args.given(0).unwrap_or(args.value(1)).clone()),
        shallow: true,
    },
    Function {
        name: "coalesce",
        category: "general",
        about: "The first of the values that is not null.",
        params: &[need("first", "any"), rest("more", "any")],
        returns: "any",
        examples: &[("coalesce(null, 2, 3)", "2"), ("coalesce(null)", "null")],
        call: |args| Ok(args.iter().find(|value| !value.is_null()).cloned().unwrap_or_default()),
        shallow: true,
    },
    Function {
        name: "size",
        category: "general",
        about: "The number of characters of a string, items of a list or fields of an object.",
        params: &[need("value", "any")],
        returns: "integer",
        examples: &[("size([1, 2])", "2"), ("'täxt'.size()", "4"), ("size({'a': 1})", "1")],
        call: |args| {
            let size = match args.value(0) {
                Value::String(text) => text.chars().count(),
                Value::Array(items) => items.len(),
                Value::Object(fields) => fields.len(),
                other => return Err(args.wrong(0, "a string, a list or an object", other)),
            };
            Ok(json!(size))
        },
        shallow: true,
    },
    Function {
        name: "string",
        category: "general",
        about: "The value as text; lists and objects as JSON.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[
            ("string(7)", r#""7""#),
            ("string(1.5)", r#""1.5""#),
            ("string(true)", r#""true""#),
        ],
        call: |args| match args.value(0) {
            Value::Null => Err(args.wrong(0, "a value", &Value::Null)),
            value => Ok(json!(print(value))),
        },
        shallow: false,
    },
    Function {
        name: "int",
        category: "general",
        about: "The value as a whole number; fractions are cut off.",
        params: &[need("value", "any")],
        returns: "integer",
        examples: &[("int('42')", "42"), ("int(3.9)", "3"), ("int(7)", "7")],
        call: to_integer,
        shallow: false,
    },
    Function {
        name: "double",
        category: "general",
        about: "The value as a number with a fraction.",
        params: &[need("value", "any")],
        returns: "number",
        examples: &[("double(2)", "2.0"), ("double('1.5')", "1.5")],
        call: |args| {
            let found = match args.value(0) {
                Value::Number(number) => number.as_f64(),
                Value::String(text) => text.trim().parse().ok(),
                other => return Err(args.wrong(0, "a number or a string", other)),
            };
            let number = found.filter(|number| number.is_finite());
            number.map(|number| json!(number)).ok_or_else(|| unreadable(args, "a number"))
        },
        shallow: false,
    },
    Function {
        name: "bool",
        category: "general",
        about: "The value as true or false.",
        params: &[need("value", "any")],
        returns: "boolean",
        examples: &[("bool('true')", "true"), ("bool(false)", "false")],
        call: |args| match args.value(0) {
            Value::Bool(value) => Ok(json!(value)),
            Value::String(text)
                if matches!(text.as_str(), "true" | "True" | "TRUE" | "t" | "1") =>
            {
                Ok(json!(true))
            }
            Value::String(text)
                if matches!(text.as_str(), "false" | "False" | "FALSE" | "f" | "0") =>
            {
                Ok(json!(false))
            }
            _ => Err(unreadable(args, "true or false")),
        },
        shallow: false,
    },
    Function {
        name: "type",
        category: "general",
        about: "The CEL type of a value, to compare with `string`, `int`, `double`, `bool`, `list`, `map` or `null_type`.",
        params: &[may("value", "any")],
        returns: "string",
        examples: &[
            ("type('a') == string", "true"),
            ("type(1) == double", "false"),
            ("type(null)", r#""null_type""#),
        ],
        call: |args| Ok(json!(cel_type(args.value(0)))),
        shallow: true,
    },
    Function {
        name: "dyn",
        category: "general",
        about: "The value as it is, without a static type.",
        params: &[need("value", "any")],
        returns: "any",
        examples: &[("dyn(1) == 1.0", "true"), ("dyn('a')", r#""a""#)],
        call: |args| Ok(args.value(0).clone()),
        shallow: true,
    },
];

/// The names of CEL's types that a bare name in an expression can mean.
pub(crate) const CEL_TYPES: [&str; 7] =
    ["string", "int", "double", "bool", "list", "map", "null_type"];

fn cel_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null_type",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

fn to_integer(args: &Args<'_>) -> Result<Value, String> {
    match args.value(0) {
        value @ Value::Number(number) => match number.as_f64() {
            Some(fraction) if number.is_f64() => {
                whole(fraction).ok_or_else(|| unreadable(args, "an integer"))
            }
            _ => Ok(value.clone()),
        },
        Value::String(text) => {
            let number: Result<i64, _> = text.trim().parse();
            number.map(|number| json!(number)).map_err(|_| unreadable(args, "an integer"))
        }
        other => Err(args.wrong(0, "a number or a string", other)),
    }
}

/// The whole part of a number, where 64 bits hold it.
pub(super) fn whole(number: f64) -> Option<Value> {
    let cut = number.trunc();
    // Both bounds are exact in f64; the upper one itself no longer fits.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&cut);
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    fits.then(|| json!(cut as i64))
}

fn unreadable(args: &Args<'_>, wanted: &str) -> String {
    format!("cannot read {} as {wanted}", args.value(0))
}
