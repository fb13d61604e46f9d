//! What expressions and texts read: does the name exist, is it there yet, does it have the field,
//! can it be null.

use linchpin_language::{
    Diagnostic, Expression, Facts, Node, Reference, Schema, Span, Text, codes,
};

use super::names::Use;
use super::sight::{Hop, Sight, sight};
use super::types::{self, Problem};
use super::{Checker, guards, nulls, suggest};
use crate::flow::{Arm, Located};

/// The roots that are always names.
pub(super) const ROOTS: &[&str] =
    &["inputs", "vars", "flow", "run", "trigger", "error", "steps", "iteration", "output"];

/// The fields of `steps.x`.
pub(super) const RECORD: &[&str] =
    &["status", "output", "error", "attempts", "started_at", "ended_at"];

/// Where something is read.
struct Reader<'r, 'c> {
    /// The scalar it stands in.
    node: &'r Node<'c>,
    /// The way to the step.
    trail: &'r [Hop<'c>],
}

/// An expression field. Gives the type of its value there.
pub(super) fn expression<'c>(
    checker: &mut Checker<'c>,
    expression: &Located<Expression>,
    trail: &[Hop<'c>],
) -> Schema {
    let Some(node) = checker.node(expression.span) else {
        return Schema::any();
    };
    let read = expression.value.references();
    let reader = Reader { node: &node, trail };
    for reference in read {
        one(checker, &reader, reference);
    }
    let facts = guards::facts(checker, trail, expression.span, read);
    note_reliance(checker, &node, read, &facts);
    let study = expression.value.study(&|name| types::of_name(checker, name, trail), &facts);
    nulls::report(checker, &node, &study);
    // Of what is wrong in itself the type is not told as well.
    if study.mistakes.is_empty() { study.schema } else { Schema::any() }
}

/// An expression whose value is needed: null is none.
pub(super) fn needed<'c>(
    checker: &mut Checker<'c>,
    expression: &Located<Expression>,
    trail: &[Hop<'c>],
) -> Schema {
    let found = self::expression(checker, expression, trail);
    if let (true, Some((root, path)), Some(node)) =
        (found.nullable, expression.value.path(), checker.node(expression.span))
    {
        nulls::needed(checker, &node, root, path);
    }
    found
}

/// A text field.
pub(super) fn text<'c>(checker: &mut Checker<'c>, text: &Located<Text>, trail: &[Hop<'c>]) {
    if let Some(node) = checker.node(text.span) {
        text_at(checker, &text.value, &node, trail);
    }
}

/// A text in a node. Gives the type of its value there.
pub(super) fn text_at<'c>(
    checker: &mut Checker<'c>,
    text: &Text,
    node: &Node<'c>,
    trail: &[Hop<'c>],
) -> Schema {
    if text.is_literal() {
        return Schema::string();
    }
    let read = text.references();
    let reader = Reader { node, trail };
    for reference in read {
        one(checker, &reader, reference);
    }
    let facts = guards::facts(checker, trail, node.span(), read);
    note_reliance(checker, node, read, &facts);
    let study = text.study(&|name| types::of_name(checker, name, trail), &facts);
    nulls::report(checker, node, &study);
    study.schema
}

/// All texts of a map such as `with`.
pub(super) fn template<'c>(checker: &mut Checker<'c>, span: Span, trail: &[Hop<'c>]) {
    if let Some(node) = checker.node(span).filter(|node| node.value().is_object()) {
        leaves(checker, &node, trail);
    }
}

/// All texts of a value, whatever it is.
pub(super) fn value<'c>(checker: &mut Checker<'c>, span: Span, trail: &[Hop<'c>]) {
    if let Some(node) = checker.node(span) {
        leaves(checker, &node, trail);
    }
}

fn leaves<'c>(checker: &mut Checker<'c>, node: &Node<'c>, trail: &[Hop<'c>]) {
    // A text that cannot be read was reported when the flow was parsed.
    if let Some(text) = checker.text(node) {
        text_at(checker, &text, node, trail);
    }
    for (_, value) in node.entries() {
        leaves(checker, &value, trail);
    }
    for item in node.items() {
        leaves(checker, &item, trail);
    }
}

fn one<'c>(checker: &mut Checker<'c>, reader: &Reader<'_, 'c>, reference: &Reference) {
    let root = reference.root.as_str();
    if root == "this" || root.starts_with('@') {
        return;
    }
    if types::local(checker, root, reader.trail).is_some() {
        return fields(checker, reader, reference);
    }
    match root {
        "inputs" | "flow" | "run" | "trigger" => fields(checker, reader, reference),
        "vars" => variable(checker, reader, reference),
        "error" if in_handler(reader.trail) => fields(checker, reader, reference),
        "error" => misplaced(checker, reader, reference, "`error` is there in handlers only"),
        "iteration" if in_loop(reader.trail) => fields(checker, reader, reference),
        "iteration" => misplaced(checker, reader, reference, "`iteration` is there in loops only"),
        "output" => misplaced(
            checker,
            reader,
            reference,
            "`output` is there in the `collect` of a loop with a `call` only",
        ),
        "steps" => record(checker, reader, reference),
        id => step(checker, reader, reference, id),
    }
}

