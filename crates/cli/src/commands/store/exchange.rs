//! `linchpin store export` and `import`: the store as lines of JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use linchpin_engine::store::{Damage, Error as StoreError, Tally, Upkeep};
use linchpin_language::json;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::{self, ExchangeError};

use super::work::{Access, Progress, SINCE, Telling, amount, counted, outside, vacant};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, sentence};
use crate::project::{Project, shown};
use crate::report::{Report, Style};
use crate::session::{open_store, unusable};
use crate::steps::plural;

/// Write everything in the store as lines of JSON; what the vault sealed stays sealed
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The file to make
    file: PathBuf,
    /// Leave out what is damaged, and name it
    #[arg(long)]
    salvage: bool,
}

impl Export {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        outside(project, &self.file)?;
        // The copy goes after its store is closed.
        let mut copy = None;
        let mut broken = None;
        let store = match Access::open(project).await {
            Err(failure) if self.salvage => {
                let (store, damage) = salvaged(project, &mut copy)?.ok_or(failure)?;
                broken = Some(damage);
                store
            }
            Err(failure) => return Err(failure),
            Ok(Access::Local(store)) => store,
            Ok(Access::Remote(client)) => {
                // What is written meanwhile must not be in it by halves.
                let location = &copy.insert(Temporary::new(project)?).0;
                let body = json!({ "to": location.dir, "kind": location.kind.name() });
                let copying =
                    Telling::Remote(Box::new(client.work("/v1/store/copy", &body).await?));
                copying.finish(report, "copying", |_| {}).await?;
                location.open().map_err(|error| unusable(&error))?
            }
        };
        let file = self.file.clone();
        let progress = Progress::new(report, "exporting");
        let salvage = self.salvage;
        let writing =
            tokio::task::spawn_blocking(move || write(&*store, &file, salvage, &progress)).await;
        drop(copy);
        let written =
            writing.map_err(|error| Failure::because("the export was given up", &error))?;
        let (tally, mut damages) = written.map_err(|error| self.failure(project, &error))?;
        damages.splice(..0, broken);
        self.tell(report, tally, &damages);
        Ok(if damages.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
    }

    /// Where nothing more can be read, a copy that is gone by now is no place to look at, and this
    /// command no remedy.
    fn failure(&self, project: &Project, error: &ExchangeError) -> Failure {
        match error {
            ExchangeError::Store(StoreError::Damaged { detail, .. }) if self.salvage => {
                let store = project.store().dir;
                let store = shown(&store);
                Failure::new(format!("{} cannot be carried over: {detail}", store.display()))
                    .help("`linchpin store restore BACKUP` brings a backup back")
            }
            other => failed(&self.file, other),
        }
    }

    fn tell(&self, report: &Report, tally: Tally, damages: &[Damage]) {
        let file = shown(&self.file);
        report.json(&json!({ "file": file, "written": counted(tally), "left_out": damages }));
        for damage in damages {
            let mark = report.paint(Style::Red, "✗");
            report.line(format!("{mark} left out: {}: {}", damage.what, damage.detail));
        }
        report.line(format!("{}: {}", file.display(), amount(tally)));
        if !damages.is_empty() {
            let n_damages = plural(damages.len() as u64, "damaged thing");
            report.line(format!(
                "{n_damages} left out; move the store away and `linchpin store import` the rest"
            ));
        }
    }
}

type Left = (Arc<dyn Upkeep>, Damage);

/// What is left of a store that does not open because it is damaged, and the damage.
fn salvaged(project: &Project, copy: &mut Option<Temporary>) -> Result<Option<Left>, Failure> {
    let Err(StoreError::Damaged { file, detail, .. }) = open_store(project) else {
        return Ok(None);
    };
    let into = &copy.insert(Temporary::new(project)?).0.dir;
    let store = project.store().salvaged(into).map_err(|error| match error {
        // The copy is gone by the time somebody looks for it.
        StoreError::Damaged { detail, .. } => {
            let file = shown(&file);
            Failure::new(format!("nothing of {} can be read: {detail}", file.display()))
                .help("`linchpin store restore BACKUP` brings a backup back")
        }
        other => unusable(&other),
    })?;
    let what = "what was written last, if something is missing of it".to_owned();
    let detail = format!("{}: {detail}", shown(&file).display());
    Ok(Some((store, Damage { what, run: None, file, detail })))
}

