//! `linchpin new`, `diff` and `graph`.

use crate::tools::Project;

#[test]
fn a_new_flow_is_laid_out_has_no_mistakes_and_runs() {
    let project = Project::with(&[]);
    for (name, more) in [
        ("plain", &[][..]),
        ("nightly", &["--trigger", "schedule"]),
        ("page", &["--trigger", "form"]),
    ] {
        let made = project.run(&[&["new", "flow", name], more].concat());
        assert_eq!(made.code, 0, "{}", made.err);
        assert!(made.out.contains(&format!("+ flows/{name}.yaml\n")), "{}", made.out);
    }
    let checked = project.run(&["check"]);
    assert_eq!(
        checked.out.lines().last(),
        Some("✓ 3 files checked: 0 mistakes"),
        "{}",
        checked.out
    );
    let tidy = project.run(&["fmt", "--check"]);
    assert_eq!(tidy.code, 0, "{}", tidy.out);
    let ran = project.run(&["run", "plain", "--sandbox"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Hello Ada"), "{}", ran.out);

    let again = project.run(&["new", "flow", "plain"]);
    assert_eq!(again.code, 3);
    assert!(again.err.contains("flows/plain.yaml is there already"), "{}", again.err);
    assert_eq!(project.run(&["new", "flow", "No-Name"]).code, 3);
    std::fs::rename(project.path().join("flows/plain.yaml"), project.path().join("flows/p.yaml"))
        .unwrap();
    let taken = project.run(&["new", "flow", "plain"]);
    assert_eq!(taken.code, 3, "{}", taken.out);
    assert!(taken.err.contains("flows/p.yaml has a flow plain already"), "{}", taken.err);
}

#[test]
fn a_new_spoke_is_laid_out_has_no_mistakes_and_can_be_called() {
    let project = Project::with(&[(
        "x.yaml",
        "flow: x\nsteps:\n  - id: item\n    call: crm.items.get\n    with: { id: a1 }\n\
         \x20 - log: \"{{ item.name }}\"\n",
    )]);
    let made = project.run(&["new", "spoke", "crm"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    let tidy = project.run(&["fmt", "--check", "spokes"]);
    assert_eq!(tidy.code, 0, "{}", tidy.out);
    assert_eq!(project.run(&["new", "spoke", "crm"]).code, 3);
}

#[test]
fn diff_tells_meaning_and_not_text() {
    let project = Project::with(&[("x.yaml", "flow: x\nsteps:\n  - log: Hi\n")]);
    let other = project.path().join("other.yaml");
    std::fs::write(&other, "# same\nflow:  'x'\nsteps: [{ log: Hi }]\n").unwrap();
    let same = project.run(&["diff", "x", "other.yaml"]);
    assert_eq!((same.code, same.out.as_str()), (0, "no change in meaning\n"), "{}", same.err);
    std::fs::write(&other, "flow: x\nowner: me\nsteps:\n  - log: Hello\n  - wait: { for: 1h }\n")
        .unwrap();
    let different = project.run(&["diff", "x", "other.yaml"]);
    assert_eq!(different.code, 1, "{}", different.err);
    assert_eq!(
        different.out,
        "owner\n  + me\nsteps\n  ~ #1.log: Hi -> Hello\n  + #2: wait\n3 differences\n"
    );
    let json = project.json(&["diff", "x", "other.yaml"]);
    assert_eq!(json["changes"][1]["before"], "Hi");
    assert_eq!(project.run(&["diff", "x", "y"]).code, 3);
}

#[test]
fn a_flow_is_drawn_in_three_forms() {
    let flow = "flow: x\nsteps:\n  - { id: tell, call: core.echo, with: { value: 1 } }\n\
                \x20 - { id: wide, for_each: \"[1]\", steps: [{ log: Hi }] }\n";
    let project = Project::with(&[("x.yaml", flow)]);
    for (form, begin) in [("svg", "<svg "), ("mermaid", "---\ntitle: x"), ("dot", "digraph ")] {
        let drawn = project.run(&["graph", "x", "--format", form]);
        assert_eq!(drawn.code, 0, "{}", drawn.err);
        assert!(drawn.out.starts_with(begin) && drawn.out.contains("wide"), "{}", drawn.out);
    }
    assert_eq!(project.run(&["graph", "flows/x.yaml", "-o", "x.svg"]).code, 0);
    assert!(project.path().join("x.svg").is_file());
    let picture = project.json(&["graph", "x", "--format", "dot"])["picture"].clone();
    assert!(picture.as_str().unwrap().starts_with("digraph "), "{picture}");
}
