//! `linchpin check --watch`: checks again whenever a file of the project changes.
//!
//! Files are looked at a few times a second, by size and time of change.

use std::time::Duration;

use super::Check;
use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::stamp::Stamp;

/// How long between two looks at the files.
const INTERVAL: Duration = Duration::from_millis(200);

/// Checks until Ctrl-C.
pub(super) async fn run(check: &Check, global: &Global, report: &Report) -> Done {
    let (mut project, _) = Project::find_to_check(global)?;
    loop {
        // Taken before the check, so that a change while it runs is seen after it.
        let seen = Stamp::of(&project, &check.files);
        report.clear();
        // The settings may be what has changed. A project that cannot be used now is looked at
        // again like one with mistakes.
        let done = match Project::find_to_check(global) {
            Ok(found) => {
                project.clone_from(&found.0);
                check.once(found, report).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = done {
            report.failure(&failure);
        }
        report.note(report.paint(Style::Dim, "  waiting for a change; Ctrl-C ends"));
        while Stamp::of(&project, &check.files) == seen {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                // Without a handler for it the signal ends the process by itself.
                Ok(()) = tokio::signal::ctrl_c() => return Ok(ExitCode::Ok),
            }
        }
    }
}
