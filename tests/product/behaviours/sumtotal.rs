//! The SumTotal spoke, as docs/behaviours.md numbers its set-up and its four actions.

use serde_json::{Value, json};

use crate::product::support::{Done, Project, Systems};

/// The spoke's four actions, one step each.
const FOUR: &str = "
flow: four
connections: { st: sumtotal }
inputs: { user: { type: string, default: \"100305\" } }
steps:
  - id: activities
    for_each: { call: st.activities.stream }
    as: one
    collect: one.code
  - id: status
    for_each: { call: st.learning_status.stream, with: { user: \"100306\" } }
    as: one
    collect: one.completion
  - id: users
    for_each: { call: st.users.stream }
    as: one
    collect: one.id
  - id: made
    call: st.assignments.save
    with: { user: \"{{ inputs.user }}\", activity: \"1\" }
  - id: changed
    call: st.assignments.save
    with: { user: \"{{ inputs.user }}\", activity: \"1\", assignment: \"{{ made.assignment }}\", due: \"2026-06-30T00:00:00Z\" }
outputs:
  activities: activities.count
  lines: status.count
  users: users.count
  unique_users: size(unique(users.items))
  made: made.created
  same: made.assignment == changed.assignment
  changed: \"!changed.created\"
";

/// A project whose SumTotal alias leads to these systems, and whose client the form asks for.
fn project(systems: &Systems) -> Project {
    let project = Project::with(&[("flows/four.yaml", FOUR)]);
    project.write("connections.yaml", connections(systems));
    project
}

fn connections(systems: &Systems) -> String {
    let client = format!("client_id: {}, ", systems.secret("sumtotal", "client_id"));
    systems.connections().replace(&client, "")
}

/// Fills the form with a client and submits it.
fn configure(project: &Project, client: &Value) -> Done {
    let id = format!("client_id={}", client["clientId"].as_str().unwrap());
    let form = ["connections", "configure", "st", "--set", &id, "--secret", "client_secret=env:S"];
    let mut command = project.command(&form);
    command.env("S", client["clientSecret"].as_str().unwrap());
    Done::of(&mut command)
}

fn shown(project: &Project) -> Value {
    project.linchpin(&["connections", "show", "st", "--json"]).ends_with(0).json()
}

/// A client of SumTotal's own page that may do everything the spoke needs, with some fields changed.
fn client(systems: &Systems, changed: &Value) -> Value {
    let mut form = json!({ "clientName": "Linchpin", "allowedGrantTypes": ["client_credentials"],
                           "enabled": true, "accessTokenLifetimeMinutes": 120, "scopes": ["allapis"] });
    form.as_object_mut().unwrap().extend(changed.as_object().cloned().unwrap());
    systems.post("/sumtotal/oauth-clients", &form)
}

#[test]
fn st_3_8_a_client_that_cannot_have_a_token_leaves_no_connection_and_the_message_says_why() {
    let systems = Systems::start(71);
    let project = project(&systems);
    for (changed, why) in [
        (json!({ "enabled": false }), "not enabled"),
        (json!({ "allowedGrantTypes": ["authorization_code"] }), "grant"),
        (json!({ "scopes": ["odataapis"] }), "scope"),
    ] {
        let refused = configure(&project, &client(&systems, &changed)).ends_with(5);
        assert!(refused.stderr.contains(why), "{changed}: {}", refused.all());
        assert!(refused.stderr.contains("nothing was saved"), "{changed}: {}", refused.all());
        assert_eq!(shown(&project)["active"], false, "{changed}");
    }
    let mut wrong = client(&systems, &json!({}));
    wrong["clientSecret"] = json!("not-the-secret");
    let refused = configure(&project, &wrong).ends_with(5);
    assert!(refused.stderr.contains("client_secret"), "{}", refused.all());
    assert!(!refused.all().contains("not-the-secret"), "{}", refused.all());
    // The secret that was refused was not kept either.
    let secret = |status: &Value| {
        let fields = status["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == "client_secret").unwrap()["set"].clone()
    };
    assert_eq!(secret(&shown(&project)), false);
}

#[test]
fn st_5_6_7_the_connection_is_listed_and_has_its_form() {
    let systems = Systems::start(72);
    let project = project(&systems);
    let list = project.linchpin(&["connections", "list"]).ends_with(0);
    assert!(list.stdout.lines().any(|line| line.contains("sumtotal")), "{}", list.stdout);
    let status = shown(&project);
    assert_eq!(status["title"], "SumTotal");
    assert_eq!(status["button"], "Configure and Get OAuth Token");
    let fields = status["fields"].as_array().unwrap();
    let labels: Vec<&str> = fields.iter().map(|field| field["label"].as_str().unwrap()).collect();
    assert_eq!(
        labels,
        [
            "Connection Name",
            "Connection URL",
            "OAuth Entity Name",
            "OAuth Client ID",
            "OAuth Client Secret",
            "OAuth Token URL"
        ]
    );
    assert_eq!((&fields[0]["value"], &fields[0]["fixed"]), (&json!("SumTotal"), &json!(true)));
    let renamed = ["connections", "configure", "st", "--set", "name=Other"];
    let renamed = project.linchpin(&renamed);
    assert_ne!(renamed.code, Some(0), "{}", renamed.all());
    assert!(renamed.all().contains("read-only"), "{}", renamed.all());
}

#[test]
fn st_8_9_10_11_12_13_once_configured_every_action_of_the_spoke_runs() {
    let systems = Systems::start(73);
    let project = project(&systems);
    let tokens = || systems.get("/token-requests")["sumtotal"].as_u64().unwrap();
    let before = tokens();
    let done = configure(&project, &client(&systems, &json!({}))).ends_with(0);
    assert!(done.stdout.contains("token obtained"), "{}", done.stdout);
    assert_eq!(tokens() - before, 1, "stored and a token fetched in one go");
    assert_eq!(shown(&project)["active"], true);

    // Both readings of `offset` give everything once, when the connection says which it is.
    for (pages, mode) in [(false, "records"), (true, "pages")] {
        let settings = json!({ "sumtotal": { "offset_counts_pages": pages } });
        systems.post("/settings", &settings);
        let attributes = format!("entity: acme, attributes: {{ offset_mode: {mode} }}");
        let written = connections(&systems).replace("entity: acme", &attributes);
        project.write("connections.yaml", written);
        configure(&project, &client(&systems, &json!({}))).ends_with(0);
        let user = format!("user={}", if pages { "100307" } else { "100305" });
        let run = project.linchpin(&["run", "four", "--json", "-i", &user]).ends_with(0).json();
        let outputs = &run["outputs"];
        assert_eq!(outputs["activities"], 250, "{mode}: {outputs}");
        assert_eq!(outputs["lines"], 240, "{mode}: {outputs}");
        assert_eq!(outputs["users"], 2601, "{mode}: {outputs}");
        assert_eq!(outputs["unique_users"], 2601, "{mode}: {outputs}");
        assert_eq!((&outputs["made"], &outputs["same"]), (&json!(true), &json!(true)), "{mode}");
        assert_eq!(outputs["changed"], true, "{mode}: {outputs}");
    }
    let made = systems.get("/effects?system=sumtotal&object=assignment");
    let kinds: Vec<&str> =
        made["effects"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["assign", "update", "assign", "update"]);
}
