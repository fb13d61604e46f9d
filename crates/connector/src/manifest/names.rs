//! The names an expression of a manifest can read, and the `let`s among them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use linchpin_language::{EvalError, Expression, Layered, Map, Scope, Template, Text, Truth, Value};

use crate::error::{ActionError, ErrorKind};

/// Named expressions, in the order written; a later one may use an earlier.
pub(crate) type Lets = Vec<(String, Expression)>;

/// A scope of one phase of a call.
#[derive(Clone, Default)]
pub(crate) struct Names {
    values: Map<String, Value>,
    /// A `let` that cannot be computed yet is an error only where it is used.
    failed: BTreeMap<String, String>,
}

impl Scope for Names {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.values.get(name).map(Cow::Borrowed)
    }

    fn names(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }
}

impl Names {
    /// Binds a name, replacing an earlier value.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.failed.remove(name);
        self.values.insert(name.to_owned(), value);
    }

    /// The same names and one more.
    pub(crate) fn with(&self, name: &str, value: Value) -> Names {
        let mut names = self.clone();
        names.set(name, value);
        names
    }

    /// The value of a bound name; null when it is not bound.
    pub(crate) fn value(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&Value::Null)
    }

    /// Computes the `let`s from the names bound so far.
    pub(crate) fn compute(&mut self, lets: &[(String, Expression)]) {
        for (name, expression) in lets {
            match self.eval(expression) {
                Ok(value) => self.set(name, value),
                Err(error) => {
                    self.values.remove(name);
                    self.failed.insert(name.clone(), error.message);
                }
            }
        }
    }

    /// The value of an expression.
    pub(crate) fn eval(&self, expression: &Expression) -> Result<Value, ActionError> {
        self.explain(expression)?;
        expression.eval(self).map_err(|error| self.failure(expression.source(), &error))
    }

    /// The truth of a condition; a value that is no boolean is an error.
    pub(crate) fn truth(&self, expression: &Expression) -> Result<Truth, ActionError> {
        self.explain(expression)?;
        expression.eval_bool(self).map_err(|error| self.failure(expression.source(), &error))
    }

    /// The truth of a condition on one row.
    pub(crate) fn row_truth(
        &self,
        expression: &Expression,
        row: &Value,
    ) -> Result<Truth, ActionError> {
        self.explain(expression)?;
        let mut inner = Map::new();
        inner.insert("row".to_owned(), row.clone());
        let scope = Layered(self, &inner);
        expression.eval_bool(&scope).map_err(|error| self.failure(expression.source(), &error))
    }

    /// A text as a value: a text that is one pill keeps its type.
    pub(crate) fn render(&self, text: &Text) -> Result<Value, ActionError> {
        text.render(self).map_err(|error| self.failure(text.source(), &error))
    }

    /// A text as a string.
    pub(crate) fn render_string(&self, text: &Text) -> Result<String, ActionError> {
        text.render_string(self).map_err(|error| self.failure(text.source(), &error))
    }

    /// A structure with text leaves as a value.
    pub(crate) fn fill(&self, template: &Template) -> Result<Value, ActionError> {
        template.render(self).map_err(|error| self.failure("", &error))
    }

    fn explain(&self, expression: &Expression) -> Result<(), ActionError> {
        if self.failed.is_empty() {
            return Ok(());
        }
        match expression.references().iter().find_map(|used| self.failed.get(&used.root)) {
            Some(why) => Err(ActionError::new(self.kind(), why.clone())),
            None => Ok(()),
        }
    }

    fn failure(&self, source: &str, error: &EvalError) -> ActionError {
        let why = self.failed.iter().find(|(name, _)| {
            source.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == *name)
        });
        let message = why.map_or(error.message.as_str(), |(_, why)| why.as_str());
        ActionError::new(self.kind(), message)
    }

    /// Once an answer is in sight, what cannot be computed is the answer's doing.
    fn kind(&self) -> ErrorKind {
        if self.values.contains_key("answer") {
            ErrorKind::BadResponse
        } else {
            ErrorKind::InvalidInput
        }
    }
}
