//! Starts the sandbox on chosen ports and says where everything is.
//!
//! `cargo run -p linchpin-sandbox --example serve [FIRST_PORT] [STATE_FILE]`

use std::io::Write as _;

use linchpin_sandbox::{Options, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let port_base = arguments.next().map(|port| port.parse()).transpose()?;
    let state = arguments.next().map(Into::into);
    let begun = std::time::Instant::now();
    let sandbox = Sandbox::start(Options { port_base, state, ..Options::default() }).await?;
    let ms = begun.elapsed().as_millis();
    let mut out = std::io::stdout().lock();
    let systems = [sandbox.litmos(), sandbox.servicenow(), sandbox.sumtotal(), sandbox.notify()];
    for site in systems {
        writeln!(out, "{}", site.url)?;
        for (name, secret) in &site.secrets {
            writeln!(out, "  {name}: {secret}")?;
        }
    }
    writeln!(out, "control: {} (started in {ms} ms)", sandbox.control_url())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    drop(out);
    sandbox.stop().await;
    Ok(())
}
