//! Evaluation over JSON in place: values are borrowed from the scope until something new is made.

use std::borrow::Cow;

use super::operators::{arithmetic, compare, described, negate};
use super::path::{no_such_name, walk};
use super::tree::{Kind, Node, Operator};
use crate::functions::{Args, Function};
use crate::references::{EvalError, dotted};
use crate::scope::Scope;
use crate::unknown::{derived, equal, is_open, is_unknown, unknowns};
use crate::value::{Map, Value, print};
use crate::work::{Work, not_too_deep, weight};

/// The longest text or list that one operator makes.
pub(super) const MAX_SIZE: usize = 8 * 1024 * 1024;

pub(super) type Result<T> = std::result::Result<T, EvalError>;
pub(super) type Held<'a> = Cow<'a, Value>;

/// The value of an expression in a scope.
pub(super) fn eval(tree: &Node, scope: &dyn Scope) -> Result<Value> {
    let mut roots = Vec::new();
    root_names(tree, &mut roots);
    let roots: Vec<_> = roots.into_iter().map(|name| (name, scope.get(name))).collect();
    let run = Run { scope, roots: &roots, work: Work::default() };
    not_too_deep(run.node(tree, None)?.into_owned())
}

fn root_names<'t>(node: &'t Node, found: &mut Vec<&'t str>) {
    if let Kind::Path { root, .. } = &node.kind
        && !found.contains(&root.as_str())
    {
        found.push(root);
    }
    for child in node.children() {
        root_names(child, found);
    }
}

/// A name bound by a macro, over the ones outside it.
pub(super) struct Local<'l, 'a> {
    pub(super) name: &'l str,
    pub(super) value: Held<'a>,
    pub(super) outer: Option<&'l Local<'l, 'a>>,
}

pub(super) struct Run<'a> {
    scope: &'a dyn Scope,
    roots: &'a [(&'a str, Option<Held<'a>>)],
    work: Work,
}

