//! Functions of text.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::{Regex, RegexBuilder};

use super::{Args, Function, may, need};
use crate::value::{Value, json};

/// The longest text that a function makes out of shorter ones.
const MAX_TEXT: usize = 8 * 1024 * 1024;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "lower",
        category: "text",
        about: "The text in lower case.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("lower('Ada ÄÖ')", r#""ada äö""#)],
        call: |args| Ok(json!(args.text(0)?.to_lowercase())),
        shallow: false,
    },
    Function {
        name: "upper",
        category: "text",
        about: "The text in upper case.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("upper('gdpr')", r#""GDPR""#)],
        call: |args| Ok(json!(args.text(0)?.to_uppercase())),
        shallow: false,
    },
    Function {
        name: "capitalize",
        category: "text",
        about: "The text with its first letter in upper case and the rest as it is.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("capitalize('network basics')", r#""Network basics""#)],
        call: |args| {
            let text = args.text(0)?;
            let mut letters = text.chars();
            let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
            Ok(json!(first + letters.as_str()))
        },
        shallow: false,
    },
    Function {
        name: "trim",
        category: "text",
        about: "The text without blank space around it.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("trim('  a b ')", r#""a b""#)],
        call: |args| Ok(json!(args.text(0)?.trim())),
        shallow: false,
    },
    Function {
        name: "split",
        category: "text",
        about: "The parts of a text between separators; an empty text has none.",
        params: &[need("text", "string"), need("by", "string")],
        returns: "list",
        examples: &[("split('a,b', ',')", r#"["a","b"]"#), ("split('', ',')", "[]")],
        call: |args| {
            let (text, by) = (args.text(0)?, args.text(1)?);
            match (text.is_empty(), by.is_empty()) {
                (true, _) => Ok(json!([])),
                (_, true) => Err("the separator is empty".to_owned()),
                _ => Ok(Value::from_iter(text.split(by.as_ref()))),
            }
        },
        shallow: false,
    },
    Function {
        name: "replace",
        category: "text",
        about: "The text with each occurrence of one part replaced by another.",
        params: &[need("text", "string"), need("part", "string"), need("with", "string")],
        returns: "string",
        examples: &[("replace('a-b-c', '-', '_')", r#""a_b_c""#)],
        call: |args| {
            let (text, part, with) = (args.text(0)?, args.text(1)?, args.text(2)?);
            if text.len().saturating_add(text.len().saturating_mul(with.len())) > MAX_TEXT {
                return Err("the result is too long".to_owned());
            }
            Ok(json!(text.replace(part.as_ref(), &with)))
        },
        shallow: false,
    },
    Function {
        name: "contains",
        category: "text",
        about: "Whether a text contains a part, or a list an item.",
        params: &[need("value", "any"), need("part", "any")],
        returns: "boolean",
        examples: &[("'courses'.contains('our')", "true"), ("contains([1, 2], 3)", "false")],
        call: |args| match args.value(0) {
            Value::Array(items) => {
                let part = args.value(1);
                Ok(json!(items.iter().any(|item| crate::unknown::equal(item, part) == Some(true))))
            }
            _ => Ok(json!(args.text(0)?.contains(args.text(1)?.as_ref()))),
        },
        shallow: false,
    },
    Function {
        name: "startsWith",
        category: "text",
        about: "Whether a text begins with a part.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "boolean",
        examples: &[("'INC0010001'.startsWith('INC')", "true")],
        call: |args| Ok(json!(args.text(0)?.starts_with(args.text(1)?.as_ref()))),
        shallow: false,
    },
    Function {
        name: "endsWith",
        category: "text",
        about: "Whether a text ends with a part.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "boolean",
        examples: &[("'ada@example.com'.endsWith('@example.org')", "false")],
        call: |args| Ok(json!(args.text(0)?.ends_with(args.text(1)?.as_ref()))),
        shallow: false,
    },
    Function {
        name: "matches",
        category: "text",
        about: "Whether a part of the text matches a regular expression (RE2 syntax).",
        params: &[need("text", "string"), need("pattern", "string")],
        returns: "boolean",
        examples: &[("'INC0010001'.matches('^INC[0-9]+$')", "true")],
        call: |args| {
            let text = args.text(0)?;
            with_regex(&args.text(1)?, |regex| json!(regex.is_match(&text)))
        },
        shallow: false,
    },
    Function {
        name: "substring",
        category: "text",
        about: "The characters from one place (from 0) to before another, or to the end.",
        params: &[need("text", "string"), need("from", "integer"), may("to", "integer")],
        returns: "string",
        examples: &[
            ("substring('Crs-0001', 4)", r#""0001""#),
            ("substring('abc', 0, 2)", r#""ab""#),
        ],
        call: |args| {
            let text = args.text(0)?;
            let (from, to) = (args.integer(1)?.max(0), args.integer_or(2, i64::MAX)?.max(0));
            let (from, to) = (usize::try_from(from), usize::try_from(to));
            let (from, to) = (from.unwrap_or(usize::MAX), to.unwrap_or(usize::MAX));
            Ok(json!(text.chars().skip(from).take(to.saturating_sub(from)).collect::<String>()))
        },
        shallow: false,
    },
    Function {
        name: "truncate",
        category: "text",
        about: "At most so many characters, the last one an ellipsis where something was cut.",
        params: &[need("text", "string"), need("length", "integer")],
        returns: "string",
        examples: &[
            ("truncate('Network Basics', 8)", r#""Network…""#),
            ("truncate('abc', 3)", r#""abc""#),
        ],
        call: |args| {
            let text = args.text(0)?;
            let length = usize::try_from(args.integer(1)?).map_err(|_| "the length is negative")?;
            if text.chars().count() <= length {
                return Ok(json!(text));
            }
            let kept: String = text.chars().take(length.saturating_sub(1)).collect();
            Ok(json!(if length == 0 { kept } else { kept + "…" }))
        },
        shallow: false,
    },
    Function {
        name: "pad_left",
        category: "text",
        about: "The text filled up on its left to a number of characters.",
        params: &[need("text", "string"), need("width", "integer"), may("with", "string")],
        returns: "string",
        examples: &[("pad_left('7', 3, '0')", r#""007""#)],
        call: pad_left,
        shallow: false,
    },
];

fn pad_left(args: &Args<'_>) -> Result<Value, String> {
    let text = args.text(0)?;
    let width = usize::try_from(args.integer(1)?).map_err(|_| "the width is negative")?;
    if width > 10_000 {
        return Err("the width is over 10,000".to_owned());
    }
    let with = args.text_or(2, " ")?;
    let missing = width.saturating_sub(text.chars().count());
    let fill: String = with.chars().cycle().take(missing).collect();
    Ok(json!(fill + &text))
}

/// How many compiled patterns are kept; past it all are dropped.
const KEPT: usize = 256;

static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// Runs something with a compiled pattern; compiling is dear, so patterns are kept.
pub(crate) fn with_regex<T>(pattern: &str, run: impl FnOnce(&Regex) -> T) -> Result<T, String> {
    let kept = PATTERNS.lock().ok().and_then(|kept| kept.get(pattern).cloned());
    let regex = match kept {
        Some(regex) => regex,
        None => compile(pattern)?,
    };
    Ok(run(&regex))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .nest_limit(50)
        .build()
        .map_err(|_| format!("cannot read {pattern:?} as a regular expression"))?;
    if let Ok(mut kept) = PATTERNS.lock() {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}
