//! `linchpin schedule`: when flows fall due, computed from their files, and what
//! became of it when they did.

mod history;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp, Zoned};
use linchpin_engine::flow::{Moment, Rule, Schedule as Written, Trigger};
use linchpin_engine::schedule::{Line, Timetable};
use linchpin_language::{Value, json};
use linchpin_runtime::flows::Loaded;

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::steps::plural;
use crate::workspace::{Workspace, file_of};

/// Show when flows fall due, and what became of it
#[derive(Debug, Args)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the next due times of a flow, and what changes of the clock do to them
    Preview {
        /// The flow, by its name or its file
        flow: String,
        /// How many due times
        #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
        count: u16,
        /// From when on; otherwise from now. A day, 2026-12-24T18:00 or 2026-12-24T18:00:00Z
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
    },
    /// List the schedules of all flows, each with its next due time
    List,
    History(history::History),
}

/// A schedule of a flow that can be computed.
struct Table<'w> {
    flow: &'w str,
    enabled: bool,
    written: &'w Written,
    table: Timetable,
}

impl Schedule {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        match self.command {
            Command::History(history) => return history.run(&project, report).await,
            Command::Preview { flow, count, from } => {
                let workspace = Workspace::read(&project, file_of(&flow).as_deref())?;
                let loaded = workspace.runnable(&flow)?;
                let tables = tables(&workspace, loaded)?;
                if tables.is_empty() {
                    let message = format!("the flow {} has no schedule", loaded.flow.name);
                    return Err(Failure::usage(message)
                        .help("`linchpin schedule list` shows the flows that have one"));
                }
                preview(report, &tables, usize::from(count), from.as_deref())?;
            }
            Command::List => list(report, &Workspace::read(&project, None)?)?,
        }
        Ok(ExitCode::Ok)
    }
}

/// The schedules of a flow.
fn tables<'w>(workspace: &Workspace, loaded: &'w Loaded) -> Result<Vec<Table<'w>>, Failure> {
    let mut tables = Vec::new();
    for trigger in &loaded.flow.triggers {
        let Trigger::Schedule(written) = &trigger.value else { continue };
        let table = Timetable::new(written, &workspace.catalog.calendars).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::new(format!("{}: {}", loaded.flow.name, errors.join("; ")))
        })?;
        let (flow, enabled) = (loaded.flow.name.as_str(), loaded.flow.enabled);
        tables.push(Table { flow, enabled, written, table });
    }
    Ok(tables)
}

