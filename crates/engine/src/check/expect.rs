//! Whether a value of one type can stand where another is expected.

use linchpin_language::{Expression, Schema, Type, codes};

use super::sight::Hop;
use super::types::named;
use super::{Checker, suggest};
use crate::flow::{Arm, Located, StepKind};

/// `for_each` over something that is no list.
pub(super) fn list(checker: &mut Checker<'_>, list: &Located<Expression>, found: &Schema) {
    let Type::Object(fields) = &found.ty else {
        if !matches!(found.ty, Type::List(_) | Type::Any) {
            wrong_expression(checker, list, "a list", found);
        }
        return;
    };
    if fields.is_empty() {
        return;
    }
    let message = "expected a list, this is an object";
    let mistake = checker.error(codes::EXPRESSION_TYPE, message, list.span);
    let lists: Vec<&str> = fields
        .iter()
        .filter(|(_, field)| matches!(field.ty, Type::List(_)))
        .map(|(name, _)| name.as_str())
        .collect();
    checker.report(match lists.as_slice() {
        [only] => mistake.with_help(format!("did you mean `{}.{only}`?", list.value.source())),
        _ => mistake,
    });
}

/// An expression of another type than its place takes.
pub(super) fn wrong_expression(
    checker: &mut Checker<'_>,
    expression: &Located<Expression>,
    wanted: &str,
    found: &Schema,
) {
    let message = format!("expected {wanted}, this is {}", named(found));
    let mistake = checker.error(codes::EXPRESSION_TYPE, message, expression.span);
    checker.report(mistake);
}

/// `set` of one variable.
pub(super) fn assignment<'c>(
    checker: &mut Checker<'c>,
    name: &str,
    value: &Located<Expression>,
    found: &Schema,
    trail: &[Hop<'c>],
) {
    let flow = checker.flow;
    let key = checker.node(value.span).map_or(value.span, |node| node.key_span());
    let Some(declared) = flow.vars.get(name) else {
        let message = format!("the variable `{name}` is not declared");
        let mistake = checker.error(codes::UNDECLARED_VARIABLE, message, key);
        checker.report(match flow.vars.is_empty() {
            true => {
                mistake.with_help(format!("declare it: vars: {{ {name}: {{ type: string }} }}"))
            }
            false => suggest(mistake, name, flow.vars.keys().map(String::as_str)),
        });
        return;
    };
    if let Some((path, wanted, given)) = declared.refuses(found) {
        let given = given.map_or_else(|| "nothing".to_owned(), named);
        let message = match path.is_empty() {
            true => format!("expected {}, this is {given}", named(wanted)),
            false => {
                format!("expected {} at `{}`, this is {given}", named(wanted), &path[1..])
            }
        };
        let mistake = checker.error(codes::EXPRESSION_TYPE, message, value.span);
        checker.report(mistake);
    }
    let beside = trail.iter().zip(trail.iter().skip(1)).find_map(|(around, inner)| {
        match (&around.step()?.kind, inner.arm) {
            (StepKind::ForEach(each), Arm::Body) if each.parallel > 1 => Some((
                "iterations run at the same time",
                "use the `collect` of the loop, or leave `parallel` out",
            )),
            (StepKind::Parallel(_), Arm::Branch(_)) => Some((
                "branches run at the same time",
                "read the outputs of the branches after the `parallel`, and set it there",
            )),
            _ => None,
        }
    });
    if let Some((why, help)) = beside {
        let message = format!("`{name}` cannot be set where {why}");
        let mistake = checker.error(codes::MISPLACED_STEP, message, key).with_help(help);
        checker.report(mistake);
    }
}
