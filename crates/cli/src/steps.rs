//! A run as lines: one per step that ends, waits or is tried again, made from its journal.

mod told;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use linchpin_connector::Effect;
use linchpin_engine::event::{Control, Decision, Outcome, Ruling};
use linchpin_engine::history::{History, StepHistory};
use linchpin_engine::path::Segment;
use linchpin_engine::run::StepState;
use linchpin_engine::{Entry, Event, StepPath};

use crate::report::{Report, Style};

use told::{decided, done, failed_mark, kind};
use words::millis_between;
pub(crate) use words::{brief, past, plural, print_instant, print_millis};

/// What is known of a run from its journal so far.
#[derive(Default)]
pub(crate) struct Steps {
    history: History,
    index: HashMap<StepPath, usize>,
    /// When something last ended in a list of steps, or below a loop.
    last: HashMap<StepPath, Timestamp>,
    started_at: Option<Timestamp>,
    now: Option<Timestamp>,
    /// The flow's name.
    pub(crate) flow: String,
    /// How it ended.
    pub(crate) outcome: Option<Outcome>,
    /// The steps that wait for an answer, an approval or a signal.
    pub(crate) asks: BTreeSet<StepPath>,
    /// The steps that wait for a ruling, each with the reason.
    pub(crate) held: BTreeMap<StepPath, String>,
    /// The entries that were read.
    pub(crate) position: u64,
    /// The streams that are being read: whether the last page has come, and when that was.
    streams: BTreeMap<StepPath, Option<Timestamp>>,
    /// What kind of step each one without an id is, as far as its events tell.
    kinds: HashMap<StepPath, &'static str>,
    /// The messages that the lines of failed steps showed.
    told: BTreeSet<String>,
    /// How many of the lines that `log` steps wrote were given out.
    n_said: usize,
}

/// A line about a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    mark: Mark,
    path: StepPath,
    /// What kind of step it is, when it has no id.
    kind: Option<&'static str>,
    depth: usize,
    /// What came of it.
    detail: String,
    /// How long it took, in milliseconds.
    took: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Done,
    Failed,
    Caught,
    Skipped,
    Retry,
    Waits,
    Held,
    Opened,
}

impl Steps {
    /// Takes in the next entry of the journal. Returns what is worth a line.
    pub(crate) fn add(&mut self, entry: &Entry) -> Vec<Line> {
        let is_next = entry.event.path().is_none_or(|path| !self.index.contains_key(path));
        let mut lines = if is_next { self.read_out(&entry.event) } else { Vec::new() };
        lines.extend(self.take(entry));
        lines
    }

    fn take(&mut self, entry: &Entry) -> Option<Line> {
        self.position += 1;
        self.now = Some(entry.at);
        self.history.add(entry);
        for at in self.index.len()..self.history.steps.len() {
            self.index.insert(self.history.steps[at].path.clone(), at);
        }
        match &entry.event {
            Event::Accepted(accepted) => {
                self.started_at = Some(entry.at);
                self.flow.clone_from(&accepted.flow);
            }
            // What the run has changed is taken back, or it is tried again: it is open again.
            Event::Controlled { control: Control::Cancel, .. } => self.begin_anew(entry.at),
            Event::Controlled { control: Control::Retry, .. } => {
                self.begin_anew(entry.at);
                self.outcome = None;
            }
            Event::Controlled { control: Control::Undo, .. } => {
                self.begin_anew(entry.at);
                self.outcome = None;
                self.asks.clear();
                self.held.clear();
            }
            // Steps that a cancel by force left waiting wait again after a retry.
            Event::Ended { outcome } => self.outcome = Some(outcome.clone()),
            _ => {}
        }
        let path = entry.event.path()?.clone();
        self.note_waits(&path, &entry.event);
        self.note_stream(&path, entry);
        if let Some(kind) = kind(&entry.event) {
            self.kinds.insert(path.clone(), kind);
        }
        let line = self.line(&path, &entry.event);
        self.note_failure(&path, line.as_ref());
        if self.step(&path).is_some_and(|step| step.ended_at.is_some()) {
            self.note_end(&path, entry.at);
        }
        line
    }

    fn note_waits(&mut self, path: &StepPath, event: &Event) {
        match event {
            // What is in a block whose time is over does not wait any more.
            Event::Woke { .. } if self.step(path).is_some_and(|step| step.ended_at.is_some()) => {
                let is_inside = |open: &StepPath| open.segments().starts_with(path.segments());
                self.asks.retain(|open| !is_inside(open));
                self.held.retain(|open, _| !is_inside(open));
            }
            Event::Decided {
                decision: Decision::Asked { .. } | Decision::Listening(_), ..
            } => {
                self.asks.insert(path.clone());
            }
            Event::Held { reason, .. } => {
                self.held.insert(path.clone(), reason.clone());
            }
            Event::Decided { decision: Decision::Deadline(_) | Decision::May, .. } => {}
            _ => {
                self.asks.remove(path);
                self.held.remove(path);
            }
        }
    }