fn preview(
    report: &Report,
    tables: &[Table<'_>],
    count: usize,
    from: Option<&str>,
) -> Result<(), Failure> {
    let mut shown = Vec::new();
    for (at, one) in tables.iter().enumerate() {
        let after = just_before(from, &one.table)?;
        let lines = one.table.preview(after, count);
        shown.push(as_json(one, &lines));
        if at > 0 {
            report.line("");
        }
        report.line(report.paint(Style::Bold, &heading(one)));
        print(report, &lines);
        let n_due = lines.iter().filter(|line| matches!(line, Line::Due { .. })).count();
        if n_due == 0 {
            report.line("it does not fall due any more");
        } else if n_due < count {
            report.line(format!(
                "{} in all: it falls due no more after that",
                plural(n_due as u64, "time")
            ));
        }
    }
    report
        .json(&json!({ "flow": tables[0].flow, "enabled": tables[0].enabled, "schedules": shown }));
    Ok(())
}

/// The instant just before the one that is asked from, so that one due right then is shown.
fn just_before(from: Option<&str>, table: &Timetable) -> Result<Timestamp, Failure> {
    let Some(text) = from else { return Ok(Timestamp::now()) };
    let unreadable = || {
        Failure::usage(format!("cannot read {text:?} as a time")).help(
            "write a day 2026-12-24, a time in the schedule's zone 2026-12-24T18:00, \
             or an instant 2026-12-24T18:00:00Z",
        )
    };
    let at = Moment::parse(text).and_then(|moment| table.instant(moment)).ok_or_else(unreadable)?;
    at.checked_sub(SignedDuration::from_nanos(1)).map_err(|_| unreadable())
}

/// What a schedule says, in a line.
fn heading(one: &Table<'_>) -> String {
    let mut text = format!("{}: {}", one.flow, rule(one.written));
    if let Some(jitter) = one.written.jitter {
        let jitter = linchpin_language::print_duration(jitter);
        text.push_str(&format!(", each start up to {jitter} later"));
    }
    if !one.enabled {
        text.push_str(" (the flow is not enabled: nothing starts)");
    }
    text
}

fn rule(written: &Written) -> String {
    let rule = match &written.rule {
        Rule::Cron(pattern) => format!("cron {pattern:?}"),
        Rule::Every(period) => format!("every {}", linchpin_language::print_duration(*period)),
        Rule::At(moment) => format!("once at {moment}"),
    };
    match &written.timezone {
        Some(zone) => format!("{rule} in {zone}"),
        None => rule,
    }
}

fn print(report: &Report, lines: &[Line]) {
    let rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    report.table(&["DUE", "UTC", "NOTE"], &rows);
}

fn row(line: &Line) -> Vec<String> {
    match line {
        Line::Due { at, .. } => vec![local(at), utc(at), notes(line).join("; ")],
        Line::LeftOut { at, count, why } => {
            let what =
                if *count == 1 { "left out".to_owned() } else { format!("{count} left out") };
            vec![at.strftime("%a %F").to_string(), "-".to_owned(), format!("{what}: {why}")]
        }
    }
}

/// What is special about a due time, in words.
fn notes(line: &Line) -> Vec<String> {
    let Line::Due { at, mark, change } = line else { return Vec::new() };
    let mark = mark.map(|mark| mark.words(at));
    let change = change.map(|by| {
        let to = at.strftime("%:z");
        let length = linchpin_language::print_duration(by.unsigned_abs());
        match by.is_negative() {
            true => format!("the clock was set back by {length}, to UTC{to}"),
            false => format!("the clock was set forward by {length}, to UTC{to}"),
        }
    });
    mark.into_iter().chain(change).collect()
}

fn local(at: &Zoned) -> String {
    match at.second() {
        0 => at.strftime("%a %F %H:%M %Z").to_string(),
        _ => at.strftime("%a %F %T %Z").to_string(),
    }
}

fn utc(at: &Zoned) -> String {
    let at = at.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
    match at.second() {
        0 => at.strftime("%F %H:%M").to_string(),
        _ => at.strftime("%F %T").to_string(),
    }
}

fn as_json(one: &Table<'_>, lines: &[Line]) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| match line {
            Line::Due { at, mark, change } => json!({
                "due": at.timestamp(),
                "starts": at.timestamp().checked_add(one.table.delay(one.flow, at.timestamp())).ok(),
                "local": at.to_string(),
                "weekday": at.strftime("%A").to_string(),
                "mark": mark.map(linchpin_engine::schedule::Mark::as_str),
                "clock_set_by_s": change.map(|by| by.as_secs()),
                "notes": notes(line),
            }),
            Line::LeftOut { at, count, why } => json!({
                "left_out": at.date().to_string(),
                "weekday": at.strftime("%A").to_string(),
                "count": count,
                "why": why,
            }),
        })
        .collect();
    json!({ "rule": rule(one.written), "timezone": one.written.timezone, "lines": lines })
}

fn list(report: &Report, workspace: &Workspace) -> Result<(), Failure> {
    let now = Timestamp::now();
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for loaded in workspace.flows.iter() {
        for one in tables(workspace, loaded)? {
            let next =
                one.table.next(now, 1).first().map(|at| at.to_zoned(one.table.zone().clone()));
            let due = match &next {
                _ if !one.enabled => "not enabled".to_owned(),
                Some(at) => local(at),
                None => "no more".to_owned(),
            };
            let in_utc = next.as_ref().filter(|_| one.enabled).map_or("-".to_owned(), utc);
            rows.push(vec![one.flow.to_owned(), rule(one.written), due, in_utc]);
            shown.push(json!({
                "flow": one.flow, "enabled": one.enabled, "rule": rule(one.written),
                "next_due": next.map(|at| at.timestamp()),
            }));
        }
    }
    report.json(&shown.into());
    workspace.tell_left_out(report);
    if rows.is_empty() {
        report.line("no flow has a schedule");
    } else {
        report.table(&["FLOW", "SCHEDULE", "NEXT DUE", "UTC"], &rows);
    }
    Ok(())
}
