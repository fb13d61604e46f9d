//! Functions of numbers.

use super::general::whole;
use super::{Args, Function, may, need};
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "round",
        category: "numbers",
        about: "The nearest whole number, or the nearest with so many decimal places.",
        params: &[need("number", "number"), may("places", "integer")],
        returns: "number",
        examples: &[("round(2.5)", "3"), ("round(3.14159, 2)", "3.14"), ("round(7)", "7")],
        call: |args| match args.integer_or(1, 0)? {
            0 => to_whole(args, f64::round),
            places @ 1..=15 => {
                let factor = 10_f64.powi(i32::try_from(places).unwrap_or(15));
                let rounded = (number(args)? * factor).round() / factor;
                if rounded.is_finite() { Ok(json!(rounded)) } else { Ok(args.value(0).clone()) }
            }
            _ => Err("the number of places is not between 0 and 15".to_owned()),
        },
        shallow: false,
    },
    Function {
        name: "floor",
        category: "numbers",
        about: "The largest whole number that is not larger.",
        params: &[need("number", "number")],
        returns: "integer",
        examples: &[("floor(2.9)", "2"), ("floor(-2.1)", "-3")],
        call: |args| to_whole(args, f64::floor),
        shallow: false,
    },
    Function {
        name: "ceil",
        category: "numbers",
        about: "The smallest whole number that is not smaller.",
        params: &[need("number", "number")],
        returns: "integer",
        examples: &[("ceil(2.1)", "3")],
        call: |args| to_whole(args, f64::ceil),
        shallow: false,
    },
    Function {
        name: "abs",
        category: "numbers",
        about: "The number without its sign.",
        params: &[need("number", "number")],
        returns: "number",
        examples: &[("abs(-3)", "3"), ("abs(-1.5)", "1.5")],
        call: |args| match args.value(0).as_i64() {
            Some(number) => Ok(json!(number.unsigned_abs())),
            None => Ok(json!(number(args)?.abs())),
        },
        shallow: false,
    },
    Function {
        name: "sum",
        category: "numbers",
        about: "The sum of a list of numbers; whole as long as all of them are.",
        params: &[need("list", "list")],
        returns: "number",
        examples: &[("sum([1, 2, 3])", "6"), ("sum([1, 0.5])", "1.5"), ("sum([])", "0")],
        call: sum,
        shallow: false,
    },
];

fn number(args: &Args<'_>) -> Result<f64, String> {
    let value = args.value(0);
    value.as_f64().ok_or_else(|| args.wrong(0, "a number", value))
}

fn to_whole(args: &Args<'_>, round: fn(f64) -> f64) -> Result<Value, String> {
    match args.value(0) {
        value @ Value::Number(number) if !number.is_f64() => Ok(value.clone()),
        value => whole(round(number(args)?)).ok_or_else(|| format!("{value} is too large")),
    }
}

fn sum(args: &Args<'_>) -> Result<Value, String> {
    let list = args.list(0)?;
    if list.iter().all(|item| item.as_i64().is_some()) {
        let total = list.iter().filter_map(Value::as_i64).try_fold(0_i64, i64::checked_add);
        return total.map(|total| json!(total)).ok_or_else(|| "the sum is too large".to_owned());
    }
    let mut total = 0.0;
    for item in list {
        total += item.as_f64().ok_or_else(|| format!("{item} is not a number"))?;
    }
    if f64::is_finite(total) { Ok(json!(total)) } else { Err("the sum is too large".to_owned()) }
}
