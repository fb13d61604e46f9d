//! Texts in Handlebars, strict and without HTML escaping.
//!
//! The handlebars crate reads every text and renders those with blocks (`#if`, `#each`). A text of
//! plain pills and helpers is rendered here: a text that is exactly one keeps its type, a null is
//! an error that says why, and an unknown makes the text unknown. A literal text costs nothing.

mod blocks;
mod infer;
mod outline;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::cel::{no_such_name, walk};
use crate::functions::{Args, Function};
use crate::references::{EvalError, Mistake, Reference, dotted};
use crate::scope::Scope;
use crate::unknown::{Unknown, contains_unknown, derived, relabelled, unknowns};
use crate::value::{Value, print};
use crate::work::{Work, not_too_deep, weight};

/// The longest text that is rendered, in bytes.
const MAX_OUTPUT: usize = 8 * 1024 * 1024;

/// A text with data pills, read once and rendered often; cheap to clone.
#[derive(Clone)]
pub struct Text {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    form: Form,
    references: Vec<Reference>,
}

enum Form {
    Literal(String),
    Pill(Argument),
    Parts(Vec<Part>),
    Blocks(Box<blocks::Blocks>),
}

/// A part of a text without blocks.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text that stands as it is.
    Literal(String),
    /// A text that is exactly one pill or helper.
    Pill(Text),
}

/// What a pill holds, and what its helpers are given.
enum Argument {
    Literal(Value),
    Path {
        root: String,
        fields: Vec<String>,
    },
    Call {
        function: &'static Function,
        args: Vec<Argument>,
    },
    /// Something a block binds; only texts with blocks have it, and those the crate renders.
    Local(outline::Local),
    /// What a mistake was found in, with the parts of it that can be read. It has no value.
    Mistaken(Vec<Argument>),
}

impl Text {
    /// Reads a text. The error is the first of its mistakes.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let (text, mistakes) = Self::read(text)?;
        mistakes.into_iter().next().map_or(Ok(text), Err)
    }

    /// Reads a text as far as it can be read, with all that is wrong with it: what has a mistake
    /// in it has no value, and the rest can be studied. The error is of a text that is no
    /// Handlebars.
    pub fn read(text: &str) -> Result<(Self, Vec<Mistake>), Mistake> {
        let read::Read { form, references, mistakes } = read::read(text)?;
        Ok((Self::new(text, form, references), mistakes))
    }

    fn new(source: &str, form: Form, references: Vec<Reference>) -> Self {
        Self { inner: Arc::new(Inner { source: source.to_owned(), form, references }) }
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The names it reads, without those its own loops bind.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// Whether it holds no pill at all.
    pub fn is_literal(&self) -> bool {
        matches!(self.inner.form, Form::Literal(_))
    }

    /// Whether it is exactly one pill or helper, so that its value keeps its type.
    pub fn is_pill(&self) -> bool {
        matches!(self.inner.form, Form::Pill(_))
    }

    /// The root name and fields, when the text is exactly one plain pill.
    pub fn path(&self) -> Option<(&str, &[String])> {
        match &self.inner.form {
            Form::Pill(Argument::Path { root, fields }) => Some((root, fields)),
            _ => None,
        }
    }

    /// The function whose helper the text is exactly one call of.
    pub fn function(&self) -> Option<&'static Function> {
        match &self.inner.form {
            Form::Pill(Argument::Call { function, .. }) => Some(function),
            _ => None,
        }
    }

    /// Literal texts and pills in order; `None` when it has blocks, and none of a literal text
    /// but itself.
    pub fn parts(&self) -> Option<Vec<Part>> {
        match &self.inner.form {
            Form::Literal(text) => Some(vec![Part::Literal(text.clone())]),
            Form::Pill(_) => Some(vec![Part::Pill(self.clone())]),
            Form::Parts(parts) => Some(parts.clone()),
            Form::Blocks(_) => None,
        }
    }

    /// The value: of exactly one pill or helper its own, otherwise a string. With an unknown in
    /// it, an unknown.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match &self.inner.form {
            Form::Literal(text) => Ok(Value::String(text.clone())),
            Form::Pill(pill) => not_too_deep(pill.value(scope, &Work::default())?.into_owned()),
            Form::Parts(parts) => self.render_parts(parts, scope),
            Form::Blocks(blocks) => blocks.render(self.source(), self.references(), scope),
        }
    }

    /// The value as a string. A null or an unknown is an error.
    pub fn render_string(&self, scope: &dyn Scope) -> Result<String, EvalError> {
        match self.render(scope)? {
            Value::String(text) => Ok(text),
            Value::Null => Err(self.null(scope)),
            value => match unknowns(&value).first() {
                Some(unknown) => {
                    Err(EvalError::new(format!("{} is known only after the run", unknown.label)))
                }
                None => Ok(print(&value)),
            },
        }
    }

    fn render_parts(&self, parts: &[Part], scope: &dyn Scope) -> Result<Value, EvalError> {
        let mut out = String::new();
        let mut open = Vec::new();
        let mut shown = Vec::new();
        let work = Work::default();
        for part in parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Pill(pill) => {
                    let Form::Pill(argument) = &pill.inner.form else { continue };
                    let value = argument.value(scope, &work)?;
                    match value.as_ref() {
                        Value::Null => return Err(pill.null(scope)),
                        Value::String(text) => out.push_str(text),
                        value if contains_unknown(value) => {
                            let inside = unknowns(value);
                            let label = inside.first().map(Unknown::in_text);
                            shown.push((out.len(), label.unwrap_or_default()));
                            open.extend(inside);
                        }
                        value => out.push_str(&print(value)),
                    }
                }
            }
            if out.len() > MAX_OUTPUT {
                return Err(EvalError::new("the text is too long"));
            }
        }
        if open.is_empty() {
            return Ok(Value::String(out));
        }
        let text = derived(&format!("{} {out}", self.source()), "string", &open);
        Ok(relabelled(text, &with_labels(&out, &shown)))
    }

    /// The error that this pill is null where a text is needed.
    fn null(&self, scope: &dyn Scope) -> EvalError {
        let written = match &self.inner.form {
            Form::Pill(Argument::Path { root, fields }) => {
                let name = dotted(root, fields);
                let why = if fields.is_empty() { scope.why_null(root) } else { None };
                if let Some(why) = why {
                    return EvalError::new(format!("`{name}` is null: {why}"));
                }
                let help = format!("{{{{default {name} ''}}}}");
                return EvalError::new(format!("`{name}` is null: write {help} where that may be"));
            }
            _ => self.source(),
        };
        EvalError::new(format!("`{written}` gives null"))
    }
}

