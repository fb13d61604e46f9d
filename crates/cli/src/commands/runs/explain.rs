//! `linchpin runs explain`

use clap::Args;
use linchpin_language::{Value, json};
use linchpin_server::Client;

use super::writes::Writes;
use crate::commands::Done;
use crate::copied::{flags, quoted, said_with};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::follow::what;
use crate::picker;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::plural;

/// The most effects that are printed.
const MOST_EFFECTS: usize = 10;

/// Tell where a run stopped and why, what it has sent, whether it is safe to go on, and how
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The run, or the beginning of its identity
    run: String,
}

impl Explain {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let explained = read(project, async |client| self.explain(project, client).await);
        let (explained, flow) = explained.await?;
        report.json(&explained.as_json());
        explained.show(report, &flow);
        Ok(ExitCode::Ok)
    }

    async fn explain(
        &self,
        project: &Project,
        client: &Client,
    ) -> Result<(Explained, String), Failure> {
        let run = super::whole(client, &self.run).await?;
        let shown = client.get(&format!("/v1/runs/{run}")).await?;
        let writes = Writes::of(client, &run).await?;
        let questions = match shown["state"] == "waiting" {
            true => picker::questions(client, &run).await?,
            false => Vec::new(),
        };
        let flow = shown["flow"].as_str().unwrap_or_default().to_owned();
        Ok((Explained::of(&shown, (&run, &flags(project)), writes, &questions), flow))
    }
}

/// How a run stands, in words, and what to do about it.
#[derive(Debug)]
struct Explained {
    run: String,
    state: String,
    step: Option<String>,
    why: Option<String>,
    writes: Writes,
    /// Whether what follows repeats nothing; none when nothing is to be done.
    is_safe: Option<bool>,
    because: &'static str,
    commands: Vec<String>,
}

impl Explained {
    fn of(shown: &Value, (run, flags): (&str, &str), writes: Writes, questions: &[Value]) -> Self {
        let state = shown["state"].as_str().unwrap_or_default().to_owned();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let waits = the_wait(shown, &writes);
        let (step, why) = match (text(&waits["step"]), text(&shown["error"])) {
            (Some(step), _) => (Some(step), waiting(waits)),
            (None, Some(error)) => match error.split_once(": ") {
                Some((step, why)) if !step.contains(' ') => {
                    (Some(step.to_owned()), Some(why.to_owned()))
                }
                _ => (None, Some(error)),
            },
            (None, None) if state == "cancelled" => (None, writes.cancelled()),
            (None, None) => open_step(shown),
        };
        let mut explained = Self {
            run: run.to_owned(),
            state,
            step,
            why,
            writes,
            is_safe: None,
            because: "",
            commands: Vec::new(),
        };
        explained.advise(shown, flags, questions);
        explained
    }

    fn advise(&mut self, shown: &Value, flags: &str, questions: &[Value]) {
        let run = &self.run;
        let step = self.step.clone().unwrap_or_default();
        let is_open = self.writes.is_open(&step);
        let step = quoted(&step);
        let (is_safe, because, commands) = match self.state.as_str() {
            "needs attention" if is_open => (
                Some(false),
                "what was sent may have happened: look into the other system first",
                vec![format!("resolve {run} {step}{flags}")],
            ),
            "needs attention" if self.writes.is_blocked(&self.step.clone().unwrap_or_default()) => {
                (
                    Some(true),
                    "it goes on with what is there by then: see to what is missing first",
                    vec![format!("resume {run}{flags}")],
                )
            }
            "needs attention" => (
                Some(true),
                "the step was held before it sent anything",
                vec![format!("resolve {run} {step}{flags}")],
            ),
            "waiting" => return self.advise_waiting(shown, flags, questions),
            "paused" | "interrupted" => (
                Some(true),
                "nothing that was acknowledged is repeated; a write that was cut off is read back \
                 first, or held where nothing can tell",
                vec![format!("resume {run}{flags}")],
            ),
            "failed" | "cancelled" => return self.advise_ended(shown, flags),
            "succeeded" => (None, "", Vec::new()),
            "queued" => (
                None,
                "it waits for its turn: the `concurrency` of its flow lets no more run at once",
                vec![format!("logs {run} --follow{flags}")],
            ),
            _ => (None, "it is under way", vec![format!("logs {run} --follow{flags}")]),
        };
        self.is_safe = is_safe;
        self.because = because;
        self.commands =
            commands.into_iter().map(|command| format!("linchpin runs {command}")).collect();
    }

    /// What a run waits for can be given; somebody has to drive it then.
    fn advise_waiting(&mut self, shown: &Value, flags: &str, questions: &[Value]) {
        let run = &self.run;
        let waits = the_wait(shown, &self.writes);
        let name = quoted(waits["of"].as_str().unwrap_or_default());
        let question = questions.iter().find(|question| question["step"] == waits["step"]);
        let mut commands = match (waits["kind"].as_str(), question) {
            (Some("signal"), _) => vec![format!("linchpin runs signal {run} {name}{flags}")],
            (_, Some(question)) => said_with(question, run, flags).into_iter().take(1).collect(),
            (_, None) => Vec::new(),
        };
        let is_driven = shown["is_active"] == true;
        if !is_driven && commands.is_empty() {
            commands.push(format!("linchpin runs resume {run}{flags}"));
        }
        self.is_safe = Some(true);
        self.because = match is_driven {
            true => "it goes on by itself once that comes",
            false => "nobody drives it: it goes on with a daemon, or with a command below",
        };
        self.commands = commands;
    }

