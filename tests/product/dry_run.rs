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
        "made would create 1 thing or more\n",
        "  r again  sn.records.get (not sent: it reads what the changes above make)\n",
        "  r beside  sn.records.list (not sent: its input is known after run)\n",
        "  i urgent may fail: VPN is not new; what would handle that is not shown\n",
        "  title: VPN\n",
        "  number: (number of records.create: known after run)\n",
    ];
    assert!(lines.iter().all(|line| told.contains(line)), "{told}");
    assert!(!told.contains("$unknown"), "{told}");
    project.linchpin(&["run", "made", "--sandbox"]).ends_with(0);
}
