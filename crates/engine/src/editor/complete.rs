//! What can be written at a place.

use linchpin_connector::ActionSpec;
use linchpin_language::{Fields, Function, Schema, Span, Type, functions, print};

use super::context::{self, Callable, Context};
use super::explain;
use super::pills::{self, MACROS, Partial};
use super::place::{Frame, Place, Position};
use super::reading::{Reading, callable};
use super::{Page, boundary, word};
use crate::check::names::Name;
use crate::grammar::{COMMON, KINDS, Key, Kind, Shape};

/// Something that can be written at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// What people see.
    pub label: String,
    /// What kind of thing it is.
    pub what: What,
    /// A few words beside the label.
    pub detail: Option<String>,
    /// What it means, in Markdown.
    pub about: Option<String>,
    /// What is written.
    pub insert: String,
    /// In place of what.
    pub replaces: Span,
}

/// What kind of thing can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A key of a map.
    Key,
    /// A kind of step.
    Kind,
    /// An action of a spoke.
    Action,
    /// A flow of the project.
    Flow,
    /// An input of what is called.
    Input,
    /// The output of a step.
    Step,
    /// Another name, or a field of one.
    Field,
    /// A function.
    Function,
    /// One of several words.
    Word,
}

/// What can be written at a place.
pub fn completions(page: &Page<'_>, at: usize) -> Vec<Completion> {
    let at = boundary(page.text, at);
    let place = Place::of(page.text, at);
    let reading = Reading::of(page, at);
    let callable = callable(page, reading.as_ref());
    let context = context::of(&place, &callable);
    let offer = Offer { page, at, place: &place, reading: reading.as_ref(), callable: &callable };
    match place.position {
        Position::Nowhere => Vec::new(),
        Position::Key(_) => offer.keys(&context),
        Position::Value { written, .. } => offer.value(&context, written),
    }
}

struct Offer<'o, 'p> {
    page: &'o Page<'p>,
    at: usize,
    place: &'o Place,
    reading: Option<&'o Reading>,
    callable: &'o Callable<'p>,
}

/// A map that has no keys yet.
static EMPTY: Frame = Frame::Map { keys: Vec::new(), at: None };

impl Offer<'_, '_> {
    fn make(
        &self,
        label: &str,
        what: What,
        detail: Option<String>,
        about: Option<String>,
    ) -> Completion {
        let replaces = word(self.page.text, self.at);
        let (label, insert) = (label.to_owned(), label.to_owned());
        Completion { label, what, detail, about, insert, replaces }
    }

    fn frame(&self) -> &Frame {
        self.place.inner().filter(|frame| matches!(frame, Frame::Map { .. })).unwrap_or(&EMPTY)
    }

    /// A key, with the colon behind it, where the map does not have it.
    fn key(
        &self,
        name: &str,
        what: What,
        detail: Option<String>,
        about: &str,
    ) -> Option<Completion> {
        if self.frame().has(name) {
            return None;
        }
        let about = (!about.is_empty()).then(|| about.to_owned());
        let mut made = self.make(name, what, detail, about);
        let has_colon = self.page.text[made.replaces.end..].starts_with(':');
        made.insert = if has_colon { name.to_owned() } else { format!("{name}: ") };
        Some(made)
    }

