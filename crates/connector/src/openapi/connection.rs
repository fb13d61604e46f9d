//! The connection of a draft: from the document's servers and security schemes.

use std::collections::BTreeMap;

use linchpin_language::{Map, Value, json};

use super::Remarks;
use super::api::Api;
use super::parameters::parameters;
use super::text::clean;

/// The template of a connection.
pub(super) fn connection(api: &Api<'_>, remarks: &mut Remarks) -> Value {
    let mut fields = vec![url(api, remarks)];
    let mut attributes = Map::new();
    let mut credential = json!({ "kind": "none" });
    if let Some((name, scheme)) = chosen(api, remarks) {
        let scopes = scopes(api, &name);
        let made = Credential::of(&name, scheme, &scopes, remarks);
        fields.extend(made.fields);
        attributes = made.attributes;
        credential = made.credential;
    }
    let mut connection = Map::new();
    connection.insert("fields".to_owned(), Value::Array(fields));
    if !attributes.is_empty() {
        connection.insert("attributes".to_owned(), Value::Object(attributes));
    }
    connection.insert("credential".to_owned(), credential);
    match test(api) {
        Some(test) => drop(connection.insert("test".to_owned(), test)),
        None => remarks.add("", "no read without inputs was found to test a connection with: add `test` under `connection`"),
    }
    Value::Object(connection)
}

/// The field of the address: the servers are its choices.
fn url(api: &Api<'_>, remarks: &mut Remarks) -> Value {
    let servers = api.part("servers").and_then(Value::as_array);
    let mut choices = Map::new();
    for server in servers.into_iter().flatten() {
        let Some(text) = server.get("url").and_then(Value::as_str) else { continue };
        let url = filled(text, server).trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            remarks.add("", format!("the server `{text}` has no host: the address is asked for"));
            continue;
        }
        if text.contains('{') {
            remarks.add(
                "",
                format!("the server `{text}` has variables: their defaults are filled in"),
            );
        }
        let label = server.get("description").and_then(Value::as_str).map(|text| clean(text, 60));
        let label = label.filter(|label| !label.is_empty()).unwrap_or_else(|| url.clone());
        choices.insert(label, Value::from(url));
    }
    let mut field = json!({ "name": "url", "label": "Address", "type": "url" });
    let mut put = |key: &str, value: Value| {
        drop(field.as_object_mut().map(|field| field.insert(key.to_owned(), value)))
    };
    match choices.len() {
        0 => {
            remarks.add("", "the document names no server: the address is asked for");
            put("hint", json!("https://api.example.com"));
        }
        1 => put("default", choices.values().next().cloned().unwrap_or_default()),
        _ => {
            put("choices", Value::Object(choices));
            put("other", json!(true));
        }
    }
    field
}

/// A server's URL with the defaults of its variables.
fn filled(text: &str, server: &Value) -> String {
    let variables = server.get("variables").and_then(Value::as_object);
    let mut url = text.to_owned();
    for (name, variable) in variables.into_iter().flatten() {
        let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), default);
    }
    url
}

/// The scheme that most operations take; the others are remarked.
fn chosen<'d>(api: &Api<'d>, remarks: &mut Remarks) -> Option<(String, &'d Value)> {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let mut order: Vec<&str> = Vec::new();
    let everywhere = api.part("security");
    for operation in api.operations() {
        let own = operation.value.get("security").or(everywhere).and_then(Value::as_array);
        for name in own.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys) {
            *used.entry(name).or_default() += 1;
            order.push(name);
        }
    }
    let declared = api.part("components").and_then(|all| all.get("securitySchemes")?.as_object());
    order.extend(declared.into_iter().flat_map(Map::keys).map(String::as_str));
    let mut known: Vec<(&str, &Value)> = Vec::new();
    for name in order {
        match api.component("securitySchemes", name) {
            Some(scheme) if known.iter().all(|(other, _)| *other != name) => {
                known.push((name, scheme))
            }
            Some(_) => {}
            None => remarks
                .add("", format!("the security scheme `{name}` is used and nowhere described")),
        }
    }
    let most = known.iter().map(|(name, _)| used.get(name).copied().unwrap_or_default()).max()?;
    let at =
        known.iter().position(|(name, _)| used.get(name).copied().unwrap_or_default() == most)?;
    let (name, scheme) = known.remove(at);
    for (other, _) in known {
        remarks.add("", format!("the security scheme `{other}` was left out; `{name}` is used"));
    }
    Some((name.to_owned(), scheme))
}

/// Every scope that an operation asks for.
fn scopes(api: &Api<'_>, scheme: &str) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    let everywhere = api.part("security");
    for operation in api.operations() {
        let own = operation.value.get("security").or(everywhere).and_then(Value::as_array);
        for asked in
            own.into_iter().flatten().filter_map(|one| one.get(scheme)?.as_array()).flatten()
        {
            let asked = asked.as_str().unwrap_or_default();
            if !scopes.iter().any(|known| known == asked) {
                scopes.push(asked.to_owned());
            }
        }
    }
    scopes
}

