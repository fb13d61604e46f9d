//! The static type of an expression, and what the types show to be wrong.

use std::rc::Rc;

use super::facts::{Facts, is_lenient};
use super::returns::{Given, call};
use super::tree::{Kind, Macro, Node, Operator};
use crate::diagnostic::{codes, did_you_mean};
use crate::functions::Function;
use crate::references::{Mistake, NullRead, Study, dotted};
use crate::schema::{Fields, Schema, Type};
use crate::unknown::equal;
use crate::value::{Value, print};

/// The types of the root names.
pub(crate) type Types<'a> = &'a dyn Fn(&str) -> Option<Rc<Schema>>;

/// Where a part is read.
pub(crate) struct Env<'e> {
    pub(crate) types: Types<'e>,
    pub(crate) facts: Facts<'e>,
    /// What is null here is asked about.
    pub(crate) is_lenient: bool,
}

impl<'e> Env<'e> {
    pub(crate) fn new(types: Types<'e>, facts: Facts<'e>) -> Self {
        Self { types, facts, is_lenient: false }
    }

    fn leniently(&self) -> Self {
        Self { types: self.types, facts: self.facts.clone(), is_lenient: true }
    }

    /// The same where a condition holds or does not.
    fn where_it<'n>(&self, condition: &'n Node, holds: bool) -> Env<'n>
    where
        'e: 'n,
    {
        let mut facts: Facts<'n> = self.facts.clone();
        facts.assume_node(condition, holds);
        Env { types: self.types, facts, is_lenient: self.is_lenient }
    }
}

/// The type of a part; what is wrong on the way is added to the study.
pub(super) fn infer<'n>(node: &'n Node, env: &Env<'n>, study: &mut Study) -> Schema {
    match &node.kind {
        Kind::Literal(value) => of_value(value),
        Kind::Path { root, fields } => path(root, fields, node.range.clone(), env, study),
        Kind::Field { of, name } => {
            let of = infer(of, env, study);
            let field = select(&of, name, "the value", node.range.clone(), study);
            Schema { nullable: field.nullable || of.nullable, ..field }
        }
        Kind::Index { of, at } => index(node, of, at, env, study),
        Kind::Has { of, .. } => {
            infer(of, env, study);
            Schema::of(Type::Boolean)
        }
        Kind::Not(of) => condition(of, "`!`", env, study),
        Kind::And(left, right) => {
            condition(left, "`&&`", env, study);
            condition(right, "`&&`", &env.where_it(left, true), study)
        }
        Kind::Or(left, right) => {
            condition(left, "`||`", env, study);
            condition(right, "`||`", &env.where_it(left, false), study)
        }
        Kind::Negate(of) => Schema { choices: Vec::new(), ..infer(of, env, study) },
        Kind::Choice { when, then, otherwise } => {
            condition(when, "`? :`", env, study);
            let then = infer(then, &env.where_it(when, true), study);
            common(then, infer(otherwise, &env.where_it(when, false), study))
        }
        Kind::Binary { op, left, right } => {
            let (a, b) = (infer(left, env, study), infer(right, env, study));
            if !matches!(op, Operator::Equal | Operator::NotEqual | Operator::In) {
                needed(left, &a, env, study);
            }
            if !matches!(op, Operator::Equal | Operator::NotEqual) {
                needed(right, &b, env, study);
            }
            binary(*op, &a, &b, node, study)
        }
        Kind::List(items) => {
            let items: Vec<Schema> = items.iter().map(|item| infer(item, env, study)).collect();
            Schema::list(items.into_iter().reduce(common).unwrap_or_else(Schema::any))
        }
        Kind::Object(entries) => object(entries, env, study),
        Kind::Call { function, args } => of_call(function, args, env, study),
        Kind::Macro { .. } => of_macro(node, env, study),
        Kind::Mistaken(parts) => {
            parts.iter().for_each(|part| drop(infer(part, env, study)));
            Schema::any()
        }
    }
}

fn of_call<'n>(function: &Function, args: &'n [Node], env: &Env<'n>, study: &mut Study) -> Schema {
    let mut given = Vec::with_capacity(args.len());
    for (at, arg) in args.iter().enumerate() {
        let schema = match is_lenient(function, at) {
            true => infer(arg, &env.leniently(), study),
            false => infer(arg, env, study),
        };
        let path = match &arg.kind {
            Kind::Path { root, fields } => Some((root.as_str(), fields.as_slice())),
            _ => None,
        };
        given.push(Given { schema, range: arg.range.clone(), path });
    }
    call(function, &given, env.is_lenient, study)
}