fn misplaced(
    checker: &mut Checker<'_>,
    reader: &Reader<'_, '_>,
    reference: &Reference,
    message: &str,
) {
    let found = at(reader, reference, codes::UNKNOWN_NAME, message.to_owned());
    checker.report(found);
}

fn at(
    reader: &Reader<'_, '_>,
    reference: &Reference,
    code: linchpin_language::Code,
    message: String,
) -> Diagnostic {
    let mut found = reader.node.error(code, message);
    found.span = reader.node.span_within(reference.range.clone());
    found
}

fn variable<'c>(checker: &mut Checker<'c>, reader: &Reader<'_, 'c>, reference: &Reference) {
    let flow = checker.flow;
    match reference.path.first() {
        Some(name) if !flow.vars.contains_key(name) => {
            let message = format!("the variable `{name}` is not declared");
            let found = at(reader, reference, codes::UNDECLARED_VARIABLE, message);
            let found = match flow.vars.is_empty() {
                true => {
                    found.with_help(format!("declare it: vars: {{ {name}: {{ type: string }} }}"))
                }
                false if !checker.suggests() => found,
                false => suggest(found, name, flow.vars.keys().map(String::as_str)),
            };
            checker.report(found);
        }
        Some(_) | None => fields(checker, reader, reference),
    }
}

/// `steps.x`, the record of a step.
fn record<'c>(checker: &mut Checker<'c>, reader: &Reader<'_, 'c>, reference: &Reference) {
    let Some(id) = reference.path.first() else {
        return;
    };
    if !visible(checker, reader, reference, id) {
        return;
    }
    if let Some(field) = reference.path.get(1).filter(|field| !RECORD.contains(&field.as_str())) {
        let message = format!("the record of a step has no field `{field}`");
        let found = at(reader, reference, codes::UNKNOWN_FIELD, message);
        checker.report(suggest(found, field, RECORD.iter().copied()));
    }
}

fn step<'c>(checker: &mut Checker<'c>, reader: &Reader<'_, 'c>, reference: &Reference, id: &str) {
    if visible(checker, reader, reference, id) {
        fields(checker, reader, reference);
    }
}

/// Notes the steps whose output something counts on without a test.
fn note_reliance(
    checker: &mut Checker<'_>,
    node: &Node<'_>,
    read: &[Reference],
    facts: &Facts<'_>,
) {
    for Reference { root, path, guarded, .. } in read {
        if *guarded
            || checker.relied_on.contains(root)
            || !checker.places.contains_key(root.as_str())
            || facts.is_not_null(root, &[])
            || (path.is_empty() && is_null_test(node, root))
        {
            continue;
        }
        checker.relied_on.insert(root.clone());
    }
}

/// Whether an expression asks whether the output of a step is null.
fn is_null_test(node: &Node<'_>, id: &str) -> bool {
    let spaceless: String = node.as_str().unwrap_or_default().split_whitespace().collect();
    ["==null", "!=null"].into_iter().any(|test| spaceless.contains(&format!("{id}{test}")))
}

/// Whether a step can be read here.
fn visible<'c>(
    checker: &mut Checker<'c>,
    reader: &Reader<'_, 'c>,
    reference: &Reference,
    id: &str,
) -> bool {
    let Some(place) = checker.places.get(id).cloned() else {
        let names = if checker.suggests() { names(checker, reader.trail) } else { Vec::new() };
        let message = match reference.root == "steps" {
            true => format!("there is no step `{id}`"),
            false => format!("nothing is called `{id}` here"),
        };
        let code =
            if reference.root == "steps" { codes::UNKNOWN_STEP } else { codes::UNKNOWN_NAME };
        let found = at(reader, reference, code, message);
        checker.report(suggest(found, id, names.iter().map(String::as_str)));
        return false;
    };
    checker.used.insert(id.to_owned());
    checker.uses.push(use_of(reader, reference, id));
    let (code, message, help) = match sight(&checker.ancestors, reader.trail, &place) {
        Sight::Seen { .. } => return true,
        Sight::Itself => (codes::LATER_STEP, format!("`{id}` is this step itself"), None),
        Sight::Around => {
            let message = format!("`{id}` is a step around this one: it has not ended yet");
            let help = format!("read it after `{id}`, or a step inside of it here");
            (codes::LATER_STEP, message, Some(help))
        }
        Sight::Later => {
            let help = format!("put this step behind `{id}`");
            (codes::LATER_STEP, format!("`{id}` has not run yet here"), Some(help))
        }
        Sight::NotAncestor { wait_for } => {
            let message = format!("nothing makes this step wait for `{id}`");
            (codes::NOT_AN_ANCESTOR, message, after_to_write(reader.trail, wait_for, &place))
        }
        Sight::OtherBranch => {
            let message = format!("`{id}` is in a branch or handler that cannot be read from here");
            let help = "let both set a variable, and read that (`set`, `vars`)".to_owned();
            (codes::UNREACHABLE_REFERENCE, message, Some(help))
        }
        Sight::InLoop => {
            let message = format!("`{id}` is inside a loop: only the loop's own output is left");
            let help = "give the loop a `collect` and read its `items`".to_owned();
            (codes::UNREACHABLE_REFERENCE, message, Some(help))
        }
    };
    let mut found = at(reader, reference, code, message);
    found.help = help;
    checker.report(found);
    false
}

