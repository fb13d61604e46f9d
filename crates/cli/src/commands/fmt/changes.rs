//! The lines of a file that would change, as people read differences.

use std::path::Path;

use crate::report::{Report, Style};

/// Beyond so many lines on both sides together the longest common part is not looked for.
const MOST: usize = 4_000;

/// A line of the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Same,
    Gone(&'t str),
    New(&'t str),
}

/// Shows the lines that go and come, each with its number in the file as it is.
pub(super) fn show(file: &Path, before: &str, after: &str, report: &Report) {
    report.line(report.paint(Style::Bold, &file.display().to_string()));
    let mut number = 1;
    for line in differences(&lines(before), &lines(after)) {
        match line {
            Line::Same => number += 1,
            Line::Gone(text) => {
                let text = format!("{number:>5} - {}", visible(text));
                report.line(report.paint(Style::Red, &text));
                number += 1;
            }
            Line::New(text) => {
                report.line(report.paint(Style::Green, &format!("      + {}", visible(text))));
            }
        }
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Without its end; what is blank and goes is made visible.
fn visible(line: &str) -> String {
    let bare = line.strip_suffix('\n').unwrap_or(line);
    let kept = bare.trim_end();
    let blank = bare[kept.len()..].chars().map(|c| match c {
        ' ' => '·',
        '\t' => '→',
        _ => '¶',
    });
    format!("{kept}{}", blank.collect::<String>())
}

fn differences<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<Line<'t>> {
    let start = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let (old, new) = (&before[start..], &after[start..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other);
    let end = tail.count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let mut found = vec![Line::Same; start];
    if old.len() + new.len() > MOST {
        found.extend(old.iter().map(|line| Line::Gone(line)));
        found.extend(new.iter().map(|line| Line::New(line)));
    } else {
        middle(old, new, &mut found);
    }
    found
}

/// The shortest way from one to the other, by the table of longest common parts.
fn middle<'t>(old: &[&'t str], new: &[&'t str], found: &mut Vec<Line<'t>>) {
    let width = new.len() + 1;
    let mut common = vec![0u16; (old.len() + 1) * width];
    for at in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            common[at * width + other] = if old[at] == new[other] {
                common[(at + 1) * width + other + 1] + 1
            } else {
                common[(at + 1) * width + other].max(common[at * width + other + 1])
            };
        }
    }
    let (mut at, mut other) = (0, 0);
    while at < old.len() || other < new.len() {
        let gone = common.get((at + 1) * width + other).copied().filter(|_| at < old.len());
        let come = common.get(at * width + other + 1).copied().filter(|_| other < new.len());
        match (gone, come) {
            (Some(_), Some(_)) if old[at] == new[other] => {
                found.push(Line::Same);
                (at, other) = (at + 1, other + 1);
            }
            (Some(gone), come) if come.is_none_or(|come| gone >= come) => {
                found.push(Line::Gone(old[at]));
                at += 1;
            }
            _ => {
                found.push(Line::New(new[other]));
                other += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &str) {
        let shown: Vec<String> = differences(&lines(before), &lines(after))
            .into_iter()
            .map(|line| match line {
                Line::Same => "=".to_owned(),
                Line::Gone(text) => format!("-{}", visible(text)),
                Line::New(text) => format!("+{}", visible(text)),
            })
            .collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn what_is_the_same_is_found_between_what_is_not() {
        check("a\nb\nc\nd\n", "a\nx\nc\ny\nd\n", "= -b +x = +y");
        check("a\n", "a\n", "=");
        check("", "a\n", "+a");
        check("a  \n", "a\n", "-a·· +a");
        check("a\r\n", "a\n", "-a¶ +a");
    }
}
