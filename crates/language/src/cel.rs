//! Expressions in CEL, the Common Expression Language.
//!
//! The cel crate reads an expression; ours is only what its interpreter cannot give: names that are
//! not known yet (three-valued `&&`, `||`, `!`, `?:`), errors that say which path is null and why,
//! values read in place instead of converted, and a bound on the work that one expression can do.

mod eval;
mod facts;
mod infer;
mod macros;
mod operators;
mod path;
mod quotes;
mod read;
mod references;
mod returns;
mod table;
mod tree;

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use crate::functions::Function;
use crate::references::{EvalError, Mistake, NullRead, Reference, Study};
use crate::schema::Schema;
use crate::scope::Scope;
use crate::unknown::is_unknown;
use crate::value::{Value, kind};

pub use facts::Facts;
pub(crate) use infer::{Env, path as type_of_path};
pub(crate) use operators::{compare, same_number};
pub(crate) use path::{no_such_name, walk};
pub(crate) use returns::{Given, call as type_of_call};
pub use table::{Domain, Never, never_first};

/// A bare expression, read once and evaluated often; cheap to clone.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    tree: tree::Node,
    references: Vec<Reference>,
    functions: Vec<&'static Function>,
}

/// What a condition comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on a value that is not known yet.
    Unknown,
}

impl Expression {
    /// Reads an expression. The error is the first of its mistakes.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let (expression, mistakes) = Self::read(text)?;
        mistakes.into_iter().next().map_or(Ok(expression), Err)
    }

    /// Reads an expression as far as it can be read, with all that is wrong with it: what has a
    /// mistake in it has no value, and the rest can be studied. The error is of a text that is
    /// no CEL.
    pub fn read(text: &str) -> Result<(Self, Vec<Mistake>), Mistake> {
        let (tree, mistakes) = read::read(text)?;
        let references = references::collect(&tree, text);
        let functions = tree.functions();
        let inner = Inner { source: text.to_owned(), tree, references, functions };
        Ok((Self { inner: Arc::new(inner) }, mistakes))
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// The names it reads, without those its own macros bind.
    pub fn references(&self) -> &[Reference] {
        &self.inner.references
    }

    /// The functions it calls, each once.
    pub fn functions(&self) -> &[&'static Function] {
        &self.inner.functions
    }

    /// The arguments, when it is exactly one call of that function with values that are written
    /// out; one that is left out in the middle is null.
    pub(crate) fn literal_call(&self, wanted: &Function) -> Option<Vec<Value>> {
        match &self.inner.tree.kind {
            tree::Kind::Call { function, args } if function.name == wanted.name => {
                let none = crate::value::Map::new();
                args.iter().map(|arg| eval::eval(arg, &none).ok()).collect()
            }
            _ => None,
        }
    }

    /// The value. Reads from the scope only the names that are reached.
    pub fn eval(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        eval::eval(&self.inner.tree, scope)
    }

    /// The value of a condition; anything but true or false is an error.
    pub fn eval_bool(&self, scope: &dyn Scope) -> Result<Truth, EvalError> {
        match self.eval(scope)? {
            Value::Bool(true) => Ok(Truth::True),
            Value::Bool(false) => Ok(Truth::False),
            value if is_unknown(&value) => Ok(Truth::Unknown),
            other => Err(EvalError::new(format!(
                "`{}` must be true or false, it is {}",
                self.source(),
                match kind(&other) {
                    "null" => "null".to_owned(),
                    kind => format!("{} {kind}", crate::functions::article(kind)),
                }
            ))),
        }
    }

    /// The type of its value where it can be told from the types of the root names, else `any`.
    pub fn infer(&self, types: &dyn Fn(&str) -> Option<Rc<Schema>>) -> Schema {
        self.study(types, &Facts::default()).schema
    }

    /// What its types show: the type of its value, what is wrong, and where something is read
    /// that can be null and is not known to be there.
    pub fn study(&self, types: &dyn Fn(&str) -> Option<Rc<Schema>>, facts: &Facts<'_>) -> Study {
        let mut study = Study::new();
        let env = Env::new(types, facts.clone());
        study.schema = infer::infer(&self.inner.tree, &env, &mut study);
        for null in &mut study.nulls {
            null.range = self.place_of(null);
        }
        for mistake in &mut study.mistakes {
            // The place of a call begins at its bracket.
            let before = self.source().get(..mistake.range.start).unwrap_or_default();
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            if self.source()[before.len()..].starts_with('(') {
                mistake.range.start = before.trim_end_matches(is_name).len();
            }
        }
        study
    }

    /// Where a path is written; the parser's own places are loose.
    fn place_of(&self, null: &NullRead) -> Range<usize> {
        let same = self.inner.references.iter().filter(|reference| {
            reference.root == null.root && reference.path.starts_with(&null.path)
        });
        let mut behind = same.clone().filter(|reference| reference.range.start >= null.range.start);
        let found = behind.next().or_else(|| same.clone().next());
        found.map_or_else(|| null.range.clone(), |reference| reference.range.clone())
    }

    /// The root name and fields, when the expression is nothing else.
    pub fn path(&self) -> Option<(&str, &[String])> {
        match &self.inner.tree.kind {
            tree::Kind::Path { root, fields } => Some((root, fields)),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({})", self.source())
    }
}

#[cfg(test)]
mod tests;
