//! `outputs` and `stream` of an action's file: what it gives, with its types.

use std::sync::Arc;

use linchpin_language::{Expression, Fields, Node, Schema, Text, Type, codes};

use super::File;
use crate::action::StreamSpec;
use crate::manifest::grammar;
use crate::manifest::outputs::{ALL, Output};
use crate::manifest::shape::Shape;

impl File<'_, '_> {
    /// The outputs, and their schema as one object.
    pub(super) fn outputs(&mut self, is_code: bool) -> (Vec<Output>, Schema) {
        let mut outputs = Vec::new();
        let mut fields = Fields::new();
        let Some(node) = self.root.get("outputs") else {
            return (outputs, Schema::object(fields));
        };
        let mut is_open = false;
        for (name, entry) in node.entries() {
            is_open |= name == ALL;
            let Some(schema) = self.output_schema(name, &entry) else { continue };
            let value = match entry.get("value") {
                Some(value) => self.output_value(name, &value, &schema),
                None if is_code => None,
                None => {
                    let message = format!("the output `{name}` needs a `value`");
                    self.reading.error(&entry, codes::MISSING_KEY, message);
                    None
                }
            };
            fields.insert(name.to_owned(), schema.clone());
            let is_shaped = entry.get("shape").is_some();
            outputs.extend(value.map(|value| Output {
                name: name.to_owned(),
                schema,
                is_shaped,
                value,
            }));
        }
        if is_open {
            fields.clear();
        }
        (outputs, Schema::object(fields))
    }

    /// The expression of an output, whose value must be able to be what the output says.
    fn output_value(&mut self, name: &str, node: &Node<'_>, ty: &Schema) -> Option<Expression> {
        let value = self.reading.expression(node)?;
        let found = self.reading.type_of(&value);
        if name != ALL
            && let Some((at, wanted, found)) = ty.refuses(&found)
        {
            let at = at.replace(".0", "[]");
            let found = found.map_or_else(|| "missing".to_owned(), Schema::named);
            let wanted = wanted.named();
            let message = format!("the output `{name}{at}` is {wanted}, its value is {found}");
            self.reading.error(node, codes::EXPRESSION_TYPE, message);
        }
        Some(value)
    }

    fn output_schema(&mut self, name: &str, entry: &Node<'_>) -> Option<Schema> {
        if name == ALL && entry.get("type").is_none() {
            return Some(Schema::object(Fields::new()));
        }
        let schema = Schema::parse(entry, &["value", "shape"]);
        let mut schema = self.reading.take(schema)?;
        if let Some(node) = entry.get("shape") {
            let shape = self.shape(&node)?.schema();
            schema.ty = match schema.ty {
                Type::List(_) => Type::List(Box::new(shape)),
                _ => shape.ty,
            };
        }
        Some(schema)
    }

    fn shape(&mut self, node: &Node<'_>) -> Option<Arc<Shape>> {
        let name = self.reading.string(node)?;
        let found = self.protocol.shapes.get(&name).cloned();
        if found.is_none() {
            let known: Vec<&str> = self.protocol.shapes.keys().map(String::as_str).collect();
            self.reading.word(node, &known, |_| None::<()>);
        }
        found
    }

    pub(super) fn stream(&mut self) -> (Option<StreamSpec>, Option<Text>) {
        let Some(node) = self.root.get("stream") else { return (None, None) };
        self.reading.mapping(&node, &grammar::STREAM);
        let max = self.reading.text_at(&node, "max");
        let watermark = self.reading.string_at(&node, "watermark");
        let since = self.reading.string_at(&node, "since");
        let created = self.reading.string_at(&node, "created");
        let identity = self.reading.string_at(&node, "identity");
        let row = match node.get("row") {
            Some(row) => self.shape(&row).map(|shape| shape.schema()),
            None => Some(Schema::any()),
        };
        let Some(row) = row else { return (None, max) };
        let stream = StreamSpec { row, watermark, since, created, identity };
        self.stream_fields(&node, &stream);
        if self.root.get("read_from").is_none() && self.root.get("code").is_none() {
            self.reading.error(&node, codes::MISSING_KEY, "a stream needs `read_from`");
        }
        (Some(stream), max)
    }

    /// Whether what a stream names is there.
    fn stream_fields(&mut self, node: &Node<'_>, stream: &StreamSpec) {
        let StreamSpec { row, watermark, since, created, identity } = stream;
        let fields = [("watermark", watermark), ("created", created), ("identity", identity)];
        for (what, field) in fields {
            if let Some(field) = field.as_ref().filter(|field| row.field(field).is_none()) {
                let message = format!("`{what}` of the stream: `{field}` is no field of the row");
                self.reading.error(node, codes::UNKNOWN_FIELD, message);
            }
        }
        let inputs = self.root.get("inputs");
        if let Some(since) = since
            && inputs.and_then(|inputs| inputs.get(since)).is_none()
        {
            let message = format!("`since` of the stream: the action has no input `{since}`");
            self.reading.error(node, codes::UNKNOWN_INPUT, message);
        }
        if created.is_some() && (watermark.is_none() || identity.is_none()) {
            let message = "`created` of the stream stands beside `watermark` and `identity`";
            self.reading.error(node, codes::MISSING_KEY, message);
        }
    }
}
