//! From text to form: the handlebars crate compiles, what it gives is vetted and taken apart.

use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template, TemplateError, TemplateErrorReason};

use super::blocks::Blocks;
use super::outline::{Block, Kind, Local, Node, Slot};
use super::{Argument, Form, Part, Text};
use crate::diagnostic::{codes, did_you_mean};
use crate::functions::{Function, function, functions};
use crate::references::{Mistake, Reference};
use crate::schema::Type;
use crate::value::Value;

/// The longest text with pills, in bytes.
const MAX_LENGTH: usize = 16 * 1024;
/// How deep blocks and brackets may nest; compiling and rendering recurse.
const MAX_NESTING: usize = 32;
/// How deep loops may nest.
const MAX_LOOPS: usize = 3;
/// The blocks there are.
pub(super) const BLOCKS: [&str; 4] = ["if", "unless", "each", "with"];

type Result<T> = std::result::Result<T, Mistake>;

/// A text that was read.
pub(super) struct Read {
    pub(super) form: Form,
    /// The names it reads.
    pub(super) references: Vec<Reference>,
    /// What is wrong with it. The form has no value where something is.
    pub(super) mistakes: Vec<Mistake>,
}

/// Reads a text as far as it can be read; the error is of one that is no Handlebars.
pub(super) fn read(text: &str) -> Result<Read> {
    if !text.contains("{{") {
        let form = Form::Literal(text.to_owned());
        return Ok(Read { form, references: Vec::new(), mistakes: Vec::new() });
    }
    guard(text)?;
    let compiled = catch_unwind(AssertUnwindSafe(|| Template::compile(text)));
    let template = match compiled {
        Ok(Ok(template)) => template,
        Ok(Err(cause)) => return Err(syntax(text, &cause)),
        Err(_) => return Err(bad("cannot be read as Handlebars", 0..text.len())),
    };
    let mut walk = Walk {
        text,
        cursor: 0,
        found: Vec::new(),
        mistakes: Vec::new(),
        guards: Vec::new(),
        levels: vec![Vec::new()],
    };
    let has_blocks =
        template.elements.iter().any(|element| matches!(element, TemplateElement::HelperBlock(_)));
    let form = if has_blocks {
        let outline = walk.template(&template, 0);
        Form::Blocks(Box::new(Blocks::new(template, outline)))
    } else {
        form_of(walk.parts(&template))
    };
    Ok(Read { form, references: walk.found, mistakes: walk.mistakes })
}

fn form_of(mut parts: Vec<Part>) -> Form {
    if let [Part::Pill(_)] = parts.as_slice()
        && let Some(Part::Pill(pill)) = parts.pop()
        && let Some(inner) = std::sync::Arc::into_inner(pill.inner)
    {
        return inner.form;
    }
    if parts.iter().all(|part| matches!(part, Part::Literal(_))) {
        let texts = parts.into_iter().map(|part| match part {
            Part::Literal(text) => text,
            Part::Pill(pill) => pill.source().to_owned(),
        });
        return Form::Literal(texts.collect());
    }
    Form::Parts(parts)
}

fn bad(message: impl Into<String>, range: Range<usize>) -> Mistake {
    Mistake::new(codes::BAD_TEXT, message, range)
}

/// Refuses what could overflow the compiler's stack, by a plain scan before compiling.
fn guard(text: &str) -> Result<()> {
    if text.len() > MAX_LENGTH {
        return Err(bad(format!("the text is longer than {MAX_LENGTH} bytes"), 0..text.len()));
    }
    let too_deep = |at: usize| bad(format!("nested deeper than {MAX_NESTING} levels"), at..at);
    let (mut blocks, mut rest) = (0_usize, text);
    while let Some(open) = rest.find("{{") {
        let at = text.len() - rest.len() + open;
        let tag = &rest[open + 2..];
        let tag = &tag[..tag.find("}}").unwrap_or(tag.len())];
        match tag.trim_start_matches(['{', '~', ' ']).chars().next() {
            Some('#' | '^') => blocks += 1,
            Some('/') => blocks = blocks.saturating_sub(1),
            Some('>' | '*') => {
                return Err(bad("partials and decorators are not used here", at..at + 2));
            }
            _ => {}
        }
        let mut depth = 0_usize;
        for c in tag.chars() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_NESTING {
                return Err(too_deep(at));
            }
        }
        if blocks > MAX_NESTING {
            return Err(too_deep(at));
        }
        rest = &rest[open + 2..];
    }
    Ok(())
}

