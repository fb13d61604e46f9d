//! `linchpin store backup`, `restore` and `copy`: the store as another folder.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use linchpin_engine::store::{Error, Upkeep};
use linchpin_language::json;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::{self, Told};
use linchpin_runtime::vault::KeyPlace;
use tokio::sync::mpsc::UnboundedReceiver;

use super::work::{Access, SINCE, Telling, absolute, amount, counted, outside, vacant};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;
use crate::session::unusable;

/// Copy the store into a new folder, also while a daemon writes
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder to make
    folder: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let to = absolute(&self.folder)?;
        let backup = Location { kind: project.store().kind, dir: to.clone() };
        outside(project, &to)?;
        let telling = match Access::open(project).await? {
            Access::Remote(client) => {
                let body = json!({ "to": backup.dir, "kind": backup.kind.name() });
                Telling::Remote(Box::new(client.work("/v1/store/copy", &body).await?))
            }
            Access::Local(store) => Telling::Local(copy(store, &backup)),
        };
        let tally = telling.finish(report, "copying", |_| {}).await?;
        report.json(&json!({ "backup": to, "copied": counted(tally) }));
        report.line(format!("{}: {}", shown(&to).display(), amount(tally)));
        let sealed = match project.vault_key() {
            _ if project.is_sandbox => None,
            KeyPlace::File(key) if key.exists() => {
                Some(format!("keep {} as well, in another place", shown(&key).display()))
            }
            KeyPlace::File(_) => None,
            place @ (KeyPlace::Credential(_) | KeyPlace::Command(_)) => {
                Some(format!("their key comes from {place}"))
            }
        };
        if let Some(sealed) = sealed {
            report.line(format!("its secrets are sealed: {sealed}"));
        }
        Ok(ExitCode::Ok)
    }
}

/// Copy the store to another place or another kind, to go on there; the old one stays as it is
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The new store as linchpin.yaml would name it: sqlite:DIR or sled:DIR
    #[arg(long, value_name = "STORE")]
    to: Location,
}

impl Copy {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let setting = self.to.to_string();
        let to = Location { dir: project.root.join(&self.to.dir), ..self.to };
        outside(project, &to.dir)?;
        // What is done after the copy would be done once more by whoever goes on with it.
        let store = Access::hold(project, "moving").await?;
        let tally = Telling::Local(copy(store, &to)).finish(report, "copying", |_| {}).await?;
        report.json(&json!({ "store": setting, "copied": counted(tally) }));
        report.line(format!("{}: {}", to, amount(tally)));
        report.line(match project.is_sandbox {
            false => format!("write `store: {setting}` into linchpin.yaml to go on with it"),
            true => "these are runs of the sandbox: as the project's store they would go on \
                     with real systems"
                .to_owned(),
        });
        Ok(ExitCode::Ok)
    }
}

fn copy(store: Arc<dyn Upkeep>, to: &Location) -> UnboundedReceiver<Told> {
    upkeep::copy(store, to.dir.clone(), Some(to.kind.name().to_owned()))
}

/// Make the store anew from a backup; never over a store that is there
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup
    folder: PathBuf,
}

impl Restore {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let mut to = project.store();
        vacant(project, &to).await?;
        let from = self.backup()?;
        if project.settings.store.kind.is_none() {
            to.kind = from.kind;
        }
        let backup = from.open().map_err(|error| unusable(&error))?;
        let mut n_damages = 0;
        let verified = Telling::Local(upkeep::verify(backup.clone()));
        verified
            .finish(report, "verifying the backup", |told| {
                if let Told::Damage(damage) = told {
                    report.note(damage.to_string());
                    n_damages += 1;
                }
            })
            .await?;
        if n_damages > 0 {
            return Err(Failure::new(format!("the backup {} is damaged", self.folder.display()))
                .help("take an older backup"));
        }
        let copying = Telling::Local(copy(backup, &to));
        let tally = copying.finish(report, "restoring", |_| {}).await?;
        report.json(&json!({ "store": to.to_string(), "restored": counted(tally) }));
        report.line(format!("{} ({}): {}", shown(&to.dir).display(), to.kind, amount(tally)));
        report.line(SINCE);
        Ok(ExitCode::Ok)
    }

    /// What is to be restored.
    fn backup(&self) -> Result<Location, Failure> {
        let folder = self.folder.display();
        if self.folder.is_file() {
            return Err(Failure::usage(format!("{folder} is a file and no backup"))
                .help(format!("if it is an export: linchpin store import {folder}")));
        }
        match Location::of(&self.folder) {
            Ok(Some(from)) => Ok(from),
            Ok(None) | Err(Error::Foreign { .. }) => {
                Err(Failure::usage(format!("there is no backup in {folder}"))
                    .help("name the folder that `linchpin store backup` made"))
            }
            Err(error) => Err(unusable(&error)),
        }
    }
}
