//! Functions of objects, and of what is deep inside values.

use super::lists::steps;
use super::{Args, Function, may, need, rest};
use crate::unknown::{as_unknown, rest_of};
use crate::value::{Map, Value, get_path, json, print};

/// The longest path into a value.
const MAX_STEPS: usize = 64;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "keys",
        category: "objects",
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
        category: "objects",
        about: "A field of an object by a computed name, or another value where it is missing.",
        params: &[need("object", "object"), need("name", "string"), may("otherwise", "any")],
        returns: "any",
        examples: &[("get({'a': 1}, 'a')", "1"), ("get({'a': 1}, 'b', 0)", "0")],
        call: |args| {
            let name = args.text(1)?;
            let object = args.object(0)?;
            Ok(match (object.get(name.as_ref()), rest_of(object)) {
                (Some(value), _) => value.clone(),
                (None, Some(rest)) => rest.at(&[name.into_owned()]),
                (None, None) => args.value(2).clone(),
            })
        },
        shallow: true,
    },
    Function {
        name: "merge",
        category: "objects",
        about: "One object of the fields of several; the last one wins.",
        params: &[need("object", "object"), rest("more", "object")],
        returns: "object",
        examples: &[("merge({'a': 1, 'b': 1}, {'b': 2})", r#"{"a":1,"b":2}"#)],
        call: |args| {
            let mut all = Map::new();
            for at in 0..args.count() {
                all.extend(args.object(at)?.clone());
            }
            Ok(Value::Object(all))
        },
        shallow: true,
    },
    Function {
        name: "without",
        category: "objects",
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
    Function {
        name: "without_nulls",
        category: "objects",
        about: "The object without the fields that are null, and so every object inside it.",
        params: &[need("object", "object")],
        returns: "object",
        examples: &[
            ("without_nulls({'a': 1, 'b': null})", r#"{"a":1}"#),
            ("without_nulls({'a': {'b': null}, 'c': [null]})", r#"{"a":{},"c":[null]}"#),
        ],
        call: |args| Ok(Value::Object(without_nulls(args.object(0)?))),
        shallow: true,
    },
    Function {
        name: "merge_deep",
        category: "objects",
        about: "One object of the fields of several, objects inside them merged as well; the last one wins.",
        params: &[need("object", "object"), rest("more", "object")],
        returns: "object",
        examples: &[
            ("merge_deep({'a': {'x': 1, 'y': 1}}, {'a': {'y': 2}})", r#"{"a":{"x":1,"y":2}}"#),
            ("merge_deep({'a': 1}, {'b': 2})", r#"{"a":1,"b":2}"#),
        ],
        call: |args| {
            let mut all = Map::new();
            for at in 0..args.count() {
                merge(&mut all, args.object(at)?);
            }
            Ok(Value::Object(all))
        },
        shallow: false,
    },
    Function {
        name: "pick",
        category: "objects",
        about: "The object with the named fields only.",
        params: &[need("object", "object"), need("names", "list")],
        returns: "object",
        examples: &[("pick({'a': 1, 'b': 2}, ['b', 'c'])", r#"{"b":2}"#)],
        call: |args| {
            let object = args.object(0)?;
            let names = args.list(1)?.iter().filter_map(Value::as_str);
            let found = names.filter_map(|name| Some((name.to_owned(), object.get(name)?.clone())));
            Ok(Value::Object(found.collect()))
        },
        shallow: true,
    },
    Function {
        name: "values",
        category: "objects",
        about: "The values of the fields of an object, in the order of `keys`.",
        params: &[need("object", "object")],
        returns: "list",
        examples: &[("values({'b': 1, 'a': 2})", "[2,1]")],
        call: |args| {
            Ok(sorted(args.object(0)?).into_iter().map(|(_, value)| value.clone()).collect())
        },
        shallow: true,
    },
    Function {
        name: "entries",
        category: "objects",
        about: "The fields of an object as a list of objects with `key` and `value`, in the order of `keys`.",
        params: &[need("object", "object")],
        returns: "list",
        examples: &[("entries({'a': 1})", r#"[{"key":"a","value":1}]"#)],
        call: |args| {
            let entries = sorted(args.object(0)?).into_iter();
            Ok(entries.map(|(key, value)| json!({ "key": key, "value": value })).collect())
        },
        shallow: true,
    },
    Function {
        name: "from_entries",
        category: "objects",
        about: "The object that a list of objects with `key` and `value` describes; the last of the same key wins.",
        params: &[need("list", "list")],
        returns: "object",
        examples: &[("from_entries([{'key': 'a', 'value': 1}])", r#"{"a":1}"#)],
        call: |args| {
            let mut object = Map::new();
            for entry in args.list(0)? {
                let Some(key) = entry.get("key").filter(|key| !key.is_null()) else {
                    return Err("an item of the list has no `key`".to_owned());
                };
                object.insert(print(key), entry.get("value").cloned().unwrap_or_default());
            }
            Ok(Value::Object(object))
        },
        shallow: false,
    },
    Function {
        name: "get_path",
        category: "objects",
        about: "What stands at a path of names and places in lists (`caller.emails.0`, or a list of them), or another value (else null) where there is nothing.",
        params: &[need("value", "any"), need("path", "any"), may("otherwise", "any")],
        returns: "any",
        examples: &[
            ("get_path({'a': [{'b': 1}]}, 'a.0.b')", "1"),
            ("get_path({'a': 1}, 'b.c', 'none')", r#""none""#),
            ("get_path({'a.b': 1}, ['a.b'])", "1"),
        ],
        call: |args| {
            let path = path(args)?;
            let mut at = args.value(0);
            for (done, name) in path.iter().enumerate() {
                if let Some(unknown) = as_unknown(at) {
                    return Ok(unknown.at(&path[done..]));
                }
                match (get_path(at, std::slice::from_ref(name)), at.as_object().and_then(rest_of)) {
                    (Some(found), _) if !found.is_null() => at = found,
                    (None, Some(rest)) => return Ok(rest.at(&path[done..])),
                    _ => return Ok(args.value(2).clone()),
                }
            }
            Ok(at.clone())
        },
        shallow: true,
    },
    Function {
        name: "set_path",
        category: "objects",
        about: "The value with another one at a path; objects on the way are made, and the place after the last item of a list adds one.",
        params: &[need("value", "any"), need("path", "any"), need("new", "any")],
        returns: "any",
        examples: &[
            ("set_path({'a': {'b': 1}}, 'a.b', 2)", r#"{"a":{"b":2}}"#),
            ("set_path({}, 'a.b', [])", r#"{"a":{"b":[]}}"#),
            ("set_path([1], '1', 2)", "[1,2]"),
        ],
        call: |args| {
            let mut value = args.value(0).clone();
            put(&mut value, &path(args)?, args.value(2).clone())?;
            Ok(value)
        },
        shallow: false,
    },
];

fn sorted(object: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<_> = object.iter().collect();
    fields.sort_by_key(|(key, _)| *key);
    fields
}

fn without_nulls(fields: &Map<String, Value>) -> Map<String, Value> {
    let kept = fields.iter().filter(|(_, value)| !value.is_null());
    kept.map(|(name, value)| (name.clone(), kept_of(value))).collect()
}

fn kept_of(value: &Value) -> Value {
    match value {
        Value::Object(fields) if as_unknown(value).is_none() => {
            Value::Object(without_nulls(fields))
        }
        Value::Array(items) => Value::Array(items.iter().map(kept_of).collect()),
        other => other.clone(),
    }
}

fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(held)), Value::Object(fields)) => merge(held, fields),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

fn path(args: &Args<'_>) -> Result<Vec<String>, String> {
    let path: Vec<String> = match args.value(1) {
        Value::Array(names) => names.iter().map(print).collect(),
        _ => steps(&args.text(1)?),
    };
    if path.len() > MAX_STEPS {
        return Err(format!("the path has more than {MAX_STEPS} steps"));
    }
    Ok(path)
}

fn put(at: &mut Value, path: &[String], new: Value) -> Result<(), String> {
    let Some((name, rest)) = path.split_first() else {
        *at = new;
        return Ok(());
    };
    match at {
        Value::Null => {
            let mut inner = Value::Null;
            put(&mut inner, rest, new)?;
            *at = Value::Object(Map::from_iter([(name.clone(), inner)]));
            Ok(())
        }
        Value::Object(fields) => put(fields.entry(name.as_str()).or_insert(Value::Null), rest, new),
        Value::Array(items) => {
            let count = items.len();
            let place = name.parse::<usize>().ok().filter(|place| *place <= count);
            let Some(place) = place else {
                return Err(format!("there is no place `{name}` in a list of {count}"));
            };
            if place == count {
                items.push(Value::Null);
            }
            put(&mut items[place], rest, new)
        }
        _ => Err(format!("there is a single value where `{name}` should be set")),
    }
}
