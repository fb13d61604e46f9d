//! Functions of lists, and how the other files look into their items.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Args, Function, MAX_ITEMS, MAX_TEXT, may, need, rest, too_long};
use crate::cel::compare;
use crate::value::{Value, digest, get_path, json, print};

/// The longest range.
const MAX_RANGE: usize = 100_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "join",
        category: "lists",
        about: "The items of a list as one text.",
        params: &[need("list", "list"), may("by", "string")],
        returns: "string",
        examples: &[("join(['a', 'b'], ', ')", r#""a, b""#), ("[1, 2].join('-')", r#""1-2""#)],
        call: |args| {
            let (list, by) = (args.list(0)?, args.text_or(1, "")?);
            if list.len().saturating_mul(by.len()) > MAX_TEXT {
                return Err(too_long());
            }
            Ok(json!(list.iter().map(print).collect::<Vec<_>>().join(&by)))
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
            let items = args.list(0)?.iter().filter(|item| seen.insert(identity(item)));
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
        name: "item",
        category: "lists",
        about: "The item at a place (from 0; from the end with a minus), or another value (else null) where there is none.",
        params: &[need("list", "list"), need("at", "integer"), may("otherwise", "any")],
        returns: "any",
        examples: &[
            ("item([3, 4], 1)", "4"),
            ("item([3, 4], -1)", "4"),
            ("item([], 0, 'none')", r#""none""#),
        ],
        call: |args| {
            let (list, at) = (args.list(0)?, args.integer(1)?);
            let place = usize::try_from(at.unsigned_abs()).ok();
            let place =
                if at < 0 { place.and_then(|back| list.len().checked_sub(back)) } else { place };
            Ok(place.and_then(|place| list.get(place)).unwrap_or(args.value(2)).clone())
        },
        shallow: true,
    },
    Function {
        name: "sort",
        category: "lists",
        about: "The list in ascending order, of its items or of one field of them (`asc`), or in descending order (`desc`); nulls last.",
        params: &[need("list", "list"), may("by", "string"), may("order", "string")],
        returns: "list",
        examples: &[
            ("sort([3, 1.5, 2])", "[1.5,2,3]"),
            ("sort([{'n': 'b'}, {'n': 'a'}], 'n')", r#"[{"n":"a"},{"n":"b"}]"#),
            ("sort([1, null, 2], null, 'desc')", "[2,1,null]"),
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
        name: "concat",
        category: "lists",
        about: "The items of several lists, one list after the other.",
        params: &[need("list", "list"), rest("more", "list")],
        returns: "list",
        examples: &[("concat([1], [2, 3])", "[1,2,3]")],
        call: |args| {
            let mut all = Vec::new();
            for at in 0..args.count() {
                all.extend(args.list(at)?.iter().cloned());
            }
            Ok(Value::Array(all))
        },
        shallow: false,
    },
    Function {
        name: "chunk",
        category: "lists",
        about: "The list cut into lists of so many items; the last one has what is left.",
        params: &[need("list", "list"), need("size", "integer")],
        returns: "list",
        examples: &[("chunk([1, 2, 3], 2)", "[[1,2],[3]]")],
        call: |args| {
            let size = args.count_of(1, MAX_ITEMS)?;
            if size == 0 {
                return Err(format!("{} must be at least 1", args.name(1)));
            }
            Ok(args.list(0)?.chunks(size).map(|items| Value::Array(items.to_vec())).collect())
        },
        shallow: false,
    },
    Function {
        name: "range",
        category: "lists",
        about: "The whole numbers from one to before another.",
        params: &[need("from", "integer"), need("to", "integer"), may("step", "integer")],
        returns: "list",
        examples: &[("range(0, 3)", "[0,1,2]"), ("range(3, 0, -1)", "[3,2,1]")],
        call: range,
        shallow: false,
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
                Value::Array(items) => items.as_slice(),
                other => std::slice::from_ref(other),
            });
            Ok(parts.cloned().collect())
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
];

fn sort(args: &Args<'_>) -> Result<Value, String> {
    let is_down = match args.text_or(2, "asc")?.as_ref() {
        "asc" => false,
        "desc" => true,
        other => return Err(format!("{} must be `asc` or `desc`, it is {other:?}", args.name(2))),
    };
    let mut keyed: Vec<(&Value, &Value)> = column(args)?.into_iter().zip(args.list(0)?).collect();
    let (mut nulls, mut known): (Vec<_>, Vec<_>) =
        keyed.drain(..).partition(|(key, _)| key.is_null());
    // What cannot be compared is refused before sorting, which needs an order of all items.
    for pair in known.windows(2) {
        compare(pair[0].0, pair[1].0)?;
    }
    known.sort_by(|(a, _), (b, _)| {
        let order = compare(a, b).unwrap_or(Ordering::Equal);
        if is_down { order.reverse() } else { order }
    });
    known.append(&mut nulls);
    Ok(known.into_iter().map(|(_, item)| item.clone()).collect())
}

fn range(args: &Args<'_>) -> Result<Value, String> {
    let (from, to, step) = (args.integer(0)?, args.integer(1)?, args.integer_or(2, 1)?);
    if step == 0 {
        return Err(format!("{} must not be 0", args.name(2)));
    }
    let mut numbers = Vec::new();
    let mut at = Some(from);
    while let Some(number) = at.filter(|at| if step > 0 { *at < to } else { *at > to }) {
        if numbers.len() >= MAX_RANGE {
            return Err(format!("the range has more than {MAX_RANGE} numbers"));
        }
        numbers.push(json!(number));
        at = number.checked_add(step);
    }
    Ok(Value::Array(numbers))
}

/// The items of the first argument, or the field of each that the second one names: a name, or
/// names with dots between. What is missing is null.
pub(super) fn column<'a>(args: &'a Args<'_>) -> Result<Vec<&'a Value>, String> {
    let list = args.list(0)?;
    if args.given(1).is_none() {
        return Ok(list.iter().collect());
    }
    let by = args.text(1)?;
    Ok(list.iter().map(|item| field(item, &by)).collect())
}

/// A field of a value by its name, or by names with dots between; null where there is none.
pub(super) fn field<'v>(item: &'v Value, name: &str) -> &'v Value {
    let deep = || name.contains('.').then(|| get_path(item, &steps(name))).flatten();
    item.get(name).or_else(deep).unwrap_or(&Value::Null)
}

/// The names of a path: `caller.emails.0`.
pub(super) fn steps(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// What two equal values have in common, so that a set can hold it: 1 and 1.0 are the same.
pub(super) fn identity(value: &Value) -> String {
    match value.as_f64().filter(|_| value.is_f64()).and_then(exact) {
        Some(whole) => digest(&whole),
        None => digest(value),
    }
}

/// The whole number that a number is, if it is one.
fn exact(number: f64) -> Option<Value> {
    if number.fract() == 0.0 { super::general::whole(number) } else { None }
}

fn best(args: &Args<'_>, wanted: Ordering) -> Result<Value, String> {
    let candidates: Vec<&Value> = match args.value(0) {
        Value::Array(items) if args.count() == 1 => items.iter().collect(),
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
