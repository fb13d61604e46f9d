//! One call of an action, stage by stage. The driver decides which stage comes next and journals
//! between them; a stage itself keeps nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use linchpin_connector::{
    Action, ActionError, Call, Effect, ErrorKind, Look, Overlay, Page, Undo, Verdict, WriteState,
    Wrote,
};
use linchpin_engine::StepPath;
use linchpin_engine::command::RunAction;
use linchpin_language::Value;

use crate::budget::Caller;
use crate::capture::Capture;
use crate::connections::{Connections, Resolved};
use crate::upkeep::sentence;

/// A call with everything that its stages need.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) action: Arc<dyn Action>,
    resolved: Resolved,
    /// The inputs, read as the action's types.
    input: Arc<Value>,
    key: String,
    now: Timestamp,
    timeout: Option<Duration>,
    /// What is kept of its exchanges.
    pub(crate) capture: Option<Capture>,
}

/// A chunk that was written, and the outputs when it was the last one.
type Written = (Wrote, Option<Result<Arc<Value>, Unfinished>>);

/// Why there are no outputs though everything was sent and answered well.
pub(crate) struct Unfinished {
    pub(crate) error: ActionError,
    /// What the system has not done in truth, where it was asked.
    pub(crate) left: Option<Look>,
}

/// What a stage came back with.
pub(crate) enum Stage {
    /// A read ended.
    Read(Result<Value, ActionError>),
    /// A page of a stream arrived.
    Page(Result<Page, ActionError>),
    /// The look ended.
    Looked(Result<Arc<Look>, ActionError>),
    /// A chunk was written; after the last one the outputs are there, or why they could not be
    /// read back.
    Wrote(Result<Written, ActionError>),
    /// An open intent was read back. The look tells what is left when only a part was done.
    Verified(Result<(Verdict, Option<Arc<Look>>), ActionError>),
    /// The outputs of writes that were done before.
    Finished(Result<Arc<Value>, ActionError>),
}

impl Stage {
    /// Whether the other side, or the way to it, has failed us.
    pub(crate) fn has_failed(&self) -> bool {
        match self {
            Self::Read(ended) => ended.is_err(),
            Self::Finished(ended) => ended.is_err(),
            Self::Page(ended) => ended.is_err(),
            Self::Looked(ended) => ended.is_err(),
            Self::Wrote(Ok((_, Some(ended)))) => ended.is_err(),
            Self::Wrote(ended) => ended.is_err(),
            Self::Verified(ended) => ended.is_err(),
        }
    }
}

/// Why a call could not even be prepared.
pub(crate) enum Unprepared {
    /// The connection is not there: the step is held until it is.
    Hold(String),
    /// The inputs or the action are wrong.
    Failed(ActionError),
}

impl Prepared {
    pub(crate) async fn new(
        connections: &Connections,
        alias: &str,
        action: &str,
        input: &Value,
        (key, now, timeout): (String, Timestamp, Option<Duration>),
    ) -> Result<Self, Unprepared> {
        let resolved = connections.resolve(alias).await;
        let resolved = resolved.map_err(|error| Unprepared::Hold(sentence(&error)))?;
        let found = resolved.spoke.action(action).cloned();
        let action = found.ok_or_else(|| {
            let spoke = &resolved.spoke.name;
            let message = format!("the spoke {spoke} has no action {action}");
            Unprepared::Failed(ActionError::new(ErrorKind::InvalidInput, message))
        })?;
        let input = action.spec().read_inputs(input.clone());
        let input = input.map_err(|mismatches| {
            let all: Vec<_> = mismatches.into_iter().map(|mismatch| mismatch.message).collect();
            Unprepared::Failed(ActionError::new(ErrorKind::InvalidInput, all.join("; ")))
        })?;
        let capture = Capture::of(connections.keeps(), action.spec());
        Ok(Self { action, resolved, input: Arc::new(input), key, now, timeout, capture })
    }

    /// As the action sees it.
    pub(crate) fn call<'a>(&'a self, overlay: Option<&'a dyn Overlay>) -> Call<'a> {
        Call {
            inputs: &self.input,
            connection: &self.resolved.connection,
            transport: &*self.resolved.transport,
            key: &self.key,
            now: self.now,
            overlay,
        }
    }

    pub(crate) fn alias(&self) -> &str {
        &self.resolved.connection.alias
    }

    /// Its spoke.
    pub(crate) fn spoke(&self) -> &str {
        &self.resolved.spoke.name
    }

    /// What takes these writes back, as the action says.
    pub(crate) fn undo(&self, look: &Look, wrote: &[Wrote]) -> Result<Option<Undo>, ActionError> {
        self.action.undo(&self.call(None), look, wrote)
    }

    pub(crate) fn input(&self) -> &Arc<Value> {
        &self.input
    }

    pub(crate) fn is_write(&self) -> bool {
        self.action.spec().effect.is_write()
    }

    pub(crate) fn request(&self, look: &Look, chunk: u32) -> String {
        self.action.request_summary(&self.call(None), look, chunk)
    }

