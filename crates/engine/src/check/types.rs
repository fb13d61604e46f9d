//! The types of names, expressions and texts at a place.

use std::rc::Rc;

use linchpin_language::{Expression, Facts, Fields, Schema, Text, Type};

use super::Checker;
use super::sight::{Hop, Sight, sight};
use super::visit::object;
use crate::catalog::Catalog;
use crate::flow::{
    Arm, Call, ForEach, Located, LoopSource, Step, StepKind, Subflow, Trigger, Wait,
};

/// Stands in an object that has no fields, since one without any is open. No name is like it.
const NO_FIELD: &str = "-";

/// Why a path cannot be read.
pub(super) struct Problem {
    /// Which field of the path.
    pub(super) at: usize,
    /// The fields there are; none when the value has no fields at all.
    pub(super) known: Option<Vec<String>>,
    /// What the value is, with its article.
    pub(super) is: String,
}

/// The first field of a path that a value of this type cannot have.
pub(super) fn problem(schema: &Schema, path: &[String]) -> Option<Problem> {
    let mut schema = schema;
    for (at, field) in path.iter().enumerate() {
        match &schema.ty {
            Type::Any => return None,
            Type::Object(fields) if fields.is_empty() || fields.contains_key("*") => return None,
            Type::Object(fields) => match fields.get(field) {
                Some(inner) => schema = inner,
                None => {
                    let known = fields.keys().filter(|name| *name != NO_FIELD).cloned();
                    let known = Some(known.collect());
                    return Some(Problem { at, known, is: "an object".to_owned() });
                }
            },
            Type::List(items) if field.bytes().all(|byte| byte.is_ascii_digit()) => schema = items,
            _ => return Some(Problem { at, known: None, is: named(schema) }),
        }
    }
    None
}

/// A type with its article: `a list of string`.
pub(super) fn named(schema: &Schema) -> String {
    schema.named()
}

/// The type of values that were given: what need not be given, and has no default, can be null.
pub(super) fn given(schema: Schema) -> Schema {
    let ty = match schema.ty {
        Type::Object(fields) => {
            let fields = fields.into_iter().map(|(name, field)| {
                // Of a type that cannot be told, or read, nothing else is.
                let is_optional =
                    !field.required && field.default.is_none() && field.ty != Type::Any;
                let field = given(field);
                let nullable = field.nullable || is_optional;
                (name, Schema { nullable, ..field })
            });
            Type::Object(fields.collect())
        }
        Type::List(items) => Type::List(Box::new(given(*items))),
        ty => ty,
    };
    Schema { ty, ..schema }
}

/// The names that loops around a place bind, innermost first, each with its loop's depth.
pub(super) fn locals<'f>(trail: &[Hop<'f>]) -> impl Iterator<Item = (&'f str, usize)> {
    let loops = trail.iter().enumerate().rev().filter_map(|(depth, hop)| match hop.step() {
        Some(Step { kind: StepKind::ForEach(each), .. }) => Some((depth, each)),
        _ => None,
    });
    let inside: Vec<(&str, usize)> = loops
        .filter(|(depth, _)| trail.get(depth + 1).is_some_and(|inner| inner.arm == Arm::Body))
        .map(|(depth, each)| (each.item.value.as_str(), depth))
        .collect();
    inside.into_iter()
}

/// The type of a name that a loop around the place binds; `None` when none does.
pub(super) fn local<'c>(checker: &Checker<'c>, name: &str, trail: &[Hop<'c>]) -> Option<Schema> {
    if name == "output" {
        return checker.output.clone().or_else(|| collected(checker, trail));
    }
    let (_, depth) = locals(trail).find(|(local, _)| *local == name)?;
    let Some(Step { kind: StepKind::ForEach(each), .. }) = trail[depth].step() else {
        return None;
    };
    Some(item(checker, each, &trail[..=depth]))
}

/// `output` in the `collect` of a loop with a `call`.
fn collected<'c>(checker: &Checker<'c>, trail: &[Hop<'c>]) -> Option<Schema> {
    let last = trail.last().filter(|hop| hop.arm == Arm::Body && hop.step().is_none())?;
    let body = last.block.steps.first()?;
    let is_call = body.id.as_ref().is_some_and(|id| id.value == "output");
    let around = trail.get(trail.len().checked_sub(2)?)?.step()?;
    (is_call && around.span == body.span).then(|| of_kind(checker, body, trail))
}

