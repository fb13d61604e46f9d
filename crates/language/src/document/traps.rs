//! The ways in which YAML surprises people, and the line they meant to write.

use super::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{Source, Span};

/// The longest line that is written out again, in bytes.
const LONGEST_LINE: usize = 200;
/// How many of one kind are listed before the rest is left out.
const LISTED: usize = 20;

/// Control characters (but tab and line ends) and characters that reorder the text around them.
pub(super) fn forbidden_characters(source: &Source) -> Vec<Diagnostic> {
    source
        .text()
        .char_indices()
        .filter(|(_, c)| is_forbidden(*c))
        .take(LISTED)
        .map(|(start, c)| {
            let message = format!("the character U+{:04X} is not allowed here", c as u32);
            let span = Span { start, end: start + c.len_utf8() };
            error(codes::FORBIDDEN_CHARACTER, message, source, span)
                .with_help("delete it, or write it as an escape in double quotes: \"\\u....\"")
        })
        .collect()
}

/// Whether a character has no place in a file that people read.
pub(crate) fn is_forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{85}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
            true
        }
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

/// Where an unquoted text that begins with braces ends: with its last `}}` inside a flow
/// collection, with its line otherwise.
pub(super) fn unquoted_braces(source: &Source, start: usize, in_flow: bool) -> (Diagnostic, Span) {
    let text = source.text();
    let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    let close = text[start..].find("}}").map(|i| start + i + 2);
    let end = match close {
        Some(close) if in_flow || close > line_end => close,
        _ => start + without_comment(&text[start..line_end]).trim_end().len(),
    };
    let span = Span { start, end };
    let line = quoted_line(source, span);
    let help = if line.len() > LONGEST_LINE {
        "put it in quotes".to_owned()
    } else {
        format!("write: {line}")
    };
    let diagnostic = error(
        codes::UNQUOTED_BRACES,
        "a value that begins with `{{` must be quoted: unquoted it is a YAML map",
        source,
        span,
    )
    .with_help(help);
    (diagnostic, span)
}

fn without_comment(line: &str) -> &str {
    line.find(" #").map_or(line, |at| &line[..at])
}

/// The line with the span put in quotes.
pub(super) fn quoted_line(source: &Source, span: Span) -> String {
    let text = source.text();
    let line_start = text[..span.start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[span.end..].find('\n').map_or(text.len(), |i| span.end + i);
    let value = &text[span.start..span.end];
    let line =
        format!("{}{}{}", &text[line_start..span.start], quote(value), &text[span.end..line_end]);
    line.trim().to_owned()
}

fn quote(value: &str) -> String {
    if value.contains('"') && !value.contains('\'') {
        format!("'{value}'")
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// For a line that YAML cannot read: the same line with its value quoted, where that helps.
pub(super) fn line_to_write(source: &Source, line: usize) -> Option<String> {
    let text = source.line(line);
    if text.len() > LONGEST_LINE {
        return None;
    }
    let colon = text.find(": ")?;
    let key = text[..colon].trim_start().trim_start_matches("- ").trim();
    if key.is_empty() || !key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        return None;
    }
    let value = text[colon + 2..].trim();
    let begins_badly =
        value.starts_with(['\'', '"', '[', '{', '!', '&', '*', '%', '@', '`', '>', '|']);
    if value.is_empty() || !(begins_badly || value.contains(": ") || value.contains(" :")) {
        return None;
    }
    Some(format!("{}: {}", text[..colon].trim(), quote(value)))
}
