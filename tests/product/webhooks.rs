//! From an event in another system to a run, and no second one: the systems send as they do, the
//! daemon is killed in between.

use std::time::Instant;

use serde_json::{Value, json};

use super::support::{PATIENCE, Process, Project, Systems};

/// What makes something happen in each of the systems.
const ACT: &str = "\
flow: act
connections: { lms: litmos, sn: servicenow, st: sumtotal }
inputs: { login: { type: string, required: true } }
steps:
  - id: learner
    call: lms.users.ensure
    with: { email: \"{{ inputs.login }}@example.test\", first_name: Ana, last_name: Ruiz }
  - id: catalog
    call: lms.courses.list
    with: { codes: [SAFETY-101] }
  - call: lms.courses.assign
    with: { user: \"{{ learner.id }}\", courses: \"{{ catalog.ids }}\" }
  - call: lms.results.complete_course
    with: { user: \"{{ learner.id }}\", course: \"{{ first catalog.ids }}\" }
  - call: st.users.create
    with: { user: \"7{{ inputs.login }}\", login: \"{{ inputs.login }}\", first_name: Ana, last_name: Ruiz }
  - call: sn.records.create
    with: { table: incident, short_description: \"A card for {{ inputs.login }}\" }
";

const ACHIEVED: &str = "\
flow: achieved
trigger: { webhook: { path: litmos, auth: { scheme: litmos, secret: vault } } }
steps: [ { log: \"{{ trigger.payload.data.userName }}: {{ trigger.payload.data.title }}\" } ]
";

const HIRED: &str = "\
flow: hired
trigger:
  webhook: { path: sumtotal/people, auth: { scheme: sumtotal, secret: vault }, dedupe: trigger.payload.eventId }
steps: [ { log: \"{{ trigger.payload.eventType }} {{ trigger.payload.data.userId }}\" } ]
";

const REPORTED: &str = "\
flow: reported
trigger: { webhook: { path: servicenow/incident, auth: { scheme: servicenow, secret: vault } } }
steps: [ { log: \"{{ trigger.payload.operation }}: {{ trigger.payload.record.short_description }}\" } ]
";

const HEARS: [(&str, &str, &str); 3] = [
    ("litmos", "litmos", "achievement.earned"),
    ("sumtotal", "sumtotal/people", "user.created"),
    ("servicenow", "servicenow/incident", "incident.insert"),
];

/// Wants the events of each system sent to a daemon's webhooks, as their administrators would.
fn subscribe(systems: &Systems, project: &Project, base: &str) {
    for (system, path, event) in HEARS {
        let made = project.linchpin(&["webhooks", "secret", path, "--generate", "--json"]);
        let secret = made.ends_with(0).json()["secret"].as_str().unwrap().to_owned();
        let mut wish = json!({ "system": system, "url": format!("{base}{path}"), "event": event });
        match system {
            "litmos" => wish["url"] = format!("{base}{path}/{secret}").into(),
            _ => wish["secret"] = secret.into(),
        }
        systems.post("/webhooks", &wish);
    }
}

/// A daemon, and where its webhooks are.
fn daemon(project: &Project) -> (Process, String) {
    let mut daemon = project.start(&["daemon"]);
    let base = daemon.until(|line| {
        let (before, _) = line.trim().strip_prefix("POST ")?.split_once("/hooks/")?;
        Some(format!("{before}/hooks/"))
    });
    (daemon, base)
}

/// Waits until nothing is left to be sent.
fn sent(systems: &Systems) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let deliveries = systems.get("/deliveries");
        if deliveries["waiting"] == 0 {
            return deliveries["attempts"].as_array().unwrap().clone();
        }
        assert!(Instant::now() < deadline, "{deliveries}");
    }
}

fn act(project: &Project, login: &str) {
    project.linchpin(&["run", "act", "-i", &format!("login={login}")]).ends_with(0);
}

fn lines(project: &Project, flow: &str) -> Vec<String> {
    let listed = project.linchpin(&["runs", "list", "--flow", flow, "--json"]).json();
    let runs = listed["runs"].as_array().unwrap().iter().rev();
    let line = |run: &Value| {
        let run = run["run"].as_str().unwrap();
        let logged = project.linchpin(&["runs", "logs", run, "--only"]).stdout;
        logged.lines().next().unwrap().split("  ").last().unwrap().to_owned()
    };
    runs.map(line).collect()
}

#[test]
fn an_event_starts_one_run_also_when_it_is_sent_twice_and_the_daemon_was_killed() {
    let systems = Systems::start(21);
    let flows = [("act", ACT), ("achieved", ACHIEVED), ("hired", HIRED), ("reported", REPORTED)];
    let project = Project::with(&[("connections.yaml", &systems.connections())]);
    for (name, text) in flows {
        project.write(&format!("flows/{name}.yaml"), text);
    }
    project.write("linchpin.yaml", "server: { webhooks: 127.0.0.1:0 }\n");
    project.linchpin(&["check"]).ends_with(0);
    systems.configure(&project);
    let webhooks = json!({ "retries": 100_000, "spacing_ms": 20, "duplicates": true });
    let patch = json!({ "webhooks": webhooks });
    systems.post("/settings", &patch);

    let (daemon, base) = daemon(&project);
    // It comes back where the systems know it.
    let address = base.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    project.write("linchpin.yaml", format!("server: {{ webhooks: {address} }}\n"));
    subscribe(&systems, &project, &base);
    act(&project, "ana");
    sent(&systems);
    daemon.kill();

    // Nobody listens: the systems try again until somebody does.
    act(&project, "ben");
    let waiting = systems.get("/deliveries");
    assert_eq!(waiting["waiting"], 6, "{waiting}");
    let (daemon, _) = self::daemon(&project);
    let attempts = sent(&systems);
    let taken = attempts.iter().filter(|tried| tried["status"] == 200 || tried["status"] == 202);
    assert_eq!(taken.count(), 12, "three events twice, each sent twice: {attempts:?}");
    assert!(attempts.iter().any(|tried| tried["status"] == 0), "{attempts:?}");
    assert_eq!(daemon.terminate().0.code(), Some(0));

    let both = |told: fn(&str) -> String| ["ana", "ben"].map(told).to_vec();
    let safety = both(|login| format!("{login}@example.test: Safety at Work"));
    assert_eq!(lines(&project, "achieved"), safety);
    assert_eq!(lines(&project, "hired"), both(|login| format!("user.created 7{login}")));
    assert_eq!(lines(&project, "reported"), both(|login| format!("insert: A card for {login}")));
}
