//! A spoke with mistakes: all of them at once, each where it stands.

use crate::acme::{ASSIGN, LIST, SPOKE, load, load_with, printed};

fn check(action: &str, expected: &[&str]) {
    let mistakes = load(&[action]).map(|_| ()).unwrap_err();
    let text = printed(&mistakes);
    for line in expected {
        assert!(text.contains(line), "`{line}` is not in\n{text}");
    }
    assert_eq!(mistakes.len(), expected.len(), "{text}");
}

#[test]
fn a_good_spoke_loads() {
    let spoke = load(&[ASSIGN, LIST]).unwrap();
    assert_eq!(spoke.name, "acme");
    assert_eq!(spoke.rate.unwrap().calls, 100);
    let names: Vec<&str> = spoke.actions().map(|(name, _)| name).collect();
    assert_eq!(names, ["courses.assign", "courses.unassign", "user_courses.list"]);
    let spec = spoke.action("courses.assign").unwrap().spec();
    assert_eq!(spec.outputs.field("assigned").unwrap().type_name(), "list of object");
    assert!(spec.looks && spec.idempotent && spec.undo.is_some());
}

#[test]
fn names_that_nothing_has_are_found_without_a_call() {
    check(
        &ASSIGN
            .replace("unique(inputs.courses)", "unique(inputs.course)")
            .replace(
                "look.current.filter(c, c.id in wanted)",
                "look.curent.filter(c, c.id in wnated)",
            )
            .replace(
                "sendmessage: \"{{ inputs.notify }}\"",
                "sendmessage: \"{{ connection.api_key }}\"",
            ),
        &[
            "`inputs` has no `course`",
            "`look` has no `curent`",
            "`wnated` is no name here",
            "`connection` has no `api_key`",
        ],
    );
}

#[test]
fn keys_words_and_references_are_checked() {
    check(
        &LIST
            .replace("effect: read", "effect: reed")
            .replace("paging: pages", "paging: page, shap: x")
            .replace("shape: course, collection", "shape: curse, collection"),
        &[
            "`reed` means nothing here",
            "unknown key `shap`",
            "`page` means nothing here",
            "`curse` means nothing here",
        ],
    );
}

#[test]
fn a_write_must_be_repeatable_or_verifiable() {
    let action = ASSIGN.replace("idempotent: true", "idempotent: false");
    let action = action.lines().filter(|line| !line.starts_with("verify:"));
    let action: String = action.map(|line| format!("{line}\n")).collect();
    check(&action, &["needs `verify`"]);
}

#[test]
fn the_common_file_is_checked_too() {
    let spoke = SPOKE
        .replace("kind: api_key", "kind: api_kye")
        .replace("zone: UTC", "zone: Atlantis/Capital")
        .replace("kind: conflict }", "kind: conflicting }")
        .replace("stop: short }", "stop: shorter }");
    let mistakes = load_with(&spoke, &[]).map(|_| ()).unwrap_err();
    let text = printed(&mistakes);
    for word in ["api_kye", "Atlantis/Capital", "conflicting", "shorter"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert_eq!(mistakes.len(), 4, "{text}");
}

#[test]
fn a_folder_without_its_file_is_no_spoke() {
    assert!(linchpin_connector::Spoke::load(&[], &[]).is_err());
}

#[test]
fn expressions_are_checked_against_the_types_of_inputs_and_shapes() {
    check(
        &LIST.replace(
            "effect: read",
            "effect: read\nlet: { n: \"size(inputs.user) + 'x'\", up: inputs.user.name }",
        ),
        &["integer", "`inputs.user` is a string"],
    );
    let wrong =
        ASSIGN.replace("look.current.filter(c, c.id in wanted)", "look.current.map(c, c.complete)");
    check(&wrong, &["the output `already[]` is an object, its value is a boolean"]);
    let wrong = ASSIGN.replace(
        "wanted.filter(id, !(id in held))",
        "wanted.filter(id, !(id in look.current[0].nam))",
    );
    check(&wrong, &["nam"]);
}

#[test]
fn an_undo_names_an_action_of_the_spoke() {
    check(
        &ASSIGN.replace("undo: { action: courses.unassign", "undo: { action: courses.asign"),
        &["this spoke has no action `courses.asign`"],
    );
}
