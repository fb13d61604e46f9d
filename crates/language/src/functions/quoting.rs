//! Quoting for languages that a value must not change: queries, markup, shells.

use super::{Args, Function, dates, need};
use crate::value::{Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "sn_quote",
        category: "quoting",
        about: "A value for a ServiceNow encoded query: refuses what would change the query; a datetime is written as ServiceNow does, in UTC.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[
            ("sn_quote('INC0010001')", r#""INC0010001""#),
            ("sn_quote('2026-01-31T09:00:00+01:00')", r#""2026-01-31 08:00:00""#),
        ],
        call: sn_quote,
        shallow: false,
    },
    Function {
        name: "odata_quote",
        category: "quoting",
        about: "A value for an OData filter: texts in single quotes, the rest as it is.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[("odata_quote('O\\'Hara')", r#""'O''Hara'""#), ("odata_quote(7)", r#""7""#)],
        call: |args| match args.value(0) {
            Value::String(text) if text.chars().any(char::is_control) => {
                Err("the text has a control character".to_owned())
            }
            Value::String(text) => Ok(json!(format!("'{}'", text.replace('\'', "''")))),
            value @ (Value::Number(_) | Value::Bool(_) | Value::Null) => {
                Ok(json!(value.to_string()))
            }
            other => Err(args.wrong(0, "a single value", other)),
        },
        shallow: false,
    },
    Function {
        name: "sql_quote",
        category: "quoting",
        about: "A value for an SQL statement: texts in single quotes, the rest as it is. A parameter of the statement is better where there can be one.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[("sql_quote('O\\'Hara')", r#""'O''Hara'""#), ("sql_quote(null)", r#""NULL""#)],
        call: |args| match args.value(0) {
            Value::String(text) if text.contains(['\\', '\0']) => {
                Err("the text has a backslash or a zero, which databases read differently"
                    .to_owned())
            }
            Value::String(text) => Ok(json!(format!("'{}'", text.replace('\'', "''")))),
            Value::Null => Ok(json!("NULL")),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(json!(value.to_string())),
            other => Err(args.wrong(0, "a single value", other)),
        },
        shallow: false,
    },
    Function {
        name: "shell_quote",
        category: "quoting",
        about: "A value as one argument of a POSIX shell, in single quotes.",
        params: &[need("value", "string")],
        returns: "string",
        examples: &[("shell_quote('a b; rm')", r#""'a b; rm'""#)],
        call: |args| {
            let text = args.text(0)?;
            if text.contains('\0') {
                return Err("the text has a zero character".to_owned());
            }
            Ok(json!(format!("'{}'", text.replace('\'', "'\\''"))))
        },
        shallow: false,
    },
    Function {
        name: "html_escape",
        category: "quoting",
        about: "The text with `&`, `<`, `>` and quotes written for HTML and XML.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("html_escape('a < \"b\"')", r#""a &lt; &quot;b&quot;""#)],
        call: |args| {
            let text =
                args.text(0)?.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            Ok(json!(text.replace('"', "&quot;").replace('\'', "&#39;")))
        },
        shallow: false,
    },
    Function {
        name: "html_unescape",
        category: "quoting",
        about: "The text with `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&nbsp;` and `&#39;` as the characters that they stand for.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("html_unescape('a &lt; b &#38; c')", r#""a < b & c""#)],
        call: |args| Ok(json!(unescaped(&args.text(0)?))),
        shallow: false,
    },
];

/// A text with the entities that markup makes of characters turned back; others stay.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest entity that is known is shorter than this.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        match end.and_then(|end| Some((entity(&rest[1..end])?, end))) {
            Some((letter, end)) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

fn sn_quote(args: &Args<'_>) -> Result<Value, String> {
    let text = args.text(0)?;
    if let Some(instant) = dates::rfc3339(&text) {
        return Ok(json!(instant.strftime("%Y-%m-%d %H:%M:%S").to_string()));
    }
    if text.contains('^') {
        return Err("the value has a `^`, which would change the query".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("the value has a line end or a control character".to_owned());
    }
    if text.trim_start().to_ascii_lowercase().starts_with("javascript:") {
        return Err("the value begins with `javascript:`, which ServiceNow would run".to_owned());
    }
    Ok(json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    fn quote(text: &str) -> Result<Value, String> {
        sn_quote(&Args::new(&[Cow::Owned(json!(text))]))
    }

    #[test]
    fn what_would_change_a_servicenow_query_is_refused() {
        for text in ["a^ORb=c", "a\nb", " JavaScript:gs.now()", "a\u{0}"] {
            assert!(quote(text).is_err(), "{text:?}");
        }
        assert_eq!(quote("a=b & c"), Ok(json!("a=b & c")));
    }
}
