//! What something at a place means, in Markdown.

use linchpin_connector::ActionSpec;
use linchpin_language::{Fields, Function, Schema, Span, Type, function, print};

use super::context::{self, Called, Context};
use super::pills::{self, MACROS, Partial};
use super::place::{Frame, Place, Position};
use super::reading::{Reading, callable};
use super::{Page, boundary, word};
use crate::catalog::FlowSignature;
use crate::grammar::Shape;

/// An explanation.
#[derive(Clone, Debug, PartialEq)]
pub struct Hover {
    /// In Markdown.
    pub text: String,
    /// Of which part of the text.
    pub span: Span,
}

/// What stands at a place, explained.
pub fn hover(page: &Page<'_>, at: usize) -> Option<Hover> {
    let at = boundary(page.text, at);
    let span = word(page.text, at);
    if span.start == span.end {
        return None;
    }
    let place = Place::of(page.text, span.end);
    let reading = Reading::of(page, span.end);
    let callable = callable(page, reading.as_ref());
    let context = context::of(&place, &callable);
    let name = &page.text[span.start..span.end];
    let text = match place.position {
        Position::Nowhere => None,
        Position::Key(_) => key(&context, name, place.inner()?),
        Position::Value { written, .. } => {
            let before = &page.text[written.start..span.end];
            match &context {
                Context::Shape(Shape::Call { .. }) => {
                    let whole = whole_word(page.text, written.start);
                    return Some(Hover {
                        text: called(
                            callable.called(&page.text[whole.start..whole.end])?,
                            &page.text[whole.start..whole.end],
                        ),
                        span: whole,
                    });
                }
                Context::Spoke => page.catalog.spokes.get(name).map(|spoke| {
                    let actions = spoke.actions().map(|(name, _)| format!("`{name}`"));
                    format!("**{}**\n\n{}", spoke.title, actions.collect::<Vec<_>>().join(", "))
                }),
                Context::Shape(shape) if is_expression(shape) => {
                    reference(page, reading.as_ref(), &place, before)
                }
                _ => pills::open_pill(before)
                    .and_then(|inner| reference(page, reading.as_ref(), &place, inner)),
            }
        }
    };
    Some(Hover { text: text?, span })
}

fn is_expression(shape: &Shape) -> bool {
    match shape {
        Shape::Expression => true,
        Shape::Any(all) => all.iter().any(is_expression),
        _ => false,
    }
}

/// A word with dots that begins at a place.
fn whole_word(text: &str, start: usize) -> Span {
    let rest = &text[start..];
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    Span { start, end: start + end.unwrap_or(rest.len()) }
}

/// A key.
fn key(context: &Context, name: &str, frame: &Frame) -> Option<String> {
    match context {
        Context::Step => context::meaning(name, frame).map(|(about, _)| about.to_owned()),
        Context::Shape(Shape::Mapping(mapping)) => {
            mapping.key(name).map(|key| key.about.to_owned())
        }
        Context::Shape(Shape::Any(all)) => {
            all.iter().find_map(|shape| key(&Context::Shape(*shape), name, frame))
        }
        Context::Type(extra) => Schema::KEYS
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, about)| *about)
            .or_else(|| extra.iter().find(|key| key.name == name).map(|key| key.about))
            .map(str::to_owned),
        Context::Inputs(fields) => fields.get(name).map(schema),
        Context::Value(Schema { ty: Type::Object(fields), .. }) => fields.get(name).map(schema),
        _ => None,
    }
}

/// The last name or function of what is written.
fn reference(
    page: &Page<'_>,
    reading: Option<&Reading>,
    place: &Place,
    written: &str,
) -> Option<String> {
    let partial = Partial::of(written);
    let mut names = reading.map_or_else(Vec::new, |reading| reading.names(page, place));
    names.extend(pills::bound(written, &names));
    let path: Vec<&str> = partial.path.iter().copied().chain([partial.word]).collect();
    if let Some(found) = pills::type_of(names.iter(), &path) {
        let fields = match &found.ty {
            Type::Object(fields) => listed(fields),
            Type::List(item) => match &item.ty {
                Type::Object(fields) => listed(fields),
                _ => String::new(),
            },
            _ => String::new(),
        };
        return Some(format!("`{}`: {}{fields}", path.join("."), schema(&found)));
    }
    if let Some(function) = function(partial.word) {
        return Some(format!("`{}`\n\n{}", function.signature(), function_about(function)));
    }
    let (name, about) = MACROS.iter().find(|(name, _)| *name == partial.word)?;
    Some(format!("`list.{name}(item, ...)`\n\n{about}"))
}

/// What is called.
fn called(called: Called<'_>, name: &str) -> String {
    match called {
        Called::Action(spoke, spec) => format!("{}\n\n{}", spoke.title, action(name, spec)),
        Called::Flow(name, signature) => flow(name, signature),
    }
}

/// An action with its inputs and outputs.
pub(super) fn action(name: &str, spec: &ActionSpec) -> String {
    let mut text = format!("**{}** `{name}` ({})", spec.title, spec.effect);
    if let Some(about) = &spec.about {
        text.push_str(&format!("\n\n{about}"));
    }
    if !spec.inputs.is_empty() {
        text.push_str(&format!("\n\nInputs:{}", listed(&spec.inputs)));
    }
    let outputs = match &spec.stream {
        Some(stream) => &stream.row,
        None => &spec.outputs,
    };
    if let Type::Object(fields) = &outputs.ty
        && !fields.is_empty()
    {
        let what = if spec.stream.is_some() { "Each row" } else { "Outputs" };
        text.push_str(&format!("\n\n{what}:{}", listed(fields)));
    }
    text
}

fn flow(name: &str, signature: &FlowSignature) -> String {
    let mut text = format!("Subflow `{name}`");
    if !signature.inputs.is_empty() {
        text.push_str(&format!("\n\nInputs:{}", listed(&signature.inputs)));
    }
    if !signature.outputs.is_empty() {
        text.push_str(&format!("\n\nOutputs:{}", listed(&signature.outputs)));
    }
    text
}

/// Fields, one a line.
fn listed(fields: &Fields) -> String {
    let lines = fields.iter().filter(|(name, _)| super::is_word(name)).map(|(name, field)| {
        let needed = if field.required && field.default.is_none() { ", required" } else { "" };
        let about = field.about.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
        format!("\n- `{name}` ({}{needed}){about}", field.type_name())
    });
    lines.collect()
}

/// A type in a sentence or two.
pub(super) fn schema(schema: &Schema) -> String {
    let mut text = schema.type_name();
    if let Some(about) = &schema.about {
        text.push_str(&format!("\n\n{about}"));
    }
    if !schema.choices.is_empty() {
        let choices: Vec<String> = schema.choices.iter().map(print).collect();
        text.push_str(&format!("\n\nOne of {}.", choices.join(", ")));
    }
    if let Some(default) = &schema.default {
        text.push_str(&format!("\n\n`{}` when left out.", print(default)));
    }
    if let Some(example) = &schema.example {
        text.push_str(&format!("\n\nFor example `{}`.", print(example)));
    }
    text
}

/// A function and its first example.
pub(super) fn function_about(function: &Function) -> String {
    match function.examples.first() {
        Some((example, result)) => {
            format!("{}\n\n```\n{example}  // {result}\n```", function.about)
        }
        None => function.about.to_owned(),
    }
}
