//! A request as the manifest writes it: of `test`, `look`, `read_from`, `write` and `verify.request`.

use std::sync::Arc;
use std::time::Duration;

use linchpin_language::{Expression, Fields, Node, Part, Reference, Template, Text, Value, codes};

use crate::error::ErrorKind;
use crate::manifest::answer::{AnswerForm, FORMS};
use crate::manifest::body::BodySpec;
use crate::manifest::errors::{ErrorRow, parse_kind};
use crate::manifest::grammar;
use crate::manifest::names::Lets;
use crate::manifest::paging::Paging;
use crate::manifest::protocol::Protocol;
use crate::manifest::reading::Reading;
use crate::manifest::shape::Shape;

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

/// One entry: a request, or a failure in its place.
pub(crate) struct RequestSpec {
    /// The name its rows get.
    pub(crate) id: Option<String>,
    /// Only when this holds.
    pub(crate) when: Option<Expression>,
    /// Names of its own.
    pub(crate) lets: Lets,
    /// What is done.
    pub(crate) what: What,
}

/// What an entry does.
pub(crate) enum What {
    /// Sends a request.
    Send(Box<Sending>),
    /// Stops the call with an error.
    Fail(FailSpec),
}

/// An error the manifest raises by itself.
pub(crate) struct FailSpec {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Option<Text>,
}

/// A request to send.
pub(crate) struct Sending {
    pub(crate) method: http::Method,
    pub(crate) path: Vec<PathPart>,
    pub(crate) query: Vec<(String, Template)>,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: BodySpec,
    /// Sent as `Idempotency-Key`.
    pub(crate) key: Option<Text>,
    pub(crate) timeout: Option<Duration>,
    /// The good statuses; empty means any 2xx.
    pub(crate) status: Vec<u16>,
    pub(crate) answer: Option<AnswerForm>,
    pub(crate) list: Option<String>,
    pub(crate) shape: Option<Arc<Shape>>,
    pub(crate) paging: Option<Arc<Paging>>,
    pub(crate) max: Option<Text>,
    pub(crate) empty_on: Vec<u16>,
    pub(crate) errors: Vec<ErrorRow>,
    pub(crate) set: Vec<(String, Template)>,
    pub(crate) collection: Option<Text>,
    pub(crate) keep_simulated: Option<Expression>,
    pub(crate) one: Option<One>,
    pub(crate) chunks_of: Option<u32>,
    pub(crate) effect_is: Option<Expression>,
    pub(crate) found: Option<Expression>,
}

/// A piece of a path.
#[derive(Clone)]
pub(crate) enum PathPart {
    /// As written.
    Literal(String),
    /// A pill; only one of type `path` keeps its slashes.
    Pill { text: Text, slashes: bool },
}

/// Picks one row after a fuzzy search.
pub(crate) struct One {
    pub(crate) rows: Option<Expression>,
    /// None is the error `not_found` instead of null.
    pub(crate) must_exist: bool,
    pub(crate) message: Option<Text>,
}

/// Reads one request entry. `inputs` tells which pills are paths.
pub(crate) fn parse_request(
    reading: &mut Reading,
    node: &Node<'_>,
    protocol: &Protocol,
    inputs: &Fields,
) -> Option<RequestSpec> {
    if !reading.mapping(node, &grammar::REQUEST) {
        return None;
    }
    let mark = reading.mark();
    let lets = reading.lets(node);
    let when = reading.condition_at(node, "when");
    let id = reading.string_at(node, "id");
    let what = match node.get("fail") {
        Some(fail) => parse_fail(reading, &fail).map(What::Fail),
        None => parse_sending(reading, node, protocol, inputs).map(Box::new).map(What::Send),
    };
    reading.forget(mark);
    Some(RequestSpec { id, when, lets, what: what? })
}

/// An error of the manifest's own: `{ kind, message }`.
pub(crate) fn parse_fail(reading: &mut Reading, node: &Node<'_>) -> Option<FailSpec> {
    reading.mapping(node, &grammar::FAIL);
    let message = reading.text_at(node, "message");
    let kind = reading.required(node, "kind").and_then(|node| parse_kind(reading, &node))?;
    Some(FailSpec { kind, message })
}

fn parse_sending(
    reading: &mut Reading,
    node: &Node<'_>,
    protocol: &Protocol,
    inputs: &Fields,
) -> Option<Sending> {
    let (method, path) = parse_target(reading, node, protocol, inputs)?;
    let body = BodySpec::parse(reading, node);
    let answered = ["answer", "status", "headers"];
    let query = reading.templates_at(node, "query");
    let headers = reading.templates_at(node, "headers");
    let shape = parse_shape(reading, node, protocol);
    let errors = node.get("errors").map(|node| ErrorRow::parse_all(reading, &node));
    let mark = reading.mark();
    answered.iter().for_each(|root| reading.know(root, None));
    let found = reading.expression_at(node, "found");
    let effect_is = reading.expression_at(node, "effect_is");
    reading.know("row", None);
    let keep_simulated = reading.condition_at(node, "where");
    reading.forget(mark);
    let paging = parse_paging(reading, node, protocol);
    let chunks_of = node.get("chunks_of").and_then(|node| reading.count(&node));
    Some(Sending {
        method,
        path,
        query,
        headers,
        body,
        key: reading.text_at(node, "key"),
        timeout: node.get("timeout").and_then(|node| reading.duration(&node)),
        status: node.get("status").map(|node| reading.statuses(&node)).unwrap_or_default(),
        answer: parse_form(reading, node),
        list: reading.string_at(node, "list"),
        shape,
        paging,
        max: reading.text_at(node, "max"),
        empty_on: node.get("empty_on").map(|node| reading.statuses(&node)).unwrap_or_default(),
        errors: errors.unwrap_or_default(),
        set: reading.templates_at(node, "set"),
        collection: reading.text_at(node, "collection"),
        keep_simulated,
        one: node.get("one").map(|node| parse_one(reading, &node)),
        chunks_of: chunks_of.map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        effect_is,
        found,
    })
}

