//! A question of a run in the terminal: a picker over its choices, and answers typed as
//! `field=value`.

use std::fmt;
use std::io::{self, Write};

use inquire::{InquireError, MultiSelect, Select, Text};
use linchpin_language::{Map, Value, json};
use linchpin_server::{Client, ClientError};

use crate::commands::operator;
use crate::failure::Failure;
use crate::inputs;
use crate::report::{Report, Style, harmless};

/// How many rows of choices are shown at once.
const PAGE: usize = 12;

/// The questions of a run that wait.
pub(crate) async fn questions(client: &Client, run: &str) -> Result<Vec<Value>, Failure> {
    let by = escaped(&operator());
    let answer = client.get(&format!("/v1/runs/{run}/asks?by={by}")).await?;
    Ok(answer["asks"].as_array().cloned().unwrap_or_default())
}

/// Asks the person at the terminal. False when they would rather not answer now.
pub(crate) async fn ask(report: &Report, client: &Client, run: &str) -> Result<bool, Failure> {
    let mut is_answered = false;
    for question in questions(client, run).await? {
        if !question["not_yours"].is_null() {
            continue;
        }
        is_answered = true;
        loop {
            let asked = question.clone();
            if question["is_approval"] == true {
                match approve(report, client, run, asked).await? {
                    Some(true) => break,
                    Some(false) => continue,
                    None => return Ok(false),
                }
            }
            let values = tokio::task::spawn_blocking(move || fill(&asked)).await;
            let values = values.map_err(|_| Failure::new("the question could not be shown"))?;
            let Some(values) = values.map_err(unanswered)? else { return Ok(false) };
            match send(client, run, &question, (values, &operator())).await {
                Ok(()) => break,
                Err(ClientError::Refused { status: 422, message, .. }) => {
                    report.note(format!("{} {message}", report.paint(Style::Yellow, "!")));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(is_answered)
}

/// Asks for a yes or no. False when it was not taken, none when it was given up.
async fn approve(
    report: &Report,
    client: &Client,
    run: &str,
    question: Value,
) -> Result<Option<bool>, Failure> {
    let step = question["step"].clone();
    let judged = tokio::task::spawn_blocking(move || judge(&question)).await;
    let judged = judged.map_err(|_| Failure::new("the question could not be shown"))?;
    let Some((approved, note, values)) = judged.map_err(unanswered)? else { return Ok(None) };
    let body = json!({
        "step": step, "approved": approved, "note": note, "values": values, "by": operator(),
    });
    match client.post(&format!("/v1/runs/{run}/judge"), &body).await {
        Ok(_) => Ok(Some(true)),
        Err(ClientError::Refused { status: 422, message, .. }) => {
            report.note(format!("{} {message}", report.paint(Style::Yellow, "!")));
            Ok(Some(false))
        }
        Err(error) => Err(error.into()),
    }
}

type Judged = (bool, Option<String>, Map<String, Value>);

fn judge(question: &Value) -> Result<Option<Judged>, InquireError> {
    const CHOICES: [&str; 3] = ["approve", "refuse", "later"];
    let message = question["message"].as_str().unwrap_or("Approve?");
    let chosen = match Select::new(message, CHOICES.to_vec()).prompt() {
        Ok(chosen) => chosen,
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let (approved, values) = match chosen {
        "later" => return Ok(None),
        "refuse" => (false, Map::new()),
        _ => match fill(&without_message(question))? {
            Some(values) => (true, values),
            None => return Ok(None),
        },
    };
    let note = Text::new("note (may be empty)").prompt()?;
    Ok(Some((approved, (!note.is_empty()).then_some(note), values)))
}

/// The message was shown with the choice already.
fn without_message(question: &Value) -> Value {
    let mut question = question.clone();
    question["message"] = Value::Null;
    question
}

/// A value as part of a query: names and addresses need little.
pub(crate) fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Answers a question with values.
pub(crate) async fn send(
    client: &Client,
    run: &str,
    question: &Value,
    (values, by): (Map<String, Value>, &str),
) -> Result<(), ClientError> {
    let body = json!({ "step": question["step"], "values": values, "by": by });
    client.post(&format!("/v1/runs/{run}/answer"), &body).await.map(drop)
}

/// Fills the form; `None` when it was given up.
fn fill(question: &Value) -> Result<Option<Map<String, Value>>, InquireError> {
    if let Some(message) = question["message"].as_str() {
        // The prompt follows on the same terminal; without it there is no prompt either.
        writeln!(io::stderr(), "{}", harmless(message, false)).ok();
    }
    let mut values = Map::new();
    for field in question["fields"].as_array().into_iter().flatten() {
        let name = field["name"].as_str().unwrap_or_default();
        let is_required = field["required"].as_bool().unwrap_or_default();
        match filled(name, field) {
            Ok(Some(value)) => drop(values.insert(name.to_owned(), value)),
            Ok(None) if is_required => return Ok(None),
            Ok(None) => {}
            Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Some(values))
}

/// One row of choices as it is shown.
struct Row {
    text: String,
    value: Value,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn filled(name: &str, field: &Value) -> Result<Option<Value>, InquireError> {
    let label = field["about"].as_str().unwrap_or(name);
    let rows = rows(field);
    if !rows.is_empty() && field["many"] == true {
        let help = "type to filter, space selects, → all, ← none, enter sends, esc later";
        let chosen = MultiSelect::new(label, rows)
            .with_page_size(PAGE)
            .with_help_message(help)
            .with_formatter(&|chosen| format!("{} chosen", chosen.len()))
            .prompt()?;
        return Ok(Some(chosen.into_iter().map(|row| row.value).collect()));
    }
    if !rows.is_empty() {
        let chosen = Select::new(label, rows).with_page_size(PAGE).prompt()?;
        return Ok(Some(chosen.value));
    }
    let text = Text::new(label).prompt()?;
    Ok((!text.is_empty()).then(|| typed(field, &text)))
}

/// The choices of a field, their columns aligned.
fn rows(field: &Value) -> Vec<Row> {
    let choices = &field["choices"];
    let cells = cells(choices);
    let n_columns = cells.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let value = choices["value"].as_str().unwrap_or_default();
    let all = choices["rows"].as_array().into_iter().flatten().zip(cells);
    all.map(|(row, cells)| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let text = padded.collect::<Vec<_>>().join("  ").trim_end().to_owned();
        let text = harmless(&text.replace('\n', " "), false).into_owned();
        Row { text, value: row[value].clone() }
    })
    .collect()
}

fn columns(choices: &Value) -> Vec<&str> {
    choices["columns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn cells(choices: &Value) -> Vec<Vec<String>> {
    let columns = columns(choices);
    let rows = choices["rows"].as_array().into_iter().flatten();
    rows.map(|row| columns.iter().map(|column| cell(&row[*column])).collect()).collect()
}

fn cell(value: &Value) -> String {
    const WIDEST: usize = 48;
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(['\n', '\r'], " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The choices as a table, for a terminal that cannot pick.
pub(crate) fn show_choices(report: &Report, question: &Value) {
    for field in question["fields"].as_array().into_iter().flatten() {
        let choices = &field["choices"];
        let mut headings = columns(choices);
        let value = choices["value"].as_str().unwrap_or_default();
        let mut rows = cells(choices);
        if rows.is_empty() {
            continue;
        }
        if !headings.contains(&value) {
            headings.insert(0, value);
            for (row, given) in
                rows.iter_mut().zip(choices["rows"].as_array().into_iter().flatten())
            {
                row.insert(0, cell(&given[value]));
            }
        }
        let n_more = rows.len().saturating_sub(PAGE);
        rows.truncate(PAGE);
        report.table(&headings, &rows);
        if n_more > 0 {
            report.line(format!("and {n_more} more; --json has all, a terminal lets you pick"));
        }
    }
}

/// Typed answers by field; a choice may be typed as any of its columns that only it has.
pub(crate) fn typed_values(
    question: &Value,
    pairs: &[String],
) -> Result<Map<String, Value>, Failure> {
    let fields = question["fields"].as_array().cloned().unwrap_or_default();
    let mut values = Map::new();
    for (name, text) in inputs::split_all(pairs)? {
        let field = fields.iter().find(|field| field["name"] == name);
        let value = match field {
            Some(field) => typed(field, text),
            None => Value::String(text.to_owned()),
        };
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn typed(field: &Value, text: &str) -> Value {
    let word = field["type"].as_str().unwrap_or_default();
    if text.starts_with(['[', '{'])
        && word != "string"
        && let Ok(value) = serde_json::from_str(text)
    {
        return value;
    }
    let one = |text: &str| {
        let is_literal = ["integer", "number", "boolean"].iter().any(|kind| word.contains(kind));
        let literal = is_literal.then(|| serde_json::from_str(text).ok()).flatten();
        chosen(&field["choices"], literal.unwrap_or_else(|| Value::String(text.to_owned())))
    };
    if field["many"] == true {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return parts.map(one).collect();
    }
    one(text)
}

/// The answer that a typed value stands for: itself, or that of the only row with it.
fn chosen(choices: &Value, value: Value) -> Value {
    let Some(rows) = choices["rows"].as_array() else { return value };
    let own = choices["value"].as_str().unwrap_or_default();
    if rows.iter().any(|row| row[own] == value) {
        return value;
    }
    let columns = columns(choices);
    let mut with = rows.iter().filter(|row| columns.iter().any(|column| row[*column] == value));
    match (with.next(), with.next()) {
        (Some(row), None) => row[own].clone(),
        _ => value,
    }
}

fn unanswered(error: InquireError) -> Failure {
    Failure::because("the question could not be shown", &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Value {
        json!({ "step": "choice", "fields": [{
            "name": "courses", "type": "list of string", "many": true, "required": true,
            "choices": { "value": "id", "columns": ["code", "name"], "rows": [
                { "id": "a1", "code": "SAFETY-101", "name": "Safety" },
                { "id": "b2", "code": "GDPR-201", "name": "Data" },
            ] } }] })
    }

    #[test]
    fn a_choice_may_be_typed_as_what_is_shown_of_it() {
        let typed = |text: &str| typed_values(&question(), &[text.to_owned()]).unwrap();
        assert_eq!(typed("courses=SAFETY-101,b2")["courses"], json!(["a1", "b2"]));
        assert_eq!(typed("courses=[\"a1\"]")["courses"], json!(["a1"]));
        assert_eq!(typed("courses=nothing")["courses"], json!(["nothing"]));
    }

    #[test]
    fn choices_are_shown_in_columns() {
        let rows = rows(&question()["fields"][0]);
        assert_eq!(rows[1].to_string(), "GDPR-201    Data");
        assert_eq!(rows[1].value, "b2");
    }
}
