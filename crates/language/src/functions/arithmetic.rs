//! Arithmetic as functions, for texts; expressions have operators for most of it. Whole numbers
//! stay whole as long as the result is; a result that no number can hold is an error.

use super::lists::column;
use super::{Args, Function, may, need, rest};
use crate::value::{Value, json, kind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "add",
        category: "numbers",
        about: "The sum of the arguments.",
        params: &[need("first", "number"), need("second", "number"), rest("more", "number")],
        returns: "number",
        examples: &[("add(1, 2)", "3"), ("add(1, 0.5)", "1.5")],
        call: |args| total(args.iter()),
        shallow: false,
    },
    Function {
        name: "subtract",
        category: "numbers",
        about: "The first number less the second.",
        params: &[need("from", "number"), need("number", "number")],
        returns: "number",
        examples: &[("subtract(5, 7)", "-2")],
        call: |args| combine(args, i64::checked_sub, |a, b| a - b),
        shallow: false,
    },
    Function {
        name: "multiply",
        category: "numbers",
        about: "The product of two numbers.",
        params: &[need("left", "number"), need("right", "number")],
        returns: "number",
        examples: &[("multiply(3, 4)", "12"), ("multiply(3, 0.5)", "1.5")],
        call: |args| combine(args, i64::checked_mul, |a, b| a * b),
        shallow: false,
    },
    Function {
        name: "divide",
        category: "numbers",
        about: "The first number divided by the second: whole where both are and nothing is left over.",
        params: &[need("number", "number"), need("by", "number")],
        returns: "number",
        examples: &[("divide(6, 3)", "2"), ("divide(7, 2)", "3.5")],
        call: |args| {
            if args.number(1)? == 0.0 {
                return Err("division by zero".to_owned());
            }
            let is_whole = |a: i64, b: i64| a.checked_rem(b) == Some(0);
            match (args.value(0).as_i64(), args.value(1).as_i64()) {
                (Some(a), Some(b)) if is_whole(a, b) => Ok(json!(a / b)),
                _ => finite(args.number(0)? / args.number(1)?),
            }
        },
        shallow: false,
    },
    Function {
        name: "remainder",
        category: "numbers",
        about: "What is left over when a whole number is divided by another.",
        params: &[need("number", "integer"), need("by", "integer")],
        returns: "integer",
        examples: &[("remainder(7, 3)", "1")],
        call: |args| match (args.integer(0)?, args.integer(1)?) {
            (_, 0) => Err("division by zero".to_owned()),
            (number, by) => Ok(json!(number.wrapping_rem(by))),
        },
        shallow: false,
    },
    Function {
        name: "power",
        category: "numbers",
        about: "A number raised to the power of another.",
        params: &[need("number", "number"), need("exponent", "number")],
        returns: "number",
        examples: &[("power(2, 10)", "1024"), ("power(2, -1)", "0.5")],
        call: |args| {
            let exponent = args.value(1).as_u64().and_then(|exponent| u32::try_from(exponent).ok());
            match (args.value(0).as_i64(), exponent) {
                (Some(number), Some(exponent)) => {
                    let power = number.checked_pow(exponent);
                    power.map(|power| json!(power)).ok_or_else(too_large)
                }
                _ => finite(args.number(0)?.powf(args.number(1)?)),
            }
        },
        shallow: false,
    },
    Function {
        name: "sqrt",
        category: "numbers",
        about: "The square root of a number.",
        params: &[need("number", "number")],
        returns: "number",
        examples: &[("sqrt(9)", "3.0")],
        call: |args| match args.number(0)? {
            number if number < 0.0 => Err("a negative number has no square root".to_owned()),
            number => finite(number.sqrt()),
        },
        shallow: false,
    },
    Function {
        name: "clamp",
        category: "numbers",
        about: "The number, or the nearer of two bounds where it is outside of them.",
        params: &[need("number", "number"), need("least", "number"), need("most", "number")],
        returns: "number",
        examples: &[("clamp(12, 0, 10)", "10")],
        call: |args| match (args.number(0)?, args.number(1)?, args.number(2)?) {
            (_, least, most) if least > most => {
                Err(format!("{} is larger than {}", args.name(1), args.name(2)))
            }
            (number, least, _) if number < least => Ok(args.value(1).clone()),
            (number, _, most) if number > most => Ok(args.value(2).clone()),
            _ => Ok(args.value(0).clone()),
        },
        shallow: false,
    },
    Function {
        name: "sum",
        category: "numbers",
        about: "The sum of a list of numbers, or of one field of its items; whole as long as all of them are.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "number",
        examples: &[
            ("sum([1, 2, 3])", "6"),
            ("sum([1, 0.5])", "1.5"),
            ("sum([])", "0"),
            ("sum([{'hours': 2}, {'hours': 5}], 'hours')", "7"),
        ],
        call: |args| total(column(args)?.into_iter()),
        shallow: false,
    },
    Function {
        name: "avg",
        category: "numbers",
        about: "The mean of a list of numbers, or of one field of its items; null of an empty list.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "number",
        examples: &[("avg([1, 2])", "1.5"), ("avg([])", "null")],
        call: |args| {
            let numbers = numbers(args)?;
            #[expect(clippy::cast_precision_loss, reason = "no list is that long")]
            let count = numbers.len() as f64;
            if numbers.is_empty() {
                Ok(Value::Null)
            } else {
                finite(numbers.iter().sum::<f64>() / count)
            }
        },
        shallow: false,
    },
    Function {
        name: "median",
        category: "numbers",
        about: "The middle of a list of numbers in order, or of one field of its items; null of an empty list.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "number",
        examples: &[("median([9, 1, 2])", "2.0"), ("median([1, 2, 3, 10])", "2.5")],
        call: |args| {
            let mut numbers = numbers(args)?;
            numbers.sort_by(f64::total_cmp);
            let middle = numbers.len() / 2;
            match numbers.as_slice() {
                [] => Ok(Value::Null),
                all if all.len() % 2 == 1 => finite(all[middle]),
                all => finite(all[middle - 1] / 2.0 + all[middle] / 2.0),
            }
        },
        shallow: false,
    },
];

