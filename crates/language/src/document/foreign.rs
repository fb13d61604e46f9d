//! Data files that others wrote, in YAML or JSON: read for what they hold, not for where it stands.
//!
//! They may have what our own files must not: aliases, keys that are numbers, several megabytes.

use super::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{Source, Span};
use crate::value::Value;

/// The largest such file, in bytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The value of a file in YAML or JSON. A key that is a number is read as its text.
///
/// ```
/// let value = linchpin_language::read_foreign("a.yaml", "200: &ok { a: 1 }\n201: *ok\n").unwrap();
/// assert_eq!(value["201"]["a"], 1);
/// assert_eq!(linchpin_language::read_foreign("a.json", "{\"a\": 1}").unwrap()["a"], 1);
/// ```
pub fn read_foreign(name: &str, text: &str) -> Result<Value, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than 32 MB", text.len());
        return Err(error(codes::FILE_TOO_LARGE, message, &Source::new(name, ""), Span::default()));
    }
    let read = match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(value),
        Err(cause) if text.trim_start().starts_with('{') && name.ends_with(".json") => {
            Err((cause.to_string(), offset(text, cause.line(), cause.column())))
        }
        Err(_) => serde_yaml::from_str::<Value>(text).map_err(|cause| {
            let at = cause.location().map_or(0, |location| location.index().min(text.len()));
            (cause.to_string(), at)
        }),
    };
    let (cause, at) = match read {
        Ok(value) => match crate::too_deep(&value) {
            None => return Ok(value),
            Some(why) => (why, 0),
        },
        Err(mistake) => mistake,
    };
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let plain = cause.split(" at line ").next().unwrap_or_default();
    let span = Span { start: at, end: at };
    Err(error(codes::YAML_SYNTAX, plain, &Source::new(name, text), span))
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    before.map(str::len).sum::<usize>() + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_says_where() {
        for (name, text, line) in
            [("a.json", "{\n  \"a\": ,\n}", 2), ("a.yaml", "a: 1\nb: [1\nc: 2\n", 3)]
        {
            let mistake = read_foreign(name, text).unwrap_err();
            assert_eq!(mistake.position().0, line, "{mistake:?}");
        }
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let of = format!("*a{}, ", n - 1).repeat(9);
            text.push_str(&format!("a{n}: &a{n} [{of}]\n"));
        }
        assert!(read_foreign("bomb.yaml", &text).is_err());
    }
}
