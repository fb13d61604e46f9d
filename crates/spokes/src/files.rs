//! The actions of the `files` spoke: CSV and JSON below one folder, read and written.
//!
//! In Rust because nothing is requested of another system. Where a path may lead is `folder`'s.

mod csv;
mod folder;

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_connector::{
    Action, ActionError, ActionSpec, Call, CodeAction, Effect, ErrorKind, Look, Page, Wrote,
    too_deep,
};
use serde_json::{Value, json};

use folder::Folder;

/// The actions by the name that their files give under `code`.
pub(crate) const ACTIONS: &[(&str, CodeAction)] = &[
    ("csv_read", |spec| made(spec, Work::ReadCsv)),
    ("csv_stream", |spec| made(spec, Work::StreamCsv)),
    ("csv_write", |spec| made(spec, Work::WriteCsv)),
    ("json_read", |spec| made(spec, Work::ReadJson)),
    ("json_write", |spec| made(spec, Work::WriteJson)),
];

/// The largest JSON file that is read, in bytes.
const MAX_JSON: u64 = 16 * 1024 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    ReadCsv,
    StreamCsv,
    WriteCsv,
    ReadJson,
    WriteJson,
}

struct FileAction {
    spec: ActionSpec,
    work: Work,
}

fn made(spec: ActionSpec, work: Work) -> Arc<dyn Action> {
    Arc::new(FileAction { spec, work })
}

#[async_trait]
impl Action for FileAction {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        let folder = Folder::of(call.connection)?;
        let path = text(call.inputs, "path");
        if self.work == Work::ReadJson {
            return Ok(json!({ "value": read_json(&folder, path)? }));
        }
        let rows = csv::all(&folder, path, call.inputs)?;
        Ok(json!({ "count": rows.len(), "rows": rows }))
    }

    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        let folder = Folder::of(call.connection)?;
        csv::page(&folder, text(call.inputs, "path"), call.inputs, cursor)
    }

    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let folder = Folder::of(call.connection)?;
        let path = text(call.inputs, "path");
        let content = self.content(call.inputs)?;
        let present = folder.present(path, content.len())?;
        let effect = if present.is_some() { Effect::Update } else { Effect::Create };
        let is_same = present.is_some_and(|present| present == content);
        let changes = if is_same { Vec::new() } else { vec![Value::from(path)] };
        let chunks = u32::from(!is_same);
        Ok(Look { found: json!({}), changes, effect, chunks, variant: None })
    }

    async fn write(&self, call: &Call<'_>, look: &Look, _: u32) -> Result<Wrote, ActionError> {
        let folder = Folder::of(call.connection)?;
        folder.replace(text(call.inputs, "path"), &self.content(call.inputs)?)?;
        Ok(Wrote::new(Value::Null, 0, look.effect))
    }

    async fn finish(&self, call: &Call<'_>, _: &Look, _: &[Wrote]) -> Result<Value, ActionError> {
        let bytes = self.content(call.inputs)?.len();
        Ok(json!({ "path": text(call.inputs, "path"), "bytes": bytes }))
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        format!("write {}", text(call.inputs, "path"))
    }
}

impl FileAction {
    /// What the file is to hold.
    fn content(&self, inputs: &Value) -> Result<Vec<u8>, ActionError> {
        if self.work == Work::WriteCsv {
            return csv::written(inputs);
        }
        let value = inputs.get("value").unwrap_or(&Value::Null);
        Ok(format!("{value:#}\n").into_bytes())
    }
}

fn read_json(folder: &Folder, path: &str) -> Result<Value, ActionError> {
    let bytes = folder.read(path, MAX_JSON)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| wrong(format!("{path} is no JSON: {error}")))?;
    match too_deep(&value) {
        None => Ok(value),
        Some(why) => Err(wrong(format!("{path} {why}"))),
    }
}

fn text<'a>(inputs: &'a Value, name: &str) -> &'a str {
    inputs.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A file that does not hold what it should.
fn wrong(message: String) -> ActionError {
    ActionError::new(ErrorKind::BadResponse, message)
}
