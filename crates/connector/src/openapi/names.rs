//! Names of actions and inputs, from paths and words of the document.

use std::collections::BTreeSet;

use super::api::{Api, Operation};
use crate::effect::Effect;

/// Words that an expression cannot use as a name.
const RESERVED: &[&str] = &[
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "this",
];

/// Names of actions, each given once.
pub(super) struct Naming {
    /// How many leading segments all paths share.
    n_shared: usize,
    /// Paths that can be read, which are no verbs.
    read: BTreeSet<String>,
    taken: BTreeSet<String>,
}

impl Naming {
    pub(super) fn of(api: &Api<'_>) -> Naming {
        let operations = api.operations();
        let paths: Vec<Vec<&str>> = operations.iter().map(|one| segments(one.path)).collect();
        let shortest = paths.iter().map(Vec::len).min().unwrap_or_default();
        let is_name = |part: &&str| !part.contains('{') && !is_version(&snake(part));
        // What is dropped must leave a name in every path.
        let is_shared = |at: &usize| {
            let first = paths[0][*at];
            !first.contains('{')
                && paths.iter().all(|path| path[*at] == first && path[at + 1..].iter().any(is_name))
        };
        let n_shared = (0..shortest).take_while(is_shared).count();
        let read = operations.iter().filter(|one| one.method == "get");
        let read = read.map(|one| one.path.to_owned()).collect();
        Naming { n_shared, read, taken: BTreeSet::new() }
    }

    /// A name for an operation: what it is about, a dot, and what is done to it.
    pub(super) fn action(
        &mut self,
        operation: &Operation<'_>,
        is_list: bool,
        effect: Effect,
    ) -> String {
        let segments = segments(operation.path);
        let kept = segments.get(self.n_shared..).unwrap_or_default();
        let mut words: Vec<String> =
            kept.iter().filter(|part| !part.contains('{')).map(|part| snake(part)).collect();
        words.retain(|word| !word.is_empty() && !is_version(word));
        let ends_in_parameter = segments.last().is_some_and(|last| last.contains('{'));
        let after_parameter = segments.iter().rev().nth(1).is_some_and(|part| part.contains('{'));
        let is_verb = operation.method != "get"
            && !ends_in_parameter
            && after_parameter
            && words.len() > 1
            && !self.read.contains(operation.path)
            && words.last().is_some_and(|word| !word.ends_with('s'));
        let verb = match operation.method {
            _ if is_verb => words.pop().unwrap_or_default(),
            "get" if is_list => "list".to_owned(),
            "get" => "get".to_owned(),
            "post" if effect == Effect::Create => "create".to_owned(),
            "post" => "post".to_owned(),
            "put" => "replace".to_owned(),
            "patch" => "update".to_owned(),
            other => other.to_owned(),
        };
        if words.is_empty() {
            let tag = operation.value.get("tags").and_then(|tags| tags.get(0)?.as_str());
            words.extend(tag.map(snake).filter(|word| !word.is_empty()));
        }
        let about = if words.is_empty() { "root".to_owned() } else { words.join("_") };
        self.unique(&format!("{}.{verb}", lettered(&about)), operation)
    }

    /// The word of a path that names its rows.
    pub(super) fn rows(&self, path: &str) -> String {
        let last = segments(path).into_iter().rev().find(|part| !part.contains('{'));
        let word = last.map(snake).filter(|word| !word.is_empty() && !is_version(word));
        word.map_or_else(|| "rows".to_owned(), |word| identifier(&word))
    }

    fn unique(&mut self, name: &str, operation: &Operation<'_>) -> String {
        let own = operation.text("operationId").map(snake).filter(|id| !id.is_empty());
        let about = name.split('.').next().unwrap_or(name);
        let second = own.map(|id| format!("{about}.{}", lettered(&id)));
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let mut names = [name.to_owned()].into_iter().chain(second).chain(numbered);
        let free = names.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or_default();
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '_')
}

/// Words as `snake_case`, whatever form they come in.
pub(super) fn snake(text: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            out.push('_');
            continue;
        }
        let before = at.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(at + 1);
        let begins_word = c.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins_word {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    let words: Vec<&str> = out.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_")
}

fn lettered(word: &str) -> String {
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) {
        word.to_owned()
    } else {
        format!("n{word}")
    }
}

/// The document's own name where an expression can say it, else one that it can.
pub(super) fn identifier(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let name = if is_plain { name.to_owned() } else { lettered(&snake(name)) };
    if RESERVED.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// A name that is not among the taken ones, first by putting a word before it.
pub(super) fn free(name: &str, before: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let second = format!("{before}_{name}");
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let mut names = [name.to_owned(), second].into_iter().chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

/// Words for people: `findPetsByStatus` is `Find pets by status`.
pub(super) fn words(text: &str) -> String {
    let text = snake(text).replace('_', " ");
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_every_form_become_one() {
        for (text, expected) in [
            ("findPetsByStatus", "find_pets_by_status"),
            ("list-data-sets", "list_data_sets"),
            ("find pet by id", "find_pet_by_id"),
            ("GetSCORMModule", "get_scorm_module"),
            ("OAuth2Token", "o_auth2_token"),
            ("Un-AssignUsers", "un_assign_users"),
        ] {
            assert_eq!(snake(text), expected);
        }
        assert_eq!(words("findPetsByStatus"), "Find pets by status");
    }

    #[test]
    fn an_input_keeps_its_name_where_an_expression_can_say_it() {
        assert_eq!(identifier("userId"), "userId");
        assert_eq!(identifier("$filter"), "filter");
        assert_eq!(identifier("X-Request-ID"), "x_request_id");
        assert_eq!(identifier("in"), "in_");
        assert_eq!(identifier("2fa"), "n2fa");
    }
}
