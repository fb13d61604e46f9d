//! A page for each spoke: its connection, and its actions with what they take and give.

use std::fmt::Write;

use linchpin_connector::{ActionSpec, ConnectionTemplate, Spoke, VerifyMode};
use linchpin_language::{Fields, Schema, Type, Value, print, print_duration};

use super::Page;
use super::markdown::{NOTICE, anchor, code, table};
use crate::architecture::repository::read;

/// The pages of all spokes.
pub(super) fn pages() -> Vec<Page> {
    let spokes = linchpin_spokes::bundled().unwrap();
    spokes.iter().map(|spoke| (format!("actions/{}.md", spoke.name), page(spoke))).collect()
}

fn page(spoke: &Spoke) -> String {
    let (name, title) = (&spoke.name, &spoke.title);
    let mut text = format!(
        "{NOTICE}# Actions of {title}\n\n\
         How to connect: [{title}](../../../crates/spokes/{name}/README.md).\n\
         The same at the prompt: `linchpin spokes show {name}`.\n\n"
    );
    text.push_str(&connection(&spoke.connection));
    if let Some(rate) = spoke.rate {
        let per = print_duration(rate.per);
        write!(
            text,
            "Calls are kept to {} in {per}, over all runs that use the same credential.\n\n",
            rate.calls
        )
        .unwrap();
    }
    text.push_str("## Actions\n\n");
    let rows: Vec<_> = spoke
        .actions()
        .map(|(name, action)| {
            let spec = action.spec();
            let link = format!("[`{name}`](#{})", anchor(name));
            vec![link, effect(spec), spec.title.clone()]
        })
        .collect();
    text.push_str(&table(&["action", "effect", "title"], &rows));
    for (_, action) in spoke.actions() {
        describe(&mut text, spoke, action.spec());
    }
    text.trim_end().to_owned() + "\n"
}

fn connection(template: &ConnectionTemplate) -> String {
    let mut text = String::new();
    let rows: Vec<_> = template
        .fields
        .iter()
        .map(|field| {
            let choices = field.choices.iter().map(|(label, value)| format!("{label}: `{value}`"));
            let mut remark: Vec<String> = choices.collect();
            remark.extend(field.value.as_ref().map(|value| format!("always `{}`", print(value))));
            remark.extend(field.hint.as_deref().map(code));
            let ty = Schema::of(field.ty.clone()).type_name();
            vec![code(&field.name), field.label.clone(), ty, remark.join("<br>")]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str("## Connection\n\nThe fields of the form:\n\n");
        text.push_str(&table(&["field", "label", "type", "value"], &rows));
    }
    if !template.attributes.is_empty() {
        text.push_str("Settings with a default, under `attributes` in `connections.yaml`:\n\n");
        text.push_str(&fields(&template.attributes));
    }
    text
}

fn effect(spec: &ActionSpec) -> String {
    let stream = if spec.stream.is_some() { ", stream" } else { "" };
    format!("{}{stream}", spec.effect)
}

fn describe(text: &mut String, spoke: &Spoke, spec: &ActionSpec) {
    write!(text, "## {}\n\n{}.\n", spec.name, spec.title).unwrap();
    if let Some(about) = &spec.about {
        writeln!(text, "{}", about.trim()).unwrap();
    }
    write!(text, "\n- Effect: {}.", effect(spec)).unwrap();
    if let Some(stream) = &spec.stream {
        text.push_str(" Read page by page by `for_each`.");
        if let Some(mark) = &stream.watermark {
            write!(text, " `{mark}` grows with each change.").unwrap();
        }
    }
    if spec.effect.is_write() {
        let lost = match &spec.verify {
            VerifyMode::ByLook => "the same read as before tells whether it happened".to_owned(),
            VerifyMode::Request => "a read tells whether it happened".to_owned(),
            VerifyMode::NotNeeded => "it is sent again, which changes nothing more".to_owned(),
            VerifyMode::None { reason } => format!("the step is held for a person: {reason}"),
        };
        write!(text, "\n- When the answer is lost: {lost}.").unwrap();
        if spec.looks {
            text.push_str("\n- Reads first, and writes only what differs.");
        }
    }
    if let Some(undo) = &spec.undo {
        write!(text, "\n- Taken back by `{}`.", undo.action).unwrap();
    }
    text.push_str("\n\n**Inputs**\n\n");
    text.push_str(&or_none(fields(&spec.inputs)));
    text.push_str(if spec.stream.is_some() { "**Each row**\n\n" } else { "**Outputs**\n\n" });
    let outputs = match &spec.outputs.ty {
        Type::Object(outputs) => fields(outputs),
        _ => format!("Any value ({}).\n\n", spec.outputs.type_name()),
    };
    text.push_str(&or_none(outputs));
    if let Some(example) = example(spoke, spec) {
        write!(text, "**Example**\n\n```yaml\n{example}```\n\n").unwrap();
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "None.\n\n".to_owned() } else { text }
}

/// A table of named values; what is inside lists and objects follows them, with its path.
fn fields(all: &Fields) -> String {
    let mut rows = Vec::new();
    collect("", all, &mut rows);
    table(&["name", "type", "", "about"], &rows)
}

fn collect(path: &str, all: &Fields, rows: &mut Vec<Vec<String>>) {
    for (name, schema) in all {
        let path = format!("{path}{name}");
        let rule = match (&schema.default, schema.required) {
            (Some(default), _) => format!("default `{}`", print(default)),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        rows.push(vec![code(&path), schema.type_name(), rule, about(schema)]);
        match &schema.ty {
            Type::Object(inner) => collect(&format!("{path}."), inner, rows),
            Type::List(item) => {
                if let Type::Object(inner) = &item.ty {
                    collect(&format!("{path}[]."), inner, rows);
                }
            }
            _ => {}
        }
    }
}

fn about(schema: &Schema) -> String {
    let mut about: Vec<String> = schema.about.iter().cloned().collect();
    if !schema.choices.is_empty() {
        let choices: Vec<_> = schema.choices.iter().map(|choice| code(&print(choice))).collect();
        about.push(format!("One of {}.", choices.join(", ")));
    }
    about.join(" ")
}

/// A step that calls the action as the first of its own examples does.
fn example(spoke: &Spoke, spec: &ActionSpec) -> Option<String> {
    let file = format!("crates/spokes/{}/actions/{}.yaml", spoke.name, spec.name);
    let manifest: Value = serde_yaml::from_str(&read(file)).unwrap();
    let inputs = manifest["examples"].as_array()?.first()?["inputs"].as_object()?;
    let is_stream = spec.stream.is_some();
    let mut text = if is_stream { "- for_each:\n    call: " } else { "- call: " }.to_owned();
    let indent = if is_stream { "    " } else { "  " };
    writeln!(text, "{}.{}", spoke.name, spec.name).unwrap();
    if !inputs.is_empty() {
        writeln!(text, "{indent}with:").unwrap();
        for line in serde_yaml::to_string(inputs).unwrap().lines() {
            writeln!(text, "{indent}  {line}").unwrap();
        }
    }
    text.push_str(if is_stream { "  as: row\n" } else { "" });
    Some(text)
}
