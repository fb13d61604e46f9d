//! Litmos: people, teams, results and imports.

use serde_json::json;

use super::run;
use crate::product::support::Project;

const PEOPLE: &str = r#"
flow: litmos_people
connections: { lms: litmos }
steps:
  - id: nobody
    call: lms.users.get
    with: { user: ana.ruiz@example.test }
  - id: made
    call: lms.users.create
    with: { email: ana.ruiz@example.test, first_name: Ana, last_name: Ruiz, job_title: Engineer }
  - id: changed
    call: lms.users.update
    with: { user: "{{ made.id }}", job_title: Lead, company: Acme, custom_1: Blue }
  - id: same
    call: lms.users.update
    with: { user: "{{ made.id }}", job_title: Lead }
  - id: fields
    call: lms.users.set_custom_fields
    with: { user: "{{ made.id }}", fields: { Region: North } }
  - id: held
    call: lms.users.get_custom_fields
    with: { user: "{{ made.id }}" }
  - id: off
    call: lms.users.deactivate
    with: { user: "{{ made.id }}" }
  - id: shown
    call: lms.users.get
    with: { user: "{{ made.id }}" }
  - id: active
    call: lms.users.list
    with: { search: ana.ruiz }
  - id: every
    call: lms.users.list
    with: { search: ana.ruiz, inactive: true }
  - id: on
    call: lms.users.reactivate
    with: { user: "{{ made.id }}" }
  - id: recent
    for_each: { call: lms.users.stream, with: { created_since: "2025-06-01T00:00:00Z" } }
    as: user
    collect: user.user_name
  - id: gone
    call: lms.users.delete
    with: { user: "{{ made.id }}" }
outputs:
  found: nobody.found
  changed: changed.changed
  same: same.changed
  custom: held.fields.Region
  off: off.changed
  shown: "{'active': shown.active, 'title': shown.user.job_title, 'company': shown.user.company, 'custom': shown.user.custom_1}"
  active: active.count
  every: every.count
  on: on.changed
  recent: recent.items
  gone: gone.deleted
"#;

#[test]
fn people_are_made_changed_and_put_out_of_use_in_litmos() {
    let (project, outputs) = run(PEOPLE);
    assert_eq!(outputs["found"], false);
    assert_eq!(outputs["changed"], json!(["company", "custom_1", "job_title"]));
    assert_eq!(outputs["same"], json!([]));
    assert_eq!(outputs["custom"], "North");
    let shown = json!({ "active": false, "title": "Lead", "company": "Acme", "custom": "Blue" });
    assert_eq!(outputs["shown"], shown);
    assert_eq!((&outputs["active"], &outputs["every"]), (&json!(0), &json!(1)));
    assert_eq!(outputs["recent"], json!(["ana.ruiz@example.test"]));
    for what in ["off", "on", "gone"] {
        assert_eq!(outputs[what], true, "{what}");
    }
    let effects = project.sandbox_effects();
    // Whoever has a login key can log in as that person: it is read by nothing.
    let runs = project.linchpin(&["runs", "list", "--sandbox", "--json"]).ends_with(0);
    assert!(!runs.stdout.contains("loginkey="), "{}", runs.stdout);
    assert_eq!(
        effects.lines().filter(|line| line.starts_with("{\"effect\"")).count(),
        6,
        "{effects}"
    );
}

