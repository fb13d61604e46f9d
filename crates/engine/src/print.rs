//! A [`Flow`] back to YAML: `parse(print(flow))` is the same flow, but for its positions.
//!
//! What a flow leaves to its defaults is not written, so two flows that mean the same in different
//! words have one [`written`] form, which is what [`crate::diff`] compares. Each part is taken
//! apart field by field: a new field that is not written here does not compile.

mod steps;
mod triggers;

use std::time::Duration;

use indexmap::IndexMap;
use linchpin_connector::ErrorKind;
use linchpin_language::{
    Expression, Fields, Map, Schema, Text, Type, Value, print_duration, write_yaml,
};

use crate::flow::{Concurrency, Defaults, Flow, Full, Located};
use crate::retry::{Backoff, RetryPolicy};

/// The text of a flow in the layout of `linchpin fmt`.
///
/// ```
/// let text = "flow: hello\nsteps:\n  - log: Hi\n";
/// let flow = linchpin_engine::parse("hello.yaml", text).unwrap();
/// assert_eq!(linchpin_engine::print::print(&flow), text);
/// ```
pub fn print(flow: &Flow) -> String {
    write_yaml(&Value::Object(written(flow)))
}

/// What a flow says, as its file would.
pub fn written(flow: &Flow) -> Map<String, Value> {
    let Flow {
        name,
        description,
        owner,
        enabled,
        connections,
        triggers,
        concurrency,
        run_by,
        inputs,
        vars,
        defaults,
        limits,
        timeout,
        steps,
        on_error,
        on_cancel,
        finally,
        outputs,
        source: _,
        blocks: _,
    } = flow;
    let mut all = Written::default();
    all.put("flow", name.as_str());
    all.put_some("description", description.as_deref());
    all.put_some("owner", owner.as_deref());
    all.put_some("enabled", (!enabled).then_some(false));
    all.put_map("connections", words(connections));
    match triggers.as_slice() {
        [] => {}
        [one] => all.put("trigger", triggers::trigger(&one.value)),
        many => {
            let many: Vec<Value> = many.iter().map(|one| triggers::trigger(&one.value)).collect();
            all.put("triggers", many);
        }
    }
    all.put_some("concurrency", concurrency.as_ref().map(self::concurrency));
    all.put_list("run_by", run_by.iter().map(|role| Value::from(role.value.as_str())));
    all.put_map("inputs", fields(inputs));
    all.put_map("vars", fields(vars));
    all.put_map("defaults", self::defaults(defaults));
    let limits = limits.iter().map(|(effect, most)| (effect.as_str().to_owned(), (*most).into()));
    all.put_map("limits", limits.collect());
    all.put_duration("timeout", *timeout);
    all.put("steps", steps::block(steps));
    for (key, handler) in [("on_error", on_error), ("on_cancel", on_cancel), ("finally", finally)] {
        all.put_some(key, handler.as_ref().map(steps::block));
    }
    all.put_map("outputs", expressions(outputs));
    all.0
}

/// The fields of a map in the order in which they are put.
#[derive(Default)]
struct Written(Map<String, Value>);

impl Written {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn put_map(&mut self, key: &str, value: Map<String, Value>) {
        if !value.is_empty() {
            self.put(key, Value::Object(value));
        }
    }

    fn put_list(&mut self, key: &str, items: impl Iterator<Item = Value>) {
        let items: Vec<Value> = items.collect();
        if !items.is_empty() {
            self.put(key, items);
        }
    }

    fn put_duration(&mut self, key: &str, duration: Option<Duration>) {
        self.put_some(key, duration.map(print_duration));
    }

    fn put_text(&mut self, key: &str, text: Option<&Located<Text>>) {
        self.put_some(key, text.map(|text| text.value.source()));
    }

    fn put_expression(&mut self, key: &str, expression: Option<&Located<Expression>>) {
        self.put_some(key, expression.map(|expression| expression.value.source()));
    }

    /// A word that is not the one that stands for nothing written.
    fn put_word<T: PartialEq>(&mut self, key: &str, words: &[(&str, T)], value: &T, usual: &T) {
        if value != usual {
            let word = words.iter().find(|(_, one)| one == value).map(|(word, _)| *word);
            self.put_some(key, word);
        }
    }
}

fn concurrency(concurrency: &Concurrency) -> Value {
    let Concurrency { max, full, key } = concurrency;
    let mut all = Written::default();
    all.put("max", *max);
    all.put_word("full", Full::WORDS, full, &Full::Queue);
    all.put_some("key", key.as_ref().map(Expression::source));
    Value::Object(all.0)
}

fn defaults(defaults: &Defaults) -> Map<String, Value> {
    let Defaults { timeout, retry } = defaults;
    let mut all = Written::default();
    all.put_duration("timeout", *timeout);
    all.put_map("retry", self::retry(retry));
    all.0
}

fn retry(policy: &RetryPolicy) -> Map<String, Value> {
    let RetryPolicy { attempts, backoff, on, max_elapsed } = policy;
    let mut all = Written::default();
    all.put_some("attempts", *attempts);
    all.put_some(
        "backoff",
        backoff.map(|backoff| match backoff {
            Backoff::Fixed(wait) => print_duration(wait),
            Backoff::Exponential { first, longest } => {
                format!("{}..{}", print_duration(first), print_duration(longest))
            }
        }),
    );
    all.put_some("on", on.as_deref().map(kinds));
    all.put_duration("max_elapsed", *max_elapsed);
    all.0
}

fn kinds(kinds: &[ErrorKind]) -> Vec<Value> {
    kinds.iter().map(|kind| Value::from(kind.as_str())).collect()
}

fn words(words: &IndexMap<String, Located<String>>) -> Map<String, Value> {
    words.iter().map(|(name, word)| (name.clone(), word.value.as_str().into())).collect()
}

fn expressions(all: &IndexMap<String, Located<Expression>>) -> Map<String, Value> {
    all.iter().map(|(name, one)| (name.clone(), one.value.source().into())).collect()
}

fn fields(fields: &Fields) -> Map<String, Value> {
    fields.iter().map(|(name, field)| (name.clone(), schema(field).into())).collect()
}

fn schema(schema: &Schema) -> Map<String, Value> {
    let Schema {
        ty,
        required,
        nullable,
        default,
        choices,
        min,
        max,
        pattern,
        example,
        about,
        personal,
    } = schema;
    let mut all = Written::default();
    all.put("type", ty.name());
    match ty {
        Type::List(item) if **item != Schema::any() => all.put("items", self::schema(item)),
        Type::Object(inner) => all.put_map("fields", fields(inner)),
        _ => {}
    }
    for (key, flag) in [("required", required), ("nullable", nullable), ("personal", personal)] {
        all.put_some(key, flag.then_some(true));
    }
    all.put_some("default", default.clone());
    all.put_list("enum", choices.iter().cloned());
    for (key, number) in [("min", min), ("max", max)] {
        all.put_some(key, number.map(self::number));
    }
    all.put_some("pattern", pattern.as_deref());
    all.put_some("example", example.clone());
    all.put_some("about", about.as_deref());
    all.0
}

/// A whole number without a fraction, as people write it.
fn number(number: f64) -> Value {
    let whole = format!("{number:.0}").parse::<i64>().ok();
    match whole.filter(|_| number.fract() == 0.0) {
        Some(whole) => Value::from(whole),
        None => Value::from(number),
    }
}
