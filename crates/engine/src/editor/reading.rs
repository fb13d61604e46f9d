//! As much of a flow as can be read while it is being written.

use indexmap::IndexMap;
use linchpin_language::{Document, Schema};

use super::Page;
use super::context::Callable;
use super::place::Place;
use crate::check::names::{self, Name};
use crate::flow::Block;
use crate::parse::{self, Parsed};

/// A flow that could be read in some way.
pub(super) struct Reading {
    pub(super) document: Document,
    pub(super) parsed: Parsed,
}

impl Reading {
    /// The text as it is; else without the line of the cursor; else as it was when it was good;
    /// else the lines before the cursor.
    pub(super) fn of(page: &Page<'_>, cursor: usize) -> Option<Self> {
        let without = || {
            let (start, end) = line(page.text, cursor);
            let written = &page.text[start..end];
            // An item stays one, so that those after it keep their places.
            let dashes = written.len() - written.trim_start_matches([' ', '-']).len();
            let kept = written[..dashes].trim_end();
            let blank = " ".repeat(written.len() - kept.len());
            format!("{}{kept}{blank}{}", &page.text[..start], &page.text[end..])
        };
        let read = |text: &str| Document::parse(page.name, text).ok();
        let document = read(page.text)
            .or_else(|| read(&without()))
            .or_else(|| read(page.good?))
            .or_else(|| read(&page.text[..line(page.text, cursor).0]))?;
        let parsed = parse::read(&document);
        Some(Self { document, parsed })
    }

    /// Every list of steps of the flow.
    pub(super) fn blocks(&self) -> Vec<&Block> {
        let flow = &self.parsed.flow;
        let handlers = [&flow.on_error, &flow.on_cancel, &flow.finally];
        let mut all = vec![&flow.steps];
        all.extend(handlers.into_iter().flatten());
        let mut at = 0;
        while let Some(block) = all.get(at).copied() {
            // The body of a loop with a `call` is no list that is written.
            let inner = block.steps.iter().flat_map(|step| {
                let written =
                    move |inner: &&Block| inner.steps.iter().all(|it| it.span != step.span);
                step.blocks().into_iter().map(|(_, inner)| inner).filter(written)
            });
            all.extend(inner.collect::<Vec<_>>());
            at += 1;
        }
        all
    }

    /// The ids of the steps of the list that a pointer leads to.
    pub(super) fn ids(&self, list: &str) -> Vec<String> {
        let Some(list) = names::node(&self.document, list) else { return Vec::new() };
        let items = list.items();
        items.iter().filter_map(|step| Some(step.get("id")?.as_str()?.to_owned())).collect()
    }

    /// The names that can be read at a place.
    pub(super) fn names(&self, page: &Page<'_>, place: &Place) -> Vec<Name> {
        names::at(&self.parsed, &self.document, page.catalog, &place.pointers())
    }
}

/// The line around a place, without its end.
fn line(text: &str, at: usize) -> (usize, usize) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    (start, end)
}

/// What the flow can call: its own aliases are read from what could be read of it.
pub(super) fn callable<'c>(page: &Page<'c>, reading: Option<&Reading>) -> Callable<'c> {
    let declared = reading.map(|reading| &reading.parsed.flow.connections);
    let aliases: IndexMap<String, String> = declared
        .into_iter()
        .flatten()
        .map(|(alias, spoke)| (alias.clone(), spoke.value.clone()))
        .collect();
    Callable { catalog: page.catalog, aliases }
}

/// The type at a path inside a type.
pub(super) fn inside<'s>(schema: &'s Schema, path: &[&str]) -> Option<&'s Schema> {
    use linchpin_language::Type;
    path.iter().try_fold(schema, |schema, field| match &schema.ty {
        Type::Object(fields) => fields.get(*field).or_else(|| fields.get("*")),
        Type::List(item) if field.bytes().all(|byte| byte.is_ascii_digit()) => Some(&**item),
        _ => None,
    })
}
