//! Functions of text with regular expressions, which take time in proportion to the text, and the
//! compiled patterns that are kept for them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::{Captures, Regex, RegexBuilder};

use super::{Args, Function, MAX_ITEMS, MAX_TEXT, may, need, too_long};
use crate::value::{Map, Value, json};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "matches",
        category: "text",
        about: "Whether a part of the text matches a regular expression (RE2 syntax).",
        params: &[need("text", "string"), need("pattern", "string")],
        returns: "boolean",
        examples: &[("'INC0010001'.matches('^INC[0-9]+$')", "true")],
        call: |args| {
            let text = args.text(0)?;
            with_regex(&args.text(1)?, |regex| json!(regex.is_match(&text)))
        },
        shallow: false,
    },
    Function {
        name: "regex_find",
        category: "text",
        about: "The first part of a text that matches a regular expression, or one group of it (by number or name); null where nothing does.",
        params: &[need("text", "string"), need("pattern", "string"), may("group", "any")],
        returns: "string",
        examples: &[
            ("regex_find('see INC0010001, INC0010002', 'INC[0-9]+')", r#""INC0010001""#),
            ("regex_find('cost centre: 4711', 'centre: ([0-9]+)', 1)", r#""4711""#),
            ("regex_find('none', '[0-9]+')", "null"),
        ],
        call: |args| {
            let text = args.text(0)?;
            with_regex(&args.text(1)?, |regex| {
                let group = Group::read(args, regex)?;
                Ok(regex.captures(&text).map_or(Value::Null, |found| group.of(&found)))
            })?
        },
        shallow: false,
    },
    Function {
        name: "regex_find_all",
        category: "text",
        about: "Every part of a text that matches a regular expression, or one group of each (by number or name).",
        params: &[need("text", "string"), need("pattern", "string"), may("group", "any")],
        returns: "list",
        examples: &[
            (
                "regex_find_all('see INC0010001, INC0010002', 'INC[0-9]+')",
                r#"["INC0010001","INC0010002"]"#,
            ),
            ("regex_find_all('a=1, b=2', '(?<key>[a-z])=', 'key')", r#"["a","b"]"#),
        ],
        call: |args| {
            let text = args.text(0)?;
            with_regex(&args.text(1)?, |regex| {
                let group = Group::read(args, regex)?;
                let found = regex.captures_iter(&text).take(MAX_ITEMS);
                Ok(found.map(|found| group.of(&found)).collect())
            })?
        },
        shallow: false,
    },
    Function {
        name: "regex_groups",
        category: "text",
        about: "The named groups of the first part of a text that matches a regular expression; null where nothing does.",
        params: &[need("text", "string"), need("pattern", "string")],
        returns: "object",
        examples: &[(
            "regex_groups('ada@example.com', '(?<name>[^@]+)@(?<domain>.+)')",
            r#"{"name":"ada","domain":"example.com"}"#,
        )],
        call: |args| {
            let text = args.text(0)?;
            with_regex(&args.text(1)?, |regex| {
                let Some(found) = regex.captures(&text) else { return Value::Null };
                let names = regex.capture_names().flatten();
                let fields = names.map(|name| {
                    (name.to_owned(), json!(found.name(name).map(|part| part.as_str())))
                });
                Value::Object(fields.collect::<Map<_, _>>())
            })
        },
        shallow: false,
    },
    Function {
        name: "regex_replace",
        category: "text",
        about: "The text with each part that matches a regular expression replaced; `$1` or `${name}` stands for a group, `$$` for a dollar.",
        params: &[need("text", "string"), need("pattern", "string"), need("with", "string")],
        returns: "string",
        examples: &[
            ("regex_replace('+44 (0)20 7946', '[^0-9+]', '')", r#""+440207946""#),
            ("regex_replace('Lovelace, Ada', '(.+), (.+)', '$2 $1')", r#""Ada Lovelace""#),
            ("regex_replace('12 apples', '([0-9]+)', '$1kg of')", r#""12kg of apples""#),
        ],
        call: regex_replace,
        shallow: false,
    },
];

/// Which part of a match is wanted.
enum Group {
    Number(usize),
    Name(String),
}

impl Group {
    fn read(args: &Args<'_>, regex: &Regex) -> Result<Self, String> {
        match args.given(2) {
            None => Ok(Self::Number(0)),
            Some(Value::String(name)) if regex.capture_names().flatten().any(|one| one == name) => {
                Ok(Self::Name(name.clone()))
            }
            Some(Value::String(name)) => Err(format!("the pattern has no group `{name}`")),
            Some(_) => args.count_of(2, regex.captures_len() - 1).map(Self::Number),
        }
    }

    fn of(&self, found: &Captures<'_>) -> Value {
        let part = match self {
            Self::Number(at) => found.get(*at),
            Self::Name(name) => found.name(name),
        };
        json!(part.map(|part| part.as_str()))
    }
}

fn regex_replace(args: &Args<'_>) -> Result<Value, String> {
    let (text, with) = (args.text(0)?, args.text(2)?);
    with_regex(&args.text(1)?, |regex| {
        let named = replacement(&with, regex)?;
        let mut out = String::new();
        let mut copied = 0;
        for found in regex.captures_iter(&text) {
            let Some(whole) = found.get(0) else { continue };
            out.push_str(&text[copied..whole.start()]);
            copied = whole.end();
            // A group is at most the whole match, and takes two bytes to name.
            let grown = with.len().saturating_mul(whole.len() / 2 + 1);
            if out.len().saturating_add(grown) > MAX_TEXT {
                return Err(too_long());
            }
            found.expand(&named, &mut out);
        }
        out.push_str(&text[copied..]);
        Ok(json!(out))
    })?
}

/// A replacement with each group in braces, so that what follows `$1` is no part of its name. A group
/// that the pattern does not have would be replaced by nothing.
fn replacement(with: &str, regex: &Regex) -> Result<String, String> {
    let mut named = String::with_capacity(with.len() + 8);
    let mut rest = with;
    while let Some((before, after)) = rest.split_once('$') {
        named.push_str(before);
        named.push('$');
        let (group, left) = match after.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some(inside) => inside,
            None => {
                let is_number = after.starts_with(|c: char| c.is_ascii_digit());
                let is_part = |c: char| {
                    c.is_ascii_digit() || (!is_number && (c.is_ascii_alphabetic() || c == '_'))
                };
                after.split_at(after.find(|c| !is_part(c)).unwrap_or(after.len()))
            }
        };
        rest = left;
        if group.is_empty() {
            // `$$` is a dollar, and so is one before anything else.
            named.push('$');
            rest = after.strip_prefix('$').unwrap_or(after);
            continue;
        }
        let is_there = match group.parse::<usize>() {
            Ok(number) => number < regex.captures_len(),
            Err(_) => regex.capture_names().flatten().any(|name| name == group),
        };
        if !is_there {
            return Err(format!("the pattern has no group `{group}`; a dollar is written `$$`"));
        }
        named.push_str(&format!("{{{group}}}"));
    }
    named.push_str(rest);
    Ok(named)
}

/// How many compiled patterns are kept; past it all are dropped.
const KEPT: usize = 256;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;

static PATTERNS: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// Runs something with a compiled pattern; compiling is dear, so patterns are kept.
pub(crate) fn with_regex<T>(pattern: &str, run: impl FnOnce(&Regex) -> T) -> Result<T, String> {
    let kept = PATTERNS.lock().ok().and_then(|kept| kept.get(pattern).cloned());
    let regex = match kept {
        Some(regex) => regex,
        None => compile(pattern)?,
    };
    Ok(run(&regex))
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("the pattern is longer than {MAX_PATTERN} bytes"));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .nest_limit(50)
        .build()
        .map_err(|_| format!("cannot read {pattern:?} as a regular expression"))?;
    if let Ok(mut kept) = PATTERNS.lock() {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_nested_classes_or_groups_is_refused_and_takes_no_stack() {
        for nested in ["[^0-", "[]", "[a&&", "(a"] {
            let error = compile(&nested.repeat(1000)).unwrap_err();
            assert!(error.contains("cannot read"), "{error}");
        }
        assert!(compile(&"[a-z]".repeat(250)).is_ok());
    }

    #[test]
    fn a_replacement_names_groups_that_there_are_and_keeps_its_dollars() {
        let regex = Regex::new("(?P<unit>[a-z]+)([0-9])").unwrap();
        let read = |with: &str| replacement(with, &regex);
        for (with, named) in [
            ("$2kg ${unit}s", "${2}kg ${unit}s"),
            ("$$5 and $ 5 $", "$$5 and $$ 5 $$"),
            ("$unit-$0", "${unit}-${0}"),
            ("a${}b", "a$${}b"),
        ] {
            assert_eq!(read(with), Ok(named.to_owned()));
        }
        for (with, group) in
            [("$3", "`3`"), ("$USD", "`USD`"), ("${kg}", "`kg`"), ("$units", "`units`")]
        {
            assert!(read(with).is_err_and(|why| why.contains(group)), "{with}");
        }
    }
}
