//! Steps that wait, and what a person's yes or no does to the step that asked for it.

use std::sync::Arc;

use linchpin_connector::ErrorKind;
use linchpin_language::{Value, json};

use super::state::{Activity, Effects, Slot, StepState, Stop};
use crate::error::RunError;
use crate::event::Decision;
use crate::flow::{Approval, OnReject, OnTimeout, Step};
use crate::path::StepPath;

/// A yes or no; by nobody when the time is over.
pub(super) struct Judgement<'a> {
    pub(super) approved: bool,
    pub(super) by: Option<&'a str>,
    pub(super) note: Option<&'a str>,
    pub(super) form: &'a Value,
}

impl Slot {
    /// Waits for an instant, a signal, a person; or no more, when the signal is there.
    pub(super) fn waits(&mut self, decision: &Decision, effects: &mut Effects) {
        let activity = if let Decision::Until(at) = decision {
            Activity::Timer { at: *at, armed: None }
        } else if let Decision::Listening(name) = decision {
            Activity::Signal { name: name.clone() }
        } else if let Decision::Asked { of, message, choices, .. } = decision {
            let (of, message, choices) = (of.clone(), message.clone(), choices.clone());
            Activity::Ask { of, message, choices }
        } else if let Decision::Received { payload, .. } = decision {
            self.succeed(Some(Arc::clone(payload)), effects.now);
            return self.drop_deadline(effects);
        } else {
            return;
        };
        self.state = StepState::Waiting;
        self.activity = activity;
    }

    /// Takes a yes or no in.
    pub(super) fn judged(
        &mut self,
        (step, approval): (&Step, &Approval),
        judgement: &Judgement<'_>,
        (path, is_stopping): (&StepPath, bool),
        effects: &mut Effects,
    ) {
        self.drop_deadline(effects);
        let Judgement { approved, by, note, form } = judgement;
        let output = Arc::new(json!({
            "approved": approved,
            "by": by,
            "at": effects.now.to_string(),
            "note": note,
            "form": form,
        }));
        match (approved, approval.on_reject) {
            (true, _) | (false, OnReject::Continue) => self.succeed(Some(output), effects.now),
            (false, OnReject::End) => {
                self.output = Some(output);
                self.leave(StepState::Succeeded, Stop::End, effects.now);
            }
            (false, OnReject::Fail) => {
                let error = RunError::new(ErrorKind::Rejected, refusal(judgement), path);
                self.fail(step, error, is_stopping, effects);
            }
        }
    }

    /// Nobody said anything in time.
    pub(super) fn unjudged(
        &mut self,
        (step, approval): (&Step, &Approval),
        place: (&StepPath, bool),
        effects: &mut Effects,
    ) {
        let approved = approval.on_timeout == OnTimeout::Approve;
        let nothing = Judgement { approved, by: None, note: None, form: &Value::Null };
        self.judged((step, approval), &nothing, place, effects);
    }
}

fn refusal(judgement: &Judgement<'_>) -> String {
    match (judgement.by, judgement.note) {
        (Some(by), Some(note)) => format!("{by} refused: {note}"),
        (Some(by), None) => format!("{by} refused"),
        (None, _) => "nobody approved in time".to_owned(),
    }
}
