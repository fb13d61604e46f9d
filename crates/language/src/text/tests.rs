//! Texts: types, nulls, unknowns, blocks, references, and what is refused.

use super::*;
use crate::value::{Map, json};
use crate::{as_unknown, unknown};

fn scope() -> Map<String, Value> {
    let value = json!({
        "hire": { "email": "ada@example.com", "first_name": "Ada", "middle": null, "age": 36 },
        "ids": ["a", "b"],
        "rows": [{ "name": "x", "n": 1 }, { "name": "y", "n": 2 }],
        "skipped": null,
        "date": "d",
        "run": { "started_at": "2026-07-02T06:00:00Z" },
    });
    value.as_object().unwrap().clone()
}

fn check(text: &str, expect: Value) {
    let found = Text::parse(text).unwrap_or_else(|m| panic!("{text}: {m}")).render(&scope());
    assert_eq!(found, Ok(expect), "{text}");
}

fn fails(text: &str, part: &str) {
    let message = match Text::parse(text) {
        Err(mistake) => mistake.message,
        Ok(text) => text.render(&scope()).unwrap_err().message,
    };
    assert!(message.contains(part), "{text}: {message}");
}

#[test]
fn exactly_one_pill_or_helper_keeps_its_type() {
    check("{{ ids }}", json!(["a", "b"]));
    check("{{ hire.age }}", json!(36));
    check("{{hire.middle}}", json!(null));
    check("{{ split 'a,b' ',' }}", json!(["a", "b"]));
    check("{{ rows.1.n }}", json!(2));
    check("{{{ hire.age }}}", json!(36));
    check("{{ hire.age }} ", json!("36 "));
}

#[test]
fn texts_are_not_escaped_and_lists_are_json() {
    check("<{{ hire.email }}> & \"{{ hire.age }}\"", json!("<ada@example.com> & \"36\""));
    check("ids: {{ ids }}", json!("ids: [\"a\",\"b\"]"));
    check("a \\{{ b }}", json!("a {{ b }}"));
    check("no pill", json!("no pill"));
    check("{{! note }}x", json!("x"));
}

#[test]
fn helpers_take_arguments_by_place_and_by_name() {
    check(
        "{{ day_start run.started_at zone='Europe/London' days=-1 }}",
        json!("2026-06-30T23:00:00Z"),
    );
    check("{{ upper (default hire.middle 'none') }}!", json!("NONE!"));
    check("{{ default hire.nothing.at.all 'x' }}", json!("x"));
    check("{{ format_date run.started_at format='%d.%m.%Y' }}", json!("02.07.2026"));
    check("{{ join ids ', ' }}", json!("a, b"));
}

#[test]
fn blocks_are_rendered_with_the_same_functions_and_rules() {
    assert!(blocks::engine_has_all_blocks());
    check("{{#if skipped}}a{{else}}{{ hire.first_name }}{{/if}}", json!("Ada"));
    check(
        "{{#each rows}}{{ name }}={{ this.n }}{{#unless @last}}, {{/unless}}{{/each}}",
        json!("x=1, y=2"),
    );
    check(
        "{{#each rows as |row|}}{{ upper row.name }} {{ ../hire.age }} {{/each}}",
        json!("X 36 Y 36 "),
    );
    check("{{#if (gt hire.age 30)}}{{ date }}{{else if skipped}}b{{else}}c{{/if}}", json!("d"));
    check("{{#with hire}}{{ first_name }} {{ @root.date }}{{/with}}", json!("Ada d"));
    check("{{#if skipped.id}}a{{else}}b{{/if}}", json!("b"));
    check("{{#if skipped}}{{ skipped.id }}{{/if}}x", json!("x"));
    fails("{{#unless skipped}}{{ skipped.id }}{{/unless}}", "`skipped` is null");
    fails("{{#each rows}}{{ nme }}{{/each}}", "there is no `nme` here");
    fails("{{#if date}}{{ hire.middle }}{{/if}}", "is null");
}

#[test]
fn null_and_missing_say_which_path_and_why() {
    fails("Hello {{ hire.middle }}", "`hire.middle` is null");
    fails("{{ hire.frist_name }}", "did you mean `first_name`?");
    fails("{{ hir.email }}", "did you mean `hire`?");
    fails("{{ skipped.id }}", "`skipped` is null, so it has no `id`");
    fails("{{ lower hire.middle }}", "`hire.middle` is null");
    struct Why;
    impl Scope for Why {
        fn get(&self, _: &str) -> Option<Cow<'_, Value>> {
            Some(Cow::Owned(Value::Null))
        }
        fn why_null(&self, _: &str) -> Option<String> {
            Some("the step was skipped".to_owned())
        }
    }
    for (text, expected) in [
        ("{{ learner.id }}", "`learner` is null: the step was skipped"),
        ("a{{ learner }}", "`learner` is null: the step was skipped"),
        ("{{#if x}}{{else}}{{ learner.id }}{{/if}}", "`learner` is null: the step was skipped"),
    ] {
        assert_eq!(Text::parse(text).unwrap().render(&Why).unwrap_err().message, expected);
    }
}

