//! Files of the connection's folder that are fetched from an address, or sent to one.
//!
//! What is fetched goes to disk piece by piece and takes its place when it is whole; what is sent is
//! held in memory and therefore bounded.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use linchpin_connector::{
    Action, ActionError, ActionSpec, Body, Call, Effect, ErrorKind, Look, Sink, WriteState, Wrote,
    multipart,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    answer, heeded, is_good, pairs, refused, refused_unsent, request, send, summary, text,
};
use crate::folder::{Folder, Part, blocking};

const MB: u64 = 1024 * 1024;
/// The largest file that is sent, in bytes.
const MAX_UPLOAD: u64 = 64 * MB;

/// Fetches into a file.
pub(super) fn download(spec: ActionSpec) -> Arc<dyn Action> {
    Arc::new(Download { spec })
}

/// Sends a file; an action without the input `method` puts it.
pub(super) fn upload(spec: ActionSpec) -> Arc<dyn Action> {
    Arc::new(Upload { spec })
}

struct Download {
    spec: ActionSpec,
}

#[async_trait]
impl Action for Download {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    /// Whether the file can be written at all; what is at the address is not known before.
    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let (connection, to) = (call.connection.clone(), file(call.inputs));
        let is_there = blocking(move || Folder::of(&connection)?.is_there(&to)).await?;
        let effect = if is_there { Effect::Update } else { Effect::Create };
        Ok(look(call.inputs, effect))
    }

    async fn write(&self, call: &Call<'_>, look: &Look, _: u32) -> Result<Wrote, ActionError> {
        let fetched = fetch(call).await;
        // Whatever went wrong, nothing was changed there, and the file here is as it was.
        let (status, got) = fetched.map_err(|error| error.with_write(WriteState::None))?;
        Ok(Wrote::new(got, status, look.effect))
    }

    fn refuses(&self, call: &Call<'_>, _: &Look) -> Result<(), ActionError> {
        refused_unsent(call, "GET")
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        format!("{} into {}", summary("GET", call.inputs), file(call.inputs))
    }
}

async fn fetch(call: &Call<'_>) -> Result<(u16, Value), ActionError> {
    let request = request("GET", call.inputs)?;
    let place = format!("GET {}", request.path);
    let (connection, to) = (call.connection.clone(), file(call.inputs));
    let part = blocking(move || Folder::of(&connection)?.part(&to)).await?;
    let most = call.inputs.get("max_mb").and_then(Value::as_u64).unwrap_or(1) * MB;
    let mut arriving = Arriving { part: Some(part), hash: Sha256::new(), size: 0, most };
    let response = call.transport.fetch(request, &mut arriving).await?;
    if !is_good(&response) {
        return Err(heeded(call, refused(&place, &response, false)));
    }
    let Arriving { part, hash, size, .. } = arriving;
    let part = part.ok_or_else(|| ActionError::new(ErrorKind::Internal, "the file is gone"))?;
    let found = hex(hash);
    let wanted = text(call.inputs, "sha256").map(str::to_ascii_lowercase);
    if wanted.is_some_and(|wanted| wanted != found) {
        let message = format!("{place} gave a file with the SHA-256 {found}, which is another");
        return Err(ActionError::new(ErrorKind::Conflict, message));
    }
    blocking(move || part.place()).await?;
    let kind = response.headers.get("content-type").and_then(|kind| kind.to_str().ok());
    let got = json!({ "file": file(call.inputs), "size": size, "sha256": found, "type": kind });
    Ok((response.status, got))
}

/// A file that is fetched.
struct Arriving {
    part: Option<Part>,
    hash: Sha256,
    size: u64,
    most: u64,
}

#[async_trait]
impl Sink for Arriving {
    fn limit(&self) -> u64 {
        self.most
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), ActionError> {
        let Some(mut part) = self.part.take() else { return Ok(()) };
        self.hash.update(&piece);
        self.size += piece.len() as u64;
        let write = move || part.write(&piece).map(|()| part);
        self.part = Some(blocking(write).await?);
        Ok(())
    }
}

struct Upload {
    spec: ActionSpec,
}

#[async_trait]
impl Action for Upload {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    /// Whether there is such a file.
    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let (connection, from) = (call.connection.clone(), file(call.inputs));
        blocking(move || Folder::of(&connection)?.open(&from)).await?;
        Ok(look(call.inputs, self.spec.effect))
    }

    async fn write(&self, call: &Call<'_>, look: &Look, _: u32) -> Result<Wrote, ActionError> {
        let (connection, from) = (call.connection.clone(), file(call.inputs));
        let bytes = blocking(move || Folder::of(&connection)?.read(&from, MAX_UPLOAD)).await?;
        let bytes = Bytes::from(bytes);
        let mut request = request(method(call.inputs), call.inputs)?;
        let (size, hash) = (bytes.len(), hex(Sha256::new_with_prefix(&bytes)));
        request.body = Some(body(call.inputs, bytes)?);
        let response = send(call, request, true).await?;
        let mut got = answer(&response);
        if let Some(got) = got.as_object_mut() {
            got.insert("size".to_owned(), size.into());
            got.insert("sha256".to_owned(), hash.into());
        }
        Ok(Wrote::new(got, response.status, look.effect))
    }

    fn refuses(&self, call: &Call<'_>, _: &Look) -> Result<(), ActionError> {
        refused_unsent(call, method(call.inputs))
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        format!("{} with {}", summary(method(call.inputs), call.inputs), file(call.inputs))
    }
}

/// The file as the body itself, or as one field of a form.
fn body(inputs: &Value, bytes: Bytes) -> Result<Body, ActionError> {
    let invalid = |why: String| ActionError::new(ErrorKind::InvalidInput, why);
    let content_type = text(inputs, "type").unwrap_or("application/octet-stream").to_owned();
    let fields = inputs.get("fields").filter(|fields| !fields.is_null());
    let Some(field) = text(inputs, "field") else {
        return match fields {
            None => Ok(Body { content_type, bytes }),
            Some(_) => Err(invalid("fields go with a form: give the file's own field".to_owned())),
        };
    };
    let path = file(inputs);
    let name = path.rsplit('/').next().unwrap_or_default();
    let plain = pairs(inputs, "fields").into_iter();
    let mut parts: Vec<_> =
        plain.map(|(name, text)| linchpin_connector::Part::field(name, text)).collect();
    parts.push(linchpin_connector::Part {
        name: field.to_owned(),
        file: Some(text(inputs, "file_name").unwrap_or(name).to_owned()),
        content_type: Some(content_type),
        bytes,
    });
    multipart(&parts).map_err(invalid)
}

/// One change: the file.
fn look(inputs: &Value, effect: Effect) -> Look {
    let changes = vec![Value::from(file(inputs))];
    Look { found: json!({}), changes, effect, chunks: 1, variant: None }
}

fn method(inputs: &Value) -> &str {
    text(inputs, "method").unwrap_or("PUT")
}

fn file(inputs: &Value) -> String {
    text(inputs, "file").unwrap_or_default().to_owned()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
