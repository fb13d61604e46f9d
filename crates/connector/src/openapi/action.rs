//! An operation as an action: its inputs, its request, its outputs, and a guess at its effect.

use std::collections::BTreeSet;

use linchpin_language::{Map, Value, json};

use super::answer::{Answer, Shapes, answer, details, plain};
use super::api::{Api, Operation};
use super::body::{Drafted, Sent, body};
use super::names::{Naming, identifier, snake, words};
use super::paging::{Paging, guess};
use super::parameters::{Inputs, parameters};
use super::text::{Section, about, clean, file};
use super::{DraftedAction, Remarks, sample};
use crate::effect::Effect;

/// What says that something is made.
const MAKING: &[&str] =
    &["create", "add", "insert", "new", "register", "upload", "import", "assign"];
/// What says that something is taken away.
const TAKING: &[&str] = &[
    "delete",
    "remove",
    "unassign",
    "cancel",
    "revoke",
    "demote",
    "deactivate",
    "purge",
    "archive",
];
/// What says that a POST only asks.
const ASKING: &[&str] = &["search", "query", "find", "list", "lookup", "filter", "count"];

/// Drafts the actions of one document.
pub(super) struct Drafting<'a, 'd> {
    pub(super) api: &'a Api<'d>,
    pub(super) remarks: &'a mut Remarks,
    pub(super) shapes: &'a mut Shapes,
    pub(super) naming: &'a mut Naming,
    pub(super) details: &'a mut BTreeSet<String>,
}

/// All that is known of an action before it is written.
struct Parts<'d> {
    inputs: Inputs,
    path: String,
    body: Option<Sent>,
    answer: Answer<'d>,
    paging: Option<Paging>,
    shape: Option<String>,
    /// The name and type of its output.
    output: (String, Value),
}