#[test]
fn mistakes_are_found_when_the_text_is_read() {
    fails("{{ uper hire.email }}", "there is no helper `uper`");
    fails("{{ lower }} {{ lower a b c }}", "takes 1 argument, not 3");
    fails("{{ round 1.5 plases=1 }}", "has no argument `plases`");
    fails("{{ a.b", "without its `}}`");
    fails("{{#if a}}x{{/each}}", "is closed by");
    fails("{{#foo a}}x{{/foo}}", "there is no block `#foo`");
    fails("{{> part }}", "partials");
    fails("{{*inline }}", "decorators");
    fails("{{#> part}}x{{/part}}", "partials");
    fails("{{ a == b }}", "cannot be read as Handlebars");
    fails(&format!("{}x{}", "{{#if a}}".repeat(40), "{{/if}}".repeat(40)), "nested deeper");
    fails(&format!("{{{{ lower {}a{} }}}}", "(lower ".repeat(40), ")".repeat(40)), "nested deeper");
    fails(&format!("{{{{ a }}}}{}", "x".repeat(20_000)), "longer than");
    let each = "{{#each a}}".repeat(4) + &"{{/each}}".repeat(4);
    fails(&each, "loops nest");
}

#[test]
fn references_know_their_place_and_their_guard() {
    let source = "{{ hire.email }} {{ default a.b 'x' }}{{#if c}}{{ c.d }}{{else}}{{ c.e }}{{/if}}{{#each rows}}{{ name }}{{ ../f.g }}{{/each}}";
    let text = Text::parse(source).unwrap();
    let found: Vec<(String, bool)> =
        text.references().iter().map(|r| (r.dotted(), r.guarded)).collect();
    let expected = [
        ("hire.email", false),
        ("a.b", true),
        ("c", true),
        ("c.d", true),
        ("c.e", false),
        ("rows", true),
        ("f.g", false),
    ];
    assert_eq!(found, expected.map(|(name, guarded)| (name.to_owned(), guarded)));
    for reference in text.references() {
        assert!(source[reference.range.clone()].ends_with(&reference.dotted()), "{reference:?}");
    }
}

#[test]
fn a_text_with_an_unknown_is_unknown() {
    let mut scope = scope();
    scope.insert(
        "learner".into(),
        json!({ "id": unknown("l1", "string", "id of learner"), "name": "Ada" }),
    );
    let render = |text: &str| Text::parse(text).unwrap().render(&scope).unwrap();
    assert_eq!(as_unknown(&render("{{ learner.id }}")).unwrap().id, "l1");
    assert_eq!(render("Hi {{ learner.name }}"), json!("Hi Ada"));
    let text = render("/users/{{ learner.id }}");
    assert_eq!(as_unknown(&text).unwrap().label, "/users/{id of learner}");
    assert_eq!(render("/users/{{ learner.id }}"), text);
    assert_ne!(render("/people/{{ learner.id }}"), text);
    assert!(as_unknown(&render("{{#if learner.name}}{{ learner.id }}{{/if}}")).is_some());
    let message =
        Text::parse("{{ learner.id }}").unwrap().render_string(&scope).unwrap_err().message;
    assert_eq!(message, "id of learner is known only after the run");
}

#[test]
fn parts_are_literals_and_pills() {
    let text = Text::parse("/users/{{ hire.age }}/x/{{ lower hire.email }}").unwrap();
    let parts = text.parts().unwrap();
    assert_eq!(parts.len(), 4);
    let Part::Pill(pill) = &parts[1] else { panic!("{parts:?}") };
    assert_eq!((pill.source(), pill.render(&scope()).unwrap()), ("{{ hire.age }}", json!(36)));
    assert_eq!(pill.path().unwrap().0, "hire");
    let Part::Pill(pill) = &parts[3] else { panic!("{parts:?}") };
    assert_eq!(pill.source(), "{{ lower hire.email }}");
    assert!(Text::parse("{{#if a}}b{{/if}}").unwrap().parts().is_none());
}

proptest::proptest! {
    #[test]
    fn reading_never_panics(text in "[{}#/a-c .()'\"\\[\\]~!>*&@|=0-9é\\\\-]{0,80}") {
        if let Ok(text) = Text::parse(&text) {
            // Errors are fine, coming back is the point.
            proptest::prop_assert!(text.render(&scope()).map_or_else(|e| !e.message.is_empty(), |_| true));
        }
    }
}
