//! `linchpin dry-run`: what a run would do, without doing it.

use clap::Args;
use linchpin_connector::Effect;
use linchpin_language::{Map, Value, as_unknown, unknowns, worded};
use linchpin_runtime::dry_run::{Change, Count, Preview, Read};

use crate::args::Global;
use crate::commands::Done;
use crate::commands::run::Wish;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::steps::{brief, plural};

/// Show what a run would change, without changing anything
#[derive(Debug, Args)]
pub(crate) struct DryRun {
    #[command(flatten)]
    wish: Wish,
}

impl DryRun {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let looked = self.wish.look(&project)?;
        let purpose = Purpose { serves: false, file: looked.outside.clone() };
        let session = Session::open(&project, purpose).await?;
        let answer = match looked.fits(&session, &project) {
            Ok(()) => {
                let body = Value::Object(looked.body);
                session.client.post("/v1/dry-runs", &body).await.map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        session.close().await;
        let answer = answer?;
        report.json(&answer);
        let preview: Preview = serde_json::from_value(answer)
            .map_err(|error| Failure::because("the preview is of another version", &error))?;
        show(report, &preview);
        Ok(match preview.exit_code() {
            0 => ExitCode::Ok,
            2 => ExitCode::Changes,
            _ => ExitCode::Failed,
        })
    }
}

fn show(report: &Report, preview: &Preview) {
    let flow = report.paint(Style::Bold, &preview.flow);
    let starts = match preview.starts {
        0 => String::new(),
        n => format!(", and start {} of their own", plural(n, "run")),
    };
    let until = match (&preview.error, preview.held.is_empty()) {
        (None, true) => "",
        (Some(_), _) => " before it fails",
        (None, false) => " before it is held",
    };
    report.line(format!("{flow} would {}{starts}{until}", counts(&preview.counts)));
    for change in &preview.changes {
        show_change(report, change);
    }
    for same in &preview.unchanged {
        let line = format!("  = {}  {}.{}: nothing to do", same.path, same.alias, same.action);
        report.line(report.paint(Style::Dim, &line));
    }
    for read in &preview.reads {
        let remark = match read {
            Read { not_sent: true, .. } => " (not sent: its input is known after run)",
            Read { of_changes: true, .. } => " (not sent: it reads what the changes above make)",
            Read { may_differ: true, .. } => " (may read something else after the changes above)",
            _ => "",
        };
        let line = format!("  r {}  {}.{}{remark}", read.path, read.alias, read.action);
        report.line(report.paint(Style::Dim, &line));
    }
    let sent = match preview.requests {
        0 => None,
        1 => Some("it took 1 request, a read".to_owned()),
        n => Some(format!("it took {n} requests, all of them reads")),
    };
    for note in preview.notes.iter().chain(&sent) {
        report.line(format!("  {} {note}", report.paint(Style::Cyan, "i")));
    }
    for message in &preview.log {
        report.line(format!("  {} {message}", report.paint(Style::Dim, "log:")));
    }
    for (name, value) in preview.outputs.as_ref().and_then(Value::as_object).into_iter().flatten() {
        if !value.is_null() {
            let name = report.paint(Style::Dim, &format!("{name}:"));
            report.line(format!("  {name} {}", readable(value)));
        }
    }
    for held in &preview.held {
        report.line(format!("{} it would be held at {held}", report.paint(Style::Yellow, "?")));
    }
    if let Some(error) = &preview.error {
        let mark = report.paint(Style::Red, "✗");
        report.line(format!("{mark} it would fail at {}: {}", error.step, error.message));
    }
}

fn show_change(report: &Report, change: &Change) {
    let (sign, style) = match change.effect.as_str() {
        "create" | "send" => ("+", Style::Green),
        "delete" => ("-", Style::Red),
        _ => ("~", Style::Yellow),
    };
    let sign = report.paint(style, sign);
    let may = match (change.may_run, change.may_repeat) {
        (true, true) => " (may run, and more than once)",
        (true, false) => " (may run)",
        (false, true) => " (once or more)",
        (false, false) => "",
    };
    let times = match (change.count, n_unknown_lists(change)) {
        (1, 0) => String::new(),
        (n, 0) => format!(" {n}"),
        (n, lists) => format!(" {} or more", n.saturating_sub(lists)),
    };
    let effect = in_words(change.effect);
    let call = format!("{}.{}", change.alias, change.action);
    report.line(format!("  {sign} {}  {effect}{times} by {call}{may}", change.path));
    report.line(report.paint(Style::Dim, &format!("      {}", change.request)));
    for one in change.changes.as_array().into_iter().flatten().take(10) {
        report.line(format!("      {}", fields(one)));
    }
    let n_more = change.changes.as_array().map_or(0, Vec::len).saturating_sub(10);
    if n_more > 0 {
        report.line(format!("      and {n_more} more; --json has all"));
    }
}

/// How many of its changes are a list of which it is not known yet how many it holds.
fn n_unknown_lists(change: &Change) -> u64 {
    let all = change.changes.as_array().into_iter().flatten();
    all.filter_map(as_unknown).filter(|unknown| unknown.ty.starts_with("list")).count() as u64
}

/// `create 1, update 2 to 5`, or that there is nothing to do.
fn counts(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "change nothing".to_owned();
    }
    let count = |count: &Count| {
        let things = match (count.from, count.to) {
            (from, Some(to)) if from == to => plural(from, "thing"),
            (from, Some(to)) => format!("{from} to {}", plural(to, "thing")),
            (from, None) => format!("{} or more", plural(from, "thing")),
        };
        format!("{} {things}", in_words(count.effect))
    };
    counts.iter().map(count).collect::<Vec<_>>().join(", ")
}

