//! The choices of a form that are read when it opens.

use linchpin_connector::ActionSpec;
use linchpin_language::{Schema, Span, Type, codes};

use super::{Checker, suggest, types};
use crate::flow::ChoicesFrom;

/// The fields of a row that `choices_from` names.
pub(super) fn fields(checker: &mut Checker<'_>, choices: &ChoicesFrom) {
    let Some(spec) = types::spec(checker, &choices.call) else {
        return;
    };
    let span = choices.call.action.span;
    let Some(row) = row(checker, spec, choices, span) else {
        return;
    };
    for field in std::iter::once(&choices.value).chain(&choices.columns) {
        let path: Vec<String> = field.split('.').map(str::to_owned).collect();
        if let Some(types::Problem { known: Some(known), .. }) = types::problem(&row, &path) {
            let message = format!("the rows of `{}` have no field `{field}`", spec.name);
            let mistake = checker.error(codes::UNKNOWN_FIELD, message, span);
            checker.report(suggest(mistake, field, known.iter().map(String::as_str)));
        }
    }
}

/// The type of the rows that are chosen from.
fn row(
    checker: &mut Checker<'_>,
    spec: &ActionSpec,
    choices: &ChoicesFrom,
    span: Span,
) -> Option<Schema> {
    if let Some(stream) = &spec.stream {
        return Some(stream.row.clone());
    }
    let Type::Object(fields) = &spec.outputs.ty else {
        return None;
    };
    let lists: Vec<(&str, &Schema)> = fields
        .iter()
        .filter_map(|(name, field)| match &field.ty {
            Type::List(items) => Some((name.as_str(), &**items)),
            _ => None,
        })
        .collect();
    match (&choices.list, lists.as_slice()) {
        (Some(name), lists) => {
            let found = lists.iter().find(|(list, _)| list == name);
            if found.is_none() && !fields.is_empty() && !fields.contains_key("*") {
                let message = format!("`{}` gives no list `{name}`", spec.name);
                let mistake = checker.error(codes::UNKNOWN_FIELD, message, span);
                checker.report(suggest(mistake, name, lists.iter().map(|(list, _)| *list)));
            }
            found.map(|(_, row)| (*row).clone())
        }
        (None, [(_, row)]) => Some((*row).clone()),
        (None, [_, _, ..]) => {
            let message = format!("`{}` gives several lists", spec.name);
            let mistake = checker.error(codes::MISSING_KEY, message, span);
            let names: Vec<&str> = lists.iter().map(|(list, _)| *list).collect();
            let help = format!("say which with `list`: {}", names.join(", "));
            checker.report(mistake.with_help(help));
            None
        }
        (None, []) => None,
    }
}
