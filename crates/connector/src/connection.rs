//! What a connection is to a spoke, and the template from which a person fills one in.

use std::time::Duration;

use linchpin_language::{Fields, Map, Node, Schema, Text, Type, Value, codes};

use crate::credential::CredentialTemplate;
use crate::manifest::{Reading, grammar};

/// The field by which a connection chooses among several credentials.
pub const CREDENTIAL: &str = "credential";

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
    /// The form, in order. Where there are several credentials, the first field chooses one.
    pub fields: Vec<FormField>,
    /// Settings with a default that are not on the form.
    pub attributes: Fields,
    /// The label of the form's button.
    pub button: Option<String>,
    /// How the credential is made from the fields: one, or several to choose from; never empty.
    pub credentials: Vec<CredentialTemplate>,
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
    /// The credentials that have it, when there are several; empty means all.
    pub only_for: Vec<String>,
}

impl ConnectionTemplate {
    /// The credential that a connection with these values has.
    pub fn credential(&self, values: &Map<String, Value>) -> &CredentialTemplate {
        let chosen = values.get(CREDENTIAL).and_then(Value::as_str).unwrap_or_default();
        let found = self.credentials.iter().find(|credential| credential.name == chosen);
        found.unwrap_or(&self.credentials[0])
    }

    /// Whether the form asks which credential: only where the answer changes what else it asks. Else a
    /// connection has the first one, unless its settings say another.
    pub fn asks_which(&self) -> bool {
        self.fields.iter().any(|field| !field.only_for.is_empty())
    }

    /// The fields that a connection with these values has.
    pub fn fields_for<'t>(
        &'t self,
        values: &Map<String, Value>,
    ) -> impl Iterator<Item = &'t FormField> + use<'t> {
        let chosen = self.credential(values);
        self.fields.iter().filter(move |field| field.is_for(&chosen.name))
    }

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
            .chain(["url".to_owned(), CREDENTIAL.to_owned()])
            .collect();
        let mark = reading.mark();
        reading.know("connection", Some(names));
        let mut credentials = match reading.required(&node, "credential") {
            Some(node) => CredentialTemplate::parse_all(reading, &node),
            None => Vec::new(),
        };
        check_choice(reading, &node, &fields, &credentials);
        if credentials.len() > 1 {
            fields.insert(0, FormField::choice(&credentials));
        }
        if credentials.is_empty() {
            // A mistake in it is reported already; the fields must still be known to what follows.
            credentials.push(CredentialTemplate::none());
        }
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
            credentials,
            has_test: node.get("test").is_some(),
            shows,
        })
    }
}

/// Whether `for` of the fields names credentials there are.
fn check_choice(
    reading: &mut Reading,
    connection: &Node<'_>,
    fields: &[FormField],
    credentials: &[CredentialTemplate],
) {
    let nodes = connection.get("fields").map(|node| node.items()).unwrap_or_default();
    for node in nodes {
        let Some(named) = node.get("for") else { continue };
        for word in named.items() {
            let name = word.as_str().unwrap_or_default();
            if credentials.iter().all(|credential| credential.name != name) {
                let all: Vec<&str> = credentials.iter().map(|one| one.name.as_str()).collect();
                let mistake =
                    word.error(codes::BAD_MANIFEST, format!("there is no credential `{name}`"));
                let help = format!("the credentials are {}", all.join(", "));
                reading.diagnostics.push(mistake.with_help(help));
            }
        }
    }
    if credentials.len() > 1 && fields.iter().any(|field| field.name == CREDENTIAL) {
        let message = format!("a field cannot be called {CREDENTIAL}: it chooses the credential");
        reading.error(connection, codes::RESERVED_ID, message);
    }
}

impl FormField {
    /// Whether a connection with this credential has the field.
    pub fn is_for(&self, credential: &str) -> bool {
        self.only_for.is_empty() || self.only_for.iter().any(|name| name == credential)
    }

    /// The field that chooses a credential.
    fn choice(credentials: &[CredentialTemplate]) -> FormField {
        let choice = |one: &CredentialTemplate| (one.title.clone(), one.name.clone());
        FormField {
            name: CREDENTIAL.to_owned(),
            label: "Credential".to_owned(),
            ty: Type::String,
            choices: credentials.iter().map(choice).collect(),
            other: false,
            default: credentials.first().map(|first| Value::String(first.name.clone())),
            value: None,
            hint: None,
            max: None,
            required: true,
            only_for: Vec::new(),
        }
    }

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
            only_for: node.get("for").map(|node| reading.strings(&node)).unwrap_or_default(),
        })
    }
}
