//! Runs that wait, are killed, answered, resumed and cancelled.

use crate::tools::{ASKS, Project, WAITS};

fn newest(project: &Project) -> (String, String) {
    let listed = project.json(&["runs", "list"]);
    let run = &listed["runs"][0];
    (run["run"].as_str().unwrap().to_owned(), run["state"].as_str().unwrap().to_owned())
}

#[test]
fn a_question_without_a_terminal_is_answered_by_the_command_it_prints() {
    let project = Project::with(&[("asks.yaml", ASKS)]);
    let asked = project.run(&["run", "asks"]);
    assert_eq!(asked.code, 4, "{}{}", asked.out, asked.err);
    let (run, _) = newest(&project);
    let command = format!("linchpin runs answer {run} fruit -v names=...");
    assert!(asked.out.contains(&command), "{}", asked.out);
    let shown = project.run(&["runs", "show", &run]);
    assert!(shown.out.starts_with("asks: waiting"), "{}", shown.out);
    let wrong = project.run(&["runs", "answer", &run, "-v", "name=fig"]);
    assert_eq!(wrong.code, 3, "{}", wrong.err);
    let answered = project.run(&["runs", "answer", &run, "-v", "names=figs,plums"]);
    assert_eq!(answered.code, 0, "{}{}", answered.out, answered.err);
    assert!(answered.out.contains("figs and plums it is\n  n: 2\n"), "{}", answered.out);
    let again = project.run(&["runs", "answer", &run, "-v", "names=figs"]);
    assert_eq!(again.code, 3, "{}", again.err);
}

#[test]
fn commands_reach_a_run_through_the_process_that_drives_it() {
    let project = Project::with(&[("waits.yaml", WAITS), ("asks.yaml", ASKS)]);
    let driving = project.start(&["run", "waits"], "pause");
    let (run, state) = newest(&project);
    assert_eq!(state, "waiting");
    let asked = project.run(&["run", "asks"]);
    assert_eq!(asked.code, 4, "{}{}", asked.out, asked.err);
    let cancelled = project.run(&["runs", "cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    drop(driving);
    assert_eq!(project.json(&["runs", "show", &run])["state"], "cancelled");
}

#[test]
fn a_killed_run_that_waits_still_waits_and_is_gone_on_with_by_its_prefix() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    project.start(&["run", "waits"], "pause").kill();
    let (run, state) = newest(&project);
    assert_eq!(state, "waiting");
    assert_eq!(project.run(&["runs", "list", "--state", "waiting"]).out.lines().count(), 2);
    let resumed = project.start(&["runs", "resume", &run[..20]], "pause");
    assert_eq!(newest(&project).1, "waiting");
    drop(resumed);
    assert_eq!(project.run(&["runs", "cancel", &run, "--force"]).code, 0);
    assert_eq!(newest(&project).1, "cancelled");
}

#[test]
fn an_interrupted_command_says_how_to_go_on() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    assert_eq!(project.start(&["run", "waits"], "pause").signal("INT"), 130);
    assert_eq!(newest(&project).1, "waiting");
}

#[test]
fn a_second_start_with_a_key_finds_the_first_run() {
    let project = Project::with(&[("asks.yaml", ASKS)]);
    let ids = ["1", "2"].map(|_| project.json(&["run", "asks", "--key", "monday"])["run"].clone());
    assert_eq!(ids[0], ids[1]);
    assert!(ids[0].is_string());
}

#[test]
fn a_run_whose_process_ends_is_gone_on_with_by_the_one_that_watches_it() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    let driving = project.start(&["run", "waits"], "pause");
    let watching = project.start(&["run", "waits"], "pause");
    let (run, state) = newest(&project);
    assert_eq!(state, "waiting");
    assert_eq!(driving.signal("INT"), 130);
    let cancelled = project.run(&["runs", "cancel", &run]);
    assert_eq!(cancelled.code, 0, "{}{}", cancelled.out, cancelled.err);
    assert_eq!(watching.ends(), 1);
}

#[test]
fn a_step_held_before_anything_was_sent_is_not_said_to_have_changed_anything() {
    let flow = "flow: reads\nconnections: { hr: servicenow }\nsteps:\n  \
        - { id: hires, call: hr.records.list, with: { table: sys_user } }\n";
    let project = Project::with(&[("reads.yaml", flow)]);
    let held = project.run(&["run", "reads"]);
    assert_eq!(held.code, 4, "{}{}", held.out, held.err);
    assert!(held.out.contains("there is no connection hr"), "{}", held.out);
    assert!(held.out.contains("nothing changed"), "{}", held.out);
    assert!(!held.out.contains("may have been made"), "{}", held.out);
    assert!(
        held.out.contains("once that is there, go on with: linchpin runs resume "),
        "{}",
        held.out
    );
    assert!(!held.out.contains("--not-done"), "{}", held.out);
}