impl<'d> Drafting<'_, 'd> {
    /// The action's file; none, with a remark, when a manifest cannot say it.
    pub(super) fn draft(&mut self, operation: &Operation<'d>) -> Option<(DraftedAction, String)> {
        let place = operation.place();
        let answer = answer(self.api, operation);
        if let Some(media) = &answer.unreadable {
            let what =
                format!("an answer of {media}, which no manifest reads: no action was drafted");
            self.remarks.add(&place, what);
            return None;
        }
        if answer.is_xml {
            self.remarks.add(
                &place,
                "an XML answer: check the path under `list`, which begins with the root element",
            );
        }
        let all = parameters(self.api, operation, self.remarks);
        let is_read = operation.method == "get";
        let has_rows = is_read && answer.list.is_some();
        let paging = if has_rows { guess(self.api, &all, &answer) } else { None };
        let mut inputs = Inputs::default();
        let filled = paging.as_ref().map(|paging| paging.fills.as_slice()).unwrap_or_default();
        inputs.add(self.api, &all, filled, &place, self.remarks);
        let path = inputs.path(operation.path, &place, self.remarks);
        let body = match body(self.api, operation, &mut inputs, self.remarks) {
            Drafted::Impossible => return None,
            Drafted::Nothing => None,
            Drafted::Body(_) if is_read => {
                self.remarks.add(&place, "the body of a GET is not sent");
                None
            }
            Drafted::Body(sent) => Some(sent),
        };
        details(self.api, operation, self.details);
        let effect = effect(operation, answer.status);
        let name = self.naming.action(operation, has_rows, effect);
        if let Some(kind) = paging.as_ref().and_then(|paging| paging.value.get("kind")?.as_str()) {
            let what = format!("paging by {} is a guess from names", kind.replace('_', " "));
            self.remarks.add(&place, what);
        }
        let shape = answer.row.and_then(|row| {
            let otherwise = name.replace('.', "_");
            self.shapes.of(self.api, row, &otherwise, &place, self.remarks)
        });
        let output = self.output(operation, &answer, shape.as_deref());
        let parts = Parts { inputs, path, body, answer, paging, shape, output };
        let text = self.write(operation, &name, effect, parts);
        Some((DraftedAction { name, effect, operation: place }, text))
    }

    /// The one output: the rows, or the thing, with its type.
    fn output(
        &mut self,
        operation: &Operation<'d>,
        answer: &Answer<'d>,
        shape: Option<&str>,
    ) -> (String, Value) {
        let name = match (&answer.list, shape) {
            (Some(_), _) => self.naming.rows(operation.path),
            (None, Some(shape)) => shape.to_owned(),
            (None, None) => "answer".to_owned(),
        };
        let ty = match (&answer.list, shape) {
            (Some(_), Some(shape)) => json!({ "type": "list", "shape": shape }),
            (None, Some(shape)) => json!({ "type": "object", "shape": shape }),
            (Some(_), None) => {
                json!({ "type": "list", "items": plain(self.api, answer.row, &operation.place(), self.remarks) })
            }
            (None, None) => match plain(self.api, answer.row, &operation.place(), self.remarks) {
                Value::Object(ty) => Value::Object(ty),
                name => json!({ "type": name }),
            },
        };
        (identifier(&name), ty)
    }

    fn write(
        &self,
        operation: &Operation<'d>,
        name: &str,
        effect: Effect,
        parts: Parts<'d>,
    ) -> String {
        let is_read = operation.method == "get";
        let mut sections = vec![
            Section::new("action", Value::from(name)),
            Section::new("title", Value::from(title(operation))),
        ];
        let does = about(operation.value.get("description"));
        let does = does.filter(|does| does.as_str() != sections[1].text());
        sections.extend(does.map(|does| Section::new("does", does)));
        let why = format!("review: guessed from {}", operation.place());
        sections.push(Section::new("effect", Value::from(effect.as_str())).beside(&why));
        let example = example(operation, &parts, self.shapes, is_read);
        if !is_read {
            sections.push(repeats(operation, parts.inputs.has_key));
        }
        if !parts.inputs.types.is_empty() {
            sections.push(Section::new("inputs", Value::Object(parts.inputs.types.clone())));
        }
        if !parts.inputs.lets.is_empty() {
            sections.push(Section::new("let", Value::Object(parts.inputs.lets.clone())));
        }
        let has_key = parts.inputs.has_key;
        let (output, mut ty) = parts.output.clone();
        let request = request(operation, parts, is_read);
        sections.push(Section::new(if is_read { "look" } else { "write" }, Value::Object(request)));
        if !is_read && !has_key {
            let reason = "review: say how a lost answer is cleared up, by a look or by a request that finds what was written";
            sections.push(Section::new("verify", json!({ "by": "none", "reason": reason })));
        }
        ty["value"] = json!(if is_read { "look.found" } else { "answer" });
        sections.push(Section::new("outputs", json!({ output: ty })));
        sections.extend(example);
        file(&sections)
    }
}

/// The request of an action.
fn request(operation: &Operation<'_>, parts: Parts<'_>, is_read: bool) -> Map<String, Value> {
    let Parts { inputs, path, body, answer, paging, shape, .. } = parts;
    let mut request = Map::new();
    let mut put = |key: &str, value: Value| drop(request.insert(key.to_owned(), value));
    if is_read {
        put("id", json!("found"));
    }
    put(operation.method, Value::from(path));
    if !inputs.query.is_empty() {
        put("query", Value::Object(inputs.query));
    }
    let mut headers = inputs.headers;
    if answer.is_xml {
        headers.insert("Accept".to_owned(), json!("application/xml"));
    }
    if !headers.is_empty() {
        put("headers", Value::Object(headers));
    }
    if inputs.has_key {
        put("key", json!("{{ call.key }}"));
    }
    if let Some(Sent { key, value }) = body {
        put(key, value);
    }
    if let Some(paging) = paging {
        put("paging", paging.value);
    }
    if let Some(list) = answer.path() {
        put("list", Value::from(list));
    }
    if let Some(shape) = shape {
        put("shape", Value::from(shape));
    }
    if is_read && answer.list.is_none() {
        put("one", json!({ "many": "conflict" }));
    }
    request
}

