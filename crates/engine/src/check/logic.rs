//! Decision tables, the condition of a repeat, and what leaves a loop.

use linchpin_language::{
    Domain, Expression, Fields, Never, Schema, Severity, Span, Template, Type, Value, codes,
    never_first,
};

use super::sight::{Hop, Trail};
use super::{Checker, references, types, visit};
use crate::flow::{Answer, Arm, Decide, Match, Repeat, Step};

/// The condition of a repeat: it sees the steps of its body.
pub(super) fn until<'c>(checker: &mut Checker<'c>, repeat: &'c Repeat, trail: &mut Trail<'c>) {
    trail.push(Hop { arm: Arm::Body, block: &repeat.body, at: repeat.body.steps.len() });
    visit::condition(checker, &repeat.until, trail);
    trail.pop();
}

/// `next` and `break`: there is a loop around them that they may leave.
pub(super) fn leave(checker: &mut Checker<'_>, trail: &[Hop<'_>], step: &Step, word: &str) {
    let stops = trail.iter().rev().find(|hop| matches!(hop.arm, Arm::Body | Arm::Finally));
    let (message, help) = match stops.map(|hop| hop.arm) {
        Some(Arm::Body) => return,
        Some(_) => (
            format!("`{word}` cannot leave a `finally`"),
            "a `finally` always runs to its end; decide before it",
        ),
        None => (
            format!("there is no loop around this `{word}`"),
            "it stands in the steps of a `for_each` or `repeat`; `end` ends the flow",
        ),
    };
    let node = checker.node(step.span).and_then(|node| node.get(word));
    let span = node.map_or(step.span, |node| node.key_span());
    let mistake = checker.error(codes::MISPLACED_STEP, message, span);
    checker.report(mistake.with_help(help));
}

/// A decision table.
pub(super) fn decide<'c>(checker: &mut Checker<'c>, decide: &'c Decide, trail: &mut Trail<'c>) {
    for row in &decide.rows {
        visit::condition(checker, &row.when, trail);
    }
    for (arm, answer) in answers(decide) {
        let Some(result) = &answer.result else { continue };
        trail.push(inside(arm, answer));
        references::value(checker, result.span, trail);
        trail.pop();
    }
    rows(checker, decide, trail);
}

/// The rows with what follows from each, the default last.
fn answers(decide: &Decide) -> impl Iterator<Item = (Arm, &Answer)> {
    let rows = decide.rows.iter().enumerate().map(|(at, row)| (Arm::Row(at), &row.answer));
    rows.chain(decide.default.iter().map(|answer| (Arm::Default, answer)))
}

fn inside(arm: Arm, answer: &Answer) -> Hop<'_> {
    Hop { arm, block: &answer.steps, at: answer.steps.steps.len() }
}

/// Rows that can never count.
fn rows(checker: &mut Checker<'_>, decide: &Decide, trail: &[Hop<'_>]) {
    for (at, never) in verdicts(checker, decide, trail).into_iter().enumerate() {
        let Some(never) = never else { continue };
        let is_default = at == decide.rows.len();
        let answer = match is_default {
            false => &decide.rows[at].answer,
            true => match &decide.default {
                Some(default) => default,
                None => continue,
            },
        };
        let span = match decide.rows.get(at) {
            Some(row) => row.when.span,
            None => answer.span,
        };
        let (message, help) = match never {
            Never::Holds => {
                ("this row can never hold: its condition contradicts itself".to_owned(), None)
            }
            Never::Behind(_) | Never::BehindAll if is_default => {
                let help = "leave it out, or leave out the condition that is always met";
                ("the default can never count: one of the rows always holds".to_owned(), Some(help))
            }
            Never::Behind(before) if is_always(&decide.rows[before].when.value) => {
                let message =
                    format!("row {} can never count: row {} always holds", at + 1, before + 1);
                (message, Some("write what holds otherwise under `default`"))
            }
            Never::Behind(before) => {
                let message = format!(
                    "row {} can never count: where it holds, row {} does, and the first counts",
                    at + 1,
                    before + 1
                );
                (message, Some("put the narrower condition first, or write `match: all`"))
            }
            Never::BehindAll => {
                let message = format!("row {} can never count: one before it always holds", at + 1);
                (message, Some("put the narrower condition first, or write `match: all`"))
            }
        };
        let mut found = checker.at(Severity::Warning, codes::UNREACHABLE_ROW, message, span);
        found.help = help.map(str::to_owned);
        checker.report(found);
    }
}

fn is_always(condition: &Expression) -> bool {
    condition.references().is_empty()
}

/// Why each row, and behind them the default, never counts.
fn verdicts(checker: &Checker<'_>, decide: &Decide, trail: &[Hop<'_>]) -> Vec<Option<Never>> {
    let always = Expression::parse("true").expect("true is an expression");
    let mut conditions: Vec<&Expression> = decide.rows.iter().map(|row| &row.when.value).collect();
    conditions.push(&always);
    let domain = |root: &str, path: &[String]| few_values(checker, root, path, trail);
    let domain: Domain<'_> = &domain;
    match decide.matching {
        Match::First => never_first(&conditions, domain),
        Match::All => {
            let last = conditions.len() - 1;
            let own = conditions[..last].iter().map(|one| never_first(&[one], domain)[0]);
            let mut own: Vec<Option<Never>> = own.collect();
            own.push(never_first(&conditions, domain)[last]);
            own
        }
    }
}

