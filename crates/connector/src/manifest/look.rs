//! The look of an action: its reads, the row that is meant, what differs, and the write that this calls for.

use linchpin_language::{
    Expression, Map, Truth, Value, as_unknown, contains_unknown, json, unknown,
};

use crate::action::Call;
use crate::error::{ActionError, ErrorKind};
use crate::manifest::action::{ManifestAction, raised};
use crate::manifest::exchange::Rows;
use crate::manifest::names::Names;
use crate::manifest::request::{RequestSpec, Sending, What};

impl ManifestAction {
    /// Makes every look request, in order; each sees the earlier ones.
    pub(super) async fn look_around<'a>(
        &'a self,
        call: &Call<'a>,
    ) -> Result<Names<'a>, ActionError> {
        let exchange = self.exchange(call);
        let mut names = self.base_names(call);
        let mut found = Map::new();
        names.set("look", json!({}));
        names.compute(&self.parsed.lets);
        for spec in &self.parsed.looks {
            let mut inner = names.clone();
            inner.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => inner.truth(when)?,
            };
            let value = match (&spec.what, holds) {
                (What::Fail(fail), Truth::True) => return Err(raised(fail, &inner)),
                (What::Fail(_), _) => continue,
                (What::Send(sending), Truth::False) => {
                    if sending.one.is_some() {
                        Value::Null
                    } else {
                        json!([])
                    }
                }
                (What::Send(_), Truth::Unknown) => self.unknown_rows(call, spec),
                (What::Send(sending), Truth::True) => {
                    let rows = exchange.rows(sending, &inner).await?;
                    self.pick(call, spec, sending, rows, &inner, &found)?
                }
            };
            found.insert(spec.id.clone().unwrap_or_else(|| "rows".to_owned()), value);
            names.set("look", Value::Object(found.clone()));
            names.compute(&self.parsed.lets);
        }
        Ok(names)
    }

    fn unknown_rows(&self, call: &Call<'_>, spec: &RequestSpec) -> Value {
        let id = spec.id.as_deref().unwrap_or("rows");
        let label = format!("{id} of {}", self.parsed.spec.name);
        unknown(&format!("{}.look.{id}", call.key), "any", &label)
    }

    /// All rows, or with `one` the one that was meant.
    fn pick(
        &self,
        call: &Call<'_>,
        spec: &RequestSpec,
        sending: &Sending,
        rows: Rows,
        names: &Names<'_>,
        found: &Map<String, Value>,
    ) -> Result<Value, ActionError> {
        let rows = match rows {
            Rows::Known(rows) => Value::Array(rows),
            Rows::Unknown => return Ok(self.unknown_rows(call, spec)),
        };
        let Some(one) = &sending.one else { return Ok(rows) };
        let mut found = found.clone();
        found.insert(spec.id.clone().unwrap_or_else(|| "rows".to_owned()), rows.clone());
        let mut names = names.with("look", Value::Object(found));
        names.compute(&spec.lets);
        let picked = match &one.rows {
            None => rows,
            Some(expression) => match names.eval(expression)? {
                unknown if as_unknown(&unknown).is_some() => {
                    match self.definite(expression, (spec, &names), &rows)? {
                        None => return Ok(unknown),
                        Some(definite) => definite,
                    }
                }
                picked => picked,
            },
        };
        let message = |otherwise: &str| {
            let own = one.message.as_ref().and_then(|text| names.render_string(text).ok());
            own.unwrap_or_else(|| otherwise.to_owned())
        };
        match picked {
            Value::Null => missing_one(one.must_exist, &message("there is no such record")),
            Value::Array(rows) if rows.is_empty() => {
                missing_one(one.must_exist, &message("there is no such record"))
            }
            Value::Array(mut rows) if rows.len() == 1 => Ok(rows.remove(0)),
            Value::Array(rows) => {
                let message = format!("{} records match where one was meant", rows.len());
                Err(ActionError::new(ErrorKind::Conflict, message))
            }
            row => Ok(row),
        }
    }

    /// The rows that are meant for sure, where a dry run cannot tell of the ones that it would
    /// create itself: what only the run will give is not what is looked for by a value that is
    /// known now. None when it cannot tell of the others either.
    fn definite(
        &self,
        expression: &Expression,
        (spec, names): (&RequestSpec, &Names<'_>),
        rows: &Value,
    ) -> Result<Option<Value>, ActionError> {
        let mut definite = Vec::new();
        for row in rows.as_array().into_iter().flatten() {
            let mut found = names.value("look").as_object().cloned().unwrap_or_default();
            let id = spec.id.clone().unwrap_or_else(|| "rows".to_owned());
            found.insert(id, Value::Array(vec![row.clone()]));
            let mut names = names.with("look", Value::Object(found));
            names.compute(&spec.lets);
            match names.eval(expression)? {
                Value::Array(rows) => definite.extend(rows),
                Value::Null => {}
                other if as_unknown(&other).is_none() => definite.push(other),
                _ if contains_unknown(row) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(Value::Array(definite)))
    }

    /// What differs; without `changes` the inputs themselves are the one change.
    pub(super) fn changes(&self, names: &Names<'_>) -> Result<Vec<Value>, ActionError> {
        let Some(expression) = &self.parsed.changes else {
            return Ok(vec![names.value("inputs").clone()]);
        };
        match names.eval(expression)? {
            Value::Null => Ok(Vec::new()),
            Value::Array(changes) => Ok(changes),
            other => Ok(vec![other]),
        }
    }

    /// The first write whose `when` holds, if there is one.
    pub(super) fn variant(&self, names: &Names<'_>) -> Result<Option<usize>, ActionError> {
        for (index, spec) in self.parsed.writes.iter().enumerate() {
            let mut names = names.clone();
            names.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => names.truth(when)?,
            };
            match (&spec.what, holds) {
                (_, Truth::False) => {}
                (What::Fail(fail), Truth::True) => return Err(raised(fail, &names)),
                (What::Fail(_), Truth::Unknown) => {}
                (What::Send(_), _) => return Ok(Some(index)),
            }
        }
        Ok(None)
    }
}

fn missing_one(must_exist: bool, message: &str) -> Result<Value, ActionError> {
    if must_exist { Err(ActionError::new(ErrorKind::NotFound, message)) } else { Ok(Value::Null) }
}
