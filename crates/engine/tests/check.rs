//! Checking whole flows: good ones are left in peace, bad ones are told all at once.

use linchpin_engine::check::{check, check_text};
use linchpin_engine::parse::parse;
use linchpin_language::Severity;

use crate::samples;

/// What is found in a good flow, hints apart.
fn complaints(text: &str) -> Vec<String> {
    let flow = parse("good.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let found = check(&flow, &samples::catalog());
    let grave = found.iter().filter(|found| found.severity != Severity::Hint);
    grave.map(|found| format!("{found} ({})", found.code)).collect()
}

fn is_clean(text: &str) {
    assert_eq!(complaints(text), Vec::<String>::new());
}

#[test]
fn an_onboarding_flow_is_clean() {
    is_clean(
        r#"
flow: new_hires
connections: { hr: desk, lms: school }
trigger: { schedule: { cron: "0 7 * * 1-5", timezone: Europe/London, missed: latest } }
concurrency: { max: 1, full: skip }
inputs:
  courses: { type: list, items: string, default: [SAFETY-101] }
limits: { create: 200 }
steps:
  - id: hires
    call: hr.records.list
    with: { table: person, fields: [email, name] }
  - id: catalog
    call: lms.courses.list
    with: { codes: "{{ inputs.courses }}" }
  - id: enrol
    if: hires.count > 0
    for_each: hires.records
    as: hire
    parallel: 4
    on_item_error: continue
    collect: learner.id
    steps:
      - id: learner
        call: lms.users.ensure
        with: { email: "{{ hire.email }}" }
      - call: lms.courses.assign
        if: learner.active && iteration.index < 100
        with: { user: "{{ learner.id }}", courses: "{{ catalog.ids }}" }
on_error:
  - call: hr.records.create
    with: { table: incident, text: "{{ flow.name }} failed at {{ error.step }}: {{ error.message }}" }
outputs: { enrolled: "enrol != null ? enrol.succeeded : 0" }
"#,
    );
}

#[test]
fn a_null_test_in_any_of_its_places_is_enough() {
    is_clean(
        r#"
flow: guards
connections: { lms: school }
trigger: { form: }
inputs: { email: email, known: boolean, api_token: string }
steps:
  - id: learner
    if: inputs.email != null
    call: lms.users.ensure
    with: { email: "{{ inputs.email }}" }
  - if: learner != null
    then:
      - log: "in a branch: {{ learner.id }}"
  - log: "guarded: {{ learner.id }}"
    if: learner != null && learner.active
  - log: "{{#if learner}}in a block: {{ learner.id }}{{/if}}"
  - log: "its record is never null: {{ steps.learner.status }}"
  - set: { name: "inputs.email == null ? 'nobody' : learner.id" }
vars: { name: { type: string } }
outputs: { id: "learner != null ? learner.id : null" }
"#,
    );
}

#[test]
fn handlers_see_what_they_guard_and_branches_can_be_read_after() {
    is_clean(
        r#"
flow: handlers
connections: { lms: school, hr: desk }
steps:
  - try:
      - id: learner
        call: lms.users.ensure
        with: { email: a@b.example }
    catch:
      - on: conflict
        steps: [{ log: "{{ error.kind }} {{#if learner}}{{ learner.id }}{{/if}}" }]
    finally:
      - log: "{{ default learner 'nobody' }}"
  - id: found
    call: lms.courses.list
    on_error:
      - log: "{{ steps.found.error }} {{ error.message }}"
  - if: "learner != null && found != null"
    then: [{ log: "{{ learner.id }} {{ found.ids }}" }]
finally:
  - log: "{{ steps.learner.status }}"
"#,
    );
}

#[test]
fn repeats_branches_and_decisions_are_typed() {
    is_clean(
        r#"
flow: logic
connections: { hr: desk, lms: school }
inputs:
  email: { type: email, required: true }
  level: { type: string, enum: [low, high], default: low }
  courses: { type: list, items: string }
vars: { tries: { type: integer, default: 0 } }
steps:
  - id: poll
    repeat:
      - { id: found, call: hr.records.list, with: { table: person } }
      - set: { tries: vars.tries + 1 }
      - { if: iteration.index > 3, break: true }
    until: found.count > 0
    max: 10
    every: 1m
  - log: "{{ poll.count }} {{ found.count }}"
  - id: gather
    parallel:
      people: [{ id: people, call: hr.records.list, with: { table: person } }]
      school: [{ id: catalog, call: lms.courses.list }]
  - log: "{{ people.count }} {{ catalog.ids }} {{ join gather.succeeded }}"
  - id: route
    decide:
      - { when: people.count > 100, result: { group: major, hours: 1 } }
      - when: people.count > 10
        result: { group: "{{ inputs.email }}", hours: 2 }
        steps: [{ log: "many" }]
    default: { result: { group: backlog, hours: 40 } }
  - log: "{{ route.group }} within {{ route.hours }} hours"
  - id: days
    decide:
      - { when: inputs.level == 'low', result: 5 }
      - { when: inputs.level == 'high', result: 1 }
  - log: "within {{ days }} days"
  - id: tags
    match: all
    decide:
      - { when: people.count > 1, result: many }
      - { when: people.count > 100, result: very_many }
  - for_each: tags
    as: tag
    steps:
      - { if: tag == 'many', next: true }
      - log: "{{ tag }}"
  - id: maybe
    decide: [{ when: inputs.email == 'x', result: { n: 1 } }]
  - if: maybe != null && maybe.n > 0
    then: [{ log: "{{ maybe.n }}" }]
"#,
    );
}

#[test]
fn steps_beside_the_written_order_see_their_ancestors() {
    is_clean(
        r#"
flow: graph
connections: { lms: school, hr: desk }
steps:
  - { id: a, call: lms.courses.list, after: [] }
  - { id: b, call: hr.records.list, with: { table: person }, after: [] }
  - { id: c, log: "{{ a.ids }} {{ b.count }}", after: [a, b] }
  - { log: "{{ a.ids }}", after: [c] }
"#,
    );
}

#[test]
fn streams_subflows_and_forms_are_typed() {
    is_clean(
        r#"
flow: rest
connections: { hr: desk, lms: school }
limits: { create: 10 }
steps:
  - id: people
    for_each: { call: hr.people.stream, with: { since: "{{ run.started_at }}" } }
    as: person
    call: flow.greet
    with: { email: "{{ person.email }}" }
    connections: { lms: lms }
    collect: output.learner
  - id: choice
    ask:
      form:
        course:
          type: string
          required: true
          choices_from: { call: lms.courses.list, value: id, columns: [name, seats], list: courses }
  - log: "{{ choice.course }} {{ people.count }}"
outputs: { learners: people.items, course: choice.course }
"#,
    );
}

#[test]
fn all_mistakes_are_told_at_once_in_order_of_their_place() {
    let text = "\
flow: broken
connections: { lms: school }
inputs: { email: { type: email, requird: true } }
trigger: { schedule: { cron: '0 25 * * *', timezone: UTC } }
steps:
  - id: a
    call: lms.users.ensur
    with: { email: '{{ inputs.email }}' }
  - id: b
    call: lms.users.ensure
    with: { emial: '{{ a.id }}' }
  - id: c
    cal: lms.courses.list
  - if: b.activ && nothing.here
    then: [{ log: '{{ c.ids }}' }]
  - wait: { for: 5 minutes }
";
    let found = check_text("broken.yaml", text, &samples::catalog());
    let shown: Vec<String> = found
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| {
            let (line, column) = found.position();
            format!("{line}:{column} {}", found.code)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "3:33 unknown-key",
            "4:30 bad-cron",
            "7:15 unknown-action",
            "10:15 missing-input",
            "11:13 unknown-input",
            "13:5 unknown-key",
            "14:9 unknown-field",
            "14:20 unknown-name",
            "16:18 bad-duration",
        ],
        "{found:#?}"
    );
}