#[test]
fn reads_of_a_stream_are_counted_and_so_is_a_failure_that_was_handled() {
    let flow = "flow: reads
connections: { st: sumtotal, lms: litmos }
steps:
  - for_each: { call: st.activities.stream, with: { active: true } }
    as: one
    collect: one.id
  - try:
      - { id: lost, call: lms.courses.get, with: { course: \"no-such-course\" } }
    catch:
      - log: not there
";
    let project = Project::with(&[("reads.yaml", flow)]);
    let done = project.run(&["run", "reads", "--sandbox"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let counts = ": 2 calls, 1 failed, which was handled, nothing changed (run ";
    assert!(done.out.contains(counts), "{}", done.out);
}

#[test]
fn a_connection_that_was_never_tested_is_said_to_be_that() {
    let project = Project::with(&[]);
    let connections = "web: { spoke: http, url: \"https://api.example.com\" }\n\
                       lms: { spoke: litmos, url: \"https://api.litmos.com/v1.svc\" }\n";
    std::fs::write(project.path().join("connections.yaml"), connections).unwrap();
    let listed = project.run(&["connections", "list"]);
    let line = |alias: &str| listed.out.lines().find(|line| line.starts_with(alias)).unwrap();
    assert!(line("web").contains("not tested"), "{}", listed.out);
    assert!(line("lms").contains("not active") && line("lms").contains("has no api_key"));
    let removed = project.run(&["connections", "remove", "wbe"]);
    assert!(removed.err.contains("there is no connection wbe"), "{}", removed.err);
}

#[test]
fn what_was_said_in_calls_that_fail_is_shown_where_it_is_asked_for() {
    let flow = "flow: asks_litmos
connections: { lms: litmos }
steps:
  - id: fine
    call: lms.courses.list
    with: { codes: [NET101] }
  - id: missing
    call: lms.courses.get
    with: { course: \"no-such-course\" }
outputs: { n: size(fine.ids) }
";
    let logs = |settings: &str| {
        let project = Project::with(&[("asks_litmos.yaml", flow)]);
        std::fs::write(project.path().join("linchpin.yaml"), settings).unwrap();
        let done = project.run(&["run", "asks_litmos", "--sandbox"]);
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        let listed = project.json(&["runs", "list", "--sandbox"]);
        let run = listed["runs"][0]["run"].as_str().unwrap().to_owned();
        project.run(&["runs", "logs", &run, "--sandbox"]).out
    };
    let quiet = logs("");
    assert!(!quiet.contains("GET /courses"), "{quiet}");
    let failures = logs("capture: failures\n");
    assert!(failures.contains("missing  → GET /courses/no-such-course"), "{failures}");
    assert!(failures.contains(": 404 in "), "{failures}");
    assert!(!failures.contains("fine  →"), "{failures}");
    let all = logs("capture: all\n");
    assert!(all.contains("fine  → GET /courses?"), "{all}");
    assert!(all.contains("got  [{"), "{all}");
}

#[test]
fn a_list_may_be_longer_than_a_server_gives_at_once() {
    let many = "\
flow: many
steps:
  - id: each
    for_each: range(0, 1005)
    as: n
    parallel: 64
    steps:
      - { id: one, call: flow.one, detach: true }
";
    let one = "flow: one\nsteps:\n  - log: there\n";
    let project = Project::with(&[("many.yaml", many), ("one.yaml", one)]);
    let done = project.run(&["run", "many"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let n_listed = |limit: &str| {
        let listed = project.json(&["runs", "list", "-n", limit]);
        listed["runs"].as_array().unwrap().len()
    };
    assert_eq!(n_listed("2000"), 1006);
    assert_eq!(n_listed("1003"), 1003);
    assert_eq!(n_listed("3"), 3);
}

const TAGS: &str = "\
flow: tags
inputs: { tags: { type: list, items: string } }
steps:
  - wait: { for: 1h }
";

#[test]
fn a_run_is_found_by_what_was_typed_and_a_state_that_is_none_is_named() {
    let project = Project::with(&[("tags.yaml", TAGS)]);
    project.start(&["run", "tags", "-i", "tags=a,b"], "wait").kill();
    let (run, _) = newest(&project);
    let found = project.json(&["runs", "list", "--input", "tags=a,b"]);
    assert_eq!(found["runs"][0]["run"], *run, "{found}");
    assert_eq!(project.run(&["runs", "list", "--input", "tags=a"]).out, "no run matches\n");
    let refused = project.run(&["runs", "list", "--state", "fail"]);
    assert_eq!(refused.code, 3, "{}", refused.out);
    assert!(refused.err.contains("the states are queued, running"), "{}", refused.err);
}

#[test]
fn what_a_run_waits_for_and_who_cancelled_it_is_explained() {
    let project = Project::with(&[("waits.yaml", WAITS)]);
    project.start(&["run", "waits"], "pause").kill();
    let (run, _) = newest(&project);
    let why = project.json(&["runs", "explain", &run]);
    assert!(why["why"].as_str().unwrap().starts_with("waits until 2"), "{why}");
    assert_eq!(why["commands"], serde_json::json!([format!("linchpin runs resume {run}")]));
    assert_eq!(project.run(&["runs", "cancel", &run, "--force"]).code, 0);
    let why = project.json(&["runs", "explain", &run]);
    let words = why["why"].as_str().unwrap();
    assert!(words.starts_with("cancel") && words.contains(" by "), "{why}");
}

const SAYS: &str = "\
flow: says
steps:
  - log: before the question
  - { id: which, ask: { of: starter, form: { n: { type: integer } } } }
  - log: after it
";

#[test]
fn what_a_flow_says_is_shown_before_what_it_waits_for() {
    let project = Project::with(&[("says.yaml", SAYS)]);
    let asked = project.run(&["run", "says"]);
    assert!(asked.out.contains("before the question\n  … which  asks starter"), "{}", asked.out);
    assert_eq!(asked.out.matches("before the question").count(), 1, "{}", asked.out);
    let (run, _) = newest(&project);
    let answered = project.run(&["runs", "answer", &run, "-v", "n=1"]);
    assert!(answered.out.contains("answered by "), "{}", answered.out);
    assert!(answered.out.contains("after it\n✓ says succeeded"), "{}", answered.out);
}
