//! What `linchpin dry-run` prints of what only the real run can know.

use super::support::Project;

const MADE: &str = r#"
flow: made
connections: { sn: servicenow }
steps:
  - id: make
    call: sn.records.create
    with: { table: incident, short_description: VPN }
  - id: again
    call: sn.records.get
    with: { table: incident, sys_id: "{{ make.sys_id }}" }
  - id: beside
    call: sn.records.list
    with: { table: incident, where: [ { field: parent, value: "{{ make.sys_id }}" } ] }
  - id: urgent
    if: "again.state != '1'"
    fail: "{{ again.short_description }} is not new"
outputs: { record: again, title: again.short_description, number: again.number, beside: beside.count }
"#;

/// What was written is known, and what the system would add to it is not; a list that is asked
/// for by an id may hold others as well.
#[test]
fn a_record_that_would_be_made_can_be_read_again() {
    let project = Project::with(&[("flows/made.yaml", MADE)]);
    let told = project.linchpin(&["dry-run", "made", "--sandbox"]).ends_with(2).stdout;
    let lines = [
        "made would create 1 thing\n",
        "  r again  sn.records.get (not sent: it reads what the changes above make)\n",
        "  r beside  sn.records.list (not sent: its input is known after run)\n",
        "  i urgent may fail: VPN is not new\n",
        "  title: VPN\n",
        "  number: (number of records.create: known after run)\n",
    ];
    assert!(lines.iter().all(|line| told.contains(line)), "{told}");
    assert!(!told.contains("$unknown"), "{told}");
    project.linchpin(&["run", "made", "--sandbox"]).ends_with(0);
}

const LATE: &str = r#"
flow: late
steps:
  - id: t
    timeout: 100ms
    on_error: continue
    parallel: { only: [ { wait: { for: 1h } } ] }
  - id: n
    timeout: 1h
    parallel:
      one: [ { wait: { for: 50ms } } ]
      two: [ { ask: { of: starter, form: { yes: { type: boolean } } } } ]
  - if: steps.t.error.kind == 'timeout'
    then: [ { log: "it was late" } ]
outputs: { t: steps.t.status }
"#;

