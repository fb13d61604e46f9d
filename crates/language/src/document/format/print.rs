//! A tree to its text.

use super::folded::{self, Lines};
use super::tree::{Collection, Comment, Entry, Node};
use super::{WIDTH, scalar};

/// The text of a whole file.
pub(super) fn print(root: &Entry) -> String {
    let mut printer = Printer { out: String::new(), is_keeping: false };
    let mut is_first = true;
    printer.comments(&root.above, 0, &mut is_first);
    let head: Vec<Comment> = root.head.iter().map(as_comment).collect();
    printer.comments(&head, 0, &mut is_first);
    match &root.value {
        value if value.is_nothing() => {}
        Node::Scalar(_) => {
            if let Form::Lines(_) = printer.form(root, 0) {
                let beside: Vec<Comment> = root.beside.iter().map(as_comment).collect();
                printer.comments(&beside, 0, &mut is_first);
            }
            printer.value(root, String::new(), 0);
        }
        Node::List(collection) | Node::Map(collection) => match in_line(&root.value) {
            Some(text) if text.chars().count() <= WIDTH || collection.entries.is_empty() => {
                printer.line(&text, root.beside.as_deref());
            }
            _ => {
                printer.block(&root.value, 0, None, is_first);
                let beside: Vec<Comment> = root.beside.iter().map(as_comment).collect();
                printer.comments(&beside, 0, &mut false);
            }
        },
    }
    let mut is_first = printer.out.is_empty();
    printer.comments(&root.inside, 0, &mut is_first);
    printer.out
}

struct Printer {
    out: String,
    /// Whether the last line is of a text to which blank lines would be added.
    is_keeping: bool,
}

impl Printer {
    fn line(&mut self, text: &str, comment: Option<&str>) {
        self.out.push_str(text.trim_end());
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        self.out.push('\n');
        self.is_keeping = false;
    }

    fn part(&mut self, is_parted: bool, is_first: bool) {
        if is_parted && !is_first && !self.is_keeping {
            self.out.push('\n');
        }
    }

    fn comments(&mut self, comments: &[Comment], indent: usize, is_first: &mut bool) {
        for comment in comments {
            self.part(comment.is_parted, *is_first);
            self.line(&format!("{}{}", " ".repeat(indent), comment.text), None);
            *is_first = false;
        }
    }

    /// The entries one below the other; `lead` is what stands before the first on its line.
    fn block(&mut self, node: &Node, indent: usize, lead: Option<String>, is_first: bool) {
        let Some(collection) = node.collection() else { return };
        let mut is_first = is_first;
        for (at, entry) in collection.entries.iter().enumerate() {
            let lead = lead.as_ref().filter(|_| at == 0);
            if lead.is_none() {
                self.comments(&self.above(entry, indent), indent, &mut is_first);
                self.part(entry.is_parted, is_first);
            }
            let mut start = lead.cloned().unwrap_or_else(|| " ".repeat(indent));
            match &entry.key {
                Some(key) => start.push_str(&format!("{key}: ")),
                None => start.push_str("- "),
            }
            self.value(entry, start, indent);
            is_first = false;
        }
        self.comments(&collection.end, indent, &mut is_first);
    }

    /// What stands over an entry: also the comments at its key or behind it that have no place
    /// in the form of its value. Over a dash stands all that would come behind it.
    fn above(&self, entry: &Entry, indent: usize) -> Vec<Comment> {
        let mut above = entry.above.clone();
        let is_dash = entry.key.is_none();
        let key = entry.key.as_ref().map_or(2, |key| key.chars().count() + 2);
        let form = self.form(entry, indent + key);
        let is_head_over = is_dash
            || match form {
                Form::Line(_) => true,
                Form::Lines(_) => entry.beside.is_some() || !entry.between.is_empty(),
                Form::Block => false,
            };
        if is_head_over {
            above.extend(entry.head.iter().map(as_comment));
            above.extend(entry.between.iter().cloned());
        }
        if is_dash && let Form::Block = form {
            let first = entry.value.collection().and_then(|inner| inner.entries.first());
            above.extend(first.map_or_else(Vec::new, |first| self.above(first, indent + 2)));
            above.extend(entry.beside.iter().filter(|_| is_free(entry)).map(as_comment));
        }
        if is_dash && let Form::Lines(_) = form {
            above.extend(entry.beside.iter().map(as_comment));
        }
        above
    }

