//! Positions as editors count them, lines from 0 and UTF-16 units in a line, and changes of a text.

use linchpin_language::{Span, Value, json};

/// A text with the places where its lines begin.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(text: String) -> Self {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(newlines).collect();
        Self { text, starts }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The place of a position; past the end of a line it is its end.
    pub(super) fn offset(&self, position: &Value) -> Option<usize> {
        let line = usize::try_from(position.get("line")?.as_u64()?).ok()?;
        let character = usize::try_from(position.get("character")?.as_u64()?).ok()?;
        let Some(start) = self.starts.get(line).copied() else {
            return Some(self.text.len());
        };
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let line = self.text[start..end].trim_end_matches('\r');
        let mut units = 0;
        for (at, c) in line.char_indices() {
            if units >= character {
                return Some(start + at);
            }
            units += c.len_utf16();
        }
        Some(start + line.len())
    }

    /// The position of a place.
    pub(super) fn position(&self, offset: usize) -> Value {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let before = &self.text[self.starts[line]..offset];
        json!({ "line": line, "character": before.encode_utf16().count() })
    }

    pub(super) fn range(&self, span: Span) -> Value {
        json!({ "start": self.position(span.start), "end": self.position(span.end) })
    }

    /// The text after a change: all of it, or a range.
    pub(super) fn changed(&self, change: &Value) -> Option<Self> {
        let new = change.get("text")?.as_str()?;
        let Some(range) = change.get("range").filter(|range| !range.is_null()) else {
            return Some(Self::of(new.to_owned()));
        };
        let (start, end) = (self.offset(range.get("start")?)?, self.offset(range.get("end")?)?);
        let mut text = self.text.clone();
        text.replace_range(start..end.max(start), new);
        Some(Self::of(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, character: usize) -> Value {
        json!({ "line": line, "character": character })
    }

    #[test]
    fn characters_are_counted_in_utf16() {
        let lines = Lines::of("a: 😀ä!\r\nb\n".to_owned());
        assert_eq!(lines.offset(&at(0, 5)), Some(7));
        assert_eq!(lines.position(7), at(0, 5));
        assert_eq!(lines.position(9), at(0, 6));
        assert_eq!(lines.offset(&at(0, 99)), Some(10));
        assert_eq!(lines.offset(&at(1, 1)), Some(13));
        assert_eq!(lines.offset(&at(9, 0)), Some(14));
        assert_eq!(lines.position(99), at(2, 0));
    }

    #[test]
    fn changes_are_made_one_after_the_other() {
        let change = |start, end, text: &str| json!({ "range": { "start": start, "end": end }, "text": text });
        let lines = Lines::of("é: 1\nb: 2\n".to_owned());
        let lines = lines.changed(&change(at(0, 3), at(0, 4), "23")).unwrap();
        let lines = lines.changed(&change(at(1, 0), at(2, 0), "")).unwrap();
        assert_eq!(lines.text(), "é: 23\n");
        assert_eq!(lines.changed(&json!({ "text": "x" })).unwrap().text(), "x");
        assert!(lines.changed(&json!({ "range": {} , "text": "x" })).is_none());
    }
}
