//! What belongs at a place, by the grammar: follows the keys around a cursor from the top down.

use indexmap::IndexMap;
use linchpin_connector::{ActionSpec, Spoke};
use linchpin_language::{Fields, Schema, Type};

use super::place::{Frame, Place};
use crate::catalog::{Catalog, FlowSignature};
use crate::grammar::{COMMON, FLOW, KINDS, Key, Kind, Shape};

/// What belongs at a place.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Context {
    /// What the grammar says.
    Shape(Shape),
    /// A step.
    Step,
    /// A type; with more keys than its own.
    Type(&'static [Key]),
    /// The fields of a type, or the names of inputs and variables.
    Types(&'static [Key]),
    /// The value of a key of a type.
    TypeKey(String),
    /// The inputs of what is called.
    Inputs(Fields),
    /// A value for an input.
    Value(Schema),
    /// The name of a spoke.
    Spoke,
    /// The name of an alias of the flow.
    Alias,
    /// Nothing is known.
    Nothing,
}

/// What a flow can call, as far as its aliases are known.
pub(super) struct Callable<'c> {
    pub(super) catalog: &'c Catalog,
    /// Alias to spoke, as the flow declares them.
    pub(super) aliases: IndexMap<String, String>,
}

/// What a call names.
pub(super) enum Called<'c> {
    /// An action.
    Action(&'c Spoke, &'c ActionSpec),
    /// A subflow.
    Flow(&'c str, &'c FlowSignature),
}

impl<'c> Callable<'c> {
    /// The spoke behind an alias.
    pub(super) fn spoke(&self, alias: &str) -> Option<&'c Spoke> {
        let name = self.aliases.get(alias).map_or(alias, String::as_str);
        self.catalog.spokes.get(name).map(|spoke| &**spoke)
    }

    /// What a call names.
    pub(super) fn called(&self, call: &str) -> Option<Called<'c>> {
        if let Some(name) = call.strip_prefix("flow.") {
            let (name, signature) = self.catalog.flows.get_key_value(name)?;
            return Some(Called::Flow(name, signature));
        }
        let (alias, action) = call.split_once('.')?;
        let spoke = self.spoke(alias)?;
        Some(Called::Action(spoke, spoke.action(action)?.spec()))
    }

    fn inputs(&self, call: &str) -> Option<Fields> {
        Some(match self.called(call)? {
            Called::Action(_, spec) => spec.inputs.clone(),
            Called::Flow(_, signature) => signature.inputs.clone(),
        })
    }
}

/// What belongs at a place: for a cursor in a key, what the map around it is.
pub(super) fn of(place: &Place, callable: &Callable<'_>) -> Context {
    let mut context = Context::Shape(Shape::Mapping(&FLOW));
    for frame in &place.frames {
        context = match frame {
            Frame::List { .. } => item(context),
            Frame::Map { at: Some(key), .. } => under(context, key, frame, callable),
            Frame::Map { at: None, .. } => map(context),
        };
    }
    context
}

/// Of several shapes, the one that is a map.
fn map(context: Context) -> Context {
    match context {
        Context::Shape(Shape::Any(all)) => {
            let found = all.iter().find(|shape| matches!(shape, Shape::Mapping(_)));
            found.map_or(Context::Nothing, |shape| Context::Shape(*shape))
        }
        // A clause may stand without its dash.
        Context::Shape(Shape::List(one)) => map(Context::Shape(*one)),
        other => other,
    }
}

/// What an item of a list is.
fn item(context: Context) -> Context {
    match context {
        Context::Shape(Shape::Steps) => Context::Step,
        Context::Shape(Shape::List(one)) => Context::Shape(*one),
        Context::Shape(Shape::Any(all)) => {
            let lists = all.iter().filter(|shape| matches!(shape, Shape::Steps | Shape::List(_)));
            match lists.collect::<Vec<_>>().as_slice() {
                // Clauses or steps: a step is what is written more often.
                [Shape::List(Shape::Mapping(clause)), Shape::Steps] => {
                    Context::Shape(Shape::Mapping(clause))
                }
                [one, ..] => item(Context::Shape(**one)),
                [] => Context::Nothing,
            }
        }
        Context::Shape(shape @ (Shape::Words | Shape::StepIds | Shape::Choices(_))) => {
            Context::Shape(shape)
        }
        Context::Value(Schema { ty: Type::List(one), .. }) => Context::Value(*one),
        Context::Value(Schema { ty: Type::Any, .. }) => Context::Value(Schema::any()),
        _ => Context::Nothing,
    }
}

/// What the value of a key is.
fn under(context: Context, key: &str, frame: &Frame, callable: &Callable<'_>) -> Context {
    let found = match map(context) {
        Context::Shape(Shape::Mapping(mapping)) => match mapping.key(key) {
            Some(key) => Context::Shape(key.value),
            // A list of clauses may be a list of steps as well.
            None => step_key(key, frame).map_or(Context::Nothing, Context::Shape),
        },
        Context::Step => step_key(key, frame).map_or(Context::Nothing, Context::Shape),
        Context::Shape(Shape::Expressions) => Context::Shape(Shape::Expression),
        Context::Shape(Shape::Branches) => Context::Shape(Shape::Steps),
        Context::Shape(Shape::Value) => Context::Value(Schema::any()),
        Context::Shape(Shape::Aliases) => Context::Spoke,
        Context::Shape(Shape::Rebinding) => Context::Alias,
        Context::Shape(Shape::Types(extra)) | Context::Types(extra) => Context::Type(extra),
        Context::Type(extra) => match key {
            "items" => Context::Type(extra),
            "fields" => Context::Types(extra),
            key => match extra.iter().find(|other| other.name == key) {
                Some(other) => Context::Shape(other.value),
                None => Context::TypeKey(key.to_owned()),
            },
        },
        Context::Inputs(fields) => field(&fields, key),
        Context::Value(Schema { ty: Type::Object(fields), .. }) => field(&fields, key),
        Context::Value(_) => Context::Value(Schema::any()),
        _ => Context::Nothing,
    };
    match found {
        Context::Shape(Shape::Inputs) => {
            let inputs = frame.text("call").and_then(|call| callable.inputs(call));
            inputs.map_or(Context::Value(Schema::any()), Context::Inputs)
        }
        Context::Shape(Shape::Alias) => Context::Alias,
        Context::Shape(Shape::Value) => Context::Value(Schema::any()),
        found => found,
    }
}

fn field(fields: &Fields, name: &str) -> Context {
    let found = fields.get(name).or_else(|| fields.get("*")).cloned();
    Context::Value(found.unwrap_or_else(Schema::any))
}

/// What the value of a key of a step is.
fn step_key(key: &str, frame: &Frame) -> Option<Shape> {
    Some(meaning(key, frame)?.1)
}

/// What a key of a step means beside the others: its sentence and its shape.
pub(super) fn meaning(key: &str, frame: &Frame) -> Option<(&'static str, Shape)> {
    let of_kind = |kind: &Kind| {
        if kind.key == key {
            return Some((kind.about, kind.value));
        }
        kind.beside().find(|other| other.name == key).map(|other| (other.about, other.value))
    };
    let common = || COMMON.iter().find(|other| other.name == key).map(|it| (it.about, it.value));
    let is_there = |name: &str| name == key || frame.has(name);
    Kind::among(is_there)
        .into_iter()
        .find_map(of_kind)
        .or_else(common)
        .or_else(|| KINDS.iter().find_map(of_kind))
}
