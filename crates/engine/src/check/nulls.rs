//! Values that can be null where they are read: which of them to tell, why they can be null, and
//! what to do about it.

use linchpin_language::{Diagnostic, Node, NullRead, Span, Study, codes};

use super::Checker;
use crate::flow::{OnError, StepKind};

/// What a study found, except what was told already in the same place.
pub(super) fn report<'c>(checker: &mut Checker<'c>, node: &Node<'c>, study: &Study) {
    for mistake in &study.mistakes {
        let mistake = node.mistake(mistake);
        // An unknown field of what was told to be unknown is the same mistake.
        if !is_told(checker, &mistake, mistake.code != codes::UNKNOWN_FIELD) {
            checker.report(mistake);
        }
    }
    for null in &study.nulls {
        if null.path.is_empty() && is_told_by_default(checker, &null.root) {
            continue;
        }
        if null.is_read_through || is_own(&null.root, &null.path) {
            let span = node.span_within(null.range.clone());
            tell(checker, node, null, span);
        }
    }
}

/// A whole value that is needed.
pub(super) fn needed<'c>(checker: &mut Checker<'c>, node: &Node<'c>, root: &str, path: &[String]) {
    if is_own(root, path) {
        let (root, path) = (root.to_owned(), path.to_vec());
        let null = NullRead { root, path, is_read_through: false, range: 0..0 };
        tell(checker, node, &null, node.span());
    }
}

/// A decision without a default: that is told where it is decided.
fn is_told_by_default(checker: &Checker<'_>, id: &str) -> bool {
    let step = checker.places.get(id).and_then(|place| place.last()?.step());
    step.is_some_and(|step| {
        matches!(step.kind, StepKind::Decide(_))
            && step.guard.is_none()
            && matches!(step.on_error, OnError::Stop)
    })
}

/// Whether the flow itself makes a value null. The fields that other systems answer with can
/// nearly all be null: to test each of them would hide the tests that matter.
fn is_own(root: &str, path: &[String]) -> bool {
    match (root, path) {
        ("inputs" | "vars", [_]) => true,
        ("run", [field]) => field == "user",
        (_, []) => true,
        _ => false,
    }
}

fn tell<'c>(checker: &mut Checker<'c>, node: &Node<'c>, null: &NullRead, span: Span) {
    let name = std::iter::once(null.root.as_str()).chain(null.path.iter().map(String::as_str));
    let name = name.collect::<Vec<_>>().join(".");
    let why = match (null.root.as_str(), null.path.as_slice()) {
        ("inputs", [_]) => ": it need not be given and has no default",
        ("run", [_]) => ": nobody starts a flow that starts by itself",
        ("error", []) => ": a `finally` runs after success as well",
        ("vars", _) => "",
        (id, []) if checker.places.contains_key(id) => ": its step may have given no output",
        _ => "",
    };
    let message = format!("`{name}` can be null here{why}");
    let mut found = node.warning(codes::UNGUARDED_NULL, message);
    found.span = span;
    if is_told(checker, &found, false) {
        return;
    }
    let help = match node.as_str().is_some_and(|text| text.contains("{{")) {
        true => format!(
            "put it into {{{{#if {name}}}}}...{{{{/if}}}}, or guard the step: if: {name} != null"
        ),
        false => format!("test it first: {name} != null && ..."),
    };
    checker.report(found.with_help(help));
}

/// Whether something is told in this place already; `of_code`: of the same code.
fn is_told(checker: &Checker<'_>, new: &Diagnostic, of_code: bool) -> bool {
    checker.found.iter().any(|known| {
        (!of_code || known.code == new.code)
            && known.span.start < new.span.end
            && new.span.start < known.span.end
    })
}
