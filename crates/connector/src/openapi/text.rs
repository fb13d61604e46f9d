//! The drafted files as text: one section for each key, with its comments, in the usual layout.

use linchpin_language::{Map, Value, format_yaml, write_yaml};

/// One key of a file, and what is said about it.
pub(super) struct Section {
    key: String,
    value: Value,
    above: Option<String>,
    beside: Option<String>,
    is_apart: bool,
}

impl Section {
    /// A key and its value.
    pub(super) fn new(key: &str, value: Value) -> Section {
        Section { key: key.to_owned(), value, above: None, beside: None, is_apart: false }
    }

    /// Its value, when it is a text.
    pub(super) fn text(&self) -> Option<&str> {
        self.value.as_str()
    }

    /// A comment in a line of its own.
    pub(super) fn above(mut self, comment: &str) -> Section {
        self.above = Some(one_line(comment));
        self
    }

    /// A comment at the end of the line of its key.
    pub(super) fn beside(mut self, comment: &str) -> Section {
        self.beside = Some(one_line(comment));
        self
    }

    /// A blank line before it.
    pub(super) fn apart(mut self) -> Section {
        self.is_apart = true;
        self
    }
}

/// A comment ends with its line: what the document says must not go on behind it.
fn one_line(comment: &str) -> String {
    clean(comment, usize::MAX)
}

/// The text of a file.
pub(super) fn file(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        if section.is_apart && !text.is_empty() {
            text.push('\n');
        }
        if let Some(comment) = &section.above {
            text.push_str(&format!("# {comment}\n"));
        }
        let entry = Map::from_iter([(section.key.clone(), section.value.clone())]);
        let written = block(&write_yaml(&Value::Object(entry)), section);
        text.push_str(&written);
    }
    // The layout of `linchpin fmt`; a text that it does not take stays as it was written.
    format_yaml("draft.yaml", &text).unwrap_or(text)
}

/// A section as lines of the file: without the braces that a short value is written in.
fn block(written: &str, section: &Section) -> String {
    let mut lines: Vec<String> = written.lines().map(str::to_owned).collect();
    if let [only] = &mut lines[..]
        && let Some(inner) = only.strip_prefix("{ ").and_then(|line| line.strip_suffix(" }"))
    {
        *only = inner.to_owned();
    }
    if let (Some(comment), Some(first)) = (&section.beside, lines.first_mut()) {
        first.push_str(&format!(" # {comment}"));
    }
    lines.join("\n") + "\n"
}

/// A text of the document on one line, without what a file must not hold, and not too long.
pub(super) fn clean(text: &str, most: usize) -> String {
    let readable = |c: &char| {
        !c.is_control()
            && !matches!(*c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
    };
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let kept: String = spaced.chars().filter(readable).collect();
    let text = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= most {
        return text;
    }
    let cut: String = text.chars().take(most).collect();
    // Better the last whole sentence, then the last whole word.
    let end = cut.rfind(". ").map(|at| at + 1).filter(|at| *at > most / 3);
    match end.or_else(|| cut.rfind(' ')) {
        Some(at) if cut[..at].ends_with('.') => cut[..at].to_owned(),
        Some(at) => format!("{}…", &cut[..at]),
        None => format!("{cut}…"),
    }
}

/// A text as the manifest writes what people read of it: none when nothing is left.
pub(super) fn about(text: Option<&Value>) -> Option<Value> {
    let text = clean(text?.as_str()?, 240);
    (!text.is_empty()).then(|| Value::String(text))
}

#[cfg(test)]
mod tests {
    use linchpin_language::json;

    use super::*;

    #[test]
    fn sections_are_laid_out_with_their_comments() {
        let sections = [
            Section::new("action", json!("pets.list")).above("About pets."),
            Section::new("effect", json!("read")).beside("review: guessed"),
            Section::new("inputs", json!({ "tag": { "type": "string" } })).apart(),
        ];
        let expected = "# About pets.\naction: pets.list\neffect: read # review: guessed\n\n\
            inputs:\n  tag: { type: string }\n";
        assert_eq!(file(&sections), expected);
    }

    #[test]
    fn a_comment_does_not_go_on_behind_its_line() {
        let section = Section::new("effect", json!("read"));
        let section = section.beside("from GET /a\ncode: http").above("A\r\nb: c");
        assert_eq!(file(&[section]), "# A b: c\neffect: read # from GET /a code: http\n");
    }

    #[test]
    fn a_long_text_ends_with_a_sentence_or_a_word() {
        assert_eq!(clean("One two.\n  Three\u{202e} four", 80), "One two. Three four");
        assert_eq!(clean("One two. Three four five", 15), "One two.");
        assert_eq!(clean("Threefold four five", 12), "Threefold…");
    }
}
