//! The static type of an expression, and what the types show to be wrong.

use super::tree::{Kind, Macro, Node, Operator};
use crate::diagnostic::{codes, did_you_mean};
use crate::functions::Function;
use crate::references::{Mistake, dotted};
use crate::schema::{Fields, Schema, Type};
use crate::value::Value;

type Types<'a> = &'a dyn Fn(&str) -> Option<Schema>;

/// The type of a part; mistakes found on the way are added.
pub(super) fn infer(node: &Node, types: Types<'_>, found: &mut Vec<Mistake>) -> Schema {
    match &node.kind {
        Kind::Literal(value) => of_value(value),
        Kind::Path { root, fields } => path(node, root, fields, types, found),
        Kind::Field { of, name } => {
            let of = infer(of, types, found);
            let field = select(&of, name, "the value", node, found);
            Schema { nullable: field.nullable || of.nullable, ..field }
        }
        Kind::Index { of, at } => {
            let (of, _) = (infer(of, types, found), infer(at, types, found));
            match of.ty {
                Type::List(item) => *item,
                _ => Schema::any(),
            }
        }
        Kind::Has { of, .. } | Kind::Not(of) => {
            infer(of, types, found);
            Schema::of(Type::Boolean)
        }
        Kind::And(left, right) | Kind::Or(left, right) => {
            infer(left, types, found);
            infer(right, types, found);
            Schema::of(Type::Boolean)
        }
        Kind::Negate(of) => infer(of, types, found),
        Kind::Choice { when, then, otherwise } => {
            infer(when, types, found);
            common(infer(then, types, found), infer(otherwise, types, found))
        }
        Kind::Binary { op, left, right } => {
            let (a, b) = (infer(left, types, found), infer(right, types, found));
            binary(*op, &a, &b, node, found)
        }
        Kind::List(items) => {
            let items: Vec<Schema> = items.iter().map(|item| infer(item, types, found)).collect();
            Schema::list(items.into_iter().reduce(common).unwrap_or_else(Schema::any))
        }
        Kind::Object(entries) => object(entries, types, found),
        Kind::Call { function, args } => {
            let args: Vec<Schema> = args.iter().map(|arg| infer(arg, types, found)).collect();
            call(function, &args)
        }
        Kind::Macro { .. } => of_macro(node, types, found),
    }
}

fn of_macro(node: &Node, types: Types<'_>, found: &mut Vec<Mistake>) -> Schema {
    let Kind::Macro { of, list, name, filter, body } = &node.kind else { return Schema::any() };
    let list = infer(list, types, found);
    let item = match &list.ty {
        Type::List(item) => (**item).clone(),
        _ => Schema::any(),
    };
    let inner = |wanted: &str| if wanted == name { Some(item.clone()) } else { types(wanted) };
    if let Some(filter) = filter {
        infer(filter, &inner, found);
    }
    let body = infer(body, &inner, found);
    match of {
        Macro::Filter => Schema { nullable: false, ..list },
        Macro::Map => Schema::list(body),
        Macro::All | Macro::Exists | Macro::ExistsOne => Schema::of(Type::Boolean),
    }
}

fn of_value(value: &Value) -> Schema {
    let ty = match value {
        Value::Null => return Schema { nullable: true, ..Schema::any() },
        Value::Bool(_) => Type::Boolean,
        Value::Number(number) if number.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::List(Box::new(Schema::any())),
        Value::Object(_) => Type::Object(Fields::new()),
    };
    Schema::of(ty)
}

fn path(
    node: &Node,
    root: &str,
    fields: &[String],
    types: Types<'_>,
    found: &mut Vec<Mistake>,
) -> Schema {
    let Some(mut at) = types(root) else { return Schema::any() };
    for (i, field) in fields.iter().enumerate() {
        let nullable = at.nullable;
        at = select(&at, field, &dotted(root, &fields[..i]), node, found);
        at.nullable |= nullable;
    }
    at
}

