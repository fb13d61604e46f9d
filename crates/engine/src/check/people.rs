//! Who may start and approve, and what an approval gives.

use linchpin_language::{Fields, Schema, Span, Type, codes, did_you_mean};

use super::sight::Trail;
use super::{Checker, references, types, visit};
use crate::flow::{Approval, OnReject, OnTimeout};

/// The roles that are there without any spoke.
const ROLES: &[&str] = &["admin", "flow_designer", "operator", "viewer", "connection_admin"];

/// The roles of `run_by`.
pub(super) fn run_by(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    for name in &flow.run_by {
        role(checker, &name.value, name.span);
    }
}

/// An approval: its texts, its form, who may give it.
pub(super) fn approval<'c>(checker: &mut Checker<'c>, approval: &'c Approval, trail: &Trail<'c>) {
    references::text(checker, &approval.message, trail);
    for from in &approval.from {
        references::text(checker, from, trail);
        let name = from.value.source();
        if from.value.is_literal() && name != "self" && !name.contains('@') {
            role(checker, name, from.span);
        }
    }
    visit::form(checker, &approval.form, trail);
}

/// A role by its name. One with a dot is a spoke's; any other is one of ours or of the project.
fn role(checker: &mut Checker<'_>, name: &str, span: Span) {
    let spokes = checker.catalog.spokes.values();
    let known: Vec<&str> = spokes
        .flat_map(|spoke| spoke.roles.iter().map(|role| role.name.as_str()))
        .chain(ROLES.iter().copied())
        .collect();
    let near = did_you_mean(name, known.iter().copied());
    if known.contains(&name) || (!name.contains('.') && near.is_none()) {
        return;
    }
    let mistake = checker.error(codes::UNKNOWN_ROLE, format!("there is no role `{name}`"), span);
    checker.report(match near {
        Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
        None => mistake.with_help("a role with a dot is one that its spoke lists under `roles`"),
    });
}

/// What an approval gives.
pub(super) fn of_approval(approval: &Approval) -> Schema {
    let form = approval.form.iter();
    let form = form.map(|(name, field)| (name.clone(), field.schema.clone())).collect();
    let or_null = |schema: Schema| Schema { nullable: true, ..schema };
    let may_be_blank =
        approval.on_reject == OnReject::Continue || approval.on_timeout == OnTimeout::Approve;
    let form = Schema { nullable: may_be_blank, ..types::some_object(&form) };
    Schema::object(Fields::from_iter([
        ("approved".to_owned(), Schema::of(Type::Boolean)),
        ("by".to_owned(), or_null(Schema::string())),
        ("at".to_owned(), Schema::of(Type::Datetime)),
        ("note".to_owned(), or_null(Schema::string())),
        ("form".to_owned(), form),
    ]))
}
