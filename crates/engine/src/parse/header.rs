//! The top of a flow: everything but its steps.

use indexmap::IndexMap;
use linchpin_connector::Effect;
use linchpin_language::{Expression, Node, Value, codes};

use super::reader::Reader;
use super::{step, trigger};
use crate::flow::{Block, Concurrency, Defaults, Flow, Full, Located};
use crate::grammar;

/// Reads a whole flow.
pub(crate) fn flow(reader: &mut Reader, root: &Node<'_>) -> Flow {
    let is_map = reader.keys(root, &grammar::FLOW);
    let name = match root.get("flow") {
        Some(node) => {
            let name = reader.word(&node);
            reader.name(&node, &name, codes::BAD_ID, "the name of a flow");
            name
        }
        None => {
            missing(reader, root, is_map, "flow");
            String::new()
        }
    };
    let steps = match root.get("steps") {
        Some(node) => step::block(reader, &node),
        None => {
            missing(reader, root, is_map, "steps");
            step::empty_block(reader)
        }
    };
    let [on_error, on_cancel, finally] =
        ["on_error", "on_cancel", "finally"].map(|key| handler(reader, root, key));
    Flow {
        name,
        description: reader.optional_word(root, "description"),
        owner: reader.optional_word(root, "owner"),
        enabled: root.get("enabled").is_none_or(|node| reader.boolean(&node)),
        connections: connections(reader, root.get("connections")),
        triggers: trigger::triggers(reader, root),
        concurrency: root.get("concurrency").map(|node| concurrency(reader, &node)),
        run_by: root.get("run_by").map_or_else(Vec::new, |node| reader.words(&node)),
        inputs: reader.fields(root.get("inputs")),
        vars: reader.fields(root.get("vars")),
        defaults: defaults(reader, root.get("defaults")),
        limits: limits(reader, root.get("limits")),
        timeout: reader.timeout(root),
        steps,
        on_error,
        on_cancel,
        finally,
        outputs: expressions(reader, root.get("outputs"), "`outputs`"),
        source: root.source().clone(),
        blocks: reader.blocks,
    }
}

/// A key that every flow has; what is no map at all was reported as that.
fn missing(reader: &mut Reader, root: &Node<'_>, is_map: bool, key: &str) {
    if is_map {
        reader.missing(root, key, "a flow");
    }
}

fn handler(reader: &mut Reader, root: &Node<'_>, key: &str) -> Option<Block> {
    root.get(key).map(|node| step::block(reader, &node))
}

/// `connections:`, of a flow or of a subflow call.
pub(crate) fn connections(
    reader: &mut Reader,
    node: Option<Node<'_>>,
) -> IndexMap<String, Located<String>> {
    let mut connections = IndexMap::new();
    let Some(node) = node else {
        return connections;
    };
    if !node.value().is_object() {
        reader.wrong_type(&node, "a map of aliases");
    }
    for (alias, spoke) in node.entries() {
        reader.name(&spoke, alias, codes::BAD_ID, "an alias");
        connections.insert(alias.to_owned(), reader.located_word(&spoke));
    }
    connections
}

/// A map of names to expressions: `outputs`, `set`.
pub(crate) fn expressions(
    reader: &mut Reader,
    node: Option<Node<'_>>,
    what: &str,
) -> IndexMap<String, Located<Expression>> {
    let mut all = IndexMap::new();
    let Some(node) = node else {
        return all;
    };
    if !node.value().is_object() {
        reader.wrong_type(&node, &format!("{what} as a map of names to expressions"));
    }
    for (name, value) in node.entries() {
        all.insert(name.to_owned(), reader.expression(&value));
    }
    all
}

fn concurrency(reader: &mut Reader, node: &Node<'_>) -> Concurrency {
    reader.keys(node, &grammar::CONCURRENCY);
    let wanted = node.get("full").and_then(|node| reader.choice(&node, Full::WORDS));
    Concurrency {
        max: node
            .get("max")
            .map_or(1, |node| u32::try_from(reader.count(&node, 1..100_001)).unwrap_or(1)),
        full: wanted.unwrap_or(Full::Queue),
        key: node.get("key").map(|node| reader.expression(&node).value),
    }
}

fn defaults(reader: &mut Reader, node: Option<Node<'_>>) -> Defaults {
    let Some(node) = node else {
        return Defaults::default();
    };
    reader.keys(&node, &grammar::DEFAULTS);
    Defaults { timeout: reader.timeout(&node), retry: reader.retry(node.get("retry")) }
}

fn limits(reader: &mut Reader, node: Option<Node<'_>>) -> IndexMap<Effect, u64> {
    let mut limits = IndexMap::new();
    let Some(node) = node else {
        return limits;
    };
    if !reader.keys(&node, &grammar::LIMITS) {
        return limits;
    }
    for effect in grammar::LIMITS.names().filter_map(Effect::parse) {
        if let Some(limit) = node.get(effect.as_str()) {
            limits.insert(effect, reader.count(&limit, 0..u64::MAX));
        }
    }
    limits
}

/// Whether a node says nothing: absent, null, or `{}`.
pub(crate) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(|map| map.is_empty())
}
