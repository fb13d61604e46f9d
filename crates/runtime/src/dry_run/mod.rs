//! The dry run: the same interpreter on another host. Reads and looks are made, writes are
//! simulated into an overlay, timers fall due at once, and people answer with unknown values.

mod counted;
mod overlay;
mod preview;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use linchpin_connector::{ActionError, Call, Effect, Look};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::command::{Command, ReadPage, RunAction, StartRun};
use linchpin_engine::event::{Accepted, Decision, Outcome, Succeeded, VERSION};
use linchpin_engine::plan::Program;
use linchpin_engine::run::{AfterFailure, Certainty, Waiting};
use linchpin_engine::{Entry, Event, Run, RunError, RunId};
use linchpin_language::{Map, Schema, Unknown, Value, contains_unknown, json, unknown, unknowns};

pub use self::preview::{Change, Count, Preview, Read};

use self::counted::Counted;
use self::overlay::{Bound, Simulations};
use crate::call::{Prepared, Unprepared, n_changes};
use crate::connections::Connections;
use crate::flows::{Flows, facts};
use crate::host::{Error, Start};

/// Plays a run through without any effect.
pub async fn dry_run(
    flows: &Flows,
    catalog: &Catalog,
    connections: &Connections,
    start: Start,
    now: Timestamp,
) -> Result<Preview, Error> {
    let loaded = flows
        .get(&start.flow)
        .ok_or_else(|| Error::UnknownFlow { name: start.flow.clone(), near: None })?;
    let given = Value::Object(start.inputs);
    let inputs = Schema::coerce_fields(&loaded.flow.inputs, given).map_err(|mismatches| {
        let problems = mismatches.into_iter().map(|mismatch| mismatch.message).collect();
        Error::Inputs { flow: start.flow.clone(), problems }
    })?;
    let reachable = flows.reachable(&start.flow);
    let actions = facts(reachable.values().map(|loaded| &loaded.flow), catalog);
    let texts = reachable.iter().map(|(name, loaded)| (name.clone(), loaded.text.clone()));
    let program = Program::new(&start.flow, &texts.collect(), actions.clone())
        .map_err(|mistakes| Error::Broken(start.flow.clone(), mistakes))?;
    let run = RunId::parse(&"0".repeat(26)).expect("26 digits are a run's identity");
    let accepted = Accepted {
        version: VERSION,
        run: run.clone(),
        flow: start.flow.clone(),
        texts: reachable.iter().map(|(name, own)| (name.clone(), own.hash.clone())).collect(),
        actions,
        inputs: Arc::new(inputs.clone()),
        key: None,
        trigger: start.trigger,
        user: start.user,
        aliases: start.aliases,
        dry_run: true,
    };
    let refused = |why: linchpin_engine::run::Mismatch| Error::Refused {
        run: run.clone(),
        why: why.to_string(),
    };
    let first = Entry { at: now, event: Event::Accepted(Arc::new(accepted)) };
    let state = Run::new(Arc::new(program), &first).map_err(refused)?;
    let preview = Preview::new(&start.flow, &loaded.hash, inputs);
    let mut host =
        DryHost { run: state, connections, now, overlay: Simulations::default(), preview };
    host.play().await.map_err(refused)?;
    Ok(host.preview)
}

struct DryHost<'a> {
    run: Run,
    connections: &'a Connections,
    /// The virtual clock: moves to whatever is waited for.
    now: Timestamp,
    overlay: Simulations,
    preview: Preview,
}

type Played = Result<(), linchpin_engine::run::Mismatch>;

