//! `linchpin store backup`, `restore` and `copy`: the store as another folder.

use std::path::PathBuf;

use clap::Args;
use linchpin_engine::store::Tally;
use linchpin_language::json;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::{self, Told};
use linchpin_runtime::vault::KeyPlace;

use super::work::{Access, Telling, absolute, amount, counted, vacant};
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
        let tally = copied(project, report, &backup).await?;
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

/// Copy the store to another place or another kind; the old one stays as it is
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The new store: sqlite:DIR or sled:DIR
    #[arg(long, value_name = "STORE")]
    to: Location,
}

impl Copy {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let setting = self.to.to_string();
        let to = Location { dir: project.root.join(&self.to.dir), ..self.to };
        let tally = copied(project, report, &to).await?;
        report.json(&json!({ "store": setting, "copied": counted(tally) }));
        report.line(format!("{}: {}", to, amount(tally)));
        report.line(format!("write `store: {setting}` into linchpin.yaml to go on with it"));
        Ok(ExitCode::Ok)
    }
}

async fn copied(project: &Project, report: &Report, to: &Location) -> Result<Tally, Failure> {
    let telling = match Access::open(project).await? {
        Access::Remote(client) => {
            let body = json!({ "to": to.dir, "kind": to.kind.name() });
            Telling::Remote(Box::new(client.work("/v1/store/copy", &body).await?))
        }
        Access::Local(store) => {
            Telling::Local(upkeep::copy(store, to.dir.clone(), Some(to.kind.name().to_owned())))
        }
    };
    telling.finish(report, "copying", |_| {}).await
}

/// Make the store anew from a backup; never over a store that is there
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The folder of the backup
    folder: PathBuf,
}

impl Restore {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let to = project.store();
        vacant(&to)?;
        let from = match Location::of(&self.folder).map_err(|error| unusable(&error))? {
            Some(from) => from,
            None => {
                let message = format!("there is no backup in {}", self.folder.display());
                return Err(Failure::usage(message));
            }
        };
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
        let kind = Some(to.kind.name().to_owned());
        let copying = Telling::Local(upkeep::copy(backup, to.dir.clone(), kind));
        let tally = copying.finish(report, "restoring", |_| {}).await?;
        report.json(&json!({ "store": to.to_string(), "restored": counted(tally) }));
        report.line(format!("{}: {}", shown(&to.dir).display(), amount(tally)));
        report.line(
            "what was done since the backup is not known any more: look through `linchpin runs \
             list` and cancel what must not go on, before you start a daemon",
        );
        Ok(ExitCode::Ok)
    }
}
