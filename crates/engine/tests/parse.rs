//! Reading a flow: what is kept of it, and that every mistake of structure is found.

use std::time::Duration;

use linchpin_connector::{Effect, ErrorKind};
use linchpin_engine::flow::{
    Arm, Full, Level, LoopSource, Missed, OnError, OnItemError, Rule, StepKind, Trigger, Wait,
};
use linchpin_engine::parse::parse;
use linchpin_engine::plan::{Plan, Program};
use linchpin_engine::retry::Backoff;

const WHOLE: &str = r#"
flow: everything
description: Uses each part of the language once.
owner: ops
enabled: false
connections: { hr: desk, lms: school }
trigger:
  schedule: { cron: "0 7 * * *", timezone: Europe/London, missed: all, jitter: 30s }
concurrency: { max: 2, full: skip, key: inputs.site }
run_by: [admin]
inputs:
  site: { type: string, default: main }
vars:
  total: { type: integer, default: 0 }
defaults:
  timeout: 20s
  retry: { attempts: 3, backoff: 2s..60s, on: [timeout, unavailable], max_elapsed: 10m }
limits: { create: 5, delete: 0 }
timeout: 2h
steps:
  - id: people
    call: hr.records.list
    with: { table: person }
    retry: { attempts: 2, backoff: 5s }
    timeout: 5s
  - log: "Found {{ people.count }}"
  - if: people.count > 10
    then:
      - log: { level: warn, message: many }
    else_if:
      - { if: people.count > 5, then: [{ log: some }] }
    else:
      - end:
  - id: each
    for_each: people.records
    as: person
    parallel: 4
    on_item_error: continue
    collect: person.email
    steps:
      - try:
          - call: lms.users.ensure
            with: { email: "{{ person.email }}" }
        catch:
          - on: [not_found, rejected]
            steps: [{ log: gone }]
          - steps: [{ fail: { kind: conflict, message: no } }]
        finally: [{ log: done }]
  - id: more
    for_each: { call: hr.people.stream, with: { since: "{{ run.started_at }}" } }
    call: flow.greet
    with: { email: "{{ item.email }}" }
    connections: { lms: lms }
    timeout: 7s
    collect: output.learner
  - wait: { for: 1h30m }
    if: each.failed > 0
    on_error: continue
  - wait: { until: "{{ run.started_at }}" }
    on_error: [{ log: late }]
  - id: choice
    ask:
      of: starter
      message: Which?
      submit: Go
      timeout: 1d
      form:
        course:
          type: string
          required: true
          choices_from: { call: lms.courses.list, value: id, columns: [name], list: courses }
  - set: { total: vars.total + 1 }
    after: [choice]
  - fail: over
on_error: [{ log: "{{ error.message }}" }]
on_cancel: [{ log: cancelled }]
finally: [{ end: true }]
outputs: { learners: more.items }
"#;

#[test]
fn the_top_of_a_flow_is_kept() {
    let flow = parse("everything.yaml", WHOLE).unwrap();
    assert_eq!((flow.name.as_str(), flow.enabled), ("everything", false));
    assert_eq!(flow.connections["lms"].value, "school");
    let Trigger::Schedule(schedule) = &flow.triggers[0].value else {
        panic!("a schedule");
    };
    assert_eq!(schedule.rule, Rule::Cron("0 7 * * *".to_owned()));
    assert_eq!((schedule.missed, schedule.jitter), (Missed::All, Some(Duration::from_secs(30))));
    let concurrency = flow.concurrency.as_ref().unwrap();
    assert_eq!((concurrency.max, concurrency.full), (2, Full::Skip));
    assert_eq!(flow.limits[&Effect::Create], 5);
    assert_eq!(flow.timeout, Some(Duration::from_secs(7200)));
    let retry = &flow.defaults.retry;
    assert_eq!(retry.on, Some(vec![ErrorKind::Timeout, ErrorKind::Unavailable]));
    let (first, longest) = (Duration::from_secs(2), Duration::from_secs(60));
    assert_eq!(retry.backoff, Some(Backoff::Exponential { first, longest }));
    assert_eq!(flow.outputs["learners"].value.source(), "more.items");
}

