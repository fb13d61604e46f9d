//! Answers in XML, for whoever accepts nothing else: `<response>` with one `<result>` for each record.

use serde_json::Value;

use crate::call::{Call, Reply};

/// Whether XML is asked for and JSON is not.
pub(super) fn is_wanted(call: &Call) -> bool {
    let accept = call.accept();
    accept.contains("/xml") && !accept.contains("json") && !accept.contains("*/*")
}

/// The same answer in XML; one without a JSON body stays.
pub(super) fn rewrite(mut reply: Reply) -> Reply {
    let Ok(value) = serde_json::from_slice::<Value>(&reply.body) else { return reply };
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    element("response", &value, &mut text);
    reply.body = text.into_bytes();
    for (name, value) in &mut reply.headers {
        if *name == "content-type" {
            "application/xml;charset=UTF-8".clone_into(value);
        }
    }
    reply
}

fn element(name: &str, value: &Value, out: &mut String) {
    if let Value::Array(items) = value {
        items.iter().for_each(|item| element(name, item, out));
        return;
    }
    out.push_str(&format!("<{name}>"));
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                element(name, value, out);
            }
        }
        Value::String(text) => out.push_str(&quick_xml::escape::escape(text.as_str())),
        Value::Null => {}
        other => out.push_str(&other.to_string()),
    }
    out.push_str(&format!("</{name}>"));
}
