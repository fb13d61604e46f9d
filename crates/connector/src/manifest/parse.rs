//! An action's file: everything it says, or every mistake in it.

use std::sync::Arc;

use linchpin_language::{Document, Expression, Fields, Node, Schema, Text, Type, codes};

use crate::action::{ANY_INPUT, ActionSpec, StreamSpec, UndoSpec, VerifyMode};
use crate::effect::Effect;
use crate::manifest::names::Lets;
use crate::manifest::outputs::{ALL, Output};
use crate::manifest::protocol::Protocol;
use crate::manifest::reading::Reading;
use crate::manifest::request::{RequestSpec, Sending, What, parse_fail, parse_request};
use crate::manifest::simulate::OverlaySpec;
use crate::manifest::verify::Verify;
use crate::testing::Example;

const KEYS: &[&str] = &[
    "action",
    "title",
    "does",
    "effect",
    "idempotent",
    "inputs",
    "outputs",
    "look",
    "let",
    "changes",
    "write",
    "verify",
    "overlay",
    "undo",
    "read_from",
    "keep",
    "stream",
    "code",
    "examples",
];

/// What an action's file says.
pub(crate) struct ParsedAction {
    pub(crate) spec: ActionSpec,
    pub(crate) lets: Lets,
    pub(crate) looks: Vec<RequestSpec>,
    pub(crate) changes: Option<Expression>,
    pub(crate) writes: Vec<RequestSpec>,
    pub(crate) verify: Verify,
    pub(crate) overlay: Option<OverlaySpec>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) read_from: Vec<RequestSpec>,
    pub(crate) keep: Option<Expression>,
    pub(crate) stream_max: Option<Text>,
    /// The Rust action that stands in for requests.
    pub(crate) code: Option<String>,
    pub(crate) examples: Vec<Example>,
}

/// Reads one action file.
pub(crate) fn parse_action(
    reading: &mut Reading,
    document: &Document,
    protocol: &Protocol,
) -> Option<ParsedAction> {
    let root = document.root();
    if !reading.keys(&root, KEYS) {
        return None;
    }
    let before = reading.diagnostics.len();
    let mark = reading.mark();
    let mut file = File { reading, root, protocol, inputs: Fields::new() };
    let parsed = file.read();
    reading.forget(mark);
    parsed.filter(|_| reading.diagnostics.len() == before)
}

struct File<'r, 'd> {
    reading: &'r mut Reading,
    root: Node<'d>,
    protocol: &'r Protocol,
    inputs: Fields,
}