fn select(of: &Schema, name: &str, holder: &str, node: &Node, found: &mut Vec<Mistake>) -> Schema {
    match &of.ty {
        Type::Any => Schema::any(),
        Type::Object(fields) if fields.is_empty() => Schema::any(),
        Type::Object(fields) => match fields.get(name) {
            Some(field) => field.clone(),
            None => {
                let message = format!("`{holder}` has no field `{name}`");
                let mistake = Mistake::new(codes::UNKNOWN_FIELD, message, node.range.clone());
                found.push(match did_you_mean(name, fields.keys().map(String::as_str)) {
                    Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
                    None => {
                        let known: Vec<&str> = fields.keys().map(String::as_str).take(12).collect();
                        mistake.with_help(format!("it has: {}", known.join(", ")))
                    }
                });
                Schema::any()
            }
        },
        _ => {
            let message = format!("`{holder}` is {}, it has no field `{name}`", of.type_name());
            found.push(Mistake::new(codes::UNKNOWN_FIELD, message, node.range.clone()));
            Schema::any()
        }
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

fn binary(op: Operator, a: &Schema, b: &Schema, node: &Node, found: &mut Vec<Mistake>) -> Schema {
    let (left, right) = (sort(a), sort(b));
    let numeric = |sort| matches!(sort, Sort::Integer | Sort::Number);
    if !op.is_arithmetic() {
        let comparable = left == right
            || (numeric(left) && numeric(right))
            || left == Sort::Any
            || right == Sort::Any
            || op == Operator::In;
        if !comparable {
            let message = format!(
                "`{}` compares {} with {}, which are never equal",
                op.sign(),
                a.type_name(),
                b.type_name()
            );
            found.push(Mistake::new(codes::EXPRESSION_TYPE, message, node.range.clone()));
        }
        return Schema::of(Type::Boolean);
    }
    match (left, right) {
        (Sort::Any, _) | (_, Sort::Any) => Schema::any(),
        (Sort::Integer, Sort::Integer) => Schema::of(Type::Integer),
        (Sort::Number, Sort::Number) if op != Operator::Remainder => Schema::of(Type::Number),
        (a, b) if numeric(a) && numeric(b) => {
            let message = format!("`{}` mixes an integer with a number", op.sign());
            found.push(
                Mistake::new(codes::MIXED_ARITHMETIC, message, node.range.clone())
                    .with_help("write 2.0 for 2, or double(x) for an integer x"),
            );
            Schema::of(Type::Number)
        }
        (Sort::Text, Sort::Text) if op == Operator::Add => Schema::of(Type::String),
        (Sort::List, Sort::List) if op == Operator::Add => common(a.clone(), b.clone()),
        _ => {
            let message =
                format!("`{}` does not work on {} and {}", op.sign(), a.type_name(), b.type_name());
            found.push(
                Mistake::new(codes::EXPRESSION_TYPE, message, node.range.clone())
                    .with_help("convert one side with string(x), int(x) or double(x)"),
            );
            Schema::any()
        }
    }
}

/// The type that holds both.
fn common(a: Schema, b: Schema) -> Schema {
    let nullable = a.nullable || b.nullable;
    let is_null = |schema: &Schema| schema.nullable && schema.ty == Type::Any;
    match () {
        () if a.ty == b.ty => Schema { nullable, ..a },
        () if is_null(&a) => Schema { nullable, ..b },
        () if is_null(&b) => Schema { nullable, ..a },
        () => Schema { nullable, ..Schema::any() },
    }
}

fn object(entries: &[(Node, Node)], types: Types<'_>, found: &mut Vec<Mistake>) -> Schema {
    let mut fields = Fields::new();
    for (key, value) in entries {
        let value = infer(value, types, found);
        match &key.kind {
            Kind::Literal(Value::String(key)) => {
                fields.insert(key.clone(), value);
            }
            _ => {
                infer(key, types, found);
                return Schema::of(Type::Object(Fields::new()));
            }
        }
    }
    fields.sort_keys();
    Schema::object(fields)
}

fn call(function: &Function, args: &[Schema]) -> Schema {
    let first = || args.first().cloned().unwrap_or_else(Schema::any);
    match function.name {
        "default" => match args.get(1) {
            Some(other) => {
                let value = Schema { nullable: false, ..first() };
                if value.ty == Type::Any { Schema::any() } else { common(value, other.clone()) }
            }
            None => first(),
        },
        "first" | "last" => match first().ty {
            Type::List(item) => Schema { nullable: true, ..*item },
            _ => Schema::any(),
        },
        "unique" | "sort" | "reverse" | "slice" | "compact" | "where" | "intersection"
        | "difference" => first(),
        "concat" | "union" => args.iter().cloned().reduce(common).unwrap_or_else(Schema::any),
        "chunk" => Schema::list(first()),
        "range" => Schema::list(Schema::of(Type::Integer)),
        "split" | "lines" | "keys" | "regex_find_all" => Schema::list(Schema::string()),
        "regex_find" => Schema { nullable: true, ..Schema::string() },
        "avg" | "median" => Schema { nullable: true, ..Schema::of(Type::Number) },
        "dyn" | "min" | "max" => Schema::any(),
        // Whole where the arguments are: which only their values tell.
        "sum" if args.len() == 1 => match first().ty {
            Type::List(item) if matches!(item.ty, Type::Integer | Type::Number) => *item,
            _ => Schema::any(),
        },
        "add" | "subtract" | "multiply" | "divide" | "power" | "sum" | "parse_number" => {
            Schema::any()
        }
        "abs" => first(),
        "round" | "trunc" if args.len() == 1 => Schema::of(Type::Integer),
        _ => Schema::of(Type::named(function.returns).unwrap_or(Type::Any)),
    }
}
