//! The pass over parser events: finds the place of every value and refuses what must not be there.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::offsets::Offsets;
use super::{MAX_DEPTH, Place, error, traps};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::source::{Source, Span};

/// How many mistakes of form are reported for one file.
const LISTED: usize = 50;

/// What the pass has found.
pub(super) struct Form {
    /// Every place by JSON pointer.
    pub(super) places: HashMap<String, Place>,
    /// Everything that is wrong with the form of the file.
    pub(super) mistakes: Vec<Diagnostic>,
    /// The file in which each text that should have been quoted is blanked out.
    pub(super) mended: String,
    /// Where those texts stand.
    pub(super) unquoted: Vec<Span>,
    /// Whether the pass came to the end of the file.
    pub(super) is_whole: bool,
}

/// Finds the place of everything, and everything that is wrong with the form of the file.
pub(super) fn read(source: &Source) -> Form {
    // An unquoted `{{` makes the rest of the file look broken, so each is reported and then
    // blanked out in a copy of the same length, until the rest can be judged.
    let mut mended = source.text().to_owned();
    let (mut mistakes, mut unquoted) = (Vec::new(), Vec::new());
    loop {
        let mut pass = Pass::new(source, &mended);
        let is_whole = pass.run();
        match pass.braces {
            Some((diagnostic, span)) if mistakes.len() < LISTED => {
                mistakes.push(diagnostic);
                unquoted.push(span);
                mended.replace_range(span.start..span.end, &"x".repeat(span.end - span.start));
            }
            _ => {
                mistakes.append(&mut pass.diagnostics);
                let places = pass.places;
                return Form { places, mistakes, mended, unquoted, is_whole };
            }
        }
    }
}

/// A collection that is being read.
struct Open {
    pointer: String,
    start: usize,
    key_span: Option<Span>,
    in_flow: bool,
    kind: Kind,
}

enum Kind {
    List {
        next: usize,
    },
    Map {
        seen: HashMap<String, Span>,
        key: Option<(String, Span)>,
    },
    /// A collection that stands where a key should: its contents are passed over.
    Key,
}

struct Pass<'a> {
    source: &'a Source,
    text: &'a str,
    offsets: Offsets,
    open: Vec<Open>,
    places: HashMap<String, Place>,
    diagnostics: Vec<Diagnostic>,
    braces: Option<(Diagnostic, Span)>,
    documents: usize,
}

impl<'a> Pass<'a> {
    fn new(source: &'a Source, text: &'a str) -> Self {
        Self {
            source,
            text,
            offsets: Offsets::new(text),
            open: Vec::new(),
            places: HashMap::new(),
            diagnostics: Vec::new(),
            braces: None,
            documents: 0,
        }
    }

    /// Goes through the file; false when it stopped before the end.
    fn run(&mut self) -> bool {
        let mut parser = Parser::new_from_str(self.text);
        while let Some(event) = parser.next_event() {
            match event {
                Ok((event, span)) => {
                    let span = Span {
                        start: self.offsets.byte(span.start.index()),
                        end: self.offsets.byte(span.end.index()),
                    };
                    if self.take(event, span).is_break() {
                        return false;
                    }
                }
                Err(cause) => {
                    self.scan_error(&cause);
                    return false;
                }
            }
        }
        true
    }

