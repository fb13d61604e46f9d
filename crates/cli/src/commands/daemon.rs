//! `linchpin daemon`: goes on with runs, starts what falls due, serves the socket.

mod flows;
mod happening;
mod hooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use linchpin_engine::flow::{RecordTrigger, Trigger};
use linchpin_engine::store::{Tally, Upkeep};
use linchpin_engine::{Entry, RunId};
use linchpin_language::{Value, json};
use linchpin_runtime::host::{Error, Host};
use linchpin_runtime::retention::{Retention, prune, unknown_flows};
use linchpin_runtime::scheduler::Scheduler;
use linchpin_runtime::triggers::Tell;
use linchpin_runtime::triggers::flow::FlowEnds;
use linchpin_runtime::triggers::record::Records;
use linchpin_runtime::upkeep::{Told, condense};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinError;

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;
use crate::session::{Session, unusable};
use crate::steps::{plural, print_instant};

use self::flows::Folder;
use self::happening::Happening;
use self::hooks::Hooks;

/// Go on with runs, start what falls due, and serve the other commands
#[derive(Debug, Args)]
pub(crate) struct Daemon {}

impl Daemon {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        if let Some(other) = project.left_store() {
            report.note(format!(
                "a new store begins in {}; the one in {} is not gone on with",
                shown(&project.store().dir).display(),
                shown(&other).display()
            ));
        }
        // Listened for before anything is started, so that no signal is lost.
        let signals = Signals::new()?;
        let session = Session::hold(&project).await?;
        let Some(webhooks) = session.webhooks() else { return Err(taken_meanwhile()) };
        let mut hooks = Hooks::new(Arc::clone(webhooks), project.settings.webhooks);
        let mut folder = Folder::new(project);
        let served = serve(report, &session, (&mut folder, &mut hooks), signals).await;
        // Until the runs are at rest, deliveries are told to come again.
        let n_left = session.close().await;
        hooks.end().await;
        let word = served?;
        let left = match n_left {
            0 => "every run is at rest".to_owned(),
            n => format!(
                "{} cut off while writing; its outcome is looked up at the next start",
                plural(n as u64, "run")
            ),
        };
        report.line(format!("stopped by {word}: {left}"));
        Ok(ExitCode::Ok)
    }
}

fn taken_meanwhile() -> Failure {
    Failure::new("the store was taken by another process meanwhile")
}

async fn serve(
    report: &Report,
    session: &Session,
    (folder, hooks): (&mut Folder, &mut Hooks),
    mut signals: Signals,
) -> Result<&'static str, Failure> {
    let Some(host) = session.host() else { return Err(taken_meanwhile()) };
    let failed = |error: &dyn std::error::Error| {
        Failure::because("the runs of this store cannot be gone on with", error)
    };
    let told = tokio::spawn(tell(*report, host.clone(), host.watch()));
    let (recovered, lost) = host.recover().await.map_err(|error| failed(&error))?;
    for (run, error) in &lost {
        report.note(format!("run {run} cannot go on: {}", crate::failure::sentence(error)));
    }
    folder.open(host, report).await;
    tell_broken(report, host).await;
    let own = *report;
    let say: Tell =
        Arc::new(move |what| own.note(format!("{} {what}", print_instant(Timestamp::now()))));
    let scheduler = Scheduler::open(host.clone(), Arc::clone(&say)).await;
    let scheduler = scheduler.map_err(|error| failed(&error))?;
    ready(report, session, host, &recovered, (scheduler.next_due(), hooks)).await?;
    let (stop, stopped) = watch::channel(false);
    let mut firing = tokio::spawn(scheduler.run(stopped.clone()));
    let limits = folder.project().settings.retention.clone();
    let keeping = tokio::spawn(keep_to_limits(*report, host.clone(), limits));
    let store = session.store().cloned();
    let condensing = tokio::spawn(keep_small(*report, host.clone(), store));
    let mut following = tokio::spawn(FlowEnds::new(host.clone()).run(stopped.clone()));
    let mut watching = tokio::spawn(Records::new(host.clone(), say).run(stopped));
    let word = loop {
        tokio::select! {
            word = signals.next() => match word {
                Some(word) => break word,
                None => {
                    let has_changed = folder.look(host, report, true).await;
                    hooks.follow(report, has_changed).await;
                }
            },
            () = Folder::interval(host) => {
                still_works(session)?;
                let has_changed = folder.look(host, report, false).await;
                hooks.follow(report, has_changed).await;
            }
            ended = &mut firing => return Err(stopped_early("the scheduler", ended)),
            ended = &mut following => return Err(stopped_early("what waits for flows", ended)),
            ended = &mut watching => return Err(stopped_early("what watches records", ended)),
        }
    };
    tracing::debug!("received {word}");
    stop.send_replace(true);
    // They start nothing any more; one that is starting a run finishes that.
    firing.await.ok();
    following.await.ok();
    watching.await.ok();
    told.abort();
    keeping.abort();
    condensing.abort();
    still_works(session).map(|()| word)
}

/// Says that secrets cannot be opened, before a run at night finds it.
async fn tell_broken(report: &Report, host: &Host) {
    let Ok(vault) = host.connections().vault().status().await else { return };
    if !vault.broken.is_empty() {
        let n = plural(vault.broken.len() as u64, "secret");
        report.note(format!("{n} of the vault cannot be opened: `linchpin vault status` says why"));
    }
}

/// A daemon whose store takes nothing more is of no use: whoever looks after it starts it again.
fn still_works(session: &Session) -> Result<(), Failure> {
    session.store().map_or(Ok(()), |store| store.works().map_err(|error| unusable(&error)))
}