impl<'a> Run<'a> {
    pub(super) fn node(&self, node: &Node, locals: Option<&Local<'_, 'a>>) -> Result<Held<'a>> {
        self.work.charge(1)?;
        match &node.kind {
            Kind::Literal(value) => Ok(Cow::Owned(value.clone())),
            Kind::Path { root, fields } => self.path(root, fields, locals),
            Kind::Field { of, name } => {
                let of = self.node(of, locals)?;
                self.select(of, std::slice::from_ref(name), "the value")
            }
            Kind::Has { of, name } => {
                let value = self.node(of, locals)?;
                has(&value, of, name)
            }
            Kind::Index { of, at } => self.index(of, at, locals),
            Kind::And(left, right) => self.logic(left, right, false, locals),
            Kind::Or(left, right) => self.logic(left, right, true, locals),
            Kind::Not(of) => {
                let value = self.node(of, locals)?;
                Ok(Cow::Owned(match truth(&value, of)? {
                    Some(value) => Value::Bool(!value),
                    None => derive("!", "boolean", &[&value]),
                }))
            }
            Kind::Negate(of) => {
                let value = self.node(of, locals)?;
                if is_unknown(&value) {
                    return Ok(Cow::Owned(derive("-", "any", &[&value])));
                }
                negate(&value).map(Cow::Owned).map_err(|message| explained(message, of, &value))
            }
            Kind::Choice { when, then, otherwise } => self.choice(when, then, otherwise, locals),
            Kind::Binary { op, left, right } => self.binary(*op, left, right, locals),
            Kind::List(items) => {
                let items: Result<Vec<Value>> =
                    items.iter().map(|item| self.own(self.node(item, locals)?)).collect();
                Ok(Cow::Owned(Value::Array(items?)))
            }
            Kind::Object(entries) => self.object(entries, locals),
            Kind::Call { function, args } => self.call(function, args, locals),
            Kind::Macro { .. } => self.run_macro(node, locals),
            Kind::Mistaken(_) => Err(EvalError::new("what has mistakes has no value")),
        }
    }

    /// A copy of a value; copies are counted, as they can double at every step.
    pub(super) fn own(&self, value: Held<'a>) -> Result<Value> {
        self.work.charge(weight(&value))?;
        Ok(value.into_owned())
    }

    fn path(
        &self,
        root: &str,
        fields: &[String],
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let mut local = locals;
        while let Some(held) = local {
            if held.name == root {
                return match &held.value {
                    Cow::Borrowed(value) => self.walk(value, root, fields, false),
                    Cow::Owned(value) => {
                        let found = self.walk(value, root, fields, false)?;
                        self.own_short(found)
                    }
                };
            }
            local = held.outer;
        }
        match self.roots.iter().find(|(name, _)| *name == root) {
            Some((_, Some(value))) => self.walk(value, root, fields, true),
            _ => Err(no_such_name(root, self.scope)),
        }
    }

    fn own_short(&self, value: Held<'_>) -> Result<Held<'a>> {
        self.work.charge(weight(&value))?;
        Ok(Cow::Owned(value.into_owned()))
    }

    fn walk<'v>(
        &self,
        start: &'v Value,
        root: &str,
        fields: &[String],
        is_root: bool,
    ) -> Result<Held<'v>> {
        walk(start, root, fields, &|| if is_root { self.scope.why_null(root) } else { None })
    }

    fn select(&self, of: Held<'a>, fields: &[String], name: &str) -> Result<Held<'a>> {
        match of {
            Cow::Borrowed(value) => walk(value, name, fields, &|| None),
            Cow::Owned(value) => {
                walk(&value, name, fields, &|| None).map(|found| Cow::Owned(found.into_owned()))
            }
        }
    }

    fn index(&self, of: &Node, at: &Node, locals: Option<&Local<'_, 'a>>) -> Result<Held<'a>> {
        let (list, place) = (self.node(of, locals)?, self.node(at, locals)?);
        if is_unknown(&list) || is_unknown(&place) {
            return Ok(Cow::Owned(derive("[]", "any", &[&list, &place])));
        }
        let key = match (list.as_ref(), place.as_ref()) {
            (Value::Array(items), Value::Number(number)) => {
                let at = number.as_u64().and_then(|at| usize::try_from(at).ok());
                if at.is_none_or(|at| at >= items.len()) {
                    let count = items.len();
                    return Err(EvalError::new(format!(
                        "there is no item {number} in a list of {count}"
                    )));
                }
                number.to_string()
            }
            (Value::Object(_), Value::String(key)) => key.clone(),
            (Value::Null, _) => return Err(EvalError::new(format!("{} is null", named(of)))),
            (list, place) => {
                let message =
                    format!("cannot take {} out of {}", described(place), described(list));
                return Err(EvalError::new(message));
            }
        };
        self.select(list, &[key], &named(of))
    }

    /// `&&` (decided by false) and `||` (decided by true): what decides wins over an error or an
    /// unknown on the other side.
    fn logic(
        &self,
        left: &Node,
        right: &Node,
        decides: bool,
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let side = |node: &Node| -> Result<(Option<bool>, Held<'a>)> {
            let value = self.node(node, locals)?;
            Ok((truth(&value, node)?, value))
        };
        let first = side(left);
        if matches!(first, Ok((Some(value), _)) if value == decides) {
            return Ok(Cow::Owned(Value::Bool(decides)));
        }
        let second = side(right);
        if matches!(second, Ok((Some(value), _)) if value == decides) {
            return Ok(Cow::Owned(Value::Bool(decides)));
        }
        let open: Vec<Held<'a>> = [&first, &second]
            .into_iter()
            .filter_map(|side| match side {
                Ok((None, value)) => Some(value.clone()),
                _ => None,
            })
            .collect();
        if !open.is_empty() {
            let open: Vec<&Value> = open.iter().map(Cow::as_ref).collect();
            return Ok(Cow::Owned(derive(if decides { "||" } else { "&&" }, "boolean", &open)));
        }
        first.and(second).map(|_| Cow::Owned(Value::Bool(!decides)))
    }

    fn choice(
        &self,
        when: &Node,
        then: &Node,
        otherwise: &Node,
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let condition = self.node(when, locals)?;
        match truth(&condition, when)? {
            Some(true) => self.node(then, locals),
            Some(false) => self.node(otherwise, locals),
            None => match (self.node(then, locals), self.node(otherwise, locals)) {
                (Ok(a), Ok(b)) if equal(&a, &b) == Some(true) => Ok(a),
                (Ok(a), Ok(b)) => Ok(Cow::Owned(derive("?:", "any", &[&condition, &a, &b]))),
                _ => Ok(Cow::Owned(derive("?:", "any", &[&condition]))),
            },
        }
    }

    fn binary(
        &self,
        op: Operator,
        left: &Node,
        right: &Node,
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let (a, b) = (self.node(left, locals)?, self.node(right, locals)?);
        let unknown = |ty| Ok(Cow::Owned(derive(op.sign(), ty, &[&a, &b])));
        let answer = |value: Option<bool>| match value {
            Some(value) => Ok(Cow::Owned(Value::Bool(value))),
            None => unknown("boolean"),
        };
        match op {
            Operator::Equal => return answer(equal(&a, &b)),
            Operator::NotEqual => return answer(equal(&a, &b).map(|equal| !equal)),
            Operator::In => return answer(self.is_in(&a, &b, right)?),
            _ => {}
        }
        if is_unknown(&a) || is_unknown(&b) {
            return unknown(if op.is_arithmetic() { "any" } else { "boolean" });
        }
        if op.is_arithmetic() {
            let (a_null, b_null) = (a.is_null(), b.is_null());
            let result = arithmetic(op, self.own(a)?, self.own(b)?);
            return result.map(Cow::Owned).map_err(|message| match (a_null, b_null) {
                (true, _) => null_operand(left, op),
                (_, true) => null_operand(right, op),
                _ => EvalError::new(message),
            });
        }
        let order = compare(&a, &b).map_err(|message| match (a.is_null(), b.is_null()) {
            (true, _) => null_operand(left, op),
            (_, true) => null_operand(right, op),
            _ => EvalError::new(message),
        })?;
        answer(Some(match op {
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    fn is_in(&self, item: &Value, list: &Value, node: &Node) -> Result<Option<bool>> {
        match list {
            _ if is_unknown(list) => Ok(None),
            Value::Array(items) => {
                self.work.charge(items.len())?;
                let mut answer = Some(false);
                for other in items {
                    match equal(item, other) {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => answer = None,
                    }
                }
                Ok(answer)
            }
            Value::Object(_) if is_unknown(item) => Ok(None),
            Value::Object(fields) => {
                let is_there = item.as_str().is_some_and(|key| fields.contains_key(key));
                Ok((is_there || !is_open(list)).then_some(is_there))
            }
            Value::Null => Err(null_operand(node, Operator::In)),
            other => Err(EvalError::new(format!(
                "`in` needs a list or an object, not {}",
                described(other)
            ))),
        }
    }

    fn object(&self, entries: &[(Node, Node)], locals: Option<&Local<'_, 'a>>) -> Result<Held<'a>> {
        let mut pairs = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.node(key, locals)?;
            let Value::String(key) = key.as_ref() else {
                return Err(EvalError::new(format!(
                    "the key of an object must be a string, it is {}",
                    described(&key)
                )));
            };
            pairs.push((key.clone(), self.own(self.node(value, locals)?)?));
        }
        // An object made in an expression has no written order of its own.
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(EvalError::new(format!("the key `{}` is there twice", pair[0].0)));
        }
        Ok(Cow::Owned(Value::Object(pairs.into_iter().collect::<Map<_, _>>())))
    }

    fn call(
        &self,
        function: &'static Function,
        args: &[Node],
        locals: Option<&Local<'_, 'a>>,
    ) -> Result<Held<'a>> {
        let mut values: Vec<Held<'a>> = Vec::with_capacity(args.len());
        for (at, arg) in args.iter().enumerate() {
            let value = self.node(arg, locals);
            // The point of `default` is to be asked about what may not be there.
            let lenient = function.name == "default" && at == 0;
            values.push(if lenient { value.unwrap_or(Cow::Owned(Value::Null)) } else { value? });
        }
        if !function.shallow {
            self.work.charge(values.iter().map(|value| weight(value)).sum())?;
        }
        let result = function
            .invoke(&Args::new(&values))
            .map_err(|message| call_failed(function, &message, args, &values))?;
        if !function.shallow {
            self.work.charge(weight(&result))?;
        }
        Ok(Cow::Owned(result))
    }
}

