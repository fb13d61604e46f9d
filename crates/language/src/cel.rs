//! Expressions in CEL, the Common Expression Language.
//!
//! The cel crate reads an expression; ours is only what its interpreter cannot give: names that are
//! not known yet (three-valued `&&`, `||`, `!`, `?:`), errors that say which path is null and why,
//! values read in place instead of converted, and a bound on the work that one expression can do.

mod eval;
mod infer;
mod macros;
mod operators;
mod path;
mod read;
mod references;
mod table;
mod tree;

use std::sync::Arc;

use crate::functions::Function;
use crate::references::{EvalError, Mistake, Reference};
use crate::schema::Schema;
use crate::scope::Scope;
use crate::unknown::is_unknown;
use crate::value::{Value, kind};

pub(crate) use operators::{compare, same_number};
pub(crate) use path::{no_such_name, walk};
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
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let tree = read::read(text)?;
        let references = references::collect(&tree, text);
        let functions = tree.functions();
        Ok(Self { inner: Arc::new(Inner { source: text.to_owned(), tree, references, functions }) })
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
    pub fn infer(&self, types: &dyn Fn(&str) -> Option<Schema>) -> Schema {
        infer::infer(&self.inner.tree, types, &mut Vec::new())
    }

    /// What its types show to be wrong: mixed arithmetic, fields that do not exist, comparisons
    /// that can never hold.
    pub fn mistakes(&self, types: &dyn Fn(&str) -> Option<Schema>) -> Vec<Mistake> {
        let mut found = Vec::new();
        infer::infer(&self.inner.tree, types, &mut found);
        found
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({})", self.source())
    }
}

#[cfg(test)]
mod tests;
