//! `linchpin check` on what is wrong: all of it at once, where it is and what was meant; and on
//! what is no flow at all.

use serde_json::Value;

use super::support::Project;

/// Each line with a mistake says which, and what is suggested.
const BROKEN: &str = r#"flow: broken
connections: { lms: litmoss, hr: servicenow }
trigger: { schedule: { cron: "0 7 * * *", timezone: Europe/Lundon } }
inputs:
  course: { type: strin, required: true }
defaults: { timeout: 30 parsecs }
steps:
  - id: hires
    call: hr.records.lst
    with: { table: sys_user }
  - id: hires
    call: hr.records.get
    with: { table: incident, nmber: "{{ inputs.curse }}" }
  - log: "{{ joyn hires.records }}"
  - if: size(hires.records >
    then:
      - log: never
  - retri: 3
    log: hello
  - for_each: later.items
    as: item
    steps:
      - log: "{{ itm.name }}"
  - id: later
    call: hr.records.list
    with: { table: sys_user, limit: many }
  - call: nobody.users.ensure
"#;

/// Line, column, code, and what the help suggests.
const MISTAKES: [(u64, u64, &str, &str); 15] = [
    (2, 21, "unknown-spoke", "did you mean `litmos`?"),
    (3, 53, "unknown-time-zone", "did you mean `Europe/London`?"),
    (5, 19, "bad-schema", "did you mean `string`?"),
    (6, 22, "bad-duration", ""),
    (9, 14, "unknown-action", "did you mean `records.list`?"),
    (11, 9, "duplicate-id", ""),
    (13, 30, "unknown-input", "did you mean `number`?"),
    (13, 41, "unknown-field", "did you mean `course`?"),
    (14, 14, "unknown-function", "did you mean `join`?"),
    (15, 29, "bad-expression", ""),
    (18, 5, "unknown-key", "known here: "),
    (20, 15, "later-step", ""),
    (23, 18, "unknown-name", "did you mean `item`?"),
    (26, 37, "wrong-input-type", ""),
    (27, 11, "unknown-alias", "there is lms, hr"),
];

#[test]
fn check_tells_every_mistake_at_once_with_its_place_and_a_suggestion() {
    let project = Project::with(&[("flows/broken.yaml", BROKEN)]);
    let told = project.linchpin(&["check"]).ends_with(1).stdout;
    for (line, column, code, help) in MISTAKES {
        let place = format!("flows/broken.yaml:{line}:{column}]");
        assert!(told.contains(&place), "{code} has no {place}\n{told}");
        assert!(told.contains(help), "{code} has no {help:?}\n{told}");
    }
    let verdict = format!("1 file checked: {} mistakes", MISTAKES.len());
    assert!(told.contains(&verdict), "{told}");

    // The same for scripts.
    let found = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let found = found.as_array().unwrap();
    let place = |one: &Value| {
        (one["line"].as_u64().unwrap(), one["column"].as_u64().unwrap(), one["code"].clone())
    };
    let places: Vec<_> = found.iter().map(place).collect();
    let expected: Vec<_> =
        MISTAKES.map(|(line, column, code, _)| (line, column, code.into())).into();
    assert_eq!(places, expected);
    // And a flow with mistakes does not start.
    let refused = project.linchpin(&["run", "broken"]);
    assert_ne!(refused.code, Some(0), "{}", refused.all());
}

/// What cannot be read in a step leaves the rest of it to be looked at.
#[test]
fn a_mistake_in_a_step_hides_none_of_its_others() {
    let flow = r#"flow: hidden
connections: { sn: servicenow }
inputs: { who: { type: string } }
steps:
  - id: gone
    call: sn.records.delete
    with: { table: incident, sys_id: "{{ nix }}" }
    undo: { call: sn.records.delet }
    timeout: soon
  - approval: { from: a@example.test, message: "{{ nope }}", on_reject: maybe }
  - repeat: [ { log: "{{ nada }}" } ]
    until: "'yes'"
    max: 0
  - call: sn.records.get
    with: { table: incident, number: "{{ upperr inputs.who }}", field: a }
"#;
    let project = Project::with(&[("flows/hidden.yaml", flow)]);
    let told = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let errors = told.as_array().unwrap().iter().filter(|one| one["severity"] == "error");
    let found: Vec<String> =
        errors.map(|one| format!("{}:{}", one["line"], one["code"].as_str().unwrap())).collect();
    let expected = [
        "7:unknown-name",
        "8:unknown-action",
        "9:bad-duration",
        "10:unknown-name",
        "10:bad-value",
        "11:unknown-name",
        "12:expression-type",
        "13:bad-value",
        "15:unknown-function",
        "15:unknown-input",
    ];
    assert_eq!(found, expected, "{told:#}");
}

/// What is wrong with one name of an expression or a text says nothing of its others.
#[test]
fn a_mistake_in_an_expression_hides_none_of_its_others() {
    let flow = r#"flow: hidden
inputs: { email: { type: string, required: true } }
vars: { x: { type: integer, default: 0 } }
steps:
  - log: "{{ inputs.emial }} {{ frob inputs.emali }} {{ upper (lowerr inputs.email) nope }}"
  - set: { x: "frob(inputs.emial) + upperr(nope) + size()" }
  - if: "lowerr(inputs.emial) == 'x' && inputs.foo == 2 && has(inputs) && [1].map(1, y) == nil"
    then:
      - log: "{{#eech inputs.list}}{{ id }}{{/eech}} {{#if nope}}{{ uper nope }}{{/if}}"
      - fail: "{{ truncat nope }} {{ join }}"
"#;
    let project = Project::with(&[("flows/hidden.yaml", flow)]);
    let told = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let errors = told.as_array().unwrap().iter().filter(|one| one["severity"] == "error");
    let found: Vec<String> = errors
        .map(|one| format!("{}:{} {}", one["line"], one["column"], one["code"].as_str().unwrap()))
        .collect();
    let expected = [
        "5:14 unknown-field",
        "5:33 unknown-function",
        "5:38 unknown-field",
        "5:57 bad-arguments",
        "5:64 unknown-function",
        "5:85 unknown-name",
        "6:16 unknown-function",
        "6:21 unknown-field",
        "6:37 unknown-function",
        "6:44 unknown-name",
        "6:52 bad-arguments",
        "7:10 unknown-function",
        "7:17 unknown-field",
        "7:41 unknown-field",
        "7:60 bad-expression",
        "7:79 bad-expression",
        "7:92 unknown-name",
        "9:17 unknown-function",
        "9:60 unknown-name",
        "9:69 unknown-function",
        "9:74 unknown-name",
        "10:19 unknown-function",
        "10:27 unknown-name",
        "10:38 unknown-name",
    ];
    assert_eq!(found, expected, "{told:#}");
}

/// Each row of a list is looked at, whether it is written out or has pills in it.
#[test]
fn a_mistake_in_a_row_hides_none_of_the_other_rows() {
    let rows = r#"flow: rows
inputs:
  rows: { type: list, items: { type: object, fields: { a: { type: string, required: true }, b: { type: integer } } } }
steps: [ { log: x } ]
"#;
    let flow = r#"flow: hidden
inputs: { a: { type: string, required: true } }
steps:
  - call: flow.rows
    with: { rows: [ { a: 1, b: x }, { aa: 1 }, 3, { a: x, b: [1] } ] }
  - call: flow.rows
    with: { rows: [ { aa: "{{ inputs.a }}" }, { a: "{{ inputs.a }}", b: x } ] }
"#;
    let project = Project::with(&[("flows/hidden.yaml", flow), ("flows/rows.yaml", rows)]);
    let told = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let found: Vec<String> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}: {}", one["line"], one["message"].as_str().unwrap()))
        .collect();
    let expected = [
        "5: `rows.0.b` cannot be read as an integer",
        "5: `rows.1.a` is required and not given",
        "5: there is no `rows.1.aa`; did you mean `a`?",
        "5: `rows.2` must be an object, it is an integer",
        "5: `rows.3.b` must be an integer, it is a list",
        "7: `rows.0.a` is required and not given",
        "7: `rows.0` has no field `aa`",
        "7: `rows.1.b` cannot be read as an integer",
    ];
    assert_eq!(found, expected, "{told:#}");
    let refused = ["run", "rows", "--sandbox", "--input", r#"rows=[{"aa":1},3]"#];
    let refused = project.linchpin(&refused).ends_with(3).stderr;
    assert!(refused.contains("`rows.0.a` is required and not given"), "{refused}");
    assert!(refused.contains("`rows.1` must be an object"), "{refused}");
}

/// A value that should have been quoted, a setting, an alias: none of them hides what else is wrong.
#[test]
fn no_mistake_hides_another() {
    let flow = r#"flow: hidden
connections: { lms: litmos }
steps:
  - id: learner
    call: litmos.users.ensure
    with:
      email: {{ inputs.mail }}
      first_nam: Ana
      last_name: Ruiz
  - call: desk.things.list
  - wait: { for: 20 s }
"#;
    let connections = "litmos: { spoke: litmos, url: {{ env.URL }}, timeout: soon }\n\
                       desk: { spoke: litmoss, timeout: 5 s }\n";
    let project = Project::with(&[
        ("flows/hidden.yaml", flow),
        ("connections.yaml", connections),
        ("linchpin.yaml", "stor: x\ncalendars: { office: { days: [mo] } }\n"),
    ]);
    let told = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let place = |one: &Value| {
        let (line, column) = (&one["line"], &one["column"]);
        let (file, code) = (one["file"].as_str().unwrap(), one["code"].as_str().unwrap());
        format!("{file}:{line}:{column} {code}")
    };
    let mut found: Vec<String> = told.as_array().unwrap().iter().map(place).collect();
    found.sort();
    let expected = [
        "connections.yaml:1:31 unquoted-braces",
        "connections.yaml:1:55 bad-duration",
        "connections.yaml:2:16 unknown-spoke",
        "connections.yaml:2:34 bad-duration",
        "flows/hidden.yaml:11:18 bad-duration",
        "flows/hidden.yaml:2:21 unknown-alias",
        "flows/hidden.yaml:5:18 missing-input",
        "flows/hidden.yaml:7:14 unquoted-braces",
        "flows/hidden.yaml:7:17 unknown-field",
        "flows/hidden.yaml:8:7 unknown-input",
        "linchpin.yaml:1:1 unknown-key",
        "linchpin.yaml:2:31 bad-value",
    ];
    assert_eq!(found, expected, "{told:#}");
}

#[test]
fn check_names_its_mistakes_for_other_tools() {
    let project = Project::with(&[("flows/broken.yaml", BROKEN)]);
    let github = project.linchpin(&["check", "--format", "github"]).ends_with(1).stdout;
    assert_eq!(github.lines().filter(|line| line.starts_with("::error ")).count(), MISTAKES.len());
    let sarif = project.linchpin(&["check", "--format", "sarif"]).ends_with(1).json();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), MISTAKES.len());
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let bomb = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nflow: *b\n";
    let mut nested_steps = "flow: deep\nsteps:\n".to_owned();
    for depth in 0..2000 {
        let pad = "  ".repeat(2 * depth);
        nested_steps.push_str(&format!("{pad}  - if: true\n{pad}    then:\n"));
    }
    let many = "  - log: hello\n".repeat(200_000);
    let brackets = |open: &str| format!("flow: x\nsteps: {}", open.repeat(100_000)).into_bytes();
    let expression = format!("flow: x\nsteps:\n  - if: \"{}true\"\n", "(".repeat(50_000));
    let text = format!("flow: x\nsteps:\n  - log: \"{}\"\n", "{{#if a}}".repeat(20_000));
    let pattern = "flow: x\ntrigger: { schedule: { cron: \"99999999999999999999 */0 0-99 L# ?\", timezone: UTC } }\nsteps: []\n";
    vec![
        ("empty", Vec::new()),
        ("only white space", b" \n\n\t\n".to_vec()),
        ("a comment", b"# nothing\n".to_vec()),
        ("binary", (0..=255).cycle().take(70_000).collect()),
        ("no UTF-8", b"flow: \xff\xfe\nsteps: []\n".to_vec()),
        ("NUL bytes", b"flow: a\0b\nsteps: []\n".to_vec()),
        ("tab indentation", b"flow: x\nsteps:\n\t- log: hello\n".to_vec()),
        ("a byte order mark and CRLF", b"\xef\xbb\xbfflow: x\r\nsteps:\r\n\t- log: a\r\n".to_vec()),
        ("huge", [b"flow: x\nsteps:\n", many.as_bytes()].concat()),
        ("one huge line", [b"flow: ".to_vec(), vec![b'x'; 20_000_000]].concat()),
        ("deep lists", brackets("[")),
        ("deep maps", brackets("{a: ")),
        ("deep dashes", brackets("- ")),
        ("deep steps", nested_steps.into_bytes()),
        ("a bomb of aliases", bomb.as_bytes().to_vec()),
        ("an endless alias", b"flow: &a [*a]\nsteps: *a\n".to_vec()),
        ("a tag", b"flow: !!python/object:os.system x\nsteps: !!binary aGVsbG8=\n".to_vec()),
        ("two documents", b"flow: a\nsteps: []\n---\nflow: b\nsteps: []\n".to_vec()),
        ("a scalar", b"hello".to_vec()),
        ("a list", b"- 1\n- 2\n".to_vec()),
        ("odd keys", b"? [a, b]\n: 1\n? {c: d}\n: 2\n1: x\nnull: y\n~: z\n.nan: q\n".to_vec()),
        (
            "odd numbers",
            b"flow: 1e999999\nsteps: -.inf\ninputs: 0xFFFFFFFFFFFFFFFFFFFFFFFF\n".to_vec(),
        ),
        ("an expression of brackets", expression.into_bytes()),
        ("a text of blocks", text.into_bytes()),
        (
            "an unfinished text",
            b"flow: x\nsteps:\n  - log: \"{{#each \"\n  - log: \"{{{{raw}}}}\"\n".to_vec(),
        ),
        ("a wild pattern", pattern.as_bytes().to_vec()),
        ("an unclosed quote", b"flow: \"x\nsteps: []".to_vec()),
        (
            "wrong shapes",
            b"flow: [1]\nsteps: {a: 1}\ninputs: 7\nvars: [x]\ntrigger: soon\nconnections: 1\n"
                .to_vec(),
        ),
    ]
}

