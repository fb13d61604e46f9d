//! A corpus of seeded mistakes: each must be found with its code at its very place, and nothing
//! else may be called an error.
//!
//! `§` marks the place. A case that does not begin with `flow:` is a list of steps.

use linchpin_engine::check::check_text;
use linchpin_language::Severity;

use crate::samples;

const HEAD: &str = "\
flow: seeded
connections: { hr: desk, lms: school }
inputs: { email: email, courses: { type: list, items: string } }
vars: { total: { type: integer, default: 0 } }
limits: { create: 9 }
steps:
";

fn whole(case: &str) -> String {
    let case = case.trim_start_matches('\n');
    if case.starts_with("flow:") || case.starts_with('§') {
        return case.to_owned();
    }
    format!("{HEAD}{case}")
}

fn check(case: &str, code: &str) {
    let marked = whole(case);
    let offset = marked.find('§').unwrap_or_else(|| panic!("no mark in {case}"));
    let text = marked.replace('§', "");
    let found = check_text("seeded.yaml", &text, &samples::catalog());
    let place = linchpin_language::Source::new("seeded.yaml", &text).position(offset);
    let shown: Vec<String> = found
        .iter()
        .map(|d| format!("{} {:?} {:?} {}", d.code, d.severity, d.position(), d.message))
        .collect();
    assert!(
        found.iter().any(|d| d.code.0 == code && d.position() == place),
        "expected {code} at {place:?} in\n{text}\nfound {shown:#?}"
    );
    let others = found.iter().filter(|d| d.severity == Severity::Error && d.code.0 != code);
    assert_eq!(others.count(), 0, "more than {code} in\n{text}\nfound {shown:#?}");
}

fn check_all(cases: &[(&str, &str)]) {
    for (code, case) in cases {
        check(case, code);
    }
}

#[test]
fn mistakes_in_the_form_of_the_file() {
    check_all(&[
        (
            "unquoted-braces",
            "  - { id: a, call: lms.users.ensure, with: { email: §{{ inputs.email }} } }\n",
        ),
        ("duplicate-key", "  - log: x\n    §log: y\n"),
        ("yaml-tag", "  - if: §!inputs.email\n    then: [{ log: x }]\n"),
    ]);
}

#[test]
fn keys_that_mean_nothing_or_are_missing() {
    check_all(&[
        ("unknown-key", "flow: a\n§descripton: x\nsteps: [{ log: x }]\n"),
        ("missing-key", "§steps: [{ log: x }]\n"),
        ("missing-key", "§flow: a\n"),
        ("wrong-type", "flow: a\nsteps: §3\n"),
        ("bad-value", "flow: a\nsteps: §[]\n"),
        ("wrong-type", "flow: a\nenabled: §maybe\nsteps: [{ log: x }]\n"),
        ("bad-value", "flow: a\ndefaults: { timeout: §0s }\nsteps: [{ log: x }]\n"),
        ("bad-id", "flow: §New-Hire\nsteps: [{ log: x }]\n"),
        ("unknown-key", "  - log: x\n    §guard: a\n"),
        ("unknown-key", "  - §cal: hr.records.list\n"),
        ("unknown-key", "  - log: x\n    §else: [{ log: y }]\n"),
        ("unknown-step-kind", "  - log: x\n    §then: [{ log: y }]\n"),
        ("unknown-step-kind", "  - §id: a\n    note: nothing\n"),
        ("unknown-step-kind", "  - §if: 'true'\n"),
        ("unknown-step-kind", "  - log: x\n    §fail: y\n"),
        (
            "conflicting-keys",
            "  - for_each: inputs.courses\n    steps: [{ log: x }]\n    §call: lms.users.ensure\n",
        ),
        ("missing-key", "  - §for_each: inputs.courses\n"),
        ("missing-key", "  - §try: [{ log: x }]\n"),
        ("bad-value", "  - { log: x, on_error: §contine }\n"),
        (
            "bad-value",
            "  - try: [{ log: x }]\n    catch: [{ on: [§notfound], steps: [{ log: x }] }]\n",
        ),
        ("bad-value", "  - call: §nothing\n"),
        ("bad-schema", "flow: a\ninputs: { n: { type: §int } }\nsteps: [{ log: x }]\n"),
        ("unknown-key", "flow: a\nlimits: { §read: 3 }\nsteps: [{ log: x }]\n"),
        ("conflicting-keys", "  - wait: { for: 5m, §until: '2026-01-01T00:00:00Z' }\n"),
    ]);
}