#[test]
fn steps_keep_their_kind_and_a_name_for_paths() {
    let flow = parse("everything.yaml", WHOLE).unwrap();
    let steps = &flow.steps.steps;
    let segments: Vec<&str> = steps.iter().map(|step| &*step.segment).collect();
    assert_eq!(segments, ["people", "#2", "#3", "each", "more", "#6", "#7", "choice", "#9", "#10"]);

    let StepKind::Call(call) = &steps[0].kind else { panic!("a call") };
    assert_eq!((call.alias.value.as_str(), call.action.value.as_str()), ("hr", "records.list"));
    assert_eq!(&WHOLE[call.action.span.start..call.action.span.end], "records.list");
    assert_eq!(call.retry.backoff, Some(Backoff::Fixed(Duration::from_secs(5))));

    let StepKind::If(branch) = &steps[2].kind else { panic!("a condition") };
    assert_eq!((branch.arms.len(), branch.otherwise.is_some()), (2, true));
    assert!(steps[2].guard.is_none(), "its `if` is the condition");
    let StepKind::Log(log) = &branch.arms[0].1.steps[0].kind else { panic!("a log") };
    assert_eq!(log.level, Level::Warn);

    let StepKind::ForEach(each) = &steps[3].kind else { panic!("a loop") };
    assert_eq!((each.parallel, each.on_item_error), (4, OnItemError::Continue));
    let StepKind::Try(guarded) = &each.body.steps[0].kind else { panic!("a try") };
    assert_eq!(guarded.catches[0].on, [ErrorKind::NotFound, ErrorKind::Rejected]);
    assert!(guarded.catches[1].on.is_empty() && guarded.finally.is_some());

    assert!(steps[5].guard.is_some(), "an `if` beside a kind is a guard");
    assert!(matches!(steps[5].on_error, OnError::Continue));
    assert!(matches!(&steps[6].on_error, OnError::Steps(block) if block.steps.len() == 1));
    assert!(matches!(&steps[6].kind, StepKind::Wait(Wait::Until(_))));
    let StepKind::Ask(ask) = &steps[7].kind else { panic!("a question") };
    let choices = ask.form["course"].choices.as_ref().unwrap();
    assert_eq!((choices.value.as_str(), choices.list.as_deref()), ("id", Some("courses")));
    let StepKind::Fail(fail) = &steps[9].kind else { panic!("a failure") };
    assert_eq!(fail.kind, ErrorKind::Rejected);
}

#[test]
fn a_loop_over_a_call_has_one_step_called_output() {
    let flow = parse("everything.yaml", WHOLE).unwrap();
    let step = &flow.steps.steps[4];
    let StepKind::ForEach(each) = &step.kind else { panic!("a loop") };
    assert!(
        matches!(&each.source, LoopSource::Stream(call) if call.action.value == "people.stream")
    );
    assert_eq!(each.item.value, "item");
    let [output] = each.body.steps.as_slice() else { panic!("one step") };
    assert_eq!(&*output.segment, "output");
    assert!(matches!(&output.kind, StepKind::Subflow(call) if call.flow.value == "greet"));
    // The timeout belongs to the call, not to the loop.
    assert_eq!((output.timeout, step.timeout), (Some(Duration::from_secs(7)), None));
}

#[test]
fn blocks_are_numbered_densely() {
    let flow = parse("everything.yaml", WHOLE).unwrap();
    let mut seen = Vec::new();
    let mut open = vec![&flow.steps];
    open.extend([&flow.on_error, &flow.on_cancel, &flow.finally].into_iter().flatten());
    while let Some(block) = open.pop() {
        seen.push(block.index);
        for step in &block.steps {
            open.extend(step.blocks().into_iter().map(|(_, block)| block));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..flow.blocks).collect::<Vec<_>>());
    let arms: Vec<Arm> = flow.steps.steps[2].blocks().into_iter().map(|(arm, _)| arm).collect();
    assert_eq!(arms, [Arm::Then(0), Arm::Then(1), Arm::Else]);
}

