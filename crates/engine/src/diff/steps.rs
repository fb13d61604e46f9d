//! Steps matched with each other: by id, by what they do, and across lists.

use std::collections::BTreeSet;

use linchpin_language::{Map, Value};

use super::{Change, What, fields, keys};

type Fields = Map<String, Value>;

/// Whether two steps are the same one.
type Rule<'r> = &'r dyn Fn(&Fields, &Fields) -> bool;

/// What a step does, from its written form; none for what is no step.
pub(super) fn doing(step: &Fields) -> Option<String> {
    let what = |key: &str| step.get(key).and_then(Value::as_str);
    if let Some(list) = step.get("for_each") {
        let of = list.as_str().or_else(|| list.get("call").and_then(Value::as_str));
        return Some(format!("for_each {}", of.unwrap_or("rows")));
    }
    if let Some(call) = what("call").filter(|_| !step.contains_key("columns")) {
        return Some(format!("call {call}"));
    }
    if step.contains_key("then") {
        return what("if").map(|condition| format!("if {condition}"));
    }
    for key in ["repeat", "decide", "try", "wait", "ask", "approval", "set", "log", "fail"] {
        let is_step = match step.get(key) {
            Some(Value::Array(_)) => matches!(key, "repeat" | "decide" | "try"),
            Some(Value::Object(_)) => !matches!(key, "repeat" | "decide" | "try"),
            Some(Value::String(_)) => matches!(key, "log" | "fail"),
            _ => false,
        };
        if is_step {
            return Some(match what(key) {
                Some(text) => format!("{key} {text:?}"),
                None => key.to_owned(),
            });
        }
    }
    let marks = ["end", "next", "break", "undo"];
    let mark = marks.into_iter().find(|key| step.len() <= 3 && step.contains_key(*key));
    let is_parallel = step.get("parallel").is_some_and(Value::is_object);
    mark.map(str::to_owned).or_else(|| is_parallel.then(|| "parallel".to_owned()))
}

fn id(step: &Fields) -> Option<&str> {
    step.get("id").and_then(Value::as_str)
}

/// Compares two lists of steps that stand in the same place.
pub(super) fn compare(
    path: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let steps = |list: Option<&Value>| -> Vec<Fields> {
        let items = list.and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|step| step.as_object().cloned()).collect()
    };
    let (old, new) = (steps(old), steps(new));
    let pairs = matched(&old, &new);
    let stay = in_order(&pairs);
    for (at, step) in new.iter().enumerate() {
        let Some((before, _)) = pairs.iter().find(|(_, now)| *now == at) else {
            whole(path, step, at, What::Added(Value::Object(step.clone())), changes);
            continue;
        };
        if let (Some(was), Some(is)) = (id(&old[*before]), id(step))
            && was != is
        {
            let what = What::Renamed(was.to_owned(), is.to_owned());
            whole(path, step, at, what, changes);
        }
        if !stay.contains(before) {
            let what = What::Moved(follows(&old, *before), follows(&new, at));
            whole(path, step, at, what, changes);
        }
        inside(path, at, &old[*before], step, changes);
    }
    for (at, step) in old.iter().enumerate() {
        if !pairs.iter().any(|(before, _)| *before == at) {
            whole(path, step, at, What::Removed(Value::Object(step.clone())), changes);
        }
    }
}

fn whole(path: &str, step: &Fields, at: usize, what: What, changes: &mut Vec<Change>) {
    let part = path.split(['/', '.']).next().unwrap_or(path).to_owned();
    let step = Some(place(path, step, at));
    changes.push(Change { part, step, field: String::new(), what });
}

/// The name of a step with those around it: `enrol.learner`, `enrol/then.#2`.
fn place(path: &str, step: &Fields, at: usize) -> String {
    let name = id(step).map_or_else(|| format!("#{}", at + 1), str::to_owned);
    match path.split_once('/') {
        Some((_, outer)) => format!("{outer}.{name}"),
        None => name,
    }
}

fn follows(steps: &[Fields], at: usize) -> String {
    match at.checked_sub(1).map(|before| &steps[before]) {
        Some(before) => {
            let name = id(before).map(str::to_owned).or_else(|| doing(before));
            format!("after {}", name.unwrap_or_else(|| format!("step {at}")))
        }
        None => "first".to_owned(),
    }
}

