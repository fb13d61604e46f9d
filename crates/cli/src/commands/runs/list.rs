//! `linchpin runs list`

use clap::Args;
use linchpin_language::{Map, Value, json};
use linchpin_server::Client;

use crate::commands::Done;
use crate::copied::{flags, quoted};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::inputs;
use crate::picker::escaped;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::read;
use crate::steps::{print_instant, print_millis};
use crate::workspace::Workspace;

/// How many runs are asked for at once; a server gives no more.
const PAGE: usize = 1000;
/// How many commands to answer are printed below a list.
const MOST_COMMANDS: usize = 5;

/// The states of runs.
const STATES: [&str; 10] = [
    "queued",
    "running",
    "waiting",
    "needs attention",
    "paused",
    "cancelling",
    "interrupted",
    "succeeded",
    "failed",
    "cancelled",
];

/// List the newest runs
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this flow only
    #[arg(long)]
    flow: Option<String>,
    /// In this state only: running, waiting, "needs attention", interrupted, succeeded, ...
    #[arg(long)]
    state: Option<String>,
    /// Started at this time or later: 2026-03-10, 2026-03-10T08:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Started before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// With this input, as the run read it; may be repeated
    #[arg(short, long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,
    /// How many
    #[arg(short = 'n', long, default_value_t = 20, value_parser = inputs::count)]
    limit: usize,
}

impl List {
    pub(super) async fn run(self, project: &Project, report: &Report) -> Done {
        let filters = self.filters(jiff::Timestamp::now())?;
        let runs = read(project, async |client| self.newest(client, &filters).await).await?;
        report.json(&json!({ "runs": runs }));
        if runs.is_empty() {
            let is_filtered = !filters.is_empty();
            report.line(if is_filtered { "no run matches" } else { "no runs" });
            self.doubt(project, report);
        } else {
            let rows: Vec<_> = runs.iter().map(row).collect();
            report.table(&["RUN", "FLOW", "STATE", "STARTED", "TOOK", "REMARK"], &rows);
            show_commands(report, project, &runs);
        }
        Ok(ExitCode::Ok)
    }

    /// Says so where no flow has the name that was asked for. One that is gone may have runs.
    fn doubt(&self, project: &Project, report: &Report) {
        let Some(flow) = &self.flow else { return };
        let Ok(workspace) = Workspace::read(project, None) else { return };
        if let Err(unknown) = workspace.find(flow) {
            report.note(unknown.message);
            unknown.help.into_iter().for_each(|help| report.note(help));
        }
    }

    /// The newest runs, page after page.
    async fn newest(&self, client: &Client, filters: &str) -> Result<Vec<Value>, Failure> {
        let (mut runs, mut before) = (Vec::new(), String::new());
        loop {
            let wanted = self.limit.saturating_sub(runs.len()).clamp(1, PAGE);
            let path = format!("/v1/runs?limit={wanted}{before}{filters}");
            let answer = client.get(&path).await?;
            let page = answer["runs"].as_array().cloned().unwrap_or_default();
            let is_last = page.len() < wanted;
            if let Some(oldest) = page.last().and_then(|run| run["run"].as_str()) {
                before = format!("&before={oldest}");
            }
            runs.extend(page);
            if is_last || runs.len() >= self.limit {
                return Ok(runs);
            }
        }
    }

    fn filters(&self, now: jiff::Timestamp) -> Result<String, Failure> {
        let mut query = String::new();
        if let Some(state) = self.state.as_deref().filter(|state| !STATES.contains(state)) {
            return Err(Failure::usage(format!("{state:?} is no state of a run"))
                .help(format!("the states are {}", STATES.join(", "))));
        }
        for (name, value) in [("flow", &self.flow), ("state", &self.state)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", escaped(value)));
            }
        }
        for (name, value) in [("since", &self.since), ("until", &self.until)] {
            if let Some(value) = value {
                let at = inputs::instant(value, now)?.to_string();
                query.push_str(&format!("&{name}={}", escaped(&at)));
            }
        }
        if !self.inputs.is_empty() {
            let pairs = self.inputs.iter().map(|pair| inputs::split(pair));
            let pairs = pairs.map(|pair| pair.map(|(name, value)| (name.to_owned(), value.into())));
            let wanted: Map<String, Value> = pairs.collect::<Result<_, Failure>>()?;
            query.push_str(&format!("&inputs={}", escaped(&Value::Object(wanted).to_string())));
        }
        Ok(query)
    }
}

/// How to answer the newest runs that wait for somebody, a line each.
fn show_commands(report: &Report, project: &Project, runs: &[Value]) {
    let flags = flags(project);
    let waits = runs.iter().flat_map(|run| {
        let waits = run["waits"].as_array().into_iter().flatten();
        waits.map(move |waits| (run["run"].as_str().unwrap_or_default(), waits))
    });
    for (run, waits) in waits.take(MOST_COMMANDS) {
        let word = |name: &str| waits[name].as_str().unwrap_or_default();
        let (step, of) = (quoted(word("step")), quoted(word("of")));
        let command = match word("kind") {
            "answer" => format!("answer {run} {step}"),
            "approval" => {
                let is_one = of.contains('@') && !of.contains(',');
                let person = if is_one { format!(" --as {of}") } else { String::new() };
                format!("approve {run} {step}{person}")
            }
            "signal" => format!("signal {run} {of}"),
            "ruling" if waits["blocked"] == true => format!("resume {run}"),
            "ruling" => format!("resolve {run} {step}"),
            _ => format!("show {run}"),
        };
        report.line(
            report.paint(Style::Dim, &format!("{}: linchpin runs {command}{flags}", word("step"))),
        );
    }
}

/// What a run waits for, in words.
fn waiting(waits: &Value) -> Option<String> {
    let word = |name: &str| waits[name].as_str().unwrap_or_default();
    let (step, of) = (word("step"), word("of"));
    Some(match word("kind") {
        "answer" => format!("{step}: an answer of {of}"),
        "approval" => format!("{step}: approval by {of}"),
        "signal" => format!("{step}: the signal {of}"),
        _ => return None,
    })
}

fn row(run: &Value) -> Vec<String> {
    let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
    let instant = |name: &str| text(name).parse::<jiff::Timestamp>().ok();
    let started = instant("started_at").map(print_instant);
    let took = match (instant("started_at"), instant("ended_at")) {
        (Some(start), Some(end)) => print_millis(end.as_millisecond() - start.as_millisecond()),
        _ => String::new(),
    };
    let caught = run["caught"].as_u64().filter(|caught| *caught > 0);
    let remark = match (run["error"].as_str(), caught) {
        (Some(error), _) => error.to_owned(),
        (None, caught) => {
            let waits = run["waits"].as_array().into_iter().flatten().find_map(waiting);
            let caught = caught.map(|caught| format!("{caught} handled"));
            waits.or(caught).unwrap_or_default()
        }
    };
    vec![text("run"), text("flow"), text("state"), started.unwrap_or_default(), took, remark]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_put_into_the_query_whole() {
        assert_eq!(escaped("needs attention"), "needs%20attention");
        assert_eq!(escaped("a&b=c"), "a%26b%3Dc");
    }
}
