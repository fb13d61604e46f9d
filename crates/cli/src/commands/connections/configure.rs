//! `linchpin connections configure`: the spoke's form, asked for or given; tested, then kept.

use std::collections::BTreeMap;
use std::io::Read;

use clap::Args;
use inquire::{InquireError, Password, PasswordDisplayMode, Select, Text, required};
use linchpin_connector::CREDENTIAL;
use linchpin_language::{Map, Value, json};
use linchpin_server::Client;

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::inputs::split_all;
use crate::report::{Report, Style};
use crate::steps::print_instant;

/// Fill in a connection's form: it is tested, then its secrets go to the vault
#[derive(Debug, Args)]
pub(crate) struct Configure {
    /// The alias
    alias: String,
    /// A field that is no secret
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    values: Vec<String>,
    /// A secret, from `env:NAME`, `file:PATH`, or `-` for the standard input; never typed here
    #[arg(long = "secret", value_name = "FIELD=SOURCE")]
    secrets: Vec<String>,
}

/// What is sent: values, and secrets.
type Form = (Map<String, Value>, BTreeMap<String, String>);

impl Configure {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let status = client.get(&super::address(&self.alias, "")?).await?;
        let (mut values, mut secrets) = self.given(&status)?;
        if self.values.is_empty() && self.secrets.is_empty() {
            if !report.can_ask() {
                return Err(Failure::usage("nobody can be asked for the form's fields here")
                    .help(given_help(&self.alias, &status)));
            }
            introduce(report, &status);
            let asked = tokio::task::spawn_blocking(move || ask(&status)).await;
            let asked = asked.map_err(|_| Failure::new("the form could not be shown"))?;
            (values, secrets) = asked.map_err(|error| {
                Failure::because("nothing was saved", &error).code(ExitCode::Interrupted)
            })?;
        }
        let body = json!({ "values": values, "secrets": secrets });
        let status = client.post(&super::address(&self.alias, "/configure")?, &body).await?;
        report.json(&status);
        let tick = report.paint(Style::Green, "✓");
        if status["active"] == true {
            report.line(format!("{tick} {} is tested and saved", self.alias));
        } else {
            report.line(format!("{tick} {} is saved", self.alias));
        }
        let until = status["token_expires_at"].as_str().and_then(|at| at.parse().ok());
        if let Some(until) = until {
            report.line(format!("  token obtained, valid until {}", print_instant(until)));
        }
        super::show(report, &status);
        Ok(ExitCode::Ok)
    }

    fn given(&self, status: &Value) -> Result<Form, Failure> {
        let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
        for (name, value) in split_all(&self.values)? {
            if is_secret(status, name) {
                return Err(Failure::usage(format!(
                    "{name} is a secret and does not belong on a command line"
                ))
                .help(format!(
                    "give it as --secret {name}=env:NAME, {name}=file:PATH or {name}=-"
                )));
            }
            values.insert(name.to_owned(), value.into());
        }
        for (name, source) in split_all(&self.secrets)? {
            secrets.insert(name.to_owned(), fetch(name, source)?);
        }
        Ok((values, secrets))
    }
}

fn fields(status: &Value) -> impl Iterator<Item = &Value> {
    status["fields"].as_array().into_iter().flatten()
}

fn is_secret(status: &Value, name: &str) -> bool {
    fields(status).any(|field| field["name"] == name && field["secret"] == true)
}

/// Reads a secret from where it is said to be.
pub(in crate::commands) fn fetch(name: &str, source: &str) -> Result<String, Failure> {
    let text = if source == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| Failure::because("the standard input cannot be read", &error))?;
        text
    } else if let Some(variable) = source.strip_prefix("env:") {
        std::env::var(variable)
            .map_err(|_| Failure::usage(format!("the variable {variable} is not set")))?
    } else if let Some(path) = source.strip_prefix("file:") {
        std::fs::read_to_string(path)
            .map_err(|error| Failure::because(format!("cannot read {path}"), &error))?
    } else {
        // What was typed could be the secret itself: it is not repeated.
        return Err(Failure::usage(format!("--secret {name}= takes a source, not the secret"))
            .help("env:NAME, file:PATH, or - for the standard input"));
    };
    let text = text.trim_end_matches(['\n', '\r']).to_owned();
    if text.is_empty() {
        return Err(Failure::usage(format!("the secret {name} is empty")));
    }
    Ok(text)
}

