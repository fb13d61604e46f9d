//! The integration of Litmos with ServiceNow, as its article numbers it in docs/behaviours.md.

use serde_json::{Value, json};

use crate::product::support::{Done, Project, Systems, http};

const NO_PERMISSION: &str = "This requires an \"Administrator\" access level.";

/// A project whose aliases lead to the systems, with nothing configured yet.
fn project(systems: &Systems) -> Project {
    let project = Project::of_the_repository();
    project.write("connections.yaml", systems.connections());
    project
}

fn configure(project: &Project, key: &str) -> Done {
    let mut command =
        project.command(&["connections", "configure", "lms", "--secret", "api_key=env:KEY"]);
    command.env("KEY", key);
    Done::of(&mut command)
}

fn shown(project: &Project) -> Value {
    project.linchpin(&["connections", "show", "lms", "--json"]).ends_with(0).json()
}

fn assign(project: &Project, agent: &str, more: &[&str]) -> Done {
    let agent = format!("{agent}@example.test");
    let command = ["run", "assign_courses", "--as", &agent, "-i", "incident=INC0010001"];
    project.linchpin(&[&command[..], more].concat())
}

#[test]
fn litmos_5_6_7_8_a_pasted_key_is_tested_and_shows_the_endpoints_once_it_is_active() {
    let systems = Systems::start(61);
    let project = project(&systems);
    assert_eq!(shown(&project)["active"], false);
    assert_eq!(shown(&project)["endpoints"], json!([]), "none before it is active");

    // A key that is refused, and an empty one, leave it as it is and say so.
    let refused = configure(&project, "not-a-key-of-litmos").ends_with(5);
    assert!(refused.all().contains("nothing was saved"), "{}", refused.all());
    assert!(!refused.all().contains("not-a-key-of-litmos"), "{}", refused.all());
    let empty = configure(&project, "");
    assert_ne!(empty.code, Some(0), "{}", empty.all());
    assert!(empty.all().contains("empty"), "{}", empty.all());
    assert_eq!(shown(&project)["active"], false);

    // The test of a key is one small read.
    let before = systems.get("/ledger?system=litmos")["count"].as_u64().unwrap();
    let key = systems.secret("litmos", "integration_api_key");
    configure(&project, key).ends_with(0);
    let asked = systems.get("/ledger?system=litmos");
    assert_eq!(asked["count"].as_u64().unwrap() - before, 1, "{asked}");
    let last = asked["requests"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["method"], &last["path"]), (&json!("GET"), &json!("/v1.svc/users")));

    let active = shown(&project);
    assert_eq!(active["active"], true, "{active}");
    let endpoints = active["endpoints"].to_string();
    for path in ["/v1.svc/users", "/v1.svc/courses"] {
        assert!(endpoints.contains(path), "{endpoints}");
    }
    assert!(!active.to_string().contains(key), "the key never shows");
    // The endpoints follow from the form: they are no fields of it.
    let edited = ["connections", "configure", "lms", "--set", "Users=http://127.0.0.1:1/users"];
    let edited = project.linchpin(&edited);
    assert_ne!(edited.code, Some(0), "{}", edited.all());
    assert_eq!(shown(&project)["endpoints"], active["endpoints"]);
}

#[test]
fn litmos_9_a_flow_on_a_connection_that_is_not_active_says_what_to_configure() {
    let systems = Systems::start(62);
    let project = project(&systems);
    let refused = assign(&project, "kim.lo", &["-i", "courses=NET101"]);
    assert_ne!(refused.code, Some(0), "{}", refused.all());
    assert!(refused.all().contains("linchpin connections configure"), "{}", refused.all());
    assert_eq!(systems.get("/effects")["count"], 0);
}

