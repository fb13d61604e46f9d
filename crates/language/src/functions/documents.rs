//! Functions that read and write JSON and XML.

use super::{Function, MAX_TEXT, need, too_long};
use crate::value::{Value, json};
use crate::xml::{Attributes, read_xml, write_xml};

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
        name: "json_pretty",
        category: "encoding",
        about: "The value as JSON text for people, on several lines.",
        params: &[need("value", "any")],
        returns: "string",
        examples: &[("json_pretty({'a': 1})", r#""{\n  \"a\": 1\n}""#)],
        call: |args| Ok(json!(format!("{:#}", args.value(0)))),
        shallow: false,
    },
    Function {
        name: "parse_json",
        category: "encoding",
        about: "The value that a JSON text holds.",
        params: &[need("text", "string")],
        returns: "any",
        examples: &[("parse_json('{\"a\": 1}').a", "1"), ("parse_json('[1, null]')", "[1,null]")],
        call: |args| {
            let text = args.text(0)?;
            serde_json::from_str(&text).map_err(|_| "the text is not JSON".to_owned())
        },
        shallow: false,
    },
    Function {
        name: "xml",
        category: "encoding",
        about: "The XML document of an object with one field, its root; a list repeats its element, null is `i:nil`.",
        params: &[need("value", "object")],
        returns: "string",
        examples: &[
            ("xml({'Note': {'Line': ['a', 'b & c']}}).contains('<Line>b &amp; c</Line>')", "true"),
            (
                "xml({'Id': 7})",
                r#""<?xml version=\"1.0\" encoding=\"utf-8\"?><Id xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">7</Id>""#,
            ),
        ],
        call: |args| {
            let text = write_xml(&Value::Object(args.object(0)?.clone()))?;
            if text.len() > MAX_TEXT { Err(too_long()) } else { Ok(json!(text)) }
        },
        shallow: false,
    },
    Function {
        name: "parse_xml",
        category: "encoding",
        about: "The object that an XML document is: its root with its elements, repeated ones as lists, attributes as `@name`, and the text beside them as `#text`. Values are texts; prefixes are left out.",
        params: &[need("text", "string")],
        returns: "object",
        examples: &[
            (
                "parse_xml('<Users><User id=\"1\">Ada</User><User>Bo</User></Users>')",
                r##"{"Users":{"User":[{"@id":"1","#text":"Ada"},"Bo"]}}"##,
            ),
            ("parse_xml('<a><b>1</b></a>').a.b", r#""1""#),
        ],
        call: |args| read_xml(&args.text(0)?, Attributes::Kept),
        shallow: false,
    },
];