#[test]
fn a_file_that_is_no_text_is_one_mistake_beside_those_of_the_others() {
    let project = Project::with(&[("flows/other.yaml", "flow: other\nsteps:\n  - lgo: hello\n")]);
    project.write("flows/latin.yaml", b"flow: latin\nsteps:\n  - log: Gr\xfc\xdfe\n");
    let found = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let place = |at: usize| {
        let one = &found[at];
        (
            one["file"].as_str().unwrap(),
            one["line"].as_u64(),
            one["column"].as_u64(),
            one["code"].as_str().unwrap(),
        )
    };
    assert_eq!(place(0), ("flows/latin.yaml", Some(3), Some(12), "unreadable-file"));
    assert_eq!(place(1), ("flows/other.yaml", Some(3), Some(5), "unknown-key"));
    assert_eq!(found.as_array().unwrap().len(), 2);
    // One that is named is told in the same way.
    project.linchpin(&["check", "flows/latin.yaml"]).ends_with(1);
    project.linchpin(&["check", "flows/nowhere.yaml"]).ends_with(3);
}

#[test]
fn flows_that_call_each_other_are_found_without_running_them() {
    let flow = |name: &str, next: &str| format!("flow: {name}\nsteps:\n  - call: flow.{next}\n");
    let project = Project::with(&[
        ("flows/a.yaml", &flow("a", "b")),
        ("flows/b.yaml", &flow("b", "c")),
        ("flows/c.yaml", &flow("c", "a")),
        ("flows/own.yaml", &flow("own", "own")),
        ("flows/outside.yaml", &flow("outside", "a")),
    ]);
    let found = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    let messages: Vec<_> =
        found.as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        [
            "these flows call each other: a, b, c",
            "these flows call each other: b, c, a",
            "these flows call each other: c, a, b",
            "the flow `own` calls itself",
        ]
    );
}

