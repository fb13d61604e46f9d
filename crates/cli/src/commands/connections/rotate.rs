//! `linchpin connections rotate`: a new secret in the place of the old one, without a gap.

use std::collections::BTreeMap;

use clap::Args;
use inquire::{Password, PasswordDisplayMode};
use linchpin_language::{Value, json};
use linchpin_server::Client;

use super::configure::fetch;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::inputs::split_all;
use crate::report::{Report, Style};

/// Put new secrets in place of the old ones: they are tested first, and the old ones hold until then
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The alias
    alias: String,
    /// A secret, from `env:NAME`, `file:PATH`, or `-` for the standard input; never typed here
    #[arg(long = "secret", value_name = "FIELD=SOURCE")]
    secrets: Vec<String>,
}

impl Rotate {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let status = client.get(&super::address(&self.alias, "")?).await?;
        let fields = kept_here(&status);
        if fields.is_empty() {
            let sources = elsewhere(&status).join(", ");
            return Err(Failure::usage(format!("{} has no secret in the vault", self.alias)).help(
                match sources.is_empty() {
                    true => "its credential needs none".to_owned(),
                    false => format!("change it where it is kept: {sources}"),
                },
            ));
        }
        let mut secrets = BTreeMap::new();
        for (name, source) in split_all(&self.secrets)? {
            secrets.insert(name.to_owned(), fetch(name, source)?);
        }
        if secrets.is_empty() {
            if !report.can_ask() {
                let name = &fields[0].0;
                return Err(Failure::usage("nobody can be asked for the new secret here")
                    .help(format!("give it as --secret {name}=env:NAME, =file:PATH or =-")));
            }
            let asked = tokio::task::spawn_blocking(move || ask(&fields)).await;
            let asked = asked.map_err(|_| Failure::new("the form could not be shown"))?;
            secrets = asked.map_err(|error| {
                Failure::because("nothing was changed", &error).code(ExitCode::Interrupted)
            })?;
        }
        if secrets.is_empty() {
            report.json(&status);
            report.line("nothing was changed");
            return Ok(ExitCode::Ok);
        }
        let body = json!({ "values": {}, "secrets": secrets });
        let status = client.post(&super::address(&self.alias, "/configure")?, &body).await?;
        report.json(&status);
        let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
        let tick = report.paint(Style::Green, "✓");
        let (alias, names) = (&self.alias, names.join(", "));
        report.line(match status["active"] == true {
            true => format!("{tick} {alias}: the new {names} is tested and in use"),
            false => format!(
                "{tick} {alias}: the new {names} is saved; it is tested when somebody has agreed: \
                 run `linchpin connections authorize {alias}`"
            ),
        });
        Ok(ExitCode::Ok)
    }
}

fn secrets(status: &Value) -> impl Iterator<Item = &Value> {
    let fields = status["fields"].as_array().into_iter().flatten();
    fields.filter(|field| field["secret"] == true && field["used"] != false)
}

/// Name and label of the secrets that the vault keeps.
fn kept_here(status: &Value) -> Vec<(String, String)> {
    let text = |field: &Value, name: &str| field[name].as_str().unwrap_or_default().to_owned();
    let here = secrets(status).filter(|field| field["source"] == "vault");
    here.map(|field| (text(field, "name"), text(field, "label"))).collect()
}

/// Where the others are kept.
fn elsewhere(status: &Value) -> Vec<&str> {
    secrets(status).filter_map(|field| field["source"].as_str()).collect()
}

fn ask(fields: &[(String, String)]) -> Result<BTreeMap<String, String>, inquire::InquireError> {
    let mut secrets = BTreeMap::new();
    for (name, label) in fields {
        let secret = Password::new(&format!("New {label}"))
            .with_display_mode(PasswordDisplayMode::Masked)
            .with_help_message("not shown; empty keeps the present one")
            .without_confirmation()
            .prompt()?;
        if !secret.is_empty() {
            secrets.insert(name.clone(), secret);
        }
    }
    Ok(secrets)
}
