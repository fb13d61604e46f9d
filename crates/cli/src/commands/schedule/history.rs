//! `linchpin schedule history`

use clap::Args;
use jiff::Timestamp;
use linchpin_language::{Value, json};

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::inputs;
use crate::picker::escaped;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::{plural, print_instant};
use crate::workspace::Workspace;

/// Show what became of each due time: started, started later, or skipped and why
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Of this flow only
    flow: Option<String>,
    /// Due at this time or later: 2026-03-10, 2026-03-10T08:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: String,
    /// Only those for which no run was started
    #[arg(long)]
    skipped: bool,
    /// How many, the newest first
    #[arg(short = 'n', long, default_value_t = 20, value_parser = inputs::count)]
    limit: usize,
}

impl History {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let since = inputs::instant(&self.since, Timestamp::now())?;
        let mut path = format!("/v1/due?since={}", escaped(&since.to_string()));
        if let Some(flow) = &self.flow {
            path.push_str(&format!("&flow={}", escaped(flow)));
        }
        let answer = read(project, async |client| Ok(client.get(&path).await?)).await?;
        let mut due = answer["due"].as_array().cloned().unwrap_or_default();
        if due.is_empty() {
            self.is_known(project)?;
        }
        due.retain(|one| !self.skipped || one["skipped"].is_string());
        let n_more = due.len().saturating_sub(self.limit);
        due.truncate(self.limit);
        report.json(&json!({ "due": due }));
        if due.is_empty() {
            let what = if self.skipped { "nothing was skipped" } else { "nothing fell due" };
            report.line(format!("{what} since {}", print_instant(since)));
        } else {
            let rows: Vec<_> = due.iter().map(row).collect();
            report.table(&["DUE", "FLOW", "RESULT", "RUN OR REASON"], &rows);
        }
        if n_more > 0 {
            let more = plural(n_more as u64, "older one");
            report.line(report.paint(Style::Dim, &format!("{more}: show more with -n")));
        }
        Ok(ExitCode::Ok)
    }

    /// A flow that nothing is known of may be mistyped. One that is gone has a history.
    fn is_known(&self, project: &Project) -> Result<(), Failure> {
        let Some(flow) = &self.flow else { return Ok(()) };
        Workspace::read(project, None)?.runnable(flow).map(drop)
    }
}

fn row(one: &Value) -> Vec<String> {
    let text = |name: &str| one[name].as_str().map(str::to_owned);
    let due = text("due").and_then(|due| due.parse::<Timestamp>().ok()).map(print_instant);
    let (result, more) = match (text("fired"), text("caught_up"), text("skipped")) {
        (Some(run), _, _) => ("started".to_owned(), run),
        (_, Some(run), _) => ("started later".to_owned(), run),
        (_, _, why) => ("skipped".to_owned(), why.unwrap_or_default()),
    };
    vec![due.unwrap_or_default(), text("flow").unwrap_or_default(), result, more]
}
