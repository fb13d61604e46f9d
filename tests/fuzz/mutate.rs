//! Small changes of a text: parts deleted, doubled, swapped, indented, replaced by words of its
//! language, by numbers at the edge and by characters that nobody expects.

use std::ops::Range;

use super::chance::Chance;

/// The longest text that comes out.
const LONGEST: usize = 24 * 1024;

/// Characters at the edges of what readers know.
const ODD: [&str; 24] = [
    "\u{0}",
    "\t",
    "\r",
    "\n",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{feff}",
    "\u{301}",
    "ß",
    "İ",
    "👩‍👩‍👧",
    "\u{10ffff}",
    "\"",
    "'",
    "`",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "#",
    "&",
    "*",
];

/// Numbers at the edges of what readers know.
const EDGES: [&str; 14] = [
    "0",
    "-0",
    "1",
    "-1",
    "255",
    "65536",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "1e400",
    "0.1",
    "5e-324",
];

/// A text that differs a little from one, with parts of another and words of its language.
pub(super) fn mutate(chance: &mut Chance, text: &str, other: &str, words: &[&str]) -> String {
    let mut text = text.to_owned();
    for _ in 0..=chance.below(5) {
        once(chance, &mut text, other, words);
        if text.len() > LONGEST {
            text.truncate(floor(&text, LONGEST));
        }
    }
    text
}

fn once(chance: &mut Chance, text: &mut String, other: &str, words: &[&str]) {
    match chance.below(12) {
        0 => text.replace_range(part(chance, text), ""),
        1 => {
            let part = text[part(chance, text)].to_owned();
            insert(chance, text, &part);
        }
        2 => {
            let word = chance_word(chance, words);
            insert(chance, text, word);
        }
        3 => {
            let word = chance_word(chance, words);
            text.replace_range(part(chance, text), word);
        }
        4 => {
            let from_other = other[part(chance, other)].to_owned();
            text.replace_range(part(chance, text), &from_other);
        }
        5 => {
            let odd = chance.pick(&ODD);
            insert(chance, text, odd);
        }
        6 => repeat(chance, text),
        7 => number(chance, text),
        8 | 9 => indent(chance, text),
        10 => swap_lines(chance, text),
        _ => {
            let at = place(chance, text);
            text.truncate(at);
        }
    }
}

fn chance_word<'a>(chance: &mut Chance, words: &[&'a str]) -> &'a str {
    if words.is_empty() { "" } else { chance.pick(words) }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn place(chance: &mut Chance, text: &str) -> usize {
    floor(text, chance.below(text.len() + 1))
}

/// A part of a text: most are short.
fn part(chance: &mut Chance, text: &str) -> Range<usize> {
    let start = place(chance, text);
    let longest = if chance.one_in(4) { 400 } else { 12 };
    start..floor(text, start + chance.below(longest)).max(start)
}

fn insert(chance: &mut Chance, text: &mut String, what: &str) {
    let at = place(chance, text);
    text.insert_str(at, what);
}

/// One short part many times, which is how things nest.
fn repeat(chance: &mut Chance, text: &mut String) {
    let start = place(chance, text);
    let end = floor(text, start + 1 + chance.below(6)).max(start);
    let times = 1 + if chance.one_in(4) { chance.below(2000) } else { chance.below(60) };
    let repeated = text[start..end].repeat(times);
    text.insert_str(end, &repeated);
}

fn number(chance: &mut Chance, text: &mut String) {
    let starts: Vec<usize> = text
        .char_indices()
        .filter(|(at, c)| {
            c.is_ascii_digit() && !text[..*at].ends_with(|c: char| c.is_ascii_digit())
        })
        .map(|(at, _)| at)
        .collect();
    if starts.is_empty() {
        return;
    }
    let start = starts[chance.below(starts.len())];
    let length = text[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len() - start);
    text.replace_range(start..start + length, EDGES[chance.below(EDGES.len())]);
}

/// A run of lines deeper, or less deep.
fn indent(chance: &mut Chance, text: &mut String) {
    let lines: Vec<&str> = text.split('\n').collect();
    let first = chance.below(lines.len());
    let last = first + chance.below(8);
    let deeper = chance.one_in(2);
    let changed: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| match ((first..=last).contains(&at), deeper) {
            (false, _) => (*line).to_owned(),
            (true, true) => format!("  {line}"),
            (true, false) => line.strip_prefix("  ").unwrap_or(line).to_owned(),
        })
        .collect();
    *text = changed.join("\n");
}

fn swap_lines(chance: &mut Chance, text: &mut String) {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
    lines.swap(one, other);
    *text = lines.join("\n");
}

#[test]
fn a_mutation_stays_a_text_of_bounded_length_whatever_it_changes() {
    let mut chance = Chance::of(1);
    let mut text = "a: [1, 'ä']\n  b: {{ c }}\n".to_owned();
    let first = text.clone();
    for _ in 0..5000 {
        text = mutate(&mut chance, &text, &first, &["word", "{{#each x}}"]);
        assert!(text.len() <= LONGEST);
        if text.len() < 4 {
            text.clone_from(&first);
        }
    }
    assert_eq!(
        mutate(&mut Chance::of(3), &first, &first, &[]),
        mutate(&mut Chance::of(3), &first, &first, &[])
    );
}
