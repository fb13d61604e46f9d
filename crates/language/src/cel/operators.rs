//! Arithmetic and comparison of values, as CEL has them on JSON.

use std::cmp::Ordering;

use serde_json::Number;

use super::tree::Operator;
use crate::functions::article;
use crate::value::{Value, json, kind};

/// Whether two numbers are the same, whole or not.
pub(crate) fn same_number(a: &Number, b: &Number) -> bool {
    number_order(a, b) == Some(Ordering::Equal)
}

fn number_order(a: &Number, b: &Number) -> Option<Ordering> {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Some(a), None) => mixed_order(a, b.as_f64()?),
        (None, Some(b)) => mixed_order(b, a.as_f64()?).map(Ordering::reverse),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Compares exactly: a 64-bit whole number need not fit a double.
fn mixed_order(whole: i128, fraction: f64) -> Option<Ordering> {
    if fraction.is_nan() {
        return None;
    }
    // Beyond this every double is larger than every 64-bit number.
    if fraction.abs() >= 1e19 {
        return Some(if fraction > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let cut = fraction.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "below 1e19, so i128 holds it")]
    let order = whole.cmp(&(cut as i128));
    Some(order.then_with(|| 0.0_f64.partial_cmp(&(fraction - cut)).unwrap_or(Ordering::Equal)))
}

/// The order of two values: numbers, texts and booleans among themselves.
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Ordering, String> {
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => number_order(a, b),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    };
    order.ok_or_else(|| format!("cannot compare {} with {}", described(left), described(right)))
}

/// `a string`, `an integer`, `null`.
pub(super) fn described(value: &Value) -> String {
    match kind(value) {
        "null" => "null".to_owned(),
        kind => format!("{} {kind}", article(kind)),
    }
}

/// Adds, subtracts, multiplies, divides; `+` also joins texts and lists.
pub(super) fn arithmetic(op: Operator, left: Value, right: Value) -> Result<Value, String> {
    match (left, right) {
        (Value::String(a), Value::String(b)) if op == Operator::Add => {
            if a.len().saturating_add(b.len()) > super::eval::MAX_SIZE {
                return Err("the text is too long".to_owned());
            }
            Ok(Value::String(a + &b))
        }
        (Value::Array(mut a), Value::Array(b)) if op == Operator::Add => {
            if a.len().saturating_add(b.len()) > super::eval::MAX_SIZE {
                return Err("the list is too long".to_owned());
            }
            a.extend(b);
            Ok(Value::Array(a))
        }
        (Value::Number(a), Value::Number(b)) => match (integer(&a), integer(&b)) {
            (Some(a), Some(b)) => integers(op, a, b),
            (None, None) => fractions(op, a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0)),
            _ => Err(format!(
                "`{}` mixes an integer with a number: write 2.0 for 2, or double(x)",
                op.sign()
            )),
        },
        (a, b) => {
            Err(format!("`{}` does not work on {} and {}", op.sign(), described(&a), described(&b)))
        }
    }
}

fn integers(op: Operator, a: i128, b: i128) -> Result<Value, String> {
    let result = match op {
        Operator::Add => Some(a + b),
        Operator::Subtract => Some(a - b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => {
            return Err("division by zero".to_owned());
        }
        Operator::Divide => Some(a / b),
        _ => Some(a % b),
    };
    result.and_then(whole).ok_or_else(|| format!("the result of `{}` is too large", op.sign()))
}

fn whole(number: i128) -> Option<Value> {
    match i64::try_from(number) {
        Ok(number) => Some(json!(number)),
        Err(_) => u64::try_from(number).ok().map(|number| json!(number)),
    }
}

fn fractions(op: Operator, a: f64, b: f64) -> Result<Value, String> {
    let result = match op {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => return Err("`%` works on integers only".to_owned()),
    };
    if result.is_finite() {
        Ok(json!(result))
    } else if b == 0.0 {
        Err("division by zero".to_owned())
    } else {
        Err(format!("the result of `{}` is too large", op.sign()))
    }
}

/// The number with the other sign.
pub(super) fn negate(value: &Value) -> Result<Value, String> {
    let number = match value {
        Value::Number(number) => number,
        other => return Err(format!("`-` does not work on {}", described(other))),
    };
    match integer(number) {
        Some(number) => whole(-number).ok_or_else(|| "the result of `-` is too large".to_owned()),
        None => Ok(json!(-number.as_f64().unwrap_or(0.0))),
    }
}
