//! The body of a request: a property each an input, or one input for all of it.

use linchpin_language::{Map, Value, json};

use super::Remarks;
use super::api::{Api, Operation, reference, referred};
use super::names::{free, identifier};
use super::parameters::Inputs;
use super::schema::{Flat, Types, Way, ordered};

/// How a body is sent: the key of the request, and its value.
pub(super) struct Sent {
    /// `json`, `xml` or `form`.
    pub(super) key: &'static str,
    pub(super) value: Value,
}

/// What came of a body.
pub(super) enum Drafted {
    /// There is none.
    Nothing,
    /// It can be sent.
    Body(Sent),
    /// No manifest can send it.
    Impossible,
}

/// Adds the inputs of the body, and gives what is sent.
pub(super) fn body<'d>(
    api: &Api<'d>,
    operation: &Operation<'d>,
    inputs: &mut Inputs,
    remarks: &mut Remarks,
) -> Drafted {
    let place = operation.place();
    let body = operation.value.get("requestBody").and_then(|body| api.resolve(body));
    let Some(body) = body else { return Drafted::Nothing };
    let content = body.get("content").and_then(Value::as_object);
    let Some(content) = content.filter(|content| !content.is_empty()) else {
        return Drafted::Nothing;
    };
    let find =
        |word: &str| content.iter().find(|(media, _)| media.to_ascii_lowercase().contains(word));
    let (key, (media, entry)) = match (find("json"), find("xml"), find("x-www-form-urlencoded")) {
        (Some(json), _, _) => ("json", json),
        (None, Some(xml), _) => ("xml", xml),
        (None, None, Some(form)) => ("form", form),
        (None, None, None) => {
            let media: Vec<&str> = content.keys().map(String::as_str).collect();
            let what = format!(
                "a body of {}, which no manifest sends: no action was drafted",
                media.join(" or ")
            );
            remarks.add(&place, what);
            return Drafted::Impossible;
        }
    };
    if content.len() > 1 {
        remarks.add(&place, format!("of several forms of the body, {media} is sent"));
    }
    let required = body.get("required") == Some(&Value::Bool(true));
    let schema = entry.get("schema").unwrap_or(&Value::Null);
    let flat = Flat::of(api, schema);
    let is_spread = flat.is_object() && !flat.is_open && !flat.properties.is_empty();
    let mut value = if is_spread {
        spread(api, &flat, required, inputs, &place, remarks)
    } else {
        whole(api, schema, required, inputs, &place, remarks)
    };
    if key == "xml" {
        let own = flat.word("xml").and_then(|xml| xml.get("name")).and_then(Value::as_str);
        let name = own.or_else(|| reference(schema).map(referred)).unwrap_or("Request");
        value = json!({ name: value });
        remarks.add(&place, "an XML body: check its root element and the order of what is in it");
    }
    Drafted::Body(Sent { key, value })
}

/// Each property is an input; what is not given is not sent.
fn spread<'d>(
    api: &Api<'d>,
    flat: &Flat<'d>,
    required: bool,
    inputs: &mut Inputs,
    place: &str,
    remarks: &mut Remarks,
) -> Value {
    let fields = Types::new(api, remarks, place, Way::Out).fields(flat);
    let all_required = required && fields.values().all(|ty| ty.get("required").is_some());
    let mut sent = Map::new();
    let mut given = Vec::new();
    for (property, ty) in fields {
        let mut ty = ty.as_object().cloned().unwrap_or_default();
        if !required {
            ty.shift_remove("required");
        }
        let name = free(&identifier(&property), "body", |name| inputs.types.contains_key(name));
        inputs.types.insert(name.clone(), Value::Object(ordered(ty)));
        given.push(format!("{}: inputs.{name}", quoted(&property)));
        sent.insert(property, Value::from(format!("{{{{ inputs.{name} }}}}")));
    }
    if all_required {
        return Value::Object(sent);
    }
    inputs
        .lets
        .insert("body".to_owned(), Value::from(format!("without_nulls({{{}}})", given.join(", "))));
    Value::from("{{ body }}")
}

/// All of the body is one input.
fn whole<'d>(
    api: &Api<'d>,
    schema: &'d Value,
    required: bool,
    inputs: &mut Inputs,
    place: &str,
    remarks: &mut Remarks,
) -> Value {
    let mut ty = Types::new(api, remarks, place, Way::Out).convert(schema);
    if required {
        ty.insert("required".to_owned(), Value::Bool(true));
    }
    let name = free("body", "request", |name| inputs.types.contains_key(name));
    inputs.types.insert(name.clone(), Value::Object(ordered(ty)));
    Value::from(format!("{{{{ inputs.{name} }}}}"))
}

/// A text in an expression.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
