//! The inside of expressions and texts: what is being written in front of a cursor.

use linchpin_language::{Schema, Type};

use super::reading::inside;
use crate::check::names::Name;

/// The macros of lists: each binds a name for the items.
pub(super) const MACROS: [(&str, &str); 5] = [
    ("map", "A list of what the expression gives for each item."),
    ("filter", "The items for which the condition holds."),
    ("exists", "Whether the condition holds for some item."),
    ("all", "Whether the condition holds for each item."),
    ("exists_one", "Whether the condition holds for exactly one item."),
];

/// What is being written in front of a cursor.
#[derive(Debug, PartialEq)]
pub(super) struct Partial<'t> {
    /// The names in front of the last dot.
    pub(super) path: Vec<&'t str>,
    /// The word behind it.
    pub(super) word: &'t str,
    /// Whether a function can stand here.
    pub(super) is_root: bool,
}

impl<'t> Partial<'t> {
    /// Reads backwards from the end.
    pub(super) fn of(written: &'t str) -> Self {
        let is_part = |c: char| c.is_alphanumeric() || "_.@".contains(c);
        let length: usize =
            written.chars().rev().take_while(|c| is_part(*c)).map(char::len_utf8).sum();
        let token = &written[written.len() - length..];
        let mut path: Vec<&str> = token.split('.').collect();
        let word = path.pop().unwrap_or_default();
        // A dot behind a bracket asks for a field of something computed.
        let is_computed = path.first().is_some_and(|root| root.is_empty());
        Self { is_root: path.is_empty() && !is_computed, path, word }
    }
}

/// The inside of the last pill of a text, if it is open.
pub(super) fn open_pill(written: &str) -> Option<&str> {
    let start = written.rfind("{{")? + 2;
    let inner = written[start..].trim_start_matches(['{', '#', '/', '~']);
    (!inner.contains("}}")).then_some(inner)
}

/// The names that macros around the end of an expression bind to items.
pub(super) fn bound(written: &str, names: &[Name]) -> Vec<Name> {
    let mut found: Vec<Name> = Vec::new();
    for (at, _) in written.match_indices('(') {
        let head = &written[..at];
        let Some((list, name)) = head.rsplit_once('.') else { continue };
        if !MACROS.iter().any(|(macro_name, _)| *macro_name == name) || is_closed(&written[at..]) {
            continue;
        }
        let Some((variable, _)) = written[at + 1..].split_once(',') else { continue };
        let partial = Partial::of(list);
        let path: Vec<&str> = partial.path.iter().copied().chain([partial.word]).collect();
        let known = found.iter().chain(names);
        let item = type_of(known, &path).and_then(|list| match list.ty {
            Type::List(item) => Some(*item),
            _ => None,
        });
        let schema = item.unwrap_or_else(Schema::any);
        found.push(Name { name: variable.trim().to_owned(), schema, is_step: false });
    }
    found
}

/// Whether the bracket that a text begins with is closed in it.
fn is_closed(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().any(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

/// The type of a path of names; the last name of the same spelling counts.
pub(super) fn type_of<'n>(
    names: impl DoubleEndedIterator<Item = &'n Name>,
    path: &[&str],
) -> Option<Schema> {
    let (root, fields) = path.split_first()?;
    let name = names.rev().find(|name| name.name == *root)?;
    inside(&name.schema, fields).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_expression_is_read_backwards() {
        let of = |text: &'static str| {
            let Partial { path, word, is_root } = Partial::of(text);
            (path, word, is_root)
        };
        assert_eq!(of("a.b > c.d.e"), (vec!["c", "d"], "e", false));
        assert_eq!(of("lower(na"), (vec![], "na", true));
        assert_eq!(of("lower(a)."), (vec![""], "", false));
        assert_eq!(of(""), (vec![], "", true));
    }

    #[test]
    fn a_pill_is_open_until_it_is_closed() {
        assert_eq!(open_pill("Hi {{ na"), Some(" na"));
        assert_eq!(open_pill("Hi {{ a }} and"), None);
        assert_eq!(open_pill("{{#if a"), Some("if a"));
        assert_eq!(open_pill("Hi"), None);
    }

    #[test]
    fn a_macro_binds_the_items_of_its_list_until_it_ends() {
        let row = Schema::object([("code".to_owned(), Schema::string())].into_iter().collect());
        let list = Schema::object([("rows".to_owned(), Schema::list(row))].into_iter().collect());
        let names = [Name { name: "courses".to_owned(), schema: list, is_step: true }];
        let found = bound("courses.rows.exists(c, c.", &names);
        assert_eq!(found[0].name, "c");
        assert!(found[0].schema.field("code").is_some());
        assert!(bound("courses.rows.exists(c, c.code == 'a') && ", &names).is_empty());
    }
}
