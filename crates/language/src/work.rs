//! The work of one evaluation, counted: what an expression or a text may do is bounded, whoever
//! wrote it and whatever it is given.

use std::cell::Cell;

use crate::references::EvalError;
use crate::value::Value;

/// How many parts are evaluated, and how many values copied or worked through, before an
/// evaluation is refused.
const MAX_WORK: usize = 10_000_000;
/// How deep the lists and objects of a value may nest: what is journaled must be read again, and
/// readers of JSON stop at 128.
const MAX_VALUE_DEPTH: usize = 100;

/// What one evaluation has done so far.
#[derive(Default)]
pub(crate) struct Work(Cell<usize>);

impl Work {
    /// Counts work; an error once it is too much.
    pub(crate) fn charge(&self, work: usize) -> Result<(), EvalError> {
        let total = self.0.get().saturating_add(work);
        self.0.set(total);
        if total > MAX_WORK { Err(EvalError::new(TOO_MUCH)) } else { Ok(()) }
    }

    /// Begins anew.
    pub(crate) fn reset(&self) {
        self.0.set(0);
    }
}

/// The message that an evaluation was stopped.
const TOO_MUCH: &str = "this does too much work for one evaluation";

/// How many values a value is made of, with long texts counted by length.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(weight).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

/// The value, unless it nests deeper than a result may.
pub(crate) fn not_too_deep(value: Value) -> Result<Value, EvalError> {
    match too_deep(&value) {
        Some(why) => Err(EvalError::new(format!("the result {why}"))),
        None => Ok(value),
    }
}

/// That a value nests too deep to be kept, `nests deeper than 100 levels`; for what comes from
/// outside. What an expression or a text gives never does.
pub fn too_deep(value: &Value) -> Option<String> {
    is_deeper_than(value, MAX_VALUE_DEPTH)
        .then(|| format!("nests deeper than {MAX_VALUE_DEPTH} levels"))
}

fn is_deeper_than(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => {
            depth == 0 || items.iter().any(|item| is_deeper_than(item, depth - 1))
        }
        Value::Object(fields) => {
            depth == 0 || fields.values().any(|field| is_deeper_than(field, depth - 1))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    #[test]
    fn a_result_may_nest_as_deep_as_it_can_be_read_again() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(not_too_deep(nested(MAX_VALUE_DEPTH)).is_ok());
        let error = not_too_deep(nested(MAX_VALUE_DEPTH + 1)).unwrap_err();
        assert!(error.message.contains("deeper than 100"), "{error}");
    }
}
