//! What `diff` tells, and what it passes over.

use linchpin_engine::diff::diff;
use linchpin_engine::parse;

const OLD: &str = "\
flow: f
trigger: { schedule: { cron: 0 7 * * *, timezone: UTC } }
inputs: { who: { type: string, required: true } }
limits: { create: 2 }
steps:
  - id: find
    call: lms.users.find
    with: { email: '{{ inputs.who }}' }
  - id: each
    for_each: find.courses
    as: course
    steps:
      - id: assign
        call: lms.courses.assign
        with: { user: '{{ find.id }}', courses: ['{{ course.id }}'] }
        retry: { attempts: 2 }
      - log: '{{ course.id }}'
  - id: choose
    if: find.active
    then:
      - id: note
        log: Hi
  - id: last
    log: Bye
outputs: { n: each.count }
";

fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let mut new = OLD.to_owned();
    for (from, to) in changes {
        assert!(new.contains(from), "{from}");
        new = new.replacen(from, to, 1);
    }
    let parsed =
        |text: &str| parse("f.yaml", text).unwrap_or_else(|found| panic!("{text}{found:?}"));
    let found: Vec<String> = diff(&parsed(OLD), &parsed(&new))
        .iter()
        .map(|change| format!("{} {} {change}", change.part, change.what.word()))
        .collect();
    assert_eq!(found, expected, "{new}");
}

#[test]
fn layout_comments_and_defaults_are_no_difference() {
    check(
        &[
            ("flow: f\n", "# why\nflow: \"f\"\nenabled: true\n"),
            ("{ email: '{{ inputs.who }}' }", "{ email: \"{{ inputs.who }}\" } # who"),
            ("    as: course\n", "    parallel: 1\n    as: course\n"),
            ("    log: Bye\n", "    log: { level: info, message: Bye }\n"),
        ],
        &[],
    );
}

#[test]
fn fields_are_told_with_what_they_were_and_are() {
    check(
        &[
            ("0 7 * * *", "0 8 * * *"),
            ("required: true }", "default: x }, n: integer"),
            ("create: 2", "create: 9"),
            ("attempts: 2", "attempts: 5"),
            ("users.find", "users.ensure"),
            ("n: each.count", "n: each.failed"),
        ]
        .map(|(from, to)| (from, to)),
        &[
            "trigger changed schedule.cron: \"0 7 * * *\" -> \"0 8 * * *\"",
            "inputs added who.default: x",
            "inputs removed who.required: true",
            "inputs added n: { type: integer }",
            "limits changed create: 2 -> 9",
            "steps changed find.call: lms.users.find -> lms.users.ensure",
            "steps changed each.assign.retry.attempts: 2 -> 5",
            "outputs changed n: each.count -> each.failed",
        ],
    );
}

#[test]
fn steps_are_added_removed_and_renamed() {
    check(
        &[
            ("  - id: last\n    log: Bye\n", "  - id: more\n    wait: { for: 1h }\n"),
            ("      - id: note\n        log: Hi\n", "      - id: told\n        log: Hi\n"),
        ],
        &[
            "steps renamed choose/then.told renamed: was note, is told",
            "steps added more: wait",
            "steps removed last: log \"Bye\"",
        ],
    );
}

#[test]
fn steps_are_moved_within_a_list_and_between_lists() {
    check(
        &[
            ("  - id: last\n    log: Bye\n", ""),
            ("steps:\n", "steps:\n  - id: last\n    log: Bye\n"),
        ],
        &["steps moved last moved: was after choose, is first"],
    );
    check(
        &[
            ("  - id: last\n    log: Bye\n", ""),
            ("      - id: note\n", "      - id: last\n        log: Bye!\n      - id: note\n"),
        ],
        &[
            "steps moved choose/then.last moved: was in steps, is in choose/then",
            "steps changed choose/then.last.log: Bye -> Bye!",
        ],
    );
}

#[test]
fn a_value_of_another_kind_is_a_difference() {
    check(&[("n: each.count", "n: '1'")], &["outputs changed n: each.count -> \"1\""]);
    check(
        &[("['{{ course.id }}']", "['{{ course.id }}', 7]")],
        &[
            "steps changed each.assign.with.courses: [\"{{ course.id }}\"] -> [\"{{ course.id }}\", 7]",
        ],
    );
}