    fn note_stream(&mut self, path: &StepPath, entry: &Entry) {
        match &entry.event {
            Event::Decided { decision: Decision::Stream { .. }, .. } => {
                self.streams.insert(path.clone(), None);
            }
            Event::Page { cursor: None, .. } => {
                self.streams.insert(path.clone(), Some(entry.at));
            }
            _ => {}
        }
        for (stream, read_at) in &mut self.streams {
            if read_at.is_some() && path.segments().starts_with(stream.segments()) {
                *read_at = Some(entry.at);
            }
        }
    }

    /// A stream in which a step failed is not told as read.
    fn note_failure(&mut self, path: &StepPath, line: Option<&Line>) {
        let Some(line) = line.filter(|line| matches!(line.mark, Mark::Failed | Mark::Caught))
        else {
            return;
        };
        if let Some(error) = self.step(path).and_then(|step| step.error.as_ref()) {
            self.told.insert(error.message.clone());
        }
        if line.mark == Mark::Failed {
            self.streams.retain(|stream, _| !path.segments().starts_with(stream.segments()));
        }
    }

    /// A stream has no event for its end: it was read to the end when, after its last page, a
    /// step outside of it is reached, or the run has succeeded.
    fn read_out(&mut self, event: &Event) -> Vec<Line> {
        if matches!(event, Event::Ended { outcome: Outcome::Failed { .. } | Outcome::Cancelled }) {
            self.streams.clear();
        }
        let path = event.path().cloned().unwrap_or_default();
        let is_over = |stream: &StepPath| !path.segments().starts_with(stream.segments());
        let mut lines = Vec::new();
        let mut over = Vec::new();
        for (stream, read_at) in &self.streams {
            let (Some(at), true, Some(step)) = (*read_at, is_over(stream), self.step(stream))
            else {
                continue;
            };
            lines.push(Line {
                mark: Mark::Done,
                path: stream.clone(),
                kind: self.kind_of(stream),
                depth: step.depth,
                detail: format!("{} read", step.items.unwrap_or_default()),
                took: Some(millis_between(step.started_at, at)),
            });
            over.push(stream.clone());
        }
        self.streams.retain(|stream, _| !over.contains(stream));
        lines
    }

