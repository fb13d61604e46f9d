//! The signals that came to a run and that no step has taken yet, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use linchpin_language::{Value, did_you_mean, too_deep};
use serde::{Deserialize, Serialize};

use super::Run;
use super::state::Mismatch;
use crate::event::{Control, Event, Ruling};
use crate::flow::{StepKind, Wait};
use crate::plan;

/// How many signals a run keeps.
const MOST: usize = 100;

/// Signals that are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Signals(VecDeque<(String, Arc<Value>)>);

impl Signals {
    pub(super) fn keep(&mut self, name: &str, payload: &Arc<Value>) -> Result<(), Mismatch> {
        if self.0.len() >= MOST {
            return Err(Mismatch(format!("{MOST} signals are kept already")));
        }
        self.0.push_back((name.to_owned(), Arc::clone(payload)));
        Ok(())
    }

    /// The payload of the signal of this name that is taken after `before` others of the name.
    pub(crate) fn nth(&self, name: &str, before: usize) -> Option<&Arc<Value>> {
        let same = self.0.iter().filter(|(own, _)| own == name);
        same.map(|(_, payload)| payload).nth(before)
    }

    /// Takes the oldest of a name away.
    pub(super) fn take(&mut self, name: &str) {
        if let Some(at) = self.0.iter().position(|(own, _)| own == name) {
            self.0.remove(at);
        }
    }
}

impl Run {
    /// Why an event of a person cannot be taken, in one sentence; what the state itself refuses
    /// is found when the event is applied.
    pub fn refuses(&self, event: &Event) -> Option<String> {
        if let Some(why) = said(event).and_then(too_deep) {
            return Some(format!("what is given {why}"));
        }
        if let Event::Resolved { path, .. } = event {
            return self.refuses_ruling(path);
        }
        if let Event::Controlled { control: Control::Undo, .. } = event {
            return match (&self.ended, self.undo_left().is_empty()) {
                (None, _) => Some("it has not ended; resume or cancel it first".to_owned()),
                (Some(_), true) => Some("there is nothing to take back".to_owned()),
                (Some(_), false) => None,
            };
        }
        if let Event::Controlled { control: Control::Retry, .. } = event {
            return self.refuses_retry();
        }
        let Event::Signalled { name, .. } = event else { return None };
        self.refuses_signal(name)
    }

    /// Why a signal of this name cannot be taken, in one sentence.
    fn refuses_signal(&self, name: &str) -> Option<String> {
        let mut names: Vec<&str> = Vec::new();
        for plan in self.program.flows.values() {
            plan::each_block(&plan.flow, &mut |block| {
                for step in &block.steps {
                    if let StepKind::Wait(Wait::Signal(wait)) = &step.kind {
                        names.push(&wait.name.value);
                    }
                }
            });
        }
        names.sort_unstable();
        names.dedup();
        if !names.contains(&name) {
            let near = did_you_mean(name, names.iter().copied());
            let known = match (near, names.is_empty()) {
                (Some(near), _) => format!("; did you mean {near}?"),
                (None, true) => "; it waits for no signal at all".to_owned(),
                (None, false) => format!("; it waits for {}", names.join(", ")),
            };
            return Some(format!("no step of it waits for a signal {name}{known}"));
        }
        (self.signals.0.len() >= MOST)
            .then(|| format!("it keeps {MOST} signals already that no step has taken"))
    }
}

/// The value that somebody gives with an event.
fn said(event: &Event) -> Option<&Value> {
    match event {
        Event::Answered { values, .. } => Some(values),
        Event::Approval { form, .. } => Some(form),
        Event::Signalled { payload, .. } => Some(payload),
        Event::Resolved { ruling: Ruling::Done(output), .. } => Some(output),
        Event::Resolved { .. }
        | Event::Accepted(_)
        | Event::Begun
        | Event::Captured(_)
        | Event::Decided { .. }
        | Event::Intended(_)
        | Event::Succeeded(_)
        | Event::Failed(_)
        | Event::Verified { .. }
        | Event::Page { .. }
        | Event::Woke { .. }
        | Event::Undoable(_)
        | Event::Held { .. }
        | Event::Controlled { .. }
        | Event::Ended { .. } => None,
    }
}
