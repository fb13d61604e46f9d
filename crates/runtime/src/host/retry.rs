//! Trying a run again that failed or was cancelled: shown first, then done.

use linchpin_engine::command::Command;
use linchpin_engine::event::{Control, Outcome};
use linchpin_engine::{Entry, Event, Run, RunError, RunId, StepPath};
use serde::Serialize;

use super::held::{self, HeldPreview};
use super::{Error, Host};

/// Where a run would go on, and what it would send there.
#[derive(Clone, Debug, Serialize)]
pub struct RetryPreview {
    /// The innermost steps that would be open.
    pub steps: Vec<StepPath>,
    /// The calls that would be made at once; what follows depends on their answers.
    pub calls: Vec<HeldPreview>,
    /// Why it would fail again without a step to go on with, and where.
    pub failure: Option<RunError>,
}

impl Host {
    /// What a retry would do first. Reads, and changes nothing.
    pub async fn retry_preview(&self, id: &RunId) -> Result<RetryPreview, Error> {
        let unread = |why: String| Error::Journal { run: id.clone(), why };
        let event = Event::Controlled { control: Control::Retry, by: String::new() };
        let mut run = self.rebuilt(id).await?;
        if let Some(why) = run.refuses(&event) {
            return Err(Error::Refused { run: id.clone(), why });
        }
        let before = failure_of(&run);
        let entry = Entry { at: self.clock().now(), event };
        run.apply(&entry).map_err(|why| unread(why.to_string()))?;
        let turn = run.next().map_err(|why| unread(why.to_string()))?;
        let calls = held::calls(turn.commands);
        let open: Vec<StepPath> = run.open_steps().into_iter().map(|step| step.path).collect();
        let is_inside = |outer: &StepPath, inner: &StepPath| {
            inner != outer && inner.segments().starts_with(outer.segments())
        };
        let mut steps: Vec<StepPath> = open
            .iter()
            .filter(|outer| !open.iter().any(|inner| is_inside(outer, inner)))
            .cloned()
            .collect();
        steps.sort();
        let mut previews = Vec::new();
        for call in &calls {
            let reason = before.as_ref().filter(|error| error.step == call.path);
            let reason = reason.map(|error| error.message.clone()).unwrap_or_default();
            previews.push(self.preview_of_call(id, (&call.path, reason), Some(call)).await);
        }
        Ok(RetryPreview { steps, calls: previews, failure: failure_of(&run) })
    }

    /// Goes on with a run that failed or was cancelled: what failed is tried again, what
    /// succeeded stays. When it returns, that is on disk and goes on whatever happens.
    pub async fn retry(&self, id: &RunId, by: &str) -> Result<(), Error> {
        self.control(id, Control::Retry, by).await
    }

    /// Lets each step of a run try again that was held because something was not there.
    pub async fn release(&self, id: &RunId, by: &str) -> Result<(), Error> {
        let blocked = self.look(id, Run::blocked).await.unwrap_or_default();
        for path in blocked {
            let ruling = linchpin_engine::event::Ruling::GoOn;
            self.tell(id, Event::Resolved { path, ruling, by: by.to_owned() }).await?;
        }
        Ok(())
    }
}

fn failure_of(run: &Run) -> Option<RunError> {
    match run.outcome() {
        Some(Outcome::Failed { error }) => Some(error.clone()),
        Some(Outcome::Succeeded { .. } | Outcome::Cancelled) | None => None,
    }
}

/// Whether a command asks for something that leaves the process.
pub(crate) fn leaves(command: &Command) -> Option<&StepPath> {
    match command {
        Command::Run(call) => Some(&call.path),
        Command::ReadPage(page) => Some(&page.path),
        Command::Start(start) => Some(&start.path),
        Command::Timer { .. } | Command::Cancel { .. } | Command::Finish => None,
    }
}