    pub(crate) async fn read(self) -> Stage {
        let call = self.call(None);
        Stage::Read(self.bounded(self.action.read(&call), WriteState::None).await)
    }

    pub(crate) async fn page(self, cursor: Option<Value>) -> Stage {
        Stage::Page(self.one_page(cursor.as_ref()).await)
    }

    /// A page of a stream, for whoever is no run.
    pub(crate) async fn one_page(&self, cursor: Option<&Value>) -> Result<Page, ActionError> {
        let call = self.call(None);
        self.bounded(self.action.page(&call, cursor), WriteState::None).await
    }

    pub(crate) async fn look(self) -> Stage {
        let call = self.call(None);
        let looked = self.bounded(self.action.look(&call), WriteState::None).await;
        Stage::Looked(looked.map(Arc::new))
    }

    /// Writes one chunk. When it is the last, reads back and makes the outputs as well.
    pub(crate) async fn write(self, look: Arc<Look>, chunk: u32, mut before: Vec<Wrote>) -> Stage {
        let call = self.call(None);
        let written =
            self.bounded(self.action.write(&call, &look, chunk), WriteState::Unknown).await;
        let wrote = match written {
            Ok(wrote) => wrote,
            Err(error) => return Stage::Wrote(Err(error)),
        };
        if chunk + 1 < look.chunks {
            return Stage::Wrote(Ok((wrote, None)));
        }
        before.push(wrote.clone());
        let finish = self.action.finish(&call, &look, &before);
        let output = match self.bounded(finish, WriteState::None).await {
            Ok(output) => Ok(output),
            Err(error) => Err(self.unfinished(error).await),
        };
        Stage::Wrote(Ok((wrote, Some(output))))
    }

    /// A system may answer well and do less: what another look still finds to do was not done. An
    /// action that looks at nothing there would always find it so.
    async fn unfinished(&self, error: ActionError) -> Unfinished {
        let is_told = error.kind == ErrorKind::Rejected && self.action.spec().looks;
        let left = match is_told {
            true => self.bounded(self.action.look(&self.call(None)), WriteState::None).await.ok(),
            false => None,
        };
        Unfinished { error, left }
    }

    pub(crate) async fn verify(self, look: Arc<Look>, chunk: u32) -> Stage {
        let call = self.call(None);
        let verify = self.bounded(self.action.verify(&call, &look, chunk), WriteState::None);
        let verdict = match verify.await {
            Ok(verdict) => verdict,
            Err(error) => return Stage::Verified(Err(error)),
        };
        if !matches!(verdict, Verdict::Part(_)) {
            return Stage::Verified(Ok((verdict, None)));
        }
        let left = self.bounded(self.action.look(&call), WriteState::None).await;
        Stage::Verified(left.map(|left| (verdict, Some(Arc::new(left)))))
    }

    pub(crate) async fn finish(self, look: Arc<Look>, wrote: Vec<Wrote>) -> Stage {
        let call = self.call(None);
        let finish = self.action.finish(&call, &look, &wrote);
        Stage::Finished(self.bounded(finish, WriteState::None).await)
    }

    async fn bounded<T>(
        &self,
        stage: impl Future<Output = Result<T, ActionError>>,
        write: WriteState,
    ) -> Result<T, ActionError> {
        let caller = Caller::of(self.key.split('/').next().unwrap_or_default());
        let stage = Capture::during(self.capture.as_ref(), self.unharmed(stage, write));
        caller.within(self.timeout, stage).await.unwrap_or_else(|| {
            let (alias, timeout) = (self.alias(), self.timeout.unwrap_or_default());
            let message = format!("{alias} did not answer within {} s", timeout.as_secs_f64());
            let mut error = ActionError::new(ErrorKind::Timeout, message);
            error.write = write;
            Err(error)
        })
    }

    /// A mistake in the code of an action fails its step; the run and the others go on. What it said is
    /// on stderr: it may be anything, so it is kept nowhere.
    async fn unharmed<T>(
        &self,
        stage: impl Future<Output = Result<T, ActionError>>,
        write: WriteState,
    ) -> Result<T, ActionError> {
        AssertUnwindSafe(stage).catch_unwind().await.unwrap_or_else(|_| {
            let (name, alias) = (&self.action.spec().name, self.alias());
            let message = format!(
                "{name} of {alias} came to a sudden end: this is a mistake in its code, and the output of \
                 the process that ran it says where"
            );
            let mut error = ActionError::new(ErrorKind::Internal, message);
            error.write = write;
            Err(error)
        })
    }
}

/// The key of a call: the same for every attempt of it.
pub(crate) fn key(run: &linchpin_engine::RunId, path: &StepPath) -> String {
    format!("{run}/{path}")
}

/// What a finished write counts as: how many things it changed.
pub(crate) fn n_changes(look: &Look) -> u64 {
    if look.effect == Effect::Read { 0 } else { look.changes.len() as u64 }
}

/// Whether the call goes on after what was written for it before.
pub(crate) fn is_written(run: &RunAction) -> bool {
    run.intent.as_ref().is_some_and(|intent| intent.chunk >= intent.look.chunks)
}
