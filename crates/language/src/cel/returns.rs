//! What functions take and give, as types: the same for calls in expressions and in texts.

use std::ops::Range;

use super::facts::needs_value;
use super::infer::common;
use crate::diagnostic::codes;
use crate::functions::{Function, article};
use crate::references::{Mistake, NullRead, Study};
use crate::schema::{Fields, Schema, Type};

/// An argument.
pub(crate) struct Given<'a> {
    pub(crate) schema: Schema,
    /// Where it is written.
    pub(crate) range: Range<usize>,
    /// The names it is made of, when it is nothing else.
    pub(crate) path: Option<(&'a str, &'a [String])>,
}

/// The type of a call; arguments of another type, or that can be null, are added to the study.
pub(crate) fn call(
    function: &Function,
    given: &[Given<'_>],
    is_lenient: bool,
    study: &mut Study,
) -> Schema {
    for (at, one) in given.iter().enumerate() {
        let param = function.params.get(at).or_else(|| function.params.last().filter(|p| p.rest));
        let Some(param) = param else { continue };
        if !takes(param.ty, &one.schema) {
            let message = format!(
                "`{}` takes {} {} as `{}`, this is {}",
                function.name,
                article(param.ty),
                param.ty,
                param.name,
                one.schema.named()
            );
            study.mistakes.push(Mistake::new(codes::BAD_ARGUMENTS, message, one.range.clone()));
        } else if let Some((root, path)) = one.path
            && one.schema.nullable
            && !is_lenient
            && needs_value(function, at)
        {
            study.nulls.push(NullRead {
                root: root.to_owned(),
                path: path.to_vec(),
                is_read_through: false,
                range: one.range.clone(),
            });
        }
    }
    let schemas: Vec<&Schema> = given.iter().map(|one| &one.schema).collect();
    returned(function, &schemas)
}

/// Whether a parameter of a type can be given a value of another; texts are written from numbers.
fn takes(wanted: &str, found: &Schema) -> bool {
    match (wanted, &found.ty) {
        (_, Type::Any) => true,
        ("string", ty) => !matches!(ty, Type::List(_) | Type::Object(_)),
        ("list", ty) => matches!(ty, Type::List(_)),
        ("object", ty) => matches!(ty, Type::Object(_)),
        ("integer", ty) => matches!(ty, Type::Integer),
        ("number", ty) => matches!(ty, Type::Integer | Type::Number),
        ("boolean", ty) => matches!(ty, Type::Boolean),
        _ => true,
    }
}

fn item(list: &Schema) -> Schema {
    match &list.ty {
        Type::List(item) => (**item).clone(),
        _ => Schema::any(),
    }
}

fn returned(function: &Function, args: &[&Schema]) -> Schema {
    let plain = |schema: &Schema| Schema { choices: Vec::new(), ..schema.clone() };
    let first = || args.first().map_or_else(Schema::any, |schema| plain(schema));
    match function.name {
        "default" => match args.get(1) {
            Some(other) => {
                let value = Schema { nullable: false, ..first() };
                if value.ty == Type::Any { Schema::any() } else { common(value, plain(other)) }
            }
            None => first(),
        },
        "first" | "last" => Schema { nullable: true, ..item(&first()) },
        "unique" | "sort" | "reverse" | "slice" | "where" | "intersection" | "difference" => {
            first()
        }
        "concat" | "union" => {
            let all = args.iter().map(|schema| plain(schema));
            all.reduce(common).unwrap_or_else(Schema::any)
        }
        "chunk" => Schema::list(first()),
        "range" => Schema::list(Schema::of(Type::Integer)),
        "compact" => Schema::list(Schema { nullable: false, ..item(&first()) }),
        "flatten" => match item(&first()).ty {
            Type::List(inner) => Schema::list(*inner),
            _ => Schema::list(Schema::any()),
        },
        // Whole where the arguments are: which only their values tell.
        "sum" if args.len() == 1 => match item(&first()).ty {
            ty @ (Type::Integer | Type::Number) => Schema::of(ty),
            _ => Schema::any(),
        },
        "add" | "subtract" | "multiply" | "divide" | "power" | "sum" | "parse_number" => {
            Schema::any()
        }
        "regex_find" => Schema { nullable: true, ..Schema::string() },
        "avg" | "median" => Schema { nullable: true, ..Schema::of(Type::Number) },
        "min" | "max" if args.len() == 1 => Schema { nullable: true, ..item(&first()) },
        "min" | "max" => {
            let all = args.iter().map(|schema| plain(schema));
            all.reduce(common).unwrap_or_else(Schema::any)
        }
        "merge" => merged(args),
        "split" | "lines" | "keys" | "regex_find_all" => Schema::list(Schema::string()),
        "dyn" => Schema::any(),
        "abs" => first(),
        "round" | "trunc" if args.len() == 1 => Schema::of(Type::Integer),
        "double" => Schema::of(Type::Number),
        // Whole or not: only the values tell.
        _ if function.returns == "number" => Schema::any(),
        _ => Schema::of(Type::named(function.returns).unwrap_or(Type::Any)),
    }
}

/// The fields of several objects; open when one of them is.
fn merged(args: &[&Schema]) -> Schema {
    let mut all = Fields::new();
    for arg in args {
        match &arg.ty {
            Type::Object(fields) if !fields.is_empty() && !fields.contains_key("*") => {
                all.extend(fields.iter().map(|(name, field)| (name.clone(), field.clone())));
            }
            _ => return Schema::of(Type::Object(Fields::new())),
        }
    }
    Schema::object(all)
}