/// A part that must be true or false.
fn condition<'n>(node: &'n Node, what: &str, env: &Env<'n>, study: &mut Study) -> Schema {
    let found = infer(node, env, study);
    if !matches!(found.ty, Type::Boolean | Type::Any) {
        let message = format!("{what} takes a condition, this is {}", found.named());
        study.mistakes.push(Mistake::new(codes::EXPRESSION_TYPE, message, node.range.clone()));
    }
    Schema::of(Type::Boolean)
}

/// Notes that the value of a part is needed, where it can be null.
fn needed(node: &Node, schema: &Schema, env: &Env<'_>, study: &mut Study) {
    if let Kind::Path { root, fields } = &node.kind
        && schema.nullable
        && !env.is_lenient
    {
        study.nulls.push(NullRead {
            root: root.clone(),
            path: fields.clone(),
            is_read_through: false,
            range: node.range.clone(),
        });
    }
}

fn index<'n>(
    node: &'n Node,
    of: &'n Node,
    at: &'n Node,
    env: &Env<'n>,
    study: &mut Study,
) -> Schema {
    let (found, key) = (infer(of, env, study), infer(at, env, study));
    needed(of, &found, env, study);
    match (&found.ty, &at.kind) {
        (Type::List(item), _) => {
            if !matches!(key.ty, Type::Integer | Type::Any) {
                let message = format!("a list has places from 0, not {}", key.named());
                study.mistakes.push(Mistake::new(
                    codes::EXPRESSION_TYPE,
                    message,
                    at.range.clone(),
                ));
            }
            (**item).clone()
        }
        (Type::Object(_), Kind::Literal(Value::String(name))) => {
            select(&found, name, "the object", node.range.clone(), study)
        }
        _ => Schema::any(),
    }
}

fn of_macro<'n>(node: &'n Node, env: &Env<'n>, study: &mut Study) -> Schema {
    let Kind::Macro { of, list, name, filter, body } = &node.kind else { return Schema::any() };
    let found = infer(list, env, study);
    needed(list, &found, env, study);
    let item = match &found.ty {
        Type::List(item) => Rc::new((**item).clone()),
        Type::Object(_) => Rc::new(Schema::string()),
        Type::Any => Rc::new(Schema::any()),
        _ => {
            let message = format!("this goes over a list, and it is {}", found.named());
            study.mistakes.push(Mistake::new(codes::EXPRESSION_TYPE, message, list.range.clone()));
            Rc::new(Schema::any())
        }
    };
    let types = |wanted: &str| {
        if wanted == name { Some(Rc::clone(&item)) } else { (env.types)(wanted) }
    };
    let inner = Env { types: &types, facts: env.facts.without(name), is_lenient: env.is_lenient };
    let holds = filter.as_ref().map(|filter| {
        condition(filter, "the filter of `map`", &inner, study);
        inner.where_it(filter, true)
    });
    let inner = holds.unwrap_or(inner);
    match of {
        Macro::Filter => {
            condition(body, "`filter`", &inner, study);
            // Over an object it goes over the names of the fields.
            match found.ty {
                Type::Any => Schema::any(),
                _ => Schema::list((*item).clone()),
            }
        }
        Macro::Map => Schema::list(infer(body, &inner, study)),
        Macro::All | Macro::Exists | Macro::ExistsOne => {
            let what = match of {
                Macro::All => "`all`",
                Macro::Exists => "`exists`",
                _ => "`exists_one`",
            };
            condition(body, what, &inner, study)
        }
    }
}

/// A literal is of its type, and that one value.
fn of_value(value: &Value) -> Schema {
    let ty = match value {
        Value::Null => Type::Any,
        Value::Bool(_) => Type::Boolean,
        Value::Number(number) if number.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => return Schema::list(Schema::any()),
        Value::Object(_) => return Schema::of(Type::Object(Fields::new())),
    };
    Schema { nullable: value.is_null(), choices: vec![value.clone()], ..Schema::of(ty) }
}

/// The type of a path of names.
pub(crate) fn path(
    root: &str,
    fields: &[String],
    range: std::ops::Range<usize>,
    env: &Env<'_>,
    study: &mut Study,
) -> Schema {
    let Some(first) = (env.types)(root) else { return Schema::any() };
    let mut at: &Schema = &first;
    let mut selected;
    let mut is_nullable = at.nullable && !env.facts.is_not_null(root, &[]);
    for (i, field) in fields.iter().enumerate() {
        let above = &fields[..i];
        if is_nullable && !env.is_lenient {
            study.nulls.push(NullRead {
                root: root.to_owned(),
                path: above.to_vec(),
                is_read_through: true,
                range: range.clone(),
            });
            is_nullable = false;
        }
        at = match &at.ty {
            Type::Object(inner) if inner.get(field).is_some() => &inner[field],
            _ => {
                selected = select(at, field, &dotted(root, above), range.clone(), study);
                &selected
            }
        };
        is_nullable = (is_nullable || at.nullable) && !env.facts.is_not_null(root, &fields[..=i]);
    }
    Schema { nullable: is_nullable, ..at.clone() }
}