const TEAM: &str = r#"
flow: litmos_team
connections: { lms: litmos }
steps:
  - id: team
    call: lms.teams.ensure
    with: { name: Night Shift, description: From ten }
  - id: again
    call: lms.teams.ensure
    with: { name: night shift }
  - id: tom
    call: lms.users.find
    with: { email: tom.reed@example.test }
  - id: rosa
    call: lms.users.find
    with: { email: rosa.bell@example.test }
  - id: wanted
    call: lms.courses.list
    with: { codes: [VPN-120, GDPR-201] }
  - id: given
    call: lms.teams.assign_courses
    with: { team: "{{ team.id }}", courses: "{{ wanted.ids }}" }
  - id: joined
    call: lms.teams.add_users
    with: { team: "{{ team.id }}", users: ["{{ tom.id }}", "{{ rosa.id }}"] }
  - id: leads
    call: lms.teams.add_leaders
    with: { team: "{{ team.id }}", users: ["{{ rosa.id }}"] }
  - id: leaders
    call: lms.teams.list_users
    with: { team: "{{ team.id }}", who: leaders }
  - id: paths
    call: lms.learning_paths.list
    with: { names: [first week at acme] }
  - id: path
    call: lms.learning_paths.get
    with: { path: "{{ paths.ids.[0] }}" }
  - id: walked
    call: lms.teams.assign_learning_paths
    with: { team: "{{ team.id }}", paths: "{{ paths.ids }}" }
  - id: of_tom
    call: lms.user_courses.list
    with: { user: "{{ tom.id }}" }
  - id: teams_of_tom
    call: lms.user_teams.list
    with: { user: "{{ tom.id }}" }
  - id: renamed
    call: lms.teams.update
    with: { team: "{{ team.id }}", name: Late Shift }
  - id: fewer
    call: lms.teams.unassign_courses
    with: { team: "{{ team.id }}", courses: ["{{ wanted.ids.[0] }}"] }
  - id: no_path
    call: lms.teams.unassign_learning_paths
    with: { team: "{{ team.id }}", paths: "{{ paths.ids }}" }
  - id: left
    call: lms.teams.list_courses
    with: { team: "{{ team.id }}" }
  - id: demoted
    call: lms.teams.remove_leaders
    with: { team: "{{ team.id }}", users: ["{{ rosa.id }}"] }
  - id: out
    call: lms.teams.remove_users
    with: { team: "{{ team.id }}", users: ["{{ tom.id }}"] }
  - id: named
    call: lms.teams.get
    with: { name: late shift }
  - id: gone
    call: lms.teams.delete
    with: { team: "{{ team.id }}" }
  - id: rest
    call: lms.teams.list
    with: { search: shift }
outputs:
  created: "[team.created, again.created]"
  same: team.id == again.id
  given: size(given.assigned)
  joined: size(joined.added)
  leads: size(leads.added)
  leader: leaders.users.map(u, u.user_name)
  courses_of_path: path.courses.map(c, c.code)
  walked: size(walked.assigned)
  codes: sort(of_tom.courses.map(c, c.code))
  teams: teams_of_tom.teams.map(t, t.name)
  renamed: renamed.changed
  left: left.courses.map(c, c.code)
  out: size(out.removed)
  named: named.name
  gone: gone.deleted
  rest: rest.count
"#;

#[test]
fn a_team_gets_its_people_courses_and_paths_in_litmos() {
    let (_project, outputs) = run(TEAM);
    assert_eq!(outputs["created"], json!([true, false]));
    assert_eq!(outputs["same"], true);
    assert_eq!((&outputs["given"], &outputs["joined"]), (&json!(2), &json!(2)));
    assert_eq!(outputs["leader"], json!(["rosa.bell@example.test"]));
    assert_eq!(outputs["courses_of_path"], json!(["WELCOME-100", "CULTURE-102"]));
    let codes = json!(["COC-100", "CULTURE-102", "GDPR-201", "NET101", "VPN-120", "WELCOME-100"]);
    assert_eq!(outputs["codes"], codes);
    assert_eq!(outputs["teams"], json!(["Night Shift"]));
    assert_eq!(outputs["renamed"], json!(["name"]));
    assert_eq!(outputs["left"], json!(["GDPR-201"]));
    assert_eq!(outputs["named"], "Late Shift");
    assert_eq!((&outputs["gone"], &outputs["rest"]), (&json!(true), &json!(0)));
}

