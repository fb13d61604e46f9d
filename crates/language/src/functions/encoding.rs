//! Encodings and digests.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256, Sha512};

use super::{Args, Function, need};
use crate::value::{Value, json, print};

/// What a URL keeps as it is: letters, digits and `-._~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) const FUNCTIONS: &[Function] = &[
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
        name: "base64url_encode",
        category: "encoding",
        about: "The bytes of a text in the Base64 that URLs and tokens use, without padding.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("base64url_encode('a?b>c')", r#""YT9iPmM""#)],
        call: |args| Ok(json!(URL_SAFE_NO_PAD.encode(args.text(0)?.as_bytes()))),
        shallow: false,
    },
    Function {
        name: "base64_decode",
        category: "encoding",
        about: "The text behind Base64, in either alphabet, with or without its padding.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("base64_decode('YWRh')", r#""ada""#)],
        call: |args| text_of(from_base64(&args.text(0)?)?),
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
        name: "url_query",
        category: "encoding",
        about: "The fields of an object as the query of a URL; a list repeats its name, null is left out.",
        params: &[need("fields", "object")],
        returns: "string",
        examples: &[(
            "url_query({'ids': [1, 2], 'q': 'a b', 'x': null})",
            r#""ids=1&ids=2&q=a%20b""#,
        )],
        call: url_query,
        shallow: false,
    },
    Function {
        name: "hex_encode",
        category: "encoding",
        about: "The bytes of a text in hex.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("hex_encode('ada')", r#""616461""#)],
        call: |args| Ok(json!(hex::encode(args.text(0)?.as_bytes()))),
        shallow: false,
    },
    Function {
        name: "hex_decode",
        category: "encoding",
        about: "The text behind hex.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[("hex_decode('616461')", r#""ada""#)],
        call: |args| {
            let bytes = hex::decode(args.text(0)?.trim()).map_err(|_| "the text is not hex")?;
            text_of(bytes)
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
        name: "sha512",
        category: "encoding",
        about: "The SHA-512 digest of a text, in hex.",
        params: &[need("text", "string")],
        returns: "string",
        examples: &[(
            "sha512('ada')",
            r#""86225ea73dd6fb47a8b413116002d4da1c5858ea745731fae2dc51cc2cfe28cb48da20813bfe3c2b43b8e7b3aaf30008bd7825627fc2b36ef9629650f0297bf0""#,
        )],
        call: |args| Ok(json!(hex::encode(Sha512::digest(args.text(0)?.as_bytes())))),
        shallow: false,
    },
];

fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim().trim_end_matches('=');
    STANDARD_NO_PAD
        .decode(text)
        .or_else(|_| URL_SAFE_NO_PAD.decode(text))
        .map_err(|_| "the text is not Base64".to_owned())
}

fn text_of(bytes: Vec<u8>) -> Result<Value, String> {
    let text = String::from_utf8(bytes);
    text.map(|text| json!(text)).map_err(|_| "the bytes are not a text".to_owned())
}

fn url_query(args: &Args<'_>) -> Result<Value, String> {
    let mut parts = Vec::new();
    for (name, value) in args.object(0)? {
        let values = match value {
            Value::Array(items) => items.as_slice(),
            single => std::slice::from_ref(single),
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::Array(_) | Value::Object(_) => {
                    return Err(format!("the field `{name}` is no single value"));
                }
                value => parts.push(format!("{}={}", escaped(name), escaped(&print(value)))),
            }
        }
    }
    Ok(json!(parts.join("&")))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