impl Argument {
    fn value<'s>(&'s self, scope: &'s dyn Scope, work: &Work) -> Result<Cow<'s, Value>, EvalError> {
        match self {
            Argument::Literal(value) => Ok(Cow::Borrowed(value)),
            Argument::Local(_) => Ok(Cow::Owned(Value::Null)),
            Argument::Mistaken(_) => Err(EvalError::new("what has mistakes has no value")),
            Argument::Path { root, fields } => {
                let why = || scope.why_null(root);
                match scope.get(root) {
                    None => Err(no_such_name(root, scope)),
                    Some(Cow::Borrowed(value)) => walk(value, root, fields, &why),
                    Some(Cow::Owned(value)) if fields.is_empty() => Ok(Cow::Owned(value)),
                    Some(Cow::Owned(value)) => {
                        walk(&value, root, fields, &why).map(|found| Cow::Owned(found.into_owned()))
                    }
                }
            }
            Argument::Call { function, args } => {
                let mut values = Vec::with_capacity(args.len());
                for (at, arg) in args.iter().enumerate() {
                    let value = arg.value(scope, work);
                    // The point of `default` is to be asked about what may not be there.
                    let lenient = function.name == "default" && at == 0;
                    values.push(if lenient { value.unwrap_or_default() } else { value? });
                }
                if !function.shallow {
                    work.charge(values.iter().map(|value| weight(value)).sum())?;
                }
                let result = function
                    .invoke(&Args::new(&values))
                    .map_err(|message| call_failed(function, args, &values, message))?;
                work.charge(weight(&result))?;
                Ok(Cow::Owned(result))
            }
        }
    }
}

fn call_failed(
    function: &Function,
    args: &[Argument],
    values: &[Cow<'_, Value>],
    message: String,
) -> EvalError {
    let null = args.iter().zip(values).find_map(|(arg, value)| match arg {
        Argument::Path { root, fields } if value.is_null() => Some(dotted(root, fields)),
        _ => None,
    });
    match null.filter(|_| message.ends_with("it is null")) {
        Some(path) => EvalError::new(format!("{}: `{path}` is null", function.name)),
        None => EvalError::new(format!("{}: {message}", function.name)),
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({})", self.source())
    }
}

/// A text as far as it is known, with what is not by its name in braces.
fn with_labels(known: &str, unknown: &[(usize, String)]) -> String {
    /// More of it tells nobody more.
    const MOST: usize = 200;
    let mut text = String::new();
    let mut copied = 0;
    for (at, label) in unknown {
        text.push_str(&known[copied..*at]);
        text.push_str(label);
        copied = *at;
    }
    text.push_str(&known[copied..]);
    if text.chars().count() > MOST {
        text = text.chars().take(MOST).chain(['…']).collect();
    }
    text
}

#[cfg(test)]
mod tests;
