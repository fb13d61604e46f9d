//! Adding an action to a spoke is adding one file: everything that names actions reads that file.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_connector::testing::test_examples;
use linchpin_connector::{Spoke, reference};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_engine::json_schema;

use crate::architecture::repository::{files, read};

const FOLDER: &str = "crates/spokes/litmos";

const ADDED: (&str, &str) = (
    "actions/teams.rename.yaml",
    "\
action: teams.rename
title: Rename a team
does: Gives a team another name.
effect: update
idempotent: true
inputs:
  team: { type: string, required: true, about: The team's id. }
  name: { type: string, required: true, about: Its new name. }
write:
  put: \"/teams/{{ inputs.team }}\"
  json: { Id: \"{{ inputs.team }}\", Name: \"{{ inputs.name }}\" }
outputs:
  team: { type: string, value: inputs.team }
examples:
  - inputs: { team: t1, name: North }
    replies: [{ put: /teams/t1, sent: { Id: t1, Name: North } }]
    expect: { team: t1 }
",
);

/// The files of the bundled spoke, as they are in the repository.
fn present() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for file in files(FOLDER, ".yaml") {
        let path = file.strip_prefix(FOLDER).unwrap().to_str().unwrap().to_owned();
        all.insert(path, read(&file));
    }
    assert!(all.contains_key("spoke.yaml") && all.len() > 5, "{:?}", all.keys());
    all
}

fn loaded(files: &BTreeMap<String, String>) -> Arc<Spoke> {
    let files: Vec<_> = files.clone().into_iter().collect();
    Arc::new(Spoke::load(&files, &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")))
}

fn catalog(spoke: &Arc<Spoke>) -> Catalog {
    let spokes = [(spoke.name.clone(), Arc::clone(spoke))].into_iter().collect();
    Catalog { spokes, ..Catalog::default() }
}

#[tokio::test]
async fn an_action_more_in_a_bundled_spoke_is_one_file_more() {
    let before = present();
    let mut after = before.clone();
    after.insert(ADDED.0.to_owned(), ADDED.1.to_owned());
    let changed: Vec<&String> = after
        .iter()
        .filter(|(path, text)| before.get(*path) != Some(text))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, [ADDED.0]);

    let (old, new) = (loaded(&before), loaded(&after));
    assert_eq!(new.actions().count(), old.actions().count() + 1);
    assert!(old.action("teams.rename").is_none() && new.action("teams.rename").is_some());
    // Its examples run, its page has it, flows may call it, and editors complete it.
    let tested = test_examples(&new, Some("teams.rename")).await;
    assert!(tested[0].n_examples == 1 && tested[0].failures.is_empty(), "{tested:?}");
    assert!(reference::page(&new, "", "").contains("\n## teams.rename\n"));
    let flow = "flow: x\nconnections: { litmos: litmos }\nsteps:\n  - id: renamed\n    call: litmos.teams.rename\n    \
                with: { team: t1, name: North }\n  - log: \"{{ renamed.team }}\"\n";
    assert!(check_text("x.yaml", flow, &catalog(&new)).is_empty());
    assert!(!check_text("x.yaml", flow, &catalog(&old)).is_empty());
    let schema = |spoke| json_schema::flow(&catalog(spoke)).to_string();
    assert!(schema(&new).contains("litmos.teams.rename"));
    assert!(!schema(&old).contains("litmos.teams.rename"));
}

#[test]
fn the_program_names_no_action_of_a_spoke_that_is_data() {
    let mut named = Vec::new();
    let spokes = linchpin_spokes::bundled().unwrap();
    let names = spokes.iter().flat_map(|spoke| {
        // What `core` offers is part of the language: templates of new flows use it.
        let spoke = Some(spoke).filter(|spoke| spoke.name != "core");
        spoke
            .into_iter()
            .flat_map(|spoke| spoke.actions().map(|(name, _)| format!("{}.{name}", spoke.name)))
    });
    let names: Vec<String> = names.collect();
    for folder in ["connector", "engine", "persistence", "spokes", "runtime", "server"] {
        for file in files(&format!("crates/{folder}/src"), ".rs") {
            let text = read(&file);
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_test = file
                .components()
                .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
            for name in names.iter().filter(|_| !is_test) {
                let code = program.lines().filter(|line| !line.trim_start().starts_with("//"));
                if code.into_iter().any(|line| line.contains(name.as_str())) {
                    named.push(format!("{name} in {}", file.display()));
                }
            }
        }
    }
    assert!(named.is_empty(), "{named:#?}");
    assert!(names.len() > 15, "{names:?}");
}
