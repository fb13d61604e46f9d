//! Scalars on one line: which quotes they need, and how they are written.

use super::tree::{Scalar, Style};
use crate::value::Value;

/// Whether a text can stand without quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    /// It would be read as something else, here or by another reader of YAML.
    Never,
    /// It can, and the author decides.
    AsWritten,
    /// Quotes around it say nothing.
    Always,
}

/// Words that some readers of YAML take for something other than a text.
const WORDS: [&str; 9] = ["yes", "no", "on", "off", "true", "false", "null", "~", "="];

/// A scalar on one line.
pub(super) fn line(scalar: &Scalar, in_brackets: bool) -> String {
    let is_one_line = !scalar.raw.contains('\n');
    if scalar.style == Style::Plain && is_one_line && !is_text(&scalar.raw, &scalar.text) {
        return match (scalar.raw.is_empty(), in_brackets) {
            (true, true) => "null".to_owned(),
            _ => scalar.raw.clone(),
        };
    }
    if scalar.style == Style::Double && is_one_line && scalar.raw.contains('\\') {
        return scalar.raw.clone();
    }
    match (bare(&scalar.text, in_brackets), scalar.style) {
        (Bare::Always, _) | (Bare::AsWritten, Style::Plain) => scalar.text.clone(),
        _ => quoted(&scalar.text, scalar.style),
    }
}

/// A key, always on one line.
pub(super) fn key(text: &str, style: Style, raw: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins_well && text.chars().all(is_name) && !is_word(text) {
        return text.to_owned();
    }
    let is_as_written = style == Style::Plain || (style == Style::Double && raw.contains('\\'));
    if is_as_written && !raw.is_empty() && !raw.contains('\n') {
        return raw.to_owned();
    }
    quoted(text, style)
}

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether what is written without quotes is read as this text rather than as a number or so.
fn is_text(raw: &str, text: &str) -> bool {
    let is_easy = |c: char| c.is_ascii_alphanumeric() || " _-./(),=".contains(c);
    if raw.starts_with(|c: char| c.is_ascii_alphabetic())
        && raw.chars().all(is_easy)
        && !is_word(raw)
    {
        return raw == text;
    }
    matches!(serde_yaml::from_str::<Value>(raw), Ok(Value::String(read)) if read == text)
}

fn bare(text: &str, in_brackets: bool) -> Bare {
    let is_plain = !text.is_empty()
        && text.trim() == text
        && !text.contains(|c: char| c.is_control())
        && !is_word(text)
        && !text.contains("{{")
        && !text.starts_with(|c| ",[]{}#&*!|>'\"%@`".contains(c))
        && !begins_as_indicator(text)
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !(in_brackets && text.contains(|c| ",[]{}".contains(c)))
        && !(in_brackets && text.contains(":,"))
        && is_text(text, text);
    if !is_plain || text.chars().any(is_hidden) {
        return Bare::Never;
    }
    let begins_well = text.starts_with(|c: char| c.is_alphabetic() || "_(/$".contains(c));
    if begins_well && !text.contains([':', '#', '{', '}', '\\', '"', '\t']) {
        Bare::Always
    } else {
        Bare::AsWritten
    }
}

/// A dash, question mark or colon that is followed by nothing or a blank, and marks of documents.
fn begins_as_indicator(text: &str) -> bool {
    let mut chars = text.chars();
    let first = chars.next();
    let second = chars.next();
    (matches!(first, Some('-' | '?' | ':')) && second.is_none_or(char::is_whitespace))
        || text.starts_with("---")
        || text.starts_with("...")
}

/// Whether a character cannot be seen, so that only an escape shows that it is there.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{a0}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'
                | '\u{200c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{feff}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{ffff}')
}

fn quoted(text: &str, style: Style) -> String {
    let needs_escape = text.chars().any(is_hidden);
    let in_single = match (text.contains(['"', '\\']), text.contains('\'')) {
        (false, _) => false,
        (true, false) => true,
        (true, true) => style == Style::Single,
    };
    if in_single && !needs_escape {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_hidden(c) => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
