//! Schemas of the document as types of a manifest: references followed, `allOf` put together, circles cut.

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use linchpin_language::{Document, Map, Schema, Value, json, write_yaml};

use super::Remarks;
use super::api::{Api, reference};
use super::names::snake;
use super::text::about;

/// A type nests no deeper than this; what is below is `any`.
const MAX_DEPTH: usize = 8;
/// A type has no more parts than this; what is beyond is `any`.
const MAX_PARTS: usize = 600;

/// Which way a value goes: properties may be only for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the system.
    Out,
    /// From it.
    In,
}

/// Names of what lets one log in: never read from an answer.
const SECRETS: &[&str] = &[
    "password",
    "secret",
    "client_secret",
    "api_key",
    "login_key",
    "access_token",
    "refresh_token",
    "private_key",
];

/// A schema with everything that its references and `allOf` say.
#[derive(Default)]
pub(super) struct Flat<'d> {
    /// `string`, `array`, ... without `null`; empty when it is not said.
    pub(super) types: Vec<&'d str>,
    pub(super) nullable: bool,
    pub(super) properties: IndexMap<&'d str, &'d Value>,
    pub(super) required: IndexSet<&'d str>,
    pub(super) items: Option<&'d Value>,
    /// Other properties are named as allowed.
    pub(super) is_open: bool,
    /// One of several schemas that are not alike.
    pub(super) is_choice: bool,
    /// The other words: `format`, `enum`, `default`, ...; the outermost wins.
    rest: Map<String, Value>,
    /// Where the schemas stand that were taken: one that is named again says nothing new.
    taken: HashSet<*const Value>,
}

impl<'d> Flat<'d> {
    /// Reads a schema.
    pub(super) fn of(api: &Api<'d>, schema: &'d Value) -> Flat<'d> {
        let mut flat = Flat::default();
        flat.take(api, schema, 0);
        flat
    }

    /// A word of the schema.
    pub(super) fn word(&self, key: &str) -> Option<&Value> {
        self.rest.get(key)
    }

    pub(super) fn format(&self) -> &str {
        self.word("format").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is an object, said or shown.
    pub(super) fn is_object(&self) -> bool {
        !self.is_choice
            && (self.types == ["object"] || (self.types.is_empty() && !self.properties.is_empty()))
    }

    /// Whether it is a list, said or shown.
    pub(super) fn is_list(&self) -> bool {
        !self.is_choice
            && (self.types == ["array"] || (self.types.is_empty() && self.items.is_some()))
    }

    fn take(&mut self, api: &Api<'d>, schema: &'d Value, depth: usize) {
        let Some(schema) = api.resolve(schema).filter(|_| depth < 2 * MAX_DEPTH) else { return };
        let Some(words) = schema.as_object() else { return };
        if !self.taken.insert(schema) {
            return;
        }
        for (key, value) in words {
            match key.as_str() {
                "type" => self.take_type(value),
                "nullable" => self.nullable |= value == &Value::Bool(true),
                "properties" => {
                    let all = value.as_object().into_iter().flatten();
                    self.properties.extend(all.map(|(name, schema)| (name.as_str(), schema)));
                }
                "required" => {
                    let all = value.as_array().into_iter().flatten();
                    self.required.extend(all.filter_map(Value::as_str));
                }
                "items" if value.is_object() => self.items = Some(value),
                "additionalProperties" => self.is_open |= value != &Value::Bool(false),
                "allOf" | "oneOf" | "anyOf" | "$ref" => {}
                "const" => {
                    self.rest.entry("enum".to_owned()).or_insert_with(|| json!([value]));
                }
                other => {
                    self.rest.entry(other.to_owned()).or_insert_with(|| value.clone());
                }
            }
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.take(api, part, depth + 1);
        }
        for key in ["oneOf", "anyOf"] {
            self.take_choice(api, schema.get(key), depth);
        }
    }

    fn take_type(&mut self, value: &'d Value) {
        let several = value.as_array().into_iter().flatten();
        for name in several.chain(Some(value)).filter_map(Value::as_str) {
            match name {
                "null" => self.nullable = true,
                name if !self.types.contains(&name) => self.types.push(name),
                _ => {}
            }
        }
    }

    /// One of several: null beside one other only says that it may be null.
    fn take_choice(&mut self, api: &Api<'d>, choice: Option<&'d Value>, depth: usize) {
        let Some(all) = choice.and_then(Value::as_array) else { return };
        let is_null = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("null");
        self.nullable |= all.iter().any(|one| is_null(&one));
        let others: Vec<&Value> = all.iter().filter(|one| !is_null(one)).collect();
        match others[..] {
            [] => {}
            [only] => self.take(api, only, depth + 1),
            _ => self.is_choice = true,
        }
    }
}

