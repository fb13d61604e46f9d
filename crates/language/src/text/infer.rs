//! The static type of a text, and what the types of its pills show to be wrong.

use std::rc::Rc;

use super::{Argument, Form, Part, Text};
use crate::cel::{Env, Facts, Given, type_of_call, type_of_path};
use crate::references::{NullRead, Reference, Study};
use crate::schema::{Schema, Type};
use crate::value::Value;

impl Text {
    /// What its types show: the type of its value, what is wrong, and where something is read
    /// that can be null and is not known to be there.
    pub fn study(&self, types: &dyn Fn(&str) -> Option<Rc<Schema>>, facts: &Facts<'_>) -> Study {
        let mut study = Study::new();
        let env = Env::new(types, facts.clone());
        study.schema = match &self.inner.form {
            Form::Literal(text) => {
                Schema { choices: vec![Value::String(text.clone())], ..Schema::string() }
            }
            Form::Pill(pill) => pill_type(pill, &mut self.references().iter(), &env, &mut study),
            Form::Parts(parts) => {
                for part in parts {
                    if let Part::Pill(pill) = part {
                        part_type(pill, &env, &mut study);
                    }
                }
                Schema::string()
            }
            Form::Blocks(_) => {
                for reference in self.references().iter().filter(|reference| !reference.guarded) {
                    let Reference { root, path, range, .. } = reference;
                    type_of_path(root, path, range.clone(), &env, &mut study);
                }
                Schema::string()
            }
        };
        study
    }
}

/// A pill with text beside it: its value is needed.
fn part_type(pill: &Text, env: &Env<'_>, study: &mut Study) {
    let Form::Pill(argument) = &pill.inner.form else { return };
    let found = pill_type(argument, &mut pill.references().iter(), env, study);
    if let (Argument::Path { root, fields }, [reference]) = (argument, pill.references())
        && found.nullable
    {
        study.nulls.push(NullRead {
            root: root.clone(),
            path: fields.clone(),
            is_read_through: false,
            range: reference.range.clone(),
        });
    }
}

/// The type of a pill. Its references are in the order of its paths.
fn pill_type<'r>(
    argument: &Argument,
    references: &mut impl Iterator<Item = &'r Reference>,
    env: &Env<'_>,
    study: &mut Study,
) -> Schema {
    match argument {
        Argument::Literal(value) => literal(value),
        Argument::Path { root, fields } => {
            let range = references.next().map_or(0..0, |reference| reference.range.clone());
            type_of_path(root, fields, range, env, study)
        }
        Argument::Call { function, args } => {
            let mut given = Vec::with_capacity(args.len());
            for (at, arg) in args.iter().enumerate() {
                let is_lenient = env.is_lenient || (function.name == "default" && at == 0);
                let inner = Env { types: env.types, facts: env.facts.clone(), is_lenient };
                let mut range = 0..0;
                let mut seen = references.by_ref().inspect(|one| range = one.range.clone());
                let schema = pill_type(arg, &mut Dynamic(&mut seen), &inner, study);
                let path = match arg {
                    Argument::Path { root, fields } => Some((root.as_str(), fields.as_slice())),
                    _ => None,
                };
                given.push(Given { schema, range, path });
            }
            type_of_call(function, &given, env.is_lenient, study)
        }
    }
}

/// An iterator by reference, so that nested calls have one type.
struct Dynamic<'i, 'r>(&'i mut dyn Iterator<Item = &'r Reference>);

impl<'r> Iterator for Dynamic<'_, 'r> {
    type Item = &'r Reference;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

fn literal(value: &Value) -> Schema {
    let ty = match value {
        Value::Bool(_) => Type::Boolean,
        Value::Number(number) if number.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Null | Value::Array(_) | Value::Object(_) => return Schema::any(),
    };
    Schema { choices: vec![value.clone()], ..Schema::of(ty) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Fields;

    fn study(text: &str) -> (String, Vec<String>, Vec<String>) {
        let learner = Fields::from_iter([
            ("id".to_owned(), Schema::string()),
            ("tags".to_owned(), Schema::list(Schema::string())),
        ]);
        let types = |name: &str| match name {
            "learner" => Some(Rc::new(Schema::object(learner.clone()).or_null())),
            "n" => Some(Rc::new(Schema::of(Type::Integer))),
            _ => None,
        };
        let text = Text::parse(text).unwrap();
        let study = text.study(&types, &Facts::default());
        let shown = |range: &std::ops::Range<usize>| text.source()[range.clone()].to_owned();
        (
            study.schema.type_name(),
            study
                .mistakes
                .iter()
                .map(|one| format!("{} at {}", one.code, shown(&one.range)))
                .collect(),
            study
                .nulls
                .iter()
                .map(|one| format!("{} at {}", one.root, shown(&one.range)))
                .collect(),
        )
    }

    fn check(text: &str, ty: &str, mistakes: &[&str], nulls: &[&str]) {
        let (found, wrong, null) = study(text);
        assert_eq!(found, ty, "{text}");
        assert_eq!(wrong, mistakes, "{text}");
        assert_eq!(null, nulls, "{text}");
    }

    #[test]
    fn a_pill_keeps_its_type_and_a_text_around_it_needs_its_value() {
        check("{{ n }}", "integer", &[], &[]);
        check("{{ n }}!", "string", &[], &[]);
        check("{{ learner }}", "object or null", &[], &[]);
        check("{{ learner }}!", "string", &[], &["learner at learner"]);
        check("{{ learner.id }} {{ learner.id }}", "string", &[], &["learner at learner.id"; 2]);
        check("{{ default learner.id 'x' }}!", "string", &[], &[]);
        check("{{#if learner}}{{ learner.id }}{{/if}}", "string", &[], &[]);
        check("{{#if n}}{{ learner.id }}{{/if}}", "string", &[], &["learner at learner.id"]);
    }

    #[test]
    fn what_helpers_are_given_is_checked() {
        check("{{ join n ', ' }}", "string", &["bad-arguments at n"], &[]);
        check("{{ join learner.tags ', ' }}", "string", &[], &["learner at learner.tags"]);
        check("{{ truncate 'abc' (size 'x') }}", "string", &[], &[]);
        check(
            "{{ truncate 'abc' n }} {{ pad_left 'a' 'b' }}",
            "string",
            &["bad-arguments at "],
            &[],
        );
        check(
            "{{ learner.nme }}",
            "any",
            &["unknown-field at learner.nme"],
            &["learner at learner.nme"],
        );
    }
}
