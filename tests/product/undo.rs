//! What a run has changed is taken back: by its own handler, and later by a person.

use super::support::Project;

const STEPS: &str = "\
connections: { lms: litmos }
limits: { create: 9, delete: 0 }
steps:
  - id: learner
    call: lms.users.ensure
    with: { email: nora.quist@example.test, first_name: Nora, last_name: Quist }
  - { id: catalog, call: lms.courses.list, with: { codes: [SAFETY-101, NET101] } }
  - id: assign
    call: lms.courses.assign
    with: { user: '{{ learner.id }}', courses: '{{ catalog.ids }}' }
";

/// How many effects of a kind the sandbox' Litmos has taken.
fn n_effects(project: &Project, words: &str) -> usize {
    let effects = project.sandbox_effects();
    effects.lines().filter(|line| line.contains(words)).count()
}

fn n_deleted(project: &Project) -> usize {
    n_effects(project, "\"method\":\"DELETE\"")
}

#[test]
fn a_handler_takes_back_the_courses_that_its_run_assigned() {
    let flow = format!(
        "flow: careful\n{STEPS}  - fail: changed my mind\non_error:\n  - {{ id: back, undo: all }}\n"
    );
    let project = Project::with(&[("flows/careful.yaml", &flow)]);
    let run = project.linchpin(&["run", "careful", "--sandbox"]).ends_with(1);
    assert!(run.stdout.contains("#undo[0].assign"), "{}", run.stdout);
    assert!(run.stdout.contains("2 deleted"), "{}", run.stdout);
    assert_eq!(n_deleted(&project), 2, "{}", project.sandbox_effects());
}

#[test]
fn what_a_run_changed_is_shown_first_and_taken_back_on_demand() {
    let flow = format!("flow: plain\n{STEPS}");
    let project = Project::with(&[("flows/plain.yaml", &flow)]);
    let run = project.linchpin(&["run", "plain", "--sandbox", "--json"]).ends_with(0).json();
    let id = run["run"].as_str().unwrap();
    let shown = project.linchpin(&["runs", "undo", id, "--sandbox"]).ends_with(2);
    assert!(
        shown.stdout.contains("assign  by lms.courses.unassign: DELETE /users/"),
        "{}",
        shown.stdout
    );
    assert!(
        shown.stdout.contains(&format!("linchpin runs undo {id} --apply --sandbox")),
        "{}",
        shown.stdout
    );
    assert_eq!(n_deleted(&project), 0);
    let done = project.linchpin(&["runs", "undo", id, "--sandbox", "--apply"]).ends_with(0);
    // The learner that the run made stays: users.ensure has no undo.
    let stays = "learner: 1 write that nothing takes back";
    assert!(shown.stdout.contains(stays), "{}", shown.stdout);
    assert!(done.stdout.contains("all that could be taken back is taken back"), "{}", done.stdout);
    assert!(done.stdout.contains(stays), "{}", done.stdout);
    assert_eq!(n_deleted(&project), 2);
    let again = project.linchpin(&["runs", "undo", id, "--sandbox"]).ends_with(0);
    assert!(again.has_line("there is nothing to take back"), "{}", again.stdout);
    let refused = project.linchpin(&["runs", "undo", id, "--sandbox", "--apply"]).ends_with(3);
    assert!(refused.stderr.contains("there is nothing to take back"), "{}", refused.stderr);
    let shown = project.linchpin(&["runs", "show", id, "--sandbox", "--json"]).ends_with(0).json();
    assert_eq!(shown["state"], "succeeded");
}