fn syntax(text: &str, cause: &TemplateError) -> Mistake {
    let at = cause.pos().map_or(0, |(line, column)| offset(text, line, column));
    let tag = text[..at].rfind("{{").unwrap_or(at);
    let end = text[tag..].find("}}").map_or(text.len(), |end| tag + end + 2);
    match cause.reason() {
        TemplateErrorReason::MismatchingClosedHelper(open, close) => {
            bad(format!("`{{{{#{open}}}}}` is closed by `{{{{/{close}}}}}`"), at..end.max(at))
        }
        _ if text[tag..].find("}}").is_none() => {
            bad("a `{{` without its `}}`", tag..(tag + 2).min(text.len()))
                .with_help("for a text that has `{{` in it, write `\\{{`")
        }
        _ => {
            let written = &text[tag..end];
            let shown: String = written.chars().take(60).collect();
            let mistake = bad(format!("`{shown}` cannot be read as Handlebars"), tag..end);
            let operators = ["==", "&&", "||", " + ", " > ", " < ", "!=", " ? "];
            if operators.iter().any(|operator| written.contains(operator)) {
                mistake.with_help("a pill is a path or a helper; compute the value in an expression field (`set`) first")
            } else {
                mistake
            }
        }
    }
}

/// The byte offset of a line and column, both from 1, the column in characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(i, _)| i)
}

/// A path as it is written in a pill.
enum Written {
    /// A root name of the scope and its fields.
    Scope(String, Vec<String>),
    /// Something a block binds: `this`, `@index`, a field of the item. Where it stands is not
    /// known yet.
    Local(Local),
}

struct Walk<'a> {
    text: &'a str,
    /// Where the last reference ended: the next one stands after it.
    cursor: usize,
    found: Vec<Reference>,
    mistakes: Vec<Mistake>,
    /// Paths that are tested around here.
    guards: Vec<(String, Vec<String>)>,
    /// The names bound at each level of loops; the first level is the scope itself.
    levels: Vec<Vec<String>>,
}

