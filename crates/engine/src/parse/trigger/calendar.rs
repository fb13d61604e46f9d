//! `calendar:`, the business days of a schedule.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use linchpin_language::{Node, codes};

use crate::flow::{Calendar, CalendarRef};
use crate::grammar;
use crate::parse::reader::Reader;

const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// The name of one of the project's calendars, or one written in place.
pub(super) fn reference(reader: &mut Reader, node: &Node<'_>) -> CalendarRef {
    match node.as_str() {
        Some(name) => CalendarRef::Named(name.to_owned()),
        None => CalendarRef::Own(calendar(reader, node)),
    }
}

/// A calendar; Monday to Friday when it says no days.
pub(in crate::parse) fn calendar(reader: &mut Reader, node: &Node<'_>) -> Calendar {
    let mut calendar = Calendar::default();
    if !reader.keys(node, &grammar::CALENDAR) {
        return calendar;
    }
    if let Some(days) = node.get("days") {
        let days = self::days(reader, &days);
        // Without a day that can be read the others are as good as any.
        if !days.is_empty() {
            calendar.days = days;
        }
    }
    if let Some(holidays) = node.get("holidays") {
        calendar.holidays = self::holidays(reader, &holidays);
    }
    calendar
}

fn days(reader: &mut Reader, node: &Node<'_>) -> Vec<Weekday> {
    let items = if node.value().is_array() { node.items() } else { vec![node.clone()] };
    let mut days = Vec::new();
    for item in &items {
        let range = item.as_str().and_then(|text| text.split_once(".."));
        match range {
            Some((first, last)) => days.extend(self::range(reader, item, first, last)),
            None => days.extend(reader.choice(item, &WEEK)),
        }
    }
    if items.is_empty() {
        let mistake = node.error(codes::BAD_VALUE, "a calendar without a day has no business days");
        reader.report(mistake.with_help("write the days: [mon..fri]"));
    }
    WEEK.iter().map(|(_, day)| *day).filter(|day| days.contains(day)).collect()
}

/// `mon..fri`, also over the end of the week: `sun..thu`.
fn range(reader: &mut Reader, node: &Node<'_>, first: &str, last: &str) -> Vec<Weekday> {
    let place = |word: &str| WEEK.iter().position(|(name, _)| *name == word.trim());
    match (place(first), place(last)) {
        (Some(first), Some(last)) => {
            let n_days = (last + 7 - first) % 7 + 1;
            (0..n_days).map(|step| WEEK[(first + step) % 7].1).collect()
        }
        (first_place, _) => {
            let word = if first_place.is_none() { first } else { last };
            let mistake = node.error(codes::BAD_VALUE, format!("`{word}` is no day of the week"));
            reader.report(mistake.with_help("write a range as mon..fri"));
            Vec::new()
        }
    }
}

/// Days, each with what it is called, if that follows: `2026-12-25 Christmas Day`.
fn holidays(reader: &mut Reader, node: &Node<'_>) -> BTreeMap<Date, Option<String>> {
    let mut holidays = BTreeMap::new();
    for holiday in reader.words(node) {
        let (text, name) = match holiday.value.split_once(' ') {
            Some((text, name)) => (text, Some(name.trim().to_owned())),
            None => (holiday.value.as_str(), None),
        };
        match text.parse().ok().filter(|_| text.len() == 10) {
            Some(day) => {
                holidays.insert(day, name);
            }
            None => {
                let message = format!("`{text}` is no day of the calendar");
                let mut mistake = node.error(codes::BAD_VALUE, message);
                mistake.span = holiday.span;
                reader.report(
                    mistake.with_help("write it as 2026-12-25, or 2026-12-25 Christmas Day"),
                );
            }
        }
    }
    holidays
}
