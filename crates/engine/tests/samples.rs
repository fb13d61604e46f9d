//! The spokes that the flows of these tests call, as data, and the catalog they make.

use std::sync::{Arc, LazyLock};

use linchpin_connector::Spoke;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::parse::parse;

const DESK: &[(&str, &str)] = &[
    (
        "spoke.yaml",
        r#"
spoke: desk
title: Desk
shapes:
  person:
    keys: [email]
    fields:
      email: { type: string, from: email }
      name: { type: string, from: name }
connection:
  fields:
    - { name: url, label: Address, type: url }
  credential: { kind: none }
"#,
    ),
    (
        "actions/records.list.yaml",
        r#"
action: records.list
title: List records
effect: read
inputs:
  table: { type: string, required: true, enum: [incident, person] }
  fields: { type: list, items: string }
  limit: { type: integer }
read_from:
  - { id: rows, get: "/{{ inputs.table }}" }
outputs:
  records: { type: list, items: { type: object, fields: { email: string, name: string } }, value: "look.rows" }
  count: { type: integer, value: "size(look.rows)" }
"#,
    ),
    (
        "actions/records.create.yaml",
        r#"
action: records.create
title: Create a record
effect: create
verify: { by: none, reason: nothing can be looked up by what was sent }
inputs:
  table: { type: string, required: true }
  "*": { type: any }
write:
  post: "/{{ inputs.table }}"
  json: { table: "{{ inputs.table }}" }
outputs:
  id: { type: string, value: "answer.id" }
"#,
    ),
    (
        "actions/people.stream.yaml",
        r#"
action: people.stream
title: All people
effect: read
inputs:
  since: { type: datetime }
read_from:
  - { get: /people, shape: person }
stream: { row: person }
"#,
    ),
    (
        "actions/changes.stream.yaml",
        r#"
action: changes.stream
title: People by their last change
effect: read
inputs:
  since: { type: datetime }
  site: { type: string, required: true }
read_from:
  - { get: "/changes/{{ inputs.site }}", shape: person }
stream: { row: person, watermark: email }
"#,
    ),
];

const SCHOOL: &[(&str, &str)] = &[
    (
        "spoke.yaml",
        r#"
spoke: school
title: School
connection:
  fields:
    - { name: url, label: Address, type: url }
  credential: { kind: none }
"#,
    ),
    (
        "actions/users.ensure.yaml",
        r#"
action: users.ensure
title: Find or create a learner
effect: ensure
idempotent: true
inputs:
  email: { type: email, required: true }
  active: { type: boolean, default: true }
look:
  - { id: hits, get: /users, query: { search: "{{ inputs.email }}" } }
changes: "size(look.hits) == 0 ? [inputs.email] : []"
write:
  post: /users
  json: { email: "{{ inputs.email }}" }
verify: { by: look }
outputs:
  id: { type: string, value: "answer.id" }
  active: { type: boolean, value: "true" }
"#,
    ),
    (
        "actions/courses.list.yaml",
        r#"
action: courses.list
title: List courses
effect: read
inputs:
  codes: { type: list, items: string }
read_from:
  - { id: rows, get: /courses }
outputs:
  courses: { type: list, items: { type: object, fields: { id: string, name: string, seats: integer } }, value: "look.rows" }
  ids: { type: list, items: string, value: "look.rows.map(r, r.id)" }
"#,
    ),
    (
        "actions/courses.assign.yaml",
        r#"
action: courses.assign
title: Assign courses
effect: create
idempotent: true
inputs:
  user: { type: string, required: true }
  courses: { type: list, items: string, required: true }
write:
  post: "/users/{{ inputs.user }}/courses"
  json: "{{ inputs.courses }}"
outputs:
  assigned: { type: integer, value: "1" }
"#,
    ),
];

fn spoke(files: &[(&str, &str)]) -> Arc<Spoke> {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Arc::new(Spoke::load(&files, &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

/// A subflow that other flows call.
pub(crate) const GREET: &str = "\
flow: greet
connections: { lms: school }
inputs:
  email: { type: email, required: true }
steps:
  - id: learner
    call: lms.users.ensure
    with: { email: '{{ inputs.email }}' }
outputs: { learner: learner.id }
";

/// Both spokes, one connection of each, and the flow [`GREET`].
pub(crate) fn catalog() -> Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(load);
    CATALOG.clone()
}

fn load() -> Catalog {
    let spokes = [("desk", spoke(DESK)), ("school", spoke(SCHOOL))];
    let aliases = [("hr", "desk"), ("lms", "school"), ("lms_emea", "school")];
    let greet = parse("greet.yaml", GREET).expect("the sample can be read");
    let mut catalog = Catalog {
        spokes: spokes.into_iter().map(|(name, spoke)| (name.to_owned(), spoke)).collect(),
        aliases: aliases.map(|(a, s)| (a.to_owned(), s.to_owned())).into_iter().collect(),
        ..Catalog::default()
    };
    catalog.sign([&greet]);
    catalog
}
