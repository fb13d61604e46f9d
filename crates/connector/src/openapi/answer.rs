//! The answer of an operation: rows in an envelope, one thing, or nothing that can be read.

use std::collections::BTreeSet;

use linchpin_language::{Map, Value};

use super::Remarks;
use super::api::{Api, Operation, reference, referred};
use super::names::{identifier, snake};
use super::schema::{Flat, Types, Way, bare, ordered};

/// Properties beside a list that only tell about it.
const ABOUT_A_LIST: &[&str] = &[
    "total",
    "count",
    "total_count",
    "total_results",
    "total_pages",
    "total_items",
    "size",
    "page",
    "page_size",
    "per_page",
    "pages",
    "limit",
    "offset",
    "start",
    "skip",
    "next",
    "previous",
    "prev",
    "next_link",
    "next_cursor",
    "next_page_token",
    "next_page",
    "cursor",
    "paging",
    "pagination",
    "meta",
    "metadata",
    "links",
    "_links",
    "has_more",
    "has_next",
    "kind",
    "self",
    "href",
    "status",
    "success",
    "message",
    "num_found",
    "page_number",
];
/// Names of an envelope around one thing.
const ENVELOPES: &[&str] =
    &["data", "result", "results", "response", "item", "d", "value", "record"];
/// Words of a refusal, the best first.
const WORDS: &[&str] =
    &["message", "detail", "error_description", "description", "title", "error", "reason"];

/// What a good answer holds.
pub(super) struct Answer<'d> {
    /// The status of the answer that is described.
    pub(super) status: u16,
    /// The schema of all of the answer.
    pub(super) schema: Option<&'d Value>,
    /// Set when it is rows: the path to them, empty when they stand at its top.
    pub(super) list: Option<String>,
    /// The path to one thing in an envelope.
    pub(super) inner: Option<String>,
    /// The schema of a row, or of the one thing.
    pub(super) row: Option<&'d Value>,
    pub(super) has_link_header: bool,
    /// What it is sent as, when no manifest reads that.
    pub(super) unreadable: Option<String>,
    /// The answer is XML and nothing else.
    pub(super) is_xml: bool,
}

/// Reads the first good answer of an operation.
pub(super) fn answer<'d>(api: &Api<'d>, operation: &Operation<'d>) -> Answer<'d> {
    let mut answer = Answer {
        status: 200,
        schema: None,
        list: None,
        inner: None,
        row: None,
        has_link_header: false,
        unreadable: None,
        is_xml: false,
    };
    let responses = operation.value.get("responses").and_then(Value::as_object);
    let good = responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
    let Some((status, response)) = good else { return answer };
    answer.status = status.parse().unwrap_or(200);
    let Some(response) = api.resolve(response) else { return answer };
    let headers = response.get("headers").and_then(Value::as_object);
    answer.has_link_header =
        headers.into_iter().flatten().any(|(name, _)| name.eq_ignore_ascii_case("link"));
    let content = response.get("content").and_then(Value::as_object);
    let Some(content) = content.filter(|content| !content.is_empty()) else { return answer };
    let find =
        |word: &str| content.iter().find(|(media, _)| media.to_ascii_lowercase().contains(word));
    let Some((media, entry)) = find("json").or_else(|| find("xml")).or_else(|| find("*/*")) else {
        if find("text/").is_none() {
            answer.unreadable = Some(content.keys().cloned().collect::<Vec<_>>().join(" or "));
        }
        return answer;
    };
    answer.is_xml =
        !media.to_ascii_lowercase().contains("json") && media.to_ascii_lowercase().contains("xml");
    answer.schema = entry.get("schema");
    answer.look_inside(api);
    answer
}

impl<'d> Answer<'d> {
    fn look_inside(&mut self, api: &Api<'d>) {
        let Some(schema) = self.schema else { return };
        let flat = Flat::of(api, schema);
        self.row = Some(schema);
        if flat.is_list() {
            self.list = Some(String::new());
            self.row = flat.items;
            return;
        }
        if !flat.is_object() {
            return;
        }
        let lists: Vec<(&&str, Flat<'d>)> = flat
            .properties
            .iter()
            .map(|(name, schema)| (name, Flat::of(api, schema)))
            .filter(|(_, inner)| inner.is_list())
            .collect();
        let is_about = |name: &str| ABOUT_A_LIST.contains(&snake(name).as_str());
        if let [(name, inner)] = &lists[..]
            && flat.properties.keys().all(|other| other == *name || is_about(other))
        {
            self.list = Some((**name).to_owned());
            self.row = inner.items;
            return;
        }
        let mut others = flat.properties.iter().filter(|(name, _)| !is_about(name));
        if let (Some((name, schema)), None) = (others.next(), others.next())
            && ENVELOPES.contains(&snake(name).as_str())
            && Flat::of(api, schema).is_object()
        {
            self.inner = Some((*name).to_owned());
            self.row = Some(schema);
        }
    }

    /// The path of `list` in the request.
    pub(super) fn path(&self) -> Option<&str> {
        self.list.as_deref().filter(|path| !path.is_empty()).or(self.inner.as_deref())
    }
}

/// The shapes of a draft, each made once.
#[derive(Default)]
pub(super) struct Shapes {
    all: Map<String, Value>,
    by_reference: Map<String, Value>,
}

impl Shapes {
    /// Every shape by name.
    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.all
    }

