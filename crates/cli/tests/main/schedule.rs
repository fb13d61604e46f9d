//! `linchpin schedule`: due times as the daemon would keep them, computed without one.

use crate::tools::Project;

const NIGHTLY: &str = "\
flow: nightly
trigger: { schedule: { cron: '30 1 * * *', timezone: Europe/London } }
steps: [ { log: night } ]
";

const OFFICE: &str = "\
flow: office
triggers:
  - schedule: { every: 12h, timezone: Europe/London, calendar: london }
  - schedule: { at: 2026-12-24T18:00, timezone: Europe/London }
steps: [ { log: office } ]
";

fn project() -> Project {
    let project = Project::with(&[("nightly.yaml", NIGHTLY), ("office.yaml", OFFICE)]);
    let settings = "calendars: { london: { holidays: [2026-12-25 Christmas Day] } }\n";
    std::fs::write(project.path().join("linchpin.yaml"), settings).unwrap();
    project
}

#[test]
fn a_preview_shows_zone_utc_and_weekday_and_says_what_the_clock_does() {
    let project = project();
    let shown = project.run(&["schedule", "preview", "nightly", "-n", "3", "--from", "2026-03-28"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let lines: Vec<&str> = shown.out.lines().collect();
    assert_eq!(lines[0], "nightly: cron \"30 1 * * *\" in Europe/London");
    assert!(lines[2].starts_with("Sat 2026-03-28 01:30 GMT  2026-03-28 01:30"), "{}", shown.out);
    assert!(lines[3].starts_with("Sun 2026-03-29 02:00 BST  2026-03-29 01:00"), "{}", shown.out);
    assert!(
        lines[3].contains("01:30 does not exist on this day; it runs at the first valid minute"),
        "{}",
        shown.out
    );
    assert!(lines[3].ends_with("the clock was set forward by 1h, to UTC+01:00"), "{}", shown.out);
    let from = ["schedule", "preview", "nightly", "--count", "2", "--from", "2026-10-25T00:00"];
    let json = project.json(&from);
    let first = &json["schedules"][0]["lines"][0];
    assert_eq!((&first["mark"], &first["due"]), (&"once".into(), &"2026-10-25T00:30:00Z".into()));
    assert_eq!(first["weekday"], "Sunday");
    assert_eq!(json["schedules"][0]["lines"][1]["clock_set_by_s"], -3600);
}

#[test]
fn a_preview_marks_the_days_left_out_and_shows_each_schedule() {
    let shown =
        project().run(&["schedule", "preview", "office", "-n", "2", "--from", "2026-12-24T13:00"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for expected in [
        "office: every 12h in Europe/London",
        "Fri 2026-12-25",
        "2 left out: Christmas Day",
        "2 left out: Saturday is no business day",
        "Mon 2026-12-28 00:00 GMT",
        "office: once at 2026-12-24T18:00:00 in Europe/London",
        "Thu 2026-12-24 18:00 GMT",
        "1 time in all: it falls due no more after that",
    ] {
        assert!(shown.out.contains(expected), "no {expected:?} in\n{}", shown.out);
    }
}

#[test]
fn what_cannot_be_previewed_is_said() {
    let project = Project::with(&[
        ("plain.yaml", "flow: plain\nsteps: [{ log: x }]\n"),
        ("nightly.yaml", NIGHTLY),
    ]);
    let none = project.run(&["schedule", "preview", "plain"]);
    assert_eq!((none.code, none.err.contains("has no schedule")), (3, true), "{}", none.err);
    let when = project.run(&["schedule", "preview", "nightly", "--from", "soon"]);
    assert_eq!((when.code, when.err.contains("as a time")), (3, true), "{}", when.err);
    let listed = project.run(&["schedule", "list"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    let rows: Vec<&str> = listed.out.lines().skip(1).collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].starts_with("nightly  cron \"30 1 * * *\" in Europe/London"), "{}", rows[0]);
}

#[test]
fn completions_name_every_command_in_every_shell() {
    let project = Project::with(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.run(&["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.err);
        for word in
            ["daemon", "dry-run", "connections", "schedule", "preview", "completions", "--sandbox"]
        {
            let word = if shell == "fish" { word.trim_start_matches('-') } else { word };
            assert!(script.out.contains(word), "{shell} does not complete {word}");
        }
    }
    assert_eq!(project.run(&["completions", "tcsh"]).code, 3);
}