    /// What can be done about a run that failed or was cancelled.
    fn advise_ended(&mut self, shown: &Value, flags: &str) {
        let run = &self.run;
        let can_retry = shown["can_retry"] == true;
        let (done, is_clear) = (self.writes.done > 0, self.writes.open().next().is_none());
        let size = |name: &str| shown[name].as_array().map(Vec::len);
        let (is_undone, lasts) = (size("undo_left") == Some(0), size("lasting") > Some(0));
        let can_undo = self.writes.has_undo && !is_undone;
        let (is_safe, because) = match (is_clear, can_retry, done) {
            (false, true, _) => (
                false,
                "a write may have happened: a new start could repeat it, a retry reads it back first \
                 or is held",
            ),
            (false, false, _) => {
                (false, "a write may have happened: look into the other system first")
            }
            (true, true, _) => (
                true,
                "a retry goes on from what failed, and repeats nothing that succeeded but for the \
                 steps of handlers (`catch`, `on_error`, `finally`), which run again",
            ),
            (true, false, false) => {
                (true, "the run has changed nothing, so its flow can be started again")
            }
            (true, false, true) if is_undone && !lasts && !self.writes.has_ruled => {
                (true, "what it had changed is taken back, so its flow can be started again")
            }
            (true, false, true) if can_undo => {
                (false, "what it has changed stands; take it back before starting anew")
            }
            (true, false, true) => {
                (false, "what cannot be taken back stands: look at it before starting anew")
            }
        };
        self.is_safe = Some(is_safe);
        self.because = because;
        let commands = [
            Some(format!("linchpin runs show {run}{flags}")),
            can_retry.then(|| format!("linchpin runs retry {run}{flags}")),
            can_undo.then(|| format!("linchpin runs undo {run}{flags}")),
        ];
        self.commands = commands.into_iter().flatten().collect();
    }

    fn as_json(&self) -> Value {
        let open = self.writes.open().map(|(step, at, request)| {
            json!({ "step": step.to_string(), "at": at.to_string(), "request": request })
        });
        let effects = self.writes.effects().map(|(step, request, changes)| {
            json!({ "step": step.to_string(), "request": request, "changes": changes })
        });
        json!({
            "run": self.run,
            "state": self.state,
            "step": self.step,
            "why": self.why,
            "writes_done": self.writes.done,
            "effects": effects.collect::<Vec<_>>(),
            "writes_unknown": open.collect::<Vec<_>>(),
            "is_safe": self.is_safe,
            "because": self.because,
            "commands": self.commands,
        })
    }

    fn show(&self, report: &Report, flow: &str) {
        let fact = |name: &str, text: &str| {
            if !text.is_empty() {
                let name = report.paint(Style::Dim, &format!("{name:<6}"));
                report.line(format!("  {name} {text}"));
            }
        };
        report.line(format!("{}: {}", report.paint(Style::Bold, flow), self.state));
        fact("where", self.step.as_deref().unwrap_or_default());
        fact("why", self.why.as_deref().unwrap_or_default());
        for line in self.writes.unclear() {
            fact("sent", &line);
        }
        if self.writes.done > 0 {
            fact("done", &format!("{} took effect", plural(self.writes.done, "write")));
        }
        for (step, request, changes) in self.writes.effects().take(MOST_EFFECTS) {
            fact("", &format!("{step}: {request}, {}", plural(changes, "change")));
        }
        let n_more = self.writes.effects().count().saturating_sub(MOST_EFFECTS);
        if n_more > 0 {
            fact("", &format!("and {n_more} more; --json has all"));
        }
        match self.is_safe {
            Some(true) => fact("safe", &format!("yes: {}", self.because)),
            Some(false) => fact("safe", &format!("no: {}", self.because)),
            None => fact("now", self.because),
        }
        for command in &self.commands {
            fact("do", command);
        }
    }
}

/// What a person has to look at first: a held step in doubt, then any held one, then the others.
fn the_wait<'a>(shown: &'a Value, writes: &Writes) -> &'a Value {
    let waits = shown["waits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let in_doubt = |wait: &&Value| writes.is_open(wait["step"].as_str().unwrap_or_default());
    let held = || waits.iter().filter(|wait| wait["kind"] == "ruling");
    held().find(in_doubt).or(held().next()).or(waits.first()).unwrap_or(&Value::Null)
}

/// What a step waits for, in words.
fn waiting(waits: &Value) -> Option<String> {
    let of = waits["of"].as_str()?;
    Some(match waits["kind"].as_str()? {
        "answer" => format!("it asks {of}"),
        "approval" => format!("it waits for the approval of {of}"),
        "signal" => format!("it waits for the signal {of}"),
        _ => of.to_owned(),
    })
}

/// The innermost step that is open, and what it waits for.
fn open_step(shown: &Value) -> (Option<String>, Option<String>) {
    let open = shown["open"].as_array().and_then(|open| open.last()).unwrap_or(&Value::Null);
    let why = Some(what(open)).filter(|why| !why.is_empty());
    (open["step"].as_str().map(str::to_owned), why)
}
