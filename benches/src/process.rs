//! Figures of whole processes, from the kernel's own accounting.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{nap, spread};

/// CPU time of this process so far, user and system.
pub(crate) fn own_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    // Fields 14 and 15 of the whole line, in hundredths of a second.
    Duration::from_millis(10 * (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)))
}

/// The largest resident size of a process so far.
pub(crate) fn peak_rss_mb(process: &str) -> u64 {
    status_kb(process, "VmHWM:") / 1024
}

fn status_kb(process: &str, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

/// W4: from the start of the process to its first step on disk, and the size of an idle daemon.
pub(crate) fn cold_start_and_idle(
    binary: &str,
    rounds: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let binary = std::fs::canonicalize(binary)?;
    let folder = tempfile::tempdir_in(".")?;
    std::fs::create_dir(folder.path().join("flows"))?;
    std::fs::write(folder.path().join("linchpin.yaml"), "flows: flows\n")?;
    let flow = "flow: one_step\nsteps:\n  - log: started\n";
    std::fs::write(folder.path().join("flows/one_step.yaml"), flow)?;
    let mut times = Vec::new();
    for _ in 0..=rounds {
        let started = Instant::now();
        let mut command = Command::new(&binary);
        command.args(["run", "one_step"]).current_dir(folder.path());
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if !status.success() {
            return Err(format!("linchpin run ended with {status}").into());
        }
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (least, middle, most) = spread(&times[1..]);
    println!("W4  a whole `run` of one step: {middle:.1} ms ({least:.1} to {most:.1})");
    let mut command = Command::new(&binary);
    command.arg("daemon").current_dir(folder.path());
    let mut daemon = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        nap();
    }
    let rss = status_kb(&daemon.id().to_string(), "VmRSS:") / 1024;
    daemon.kill()?;
    daemon.wait()?;
    println!("    an idle daemon takes {rss} MB");
    Ok(())
}
