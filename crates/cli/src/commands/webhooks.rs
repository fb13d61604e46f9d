//! `linchpin webhooks`: the addresses that other systems send to, and their secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use inquire::{Password, PasswordDisplayMode};
use linchpin_language::{Value, json};
use linchpin_server::Client;

use super::connections::fetch;
use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::{Purpose, Session};
use crate::workspace::Workspace;

/// List the addresses that other systems send to, and keep their secrets
#[derive(Debug, Args)]
pub(crate) struct Webhooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the webhooks of all flows, each with its address and what is missing
    List,
    /// Keep the secret of a webhook in the vault, in place of any earlier one
    Secret(Secret),
}

#[derive(Debug, Args)]
struct Secret {
    /// The path of the webhook, as its flow says it
    path: String,
    /// Where the secret is: `env:NAME`, `file:PATH`, or `-` for the standard input; never typed here
    #[arg(long, value_name = "SOURCE", group = "what")]
    from: Option<String>,
    /// Make a new secret and print it, this once
    #[arg(long, group = "what")]
    generate: bool,
    /// Take the secret away: the webhook refuses everything from then on
    #[arg(long, group = "what")]
    remove: bool,
}

impl Webhooks {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let session = Session::open(&project, Purpose::brief()).await?;
        let done = match self.command {
            Command::List => list(&session.client, &project, report).await,
            Command::Secret(secret) => secret.run(&session.client, &base(&project), report).await,
        };
        session.close().await;
        done
    }
}

async fn list(client: &Client, project: &Project, report: &Report) -> Done {
    let listed = client.get("/v1/webhooks").await?;
    report.json(&listed);
    let all = listed["webhooks"].as_array().cloned().unwrap_or_default();
    Workspace::read(project, None)?.tell_left_out(report);
    if all.is_empty() {
        report.line("no flow has a webhook");
        return Ok(ExitCode::Ok);
    }
    let base = base(project);
    let rows: Vec<Vec<String>> = all.iter().map(|one| row(one, &base)).collect();
    report.table(&["PATH", "FLOW", "AUTH", "ADDRESS", "STATE"], &rows);
    for one in &all {
        for problem in one["problems"].as_array().into_iter().flatten() {
            let mark = report.paint(Style::Yellow, "!");
            let problem = problem.as_str().unwrap_or_default();
            report.line(format!("{mark} {}: {problem}", one["path"].as_str().unwrap_or_default()));
        }
    }
    let is_whole = all.iter().all(|one| one["problems"] == json!([]));
    Ok(if is_whole { ExitCode::Ok } else { ExitCode::Failed })
}

/// What stands before the addresses. With port 0 the system chooses, and the daemon says which at
/// its start.
fn base(project: &Project) -> String {
    let address = project.settings.webhooks;
    if address.port() == 0 { String::new() } else { format!("http://{address}") }
}

fn row(one: &Value, base: &str) -> Vec<String> {
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let state = match (one["enabled"] == true, one["problems"] == json!([])) {
        (false, _) => "not enabled",
        (true, true) => "ready",
        (true, false) => "not ready",
    };
    let address = format!("{base}{}", text("address"));
    vec![text("path"), text("flow"), text("auth"), address, state.to_owned()]
}

impl Secret {
    async fn run(self, client: &Client, base: &str, report: &Report) -> Done {
        let path = self.path.trim_matches('/').to_owned();
        let listed = client.get("/v1/webhooks").await?;
        let all = listed["webhooks"].as_array().cloned().unwrap_or_default();
        let Some(one) = all.iter().find(|one| one["path"] == path.as_str()) else {
            return Err(unknown(&path, &all));
        };
        let secret = match (&self.from, self.generate, self.remove) {
            (Some(source), _, _) => Some(fetch("of the webhook", source)?),
            (None, true, _) => Some(generated(one["auth"] == "standard")?),
            (None, false, true) => None,
            (None, false, false) => Some(asked(report).await?),
        };
        let body = json!({ "path": path, "secret": secret });
        let kept = client.post("/v1/webhooks/secret", &body).await?;
        let webhook = &kept["webhook"];
        let secret = secret.filter(|_| self.generate);
        report.json(&json!({ "webhook": webhook, "secret": secret }));
        let tick = report.paint(Style::Green, "✓");
        match (&secret, self.remove) {
            (Some(secret), _) => {
                report.line(format!("{tick} {path} has a new secret, shown only now:"));
                report.line(secret);
                let address = webhook["address"].as_str().unwrap_or_default();
                if let Some(above) = address.strip_suffix("/TOKEN") {
                    report.line("deliveries are sent to");
                    report.line(format!("  {base}{above}/{secret}"));
                } else {
                    report.line("give it to the system that signs the deliveries");
                }
            }
            (None, true) => report.line(format!("{tick} the secret of {path} is gone")),
            (None, false) => report.line(format!("{tick} the secret of {path} is kept")),
        }
        for problem in webhook["problems"].as_array().into_iter().flatten() {
            report.note(format!("{path}: {}", problem.as_str().unwrap_or_default()));
        }
        Ok(ExitCode::Ok)
    }
}

fn unknown(path: &str, all: &[Value]) -> Failure {
    let names: Vec<&str> = all.iter().filter_map(|one| one["path"].as_str()).collect();
    let failure = Failure::usage(format!("no flow has a webhook {path}"));
    match linchpin_language::did_you_mean(path, names.iter().copied()) {
        Some(near) => failure.help(format!("did you mean {near}?")),
        None if names.is_empty() => failure.help("write one under `trigger:` of a flow"),
        None => failure.help(format!("the webhooks are {}", names.join(", "))),
    }
}

/// A secret that nobody can guess: in the form of Standard Webhooks, or plain.
fn generated(is_standard: bool) -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("the system gives no random numbers: {error}")))?;
    Ok(match is_standard {
        true => format!("whsec_{}", STANDARD.encode(bytes)),
        false => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

async fn asked(report: &Report) -> Result<String, Failure> {
    if !report.can_ask() {
        return Err(Failure::usage("nobody can be asked for the secret here")
            .help("--generate makes one; or give it as --from env:NAME, file:PATH or -"));
    }
    let ask = || {
        Password::new("Secret of the webhook")
            .with_display_mode(PasswordDisplayMode::Masked)
            .without_confirmation()
            .prompt()
    };
    let asked = tokio::task::spawn_blocking(ask).await;
    let asked = asked.map_err(|_| Failure::new("the form could not be shown"))?;
    let secret = asked.map_err(|error| {
        Failure::because("nothing was changed", &error).code(ExitCode::Interrupted)
    })?;
    if secret.is_empty() {
        return Err(Failure::usage("the secret is empty"));
    }
    Ok(secret)
}
