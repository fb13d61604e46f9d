//! An invented spoke, and what the tests need to call it.

use linchpin_connector::testing::{FakeTransport, Reply};
use linchpin_connector::{Action, ActionError, Call, Connection, Overlay, Spoke};
use linchpin_language::{Diagnostic, Value, json};

/// The spoke's own file.
pub(crate) const SPOKE: &str = r#"
spoke: acme
title: Acme
connection:
  fields:
    - { name: url, label: Address, type: url }
    - { name: api_key, label: Key, type: secret, max: 50 }
  attributes:
    source: { type: string, default: linchpin }
    wire:   { type: string, enum: [json, xml], default: json }
    unit:   { type: string, default: records }
    place:  { type: path, default: /apis/v1/things }
  credential: { kind: api_key, header: apikey, value: "{{ connection.api_key }}" }
  test: { get: /people, query: { limit: "1" } }
request:
  query: { source: "{{ connection.source }}", format: json }
rate: { calls: 100, per: 60s }
read: { dates: [iso, wcf], zone: UTC }
paging:
  pages: { kind: offset, offset: start, limit: limit, size: "2", stop: short }
  counted: { kind: offset, offset: offset, limit: limit, size: "2", unit: "{{ connection.unit }}", total: page.total, stop: total }
  numbered: { kind: page, page: page }
  odata: { kind: next_link, link: "@odata.nextLink" }
  cursors: { kind: cursor, cursor: after, next: "answer.next" }
  header: { kind: link_header }
errors:
  - { status: [503], text: rating limit, kind: rate_limited, wait: 60s }
  - { status: [503], kind: rate_limited, wait: 60s, effect: unknown }
  - { status: [409], text: already exists, kind: conflict }
  - { status: [406, 409], kind: invalid_input }
  - { when: "size(answer.problems) > 0", kind: rejected, let: { why: "answer.problems.map(p, p.text)" }, message: "{{ join why '; ' }}" }
detail: [Detail, Message]
shapes:
  course:
    keys: [id]
    fields:
      id: { type: string, from: Id }
      name: { type: string, from: Name }
      complete: { type: boolean, from: Complete }
      assigned_at: { type: datetime, from: AssignedDate }
      due_at: { type: datetime, from: [CompliantTill, ComplaintTill] }
  person:
    keys: [id]
    fields:
      id: { type: string, from: Id }
      user_name: { type: string, from: UserName }
      first_name: { type: string, from: FirstName }
      version: { type: integer, from: Version, as: be_int }
"#;

/// Assigning courses, as in the design of the manifest.
pub(crate) const ASSIGN: &str = r#"
action: courses.assign
title: Assign courses
does: Assigns courses to a person.
effect: create
idempotent: true
inputs:
  user:    { type: string, required: true }
  courses: { type: list, items: string, required: true }
  notify:  { type: boolean, default: false }
look:
  - { id: current, get: "/users/{{ inputs.user }}/courses", paging: pages, shape: course, collection: "user_courses/{{ inputs.user }}" }
let: { held: "look.current.map(c, c.id)", wanted: "unique(inputs.courses)" }
changes: "wanted.filter(id, !(id in held))"
write:
  post: "/users/{{ inputs.user }}/courses"
  chunks_of: 2
  let: { items: "chunk.map(id, {'Id': id})" }
  query: { sendmessage: "{{ inputs.notify }}" }
  json: "{{ items }}"
  xml: { Courses: { Course: "{{ items }}" } }
verify: { by: look, always: true, settle: 2s, missing: { kind: rejected, message: "Acme did not assign {{ join changes ', ' }}: no such course" } }
overlay: { collection: "user_courses/{{ inputs.user }}", row: { id: "{{ change }}", complete: false } }
outputs:
  assigned: { type: list, shape: course, value: "after.current.filter(c, c.id in wanted && !(c.id in held))" }
  already:  { type: list, shape: course, value: "look.current.filter(c, c.id in wanted)" }
undo: { action: courses.unassign, with: { user: "{{ inputs.user }}", courses: "{{ changed }}" } }
examples:
  - inputs: { user: k7Qp, courses: [C1, C2] }
    replies:
      - { get: /users/k7Qp/courses, body: [ { Id: C1, Name: Network Basics, AssignedDate: "/Date(1769850000000+0000)/" } ] }
      - { post: /users/k7Qp/courses, sent: [ { Id: C2 } ], status: 201 }
      - { get: /users/k7Qp/courses, body: [ { Id: C1, Name: Network Basics } ] }
      - { get: /users/k7Qp/courses, query: { start: 0, limit: 2, source: linchpin }, body: [ { Id: C2, Name: Safe Lifting } ] }
    expect: { assigned: [ { id: C2 } ], already: [ { id: C1, assigned_at: "2026-01-31T09:00:00Z" } ] }
"#;

/// One person by a query in the system's own words, and all that such a query finds.
pub(crate) const FIND: &str = r#"
action: people.find
title: Find a person
effect: read
inputs: { id: { type: string, required: true } }
look:
  - id: person
    get: /people
    query: { where: "id={{ inputs.id }}" }
    shape: person
    collection: people
    one: { rows: "look.person.filter(p, p.id == inputs.id)", none: not_found, many: conflict }
outputs: { user_name: { type: string, value: look.person.user_name } }
"#;
pub(crate) const SEARCH: &str = r#"
action: people.search
title: Search people
effect: read
inputs: { id: { type: string, required: true } }
look:
  - { id: people, get: /people, query: { where: "id!={{ inputs.id }}" }, shape: person, collection: people }