    /// How a value stands after so many columns.
    fn form(&self, entry: &Entry, width: usize) -> Form {
        let room = WIDTH.saturating_sub(width);
        match &entry.value {
            value if value.is_nothing() => Form::Line(String::new()),
            Node::Scalar(text) => match folded::lines(text, room) {
                Some(lines) => Form::Lines(lines),
                None => Form::Line(scalar::line(text, false)),
            },
            Node::List(inner) | Node::Map(inner) => match in_line(&entry.value) {
                Some(text) if text.chars().count() <= room || inner.entries.is_empty() => {
                    Form::Line(text)
                }
                _ => Form::Block,
            },
        }
    }

    /// A value behind its key or dash, in a collection that is indented so far.
    fn value(&mut self, entry: &Entry, start: String, indent: usize) {
        match self.form(entry, start.chars().count()) {
            Form::Line(text) => {
                self.line(&format!("{start}{text}"), entry.beside.as_deref());
                if entry.key.is_some() {
                    self.comments(&entry.inside, indent + 2, &mut true);
                }
            }
            Form::Lines(lines) => {
                let head = entry.head.as_deref().filter(|_| entry.between.is_empty());
                let beside = entry.beside.as_deref();
                let comment = beside.or(head).filter(|_| entry.key.is_some());
                self.line(&format!("{start}{}", lines.header), comment);
                for line in &lines.lines {
                    if !line.is_empty() {
                        self.out.push_str(&" ".repeat(indent + 2));
                        self.out.push_str(line);
                    }
                    self.out.push('\n');
                }
                self.is_keeping = lines.keeps_blank_lines();
            }
            Form::Block => self.nested(entry, start, indent),
        }
    }

    fn nested(&mut self, entry: &Entry, start: String, indent: usize) {
        let is_free = is_free(entry);
        let last: Vec<Comment> = match is_free {
            true => Vec::new(),
            false => entry.beside.iter().map(as_comment).collect(),
        };
        if entry.key.is_none() {
            self.block(&entry.value, indent + 2, Some(start), true);
        } else {
            // What stood behind the closing bracket stands behind the key.
            let beside = entry.beside.as_deref().filter(|_| is_free);
            self.line(&start, entry.head.as_deref().or(beside));
            let mut is_first = true;
            self.comments(&entry.between, indent + 2, &mut is_first);
            self.block(&entry.value, indent + 2, None, is_first);
        }
        self.comments(&last, indent + 2, &mut false);
    }
}

/// How a value is written.
enum Form {
    Line(String),
    Lines(Lines),
    Block,
}

/// Whether nothing stands between the beginning of a collection and the comment at its end.
fn is_free(entry: &Entry) -> bool {
    entry.head.is_none()
        && entry.between.is_empty()
        && !entry.value.collection().is_some_and(Collection::has_remarks)
}

fn as_comment(text: impl AsRef<str>) -> Comment {
    Comment { text: text.as_ref().to_owned(), is_parted: false }
}

/// A collection on one line, if it was written in brackets and has no comment in it.
fn in_line(node: &Node) -> Option<String> {
    let collection = node.collection()?;
    if !collection.in_brackets || collection.has_remarks() {
        return None;
    }
    let entries: Option<Vec<String>> = collection.entries.iter().map(in_brackets).collect();
    let entries = entries?.join(", ");
    Some(match node {
        Node::Map(_) if entries.is_empty() => "{}".to_owned(),
        Node::Map(_) => format!("{{ {entries} }}"),
        Node::List(_) | Node::Scalar(_) => format!("[{entries}]"),
    })
}

fn in_brackets(entry: &Entry) -> Option<String> {
    let value = match &entry.value {
        Node::Scalar(text) => scalar::line(text, true),
        Node::List(_) | Node::Map(_) => in_line(&entry.value)?,
    };
    Some(match &entry.key {
        Some(key) => format!("{key}: {value}"),
        None => value,
    })
}