#[test]
fn mistakes_about_taking_back() {
    let assign = |undo: &str| {
        format!(
            "  - {{ id: a, call: lms.courses.assign, with: {{ user: u, courses: [c] }}, undo: {undo} }}\n"
        )
    };
    let field =
        assign("{ call: lms.courses.assign, with: { user: '{{ §output.usr }}', courses: [c] } }");
    let missing = assign(
        "{ call: §lms.courses.assign, with: { user: u } }"
            .replace("call: §lms.", "call: lms.§")
            .as_str(),
    );
    let unknown = assign("{ call: lms.§courses.unassign, with: { user: u } }");
    let no_call = assign("§{ with: { user: u } }");
    let key = assign("{ call: lms.courses.list, §retry: { attempts: 2 } }");
    check_all(&[
        ("misplaced-step", "  - §undo: all\n"),
        ("bad-value", "  - { log: x, on_error: [{ undo: §some }] }\n"),
        ("unknown-field", &field),
        ("missing-input", &missing),
        ("unknown-action", &unknown),
        ("missing-key", &no_call),
        ("unknown-key", &key),
        (
            "unknown-key",
            "  - { call: flow.greet, with: { email: a@b.example }, §undo: { call: lms.courses.list } }\n",
        ),
        ("unknown-name", "  - log: '{{ §output.usr }}'\n"),
    ]);
}

#[test]
fn mistakes_about_people() {
    let asks = |form: &str, reads: &str| {
        format!(
            "  - {{ id: ok, approval: {{ message: Go?, from: hr, {form} }} }}\n  - log: '{reads}'\n"
        )
    };
    let field = asks("form: { days: integer }", "{{ §ok.form.dayz }}");
    let ended = asks("timeout: 1h", "{{ §ok.approver }}");
    let none = asks("timeout: 1h", "{{ §ok.form.days }}");
    check_all(&[
        ("missing-key", "  - approval: §{ message: Go? }\n"),
        ("missing-key", "  - approval: §{ from: hr }\n"),
        ("unknown-key", "  - approval: { message: Go?, from: hr, §on_refuse: end }\n"),
        ("bad-value", "  - approval: { message: Go?, from: hr, on_reject: §stop }\n"),
        ("bad-value", "  - approval: { message: Go?, from: §[] }\n"),
        ("missing-key", "  - approval: { message: Go?, from: hr, §on_timeout: approve }\n"),
        (
            "conflicting-keys",
            "  - approval: { message: Go?, from: hr, timeout: 1h, on_timeout: §approve, form: { n: { type: integer, required: true } } }\n",
        ),
        ("unknown-name", "  - approval: { message: 'Go, {{ §nobody }}?', from: hr }\n"),
        ("unknown-role", "  - approval: { message: Go?, from: [§operater] }\n"),
        ("unknown-role", "  - approval: { message: Go?, from: [§desk.hr, hr] }\n"),
        ("unknown-role", "flow: a\nrun_by: [§school.nobody]\nsteps: [{ log: x }]\n"),
        ("unknown-field", &field),
        ("unknown-field", &ended),
        ("unknown-field", &none),
        ("bad-id", "  - wait: { signal: §Was Paid }\n"),
        (
            "unknown-field",
            "  - { id: a, call: flow.greet, detach: true, with: { email: a@b.example } }\n  - log: '{{ §a.learner }}'\n",
        ),
        ("conflicting-keys", "  - wait: { signal: paid, §for: 5m }\n"),
        ("bad-duration", "  - wait: { signal: paid, timeout: §soon }\n"),
    ]);
}