#[test]
fn a_program_holds_the_flow_and_all_it_reaches() {
    let texts = [("everything", WHOLE), ("greet", crate::samples::GREET)];
    let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect();
    let facts = crate::samples::catalog().all_facts();
    let program = Program::new("everything", &texts, facts).unwrap();
    assert_eq!(program.flows.keys().collect::<Vec<_>>(), ["everything", "greet"]);
    let greet = &program.flows["greet"].flow;
    let facts = program.facts(greet, "lms", "users.ensure").unwrap();
    assert_eq!((facts.effect, facts.idempotent), (Effect::Ensure, true));

    let alone = [("everything".to_owned(), WHOLE.to_owned())].into_iter().collect();
    let mistakes = Program::new("everything", &alone, Default::default()).unwrap_err();
    assert_eq!(mistakes[0].code.0, "unknown-flow");
    assert_eq!(&WHOLE[mistakes[0].span.start..mistakes[0].span.end], "greet");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that measures; the engine reads no clock")]
fn many_steps_that_wait_for_each_other_are_checked_in_no_time() {
    let step = |at: usize| {
        let after: Vec<String> = (0..at).map(|before| format!("s{before}")).collect();
        let after = after.join(", ");
        format!(
            "  - {{ id: s{at}, log: '{{{{ steps.s{}.status }}}} {{{{ s{}.y }}}}', after: [{after}] }}\n",
            at / 2,
            at + 1
        )
    };
    let text = format!("flow: web\nsteps:\n{}", (0..300).map(step).collect::<String>());
    let start = std::time::Instant::now();
    let found = linchpin_engine::check::check_text("web.yaml", &text, &crate::samples::catalog());
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    // The first reads itself and each reads a later one; the last reads one that is not there.
    assert_eq!(found.len(), 301);
}

#[test]
fn a_flow_of_a_thousand_steps_is_read_and_one_more_refused() {
    let flow = |count| format!("flow: long\nsteps:\n{}", "  - log: x\n".repeat(count));
    let plan = Plan::new(parse("long.yaml", &flow(1000)).unwrap());
    assert_eq!(plan.flow.steps.steps.len(), 1000);
    assert_eq!(plan.graph(&plan.flow.steps).predecessors[999], [998]);
    let mistakes = parse("long.yaml", &flow(1500)).unwrap_err();
    let codes: Vec<&str> = mistakes.iter().map(|mistake| mistake.code.0).collect();
    assert_eq!(codes, ["too-many-steps"]);
}

/// Lines that are put together in any order and depth: closer to flows than random characters.
const LINES: &[&str] = &[
    "flow: a",
    "steps:",
    "- call: hr.records.list",
    "with: { table: person }",
    "- id: x",
    "if: a > 1",
    "then:",
    "else_if:",
    "for_each: a.b",
    "as: y",
    "steps: []",
    "try:",
    "catch:",
    "- on: [timeout]",
    "finally:",
    "wait: { for: 5m }",
    "wait:",
    "ask:",
    "form: { a: string }",
    "set: { a: 1 }",
    "log: '{{ x.y }}'",
    "log: '{{#if'",
    "end:",
    "fail: {}",
    "parallel: { a: [] }",
    "repeat: []",
    "after: [x]",
    "after: []",
    "inputs: { a: { type: list } }",
    "vars: x",
    "trigger: { schedule: { cron: '* * * * *' } }",
    "triggers: []",
    "outputs: { a: x.y }",
    "retry: { backoff: 5s..1s }",
    "limits: { create: -1 }",
    "on_error: stop",
    "on_error: []",
    "connections: { a: desk }",
    "- ",
    "call: flow.",
    "call: x",
    "collect: output.id",
    "timeout: 0",
];

proptest::proptest! {
    #[test]
    fn parsing_and_checking_never_panic(
        lines in proptest::collection::vec((0..LINES.len(), 0usize..6), 0..30)
    ) {
        let text: String =
            lines.iter().map(|(line, depth)| format!("{}{}\n", "  ".repeat(*depth), LINES[*line])).collect();
        let catalog = crate::samples::catalog();
        let mistakes = linchpin_engine::check::check_text("a.yaml", &text, &catalog);
        if parse("a.yaml", &text).is_err() {
            proptest::prop_assert!(!mistakes.is_empty());
        }
    }

    #[test]
    fn a_flow_with_lines_lost_moved_or_cut_is_answered(
        edits in proptest::collection::vec((0usize..95, 0usize..95, 0usize..60, 0u8..4), 1..6)
    ) {
        let mut lines: Vec<String> = WHOLE.lines().map(str::to_owned).collect();
        for (at, to, cut, edit) in edits {
            let at = at % lines.len();
            let to = to % lines.len();
            match edit {
                0 => { lines.remove(at); }
                1 => lines.swap(at, to),
                2 => { let line = lines[at].clone(); lines.insert(to, line); }
                _ => { let short = lines[at].chars().take(cut).collect(); lines[at] = short; }
            }
        }
        let text = lines.join("\n");
        let mistakes = linchpin_engine::check::check_text("a.yaml", &text, &crate::samples::catalog());
        for mistake in &mistakes {
            proptest::prop_assert!(mistake.span.start <= mistake.span.end);
            proptest::prop_assert!(mistake.span.end <= text.len());
        }
    }

    #[test]
    fn any_text_is_answered(text in "[ \\-:{}\\[\\]'\"#a-z0-9\n]{0,120}") {
        let whole = format!("flow: a\nsteps:\n  - {text}\n");
        linchpin_engine::check::check_text("a.yaml", &whole, &Default::default());
    }
}