/// The place of a copy that is there for an export only.
struct Temporary(Location);

impl Temporary {
    /// Removes what exports left that were killed.
    fn new(project: &Project) -> Result<Self, Failure> {
        let (state, kind) = (project.state(), project.store().kind);
        let failed =
            |error| Failure::because(format!("cannot look into {}", state.display()), &error);
        for entry in state.read_dir().map_err(failed)? {
            let dir = entry.map_err(failed)?.path();
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            let process = name.strip_prefix(Self::NAME).and_then(|rest| rest.split('.').next());
            // One that is in use is the business of another export.
            if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
                Location { kind, dir }.discard().ok();
            }
        }
        let dir = state.join(format!("{}{}", Self::NAME, std::process::id()));
        Ok(Self(Location { kind, dir }))
    }

    const NAME: &str = "export-";
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left of it is removed with the next one.
        std::fs::remove_dir_all(&self.0.dir).ok();
    }
}

fn write(
    store: &dyn Upkeep,
    file: &Path,
    salvage: bool,
    progress: &Progress,
) -> Result<(Tally, Vec<Damage>), ExchangeError> {
    let failed = |source| ExchangeError::File { action: "written", source };
    if file.symlink_metadata().is_ok() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    // A file with the right name is always whole.
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    // It holds what people gave to runs and got of them: it is its owner's alone.
    let made =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let mut out = BufWriter::new(made.map_err(failed)?);
    let mut damages = Vec::new();
    let written = upkeep::export(store, &mut out, salvage.then_some(&mut damages), &mut |tally| {
        progress.show(tally);
        ControlFlow::Continue(())
    });
    let synced = written.and_then(|tally| {
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
        // Unlike a renaming it never takes the place of a file that has come meanwhile.
        std::fs::hard_link(&unfinished, file).map_err(failed)?;
        Ok(tally)
    });
    // It has its name now, or it is the beginning of an export, which is of no use.
    std::fs::remove_file(&unfinished).ok();
    synced.map(|tally| (tally, damages))
}

/// Make a new store from an export
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file of the export
    file: PathBuf,
}

impl Import {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let to = project.store();
        vacant(project, &to).await?;
        if self.file.is_dir() {
            let file = self.file.display();
            return Err(Failure::usage(format!("{file} is a folder and no export"))
                .help(format!("if it is a backup: linchpin store restore {file}")));
        }
        project.make_state()?;
        let making = to.make().map_err(|error| unusable(&error))?;
        let progress = Progress::new(report, "importing");
        let file = self.file.clone();
        let open = move || -> io::Result<Box<dyn BufRead + Send>> {
            Ok(Box::new(BufReader::new(File::open(&file)?)))
        };
        let imported =
            upkeep::import(making.store(), open, &mut |tally| progress.show(tally)).await;
        drop(progress);
        let tally = imported.map_err(|error| failed(&self.file, &error))?;
        making.finish().map_err(|error| unusable(&error))?;
        report.json(&json!({ "store": to.to_string(), "imported": counted(tally) }));
        report.line(format!("{} ({}): {}", shown(&to.dir).display(), to.kind, amount(tally)));
        report.line(SINCE);
        Ok(ExitCode::Ok)
    }
}

fn failed(file: &Path, error: &ExchangeError) -> Failure {
    let failure = Failure::new(sentence(error));
    match error {
        ExchangeError::File { action, source } => {
            let file = file.display();
            if source.kind() == io::ErrorKind::AlreadyExists {
                return Failure::new(format!("{file} is there already"))
                    .help("name a new file: an export never takes the place of another");
            }
            let failure = Failure::new(format!("the export {file} cannot be {action}: {source}"));
            match source.kind() {
                io::ErrorKind::StorageFull => failure.help("make room, or name another disk"),
                _ => failure,
            }
        }
        ExchangeError::Line { .. } => failure.help("take the export anew, or another one"),
        ExchangeError::Damaged(_) | ExchangeError::Store(_) | ExchangeError::NotEmpty => failure,
    }
}
