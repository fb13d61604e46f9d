//! Taking back what a run that has ended changed: shown first, then done.

use std::collections::BTreeMap;

use linchpin_connector::ActionError;
use linchpin_engine::event::Control;
use linchpin_engine::run::UndoLeft;
use linchpin_engine::{Run, RunId, StepPath};
use linchpin_language::Value;
use serde::Serialize;

use super::{Error, Host};
use crate::call::{Prepared, Stage, Unprepared, key};

/// A change that is not taken back, and what would take it back.
#[derive(Clone, Debug, Serialize)]
pub struct UndoPreview {
    /// The step that made it.
    pub step: StepPath,
    /// The alias.
    pub alias: String,
    /// The action.
    pub action: String,
    /// Its inputs.
    pub input: Value,
    /// The request in words; empty when there is nothing to do any more.
    pub request: String,
    /// What would differ.
    pub changes: Vec<Value>,
    /// Why it cannot be taken back, or could not be when it was tried.
    pub problem: Option<String>,
}

impl Host {
    /// What would take back the changes of a run, newest first, and how many writes of which
    /// steps nothing takes back. Reads, and changes nothing.
    pub async fn undo_preview(
        &self,
        id: &RunId,
    ) -> Result<(Vec<UndoPreview>, BTreeMap<StepPath, u64>), Error> {
        let see = |run: &Run| (run.undo_left(), run.lasting().clone());
        let (left, lasting) = match self.look(id, see).await {
            Some(seen) => seen,
            None => see(&self.rebuilt(id).await?),
        };
        let mut previews = Vec::new();
        for one in left {
            previews.push(self.preview_of(id, &one).await);
        }
        Ok((previews, lasting))
    }

    async fn preview_of(&self, id: &RunId, left: &UndoLeft) -> UndoPreview {
        let call = &left.call;
        let mut preview = UndoPreview {
            step: call.path.clone(),
            alias: call.alias.clone(),
            action: call.action.clone(),
            input: (*call.input).clone(),
            request: String::new(),
            changes: Vec::new(),
            problem: left.error.clone(),
        };
        if call.problem.is_some() {
            return preview;
        }
        match self.look_of(id, left).await {
            Ok((request, changes)) => {
                preview.request = request;
                preview.changes = changes;
            }
            Err(error) => preview.problem = Some(error.message),
        }
        preview
    }

    async fn look_of(
        &self,
        id: &RunId,
        left: &UndoLeft,
    ) -> Result<(String, Vec<Value>), ActionError> {
        let call = &left.call;
        let about = (key(id, &left.path), self.clock().now(), None);
        let connections = self.connections();
        let prepared = Prepared::new(connections, &call.alias, &call.action, &call.input, about);
        let prepared = prepared.await.map_err(|unprepared| match unprepared {
            Unprepared::Hold(reason) => {
                ActionError::new(linchpin_connector::ErrorKind::Unauthenticated, reason)
            }
            Unprepared::Failed(error) => error,
        })?;
        match prepared.clone().look().await {
            Stage::Looked(Ok(look)) if look.chunks > 0 => {
                Ok((prepared.request(&look, 0), look.changes.clone()))
            }
            Stage::Looked(Err(error)) => Err(error),
            _ => Ok((String::new(), Vec::new())),
        }
    }

    /// Takes back what is left of the changes of a run that has ended. When it returns, that is
    /// on disk and goes on whatever happens; [`Host::wait`] waits for its end.
    pub async fn undo(&self, id: &RunId, by: &str) -> Result<(), Error> {
        self.control(id, Control::Undo, by).await
    }
}
