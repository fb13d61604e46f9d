//! The kinds of step that are made of lists of steps and decide how often, whether and beside what
//! they run: `repeat`, `parallel`, `decide`; and what leaves a loop: `next`, `break`.

use std::sync::Arc;

use linchpin_language::{Expression, Node, Template, codes};

use super::header::is_blank;
use super::reader::Reader;
use super::step::{block, empty_block};
use crate::flow::{
    Answer, Branch, Decide, Located, Match, OnBranchError, Parallel, Repeat, Row, StepKind,
};
use crate::grammar;
use crate::path::is_label;

/// How often a `repeat` may run its steps.
const MAX_TIMES: u64 = 100_000;

/// `repeat` with `until`, `max`, `every`.
pub(super) fn repeat(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    let body = block(reader, value);
    let until = match owner.get("until") {
        Some(node) => reader.expression(&node),
        None => {
            reader.missing(owner, "until", "`repeat`");
            always(owner)
        }
    };
    let max = match owner.get("max") {
        Some(node) => reader.count(&node, 1..MAX_TIMES + 1),
        None => {
            let mistake = owner.error(codes::MISSING_KEY, "`repeat` needs `max`");
            let help = "say how often at most, so that it ends in any case: max: 60";
            reader.report(mistake.with_help(help));
            1
        }
    };
    let every = reader.optional_duration(owner, "every");
    StepKind::Repeat(Repeat { body, until, max, every })
}

/// `parallel` with its branches.
pub(super) fn parallel(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    let mut branches = Vec::new();
    if value.value().is_object() {
        for (name, steps) in value.entries() {
            branch_name(reader, &steps, name);
            branches.push(Branch { name: Arc::from(name), body: block(reader, &steps) });
        }
        if branches.is_empty() {
            reader.report(value.error(codes::BAD_VALUE, "a `parallel` has at least one branch"));
        }
    } else {
        reader.wrong_type(value, "branches as a map of names to lists of steps");
    }
    let on_branch_error =
        owner.get("on_branch_error").and_then(|node| reader.choice(&node, OnBranchError::WORDS));
    StepKind::Parallel(Parallel {
        branches,
        on_branch_error: on_branch_error.unwrap_or(OnBranchError::Stop),
    })
}

fn branch_name(reader: &mut Reader, steps: &Node<'_>, name: &str) {
    if is_label(name) {
        let message = format!("`{name}` cannot be the name of a branch");
        let mistake = steps.error_at_key(codes::RESERVED_ID, message);
        reader.report(mistake.with_help("the places of steps use this word already"));
    } else if !super::reader::is_id(name) {
        let message = format!("`{name}` cannot be the name of a branch");
        let mistake = steps.error_at_key(codes::BAD_ID, message);
        let help = "use lower-case letters, digits and `_`, a letter first, at most 63";
        reader.report(mistake.with_help(help));
    }
}

/// `decide` with its rows.
pub(super) fn decide(reader: &mut Reader, owner: &Node<'_>, value: &Node<'_>) -> StepKind {
    let mut rows = Vec::new();
    if value.value().is_array() {
        if value.items().is_empty() {
            reader.report(value.error(codes::BAD_VALUE, "a decision has at least one row"));
        }
        for row in &value.items() {
            rows.extend(self::row(reader, row));
        }
    } else {
        reader.wrong_type(value, "a list of rows, each with `when`");
    }
    let matching = owner.get("match").and_then(|node| reader.choice(&node, Match::WORDS));
    let default = owner.get("default").and_then(|node| {
        let known = &grammar::DEFAULT;
        reader.keys(&node, known).then(|| answer(reader, &node, known.name))
    });
    StepKind::Decide(Decide { matching: matching.unwrap_or(Match::First), rows, default })
}

fn row(reader: &mut Reader, node: &Node<'_>) -> Option<Row> {
    let what = grammar::ROW.name;
    if !reader.keys(node, &grammar::ROW) {
        return None;
    }
    let when = match node.get("when") {
        Some(when) => reader.expression(&when),
        None => {
            let mistake = node.error(codes::MISSING_KEY, format!("{what} needs `when`"));
            let help = "what holds when no row does stands under `default`, beside `decide`";
            reader.report(mistake.with_help(help));
            always(node)
        }
    };
    Some(Row { when, answer: answer(reader, node, what) })
}

fn answer(reader: &mut Reader, node: &Node<'_>, what: &str) -> Answer {
    let result = node.get("result").map(|result| {
        let (value, mistakes) = Template::read(&result);
        reader.report_all(mistakes);
        Located { value, span: result.span() }
    });
    let steps = match node.get("steps") {
        Some(steps) => block(reader, &steps),
        None => {
            if result.is_none() {
                let message = format!("{what} needs `result` or `steps`");
                reader.report(node.error(codes::MISSING_KEY, message));
            }
            empty_block(reader)
        }
    };
    Answer { result, steps, span: node.span() }
}

/// A condition in the place of one that is missing; reported already.
fn always(owner: &Node<'_>) -> Located<Expression> {
    let value = Expression::parse("true").expect("true is an expression");
    Located { value, span: owner.span() }
}

/// `next:`, `break:`: `true` or nothing.
pub(super) fn leave(reader: &mut Reader, value: &Node<'_>, kind: StepKind) -> StepKind {
    if !is_blank(value.value()) && value.value().as_bool() != Some(true) {
        reader.wrong_type(value, "`true` or nothing");
    }
    kind
}