fn select(
    of: &Schema,
    name: &str,
    holder: &str,
    range: std::ops::Range<usize>,
    study: &mut Study,
) -> Schema {
    let mut unknown = |message: String, help: Option<String>| {
        let mistake = Mistake::new(codes::UNKNOWN_FIELD, message, range.clone());
        study.mistakes.push(Mistake { help, ..mistake });
        Schema::any()
    };
    match &of.ty {
        Type::Any => Schema::any(),
        Type::Object(fields) if fields.is_empty() || fields.contains_key("*") => {
            fields.get(name).cloned().unwrap_or_else(Schema::any)
        }
        Type::Object(fields) => match fields.get(name) {
            Some(field) => field.clone(),
            None => {
                let known = || fields.keys().map(String::as_str).filter(|name| *name != "-");
                let help = match did_you_mean(name, known()) {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None if known().next().is_none() => None,
                    None => {
                        Some(format!("it has: {}", known().take(12).collect::<Vec<_>>().join(", ")))
                    }
                };
                unknown(format!("`{holder}` has no field `{name}`"), help)
            }
        },
        Type::List(item) if name.bytes().all(|byte| byte.is_ascii_digit()) => (**item).clone(),
        _ => unknown(format!("`{holder}` is {}, it has no field `{name}`", of.named()), None),
    }
}

/// How a type behaves under operators.
#[derive(PartialEq, Clone, Copy)]
enum Sort {
    Integer,
    Number,
    Text,
    Boolean,
    List,
    Object,
    Any,
}

fn sort(schema: &Schema) -> Sort {
    match schema.ty {
        Type::Integer => Sort::Integer,
        Type::Number => Sort::Number,
        Type::Boolean => Sort::Boolean,
        Type::List(_) => Sort::List,
        Type::Object(_) => Sort::Object,
        Type::Any => Sort::Any,
        Type::String
        | Type::Date
        | Type::Datetime
        | Type::Duration
        | Type::Email
        | Type::Url
        | Type::Path
        | Type::Secret => Sort::Text,
    }
}

fn binary(op: Operator, a: &Schema, b: &Schema, node: &Node, study: &mut Study) -> Schema {
    let (left, right) = (sort(a), sort(b));
    let numeric = |sort| matches!(sort, Sort::Integer | Sort::Number);
    let mut wrong = |code, message: String, help: Option<String>| {
        study.mistakes.push(Mistake { help, ..Mistake::new(code, message, node.range.clone()) });
    };
    if op == Operator::In {
        in_list(a, b, node, study);
        return Schema::of(Type::Boolean);
    }
    if !op.is_arithmetic() {
        let is_any = left == Sort::Any || right == Sort::Any;
        if left != right && !(numeric(left) && numeric(right)) && !is_any {
            let verdict = match op {
                Operator::Equal | Operator::NotEqual => "which are never equal",
                _ => "which have no order",
            };
            let (a, b) = (a.type_name(), b.type_name());
            let message = format!("`{}` compares {a} with {b}, {verdict}", op.sign());
            wrong(codes::EXPRESSION_TYPE, message, None);
        } else if matches!(op, Operator::Equal | Operator::NotEqual) {
            never_equal(a, b, node, study);
        }
        return Schema::of(Type::Boolean);
    }
    match (left, right) {
        (Sort::Any, _) | (_, Sort::Any) => Schema::any(),
        (Sort::Integer, Sort::Integer) => Schema::of(Type::Integer),
        (Sort::Number, Sort::Number) if op != Operator::Remainder => Schema::of(Type::Number),
        (a, b) if numeric(a) && numeric(b) => {
            let message = format!("`{}` mixes an integer with a number", op.sign());
            let help = "write 2.0 for 2, or double(x) for an integer x".to_owned();
            wrong(codes::MIXED_ARITHMETIC, message, Some(help));
            Schema::of(Type::Number)
        }
        (Sort::Text, Sort::Text) if op == Operator::Add => Schema::of(Type::String),
        (Sort::List, Sort::List) if op == Operator::Add => common(a.clone(), b.clone()),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            let message = format!("`{}` does not work on {a} and {b}", op.sign());
            let help = "convert one side with string(x), int(x) or double(x)".to_owned();
            wrong(codes::EXPRESSION_TYPE, message, Some(help));
            Schema::any()
        }
    }
}