fn has<'a>(of: &Value, node: &Node, name: &str) -> Result<Held<'a>> {
    match of {
        Value::Object(fields) if fields.contains_key(name) => Ok(Cow::Owned(Value::Bool(true))),
        _ if is_open(of) => Ok(Cow::Owned(derive(&format!("has {name}"), "boolean", &[of]))),
        Value::Object(_) => Ok(Cow::Owned(Value::Bool(false))),
        Value::Null => Err(EvalError::new(format!(
            "{} is null: test it with `!= null` before `has`",
            named(node)
        ))),
        other => Err(EvalError::new(format!(
            "{} is {}, it has no fields",
            named(node),
            described(other)
        ))),
    }
}

/// True, false, or `None` for an unknown.
pub(super) fn truth(value: &Value, node: &Node) -> Result<Option<bool>> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        value if is_unknown(value) => Ok(None),
        other => Err(EvalError::new(format!(
            "{} must be true or false, it is {}",
            named(node),
            described(other)
        ))),
    }
}

pub(super) fn derive(what: &str, ty: &str, from: &[&Value]) -> Value {
    let known: Vec<String> = from.iter().map(|value| print(value)).collect();
    let all: Vec<_> = from.iter().flat_map(|value| unknowns(value)).collect();
    derived(&format!("{what} {}", known.join(" ")), ty, &all)
}

/// How an error speaks of a part: by its path where it has one.
pub(super) fn named(node: &Node) -> String {
    match &node.kind {
        Kind::Path { root, fields } => format!("`{}`", dotted(root, fields)),
        Kind::Call { function, .. } => format!("the result of `{}`", function.name),
        _ => "the value".to_owned(),
    }
}

fn null_operand(node: &Node, op: Operator) -> EvalError {
    EvalError::new(format!("{} is null, so `{}` cannot be worked out", named(node), op.sign()))
}

fn explained(message: String, node: &Node, value: &Value) -> EvalError {
    if value.is_null() {
        EvalError::new(format!("{} is null: {message}", named(node)))
    } else {
        EvalError::new(message)
    }
}

fn call_failed(
    function: &Function,
    message: &str,
    args: &[Node],
    values: &[Held<'_>],
) -> EvalError {
    let null = args.iter().zip(values).find(|(node, value)| {
        value.is_null() && matches!(node.kind, Kind::Path { .. }) && message.ends_with("it is null")
    });
    match null {
        Some((node, _)) => EvalError::new(format!("{}: {} is null", function.name, named(node))),
        None => EvalError::new(format!("{}: {message}", function.name)),
    }
}
