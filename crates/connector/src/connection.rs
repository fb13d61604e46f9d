//! What a connection is to a spoke, and the template from which a person fills one in.

use std::time::Duration;

use linchpin_language::{Fields, Map, Node, Schema, Text, Type, Value, codes};

use crate::credential::CredentialTemplate;
use crate::manifest::{Reading, grammar};

/// A resolved connection, as a spoke may see it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The alias the flow used.
    pub alias: String,
    /// The spoke it belongs to.
    pub spoke: String,
    /// Its fields and attributes that are not secret, `url` among them.
    pub values: Map<String, Value>,
}

/// How many calls a system allows in a time; belongs to the credential, whichever aliases lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// Calls allowed.
    pub calls: u32,
    /// In this time.
    pub per: Duration,
}

/// How a connection of a spoke is made.
pub struct ConnectionTemplate {
    /// The form, in order.
    pub fields: Vec<FormField>,
    /// Settings with a default that are not on the form.
    pub attributes: Fields,
    /// The label of the form's button.
    pub button: Option<String>,
    /// How the credential is made from the fields.
    pub credential: CredentialTemplate,
    /// Whether the spoke names a request that proves the connection; see `Spoke::test`.
    pub has_test: bool,
    /// Read-only lines shown once the connection is active.
    pub shows: Vec<(String, Text)>,
}

/// One field of a connection form.
#[derive(Clone, Debug)]
pub struct FormField {
    /// The name in `connections.yaml` and in pills.
    pub name: String,
    /// The label people see.
    pub label: String,
    /// Its type; a `secret` is written once and never shown.
    pub ty: Type,
    /// Label and value of each choice.
    pub choices: Vec<(String, String)>,
    /// Whether another value than the choices may be given.
    pub other: bool,
    /// Filled in beforehand.
    pub default: Option<Value>,
    /// Fixed: shown, and not to be changed.
    pub value: Option<Value>,
    /// An example of what belongs here.
    pub hint: Option<String>,
    /// The longest text that is taken.
    pub max: Option<u64>,
    /// Whether it must be filled in.
    pub required: bool,
}

impl ConnectionTemplate {
    /// Fields and attributes as schemas, secrets among them.
    pub fn schemas(&self) -> Fields {
        let mut schemas = Fields::new();
        for field in &self.fields {
            let mut schema = Schema::of(field.ty.clone());
            schema.default = field.value.clone().or_else(|| field.default.clone());
            schemas.insert(field.name.clone(), schema);
        }
        schemas.extend(self.attributes.clone());
        schemas
    }

    /// Reads `connection`; none when it is missing or has mistakes.
    pub(crate) fn parse(reading: &mut Reading, root: &Node<'_>) -> Option<ConnectionTemplate> {
        let node = reading.required(root, "connection")?;
        if !reading.mapping(&node, &grammar::CONNECTION) {
            return None;
        }
        let mut fields = Vec::new();
        for item in node.get("fields").map(|node| node.items()).unwrap_or_default() {
            fields.extend(FormField::parse(reading, &item));
        }
        let attributes = match node.get("attributes") {
            None => Fields::new(),
            Some(node) => reading.take(Schema::parse_fields(&node, &[])).unwrap_or_default(),
        };
        let names: Vec<String> = fields
            .iter()
            .map(|field| field.name.clone())
            .chain(attributes.keys().cloned())
            .chain(["url".to_owned()])
            .collect();
        let mark = reading.mark();
        reading.know("connection", Some(names));
        let credential = reading
            .required(&node, "credential")
            .and_then(|node| CredentialTemplate::parse(reading, &node));
        let mut shows = Vec::new();
        if let Some(node) = node.get("shows") {
            for (name, entry) in node.entries() {
                shows.extend(reading.text(&entry).map(|text| (name.to_owned(), text)));
            }
        }
        reading.forget(mark);
        Some(ConnectionTemplate {
            fields,
            attributes,
            button: reading.string_at(&node, "button"),
            // A mistake in it is reported already; the fields must still be known to what follows.
            credential: credential.unwrap_or_else(CredentialTemplate::none),
            has_test: node.get("test").is_some(),
            shows,
        })
    }
}

impl FormField {
    fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<FormField> {
        reading.mapping(node, &grammar::FIELD);
        let name = reading.required(node, "name").and_then(|node| reading.string(&node));
        let label = reading.string_at(node, "label");
        let ty = match node.get("type") {
            None => Some(Type::String),
            Some(node) => reading.string(&node).and_then(|word| {
                let ty = Type::named(&word);
                if ty.is_none() {
                    reading.error(&node, codes::BAD_SCHEMA, format!("there is no type `{word}`"));
                }
                ty
            }),
        };
        let mut choices = Vec::new();
        for (label, entry) in node.get("choices").map(|node| node.entries()).unwrap_or_default() {
            choices.extend(reading.string(&entry).map(|value| (label.to_owned(), value)));
        }
        let name = name?;
        Some(FormField {
            label: label.unwrap_or_else(|| name.clone()),
            name,
            ty: ty?,
            choices,
            other: reading.flag(node, "other"),
            default: node.get("default").map(|node| node.value().clone()),
            value: node.get("value").map(|node| node.value().clone()),
            hint: reading.string_at(node, "hint"),
            max: node.get("max").and_then(|node| reading.count(&node)),
            required: node.get("required").is_none_or(|node| node.value() != &Value::Bool(false)),
        })
    }
}