#[test]
fn suggestions_say_what_to_write() {
    let help = |steps: &str| -> Vec<String> {
        let text = format!("flow: a\nconnections: {{ lms: school, hr: desk }}\nsteps:\n{steps}");
        let found = check_text("a.yaml", &text, &samples::catalog());
        found.into_iter().filter_map(|found| found.help).collect()
    };
    let of_name = help("  - { id: learner, log: x }\n  - log: '{{ lerner }}'\n");
    assert_eq!(of_name, ["did you mean `learner`?"]);
    let of_after = help(
        "  - { id: a, log: x }\n  - { id: b, log: x, after: [] }\n  - { id: c, log: '{{ a }}', after: [b] }\n",
    );
    assert_eq!(of_after, ["write `after: [b, a]` on the step `c`"]);
    let of_alias = help("  - { call: lms_emea.users.ensure, with: { email: a@b.example } }\n");
    assert_eq!(of_alias, ["declare it at the top of the flow: connections: { lms_emea: school }"]);
    let of_list = help(
        "  - { id: a, call: hr.records.list, with: { table: person } }\n  - { for_each: a, steps: [{ log: x }] }\n",
    );
    assert_eq!(of_list, ["did you mean `a.records`?"]);
}

#[test]
fn an_environment_without_a_declared_alias_is_a_warning() {
    let text = "flow: a\nconnections: { other: school }\nsteps: [{ log: x }]\n";
    assert_eq!(
        complaints(text),
        ["good.yaml:2:23: this environment has no connection `other` (unknown-alias)"]
    );
}

#[test]
fn a_flow_that_waits_for_people_and_signals_is_clean() {
    is_clean(
        r#"
flow: raise
run_by: [operator, hr_ops]
inputs: { amount: { type: integer, required: true } }
steps:
  - id: ok
    approval:
      message: "Raise by {{ inputs.amount }}?"
      from: [hr-ops, ana@example.test, self]
      timeout: 8h
      on_timeout: reject
      on_reject: end
      form: { limit: { type: integer, required: true } }
  - { id: paid, wait: { signal: paid, timeout: 30d } }
  - log: "{{ ok.by }} at {{ ok.at }}: {{ ok.form.limit }}, {{ paid.reference }}"
outputs: { approved: ok.approved, limit: ok.form.limit + 1, note: ok.note }
"#,
    );
}

#[test]
fn a_flow_that_takes_back_what_it_did_is_clean() {
    is_clean(
        r#"
flow: careful
connections: { lms: school }
limits: { create: 9 }
steps:
  - try:
      - id: learner
        call: lms.users.ensure
        with: { email: ana@example.test }
        undo: { call: lms.courses.assign, with: { user: "{{ output.id }}", courses: [gone] } }
      - fail: "not like this"
    catch:
      - on: [rejected]
        steps: [ { undo: all } ]
on_error: [ { undo: all } ]
on_cancel: [ { id: back, undo: all }, { log: "{{ back.undone }} taken back" } ]
"#,
    );
}