impl<'d> File<'_, 'd> {
    fn read(&mut self) -> Option<ParsedAction> {
        let root = self.root.clone();
        let name = self.reading.required(&root, "action");
        let name = name.and_then(|node| self.reading.string(&node));
        let title = self.reading.required(&root, "title");
        let title = title.and_then(|node| self.reading.string(&node));
        let effect = self.effect();
        let idempotent = self.reading.flag(&root, "idempotent");
        if let Some(node) = root.get("inputs") {
            let fields = Schema::parse_fields(&node, &[]);
            self.inputs = self.reading.take(fields).unwrap_or_default();
        }
        self.know_names();
        let lets = self.reading.lets(&root);
        let looks = self.requests("look");
        self.look_ids(&looks);
        let changes = self.reading.expression_at(&root, "changes");
        let read_from = self.requests("read_from");
        let keep = self.keep();
        let writes = self.requests("write");
        let (verify, mode) = self.verify(effect, idempotent, &looks);
        let overlay = self.overlay(&looks);
        let code = self.reading.string_at(&root, "code");
        let outputs = self.outputs(code.is_some());
        let (stream, stream_max) = self.stream();
        let undo = self.undo();
        let examples = self.examples();
        self.consistent(effect, &writes, code.is_some());
        let spec = ActionSpec {
            name: name?,
            title: title?,
            about: self.reading.string_at(&root, "does"),
            effect: effect?,
            idempotent,
            inputs: std::mem::take(&mut self.inputs),
            outputs: match &stream {
                Some(stream) => stream.row.clone(),
                None => outputs.1,
            },
            stream,
            verify: mode,
            looks: !looks.is_empty(),
            undo,
            collections: collections(&[&looks, &read_from, &writes], overlay.as_ref()),
        };
        Some(ParsedAction {
            spec,
            lets,
            looks,
            changes,
            writes,
            verify,
            overlay,
            outputs: outputs.0,
            read_from,
            keep,
            stream_max,
            code,
            examples,
        })
    }

    fn effect(&mut self) -> Option<Effect> {
        let node = self.reading.required(&self.root, "effect")?;
        let words: Vec<&str> = Effect::ALL.iter().map(|effect| effect.as_str()).collect();
        self.reading.word(&node, &words, Effect::parse)
    }

    /// The names texts and expressions of this file may use.
    fn know_names(&mut self) {
        let open = self.inputs.contains_key(ANY_INPUT);
        let inputs = (!open).then(|| self.inputs.keys().cloned().collect());
        self.reading.know("inputs", inputs);
        let connection = self.protocol.connection.iter();
        let visible = connection.filter(|(_, schema)| !matches!(schema.ty, Type::Secret));
        let names = visible.map(|(name, _)| name.clone()).chain(["url".to_owned()]).collect();
        self.reading.know("connection", Some(names));
        self.reading.know("call", Some(vec!["key".to_owned(), "now".to_owned()]));
        let mut ids: Vec<String> = self
            .entries("look")
            .iter()
            .map(|entry| entry.get("id").and_then(|id| id.as_str()).unwrap_or("rows").to_owned())
            .collect();
        if self.root.get("read_from").is_some() {
            ids.push("rows".to_owned());
        }
        self.reading.know("look", Some(ids.clone()));
        self.reading.know("after", Some(ids));
        for root in ["changes", "change", "chunk", "changed", "answer", "status", "headers"] {
            self.reading.know(root, None);
        }
    }

    /// One map, or a list of maps.
    fn entries(&self, key: &str) -> Vec<Node<'d>> {
        match self.root.get(key) {
            None => Vec::new(),
            Some(node) if node.value().is_array() => node.items(),
            Some(node) => vec![node],
        }
    }

    fn requests(&mut self, key: &str) -> Vec<RequestSpec> {
        let mut requests = Vec::new();
        for node in self.entries(key) {
            requests.extend(parse_request(self.reading, &node, self.protocol, &self.inputs));
        }
        requests
    }

    fn look_ids(&mut self, looks: &[RequestSpec]) {
        let sent: Vec<&RequestSpec> =
            looks.iter().filter(|spec| matches!(spec.what, What::Send(_))).collect();
        for (index, spec) in sent.iter().enumerate() {
            let id = spec.id.as_deref().unwrap_or("rows");
            let twice =
                sent[..index].iter().any(|other| other.id.as_deref().unwrap_or("rows") == id);
            if twice && let Some(node) = self.root.get("look") {
                let message = format!("two looks have the id `{id}`");
                self.reading.error(&node, codes::DUPLICATE_ID, message);
            }
        }
    }

    fn keep(&mut self) -> Option<Expression> {
        let mark = self.reading.mark();
        self.reading.know("row", None);
        let keep = self.reading.expression_at(&self.root, "keep");
        self.reading.forget(mark);
        keep
    }

    fn verify(
        &mut self,
        effect: Option<Effect>,
        idempotent: bool,
        looks: &[RequestSpec],
    ) -> (Verify, VerifyMode) {
        let Some(node) = self.root.get("verify") else {
            let is_write = effect.is_some_and(Effect::is_write);
            if is_write && !idempotent {
                let message = "a write that is not idempotent needs `verify`";
                let help =
                    "say how a lost answer is cleared up, or `verify: { by: none, reason: ... }`";
                let mistake = self.root.error(codes::UNVERIFIABLE_WRITE, message).with_help(help);
                self.reading.diagnostics.push(mistake);
            }
            return (Verify::NotNeeded, VerifyMode::NotNeeded);
        };
        if !self.reading.keys(
            &node,
            &["by", "always", "settle", "missing", "request", "found", "reason", "none"],
        ) {
            return (Verify::NotNeeded, VerifyMode::NotNeeded);
        }
        let settle = node.get("settle").and_then(|node| self.reading.duration(&node));
        if let Some(request) = node.get("request") {
            let spec = parse_request(self.reading, &request, self.protocol, &self.inputs);
            if request.get("found").is_none() {
                self.reading.error(&request, codes::MISSING_KEY, "`found` is missing");
            }
            return match spec {
                Some(spec) => {
                    (Verify::Request { settle, request: Box::new(spec) }, VerifyMode::Request)
                }
                None => (Verify::NotNeeded, VerifyMode::NotNeeded),
            };
        }
        let by = node.get("by").and_then(|by| self.reading.word(&by, &["look", "none"], parse_by));
        if by == Some(By::Look) {
            if looks.is_empty() {
                self.reading.error(&node, codes::BAD_MANIFEST, "`by: look` needs a `look`");
            }
            let always = self.reading.flag(&node, "always");
            let missing = node.get("missing").and_then(|node| parse_fail(self.reading, &node));
            return (Verify::Look { always, settle, missing }, VerifyMode::ByLook);
        }
        let reason = self.reading.string_at(&node, "reason");
        let reason = reason.or_else(|| self.reading.string_at(&node, "none"));
        if reason.is_none() {
            let message = "`verify` needs `by: look`, a `request`, or `by: none` with a `reason`";
            self.reading.error(&node, codes::MISSING_KEY, message);
        }
        let reason = reason.unwrap_or_default();
        (Verify::None { reason: reason.clone() }, VerifyMode::None { reason })
    }

    fn overlay(&mut self, looks: &[RequestSpec]) -> Option<OverlaySpec> {
        let node = self.root.get("overlay")?;
        self.reading.keys(&node, &["collection", "row", "gone", "keys"]);
        let row = self.reading.template_at(&node, "row");
        let collection = self.reading.required(&node, "collection");
        let collection = collection.and_then(|node| self.reading.text(&node))?;
        let shape = looks.iter().filter_map(sending).find_map(|sending| {
            let same = sending.collection.as_ref()?.source() == collection.source();
            if same { sending.shape.clone() } else { None }
        });
        let keys = match node.get("keys") {
            Some(keys) => self.reading.strings(&keys),
            None => shape.as_ref().map(|shape| shape.keys.clone()).unwrap_or_default(),
        };
        let names_change = |references: Vec<String>| references.iter().any(|root| root == "change");
        let in_row = row.as_ref().map(|row| {
            row.references().into_iter().map(|(_, reference)| reference.root.clone()).collect()
        });
        let in_name =
            collection.references().iter().map(|reference| reference.root.clone()).collect();
        let per_change = in_row.is_some_and(names_change) || names_change(in_name);
        let gone = self.reading.flag(&node, "gone");
        Some(OverlaySpec { collection, row, per_change, gone, keys, shape })
    }

    /// The outputs, and their schema as one object.
    fn outputs(&mut self, is_code: bool) -> (Vec<Output>, Schema) {
        let mut outputs = Vec::new();
        let mut fields = Fields::new();
        let Some(node) = self.root.get("outputs") else {
            return (outputs, Schema::object(fields));
        };
        let mut is_open = false;
        for (name, entry) in node.entries() {
            is_open |= name == ALL;
            let Some(schema) = self.output_schema(name, &entry) else { continue };
            let value = match entry.get("value") {
                Some(value) => self.reading.expression(&value),
                None if is_code => None,
                None => {
                    let message = format!("the output `{name}` needs a `value`");
                    self.reading.error(&entry, codes::MISSING_KEY, message);
                    None
                }
            };
            fields.insert(name.to_owned(), schema.clone());
            let is_shaped = entry.get("shape").is_some();
            outputs.extend(value.map(|value| Output {
                name: name.to_owned(),
                schema,
                is_shaped,
                value,
            }));
        }
        if is_open {
            fields.clear();
        }
        (outputs, Schema::object(fields))
    }

    fn output_schema(&mut self, name: &str, entry: &Node<'_>) -> Option<Schema> {
        if name == ALL && entry.get("type").is_none() {
            return Some(Schema::object(Fields::new()));
        }
        let schema = Schema::parse(entry, &["value", "shape"]);
        let mut schema = self.reading.take(schema)?;
        if let Some(node) = entry.get("shape") {
            let shape = self.shape(&node)?.schema();
            schema.ty = match schema.ty {
                Type::List(_) => Type::List(Box::new(shape)),
                _ => shape.ty,
            };
        }
        Some(schema)
    }

    fn shape(&mut self, node: &Node<'_>) -> Option<Arc<crate::manifest::shape::Shape>> {
        let name = self.reading.string(node)?;
        let found = self.protocol.shapes.get(&name).cloned();
        if found.is_none() {
            let known: Vec<&str> = self.protocol.shapes.keys().map(String::as_str).collect();
            self.reading.word(node, &known, |_| None::<()>);
        }
        found
    }

    fn stream(&mut self) -> (Option<StreamSpec>, Option<Text>) {
        let Some(node) = self.root.get("stream") else { return (None, None) };
        self.reading.keys(&node, &["row", "watermark", "max"]);
        let max = self.reading.text_at(&node, "max");
        let watermark = self.reading.string_at(&node, "watermark");
        let row = match node.get("row") {
            Some(row) => self.shape(&row).map(|shape| shape.schema()),
            None => Some(Schema::any()),
        };
        let Some(row) = row else { return (None, max) };
        if let Some(field) = &watermark
            && row.field(field).is_none()
        {
            let message = format!("the watermark `{field}` is no field of the row");
            self.reading.error(&node, codes::UNKNOWN_FIELD, message);
        }
        if self.root.get("read_from").is_none() && self.root.get("code").is_none() {
            self.reading.error(&node, codes::MISSING_KEY, "a stream needs `read_from`");
        }
        (Some(StreamSpec { row, watermark }), max)
    }

    fn undo(&mut self) -> Option<UndoSpec> {
        let node = self.root.get("undo")?;
        self.reading.keys(&node, &["action", "with"]);
        let action = self.reading.required(&node, "action");
        let action = action.and_then(|node| self.reading.string(&node));
        let with = self.reading.required(&node, "with");
        let with = with.and_then(|node| self.reading.template(&node));
        Some(UndoSpec { action: action?, with: with? })
    }

    fn examples(&mut self) -> Vec<Example> {
        let mut examples = Vec::new();
        for node in self.root.get("examples").map(|node| node.items()).unwrap_or_default() {
            examples.extend(Example::parse(self.reading, &node));
        }
        examples
    }

    /// What belongs together: a write writes, a read does not, code replaces requests.
    fn consistent(&mut self, effect: Option<Effect>, writes: &[RequestSpec], is_code: bool) {
        let root = self.root.clone();
        if is_code {
            for key in ["look", "read_from", "write", "changes", "let"] {
                if let Some(node) = root.get(key) {
                    let message = format!("`code` stands in place of requests; drop `{key}`");
                    self.reading.error(&node, codes::CONFLICTING_KEYS, message);
                }
            }
            return;
        }
        let Some(effect) = effect else { return };
        if effect.is_write() && root.get("write").is_none() {
            let message = format!("an action with effect `{effect}` needs `write`");
            self.reading.error(&root, codes::MISSING_KEY, message);
        }
        if !effect.is_write() && !writes.is_empty() {
            let message = format!("an action with effect `{effect}` cannot have `write`");
            self.reading.error(&root, codes::CONFLICTING_KEYS, message);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Look,
    None,
}

fn parse_by(word: &str) -> Option<By> {
    match word {
        "look" => Some(By::Look),
        "none" => Some(By::None),
        _ => None,
    }
}

fn sending(spec: &RequestSpec) -> Option<&Sending> {
    match &spec.what {
        What::Send(sending) => Some(sending),
        What::Fail(_) => None,
    }
}

fn collections(requests: &[&Vec<RequestSpec>], overlay: Option<&OverlaySpec>) -> Vec<String> {
    let named = requests.iter().flat_map(|list| list.iter()).filter_map(sending);
    let named = named.filter_map(|sending| sending.collection.as_ref());
    let mut names: Vec<String> = named
        .chain(overlay.map(|overlay| &overlay.collection))
        .map(|text| text.source().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}
