//! Diagnostics for people, scripts, GitHub and SARIF readers.

use std::fmt;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{Code, Diagnostic, Severity, codes};
use crate::source::Span;
use crate::value::{Value, json};

/// A form of output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// With the source lines, for a terminal.
    Human {
        /// With ANSI colours.
        color: bool,
    },
    /// A JSON list of objects.
    Json,
    /// Workflow commands that GitHub shows beside the lines.
    Github,
    /// SARIF 2.1.0.
    Sarif,
}

/// The longest message or help, in characters: a file can quote itself into one.
const MAX_WORDS: usize = 600;
/// The longest line that is drawn, in bytes, and how much of one is quoted instead.
const MAX_LINE: usize = 500;
const EXCERPT: usize = 60;

/// Renders diagnostics, sorted by file and place.
pub fn render(diagnostics: &[Diagnostic], format: Format) -> String {
    let short: Vec<Diagnostic> = diagnostics.iter().map(shortened).collect();
    let mut sorted: Vec<&Diagnostic> = short.iter().collect();
    sorted.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.span.start, d.severity, d.code, d.span.end);
        a.source.name().cmp(b.source.name()).then_with(|| key(a).cmp(&key(b)))
    });
    match format {
        Format::Human { color } => human(&sorted, color),
        Format::Json => pretty(&Value::Array(sorted.iter().map(|d| as_json(d)).collect())),
        Format::Github => sorted.iter().map(|d| github(d)).collect(),
        Format::Sarif => pretty(&sarif(&sorted)),
    }
}

fn shortened(diagnostic: &Diagnostic) -> Diagnostic {
    let cut = |text: &str| match text.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    Diagnostic {
        message: cut(&diagnostic.message),
        help: diagnostic.help.as_deref().map(cut),
        ..diagnostic.clone()
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn human(diagnostics: &[&Diagnostic], color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut out = String::new();
    let mut shown: Option<(&str, usize, Arc<String>)> = None;
    for diagnostic in diagnostics {
        let source = &diagnostic.source;
        let text = match &shown {
            Some((name, size, text)) if *name == source.name() && *size == source.text().len() => {
                text.clone()
            }
            _ => Arc::new(harmless(source.text())),
        };
        shown = Some((source.name(), source.text().len(), text.clone()));
        if is_wide(&text, diagnostic.span) {
            out.push_str(&plain(diagnostic, &text));
            continue;
        }
        let report = Report { diagnostic, source: NamedSource::new(source.name(), text) };
        if handler.render_report(&mut out, &report).is_err() {
            // Only a broken span makes this fail; the plain line still says everything.
            out.push_str(&format!("{}: {diagnostic}", diagnostic.severity.as_str()));
        }
        out.push('\n');
    }
    out
}

/// Whether one of the lines that would be drawn is too long for people.
fn is_wide(text: &str, span: Span) -> bool {
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end.max(start));
    let before = text[..start].rsplit('\n').take(2);
    let within = text[start..end].split('\n');
    let after = text[end..].split('\n').take(2);
    before.chain(within).chain(after).any(|line| line.len() > MAX_LINE)
}

/// A diagnostic whose lines are too long to be drawn: its place, and a little of what is there.
fn plain(diagnostic: &Diagnostic, text: &str) -> String {
    let (line, column) = diagnostic.position();
    let start = text.floor_char_boundary(diagnostic.span.start);
    let there = text[start..].split('\n').next().unwrap_or_default();
    let quoted: String = there.chars().take(EXCERPT).collect();
    let more = if quoted.len() < there.len() { "…" } else { "" };
    let name = diagnostic.source.name();
    let mut out = format!(
        "{}\n\n  × {}\n    {name}:{line}:{column}: {quoted}{more}\n",
        diagnostic.code, diagnostic.message
    );
    if let Some(help) = &diagnostic.help {
        out.push_str(&format!("  help: {help}\n"));
    }
    out.push('\n');
    out
}

/// The text without what a terminal would obey, each character in as many bytes as before so that
/// places stay where they are.
fn harmless(text: &str) -> String {
    let stand_in = |c: char| match c.len_utf8() {
        1 => '?',
        2 => '\u{bf}',
        _ => '\u{fffd}',
    };
    let is_harmful = |c: char| c != '\n' && c != '\t' && crate::document::is_forbidden(c);
    text.chars().map(|c| if is_harmful(c) { stand_in(c) } else { c }).collect()
}

struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: NamedSource<Arc<String>>,
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diagnostic, f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Hint => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let length = self.diagnostic.source.text().len();
        let start = self.diagnostic.span.start.min(length);
        let end = self.diagnostic.span.end.clamp(start, length);
        let label = LabeledSpan::new(None, start, end - start);
        Some(Box::new(std::iter::once(label)))
    }
}

fn as_json(diagnostic: &Diagnostic) -> Value {
    let (line, column) = diagnostic.position();
    let (end_line, end_column) = diagnostic.source.position(diagnostic.span.end);
    json!({
        "file": diagnostic.source.name(), "line": line, "column": column,
        "end_line": end_line, "end_column": end_column,
        "code": diagnostic.code.0, "severity": diagnostic.severity.as_str(),
        "message": diagnostic.message, "help": diagnostic.help,
    })
}

fn github(diagnostic: &Diagnostic) -> String {
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    };
    let (line, column) = diagnostic.position();
    let message = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!(
        "::{command} file={},line={line},col={column},title={}::{}\n",
        property(diagnostic.source.name()),
        property(diagnostic.code.0),
        data(&message)
    )
}

