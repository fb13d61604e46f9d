//! The static type of a text, and what the types of its pills show to be wrong.

use std::rc::Rc;

use super::outline::{Block, Kind, Local, Node, Slot};
use super::{Argument, Form, Part, Text};
use crate::cel::{Env, Facts, Given, type_of_call, type_of_path};
use crate::diagnostic::codes;
use crate::references::{Mistake, NullRead, Reference, Study};
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
            Form::Pill(pill) => {
                let at = At { env: &env, levels: &[] };
                pill_type(pill, &mut self.references().iter(), &at, &mut study)
            }
            Form::Parts(parts) => {
                for part in parts {
                    if let Part::Pill(pill) = part
                        && let Form::Pill(argument) = &pill.inner.form
                    {
                        let at = At { env: &env, levels: &[] };
                        part_type(argument, pill.references(), &at, &mut study);
                    }
                }
                Schema::string()
            }
            Form::Blocks(blocks) => {
                let mut levels = vec![Bound::unknown()];
                nodes(&blocks.outline, &mut levels, &env, &mut study);
                Schema::string()
            }
        };
        study
    }
}

/// Where a pill stands.
struct At<'a, 'e> {
    env: &'a Env<'e>,
    /// What the blocks around it bind, outermost first.
    levels: &'a [Bound],
}

/// What a block binds.
struct Bound {
    item: Rc<Schema>,
    key: Type,
}

impl Bound {
    fn unknown() -> Self {
        Self { item: Rc::new(Schema::any()), key: Type::Any }
    }

    /// What a block of this kind binds of a subject.
    fn of(kind: Kind, subject: Schema) -> Self {
        match (kind, subject.ty) {
            (Kind::With, ty) => {
                Self { item: Rc::new(Schema { nullable: false, ..Schema::of(ty) }), key: Type::Any }
            }
            (_, Type::List(item)) => Self { item: Rc::new(*item), key: Type::Integer },
            (_, Type::Object(fields)) => {
                let item = fields.get("*").cloned().unwrap_or_else(Schema::any);
                Self { item: Rc::new(item), key: Type::String }
            }
            _ => Self::unknown(),
        }
    }
}

/// The pills and blocks of a text with blocks.
fn nodes(all: &[Node], levels: &mut Vec<Bound>, env: &Env<'_>, study: &mut Study) {
    for node in all {
        match node {
            Node::Pill { pill, references } => {
                part_type(pill, references, &At { env, levels }, study);
            }
            Node::Block(block) => self::block(block, levels, env, study),
        }
    }
}

fn block(block: &Block, levels: &mut Vec<Bound>, env: &Env<'_>, study: &mut Study) {
    let at = At { env, levels };
    let subject = pill_type(&block.subject, &mut block.references.iter(), &at, study);
    if block.kind == Kind::Each
        && !matches!(subject.ty, Type::List(_) | Type::Object(_) | Type::Any)
    {
        let message = format!("`#each` goes over a list or an object, this is {}", subject.named());
        let range = match (&block.subject, block.references.first()) {
            (Argument::Local(local), _) => local.range.clone(),
            (_, Some(reference)) => reference.range.clone(),
            (_, None) => 0..0,
        };
        study.mistakes.push(Mistake::new(codes::BAD_ARGUMENTS, message, range));
    }
    if block.kind == Kind::Test {
        nodes(&block.inside, levels, env, study);
    } else {
        levels.push(Bound::of(block.kind, subject));
        nodes(&block.inside, levels, env, study);
        levels.pop();
    }
    nodes(&block.otherwise, levels, env, study);
}

