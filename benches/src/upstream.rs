//! The other side: a small HTTP server in a process of its own, so that its CPU time is not ours.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};

/// The server's process; killed when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) url: String,
}

impl Child {
    pub(crate) fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let this = std::env::current_exe()?;
        let mut process = Command::new(this).arg("serve").stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().ok_or("the server has no output")?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after this.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Answers every POST and GET at once, until it is killed.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let answer = async || ([(CONTENT_TYPE, "application/json")], r#"{"ok":true,"id":"x-17"}"#);
    let router = Router::new().route("/step", post(answer)).route("/step", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
