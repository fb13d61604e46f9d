//! Texts with blocks: rendered by the handlebars crate with our functions as its helpers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::LazyLock;

use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, Output, RenderContext, RenderError, RenderErrorReason,
    Renderable, ScopedJson, Template,
};

use super::MAX_OUTPUT;
use super::outline::Node;
use crate::cel::{no_such_name, walk};
use crate::functions::{Args, Function, functions};
use crate::references::{EvalError, Reference, dotted};
use crate::scope::Scope;
use crate::unknown::{derived, unknowns};
use crate::value::{Map, Value, print};
use crate::work::{Work, weight};

/// The name of the helper that each pill is turned into; no author can write it.
const PILL: &str = "\u{1}pill";
/// The name of the helper at the end of the body of each loop, which counts its rounds.
const ROUND: &str = "\u{1}round";

thread_local! {
    /// What the text that this thread renders has done so far; one is rendered at a time.
    static WORK: Work = Work::default();
}

/// Counts work of the text that is being rendered.
fn charge(work: usize) -> Result<(), RenderError> {
    let charged = WORK.with(|all| all.charge(work));
    charged.map_err(|error| RenderErrorReason::Other(error.message).into())
}

/// A compiled text with blocks.
pub(super) struct Blocks {
    template: Template,
    /// What it reads, as its types see it.
    pub(super) outline: Vec<Node>,
}

impl Blocks {
    /// Takes a vetted template; its pills become calls of a helper that refuses null.
    pub(super) fn new(mut template: Template, outline: Vec<Node>) -> Self {
        rewrite(&mut template, true);
        Self { template, outline }
    }

    /// The text, or an unknown when a name it reads holds one.
    pub(super) fn render(
        &self,
        source: &str,
        references: &[Reference],
        scope: &dyn Scope,
    ) -> Result<Value, EvalError> {
        let data = bind(references, scope)?;
        let open: Vec<_> = data.values().flat_map(unknowns).collect();
        if !open.is_empty() {
            return Ok(derived(source, "string", &open));
        }
        let context = Context::from(Value::Object(data));
        let mut out = Bounded(String::new());
        let mut run = RenderContext::new(None);
        WORK.with(Work::reset);
        match self.template.render(&ENGINE, &context, &mut run, &mut out) {
            Ok(()) => Ok(Value::String(out.0)),
            Err(cause) => Err(explain(&cause, references, scope)),
        }
    }
}

/// Only what the text names; a part that cannot be reached is left out, since the text may test it.
fn bind(references: &[Reference], scope: &dyn Scope) -> Result<Map<String, Value>, EvalError> {
    let mut data = Map::new();
    let mut sorted: Vec<&Reference> = references.iter().collect();
    sorted.sort_by_key(|reference| reference.path.len());
    for reference in sorted {
        let Some(root) = scope.get(&reference.root) else {
            return Err(no_such_name(&reference.root, scope));
        };
        if let Ok(found) = walk(&root, &reference.root, &reference.path, &|| None) {
            let slot = data.entry(&reference.root);
            put(slot.or_insert_with(|| Value::Object(Map::new())), &reference.path, found);
        }
    }
    Ok(data)
}

fn put(at: &mut Value, path: &[String], value: Cow<'_, Value>) {
    match path.split_first() {
        None => *at = value.into_owned(),
        Some((field, rest)) => {
            // A list or value that is bound as a whole already has the field.
            if let Value::Object(fields) = at {
                let slot = fields.entry(field).or_insert_with(|| Value::Object(Map::new()));
                put(slot, rest, value);
            }
        }
    }
}

/// Prefixes every function, so that a field that is named like one stays a field, and wraps pills.
fn rewrite(template: &mut Template, wrap: bool) {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(pill) | TemplateElement::HtmlExpression(pill) => {
                rename(pill);
                if wrap {
                    wrap_pill(pill);
                }
            }
            TemplateElement::HelperBlock(block) => {
                block.params.iter_mut().for_each(rename_parameter);
                for inner in [&mut block.template, &mut block.inverse].into_iter().flatten() {
                    rewrite(inner, wrap);
                }
                if block.name.as_name() == Some("each") {
                    block.template.iter_mut().for_each(count_rounds);
                }
            }
            _ => {}
        }
    }
}

/// Puts the helper that counts at the end of the body of a loop.
fn count_rounds(body: &mut Template) {
    let counted = Template::compile("{{round 1}}").map(|template| template.elements);
    for mut element in counted.unwrap_or_default() {
        if let TemplateElement::Expression(call) = &mut element {
            call.name = Parameter::Name(ROUND.to_owned());
        }
        body.elements.push(element);
    }
}

fn wrap_pill(pill: &mut HelperTemplate) {
    let name = std::mem::replace(&mut pill.name, Parameter::Name(PILL.to_owned()));
    let params = std::mem::take(&mut pill.params);
    let hash: HashMap<_, _> = std::mem::take(&mut pill.hash);
    let inner = match name {
        Parameter::Name(_) => Parameter::Subexpression(Subexpression::new(name, params, hash)),
        other => other,
    };
    pill.params = vec![inner];
}