    fn report(&mut self, code: Code, message: impl Into<String>, span: Span) -> &mut Diagnostic {
        self.diagnostics.push(error(code, message, self.source, span));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};
        if self.diagnostics.len() >= LISTED {
            return Break(());
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.report(codes::SECOND_DOCUMENT, "a file holds one document", span);
                    return Break(());
                }
            }
            Event::Alias(_) => {
                let span = self.widen(span);
                self.report(codes::YAML_ALIAS, "aliases are not used here", span).help =
                    Some("write the value out again, or quote the text".to_owned());
                self.value(span, true);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.without_comment(span, style);
                self.refuse_marks(anchor, tag.is_some(), span);
                self.scalar(&text, style, span);
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), span);
                return self.begin(Kind::List { next: 0 }, span);
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), span);
                if self.text[span.start..].starts_with("{{") {
                    let in_flow = self.open.last().is_some_and(|open| open.in_flow);
                    self.braces = Some(traps::unquoted_braces(self.source, span.start, in_flow));
                    return Break(());
                }
                return self.begin(Kind::Map { seen: HashMap::new(), key: None }, span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Continue(())
    }

    fn refuse_marks(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor > 0 {
            self.report(codes::YAML_ALIAS, "anchors are not used here", span).help =
                Some("quote a text that begins with `&`".to_owned());
        }
        if tagged {
            let (line, _) = self.source.position(span.start);
            let help = match traps::line_to_write(self.source, line) {
                Some(line) => format!("to write a text or an expression, quote it: {line}"),
                None => "to write a text that begins with `!`, quote it".to_owned(),
            };
            self.report(codes::YAML_TAG, "a leading `!` is a YAML tag", span).help = Some(help);
        }
    }

    /// The whole alias: its event covers the star only.
    fn widen(&self, span: Span) -> Span {
        let rest = &self.text[span.start..];
        let length = rest.find(|c: char| c.is_whitespace() || ",]}".contains(c));
        Span { start: span.start, end: span.end.max(span.start + length.unwrap_or(rest.len())) }
    }

    /// The place of a quoted text up to its closing quote: its event covers a comment behind it.
    fn without_comment(&self, span: Span, style: ScalarStyle) -> Span {
        let quote = match style {
            ScalarStyle::SingleQuoted => '\'',
            ScalarStyle::DoubleQuoted => '"',
            _ => return span,
        };
        let mut rest = self.text[span.start..].char_indices().skip(1).peekable();
        while let Some((at, c)) = rest.next() {
            if c == '\\' && quote == '"' {
                rest.next();
            } else if c == quote {
                // In single quotes, two are one.
                match quote == '\'' && rest.peek().is_some_and(|(_, next)| *next == quote) {
                    true => drop(rest.next()),
                    false => return Span { start: span.start, end: span.start + at + 1 },
                }
            }
        }
        span
    }

    fn begin(&mut self, kind: Kind, span: Span) -> std::ops::ControlFlow<()> {
        if self.open.len() >= MAX_DEPTH {
            self.report(codes::TOO_DEEP, format!("nested deeper than {MAX_DEPTH} levels"), span);
            return std::ops::ControlFlow::Break(());
        }
        let in_flow = self.text[span.start..].starts_with(['{', '[']);
        let open = match self.place_of_value(span) {
            Some((pointer, key_span)) => {
                Open { pointer, start: span.start, key_span, in_flow, kind }
            }
            None => Open {
                pointer: String::new(),
                start: span.start,
                key_span: None,
                in_flow,
                kind: Kind::Key,
            },
        };
        self.open.push(open);
        std::ops::ControlFlow::Continue(())
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        if matches!(open.kind, Kind::Key) {
            return;
        }
        // The end of a block collection is where the next thing begins: give back the blank space.
        let closes = self.text[span.start..].starts_with([']', '}']);
        let end = if closes { span.start + 1 } else { span.end.max(open.start) };
        let end = open.start + self.text[open.start..end].trim_end().len();
        let place =
            Place { span: Span { start: open.start, end }, key: open.key_span, verbatim: false };
        self.places.insert(open.pointer, place);
    }

    /// The pointer of the value that begins here and the span of its key; `None` in place of a key.
    fn place_of_value(&mut self, span: Span) -> Option<(String, Option<Span>)> {
        let refused = match self.open.last_mut() {
            None => return Some((String::new(), None)),
            Some(open) => match &mut open.kind {
                Kind::Key => return None,
                Kind::List { next } => {
                    *next += 1;
                    return Some((format!("{}/{}", open.pointer, *next - 1), None));
                }
                Kind::Map { key, .. } => match key.take() {
                    Some((key, span)) => {
                        return Some((child(&open.pointer, &key), Some(span)));
                    }
                    None => {
                        *key = Some((String::new(), span));
                        span
                    }
                },
            },
        };
        self.report(codes::YAML_KEY, "a key is a text", refused);
        None
    }

    fn is_at_key(&self) -> bool {
        matches!(self.open.last().map(|open| &open.kind), Some(Kind::Map { key: None, .. }))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) {
        if self.is_at_key() {
            return self.key(text, style, span);
        }
        if style == ScalarStyle::Plain && is_not_finite(text) {
            self.report(
                codes::YAML_NUMBER,
                format!("`{text}` is no number that can be used"),
                span,
            )
            .help = Some("quote it to keep it as text".to_owned());
        }
        let verbatim = self.text.get(span.start..span.end) == Some(text);
        self.value(span, verbatim);
    }

    fn value(&mut self, span: Span, verbatim: bool) {
        if let Some((pointer, key)) = self.place_of_value(span) {
            self.places.insert(pointer, Place { span, key, verbatim });
        }
    }

    fn key(&mut self, text: &str, style: ScalarStyle, span: Span) {
        if style == ScalarStyle::Plain && !is_text_key(text) {
            self.report(codes::YAML_KEY, format!("the key `{text}` is not a text"), span).help =
                Some(format!("quote it: \"{text}\""));
        } else if style == ScalarStyle::Plain && text == "<<" {
            self.report(codes::YAML_ALIAS, "merge keys are not used here", span);
        }
        let mut first = None;
        if let Some(Open { kind: Kind::Map { seen, key }, .. }) = self.open.last_mut() {
            first = seen.get(text).copied();
            seen.entry(text.to_owned()).or_insert(span);
            *key = Some((text.to_owned(), span));
        }
        if let Some(first) = first {
            let (line, _) = self.source.position(first.start);
            let message = format!("the key `{text}` is already written on line {line}");
            self.report(codes::DUPLICATE_KEY, message, span);
        }
    }

    fn scan_error(&mut self, cause: &ScanError) {
        let start = self.offsets.byte(cause.marker().index());
        let (line, _) = self.source.position(start);
        if cause.info().contains("unknown anchor") {
            let span = self.widen(Span { start, end: start });
            self.report(codes::YAML_ALIAS, "a leading `*` is a YAML alias", span).help =
                traps::line_to_write(self.source, line)
                    .map(|line| format!("to write a text, quote it: {line}"));
            return;
        }
        if cause.info().contains("recursion limit") {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            self.report(codes::TOO_DEEP, message, Span { start, end: start });
            return;
        }
        let message = format!("cannot be read as YAML: {}", cause.info());
        let help = match traps::line_to_write(self.source, line) {
            _ if cause.info().contains("tabs") => Some("indent with spaces".to_owned()),
            Some(line) => Some(format!("if the value is one text, quote it: {line}")),
            None => None,
        };
        self.report(codes::YAML_SYNTAX, message, Span { start, end: start }).help = help;
    }
}

/// The JSON pointer of a field.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Whether a plain scalar is decoded as a text rather than as null, a boolean or a number.
fn is_text_key(text: &str) -> bool {
    let reserved = ["null", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    // What begins with a letter is a text; only the rest is worth asking the decoder about.
    (text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !reserved)
        || !text.is_empty()
            && (text == "<<"
                || matches!(
                    serde_yaml::from_str::<serde_yaml::Value>(text),
                    Ok(serde_yaml::Value::String(_))
                )
                || text.contains(['{', '}', '[', ']', ',']))
}

fn is_not_finite(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    matches!(bare, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}
