//! Functions that cut texts, fill them up and look into them.

use super::{Args, Function, MAX_TEXT, may, need, too_long};
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "title_case",
        category: "text",
        about: "The text with each word in lower case but for its first letter; words end at a blank, `-`, `/` or `'`.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("title_case('ADA king-noel')", r#""Ada King-Noel""#)],
        call: |args| {
            let mut out = String::new();
            let mut is_first = true;
            for letter in args.text(0)?.chars() {
                if is_first {
                    out.extend(letter.to_uppercase());
                } else {
                    out.extend(letter.to_lowercase());
                }
                is_first = letter.is_whitespace() || matches!(letter, '-' | '/' | '\'' | '’');
            }
            Ok(json!(out))
        },
        shallow: false,
    },
    Function {
        name: "trim_start",
        category: "text",
        about: "The text without blank space before it.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("trim_start('  a ')", r#""a ""#)],
        call: |args| Ok(json!(args.text(0)?.trim_start())),
        shallow: false,
    },
    Function {
        name: "trim_end",
        category: "text",
        about: "The text without blank space after it.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("trim_end(' a  ')", r#"" a""#)],
        call: |args| Ok(json!(args.text(0)?.trim_end())),
        shallow: false,
    },
    Function {
        name: "squeeze",
        category: "text",
        about: "The text with every run of blank space and line ends made one blank, and none around it.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("squeeze(' a   b\\n c ')", r#""a b c""#)],
        call: |args| Ok(json!(args.text(0)?.split_whitespace().collect::<Vec<_>>().join(" "))),
        shallow: false,
    },
    Function {
        name: "lines",
        category: "text",
        about: "The lines of a text, without their ends.",
        params: &[need("text", "string")],
        returns: "list",
        examples: &[("lines('a\\nb')", r#"["a","b"]"#)],
        call: |args| Ok(args.text(0)?.lines().collect()),
        shallow: false,
    },
    Function {
        name: "text_before",
        category: "text",
        about: "What stands before the first occurrence of a part; the whole text where there is none.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "string",
        examples: &[("text_before('ada@example.com', '@')", r#""ada""#)],
        call: |args| {
            let (text, part) = (args.text(0)?, args.text(1)?);
            Ok(json!(text.split_once(part.as_ref()).map_or(text.as_ref(), |(before, _)| before)))
        },
        shallow: false,
    },
    Function {
        name: "text_after",
        category: "text",
        about: "What stands after the first occurrence of a part; an empty text where there is none.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "string",
        examples: &[("text_after('ada@example.com', '@')", r#""example.com""#)],
        call: |args| {
            let (text, part) = (args.text(0)?, args.text(1)?);
            Ok(json!(text.split_once(part.as_ref()).map_or("", |(_, after)| after)))
        },
        shallow: false,
    },
    Function {
        name: "remove_prefix",
        category: "text",
        about: "The text without a part that it begins with.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "string",
        examples: &[("remove_prefix('INC0010001', 'INC')", r#""0010001""#)],
        call: |args| {
            let (text, part) = (args.text(0)?, args.text(1)?);
            Ok(json!(text.strip_prefix(part.as_ref()).unwrap_or(&text)))
        },
        shallow: false,
    },
    Function {
        name: "remove_suffix",
        category: "text",
        about: "The text without a part that it ends with.",
        params: &[need("text", "string"), need("part", "string")],
        returns: "string",
        examples: &[("remove_suffix('report.csv', '.csv')", r#""report""#)],
        call: |args| {
            let (text, part) = (args.text(0)?, args.text(1)?);
            Ok(json!(text.strip_suffix(part.as_ref()).unwrap_or(&text)))
        },
        shallow: false,
    },
    Function {
        name: "index_of",
        category: "text",
        about: "The place (from 0) of the first occurrence of a part in a text, or of an item in a list; -1 where there is none.",
        params: &[need("value", "any"), need("part", "any")],
        returns: "integer",
        examples: &[
            ("index_of('täxt', 't')", "0"),
            ("index_of('täxt', 'x')", "2"),
            ("index_of([5, 6], 7)", "-1"),
        ],
        call: |args| {
            let place = match args.value(0) {
                Value::Array(items) => {
                    let part = args.value(1);
                    items.iter().position(|item| crate::unknown::equal(item, part) == Some(true))
                }
                _ => {
                    let text = args.text(0)?;
                    let found = text.find(args.text(1)?.as_ref());
                    found.map(|at| text[..at].chars().count())
                }
            };
            Ok(place.map_or(json!(-1), |place| json!(place)))
        },
        shallow: false,
    },
    Function {
        name: "repeat",
        category: "text",
        about: "The text so many times.",
        params: &[need("text", "string"), need("times", "integer")],
        returns: "string",
        examples: &[("repeat('=', 5)", r#""=====""#)],
        call: |args| {
            let text = args.text(0)?;
            let times = args.count_of(1, MAX_TEXT)?;
            if text.len().saturating_mul(times) > MAX_TEXT {
                return Err(too_long());
            }
            Ok(json!(text.repeat(times)))
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
        call: |args| Ok(json!(fill(args)? + &args.text(0)?)),
        shallow: false,
    },
    Function {
        name: "pad_right",
        category: "text",
        about: "The text filled up on its right to a number of characters.",
        params: &[need("text", "string"), need("width", "integer"), may("with", "string")],
        returns: "string",
        examples: &[("pad_right('ab', 5, '.')", r#""ab...""#)],
        call: |args| Ok(json!(args.text(0)?.into_owned() + &fill(args)?)),
        shallow: false,
    },
];

/// What a text lacks to its width.
fn fill(args: &Args<'_>) -> Result<String, String> {
    let width = args.count_of(1, 10_000)?;
    let missing = width.saturating_sub(args.text(0)?.chars().count());
    Ok(args.text_or(2, " ")?.chars().cycle().take(missing).collect())
}
