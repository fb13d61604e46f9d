//! The actions of the `files` spoke: CSV and JSON below one folder, read and written.
//!
//! In Rust because nothing is requested of another system. Where a path may lead is `folder`'s.

mod csv;

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_connector::{
    Action, ActionError, ActionSpec, Call, CodeAction, Effect, ErrorKind, Look, Page, Simulated,
    SimulatedRow, Wrote, as_unknown, contains_unknown, too_deep, unknown,
};
use serde_json::{Value, json};

use crate::folder::{Folder, blocking};

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
        if let Some(content) = simulated(call) {
            return Ok(match serde_json::from_str::<Value>(&content) {
                Ok(value) if self.work == Work::ReadJson => json!({ "value": value }),
                _ => self.spec.outputs.unknown(text(call.inputs, "path")),
            });
        }
        let (connection, inputs, work) = (call.connection.clone(), call.inputs.clone(), self.work);
        blocking(move || {
            let folder = Folder::of(&connection)?;
            let path = text(&inputs, "path");
            if work == Work::ReadJson {
                return Ok(json!({ "value": read_json(&folder, path)? }));
            }
            let rows = csv::all(&folder, path, &inputs)?;
            Ok(json!({ "count": rows.len(), "rows": rows }))
        })
        .await
    }

    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        if simulated(call).is_some() || contains_unknown(&call.inputs["path"]) {
            let label = format!("row of {}", text(call.inputs, "path"));
            let rows = vec![unknown(&format!("{}.row", call.key), "object", &label)];
            return Ok(Page { rows, keys: Vec::new(), cursor: None });
        }
        let (connection, inputs) = (call.connection.clone(), call.inputs.clone());
        let cursor = cursor.cloned();
        blocking(move || {
            let folder = Folder::of(&connection)?;
            csv::page(&folder, text(&inputs, "path"), &inputs, cursor.as_ref())
        })
        .await
    }

    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let content = self.content(call.inputs)?;
        let (connection, path) = (call.connection.clone(), text(call.inputs, "path").to_owned());
        let simulated = simulated(call).map(String::into_bytes);
        if contains_unknown(&call.inputs["path"]) && simulated.is_none() {
            let changes = vec![call.inputs["path"].clone()];
            let effect = Effect::Create;
            return Ok(Look { found: json!({}), changes, effect, chunks: 1, variant: None });
        }
        let (is_there, is_same) = blocking(move || {
            let present = match simulated {
                Some(written) => Some(written),
                None => Folder::of(&connection)?.present(&path, content.len())?,
            };
            Ok((present.is_some(), present.is_some_and(|present| present == content)))
        })
        .await?;
        let effect = if is_there { Effect::Update } else { Effect::Create };
        let changes =
            if is_same { Vec::new() } else { vec![Value::from(text(call.inputs, "path"))] };
        let chunks = u32::from(!is_same);
        Ok(Look { found: json!({}), changes, effect, chunks, variant: None })
    }

    async fn write(&self, call: &Call<'_>, look: &Look, _: u32) -> Result<Wrote, ActionError> {
        let content = self.content(call.inputs)?;
        let (connection, path) = (call.connection.clone(), text(call.inputs, "path").to_owned());
        blocking(move || Folder::of(&connection)?.replace(&path, &content)).await?;
        Ok(Wrote::new(Value::Null, 0, look.effect))
    }

    async fn finish(
        &self,
        call: &Call<'_>,
        _: &Look,
        _: &[Wrote],
    ) -> Result<Arc<Value>, ActionError> {
        let bytes = self.content(call.inputs)?.len();
        Ok(Arc::new(json!({ "path": text(call.inputs, "path"), "bytes": bytes })))
    }

    fn simulate(&self, call: &Call<'_>, look: &Look) -> Result<Simulated, ActionError> {
        let content = self.content(call.inputs)?;
        let path = place(call.inputs);
        let bytes = match contains_unknown(call.inputs) {
            true => unknown(&format!("{}.bytes", call.key), "integer", &format!("bytes of {path}")),
            false => content.len().into(),
        };
        let row = json!({ "content": String::from_utf8_lossy(&content) });
        let collection = format!("{FILE}{path}");
        let rows = vec![SimulatedRow { collection, row, gone: false, keys: Vec::new() }];
        let output = json!({ "path": call.inputs["path"], "bytes": bytes });
        Ok(Simulated { output, rows, effect: look.effect })
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        match as_unknown(&call.inputs["path"]) {
            Some(unknown) => format!("write {}", unknown.in_text()),
            None => format!("write {}", text(call.inputs, "path")),
        }
    }
}

impl FileAction {
    /// What the file is to hold.
    fn content(&self, inputs: &Value) -> Result<Vec<u8>, ActionError> {
        if self.work == Work::WriteCsv {
            return match contains_unknown(inputs) {
                // In a dry run: what cannot be known yet is read back by nobody.
                true => Ok(inputs.to_string().into_bytes()),
                false => csv::written(inputs),
            };
        }
        let value = inputs.get("value").unwrap_or(&Value::Null);
        Ok(format!("{value:#}\n").into_bytes())
    }
}

/// What a file would hold is kept by a dry run under this and its path.
const FILE: &str = "file/";

/// The path, or the identity of one that is not known yet.
fn place(inputs: &Value) -> String {
    match as_unknown(&inputs["path"]) {
        Some(unknown) => format!("?{}", unknown.id),
        None => text(inputs, "path").to_owned(),
    }
}

/// What this dry run would have written to the file.
fn simulated(call: &Call<'_>) -> Option<String> {
    let mut rows = call.overlay?.rows(&format!("{FILE}{}", place(call.inputs)));
    rows.pop()?.row.get("content")?.as_str().map(str::to_owned)
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
