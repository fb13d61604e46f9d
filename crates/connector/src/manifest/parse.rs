//! An action's file: everything it says, or every mistake in it.

mod outputs;
mod overlay;
mod verify;

use linchpin_language::{Document, Expression, Fields, Node, Schema, Text, Type, codes};

use crate::action::{ANY_INPUT, ActionSpec, UndoSpec};
use crate::effect::Effect;
use crate::manifest::grammar;
use crate::manifest::names::Lets;
use crate::manifest::outputs::Output;
use crate::manifest::protocol::Protocol;
use crate::manifest::reading::Reading;
use crate::manifest::request::{RequestSpec, Sending, What, parse_request};
use crate::manifest::simulate::OverlaySpec;
use crate::manifest::verify::Verify;
use crate::testing::Example;

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
    if !reading.mapping(&root, &grammar::ACTION) {
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
        if self.inputs.contains_key(ANY_INPUT) {
            self.reading.know("inputs", None);
        } else {
            self.reading.know_fields("inputs", given(&self.inputs));
        }
        self.reading.know_fields("connection", self.protocol.visible());
        let call = [("key", Type::String), ("now", Type::Datetime)];
        let call = call.map(|(name, ty)| (name.to_owned(), Schema::of(ty)));
        self.reading.know_fields("call", Fields::from_iter(call));
        let looked = self.looked();
        self.reading.know_fields("look", looked.clone());
        self.reading.know_fields("after", looked);
        self.reading.know_as("changes", Schema::list(Schema::any()));
        self.reading.know_as("changed", Schema::list(Schema::any()));
        self.reading.know_as("chunk", Schema::list(Schema::any()));
        for root in ["change", "answer", "status", "headers"] {
            self.reading.know(root, None);
        }
    }

    /// What each look gives, by its id: the rows, or the one that is meant.
    fn looked(&self) -> Fields {
        let shape = |entry: &Node<'_>| {
            let name = entry.get("shape").and_then(|name| name.as_str().map(str::to_owned));
            let shape = name.and_then(|name| self.protocol.shapes.get(&name));
            shape.map_or_else(Schema::any, |shape| shape.schema())
        };
        let mut looked = Fields::new();
        for entry in self.entries("look").iter().filter(|entry| entry.get("fail").is_none()) {
            let id = entry.get("id").and_then(|id| id.as_str()).unwrap_or("rows").to_owned();
            let ty = match entry.get("one") {
                Some(_) => shape(entry).or_null(),
                None => Schema::list(shape(entry)),
            };
            looked.insert(id, ty);
        }
        let sources = self.entries("read_from");
        let mut sources = sources.iter().filter(|entry| entry.get("fail").is_none());
        if let Some(first) = sources.next() {
            let is_alike = sources.all(|other| {
                other.get("shape").map(|one| one.value().clone())
                    == first.get("shape").map(|one| one.value().clone())
            });
            let row = if is_alike { shape(first) } else { Schema::any() };
            looked.insert("rows".to_owned(), Schema::list(row));
        }
        looked
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
        let rows = self.looked().shift_remove("rows");
        match rows.map(|rows| rows.ty) {
            Some(Type::List(row)) if row.ty != Type::Any => self.reading.know_as("row", *row),
            _ => self.reading.know("row", None),
        }
        let keep = self.reading.condition_at(&self.root, "keep");
        self.reading.forget(mark);
        keep
    }

    fn undo(&mut self) -> Option<UndoSpec> {
        let node = self.root.get("undo")?;
        self.reading.mapping(&node, &grammar::UNDO);
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

/// Inputs as a call has them: what is neither required nor has a default may be null.
fn given(inputs: &Fields) -> Fields {
    let mut given = inputs.clone();
    for schema in given.values_mut() {
        schema.nullable |= !schema.required && schema.default.is_none();
    }
    given
}