/// A pill with text beside it: its value is needed.
fn part_type(argument: &Argument, references: &[Reference], at: &At<'_, '_>, study: &mut Study) {
    let found = pill_type(argument, &mut references.iter(), at, study);
    if let (Argument::Path { root, fields }, [reference]) = (argument, references)
        && found.nullable
        && !reference.guarded
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
    at: &At<'_, '_>,
    study: &mut Study,
) -> Schema {
    let env = at.env;
    match argument {
        Argument::Literal(value) => literal(value),
        Argument::Local(local) => local_type(local, at.levels, study),
        Argument::Mistaken(parts) => {
            for part in parts {
                pill_type(part, &mut Dynamic(&mut *references), at, study);
            }
            Schema::any()
        }
        Argument::Path { root, fields } => {
            let reference = references.next();
            let range = reference.map_or(0..0, |reference| reference.range.clone());
            // What is tested around here is read here.
            let is_lenient = env.is_lenient || reference.is_some_and(|one| one.guarded);
            let env = Env { types: env.types, facts: env.facts.clone(), is_lenient };
            type_of_path(root, fields, range, &env, study)
        }
        Argument::Call { function, args } => {
            let mut given = Vec::with_capacity(args.len());
            for (number, arg) in args.iter().enumerate() {
                let is_asked = function.name == "default" && number == 0;
                let is_lenient = env.is_lenient || is_asked;
                let inner = Env { types: env.types, facts: env.facts.clone(), is_lenient };
                let inner = At { env: &inner, levels: at.levels };
                let (mut range, mut is_guarded) = (0..0, false);
                let mut seen = references.by_ref().inspect(|one| {
                    range = one.range.clone();
                    is_guarded = one.guarded;
                });
                let mut schema = pill_type(arg, &mut Dynamic(&mut seen), &inner, study);
                if let Argument::Local(local) = arg {
                    range = local.range.clone();
                }
                if is_guarded && !is_asked && matches!(arg, Argument::Path { .. }) {
                    schema.nullable = false;
                }
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

/// The type of something a block binds. Whether it is null is seen when the text is rendered.
fn local_type(local: &Local, levels: &[Bound], study: &mut Study) -> Schema {
    let Some(bound) = levels.get(local.level) else { return Schema::any() };
    match &local.slot {
        Slot::Mark(ty) => Schema::of(ty.clone()),
        Slot::Key => Schema::of(bound.key.clone()),
        Slot::Item => {
            let types = |name: &str| (name == local.name).then(|| Rc::clone(&bound.item));
            let env = Env { types: &types, facts: Facts::default(), is_lenient: true };
            let found = type_of_path(&local.name, &local.fields, local.range.clone(), &env, study);
            Schema { nullable: false, ..found }
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
            "rows" => Some(Rc::new(Schema::list(Schema::object(learner.clone())))),
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
    fn what_blocks_bind_has_the_type_of_what_they_are_about() {
        check("{{#each rows}}{{ id }} {{ this.id }} {{ @index }}{{/each}}", "string", &[], &[]);
        check("{{#each rows}}{{ idd }}{{/each}}", "string", &["unknown-field at idd"], &[]);
        check("{{#each rows}}{{ n }}{{/each}}", "string", &["unknown-field at n"], &[]);
        check("{{#each rows}}{{ ../n }}{{ @root.n }}{{/each}}", "string", &[], &[]);
        check(
            "{{#each rows as |row i|}}{{ row.id }}{{ join row.tags ',' }}{{ join i ',' }}{{ row.x }}{{/each}}",
            "string",
            &["bad-arguments at i", "unknown-field at row.x"],
            &[],
        );
        check(
            "{{#each rows}}{{#each tags}}{{ upper this }}{{ this.a }}{{ ../id }}{{ ../b }}{{/each}}{{/each}}",
            "string",
            &["unknown-field at this.a", "unknown-field at ../b"],
            &[],
        );
        check(
            "{{#with learner}}{{ id }}{{ x }}{{else}}{{ n }}{{/with}}",
            "string",
            &["unknown-field at x"],
            &[],
        );
        check("{{#each n}}{{ this }}{{/each}}", "string", &["bad-arguments at n"], &[]);
        check(
            "{{#if n}}{{ join n ',' }}{{/if}}{{#if (join n ',')}}x{{/if}}",
            "string",
            &["bad-arguments at n"; 2],
            &[],
        );
        check("{{#if learner}}{{ join learner.tags ',' }}{{/if}}", "string", &[], &[]);
        check(
            "{{#if n}}{{ join learner.tags ',' }}{{/if}}",
            "string",
            &[],
            &["learner at learner.tags"],
        );
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
