//! The only place that writes to the terminal: lines for people, JSON for scripts.

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
            self.raw(&format!("{}\n", text.as_ref()));
        }
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
            writeln!(io::stderr(), "{}", text.as_ref()).ok();
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
        for row in rows {
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
        for row in rows {
            self.line(set(row));
        }
    }
}