const RESULTS: &str = r#"
flow: litmos_results
connections: { lms: litmos }
steps:
  - id: tom
    call: lms.users.find
    with: { email: tom.reed@example.test }
  - id: course
    call: lms.courses.list
    with: { codes: [NET101] }
  - id: parts
    call: lms.courses.get
    with: { course: "{{ course.ids.[0] }}" }
  - id: before
    call: lms.user_courses.get
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}" }
  - id: one
    call: lms.results.complete_module
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}", module: "{{ parts.modules.[0].id }}", score: 80 }
  - id: half
    call: lms.user_courses.get
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}" }
  - id: rest
    call: lms.results.complete_course
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}" }
  - id: done
    call: lms.user_courses.get
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}" }
  - id: prizes
    for_each: { call: lms.achievements.stream, with: { user: "{{ tom.id }}" } }
    as: prize
    collect: prize.title
  - id: who
    call: lms.courses.list_users
    with: { course: "{{ course.ids.[0] }}", complete: true }
  - id: results
    for_each: { call: lms.results.stream, with: { since: "2020-01-01T00:00:00Z", complete: true } }
    as: line
    collect: "line.user_name + ' ' + line.code"
  - id: again
    call: lms.courses.reset
    with: { user: "{{ tom.id }}", course: "{{ course.ids.[0] }}" }
  - id: begun
    call: lms.imports.start
    with:
      users:
        - { user_name: ana.ruiz@example.test, first_name: Ana, last_name: Ruiz, courses: ["590003-NET101"] }
        - { user_name: omar.diaz@example.test, first_name: Omar, last_name: Diaz, email: nowhere }
  - id: imported
    call: lms.imports.get
    with: { import_id: "{{ begun.import_id }}" }
  - id: imports
    call: lms.imports.list
outputs:
  before: before.percentage
  half: half.percentage
  marked: rest.marked
  done: done.complete
  prizes: prizes.items
  who: who.users.map(u, u.user_name)
  results: results.items
  reset: again.reset
  states: "[begun.status, imported.status]"
  figures: "[imported.total, imported.created, imported.failed, imported.figures.invalid_emails]"
  imports: imports.count
"#;

#[test]
fn results_are_marked_read_and_reset_and_people_imported_in_litmos() {
    for wire in ["json", "xml"] {
        let project = Project::with(&[("flows/litmos_results.yaml", RESULTS)]);
        project.write(
            "connections.yaml",
            format!("lms: {{ spoke: litmos, attributes: {{ wire: {wire} }} }}\n"),
        );
        let done = project.linchpin(&["run", "litmos_results", "--sandbox", "--json"]).ends_with(0);
        let outputs = done.json()["outputs"].clone();
        assert_eq!((&outputs["before"], &outputs["half"]), (&json!(0.0), &json!(50.0)), "{wire}");
        assert_eq!((&outputs["marked"], &outputs["done"]), (&json!(1), &json!(true)), "{wire}");
        assert_eq!(outputs["prizes"], json!(["Network Basics"]), "{wire}");
        assert_eq!(outputs["who"], json!(["tom.reed@example.test"]), "{wire}");
        assert_eq!(outputs["results"], json!(["tom.reed@example.test NET101"]), "{wire}");
        assert_eq!(outputs["reset"], true, "{wire}");
        assert_eq!(outputs["states"], json!(["Waiting", "Completed"]), "{wire}");
        assert_eq!(outputs["figures"], json!([2, 1, 1, 1]), "{wire}");
        assert_eq!(outputs["imports"], 1, "{wire}");
    }
}

const UNKNOWN: &str = r#"
flow: unknown
connections: { lms: litmos }
limits: { create: 2 }
steps:
  - { id: who, call: lms.users.find, with: { email: tom.reed@example.test } }
  - id: none
    call: lms.courses.assign
    with: { user: "{{ who.id }}", courses: [nope-1, nope-2] }
    on_error: continue
  - { id: wanted, call: lms.courses.list, with: { codes: [VPN-120, GDPR-201] } }
  - { id: two, call: lms.courses.assign, with: { user: "{{ who.id }}", courses: "{{ wanted.ids }}" } }
outputs: { none: steps.none.error.message, two: two.assigned }
"#;

/// What Litmos silently left out is neither counted nor held against a limit.
#[test]
fn what_a_system_did_not_do_is_not_counted_as_done() {
    let project = Project::with(&[("flows/unknown.yaml", UNKNOWN)]);
    let told = project.linchpin(&["run", "unknown", "--sandbox"]).ends_with(0).stdout;
    assert!(told.contains("1 failed, which was handled, 2 created"), "{told}");
    let run = project.linchpin(&["runs", "list", "--sandbox", "--json"]).ends_with(0).json();
    let run = run["runs"][0]["run"].as_str().unwrap().to_owned();
    let told = project.linchpin(&["runs", "explain", &run, "--sandbox"]).ends_with(0).stdout;
    assert!(told.contains("1 write took effect"), "{told}");
}
