//! The reference page of a spoke, in Markdown, made from its own files: connection, actions, inputs, outputs.
//!
//! Bundled spokes and those of a user have the same page.

mod manifest;

use std::fmt::Write;

use linchpin_language::{Fields, Schema, Type, Value, print, print_duration, write_yaml};

use crate::action::{ActionSpec, VerifyMode};
use crate::connection::ConnectionTemplate;
use crate::spoke::Spoke;

pub use manifest::manifest;

/// The page of a spoke. `notice` comes before its heading, `opening` after it; both may be empty.
pub fn page(spoke: &Spoke, notice: &str, opening: &str) -> String {
    let mut text = format!("{notice}# Actions of {}\n\n{opening}", spoke.title);
    text.push_str(&connection(&spoke.connection));
    if let Some(rate) = spoke.rate {
        let per = print_duration(rate.per);
        let calls = rate.calls;
        push(
            &mut text,
            format_args!(
                "Calls are kept to {calls} in {per}, over all runs that use the same credential.\n\n"
            ),
        );
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

/// Writing to a text cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).ok();
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
    push(text, format_args!("## {}\n\n{}.\n", spec.name, spec.title));
    if let Some(about) = &spec.about {
        push(text, format_args!("{}\n", about.trim()));
    }
    push(text, format_args!("\n- Effect: {}.", effect(spec)));
    if let Some(stream) = &spec.stream {
        text.push_str(" Read page by page by `for_each`.");
        if let Some(mark) = &stream.watermark {
            push(text, format_args!(" `{mark}` grows with each change."));
        }
    }
    if spec.effect.is_write() {
        let lost = match &spec.verify {
            VerifyMode::ByLook => "the same read as before tells whether it happened".to_owned(),
            VerifyMode::Request => "a read tells whether it happened".to_owned(),
            VerifyMode::NotNeeded => "it is sent again, which changes nothing more".to_owned(),
            VerifyMode::None { reason } => format!("the step is held for a person: {reason}"),
        };
        push(text, format_args!("\n- When the answer is lost: {lost}."));
        if spec.looks {
            text.push_str("\n- Reads first, and writes only what differs.");
        }
    }
    if let Some(undo) = &spec.undo {
        push(text, format_args!("\n- Taken back by `{}`.", undo.action));
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
        push(text, format_args!("**Example**\n\n```yaml\n{example}```\n\n"));
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
    let (_, examples) = spoke.examples().find(|(name, _)| *name == spec.name)?;
    let inputs = examples.first()?.inputs.as_object()?;
    let is_stream = spec.stream.is_some();
    let mut text = if is_stream { "- for_each:\n    call: " } else { "- call: " }.to_owned();
    let indent = if is_stream { "    " } else { "  " };
    push(&mut text, format_args!("{}.{}\n", spoke.name, spec.name));
    if !inputs.is_empty() {
        push(&mut text, format_args!("{indent}with:\n"));
        for (name, value) in inputs {
            let entry = Value::Object([(name.clone(), value.clone())].into_iter().collect());
            let written = write_yaml(&entry);
            let written = written.trim_end();
            // A map of one field is written in braces; here it is one of several lines.
            let inner = written.strip_prefix("{ ").and_then(|text| text.strip_suffix(" }"));
            for line in inner.unwrap_or(written).lines() {
                push(&mut text, format_args!("{indent}  {line}\n"));
            }
        }
    }
    text.push_str(if is_stream { "  as: row\n" } else { "" });
    Some(text)
}

/// A table, or nothing without rows. Columns in which no row says anything are left out.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> =
        (0..heads.len()).filter(|at| rows.iter().any(|row| !row[*at].is_empty())).collect();
    if used.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(used.iter().map(|at| heads[*at]).collect());
    text.push_str(&line(vec!["---"; used.len()]));
    for row in rows {
        let cells: Vec<String> = used.iter().map(|at| cell(&row[*at])).collect();
        text.push_str(&line(cells.iter().map(String::as_str).collect()));
    }
    text.push('\n');
    text
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Text in backquotes; nothing for nothing.
pub fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// Where a heading is linked to.
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_leaves_out_what_no_row_says_and_keeps_a_bar_inside_a_cell() {
        let rows = [vec!["a|b".to_owned(), String::new(), "c\nd".to_owned()]];
        assert_eq!(table(&["X", "Y", "Z"], &rows), "| X | Z |\n| --- | --- |\n| a\\|b | c d |\n\n");
        assert_eq!(anchor("user_courses.list"), "user_courseslist");
    }
}
