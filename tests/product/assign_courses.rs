//! `assign_courses` on the sandbox: what agents are told, and what is changed for whom.

use serde_json::Value;

use super::support::{Done, Project};

/// facts/litmos.md, behaviour 27, word by word.
const NO_PERMISSION: &str = "You do not have permission to assign courses. This requires an \
    \"Administrator\" access level. Please make sure you are an Administrator in Litmos before \
    attempting to assign courses.";

fn assign(project: &Project, agent: &str, courses: &str) -> Done {
    let agent = format!("{agent}@example.test");
    let courses = format!("courses={courses}");
    let incident = "incident=INC0010001";
    project.linchpin(&[
        "run",
        "assign_courses",
        "--sandbox",
        "--as",
        &agent,
        "-i",
        incident,
        "-i",
        &courses,
    ])
}

/// How many writes Litmos took.
fn n_writes(project: &Project) -> usize {
    let effects = project.sandbox_effects();
    let is_write =
        |line: &&str| line.starts_with("{\"effect\"") && line.contains("\"system\":\"litmos\"");
    effects.lines().filter(is_write).count()
}

/// Litmos behaviours 15, 16, 17: the caller has no profile; one is made, once, and linked.
/// Litmos behaviour 24: the success message, names in the order of the selection, no dots.
/// Litmos behaviour 25: the same again is told for each course by its name, without a period.
/// Litmos behaviour 26: when all are duplicates there is no success line and no write.
#[test]
fn litmos_15_16_24_25_26_courses_are_assigned_once_and_told_by_name() {
    let project = Project::of_the_repository();
    let first = assign(&project, "kim.lo", "SAFETY-101,NET101").ends_with(0);
    let success = "You have successfully assigned these courses: Safety at Work, Network Basics";
    assert!(first.has_line(success), "{}", first.stdout);
    assert!(!first.stdout.contains("already assigned"), "{}", first.stdout);
    let effects = project.sandbox_effects();
    assert!(effects.contains("ana.ruiz@example.test"), "{effects}");

    let second = assign(&project, "kim.lo", "SAFETY-101,NET101").ends_with(0);
    assert!(second.has_line("Safety at Work is already assigned"), "{}", second.stdout);
    assert!(second.has_line("Network Basics is already assigned"), "{}", second.stdout);
    assert!(!second.stdout.contains("successfully"), "{}", second.stdout);
    assert!(second.stdout.contains("nothing changed"), "{}", second.stdout);
    assert_eq!(project.sandbox_effects(), effects);
}

/// Litmos behaviour 24: the order is that of the selection, not that of the catalogue.
/// Litmos behaviour 26: of a mixed selection, the success line names only the new ones.
#[test]
fn litmos_24_26_a_mixed_selection_is_told_apart_in_its_order() {
    let project = Project::of_the_repository();
    assign(&project, "kim.lo", "NET101").ends_with(0);
    let mixed = assign(&project, "kim.lo", "VPN-120,NET101,SAFETY-101").ends_with(0);
    let success = "You have successfully assigned these courses: \
        Working Remotely with the VPN, Safety at Work";
    assert!(mixed.has_line(success), "{}", mixed.stdout);
    assert!(mixed.has_line("Network Basics is already assigned"), "{}", mixed.stdout);
    assert_eq!(mixed.stdout.matches("is already assigned").count(), 1, "{}", mixed.stdout);
}

/// Litmos behaviour 27: an agent without the Administrator level gets exactly this sentence, and
/// nothing is assigned. Litmos behaviour 28: Team_Leader, Team_Admin, Learner and people without
/// an account alike, even where they may see courses.
#[test]
fn litmos_27_28_an_agent_who_is_no_administrator_is_told_so_and_assigns_nothing() {
    let project = Project::of_the_repository();
    for agent in ["lee.park", "noor.haddad", "sam.cole", "eva.lind"] {
        let refused = assign(&project, agent, "SAFETY-101").ends_with(1);
        assert!(refused.stdout.contains(NO_PERMISSION), "{agent}: {}", refused.stdout);
        assert!(!refused.stdout.contains("successfully"), "{agent}: {}", refused.stdout);
        let effects = project.sandbox_effects();
        assert!(!effects.contains("SAFETY-101"), "{agent}: {effects}");
        // The profile of the incident's caller, made once before the window opens.
        assert_eq!(n_writes(&project), 1, "{agent}: {effects}");
    }
    // Asked for in JSON, the sentence is the error's message.
    let refused = project.linchpin(&[
        "run",
        "assign_courses",
        "--sandbox",
        "--json",
        "--as",
        "lee.park@example.test",
        "-i",
        "incident=INC0010001",
        "-i",
        "courses=SAFETY-101",
    ]);
    let refused = refused.ends_with(1).stdout.replace("\\\"", "\"");
    assert!(refused.contains(NO_PERMISSION), "{refused}");
}

