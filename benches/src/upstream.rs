//! The other side: a small HTTP server in a process of its own, so that its CPU time is not ours.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{post, put};

/// After how many items the server says so.
const SAID_EACH: u64 = 1000;

/// The server's process; killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Child {
    pub(crate) fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let this = std::env::current_exe()?;
        let mut process = Command::new(this).arg("serve").stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().ok_or("the server has no output")?;
        let mut out = BufReader::new(out);
        let mut url = String::new();
        out.read_line(&mut url)?;
        Ok(Self { process, out, url: url.trim().to_owned() })
    }

    /// Waits for the next thousand of items, and says how many there were in all.
    pub(crate) fn items(&mut self) -> Result<u64, Box<dyn std::error::Error>> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

async fn answer() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], r#"{"ok":true,"id":"x-17"}"#)
}

async fn item() -> ([(HeaderName, &'static str); 1], &'static str) {
    static ITEMS: AtomicU64 = AtomicU64::new(0);
    let items = ITEMS.fetch_add(1, Ordering::Relaxed) + 1;
    if items.is_multiple_of(SAID_EACH) {
        println!("{items}");
    }
    answer().await
}

/// Answers every POST and GET at once, until it is killed.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let router = Router::new().route("/step", post(answer).get(answer)).route("/item", put(item));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
