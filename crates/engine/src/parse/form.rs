//! What asks a person: `ask:` and `approval:`, and the form of both.

use indexmap::IndexMap;
use linchpin_language::{Node, Text, codes};

use super::kinds::{call, placeholder};
use super::reader::Reader;
use crate::flow::{Approval, Ask, AskField, ChoicesFrom, Located, OnReject, OnTimeout, StepKind};
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
        timeout: reader.timeout(value),
    })
}

/// `approval:` with who may give it.
pub(super) fn approval(reader: &mut Reader, value: &Node<'_>) -> StepKind {
    if !reader.keys(value, &grammar::APPROVAL) {
        return StepKind::End;
    }
    let form = value.get("form").map_or_else(IndexMap::new, |node| form(reader, &node));
    let approval = Approval {
        message: super::kinds::message(reader, value, "`approval`"),
        from: from(reader, value),
        timeout: reader.timeout(value),
        on_timeout: value
            .get("on_timeout")
            .and_then(|node| reader.choice(&node, OnTimeout::WORDS))
            .unwrap_or(OnTimeout::Reject),
        on_reject: value
            .get("on_reject")
            .and_then(|node| reader.choice(&node, OnReject::WORDS))
            .unwrap_or(OnReject::Fail),
        form,
    };
    if let (Some(node), None) = (value.get("on_timeout"), approval.timeout) {
        let message = "`on_timeout` needs a `timeout` beside it";
        reader.report(node.error_at_key(codes::MISSING_KEY, message));
    }
    let needs_filling = |field: &AskField| field.schema.required && field.schema.default.is_none();
    if approval.on_timeout == OnTimeout::Approve
        && let Some((name, _)) = approval.form.iter().find(|(_, field)| needs_filling(field))
        && let Some(node) = value.get("on_timeout")
    {
        let message = format!("nobody fills in `{name}` when the time is over");
        let help = "give the field a default, or leave `required` out";
        reader.report(node.error(codes::CONFLICTING_KEYS, message).with_help(help));
    }
    StepKind::Approval(Box::new(approval))
}

/// `from:`, a text or a list of texts.
fn from(reader: &mut Reader, owner: &Node<'_>) -> Vec<Located<Text>> {
    let Some(node) = owner.get("from") else {
        reader.missing(owner, "from", "`approval`");
        return Vec::new();
    };
    if !node.value().is_array() {
        return vec![reader.text(&node)];
    }
    let items = node.items();
    if items.is_empty() {
        reader.report(node.error(codes::BAD_VALUE, "somebody has to be able to approve"));
    }
    items.iter().map(|item| reader.text(item)).collect()
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