/// The one method key and its path.
fn parse_target(
    reading: &mut Reading,
    node: &Node<'_>,
    protocol: &Protocol,
    inputs: &Fields,
) -> Option<(http::Method, Vec<PathPart>)> {
    let named: Vec<&str> = METHODS.iter().copied().filter(|key| node.get(key).is_some()).collect();
    let [method] = named[..] else {
        let message = format!("a request needs exactly one of {}", METHODS.join(", "));
        reading.error(node, codes::MISSING_KEY, message);
        return None;
    };
    let path_node = node.get(method)?;
    let text = reading.text(&path_node)?;
    let path = parse_path(reading, &path_node, &text, protocol, inputs)?;
    let method = method.to_ascii_uppercase().parse().ok()?;
    Some((method, path))
}

fn parse_path(
    reading: &mut Reading,
    node: &Node<'_>,
    text: &Text,
    protocol: &Protocol,
    inputs: &Fields,
) -> Option<Vec<PathPart>> {
    let Some(parts) = text.parts() else {
        reading.error(node, codes::BAD_VALUE, "a path takes pills, no blocks; use `let`");
        return None;
    };
    let mut path = Vec::new();
    for part in parts {
        path.push(match part {
            Part::Literal(literal) => {
                if literal.contains(['?', '#']) {
                    reading.error(node, codes::BAD_VALUE, "parameters belong under `query`");
                }
                PathPart::Literal(literal)
            }
            Part::Pill(pill) => {
                let slashes = match pill.references() {
                    [only] => {
                        is_bare(&pill, only) && protocol.is_path(inputs, &only.root, &only.path)
                    }
                    _ => false,
                };
                PathPart::Pill { text: pill, slashes }
            }
        });
    }
    if let Some(PathPart::Literal(first)) = path.first()
        && !first.starts_with('/')
    {
        reading.error(node, codes::BAD_VALUE, "a path begins with `/`");
    }
    Some(path)
}

/// Whether a pill is the reference alone, without a helper around it.
fn is_bare(pill: &Text, reference: &Reference) -> bool {
    let source = pill.source().trim_matches(|c: char| c == '{' || c == '}' || c.is_whitespace());
    let mut dotted = reference.root.clone();
    for field in &reference.path {
        dotted.push('.');
        dotted.push_str(field);
    }
    source == dotted
}

fn parse_shape(reading: &mut Reading, node: &Node<'_>, protocol: &Protocol) -> Option<Arc<Shape>> {
    let node = node.get("shape")?;
    let name = reading.string(&node)?;
    let found = protocol.shapes.get(&name).cloned();
    if found.is_none() {
        let known: Vec<&str> = protocol.shapes.keys().map(String::as_str).collect();
        reading.word(&node, &known, |_| None::<()>);
    }
    found
}

fn parse_paging(
    reading: &mut Reading,
    node: &Node<'_>,
    protocol: &Protocol,
) -> Option<Arc<Paging>> {
    let node = node.get("paging")?;
    if node.value().is_object() {
        return Paging::parse(reading, &node).map(Arc::new);
    }
    let name = reading.string(&node)?;
    let found = protocol.paging.get(&name).cloned();
    if found.is_none() {
        let known: Vec<&str> = protocol.paging.keys().map(String::as_str).collect();
        reading.word(&node, &known, |_| None::<()>);
    }
    found
}

fn parse_form(reading: &mut Reading, node: &Node<'_>) -> Option<AnswerForm> {
    let node = node.get("answer")?;
    reading.word(&node, &FORMS, AnswerForm::parse)
}

fn parse_one(reading: &mut Reading, node: &Node<'_>) -> One {
    reading.mapping(node, &grammar::ONE);
    let must_exist = match node.get("none") {
        None => false,
        Some(none) if none.value().is_null() => false,
        Some(none) if none.value() == &Value::from("null") => false,
        Some(none) => reading
            .word(&none, &["null", "not_found"], |word| (word == "not_found").then_some(true))
            .unwrap_or_default(),
    };
    if let Some(many) = node.get("many") {
        reading.word(&many, &["conflict"], |word| (word == "conflict").then_some(()));
    }
    // Here its own rows are all that were found, not yet the one.
    let mark = reading.mark();
    reading.know("look", None);
    let rows = reading.expression_at(node, "rows");
    reading.forget(mark);
    One { rows, must_exist, message: reading.text_at(node, "message") }
}