/// Litmos behaviour 28: Account_Owner outranks Administrator.
#[test]
fn litmos_28_an_account_owner_assigns_like_an_administrator() {
    let project = Project::of_the_repository();
    let owner = assign(&project, "maya.stone", "NET101").ends_with(0);
    let success = "You have successfully assigned these courses: Network Basics";
    assert!(owner.has_line(success), "{}", owner.stdout);
}

/// Litmos behaviour 17: a caller without an address is a clear error, and nothing is created.
#[test]
fn litmos_17_a_caller_without_an_address_gets_no_learner() {
    let project = Project::of_the_repository();
    let refused = project.linchpin(&[
        "run",
        "assign_courses",
        "--sandbox",
        "--as",
        "kim.lo@example.test",
        "-i",
        "incident=INC0010003",
        "-i",
        "courses=NET101",
    ]);
    let refused = refused.ends_with(1);
    assert!(refused.stdout.contains("email"), "{}", refused.stdout);
    assert_eq!(n_writes(&project), 0, "{}", project.sandbox_effects());
}

/// Litmos behaviour 19: the window lists the courses of the agent who acts. Without a terminal
/// the run is kept, and the command that answers is told.
#[test]
fn litmos_19_a_question_without_a_terminal_is_answered_by_another_command() {
    let project = Project::of_the_repository();
    let asked = project.linchpin(&[
        "run",
        "assign_courses",
        "--sandbox",
        "--as",
        "kim.lo@example.test",
        "-i",
        "incident=INC0010001",
    ]);
    let asked = asked.ends_with(4).all();
    let command = asked.lines().find_map(|line| line.split_once("linchpin runs answer "));
    let (_, command) = command.unwrap_or_else(|| panic!("no command is told: {asked}"));
    let run = command.split_whitespace().next().unwrap();
    assert!(command.starts_with(&format!("{run} choice ")), "{command}");

    let shown = project.linchpin(&["runs", "show", run, "--sandbox", "--json"]).ends_with(0);
    let shown: Value = shown.json();
    assert_eq!(shown["flow"], "assign_courses", "{shown}");

    // An answer that is none of the choices is refused, and the question stays.
    let wrong = ["runs", "answer", run, "choice", "-v", "courses=NO-SUCH-1", "--sandbox"];
    let wrong = project.linchpin(&wrong);
    assert_ne!(wrong.code, Some(0), "{}", wrong.all());

    let answer = ["runs", "answer", run, "choice", "-v", "courses=NET101,SAFETY-101", "--sandbox"];
    let answered = project.linchpin(&answer).ends_with(0);
    let success = "You have successfully assigned these courses: Network Basics, Safety at Work";
    assert!(answered.has_line(success), "{}", answered.stdout);
    let twice = project.linchpin(&answer);
    assert_ne!(twice.code, Some(0), "an ended run asks nothing: {}", twice.all());
}

/// Which courses are chosen, and so how many are assigned and whether the incident gets a note,
/// is known only after the run.
#[test]
fn a_dry_run_counts_what_hangs_on_an_answer_as_not_known() {
    let project = Project::of_the_repository();
    let agent = "kim.lo@example.test";
    let incident = "incident=INC0010001";
    let told = project.linchpin(&[
        "dry-run",
        "assign_courses",
        "--sandbox",
        "--as",
        agent,
        "-i",
        incident,
    ]);
    let told = told.ends_with(2).stdout;
    assert!(told.starts_with("assign_courses would create 1 thing or more\n"), "{told}");
    assert!(told.contains("success/then.note  create by sn.work_notes.add (may run)"), "{told}");
    assert!(told.contains("(courses that is answered at choice: known after run)"), "{told}");
    assert!(!told.contains("$unknown"), "{told}");
}