#[test]
fn durations_and_schedules() {
    let trigger = |schedule: &str| {
        format!("flow: a\ntrigger:\n  schedule: {schedule}\nsteps: [{{ log: x }}]\n")
    };
    check_all(&[
        ("bad-duration", "  - { log: x, timeout: §5 minutes }\n"),
        ("bad-duration", "  - wait: { for: §soon }\n"),
        (
            "bad-duration",
            "  - { call: hr.records.list, id: a, with: { table: person }, retry: { backoff: §60s..2s } }\n  - log: '{{ a.count }}'\n",
        ),
        ("wrong-type", "flow: a\ntimeout: §30\nsteps: [{ log: x }]\n"),
    ]);
    check(&trigger("{ cron: §'61 * * * *', timezone: UTC }"), "bad-cron");
    check(&trigger("{ cron: '0 7 * * *', timezone: §Europe/Londn }"), "unknown-time-zone");
    check(&trigger("{ cron: §'0 0 30 2 *', timezone: UTC }"), "never-fires");
    check(&trigger("§{ cron: '0 7 * * *' }"), "missing-key");
    check(&trigger("{ every: §10ms }"), "bad-duration");
    check(
        &trigger("{ every: 5m, cron: '* * * * *', timezone: UTC }").replace("every", "§every"),
        "conflicting-keys",
    );
}

#[test]
fn names_outside_the_file() {
    check_all(&[
        ("unknown-spoke", "flow: a\nconnections: { lms: §scool }\nsteps: [{ log: x }]\n"),
        ("bad-connection", "flow: a\nconnections: { lms: §desk }\nsteps: [{ log: x }]\n"),
        ("unknown-alias", "  - { id: a, call: §lsm.courses.list }\n  - log: '{{ a.ids }}'\n"),
        ("unknown-alias", "  - { call: §lms_emea.users.ensure, with: { email: a@b.example } }\n"),
        ("unknown-action", "  - { id: a, call: lms.§course.list }\n  - log: '{{ a.ids }}'\n"),
        ("unknown-flow", "  - call: flow.§gret\n"),
        (
            "unknown-alias",
            "  - { id: a, call: lms.courses.list, connection: §emea }\n  - log: '{{ a.ids }}'\n",
        ),
        (
            "bad-connection",
            "  - { id: a, call: lms.courses.list, connection: §hr }\n  - log: '{{ a.ids }}'\n",
        ),
        (
            "unknown-alias",
            "  - { call: flow.greet, with: { email: a@b.example }, connections: { §lsm: lms } }\n",
        ),
        (
            "bad-connection",
            "  - { call: flow.greet, with: { email: a@b.example }, connections: { lms: §hr } }\n",
        ),
    ]);
}

#[test]
fn inputs_of_calls() {
    check_all(&[
        ("missing-input", "  - { call: lms.§users.ensure }\n"),
        ("missing-input", "  - { call: flow.§greet, with: {} }\n"),
        (
            "unknown-input",
            "  - { call: lms.users.ensure, with: { email: a@b.example, §activ: true } }\n",
        ),
        (
            "wrong-input-type",
            "  - { call: lms.users.ensure, with: { email: a@b.example, active: §7 } }\n",
        ),
        ("wrong-input-type", "  - { call: lms.users.ensure, with: { email: §[a] } }\n"),
        (
            "wrong-input-type",
            "  - { id: a, call: hr.records.list, with: { table: §persn } }\n  - log: '{{ a.count }}'\n",
        ),
        (
            "wrong-input-type",
            "  - { call: lms.courses.assign, with: { user: u, courses: §'{{ inputs.email }}' } }\n",
        ),
        (
            "wrong-input-type",
            "  - { call: lms.courses.assign, with: { user: §'{{ inputs.courses }}', courses: [a] } }\n",
        ),
        (
            "wrong-input-type",
            "  - { call: lms.courses.assign, with: { user: u, courses: ['{{ inputs.email }}', §'{{ inputs.courses }}'] } }\n",
        ),
    ]);
}

#[test]
fn ids() {
    check_all(&[
        ("bad-id", "  - { id: §a-b, log: x }\n"),
        ("reserved-id", "  - { id: §inputs, log: x }\n"),
        ("reserved-id", "  - { id: §loop, log: x }\n"),
        ("reserved-id", "  - { for_each: inputs.courses, as: §run, steps: [{ log: x }] }\n"),
        ("duplicate-id", "  - { id: a, log: x }\n  - { id: §a, log: y }\n"),
        (
            "duplicate-id",
            "  - { id: a, log: x }\n  - try: [{ log: x }]\n    catch: [{ id: §a, log: y }]\n",
        ),
        (
            "duplicate-id",
            "  - { id: a, log: x }\n  - { for_each: inputs.courses, as: §a, steps: [{ log: x }] }\n",
        ),
    ]);
}

