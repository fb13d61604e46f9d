//! Functions of lists and objects.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Args, Function, may, need, rest};
use crate::cel::compare;
use crate::value::{Map, Value, digest, json, print};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "join",
        category: "lists",
        about: "The items of a list as one text.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "string",
        examples: &[("join(['a', 'b'], ', ')", r#""a, b""#), ("[1, 2].join('-')", r#""1-2""#)],
        call: |args| {
            let by = args.text_or(1, "")?;
            let texts: Vec<String> = args.list(0)?.iter().map(print).collect();
            Ok(json!(texts.join(&by)))
        },
        shallow: false,
    },
    Function {
        name: "unique",
        category: "lists",
        about: "The list without repeated items; the first of each stays.",
        params: &[need("list", "list")],
        returns: "list",
        examples: &[("unique([2, 1, 2])", "[2,1]")],
        call: |args| {
            let mut seen = HashSet::new();
            let items = args.list(0)?.iter().filter(|item| seen.insert(digest(item)));
            Ok(items.cloned().collect())
        },
        shallow: false,
    },
    Function {
        name: "first",
        category: "lists",
        about: "The first item, null when the list is empty.",
        params: &[need("list", "list")],
        returns: "any",
        examples: &[("first([3, 4])", "3"), ("first([])", "null")],
        call: |args| Ok(args.list(0)?.first().cloned().unwrap_or_default()),
        shallow: true,
    },
    Function {
        name: "last",
        category: "lists",
        about: "The last item, null when the list is empty.",
        params: &[need("list", "list")],
        returns: "any",
        examples: &[("last([3, 4])", "4")],
        call: |args| Ok(args.list(0)?.last().cloned().unwrap_or_default()),
        shallow: true,
    },
    Function {
        name: "sort",
        category: "lists",
        about: "The list in ascending order, of its items or of one field of them; nulls last.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "list",
        examples: &[
            ("sort([3, 1.5, 2])", "[1.5,2,3]"),
            ("sort([{'n': 'b'}, {'n': 'a'}], 'n')", r#"[{"n":"a"},{"n":"b"}]"#),
        ],
        call: sort,
        shallow: false,
    },
    Function {
        name: "reverse",
        category: "lists",
        about: "The list from its end to its start.",
        params: &[need("list", "list")],
        returns: "list",
        examples: &[("reverse([1, 2, 3])", "[3,2,1]")],
        call: |args| Ok(args.list(0)?.iter().rev().cloned().collect()),
        shallow: true,
    },
    Function {
        name: "slice",
        category: "lists",
        about: "The items from one place (from 0) to before another, or to the end.",
        params: &[need("list", "list"), need("from", "integer"), may("to", "integer")],
        returns: "list",
        examples: &[("slice([1, 2, 3], 1)", "[2,3]"), ("slice([1, 2, 3], 0, 2)", "[1,2]")],
        call: |args| {
            let list = args.list(0)?;
            let place = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX);
            let to = place(args.integer_or(2, i64::MAX)?).min(list.len());
            let from = place(args.integer(1)?).min(to);
            Ok(list[from..to].iter().cloned().collect())
        },
        shallow: true,
    },
    Function {
        name: "flatten",
        category: "lists",
        about: "The items of the lists in a list, one level down.",
        params: &[need("list", "list")],
        returns: "list",
        examples: &[("flatten([[1], [2, 3], 4])", "[1,2,3,4]")],
        call: |args| {
            let parts = args.list(0)?.iter().flat_map(|item| match item {
                Value::Array(items) => items.clone(),
                other => vec![other.clone()],
            });
            Ok(parts.collect())
        },
        shallow: false,
    },
    Function {
        name: "compact",
        category: "lists",
        about: "The list without nulls and empty texts.",
        params: &[need("list", "list")],
        returns: "list",
        examples: &[("compact([1, null, ''])", "[1]")],
        call: |args| {
            let kept = args.list(0)?.iter().filter(|item| !item.is_null() && *item != "");
            Ok(kept.cloned().collect())
        },
        shallow: false,
    },
    Function {
        name: "min",
        category: "lists",
        about: "The smallest of a list, or of the arguments; null of an empty list.",
        params: &[need("values", "any"), rest("more", "any")],
        returns: "any",
        examples: &[("min([3, 1, 2])", "1"), ("min(2, 1)", "1"), ("min([])", "null")],
        call: |args| best(args, Ordering::Less),
        shallow: false,
    },
    Function {
        name: "max",
        category: "lists",
        about: "The largest of a list, or of the arguments; null of an empty list.",
        params: &[need("values", "any"), rest("more", "any")],
        returns: "any",
        examples: &[("max([3, 1, 2])", "3"), ("max('a', 'b')", r#""b""#)],
        call: |args| best(args, Ordering::Greater),
        shallow: false,
    },
    Function {
        name: "keys",
        category: "lists",
        about: "The names of the fields of an object, sorted.",
        params: &[need("object", "object")],
        returns: "list",
        examples: &[("keys({'b': 1, 'a': 2})", r#"["a","b"]"#)],
        call: |args| {
            let mut keys: Vec<&String> = args.object(0)?.keys().collect();
            keys.sort();
            Ok(json!(keys))
        },
        shallow: true,
    },
    Function {
        name: "get",
        category: "lists",
        about: "A field of an object by a computed name, or another value where it is missing.",
        params: &[need("object", "object"), need("name", "string"), may("otherwise", "any")],
        returns: "any",
        examples: &[("get({'a': 1}, 'a')", "1"), ("get({'a': 1}, 'b', 0)", "0")],
        call: |args| {
            let name = args.text(1)?;
            Ok(args.object(0)?.get(name.as_ref()).unwrap_or(args.value(2)).clone())
        },
        shallow: true,
    },
    Function {
        name: "merge",
        category: "lists",
        about: "One object of the fields of several; the last one wins.",
        params: &[need("object", "object"), rest("more", "object")],
        returns: "object",
        examples: &[("merge({'a': 1, 'b': 1}, {'b': 2})", r#"{"a":1,"b":2}"#)],
        call: |args| {
            let mut all = Map::new();
            for at in 0..args.0.len() {
                all.extend(args.object(at)?.clone());
            }
            Ok(Value::Object(all))
        },
        shallow: true,
    },
    Function {
        name: "without",
        category: "lists",
        about: "The object without the named fields.",
        params: &[need("object", "object"), need("names", "list")],
        returns: "object",
        examples: &[("without({'a': 1, 'b': 2}, ['b', 'c'])", r#"{"a":1}"#)],
        call: |args| {
            let names = args.list(1)?;
            let is_kept = |name: &str| names.iter().all(|other| other.as_str() != Some(name));
            let kept = args.object(0)?.iter().filter(|(name, _)| is_kept(name));
            Ok(Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
        },
        shallow: true,
    },
];

fn sort(args: &Args<'_>) -> Result<Value, String> {
    let by = args.given(1).map(|_| args.text(1)).transpose()?;
    let key = |item: &Value| match &by {
        Some(field) => item.get(field.as_ref()).cloned().unwrap_or_default(),
        None => item.clone(),
    };
    let mut keyed: Vec<(Value, &Value)> =
        args.list(0)?.iter().map(|item| (key(item), item)).collect();
    let mut failed = None;
    keyed.sort_by(|(a, _), (b, _)| match (a.is_null(), b.is_null()) {
        (false, false) => compare(a, b).unwrap_or_else(|message| {
            failed = Some(message);
            Ordering::Equal
        }),
        (a, b) => a.cmp(&b),
    });
    match failed {
        Some(message) => Err(message),
        None => Ok(keyed.into_iter().map(|(_, item)| item.clone()).collect()),
    }
}

fn best(args: &Args<'_>, wanted: Ordering) -> Result<Value, String> {
    let candidates: Vec<&Value> = match args.value(0) {
        Value::Array(items) if args.0.len() == 1 => items.iter().collect(),
        _ => args.iter().collect(),
    };
    let mut best: Option<&Value> = None;
    for candidate in candidates.into_iter().filter(|value| !value.is_null()) {
        match best {
            Some(held) if compare(candidate, held)? != wanted => {}
            _ => best = Some(candidate),
        }
    }
    Ok(best.cloned().unwrap_or_default())
}