#[test]
fn flows_nest_sixteen_deep_and_no_deeper() {
    let project = Project::with(&[("flows/f_17.yaml", "flow: f_17\nsteps:\n  - log: hello\n")]);
    for at in 2..17 {
        let text = format!("flow: f_{at}\nsteps:\n  - call: flow.f_{}\n", at + 1);
        project.write(&format!("flows/f_{at}.yaml"), text);
    }
    project.linchpin(&["check"]).ends_with(0);
    project.write("flows/f_1.yaml", "flow: f_1\nsteps:\n  - call: flow.f_2\n");
    let found = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(
        (&found[0]["code"], &found[0]["file"]),
        (&"too-deep-flow".into(), &"flows/f_1.yaml".into())
    );
}

#[test]
fn check_watches_until_it_is_ended() {
    let project = Project::with(&[("flows/one.yaml", "flow: one\nsteps:\n  - lgo: hello\n")]);
    let mut watch = project.start(&["check", "--watch"]);
    watch.until(|line| line.contains("1 file checked: 1 mistake").then_some(()));
    project.write("flows/one.yaml", "flow: one\nsteps:\n  - log: hello\n");
    watch.until(|line| line.contains("1 file checked: 0 mistakes").then_some(()));
    project.write("flows/two.yaml", "flow: two\nsteps:\n  - log: hello\n");
    watch.until(|line| line.contains("2 files checked: 0 mistakes").then_some(()));
    project.write("linchpin.yaml", "flos: elsewhere\n");
    watch.until(|line| line.contains("did you mean flows?").then_some(()));
    assert!(watch.said.iter().all(|line| !line.contains("panicked")));
}