fn title(operation: &Operation<'_>) -> String {
    let own = operation.text("summary").map(|text| clean(text, 80));
    let own = own.map(|text| text.trim_end_matches('.').to_owned()).filter(|text| !text.is_empty());
    let id = || operation.text("operationId").map(words).filter(|text| !text.is_empty());
    own.or_else(id).unwrap_or_else(|| operation.place())
}

/// Whether the same call twice is as once: only where a key makes sure of it.
fn repeats(operation: &Operation<'_>, has_key: bool) -> Section {
    let section = Section::new("idempotent", Value::Bool(has_key));
    match (has_key, operation.method) {
        (true, _) => section.beside("review: the document has an Idempotency-Key"),
        (false, "put" | "delete") => {
            section.beside("review: true when the same call twice is as once; then `verify` can go")
        }
        (false, _) => section,
    }
}

/// The worst that the words of an operation allow.
fn effect(operation: &Operation<'_>, status: u16) -> Effect {
    let said: Vec<&str> =
        ["operationId", "summary"].iter().filter_map(|key| operation.text(key)).collect();
    let last = operation.path.rsplit('/').find(|part| !part.is_empty() && !part.contains('{'));
    let said = format!("{} {}", said.join(" "), last.unwrap_or_default());
    let said = snake(&said);
    let has = |words: &[&str]| said.split('_').any(|word| words.contains(&word));
    match operation.method {
        "get" => Effect::Read,
        "delete" => Effect::Delete,
        _ if has(TAKING) => Effect::Delete,
        "put" | "patch" => Effect::Update,
        // A POST that only asks is still taken for a message, until somebody has looked at it.
        _ if has(ASKING) => Effect::Send,
        _ if status == 201 || has(MAKING) => Effect::Create,
        _ => Effect::Send,
    }
}

/// A made-up example; none when a made-up value does not fit.
fn example(
    operation: &Operation<'_>,
    parts: &Parts<'_>,
    shapes: &Shapes,
    is_read: bool,
) -> Option<Section> {
    let mut inputs = Map::new();
    for (name, ty) in &parts.inputs.types {
        if ty.get("required") == Some(&Value::Bool(true)) {
            inputs.insert(name.clone(), sample::value(ty)?);
        }
    }
    let mut path = operation.path.to_owned();
    for (parameter, input) in &parts.inputs.path {
        let value = linchpin_language::print(&inputs[input]);
        path = path.replace(&format!("{{{parameter}}}"), &value);
    }
    let shape = parts.shape.as_deref().and_then(|name| shapes.fields(name));
    let is_list = parts.answer.list.is_some();
    let (wire, expected) = match shape {
        Some(shape) => {
            (Value::Object(sample::row(shape)?), Value::Object(sample::expected(shape)?))
        }
        None if parts.answer.row.is_some() => {
            let ty = if is_list { parts.output.1.get("items")? } else { &parts.output.1 };
            let value = sample::value(ty)?;
            (value.clone(), value)
        }
        None => (Value::Null, Value::Null),
    };
    if parts.answer.is_xml {
        return None;
    }
    let in_envelope = |body: Value| match parts.answer.path() {
        Some(name) => json!({ name: body }),
        None => body,
    };
    let listed = |value: Value| if is_list { json!([value]) } else { value };
    let mut reply = json!({ operation.method: path, "status": parts.answer.status });
    if parts.answer.row.is_some() {
        reply["body"] = in_envelope(listed(wire));
    }
    let mut replies = vec![reply];
    let kind = parts.paging.as_ref().and_then(|paging| paging.value.get("kind")?.as_str());
    if is_read && matches!(kind, Some("offset" | "page")) {
        replies.push(json!({ operation.method: path, "body": in_envelope(json!([])) }));
    }
    let expected = json!({ &parts.output.0: listed(expected) });
    let example = json!([{ "inputs": inputs, "replies": replies, "expect": expected }]);
    Some(
        Section::new("examples", example)
            .above("Made up from the document: put a recorded answer in its place."),
    )
}
