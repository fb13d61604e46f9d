//! Sends what waits: each event is tried until the receiver takes it, or often enough.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Attempt;
use crate::site::Shared;

/// Sends until the sandbox stops; what is not taken by then waits for the next start.
pub(crate) async fn run(shared: Shared, mut stopped: watch::Receiver<bool>) {
    let bell = shared.with(|world| Arc::clone(&world.bell));
    let (mut tasks, under_way) = (JoinSet::new(), Arc::new(Mutex::new(BTreeSet::new())));
    loop {
        for (n, event, webhook) in shared.with(|world| world.unsent()) {
            if !under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(n.clone()) {
                continue;
            }
            let (shared, under_way) = (shared.clone(), Arc::clone(&under_way));
            tasks.spawn(async move {
                deliver(&shared, &n, &event, &webhook).await;
                under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&n);
            });
        }
        while tasks.try_join_next().is_some() {}
        tokio::select! {
            () = bell.notified() => {}
            _ = stopped.changed() => return,
        }
    }
}

async fn deliver(shared: &Shared, n: &str, event: &Value, webhook: &Value) {
    let settings = shared.with(|world| world.settings.webhooks);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    for attempt in 0..=settings.retries {
        let seconds = shared.with(|world| world.now()).as_second();
        let body = text(event, "body");
        let signature =
            signature(&text(webhook, "system"), &text(webhook, "secret"), seconds, &body);
        let url = text(webhook, "url");
        let sent = post(&url, signature, &body);
        let sent = tokio::time::timeout(Duration::from_millis(settings.timeout_ms), sent).await;
        let status = sent.ok().and_then(Result::ok).flatten().unwrap_or(0);
        let is_taken = matches!(status, 200..=202);
        let is_over = is_taken || attempt == settings.retries;
        shared.with(|world| {
            let tried = Attempt {
                webhook: text(event, "webhook").parse().unwrap_or_default(),
                event: event["event"].as_u64().unwrap_or_default(),
                name: text(event, "name"),
                attempt: attempt + 1,
                status,
                at: world.moment(),
            };
            world.tried(n, tried, is_over);
        });
        if is_over {
            return;
        }
        tokio::time::sleep(Duration::from_millis(settings.spacing_ms)).await;
    }
}

/// The header that shows where an event comes from, as each system makes it.
fn signature(system: &str, secret: &str, seconds: i64, body: &str) -> Option<String> {
    match system {
        "sumtotal" => {
            let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(secret.as_bytes()).ok()?;
            mac.update(format!("{seconds}.{body}").as_bytes());
            let hex = hex::encode(mac.finalize().into_bytes());
            Some(format!("X-SUMT-Signature: t={seconds},v1={hex}"))
        }
        "servicenow" if !secret.is_empty() => {
            let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.as_bytes()).ok()?;
            mac.update(body.as_bytes());
            Some(format!("X-Signature: sha256={}", hex::encode(mac.finalize().into_bytes())))
        }
        _ => None,
    }
}

/// Posts a body; the status of the answer, if there is one.
async fn post(url: &str, header: Option<String>, body: &str) -> std::io::Result<Option<u16>> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let target = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut stream = TcpStream::connect(&target).await?;
    let header = header.map(|header| format!("{header}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json; charset=utf-8\r\n\
         {header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line.split(' ').nth(1).and_then(|status| status.parse().ok()))
}
