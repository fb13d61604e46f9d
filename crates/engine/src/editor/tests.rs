//! Cases with the cursor as a mark in the text.

use std::collections::BTreeMap;

use linchpin_connector::Spoke;

use super::*;
use crate::catalog::FlowSignature;
use crate::check::check_text;

const SPOKE: &str = "spoke: litmos\ntitle: Litmos\nconnection:\n  credential: { kind: none }\n";
const ENSURE: &str = "action: users.ensure\ntitle: Create or update a user\n\
    does: Finds the user or makes one.\neffect: none\ninputs:\n\
    \x20 email: { type: email, required: true, about: The address. }\n\
    \x20 level: { type: string, enum: [learner, admin], default: learner, about: The rights. }\n\
    \x20 active: { type: boolean, about: Whether they can log in. }\n\
    outputs:\n  id: { type: string, value: inputs.email, about: The id. }\n\
    \x20 teams: { type: list, items: { fields: { code: string } }, value: '[]', about: The teams. }\n\
    examples: []\n";

fn catalog() -> Catalog {
    let files = [("spoke.yaml", SPOKE), ("actions/users.ensure.yaml", ENSURE)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let spoke = Spoke::load(&files, &[]).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let mut signature = FlowSignature::default();
    signature.inputs.insert("team".to_owned(), linchpin_language::Schema::string());
    Catalog {
        spokes: BTreeMap::from([("litmos".to_owned(), std::sync::Arc::new(spoke))]),
        aliases: BTreeMap::from([("lms".to_owned(), "litmos".to_owned())]),
        flows: BTreeMap::from([("enrol".to_owned(), signature)]),
        ..Catalog::default()
    }
}

/// The text without its mark, and where that was.
fn unmark(marked: &str) -> (String, usize) {
    let at = marked.find('¦').expect("the cursor is marked");
    (marked.replacen('¦', "", 1), at)
}

/// What is offered at the mark.
fn offered(marked: &str) -> Vec<Completion> {
    let (text, at) = unmark(marked);
    completions(&Page::new("flow.yaml", &text, &catalog()), at)
}

#[track_caller]
fn offers(marked: &str, wanted: &[&str], unwanted: &[&str]) {
    let offered = offered(marked);
    let labels: Vec<&str> = offered.iter().map(|one| one.label.as_str()).collect();
    for label in wanted {
        assert!(labels.contains(label), "{marked}: no {label} in {labels:?}");
    }
    for label in unwanted {
        assert!(!labels.contains(label), "{marked}: {label} in {labels:?}");
    }
}

const HEAD: &str = "flow: a\nconnections: { lms: litmos, eu: litmos }\ninputs:\n  mail: { type: email }\nvars:\n  who: string\nsteps:\n  - id: learner\n    call: lms.users.ensure\n    with: { email: \"{{ inputs.mail }}\" }\n";

#[test]
fn keys_are_offered_where_they_belong_and_once() {
    offers("¦", &["flow", "steps", "trigger"], &["call"]);
    offers("flow: a\n¦", &["steps"], &["flow"]);
    offers(&format!("{HEAD}  - ¦"), &["call", "for_each", "id", "if"], &["catch", "flow"]);
    offers(
        &format!("{HEAD}  - call: lms.users.ensure\n    ¦"),
        &["with", "retry", "id"],
        &["log", "call"],
    );
    offers(
        &format!("{HEAD}  - id: b\n    wa¦\n    call: lms.users.ensure\n"),
        &["with"],
        &["for_each"],
    );
    offers("flow: a\ntrigger:\n  schedule:\n    ¦", &["cron", "every", "timezone"], &["steps"]);
    offers("flow: a\ninputs:\n  mail: { ¦ }", &["type", "required"], &["steps"]);
    offers(&format!("{HEAD}  - set:\n      ¦"), &["who"], &[]);
    offers(
        &format!("{HEAD}  - try:\n      - end: true\n    catch:\n      - ¦"),
        &["on", "steps"],
        &[],
    );
}

#[test]
fn a_key_is_written_with_its_colon_and_in_place_of_what_is_there() {
    let (text, at) = unmark(&format!("{HEAD}  - cal¦\n"));
    let offered = completions(&Page::new("flow.yaml", &text, &catalog()), at);
    let call = offered.iter().find(|one| one.label == "call").unwrap();
    assert_eq!(
        (call.insert.as_str(), &text[call.replaces.start..call.replaces.end]),
        ("call: ", "cal")
    );
    assert_eq!((call.what, call.detail.as_deref()), (What::Kind, Some("Action, Subflow")));
}

#[test]
fn actions_are_offered_for_each_alias_and_inputs_for_the_action() {
    let all = ["lms.users.ensure", "eu.users.ensure", "litmos.users.ensure", "flow.enrol"];
    offers(&format!("{HEAD}  - call: ¦"), &all, &[]);
    let (text, at) = unmark(&format!("{HEAD}  - call: lms.us¦"));
    let offered = completions(&Page::new("flow.yaml", &text, &catalog()), at);
    let action = offered.iter().find(|one| one.label == "lms.users.ensure").unwrap();
    assert_eq!(&text[action.replaces.start..action.replaces.end], "lms.us");
    assert!(action.about.as_ref().unwrap().contains("`email` (email, required)"), "{action:?}");
    let call = format!("{HEAD}  - call: eu.users.ensure\n    with:");
    offers(&format!("{call}\n      ¦"), &["email", "level"], &["team"]);
    offers(&format!("{call} {{ email: a, ¦ }}"), &["level", "active"], &["email"]);
    offers(&format!("{call} {{ level: ¦ }}"), &["learner", "admin"], &[]);
    offers(&format!("{call} {{ active: ¦ }}"), &["true", "false"], &[]);
    offers(&format!("{HEAD}  - with:\n      ¦\n    call: flow.enrol\n"), &["team"], &["email"]);
    offers(&format!("{HEAD}  - call: lms.users.ensure\n    connection: ¦"), &["eu", "lms"], &[]);
    offers("flow: a\nconnections:\n  x: ¦", &["litmos"], &[]);
}

#[test]
fn names_fields_and_functions_are_offered_in_expressions_and_pills() {
    let both = ["learner", "inputs", "vars", "lower"];
    offers(&format!("{HEAD}  - if: ¦\n    end: true\n"), &both, &["error"]);
    offers(&format!("{HEAD}  - log: \"Hi {{{{ ¦ }}}}\"\n"), &both, &[]);
    offers(&format!("{HEAD}  - log: \"Hi {{{{ learner.¦\n"), &["id", "teams"], &["lower"]);
    offers(&format!("{HEAD}  - log: \"Hi ¦\"\n"), &[], &["learner", "id"]);
    offers(&format!("{HEAD}  - if: learner.teams.¦\n    end: true\n"), &["map", "exists"], &["id"]);
    offers(
        &format!("{HEAD}  - if: learner.teams.exists(t, t.¦\n    end: true\n"),
        &["code"],
        &["id"],
    );
    offers(&format!("{HEAD}  - if: inputs.¦\n    end: true\n"), &["mail"], &[]);
    offers(&format!("{HEAD}  - if: steps.learner.¦\n    end: true\n"), &["status", "output"], &[]);
    let each = format!(
        "{HEAD}  - for_each: learner.teams\n    as: team\n    steps:\n      - log: \"{{{{ "
    );
    offers(&format!("{each}¦"), &["team", "iteration"], &[]);
    offers(&format!("{each}team.¦"), &["code"], &[]);
    offers(&format!("{HEAD}outputs: {{ id: learner.¦ }}\n"), &["id"], &[]);
}

#[test]
fn words_of_a_choice_zones_and_ids_are_offered() {
    offers(
        "flow: a\ntrigger:\n  schedule: { cron: \"0 7 * * *\", timezone: Europe/L¦ }",
        &["Europe/London"],
        &[],
    );
    offers("flow: a\nconcurrency: { full: ¦ }", &["skip", "queue"], &[]);
    offers("flow: a\ndefaults: { retry: { on: [¦] } }", &["timeout", "rate_limited"], &[]);
    offers("flow: a\ninputs: { b: { type: ¦ } }", &["email", "list"], &[]);
    offers(&format!("{HEAD}  - id: b\n    end: true\n    after: [¦]\n"), &["learner"], &["b"]);
}

#[test]
fn a_text_that_cannot_be_read_borrows_the_names_of_when_it_could() {
    let good = format!("{HEAD}  - log: Hi\n");
    let (text, at) = unmark(&format!("{HEAD}  - log: \"{{{{ ¦\n  - log: 'a\n: b: c\n"));
    let catalog = catalog();
    let page = Page { good: Some(&good), ..Page::new("flow.yaml", &text, &catalog) };
    let labels: Vec<String> = completions(&page, at).into_iter().map(|one| one.label).collect();
    assert!(labels.iter().any(|label| label == "learner"), "{labels:?}");
}

/// The explanation at the mark.
fn explained(marked: &str) -> String {
    let (text, at) = unmark(marked);
    hover(&Page::new("flow.yaml", &text, &catalog()), at).map_or_else(String::new, |it| it.text)
}

#[test]
fn what_is_under_the_cursor_is_explained() {
    for (marked, part) in [
        (format!("{HEAD}  - call: lms.us¦ers.ensure\n"), "**Create or update a user**"),
        (format!("{HEAD}  - call: flow.en¦rol\n"), "`team` (string)"),
        (format!("{HEAD}  - ca¦ll: lms.users.ensure\n"), "Calls an action"),
        (
            format!("{HEAD}  - call: lms.users.ensure\n    with: {{ le¦vel: admin }}\n"),
            "The rights.",
        ),
        (format!("{HEAD}  - log: \"{{{{ lear¦ner.id }}}}\"\n"), "`teams` (list of object)"),
        (format!("{HEAD}  - log: \"{{{{ learner.i¦d }}}}\"\n"), "string"),
        (format!("{HEAD}  - if: low¦er(learner.id) == 'a'\n    end: true\n"), "`lower(text)`"),
        ("flow: a\nconnections: { lms: lit¦mos }\n".to_owned(), "`users.ensure`"),
        ("flow: a\ntime¦out: 1h\n".to_owned(), "How long a run may take."),
    ] {
        let text = explained(&marked);
        assert!(text.contains(part), "{marked}: {text}");
    }
    assert_eq!(explained("flow: a # no¦thing\n"), "");
}

#[test]
fn a_name_leads_to_where_it_is_from() {
    let target = |marked: &str| {
        let (text, at) = unmark(marked);
        let found = definition(&Page::new("flow.yaml", &text, &catalog()), at);
        found.map(|target| match target {
            Target::Here(span) => {
                let before = &text[..span.start];
                format!("{} in {}", &text[span.start..span.end], before.matches('\n').count() + 1)
            }
            Target::Flow(name) => format!("flow {name}"),
            Target::Alias(name) => format!("alias {name}"),
        })
    };
    let of = |marked: String| target(&marked).unwrap_or_default();
    assert_eq!(of(format!("{HEAD}  - log: \"{{{{ lear¦ner.id }}}}\"\n")), "learner in 8");
    assert_eq!(
        of(format!("{HEAD}  - if: steps.lear¦ner.status == 'a'\n    end: true\n")),
        "learner in 8"
    );
    assert_eq!(of(format!("{HEAD}  - end: true\n    after: [lea¦rner]\n")), "learner in 8");
    assert_eq!(of(format!("{HEAD}  - log: \"{{{{ inputs.ma¦il }}}}\"\n")), "mail in 4");
    assert_eq!(of(format!("{HEAD}  - call: flow.enr¦ol\n")), "flow enrol");
    assert_eq!(of(format!("{HEAD}  - call: ¦flow.enrol\n")), "flow enrol");
    assert_eq!(of(format!("{HEAD}  - call: \"fl¦ow.enrol\" # x\n")), "flow enrol");
    assert_eq!(of(format!("{HEAD}  - call: l¦ms.users.ensure\n")), "lms in 2");
    assert_eq!(of("flow: a\nconnections: { l¦ms: litmos }\n".to_owned()), "alias lms");
    let each = "  - for_each: learner.teams\n    as: team\n    steps:\n      - log: \"{{ te¦am.code }}\"\n";
    assert_eq!(of(format!("{HEAD}{each}")), "team in 12");
    assert_eq!(of(format!("{HEAD}  - log: lear¦ner\n")), "");
}

/// The text after the step at the mark is renamed.
fn renamed(marked: &str, name: &str) -> Result<String, String> {
    let (text, at) = unmark(marked);
    let catalog = catalog();
    let spans = rename(&Page::new("flow.yaml", &text, &catalog), at, name)
        .map_err(|refusal| refusal.to_string())?;
    let mut out = text;
    for span in spans.iter().rev() {
        out.replace_range(span.start..span.end, name);
    }
    Ok(out)
}

const READS: &str = "  - id: b\n    if: learner != null && steps.learner.status == 'succeeded'\n    after: [learner]\n    log: \"learner: {{ learner.id }} {{lower learner.id}}\"\noutputs: { id: learner.id }\n";

#[test]
fn a_renamed_step_is_renamed_wherever_it_is_read() {
    let text = format!("{HEAD}{READS}");
    let expected = text
        .replace("id: learner\n", "id: person\n")
        .replace("learner !=", "person !=")
        .replace("steps.learner", "steps.person")
        .replace("[learner]", "[person]")
        .replace("learner.id", "person.id");
    assert_eq!(expected.matches("learner").count(), 1, "the text outside of pills stays");
    for mark in ["id: lear¦ner\n", "¦learner != null", "after: [learner¦]", "{{ le¦arner.id"] {
        let marked = text.replacen(&mark.replace('¦', ""), mark, 1);
        assert_eq!(renamed(&marked, "person").as_ref(), Ok(&expected), "{mark}");
    }
}

#[test]
fn a_name_that_does_not_fit_is_refused_with_the_reason() {
    let text = format!("{HEAD}{READS}").replacen("id: learner\n", "id: lear¦ner\n", 1);
    for (name, part) in [
        ("Person", "cannot be an id"),
        ("b", "there is a step `b` already"),
        ("inputs", "`inputs` does not fit here"),
        ("map", "`map` does not fit here"),
    ] {
        let refusal = renamed(&text, name).unwrap_err();
        assert!(refusal.contains(part), "{name}: {refusal}");
    }
    assert!(renamed(&format!("{HEAD}  - log: H¦i\n"), "x").unwrap_err().contains("no id"));
    let broken = format!("{text}stepps: 1\n");
    assert!(
        renamed(&broken, "person").unwrap_err().contains("mend line 16 first"),
        "{:?}",
        renamed(&broken, "person")
    );
}

#[test]
fn the_outline_shows_steps_in_steps() {
    let each = "  - for_each: learner.teams\n    id: each\n    steps:\n      - log: Hi\non_error:\n  - log: Oh\n";
    let text = format!("{HEAD}{each}");
    fn shown(symbols: &[Symbol]) -> String {
        let line = |symbol: &Symbol| {
            format!("{}[{}]({})", symbol.name, symbol.detail, shown(&symbol.children))
        };
        symbols.iter().map(line).collect::<Vec<_>>().join(" ")
    }
    let found = symbols(&Page::new("flow.yaml", &text, &catalog()));
    assert_eq!(
        shown(&found),
        "inputs[](mail[email]()) vars[](who[string]()) learner[lms.users.ensure]() \
         each[for_each](log[log]()) on_error[](log[log]())"
    );
}

#[test]
fn what_was_meant_can_be_put_in_place() {
    for (wrong, right) in [
        ("learner.idd", "learner.id"),
        ("leaner.id", "learner.id"),
        ("lowr(learner.id)", "lower(learner.id)"),
    ] {
        let text = format!("{HEAD}outputs: {{ out: {wrong} }}\n");
        let found = check_text("flow.yaml", &text, &catalog());
        let fix = found.iter().find_map(fix).unwrap_or_else(|| panic!("{wrong}: {found:?}"));
        let mut mended = text.clone();
        mended.replace_range(fix.span.start..fix.span.end, &fix.text);
        assert!(mended.contains(right), "{mended}");
    }
}