/// Makes types of a manifest.
pub(super) struct Types<'a, 'd> {
    pub(super) api: &'a Api<'d>,
    pub(super) remarks: &'a mut Remarks,
    pub(super) place: &'a str,
    pub(super) way: Way,
    /// The references that are being followed.
    open: Vec<String>,
    n_left: usize,
}

impl<'a, 'd> Types<'a, 'd> {
    pub(super) fn new(
        api: &'a Api<'d>,
        remarks: &'a mut Remarks,
        place: &'a str,
        way: Way,
    ) -> Self {
        Types { api, remarks, place, way, open: Vec::new(), n_left: MAX_PARTS }
    }

    /// A type as a manifest writes it: `{ type: list, items: { ... }, about: ... }`.
    pub(super) fn convert(&mut self, schema: &'d Value) -> Map<String, Value> {
        if self.open.len() >= MAX_DEPTH || self.n_left == 0 {
            let what = "a type nests too deep or is too large: what is below is `any`";
            self.remarks.add(self.place, what);
            return named("any");
        }
        self.n_left -= 1;
        let pointer = reference(schema).unwrap_or_default().to_owned();
        if !pointer.is_empty() && self.api.resolve(schema).is_none() {
            self.remarks.add(
                self.place,
                format!("`{pointer}` leads nowhere in this document: it is `any`"),
            );
            return named("any");
        }
        if !pointer.is_empty() && self.open.contains(&pointer) {
            let name = super::api::referred(&pointer);
            self.remarks.add(name, "a type that contains itself: the inner one is `any`");
            return named("any");
        }
        self.open.push(pointer);
        let flat = Flat::of(self.api, schema);
        let mut ty = self.described(&flat);
        self.open.pop();
        if let Some(about) = about(schema.get("description").or_else(|| flat.word("description"))) {
            ty.insert("about".to_owned(), about);
        }
        ty
    }

    /// The properties that go this way, as fields.
    pub(super) fn fields(&mut self, flat: &Flat<'d>) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, schema) in &flat.properties {
            let inner = Flat::of(self.api, schema);
            let other_way = if self.way == Way::Out { "readOnly" } else { "writeOnly" };
            if inner.word(other_way) == Some(&Value::Bool(true)) || *name == "*" {
                continue;
            }
            let is_secret = inner.format() == "password" || SECRETS.contains(&snake(name).as_str());
            if self.way == Way::In && is_secret {
                let what = format!("`{name}` of an answer is a secret and is not read");
                self.remarks.add(self.place, what);
                continue;
            }
            let mut field = self.convert(schema);
            if self.way == Way::Out && flat.required.contains(name) && !inner.nullable {
                field.insert("required".to_owned(), Value::Bool(true));
            }
            fields.insert((*name).to_owned(), Value::Object(ordered(field)));
        }
        fields
    }

    fn described(&mut self, flat: &Flat<'d>) -> Map<String, Value> {
        if flat.is_choice {
            self.remarks.add(self.place, "one of several types (oneOf, anyOf) is `any`");
            return named("any");
        }
        if flat.is_list() {
            let mut list = named("list");
            let items = flat.items.map(|items| self.convert(items)).unwrap_or_else(|| named("any"));
            list.insert("items".to_owned(), bare(items));
            self.constrain(flat, &mut list, &[("minItems", "min"), ("maxItems", "max")]);
            return list;
        }
        if flat.is_object() {
            let mut object = named("object");
            let fields = if flat.is_open { Map::new() } else { self.fields(flat) };
            if !fields.is_empty() {
                object.insert("fields".to_owned(), Value::Object(fields));
            }
            return object;
        }
        let [name] = flat.types[..] else { return named("any") };
        let mut ty = named(single(name, flat.format()));
        if flat.format() == "password" && self.way == Way::Out {
            ty = named("secret");
        }
        let bounds = if name == "string" {
            [("minLength", "min"), ("maxLength", "max")]
        } else {
            [("minimum", "min"), ("maximum", "max")]
        };
        self.constrain(flat, &mut ty, &bounds);
        ty
    }

    /// What an input must be like; of an answer nothing is demanded.
    fn constrain(&mut self, flat: &Flat<'d>, ty: &mut Map<String, Value>, bounds: &[(&str, &str)]) {
        if self.way == Way::In {
            return;
        }
        let mut wanted: Vec<(&str, Value)> = Vec::new();
        for (word, key) in bounds {
            wanted.extend(
                flat.word(word)
                    .filter(|bound| bound.is_number())
                    .map(|bound| (*key, bound.clone())),
            );
        }
        wanted.extend(
            flat.word("pattern").filter(|one| one.is_string()).map(|one| ("pattern", one.clone())),
        );
        let choices = flat
            .word("enum")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter(|one| !one.is_null()).cloned().collect::<Vec<Value>>());
        wanted.extend(choices.filter(|all| !all.is_empty()).map(|all| ("enum", Value::Array(all))));
        wanted.extend(
            flat.word("default").filter(|one| !one.is_null()).map(|one| ("default", one.clone())),
        );
        for (key, value) in wanted {
            let mut more = ty.clone();
            more.insert(key.to_owned(), value);
            if is_type(&more) {
                *ty = more;
            } else {
                self.remarks.add(
                    self.place,
                    format!("a `{key}` of an input that does not fit its type was left out"),
                );
            }
        }
    }
}