    fn kind_of(&self, path: &StepPath) -> Option<&'static str> {
        self.kinds.get(path).copied().filter(|_| path.leaf().starts_with('#'))
    }

    fn line(&self, path: &StepPath, event: &Event) -> Option<Line> {
        let step = self.step(path)?;
        let (mark, detail) = match event {
            Event::Succeeded(succeeded) if succeeded.output.is_some() => (Mark::Done, done(step)),
            Event::Failed(failed) => {
                let error = &failed.error;
                match failed.next {
                    Some(next) => {
                        let wait = millis_between(self.now?, next);
                        let attempt = error.attempt + 1;
                        let wait = print_millis(wait);
                        (Mark::Retry, format!("{}; attempt {attempt} in {wait}", error.message))
                    }
                    None => (failed_mark(step), format!("{}: {}", error.kind, error.message)),
                }
            }
            Event::Decided { decision, .. } => decided(step, decision)?,
            Event::Answered { by, .. } => (Mark::Done, format!("answered by {by}")),
            Event::Approval { approved, by, note, .. } => {
                let note = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
                match (approved, step.state) {
                    (true, _) => (Mark::Done, format!("approved by {by}{note}")),
                    (false, StepState::Failed) => (Mark::Failed, format!("refused by {by}{note}")),
                    (false, _) => (Mark::Caught, format!("refused by {by}{note}")),
                }
            }
            Event::Woke { .. } if step.ended_at.is_some() => {
                let said = step.waiting.clone();
                match step.state {
                    StepState::Failed => {
                        (Mark::Failed, said.unwrap_or_else(|| "not in time".to_owned()))
                    }
                    _ => (Mark::Done, said.unwrap_or_else(|| "waited".to_owned())),
                }
            }
            Event::Held { reason, .. } => (Mark::Held, format!("needs attention: {reason}")),
            Event::Resolved { by, ruling, .. } => {
                let ruling = match ruling {
                    Ruling::Done(_) => "done",
                    // Nothing was sent: it was held for a limit, or for what was missing.
                    Ruling::GoOn if step.requests.is_empty() => "to go on",
                    Ruling::GoOn => "not done",
                    Ruling::Fail => "failed",
                };
                (Mark::Opened, format!("ruled {ruling} by {by}"))
            }
            _ => return None,
        };
        let is_end = matches!(mark, Mark::Done | Mark::Failed | Mark::Caught);
        let start = self.since(path).min(step.started_at);
        let took = is_end.then(|| millis_between(start, self.now.unwrap_or_default()));
        let kind = self.kind_of(path);
        Some(Line { mark, path: path.clone(), kind, depth: step.depth, detail, took })
    }

    fn step(&self, path: &StepPath) -> Option<&StepHistory> {
        self.history.steps.get(*self.index.get(path)?)
    }

    /// When a step could start: when the one before it in its list ended, or its block began.
    /// The journal says when steps end; that they have started follows from it.
    fn since(&self, path: &StepPath) -> Timestamp {
        let mut around = parent(path);
        loop {
            if let Some(at) = self.last.get(&around) {
                return *at;
            }
            if let Some(step) = self.step(&around) {
                return step.started_at;
            }
            if around.segments().is_empty() {
                return self.started_at.or(self.now).unwrap_or_default();
            }
            around = parent(&around);
        }
    }

    /// What begins from now on has not waited for what ended before.
    fn begin_anew(&mut self, at: Timestamp) {
        self.last = [(StepPath::default(), at)].into();
    }

    fn note_end(&mut self, path: &StepPath, at: Timestamp) {
        let list = parent(path);
        if let Some(Segment::Item(_)) = list.segments().last() {
            // The next iteration starts when one has made room for it.
            self.last.insert(parent(&list), at);
        }
        self.last.insert(list, at);
    }

    /// Whether a line is outdated: it says what a step waited for that has ended meanwhile.
    pub(crate) fn is_outdated(&self, line: &Line) -> bool {
        let has_ended = || self.step(&line.path).is_some_and(|step| step.ended_at.is_some());
        line.mark == Mark::Waits && has_ended()
    }

    /// The lines that `log` steps wrote.
    pub(crate) fn log(&self) -> impl Iterator<Item = &str> {
        self.history.log.iter().map(|line| line.message.as_str())
    }

    /// The same to be printed: what goes over several lines is set in from the second on.
    pub(crate) fn log_lines(&self) -> impl Iterator<Item = String> {
        self.log().map(|message| message.replace('\n', "\n    "))
    }

    /// Those of them that were not given out yet.
    pub(crate) fn unsaid(&mut self) -> Vec<String> {
        let unsaid = self.log_lines().skip(self.n_said).collect();
        self.n_said = self.history.log.len();
        unsaid
    }

    /// The steps, for scripts.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// How many calls were made, and how many things they changed.
    fn counts(&self) -> String {
        let is_done =
            |step: &&StepHistory| step.state == StepState::Succeeded && step.effect.is_some();
        // A call that failed says nothing of its effect, but it has inputs and an attempt.
        let is_attempted = |step: &&StepHistory| {
            let is_attempted = step.error.as_ref().is_some_and(|error| error.attempt > 0);
            step.input.is_some() && is_attempted
        };
        let has_failed =
            |step: &&StepHistory| step.state == StepState::Failed && is_attempted(step);
        let n_done = self.history.steps.iter().filter(is_done).count() as u64;
        let n_failed = self.history.steps.iter().filter(has_failed).count() as u64;
        let mut changes: BTreeMap<&str, u64> = BTreeMap::new();
        for step in self.history.steps.iter().filter(|step| step.changes > 0) {
            if let Some(effect) = step.effect.filter(|effect| *effect != Effect::None) {
                *changes.entry(past(effect.as_str())).or_default() += step.changes;
            }
        }
        let is_ruled = |step: &&StepHistory| {
            let was_sent = !step.requests.is_empty();
            step.state == StepState::Succeeded && step.effect.is_none() && was_sent
        };
        let n_ruled = self.history.steps.iter().filter(is_ruled).count() as u64;
        let mut counts = vec![plural(n_done + n_failed + n_ruled, "call")];
        counts.extend((n_ruled > 0).then(|| format!("{n_ruled} ruled as done")));
        let handled = match &self.outcome {
            Some(Outcome::Succeeded { .. }) => ", which was handled",
            _ => "",
        };
        counts.extend((n_failed > 0).then(|| format!("{n_failed} failed{handled}")));
        // A `fail`, an expression, a block that took too long: no call, and handled all the same.
        let is_other = |step: &&StepHistory| {
            step.state == StepState::Failed && step.error.is_some() && !is_attempted(step)
        };
        let n_other = self.history.steps.iter().filter(is_other).count() as u64;
        if n_other > 0 && matches!(self.outcome, Some(Outcome::Succeeded { .. })) {
            counts.push(format!("{} handled", plural(n_other, "other failure")));
        }
        counts.extend(changes.iter().map(|(word, n)| format!("{n} {word}")));
        // Whether a person rules, cancels or looks away, what was sent may have happened.
        let in_doubt = |step: &&StepHistory| step.in_doubt.is_some();
        match self.history.steps.iter().filter(in_doubt).count() as u64 {
            0 if changes.is_empty() && n_ruled == 0 => counts.push("nothing changed".to_owned()),
            0 => {}
            n => counts.push(format!("{} may have been made", plural(n, "more change"))),
        }
        counts.join(", ")
    }

    /// One line about the whole run.
    pub(crate) fn verdict(&self, report: &Report, run: &str) -> String {
        let took = match (self.started_at, self.now) {
            (Some(start), Some(end)) => print_millis(millis_between(start, end)),
            _ => String::new(),
        };
        let flow = report.paint(Style::Bold, &self.flow);
        let counts = format!("in {took}: {}", self.counts());
        let run = report.paint(Style::Dim, &format!("(run {run})"));
        match &self.outcome {
            Some(Outcome::Succeeded { .. }) => {
                format!("{} {flow} succeeded {counts} {run}", report.paint(Style::Green, "✓"))
            }
            Some(Outcome::Failed { error }) => {
                let at = match error.step.to_string() {
                    at if at.is_empty() => String::new(),
                    at => format!(" at {at}"),
                };
                let (mark, message) = (report.paint(Style::Red, "✗"), &error.message);
                if self.told.contains(message) {
                    return format!("{mark} {flow} failed{at} {counts} {run}");
                }
                format!("{mark} {flow} failed{at}: {message} ({counts}) {run}")
            }
            Some(Outcome::Cancelled) => {
                format!("{} {flow} was cancelled {counts} {run}", report.paint(Style::Yellow, "■"))
            }
            None if !self.held.is_empty() => {
                let is_blocked =
                    |path: &&StepPath| self.step(path).is_some_and(|step| step.is_blocked);
                let named = |held: Vec<&StepPath>| {
                    held.into_iter().map(StepPath::to_string).collect::<Vec<_>>().join(", ")
                };
                let (missing, ruling) = self.held.keys().partition(is_blocked);
                let what = match (named(missing), named(ruling)) {
                    (missing, ruling) if missing.is_empty() => format!("a ruling on {ruling}"),
                    (missing, ruling) if ruling.is_empty() => {
                        format!("what is missing to {missing}")
                    }
                    (missing, ruling) => {
                        format!("a ruling on {ruling}, and for what is missing to {missing}")
                    }
                };
                let mark = report.paint(Style::Red, "?");
                format!("{mark} {flow} waits for {what} ({counts}) {run}")
            }
            None => {
                let mark = report.paint(Style::Cyan, "…");
                let asks: Vec<_> = self.asks.iter().map(StepPath::to_string).collect();
                match asks.as_slice() {
                    [] => format!("{mark} {flow} has not ended ({counts}) {run}"),
                    asks => format!("{mark} {flow} waits at {} ({counts}) {run}", asks.join(", ")),
                }
            }
        }
    }
}