    /// The keys of a map, or the items of a list of words.
    fn keys(&self, context: &Context) -> Vec<Completion> {
        let plain = |keys: &'static [Key]| {
            let all = keys.iter();
            all.filter_map(|key| self.key(key.name, What::Key, None, key.about)).collect()
        };
        match context {
            Context::Step => self.step_keys(),
            Context::Shape(Shape::Mapping(mapping)) => plain(mapping.keys),
            Context::Shape(Shape::Any(all)) => all
                .iter()
                .find_map(|shape| match shape {
                    Shape::Mapping(mapping) => Some(plain(mapping.keys)),
                    _ => None,
                })
                .unwrap_or_default(),
            Context::Type(extra) => {
                let mut keys: Vec<Completion> = Schema::KEYS
                    .iter()
                    .filter_map(|(name, about)| self.key(name, What::Key, None, about))
                    .collect();
                keys.extend(plain(extra));
                keys
            }
            Context::Inputs(fields) => self.fields(fields),
            Context::Value(Schema { ty: Type::Object(fields), .. }) => self.fields(fields),
            Context::Shape(Shape::Aliases) => self.aliases(),
            Context::Shape(Shape::Rebinding) => self.rebinding(),
            Context::Shape(Shape::Expressions) => self.variables(),
            Context::Shape(_) | Context::Value(_) | Context::Alias | Context::Spoke => {
                self.value(context, word(self.page.text, self.at))
            }
            Context::Types(_) | Context::TypeKey(_) | Context::Nothing => Vec::new(),
        }
    }

    fn step_keys(&self) -> Vec<Completion> {
        let frame = self.frame();
        let kinds = Kind::among(|key| frame.has(key));
        let mut offered: Vec<Completion> = Vec::new();
        if let [kind] = kinds.as_slice() {
            let beside =
                kind.beside().filter_map(|key| self.key(key.name, What::Key, None, key.about));
            offered.extend(beside);
        } else if kinds.is_empty() {
            offered.extend(KINDS.iter().filter_map(|kind| {
                self.key(kind.key, What::Kind, Some(kind.title.to_owned()), kind.about)
            }));
        }
        let common = COMMON.iter().filter_map(|key| self.key(key.name, What::Key, None, key.about));
        offered.extend(common);
        offered
    }

    fn fields(&self, fields: &Fields) -> Vec<Completion> {
        let named = fields.iter().filter(|(name, _)| *name != "*");
        named
            .filter_map(|(name, schema)| {
                let needed =
                    if schema.required && schema.default.is_none() { ", required" } else { "" };
                let detail = format!("{}{needed}", schema.type_name());
                self.key(name, What::Input, Some(detail), &explain::schema(schema))
            })
            .collect()
    }

    /// The usual aliases of a flow: those of the environment, and the spokes.
    fn aliases(&self) -> Vec<Completion> {
        let known = self.page.catalog.aliases.iter();
        let mut offered: Vec<Completion> = known
            .filter_map(|(alias, spoke)| {
                let mut made = self.key(alias, What::Key, Some(spoke.clone()), "")?;
                made.insert = format!("{alias}: {spoke}");
                Some(made)
            })
            .collect();
        let spokes = self.page.catalog.spokes.keys();
        offered.extend(spokes.filter_map(|name| self.key(name, What::Key, None, "")));
        offered
    }

    fn rebinding(&self) -> Vec<Completion> {
        let outer = self.place.frames.iter().rev().nth(1);
        let call = outer.and_then(|frame| frame.text("call")).unwrap_or_default();
        let Some(context::Called::Flow(_, signature)) = self.callable.called(call) else {
            return Vec::new();
        };
        let aliases = signature.connections.iter();
        aliases
            .filter_map(|(alias, spoke)| self.key(alias, What::Key, Some(spoke.clone()), ""))
            .collect()
    }

    /// The variables, where `set` sets them.
    fn variables(&self) -> Vec<Completion> {
        if self.place.keys().next_back() != Some("set") {
            return Vec::new();
        }
        let vars = self.reading.map(|reading| &reading.parsed.flow.vars);
        vars.map_or_else(Vec::new, |vars| self.fields(vars))
    }

    fn value(&self, context: &Context, written: Span) -> Vec<Completion> {
        let text = &self.page.text[written.start..written.end.max(written.start)];
        match context {
            Context::Shape(shape) => self.shape(shape, written, text),
            Context::Type(_) => self.words(Type::NAMES.iter().map(|name| (*name).to_owned())),
            Context::TypeKey(key) => match key.as_str() {
                "type" => self.words(Type::NAMES.iter().map(|name| (*name).to_owned())),
                "required" | "nullable" | "personal" => self.flags(),
                _ => Vec::new(),
            },
            Context::Value(schema) => self.given(schema, text),
            Context::Spoke => self.words(self.page.catalog.spokes.keys().cloned()),
            Context::Alias => self.words(self.declared()),
            Context::Step | Context::Types(_) | Context::Inputs(_) | Context::Nothing => Vec::new(),
        }
    }

    fn shape(&self, shape: &Shape, written: Span, text: &str) -> Vec<Completion> {
        match shape {
            Shape::Call { subflow } => self.calls(*subflow, written),
            Shape::Expression => self.expression(text),
            Shape::Text | Shape::DurationText => self.pill(text),
            Shape::Choice(words) | Shape::Choices(words) => {
                self.words(words().into_iter().map(str::to_owned))
            }
            Shape::Flag => self.flags(),
            Shape::TimeZone => self.zones(written),
            Shape::StepIds => self.words(self.siblings()),
            Shape::Alias => self.words(self.declared()),
            Shape::Any(all) => all.iter().flat_map(|one| self.shape(one, written, text)).collect(),
            Shape::Types(_) => self.words(Type::NAMES.iter().map(|name| (*name).to_owned())),
            _ => Vec::new(),
        }
    }

    fn words(&self, words: impl IntoIterator<Item = String>) -> Vec<Completion> {
        words.into_iter().map(|word| self.make(&word, What::Word, None, None)).collect()
    }

    fn flags(&self) -> Vec<Completion> {
        self.words(["true", "false"].map(str::to_owned))
    }

    fn zones(&self, written: Span) -> Vec<Completion> {
        let zones = jiff::tz::db().available().map(|zone| zone.to_string());
        let mut offered = self.words(zones);
        let end = word(self.page.text, self.at).end;
        offered.iter_mut().for_each(|one| one.replaces = Span { start: written.start, end });
        offered
    }

    fn declared(&self) -> Vec<String> {
        self.callable.aliases.keys().cloned().collect()
    }

    /// The ids of the steps of the list around the cursor, but the step's own.
    fn siblings(&self) -> Vec<String> {
        let Some(reading) = self.reading else { return Vec::new() };
        let own = self.place.frames.iter().rev().find_map(|frame| frame.text("id"));
        let pointers = self.place.pointers();
        let step = pointers.iter().rev().find_map(|pointer| pointer.strip_suffix("/after"));
        let list = step.and_then(|step| step.rsplit_once('/')).map_or("", |(list, _)| list);
        reading.ids(list).into_iter().filter(|id| Some(id.as_str()) != own).collect()
    }

    /// The actions of every alias that is known, and the flows of the project.
    fn calls(&self, with_flows: bool, written: Span) -> Vec<Completion> {
        let catalog = self.page.catalog;
        let declared = self.callable.aliases.keys();
        // An alias that is not declared is the one named like its spoke.
        let spokes =
            catalog.spokes.keys().filter(|name| !self.callable.aliases.contains_key(*name));
        let mut offered = Vec::new();
        for alias in declared.chain(spokes) {
            let Some(spoke) = self.callable.spoke(alias) else { continue };
            for (action, code) in spoke.actions() {
                offered.push(self.action(&format!("{alias}.{action}"), code.spec()));
            }
        }
        if with_flows {
            offered.extend(catalog.flows.keys().map(|name| {
                self.make(&format!("flow.{name}"), What::Flow, Some("subflow".to_owned()), None)
            }));
        }
        let rest = &self.page.text[self.at..];
        let more = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        let end = self.at + more.unwrap_or(rest.len());
        offered.iter_mut().for_each(|one| one.replaces = Span { start: written.start, end });
        offered
    }

    fn action(&self, name: &str, spec: &ActionSpec) -> Completion {
        let detail = format!("{} ({})", spec.title, spec.effect);
        self.make(name, What::Action, Some(detail), Some(explain::action(name, spec)))
    }

    /// A value for an input: its words, or a pill.
    fn given(&self, schema: &Schema, text: &str) -> Vec<Completion> {
        if pills::open_pill(text).is_some() {
            return self.pill(text);
        }
        match (&schema.ty, schema.choices.as_slice()) {
            (Type::Boolean, []) => self.flags(),
            (_, choices) => self.words(choices.iter().map(print)),
        }
    }

    fn names(&self) -> Vec<Name> {
        self.reading.map_or_else(Vec::new, |reading| reading.names(self.page, self.place))
    }

    /// The inside of a text: nothing outside of pills.
    fn pill(&self, text: &str) -> Vec<Completion> {
        let Some(inner) = pills::open_pill(text) else { return Vec::new() };
        let partial = Partial::of(inner);
        let names = self.names();
        if !partial.is_root {
            return self.fields_of(&names, &partial.path);
        }
        let mut offered = self.roots(&names);
        offered.extend(functions().iter().map(|function| self.function(function, false)));
        offered
    }

    fn expression(&self, text: &str) -> Vec<Completion> {
        let partial = Partial::of(text);
        let mut names = self.names();
        names.extend(pills::bound(text, &names));
        if partial.is_root {
            let mut offered = self.roots(&names);
            offered.extend(functions().iter().map(|function| self.function(function, true)));
            return offered;
        }
        let mut offered = self.fields_of(&names, &partial.path);
        let of = pills::type_of(names.iter(), &partial.path);
        if let Some(Schema { ty: Type::List(_), .. }) = of {
            offered.extend(MACROS.iter().map(|(name, about)| {
                let detail = Some(format!("{name}(item, ...)"));
                let mut made = self.make(name, What::Function, detail, Some((*about).to_owned()));
                made.insert = format!("{name}(");
                made
            }));
        }
        let takes = |function: &&&'static Function| match (&of, function.params.first()) {
            (Some(of), Some(first)) => first.ty == of.ty.name(),
            _ => false,
        };
        offered.extend(functions().iter().filter(takes).map(|it| self.function(it, true)));
        offered
    }

    fn roots(&self, names: &[Name]) -> Vec<Completion> {
        let each = names.iter().map(|name| {
            let what = if name.is_step { What::Step } else { What::Field };
            self.make(&name.name, what, Some(name.schema.type_name()), None)
        });
        each.collect()
    }

    fn fields_of(&self, names: &[Name], path: &[&str]) -> Vec<Completion> {
        let Some(Schema { ty: Type::Object(fields), .. }) = pills::type_of(names.iter(), path)
        else {
            return Vec::new();
        };
        let known = fields.iter().filter(|(name, _)| super::is_word(name));
        known
            .map(|(name, schema)| {
                let about = schema.about.clone();
                self.make(name, What::Field, Some(schema.type_name()), about)
            })
            .collect()
    }

    fn function(&self, function: &Function, is_expression: bool) -> Completion {
        let about = explain::function_about(function);
        let detail = Some(function.signature());
        let mut made = self.make(function.name, What::Function, detail, Some(about));
        if is_expression {
            made.insert = format!("{}(", function.name);
        }
        made
    }
}