/// Asks for each field; what is left empty stays as it is.
fn ask(status: &Value) -> Result<Form, InquireError> {
    let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
    let mut chosen = status["fields"][0]["value"].as_str().unwrap_or_default().to_owned();
    for field in fields(status).filter(|field| !is_given(field)) {
        let name = field["name"].as_str().unwrap_or_default();
        if !is_for(field, &chosen) {
            continue;
        }
        let label = field["label"].as_str().unwrap_or(name);
        if field["secret"] == true {
            let help =
                if field["set"] == true { "empty keeps the present one" } else { "not shown" };
            let mut asked = Password::new(label)
                .with_display_mode(PasswordDisplayMode::Masked)
                .with_help_message(help)
                .without_confirmation();
            if is_needed(field) {
                asked = asked.with_validator(required!());
            }
            let secret = asked.prompt()?;
            if !secret.is_empty() {
                secrets.insert(name.to_owned(), secret);
            }
            continue;
        }
        let present = field["value"].as_str().unwrap_or_default();
        let text = match choose(field, label, present)? {
            Some(text) => text,
            None => {
                let mut text = Text::new(label).with_initial_value(present);
                text.help_message = field["hint"].as_str();
                if is_needed(field) {
                    text = text.with_validator(required!());
                }
                text.prompt()?
            }
        };
        if name == CREDENTIAL {
            text.clone_into(&mut chosen);
        }
        if text != present {
            values.insert(name.to_owned(), text.into());
        }
    }
    Ok((values, secrets))
}

/// Whether its value is not the form's to say.
fn is_given(field: &Value) -> bool {
    field["fixed"] == true || field["written"] == true
}

/// Whether nothing goes without a value for it.
fn is_needed(field: &Value) -> bool {
    field["required"] == true && field["set"] != true
}

/// Whether a connection with this credential has the field.
fn is_for(field: &Value, credential: &str) -> bool {
    let only = field["only_for"].as_array().map(Vec::as_slice).unwrap_or_default();
    only.is_empty() || only.iter().any(|name| name == credential)
}

/// The value of the choice that is picked; `None` when it is to be typed.
fn choose(field: &Value, label: &str, present: &str) -> Result<Option<String>, InquireError> {
    const OTHER: &str = "another value";
    let choices = choices(field);
    if choices.is_empty() {
        return Ok(None);
    }
    let at = choices.iter().position(|(_, value)| *value == present);
    let is_other = field["other"] == true;
    let at = at.unwrap_or(if is_other && !present.is_empty() { choices.len() } else { 0 });
    let shown = choices.iter().map(|(name, value)| format!("{name}  {value}"));
    let shown: Vec<String> = shown.chain(is_other.then(|| OTHER.to_owned())).collect();
    let picked = Select::new(label, shown).with_starting_cursor(at).raw_prompt()?;
    Ok(choices.get(picked.index).map(|(_, value)| (*value).to_owned()))
}

/// Label and value of each choice.
fn choices(field: &Value) -> Vec<(&str, &str)> {
    let pairs = field["choices"].as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?))).collect()
}

/// The values that are not asked for, and what the form's button would say.
fn introduce(report: &Report, status: &Value) {
    for field in fields(status).filter(|field| is_given(field)) {
        let label = field["label"].as_str().unwrap_or_default();
        let value = field["value"].as_str().unwrap_or_default();
        let by = if field["fixed"] == true { "fixed" } else { "from the connections file" };
        report.line(format!("  {label}: {value} ({by})"));
    }
    if let Some(button) = status["button"].as_str() {
        report.line(format!("  after the last field: {button}"));
    }
}

/// The command that does without a terminal.
fn given_help(alias: &str, status: &Value) -> String {
    let mut command = format!("linchpin connections configure {alias}");
    for field in fields(status).filter(|field| field["set"] != true && field["used"] != false) {
        let name = field["name"].as_str().unwrap_or_default();
        let part = match field["secret"] == true {
            true => format!(" --secret {name}=env:NAME"),
            false => format!(" --set {name}=..."),
        };
        command.push_str(&part);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Value {
        json!({ "fields": [
            { "name": "url", "secret": false, "set": false },
            { "name": "api_key", "secret": true, "set": false },
        ] })
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_without_repeating_it() {
        let configure = Configure {
            alias: "lms".to_owned(),
            values: vec!["api_key=hunter2-canary".to_owned()],
            secrets: Vec::new(),
        };
        let failure = configure.given(&form()).unwrap_err();
        assert!(!failure.message.contains("canary"), "{}", failure.message);
        let failure = fetch("api_key", "hunter2-canary").unwrap_err();
        assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    }

    #[test]
    fn the_choices_of_a_field_are_offered_with_their_values() {
        let field = json!({ "choices": [["US", "https://us.test"], ["EU", "https://eu.test"]] });
        assert_eq!(choices(&field), [("US", "https://us.test"), ("EU", "https://eu.test")]);
        assert_eq!(choices(&json!({ "choices": [] })), []);
        assert_eq!(choose(&json!({}), "URL", "").unwrap(), None);
    }

    #[test]
    fn the_help_names_what_is_missing() {
        assert_eq!(
            given_help("lms", &form()),
            "linchpin connections configure lms --set url=... --secret api_key=env:NAME"
        );
    }
}
