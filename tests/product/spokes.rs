//! The actions of the bundled spokes on the sandbox, flow by flow, as somebody who runs a team uses them.

mod litmos;
mod servicenow;
mod sumtotal;

use serde_json::Value;

use super::support::Project;

/// Runs a flow on the sandbox; its outputs.
#[track_caller]
fn run(flow: &str) -> (Project, Value) {
    let name = flow.lines().find_map(|line| line.strip_prefix("flow: ")).unwrap().to_owned();
    let project = Project::with(&[(&format!("flows/{name}.yaml"), flow)]);
    let done = project.linchpin(&["run", &name, "--sandbox", "--json"]).ends_with(0);
    let outputs = done.json()["outputs"].clone();
    (project, outputs)
}
