//! Held steps: what is known of each, what would be sent next, and a person's ruling.

use std::sync::Arc;

use linchpin_connector::{ErrorKind, Verdict};
use linchpin_engine::command::{Command, OpenIntent, RunAction};
use linchpin_engine::event::{Control, Ruling};
use linchpin_engine::run::{StepState, StepView, Waiting};
use linchpin_engine::{Entry, Event, Run, RunId, StepPath};
use linchpin_language::Value;
use serde::Serialize;

use super::{Error, Host};
use crate::call::{Prepared, Stage, Unprepared, key};

/// A held step: what is known of it, and what is sent when a person lets it go on.
#[derive(Clone, Debug, Serialize)]
pub struct HeldPreview {
    /// The step.
    pub step: StepPath,
    /// Why it is held.
    pub reason: String,
    /// The alias that it calls.
    pub alias: String,
    /// The action.
    pub action: String,
    /// Its inputs.
    pub input: Value,
    /// Whether its write was sent before, so that it may have happened.
    pub was_sent: bool,
    /// What a look at the other system says now, where the action has one.
    pub seen: Option<String>,
    /// The request that would be sent, in words; empty when nothing would be.
    pub request: String,
    /// What it would change.
    pub changes: Vec<Value>,
    /// Why it cannot be told what would be sent.
    pub problem: Option<String>,
}

impl Host {
    /// The held steps of a run, each with what would follow if it went on. Reads, and changes
    /// nothing.
    pub async fn held(&self, id: &RunId) -> Result<Vec<HeldPreview>, Error> {
        let mut run = self.rebuilt(id).await?;
        let is_held = |step: &StepView| step.state == StepState::Held;
        let held: Vec<StepView> = run.open_steps().into_iter().filter(is_held).collect();
        if run.outcome().is_some() || held.is_empty() {
            return Ok(Vec::new());
        }
        let calls = calls_of(&mut run, &held, self.clock().now())
            .map_err(|why| Error::Journal { run: id.clone(), why: why.to_string() })?;
        let mut previews = Vec::new();
        for step in held {
            let call = calls.iter().find(|call| call.path == step.path);
            let reason = match &step.waiting {
                Some(Waiting::Ruling(reason)) => reason.clone(),
                Some(_) | None => String::new(),
            };
            previews.push(self.preview_of_call(id, (&step.path, reason), call).await);
        }
        Ok(previews)
    }

    /// What would be sent by the step at a path.
    pub(super) async fn preview_of_call(
        &self,
        id: &RunId,
        (step, reason): (&StepPath, String),
        call: Option<&RunAction>,
    ) -> HeldPreview {
        let mut preview = HeldPreview {
            step: step.clone(),
            reason,
            alias: call.map_or_else(String::new, |call| call.alias.clone()),
            action: call.map_or_else(String::new, |call| call.action.clone()),
            input: call.map_or(Value::Null, |call| (*call.input).clone()),
            was_sent: call.is_some_and(|call| call.intent.is_some()),
            seen: None,
            request: String::new(),
            changes: Vec::new(),
            problem: None,
        };
        let Some(call) = call else { return preview };
        let about = (key(id, &call.path), self.clock().now(), call.timeout);
        let connections = self.connections();
        match Prepared::new(connections, &call.alias, &call.action, &call.input, about).await {
            Ok(prepared) => ask(&mut preview, prepared, call.intent.as_ref()).await,
            Err(Unprepared::Hold(why)) => preview.problem = Some(why),
            Err(Unprepared::Failed(error)) => preview.problem = Some(error.message),
        }
        preview
    }

    /// Rules on a held step. An output is read as the action's type.
    pub async fn resolve(
        &self,
        id: &RunId,
        path: StepPath,
        ruling: Ruling,
        by: &str,
    ) -> Result<(), Error> {
        let ruling = match ruling {
            Ruling::Done(output) => Ruling::Done(self.as_output(id, &path, output).await?),
            ruling @ (Ruling::GoOn | Ruling::Fail) => ruling,
        };
        self.tell(id, Event::Resolved { path, ruling, by: by.to_owned() }).await
    }

    async fn as_output(
        &self,
        id: &RunId,
        path: &StepPath,
        output: Arc<Value>,
    ) -> Result<Arc<Value>, Error> {
        let at = path.clone();
        let action = match self.look(id, move |run| run.action_at(&at)).await {
            Some(action) => action,
            None => self.rebuilt(id).await?.action_at(path),
        };
        let Some((spoke, name)) = action.as_deref().and_then(|action| action.split_once('.'))
        else {
            return Ok(output);
        };
        let action = self.catalog().spokes.get(spoke).and_then(|spoke| spoke.action(name));
        let Some(action) = action.filter(|_| !output.is_null()) else { return Ok(output) };
        let read = action.spec().outputs.coerce((*output).clone(), "output");
        read.map(Arc::new).map_err(|mismatch| Error::Refused {
            run: id.clone(),
            why: format!("this is no output of {spoke}.{name}: {}", mismatch.message),
        })
    }
}

/// What the held steps would ask for, played on a copy of the run.
fn calls_of(
    run: &mut Run,
    held: &[StepView],
    at: jiff::Timestamp,
) -> Result<Vec<RunAction>, linchpin_engine::run::Mismatch> {
    let by = String::new();
    for step in held {
        let (path, by) = (step.path.clone(), by.clone());
        run.apply(&Entry { at, event: Event::Resolved { path, ruling: Ruling::GoOn, by } })?;
    }
    run.apply(&Entry { at, event: Event::Controlled { control: Control::Resume, by } })?;
    Ok(calls(run.next()?.commands))
}

/// The calls among commands.
pub(super) fn calls(commands: Vec<Command>) -> Vec<RunAction> {
    let calls = commands.into_iter().filter_map(|command| match command {
        Command::Run(call) => Some(*call),
        Command::ReadPage(_)
        | Command::Start(_)
        | Command::Timer { .. }
        | Command::Cancel { .. }
        | Command::Finish => None,
    });
    calls.collect()
}

/// Reads what there is to see, and what would be sent.
async fn ask(preview: &mut HeldPreview, prepared: Prepared, intent: Option<&OpenIntent>) {
    if !prepared.is_write() {
        return;
    }
    if let Some(intent) = intent {
        let look = Arc::clone(&intent.look);
        preview.request = prepared.request(&look, intent.chunk);
        preview.changes.clone_from(&look.changes);
        preview.seen = match prepared.verify(look, intent.chunk).await {
            Stage::Verified(Ok((verdict, _))) => Some(seen(&verdict)),
            Stage::Verified(Err(error)) => Some(format!("it cannot be read: {}", error.message)),
            _ => None,
        };
        return;
    }
    match prepared.clone().look().await {
        Stage::Looked(Ok(look)) if look.chunks > 0 => {
            preview.request = prepared.request(&look, 0);
            preview.changes.clone_from(&look.changes);
        }
        Stage::Looked(Err(error)) if error.kind != ErrorKind::Cancelled => {
            preview.problem = Some(error.message);
        }
        _ => {}
    }
}

fn seen(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done(_) => "it is there".to_owned(),
        Verdict::NotDone => "it is not there".to_owned(),
        Verdict::Part(left) => format!("part of it is there, {} left", left.len()),
        Verdict::CannotTell(why) => format!("it cannot be told: {why}"),
    }
}