impl DryHost<'_> {
    async fn play(&mut self) -> Played {
        self.record(Event::Begun)?;
        let mut open = VecDeque::new();
        loop {
            let turn = self.run.next()?;
            for entry in &turn.entries {
                self.preview.log(entry);
            }
            open.extend(turn.commands);
            let is_answered = self.answer_asks()? | self.send_signals()?;
            let next = if is_answered { first_call(&mut open) } else { self.first_of(&mut open) };
            match next {
                Some(command) => self.perform(command).await?,
                None if self.run.outcome().is_some() => break,
                None if !is_answered && !self.has_news() => break,
                None => {}
            }
        }
        self.preview.end(self.run.outcome(), &self.run);
        Ok(())
    }

    /// The next command: calls in their order, and when there is none the timer that is due first.
    /// Time passes only to what is waited for, so no deadline falls due after the last of it.
    fn first_of(&self, open: &mut VecDeque<Command>) -> Option<Command> {
        if let Some(call) = first_call(open) {
            return Some(call);
        }
        let due = |command: &Command| match command {
            Command::Timer { op, path, at } if self.run.wants(path, *op) => {
                Some((*at, self.is_deadline(path, *at)))
            }
            _ => None,
        };
        let waits = open.iter().filter_map(due).filter(|(_, is_deadline)| !is_deadline).min()?;
        let first = open.iter().enumerate().filter_map(|(place, command)| {
            due(command).filter(|due| *due <= waits).map(|due| (due, place))
        });
        let (_, place) = first.min()?;
        open.remove(place)
    }

    /// Whether the interpreter goes on without a command, as after an answer.
    fn has_news(&mut self) -> bool {
        self.run.outcome().is_none() && self.run.open_steps().is_empty()
    }

    fn record(&mut self, event: Event) -> Played {
        self.run.apply(&Entry { at: self.now, event })
    }

    async fn perform(&mut self, command: Command) -> Played {
        match command {
            Command::Run(run) => self.call(*run).await,
            Command::ReadPage(page) => self.page(*page).await,
            Command::Start(start) => self.detached(*start),
            Command::Timer { op, path, at } => {
                if !self.run.wants(&path, op) {
                    return Ok(());
                }
                match self.is_deadline(&path, at) {
                    true => self.preview.timed_out(&path),
                    false => self.preview.waited(&path, at),
                }
                self.now = self.now.max(at);
                self.record(Event::Woke { path })
            }
            Command::Cancel { .. } | Command::Finish => Ok(()),
        }
    }

    /// A run of its own is listed, not started.
    fn detached(&mut self, start: StartRun) -> Played {
        self.preview.detached(&start);
        let label = format!("run of {}", start.flow);
        let run = unknown(&format!("run of {}", start.path), "string", &label);
        self.record(Event::Succeeded(Box::new(Succeeded {
            path: start.path,
            op: start.op,
            attempt: 1,
            input: None,
            wrote: None,
            output: Some(Arc::new(json!({ "run": run }))),
            effect: Effect::None,
            changes: 0,
        })))
    }

    /// Whether a timer is the end of what its step may take, not what the step waits for.
    fn is_deadline(&self, path: &linchpin_engine::StepPath, at: Timestamp) -> bool {
        let mut open = self.run.open_steps().into_iter();
        let step = open.find(|step| step.path == *path);
        !step.is_some_and(|step| {
            matches!(step.waiting, Some(Waiting::Until(until) | Waiting::Retry(until)) if until == at)
        })
    }

    /// Signals come at once, with what only the real run can know.
    fn send_signals(&mut self) -> Result<bool, linchpin_engine::run::Mismatch> {
        let mut names = Vec::new();
        for step in self.run.open_steps() {
            if let Some(Waiting::Signal { name }) = step.waiting {
                self.preview.listened(&step.path, &name);
                names.push((step.path, name));
            }
        }
        for (path, name) in &names {
            let label = format!("what comes with the signal {name}");
            let payload = Arc::new(unknown(&format!("signal of {path}"), "any", &label));
            let by = "dry run".to_owned();
            self.record(Event::Signalled { name: name.clone(), payload, by })?;
        }
        Ok(!names.is_empty())
    }

    /// People answer with values that only the real run can know, and approve.
    fn answer_asks(&mut self) -> Result<bool, linchpin_engine::run::Mismatch> {
        let answers: Vec<_> = self
            .run
            .asks()
            .iter()
            .map(|open| {
                let fields = open.form.iter().map(|(name, field)| {
                    let what = format!("{name} of {}", open.path);
                    (
                        name.clone(),
                        unknown(
                            &what,
                            &field.schema.type_name(),
                            &format!("{name} that is answered at {}", open.path),
                        ),
                    )
                });
                let fields = Value::Object(fields.collect::<Map<String, Value>>());
                (open.path.clone(), open.of.to_owned(), open.is_approval, fields)
            })
            .collect();
        let is_answered = !answers.is_empty();
        for (path, of, is_approval, values) in answers {
            self.preview.asked(&path, &of, is_approval);
            self.record(match is_approval {
                true => Event::Approval { path, approved: true, by: of, note: None, form: values },
                false => Event::Answered { path, values, by: of },
            })?;
        }
        Ok(is_answered)
    }

    async fn prepare(
        &self,
        alias: &str,
        action: &str,
        input: &Value,
        path: &linchpin_engine::StepPath,
    ) -> Result<Prepared, Unprepared> {
        let about = (format!("dry/{path}"), self.now, None);
        Prepared::new(self.connections, alias, action, input, about).await
    }

    /// What is missing for a step holds the run there, and nobody can say what would follow.
    fn held(&mut self, path: &linchpin_engine::StepPath, reason: String) -> Played {
        self.record(Event::Held { path: path.clone(), reason, limit: None, blocked: true })
    }

    async fn call(&mut self, run: RunAction) -> Played {
        let prepared = match self.prepare(&run.alias, &run.action, &run.input, &run.path).await {
            Ok(prepared) => prepared,
            Err(Unprepared::Failed(error)) => return self.failed(&run, &error),
            Err(Unprepared::Hold(reason)) => return self.held(&run.path, reason),
        };
        if prepared.is_write() {
            self.simulate(run, prepared).await
        } else {
            self.read(run, prepared).await
        }
    }

    async fn read(&mut self, run: RunAction, prepared: Prepared) -> Played {
        let overlay = self.overlay.bound(prepared.alias(), run.may);
        let spec = prepared.action.spec();
        let call = prepared.call(Some(&overlay));
        let transport = Counted::new(call.transport);
        let read = prepared.action.read(&Call { transport: &transport, ..call }).await;
        let requests = transport.requests();
        self.preview.requests += requests;
        let may_differ = overlay.may_differ(spec);
        let output = match read {
            Ok(output) => output,
            // What is missing now may be there after the changes.
            Err(_) if may_differ || contains_unknown(&run.input) => {
                spec.outputs.unknown(&run.path.to_string())
            }
            Err(error) => return self.failed(&run, &error),
        };
        self.preview.read(&run, &output, (requests, may_differ));
        self.succeed(&run, Arc::new(output), Effect::Read, 0)
    }

    async fn simulate(&mut self, run: RunAction, prepared: Prepared) -> Played {
        let overlay = self.overlay.bound(prepared.alias(), run.may);
        let call = prepared.call(Some(&overlay));
        let transport = Counted::new(call.transport);
        let looked = prepared.action.look(&Call { transport: &transport, ..call }).await;
        self.preview.requests += transport.requests();
        let look = match looked {
            Ok(look) => look,
            Err(error) => return self.failed(&run, &error),
        };
        if look.chunks == 0 {
            let unchanged = prepared.action.finish(&call, &look, &[]).await;
            return match unchanged {
                Ok(output) => {
                    self.preview.unchanged(&run, &prepared, &output);
                    self.succeed(&run, output, Effect::Read, 0)
                }
                Err(error) => self.failed(&run, &error),
            };
        }
        let simulated = match prepared.action.simulate(&call, &look) {
            Ok(simulated) => simulated,
            Err(error) => return self.failed(&run, &error),
        };
        if let Some(reason) = self.run.over_limit(&run.path, look.effect, n_changes(&look)) {
            self.preview.held(&run.path, &reason);
        }
        let label = prepared.alias().to_owned();
        // What it finds to do may have been done by a step that may run.
        let run = RunAction { may: run.may || overlay.is_uncertain(), ..run };
        self.preview.change(&run, &prepared, &look, &simulated);
        self.overlay.add(&label, simulated.rows, run.may);
        self.succeed(&run, Arc::new(simulated.output), look.effect, n_changes(&look))
    }

    fn succeed(
        &mut self,
        run: &RunAction,
        output: Arc<Value>,
        effect: Effect,
        changes: u64,
    ) -> Played {
        self.record(Event::Succeeded(Box::new(Succeeded {
            path: run.path.clone(),
            op: run.op,
            attempt: run.attempt,
            input: Some(Arc::clone(&run.input)),
            wrote: None,
            output: Some(output),
            effect,
            changes,
        })))
    }

    fn failed(&mut self, run: &RunAction, error: &ActionError) -> Played {
        let place = (&run.path, run.op);
        let certain = (Certainty::NotDone, &self.connections.retry(&run.alias));
        let after = self.run.after_failure(place, error, None, self.now, certain);
        self.go_on_after(after)
    }

    fn go_on_after(&mut self, after: AfterFailure) -> Played {
        let event = match after {
            AfterFailure::Journal(event) | AfterFailure::Hold(event) => event,
            AfterFailure::Verify => return Ok(()),
        };
        if let Event::Failed(failed) = &event
            && failed.next.is_none()
        {
            self.preview.failed(&failed.path, &failed.error.message);
        }
        self.record(event)
    }

    async fn page(&mut self, page: ReadPage) -> Played {
        let path = page.path.clone();
        let mut may_differ = false;
        let prepared = self.prepare(&page.alias, &page.action, &page.input, &path).await;
        let read = match prepared {
            Ok(prepared) => {
                let overlay: Bound = self.overlay.bound(prepared.alias(), page.may);
                let call = prepared.call(Some(&overlay));
                let transport = Counted::new(call.transport);
                let call = Call { transport: &transport, ..call };
                let read = prepared.action.page(&call, page.cursor.as_ref()).await;
                self.preview.requests += transport.requests();
                let spec = prepared.action.spec();
                may_differ = overlay.may_differ(spec);
                read
            }
            Err(Unprepared::Failed(error)) => Err(error),
            Err(Unprepared::Hold(reason)) => return self.held(&path, reason),
        };
        match read {
            Ok(answer) => {
                self.preview.page(&page, may_differ);
                // A row that stands for all that nobody can read yet: how many there are is unknown.
                let is_own = |unknown: &Unknown| unknown.is_created() || unknown.is_computed();
                let is_symbol = |row: &Value| !unknowns(row).iter().all(is_own);
                let is_symbolic = answer.rows.iter().any(is_symbol);
                let rows = answer.rows.into_iter().map(Arc::new).collect();
                let (keys, cursor) = (answer.keys, answer.cursor);
                self.record(Event::Page { path: path.clone(), rows, keys, cursor })?;
                if is_symbolic {
                    self.record(Event::Decided { path, decision: Decision::May })?;
                }
                Ok(())
            }
            Err(error) => {
                let certain = (Certainty::NotDone, &self.connections.retry(&page.alias));
                let place = (&path, page.op);
                let after = self.run.after_failure(place, &error, None, self.now, certain);
                self.go_on_after(after)
            }
        }
    }
}

/// What a preview shows of a look's changes.
fn changes_of(look: &Look) -> Value {
    json!(look.changes)
}

/// The error of a run that did not succeed.
fn error_of(outcome: Option<&Outcome>) -> Option<RunError> {
    match outcome {
        Some(Outcome::Failed { error }) => Some(error.clone()),
        Some(Outcome::Succeeded { .. } | Outcome::Cancelled) | None => None,
    }
}

/// The first command that takes no time.
fn first_call(open: &mut VecDeque<Command>) -> Option<Command> {
    let at = open.iter().position(|command| !matches!(command, Command::Timer { .. }))?;
    open.remove(at)
}
