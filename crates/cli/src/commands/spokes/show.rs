//! `linchpin spokes list` and `show`: what there is to call, from the spokes' own files.

use linchpin_connector::{ActionSpec, Spoke};
use linchpin_language::{Fields, Schema, Type, Value, did_you_mean, json};

use crate::failure::Failure;
use crate::report::{Report, Style};
use crate::workspace::SpokesByName;

pub(super) fn list(report: &Report, spokes: &SpokesByName) {
    let all = spokes.values().map(|spoke| {
        json!({ "spoke": spoke.name, "title": spoke.title, "actions": spoke.action_names().count() })
    });
    report.json(&all.collect());
    let row = |spoke: &Spoke| {
        vec![spoke.name.clone(), spoke.title.clone(), spoke.action_names().count().to_string()]
    };
    let rows: Vec<_> = spokes.values().map(|spoke| row(spoke)).collect();
    report.table(&["SPOKE", "TITLE", "ACTIONS"], &rows);
}

pub(super) fn show(report: &Report, spoke: &Spoke) {
    let fields: Vec<Value> = spoke
        .connection
        .fields
        .iter()
        .map(|field| {
            let ty = Schema::of(field.ty.clone()).type_name();
            json!({ "name": field.name, "label": field.label, "type": ty, "hint": field.hint })
        })
        .collect();
    let actions: Vec<Value> = spoke
        .actions()
        .map(|(name, action)| {
            let spec = action.spec();
            json!({ "action": name, "title": spec.title, "effect": spec.effect,
                "is_stream": spec.stream.is_some() })
        })
        .collect();
    report.json(&json!({ "spoke": spoke.name, "title": spoke.title,
        "connection": { "fields": fields, "attributes": described(&spoke.connection.attributes) },
        "actions": actions }));
    report.line(format!("{} ({})", report.paint(Style::Bold, &spoke.title), spoke.name));
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let rows: Vec<_> = fields
        .iter()
        .map(|field| ["name", "label", "type", "hint"].map(|name| text(field, name)).to_vec())
        .map(indented)
        .collect();
    if !rows.is_empty() {
        report.line("connection:");
        report.table(&["  FIELD", "LABEL", "TYPE", "HINT"], &rows);
    }
    if !spoke.connection.attributes.is_empty() {
        show_fields(report, "attributes", &spoke.connection.attributes);
    }
    report.line("actions:");
    let rows: Vec<_> = actions
        .iter()
        .map(|action| {
            let stream = if action["is_stream"] == true { "stream" } else { "" };
            vec![
                text(action, "action"),
                text(action, "effect"),
                stream.to_owned(),
                text(action, "title"),
            ]
        })
        .map(indented)
        .collect();
    report.table(&["  ACTION", "EFFECT", "", "TITLE"], &rows);
}

fn indented(mut row: Vec<String>) -> Vec<String> {
    if let Some(first) = row.first_mut() {
        first.insert_str(0, "  ");
    }
    row
}

pub(super) fn show_action(report: &Report, spoke: &Spoke, name: &str) -> Result<(), Failure> {
    let action = spoke.action(name).ok_or_else(|| {
        let names = spoke.action_names();
        let failure = Failure::usage(format!("the spoke {} has no action {name:?}", spoke.name));
        match did_you_mean(name, names) {
            Some(near) => failure.help(format!("did you mean {}.{near}?", spoke.name)),
            None => failure.help(format!("`linchpin spokes show {}` lists them", spoke.name)),
        }
    })?;
    let spec: &ActionSpec = action.spec();
    let outputs = match &spec.outputs.ty {
        Type::Object(fields) => fields.clone(),
        _ => Fields::new(),
    };
    report.json(&json!({ "spoke": spoke.name, "action": spec.name, "title": spec.title,
        "about": spec.about, "effect": spec.effect, "idempotent": spec.idempotent,
        "is_stream": spec.stream.is_some(), "inputs": described(&spec.inputs),
        "outputs": described(&outputs) }));
    let name = report.paint(Style::Bold, &format!("{}.{}", spoke.name, spec.name));
    report.line(format!("{name}: {}", spec.title));
    if let Some(about) = &spec.about {
        report.line(about.trim_end());
    }
    let stream = if spec.stream.is_some() { ", a stream for `for_each`" } else { "" };
    report.line(format!("effect: {}{stream}", spec.effect));
    show_fields(report, "inputs", &spec.inputs);
    let title = if spec.stream.is_some() { "each row" } else { "outputs" };
    show_fields(report, title, &outputs);
    Ok(())
}

fn show_fields(report: &Report, title: &str, fields: &Fields) {
    report.line(format!("{title}:"));
    let rows: Vec<_> = fields
        .iter()
        .map(|(name, schema)| {
            let rule = match (&schema.default, schema.required) {
                (Some(default), _) => format!("default {}", crate::steps::brief(default)),
                (None, true) => "required".to_owned(),
                (None, false) => String::new(),
            };
            vec![name.clone(), schema.type_name(), rule, schema.about.clone().unwrap_or_default()]
        })
        .map(indented)
        .collect();
    if rows.is_empty() {
        report.line("  none");
    } else {
        report.table(&["  NAME", "TYPE", "", "ABOUT"], &rows);
    }
}

fn described(fields: &Fields) -> Value {
    fields.iter().map(|(name, schema)| (name.clone(), schema.to_json_schema())).collect()
}