/// Time passes in a dry run to what is waited for; what must end before that ends late there too.
#[test]
fn a_timeout_that_is_certain_strikes_in_a_dry_run() {
    let project = Project::with(&[("flows/late.yaml", LATE)]);
    let told = project.linchpin(&["dry-run", "late", "--sandbox"]).ends_with(0).stdout;
    for line in ["  i t would not end within its timeout\n", "it was late", "  t: failed\n"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(!told.contains("n would not end"), "{told}");
    let run = ["run", "late", "--sandbox", "--as", "ana@example.test"];
    let told = project.linchpin(&run).ends_with(4).stdout;
    assert!(told.contains("✗ t  not in time"), "{told}");
}

const FILES: &str = r#"
flow: files
connections: { f: files }
steps:
  - id: table
    call: f.csv.write
    with: { path: a.csv, rows: [ { name: Ada } ] }
  - id: same
    call: f.csv.write
    with: { path: a.csv, rows: [ { name: Ada } ] }
  - id: value
    call: f.json.write
    with: { path: a.json, value: { name: Ada } }
  - { id: back, call: f.json.read, with: { path: a.json } }
  - { id: rows, call: f.csv.read, with: { path: a.csv } }
  - for_each: { call: f.csv.stream, with: { path: a.csv } }
    as: row
    steps:
      - { id: each, call: f.json.write, with: { path: "{{ row.name }}.json", value: "{{ row }}" } }
  - { id: ada, call: f.json.read, with: { path: Ada.json } }
outputs: { name: back.value.name, rows: rows.count }
"#;

#[test]
fn a_file_that_would_be_written_can_be_read_again() {
    let project = Project::with(&[("flows/files.yaml", FILES)]);
    let folder = project.path().join("shared");
    std::fs::create_dir(&folder).unwrap();
    let connection = format!("f: {{ spoke: files, folder: {} }}\n", folder.display());
    project.write("connections.yaml", connection);
    let told = project.linchpin(&["dry-run", "files"]).ends_with(2).stdout;
    let lines = [
        "files would create 2 things or more\n",
        "  = same  f.csv.write: nothing to do\n",
        "      write {name of row of a.csv}.json\n",
        "  name: Ada\n",
        "  rows: (count of a.csv: known after run)\n",
    ];
    assert!(lines.iter().all(|line| told.contains(line)), "{told}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing is written");
    project.linchpin(&["run", "files"]).ends_with(0);
}

const MAYBE: &str = r#"
flow: maybe
connections: { sn: servicenow, lms: litmos }
steps:
  - id: made
    call: sn.records.create
    with: { table: incident, short_description: Laptop }
  - id: file
    call: sn.attachments.upload
    with: { sys_id: "{{ made.sys_id }}", file_name: a.txt, text: hi }
  - id: once_more
    call: sn.attachments.upload
    with: { sys_id: "{{ made.sys_id }}", file_name: a.txt, text: hi }
  - if: made.record.urgency == '9'
    then:
      - id: first
        call: lms.users.ensure
        with: { email: zz@example.test, first_name: Zoe, last_name: Zand }
      - id: same
        call: lms.users.ensure
        with: { email: zz@example.test, first_name: Zoe, last_name: Zand }
  - id: again
    call: lms.users.ensure
    with: { email: zz@example.test, first_name: Zoe, last_name: Zand }
"#;

/// What a step that may run would do is done for the steps beside it, and for those after it is
/// not certain.
#[test]
fn what_may_have_been_done_may_still_be_to_do() {
    let project = Project::with(&[("flows/maybe.yaml", MAYBE)]);
    let told = project.linchpin(&["dry-run", "maybe", "--sandbox"]).ends_with(2).stdout;
    let lines = [
        "maybe would create 2 to 4 things\n",
        "  + again  create by lms.users.ensure (may run)\n",
        "  = once_more  sn.attachments.upload: nothing to do\n",
        "  = #4/then.same  lms.users.ensure: nothing to do\n",
    ];
    assert!(lines.iter().all(|line| told.contains(line)), "{told}");
    let done = project.linchpin(&["run", "maybe", "--sandbox"]).ends_with(0).stdout;
    assert!(done.contains(" 3 created "), "{done}");
}

const REFUSED: &str = r#"
flow: refused
connections: { api: http }
defaults: { retry: { attempts: 1 } }
steps:
  - { id: query, call: api.request, with: { method: POST, path: "/x?y=1" }, on_error: continue }
  - { id: slash, call: api.put, with: { path: noslash, json: 1 }, on_error: continue }
  - { id: host, call: api.delete, with: { path: "//evil" }, on_error: continue }
  - { id: header, call: api.request, with: { method: POST, path: /x, headers: { "Bad Name": x } }, on_error: continue }
  - { id: dots, call: api.request, with: { method: POST, path: "/x/../y" }, on_error: continue }
"#;

/// What is refused before it is sent is no prediction: the run sends none of it either.
#[test]
fn what_would_be_refused_unsent_is_not_predicted() {
    let url = super::support::answering(|_| (200, serde_json::json!({})));
    let connections = format!("api: {{ spoke: http, url: '{url}', allow_private: true }}\n");
    let project =
        Project::with(&[("flows/refused.yaml", REFUSED), ("connections.yaml", &connections)]);
    let told = project.linchpin(&["dry-run", "refused"]).ends_with(0).stdout;
    assert!(told.starts_with("refused would change nothing"), "{told}");
    let failures = told.lines().filter(|line| line.contains(" would fail: "));
    assert_eq!(failures.count(), 5, "{told}");
    let run = project.linchpin(&["run", "refused"]).ends_with(0).stdout;
    assert!(run.contains("5 failed, which was handled, nothing changed"), "{run}");
}

const SAME: &str = r#"
flow: same
connections: { sn: servicenow }
steps:
  - { id: made, call: sn.records.create, with: { table: incident, fields: { short_description: New, impact: 3 } } }
  - { id: again, call: sn.records.update, with: { table: incident, sys_id: "{{ made.sys_id }}", fields: { impact: "3" } } }
  - id: ensured
    for_each: range(0, 2)
    as: n
    steps:
      - call: sn.records.ensure
        with: { table: sys_user_group, match: { name: Night Shift }, fields: { active: true } }
"#;

/// ServiceNow keeps texts: a number or a boolean that was written is no other value when it is read.
#[test]
fn a_value_is_the_same_in_a_dry_run_whatever_type_it_was_written_as() {
    let project = Project::with(&[("flows/same.yaml", SAME)]);
    let told = project.linchpin(&["dry-run", "same", "--sandbox"]).ends_with(2).stdout;
    assert!(told.starts_with("same would create 2 things\n"), "{told}");
    let run = project.linchpin(&["run", "same", "--sandbox"]).ends_with(0).stdout;
    assert!(run.contains(": 4 calls, 2 created (run"), "{run}");
}

const TAKEN: &str = r#"
flow: taken
connections: { lms: litmos, st: sumtotal }
steps:
  - { id: tom, call: lms.users.create, with: { email: tom.reed@example.test, first_name: T, last_name: R }, on_error: continue }
  - { id: night, call: lms.teams.create, with: { name: Night } }
  - { id: again, call: lms.teams.create, with: { name: night }, on_error: continue }
  - { id: su, call: st.users.create, with: { user: "100306", login: x, first_name: T, last_name: R }, on_error: continue }
"#;

/// A name that is taken, or would be by then, is a failure in the dry run as in the run.
#[test]
fn what_is_taken_is_not_foretold_as_made() {
    let project = Project::with(&[("flows/taken.yaml", TAKEN)]);
    let told = project.linchpin(&["dry-run", "taken", "--sandbox"]).ends_with(2).stdout;
    assert!(told.starts_with("taken would create 1 thing\n"), "{told}");
    for step in ["tom", "again", "su"] {
        assert!(told.contains(&format!("  i {step} would fail: ")), "{told}");
    }
    let run = project.linchpin(&["run", "taken", "--sandbox"]).ends_with(0).stdout;
    assert!(run.contains("3 failed, which was handled, 1 created"), "{run}");
}
