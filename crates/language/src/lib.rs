//! What everything in Linchpin is written in: YAML documents with positions, diagnostics, values,
//! schemas, CEL expressions and Handlebars text over one table of functions.
//!
//! This crate knows no flow, no spoke and no run. It reads, says what is wrong and where, and
//! computes values from a [`Scope`]. It does no I/O and reads no clock.
//!
//! ```
//! use linchpin_language::{Document, Expression, Text, json};
//!
//! let document = Document::parse("greeting.yaml", "hello: 'Hello {{ name }}'\n").unwrap();
//! let hello = document.root().get("hello").unwrap();
//! let scope = json!({ "name": "Ada", "hires": { "count": 2 } });
//! let scope = scope.as_object().unwrap();
//!
//! let text = Text::parse(hello.as_str().unwrap()).unwrap();
//! assert_eq!(text.render(scope).unwrap(), json!("Hello Ada"));
//! let expression = Expression::parse("hires.count > 0").unwrap();
//! assert_eq!(expression.eval(scope).unwrap(), json!(true));
//! ```

mod cel;
mod diagnostic;
mod document;
mod duration;
mod functions;
mod references;
mod schema;
mod scope;
mod source;
mod template;
mod text;
mod unknown;
mod value;
mod work;
mod xml;

pub use cel::{Domain, Expression, Facts, Never, Truth, never_first};
pub use diagnostic::{Code, Diagnostic, Format, Severity, codes, did_you_mean, render};
pub use document::{Document, MAX_BYTES, MAX_DEPTH, Node, format_yaml, read_foreign, write_yaml};
pub use duration::{parse_duration, print_duration};
pub use functions::{Args, Function, Param, function, functions};
pub use references::{EvalError, Mistake, NullRead, Reference, Study};
pub use schema::{Fields, Mismatch, Schema, Type};
pub use scope::{Layered, Scope};
pub use source::{Source, Span};
pub use template::Template;
pub use text::{Part, Text};
pub use unknown::{
    CREATED, Unknown, as_unknown, contains_unknown, leave_open, take_rest, unknown, unknowns,
    worded,
};
pub use value::{Map, Value, a_kind, digest, get_path, json, kind, print};
pub use work::too_deep;
pub use xml::{Attributes, read_xml, write_xml};
