//! After a write: whether it happened, what of it did not, and what the outputs are computed from.

use std::time::Duration;

use linchpin_language::{Value, as_unknown};

use crate::action::{Action, Call, Look, Undo, Verdict, Wrote};
use crate::error::{ActionError, ErrorKind, WriteState};
use crate::manifest::action::{ManifestAction, raised};
use crate::manifest::build::{Built, build};
use crate::manifest::exchange::answered;
use crate::manifest::names::{Late, Names};
use crate::manifest::request::{FailSpec, RequestSpec, What};

/// How a lost answer is cleared up.
pub(crate) enum Verify {
    /// The look again: a change that is gone from it is done.
    Look { always: bool, settle: Option<Duration>, missing: Option<FailSpec> },
    /// A request of its own with `found`.
    Request { settle: Option<Duration>, request: Box<RequestSpec> },
    /// Nothing shows it.
    None { reason: String },
    /// The write may simply be repeated.
    NotNeeded,
}

/// A look again, and what it still wants of some changes.
struct ReadBack {
    found: Value,
    left: Vec<Value>,
}

impl ManifestAction {
    pub(crate) async fn verify_chunk(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
    ) -> Result<Verdict, ActionError> {
        match &self.parsed.verify {
            Verify::None { reason } => Ok(Verdict::CannotTell(reason.clone())),
            Verify::NotNeeded => {
                Ok(Verdict::CannotTell("the manifest names no way to see it".to_owned()))
            }
            Verify::Look { settle, .. } => {
                let wanted = self.chunk_of(look, chunk);
                let back = self.read_back(call, wanted, *settle).await?;
                if back.left.is_empty() {
                    let mut wrote = Wrote::new(Value::Null, 0, look.effect);
                    wrote.after = Some(back.found);
                    Ok(Verdict::Done(wrote))
                } else if back.left.len() == wanted.len() {
                    Ok(Verdict::NotDone)
                } else {
                    Ok(Verdict::Part(back.left))
                }
            }
            Verify::Request { settle, request } => {
                let verdict = self.ask(call, look, chunk, request).await?;
                match (verdict, settle) {
                    (Verdict::NotDone, Some(settle)) => {
                        call.transport.pause(*settle).await;
                        self.ask(call, look, chunk, request).await
                    }
                    (verdict, _) => Ok(verdict),
                }
            }
        }
    }

    /// Looks again; when something is left, once more after the system had time to settle.
    async fn read_back(
        &self,
        call: &Call<'_>,
        wanted: &[Value],
        settle: Option<Duration>,
    ) -> Result<ReadBack, ActionError> {
        let back = self.read_back_once(call, wanted).await?;
        let Some(settle) = settle.filter(|_| !back.left.is_empty()) else { return Ok(back) };
        call.transport.pause(settle).await;
        self.read_back_once(call, wanted).await
    }

    async fn read_back_once(
        &self,
        call: &Call<'_>,
        wanted: &[Value],
    ) -> Result<ReadBack, ActionError> {
        let fresh = self.look(call).await?;
        let is_left = |change: &&Value| fresh.chunks > 0 && fresh.changes.contains(change);
        let left = wanted.iter().filter(is_left).cloned().collect();
        Ok(ReadBack { found: fresh.found, left })
    }

