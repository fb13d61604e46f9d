//! `linchpin store verify`

use clap::Args;
use linchpin_engine::store::REMEDY;
use linchpin_language::{Value, json};
use linchpin_runtime::upkeep::{self, Told};

use super::work::{Access, Telling, amount, counted};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::steps::plural;

/// Read everything in the store and name what is damaged
#[derive(Debug, Args)]
pub(crate) struct Verify {}

impl Verify {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let telling = match Access::open(project).await? {
            Access::Remote(client) => {
                Telling::Remote(Box::new(client.lines("/v1/store/verify").await?))
            }
            Access::Local(store) => Telling::Local(upkeep::verify(store)),
        };
        let mut damages = Vec::new();
        let tally = telling
            .finish(report, "verifying", |told| {
                if let Told::Damage(damage) = told {
                    let (file, what) = (damage.file.display(), &damage.what);
                    let mark = report.paint(Style::Red, "✗");
                    report.line(format!("{mark} {file}: {what}: {}", damage.detail));
                    damages.push(damage);
                }
            })
            .await?;
        let found: Vec<Value> =
            damages.iter().map(|damage| serde_json::to_value(damage).unwrap_or_default()).collect();
        report.json(&json!({ "read": counted(tally), "damages": found }));
        if damages.is_empty() {
            report.line(format!("the store is whole: {}", amount(tally)));
            return Ok(ExitCode::Ok);
        }
        let n_damages = plural(damages.len() as u64, "damage");
        let message = format!("{n_damages} in {}", project.store().dir.display());
        Err(Failure::new(message).help(REMEDY))
    }
}