/// The type of what a loop goes over.
fn item<'c>(checker: &Checker<'c>, each: &ForEach, trail: &[Hop<'c>]) -> Schema {
    match &each.source {
        LoopSource::List(list) => match of_expression(checker, &list.value, trail).ty {
            Type::List(items) => *items,
            _ => Schema::any(),
        },
        LoopSource::Stream(call) => spec(checker, call)
            .and_then(|spec| Some(spec.stream.as_ref()?.row.clone()))
            .unwrap_or_else(Schema::any),
    }
}

/// The specification of the action that a call names.
pub(super) fn spec<'k>(
    checker: &Checker<'k>,
    call: &Call,
) -> Option<&'k linchpin_connector::ActionSpec> {
    let spoke = Catalog::spoke_of(&checker.flow.connections, &call.alias.value);
    checker.catalog.spec(spoke, &call.action.value)
}

/// The type of a root name at a place; `None` when there is no such name.
pub(super) fn of_name<'c>(
    checker: &Checker<'c>,
    name: &str,
    trail: &[Hop<'c>],
) -> Option<Rc<Schema>> {
    if let Some(found) = local(checker, name, trail) {
        return Some(Rc::new(found));
    }
    let text = || Type::String;
    Some(Rc::new(match name {
        "inputs" => return Some(checker.inputs.clone()),
        "vars" => return Some(checker.vars.clone()),
        "trigger" => return Some(checker.trigger.clone()),
        "flow" => object(&[("name", text()), ("description", text()), ("owner", text())]),
        "run" => of_run(checker),
        "iteration" => object(&[("index", Type::Integer)]),
        "error" => of_error(trail),
        "steps" => Schema::any(),
        id => return of_step(checker, id, trail),
    }))
}

/// The type of `run`. Who started it is not known where the flow starts by itself.
fn of_run(checker: &Checker<'_>) -> Schema {
    let starts_itself = |trigger: &Located<Trigger>| !matches!(trigger.value, Trigger::Form { .. });
    let mut run = object(&[
        ("id", Type::String),
        ("key", Type::String),
        ("started_at", Type::Datetime),
        ("dry_run", Type::Boolean),
        ("now", Type::Datetime),
    ]);
    if let Type::Object(fields) = &mut run.ty {
        let nullable = checker.flow.triggers.iter().any(starts_itself);
        let user = object(&[("email", Type::Email)]);
        fields.insert("user".to_owned(), Schema { nullable, ..user });
    }
    run
}