/// Pairs of positions: the same id; then the same but for the id; then the same kind of thing.
fn matched(old: &[Fields], new: &[Fields]) -> Vec<(usize, usize)> {
    let bare = |step: &Fields| {
        let mut step = step.clone();
        step.shift_remove("id");
        step
    };
    let by_id = |one: &Fields, other: &Fields| id(one).is_some() && id(one) == id(other);
    let same = |one: &Fields, other: &Fields| bare(one) == bare(other);
    let alike = |one: &Fields, other: &Fields| {
        (id(one).is_none() || id(other).is_none()) && target(one) == target(other)
    };
    let renamed = |one: &Fields, other: &Fields| {
        target(one) == target(other)
            && old.iter().filter(|step| target(step) == target(one)).count() == 1
            && new.iter().filter(|step| target(step) == target(one)).count() == 1
    };
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let rules: [Rule<'_>; 4] = [&by_id, &same, &alike, &renamed];
    for is_pair in rules {
        for (before, one) in old.iter().enumerate() {
            if pairs.iter().any(|(taken, _)| *taken == before) {
                continue;
            }
            let free = |at: &usize| !pairs.iter().any(|(_, taken)| taken == at);
            let found = (0..new.len()).filter(free).find(|at| is_pair(one, &new[*at]));
            pairs.extend(found.map(|now| (before, now)));
        }
    }
    pairs
}

/// What makes two steps alike: the action that is called, or the kind.
fn target(step: &Fields) -> Option<String> {
    let doing = doing(step)?;
    let is_call = doing.starts_with("call ") || doing.starts_with("for_each ");
    let kind = doing.split(' ').next().unwrap_or_default().to_owned();
    Some(if is_call { doing } else { kind })
}

/// The older positions of the longest run of pairs whose order is the same in both.
fn in_order(pairs: &[(usize, usize)]) -> BTreeSet<usize> {
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    // The longest rising run that ends with each pair, and the pair before it.
    let mut best: Vec<(usize, Option<usize>)> = Vec::new();
    for (at, (_, now)) in pairs.iter().enumerate() {
        let before = (0..at).filter(|one| pairs[*one].1 < *now).max_by_key(|one| best[*one].0);
        best.push((before.map_or(1, |one| best[one].0 + 1), before));
    }
    let mut at = (0..pairs.len()).max_by_key(|one| best[*one].0);
    let mut stay = BTreeSet::new();
    while let Some(one) = at {
        stay.insert(pairs[one].0);
        at = best[one].1;
    }
    stay
}

/// Compares two steps that are the same one.
fn inside(path: &str, at: usize, old: &Fields, new: &Fields, changes: &mut Vec<Change>) {
    let name = place(path, new, at);
    let part = path.split(['/', '.']).next().unwrap_or(path);
    let below = |arm: &str| format!("{part}/{name}{arm}");
    for key in keys(old, new) {
        let (before, now) = (old.get(key), new.get(key));
        match key {
            "id" => {}
            "steps" | "repeat" => compare(&below(""), before, now, changes),
            "try" | "then" | "else" | "finally" => {
                compare(&below(&format!("/{key}")), before, now, changes);
            }
            "on_error" if [before, now].iter().flatten().any(|value| value.is_array()) => {
                compare(&below("/on_error"), before, now, changes);
            }
            "else_if" | "catch" | "decide" => {
                clauses(part, &name, key, before, now, changes);
            }
            "default" => clause(part, &name, key, before, now, changes),
            "parallel" if [before, now].iter().flatten().any(|value| value.is_object()) => {
                branches(part, &name, before, now, changes);
            }
            _ => fields(part, Some(&name), key, before, now, changes),
        }
    }
}

fn clauses(
    part: &str,
    step: &str,
    key: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let count = |list: Option<&Value>| list.and_then(Value::as_array).map_or(0, Vec::len);
    let at = |list: Option<&Value>, at: usize| list.and_then(|list| list.get(at)).cloned();
    for nth in 0..count(old).max(count(new)) {
        let (before, now) = (at(old, nth), at(new, nth));
        let key = format!("{key}_{}", nth + 1);
        clause(part, step, &key, before.as_ref(), now.as_ref(), changes);
    }
}

fn clause(
    part: &str,
    step: &str,
    key: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let (Some(Value::Object(before)), Some(Value::Object(now))) = (old, new) else {
        return fields(part, Some(step), key, old, new, changes);
    };
    for inner in keys(before, now) {
        let (old, new) = (before.get(inner), now.get(inner));
        if inner == "steps" || inner == "then" {
            compare(&format!("{part}/{step}/{key}"), old, new, changes);
        } else {
            fields(part, Some(step), &format!("{key}.{inner}"), old, new, changes);
        }
    }
}

fn branches(
    part: &str,
    step: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    changes: &mut Vec<Change>,
) {
    let none = Map::new();
    let of = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old, new) = (of(old).unwrap_or(none.clone()), of(new).unwrap_or(none));
    for name in keys(&old, &new) {
        compare(&format!("{part}/{step}/{name}"), old.get(name), new.get(name), changes);
    }
}

/// A step that is gone in one list and new in another has moved.
pub(super) fn settle(changes: &mut Vec<Change>) {
    let mut at = 0;
    while at < changes.len() {
        let gone = match &changes[at].what {
            What::Removed(Value::Object(step)) if changes[at].field.is_empty() => step.clone(),
            _ => {
                at += 1;
                continue;
            }
        };
        let is_back = |change: &Change| match &change.what {
            What::Added(Value::Object(step)) => {
                change.field.is_empty() && id(&gone).is_some() && id(step) == id(&gone)
            }
            _ => false,
        };
        let Some(back) = changes.iter().position(is_back) else {
            at += 1;
            continue;
        };
        let was = changes[at].clone();
        let mut now = changes[back].clone();
        let mut more = Vec::new();
        if let What::Added(Value::Object(step)) = &now.what {
            let path = now.step.clone().unwrap_or_default();
            let outer = path.rsplit_once('.').map_or(String::new(), |(outer, _)| outer.to_owned());
            let path =
                if outer.is_empty() { now.part.clone() } else { format!("{}/{outer}", now.part) };
            inside(&path, 0, &gone, step, &mut more);
        }
        let whereabouts = |change: &Change| {
            let step = change.step.clone().unwrap_or_default();
            match step.rsplit_once('.') {
                Some((outer, _)) => format!("in {outer}"),
                None => format!("in {}", change.part),
            }
        };
        now.what = What::Moved(whereabouts(&was), whereabouts(&now));
        changes[back] = now;
        changes.splice(back + 1..back + 1, more.iter().cloned());
        let gone = if at > back { at + more.len() } else { at };
        changes.remove(gone);
        at = 0;
    }
}