#[test]
fn references_that_are_not_there() {
    check_all(&[
        ("unknown-name", "  - log: 'a {{ §lerner.id }}'\n"),
        ("unknown-name", "  - if: §hires.count > 0\n    then: [{ log: x }]\n"),
        ("unknown-step", "  - log: '{{ §steps.nope.status }}'\n"),
        ("later-step", "  - log: '{{ §b.ids }}'\n  - { id: b, call: lms.courses.list }\n"),
        ("later-step", "  - { id: a, log: '{{ §a }}' }\n"),
        (
            "later-step",
            "  - id: a\n    for_each: inputs.courses\n    steps: [{ log: '{{ §a.count }}' }]\n",
        ),
        (
            "not-an-ancestor",
            "  - { id: a, call: lms.courses.list }\n  - { log: '{{ §a.ids }}', after: [] }\n",
        ),
        (
            "unreachable-reference",
            "  - if: inputs.email == null\n    then: [{ id: a, call: lms.courses.list }]\n    else: [{ log: '{{ §a.ids }}' }]\n",
        ),
        (
            "unreachable-reference",
            "  - for_each: inputs.courses\n    steps: [{ id: a, call: lms.courses.list }]\n  - log: '{{ §a.ids }}'\n",
        ),
        (
            "unreachable-reference",
            "  - try: [{ log: x }]\n    catch: [{ id: a, call: lms.courses.list }]\n  - log: '{{ §a.ids }}'\n",
        ),
        ("unknown-name", "  - log: '{{ §error.message }}'\n"),
        ("unknown-name", "  - log: '{{ §iteration.index }}'\n"),
        ("unknown-name", "  - log: '{{ §output.id }}'\n"),
        ("undeclared-variable", "  - log: '{{ §vars.sum }}'\n"),
        ("undeclared-variable", "  - set: { §sum: '1' }\n"),
        ("unknown-step", "  - { id: a, log: x }\n  - { log: y, after: [§b] }\n"),
    ]);
}

#[test]
fn fields_that_are_not_there() {
    check_all(&[
        ("unknown-field", "  - log: '{{ §inputs.emial }}'\n"),
        ("unknown-field", "  - log: '{{ §run.startedat }}'\n"),
        (
            "later-step",
            "flow: a\nconcurrency: { full: skip, key: §b.c }\nsteps: [{ id: b, log: x }]\n",
        ),
        ("unknown-field", "  - { id: a, call: lms.courses.list }\n  - log: '{{ §a.id }}'\n"),
        (
            "unknown-field",
            "  - { id: a, call: lms.courses.list }\n  - log: '{{ §steps.a.state }}'\n",
        ),
        (
            "unknown-field",
            "  - { id: a, call: lms.courses.list }\n  - for_each: a.courses\n    as: course\n    steps: [{ log: '{{ §course.title }}' }]\n",
        ),
        (
            "unknown-field",
            "  - id: a\n    for_each: inputs.courses\n    steps: [{ log: x }]\n  - log: '{{ §a.items }}'\n",
        ),
        (
            "unknown-field",
            "  - { id: a, call: flow.greet, with: { email: a@b.example } }\n  - log: '{{ §a.learnr }}'\n",
        ),
        ("unknown-field", "  - log: '{{ §inputs.email.domain }}'\n"),
    ]);
}

#[test]
fn expressions() {
    check_all(&[
        ("expression-type", "  - if: §inputs.email\n    then: [{ log: x }]\n"),
        ("expression-type", "  - { for_each: §inputs.email, steps: [{ log: x }] }\n"),
        (
            "expression-type",
            "  - { id: a, call: lms.courses.list }\n  - { for_each: §a, steps: [{ log: x }] }\n",
        ),
        ("expression-type", "  - set: { total: §inputs.courses }\n"),
        ("bad-expression", "  - if: §'{{ inputs.email }}'\n    then: [{ log: x }]\n"),
        ("mixed-arithmetic", "  - set: { total: §vars.total + 1.5 }\n"),
        ("bad-text", "  - log: '§{{#if inputs.email}} x'\n"),
        ("unknown-function", "  - log: '{{ §lowr inputs.email }}'\n"),
        ("wrong-type", "  - { for_each: §[a, b], steps: [{ log: x }] }\n"),
    ]);
}