impl Walk<'_> {
    /// Literal texts and pills of a text without blocks.
    fn parts(&mut self, template: &Template) -> Vec<Part> {
        let mut parts = Vec::new();
        for element in &template.elements {
            match element {
                TemplateElement::RawString(text) => match parts.last_mut() {
                    Some(Part::Literal(before)) => before.push_str(text),
                    _ => parts.push(Part::Literal(text.clone())),
                },
                TemplateElement::Expression(pill) | TemplateElement::HtmlExpression(pill) => {
                    let (start, first) = (self.cursor, self.found.len());
                    let argument = self.pill(pill);
                    let source = self.tag_from(start);
                    let references = self.found[first..].to_vec();
                    parts.push(Part::Pill(Text::new(&source, Form::Pill(argument), references)));
                }
                TemplateElement::Comment(_) => {}
                other => self.refuse(other),
            }
        }
        parts
    }

    /// The next tag from a place on, as written.
    fn tag_from(&mut self, start: usize) -> String {
        let Some(open) = self.text[start..].find("{{").map(|at| start + at) else {
            return String::new();
        };
        let end = self.text[open..].find("}}").map_or(self.text.len(), |at| open + at + 2);
        self.cursor = self.cursor.max(end);
        self.text[open..end].to_owned()
    }

    fn refuse(&mut self, element: &TemplateElement) {
        let what = match element {
            TemplateElement::HelperBlock(_) => "blocks are",
            _ => "partials and decorators are",
        };
        self.mistakes.push(bad(format!("{what} not used here"), 0..self.text.len()));
    }

    /// Notes what is wrong; what can be read of it stays.
    fn mistaken(&mut self, mistake: Mistake, parts: Vec<Argument>) -> Argument {
        self.mistakes.push(mistake);
        Argument::Mistaken(parts)
    }

    /// Vets a text with blocks and collects what it reads.
    fn template(&mut self, template: &Template, loops: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        for element in &template.elements {
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(pill) | TemplateElement::HtmlExpression(pill) => {
                    let first = self.found.len();
                    let pill = self.pill(pill);
                    nodes.push(Node::Pill { pill, references: self.found[first..].to_vec() });
                }
                TemplateElement::HelperBlock(block) => match self.block(block, loops) {
                    Ok(block) => nodes.push(Node::Block(block)),
                    Err(mistake) => self.mistakes.push(mistake),
                },
                other => self.refuse(other),
            }
        }
        nodes
    }

    fn block(&mut self, block: &HelperTemplate, loops: usize) -> Result<Block> {
        let name = name_of(&block.name);
        if !BLOCKS.contains(&name.as_str()) {
            let mistake = Mistake::new(
                codes::UNKNOWN_FUNCTION,
                format!("there is no block `#{name}`"),
                self.locate(&format!("#{name}")),
            );
            return Err(mistake.with_help("the blocks are: #if, #unless, #each, #with"));
        }
        let [subject] = block.params.as_slice() else {
            let place = self.locate(&format!("#{name}"));
            return Err(bad(format!("`#{name}` takes one value: {{{{#{name} records}}}}"), place));
        };
        let loops = loops + usize::from(name == "each");
        if loops > MAX_LOOPS {
            let place = self.locate(&format!("#{name}"));
            return Err(bad(format!("loops nest deeper than {MAX_LOOPS}"), place));
        }
        let tested = self.tested(subject);
        let before = self.guards.len();
        self.guards.extend(tested);
        let first = self.found.len();
        let subject = self.argument(subject);
        let references = self.found[first..].to_vec();
        let kind = Kind::of(&name);
        let (inside, otherwise) = (Vec::new(), Vec::new());
        let mut read = Block { kind, subject, references, inside, otherwise };
        let inverted = name == "unless";
        for (inner, holds) in [(&block.template, true), (&block.inverse, false)] {
            let Some(inner) = inner else { continue };
            let guards = if holds == inverted { self.guards.split_off(before) } else { Vec::new() };
            let binds = holds && kind != Kind::Test;
            if binds {
                self.levels.push(bound_names(block));
            }
            let nodes = self.template(inner, loops);
            *(if holds { &mut read.inside } else { &mut read.otherwise }) = nodes;
            if binds {
                self.levels.pop();
            }
            self.guards.extend(guards);
        }
        self.guards.truncate(before);
        Ok(read)
    }

    /// The path that a block tests.
    fn tested(&self, subject: &Parameter) -> Option<(String, Vec<String>)> {
        match subject {
            Parameter::Path(path) => match self.written(path) {
                Written::Scope(root, fields) => Some((root, fields)),
                Written::Local(_) => None,
            },
            _ => None,
        }
    }

    fn pill(&mut self, pill: &HelperTemplate) -> Argument {
        match &pill.name {
            Parameter::Name(name) => self.call(name, &pill.params, &pill.hash),
            other => self.argument(other),
        }
    }

    fn argument(&mut self, parameter: &Parameter) -> Argument {
        match parameter {
            Parameter::Literal(value) => Argument::Literal(value.clone()),
            Parameter::Name(name) => self.call(name, &[], &HashMap::new()),
            Parameter::Path(path) => self.path(path),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(inner) => self.pill(inner),
                other => {
                    self.refuse(other);
                    Argument::Mistaken(Vec::new())
                }
            },
            _ => {
                let mistake = bad("cannot be read as Handlebars", 0..self.text.len());
                self.mistaken(mistake, Vec::new())
            }
        }
    }

    fn path(&mut self, path: &Path) -> Argument {
        match self.written(path) {
            Written::Scope(root, fields) => {
                let range = self.locate(raw(path));
                let guarded = self
                    .guards
                    .iter()
                    .any(|(name, tested)| *name == root && fields.starts_with(tested));
                self.found.push(Reference {
                    root: root.clone(),
                    path: fields.clone(),
                    range,
                    guarded,
                });
                Argument::Path { root, fields }
            }
            Written::Local(local) => {
                Argument::Local(Local { range: self.locate(raw(path)), ..local })
            }
        }
    }

    fn locate(&mut self, raw: &str) -> Range<usize> {
        let found = self.text[self.cursor..].find(raw).map(|at| self.cursor + at);
        match found.or_else(|| self.text.find(raw)) {
            Some(start) => {
                self.cursor = self.cursor.max(start + raw.len());
                start..start + raw.len()
            }
            None => 0..self.text.len(),
        }
    }

    fn written(&self, path: &Path) -> Written {
        let (segments, raw) = match path {
            Path::Relative((segments, raw)) => (segments, raw),
            Path::Local((_, name, _)) => {
                let ty = match name.as_str() {
                    "index" => Type::Integer,
                    "key" => Type::String,
                    "first" | "last" => Type::Boolean,
                    _ => Type::Any,
                };
                return local(0, Slot::Mark(ty), name, &[]);
            }
        };
        let names: Vec<&String> = segments
            .iter()
            .filter_map(|segment| match segment {
                PathSeg::Named(name) => Some(name),
                _ => None,
            })
            .collect();
        let ups = raw.matches("../").count();
        let level =
            if raw.starts_with("@root") { 0 } else { self.levels.len().saturating_sub(ups + 1) };
        let Some((root, fields)) = names.split_first() else {
            return local(level, Slot::Item, "this", &[]);
        };
        let bound =
            self.levels.iter().enumerate().rev().find_map(|(level, names)| {
                Some((level, names.iter().position(|name| name == *root)?))
            });
        if let Some((level, at)) = bound.filter(|_| ups == 0) {
            let slot = if at == 0 { Slot::Item } else { Slot::Key };
            return local(level, slot, root, fields);
        }
        if level > 0 || raw.starts_with("this") || raw.starts_with("./") {
            return local(level, Slot::Item, "this", &names);
        }
        Written::Scope((*root).clone(), fields.iter().map(|field| (*field).clone()).collect())
    }

    fn call(
        &mut self,
        name: &str,
        params: &[Parameter],
        hash: &HashMap<String, Parameter>,
    ) -> Argument {
        let range = self.locate(name);
        let Some(function) = function(name) else {
            let parts = params.iter().map(|parameter| self.argument(parameter)).collect();
            return self.mistaken(unknown_helper(name, range), parts);
        };
        let mut args = Vec::with_capacity(params.len());
        let before = self.guards.len();
        for (at, parameter) in params.iter().enumerate() {
            if function.name == "default" && at == 0 {
                self.guards.extend(self.tested(parameter));
            }
            args.push(self.argument(parameter));
        }
        self.guards.truncate(before);
        let mut names: Vec<&String> = hash.keys().collect();
        names.sort_by_key(|name| function.params.iter().position(|param| param.name == *name));
        for name in names {
            let at = function.params.iter().position(|param| param.name == *name && !param.rest);
            let Some(at) = at else {
                return self.mistaken(wrong_name(function, name, range), args);
            };
            if at < args.len() && at < params.len() {
                let message = format!("`{name}` is given twice");
                return self.mistaken(Mistake::new(codes::BAD_ARGUMENTS, message, range), args);
            }
            while args.len() < at {
                args.push(Argument::Literal(Value::Null));
            }
            args.push(self.argument(&hash[name]));
        }
        match function.wrong_count(args.len()) {
            Some(message) => {
                self.mistaken(Mistake::new(codes::BAD_ARGUMENTS, message, range), args)
            }
            None => Argument::Call { function, args },
        }
    }
}

