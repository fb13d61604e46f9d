//! The comments of a document: what stands behind a `#` that is no part of a value or key.

use super::{Document, Node};
use crate::source::Span;
use crate::value::Value;

impl Document {
    /// The comments in written order, each with its `#` and without its line end.
    pub fn comments(&self) -> Vec<Span> {
        let text = self.source.text();
        if !text.contains('#') {
            return Vec::new();
        }
        let mut scalars = Vec::new();
        note(&self.root(), &mut scalars);
        scalars.sort_unstable_by_key(|span| span.start);
        let mut comments = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('#').map(|found| at + found) {
            let next = scalars.partition_point(|span| span.start <= found);
            if let Some(around) = scalars[..next].last().filter(|span| found < span.end) {
                at = around.end;
                continue;
            }
            let end = text[found..].find('\n').map_or(text.len(), |end| found + end);
            let starts = text[..found].chars().next_back().is_none_or(char::is_whitespace);
            if starts {
                let length = text[found..end].trim_end().len();
                comments.push(Span { start: found, end: found + length });
            }
            at = if starts { end } else { found + 1 };
        }
        comments
    }
}

/// Where the keys and the values that are no collections stand.
fn note(node: &Node<'_>, scalars: &mut Vec<Span>) {
    let (own, key) = (node.span(), node.key_span());
    if key != own {
        scalars.push(key);
    }
    match node.value() {
        Value::Array(_) => node.items().iter().for_each(|item| note(item, scalars)),
        Value::Object(_) => node.entries().iter().for_each(|(_, value)| note(value, scalars)),
        _ => scalars.push(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_inside_of_a_value_is_no_comment() {
        let text = "# first\na: x#y # second\n'b #c': \"# no\" # third\nd: |\n  # no\n  text # no\n# fourth\ne: [1, '#'] #fifth\nf: >-\n  a # no\n\n# sixth\n";
        let document = Document::parse("a.yaml", text).unwrap();
        let comments: Vec<&str> =
            document.comments().iter().map(|span| &text[span.start..span.end]).collect();
        assert_eq!(comments, ["# first", "# second", "# third", "# fourth", "#fifth", "# sixth"]);
    }
}
