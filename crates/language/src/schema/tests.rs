//! Schemas: how they are written, what values they read, what they refuse.

use super::*;
use crate::document::Document;
use crate::value::json;

fn read(text: &str) -> Result<Fields, Vec<String>> {
    let document = Document::parse("t.yaml", text).unwrap();
    Schema::parse_fields(&document.root(), &["from"])
        .map_err(|found| found.iter().map(|d| format!("{}: {d}", d.code)).collect())
}

#[test]
fn schemas_are_read_in_both_forms() {
    let fields = read(
        "name: string\ncourses: { type: list, items: string, default: [A, B], from: Codes }\n\
         age: { type: integer, required: true, min: 0, max: 150, about: Years. }\n\
         address: { fields: { city: { type: string, personal: true } } }\n",
    )
    .unwrap();
    assert_eq!(fields["name"], Schema::string());
    assert_eq!(fields["courses"].type_name(), "list of string");
    assert_eq!(fields["courses"].default, Some(json!(["A", "B"])));
    assert_eq!((fields["age"].min, fields["age"].required), (Some(0.0), true));
    assert!(fields["address"].field("city").unwrap().personal);
}

#[test]
fn all_mistakes_of_a_schema_are_reported_with_their_place() {
    let found = read(
        "a: strin\nb: { type: int, requird: true }\nc: { type: string, items: string }\n\
         d: { type: integer, default: x }\ne: { type: string, pattern: '(' }\nf: 3\ng: { min: 2, max: 1 }\n",
    )
    .unwrap_err();
    let text = found.join("\n");
    for part in [
        "t.yaml:1:4: there is no type `strin`",
        "unknown-key: t.yaml:2:17: unknown key `requird`",
        "t.yaml:2:12: there is no type `int`",
        "`items` belongs to a list",
        "the default does not fit",
        "as a regular expression",
        "not integer",
        "`min` 2 is larger",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(found.len(), 8);
}

#[test]
fn values_are_read_as_their_type() {
    for (ty, given, expected) in [
        ("integer", json!("42"), json!(42)),
        ("number", json!(2), json!(2.0)),
        ("number", json!("2.5"), json!(2.5)),
        ("boolean", json!("True"), json!(true)),
        ("string", json!(7), json!("7")),
        ("date", json!("2026-01-31T10:00:00Z"), json!("2026-01-31")),
        ("datetime", json!("2026-01-31T10:00:00+01:00"), json!("2026-01-31T09:00:00Z")),
        ("datetime", json!("2026-01-31 10:00:00"), json!("2026-01-31T10:00:00Z")),
        ("duration", json!("1h30m"), json!("1h30m")),
        ("email", json!(" ada@example.com "), json!("ada@example.com")),
        ("url", json!("https://example.com/v1"), json!("https://example.com/v1")),
        ("any", json!([1]), json!([1])),
        ("string", json!(null), json!(null)),
    ] {
        let schema = Schema::of(Type::named(ty).unwrap());
        assert_eq!(schema.coerce(given.clone(), "x"), Ok(expected), "{ty} {given}");
    }
}

#[test]
fn what_cannot_be_read_says_which_field_and_never_the_value() {
    for (ty, given) in [
        ("integer", json!("4x")),
        ("integer", json!(4.0)),
        ("integer", json!(true)),
        ("boolean", json!(1)),
        ("string", json!([1])),
        ("date", json!("31.01.2026")),
        ("duration", json!(30)),
        ("email", json!("s3cret at example")),
        ("url", json!("example.com")),
        ("list", json!("s3cret")),
    ] {
        let schema = Schema::of(Type::named(ty).unwrap());
        let mismatch = schema.coerce(given.clone(), "rows.0.x").unwrap_err();
        assert!(mismatch.message.contains("`rows.0.x`"), "{}", mismatch.message);
        assert!(!mismatch.message.contains("s3cret"), "{}", mismatch.message);
    }
}

#[test]
fn constraints_are_checked_after_reading() {
    let fields = read(
        "level: { type: string, enum: [low, high] }\ncode: { type: string, pattern: '^INC' }\n\
         n: { type: integer, min: 1, max: 3 }\nl: { type: list, items: integer, max: 1 }\n",
    )
    .unwrap();
    for (name, given, part) in [
        ("level", json!("mid"), "must be one of: low, high"),
        ("code", json!("RITM1"), "does not match the pattern"),
        ("n", json!("0"), "must be at least 1"),
        ("n", json!(4), "must be at most 3"),
        ("l", json!([1, 2]), "must be at most 1 items"),
        ("l", json!(["x"]), "`l.0` cannot be read as an integer"),
        ("n", json!(""), "`n` is empty, it must be an integer"),
    ] {
        let message = fields[name].coerce(given, name).unwrap_err().message;
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn inputs_get_defaults_and_all_mismatches_are_reported() {
    let fields = read(
        "incident: { type: string, required: true }\nlimit: { type: integer, default: 5 }\n\
         who: { fields: { email: { type: email, required: true } } }\n",
    )
    .unwrap();
    let read = Schema::coerce_fields(&fields, json!({ "incident": "INC1" })).unwrap();
    assert_eq!(read, json!({ "incident": "INC1", "limit": 5, "who": null }));
    let mismatches =
        Schema::coerce_fields(&fields, json!({ "limit": "x", "incidnt": 1, "who": {} }))
            .unwrap_err();
    let messages: Vec<&str> = mismatches.iter().map(|m| m.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`incident` is required and not given",
            "`limit` cannot be read as an integer",
            "`who.email` is required and not given",
            "there is no `incidnt`; did you mean `incident`?",
        ]
    );
}

#[test]
fn unknowns_pass_and_objects_become_objects_of_unknowns() {
    let fields = read("id: string\nname: { type: string, required: true }\n").unwrap();
    let schema = Schema::object(fields);
    let value = schema.unknown("learner");
    assert_eq!(crate::as_unknown(&value["id"]).unwrap().label, "id of learner");
    assert_eq!(schema.coerce(value.clone(), ""), Ok(value));
}

#[test]
fn compatibility_follows_what_can_be_read() {
    let ty = |name: &str| Schema::of(Type::named(name).unwrap());
    for (to, from, expected) in [
        ("any", "integer", true),
        ("integer", "any", true),
        ("string", "integer", true),
        ("integer", "number", false),
        ("number", "integer", true),
        ("integer", "string", true),
        ("integer", "datetime", false),
        ("list", "string", false),
        ("boolean", "integer", false),
        ("email", "string", true),
    ] {
        assert_eq!(ty(to).accepts(&ty(from)), expected, "{to} takes {from}");
    }
    assert!(!Schema::list(Schema::string()).accepts(&Schema::list(ty("object"))));
}

#[test]
fn json_schema_carries_the_constraints() {
    let fields = read(
        "n: { type: integer, required: true, min: 1 }\nl: { type: list, items: email, max: 3 }\n",
    )
    .unwrap();
    assert_eq!(
        Schema::object(fields).to_json_schema(),
        json!({
            "type": "object",
            "properties": {
                "n": { "type": "integer", "minimum": 1 },
                "l": { "type": "array", "items": { "type": "string", "format": "email" }, "maxItems": 3 },
            },
            "required": ["n"],
            "additionalProperties": false,
        })
    );
}
