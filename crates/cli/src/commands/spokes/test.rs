//! `linchpin spokes test`: the examples of actions, run against the replies that they record.

use std::path::PathBuf;

use clap::Args;
use linchpin_connector::testing::{Tested, test_examples};
use linchpin_language::{Diagnostic, Format, Value, json, render};

use super::folder::{folders, spoke};
use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};
use crate::steps::plural;
use crate::workspace::below;

/// Run the examples of actions against the replies they record; nothing is sent anywhere
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Folders or names of spokes, or of one action; otherwise all spokes of the project
    #[arg(value_name = "SPOKE[.ACTION]")]
    names: Vec<String>,
}

impl Test {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let mut n_failed = 0;
        let mut n_passed = 0;
        let mut all = Vec::new();
        for (name, tested, path) in self.tested(global).await? {
            for one in tested {
                let failures: Vec<Diagnostic> = one
                    .failures
                    .into_iter()
                    .map(|mistake| {
                        path.as_ref().map_or(mistake.clone(), |path| below(path, mistake))
                    })
                    .collect();
                all.push(json!({ "action": format!("{name}.{}", one.action), "examples": one.n_examples,
                    "failures": failures.iter().map(|one| one.message.clone()).collect::<Vec<_>>() }));
                n_failed += usize::from(!failures.is_empty());
                n_passed += usize::from(failures.is_empty() && one.n_examples > 0);
                line(report, &format!("{name}.{}", one.action), one.n_examples, &failures);
            }
        }
        report.json(&Value::Array(all));
        let n_tested = (n_passed + n_failed) as u64;
        let verdict = format!("{} tested, {n_failed} failed", plural(n_tested, "action"));
        report.line(match n_failed {
            0 => format!("{} {verdict}", report.paint(Style::Green, "✓")),
            _ => format!("{} {verdict}", report.paint(Style::Red, "✗")),
        });
        Ok(if n_failed == 0 { ExitCode::Ok } else { ExitCode::Failed })
    }

    /// What is to be tested, by the name of its spoke.
    async fn tested(
        &self,
        global: &Global,
    ) -> Result<Vec<(String, Vec<Tested>, Option<PathBuf>)>, Failure> {
        let mut all = Vec::new();
        if self.names.is_empty() {
            for folder in folders(&[], global)? {
                let spoke = folder.spoke.map_err(|mistakes| {
                    Failure::mistakes(
                        format!("the spoke in {} has mistakes", folder.path.display()),
                        mistakes,
                    )
                })?;
                all.push((
                    spoke.name.clone(),
                    test_examples(&spoke, None).await,
                    Some(folder.path),
                ));
            }
        }
        for name in &self.names {
            let (of, action) = match name.split_once('.').filter(|_| !name.contains('/')) {
                Some((spoke, action)) => (spoke, Some(action)),
                None => (name.as_str(), None),
            };
            let (spoke, path) = spoke(of, global)?;
            if let Some(action) = action.filter(|action| spoke.action(action).is_none()) {
                let failure = Failure::usage(format!("the spoke {of} has no action {action:?}"));
                return Err(failure.help(format!("`linchpin spokes show {of}` lists them")));
            }
            all.push((spoke.name.clone(), test_examples(&spoke, action).await, path));
        }
        Ok(all)
    }
}

fn line(report: &Report, name: &str, n_examples: usize, failures: &[Diagnostic]) {
    let examples = plural(n_examples as u64, "example");
    if n_examples == 0 {
        report.line(format!("{} {name}  {}", report.paint(Style::Yellow, "-"), "no example"));
    } else if failures.is_empty() {
        report.line(format!("{} {name}  {examples}", report.paint(Style::Green, "✓")));
    } else {
        report.line(format!("{} {name}  {examples}", report.paint(Style::Red, "✗")));
        if !report.is_json() {
            report.raw(&render(failures, Format::Human { color: report.color() }));
        }
    }
}