fn too_large() -> String {
    "the result is too large".to_owned()
}

fn finite(number: f64) -> Result<Value, String> {
    if number.is_finite() { Ok(json!(number)) } else { Err(too_large()) }
}

fn combine(
    args: &Args<'_>,
    whole: fn(i64, i64) -> Option<i64>,
    fraction: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    match (args.value(0).as_i64(), args.value(1).as_i64()) {
        (Some(a), Some(b)) => whole(a, b).map(|result| json!(result)).ok_or_else(too_large),
        _ => finite(fraction(args.number(0)?, args.number(1)?)),
    }
}

fn not_a_number(value: &Value) -> String {
    match value {
        Value::Null => "null is not a number".to_owned(),
        Value::String(text) => {
            let shown: String = text.chars().take(40).collect();
            format!("the text {shown:?} is not a number: convert it with int or double")
        }
        other => format!(
            "a value of the list is not a number but {} {}",
            super::article(kind(other)),
            kind(other)
        ),
    }
}

fn total<'v>(values: impl Iterator<Item = &'v Value> + Clone) -> Result<Value, String> {
    if values.clone().all(|value| value.as_i64().is_some()) {
        let total = values.filter_map(Value::as_i64).try_fold(0_i64, i64::checked_add);
        return total.map(|total| json!(total)).ok_or_else(too_large);
    }
    let mut total = 0.0;
    for value in values {
        total += value.as_f64().ok_or_else(|| not_a_number(value))?;
    }
    finite(total)
}

fn numbers(args: &Args<'_>) -> Result<Vec<f64>, String> {
    let values = column(args)?;
    values.into_iter().map(|value| value.as_f64().ok_or_else(|| not_a_number(value))).collect()
}
