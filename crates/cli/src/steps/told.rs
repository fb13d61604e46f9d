//! What an event tells of its step, in the words of the flow.

use linchpin_connector::Effect;
use linchpin_engine::Event;
use linchpin_engine::event::{Decision, HeldRow};
use linchpin_engine::history::StepHistory;
use linchpin_engine::run::StepState;
use linchpin_language::Value;

use super::Mark;
use super::words::{brief, past, plural, print_instant};

/// What kind of step an event belongs to, in the words of the flow.
pub(super) fn kind(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Intended(_) | Event::Succeeded(_) | Event::Failed(_) => "call",
        Event::Decided { decision, .. } => match decision {
            Decision::Until(_) => "wait",
            Decision::Asked { approval: Some(_), .. } => "approval",
            Decision::Asked { approval: None, .. } => "ask",
            Decision::Listening(_) => "wait",
            Decision::Items { .. } | Decision::Stream { .. } => "for_each",
            Decision::Subflow { .. } | Decision::Detached { .. } => "call",
            Decision::Repeat | Decision::Again(_) | Decision::Enough { .. } => "repeat",
            Decision::Branches => "parallel",
            Decision::Rows { .. } => "decide",
            Decision::Next => "next",
            Decision::Break => "break",
            _ => return None,
        },
        _ => return None,
    })
}

pub(super) fn decided(step: &StepHistory, decision: &Decision) -> Option<(Mark, String)> {
    let is_named = !step.path.leaf().starts_with('#');
    Some(match decision {
        Decision::Skipped if is_named => (Mark::Skipped, "skipped".to_owned()),
        Decision::Items { items, .. } => (Mark::Opened, plural(items.len() as u64, "item")),
        Decision::Stream { .. } => (Mark::Opened, "reads a stream".to_owned()),
        Decision::Subflow { .. } => (Mark::Opened, "starts a subflow".to_owned()),
        Decision::Outputs(_) => (Mark::Done, String::new()),
        Decision::Branches => (Mark::Opened, "runs its branches".to_owned()),
        Decision::Again(_) => {
            let again = step.waiting.as_ref()?;
            let times = plural(step.items?.saturating_sub(1), "time");
            (Mark::Waits, format!("{again}, after {times}"))
        }
        Decision::Enough { count, .. } => (Mark::Done, format!("after {}", plural(*count, "time"))),
        Decision::Rows { rows, result } => {
            let has_steps = rows.iter().any(|row| row.steps);
            (if has_steps { Mark::Opened } else { Mark::Done }, held_rows(rows, result))
        }
        Decision::Next => (Mark::Skipped, "leaves this iteration".to_owned()),
        Decision::Break => (Mark::Opened, "leaves the loop".to_owned()),
        Decision::Until(at) => (Mark::Waits, format!("waits until {}", print_instant(*at))),
        Decision::Asked { of, message, approval, .. } => {
            let message = message.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
            let what = if approval.is_some() { "waits for approval by" } else { "asks" };
            (Mark::Waits, format!("{what} {of}{message}"))
        }
        Decision::Listening(name) => (Mark::Waits, format!("waits for the signal {name}")),
        Decision::Received { name, .. } => (Mark::Done, format!("the signal {name} came")),
        Decision::Failed(error) => {
            (failed_mark(step), format!("{}: {}", error.kind, error.message))
        }
        _ => return None,
    })
}

/// Which rows of a decision hold, and what they result in.
fn held_rows(rows: &[HeldRow], result: &Value) -> String {
    let held = match rows {
        [] => return "no row holds".to_owned(),
        rows => rows.iter().map(|held| held.row.to_string().replace('_', " ")),
    };
    let held: Vec<String> = held.collect();
    match result {
        Value::Null => held.join(", "),
        Value::Array(items) if items.is_empty() => held.join(", "),
        result => format!("{}: {}", held.join(", "), brief(result)),
    }
}

pub(super) fn failed_mark(step: &StepHistory) -> Mark {
    if step.state == StepState::Caught { Mark::Caught } else { Mark::Failed }
}

/// What a call that ended well did.
pub(super) fn done(step: &StepHistory) -> String {
    if let (Some(Effect::None), Some(run)) =
        (step.effect, step.output.as_ref().and_then(|output| output.get("run")?.as_str()))
    {
        return format!("started run {run}");
    }
    let count = step.output.as_ref().and_then(|output| output.get("count")?.as_u64());
    let what = match step.effect {
        Some(effect) if effect.is_write() && step.changes == 0 => "nothing to do".to_owned(),
        Some(effect) if effect.is_write() => format!("{} {}", step.changes, past(effect.as_str())),
        _ => count.map(|count| format!("{count} found")).unwrap_or_default(),
    };
    let tries = (step.attempts > 1).then(|| format!("attempt {}", step.attempts));
    let parts = [Some(what).filter(|what| !what.is_empty()), tries];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
