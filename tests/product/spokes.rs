//! The actions of the bundled spokes on the sandbox, flow by flow, as somebody who runs a team uses them.

mod http;
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

/// The repository's own flow that rolls courses out to a group.
#[test]
fn a_group_of_servicenow_gets_its_team_and_courses_in_litmos_once() {
    let project = Project::of_the_repository();
    let command = [
        "run",
        "team_rollout",
        "--sandbox",
        "--json",
        "-i",
        "group=Service Desk",
        "-i",
        "courses=PHISH-110,VPN-120",
    ];
    let first = project.linchpin(&command).ends_with(0).json()["outputs"].clone();
    assert_eq!(first["people"], 4, "{first}");
    // Two of the group are members of the team from the start.
    assert_eq!((&first["joined"], &first["courses"]), (&2.into(), &2.into()), "{first}");
    let effects = project.sandbox_effects();
    let again = project.linchpin(&command).ends_with(0).json()["outputs"].clone();
    assert_eq!((&again["joined"], &again["courses"]), (&0.into(), &0.into()), "{again}");
    assert_eq!(project.sandbox_effects(), effects, "nothing is sent twice");
    let wrong = project.linchpin(&[
        "run",
        "team_rollout",
        "--sandbox",
        "-i",
        "group=Nobody",
        "-i",
        "courses=VPN-120",
    ]);
    assert!(wrong.all().contains("ServiceNow has no group Nobody"), "{}", wrong.all());
}