#[test]
fn order() {
    check_all(&[
        ("cycle", "  - { id: a, log: x, after: [§b] }\n  - { id: b, log: y, after: [a] }\n"),
        ("cycle", "  - { id: a, log: x, after: [§a] }\n"),
        ("unreachable-step", "  - end: true\n  - { id: §b, log: y }\n"),
        ("unreachable-step", "  - fail: no\n  - §log: y\n"),
    ]);
}

#[test]
fn misplaced_things() {
    check_all(&[
        ("misplaced-stream", "  - { id: a, call: hr.§people.stream }\n"),
        (
            "misplaced-stream",
            "  - { for_each: { call: lms.§courses.list }, steps: [{ log: x }] }\n",
        ),
        (
            "misplaced-step",
            "  - for_each: inputs.courses\n    parallel: 4\n    steps: [{ set: { §total: vars.total + 1 } }]\n",
        ),
    ]);
}

#[test]
fn repeats_branches_and_decisions_as_they_are_written() {
    check_all(&[
        ("missing-key", "  - §repeat: [{ log: x }]\n    max: 3\n"),
        ("missing-key", "  - §repeat: [{ log: x }]\n    until: 'true'\n"),
        ("bad-value", "  - { repeat: [{ log: x }], until: 'true', max: §0 }\n"),
        ("bad-duration", "  - { repeat: [{ log: x }], until: 'true', max: 1, every: §soon }\n"),
        ("expression-type", "  - { repeat: [{ log: x }], until: §inputs.email, max: 1 }\n"),
        ("wrong-type", "  - parallel: §[{ log: x }]\n"),
        ("bad-value", "  - parallel: §{}\n"),
        ("bad-id", "  - parallel: { §A-b: [{ log: x }] }\n"),
        ("reserved-id", "  - parallel: { §then: [{ log: x }] }\n"),
        ("bad-value", "  - { parallel: { a: [{ log: x }] }, on_branch_error: §contine }\n"),
        ("wrong-type", "  - decide: §{ when: 'true', result: 1 }\n"),
        ("missing-key", "  - decide: [§{ result: 1 }]\n"),
        ("missing-key", "  - decide: [§{ when: inputs.email == 'x' }]\n"),
        ("unknown-key", "  - decide: [{ when: inputs.email == 'x', result: 1, §outputs: 1 }]\n"),
        (
            "bad-value",
            "  - { decide: [{ when: inputs.email == 'x', result: 1 }], match: §every }\n",
        ),
        ("wrong-type", "  - for_each: inputs.courses\n    steps: [{ next: §3 }]\n"),
    ]);
}

#[test]
fn steps_that_leave_a_loop_stand_in_one() {
    check_all(&[
        ("misplaced-step", "  - §next: true\n"),
        ("misplaced-step", "  - id: a\n    if: inputs.email == null\n    §break: true\n"),
        (
            "misplaced-step",
            "  - for_each: inputs.courses\n    steps: [{ log: x }]\n    on_error: [{ §next: true }]\n",
        ),
        (
            "misplaced-step",
            "  - for_each: inputs.courses\n    steps:\n      - try: [{ log: x }]\n        finally: [{ §break: true }]\n",
        ),
        (
            "unreachable-step",
            "  - for_each: inputs.courses\n    steps:\n      - next: true\n      - §log: x\n",
        ),
        ("misplaced-step", "  - parallel: { a: [{ set: { §total: vars.total + 1 } }] }\n"),
    ]);
}