fn local(level: usize, slot: Slot, name: &str, fields: &[&String]) -> Written {
    let fields = fields.iter().map(|field| (*field).clone()).collect();
    Written::Local(Local { level, slot, name: name.to_owned(), fields, range: 0..0 })
}

fn unknown_helper(name: &str, range: Range<usize>) -> Mistake {
    let mistake =
        Mistake::new(codes::UNKNOWN_FUNCTION, format!("there is no helper `{name}`"), range);
    match did_you_mean(name, functions().iter().map(|function| function.name)) {
        Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
        None => mistake,
    }
}

fn wrong_name(function: &Function, name: &str, range: Range<usize>) -> Mistake {
    let message = format!("`{}` has no argument `{name}`: {}", function.name, function.signature());
    Mistake::new(codes::BAD_ARGUMENTS, message, range)
}

fn bound_names(block: &HelperTemplate) -> Vec<String> {
    use handlebars::template::BlockParam;
    match &block.block_param {
        Some(BlockParam::Single(one)) => vec![name_of(one)],
        Some(BlockParam::Pair((one, two))) => vec![name_of(one), name_of(two)],
        _ => Vec::new(),
    }
}

fn name_of(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Name(name) => name.clone(),
        Parameter::Path(path) => raw(path).to_owned(),
        _ => String::new(),
    }
}

/// A path as it was written.
pub(super) fn raw(path: &Path) -> &str {
    match path {
        Path::Relative((_, raw)) | Path::Local((_, _, raw)) => raw,
    }
}
