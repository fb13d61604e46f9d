//! How long `linchpin check` takes over a project of a thousand flows of thirty steps.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::spread;

const FLOWS: usize = 1000;

/// W10: the whole command, from the start of the process to its exit code.
pub(crate) fn thousand_flows(
    binary: &str,
    rounds: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let binary = std::fs::canonicalize(binary)?;
    let folder = tempfile::tempdir_in(".")?;
    project(folder.path())?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        let mut command = Command::new(&binary);
        command.arg("check").current_dir(folder.path()).stdout(Stdio::null());
        let status = command.status()?;
        times.push(begin.elapsed().as_secs_f64());
        if !status.success() {
            return Err("the flows to check have mistakes".into());
        }
    }
    let (least, middle, most) = spread(&times);
    println!("W10 check of {FLOWS} flows of 30 steps: {middle:.2} s ({least:.2} to {most:.2})");
    Ok(())
}

/// Flows in which each step reads what the one before has given, as people write them.
fn project(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder.join("flows"))?;
    std::fs::write(folder.join("linchpin.yaml"), "flows: flows\n")?;
    for flow in 0..FLOWS {
        let mut text = format!(
            "flow: flow_{flow}\nconnections: {{ lms: litmos }}\nlimits: {{ create: 50 }}\n\
             inputs: {{ email: {{ type: email, required: true }} }}\nsteps:\n"
        );
        for at in 0..10 {
            write!(
                text,
                "  - id: learner_{at}\n    call: lms.users.ensure\n    with: {{ email: \"{{{{ inputs.email }}}}\", \
                 first_name: New, last_name: \"Hire {at}\" }}\n  - id: courses_{at}\n    if: learner_{at}.active\n    \
                 call: lms.user_courses.list\n    with: {{ user: \"{{{{ learner_{at}.id }}}}\" }}\n  - if: courses_{at} \
                 != null && courses_{at}.count > {at}\n    log: \"{{{{ learner_{at}.email }}}} has {{{{ courses_{at}.count }}}}\"\n"
            )
            .map_err(std::io::Error::other)?;
        }
        std::fs::write(folder.join(format!("flows/flow_{flow}.yaml")), text)?;
    }
    Ok(())
}
