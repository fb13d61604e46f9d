//! The one table of functions, for CEL (`lower(x)` or `x.lower()`) and Handlebars (`{{ lower x }}`,
//! `{{ day_start x zone='UTC' }}`). To add one: an entry in a file of `functions/`, with an example
//! that is run as a test.

mod args;
mod arithmetic;
mod business;
mod calendar;
mod conditions;
mod dates;
mod documents;
mod encoding;
mod general;
mod lists;
mod numbers;
mod objects;
mod patterns;
mod quoting;
mod rows;
mod strings;
mod words;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::cel::Expression;
use crate::unknown::{contains_unknown, derived, is_open, is_unknown, unknowns};
use crate::value::Value;

pub use args::Args;
pub(crate) use args::article;
pub(crate) use dates::instant;
pub(crate) use general::CEL_TYPES;
pub(crate) use patterns::with_regex;

/// The longest text that a function makes, in bytes.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// The longest list that a function makes.
const MAX_ITEMS: usize = 1_000_000;
/// The longest message of a function, in characters.
const MAX_MESSAGE: usize = 300;
/// The size of all arguments together that a function works through, in bytes.
const MAX_ARGUMENTS: usize = 64 * 1024 * 1024;

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name it can be given by in Handlebars.
    pub name: &'static str,
    /// The name of its type.
    pub ty: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it takes all arguments that are left.
    pub rest: bool,
}

/// A function for expressions and texts.
#[derive(Debug)]
pub struct Function {
    /// The name, the same in CEL and Handlebars.
    pub name: &'static str,
    /// The heading it is listed under.
    pub category: &'static str,
    /// What it gives, in a sentence.
    pub about: &'static str,
    /// Its parameters in order.
    pub params: &'static [Param],
    /// The name of the type of its result.
    pub returns: &'static str,
    /// Expressions in CEL and their values in JSON; each is run as a test.
    pub examples: &'static [(&'static str, &'static str)],
    /// Computes it. Unknown arguments never get here, see `shallow`.
    pub call: fn(&Args<'_>) -> Result<Value, String>,
    /// Whether it can work on a list or object that holds an unknown somewhere inside.
    pub shallow: bool,
}

/// Of the shallow ones those that need every field of an object, not only the ones it is asked for.
const OF_ALL_FIELDS: [&str; 5] = ["entries", "keys", "pick", "size", "values"];

impl Function {
    /// Calls it with arguments in the order of its parameters; null stands for one not given.
    /// An unknown argument makes the result unknown.
    pub fn invoke(&self, args: &Args<'_>) -> Result<Value, String> {
        let hides = match self.shallow {
            true if OF_ALL_FIELDS.contains(&self.name) => is_open,
            true => is_unknown,
            false => contains_unknown,
        };
        if args.iter().any(hides) {
            let all: Vec<_> = args.iter().flat_map(unknowns).collect();
            let known: Vec<&Value> = args.iter().filter(|arg| !contains_unknown(arg)).collect();
            let what = format!("{}{}", self.name, Value::from_iter(known.into_iter().cloned()));
            return Ok(derived(&what, self.returns, &all));
        }
        if !self.shallow && args.iter().map(bytes).sum::<usize>() > MAX_ARGUMENTS {
            return Err("the arguments are too large to work on".to_owned());
        }
        let result = (self.call)(&args.named(self.params)).map_err(|why| short(&why))?;
        match &result {
            Value::String(text) if text.len() > MAX_TEXT => Err(too_long()),
            Value::Array(items) if items.len() > MAX_ITEMS => {
                Err("the resulting list is too long".to_owned())
            }
            _ => Ok(result),
        }
    }

    /// The call as a text writes it: the example in CEL that is this function of plain values as
    /// a pill, `{{ lower 'Ada' }}`; `None` for one that is more than such a call.
    pub fn in_text(&self, example: &str) -> Option<String> {
        let args = Expression::parse(example).ok()?.literal_call(self)?;
        let written: Vec<String> = args.iter().map(pill_literal).collect::<Option<_>>()?;
        let args: String = written.iter().map(|arg| format!(" {arg}")).collect();
        Some(format!("{{{{ {}{args} }}}}", self.name))
    }

    /// What is wrong with a call of so many arguments, if anything.
    pub(crate) fn wrong_count(&self, given: usize) -> Option<String> {
        let needed = self.params.iter().filter(|param| param.required).count();
        let most =
            if self.params.iter().any(|param| param.rest) { usize::MAX } else { self.params.len() };
        let expected = match (given < needed, given > most, needed == most) {
            (false, false, _) => return None,
            (_, _, true) => needed.to_string(),
            (true, _, _) => format!("at least {needed}"),
            _ => format!("at most {most}"),
        };
        let s = if expected.ends_with(" 1") || expected == "1" { "" } else { "s" };
        let signature = self.signature();
        Some(format!("`{}` takes {expected} argument{s}, not {given}: {signature}", self.name))
    }

    /// The function as it is written: `split(text, by)`.
    pub fn signature(&self) -> String {
        let params: Vec<String> = self
            .params
            .iter()
            .map(|param| match (param.rest, param.required) {
                (true, _) => format!("{}...", param.name),
                (false, true) => param.name.to_owned(),
                (false, false) => format!("[{}]", param.name),
            })
            .collect();
        format!("{}({})", self.name, params.join(", "))
    }
}

/// A value as Handlebars writes it; texts in single quotes. A closing brace pair would end the pill.
fn pill_literal(value: &Value) -> Option<String> {
    let written = match value {
        Value::String(text) if text.contains('\'') => value.to_string(),
        Value::String(text) => {
            let inner = Value::from(text.as_str()).to_string();
            format!("'{}'", inner[1..inner.len() - 1].replace("\\\"", "\""))
        }
        other => other.to_string(),
    };
    (!written.contains("}}") && !written.contains("{{")).then_some(written)
}

/// Roughly how much memory a value takes.
fn bytes(value: &Value) -> usize {
    16 + match value {
        Value::Array(items) => items.iter().map(bytes).sum::<usize>(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + bytes(value)).sum(),
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// A message of a length for people: what cannot be read is quoted, and can be long.
fn short(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

fn too_long() -> String {
    format!("the resulting text is over {} MB long", MAX_TEXT >> 20)
}

/// A required parameter.
const fn need(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, required: true, rest: false }
}

/// A parameter that can be left out.
const fn may(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, required: false, rest: false }
}

/// All the arguments that are left.
const fn rest(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, required: false, rest: true }
}

static TABLE: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let files: [&'static [Function]; 16] = [
        general::FUNCTIONS,
        conditions::FUNCTIONS,
        strings::FUNCTIONS,
        words::FUNCTIONS,
        patterns::FUNCTIONS,
        lists::FUNCTIONS,
        rows::FUNCTIONS,
        objects::FUNCTIONS,
        numbers::FUNCTIONS,
        arithmetic::FUNCTIONS,
        dates::FUNCTIONS,
        calendar::FUNCTIONS,
        business::FUNCTIONS,
        documents::FUNCTIONS,
        encoding::FUNCTIONS,
        quoting::FUNCTIONS,
    ];
    files.into_iter().flatten().collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| TABLE.iter().map(|function| (function.name, *function)).collect());

/// All functions, by category.
pub fn functions() -> &'static [&'static Function] {
    &TABLE
}

/// The function of that name.
pub fn function(name: &str) -> Option<&'static Function> {
    BY_NAME.get(name).copied()
}

#[cfg(test)]
mod tests;