#[test]
fn litmos_19_20_the_window_lists_what_the_acting_person_may_see() {
    const SEEN: &str = "
flow: seen
connections: { lms: litmos }
inputs: { who: { type: string, required: true } }
steps:
  - id: window
    call: lms.courses.list_assignable
    with: { agent: \"{{ inputs.who }}\" }
outputs:
  n: window.count
  codes: window.courses.map(c, c.code)
  inactive: window.courses.exists(c, c.active != true)
";
    let project = Project::with(&[("flows/seen.yaml", SEEN)]);
    let seen = |who: &str| {
        let input = format!("who={who}@example.test");
        let done = project.linchpin(&["run", "seen", "--sandbox", "--json", "-i", &input]);
        done.ends_with(0).json()["outputs"].clone()
    };
    // Account owners and administrators: every active course.
    for who in ["maya.stone", "kim.lo"] {
        let all = seen(who);
        assert!(all["n"].as_u64().unwrap() > 100, "{who}: {all}");
        assert_eq!(all["inactive"], false, "{who}: {all}");
    }
    // A team leader: what is assigned to them. Learners and people without an account: nothing.
    assert_eq!(seen("lee.park")["codes"], json!(["LEAD-300", "ITSM-130"]));
    assert_eq!(seen("sam.cole")["n"], 0);
    assert_eq!(seen("eva.lind")["n"], 0);
}

/// The run that waits for the choice of courses.
fn asked(project: &Project) -> String {
    let asked = assign(project, "kim.lo", &[]).ends_with(4).all();
    let command = asked.lines().find_map(|line| line.split_once("linchpin runs answer "));
    let (_, command) = command.unwrap_or_else(|| panic!("no command is told: {asked}"));
    command.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn litmos_23_with_no_course_chosen_nothing_is_sent() {
    let systems = Systems::start(63);
    let project = project(&systems);
    systems.configure(&project);
    let run = asked(&project);
    let before = systems.get("/ledger?system=litmos&method=POST")["count"].clone();
    let none = project.linchpin(&["runs", "answer", &run, "choice", "-v", "courses=[]"]);
    let none = none.ends_with(3);
    assert!(none.stderr.contains("choose at least one"), "{}", none.all());
    assert_eq!(systems.get("/ledger?system=litmos&method=POST")["count"], before);
}

#[test]
fn litmos_29_the_access_level_is_read_when_courses_are_assigned() {
    let systems = Systems::start(64);
    let project = project(&systems);
    systems.configure(&project);
    let run = asked(&project);
    // Kim opened the window as an administrator and is a team leader by now, who sees courses of
    // their own and may not assign them.
    let key = systems.secret("litmos", "api_key");
    let at = |path: &str| {
        let joint = if path.contains('?') { '&' } else { '?' };
        let url = systems.url("litmos");
        format!("{url}{path}{joint}source=t&format=json&apikey={key}")
    };
    let found = http("GET", &at("/users/kim.lo@example.test"), None);
    let kim = found["Id"].as_str().unwrap();
    let course = http("GET", &at("/courses?search=NET101"), None)[0]["Id"].clone();
    write("POST", &at(&format!("/users/{kim}/courses")), &json!([{ "Id": course }]));
    let level = json!({ "Id": kim, "AccessLevel": "Team_Leader" });
    write("PUT", &at(&format!("/users/{kim}")), &level);
    let before = systems.get("/effects?system=litmos&kind=assign")["count"].clone();
    let answer = ["runs", "answer", &run, "choice", "-v", "courses=NET101"];
    let refused = project.linchpin(&answer);
    assert_ne!(refused.code, Some(0), "{}", refused.all());
    assert!(refused.all().contains(NO_PERMISSION), "{}", refused.all());
    assert_eq!(systems.get("/effects?system=litmos&kind=assign")["count"], before);
}

/// A write whose answer is empty.
fn write(method: &str, url: &str, body: &Value) {
    use std::io::{Read, Write};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let body = body.to_string();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

#[test]
fn litmos_31_what_was_not_confirmed_is_not_claimed_and_a_later_run_is_safe() {
    let systems = Systems::start(65);
    let project = project(&systems);
    systems.configure(&project);
    let fault = json!({ "kind": "status", "system": "litmos", "method": "POST",
                        "path": "/users/*/courses", "status": 504 });
    systems.post("/faults", &fault);
    let courses = ["-i", "courses=NET101"];
    let failed = assign(&project, "kim.lo", &courses);
    assert_ne!(failed.code, Some(0), "{}", failed.all());
    assert!(!failed.stdout.contains("You have successfully assigned"), "{}", failed.stdout);
    let assigned = || systems.get("/effects?system=litmos&kind=assign")["count"].clone();
    assert_eq!(assigned(), 0);
    // The answer is lost after the write: the course is read back, not assigned twice.
    http("DELETE", &format!("{}/faults", systems.control()), None);
    let mut lost = fault.clone();
    lost["kind"] = json!("reset_after_commit");
    lost["times"] = json!(1);
    systems.post("/faults", &lost);
    let done = assign(&project, "kim.lo", &courses).ends_with(0);
    let success = "You have successfully assigned these courses: Network Basics";
    assert!(done.has_line(success), "{}", done.stdout);
    assert_eq!(assigned(), 1);
}

#[test]
fn litmos_32_the_incident_says_who_assigned_what_to_whom() {
    let systems = Systems::start(66);
    let project = project(&systems);
    systems.configure(&project);
    assign(&project, "kim.lo", &["-i", "courses=SAFETY-101,NET101"]).ends_with(0);
    let notes = systems.get("/state/servicenow/sys_journal_field");
    let notes: Vec<&Value> = notes.as_object().unwrap().values().collect();
    let [note] = notes[..] else { panic!("one note: {notes:?}") };
    assert_eq!(note["element"], "work_notes");
    let text = note["value"].as_str().unwrap();
    for part in ["kim.lo@example.test", "ana.ruiz@example.test", "Safety at Work, Network Basics"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Refuses whoever lacks the role of the Litmos app, by either of its spellings.
const GUARDED: &str = "
flow: guarded
connections: { sn: servicenow }
inputs: { who: { type: string, required: true } }
steps:
  - id: agent
    call: sn.users.find
    with: { email: \"{{ inputs.who }}@example.test\" }
  - id: rights
    call: sn.users.roles
    with:
      user: \"{{ agent.sys_id }}\"
      any_of: [\"x_litmos_litmos_int.Litmos Training User\", \"x_litmo_litmos_int.Litmos Training User\"]
  - if: \"!rights.has\"
    fail: { kind: forbidden, message: \"Assign Courses needs the role Litmos Training User\" }
outputs: { direct: rights.direct }
";

/// Gives or takes roles of a person.
const GRANT: &str = "
flow: grant
connections: { sn: servicenow }
inputs: { who: { type: string, required: true }, role: { type: string, required: true }, take: { type: boolean, default: false } }
steps:
  - id: person
    call: sn.users.find
    with: { email: \"{{ inputs.who }}@example.test\" }
  - if: inputs.take
    then:
      - call: sn.users.remove_roles
        with: { user: \"{{ person.sys_id }}\", roles: [\"{{ inputs.role }}\"] }
    else:
      - call: sn.users.add_roles
        with: { user: \"{{ person.sys_id }}\", roles: [\"{{ inputs.role }}\"] }
";

#[test]
fn litmos_10_11_12_13_14_without_the_role_a_flow_refuses_however_the_role_is_held_it_passes() {
    let project = Project::with(&[("flows/guarded.yaml", GUARDED), ("flows/grant.yaml", GRANT)]);
    let passes = |who: &str| {
        let input = format!("who={who}");
        let done = project.linchpin(&["run", "guarded", "--sandbox", "-i", &input]);
        if done.code != Some(0) {
            assert!(done.all().contains("needs the role Litmos Training User"), "{}", done.all());
        }
        done.code == Some(0)
    };
    let grant = |who: &str, role: &str, take: &str| {
        let inputs = [format!("who={who}"), format!("role={role}"), format!("take={take}")];
        let inputs = inputs.each_ref().map(String::as_str);
        let command =
            ["run", "grant", "--sandbox", "-i", inputs[0], "-i", inputs[1], "-i", inputs[2]];
        project.linchpin(&command).ends_with(0);
    };
    // Through a role that contains it, by itself, and as an administrator; without it, not.
    assert!(passes("kim.lo"), "itil contains the role");
    assert!(passes("sam.cole"), "it was given to one person");
    assert!(passes("maya.stone"), "admin has every role");
    assert!(!passes("eva.lind"));
    // Given to one person, and to one more by the role around it; taken away again.
    let role = "x_litmos_litmos_int.Litmos Training User";
    grant("eva.lind", role, "false");
    grant("omar.diaz", "itil", "false");
    assert!(passes("eva.lind") && passes("omar.diaz"));
    grant("eva.lind", role, "true");
    grant("omar.diaz", "itil", "true");
    assert!(!passes("eva.lind") && !passes("omar.diaz"));
}
