//! Reads the small things a flow is made of. Each method gives a value in any case: the one
//! written, or a stand-in beside a mistake.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use linchpin_connector::ErrorKind;
use linchpin_language::{
    Code, Diagnostic, Expression, Fields, Node, Schema, Template, Text, Type, Value, a_kind, codes,
    did_you_mean, json, parse_duration, print,
};

use crate::flow::Located;
use crate::grammar::{self, Mapping};
use crate::retry::{Backoff, RetryPolicy};

/// Collects mistakes while a flow is read.
pub(crate) struct Reader {
    pub(crate) mistakes: Vec<Diagnostic>,
    /// Where the steps begin that hold a stand-in.
    pub(crate) broken: BTreeSet<usize>,
    /// The mistakes of the step being read, without those of the steps inside it.
    pub(crate) own: usize,
    /// How many lists of steps were begun.
    pub(crate) blocks: usize,
    /// How many steps were begun.
    pub(crate) steps: usize,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { mistakes: Vec::new(), broken: BTreeSet::new(), own: 0, blocks: 0, steps: 0 }
    }

    pub(crate) fn report(&mut self, mistake: Diagnostic) {
        self.own += 1;
        self.mistakes.push(mistake);
    }

    pub(crate) fn report_all(&mut self, mistakes: Vec<Diagnostic>) {
        self.own += mistakes.len();
        self.mistakes.extend(mistakes);
    }

    pub(crate) fn wrong_type(&mut self, node: &Node<'_>, wanted: &str) {
        let found = a_kind(node.value());
        self.report(node.error(codes::WRONG_TYPE, format!("expected {wanted}, found {found}")));
    }

    pub(crate) fn missing(&mut self, node: &Node<'_>, key: &str, what: &str) {
        let message = format!("{what} needs `{key}`");
        self.report(node.error(codes::MISSING_KEY, message));
    }

    /// Refuses keys that mean nothing here, and what is not a map at all.
    pub(crate) fn keys(&mut self, node: &Node<'_>, known: &Mapping) -> bool {
        if !node.value().is_object() {
            self.wrong_type(node, &format!("{} as a map", known.name));
            return false;
        }
        for (key, value) in node.entries() {
            if known.key(key).is_none() {
                let help = match did_you_mean(key, known.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let names: Vec<&str> = known.names().collect();
                        format!("known here: {}", names.join(", "))
                    }
                };
                let message = format!("`{key}` means nothing in {}", known.name);
                self.report(value.error_at_key(codes::UNKNOWN_KEY, message).with_help(help));
            }
        }
        true
    }

    /// A plain text, not a template.
    pub(crate) fn word(&mut self, node: &Node<'_>) -> String {
        match node.value() {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong_type(node, "a text");
                String::new()
            }
        }
    }

    pub(crate) fn optional_word(&mut self, node: &Node<'_>, key: &str) -> Option<String> {
        node.get(key).map(|node| self.word(&node))
    }

    pub(crate) fn located_word(&mut self, node: &Node<'_>) -> Located<String> {
        Located { value: self.word(node), span: node.span() }
    }

    /// A list of texts, or a single one.
    pub(crate) fn words(&mut self, node: &Node<'_>) -> Vec<Located<String>> {
        match node.value() {
            Value::Array(_) => node.items().iter().map(|item| self.located_word(item)).collect(),
            _ => vec![self.located_word(node)],
        }
    }

    pub(crate) fn boolean(&mut self, node: &Node<'_>) -> bool {
        node.value().as_bool().unwrap_or_else(|| {
            self.wrong_type(node, "true or false");
            false
        })
    }

    pub(crate) fn count(&mut self, node: &Node<'_>, range: Range<u64>) -> u64 {
        match node.value().as_u64() {
            Some(count) if range.contains(&count) => count,
            Some(_) => {
                let message =
                    format!("expected a number from {} to {}", range.start, range.end - 1);
                self.report(node.error(codes::BAD_VALUE, message));
                range.start
            }
            None if node.value().is_i64() => {
                let (from, to) = (range.start, range.end - 1);
                let message = format!("expected a number from {from} to {to}");
                self.report(node.error(codes::BAD_VALUE, message));
                from
            }
            None => {
                self.wrong_type(node, "a whole number");
                range.start
            }
        }
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&mut self, node: &Node<'_>, choices: &[(&str, T)]) -> Option<T> {
        let Some(word) = node.as_str() else {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong_type(node, &format!("one of {}", words.join(", ")));
            return None;
        };
        let found = choices.iter().find(|(choice, _)| *choice == word).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let mistake = node.error(codes::BAD_VALUE, format!("`{word}` is not known here"));
            let help = match did_you_mean(word, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write one of {}", words.join(", ")),
            };
            self.report(mistake.with_help(help));
        }
        found
    }

    pub(crate) fn kinds(&mut self, node: &Node<'_>) -> Vec<ErrorKind> {
        let choices: Vec<(&str, ErrorKind)> =
            ErrorKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
        match node.value() {
            Value::Array(_) => {
                node.items().iter().filter_map(|item| self.choice(item, &choices)).collect()
            }
            _ => self.choice(node, &choices).into_iter().collect(),
        }
    }

    pub(crate) fn duration(&mut self, node: &Node<'_>) -> Duration {
        let Some(text) = node.as_str() else {
            self.wrong_type(node, "a duration such as 30s, 5m or 1h30m");
            return Duration::ZERO;
        };
        parse_duration(text).unwrap_or_else(|message| {
            self.report(node.error(codes::BAD_DURATION, message));
            Duration::ZERO
        })
    }

    pub(crate) fn optional_duration(&mut self, node: &Node<'_>, key: &str) -> Option<Duration> {
        node.get(key).map(|node| self.duration(&node))
    }

    /// `timeout:` wherever it stands.
    pub(crate) fn timeout(&mut self, owner: &Node<'_>) -> Option<Duration> {
        let node = owner.get("timeout")?;
        let timeout = self.duration(&node);
        if timeout.is_zero() && node.as_str().is_some_and(|text| parse_duration(text).is_ok()) {
            let mistake = node.error(codes::BAD_VALUE, "nothing is done within no time");
            self.report(mistake.with_help("give it longer, or leave the timeout out"));
        }
        Some(timeout)
    }

    /// `retry:` wherever it stands.
    pub(crate) fn retry(&mut self, node: Option<Node<'_>>) -> RetryPolicy {
        let Some(node) = node else {
            return RetryPolicy::default();
        };
        if !self.keys(&node, &grammar::RETRY) {
            return RetryPolicy::default();
        }
        RetryPolicy {
            attempts: node
                .get("attempts")
                .map(|node| u32::try_from(self.count(&node, 1..1001)).unwrap_or(1)),
            backoff: node.get("backoff").map(|node| self.backoff(&node)),
            on: node.get("on").map(|node| self.kinds(&node)),
            max_elapsed: self.optional_duration(&node, "max_elapsed"),
        }
    }

    fn backoff(&mut self, node: &Node<'_>) -> Backoff {
        let Some((first, longest)) = node.as_str().and_then(|text| text.split_once("..")) else {
            return Backoff::Fixed(self.duration(node));
        };
        match (parse_duration(first), parse_duration(longest)) {
            (Ok(first), Ok(longest)) if first <= longest => Backoff::Exponential { first, longest },
            (Ok(_), Ok(_)) => {
                let message = format!("the first wait {first} is longer than the last {longest}");
                self.report(node.error(codes::BAD_DURATION, message));
                Backoff::Fixed(Duration::ZERO)
            }
            (Err(message), _) | (_, Err(message)) => {
                self.report(node.error(codes::BAD_DURATION, message));
                Backoff::Fixed(Duration::ZERO)
            }
        }
    }

    /// A bare expression.
    pub(crate) fn expression(&mut self, node: &Node<'_>) -> Located<Expression> {
        let value = self
            .read_expression(node)
            .unwrap_or_else(|| Expression::parse("null").expect("null is an expression"));
        Located { value, span: node.span() }
    }

    fn read_expression(&mut self, node: &Node<'_>) -> Option<Expression> {
        let text = match node.value() {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => print(node.value()),
            Value::Null => {
                self.wrong_type(node, "an expression");
                return None;
            }
            value @ (Value::Array(_) | Value::Object(_)) => {
                let mistake = node.error(
                    codes::WRONG_TYPE,
                    format!("expected an expression, found {}", a_kind(value)),
                );
                let help = format!("quote it so that YAML leaves it alone: '{}'", print(value));
                self.report(mistake.with_help(help));
                return None;
            }
        };
        if let Some(bare) = without_braces(&text) {
            let message = "this place takes a bare expression, not a text with braces";
            let mistake = node.error(codes::BAD_EXPRESSION, message);
            self.report(mistake.with_help(format!("write it as {bare}")));
            return None;
        }
        match Expression::read(&text) {
            Ok((expression, mistakes)) => {
                self.report_all(mistakes.iter().map(|mistake| node.mistake(mistake)).collect());
                Some(expression)
            }
            Err(mistake) => {
                self.report(node.mistake(&mistake));
                None
            }
        }
    }

    /// A text with pills.
    pub(crate) fn text(&mut self, node: &Node<'_>) -> Located<Text> {
        let source = match node.value() {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => print(node.value()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.wrong_type(node, "a text");
                String::new()
            }
        };
        let value = match Text::read(&source) {
            Ok((text, mistakes)) => {
                self.report_all(mistakes.iter().map(|mistake| node.mistake(mistake)).collect());
                text
            }
            Err(mistake) => {
                self.report(node.mistake(&mistake));
                Text::parse("").expect("nothing is a text")
            }
        };
        Located { value, span: node.span() }
    }

    /// `with:`; an empty map when absent.
    pub(crate) fn template(
        &mut self,
        node: Option<Node<'_>>,
        owner: &Node<'_>,
    ) -> Located<Template> {
        let empty = || Template::from_value(&json!({})).expect("an empty map is a template");
        let Some(node) = node else {
            return Located { value: empty(), span: owner.span() };
        };
        if !node.value().is_object() {
            self.wrong_type(&node, "a map of inputs");
            return Located { value: empty(), span: node.span() };
        }
        let (value, mistakes) = Template::read(&node);
        self.report_all(mistakes);
        Located { value, span: node.span() }
    }

    /// Types by name. One that cannot be read is any, so that its name exists.
    pub(crate) fn fields(&mut self, node: Option<Node<'_>>) -> Fields {
        let Some(node) = node else {
            return Fields::default();
        };
        if !node.value().is_object() {
            self.wrong_type(&node, "a map of names to types");
        }
        let mut fields = Fields::default();
        for (name, field) in node.entries() {
            self.name(&field, name, codes::BAD_ID, "a name");
            fields.insert(name.to_owned(), self.schema(&field, &[]));
        }
        fields
    }

    /// A type; `extra` are keys that the caller reads.
    pub(crate) fn schema(&mut self, node: &Node<'_>, extra: &[&str]) -> Schema {
        let schema = Schema::parse(node, extra).unwrap_or_else(|mistakes| {
            self.report_all(mistakes);
            Schema::any()
        });
        for (ty, of, help) in NOT_OF_FLOWS {
            if holds(&schema, &ty) {
                let message = format!("`{}` is a type of {of} only", ty.name());
                self.report(node.error(codes::BAD_SCHEMA, message).with_help(help));
            }
        }
        schema
    }

    /// Says whether a name can be an id, an alias, a variable.
    pub(crate) fn name(&mut self, node: &Node<'_>, name: &str, code: Code, what: &str) -> bool {
        let fits = is_id(name);
        if !fits {
            let mut mistake = node.error(code, format!("`{name}` cannot be {what}"));
            let message = "use lower-case letters, digits and `_`, a letter first, at most 63";
            mistake.help = Some(message.to_owned());
            self.report(mistake);
        }
        fits
    }
}

/// Whether a word is an id: `[a-z][a-z0-9_]{0,62}`.
pub(crate) fn is_id(word: &str) -> bool {
    word.len() <= 63
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The inside of a text that is one pill.
fn without_braces(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?;
    Some(inner.strip_suffix("}}").unwrap_or(inner).trim())
}

/// The types that no value of a flow has.
const NOT_OF_FLOWS: [(Type, &str, &str); 2] = [
    (
        Type::Secret,
        "connections",
        "what a flow reads is kept in its journal: put the credential into a connection",
    ),
    (Type::Path, "actions", "write `string`"),
];

/// Whether a type is another one, or has it inside.
fn holds(schema: &Schema, wanted: &Type) -> bool {
    match &schema.ty {
        Type::List(item) => holds(item, wanted),
        Type::Object(fields) => fields.values().any(|field| holds(field, wanted)),
        ty => ty == wanted,
    }
}
