//! SumTotal: users, activities, registrations, transcripts and bulk views.

use serde_json::json;

use super::run;

const LEARNING: &str = r#"
flow: sumtotal_learning
connections: { st: sumtotal }
steps:
  - id: hits
    call: st.activities.search
    with: { term: phishing }
  - id: nothing
    call: st.activities.search
    with: { term: no such thing }
  - id: made
    call: st.users.create
    with: { user: "300001", login: new.person, first_name: New, last_name: Person, email: new.person@example.test }
  - id: user
    call: st.users.get
    with: { user: "{{ made.user }}" }
  - id: nobody
    call: st.users.get
    with: { user: "9" }
  - id: given
    call: st.assignments.save
    with: { user: "{{ made.user }}", activity: "{{ hits.ids.[0] }}" }
  - id: registered
    call: st.registrations.register
    with: { user: "{{ made.user }}", activity: "{{ hits.ids.[0] }}" }
  - id: again
    call: st.registrations.register
    with: { user: "{{ made.user }}", activity: "{{ hits.ids.[0] }}" }
  - id: own
    call: st.user_activities.list
    with: { user: "{{ made.user }}" }
  - id: progress
    call: st.progress.get
    with: { user: "{{ made.user }}", activity: "{{ hits.ids.[0] }}" }
  - id: of_tom
    call: st.transcripts.list
    with: { user: "100306", completed: true }
  - id: required
    for_each: { call: st.odata.stream, with: { entity: UserRequiredActivity } }
    as: row
    collect: "row.record.UserId"
  - id: people
    for_each: { call: st.odata.stream, with: { entity: Person, select: [UserId], max_records: 1500 } }
    as: row
    collect: "row.record.UserId"
  - id: orgs
    call: st.organizations.search
    with: { name: resea }
  - id: domains
    call: st.domains.list
  - id: jobs
    call: st.jobs.list
outputs:
  hits: "[hits.count, nothing.count]"
  user: "[user.email, user.user.user_name]"
  nobody: nobody.found
  created: given.created
  registered: "[registered.registered, again.registered]"
  own: own.activities.map(a, a.status)
  attended: progress.attended
  transcript: of_tom.count
  required: required.items
  people: size(unique(people.items))
  orgs: orgs.organizations.map(o, o.name)
  domains: domains.count
  jobs: "[jobs.count > 0, jobs.count == size(unique(jobs.jobs.map(j, j.name)))]"
"#;

#[test]
fn a_user_is_made_assigned_registered_and_read_in_sumtotal() {
    let (_project, outputs) = run(LEARNING);
    assert_eq!(outputs["hits"], json!([1, 0]), "nothing found is no error");
    assert_eq!(outputs["user"], json!(["new.person@example.test", "new.person"]));
    assert_eq!(outputs["nobody"], false);
    assert_eq!(outputs["created"], true);
    assert_eq!(outputs["registered"], json!([true, false]));
    assert_eq!(outputs["own"], json!(["Registered"]));
    assert_eq!(outputs["attended"], false);
    assert_eq!((&outputs["transcript"], &outputs["people"]), (&json!(192), &json!(1500)));
    assert_eq!(outputs["required"], json!(["300001"]));
    assert_eq!((&outputs["orgs"], &outputs["domains"]), (&json!(["Research"]), &json!(1)));
    assert_eq!(outputs["jobs"], json!([true, true]));
}