/// A credential and what its form asks.
struct Credential {
    fields: Vec<Value>,
    attributes: Map<String, Value>,
    credential: Value,
}

impl Credential {
    fn of(name: &str, scheme: &Value, scopes: &[String], remarks: &mut Remarks) -> Credential {
        let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("type"), text("scheme").to_ascii_lowercase().as_str()) {
            ("apiKey", _) => api_key(text("in"), text("name")),
            ("http", "basic") => plain(
                &[("user_name", "User name", "string"), ("password", "Password", "secret")],
                json!({ "kind": "basic", "username": "{{ connection.user_name }}", "password": "{{ connection.password }}" }),
            ),
            ("http", "bearer") => bearer(),
            ("oauth2", _) => oauth(name, scheme, scopes, remarks),
            (kind, _) => {
                let what = format!(
                    "the security scheme `{name}` ({kind}) is written as a bearer token: review it"
                );
                remarks.add("", what);
                bearer()
            }
        }
    }
}

fn plain(fields: &[(&str, &str, &str)], credential: Value) -> Credential {
    let fields =
        fields.iter().map(|(name, label, ty)| json!({ "name": name, "label": label, "type": ty }));
    Credential { fields: fields.collect(), attributes: Map::new(), credential }
}

fn bearer() -> Credential {
    let credential = json!({ "kind": "bearer", "token": "{{ connection.token }}" });
    plain(&[("token", "Token", "secret")], credential)
}

fn api_key(place: &str, name: &str) -> Credential {
    let credential = match place {
        "query" => json!({ "kind": "api_key", "query": name, "value": "{{ connection.api_key }}" }),
        "cookie" => {
            json!({ "kind": "api_key", "header": "Cookie", "value": format!("{name}={{{{ connection.api_key }}}}") })
        }
        _ => json!({ "kind": "api_key", "header": name, "value": "{{ connection.api_key }}" }),
    };
    plain(&[("api_key", "API key", "secret")], credential)
}

fn oauth(name: &str, scheme: &Value, scopes: &[String], remarks: &mut Remarks) -> Credential {
    let flow = |key: &str| scheme.get("flows").and_then(|flows| flows.get(key));
    let client =
        [("client_id", "Client id", "string"), ("client_secret", "Client secret", "secret")];
    let url = |flow: &Value, key: &str| flow.get(key).cloned().unwrap_or_else(|| json!("https://"));
    let mut attributes = Map::new();
    let mut attribute = |key: &str, ty: &str, default: Value| {
        attributes.insert(key.to_owned(), json!({ "type": ty, "default": default }));
    };
    let mut parts = json!({ "client_id": "{{ connection.client_id }}", "client_secret": "{{ connection.client_secret }}", "token_url": "{{ connection.token_url }}" });
    let kind = if let Some(flow) = flow("clientCredentials") {
        attribute("token_url", "url", url(flow, "tokenUrl"));
        "oauth2_client_credentials"
    } else if let Some(flow) = flow("authorizationCode") {
        attribute("token_url", "url", url(flow, "tokenUrl"));
        attribute("authorize_url", "url", url(flow, "authorizationUrl"));
        parts["authorize_url"] = json!("{{ connection.authorize_url }}");
        "oauth2_authorization_code"
    } else {
        let what = format!(
            "the grant of `{name}` is no longer safe to use: it is written as a bearer token"
        );
        remarks.add("", what);
        return bearer();
    };
    if !scopes.is_empty() {
        attribute("scope", "string", json!(scopes.join(" ")));
        parts["scope"] = json!("{{ connection.scope }}");
    }
    let mut credential = json!({ "kind": kind });
    if let (Some(credential), Some(parts)) = (credential.as_object_mut(), parts.as_object()) {
        credential.extend(parts.clone());
    }
    Credential { attributes, ..plain(&client, credential) }
}

/// A read that needs nothing: what is closest to "who am I" first, then the shortest path.
fn test(api: &Api<'_>) -> Option<Value> {
    let operations = api.operations();
    let reads = operations.iter().filter(|one| one.method == "get" && !one.path.contains('{'));
    let mut candidates: Vec<(bool, usize, Value)> = Vec::new();
    for operation in reads {
        let all = parameters(api, operation, &mut Remarks::default());
        if all.iter().any(|one| one.value.get("required") == Some(&Value::Bool(true))) {
            continue;
        }
        let last = operation.path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
        let mut test = json!({ "get": operation.path });
        if all.iter().any(|one| one.name == "limit" && one.place == "query") {
            test["query"] = json!({ "limit": "1" });
        }
        candidates.push((
            !matches!(last, "me" | "self" | "whoami" | "ping" | "status"),
            operation.path.len(),
            test,
        ));
    }
    candidates.sort_by_key(|(is_other, length, _)| (*is_other, *length));
    candidates.into_iter().next().map(|(_, _, test)| test)
}
