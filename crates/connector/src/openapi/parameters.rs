//! Parameters of an operation as inputs, and where each goes in the request.

use std::collections::BTreeMap;

use linchpin_language::{Map, Value, json};

use super::Remarks;
use super::api::{Api, Operation};
use super::names::{free, identifier};
use super::schema::{Flat, Types, Way, ordered};
use super::text::about;

/// Headers that the transport or the form of the body sets.
const OWN_HEADERS: &[&str] = &["accept", "content-type", "authorization"];

/// One parameter.
pub(super) struct Parameter<'d> {
    /// Its name in the document.
    pub(super) name: &'d str,
    /// `path`, `query` or `header`.
    pub(super) place: &'d str,
    pub(super) value: &'d Value,
    pub(super) schema: &'d Value,
}

/// The inputs of an action, and what of the request they fill.
#[derive(Default)]
pub(super) struct Inputs {
    /// Types by name, as a manifest writes them.
    pub(super) types: Map<String, Value>,
    /// The input of each path parameter.
    pub(super) path: BTreeMap<String, String>,
    pub(super) query: Map<String, Value>,
    pub(super) headers: Map<String, Value>,
    /// Expressions the texts need.
    pub(super) lets: Map<String, Value>,
    /// Whether a header carries a key that makes repeats safe.
    pub(super) has_key: bool,
}

/// The parameters that a manifest can send; others are remarked.
pub(super) fn parameters<'d>(
    api: &Api<'d>,
    operation: &Operation<'d>,
    remarks: &mut Remarks,
) -> Vec<Parameter<'d>> {
    let mut all: Vec<Parameter<'d>> = Vec::new();
    let place = operation.place();
    for value in operation.parameters() {
        let Some(value) = api.resolve(value) else {
            remarks.add(&place, "a parameter's reference leads nowhere in this document");
            continue;
        };
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let parameter =
            Parameter { name: text("name"), place: text("in"), value, schema: schema(value) };
        if parameter.place == "cookie" {
            remarks.add(&place, format!("the cookie `{}` is not sent", parameter.name));
            continue;
        }
        if parameter.place == "header"
            && OWN_HEADERS.contains(&parameter.name.to_ascii_lowercase().as_str())
        {
            continue;
        }
        // What an operation says of a parameter stands in place of what its path says.
        all.retain(|known| known.name != parameter.name || known.place != parameter.place);
        all.push(parameter);
    }
    all
}

/// A parameter's schema, or that of its only form of content.
fn schema(value: &Value) -> &Value {
    let content = || value.get("content")?.as_object()?.values().next()?.get("schema");
    value.get("schema").or_else(content).unwrap_or(&Value::Null)
}

impl Inputs {
    /// Adds the parameters that paging does not fill.
    pub(super) fn add<'d>(
        &mut self,
        api: &Api<'d>,
        parameters: &[Parameter<'d>],
        paged: &[String],
        place: &str,
        remarks: &mut Remarks,
    ) {
        for parameter in parameters {
            let lower = parameter.name.to_ascii_lowercase();
            if lower == "idempotency-key" && parameter.place == "header" {
                self.has_key = true;
                continue;
            }
            if parameter.place == "query" && paged.iter().any(|name| name == parameter.name) {
                continue;
            }
            let name = identifier(parameter.name);
            let name = free(&name, parameter.place, |name| self.types.contains_key(name));
            let ty = input(api, parameter, place, remarks);
            self.types.insert(name.clone(), Value::Object(ty));
            let pill = self.pill(api, parameter, &name, place, remarks);
            match parameter.place {
                "path" => drop(self.path.insert(parameter.name.to_owned(), name)),
                "query" => drop(self.query.insert(parameter.name.to_owned(), pill)),
                _ => drop(self.headers.insert(parameter.name.to_owned(), pill)),
            }
        }
    }

    /// Path parameters that the document forgot to describe are texts.
    pub(super) fn path(&mut self, path: &str, place: &str, remarks: &mut Remarks) -> String {
        let mut out = String::new();
        for (at, part) in path.split('{').enumerate() {
            let Some((name, rest)) = part.split_once('}').filter(|_| at > 0) else {
                out.push_str(part);
                continue;
            };
            if !self.path.contains_key(name) {
                remarks.add(
                    place,
                    format!("the path has `{name}`, which no parameter describes: it is a text"),
                );
                let input = free(&identifier(name), "path", |name| self.types.contains_key(name));
                self.types.insert(input.clone(), json!({ "type": "string", "required": true }));
                self.path.insert(name.to_owned(), input);
            }
            out.push_str(&format!("{{{{ inputs.{} }}}}{rest}", self.path[name]));
        }
        out
    }

    fn pill(
        &mut self,
        api: &Api<'_>,
        parameter: &Parameter<'_>,
        name: &str,
        place: &str,
        remarks: &mut Remarks,
    ) -> Value {
        let flat = Flat::of(api, parameter.schema);
        let word = |key: &str| parameter.value.get(key);
        let style = word("style").and_then(Value::as_str).unwrap_or("form");
        let explode = word("explode").and_then(Value::as_bool).unwrap_or(style == "form");
        if flat.is_object() || style == "deepObject" {
            let what = format!(
                "the parameter `{}` is an object: give it as the text that is sent",
                parameter.name
            );
            remarks.add(place, what);
            self.types.insert(name.to_owned(), json!({ "type": "string" }));
        }
        let joins = flat.is_list() && (!explode || parameter.place == "header");
        if !joins {
            return Value::from(format!("{{{{ inputs.{name} }}}}"));
        }
        let by = match style {
            "spaceDelimited" => " ",
            "pipeDelimited" => "|",
            _ => ",",
        };
        let joined = format!("{name}_text");
        let expression = format!("inputs.{name} == null ? null : join(inputs.{name}, '{by}')");
        self.lets.insert(joined.clone(), Value::from(expression));
        Value::from(format!("{{{{ {joined} }}}}"))
    }
}

fn input<'d>(
    api: &Api<'d>,
    parameter: &Parameter<'d>,
    place: &str,
    remarks: &mut Remarks,
) -> Map<String, Value> {
    let mut ty = Types::new(api, remarks, place, Way::Out).convert(parameter.schema);
    if parameter.value.get("required") == Some(&Value::Bool(true)) || parameter.place == "path" {
        ty.insert("required".to_owned(), Value::Bool(true));
    }
    if let Some(about) = about(parameter.value.get("description")) {
        ty.insert("about".to_owned(), about);
    }
    ordered(ty)
}