/// The values of a name that can have few only and is always there.
fn few_values(
    checker: &Checker<'_>,
    root: &str,
    path: &[String],
    trail: &[Hop<'_>],
) -> Option<Vec<Value>> {
    let root = types::of_name(checker, root, trail)?;
    let mut schema: &Schema = &root;
    for field in path {
        if schema.nullable {
            return None;
        }
        schema = schema.field(field)?;
        // An input that need not be given, and has no default, is null.
        if !schema.required && schema.default.is_none() {
            return None;
        }
    }
    match schema.ty {
        _ if schema.nullable => None,
        Type::Boolean => Some(vec![Value::Bool(true), Value::Bool(false)]),
        _ if !schema.choices.is_empty() => Some(schema.choices.clone()),
        _ => None,
    }
}

/// Decisions whose result something relies on, and that may come to none.
pub(super) fn missing_defaults(checker: &mut Checker<'_>) {
    for id in checker.relied_on.clone() {
        let Some(trail) = checker.places.get(id.as_str()).cloned() else { continue };
        let Some(step) = trail.last().and_then(Hop::step) else { continue };
        let crate::flow::StepKind::Decide(decide) = &step.kind else { continue };
        let is_broken = checker.broken.contains(&step.span.start);
        if is_broken
            || decide.matching == Match::All
            || !may_decide_nothing(checker, decide, &trail)
        {
            continue;
        }
        let node = checker.node(step.span).and_then(|node| node.get("decide"));
        let span: Span = node.map_or(step.span, |node| node.key_span());
        let message = format!("`{id}` is null when no row holds, and its result is used");
        let found = checker.at(Severity::Warning, codes::MISSING_DEFAULT, message, span);
        let help = "say what it is then: default: { result: ... }";
        checker.report(found.with_help(help));
    }
}

/// Whether a decision has no `default` and its rows leave something over.
fn may_decide_nothing(checker: &Checker<'_>, decide: &Decide, trail: &[Hop<'_>]) -> bool {
    let has_result = decide.rows.iter().any(|row| row.answer.result.is_some());
    has_result
        && decide.default.is_none()
        && verdicts(checker, decide, trail).last().is_some_and(Option::is_none)
}

/// The type of the output of a decision.
pub(super) fn of_decision<'c>(
    checker: &Checker<'c>,
    decide: &'c Decide,
    place: &[Hop<'c>],
) -> Schema {
    let mut found: Option<Schema> = None;
    let mut may_be_null = may_decide_nothing(checker, decide, place);
    for (arm, answer) in answers(decide) {
        let Some(result) = &answer.result else {
            may_be_null = true;
            continue;
        };
        let mut trail = place.to_vec();
        trail.push(inside(arm, answer));
        let own = of_template(checker, &result.value, &trail);
        found = Some(match found {
            Some(found) => either(found, own),
            None => own,
        });
    }
    let found = found.unwrap_or_else(Schema::any);
    match decide.matching {
        Match::First => Schema { nullable: found.nullable || may_be_null, ..found },
        Match::All => Schema::list(found),
    }
}

/// The type of a value with texts in it.
fn of_template<'c>(checker: &Checker<'c>, value: &Template, trail: &[Hop<'c>]) -> Schema {
    if let Some(text) = value.text() {
        return types::of_text(checker, text, trail);
    }
    match value.kind() {
        Some("list") => {
            let items = value.items().into_iter();
            let items = items.map(|item| of_template(checker, &item, trail));
            Schema::list(items.reduce(either).unwrap_or_else(Schema::any))
        }
        Some("object") => {
            let fields = value.entries().into_iter();
            let fields: Fields =
                fields.map(|(name, own)| (name, of_template(checker, &own, trail))).collect();
            types::some_object(&fields)
        }
        Some("null") | None => Schema::any().or_null(),
        Some(kind) => Type::named(kind).map_or_else(Schema::any, Schema::of),
    }
}

/// The type of what is one or the other: a field that only one has can be null.
fn either(a: Schema, b: Schema) -> Schema {
    let nullable = a.nullable || b.nullable;
    let ty = match (a.ty, b.ty) {
        (Type::Object(a), Type::Object(mut b)) => {
            let mut fields = Fields::new();
            for (name, own) in a {
                let own = match b.shift_remove(&name) {
                    Some(other) => either(own, other),
                    None => own.or_null(),
                };
                fields.insert(name, own);
            }
            fields.extend(b.into_iter().map(|(name, other)| (name, other.or_null())));
            Type::Object(fields)
        }
        (Type::List(a), Type::List(b)) => Type::List(Box::new(either(*a, *b))),
        (a, b) if a == b => a,
        _ => Type::Any,
    };
    Schema { nullable, ..Schema::of(ty) }
}
