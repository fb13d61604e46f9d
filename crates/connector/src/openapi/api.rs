//! The document itself: its operations, and what its references lead to.

use linchpin_language::{Value, kind};

use super::{DraftError, Remarks};

/// Methods that a manifest can send.
const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];
/// Methods that OpenAPI has beside those.
const OTHER_METHODS: &[&str] = &["head", "options", "trace"];
/// A chain of references longer than this leads nowhere.
const MAX_CHAIN: usize = 32;

/// A document of a version that is understood.
pub(super) struct Api<'d> {
    root: &'d Value,
}

/// One operation.
pub(super) struct Operation<'d> {
    /// `get`, `post`, ...
    pub(super) method: &'static str,
    /// As written, with its parameters in braces.
    pub(super) path: &'d str,
    /// What is said of it.
    pub(super) value: &'d Value,
    /// Parameters of all operations of the path.
    shared: &'d Value,
}

impl<'d> Operation<'d> {
    /// `GET /pets/{id}`, on one line.
    pub(super) fn place(&self) -> String {
        super::text::clean(&format!("{} {}", self.method.to_ascii_uppercase(), self.path), 200)
    }

    /// A text of the operation.
    pub(super) fn text(&self, key: &str) -> Option<&'d str> {
        self.value.get(key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Its parameters, those of the path first.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'d Value> {
        let own = self.value.get("parameters").and_then(Value::as_array);
        let shared = self.shared.as_array();
        shared.into_iter().flatten().chain(own.into_iter().flatten())
    }
}

impl<'d> Api<'d> {
    /// Takes a document of OpenAPI 3.0 or 3.1.
    pub(super) fn new(root: &'d Value) -> Result<Api<'d>, DraftError> {
        let wrong = |why: String| Err(DraftError::NotOpenApi(why));
        if !root.is_object() {
            return wrong(format!("it holds a {}, not a map", kind(root)));
        }
        if root.get("swagger").is_some() {
            let why = "it is Swagger 2.0, which any OpenAPI converter turns into 3.0 first";
            return wrong(why.to_owned());
        }
        let version = match root.get("openapi") {
            Some(Value::String(version)) => version.clone(),
            Some(Value::Number(version)) => version.to_string(),
            _ => return wrong("it has no `openapi: 3.x` at its top".to_owned()),
        };
        if !version.starts_with("3.") {
            return wrong(format!("its version is {version}, and 3.0 to 3.2 are understood"));
        }
        Ok(Api { root })
    }

    /// The title of the document.
    pub(super) fn title(&self) -> String {
        let title = self.root.get("info").and_then(|info| info.get("title"));
        let title = title.and_then(Value::as_str).map(|title| super::text::clean(title, 80));
        title.filter(|title| !title.is_empty()).unwrap_or_else(|| "API".to_owned())
    }

    /// A part at the top of the document.
    pub(super) fn part(&self, key: &str) -> Option<&'d Value> {
        self.root.get(key)
    }

    /// A component by its kind and name.
    pub(super) fn component(&self, kind: &str, name: &str) -> Option<&'d Value> {
        let found = self.root.get("components")?.get(kind)?.get(name)?;
        self.resolve(found)
    }

    /// Every operation that a manifest can send, in the order of the document.
    pub(super) fn operations(&self) -> Vec<Operation<'d>> {
        let mut operations = Vec::new();
        for (path, item) in self.paths() {
            let shared = item.get("parameters").unwrap_or(&Value::Null);
            for method in METHODS {
                if let Some(value) = item.get(method).filter(|value| value.is_object()) {
                    operations.push(Operation { method, path, value, shared });
                }
            }
        }
        operations
    }

    fn paths(&self) -> impl Iterator<Item = (&'d str, &'d Value)> {
        let paths = self.root.get("paths").and_then(Value::as_object);
        let all = paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
        all.filter_map(|(path, item)| Some((path.as_str(), self.resolve(item)?)))
    }

    /// Remarks on the parts of a document that no manifest has.
    pub(super) fn survey(&self, remarks: &mut Remarks) {
        for (path, item) in self.paths() {
            for method in OTHER_METHODS.iter().filter(|method| item.get(**method).is_some()) {
                let place = format!("{} {path}", method.to_ascii_uppercase());
                remarks.add(&place, "a manifest does not send this method: no action was drafted");
            }
            if item.get("servers").is_some() {
                remarks.add(path, "a server of its own: all actions go to the connection's URL");
            }
        }
        let webhooks = self.root.get("webhooks").and_then(Value::as_object);
        for name in webhooks.into_iter().flatten().map(|(name, _)| name) {
            let what = "a call that the system makes: say under `webhook` in spoke.yaml how it is \
                signed, and start a flow by it";
            remarks.add(&format!("webhook {name}"), what);
        }
        for operation in self.operations() {
            for (key, what) in [
                ("callbacks", "calls that the system makes back were left out"),
                ("servers", "a server of its own: all actions go to the connection's URL"),
            ] {
                if operation.value.get(key).is_some() {
                    remarks.add(&operation.place(), what);
                }
            }
            if operation.value.get("deprecated") == Some(&Value::Bool(true)) {
                remarks.add(&operation.place(), "marked as deprecated, drafted all the same");
            }
        }
    }

    /// What a value leads to when it is a reference, else the value; none when it leads nowhere.
    pub(super) fn resolve(&self, value: &'d Value) -> Option<&'d Value> {
        let mut value = value;
        for _ in 0..MAX_CHAIN {
            match reference(value) {
                None => return Some(value),
                Some(pointer) => {
                    value = self.root.pointer(&unescaped(pointer.strip_prefix('#')?))?
                }
            }
        }
        None
    }
}

/// The reference that a value is, if it is one.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref").and_then(Value::as_str)
}

/// The name at the end of a reference.
pub(super) fn referred(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or(pointer)
}

/// A pointer in a reference is part of a URL, so it may be percent-encoded.
fn unescaped(pointer: &str) -> String {
    percent_encoding::percent_decode_str(pointer).decode_utf8_lossy().into_owned()
}