    /// Asks with the verifying request; `found` is true or the record itself when the write happened.
    async fn ask(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
        spec: &RequestSpec,
    ) -> Result<Verdict, ActionError> {
        let What::Send(sending) = &spec.what else { return Ok(Verdict::NotDone) };
        let names = self.names_of_chunk(call, look, chunk, spec);
        let request = match build(sending, &self.protocol, &names)? {
            Built::Ready(request) => request,
            Built::Unknown(_) => return Ok(Verdict::CannotTell("a value is unknown".to_owned())),
        };
        let exchange = self.exchange(call);
        let Some(answer) = exchange.send(sending, request, &names, false).await? else {
            return Ok(Verdict::NotDone);
        };
        let selected = exchange.select(sending, answer.value.clone(), &names)?;
        let mut names = answered(&names, &answer).with("answer", selected.clone());
        names.compute(&self.parsed.lets);
        names.compute(&spec.lets);
        let Some(found) = &sending.found else {
            return Ok(Verdict::CannotTell("the manifest names no `found`".to_owned()));
        };
        let done = |answer| Verdict::Done(Wrote::new(answer, 0, look.effect));
        Ok(match names.eval(found) {
            Err(error) => Verdict::CannotTell(error.message),
            Ok(Value::Bool(true)) => done(selected),
            Ok(Value::Bool(false) | Value::Null) => Verdict::NotDone,
            Ok(value) if as_unknown(&value).is_some() => {
                Verdict::CannotTell("the answer is unknown".to_owned())
            }
            Ok(record) => done(record),
        })
    }

    /// The names the outputs are computed from; reads back where the manifest says `always`.
    pub(crate) async fn names_after_write<'a>(
        &'a self,
        call: &Call<'a>,
        look: &'a Look,
        wrote: &'a [Wrote],
    ) -> Result<Names<'a>, ActionError> {
        let mut names = self.names_written(call, look, wrote);
        let Verify::Look { always: true, settle, missing } = &self.parsed.verify else {
            return Ok(names);
        };
        if wrote.is_empty() || wrote.iter().any(|wrote| wrote.look.is_some()) {
            return Ok(names);
        }
        let back = self.read_back(call, &look.changes, *settle).await?;
        names.set("after", back.found);
        if back.left.is_empty() {
            names.compute(&self.parsed.lets);
            return Ok(names);
        }
        let none_done = back.left.len() == look.changes.len();
        names.set("changes", Value::Array(back.left));
        let error = match missing {
            Some(missing) => raised(missing, &names),
            None => ActionError::new(ErrorKind::Rejected, "the write had no effect"),
        };
        let state = if none_done { WriteState::None } else { WriteState::Unknown };
        Err(error.with_write(state))
    }

    /// The same without reading back.
    pub(crate) fn names_written<'a>(
        &'a self,
        call: &Call<'a>,
        look: &'a Look,
        wrote: &'a [Wrote],
    ) -> Names<'a> {
        let mut names = self.names_after_look(call, look);
        let again = wrote.iter().rev().find_map(|wrote| wrote.look.as_ref());
        if let Some(found) = again {
            names.see("look", found);
        }
        let seen = wrote.iter().rev().find_map(|wrote| wrote.after.as_ref());
        match seen {
            Some(after) => names.see("after", after),
            None => names.same("after", "look"),
        }
        let last = wrote.last();
        names.see("answer", last.map_or(&Value::Null, |wrote| &*wrote.answer));
        names.set("status", last.map_or(Value::Null, |wrote| Value::from(wrote.status)));
        names.later("changed", Late::List(self.changed(look, wrote)));
        names.compute(&self.parsed.lets);
        names
    }

    /// The changes of the writes that were made.
    fn changed<'l>(&self, look: &'l Look, wrote: &[Wrote]) -> &'l [Value] {
        if wrote.len() >= look.chunks as usize {
            return &look.changes;
        }
        let chunks = 0..u32::try_from(wrote.len()).unwrap_or(u32::MAX);
        let made = chunks.map(|chunk| self.chunk_of(look, chunk).len()).sum();
        &look.changes[..made]
    }

    pub(crate) fn undo_of(
        &self,
        call: &Call<'_>,
        look: &Look,
        wrote: &[Wrote],
    ) -> Result<Option<Undo>, ActionError> {
        let Some(undo) = &self.parsed.spec.undo else { return Ok(None) };
        if wrote.is_empty() || wrote.iter().all(|wrote| !wrote.effect.is_write()) {
            return Ok(None);
        }
        let inputs = self.names_written(call, look, wrote).fill(&undo.with)?;
        Ok(Some(Undo { action: undo.action.clone(), inputs }))
    }
}