outputs: { people: { type: list, shape: person, value: look.people } }
"#;

/// Making a person when there is none, and renaming one that differs.
pub(crate) const ENSURE: &str = r#"
action: people.ensure
title: Ensure a person
effect: ensure
idempotent: true
inputs:
  email: { type: string, required: true }
  first_name: { type: string, required: true }
look:
  - id: person
    get: /people
    query: { search: "{{ inputs.email }}" }
    paging: pages
    shape: person
    collection: people
    one: { rows: "look.person.filter(p, lower(p.user_name) == lower(inputs.email))", none: null, many: conflict }
changes: "look.person == null ? [inputs.email] : look.person.first_name == inputs.first_name ? [] : ['first_name']"
write:
  - { when: "look.person == null", post: /people, json: { UserName: "{{ inputs.email }}", FirstName: "{{ inputs.first_name }}" } }
  - { put: "/people/{{ look.person.id }}", json: { FirstName: "{{ inputs.first_name }}" } }
verify: { by: look }
overlay: { collection: people, row: { user_name: "{{ inputs.email }}", first_name: "{{ inputs.first_name }}" } }
outputs:
  id: { type: string, value: "after.person != null ? after.person.id : answer.Id" }
  created: { type: boolean, value: "look.person == null" }
"#;

/// Listing a person's courses.
pub(crate) const LIST: &str = r#"
action: user_courses.list
title: List the courses of a person
effect: read
inputs: { user: { type: string, required: true } }
look:
  - { id: rows, get: "/users/{{ inputs.user }}/courses", paging: pages, shape: course, collection: "user_courses/{{ inputs.user }}" }
outputs:
  courses: { type: list, shape: course, value: "look.rows" }
  count: { type: integer, value: "size(look.rows)" }
"#;

/// A spoke of the common file and these actions, or its mistakes.
pub(crate) fn load(actions: &[&str]) -> Result<Spoke, Vec<Diagnostic>> {
    load_with(SPOKE, actions)
}

/// The same with another common file.
pub(crate) fn load_with(spoke: &str, actions: &[&str]) -> Result<Spoke, Vec<Diagnostic>> {
    let mut files = vec![("spoke.yaml".to_owned(), spoke.to_owned())];
    for action in actions {
        let line = action.lines().find_map(|line| line.strip_prefix("action: ")).unwrap();
        files.push((format!("actions/{line}.yaml"), (*action).to_owned()));
    }
    if actions.iter().any(|action| action.contains("action: courses.unassign,")) {
        files.push(("actions/courses.unassign.yaml".to_owned(), UNASSIGN.to_owned()));
    }
    Spoke::load(&files, &[])
}

/// What the undo of an assignment calls.
const UNASSIGN: &str = "\
action: courses.unassign
title: Unassign courses
effect: delete
idempotent: true
inputs:
  user: { type: string, required: true }
  courses: { type: list, items: string, required: true }
write: { delete: \"/users/{{ inputs.user }}/courses\", json: \"{{ inputs.courses }}\" }
";

/// A connection of the spoke.
pub(crate) fn connection(values: Value) -> Connection {
    let mut all = json!({ "url": "https://api.acme.test/v1" });
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    Connection {
        alias: "acme".to_owned(),
        spoke: "acme".to_owned(),
        values: all.as_object().unwrap().clone(),
    }
}

/// One action and what a call of it needs.
pub(crate) struct Scene {
    spoke: Spoke,
    name: String,
    inputs: Value,
    connection: Connection,
    pub(crate) transport: FakeTransport,
}

impl Scene {
    /// A scene with the action of that file.
    pub(crate) fn new(action: &str, inputs: Value, replies: Vec<Reply>) -> Scene {
        let spoke = load(&[action]).unwrap_or_else(|mistakes| panic!("{}", printed(&mistakes)));
        let name = spoke.actions().next().unwrap().0.to_owned();
        let inputs = spoke.action(&name).unwrap().spec().read_inputs(inputs).unwrap();
        let connection = connection(json!({}));
        Scene { spoke, name, inputs, connection, transport: FakeTransport::new(replies) }
    }

    /// The same on a connection with other values.
    pub(crate) fn on(mut self, values: Value) -> Scene {
        self.connection = connection(values);
        self
    }

    pub(crate) fn action(&self) -> &dyn Action {
        self.spoke.action(&self.name).unwrap().as_ref()
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            inputs: &self.inputs,
            connection: &self.connection,
            transport: &self.transport,
            key: "run1/step",
            now: "2026-02-01T12:00:00Z".parse().unwrap(),
            overlay: None,
        }
    }

    pub(crate) fn dry<'a>(&'a self, overlay: &'a dyn Overlay) -> Call<'a> {
        Call { overlay: Some(overlay), ..self.call() }
    }

    /// The whole call; every reply must have been asked for, in order.
    pub(crate) async fn perform(&self) -> Result<Value, ActionError> {
        let outcome = linchpin_connector::testing::perform(self.action(), &self.call()).await;
        assert_eq!(self.transport.mistakes(), Vec::<String>::new());
        outcome
    }
}

/// A GET and its answer.
pub(crate) fn get(path: &str, body: Value) -> Reply {
    Reply::json(http::Method::GET, path, &body)
}

/// A POST and its answer.
pub(crate) fn post(path: &str, body: Value) -> Reply {
    Reply::json(http::Method::POST, path, &body)
}

/// Diagnostics as lines.
pub(crate) fn printed(mistakes: &[Diagnostic]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}