#[test]
fn a_code_is_explained_and_a_mistyped_one_is_guessed() {
    let project = Project::with(&[]);
    let told = project.linchpin(&["explain", "unknown-step"]).ends_with(0);
    assert!(told.has_line("unknown-step") && told.has_line("Fix"), "{}", told.stdout);
    let all = project.linchpin(&["explain"]).ends_with(0).stdout;
    assert!(all.contains("unknown-step") && all.contains("bad-cron"), "{all}");
    let refused = project.linchpin(&["explain", "unknwon-step"]).ends_with(3);
    assert!(refused.stderr.contains("did you mean unknown-step?"), "{}", refused.stderr);
    let json = project.linchpin(&["explain", "bad-cron", "--json"]).ends_with(0).json();
    assert!(json["page"].as_str().unwrap().starts_with("# bad-cron"));
}

#[test]
fn no_input_makes_check_panic() {
    for (name, content) in hostile() {
        let project = Project::with(&[]);
        project.write("flows/hostile.yaml", content);
        let done = project.linchpin(&["check"]);
        assert_eq!(done.code, Some(1), "{name}: {:.3000}", done.all());
        assert!(!done.all().contains("panicked"), "{name}: {:.3000}", done.all());
        assert!(done.all().contains("hostile.yaml"), "{name}: {:.3000}", done.all());
        assert!(done.all().len() < 1_000_000, "{name}: {} bytes told", done.all().len());
        let json = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
        assert!(!json.as_array().unwrap().is_empty(), "{name}");
    }
}

