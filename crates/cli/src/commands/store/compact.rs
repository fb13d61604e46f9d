//! `linchpin store compact` and `upgrade`: the same store in another form.

use std::ops::ControlFlow;

use clap::Args;
use linchpin_language::json;
use linchpin_persistence::Location;
use linchpin_runtime::upkeep::condense;

use super::work::{Access, Progress, amount, bytes, counted};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, shown};
use crate::report::Report;
use crate::session::{distrust, open_store, unusable};

/// Write the store anew without the room of what was removed; needs it alone
#[derive(Debug, Args)]
pub(crate) struct Compact {}

impl Compact {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let store = Access::hold(project, "compacting").await?;
        distrust(&store).await?;
        let before = store.about().map_err(|error| unusable(&error))?.bytes;
        let progress = Progress::new(report, "compacting");
        condense(store, |tally| progress.show(tally)).await.map_err(Failure::new)?;
        let location = project.store();
        let compacting = tokio::task::spawn_blocking(move || {
            let tally = location.compact(&mut |tally| {
                progress.show(tally);
                ControlFlow::Continue(())
            })?;
            Ok((tally, location.open()?.about()?.bytes))
        });
        let ended = compacting.await;
        let ended = ended.map_err(|error| Failure::because("compacting was given up", &error))?;
        let (tally, after) = ended.map_err(|error| unusable(&error))?;
        report.json(&json!({ "before": before, "after": after, "copied": counted(tally) }));
        report.line(format!("{} became {}: {}", bytes(before), bytes(after), amount(tally)));
        Ok(ExitCode::Ok)
    }
}

/// Bring a store of an older version to this one's form, after a copy was made
#[derive(Debug, Args)]
pub(crate) struct Upgrade {}

impl Upgrade {
    pub(super) fn run(self, project: &Project, report: &Report) -> Done {
        let dir = project.store().dir;
        let before = Location::format_of(&dir).map_err(|error| unusable(&error))?;
        let Some(before) = before else {
            let message = format!("there is no store in {} yet", shown(&dir).display());
            return Err(Failure::new(message).help("the first `linchpin run` makes it"));
        };
        // An open upgrades, whoever does it.
        let store = open_store(project).map_err(|error| unusable(&error))?;
        let after = store.about().map_err(|error| unusable(&error))?.format;
        report.json(&json!({ "before": before, "after": after }));
        if before == after {
            report.line(format!("the store has format {after}, the one of this version"));
        } else {
            report.line(format!(
                "format {before} became {after}; the store as it was is in {}.format-{before}, \
                 which can go once everything works",
                shown(&dir).display()
            ));
        }
        Ok(ExitCode::Ok)
    }
}