impl Line {
    /// Whether the line says more than that a step was passed over.
    pub(crate) fn is_shown(&self, report: &Report) -> bool {
        self.mark != Mark::Skipped || report.is_verbose()
    }

    /// Whether it says that the run waits here.
    pub(crate) fn is_wait(&self) -> bool {
        matches!(self.mark, Mark::Waits | Mark::Held | Mark::Retry)
    }

    /// The line as text.
    pub(crate) fn text(&self, report: &Report) -> String {
        let (sign, style) = match self.mark {
            Mark::Done => ("✓", Style::Green),
            Mark::Failed => ("✗", Style::Red),
            Mark::Caught => ("!", Style::Yellow),
            Mark::Skipped => ("-", Style::Dim),
            Mark::Retry => ("↻", Style::Yellow),
            Mark::Waits => ("…", Style::Cyan),
            Mark::Held => ("?", Style::Red),
            Mark::Opened => ("▸", Style::Cyan),
        };
        let indent = "  ".repeat(self.depth);
        let mut text = format!("  {indent}{} {}", report.paint(style, sign), self.path);
        if let Some(kind) = self.kind {
            text.push_str(&format!(" {kind}"));
        }
        if !self.detail.is_empty() {
            text.push_str(&format!("  {}", self.detail.replace('\n', " ")));
        }
        if let Some(took) = self.took {
            text.push_str(&format!("  {}", report.paint(Style::Dim, &print_millis(took))));
        }
        text
    }
}

/// The line that a `log` step wrote, with the step.
pub(crate) fn logged(entry: &Entry) -> Option<(&StepPath, &str)> {
    match &entry.event {
        Event::Decided { path, decision: Decision::Logged { message, .. } } => {
            Some((path, message))
        }
        _ => None,
    }
}

fn parent(path: &StepPath) -> StepPath {
    let segments = path.segments();
    let kept = &segments[..segments.len().saturating_sub(1)];
    kept.iter().fold(StepPath::default(), |path, segment| path.with(segment.clone()))
}

#[cfg(test)]
mod tests;
