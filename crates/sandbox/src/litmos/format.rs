//! Answers and refusals on the wire: XML by nature, JSON when asked for.

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::clock;

/// Fields whose JSON form is `/Date(ms+0000)/`; rows keep them as ISO.
const TYPED_DATES: [&str; 10] = [
    "AssignedDate",
    "StartDate",
    "DateCompleted",
    "CompletedDate",
    "CompliantTill",
    "CourseCreatedDate",
    "AchievementDate",
    "CompliantTillDate",
    "UpdatedDate",
    "ImportDate",
];

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    pub(super) fn of(call: &Call) -> Format {
        let asked = call.query_any_case("format");
        let json = match asked {
            Some(format) => format.eq_ignore_ascii_case("json"),
            None => call.accept().trim_start().starts_with("application/json"),
        };
        if json { Format::Json } else { Format::Xml }
    }
}

/// What a request gets when all is well.
#[derive(Debug)]
pub(super) enum Answer {
    Empty(u16),
    /// One thing, under the name of its XML root.
    One(u16, &'static str, Value),
    /// Root and item names of the XML; JSON is a bare array.
    List(&'static str, &'static str, Vec<Value>),
    /// A page object: XML names of root and item, then the rows, start, size and total.
    Page(&'static str, &'static str, Vec<Value>, Window),
}

/// Which part of a list a page shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) start: usize,
    pub(super) limit: usize,
    pub(super) total: usize,
}

impl Answer {
    pub(super) fn render(self, format: Format) -> Reply {
        match (self, format) {
            (Answer::Empty(status), _) => Reply::empty(status),
            (Answer::One(status, _, value), Format::Json) => json_reply(status, value),
            (Answer::List(_, _, rows), Format::Json) => json_reply(200, Value::Array(rows)),
            (Answer::Page(_, _, rows, window), Format::Json) => {
                json_reply(200, json!({ "Pagination": pagination(window), "Items": rows }))
            }
            (Answer::One(status, root, value), Format::Xml) => {
                xml_reply(status, root, &element_body(&value))
            }
            (Answer::List(root, item, rows), Format::Xml) => {
                xml_reply(200, root, &items(item, &rows))
            }
            (Answer::Page(root, item, rows, window), Format::Xml) => {
                let head = element("Pagination", &pagination(window));
                xml_reply(200, root, &format!("{head}<Items>{}</Items>", items(item, &rows)))
            }
        }
    }
}

fn pagination(window: Window) -> Value {
    json!({
        "BatchParam": "Limit",
        "BatchSize": window.limit,
        "Start": window.start,
        "TotalCount": window.total,
    })
}

fn json_reply(status: u16, mut value: Value) -> Reply {
    type_dates(&mut value);
    // The real server escapes slashes; for dates clients are known to look at it.
    let text = value.to_string().replace("\"/Date(", "\"\\/Date(").replace(")/\"", ")\\/\"");
    Reply::text(status, "application/json; charset=utf-8", text)
}

fn type_dates(value: &mut Value) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(type_dates),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let typed = TYPED_DATES.contains(&name.as_str());
                match value.as_str().filter(|_| typed).and_then(clock::parse) {
                    Some(moment) => {
                        *value = json!(format!("/Date({}+0000)/", moment.as_millisecond()));
                    }
                    None => type_dates(value),
                }
            }
        }
        _ => {}
    }
}

fn xml_reply(status: u16, root: &str, body: &str) -> Reply {
    let text =
        format!("<{root} xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">{body}</{root}>");
    Reply::text(status, "application/xml; charset=utf-8", text)
}

fn items(item: &str, rows: &[Value]) -> String {
    rows.iter().map(|row| element(item, row)).collect()
}

fn element(name: &str, value: &Value) -> String {
    match value {
        Value::Null => format!("<{name} i:nil=\"true\"/>"),
        Value::String(text) if text.is_empty() => format!("<{name}/>"),
        Value::String(text) if TYPED_DATES.contains(&name) => {
            let written = clock::parse(text)
                .map_or_else(|| text.clone(), |m| m.strftime("%Y-%m-%dT%H:%M:%S.%3f").to_string());
            format!("<{name}>{written}</{name}>")
        }
        value => format!("<{name}>{}</{name}>", element_body(value)),
    }
}

fn element_body(value: &Value) -> String {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| element(name, value)).collect(),
        // A list inside a thing is named in the plural, its items in the singular.
        Value::Array(rows) => items("Module", rows),
        Value::String(text) => escape(text),
        Value::Number(number) => match number.as_f64() {
            Some(decimal) if number.is_f64() => format!("{decimal:.2}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a request gets when it is refused; the text is the reason phrase too.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    detail: String,
    /// Sent as it is, in place of the usual form.
    raw: Option<Reply>,
    /// Whether there is such a route at all.
    is_route: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Refusal { status, detail: detail.into(), raw: None, is_route: true }
    }

    pub(super) fn not_found() -> Self {
        Refusal::new(404, "Not Found. The record you requested does not exist.")
    }

    /// A route that is not served here. To a caller it is a record that does not exist; a header tells tests.
    pub(super) fn no_route() -> Self {
        Refusal { is_route: false, ..Refusal::not_found() }
    }

    pub(super) fn method() -> Self {
        Refusal::new(405, "Method Not Allowed")
    }

    pub(super) fn bad_body() -> Self {
        Refusal::new(400, "Please check the xml/json in the body of the request.")
    }

    pub(super) fn unauthorized() -> Self {
        let text = "The API key that you have used for this request is either not valid or your \
                    account is not enabled for API access.";
        Refusal::new(401, text)
    }

    pub(super) fn bad_parameters() -> Self {
        let text = "Forbidden. Please check your API key, content-type, parameters, etc.";
        Refusal::new(403, text)
    }

    pub(super) fn no_permission() -> Self {
        Refusal::new(403, "You do not have the proper permissions for this call.")
    }

    pub(super) fn rate_limited() -> Self {
        Refusal::new(503, "Service Unavailable. The API rating limit has been exceeded.")
    }

    /// The page that an unhandled error ends in.
    pub(super) fn unhandled() -> Self {
        let page = "<!DOCTYPE html><html><head><title>Request Error</title></head><body>\
                    <p>The server encountered an error processing the request.</p></body></html>";
        let raw = Some(Reply::text(500, "text/html", page));
        Refusal { raw, ..Refusal::new(500, "") }
    }

    pub(super) fn render(self, format: Format) -> Reply {
        if let Some(reply) = self.raw {
            return reply;
        }
        let reply = match format {
            Format::Json => {
                let body = json!({ "Detail": self.detail }).to_string();
                Reply::text(self.status, "application/json", body)
            }
            Format::Xml => {
                let body = format!("<Error><Detail>{}</Detail></Error>", escape(&self.detail));
                Reply::text(self.status, "application/xml; charset=utf-8", body)
            }
        };
        let reply = Reply { reason: Some(self.detail), ..reply };
        if self.is_route { reply } else { reply.with_header("x-sandbox", "no such route") }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Refusal { raw: Some(error.into()), ..Refusal::new(500, "") }
    }
}
