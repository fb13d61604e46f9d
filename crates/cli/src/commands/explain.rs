//! `linchpin explain`: what a code means, with an example and the fix.

use clap::Args;
use linchpin_language::{codes, did_you_mean, json};

use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::report::{Report, Style};

/// Tell what a code of `check` means, and how it is mended
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as unknown-step; otherwise all codes are listed
    code: Option<String>,
}

impl Explain {
    pub(crate) fn run(self, report: &Report) -> Done {
        let Some(code) = self.code else {
            list(report);
            return Ok(ExitCode::Ok);
        };
        let Some((page, meaning)) = codes::page(&code) else {
            let failure = Failure::usage(format!("there is no code {code:?}"));
            let known = codes::ALL.iter().map(|(code, _)| code.0);
            return Err(match did_you_mean(&code, known) {
                Some(near) => failure.help(format!("did you mean {near}?")),
                None => failure.help("`linchpin explain` lists all codes"),
            });
        };
        report.json(&json!({ "code": code, "meaning": meaning, "page": page }));
        for line in for_terminal(page) {
            report.line(match line {
                Line::Title(text) => report.paint(Style::Bold, &text),
                Line::Example(text) => report.paint(Style::Cyan, &text),
                Line::Text(text) => text,
            });
        }
        Ok(ExitCode::Ok)
    }
}

fn list(report: &Report) {
    let all = codes::ALL.iter();
    report.json(
        &all.clone().map(|(code, meaning)| json!({ "code": code.0, "meaning": meaning })).collect(),
    );
    let rows: Vec<Vec<String>> =
        all.map(|(code, meaning)| vec![code.to_string(), (*meaning).to_owned()]).collect();
    report.table(&["code", "meaning"], &rows);
}

/// A line of a page as a terminal shows it.
#[derive(Debug, PartialEq)]
enum Line {
    /// A heading.
    Title(String),
    /// Part of an example.
    Example(String),
    /// Anything else.
    Text(String),
}

/// A page without the marks of Markdown.
fn for_terminal(page: &str) -> Vec<Line> {
    let mut is_example = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_example = !is_example;
        } else if is_example {
            lines.push(Line::Example(format!("    {line}")));
        } else if let Some(title) = line.strip_prefix('#') {
            lines.push(Line::Title(title.trim_start_matches('#').trim().to_owned()));
        } else {
            lines.push(Line::Text(line.to_owned()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_shown_without_the_marks_of_markdown() {
        for (code, _) in codes::ALL {
            let (page, _) = codes::page(code.0).unwrap();
            let lines = for_terminal(page);
            assert_eq!(lines[0], Line::Title(code.0.to_owned()));
            assert!(lines.contains(&Line::Title("Fix".to_owned())), "{code}");
            assert!(lines.iter().any(|line| matches!(line, Line::Example(_))), "{code}");
            let marks = |line: &&Line| match line {
                Line::Title(text) | Line::Text(text) => text.contains("```"),
                Line::Example(text) => text.trim() == "```",
            };
            assert_eq!(lines.iter().find(marks), None, "{code}");
        }
    }
}
