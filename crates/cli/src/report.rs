//! The only place that writes to the terminal: lines for people, JSON for scripts.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use linchpin_language::{Value, json};

use crate::args::Global;
use crate::failure::Failure;

/// Where output goes and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    is_json: bool,
    color: bool,
    /// Whether a person watches: both streams are a terminal and no JSON is wanted.
    is_live: bool,
    can_ask: bool,
    is_verbose: bool,
}

/// The first refusal of the output.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// How a word is set off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
    Cyan,
}

impl Report {
    pub(crate) fn new(global: &Global) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_json: global.json,
            color: is_terminal && !no_color && !global.json,
            is_live: is_terminal && io::stderr().is_terminal() && !global.json,
            is_verbose: global.verbose,
            can_ask: io::stdin().is_terminal() && is_terminal && !global.json,
        }
    }

    /// One that writes JSON, where the arguments could not be read.
    pub(crate) fn for_scripts() -> Self {
        let (color, is_live, can_ask, is_verbose) = (false, false, false, false);
        Self { is_json: true, color, is_live, can_ask, is_verbose }
    }

    /// Whether scripts read the output.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether everything is told, also what was passed over.
    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Whether lines may be redrawn.
    pub(crate) fn is_live(&self) -> bool {
        self.is_live
    }

    /// Whether a person can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Whether words may be coloured.
    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// A word, set off where colours are shown.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Red => 31,
            Style::Green => 32,
            Style::Yellow => 33,
            Style::Cyan => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A line for people; nothing where scripts read.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.is_json {
            self.raw(&format!("{}\n", self.harmless(text.as_ref())));
        }
    }

    /// The text without what would make a terminal do something. Our own colours stay.
    pub(crate) fn harmless<'t>(&self, text: &'t str) -> Cow<'t, str> {
        harmless(text, self.color)
    }

    /// Begins a new screen where a person watches.
    pub(crate) fn clear(&self) {
        if self.is_live {
            self.raw("\u{1b}[2J\u{1b}[3J\u{1b}[H");
        }
    }

    /// Text that is the output itself, in either form.
    pub(crate) fn raw(&self, text: &str) {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        // A reader that has closed the pipe has seen enough.
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            // The first one is told.
            UNWRITTEN.set(error).ok();
        }
    }

    /// Why the output could not be written, if it could not.
    pub(crate) fn unwritten(&self) -> Option<Failure> {
        UNWRITTEN.get().map(|error| Failure::because("the output cannot be written", error))
    }

    /// Text for another program, as it is; for scripts in a field of this name.
    pub(crate) fn text(&self, name: &str, text: &str) {
        match self.is_json {
            true => self.json(&json!({ name: text })),
            false => self.raw(text),
        }
    }

    /// A remark beside the output.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.is_json {
            // As above.
            writeln!(io::stderr(), "{}", self.harmless(text.as_ref())).ok();
        }
    }

    /// A remark beside the output, also where scripts read that.
    pub(crate) fn aside(&self, text: &str) {
        // As above.
        io::stderr().write_all(text.as_bytes()).ok();
    }

    /// The whole output for scripts; nothing where people read.
    pub(crate) fn json(&self, value: &Value) {
        if self.is_json {
            self.raw(&format!("{value:#}\n"));
        }
    }

    /// One of the objects that are written for scripts while a command runs, in a line each.
    pub(crate) fn event(&self, value: &Value) {
        if self.is_json {
            self.raw(&format!("{value}\n"));
        }
    }

    /// Why the command was not done.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_json {
            let places = failure.mistakes.iter().map(|mistake| {
                let (line, column) = mistake.position();
                json!({ "file": mistake.source.name(), "line": line, "column": column,
                    "code": mistake.code.0, "message": mistake.message, "help": mistake.help })
            });
            let places: Vec<_> = places.collect();
            self.json(&json!({ "error": {
                "message": failure.message, "help": failure.help,
                "exit_code": failure.code.number(), "mistakes": places } }));
            return;
        }
        if !failure.mistakes.is_empty() {
            self.note(failure.rendered(self.color).trim_end());
        }
        self.note(format!("{} {}", self.paint(Style::Red, "error:"), failure.message));
        if let Some(help) = &failure.help {
            self.note(format!("{} {help}", self.paint(Style::Cyan, " help:")));
        }
    }

    /// Rows under headings, each column as wide as its widest cell.
    pub(crate) fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
        let one_line =
            |cell: &String| self.harmless(&cell.replace(['\n', '\r', '\t'], " ")).into_owned();
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(one_line).collect()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let set = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| {
                let gap = width.saturating_sub(cell.chars().count());
                format!("{cell}{}", " ".repeat(gap))
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
        self.line(self.paint(Style::Dim, &set(&headings)));
        for row in &rows {
            self.line(set(row));
        }
    }
}

/// The text with its control characters shown, but for the ends of lines and tabs: whoever writes
/// the title of an incident does not clear the screen of who reads it.
pub(crate) fn harmless(text: &str, keeps_colors: bool) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let color = if keeps_colors { color_at(rest) } else { 0 };
        let (taken, after) = rest.split_at(if color > 0 { color } else { c.len_utf8() });
        match is_harmful(c) && color == 0 {
            true => out.extend(c.escape_default()),
            false => out.push_str(taken),
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// The length of the colour that a text begins with; 0 when it begins with none.
fn color_at(text: &str) -> usize {
    let Some(code) = text.strip_prefix("\x1b[") else { return 0 };
    let digits = code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
    if digits.starts_with('m') { text.len() - digits.len() + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_a_terminal_is_shown_and_not_done() {
        let text = "é \x1b[2J\x1b]0;owned\x07 \x1b[31mred\x1b[0m\tx\ny\r\u{9b}1A";
        let shown = "é \\u{1b}[2J\\u{1b}]0;owned\\u{7} \\u{1b}[31mred\\u{1b}[0m\tx\ny\\r\\u{9b}1A";
        assert_eq!(harmless(text, false), shown);
        let shown = "é \\u{1b}[2J\\u{1b}]0;owned\\u{7} \x1b[31mred\x1b[0m\tx\ny\\r\\u{9b}1A";
        assert_eq!(harmless(text, true), shown);
        assert_eq!(harmless("as it is", false), "as it is");
    }
}