/// Where an id stands in a reference to it.
fn use_of(reader: &Reader<'_, '_>, reference: &Reference, id: &str) -> Use {
    let start = reference.range.start;
    let skip = if reference.root == "steps" { "steps.".len() } else { 0 };
    let range = start + skip..start + skip + id.len();
    let is_there = reader.node.as_str().is_some_and(|text| text.get(range.clone()) == Some(id));
    let range = if is_there { range } else { reference.range.clone() };
    Use { id: id.to_owned(), span: reader.node.span_within(range) }
}

/// The `after` that makes a place wait for a step.
fn after_to_write(
    trail: &[Hop<'_>],
    wait_for: Option<String>,
    place: &[Hop<'_>],
) -> Option<String> {
    let wait_for = wait_for?;
    let common = trail.iter().zip(place).position(|(a, b)| a.at != b.at)?;
    let waiting = trail.get(common)?.step()?;
    let mut after: Vec<&str> = waiting.after.iter().flatten().map(|id| id.value.as_str()).collect();
    after.push(&wait_for);
    Some(format!("write `after: [{}]` on the step `{}`", after.join(", "), waiting.segment))
}

/// All names that mean something here, for suggestions.
fn names(checker: &Checker<'_>, trail: &[Hop<'_>]) -> Vec<String> {
    let seen = checker
        .places
        .iter()
        .filter(|(_, place)| matches!(sight(&checker.ancestors, trail, place), Sight::Seen { .. }));
    let mut names: Vec<String> = seen.map(|(id, _)| (*id).to_owned()).collect();
    names.extend(types::locals(trail).map(|(name, _)| name.to_owned()));
    names.extend(["inputs", "vars", "run", "flow", "trigger"].map(str::to_owned));
    names
}

/// Whether the fields that are read exist.
fn fields<'c>(checker: &mut Checker<'c>, reader: &Reader<'_, 'c>, reference: &Reference) {
    let Some(schema) = types::of_name(checker, &reference.root, reader.trail) else {
        return;
    };
    let Some(Problem { at: position, known, is }) = types::problem(&schema, &reference.path) else {
        return;
    };
    let field = &reference.path[position];
    let whole: Vec<&str> = std::iter::once(reference.root.as_str())
        .chain(reference.path[..position].iter().map(String::as_str))
        .collect();
    let whole = whole.join(".");
    let found = match known {
        Some(known)
            if known.is_empty() && position == 0 && checker.places.contains_key(whole.as_str()) =>
        {
            let message = format!("the step `{whole}` gives no output: it has no field `{field}`");
            at(reader, reference, codes::UNKNOWN_FIELD, message)
        }
        Some(known) => {
            let message = format!("`{whole}` has no field `{field}`");
            let found = at(reader, reference, codes::UNKNOWN_FIELD, message);
            suggest(found, field, known.iter().map(String::as_str))
        }
        None => {
            let message = format!("`{whole}` is {is}: it has no field `{field}`");
            at(reader, reference, codes::UNKNOWN_FIELD, message)
        }
    };
    checker.report(found);
}

pub(super) fn in_handler(trail: &[Hop<'_>]) -> bool {
    trail.iter().any(|hop| match hop.arm {
        Arm::Catch(_) | Arm::Finally | Arm::OnError | Arm::OnCancel => true,
        Arm::Body
        | Arm::Then(_)
        | Arm::Else
        | Arm::Try
        | Arm::Flow
        | Arm::Branch(_)
        | Arm::Row(_)
        | Arm::Default => false,
    })
}

pub(super) fn in_loop(trail: &[Hop<'_>]) -> bool {
    trail.iter().any(|hop| hop.arm == Arm::Body)
}