#[test]
fn what_can_be_read_of_repeats_and_branches() {
    check_all(&[
        (
            "unreachable-reference",
            "  - parallel:\n      a: [{ id: a1, call: lms.courses.list }]\n      b: [{ log: '{{ §a1.ids }}' }]\n",
        ),
        (
            "unreachable-reference",
            "  - decide:\n      - { when: inputs.email == 'a', steps: [{ id: a1, call: lms.courses.list }] }\n      - { when: inputs.email == 'b', steps: [{ log: '{{ §a1.ids }}' }] }\n",
        ),
        (
            "unguarded-null",
            "  - parallel: { a: [{ id: a1, call: lms.courses.list }] }\n    on_branch_error: continue\n  - log: 'x {{ §a1.ids }}'\n",
        ),
        (
            "unguarded-null",
            "  - decide: [{ when: inputs.email == 'a', steps: [{ id: a1, call: lms.courses.list }] }]\n  - log: 'x {{ §a1.ids }}'\n",
        ),
        (
            "unguarded-null",
            "  - repeat:\n      - { if: inputs.email == 'a', next: true }\n      - { id: a1, call: lms.courses.list }\n    until: size(§a1.ids) > 0\n    max: 3\n",
        ),
        (
            "unguarded-null",
            "  - repeat:\n      - { if: inputs.email == 'a', break: true }\n      - { id: a1, call: lms.courses.list }\n    until: size(a1.ids) > 0\n    max: 3\n  - log: 'x {{ §a1.ids }}'\n",
        ),
        (
            "later-step",
            "  - { id: a, repeat: [{ log: '{{ §a.count }}' }], until: 'true', max: 1 }\n",
        ),
        (
            "unknown-field",
            "  - { id: a, parallel: { x: [{ log: x }] } }\n  - log: '{{ §a.branches }}'\n",
        ),
        (
            "unknown-field",
            "  - { id: a, decide: [{ when: inputs.email == 'x', result: { hours: 1 } }], default: { result: { hours: 2 } } }\n  - log: '{{ §a.days }}'\n",
        ),
    ]);
}

#[test]
fn rows_that_can_never_count_and_missing_defaults() {
    let table = |rows: &str| format!("  - id: a\n    decide:\n{rows}  - log: 'x'\n");
    let row = |when: &str| format!("      - {{ when: {when}, result: 1 }}\n");
    check(&table(&(row("'true'") + &row("§inputs.email == 'x'"))), "unreachable-row");
    check(&table(&(row("vars.total > 3") + &row("§vars.total > 5"))), "unreachable-row");
    check(
        &table(&(row("vars.total > 3") + &row("inputs.email == 'x'") + &row("§vars.total>3"))),
        "unreachable-row",
    );
    check(
        &table(&(row("vars.total > 3") + &row("vars.total <= 3") + &row("§inputs.email == 'x'"))),
        "unreachable-row",
    );
    check(&table(&row("§vars.total > 5 && vars.total < 3")), "unreachable-row");
    check_all(&[
        (
            "unreachable-row",
            "  - decide: [{ when: 'vars.total > 3', result: 1 }, { when: 'vars.total <= 3', result: 2 }]\n    default: §{ result: 3 }\n",
        ),
        (
            "unreachable-row",
            "  - { match: all, decide: [{ when: §'vars.total > 5 && vars.total < 3', result: 1 }] }\n",
        ),
        (
            "missing-default",
            "  - { id: a, §decide: [{ when: 'vars.total > 5', result: { hours: 1 } }] }\n  - log: 'x {{ a.hours }}'\n",
        ),
        (
            "missing-default",
            "  - { id: a, §decide: [{ when: 'vars.total > 5', result: high }] }\n  - log: 'x {{ a }}'\n",
        ),
    ]);
}

#[test]
fn warnings_and_hints() {
    check_all(&[
        (
            "secret-literal",
            "  - { call: hr.records.create, with: { table: incident, api_key: §abcdef123456 } }\n",
        ),
        ("secret-literal", "  - { log: §Bearer abcdefghijklmnop }\n"),
        (
            "raw-query",
            "  - { call: hr.records.create, with: { table: incident, query: §'name={{ inputs.email }}' } }\n",
        ),
        ("unused-output", "  - { id: a, call: lms.§courses.list }\n"),
        ("unverifiable-write", "  - { call: hr.§records.create, with: { table: incident } }\n"),
        (
            "unlimited-writes",
            "flow: a\nconnections: { lms: school }\ninputs: { all: { type: list, items: string } }\nsteps:\n  - id: §each\n    for_each: inputs.all\n    call: lms.users.ensure\n    with: { email: '{{ item }}' }\n",
        ),
        (
            "unguarded-null",
            "  - { id: a, if: inputs.email != null, call: lms.courses.list }\n  - log: 'x {{ §a.ids }}'\n",
        ),
        (
            "unguarded-null",
            "  - { id: a, call: lms.courses.list, on_error: continue }\n  - if: size(§a.ids) > 0\n    then: [{ log: x }]\n",
        ),
    ]);
}
