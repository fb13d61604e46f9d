//! The way to the store for those who look after it, and how long work is shown.
//!
//! A daemon that has the store open does the work itself; otherwise it is opened here, without
//! anything else of the project: a mistake in a connection keeps nobody from a backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use linchpin_engine::store::{Tally, Upkeep};
use linchpin_language::Value;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::Told;
use linchpin_server::{Client, Lines};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;
use crate::session::{open_store, reach, unusable};
use crate::steps::plural;

/// What whoever brings back an older state has to know.
pub(super) const SINCE: &str = "what was done since it was written is not known any more: look through `linchpin runs list` \
     and cancel what must not go on, before you start a daemon";

/// Refuses to write over a store, and to make one while a process goes on with the one that was
/// there.
pub(super) async fn vacant(project: &Project, to: &Location) -> Result<(), Failure> {
    if to.steps_aside() {
        let message = format!("{} has a store, which stepped aside", shown(&to.dir).display());
        return Err(Failure::new(message).help("`linchpin store status` puts it back first"));
    }
    if to.dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let dir = shown(&to.dir);
        let dir = dir.display();
        return Err(Failure::new(format!("{dir} holds a store, which is never overwritten"))
            .help(format!("stop the daemon and move it away: mv {dir} {dir}.old")));
    }
    match reach(project).await? {
        None => Ok(()),
        Some(client) => {
            let id = process(&client).await;
            let message = format!("process {id} still writes to the store that was here");
            Err(Failure::new(message).help("stop it first: it does not see the new store"))
        }
    }
}

/// Refuses a place inside of the store, where the next compacting would remove it.
pub(super) fn outside(project: &Project, to: &Path) -> Result<(), Failure> {
    let Ok(store) = project.store().dir.canonicalize() else { return Ok(()) };
    let to = absolute(to)?;
    match to.ancestors().find_map(|place| place.canonicalize().ok()) {
        Some(place) if place.starts_with(&store) => {
            let (to, store) = (shown(&to), shown(&store));
            let message = format!("{} is inside of the store {}", to.display(), store.display());
            Err(Failure::usage(message).help("name a place outside of it"))
        }
        _ => Ok(()),
    }
}

async fn process(client: &Client) -> Value {
    let health = client.get("/v1/health").await.unwrap_or_default();
    health["pid"].clone()
}

/// Who has the store.
pub(super) enum Access {
    /// Another process, which does the work.
    Remote(Client),
    /// This one.
    Local(Arc<dyn Upkeep>),
}

impl Access {
    /// Finds who has the store, or opens it. A store is never made here.
    pub(super) async fn open(project: &Project) -> Result<Self, Failure> {
        if let Some(client) = reach(project).await? {
            return Ok(Self::Remote(client));
        }
        alone(project).map(Self::Local)
    }

    /// Opens the store, and nothing else will do.
    pub(super) async fn hold(project: &Project, what: &str) -> Result<Arc<dyn Upkeep>, Failure> {
        match Self::open(project).await? {
            Self::Local(store) => Ok(store),
            Self::Remote(client) => {
                let id = process(&client).await;
                let message = format!("process {id} has the store open, and {what} needs it alone");
                Err(Failure::new(message).help("stop the daemon, do it, start the daemon again"))
            }
        }
    }
}

fn alone(project: &Project) -> Result<Arc<dyn Upkeep>, Failure> {
    let location = project.store();
    match Location::of(&location.dir) {
        Ok(None) => {
            let message = format!("there is no store in {} yet", location.dir.display());
            Err(Failure::new(message).help("the first `linchpin run` makes it"))
        }
        Ok(Some(_)) => open_store(project).map_err(|error| unusable(&error)),
        Err(error) => Err(unusable(&error)),
    }
}

/// A path as the process that does the work understands it.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::because(format!("cannot use {}", path.display()), &error))
}

/// What long work says, wherever it is done.
pub(super) enum Telling {
    Local(UnboundedReceiver<Told>),
    Remote(Box<Lines>),
}

impl Telling {
    async fn next(&mut self) -> Result<Option<Told>, Failure> {
        match self {
            Self::Local(receiver) => Ok(receiver.recv().await),
            Self::Remote(lines) => match lines.next().await? {
                Some(line) => serde_json::from_value(line).map(Some).map_err(|error| {
                    Failure::because("the daemon's answer cannot be read", &error)
                }),
                None => Ok(None),
            },
        }
    }

    /// Shows how far the work is until it is done; `see` gets everything else that is told.
    pub(super) async fn finish(
        mut self,
        report: &Report,
        doing: &str,
        mut see: impl FnMut(Told),
    ) -> Result<Tally, Failure> {
        let progress = Progress::new(report, doing);
        while let Some(told) = self.next().await? {
            match told {
                Told::Progress(tally) => progress.show(tally),
                Told::Done(tally) => return Ok(tally),
                Told::Failed(why) => return Err(Failure::new(why)),
                other => progress.suspend(|| see(other)),
            }
        }
        Err(Failure::new(format!("{doing} was given up: the process that did it has ended")))
    }
}

/// A line that tells how far something is, where a person watches.
pub(super) struct Progress {
    bar: ProgressBar,
    doing: String,
}

impl Progress {
    pub(super) fn new(report: &Report, doing: &str) -> Self {
        let bar = match report.is_live() {
            true => ProgressBar::new_spinner(),
            false => ProgressBar::hidden(),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(doing.to_owned());
        Self { bar, doing: doing.to_owned() }
    }

    pub(super) fn show(&self, tally: Tally) {
        self.bar.set_message(format!("{}: {}", self.doing, amount(tally)));
        self.bar.tick();
    }

    fn suspend(&self, show: impl FnOnce()) {
        self.bar.suspend(show);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How much something is, in words.
pub(super) fn amount(tally: Tally) -> String {
    let (runs, records) = (plural(tally.runs, "run"), plural(tally.records, "record"));
    format!("{runs}, {records}, {}", bytes(tally.bytes))
}

/// A number of bytes in words.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} bytes"),
        1_000..1_000_000 => format!("{} kB", n / 1_000),
        1_000_000..1_000_000_000 => {
            format!("{}.{} MB", n / 1_000_000, n % 1_000_000 / 100_000)
        }
        _ => format!("{}.{} GB", n / 1_000_000_000, n % 1_000_000_000 / 100_000_000),
    }
}

/// A tally for scripts.
pub(super) fn counted(tally: Tally) -> Value {
    serde_json::to_value(tally).unwrap_or_default()
}
