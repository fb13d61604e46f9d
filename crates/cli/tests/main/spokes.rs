//! `linchpin spokes`: checking, testing, documenting and drafting one's own.

use crate::tools::Project;

const DOCUMENT: &str = "\
openapi: 3.0.3
info: { title: Lamp Works }
servers: [{ url: \"https://lamps.example\" }]
paths:
  /lamps/{id}:
    get:
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        200: { description: A lamp., content: { application/json: { schema: { type: object, properties: { name: { type: string } } } } } }
    head: { responses: { 200: { description: There. } } }
";

fn drafted() -> Project {
    let project = Project::with(&[]);
    std::fs::write(project.path().join("lamps.yaml"), DOCUMENT).unwrap();
    let made = project.run(&["spokes", "import", "lamps.yaml", "--name", "lamps"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    assert!(made.out.contains("lamps.get  read            GET /lamps/{id}"), "{}", made.out);
    assert!(made.out.contains("no action was drafted: HEAD /lamps/{id}"), "{}", made.out);
    project
}

#[test]
fn a_document_becomes_a_spoke_that_checks_and_tests_green() {
    let project = drafted();
    let summary = std::fs::read_to_string(project.path().join("spokes/lamps/IMPORTED.md")).unwrap();
    assert!(summary.contains("  - `HEAD /lamps/{id}`"), "{summary}");
    let checked = project.run(&["spokes", "check", "lamps"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert_eq!(checked.out, "✓ 2 files checked: 0 mistakes\n");
    let tested = project.run(&["spokes", "test"]);
    assert_eq!(tested.out, "✓ lamps.lamps.get  1 example\n✓ 1 action tested, 0 failed\n");

    let again = project.run(&["spokes", "import", "lamps.yaml", "--name", "lamps"]);
    assert_eq!(again.code, 3);
    assert!(again.err.contains("spokes/lamps is there already"), "{}", again.err);
    let elsewhere = project.json(&["spokes", "import", "lamps.yaml", "--out", "drafts"]);
    assert_eq!(elsewhere["spoke"], "lamp_works");
    assert_eq!(elsewhere["remarks"][0]["places"][0], "HEAD /lamps/{id}");
    assert!(project.path().join("drafts/lamp_works/spoke.yaml").is_file());
}

#[test]
fn what_is_no_document_is_refused_where_it_is_wrong() {
    let project = Project::with(&[]);
    std::fs::write(project.path().join("old.json"), "{ \"swagger\": \"2.0\" }").unwrap();
    std::fs::write(project.path().join("broken.json"), "{ \"openapi\": }").unwrap();
    let old = project.run(&["spokes", "import", "old.json"]);
    assert_eq!(old.code, 3);
    assert!(old.err.contains("old.json: this is no OpenAPI 3 document"), "{}", old.err);
    let broken = project.run(&["spokes", "import", "broken.json"]);
    assert!(broken.err.contains("broken.json:1:"), "{}", broken.err);
    let missing = project.run(&["spokes", "import", "none.json"]);
    assert!(missing.err.contains("there is no file none.json"), "{}", missing.err);
    assert_eq!(project.run(&["spokes", "import", "old.json", "--name", "No-Name"]).code, 3);
}

#[test]
fn a_spokes_mistakes_come_all_at_once_each_with_its_place() {
    let project = drafted();
    let file = project.path().join("spokes/lamps/actions/lamps.get.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let wrong = text.replace("effect: read", "effect: reed").replace("inputs.id", "inputs.idd");
    std::fs::write(&file, wrong).unwrap();
    for name in ["lamps", "spokes/lamps"] {
        let checked = project.run(&["spokes", "check", name]);
        assert_eq!(checked.code, 1);
        for words in [
            "`reed` means nothing here",
            "`inputs` has no `idd`",
            "did you mean `read`?",
            "spokes/lamps/actions/lamps.get.yaml:",
            "✗ 2 files checked: 2 mistakes",
        ] {
            assert!(checked.out.contains(words), "`{words}` is not in\n{}", checked.out);
        }
    }
    let listed = project.json(&["spokes", "check"]);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let unknown = project.run(&["spokes", "check", "lamp"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("did you mean lamps?"), "{}", unknown.err);
}

#[test]
fn an_example_that_does_not_hold_is_shown_where_it_stands() {
    let project = drafted();
    let file = project.path().join("spokes/lamps/actions/lamps.get.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("get: /lamps/a1", "get: /lamps/a2")).unwrap();
    let tested = project.run(&["spokes", "test", "lamps.lamps.get"]);
    assert_eq!(tested.code, 1);
    assert!(
        tested.out.contains("expected GET /lamps/a2, the action sent GET /lamps/a1"),
        "{}",
        tested.out
    );
    assert!(tested.out.contains("✗ 1 action tested, 1 failed"), "{}", tested.out);
    // `check` runs the examples too.
    assert_eq!(project.run(&["spokes", "check", "lamps"]).code, 1);
    assert_eq!(project.run(&["spokes", "test", "lamps.lamps.gat"]).code, 3);
}

#[test]
fn ones_own_spoke_has_the_same_reference_page_as_a_bundled_one() {
    let project = drafted();
    let own = project.run(&["spokes", "docs", "lamps"]);
    assert_eq!(own.code, 0, "{}", own.err);
    for words in [
        "# Actions of Lamp Works",
        "| `url` | Address | url |",
        "## lamps.get",
        "- Effect: read.",
        "- call: lamps.lamps.get\n  with:\n    id: a1",
    ] {
        assert!(own.out.contains(words), "`{words}` is not in\n{}", own.out);
    }
    let bundled = project.run(&["spokes", "docs", "litmos", "-o", "docs/litmos.md"]);
    assert_eq!(bundled.out, "+ docs/litmos.md\n", "{}", bundled.err);
    let page = std::fs::read_to_string(project.path().join("docs/litmos.md")).unwrap();
    assert!(page.starts_with("# Actions of Litmos\n"), "{page}");
}

#[test]
fn a_spoke_to_begin_with_checks_and_tests_green() {
    let project = Project::with(&[]);
    let made = project.run(&["spokes", "new", "crm"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert_eq!(project.run(&["spokes", "check", "crm"]).code, 0);
    let tested = project.run(&["spokes", "test", "crm"]);
    assert_eq!(tested.out, "✓ crm.items.get  1 example\n✓ 1 action tested, 0 failed\n");
}

#[test]
fn a_flow_that_comes_with_a_spoke_can_be_called_and_replaced() {
    let calls = "flow: calls\nsteps:\n  - id: told\n    call: flow.tell\n    with: { who: Ada }\n  - log: \"{{ told.text }}\"\n";
    let project = Project::with(&[("calls.yaml", calls)]);
    assert_eq!(project.run(&["spokes", "new", "crm"]).code, 0);
    let tell = "flow: tell\ninputs: { who: { type: string, required: true } }\nsteps:\n  - log: told\noutputs: { text: \"'from the spoke: ' + inputs.who\" }\n";
    let folder = project.path().join("spokes/crm/flows");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tell.yaml"), tell).unwrap();
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
    assert_eq!(project.run(&["spokes", "check", "crm"]).code, 0);
    let ran = project.run(&["run", "calls", "--sandbox"]);
    assert!(ran.out.contains("from the spoke: Ada"), "{}{}", ran.out, ran.err);

    let own = tell.replace("from the spoke", "from the project");
    std::fs::write(project.path().join("flows/tell.yaml"), own).unwrap();
    let ran = project.run(&["run", "calls", "--sandbox"]);
    assert!(ran.out.contains("from the project: Ada"), "{}{}", ran.out, ran.err);

    std::fs::write(folder.join("tell.yaml"), tell.replace("inputs.who", "inputs.whom")).unwrap();
    let checked = project.run(&["spokes", "check", "crm"]);
    assert!(
        checked.code == 1 && checked.out.contains("spokes/crm/flows/tell.yaml"),
        "{}",
        checked.out
    );
}

#[test]
fn editors_get_schemas_of_the_files_of_spokes() {
    let project = Project::with(&[]);
    for (of, key) in [("spoke", "connection"), ("action", "effect")] {
        let schema = project.json(&["schema", of]);
        assert!(schema["$defs"][of]["properties"][key]["description"].is_string(), "{of}");
    }
}

/// What is wrong with a spoke hides nothing of the flows, and is told once.
#[test]
fn a_spoke_with_mistakes_hides_no_mistake_of_the_flows() {
    let project = drafted();
    let file = project.path().join("spokes/lamps/spoke.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}colour: green\n")).unwrap();
    let flow = "flow: light\nconnections: { hall: lamps }\nsteps:\n  \
        - { id: lamp, call: hall.lamps.get, with: { id: '1' } }\n  - lgo: done\n";
    std::fs::write(project.path().join("flows/light.yaml"), flow).unwrap();
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 1, "{}{}", checked.out, checked.err);
    for part in ["unknown key `colour`", "no step is a `lgo`", ": 2 mistakes"] {
        assert!(checked.out.contains(part), "no {part} in {}", checked.out);
    }
    let refused = project.run(&["run", "light"]);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
}
