//! Paths through values, and why one cannot be followed.

use std::borrow::Cow;

use super::eval::{Held, Result};
use super::operators::described;
use crate::diagnostic::did_you_mean;
use crate::references::{EvalError, dotted};
use crate::scope::Scope;
use crate::unknown::{as_unknown, rest_of};
use crate::value::{Map, Value};

/// The value at the end of a path, or why there is none. A field of an unknown is an unknown.
pub(crate) fn walk<'v>(
    start: &'v Value,
    root: &str,
    fields: &[String],
    why_null: &dyn Fn() -> Option<String>,
) -> Result<Held<'v>> {
    let mut at = start;
    for (i, field) in fields.iter().enumerate() {
        if let Some(unknown) = as_unknown(at) {
            return Ok(Cow::Owned(unknown.at(&fields[i..])));
        }
        let name = || dotted(root, &fields[..i]);
        at = match at {
            Value::Object(object) => match object.get(field) {
                Some(value) => value,
                None => match rest_of(object) {
                    Some(rest) => return Ok(Cow::Owned(rest.at(&fields[i..]))),
                    None => return Err(no_such_field(&name(), field, object)),
                },
            },
            Value::Array(items) => match field.parse::<usize>().ok().and_then(|i| items.get(i)) {
                Some(value) => value,
                None => {
                    return Err(EvalError::new(format!(
                        "`{}` is a list, it has no field `{field}`",
                        name()
                    )));
                }
            },
            Value::Null => {
                let why = if i == 0 { why_null() } else { None };
                let why = why.unwrap_or_else(|| format!("so it has no `{field}`"));
                let join = if why.starts_with("so ") { ", " } else { ": " };
                return Err(EvalError::new(format!("`{}` is null{join}{why}", name())));
            }
            other => {
                let message =
                    format!("`{}` is {}, it has no field `{field}`", name(), described(other));
                return Err(EvalError::new(message));
            }
        };
    }
    Ok(Cow::Borrowed(at))
}

/// The error for a root name that is not in scope.
pub(crate) fn no_such_name(name: &str, scope: &dyn Scope) -> EvalError {
    let names = scope.names();
    match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => EvalError::new(format!("there is no `{name}` here; did you mean `{near}`?")),
        None => EvalError::new(format!("there is no `{name}` here")),
    }
}

fn no_such_field(of: &str, field: &str, object: &Map<String, Value>) -> EvalError {
    match did_you_mean(field, object.keys().map(String::as_str)) {
        Some(near) => {
            EvalError::new(format!("`{of}` has no field `{field}`; did you mean `{near}`?"))
        }
        None => EvalError::new(format!("`{of}` has no field `{field}`")),
    }
}
