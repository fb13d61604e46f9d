//! Signals and approvals as people at a shell meet them.

use crate::tools::Project;

const RAISE: &str = "\
flow: raise
steps:
  - id: ok
    approval:
      message: Raise the limit?
      from: [hr_ops]
      on_reject: continue
      form: { limit: { type: integer, required: true } }
  - if: ok.approved
    then:
      - log: \"{{ ok.by }} says {{ ok.form.limit }}\"
outputs: { approved: ok.approved, note: ok.note }
";

const PAID: &str = "\
flow: paid
steps:
  - id: paid
    wait: { signal: paid }
outputs: { reference: paid.reference }
";

fn waiting(project: &Project, flow: &str) -> String {
    let started = project.run(&["run", flow]);
    assert_eq!(started.code, 4, "{}{}", started.out, started.err);
    let listed = project.json(&["runs", "list"]);
    listed["runs"][0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn an_approval_prints_the_command_that_gives_it() {
    let project = Project::with(&[("raise.yaml", RAISE)]);
    let started = project.run(&["run", "raise"]);
    assert!(
        started.out.contains("waits for approval by hr_ops: Raise the limit?"),
        "{}",
        started.out
    );
    let run = waiting(&project, "raise");
    let shown = project.run(&["runs", "show", &run]);
    let command = format!("linchpin runs approve {run} ok --as ADDRESS -i limit=...");
    assert!(shown.out.contains(&command), "{}", shown.out);
    let listed = project.run(&["runs", "list"]);
    assert!(listed.out.contains("ok: approval by hr_ops"), "{}", listed.out);
    assert!(listed.out.contains(&format!("linchpin runs approve {run} ok")), "{}", listed.out);
    let own = project.run(&["runs", "approve", &run, "-i", "limit=5"]);
    assert_eq!(own.code, 3, "{}", own.err);
    assert!(own.err.contains("nobody approves what they started"), "{}", own.err);
    let as_ana = ["runs", "approve", &run, "ok", "--as", "ana@example.test"];
    let wrong = project.run(&[&as_ana[..], &["-i", "limit=many"]].concat());
    assert_eq!(wrong.code, 3, "{}", wrong.err);
    let given = project.run(&[&as_ana[..], &["-i", "limit=5", "--note", "fine"]].concat());
    assert_eq!(given.code, 0, "{}{}", given.out, given.err);
    assert!(given.out.contains("approved by ana@example.test: fine"), "{}", given.out);
    assert!(given.out.contains("ana@example.test says 5"), "{}", given.out);
}

#[test]
fn a_refusal_needs_no_form() {
    let project = Project::with(&[("raise.yaml", RAISE)]);
    let run = waiting(&project, "raise");
    let refused = ["runs", "reject", &run, "--as", "ana@example.test", "--note", "not now"];
    let refused = project.run(&refused);
    assert_eq!(refused.code, 0, "{}{}", refused.out, refused.err);
    assert!(refused.out.contains("refused by ana@example.test: not now"), "{}", refused.out);
    assert!(refused.out.contains("approved: false"), "{}", refused.out);
}

#[test]
fn a_signal_is_sent_by_the_command_it_prints() {
    let project = Project::with(&[("paid.yaml", PAID)]);
    let run = waiting(&project, "paid");
    let shown = project.run(&["runs", "show", &run]);
    assert!(shown.out.contains(&format!("linchpin runs signal {run} paid")), "{}", shown.out);
    let unknown = project.run(&["runs", "signal", &run, "paids"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
    assert!(unknown.err.contains("did you mean paid?"), "{}", unknown.err);
    let unread = project.run(&["runs", "signal", &run, "paid", "--payload", "{"]);
    assert_eq!(unread.code, 3, "{}", unread.err);
    let sent = ["runs", "signal", &run, "paid", "--payload", "{\"reference\": \"A7\"}"];
    let sent = project.run(&sent);
    assert_eq!(sent.code, 0, "{}{}", sent.out, sent.err);
    assert!(sent.out.contains("the signal paid came"), "{}", sent.out);
    assert!(sent.out.contains("reference: A7"), "{}", sent.out);
}

const CHOOSE: &str = "\
flow: choose
steps:
  - id: which
    ask:
      of: boss@example.test
      form: { courses: { type: list, items: string, required: true } }
outputs: { courses: which.courses }
";

#[test]
fn a_question_is_answered_by_whom_it_is_asked_of_and_in_full() {
    let project = Project::with(&[("choose.yaml", CHOOSE)]);
    let run = waiting(&project, "choose");
    let why = project.json(&["runs", "explain", &run]);
    let command = format!("linchpin runs answer {run} which --as boss@example.test");
    assert_eq!(why["commands"][0], format!("{command} -v courses=..."), "{why}");
    let answer = ["runs", "answer", &run, "-v", "courses=a,b"];
    for other in [&answer[..], &[&answer[..], &["--as", "ana@example.test"]].concat()] {
        let refused = project.run(other);
        assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
        assert!(refused.err.contains("it is asked of boss@example.test"), "{}", refused.err);
    }
    let as_boss = ["runs", "answer", &run, "--as", "boss@example.test", "-v"];
    let nothing = project.run(&[&as_boss[..], &["courses="]].concat());
    assert_eq!(nothing.code, 3, "{}{}", nothing.out, nothing.err);
    assert!(nothing.err.contains("`courses` is required"), "{}", nothing.err);
    let answered = project.run(&[&as_boss[..], &["courses=a,b"]].concat());
    assert_eq!(answered.code, 0, "{}{}", answered.out, answered.err);
    assert!(answered.out.contains("courses: a, b"), "{}", answered.out);
}

#[test]
fn who_follows_a_run_that_nobody_drives_is_told_so() {
    let project = Project::with(&[("choose.yaml", CHOOSE)]);
    let run = waiting(&project, "choose");
    let followed = project.run(&["runs", "logs", "--follow", &run]);
    assert_eq!(followed.code, 5, "{}{}", followed.out, followed.err);
    assert!(followed.err.contains("nobody drives it"), "{}", followed.err);
    let why = project.json(&["runs", "explain", &run]);
    assert!(why["because"].as_str().unwrap().starts_with("nobody drives it"), "{why}");
}
