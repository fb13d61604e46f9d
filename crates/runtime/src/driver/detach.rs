//! Runs of their own that a step starts: exactly one for each step, however often the process
//! dies, because the key of the call is the key of the run.

use linchpin_connector::{ActionError, Effect, ErrorKind};
use linchpin_engine::command::StartRun;
use linchpin_engine::event::Succeeded;
use linchpin_engine::retry::RetryPolicy;
use linchpin_engine::run::Certainty;
use linchpin_engine::{Event, RunId, StepPath};
use linchpin_language::{Map, Value, json};

use super::{Driver, Halt, Message};
use crate::call::key;
use crate::host::{Error, Start};

impl Driver {
    /// Starts a run; the answer comes into the inbox.
    pub(super) fn detach(&mut self, wanted: StartRun) {
        let StartRun { op, path, flow, inputs, aliases, .. } = wanted;
        let accepted = self.run.accepted();
        let start = Start {
            flow,
            inputs: inputs.as_object().cloned().unwrap_or_else(Map::new),
            key: Some(key(&self.id, &path)),
            trigger: json!({ "kind": "detached", "run": self.id, "step": path }),
            user: accepted.user.clone(),
            aliases,
        };
        let (sender, started) = (self.sender.clone(), self.shared.start(start));
        let task = tokio::spawn(async move {
            let result = started.await;
            // The run may have ended meanwhile.
            drop(sender.send(Message::Started { op, path, result }));
        });
        self.tasks.insert(op, task.abort_handle());
    }

    pub(super) fn started(
        &mut self,
        op: u64,
        path: StepPath,
        result: Result<RunId, Error>,
    ) -> Result<(), Halt> {
        if !self.run.wants(&path, op) {
            return Ok(());
        }
        let error = match result {
            Ok(run) => {
                let output: Value = json!({ "run": run });
                return self.record(Event::Succeeded(Box::new(Succeeded {
                    path,
                    op,
                    attempt: 1,
                    input: None,
                    wrote: None,
                    output: Some(output.into()),
                    effect: Effect::None,
                    changes: 0,
                })));
            }
            Err(error) => error,
        };
        let kind = match &error {
            // The step stays as it is: after a restart it asks again, with the same key.
            Error::Stopping | Error::Store(_) | Error::Append(_) => {
                tracing::warn!(run = %self.id, %path, "no run was started: {error}");
                return Ok(());
            }
            Error::UnknownFlow { .. } | Error::UnknownRun(_) => ErrorKind::NotFound,
            Error::Full { .. } => ErrorKind::LimitExceeded,
            Error::Inputs { .. }
            | Error::Broken(..)
            | Error::Ended(_)
            | Error::Refused { .. }
            | Error::Journal { .. } => ErrorKind::InvalidInput,
        };
        let error = ActionError::new(kind, error.to_string());
        let doubt = (Certainty::NotDone, &RetryPolicy::default());
        self.fail((path, op), &error, None, doubt)
    }
}
