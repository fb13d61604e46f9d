//! `linchpin store export` and `import`: the store as lines of JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use linchpin_engine::store::{Damage, REMEDY, Tally, Upkeep};
use linchpin_language::json;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::{self, ExchangeError};

use super::work::{Access, Progress, Telling, amount, counted, vacant};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, sentence};
use crate::project::{Project, shown};
use crate::report::{Report, Style};
use crate::session::unusable;
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
        // The copy goes after its store is closed.
        let mut copy = None;
        let store = match Access::open(project).await? {
            Access::Local(store) => store,
            Access::Remote(client) => {
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
        let (tally, damages) = written.map_err(|error| failed(&error))?;
        self.tell(report, tally, &damages);
        Ok(if damages.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
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
    // It holds what people gave to runs and got of them: it is its owner's alone.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut out = BufWriter::new(made.map_err(failed)?);
    let mut damages = Vec::new();
    let written = upkeep::export(store, &mut out, salvage.then_some(&mut damages), &mut |tally| {
        progress.show(tally);
        ControlFlow::Continue(())
    });
    let synced = written.and_then(|tally| {
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
        Ok(tally)
    });
    if synced.is_err() {
        // The beginning of an export is of no use.
        std::fs::remove_file(file).ok();
    }
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
        vacant(&to)?;
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
        let tally = imported.map_err(|error| failed(&error))?;
        making.finish().map_err(|error| unusable(&error))?;
        report.json(&json!({ "store": to.to_string(), "imported": counted(tally) }));
        report.line(format!("{}: {}", shown(&to.dir).display(), amount(tally)));
        Ok(ExitCode::Ok)
    }
}

fn failed(error: &ExchangeError) -> Failure {
    let failure = Failure::new(sentence(error));
    match error {
        ExchangeError::Damaged(_) => failure.help(REMEDY),
        ExchangeError::File { .. } => failure.help("the file must be new when it is written"),
        ExchangeError::Line { .. } => failure.help("take the export anew, or another one"),
        ExchangeError::Store(_) | ExchangeError::NotEmpty => failure,
    }
}
