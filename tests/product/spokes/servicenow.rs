//! ServiceNow: records, journals, figures, streams, import sets, roles and groups.

use serde_json::json;

use super::run;

const RECORDS: &str = r#"
flow: servicenow_records
connections: { sn: servicenow }
steps:
  - id: caller
    call: sn.users.find
    with: { user_name: ana.ruiz }
  - id: made
    call: sn.records.ensure
    with:
      table: incident
      match: { correlation_id: "ticket-77" }
      fields: { short_description: Needs a course, urgency: "2" }
      create: { caller_id: "{{ caller.sys_id }}" }
  - id: again
    call: sn.records.ensure
    with:
      table: incident
      match: { correlation_id: "ticket-77" }
      fields: { short_description: Needs a course, urgency: "1" }
  - id: said
    call: sn.comments.add
    with: { sys_id: "{{ made.sys_id }}", text: We are on it }
  - id: noted
    call: sn.work_notes.add
    with: { sys_id: "{{ made.sys_id }}", text: Asked the trainer }
  - id: log
    call: sn.journal.list
    with: { sys_id: "{{ made.sys_id }}" }
  - id: figures
    call: sn.records.aggregate
    with: { table: incident, where: [ { field: caller_id, value: "{{ caller.sys_id }}" } ], group_by: [urgency], max: [number] }
  - id: changed
    for_each: { call: sn.records.stream, with: { table: incident, changed_since: "2026-02-01T00:00:00Z", fields: [number] } }
    as: row
    collect: row.record.number
  - id: staged
    call: sn.import_sets.insert
    with: { staging_table: imp_user, values: { u_user_name: new.person, u_first_name: New, u_last_name: Person, u_email: new.person@example.test }, key_field: u_key }
  - id: imported
    call: sn.users.find
    with: { email: new.person@example.test }
  - id: file
    call: sn.attachments.upload
    with: { sys_id: "{{ made.sys_id }}", file_name: plan.csv, content_type: text/csv, text: "a,b\n1,ü" }
  - id: once
    call: sn.attachments.upload
    with: { sys_id: "{{ made.sys_id }}", file_name: plan.csv, content_type: text/csv, text: "a,b\n1,ü" }
  - id: files
    call: sn.attachments.list
    with: { sys_id: "{{ made.sys_id }}" }
  - id: back
    call: sn.attachments.download
    with: { attachment: "{{ files.files.[0].sys_id }}" }
  - id: no_file
    call: sn.attachments.delete
    with: { attachment: "{{ files.files.[0].sys_id }}" }
  - id: gone
    call: sn.records.delete
    with: { table: incident, sys_id: "{{ made.sys_id }}" }
  - id: no_more
    call: sn.records.delete
    with: { table: incident, sys_id: "{{ made.sys_id }}" }
outputs:
  created: "[made.created, again.created]"
  same: made.sys_id == again.sys_id
  changed_fields: again.changed
  entries: log.entries.map(e, e.text)
  figures: figures.groups.map(g, g.count)
  total: figures.count
  stream: changed.count
  import: "[staged.status, staged.table]"
  imported: imported.name
  uploaded: "[file.uploaded, once.uploaded]"
  files: "[files.count, files.files[0].size]"
  text: base64_decode(back.content)
  no_file: no_file.deleted
  deleted: "[gone.deleted, no_more.deleted]"
"#;

const ROLES: &str = r#"
flow: servicenow_roles
connections: { sn: servicenow }
steps:
  - id: eva
    call: sn.users.find
    with: { email: eva.lind@example.test }
  - id: none
    call: sn.users.roles
    with: { user: "{{ eva.sys_id }}", any_of: [itil] }
  - id: given
    call: sn.users.add_roles
    with: { user: "{{ eva.sys_id }}", roles: [itil] }
  - id: again
    call: sn.users.add_roles
    with: { user: "{{ eva.sys_id }}", roles: [itil] }
  - id: now
    call: sn.users.roles
    with: { user: "{{ eva.sys_id }}", any_of: [x_litmos_litmos_int.Litmos Training User] }
  - id: taken
    call: sn.users.remove_roles
    with: { user: "{{ eva.sys_id }}", roles: [itil] }
  - id: after
    call: sn.users.roles
    with: { user: "{{ eva.sys_id }}", any_of: [x_litmos_litmos_int.Litmos Training User] }
  - id: desk
    call: sn.groups.list_members
    with: { group: Service Desk }
  - id: joined
    call: sn.groups.add_members
    with: { group: "{{ desk.members.[0].group }}", users: ["{{ eva.sys_id }}"] }
  - id: groups
    call: sn.users.groups
    with: { user: "{{ eva.sys_id }}" }
  - id: left
    call: sn.groups.remove_members
    with: { group: "{{ desk.members.[0].group }}", users: ["{{ eva.sys_id }}"] }
outputs:
  before: none.has
  added: "[given.added, again.added]"
  roles: now.roles
  has: now.has
  taken: taken.removed
  after: "[after.has, size(after.roles) > 0]"
  desk: desk.count
  groups: groups.names
  left: size(left.removed)
"#;

#[test]
fn records_are_ensured_counted_streamed_and_deleted_in_servicenow() {
    let (project, outputs) = run(RECORDS);
    assert_eq!(outputs["created"], json!([true, false]));
    assert_eq!(outputs["same"], true);
    assert_eq!(outputs["changed_fields"], json!(["urgency"]));
    let mut entries: Vec<&str> =
        outputs["entries"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
    entries.sort_unstable();
    assert_eq!(entries, ["Asked the trainer", "We are on it"]);
    assert_eq!((&outputs["figures"], &outputs["total"]), (&json!([1, 1]), &json!(2)));
    assert_eq!(outputs["stream"], 1);
    assert_eq!(outputs["import"], json!(["inserted", "sys_user"]));
    assert_eq!(outputs["imported"], "New Person");
    assert_eq!(outputs["deleted"], json!([true, false]));
    assert_eq!(outputs["uploaded"], json!([true, false]), "the same file is not piled up");
    assert_eq!((&outputs["files"], &outputs["text"]), (&json!([1, 8]), &json!("a,b\n1,ü")));
    assert_eq!(outputs["no_file"], true);
    let effects = project.sandbox_effects();
    assert_eq!(effects.matches("\"effect\":{").count(), 8, "{effects}");
}

#[test]
fn roles_are_given_contained_and_taken_in_servicenow() {
    let (_project, outputs) = run(ROLES);
    assert_eq!(outputs["before"], false);
    assert_eq!(outputs["added"], json!([["itil"], []]));
    assert_eq!(outputs["has"], true, "itil contains the role of the Litmos app");
    assert_eq!(outputs["taken"], json!(["itil"]));
    assert_eq!(outputs["after"], json!([false, false]));
    assert_eq!((&outputs["desk"], &outputs["left"]), (&json!(4), &json!(1)));
    assert_eq!(outputs["groups"], json!(["Service Desk"]));
}