/// What a write would do; of some only the answer shows whether the thing was there.
fn in_words(effect: Effect) -> &'static str {
    match effect {
        Effect::Ensure => "create or update",
        other => other.as_str(),
    }
}

/// A change as its fields, each cut where it gets long.
fn fields(change: &Value) -> String {
    const LONGEST: usize = 60;
    let known = as_unknown(change).is_none();
    let Some(fields) = change.as_object().filter(|_| known) else { return readable(change) };
    let field = |(name, value): (&String, &Value)| {
        let text = readable(value);
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{name}: {}…", &text[..at]),
            None => format!("{name}: {text}"),
        }
    };
    // Optional fields that were not given say nothing about what is written.
    let is_given = |value: &Value| !value.is_null() && *value != Value::Object(Map::new());
    fields.iter().filter(|(_, value)| is_given(value)).map(field).collect::<Vec<_>>().join(", ")
}

/// A value with what is not known yet in words.
fn readable(value: &Value) -> String {
    if unknowns(value).is_empty() { brief(value) } else { brief(&worded(value)) }
}

#[cfg(test)]
mod tests {
    use linchpin_language::{json, unknown};

    use super::*;

    #[test]
    fn counts_say_how_sure_they_are() {
        let count = |effect, from, to| Count { effect, from, to };
        assert_eq!(counts(&[]), "change nothing");
        let all = [count(Effect::Create, 1, Some(1)), count(Effect::Update, 0, Some(2))];
        assert_eq!(counts(&all), "create 1 thing, update 0 to 2 things");
        assert_eq!(counts(&[count(Effect::Delete, 3, None)]), "delete 3 things or more");
        let either = counts(&[count(Effect::Ensure, 1, Some(1))]);
        assert_eq!(either, "create or update 1 thing");
    }

    #[test]
    fn a_change_is_shown_field_by_field() {
        let change = json!({ "n": 1, "none": null, "fields": {}, "long": "x".repeat(80) });
        assert_eq!(fields(&change), format!("n: 1, long: {}…", "x".repeat(60)));
    }

    #[test]
    fn what_is_not_known_is_said_in_words() {
        let value = json!({ "user": unknown("1", "string", "learner.id"), "n": 1 });
        assert_eq!(readable(&value), "{\"user\":\"(learner.id: known after run)\",\"n\":1}");
    }
}
