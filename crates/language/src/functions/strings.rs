//! Functions of text.

use super::{Function, MAX_TEXT, may, need, too_long};
use crate::value::{Value, json};

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
            let grown = text.matches(part.as_ref()).count().saturating_mul(with.len());
            if text.len().saturating_add(grown) > MAX_TEXT {
                return Err(too_long());
            }
            Ok(json!(text.replace(part.as_ref(), &with)))
        },
        shallow: false,
    },
    Function {
        name: "contains",
        category: "text",
        about: "Whether a text contains a part, a list an item, or an object a field of that name.",
        params: &[need("value", "any"), need("part", "any")],
        returns: "boolean",
        examples: &[
            ("'courses'.contains('our')", "true"),
            ("contains([1, 2], 3)", "false"),
            ("contains({'a': 1}, 'a')", "true"),
        ],
        call: |args| match args.value(0) {
            Value::Array(items) => {
                let part = args.value(1);
                Ok(json!(items.iter().any(|item| crate::unknown::equal(item, part) == Some(true))))
            }
            Value::Object(fields) => Ok(json!(fields.contains_key(args.text(1)?.as_ref()))),
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
];
