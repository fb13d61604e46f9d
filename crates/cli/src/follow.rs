//! A run watched to its end, or to the point where it waits for a person.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use linchpin_engine::Entry;
use linchpin_engine::event::Outcome;
use linchpin_language::{Value, json};
use linchpin_server::{Client, ClientError};

use crate::commands::Done;
use crate::copied::{flags, quoted, said_with};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::picker;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{GRACE, Purpose, Session};
use crate::steps::{Line, Steps, brief, print_instant};

/// How often the open steps are looked at.
const TICK: Duration = Duration::from_millis(120);

/// What a run in the queue is shown as.
const QUEUED: &str = "  … waits for its turn: as many runs of the flow are active as it allows";

/// Why watching stopped.
enum Ending {
    /// The run has ended.
    Ended,
    /// It waits for a person, and nothing else is under way.
    Waits,
    /// Ctrl-C.
    Interrupted,
    /// Who drove it is gone; it can be gone on with here.
    Orphaned,
}

/// Watches a run, says how it went, and lets the session go.
pub(crate) async fn to_end(
    report: &Report,
    project: &Project,
    session: Session,
    run: &str,
) -> Done {
    from(report, project, session, (run, Steps::default())).await
}

/// The same from where the steps that are known already end.
pub(crate) async fn from(
    report: &Report,
    project: &Project,
    mut session: Session,
    (run, mut steps): (&str, Steps),
) -> Done {
    let ending = loop {
        match watch(report, &session.client, run, &mut steps).await {
            Ok(Ending::Orphaned) => {
                session.close().await;
                session = adopt(project, run).await?;
            }
            other => break other,
        }
    };
    let ending = match ending {
        Ok(ending) => ending,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    if matches!(ending, Ending::Interrupted) && !session.client.is_remote() {
        let rested = come_to_rest(report, &session, run, &mut steps).await;
        if let Err(failure) = rested {
            session.close().await;
            return Err(failure);
        }
    }
    loop {
        let told = tell(report, project, &session.client, (run, &mut steps, &ending)).await;
        session.close().await;
        match told {
            // Nothing was printed yet: another process knows what there is to tell.
            Err(failure) if failure.is_gone => session = adopt(project, run).await?,
            told => return told,
        }
    }
}

/// What was being sent when a person pressed Ctrl-C is answered, unless they press it again.
async fn come_to_rest(
    report: &Report,
    session: &Session,
    run: &str,
    steps: &mut Steps,
) -> Result<(), Failure> {
    let open = open_steps(&session.client, run).await?;
    if is_in_flight(&open) {
        report.note("ends when what is being sent is answered; Ctrl-C again ends at once");
    }
    tokio::select! {
        () = session.rest() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    let path = format!("/v1/runs/{run}/journal?from={}", steps.position);
    let mut lines = session.client.lines(&path).await?;
    while let Some(line) = lines.next().await? {
        for line in steps.add(&read(line)?).iter().filter(|line| line.is_shown(report)) {
            report.line(line.text(report));
        }
    }
    Ok(())
}

/// Goes on with a run whose process is gone or just going. Whoever has the store by then does it.
pub(crate) async fn adopt(project: &Project, run: &str) -> Result<Session, Failure> {
    let path = format!("/v1/runs/{run}/resume");
    anew(project, run, async |client| client.post(&path, &json!({})).await.map(drop)).await
}

/// Says something of a run to whoever has the store, again until it is taken: the process that
/// had it is gone or just going.
pub(crate) async fn anew(
    project: &Project,
    run: &str,
    say: impl AsyncFn(&Client) -> Result<(), ClientError>,
) -> Result<Session, Failure> {
    let deadline = tokio::time::Instant::now() + GRACE + GRACE;
    loop {
        let session = Session::open(project, Purpose::lasting()).await;
        let failure = match session {
            Ok(session) => match say(&session.client).await {
                // It may have ended between the two, which the journal will say.
                Ok(()) | Err(ClientError::Refused { status: 409, .. }) => return Ok(session),
                Err(error) => {
                    session.close().await;
                    error.into()
                }
            },
            Err(failure) => failure,
        };
        if tokio::time::Instant::now() > deadline {
            let command = format!("linchpin runs resume {run}{}", flags(project));
            return Err(failure.help(format!(
                "the run is kept: it goes on when a daemon starts, or with `{command}`"
            )));
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn watch(
    report: &Report,
    client: &Client,
    run: &str,
    steps: &mut Steps,
) -> Result<Ending, Failure> {
    let from = steps.position;
    let journal = format!("/v1/runs/{run}/journal?from={from}&follow=true");
    let mut lines = match client.lines(&journal).await {
        // The process that drove the run ended with it, and closed the door as we came.
        Err(error) if error.is_gone() => return Ok(Ending::Orphaned),
        other => other?,
    };
    let mut screen = Screen::new(report);
    let mut tick = tokio::time::interval(TICK);
    let mut declined = false;
    let mut is_told = false;
    // One for the whole time: a Ctrl-C that comes between two looks is not lost.
    let interrupt = tokio::signal::ctrl_c();
    tokio::pin!(interrupt);
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Ok(Some(line)) => {
                    screen.add(report, steps, &read(line)?);
                    if steps.outcome.is_some() && is_last(client, run, steps).await {
                        return Ok(Ending::Ended);
                    }
                }
                Ok(None) | Err(ClientError::HungUp(_)) => {
                    return Ok(Ending::Orphaned);
                }
                Err(error) => return Err(error.into()),
            },
            _ = tick.tick() => {
                if steps.position == 1 && !is_told && is_queued(client, run).await {
                    is_told = true;
                    screen.line(report, QUEUED);
                }
                let is_waiting = !steps.asks.is_empty() || !steps.held.is_empty();
                if !is_waiting && !report.is_live() {
                    continue;
                }
                // The run itself says what it waits for: the journal read so far may be behind.
                let (open, entries) = match standing(client, run).await {
                    Err(error) if error.is_gone() => return Ok(Ending::Orphaned),
                    other => other?,
                };
                let is_read = entries <= steps.position;
                let asks = is_waiting_for(&["answer", "approval"], &open);
                let others = is_waiting_for(&["signal", "ruling"], &open);
                if asks && report.can_ask() && !declined {
                    screen.clear();
                    declined = !picker::ask(report, client, run).await?;
                } else if (asks || others) && is_read && !is_in_flight(&open) {
                    return Ok(Ending::Waits);
                } else {
                    screen.show(&open);
                }
            }
            _ = &mut interrupt => return Ok(Ending::Interrupted),
        }
    }
}

/// Whether the journal has come to its end with an outcome: a run that was tried again has more.
async fn is_last(client: &Client, run: &str, steps: &Steps) -> bool {
    // Whoever has gone has nothing more to say.
    standing(client, run).await.map_or(true, |(_, entries)| entries <= steps.position)
}

fn read(line: Value) -> Result<Entry, Failure> {
    serde_json::from_value(line)
        .map_err(|error| Failure::because("the journal is of another version", &error))
}

async fn open_steps(client: &Client, run: &str) -> Result<Vec<Value>, ClientError> {
    Ok(standing(client, run).await?.0)
}

/// The open steps, and how many entries of the journal say so.
async fn standing(client: &Client, run: &str) -> Result<(Vec<Value>, u64), ClientError> {
    let shown = client.get(&format!("/v1/runs/{run}")).await?;
    let open = shown["open"].as_array().cloned().unwrap_or_default();
    Ok((open, shown["entries"].as_u64().unwrap_or_default()))
}

async fn is_queued(client: &Client, run: &str) -> bool {
    let shown = client.get(&format!("/v1/runs/{run}")).await;
    shown.is_ok_and(|shown| shown["state"] == "queued")
}

/// Whether a step waits for somebody in one of these ways.
fn is_waiting_for(kinds: &[&str], open: &[Value]) -> bool {
    open.iter().any(|step| kinds.iter().any(|kind| step["waiting"]["kind"] == *kind))
}

/// Whether a step is under way that waits for nobody.
fn is_in_flight(open: &[Value]) -> bool {
    let path = |step: &Value| step["step"].as_str().unwrap_or_default().to_owned();
    open.iter().any(|step| {
        let own = path(step);
        let is_block = open.iter().map(path).any(|other| {
            other.strip_prefix(&own).is_some_and(|rest| rest.starts_with(['.', '/', '[']))
        });
        step["state"] == "running" && step["waiting"].is_null() && !is_block
    })
}

/// The steps under way, redrawn below the lines on a terminal.
struct Screen {
    progress: Option<MultiProgress>,
    bars: BTreeMap<String, ProgressBar>,
}

impl Screen {
    /// More rows than this only flicker.
    const ROWS: usize = 8;

    fn new(report: &Report) -> Self {
        let progress = report.is_live().then(MultiProgress::new);
        Self { progress, bars: BTreeMap::new() }
    }

    fn add(&self, report: &Report, steps: &mut Steps, entry: &Entry) {
        let lines = steps.add(entry);
        // What the flow has said is not kept back while it waits.
        if lines.iter().any(Line::is_wait) {
            for message in steps.unsaid() {
                self.line(report, &message);
            }
        }
        for line in lines.iter().filter(|line| line.is_shown(report)) {
            self.line(report, &line.text(report));
        }
    }

    fn line(&self, report: &Report, text: &str) {
        match &self.progress {
            // A terminal that cannot be written to shows nothing either way.
            Some(progress) => drop(progress.println(report.harmless(text))),
            None => report.line(text),
        }
    }

    fn show(&mut self, open: &[Value]) {
        let Some(progress) = &self.progress else { return };
        let mut rows: BTreeMap<String, String> = BTreeMap::new();
        for step in open.iter().rev().take(Self::ROWS) {
            let path = step["step"].as_str().unwrap_or_default();
            rows.insert(path.to_owned(), format!("{path}  {}", what(step)));
        }
        self.bars.retain(|path, bar| {
            let stays = rows.contains_key(path);
            if !stays {
                bar.finish_and_clear();
            }
            stays
        });
        for (path, text) in rows {
            let bar = self.bars.entry(path).or_insert_with(|| {
                let bar = progress.add(ProgressBar::new_spinner());
                bar.set_style(style());
                bar.enable_steady_tick(TICK);
                bar
            });
            bar.set_message(text);
        }
    }

    fn clear(&mut self) {
        for bar in std::mem::take(&mut self.bars).into_values() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner:.cyan} {msg} {elapsed:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Whether a step goes on by itself, at an instant.
fn is_due(step: &Value) -> bool {
    matches!(step["waiting"]["kind"].as_str(), Some("until" | "retry"))
}

/// What an open step does, in words.
pub(crate) fn what(step: &Value) -> String {
    let waiting = &step["waiting"];
    let word = |name: &str| waiting[name].as_str().unwrap_or_default().to_owned();
    let instant = || word("at").parse().map_or_else(|_| word("at"), print_instant);
    match waiting["kind"].as_str() {
        Some("until") => format!("waits until {}", instant()),
        Some("retry") => format!("tries again at {}", instant()),
        Some("answer") => format!("waits for an answer of {}", word("of")),
        Some("approval") => format!("waits for approval by {}", word("of")),
        Some("signal") => format!("waits for the signal {}", word("of")),
        Some("ruling") => format!("needs attention: {}", word("reason")),
        _ => String::new(),
    }
}

type Watched<'a> = (&'a str, &'a mut Steps, &'a Ending);

async fn tell(report: &Report, project: &Project, client: &Client, watched: Watched<'_>) -> Done {
    let (run, steps, ending) = watched;
    let code = match (ending, &steps.outcome) {
        (Ending::Ended, Some(Outcome::Succeeded { .. })) => ExitCode::Ok,
        (Ending::Ended, _) => ExitCode::Failed,
        (Ending::Waits, _) => ExitCode::Waits,
        (Ending::Interrupted | Ending::Orphaned, _) => ExitCode::Interrupted,
    };
    if report.is_json() {
        report.json(&as_json(client, run, steps, code).await?);
        return Ok(code);
    }
    let waits = match ending {
        Ending::Waits => Some(Waits::of(client, run).await?),
        Ending::Ended | Ending::Interrupted | Ending::Orphaned => None,
    };
    for message in steps.unsaid() {
        report.line(message);
    }
    if let Some(Outcome::Succeeded { outputs }) = &steps.outcome {
        show_outputs(report, outputs);
    }
    if let Some(waits) = &waits {
        waits.show(report, project, run);
        let due = waits.open.iter().find(|step| is_due(step)).filter(|_| !client.is_remote());
        if let Some(step) = due {
            let path = step["step"].as_str().unwrap_or_default();
            let command = format!("linchpin runs resume {run}{}", flags(project));
            let what = what(step);
            report.note(format!("{path} {what}: `{command}` or a daemon goes on with it then"));
        }
    }
    match ending {
        Ending::Interrupted => {
            let command = format!("linchpin runs resume {run}{}", flags(project));
            let kept = if client.is_remote() {
                format!("the run goes on in the daemon; `{command}` watches it again")
            } else {
                format!("the run is kept; `{command}` goes on with it")
            };
            report.note(kept);
        }
        Ending::Ended | Ending::Waits | Ending::Orphaned => {}
    }
    report.line(steps.verdict(report, run));
    Ok(code)
}

async fn as_json(
    client: &Client,
    run: &str,
    steps: &Steps,
    code: ExitCode,
) -> Result<Value, Failure> {
    let mut shown = client.get(&format!("/v1/runs/{run}")).await?;
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("log".to_owned(), steps.log().collect());
        shown.insert("exit_code".to_owned(), code.number().into());
        if code == ExitCode::Waits {
            shown.insert("asks".to_owned(), picker::questions(client, run).await?.into());
        }
    }
    Ok(shown)
}

/// The outputs, a line each.
pub(crate) fn show_outputs(report: &Report, outputs: &Value) {
    for (name, value) in outputs.as_object().into_iter().flatten() {
        if !value.is_null() {
            report.line(format!(
                "  {} {}",
                report.paint(Style::Dim, &format!("{name}:")),
                brief(value)
            ));
        }
    }
}

/// What a run waits for that a person can give.
pub(crate) struct Waits {
    questions: Vec<Value>,
    open: Vec<Value>,
}

impl Waits {
    pub(crate) async fn of(client: &Client, run: &str) -> Result<Self, Failure> {
        let questions = picker::questions(client, run).await?;
        Ok(Self { questions, open: open_steps(client, run).await? })
    }

    /// What has to be done, as commands to copy.
    pub(crate) fn show(&self, report: &Report, project: &Project, run: &str) {
        let flags = flags(project);
        for question in &self.questions {
            picker::show_choices(report, question);
            let [command, other] = said_with(question, run, &flags);
            if question["is_approval"] == true {
                report.line(format!("approve with: {command}"));
                report.line(format!("or refuse it: {other} --note WHY"));
            } else {
                report.line(format!("answer with: {command}"));
            }
        }
        for step in &self.open {
            if step["waiting"]["kind"] == "signal" {
                let name = quoted(step["waiting"]["of"].as_str().unwrap_or_default());
                let command = format!("linchpin runs signal {run} {name}{flags}");
                report.line(format!("send it with: {command} --payload JSON"));
            }
            if step["waiting"]["blocked"] == true {
                let command = format!("linchpin runs resume {run}{flags}");
                report.line(format!("once that is there, go on with: {command}"));
            } else if step["waiting"]["kind"] == "ruling" {
                let path = quoted(step["step"].as_str().unwrap_or_default());
                let command = format!("linchpin runs resolve {run} {path}{flags}");
                report.line(format!("look at it with: {command}"));
                report.line(format!("decide with: {command} --done OUTPUT | --not-done | --fail"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_in_flight_only_through_what_is_in_it() {
        let step =
            |path: &str, state: &str| json!({ "step": path, "state": state, "waiting": null });
        assert!(!is_in_flight(&[step("a", "running"), step("a/then.b", "waiting")]));
        assert!(is_in_flight(&[step("a", "running"), step("ab", "waiting")]));
        assert!(is_in_flight(&[step("e", "running"), step("e[1].x", "running")]));
        assert!(!is_in_flight(&[]));
    }
}
