//! The effect ledger of a run: what is journaled before and after each write, and what follows
//! from an answer, a failure, or no answer at all.
//!
//! An intent is on disk before its write leaves. One that has no outcome is settled by the
//! action's own read-back: done (adopt), not done (send), cannot tell (a person rules).

use std::sync::Arc;

use linchpin_connector::{ActionError, Effect, ErrorKind, Look, Page, Verdict, WriteState, Wrote};
use linchpin_engine::command::{OpenIntent, ReadPage, RunAction};
use linchpin_engine::event::{Failed, Found, Intended, Succeeded};
use linchpin_engine::retry::RetryPolicy;
use linchpin_engine::run::{AfterFailure, Certainty};
use linchpin_engine::{Event, RunError, StepPath};
use linchpin_language::Value;

use super::{Driver, Halt, StageTask, UnderWay};
use crate::call::{Prepared, Stage, Unfinished, Unprepared, is_written, key, n_changes};

/// Why a step is held before it has sent anything.
#[derive(Clone, Copy)]
enum Why {
    /// A limit of the flow would be passed.
    Limit(Effect),
    /// Something that it needs is not there.
    Blocked,
}

impl Driver {
    /// Makes a call ready: its next stage, or `None` when it ended before it began.
    pub(super) async fn prepare(&mut self, run: RunAction) -> Result<Option<StageTask>, Halt> {
        let about = (key(&self.id, &run.path), self.shared.clock.now(), run.timeout);
        let connections = &self.shared.connections;
        let prepared = Prepared::new(connections, &run.alias, &run.action, &run.input, about).await;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Hold(reason)) => {
                self.hold((run.path, run.op), reason, Why::Blocked)?;
                return Ok(None);
            }
            Err(Unprepared::Failed(error)) => {
                let policy = self.shared.connections.retry(&run.alias);
                let (place, input) = ((run.path, run.op), Some(run.input));
                self.fail(place, &error, input, (Certainty::NotDone, &policy))?;
                return Ok(None);
            }
        };
        let op = run.op;
        self.listen(op, &run.path, &prepared);
        let wrote = run.wrote.clone();
        let mut call = UnderWay::new(run, prepared, wrote);
        let task = match call.run.intent.take() {
            _ if !call.prepared.is_write() => StageTask::Read,
            None if call.prepared.action.spec().looks => StageTask::Look,
            None => match call.prepared.clone().look().await {
                Stage::Looked(Ok(look)) => {
                    self.calls.insert(op, call);
                    return self.intend(op, look, 0);
                }
                Stage::Looked(Err(error)) => {
                    let policy = self.shared.connections.retry(call.prepared.alias());
                    let (path, input) = (call.run.path, call.run.input);
                    self.fail((path, op), &error, Some(input), (Certainty::NotDone, &policy))?;
                    return Ok(None);
                }
                _ => StageTask::Look,
            },
            Some(OpenIntent { look, chunk, unsettled: true }) => {
                call.look = Some(look);
                call.chunk = chunk;
                return self.settle_doubt(op, call);
            }
            Some(intent) => {
                call.run.intent = Some(intent.clone());
                let is_written = is_written(&call.run);
                call.look = Some(Arc::clone(&intent.look));
                self.calls.insert(op, call);
                if is_written {
                    return Ok(Some(StageTask::Finish));
                }
                return self.intend(op, intent.look, intent.chunk);
            }
        };
        self.calls.insert(op, call);
        Ok(Some(task))
    }

    /// A write was intended and its outcome is not known: read back, send again when that does
    /// no harm, or leave it to a person.
    fn settle_doubt(&mut self, op: u64, call: UnderWay) -> Result<Option<StageTask>, Halt> {
        let message = "it was sent, and its answer was never recorded";
        let mut error = ActionError::new(ErrorKind::ConnectionFailed, message);
        error.write = WriteState::Unknown;
        let path = call.run.path.clone();
        let (look, chunk) = (call.look.clone(), call.chunk);
        let is_idempotent = call.prepared.action.spec().idempotent;
        let at = self.shared.clock.now();
        let policy = self.shared.connections.retry(call.prepared.alias());
        let doubt = (Certainty::NotVerified, &policy);
        let after = self.run.after_failure((&path, op), &error, None, at, doubt);
        self.calls.insert(op, call);
        match (after, look) {
            (AfterFailure::Verify, _) => Ok(Some(StageTask::Verify)),
            // A call that a crash cut is no attempt: it is sent again at once.
            (AfterFailure::Journal(_), Some(look)) if is_idempotent => self.intend(op, look, chunk),
            (AfterFailure::Journal(event) | AfterFailure::Hold(event), _) => {
                self.calls.remove(&op);
                self.record(event)?;
                Ok(None)
            }
        }
    }

    pub(super) async fn prepare_page(
        &mut self,
        page: ReadPage,
    ) -> Result<Option<(u64, StageTask)>, Halt> {
        let about = (key(&self.id, &page.path), self.shared.clock.now(), page.timeout);
        let connections = &self.shared.connections;
        let prepared =
            Prepared::new(connections, &page.alias, &page.action, &page.input, about).await;
        match prepared {
            Ok(prepared) => {
                let (op, cursor) = (page.op, page.cursor.clone());
                self.listen(op, &page.path, &prepared);
                self.pages.insert(op, page);
                Ok(Some((op, StageTask::Page(Box::new(prepared), cursor))))
            }
            Err(Unprepared::Hold(reason)) => {
                self.hold((page.path, page.op), reason, Why::Blocked)?;
                Ok(None)
            }
            Err(Unprepared::Failed(error)) => {
                let policy = self.shared.connections.retry(&page.alias);
                let (place, input) = ((page.path, page.op), Some(page.input));
                self.fail(place, &error, input, (Certainty::NotDone, &policy))?;
                Ok(None)
            }
        }
    }

    /// Journals the intent of one chunk, after which it is sent; unless there is nothing to do,
    /// a limit is passed, or the step is not wanted any more.
    fn intend(&mut self, op: u64, look: Arc<Look>, chunk: u32) -> Result<Option<StageTask>, Halt> {
        let Some(call) = self.calls.get_mut(&op) else { return Ok(None) };
        let path = call.run.path.clone();
        if !self.run.wants(&path, op) {
            self.calls.remove(&op);
            return Ok(None);
        }
        call.look = Some(Arc::clone(&look));
        call.chunk = chunk;
        if look.chunks == 0 {
            return Ok(Some(StageTask::Finish));
        }
        let input = Arc::clone(&call.run.input);
        let (attempt, request) = (call.run.attempt, call.prepared.request(&look, chunk));
        if chunk == 0
            && !self.run.is_undo(&path)
            && let Some(reason) = self.run.over_limit(&path, look.effect, n_changes(&look))
        {
            self.calls.remove(&op);
            self.hold((path, op), reason, Why::Limit(look.effect))?;
            return Ok(None);
        }
        let intended = Intended { path, op, attempt, chunk, input, look, request };
        self.record(Event::Intended(Box::new(intended)))?;
        Ok(Some(StageTask::Write))
    }

    pub(super) async fn stage_ended(&mut self, op: u64, stage: Stage) -> Result<(), Halt> {
        if let Stage::Page(result) = stage {
            return self.page_ended(op, result);
        }
        let Some(call) = self.calls.remove(&op) else { return Ok(()) };
        if !self.run.wants(&call.run.path, op) {
            return Ok(());
        }
        match stage {
            Stage::Page(_) => Ok(()),
            Stage::Finished(Ok(output)) => {
                self.note_undo(&call, None, Some(&output))?;
                self.succeed(&call, op, (None, Some(output)))
            }
            Stage::Read(Ok(output)) => self.succeed(&call, op, (None, Some(Arc::new(output)))),
            Stage::Read(Err(error)) | Stage::Looked(Err(error)) | Stage::Finished(Err(error)) => {
                self.call_failed(call, op, error, Certainty::NotDone)
            }
            Stage::Looked(Ok(look)) => {
                self.calls.insert(op, call);
                let next = self.intend(op, look, 0)?;
                self.after_saving(op, next).await
            }
            Stage::Wrote(Ok((wrote, None))) => {
                self.note_undo(&call, Some(&wrote), None)?;
                self.succeed(&call, op, (Some(wrote.clone()), None))?;
                self.go_on_writing(call, op, wrote).await
            }
            Stage::Wrote(Ok((wrote, Some(Ok(output))))) => {
                self.note_undo(&call, Some(&wrote), Some(&output))?;
                self.succeed(&call, op, (Some(wrote), Some(output)))
            }
            Stage::Wrote(Ok((wrote, Some(Err(unfinished))))) => {
                self.unfinished(call, op, (wrote, unfinished))
            }
            Stage::Wrote(Err(error)) => {
                let certainty = Certainty::NotVerified;
                self.call_failed(call, op, error, certainty)
            }
            Stage::Verified(result) => self.verified(call, op, result).await,
        }
    }

    /// Everything was sent and answered well, and there are no outputs all the same.
    fn unfinished(
        &mut self,
        mut call: UnderWay,
        op: u64,
        (mut wrote, Unfinished { error, left }): (Wrote, Unfinished),
    ) -> Result<(), Halt> {
        call.n_missing = left.as_ref().map_or(0, n_changes);
        let n_wanted = call.look.as_deref().map_or(0, n_changes);
        match left {
            Some(_) if call.n_missing >= n_wanted && call.chunk == 0 => wrote.effect = Effect::None,
            Some(left) if call.n_missing > 0 => self.note_part(&call, &left)?,
            _ => self.note_undo(&call, Some(&wrote), None)?,
        }
        self.succeed(&call, op, (Some(wrote), None))?;
        self.call_failed(call, op, error, Certainty::NotDone)
    }

    async fn go_on_writing(
        &mut self,
        mut call: UnderWay,
        op: u64,
        wrote: Wrote,
    ) -> Result<(), Halt> {
        call.wrote.push(wrote);
        let (chunk, look) = (call.chunk + 1, call.look.clone());
        self.calls.insert(op, call);
        let Some(look) = look else { return Ok(()) };
        let next = if chunk >= look.chunks {
            Some(StageTask::Finish)
        } else {
            self.intend(op, look, chunk)?
        };
        self.after_saving(op, next).await
    }

    async fn verified(
        &mut self,
        mut call: UnderWay,
        op: u64,
        result: Result<(Verdict, Option<Arc<Look>>), ActionError>,
    ) -> Result<(), Halt> {
        let path = call.run.path.clone();
        let doubt = call.doubt.take();
        match result {
            Ok((Verdict::Done(wrote), _)) => {
                let verdict = Found::Done(wrote.clone());
                call.is_adopted =
                    call.look.as_ref().is_some_and(|look| call.chunk + 1 == look.chunks);
                self.note_undo(&call, Some(&wrote), None)?;
                self.record(Event::Verified { path, verdict })?;
                self.go_on_writing(call, op, wrote).await
            }
            Ok((Verdict::NotDone, _)) => {
                self.record(Event::Verified { path, verdict: Found::NotDone })?;
                match doubt {
                    Some(error) => self.call_failed(call, op, error, Certainty::NotDone),
                    None => self.send_again(call, op, None).await,
                }
            }
            Ok((Verdict::Part(_), Some(left))) => {
                let verdict = Found::Part(Arc::clone(&left));
                self.note_part(&call, &left)?;
                self.record(Event::Verified { path, verdict })?;
                self.send_again(call, op, Some(left)).await
            }
            Ok((Verdict::Part(_), None)) => Ok(()),
            Ok((Verdict::CannotTell(reason), _)) => {
                let error = doubt.unwrap_or_else(|| unknown_outcome(reason));
                self.call_failed(call, op, error, Certainty::CannotTell)
            }
            Err(error) => {
                let message = format!("the read-back failed as well: {}", error.message);
                let error = doubt.unwrap_or_else(|| unknown_outcome(message));
                self.call_failed(call, op, error, Certainty::CannotTell)
            }
        }
    }

    async fn send_again(
        &mut self,
        call: UnderWay,
        op: u64,
        look: Option<Arc<Look>>,
    ) -> Result<(), Halt> {
        let chunk = if look.is_some() { 0 } else { call.chunk };
        let Some(look) = look.or_else(|| call.look.clone()) else { return Ok(()) };
        self.calls.insert(op, call);
        let next = self.intend(op, look, chunk)?;
        self.after_saving(op, next).await
    }

    async fn after_saving(&mut self, op: u64, task: Option<StageTask>) -> Result<(), Halt> {
        self.save().await?;
        if let Some(task) = task {
            self.spawn(op, task);
        }
        Ok(())
    }

    fn succeed(
        &mut self,
        call: &UnderWay,
        op: u64,
        (mut wrote, output): (Option<Wrote>, Option<Arc<Value>>),
    ) -> Result<(), Halt> {
        let look = call.look.as_deref();
        let effect = wrote.as_ref().map(|wrote| wrote.effect);
        let effect = effect.or(look.map(|look| look.effect)).unwrap_or(Effect::Read);
        let is_last = look.is_some_and(|look| call.chunk + 1 == look.chunks && wrote.is_some())
            || (call.is_adopted && output.is_some());
        if let (Some(wrote), Some(output)) = (&mut wrote, &output)
            && Arc::ptr_eq(&wrote.answer, output)
        {
            // The journal holds it once.
            wrote.answer = Arc::default();
        }
        let succeeded = Succeeded {
            path: call.run.path.clone(),
            op,
            attempt: call.run.attempt,
            input: look.is_none_or(|look| look.chunks == 0).then(|| Arc::clone(&call.run.input)),
            changes: match look.filter(|_| is_last) {
                Some(look) => n_changes(look).saturating_sub(call.n_missing),
                None => 0,
            },
            wrote,
            output,
            effect,
        };
        self.record(Event::Succeeded(Box::new(succeeded)))
    }

    fn call_failed(
        &mut self,
        mut call: UnderWay,
        op: u64,
        error: ActionError,
        certainty: Certainty,
    ) -> Result<(), Halt> {
        let path = call.run.path.clone();
        let at = self.shared.clock.now();
        let input = call.look.is_none().then(|| Arc::clone(&call.run.input));
        let policy = self.shared.connections.retry(call.prepared.alias());
        let after = self.run.after_failure((&path, op), &error, input, at, (certainty, &policy));
        match after {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => self.record(event),
            AfterFailure::Verify => {
                call.doubt = Some(error);
                self.calls.insert(op, call);
                self.spawn(op, StageTask::Verify);
                Ok(())
            }
        }
    }

    pub(super) fn fail(
        &mut self,
        (path, op): (StepPath, u64),
        error: &ActionError,
        input: Option<Arc<Value>>,
        doubt: (Certainty, &RetryPolicy),
    ) -> Result<(), Halt> {
        if !self.run.wants(&path, op) {
            return Ok(());
        }
        let at = self.shared.clock.now();
        let after = self.run.after_failure((&path, op), error, input.clone(), at, doubt);
        let event = match after {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => event,
            AfterFailure::Verify => {
                let error = RunError::of_attempt(error, &path, 1);
                Event::Failed(Box::new(Failed { path, op, input, error, next: None }))
            }
        };
        self.record(event)
    }

    /// Holds a step, unless it is not wanted any more.
    fn hold(&mut self, (path, op): (StepPath, u64), reason: String, why: Why) -> Result<(), Halt> {
        if !self.run.wants(&path, op) {
            return Ok(());
        }
        let (limit, blocked) = match why {
            Why::Limit(effect) => (Some(effect), false),
            Why::Blocked => (None, true),
        };
        self.record(Event::Held { path, reason, limit, blocked })
    }

    fn page_ended(&mut self, op: u64, result: Result<Page, ActionError>) -> Result<(), Halt> {
        let Some(page) = self.pages.remove(&op) else { return Ok(()) };
        if !self.run.wants(&page.path, op) {
            return Ok(());
        }
        match result {
            Ok(answer) => {
                let rows = answer.rows.into_iter().map(Arc::new).collect();
                let (keys, cursor) = (answer.keys, answer.cursor);
                self.record(Event::Page { path: page.path, rows, keys, cursor })
            }
            Err(error) => {
                let policy = self.shared.connections.retry(&page.alias);
                let input = Some(Arc::clone(&page.input));
                self.fail((page.path, op), &error, input, (Certainty::NotDone, &policy))
            }
        }
    }
}

fn unknown_outcome(reason: String) -> ActionError {
    let mut error = ActionError::new(ErrorKind::ConnectionFailed, reason);
    error.write = WriteState::Unknown;
    error
}
