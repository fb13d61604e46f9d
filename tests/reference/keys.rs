//! Keys of a flow's file as tables: what stands under each, and what it is for.

use std::collections::BTreeSet;

use linchpin_engine::grammar::{Key, Mapping, RETRY, Shape};

use super::markdown::{code, table};
use crate::architecture::repository::{files, read};

/// Where the examples are.
pub(super) const EXAMPLES: &str = "docs/reference/examples";

/// The tables of some keys, and of the maps that stand under them, each map once.
pub(super) fn tables<'k>(keys: impl Iterator<Item = &'static Key> + 'k) -> String {
    let mut text = String::new();
    let mut done = BTreeSet::new();
    one_table(keys.collect(), &mut text, &mut done);
    text
}

/// The tables of the maps that stand under a value.
pub(super) fn below(value: &Shape) -> String {
    let mut text = String::new();
    let mut done = BTreeSet::new();
    for mapping in mappings(value) {
        add(mapping, &mut text, &mut done);
    }
    text
}

fn one_table(keys: Vec<&'static Key>, text: &mut String, done: &mut BTreeSet<&'static str>) {
    let rows: Vec<_> = keys.iter().map(|key| row(key)).collect();
    text.push_str(&table(&["key", "value", "required", "about"], &rows));
    for mapping in keys.iter().flat_map(|key| mappings(&key.value)) {
        add(mapping, text, done);
    }
}

fn add(mapping: &'static Mapping, text: &mut String, done: &mut BTreeSet<&'static str>) {
    // The same wherever it stands, so it has a section of its own.
    if mapping.name == RETRY.name || !done.insert(mapping.name) {
        return;
    }
    let one_of: Vec<String> = mapping.one_of.iter().map(|name| code(name)).collect();
    text.push_str(&format!("In {}", mapping.name));
    match one_of.as_slice() {
        [] => text.push_str(":\n\n"),
        one_of => text.push_str(&format!(", with exactly one of {}:\n\n", one_of.join(", "))),
    }
    one_table(mapping.keys.iter().collect(), text, done);
}

fn row(key: &Key) -> Vec<String> {
    let required = if key.required { "yes" } else { "" };
    vec![code(key.name), shape(&key.value), required.to_owned(), key.about.to_owned()]
}

/// The maps that can stand as a value or in it.
fn mappings(value: &Shape) -> Vec<&'static Mapping> {
    match value {
        Shape::Mapping(mapping) => vec![mapping],
        Shape::List(one) => mappings(one),
        Shape::Any(all) => all.iter().flat_map(mappings).collect(),
        Shape::Types(keys) => keys.iter().flat_map(|key| mappings(&key.value)).collect(),
        _ => Vec::new(),
    }
}

/// What a value looks like, in words.
pub(super) fn shape(value: &Shape) -> String {
    let words = |all: Vec<&str>, last: &str| match all.as_slice() {
        [] => String::new(),
        [one] => code(one),
        [before @ .., end] => {
            let before: Vec<String> = before.iter().map(|word| code(word)).collect();
            format!("{} {last} {}", before.join(", "), code(end))
        }
    };
    match value {
        Shape::Word => "text".to_owned(),
        Shape::Name => "name (`a-z`, `0-9`, `_`)".to_owned(),
        Shape::Flag => "`true` or `false`".to_owned(),
        Shape::Count(least, most) if *most < 1 << 40 => format!("whole number, {least} to {most}"),
        Shape::Count(least, _) => format!("whole number from {least}"),
        Shape::Duration => "duration (`30s`, `1h30m`, `2d`)".to_owned(),
        Shape::Backoff => "duration, or two: `2s..60s`".to_owned(),
        Shape::Text => "text with pills".to_owned(),
        Shape::DurationText => "duration, or a text with pills".to_owned(),
        Shape::Expression => "expression".to_owned(),
        Shape::Cron => "cron pattern, 5 or 6 fields".to_owned(),
        Shape::TimeZone => "time zone (`Europe/London`)".to_owned(),
        Shape::Choice(all) => words(all(), "or"),
        Shape::Choices(all) => format!("some of {}", words(all(), "and")),
        Shape::Words => "list of texts".to_owned(),
        Shape::StepIds => "list of ids of steps".to_owned(),
        Shape::Steps => "list of steps".to_owned(),
        Shape::Mapping(mapping) if mapping.name == RETRY.name => {
            "map, see [retry](steps.md#retry)".to_owned()
        }
        Shape::Mapping(mapping) => format!("{}, see below", mapping.name),
        Shape::Blank => "nothing, or `true`".to_owned(),
        Shape::Expressions => "names with expressions".to_owned(),
        Shape::Types(_) => "names with types".to_owned(),
        Shape::Aliases => "aliases with their spokes".to_owned(),
        Shape::Rebinding => "its aliases with ours".to_owned(),
        Shape::Inputs => "inputs of what is called".to_owned(),
        Shape::Value => "any value, texts in it with pills".to_owned(),
        Shape::Branches => "names with lists of steps".to_owned(),
        Shape::Call { subflow: false } => "`ALIAS.ACTION`".to_owned(),
        Shape::Call { subflow: true } => "`ALIAS.ACTION` or `flow.NAME`".to_owned(),
        Shape::Alias => "alias, or a text that gives one".to_owned(),
        Shape::List(one) => format!("list: {}", shape(one)),
        Shape::Any(all) => {
            let mut seen: Vec<String> = Vec::new();
            for one in all.iter().map(shape) {
                if !seen.contains(&one) {
                    seen.push(one);
                }
            }
            seen.join("; or ")
        }
    }
}

/// The examples whose names begin so: `for_each`, `for_each_stream`.
pub(super) fn examples(names: &[&str]) -> String {
    let blocks = names.iter().map(|name| {
        let text = read(format!("{EXAMPLES}/{name}.yaml"));
        format!("```yaml\n{}\n```\n\n", text.trim_end())
    });
    blocks.collect()
}

/// The names of all examples.
pub(super) fn all_examples() -> BTreeSet<String> {
    let stem = |path: &std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    files(EXAMPLES, ".yaml").iter().map(stem).collect()
}
