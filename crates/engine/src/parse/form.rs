//! `ask:`, a question to a person.

use indexmap::IndexMap;
use linchpin_language::{Node, Text, codes};

use super::kinds::{call, placeholder};
use super::reader::Reader;
use crate::flow::{Ask, AskField, ChoicesFrom, Located, StepKind};
use crate::grammar;

/// `ask:` with its form.
pub(super) fn ask(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    reader.keys(value, &grammar::ASK);
    let form = match value.get("form") {
        Some(node) => form(reader, &node),
        None => {
            reader.missing(value, "form", "`ask`");
            IndexMap::new()
        }
    };
    StepKind::Ask(Ask {
        of: match value.get("of") {
            Some(node) => reader.text(&node),
            None => Located {
                value: Text::parse("starter").expect("a word is a text"),
                span: value.span(),
            },
        },
        form,
        message: value.get("message").map(|node| reader.text(&node)),
        submit: reader.optional_word(value, "submit"),
        timeout: reader.optional_duration(value, "timeout"),
    })
}

fn form(reader: &mut Reader, node: &Node<'_>) -> IndexMap<String, AskField> {
    let mut fields = IndexMap::new();
    if !node.value().is_object() {
        reader.wrong_type(node, "a form as a map of fields");
    }
    for (name, field) in node.entries() {
        reader.name(&field, name, codes::BAD_ID, "a field");
        let schema = reader.schema(&field, &["choices_from"]);
        let choices = field.get("choices_from").map(|node| choices(reader, &node));
        fields.insert(name.to_owned(), AskField { schema, choices });
    }
    fields
}

fn choices(reader: &mut Reader, node: &Node<'_>) -> ChoicesFrom {
    reader.keys(node, &grammar::CHOICES_FROM);
    let call = match node.get("call") {
        Some(name) => call(reader, node, &name),
        None => {
            reader.missing(node, "call", "`choices_from`");
            placeholder(reader, node)
        }
    };
    let value = reader.optional_word(node, "value").unwrap_or_else(|| {
        reader.missing(node, "value", "`choices_from`");
        String::new()
    });
    ChoicesFrom {
        call,
        value,
        columns: node.get("columns").map_or_else(Vec::new, |node| {
            reader.words(&node).into_iter().map(|column| column.value).collect()
        }),
        list: reader.optional_word(node, "list"),
    }
}