fn sarif(diagnostics: &[&Diagnostic]) -> Value {
    let used: Vec<Code> = codes::ALL
        .iter()
        .map(|(code, _)| *code)
        .filter(|code| diagnostics.iter().any(|d| d.code == *code))
        .collect();
    let rules: Vec<Value> = used
        .iter()
        .map(|code| {
            let (page, meaning) = codes::page(code.0).unwrap_or_default();
            json!({ "id": code.0, "shortDescription": { "text": meaning },
                "help": { "text": format!("linchpin explain {}", code.0), "markdown": page } })
        })
        .collect();
    let results: Vec<Value> = diagnostics
        .iter()
        .map(|d| sarif_result(d, used.iter().position(|code| *code == d.code)))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "linchpin", "version": env!("CARGO_PKG_VERSION"), "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(diagnostic: &Diagnostic, rule: Option<usize>) -> Value {
    let (line, column) = diagnostic.position();
    let (end_line, end_column) = diagnostic.source.position(diagnostic.span.end);
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "note",
    };
    let text = match &diagnostic.help {
        Some(help) => format!("{}. {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let mut result = json!({
        "ruleId": diagnostic.code.0,
        "level": level,
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(diagnostic.source.name()) },
            "region": { "startLine": line, "startColumn": column,
                "endLine": end_line, "endColumn": end_column },
        } }],
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = json!(rule);
    }
    result
}

/// A path as a URI reference, relative where the path is.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, Span};

    fn two() -> Vec<Diagnostic> {
        let source = Source::new("flows/a,b.yaml", "steps:\n  - ïd: 100%\n");
        let at = |word: &str| {
            let start = source.text().find(word).unwrap();
            Span { start, end: start + word.len() }
        };
        vec![
            Diagnostic::new(
                Severity::Warning,
                codes::BAD_VALUE,
                "100% is odd",
                source.clone(),
                at("100%"),
            ),
            Diagnostic::new(
                Severity::Error,
                codes::UNKNOWN_KEY,
                "unknown key `ïd`",
                source.clone(),
                at("ïd"),
            )
            .with_help("did you mean `id`?"),
        ]
    }

    #[test]
    fn a_line_too_long_for_people_is_quoted_and_not_drawn() {
        let text = format!("a: '{}", "x".repeat(100_000));
        let found = crate::Document::parse("long.yaml", &text).err().unwrap();
        for format in [Format::Human { color: false }, Format::Json, Format::Github, Format::Sarif]
        {
            let length = render(&found, format).len();
            assert!(length < 10_000, "{format:?} is {length} long");
        }
        let drawn = render(&found, Format::Human { color: false });
        assert!(drawn.contains("long.yaml:1:"), "{drawn}");
    }

    #[test]
    fn people_see_the_line_the_code_and_the_help() {
        let text = render(&two(), Format::Human { color: false });
        for part in ["unknown-key", "unknown key `ïd`", "flows/a,b.yaml:2:5", "did you mean `id`?"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(render(&two(), Format::Human { color: true }).contains('\u{1b}'));
    }

    #[test]
    fn scripts_see_them_sorted_by_place() {
        let list: Value = serde_json::from_str(&render(&two(), Format::Json)).unwrap();
        assert_eq!(list[0]["code"], "unknown-key");
        assert_eq!(list[0]["line"], 2);
        assert_eq!(list[0]["column"], 5);
        assert_eq!(list[1]["column"], 9);
        assert_eq!(list[1]["help"], Value::Null);
    }

    #[test]
    fn github_commands_are_escaped() {
        let text = render(&two(), Format::Github);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "::error file=flows/a%2Cb.yaml,line=2,col=5,title=unknown-key::unknown key `ïd`%0Adid you mean `id`?"
        );
        assert!(lines[1].ends_with("::100%25 is odd"));
    }

    #[test]
    fn a_terminal_is_shown_nothing_that_it_would_obey() {
        let source = Source::new("a.yaml", "log: \u{1b}[31m \u{85} \u{202e} end\n");
        let start = source.text().find("end").unwrap();
        let span = Span { start, end: start + 3 };
        let found = Diagnostic::new(Severity::Error, codes::BAD_VALUE, "x", source, span);
        let text = render(&[found], Format::Human { color: false });
        assert!(text.contains("log: ?[31m \u{bf} \u{fffd} end"), "{text}");
    }

    /// What the published schema of SARIF 2.1.0 requires of the parts that are written, and the
    /// words and bounds it allows.
    #[test]
    fn sarif_has_what_its_schema_requires() {
        let log: Value = serde_json::from_str(&render(&two(), Format::Sarif)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "linchpin");
        assert!(
            ["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap())
        );
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert_eq!(rules.len(), 2);
        for rule in rules {
            assert!(codes::page(rule["id"].as_str().unwrap()).is_some());
            assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
        }
        for result in run["results"].as_array().unwrap() {
            let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[rule]["id"], result["ruleId"]);
            assert!(
                ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap())
            );
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let place = &result["locations"][0]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "flows/a%2Cb.yaml");
            let at = |name: &str| place["region"][name].as_u64().unwrap();
            assert!(at("startLine") >= 1 && at("startColumn") >= 1);
            assert!((at("endLine"), at("endColumn")) >= (at("startLine"), at("startColumn")));
        }
        assert_eq!(
            run["results"][0]["locations"][0]["physicalLocation"]["region"]["startColumn"],
            5
        );
        assert_eq!(uri("/a b/ö.yaml"), "file:///a%20b/%C3%B6.yaml");
    }
}