fn rename(call: &mut HelperTemplate) {
    if let Parameter::Name(name) = &mut call.name {
        *name = prefixed(name);
    }
    rename_parameter(&mut call.name);
    call.params.iter_mut().chain(call.hash.values_mut()).for_each(rename_parameter);
}

fn rename_parameter(parameter: &mut Parameter) {
    if let Parameter::Subexpression(inner) = parameter
        && let TemplateElement::Expression(call) = inner.element.as_mut()
    {
        rename(call);
    }
}

fn prefixed(name: &str) -> String {
    format!("\u{1}{name}")
}

static ENGINE: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(handlebars::no_escape);
    for name in
        ["lookup", "raw", "log", "eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not", "len"]
    {
        engine.unregister_helper(name);
    }
    for function in functions() {
        engine.register_helper(&prefixed(function.name), Box::new(Call(function)));
    }
    engine.register_helper(PILL, Box::new(Pill));
    engine.register_helper(ROUND, Box::new(Round));
    engine
});

struct Call(&'static Function);

impl HelperDef for Call {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let mut values: Vec<Cow<'_, Value>> = Vec::new();
        for (at, param) in helper.params().iter().enumerate() {
            if param.is_value_missing() && !(self.0.name == "default" && at == 0) {
                return Err(missing(param.relative_path()));
            }
            values.push(Cow::Borrowed(param.value()));
        }
        for (name, param) in helper.hash() {
            let at = self.0.params.iter().position(|known| known.name == *name).unwrap_or(0);
            while values.len() <= at {
                values.push(Cow::Owned(Value::Null));
            }
            values[at] = Cow::Borrowed(param.value());
        }
        if !self.0.shallow {
            charge(values.iter().map(|value| weight(value)).sum())?;
        }
        let result = self.0.invoke(&Args::new(&values));
        let failed = |message| RenderErrorReason::Other(format!("{}: {message}", self.0.name));
        let result = result.map_err(failed)?;
        charge(weight(&result))?;
        Ok(ScopedJson::Derived(result))
    }
}

/// Counts a round of a loop and writes nothing.
struct Round;

impl HelperDef for Round {
    fn call<'reg: 'rc, 'rc>(
        &self,
        _: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        _: &mut dyn Output,
    ) -> Result<(), RenderError> {
        charge(20)
    }
}

struct Pill;

impl HelperDef for Pill {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> Result<(), RenderError> {
        let Some(param) = helper.param(0) else { return Ok(()) };
        if param.is_value_missing() {
            return Err(missing(param.relative_path()));
        }
        match param.value() {
            Value::Null => {
                let name = param.relative_path().map_or("a pill", String::as_str);
                let message = format!("`{name}` is null: use `default` where that may be");
                Err(RenderErrorReason::Other(message).into())
            }
            value => Ok(out.write(&print(value))?),
        }
    }
}

fn missing(path: Option<&String>) -> RenderError {
    RenderErrorReason::MissingVariable(path.cloned()).into()
}

/// A text that stops growing at the limit.
struct Bounded(String);

impl Output for Bounded {
    fn write(&mut self, part: &str) -> io::Result<()> {
        if self.0.len() + part.len() > MAX_OUTPUT {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.push_str(part);
        Ok(())
    }
}

/// What went wrong in our words: for a path of the scope, why it cannot be reached.
fn explain(cause: &RenderError, references: &[Reference], scope: &dyn Scope) -> EvalError {
    match cause.reason() {
        RenderErrorReason::Other(message) => EvalError::new(message.clone()),
        RenderErrorReason::IOError(cause) => EvalError::new(cause.to_string()),
        RenderErrorReason::MissingVariable(path) => {
            let written = path.as_deref().unwrap_or_default();
            let known = references.iter().find(|reference| {
                dotted(&reference.root, &reference.path) == written.replace('/', ".")
            });
            let reached = known.and_then(|reference| {
                let root = scope.get(&reference.root)?;
                let why = || scope.why_null(&reference.root);
                walk(&root, &reference.root, &reference.path, &why).err()
            });
            let plain = match written {
                "" => "a value in the text is missing".to_owned(),
                written => format!("there is no `{written}` here"),
            };
            reached.unwrap_or_else(|| EvalError::new(plain))
        }
        _ => EvalError::new("the text cannot be rendered"),
    }
}

/// Whether the engine knows the blocks that the reader lets through.
#[cfg(test)]
pub(super) fn engine_has_all_blocks() -> bool {
    super::read::BLOCKS.iter().all(|name| {
        let text = format!("{{{{#{name} x}}}}a{{{{/{name}}}}}");
        ENGINE.render_template(&text, &serde_json::json!({ "x": [1] })).is_ok()
    })
}
