//! A guess at how a listing goes on, where its parameters are plain.

use linchpin_language::{Map, Value, json};

use super::answer::Answer;
use super::api::Api;
use super::names::snake;
use super::parameters::Parameter;
use super::schema::Flat;

const OFFSETS: &[&str] =
    &["offset", "start", "skip", "start_index", "first_result", "start_at", "$skip", "_start"];
const PAGES: &[&str] = &["page", "page_number", "page_num", "page_no", "current_page"];
const CURSORS: &[&str] = &[
    "cursor",
    "after",
    "page_token",
    "next_token",
    "continuation_token",
    "starting_after",
    "next_page_token",
    "marker",
    "next_cursor",
];
const LIMITS: &[&str] = &[
    "limit",
    "size",
    "page_size",
    "per_page",
    "count",
    "rows",
    "max_results",
    "max_items",
    "top",
    "results_per_page",
    "max",
];
const NEXT_CURSORS: &[&str] = &[
    "next_cursor",
    "next_page_token",
    "next_token",
    "after",
    "cursor",
    "continuation_token",
    "next",
    "next_marker",
];
const NEXT_LINKS: &[&str] =
    &["next", "next_link", "next_page", "next_url", "next_page_url", "odata_next_link"];
const WRAPPERS: &[&str] = &[
    "paging",
    "pagination",
    "links",
    "meta",
    "page",
    "next",
    "_links",
    "page_info",
    "cursors",
    "response_metadata",
];

/// A guessed way of paging, and the parameters it fills.
pub(super) struct Paging {
    pub(super) value: Value,
    pub(super) fills: Vec<String>,
}

/// The paging of a read that gives rows.
pub(super) fn guess<'d>(
    api: &Api<'d>,
    parameters: &[Parameter<'d>],
    answer: &Answer<'d>,
) -> Option<Paging> {
    let find = |names: &[&str]| {
        let in_query = parameters.iter().filter(|one| one.place == "query");
        in_query.into_iter().find(|one| names.contains(&snake(one.name).as_str()))
    };
    let mut fills = Vec::new();
    let mut way = Map::new();
    let mut put = |key: &str, value: Value| drop(way.insert(key.to_owned(), value));
    if let Some((cursor, link)) = find(CURSORS).zip(leaf(api, answer, NEXT_CURSORS)) {
        put("kind", json!("cursor"));
        put("cursor", json!(cursor.name));
        put("link", json!(link));
        fills.push(cursor.name.to_owned());
    } else if answer.has_link_header {
        put("kind", json!("link_header"));
    } else if let Some(link) = leaf(api, answer, NEXT_LINKS) {
        put("kind", json!("next_link"));
        put("link", json!(link));
    } else if let Some(offset) = find(OFFSETS) {
        put("kind", json!("offset"));
        put("offset", json!(offset.name));
        fills.push(offset.name.to_owned());
    } else if let Some(page) = find(PAGES).filter(|page| !begins_at_zero(api, page)) {
        put("kind", json!("page"));
        put("page", json!(page.name));
        fills.push(page.name.to_owned());
    } else {
        return None;
    }
    if let Some(limit) = find(LIMITS) {
        let most = Flat::of(api, limit.schema).word("maximum").and_then(Value::as_u64);
        if let Some(most) = most.filter(|most| (1..=1000).contains(most)) {
            put("limit", json!(limit.name));
            put("size", json!(most.to_string()));
            fills.push(limit.name.to_owned());
        }
    }
    Some(Paging { value: Value::Object(way), fills })
}

fn begins_at_zero(api: &Api<'_>, page: &Parameter<'_>) -> bool {
    let flat = Flat::of(api, page.schema);
    ["minimum", "default"].iter().any(|word| flat.word(word).and_then(Value::as_u64) == Some(0))
}

/// The path of a text beside the rows whose name says that it leads on.
fn leaf<'d>(api: &Api<'d>, answer: &Answer<'d>, names: &[&str]) -> Option<String> {
    let around = Flat::of(api, answer.schema?);
    answer.list.as_ref()?;
    below(api, &around, names, "", 0)
}

fn below<'d>(
    api: &Api<'d>,
    flat: &Flat<'d>,
    names: &[&str],
    path: &str,
    depth: usize,
) -> Option<String> {
    for (name, schema) in &flat.properties {
        let inner = Flat::of(api, schema);
        let word = snake(name);
        let here = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
        let is_text = inner.types == ["string"] && !inner.is_choice;
        if is_text && (names.contains(&word.as_str()) || (word == "href" && path.ends_with("next")))
        {
            return Some(here);
        }
        if inner.is_object() && depth < 3 && WRAPPERS.contains(&word.as_str()) {
            let found = below(api, &inner, names, &here, depth + 1);
            if found.is_some() {
                return found;
            }
        }
    }
    None
}
