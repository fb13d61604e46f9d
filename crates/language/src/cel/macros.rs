//! The macros over lists: `all`, `exists`, `exists_one`, `filter`, `map`.

use std::borrow::Cow;

use super::eval::{Held, Local, Result, Run, derive, named, truth};
use super::operators::described;
use super::tree::{Kind, Macro, Node};
use crate::references::EvalError;
use crate::unknown::is_open;
use crate::value::Value;

impl<'a> Run<'a> {
    pub(super) fn run_macro(
        &self,
        node: &Node,
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let Kind::Macro { of, list, name, filter, body } = &node.kind else {
            return Err(EvalError::new("not a macro"));
        };
        let items: Vec<Held<'a>> = match self.node(list, locals)? {
            held if is_open(&held) => {
                let ty = if matches!(of, Macro::Map | Macro::Filter) { "list" } else { "boolean" };
                return Ok(Cow::Owned(derive(&format!("{of:?}"), ty, &[&held])));
            }
            Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
            held => match held.as_ref() {
                Value::Object(fields) => {
                    fields.keys().map(|key| Cow::Owned(Value::from(key.as_str()))).collect()
                }
                Value::Null => {
                    return Err(EvalError::new(format!("{} is null, not a list", named(list))));
                }
                other => {
                    return Err(EvalError::new(format!(
                        "{} is {}, not a list",
                        named(list),
                        described(other)
                    )));
                }
            },
        };
        let each = Each { run: self, name, filter: filter.as_deref(), body, locals };
        match of {
            Macro::All => each.decide(items, false),
            Macro::Exists => each.decide(items, true),
            Macro::ExistsOne => each.exactly_one(items),
            Macro::Filter => each.filter(items),
            Macro::Map => each.map(items),
        }
    }
}

/// One macro over its items.
struct Each<'r, 'a> {
    run: &'r Run<'a>,
    name: &'r str,
    filter: Option<&'r Node>,
    body: &'r Node,
    locals: Option<&'r Local<'r, 'a>>,
}

impl<'a> Each<'_, 'a> {
    fn value(&self, node: &Node, item: &Held<'a>) -> Result<Held<'a>> {
        let local = Local { name: self.name, value: item.clone(), outer: self.locals };
        self.run.node(node, Some(&local))
    }

    /// `all` and `exists`: the first that decides wins over errors and unknowns of the others.
    fn decide(&self, items: Vec<Held<'a>>, decides: bool) -> Result<Held<'a>> {
        let (mut failed, mut open) = (None, Vec::new());
        for item in items {
            match self
                .value(self.body, &item)
                .and_then(|value| Ok((truth(&value, self.body)?, value)))
            {
                Ok((Some(value), _)) if value == decides => {
                    return Ok(Cow::Owned(Value::Bool(decides)));
                }
                Ok((Some(_), _)) => {}
                Ok((None, value)) => open.push(value),
                Err(cause) => failed = failed.or(Some(cause)),
            }
        }
        let open: Vec<&Value> = open.iter().map(Cow::as_ref).collect();
        match failed {
            _ if !open.is_empty() => Ok(Cow::Owned(derive("all", "boolean", &open))),
            Some(cause) => Err(cause),
            None => Ok(Cow::Owned(Value::Bool(!decides))),
        }
    }

    fn exactly_one(&self, items: Vec<Held<'a>>) -> Result<Held<'a>> {
        let mut count = 0;
        for item in items {
            let value = self.value(self.body, &item)?;
            match truth(&value, self.body)? {
                Some(true) => count += 1,
                Some(false) => {}
                None => return Ok(Cow::Owned(derive("exists_one", "boolean", &[&value]))),
            }
        }
        Ok(Cow::Owned(Value::Bool(count == 1)))
    }

    fn filter(&self, items: Vec<Held<'a>>) -> Result<Held<'a>> {
        let mut kept = Vec::new();
        for item in items {
            let value = self.value(self.body, &item)?;
            match truth(&value, self.body)? {
                Some(true) => kept.push(self.run.own(item)?),
                Some(false) => {}
                None => return Ok(Cow::Owned(derive("filter", "list", &[&value]))),
            }
        }
        Ok(Cow::Owned(Value::Array(kept)))
    }

    fn map(&self, items: Vec<Held<'a>>) -> Result<Held<'a>> {
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            if let Some(filter) = self.filter {
                let value = self.value(filter, &item)?;
                match truth(&value, filter)? {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return Ok(Cow::Owned(derive("map", "list", &[&value]))),
                }
            }
            made.push(self.run.own(self.value(self.body, &item)?)?);
        }
        Ok(Cow::Owned(Value::Array(made)))
    }
}