/// Whether the manifest's reader takes a type.
pub(super) fn is_type(ty: &Map<String, Value>) -> bool {
    parsed(ty).is_some()
}

/// A type, read.
pub(super) fn parsed(ty: &Map<String, Value>) -> Option<Schema> {
    let text = write_yaml(&Value::Object(ty.clone()));
    let document = Document::parse("type.yaml", &text).ok()?;
    Schema::parse(&document.root(), &["from"]).ok()
}

/// A bare type without constraints.
pub(super) fn named(name: &str) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), Value::from(name))])
}

/// A type of nothing but a name is written as the name.
pub(super) fn bare(ty: Map<String, Value>) -> Value {
    match (ty.len(), ty.get("type")) {
        (1, Some(name)) => name.clone(),
        _ => Value::Object(ordered(ty)),
    }
}

/// The keys of a type in the order in which people read them.
pub(super) fn ordered(mut ty: Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for key in
        ["type", "items", "required", "default", "enum", "min", "max", "pattern", "from", "about"]
    {
        if let Some(value) = ty.shift_remove(key) {
            out.insert(key.to_owned(), value);
        }
    }
    out.extend(ty);
    out
}

/// The manifest's name of a type that is neither list nor object.
fn single(name: &str, format: &str) -> &'static str {
    match (name, format) {
        ("integer", _) => "integer",
        ("number", _) => "number",
        ("boolean", _) => "boolean",
        ("string", "date") => "date",
        ("string", "date-time") => "datetime",
        ("string", "email") => "email",
        ("string", "uri" | "url") => "url",
        ("string", _) => "string",
        _ => "any",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(way: Way, schema: Value, expected: Value) -> Remarks {
        let root = json!({ "openapi": "3.1.0", "paths": {}, "components": { "schemas": {
            "Node": { "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Node" }, "id": { "type": "string" } } },
            "Named": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } },
        } }, "schema": schema });
        let api = Api::new(&root).unwrap();
        let mut remarks = Remarks::default();
        let ty = Types::new(&api, &mut remarks, "here", way).convert(&root["schema"]);
        assert_eq!(bare(ty), expected);
        remarks
    }

    #[test]
    fn parts_are_put_together_and_circles_are_cut() {
        let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Named" }, { "properties": { "n": { "type": "integer", "readOnly": true } } }] });
        check(
            Way::Out,
            schema.clone(),
            json!({ "type": "object", "fields": { "name": { "type": "string", "required": true } } }),
        );
        check(
            Way::In,
            schema,
            json!({ "type": "object", "fields": { "name": { "type": "string" }, "n": { "type": "integer" } } }),
        );
        let remarks = check(
            Way::In,
            json!({ "$ref": "#/components/schemas/Node" }),
            json!({ "type": "object", "fields": { "next": { "type": "any" }, "id": { "type": "string" } } }),
        );
        assert_eq!(remarks.0[0].places, ["Node"]);
    }

    #[test]
    fn a_schema_that_names_itself_often_is_taken_once() {
        let itself = json!({ "$ref": "#/schema" });
        let schema = json!({ "allOf": [itself, itself, itself, itself], "type": "string" });
        check(Way::In, schema, json!("string"));
    }

    #[test]
    fn both_versions_say_null_in_their_own_way() {
        for schema in [
            json!({ "type": ["string", "null"], "format": "date" }),
            json!({ "type": "string", "nullable": true, "format": "date" }),
            json!({ "anyOf": [{ "type": "null" }, { "type": "string", "format": "date" }] }),
        ] {
            check(Way::In, schema, json!("date"));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_told() {
        let remarks = check(
            Way::Out,
            json!({ "type": "integer", "default": "many", "maximum": 100 }),
            json!({ "type": "integer", "max": 100 }),
        );
        assert!(remarks.0[0].what.contains("`default`"));
        let remarks =
            check(Way::Out, json!({ "type": "string", "pattern": "(?!x)y" }), json!("string"));
        assert!(remarks.0[0].what.contains("`pattern`"));
        let remarks = check(
            Way::In,
            json!({ "oneOf": [{ "type": "string" }, { "type": "object" }] }),
            json!("any"),
        );
        assert_eq!(remarks.0.len(), 1);
        check(Way::In, json!({ "$ref": "other.yaml#/Pet" }), json!("any"));
    }
}