/// The type of `error`, which a `finally` has after a failure only.
fn of_error(trail: &[Hop<'_>]) -> Schema {
    let handlers = trail.iter().rev().map(|hop| hop.arm);
    let mut handlers = handlers
        .filter(|arm| matches!(arm, Arm::Catch(_) | Arm::OnError | Arm::Finally | Arm::OnCancel));
    let nullable = matches!(handlers.next(), Some(Arm::Finally | Arm::OnCancel));
    let mut error = object(&[
        ("kind", Type::String),
        ("message", Type::String),
        ("step", Type::String),
        ("attempt", Type::Integer),
        ("write_may_have_happened", Type::Boolean),
    ]);
    if let Type::Object(fields) = &mut error.ty {
        let kinds = linchpin_connector::ErrorKind::ALL.iter();
        fields["kind"].choices = kinds.map(|kind| kind.as_str().into()).collect();
        fields.insert("code".to_owned(), Schema::string().or_null());
        fields.insert("status".to_owned(), Schema::of(Type::Integer).or_null());
        fields.insert("cause".to_owned(), Schema::any().or_null());
        fields.insert("others".to_owned(), Schema::list(Schema::any()));
    }
    Schema { nullable, ..error }
}

/// The type of the output of a step, as it is seen from a place.
fn of_step<'c>(checker: &Checker<'c>, id: &str, trail: &[Hop<'c>]) -> Option<Rc<Schema>> {
    let place = checker.places.get(id)?;
    Some(match sight(&checker.ancestors, trail, place) {
        Sight::Seen { nullable } => {
            let mut found = of_output(checker, place);
            if nullable && !found.nullable {
                Rc::make_mut(&mut found).nullable = true;
            }
            found
        }
        Sight::Itself
        | Sight::Around
        | Sight::Later
        | Sight::NotAncestor { .. }
        | Sight::OtherBranch
        | Sight::InLoop => Rc::new(Schema::any()),
    })
}

/// An object of declared fields. Without any, reading one is still a mistake, which an object
/// schema without fields would not say.
pub(super) fn some_object(fields: &Fields) -> Schema {
    let mut fields = fields.clone();
    if fields.is_empty() {
        fields.insert(NO_FIELD.to_owned(), Schema::any());
    }
    Schema::object(fields)
}

/// The type of the output of the step at the end of a trail.
fn of_output<'c>(checker: &Checker<'c>, place: &[Hop<'c>]) -> Rc<Schema> {
    let any = || Rc::new(Schema::any());
    let Some((hop, step)) = place.last().and_then(|hop| Some((hop, hop.step()?))) else {
        return any();
    };
    let key = (hop.block.index, hop.at);
    if let Some(known) = checker.types.borrow().get(&key) {
        // Two steps that read each other are reported elsewhere.
        return known.clone().unwrap_or_else(any);
    }
    checker.types.borrow_mut().insert(key, None);
    let found = match checker.broken.contains(&step.span.start) {
        true => any(),
        false => Rc::new(of_kind(checker, step, place)),
    };
    checker.types.borrow_mut().insert(key, Some(found.clone()));
    found
}

fn of_kind<'c>(checker: &Checker<'c>, step: &'c Step, place: &[Hop<'c>]) -> Schema {
    match &step.kind {
        StepKind::Call(call) => match spec(checker, call) {
            Some(spec) if spec.stream.is_none() => spec.outputs.clone(),
            _ => Schema::any(),
        },
        StepKind::Subflow(call) if call.detach => object(&[("run", Type::String)]),
        StepKind::Subflow(call) => of_subflow(checker, call),
        StepKind::ForEach(each) => of_loop(checker, each, place),
        StepKind::Ask(ask) => {
            let fields = ask.form.iter();
            let fields = fields.map(|(name, field)| (name.clone(), field.schema.clone()));
            given(some_object(&fields.collect()))
        }
        StepKind::Approval(approval) => super::people::of_approval(approval),
        StepKind::Repeat(_) => object(&[("count", Type::Integer)]),
        StepKind::Parallel(_) => {
            let names = || Schema::list(Schema::string());
            let errors = Schema::list(Schema::any());
            let fields = [("succeeded", names()), ("failed", names()), ("errors", errors)];
            Schema::object(fields.map(|(name, field)| (name.to_owned(), field)).into())
        }
        StepKind::Decide(decide) => super::logic::of_decision(checker, decide, place),
        StepKind::Wait(Wait::Signal(_)) => Schema::any(),
        StepKind::Undo => object(&[("undone", Type::Integer)]),
        // They give no output: there is no field to read.
        StepKind::If(_)
        | StepKind::Try(_)
        | StepKind::Wait(_)
        | StepKind::Set(_)
        | StepKind::Log(_)
        | StepKind::End
        | StepKind::Fail(_)
        | StepKind::Next
        | StepKind::Break => some_object(&Fields::new()).or_null(),
    }
}

fn of_subflow(checker: &Checker<'_>, call: &Subflow) -> Schema {
    match checker.catalog.flows.get(&call.flow.value) {
        Some(signature) => some_object(&signature.outputs),
        None => Schema::any(),
    }
}

fn of_loop<'c>(checker: &Checker<'c>, each: &'c ForEach, place: &[Hop<'c>]) -> Schema {
    let mut fields: Fields = ["count", "succeeded", "failed", "skipped"]
        .map(|name| (name.to_owned(), Schema::of(Type::Integer)))
        .into_iter()
        .collect();
    let error = object(&[("index", Type::Integer), ("error", Type::Any)]);
    fields.insert("errors".to_owned(), Schema::list(error));
    if let Some(collect) = &each.collect {
        let mut inside = place.to_vec();
        inside.push(Hop { arm: Arm::Body, block: &each.body, at: each.body.steps.len() });
        let one = of_expression(checker, &collect.value, &inside);
        fields.insert("items".to_owned(), Schema::list(one));
    }
    Schema::object(fields)
}

/// The type of an expression at a place.
pub(super) fn of_expression<'c>(
    checker: &Checker<'c>,
    expression: &Expression,
    trail: &[Hop<'c>],
) -> Schema {
    expression.infer(&|name| of_name(checker, name, trail))
}

/// The type of a text at a place: that of its pill when it is nothing else.
pub(super) fn of_text<'c>(checker: &Checker<'c>, text: &Text, trail: &[Hop<'c>]) -> Schema {
    text.study(&|name| of_name(checker, name, trail), &Facts::default()).schema
}
