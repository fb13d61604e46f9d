//! Drafts a spoke from an OpenAPI 3.0 or 3.1 document: its connection, and one action for each operation.
//!
//! A draft is a beginning: what an operation does to the other system stands in no such document, so effects
//! are guessed with caution and marked `# review`. What a manifest cannot say is listed, never silently lost.
//! Reads values and gives texts; reading the document's file and writing the folder are the caller's.

mod action;
mod answer;
mod api;
mod body;
mod connection;
mod names;
mod paging;
mod parameters;
mod sample;
mod schema;
mod text;

use std::collections::BTreeSet;

use linchpin_language::{Map, Value};

use crate::effect::Effect;
use action::Drafting;
use answer::Shapes;
use api::Api;
use names::{Naming, snake};
use text::Section;

/// Why a document cannot be drafted from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// It is something else, or an older form.
    #[error("this is no OpenAPI 3 document: {0}")]
    NotOpenApi(String),
    /// There is nothing in it to call.
    #[error("the document has no operation under `paths` that a spoke could call")]
    NoOperations,
}

/// A drafted spoke.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its files: path within the folder, and text.
    pub files: Vec<(String, String)>,
    /// Its actions, in the order of the document.
    pub actions: Vec<DraftedAction>,
    /// What was not carried over or needs a decision.
    pub remarks: Vec<Remark>,
}

/// An action of a draft.
#[derive(Clone, Debug)]
pub struct DraftedAction {
    /// Its name within the spoke.
    pub name: String,
    /// The effect that was guessed.
    pub effect: Effect,
    /// The operation: `GET /pets/{id}`.
    pub operation: String,
}

/// Something that a draft does not say, and where the document says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is, and what was done.
    pub what: String,
    /// The operations or components it concerns; empty for the whole document.
    pub places: Vec<String>,
}

/// The remarks so far; the same remark about several places is one.
#[derive(Default)]
pub(crate) struct Remarks(Vec<Remark>);

impl Remarks {
    fn add(&mut self, place: &str, what: impl Into<String>) {
        let what = what.into();
        let known = self.0.iter().position(|remark| remark.what == what);
        let at = known.unwrap_or_else(|| {
            self.0.push(Remark { what, places: Vec::new() });
            self.0.len() - 1
        });
        let places = &mut self.0[at].places;
        if !place.is_empty() && !places.iter().any(|known| known == place) {
            places.push(place.to_owned());
        }
    }
}

/// Drafts a spoke. Without a name, the title of the document gives one.
///
/// ```
/// use linchpin_connector::draft_spoke;
/// use linchpin_language::json;
/// let document = json!({
///     "openapi": "3.1.0", "info": { "title": "Lamps" },
///     "paths": { "/lamps/{id}": { "get": {
///         "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
///         "responses": { "200": { "description": "A lamp." } },
///     } } },
/// });
/// let draft = draft_spoke(&document, None).unwrap();
/// assert_eq!(draft.name, "lamps");
/// assert_eq!(draft.actions[0].name, "lamps.get");
/// ```
pub fn draft_spoke(document: &Value, name: Option<&str>) -> Result<Draft, DraftError> {
    let api = Api::new(document)?;
    let title = api.title();
    let name = name.map_or_else(|| spoke_name(&title), str::to_owned);
    let mut remarks = Remarks::default();
    api.survey(&mut remarks);
    let mut shapes = Shapes::default();
    let mut naming = Naming::of(&api);
    let mut files = Vec::new();
    let mut actions = Vec::new();
    let mut details = BTreeSet::new();
    for operation in api.operations() {
        let mut drafting = Drafting {
            api: &api,
            remarks: &mut remarks,
            shapes: &mut shapes,
            naming: &mut naming,
            details: &mut details,
        };
        let Some((action, text)) = drafting.draft(&operation) else { continue };
        files.push((format!("actions/{}.yaml", action.name), text));
        actions.push(action);
    }
    if actions.is_empty() {
        return Err(DraftError::NoOperations);
    }
    let spoke = spoke_file(&api, &name, &title, &mut remarks, &shapes, &details);
    files.insert(0, ("spoke.yaml".to_owned(), spoke));
    let remarks = remarks.0;
    Ok(Draft { name, title, files, actions, remarks })
}

fn spoke_name(title: &str) -> String {
    let name: String = snake(title).chars().take(40).collect();
    let name = name.trim_matches('_').to_owned();
    match name.chars().next() {
        Some(first) if first.is_ascii_lowercase() => name,
        Some(_) => format!("api_{name}"),
        None => "api".to_owned(),
    }
}

/// `spoke.yaml`: what holds for all actions.
fn spoke_file(
    api: &Api<'_>,
    name: &str,
    title: &str,
    remarks: &mut Remarks,
    shapes: &Shapes,
    details: &BTreeSet<String>,
) -> String {
    let mut sections = vec![
        Section::new("spoke", Value::from(name))
            .above("Drafted from an OpenAPI document. Review the connection, then each action."),
        Section::new("title", Value::from(title)),
        Section::new("connection", connection::connection(api, remarks))
            .apart()
            .above("The form of `linchpin connections configure`."),
    ];
    let mut headers = Map::new();
    headers.insert("Accept".to_owned(), Value::from("application/json"));
    let mut request = Map::new();
    request.insert("headers".to_owned(), Value::Object(headers));
    sections.push(Section::new("request", Value::Object(request)).apart());
    if !details.is_empty() {
        let details = details.iter().map(|path| Value::from(path.as_str())).collect();
        sections.push(
            Section::new("detail", Value::Array(details))
                .apart()
                .above("Where a refusal has its own words."),
        );
    }
    if !shapes.all().is_empty() {
        sections.push(
            Section::new("shapes", Value::Object(shapes.all().clone())).apart().above(
                "What is read of an answer: these fields, as these types, and nothing else.",
            ),
        );
    }
    text::file(&sections)
}
