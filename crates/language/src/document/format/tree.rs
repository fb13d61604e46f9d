//! A file as it is laid out: collections, scalars, and the comments where they belong.

use crate::value::Value;

/// A comment on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// With its `#`.
    pub(super) text: String,
    /// Whether a blank line stands before it.
    pub(super) is_parted: bool,
}

/// A field of a map, an item of a list, or the whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The comments over it.
    pub(super) above: Vec<Comment>,
    /// Whether a blank line stands before it.
    pub(super) is_parted: bool,
    /// The key as it is printed.
    pub(super) key: Option<String>,
    /// The comment on the line of the key, before a value that begins on the next.
    pub(super) head: Option<String>,
    /// The comments on lines between key and value.
    pub(super) between: Vec<Comment>,
    /// The value.
    pub(super) value: Node,
    /// The comment on the line where it ends.
    pub(super) beside: Option<String>,
    /// The indented comments under a key that has no value: what somebody has switched off.
    pub(super) inside: Vec<Comment>,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    List(Collection),
    /// A map.
    Map(Collection),
}

/// The entries of a list or map.
#[derive(Clone, Debug, Default)]
pub(super) struct Collection {
    /// Whether it is written in brackets.
    pub(super) in_brackets: bool,
    /// The entries; those of a map have keys.
    pub(super) entries: Vec<Entry>,
    /// The comments after the last one.
    pub(super) end: Vec<Comment>,
}

/// A scalar as it was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Scalar {
    /// The decoded text.
    pub(super) text: String,
    /// How it was written.
    pub(super) style: Style,
    /// What stands in the file, quotes included; for a block the lines under its header.
    pub(super) raw: String,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    /// Without quotes.
    #[default]
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

impl Default for Node {
    fn default() -> Self {
        Node::Scalar(Scalar::default())
    }
}

impl Node {
    /// The entries, if it is a list or a map.
    pub(super) fn collection(&self) -> Option<&Collection> {
        match self {
            Node::Scalar(_) => None,
            Node::List(collection) | Node::Map(collection) => Some(collection),
        }
    }

    /// Whether nothing at all is written.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.style == Style::Plain && scalar.text.is_empty())
    }
}

impl Collection {
    /// Whether a comment stands anywhere in it.
    pub(super) fn has_remarks(&self) -> bool {
        !self.end.is_empty() || self.entries.iter().any(Entry::has_remarks)
    }
}

impl Entry {
    /// An entry without comments: maps and lists of nothing but scalars in brackets, but for the
    /// maps of a list and of a whole file.
    pub(super) fn of(key: Option<String>, value: &Value) -> Self {
        let mut value = node(value);
        if let Node::Map(fields) = &mut value
            && key.is_none()
        {
            fields.in_brackets = fields.entries.is_empty();
        }
        Self { key, value, ..Self::default() }
    }

    fn has_remarks(&self) -> bool {
        !self.above.is_empty()
            || self.head.is_some()
            || !self.between.is_empty()
            || self.beside.is_some()
            || !self.inside.is_empty()
            || self.value.collection().is_some_and(Collection::has_remarks)
    }

    /// Its comments, and those of all that is in it, in the order of the file.
    pub(super) fn remarks(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'t>(&'t self, found: &mut Vec<&'t str>) {
        fn add<'t>(found: &mut Vec<&'t str>, comments: &'t [Comment]) {
            found.extend(comments.iter().map(|comment| comment.text.as_str()));
        }
        add(found, &self.above);
        found.extend(self.head.as_deref());
        add(found, &self.between);
        if let Some(collection) = self.value.collection() {
            for entry in &collection.entries {
                entry.collect(found);
            }
            add(found, &collection.end);
        }
        found.extend(self.beside.as_deref());
        add(found, &self.inside);
    }
}

fn node(value: &Value) -> Node {
    match value {
        Value::String(text) => {
            let style = if text.contains('\n') { Style::Literal } else { Style::Double };
            Node::Scalar(Scalar { text: text.clone(), style, raw: String::new() })
        }
        Value::Array(items) => {
            let entries = items.iter().map(|item| Entry::of(None, item)).collect();
            Node::List(collection(entries))
        }
        Value::Object(fields) => {
            let entries = fields.iter().map(|(key, field)| {
                Entry::of(Some(super::scalar::key(key, Style::Double, "")), field)
            });
            Node::Map(collection(entries.collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let raw = value.to_string();
            Node::Scalar(Scalar { text: raw.clone(), style: Style::Plain, raw })
        }
    }
}

fn collection(entries: Vec<Entry>) -> Collection {
    let in_brackets = entries.iter().all(|entry| match &entry.value {
        Node::Scalar(scalar) => scalar.style != Style::Literal,
        Node::List(inner) | Node::Map(inner) => inner.entries.is_empty(),
    });
    Collection { in_brackets, entries, end: Vec::new() }
}
