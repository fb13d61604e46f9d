//! `linchpin sandbox`: the stand-ins on their own, for other tools and for a look around.

use clap::{Args, Subcommand};
use linchpin_language::{Value, json};
use linchpin_sandbox::{Options, Sandbox as StandIns};

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::{Report, Style};
use crate::session::reach;
use crate::stand_in;
use crate::workspace::{SpokesByName, spokes};

/// Run the stand-ins of SumTotal, Litmos, ServiceNow, a mail server and webhooks
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    #[command(subcommand)]
    command: Option<Command>,
    /// Decides every id and secret
    #[arg(long, default_value_t = stand_in::SEED)]
    seed: u64,
    /// The first of six ports; otherwise the system chooses
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=65530))]
    port_base: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forget what the project's sandbox runs have done
    Reset,
}

impl Sandbox {
    pub(crate) async fn run(self, global: &Global, report: &Report) -> Done {
        match self.command {
            Some(Command::Reset) => {
                let global = Global { sandbox: true, ..global.clone() };
                reset(&Project::find(&global)?, report).await
            }
            None => self.serve(report).await,
        }
    }

    async fn serve(self, report: &Report) -> Done {
        let spokes = spokes(None)?;
        let Self { seed, port_base, .. } = self;
        let options = Options { seed, port_base, ..Options::default() };
        let sandbox = StandIns::start(options)
            .await
            .map_err(|error| Failure::because("the sandbox cannot start", &error))?;
        show(report, &sandbox, &spokes);
        tokio::signal::ctrl_c()
            .await
            .map_err(|error| Failure::because("signals cannot be received", &error))?;
        sandbox.stop().await;
        Ok(ExitCode::Ok)
    }
}

const SYSTEMS: [&str; 4] = ["litmos", "servicenow", "sumtotal", "notify"];

fn show(report: &Report, sandbox: &StandIns, spokes: &SpokesByName) {
    let mut systems = serde_json::Map::new();
    let (mut yaml, mut exports) = (String::new(), String::new());
    for name in SYSTEMS {
        let (Some(site), Some(spoke)) = (stand_in::site(sandbox, name), spokes.get(name)) else {
            continue;
        };
        systems.insert(name.to_owned(), json!({ "url": site.url, "secrets": site.secrets }));
        for chosen in [None].into_iter().chain(stand_in::addresses(spoke, site).map(Some)) {
            let alias = chosen.unwrap_or(name);
            let (values, secrets) = stand_in::filled(spoke, site, chosen);
            let mut parts = vec![format!("spoke: {name}"), "allow_private: true".to_owned()];
            for (field, value) in &values {
                parts.push(format!("{field}: {value}"));
            }
            for (field, secret) in &secrets {
                let variable = format!("SANDBOX_{alias}_{field}").to_uppercase();
                parts.push(format!("{field}: {{ env: {variable} }}"));
                exports.push_str(&format!("export {variable}='{secret}'\n"));
            }
            yaml.push_str(&format!("{alias}: {{ {} }}\n", parts.join(", ")));
        }
    }
    let control = sandbox.control_url();
    report.json(&json!({ "systems": Value::Object(systems), "control": control }));
    report.line(report.paint(Style::Bold, "the sandbox answers until Ctrl-C"));
    for name in SYSTEMS {
        let url = stand_in::site(sandbox, name).map(|site| site.url.as_str()).unwrap_or_default();
        report.line(format!("  {name:<11} {url}"));
    }
    report.line(format!("  {:<11} {control}  (/ledger, /effects, /faults)", "control"));
    report.line("\nconnections.yaml:\n");
    report.line(yaml.trim_end());
    report.line("\nits secrets, all invented:\n");
    report.line(exports.trim_end());
}

async fn reset(project: &Project, report: &Report) -> Done {
    if reach(project).await?.is_some() {
        return Err(Failure::new("another process uses the sandbox of this project").help(
            "end it first: a `daemon --sandbox`, or a run on the sandbox that is under way",
        ));
    }
    StandIns::reset(&project.sandbox_effects()).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(Failure::because("the sandbox cannot be reset", &error)),
    })?;
    // Their runs speak of effects that are gone now.
    for store in project.sandbox_stores() {
        match std::fs::remove_dir_all(store) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::because("the sandbox' runs cannot be removed", &error));
            }
            _ => {}
        }
    }
    report.json(&json!({ "reset": true }));
    report.line("the sandbox is as new");
    Ok(ExitCode::Ok)
}