/// Says that the daemon is there, and what it will do.
async fn ready(
    report: &Report,
    session: &Session,
    host: &Host,
    recovered: &[RunId],
    (next, hooks): (BTreeMap<String, Timestamp>, &mut Hooks),
) -> Result<(), Failure> {
    let socket = session.socket().map(|path| path.display().to_string()).unwrap_or_default();
    report.line(format!(
        "linchpin {} (process {}) serves {socket}",
        env!("CARGO_PKG_VERSION"),
        std::process::id()
    ));
    let n_flows = host.flows().iter().count() as u64;
    report.line(format!(
        "{}, {} gone on with",
        plural(n_flows, "flow"),
        plural(recovered.len() as u64, "run")
    ));
    for (flow, at) in &next {
        report.line(format!("  {flow} falls due at {}", print_instant(*at)));
    }
    for (flow, stream, every) in record_triggers(host) {
        report.line(format!("  {flow} looks every {every} for changes ({stream})"));
    }
    hooks.settle(report).await?;
    let next: serde_json::Map<String, Value> =
        next.into_iter().map(|(flow, at)| (flow, at.to_string().into())).collect();
    report.event(&json!({
        "state": "ready", "socket": socket, "pid": std::process::id(), "flows": n_flows,
        "recovered": recovered, "next_due": next, "webhooks": hooks.shown().await,
    }));
    Ok(())
}

/// What watches records: flow, stream, and how often it looks.
fn record_triggers(host: &Host) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for loaded in host.flows().iter().filter(|loaded| loaded.flow.enabled) {
        for trigger in &loaded.flow.triggers {
            if let Trigger::Record(RecordTrigger { call, every, .. }) = &trigger.value {
                let stream = format!("{}.{}", call.alias.value, call.action.value);
                let every = linchpin_language::print_duration(*every);
                all.push((loaded.flow.name.clone(), stream, every));
            }
        }
    }
    all
}

/// Removes, now and every hour, the finished runs that the settings do not keep.
async fn keep_to_limits(report: Report, host: Host, limits: Retention) {
    if limits.keeps_all() {
        return;
    }
    for flow in unknown_flows(&limits, host.flows().iter().map(|loaded| &*loaded.flow.name)) {
        report.note(format!("retention in linchpin.yaml names {flow}, and there is no such flow"));
    }
    loop {
        let now = host.clock().now();
        let mut told = prune(Arc::clone(host.store()), limits.clone(), now, true);
        while let Some(told) = told.recv().await {
            match told {
                Told::Done(Tally { runs: 0, .. }) => {}
                Told::Done(tally) => {
                    let runs = plural(tally.runs, "finished run");
                    report.line(format!("{} {runs} removed by retention", print_instant(now)));
                }
                Told::Failed(why) => report.note(format!("runs could not be removed: {why}")),
                Told::Progress(_) | Told::Damage(_) | Told::Removed { .. } | Told::Kept { .. } => {}
            }
        }
        let next = now.checked_add(jiff::SignedDuration::from_hours(1));
        host.clock().sleep_until(next.unwrap_or(Timestamp::MAX)).await;
    }
}

/// Keeps old runs in less room, every minute: what is moved soon leaves few holes in the files.
async fn keep_small(report: Report, host: Host, store: Option<Arc<dyn Upkeep>>) {
    let Some(store) = store else { return };
    loop {
        let next = host.clock().now().checked_add(jiff::SignedDuration::from_mins(1));
        host.clock().sleep_until(next.unwrap_or(Timestamp::MAX)).await;
        if let Err(why) = condense(Arc::clone(&store), |_| ()).await {
            return report.note(format!("old runs are not kept in less room any more: {why}"));
        }
    }
}

/// Why the daemon cannot do without something that it started.
fn stopped_early(what: &str, ended: Result<Result<(), Error>, JoinError>) -> Failure {
    let why = match ended {
        Ok(Ok(())) => "it ended".to_owned(),
        Ok(Err(error)) => crate::failure::sentence(&error),
        Err(error) => error.to_string(),
    };
    Failure::new(format!("{what} stopped: {why}"))
        .help("start the daemon again: what fell due meanwhile is accounted for")
}

/// One line for each run that starts, ends or needs a person: what the service log is read for.
async fn tell(report: Report, host: Host, mut watched: broadcast::Receiver<(RunId, Entry)>) {
    /// A run that writes a thousand entries a second fills no log.
    const PAUSE: Duration = Duration::from_secs(10);
    let (mut n_missed, mut last) = (0, None::<Instant>);
    loop {
        match watched.recv().await {
            Ok((run, entry)) => {
                if let Some(told) = Happening::of(&host, &run, &entry).await {
                    report.event(&told.json(&run, &entry));
                    report.line(format!(
                        "{} {}",
                        print_instant(entry.at),
                        told.line(&report, &run)
                    ));
                }
            }
            Err(RecvError::Lagged(n)) => {
                n_missed += n;
                if last.is_none_or(|last| last.elapsed() >= PAUSE) {
                    let entries = match std::mem::take(&mut n_missed) {
                        1 => "1 entry was".to_owned(),
                        n => format!("{n} entries were"),
                    };
                    report.note(format!(
                        "{entries} too fast to be told here; `linchpin runs list` knows all runs"
                    ));
                    last = Some(Instant::now());
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// What a service manager or a terminal sends to end the process.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::because("signals cannot be received", &error))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// The signal that ends the daemon; none for the wish to look at the flows now.
    async fn next(&mut self) -> Option<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Some("SIGTERM"),
            _ = self.interrupt.recv() => Some("SIGINT"),
            _ = self.hangup.recv() => None,
        }
    }
}