    /// The shape of a row: none when it is no object with fields of its own.
    pub(super) fn of<'d>(
        &mut self,
        api: &Api<'d>,
        row: &'d Value,
        otherwise: &str,
        place: &str,
        remarks: &mut Remarks,
    ) -> Option<String> {
        let pointer = reference(row).unwrap_or_default();
        if let Some(known) = self.by_reference.get(pointer) {
            return known.as_str().map(str::to_owned);
        }
        let flat = Flat::of(api, row);
        if !flat.is_object() || flat.properties.is_empty() {
            return None;
        }
        let mut fields = Map::new();
        for (property, ty) in Types::new(api, remarks, place, Way::In).fields(&flat) {
            let name = identifier(&property);
            let mut ty = match ty {
                Value::Object(ty) => ty,
                name => Map::from_iter([("type".to_owned(), name)]),
            };
            if name != property {
                ty.insert("from".to_owned(), Value::from(property));
            }
            fields.insert(name, Value::Object(ordered(ty)));
        }
        if fields.is_empty() {
            return None;
        }
        let wanted =
            if pointer.is_empty() { otherwise.to_owned() } else { snake(referred(pointer)) };
        let wanted = identifier(&wanted);
        let name = super::names::free(&wanted, "shape", |name| self.all.contains_key(name));
        let mut shape = Map::new();
        let key =
            ["id", "Id", "ID", "uuid", "sys_id"].into_iter().find(|key| fields.contains_key(*key));
        if let Some(key) = key {
            shape.insert("keys".to_owned(), Value::Array(vec![Value::from(key)]));
        }
        shape.insert("fields".to_owned(), Value::Object(fields));
        self.all.insert(name.clone(), Value::Object(shape));
        if !pointer.is_empty() {
            self.by_reference.insert(pointer.to_owned(), Value::from(name.as_str()));
        }
        Some(name)
    }

    /// The fields of a shape.
    pub(super) fn fields(&self, name: &str) -> Option<&Map<String, Value>> {
        self.all.get(name)?.get("fields")?.as_object()
    }
}

/// The type of rows or of a thing that has no shape.
pub(super) fn plain<'d>(
    api: &Api<'d>,
    schema: Option<&'d Value>,
    place: &str,
    remarks: &mut Remarks,
) -> Value {
    match schema {
        None => Value::from("any"),
        Some(schema) => {
            let mut ty = Types::new(api, remarks, place, Way::In).convert(schema);
            ty.shift_remove("about");
            bare(ty)
        }
    }
}

/// Where refusals have their words, by the schemas of their answers.
pub(super) fn details(api: &Api<'_>, operation: &Operation<'_>, found: &mut BTreeSet<String>) {
    let responses = operation.value.get("responses").and_then(Value::as_object);
    for (_, response) in
        responses.into_iter().flatten().filter(|(status, _)| !status.starts_with('2'))
    {
        let content =
            api.resolve(response).and_then(|response| response.get("content")?.as_object());
        for (_, entry) in content.into_iter().flatten() {
            let Some(schema) = entry.get("schema") else { continue };
            found.extend(words(api, schema, "", 0));
        }
    }
}

fn words<'d>(api: &Api<'d>, schema: &'d Value, path: &str, depth: usize) -> Option<String> {
    let flat = Flat::of(api, schema);
    let text = WORDS.iter().find_map(|word| {
        let (name, schema) = flat.properties.iter().find(|(name, _)| snake(name) == *word)?;
        (Flat::of(api, schema).types == ["string"]).then(|| format!("{path}{name}"))
    });
    let inside = || {
        let (name, schema) = flat
            .properties
            .iter()
            .find(|(name, _)| ["error", "fault"].contains(&snake(name).as_str()))?;
        (depth == 0).then(|| words(api, schema, &format!("{name}."), 1))?
    };
    text.or_else(inside)
}
