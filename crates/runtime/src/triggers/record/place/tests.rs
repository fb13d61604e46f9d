//! What counts as new, and what is forgotten.

use linchpin_language::{Fields, Schema, json};

use super::*;

fn stream(mark: Type) -> StreamSpec {
    let fields = [("id", Type::String), ("at", mark.clone()), ("made", mark)];
    let fields: Fields =
        fields.into_iter().map(|(name, ty)| (name.to_owned(), Schema::of(ty))).collect();
    let word = |word: &str| Some(word.to_owned());
    StreamSpec {
        row: Schema::object(fields),
        watermark: word("at"),
        since: word("since"),
        created: word("made"),
        identity: word("id"),
    }
}

fn id(place: &Place, stream: &StreamSpec, on: RecordChange, row: &Value) -> Option<String> {
    place.change((row.clone(), "k"), stream, on).map(|change| change.id)
}

#[test]
fn a_little_before_the_newest_is_looked_at_again_and_known_again() {
    let stream = stream(Type::Datetime);
    let now: Timestamp = "2026-03-10T12:00:00.7Z".parse().unwrap();
    let mut place = Place::now("x".to_owned(), &stream, now);
    assert_eq!(place.from(), "2026-03-10T12:00:00Z", "nothing before its begin");
    let row = json!({ "id": "a", "at": "2026-03-10T12:05:00Z", "made": "2026-03-10T12:05:00Z" });
    let change = place.change((row.clone(), "k"), &stream, RecordChange::CreatedOrUpdated);
    place.saw(&change.unwrap());
    place.end(json!("2026-03-10T12:05:00Z"));
    assert_eq!(place.from(), "2026-03-10T12:04:00Z");
    assert_eq!(id(&place, &stream, RecordChange::CreatedOrUpdated, &row), None);
    place.end(json!("2026-03-10T12:06:01Z"));
    assert!(place.seen.is_empty(), "it does not come again");
    assert_eq!(id(&place, &stream, RecordChange::CreatedOrUpdated, &row), None);
}

#[test]
fn new_and_changed_rows_are_told_apart_by_when_they_were_made() {
    let stream = stream(Type::Datetime);
    let now = "2026-03-10T12:00:00Z".parse().unwrap();
    let place = Place::now("x".to_owned(), &stream, now);
    let row = |at: &str, made: &str| json!({ "id": "a", "at": at, "made": made });
    let (new, old) = ("2026-03-10T12:01:00Z", "2025-01-01T00:00:00Z");
    let both = |row: &Value| {
        [RecordChange::Created, RecordChange::Updated].map(|on| id(&place, &stream, on, row))
    };
    assert_eq!(both(&row(new, new)), [Some("a@new".to_owned()), None]);
    assert_eq!(both(&row(new, old)), [None, Some(format!("k@{new}"))]);
    // Made and changed since: it is both.
    let later = "2026-03-10T12:02:00Z";
    assert_eq!(both(&row(later, new)), [Some("a@new".to_owned()), Some(format!("k@{later}"))]);
    assert_eq!(both(&json!({ "id": "a", "at": null, "made": new })), [None, None]);
}

#[test]
fn where_the_watermark_is_a_number_the_first_look_finds_out_where_to_begin() {
    let stream = stream(Type::Integer);
    let mut place = Place::now("x".to_owned(), &stream, Timestamp::UNIX_EPOCH);
    assert!(place.is_blank() && place.from().is_null());
    let newest = later(later(Value::Null, Some(&json!(9))), Some(&json!(30)));
    place.end(later(newest, Some(&Value::Null)));
    assert!(!place.is_blank());
    assert_eq!(place.from(), 30);
    let row = |at: i64| json!({ "id": "a", "at": at, "made": 1 });
    assert_eq!(id(&place, &stream, RecordChange::CreatedOrUpdated, &row(29)), None);
    assert!(id(&place, &stream, RecordChange::CreatedOrUpdated, &row(31)).is_some());
}