/// Whether one of two sets of values has none of the other; empty sets are of any value.
fn are_apart(a: &Schema, b: &Schema) -> bool {
    let is_in =
        |value: &Value, of: &Schema| of.choices.iter().any(|one| equal(one, value) != Some(false));
    !a.choices.is_empty()
        && !b.choices.is_empty()
        && !a.nullable
        && !b.nullable
        && !a.choices.iter().any(|value| is_in(value, b))
}

fn never_equal(a: &Schema, b: &Schema, node: &Node, study: &mut Study) {
    if !are_apart(a, b) {
        return;
    }
    let (word, all) = if a.choices.len() == 1 { (a, b) } else { (b, a) };
    never_one_of(word, all, node.range.clone(), study);
}

/// `in` with values that the left side never has.
fn in_list(a: &Schema, b: &Schema, node: &Node, study: &mut Study) {
    let Kind::Binary { right, .. } = &node.kind else { return };
    match (&right.kind, &b.ty) {
        (Kind::List(items), _) => {
            for item in items {
                if let Kind::Literal(value) = &item.kind {
                    let value = of_value(value);
                    if are_apart(&value, a) {
                        never_one_of(&value, a, item.range.clone(), study);
                    }
                }
            }
        }
        (_, Type::List(_) | Type::Object(_) | Type::Any) => {}
        _ => {
            let message = format!("`in` takes a list on its right, this is {}", b.named());
            let help = matches!(sort(b), Sort::Text)
                .then(|| "for a part of a text write text.contains(part)".to_owned());
            let mistake = Mistake::new(codes::EXPRESSION_TYPE, message, right.range.clone());
            study.mistakes.push(Mistake { help, ..mistake });
        }
    }
}

fn never_one_of(word: &Schema, all: &Schema, range: std::ops::Range<usize>, study: &mut Study) {
    let written: Vec<String> = all.choices.iter().map(print).collect();
    let value = word.choices.first().map(print).unwrap_or_default();
    let message = format!("this is never `{value}`: it is one of {}", written.join(", "));
    let near = did_you_mean(&value, written.iter().map(String::as_str));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    study.mistakes.push(Mistake { help, ..Mistake::new(codes::EXPRESSION_TYPE, message, range) });
}

/// The type that holds both.
pub(crate) fn common(a: Schema, b: Schema) -> Schema {
    let nullable = a.nullable || b.nullable;
    let is_null = |schema: &Schema| schema.ty == Type::Any && schema.choices == [Value::Null];
    if is_null(&a) {
        return Schema { nullable, ..b };
    }
    if is_null(&b) {
        return Schema { nullable, ..a };
    }
    let mut choices = Vec::new();
    if !a.choices.is_empty() && !b.choices.is_empty() {
        choices.extend(a.choices);
        choices.extend(
            b.choices.into_iter().filter(|value| !choices.contains(value)).collect::<Vec<_>>(),
        );
    }
    let ty = match (a.ty, b.ty) {
        (Type::List(a), Type::List(b)) => Type::List(Box::new(common(*a, *b))),
        (Type::Object(a), Type::Object(b)) if a.is_empty() || b.is_empty() => {
            Type::Object(Fields::new())
        }
        (Type::Object(a), Type::Object(mut b)) => {
            let mut fields = Fields::new();
            for (name, own) in a {
                let other = b.shift_remove(&name);
                fields.insert(name, other.map_or_else(Schema::any, |other| common(own, other)));
            }
            fields.extend(b.into_keys().map(|name| (name, Schema::any())));
            Type::Object(fields)
        }
        (a, b) if a == b => a,
        (a, b) if a.is_text() && b.is_text() => Type::String,
        _ => Type::Any,
    };
    Schema { nullable, choices, ..Schema::of(ty) }
}

fn object<'n>(entries: &'n [(Node, Node)], env: &Env<'n>, study: &mut Study) -> Schema {
    let mut fields = Fields::new();
    let mut is_open = false;
    for (key, value) in entries {
        let value = infer(value, env, study);
        match &key.kind {
            Kind::Literal(Value::String(key)) => drop(fields.insert(key.clone(), value)),
            _ => {
                infer(key, env, study);
                is_open = true;
            }
        }
    }
    if is_open {
        return Schema::of(Type::Object(Fields::new()));
    }
    fields.sort_keys();
    Schema::object(fields)
}
