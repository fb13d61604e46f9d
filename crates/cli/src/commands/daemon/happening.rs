//! What happens to runs, as far as a daemon tells it: a line for people, an object for scripts.

use linchpin_engine::event::Outcome;
use linchpin_engine::run::Standing;
use linchpin_engine::{Entry, Event, RunId, StepPath};
use linchpin_language::{Value, json};
use linchpin_runtime::host::Host;

use crate::report::{Report, Style};
use crate::steps::print_millis;

/// Something that whoever looks after the daemon wants to see.
pub(super) struct Happening<'e> {
    flow: String,
    what: What<'e>,
}

enum What<'e> {
    Queued,
    Started,
    Held { path: &'e StepPath, reason: &'e str },
    Ended { outcome: &'e Outcome, millis: i64 },
}

impl<'e> Happening<'e> {
    /// What an entry of a run tells; none for most.
    pub(super) async fn of(host: &Host, run: &RunId, entry: &'e Entry) -> Option<Self> {
        let flow_of = async || Some(host.recorded(run).await?.flow);
        Some(match &entry.event {
            Event::Accepted(accepted) => match host.standing(run).await? {
                Standing::Queued => Self { flow: accepted.flow.clone(), what: What::Queued },
                // It tells so itself when it begins.
                Standing::Running
                | Standing::Waiting
                | Standing::NeedsAttention
                | Standing::Paused
                | Standing::Cancelling => return None,
            },
            Event::Begun => Self { flow: flow_of().await?, what: What::Started },
            Event::Held { path, reason, .. } => {
                Self { flow: flow_of().await?, what: What::Held { path, reason } }
            }
            Event::Ended { outcome } => {
                let summary = host.recorded(run).await?;
                let millis = entry.at.as_millisecond() - summary.started_at.as_millisecond();
                Self { flow: summary.flow, what: What::Ended { outcome, millis } }
            }
            _ => return None,
        })
    }

    pub(super) fn line(&self, report: &Report, run: &RunId) -> String {
        let id = report.paint(Style::Dim, &format!("(run {run})"));
        let flow = &self.flow;
        match self.what {
            What::Queued => format!("▹ {flow} waits for its turn {id}"),
            What::Started => format!("▸ {flow} started {id}"),
            What::Held { path, reason } => format!(
                "{} {flow} NEEDS ATTENTION at {path}: {reason}; `linchpin runs show {run}` tells \
                 how to decide",
                report.paint(Style::Red, "?")
            ),
            What::Ended { outcome, millis } => {
                let took = print_millis(millis);
                match outcome {
                    Outcome::Succeeded { .. } => {
                        let mark = report.paint(Style::Green, "✓");
                        format!("{mark} {flow} succeeded in {took} {id}")
                    }
                    Outcome::Failed { error } => {
                        let mark = report.paint(Style::Red, "✗");
                        let (step, message) = (&error.step, &error.message);
                        format!("{mark} {flow} FAILED in {took} at {step}: {message} {id}")
                    }
                    Outcome::Cancelled => format!("■ {flow} was cancelled after {took} {id}"),
                }
            }
        }
    }

    pub(super) fn json(&self, run: &RunId, entry: &Entry) -> Value {
        let (state, more) = match self.what {
            What::Queued => ("queued", json!({})),
            What::Started => ("started", json!({})),
            What::Held { path, reason } => {
                ("needs attention", json!({ "step": path, "reason": reason }))
            }
            What::Ended { outcome, millis } => match outcome {
                Outcome::Succeeded { .. } => ("succeeded", json!({ "took_ms": millis })),
                Outcome::Failed { error } => {
                    ("failed", json!({ "took_ms": millis, "error": error }))
                }
                Outcome::Cancelled => ("cancelled", json!({ "took_ms": millis })),
            },
        };
        let mut told = json!({ "at": entry.at, "run": run, "flow": self.flow, "state": state });
        if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
            told.extend(more);
        }
        told
    }
}
