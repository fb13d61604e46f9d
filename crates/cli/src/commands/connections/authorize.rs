//! `linchpin connections authorize`: a person agrees in a browser, here or on another machine.

use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use linchpin_language::json;
use linchpin_server::Client;
use tokio::sync::mpsc;
use url::Url;

use super::loopback::{Arrival, Loopback};
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};

/// How long the browser is waited for; the question itself is forgotten then.
const PATIENCE: Duration = Duration::from_secs(600);

/// Let a person agree in a browser that flows act in their name
#[derive(Debug, Args)]
pub(crate) struct Authorize {
    /// The alias
    alias: String,
    /// Only print the address; the browser may be on another machine
    #[arg(long)]
    no_browser: bool,
    /// The port on this machine that the browser comes back to; otherwise a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

impl Authorize {
    pub(super) async fn run(self, client: &Client, report: &Report) -> Done {
        let mut loopback = Some(Loopback::bind(self.port, "/callback").await?);
        let wish = json!({ "redirect_uri": loopback.as_ref().map(Loopback::uri) });
        let asking = client.post(&super::address(&self.alias, "/authorize")?, &wish).await?;
        let url = asking["url"].as_str().unwrap_or_default();
        let fixed = asking["redirect_uri"].as_str().unwrap_or_default();
        if loopback.as_ref().is_some_and(|loopback| loopback.uri() != fixed) {
            // It may be the same port.
            drop(loopback.take());
            loopback = Loopback::at(fixed).await?;
        }
        self.introduce(report, url, loopback.is_some());
        let state = parameter(url, "state").unwrap_or_default();
        let waiting = wait(loopback, report, &state);
        let arrival = tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| {
            Failure::new(format!("nobody agreed within {} minutes", PATIENCE.as_secs() / 60))
                .help(format!("run `linchpin connections authorize {}` again", self.alias))
        })??;
        self.hand_over(client, report, arrival).await
    }

    fn introduce(&self, report: &Report, url: &str, listens: bool) {
        let is_opened = !self.no_browser && listens && open(url);
        let what = match is_opened {
            true => "a browser was opened; if it did not, open this address:",
            false => "open this address in a browser and agree:",
        };
        // With --json the output is one document at the end, so this goes beside it.
        let text = format!("{what}\n\n  {url}\n");
        if report.is_json() {
            report.aside(&text)
        } else {
            report.line(&text)
        }
        if !listens || self.no_browser {
            report.note(
                "if the browser then finds nothing, as it is on another machine: copy its address \
                 and enter it here",
            );
        }
    }

    /// Gives what came back to whoever asked, and tells the browser how that ended.
    async fn hand_over(&self, client: &Client, report: &Report, arrival: Arrival) -> Done {
        let mut answer = json!({ "state": arrival.get("state") });
        for name in ["code", "error", "error_description", "iss"] {
            if let Some(value) = arrival.get(name) {
                answer[name] = value.into();
            }
        }
        let done = client.post(&super::address(&self.alias, "/authorized")?, &answer).await;
        match &done {
            Ok(_) => arrival.reply(200, "Linchpin may act now. This window can be closed.").await,
            Err(error) => arrival.reply(400, &error.to_string()).await,
        }
        let status = done?;
        report.json(&status);
        let tick = report.paint(Style::Green, "✓");
        report.line(format!("{tick} {} is authorised, tested and saved", self.alias));
        super::show(report, &status);
        Ok(ExitCode::Ok)
    }
}

/// Waits for the browser, or for its address typed in. What does not belong to the question is
/// refused and told, and does not end the wait.
async fn wait(
    loopback: Option<Loopback>,
    report: &Report,
    state: &str,
) -> Result<Arrival, Failure> {
    let mut lines = typed();
    let mut is_typing = true;
    loop {
        let browser = async {
            match &loopback {
                Some(loopback) => loopback.next().await,
                None => std::future::pending().await,
            }
        };
        let arrival = tokio::select! {
            arrival = browser => arrival?,
            line = lines.recv(), if is_typing => match line {
                Some(line) if line.trim().is_empty() => continue,
                Some(line) => match Arrival::typed(line.trim()) {
                    Some(arrival) => arrival,
                    None => {
                        report.note("that is no address with a code in it");
                        continue;
                    }
                },
                None => {
                    is_typing = false;
                    if loopback.is_none() {
                        return Err(Failure::usage("nobody can enter the address here"));
                    }
                    continue;
                }
            },
        };
        if arrival.get("state").is_some_and(|found| found == state) {
            return Ok(arrival);
        }
        let refused = "an answer was refused: it does not belong to this question (its state is \
                       another one)";
        report.aside(&format!("{} {refused}\n", report.paint(Style::Yellow, "!")));
        arrival.reply(400, refused).await;
    }
}

/// The lines that a person types. Reading them cannot be stopped, so it has a thread of its own that
/// ends with the process.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A parameter of an address.
fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Opens an address in the browser of this machine, if it has one.
fn open(url: &str) -> bool {
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let program = std::env::var("BROWSER").ok().filter(|program| !program.is_empty());
    let mut command = Command::new(program.as_deref().unwrap_or(usual));
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_read_decoded() {
        let url = "https://id.example/authorize?a=1&state=x%2By";
        assert_eq!(parameter(url, "state").as_deref(), Some("x+y"));
        assert_eq!(parameter(url, "code"), None);
        assert_eq!(parameter("no address", "code"), None);
    }
}
