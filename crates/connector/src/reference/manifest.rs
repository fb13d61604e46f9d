//! The reference page of the manifest language, made from the one table of its keys.

use std::collections::BTreeSet;
use std::ptr;

use linchpin_language::Schema;

use super::{anchor, code, push, table};
use crate::credential::{self, CredentialKind};
use crate::error::{ActionError, ErrorKind};
use crate::manifest::grammar::{ACTION, CREDENTIAL, Form, Key, Mapping, SPOKE};

/// What the page begins with: what the forms of values mean, and what can be read where.
const OPENING: &str = "\
# Keys of a manifest

A spoke is a folder: `spoke.yaml`, and a file for each action in `actions/`.
[Write an action](../guide/write-an-action.md) and [from an OpenAPI document to a flow](../making-a-spoke.md) lead through them step by step.

## Values

| written here as | in the file |
| --- | --- |
| text | a text with pills, filled in when it is needed: `\"/users/{{ inputs.user }}\"` |
| expression | bare CEL: `look.user.active == true` |
| structure | any YAML whose texts may hold pills; a text that is one pill keeps the type of its value |
| word | a text that is taken as it is |
| status | a number such as `404`, or a list of them |
| duration | `30s`, `5m`, `1h30m` |
| type | the name of a type, or a map: [below](#a-type) |

Texts and expressions read these names, each where it is known:

| name | what it is |
| --- | --- |
| `inputs` | the inputs of the call |
| `connection` | the fields and attributes of the connection; its secrets in `credential` only |
| `look`, `after` | the rows of each look by its `id`, before the write and after it |
| `changes`, `change`, `chunk`, `changed` | what is to be altered: all of it, one of it, a request's share, and what was |
| `row` | one row of a listing |
| `answer`, `status`, `headers` | the answer to the request |
| `call` | `call.key`, the same for every attempt, and `call.now` |
| names of `let` | as they were computed |

A pill in a path is encoded as one part of it; only one of the type `path` keeps its slashes.
A null leaves out a parameter, a header or a field of a form; in JSON it is null.

";

/// The page. `notice` comes before its heading; it may be empty.
pub fn manifest(notice: &str) -> String {
    let mut text = format!("{notice}{OPENING}");
    let mut done = BTreeSet::new();
    for (root, title) in [(&SPOKE, "spoke.yaml"), (&ACTION, "actions/COLLECTION.VERB.yaml")] {
        push(&mut text, format_args!("## {title}\n\n"));
        done.insert(root.name);
        let mut open = one(root, &mut text);
        open.reverse();
        while let Some(inner) = open.pop() {
            if !done.insert(inner.name) {
                continue;
            }
            push(&mut text, format_args!("## {}\n\n", heading(inner)));
            let mut below = one(inner, &mut text);
            below.reverse();
            open.extend(below);
        }
    }
    text.push_str(&types());
    text.push_str(&kinds());
    text.trim_end().to_owned() + "\n"
}

/// The table of a map's keys; what can stand under them comes back.
fn one(mapping: &'static Mapping, text: &mut String) -> Vec<&'static Mapping> {
    if mapping.is_type {
        text.push_str("[A type](#a-type), with these keys beside its own:\n\n");
    }
    let rows: Vec<_> = mapping.keys.iter().map(|key| row(mapping, key)).collect();
    text.push_str(&table(&["key", "value", "", "about"], &rows));
    if ptr::eq(mapping, &CREDENTIAL) {
        text.push_str(&credentials());
    }
    mapping.keys.iter().filter_map(|key| inner(&key.form)).collect()
}

fn row(mapping: &Mapping, key: &'static Key) -> Vec<String> {
    let required = if mapping.required.contains(&key.name) { "required" } else { "" };
    vec![code(key.name), form(&key.form), required.to_owned(), key.about.to_owned()]
}

fn heading(mapping: &Mapping) -> String {
    format!("In {}", named(mapping))
}

fn named(mapping: &Mapping) -> String {
    match mapping.name.split_once('_') {
        Some((whole, part)) => format!("{part} of a {whole}"),
        None => mapping.name.to_owned(),
    }
}

fn inner(form: &Form) -> Option<&'static Mapping> {
    match form {
        Form::NameOr(inner)
        | Form::Map(inner)
        | Form::List(inner)
        | Form::Some(inner)
        | Form::OneOrNamed(inner)
        | Form::Named(inner) => Some(inner),
        Form::Word
        | Form::Words
        | Form::Flag
        | Form::Count
        | Form::Duration
        | Form::Statuses
        | Form::Text
        | Form::Expression
        | Form::Structure
        | Form::Structures
        | Form::Texts
        | Form::Expressions
        | Form::Types
        | Form::Value
        | Form::Choice(_) => None,
    }
}

/// What a value looks like, in words.
fn form(form: &Form) -> String {
    let link = |inner: &Mapping| {
        let heading = heading(inner);
        format!("[{}](#{})", named(inner), anchor(&heading))
    };
    match form {
        Form::Word => "word".to_owned(),
        Form::Words => "word, or a list of them".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::Count => "whole number above 0".to_owned(),
        Form::Duration => "duration".to_owned(),
        Form::Statuses => "status, or a list of them".to_owned(),
        Form::Text => "text".to_owned(),
        Form::Expression => "expression".to_owned(),
        Form::Structure => "structure".to_owned(),
        Form::Structures => "structures by name".to_owned(),
        Form::Texts => "texts by name".to_owned(),
        Form::Expressions => "expressions by name".to_owned(),
        Form::Types => "types by name".to_owned(),
        Form::Value => "any value".to_owned(),
        // The kinds have a list of their own.
        Form::Choice(words) if words().contains(&ErrorKind::ALL[0].as_str()) => {
            "[kind of error](kinds.md)".to_owned()
        }
        Form::Choice(words) => words().iter().map(|word| code(word)).collect::<Vec<_>>().join(", "),
        Form::NameOr(inner) => format!("the name of a {0}, or {0}", link(inner)),
        Form::Map(inner) => link(inner),
        Form::List(inner) => format!("list of {}", link(inner)),
        Form::Some(inner) => format!("{}, or a list of them", link(inner)),
        Form::OneOrNamed(inner) => format!("{}, or several by name", link(inner)),
        Form::Named(inner) => format!("{} by name", link(inner)),
    }
}

/// The parts of each kind of credential.
fn credentials() -> String {
    let parts: Vec<String> = credential::KEYS.iter().map(|part| code(part)).collect();
    let rows: Vec<_> = CredentialKind::ALL
        .iter()
        .map(|kind| {
            let needs: Vec<String> = kind.needs().iter().map(|part| code(part)).collect();
            vec![code(kind.as_str()), needs.join(", ")]
        })
        .collect();
    format!(
        "Its keys are {}.\n[Which credential](../guide/connections.md#which-credential) tells what they \
         mean.\n\n{}",
        parts.join(", "),
        table(&["kind", "cannot do without"], &rows)
    )
}

fn types() -> String {
    let rows: Vec<_> =
        Schema::KEYS.iter().map(|(name, about)| vec![code(name), (*about).to_owned()]).collect();
    format!(
        "## A type\n\nOf inputs, outputs, attributes and fields: [the name alone](flow.md#types), or a map \
         with these keys.\n\n{}",
        table(&["key", "about"], &rows)
    )
}

/// What a status means where no `errors` say otherwise.
fn kinds() -> String {
    let rows: Vec<_> = [400, 401, 403, 404, 409, 410, 422, 429, 500, 418]
        .iter()
        .map(|status| {
            let kind = ActionError::from_status(*status, String::new()).kind.as_str();
            let status = match status {
                500 => "500 and above".to_owned(),
                418 => "any other".to_owned(),
                status => status.to_string(),
            };
            vec![status, code(kind)]
        })
        .collect();
    format!(
        "## Statuses\n\nThe `errors` of the request come first, then those of the spoke, then these.\n\n{}",
        table(&["status", "kind"], &rows)
    )
}
