//! What stands in quotes and in comments of an expression, as the parser reads it.
//!
//! The parser recurses, so brackets are counted before it begins, and those in quotes do not count.
//! Whoever took a text to go on where the parser takes it to have ended would leave brackets
//! uncounted, so what is not closed, or escapes nothing, is refused here.

use super::read::bad;
use crate::references::Mistake;

/// An expression with blanks for what stands in quotes and comments, byte for byte, so that places
/// in it are places in the expression.
pub(super) fn without_quoted(text: &str) -> Result<String, Mistake> {
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let hidden = if rest.starts_with("//") {
            rest.find(['\n', '\r']).unwrap_or(rest.len())
        } else if c == '"' || c == '\'' {
            quoted(rest, c, is_raw(&text[..at])).map_err(|broken| broken.told(at))?
        } else {
            bare.push(c);
            at += c.len_utf8();
            continue;
        };
        bare.extend(std::iter::repeat_n(' ', hidden));
        at += hidden;
    }
    Ok(bare)
}

/// Whether the quote behind `before` begins a text without escapes: `r'\d'`.
fn is_raw(before: &str) -> bool {
    let word =
        before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    let prefix = before.get(word..).unwrap_or_default().to_ascii_lowercase();
    matches!(prefix.as_str(), "r" | "br" | "rb")
}

/// Why a text in quotes cannot be read.
enum Broken {
    NoEnd,
    /// At this byte of it.
    Escape(usize),
}

impl Broken {
    /// As a mistake of an expression in which the text begins at `at`.
    fn told(self, at: usize) -> Mistake {
        match self {
            Self::NoEnd => bad("the text that begins here is not closed", at..at + 1)
                .with_help("close it with the quote that it begins with, on the same line"),
            Self::Escape(place) => {
                bad("a backslash that escapes nothing", at + place..at + place + 1)
                    .with_help("write it twice, or put an r before the quote: r'[0-9]+\\.'")
            }
        }
    }
}

/// The bytes of a text from its opening quote to its closing one.
fn quoted(text: &str, quote: char, is_raw: bool) -> Result<usize, Broken> {
    let triple = [quote; 3].iter().collect::<String>();
    let is_long = text.starts_with(&triple);
    let close = if is_long { triple.as_str() } else { &triple[..1] };
    let mut at = close.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(close) {
            return Ok(at + close.len());
        }
        match c {
            '\n' | '\r' if !is_long => return Err(Broken::NoEnd),
            '\\' if !is_raw => {
                at += 1 + escape_length(&text[at + 1..]).ok_or(Broken::Escape(at))?;
            }
            _ => at += c.len_utf8(),
        }
    }
    Err(Broken::NoEnd)
}

/// The bytes of an escape behind its backslash.
fn escape_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let all = |length: usize, is: fn(&u8) -> bool| {
        bytes.get(1..=length).is_some_and(|digits| digits.iter().all(is)).then_some(1 + length)
    };
    match bytes.first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\' | b'?' | b'"' | b'\'' | b'`' => {
            Some(1)
        }
        b'x' | b'X' => all(2, u8::is_ascii_hexdigit),
        b'u' => all(4, u8::is_ascii_hexdigit),
        b'U' => all(8, u8::is_ascii_hexdigit),
        b'0'..=b'3' => all(2, |digit| matches!(digit, b'0'..=b'7')),
        _ => None,
    }
}
