//! Encodings, digests, and quoting for query languages.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::{Args, Function, dates, need};
use crate::value::{Value, json};

/// What a URL keeps as it is: letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "json",
        category: "encoding",
        about: "The value as JSON text.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[("json({'a': [1, null]})", r#""{\"a\":[1,null]}""#)],
        call: |args| Ok(json!(args.value(0).to_string())),
        shallow: false,
    },
    Function {
        name: "parse_json",
        category: "encoding",
        about: "The value that a JSON text holds.",
        params: &[need("text", "string")],
        returns: "any",
        examples: &[("parse_json('{\"a\": 1}').a", "1")],
        call: |args| {
            let text = args.text(0)?;
            serde_json::from_str(&text).map_err(|_| "the text is not JSON".to_owned())
        },
        shallow: false,
    },
    Function {
        name: "base64_encode",
        category: "encoding",
        about: "The bytes of a text in Base64.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("base64_encode('ada')", r#""YWRh""#)],
        call: |args| Ok(json!(STANDARD.encode(args.text(0)?.as_bytes()))),
        shallow: false,
    },
    Function {
        name: "base64_decode",
        category: "encoding",
        about: "The text behind Base64, in either alphabet.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("base64_decode('YWRh')", r#""ada""#)],
        call: |args| {
            let bytes = from_base64(&args.text(0)?)?;
            String::from_utf8(bytes)
                .map(|text| json!(text))
                .map_err(|_| "the bytes are not a text".to_owned())
        },
        shallow: false,
    },
    Function {
        name: "be_int",
        category: "encoding",
        about: "The whole number that 8 bytes in Base64 are, the highest byte first.",
        params: &[need("bytes", "string")],
        returns: "integer",
        examples: &[("be_int('AAAAAAAAAQI=')", "258")],
        call: |args| {
            let bytes = from_base64(&args.text(0)?)?;
            let bytes: [u8; 8] = bytes.try_into().map_err(|_| "there are not 8 bytes")?;
            Ok(json!(u64::from_be_bytes(bytes)))
        },
        shallow: false,
    },
    Function {
        name: "url_encode",
        category: "encoding",
        about: "The text as a part of a URL.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("url_encode('a b&c/ö')", r#""a%20b%26c%2F%C3%B6""#)],
        call: |args| Ok(json!(utf8_percent_encode(&args.text(0)?, RESERVED).to_string())),
        shallow: false,
    },
    Function {
        name: "url_decode",
        category: "encoding",
        about: "The text behind a part of a URL.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("url_decode('a%20b')", r#""a b""#)],
        call: |args| {
            let text = args.text(0)?;
            let decoded = percent_decode_str(&text).decode_utf8();
            decoded.map(|text| json!(text)).map_err(|_| "the bytes are not a text".to_owned())
        },
        shallow: false,
    },
    Function {
        name: "sha256",
        category: "encoding",
        about: "The SHA-256 digest of a text, in hex.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[(
            "sha256('ada')",
            r#""fdee430d40bd57deeac186cd9790033d0f06f909a8806e7ce6e717ab7c7d5029""#,
        )],
        call: |args| Ok(json!(hex::encode(Sha256::digest(args.text(0)?.as_bytes())))),
        shallow: false,
    },
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
];

fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| "the text is not Base64".to_owned())
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
        sn_quote(&Args(&[Cow::Owned(json!(text))]))
    }

    #[test]
    fn what_would_change_a_servicenow_query_is_refused() {
        for text in ["a^ORb=c", "a\nb", " JavaScript:gs.now()", "a\u{0}"] {
            assert!(quote(text).is_err(), "{text:?}");
        }
        assert_eq!(quote("a=b & c"), Ok(json!("a=b & c")));
    }
}
