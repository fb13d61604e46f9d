//! The names an expression of a manifest can read, and the `let`s among them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use linchpin_language::{
    EvalError, Expression, Layered, Map, Scope, Template, Text, Truth, Value, json,
};

use crate::connection::Connection;
use crate::error::{ActionError, ErrorKind};
use crate::manifest::protocol::Protocol;

/// Named expressions, in the order written; a later one may use an earlier.
pub(crate) type Lets = Vec<(String, Expression)>;

/// A scope of one phase of a call. A copy is cheap: values are shared, and some are only made when
/// they are read.
#[derive(Clone, Default)]
pub(crate) struct Names<'a> {
    values: Vec<(Cow<'static, str>, Bound<'a>)>,
    /// A `let` that cannot be computed yet is an error only where it is used.
    failed: BTreeMap<String, String>,
}

#[derive(Clone)]
enum Bound<'a> {
    Own(Arc<Value>),
    Seen(&'a Value),
    Late(Arc<(OnceLock<Value>, Late<'a>)>),
}

/// What a value is made of that many manifests never read.
pub(crate) enum Late<'a> {
    /// The connection's values.
    Connection(&'a Protocol, &'a Connection),
    /// The key and the time of the call.
    Call(&'a str, Timestamp),
    /// A list of these.
    List(&'a [Value]),
}

impl Late<'_> {
    fn make(&self) -> Value {
        match self {
            Self::Connection(protocol, connection) => protocol.connection_values(connection),
            Self::Call(key, now) => json!({ "key": key, "now": now.to_string() }),
            Self::List(values) => Value::Array(values.to_vec()),
        }
    }
}

impl Bound<'_> {
    fn value(&self) -> &Value {
        match self {
            Self::Own(value) => value,
            Self::Seen(value) => value,
            Self::Late(late) => late.0.get_or_init(|| late.1.make()),
        }
    }
}

impl Scope for Names<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.bound(name).map(|bound| Cow::Borrowed(bound.value()))
    }

    fn names(&self) -> Vec<String> {
        self.values.iter().map(|(name, _)| name.clone().into_owned()).collect()
    }
}

impl<'a> Names<'a> {
    /// Binds a name, replacing an earlier value.
    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        self.bind(name.into(), Bound::Own(Arc::new(value)));
    }

    /// Binds a name to a value that outlives these names.
    pub(crate) fn see(&mut self, name: &'static str, value: &'a Value) {
        self.bind(Cow::Borrowed(name), Bound::Seen(value));
    }

    /// Binds a name to a value that is made when it is first read.
    pub(crate) fn later(&mut self, name: &'static str, late: Late<'a>) {
        self.bind(Cow::Borrowed(name), Bound::Late(Arc::new((OnceLock::new(), late))));
    }

    /// Binds a name to what another one is bound to.
    pub(crate) fn same(&mut self, name: &'static str, as_name: &str) {
        let bound = self.bound(as_name).cloned().unwrap_or(Bound::Seen(&Value::Null));
        self.bind(Cow::Borrowed(name), bound);
    }

    /// The same names and one more.
    pub(crate) fn with(&self, name: &'static str, value: Value) -> Self {
        let mut names = self.clone();
        names.set(name, value);
        names
    }

    /// The value of a bound name; null when it is not bound.
    pub(crate) fn value(&self, name: &str) -> &Value {
        self.bound(name).map_or(&Value::Null, Bound::value)
    }

    fn bound(&self, name: &str) -> Option<&Bound<'a>> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, bound)| bound)
    }

    fn bind(&mut self, name: Cow<'static, str>, bound: Bound<'a>) {
        self.failed.remove(&*name);
        match self.values.iter_mut().find(|(own, _)| *own == name) {
            Some((_, before)) => *before = bound,
            None => self.values.push((name, bound)),
        }
    }

    /// Computes the `let`s from the names bound so far.
    pub(crate) fn compute(&mut self, lets: &[(String, Expression)]) {
        for (name, expression) in lets {
            match self.eval(expression) {
                Ok(value) => self.set(name.clone(), value),
                Err(error) => {
                    self.values.retain(|(own, _)| own != name);
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
        template.render(self).map_err(|error| {
            let used = template.references();
            let why = used.iter().find_map(|(_, used)| self.failed.get(&used.root));
            ActionError::new(self.kind(), why.unwrap_or(&error.message).clone())
        })
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
        if self.bound("answer").is_some() {
            ErrorKind::BadResponse
        } else {
            ErrorKind::InvalidInput
        }
    }
}
