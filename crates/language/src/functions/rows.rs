//! Functions of lists of records, and of lists as sets. A field is named as it is, or by names with
//! dots between (`caller.email`).

use std::collections::HashSet;

use super::lists::{column, field, identity};
use super::{Args, Function, need};
use crate::unknown::equal;
use crate::value::{Map, Value, json, print};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "pluck",
        category: "lists",
        about: "One field of each item of a list; null where an item has none.",
        params: &[need("list", "list"), need("field", "string")],
        returns: "list",
        examples: &[("pluck([{'id': 1}, {'id': 2}], 'id')", "[1,2]")],
        call: |args| Ok(column(args)?.into_iter().cloned().collect()),
        shallow: false,
    },
    Function {
        name: "where",
        category: "lists",
        about: "The items of a list of which one field has a value.",
        params: &[need("list", "list"), need("field", "string"), need("value", "any")],
        returns: "list",
        examples: &[("where([{'a': 1}, {'a': 2}], 'a', 2)", r#"[{"a":2}]"#)],
        call: |args| {
            let (name, wanted) = (args.text(1)?, args.value(2));
            let has_it = |item: &&Value| equal(field(item, &name), wanted) == Some(true);
            Ok(args.list(0)?.iter().filter(has_it).cloned().collect())
        },
        shallow: false,
    },
    Function {
        name: "group_by",
        category: "lists",
        about: "The items of a list by the value of one field, as an object of lists; an empty name stands for null.",
        params: &[need("list", "list"), need("field", "string")],
        returns: "object",
        examples: &[(
            "group_by([{'t': 'x', 'n': 1}, {'t': 'y', 'n': 2}, {'t': 'x', 'n': 3}], 't')",
            r#"{"x":[{"t":"x","n":1},{"t":"x","n":3}],"y":[{"t":"y","n":2}]}"#,
        )],
        call: |args| {
            let mut groups = Map::new();
            for (key, item) in column(args)?.into_iter().zip(args.list(0)?) {
                match groups.entry(print(key)).or_insert_with(|| json!([])) {
                    Value::Array(items) => items.push(item.clone()),
                    _ => return Err("a group is not a list".to_owned()),
                }
            }
            Ok(Value::Object(groups))
        },
        shallow: false,
    },
    Function {
        name: "index_by",
        category: "lists",
        about: "The items of a list under the value of one field, as an object; of several with the same value the first, of those without one none.",
        params: &[need("list", "list"), need("field", "string")],
        returns: "object",
        examples: &[(
            "index_by([{'id': 7, 'n': 'a'}, {'id': 8, 'n': 'b'}], 'id')",
            r#"{"7":{"id":7,"n":"a"},"8":{"id":8,"n":"b"}}"#,
        )],
        call: |args| {
            let mut index = Map::new();
            let keyed = column(args)?.into_iter().zip(args.list(0)?);
            for (key, item) in keyed.filter(|(key, _)| !key.is_null()) {
                index.entry(print(key)).or_insert_with(|| item.clone());
            }
            Ok(Value::Object(index))
        },
        shallow: false,
    },
    Function {
        name: "count_by",
        category: "lists",
        about: "How many items of a list have each value of one field.",
        params: &[need("list", "list"), need("field", "string")],
        returns: "object",
        examples: &[("count_by([{'t': 'x'}, {'t': 'y'}, {'t': 'x'}], 't')", r#"{"x":2,"y":1}"#)],
        call: |args| {
            let mut counts = Map::new();
            for key in column(args)? {
                let count = counts.entry(print(key)).or_insert(json!(0));
                *count = json!(count.as_u64().unwrap_or(0) + 1);
            }
            Ok(Value::Object(counts))
        },
        shallow: false,
    },
    Function {
        name: "union",
        category: "lists",
        about: "The items that are in either of two lists, each once.",
        params: &[need("left", "list"), need("right", "list")],
        returns: "list",
        examples: &[("union([1, 2], [2, 3])", "[1,2,3]")],
        call: |args| {
            let mut seen = HashSet::new();
            let all = args.list(0)?.iter().chain(args.list(1)?);
            Ok(all.filter(|item| seen.insert(identity(item))).cloned().collect())
        },
        shallow: false,
    },
    Function {
        name: "intersection",
        category: "lists",
        about: "The items of the left list that are in the right one too.",
        params: &[need("left", "list"), need("right", "list")],
        returns: "list",
        examples: &[("intersection([1, 2, 3], [3, 1])", "[1,3]")],
        call: |args| beside(args, true),
        shallow: false,
    },
    Function {
        name: "difference",
        category: "lists",
        about: "The items of the left list that are not in the right one.",
        params: &[need("left", "list"), need("right", "list")],
        returns: "list",
        examples: &[("difference([1, 2, 3], [2])", "[1,3]")],
        call: |args| beside(args, false),
        shallow: false,
    },
];

/// The items of the left list of which it is so whether the right one has them.
fn beside(args: &Args<'_>, wanted: bool) -> Result<Value, String> {
    let (left, right) = (args.list(0)?, args.list(1)?);
    let right: HashSet<String> = right.iter().map(identity).collect();
    let kept = left.iter().filter(|item| right.contains(&identity(item)) == wanted);
    Ok(kept.cloned().collect())
}