#[test]
fn hostile_connections_and_settings_are_told_too() {
    for (name, content) in hostile().into_iter().filter(|(name, _)| !name.contains("only")) {
        let project = Project::with(&[("flows/good.yaml", "flow: good\nsteps:\n  - log: hello\n")]);
        project.write("connections.yaml", &content);
        let done = project.linchpin(&["check"]);
        assert!(matches!(done.code, Some(0 | 1 | 5)), "connections, {name}: {:.3000}", done.all());
        assert!(!done.all().contains("panicked"), "connections, {name}: {:.3000}", done.all());
        let project = Project::with(&[]);
        project.write("linchpin.yaml", &content);
        let done = project.linchpin(&["check"]);
        assert!(matches!(done.code, Some(0 | 1 | 3 | 5)), "settings, {name}: {:.3000}", done.all());
        assert!(!done.all().contains("panicked"), "settings, {name}: {:.3000}", done.all());
    }
}

/// A name that is meant for something else, or for nothing, is told with what there is.
#[test]
fn wrong_names_and_arguments_are_told_with_their_remedy() {
    let flow = "flow: one\nsteps: [ { log: hi } ]\n";
    let project = Project::with(&[("flows/one.yaml", flow), ("taken", "")]);
    project.linchpin(&["check", "one"]).ends_with(0);
    for (arguments, message, help) in [
        (&["check", "two"][..], "there is no flow \"two\"", "the flows are one"),
        (&["runs", "show", "a/b"], "there is no run \"a/b\"", "`linchpin runs list` shows"),
        (&["init", "taken"], "taken is no folder", "name one that is"),
        (&["run", "one", "--bogus"], "unexpected argument '--bogus'", "--bogus"),
        (&["runs", "lst"], "unrecognized subcommand 'lst'", "'list'"),
    ] {
        let told = project.linchpin(arguments).ends_with(3).stderr;
        assert!(told.contains(message) && told.contains(help), "{told}");
        let json = project.linchpin(&[arguments, &["--json"]].concat()).ends_with(3).json();
        let error = |name: &str| json["error"][name].as_str().unwrap_or_default();
        assert!(error("message").starts_with(message) && error("help").contains(help), "{json}");
    }
}
