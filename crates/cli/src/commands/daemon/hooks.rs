//! The port for webhooks: open while some enabled flow has one, closed otherwise.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use linchpin_language::{Value, json};
use linchpin_runtime::triggers::Tell;
use linchpin_runtime::triggers::webhook::{Served, Webhooks};
use linchpin_server::Hooks as Listener;

use crate::failure::Failure;
use crate::report::Report;

/// The port, and what was told of it.
pub(super) struct Hooks {
    webhooks: Arc<Webhooks>,
    /// Where it is to be.
    wanted: SocketAddr,
    listener: Option<Listener>,
    /// The lines that were told.
    told: BTreeSet<String>,
    /// Whether the port could not be opened.
    is_failing: bool,
}

impl Hooks {
    pub(super) fn new(webhooks: Arc<Webhooks>, wanted: SocketAddr) -> Self {
        Self { webhooks, wanted, listener: None, told: BTreeSet::new(), is_failing: false }
    }

    /// Opens or closes the port as the flows want it, and tells what has changed.
    pub(super) async fn settle(&mut self, report: &Report) -> Result<(), Failure> {
        let served = self.enabled().await;
        if served.is_empty() {
            if let Some(listener) = self.listener.take() {
                listener.end().await;
                report.line("no flow has a webhook any more: their port is closed");
            }
            self.told.clear();
            return Ok(());
        }
        if self.listener.is_none() {
            let opened = Listener::open(self.wanted, Arc::clone(&self.webhooks), tell(*report));
            self.listener = Some(opened.await.map_err(|error| {
                Failure::because(format!("webhooks cannot be served on {}", self.wanted), &error)
                    .help("`server: { webhooks: 127.0.0.1:0 }` in linchpin.yaml takes a free port")
            })?);
            if !self.wanted.ip().is_loopback() {
                report.note(format!(
                    "webhooks are served without TLS on {}: let a proxy with TLS stand before it",
                    self.wanted
                ));
            }
        }
        let mut told = BTreeSet::new();
        for one in &served {
            let line = format!("  POST {} starts {} ({})", self.url(one), one.flow, one.auth);
            if !self.told.contains(&line) {
                report.line(&line);
            }
            told.insert(line);
            for problem in &one.problems {
                let line = format!("webhook {} of {}: {problem}", one.path, one.flow);
                if !self.told.contains(&line) {
                    report.note(&line);
                }
                told.insert(line);
            }
        }
        self.told = told;
        Ok(())
    }

    /// The same while runs go on, when flows have changed: what goes wrong is told and tried again.
    pub(super) async fn follow(&mut self, report: &Report, has_changed: bool) {
        if !has_changed && !self.is_failing {
            return;
        }
        let settled = self.settle(report).await;
        self.is_failing = settled.is_err();
        if let Err(failure) = settled
            && self.told.insert(failure.message.clone())
        {
            report.note(failure.message);
        }
    }

    /// What is served, for scripts.
    pub(super) async fn shown(&self) -> Value {
        let shown = self.enabled().await.into_iter().map(
            |one| json!({ "flow": one.flow, "url": self.url(&one), "problems": one.problems }),
        );
        shown.collect()
    }

    /// Closes the port. Until then deliveries are answered, be it that the daemon goes down.
    pub(super) async fn end(self) {
        if let Some(listener) = self.listener {
            listener.end().await;
        }
    }

    async fn enabled(&self) -> Vec<Served> {
        let mut served = self.webhooks.served().await;
        served.retain(|one| one.enabled);
        served
    }

    fn url(&self, one: &Served) -> String {
        let address = self.listener.as_ref().map_or(self.wanted, |listener| listener.address);
        format!("http://{address}{}", one.address)
    }
}

/// Tells what is refused; who sends nonsense without end fills no log.
fn tell(report: Report) -> Tell {
    const PAUSE: Duration = Duration::from_secs(10);
    let state: Mutex<(Option<Instant>, u64)> = Mutex::default();
    Arc::new(move |why| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.is_some_and(|last| last.elapsed() < PAUSE) {
            state.1 += 1;
            return;
        }
        let more = match std::mem::replace(&mut *state, (Some(Instant::now()), 0)).1 {
            0 => String::new(),
            n => format!(" ({n} more were refused before)"),
        };
        report.note(format!("webhook {why}{more}"));
    })
}
