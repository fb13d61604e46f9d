//! The one table of functions, for CEL (`lower(x)` or `x.lower()`) and Handlebars (`{{ lower x }}`,
//! `{{ day_start x zone='UTC' }}`). To add one: an entry in a file of `functions/`, with an example
//! that is run as a test.

mod args;
mod conditions;
mod dates;
mod encoding;
mod general;
mod lists;
mod numbers;
mod strings;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::unknown::{contains_unknown, derived, is_unknown, unknowns};
use crate::value::Value;

pub use args::Args;
pub(crate) use args::article;
pub(crate) use dates::instant;
pub(crate) use general::CEL_TYPES;
pub(crate) use strings::with_regex;

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

impl Function {
    /// Calls it with arguments in the order of its parameters; null stands for one not given.
    /// An unknown argument makes the result unknown.
    pub fn invoke(&self, args: &Args<'_>) -> Result<Value, String> {
        let hides = if self.shallow { is_unknown } else { contains_unknown };
        if args.iter().any(hides) {
            let all: Vec<_> = args.iter().flat_map(unknowns).collect();
            let known: Vec<&Value> = args.iter().filter(|arg| !contains_unknown(arg)).collect();
            let what = format!("{}{}", self.name, Value::from_iter(known.into_iter().cloned()));
            return Ok(derived(&what, self.returns, &all));
        }
        (self.call)(args)
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
        Some(format!(
            "`{}` takes {expected} arguments, not {given}: {}",
            self.name,
            self.signature()
        ))
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
    let files: [&'static [Function]; 7] = [
        general::FUNCTIONS,
        conditions::FUNCTIONS,
        strings::FUNCTIONS,
        lists::FUNCTIONS,
        numbers::FUNCTIONS,
        dates::FUNCTIONS,
        encoding::FUNCTIONS,
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
mod tests {
    use super::*;
    use crate::value::json;
    use crate::{Expression, Map, Text, unknown};

    #[test]
    fn every_function_has_an_example_and_every_example_is_true() {
        for function in functions() {
            assert!(!function.examples.is_empty(), "{} has no example", function.name);
            for (text, expected) in function.examples {
                let expected: Value = serde_json::from_str(expected).unwrap();
                let found = Expression::parse(text).unwrap().eval(&Map::new());
                assert_eq!(found, Ok(expected), "{text}");
            }
        }
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
}
