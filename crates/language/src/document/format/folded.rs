//! Texts over several lines, after `|` or `>`.
//!
//! The lines of a literal text are those of its value. A folded text keeps its author's lines. What
//! cannot be written so without changing the text is left to quotes.

use super::tree::{Scalar, Style};
use crate::value::Value;

/// A text over several lines.
pub(super) struct Lines {
    /// `|`, `>-` and so on.
    pub(super) header: String,
    /// The lines, not indented.
    pub(super) lines: Vec<String>,
}

impl Lines {
    /// Whether blank lines after it are part of the text.
    pub(super) fn keeps_blank_lines(&self) -> bool {
        self.header.ends_with('+')
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.header);
        for line in &self.lines {
            if !line.is_empty() {
                text.push_str("  ");
                text.push_str(line);
            }
            text.push('\n');
        }
        text
    }

    /// Itself, if it is read as this text.
    fn if_it_says(self, text: &str) -> Option<Self> {
        match serde_yaml::from_str::<Value>(&format!("x: {}", self.text())) {
            Ok(value) => (value.get("x")?.as_str()? == text).then_some(self),
            Err(_) => None,
        }
    }
}

/// The scalar over several lines, if it was written so and can be; `room` is what one line has.
pub(super) fn lines(scalar: &Scalar, room: usize) -> Option<Lines> {
    match scalar.style {
        Style::Literal => literal(&scalar.text),
        Style::Folded => folded(scalar).or_else(|| literal(&scalar.text)),
        Style::Plain | Style::Single | Style::Double if scalar.raw.contains('\n') => {
            if scalar.text.contains('\n') {
                return literal(&scalar.text);
            }
            let is_short = super::scalar::line(scalar, false).chars().count() <= room;
            if is_short { None } else { unquoted(scalar) }
        }
        Style::Plain | Style::Single | Style::Double => None,
    }
}

fn literal(text: &str) -> Option<Lines> {
    let body = text.trim_end_matches('\n');
    // A last line of nothing but blanks could not be told from an empty one.
    if body.rsplit('\n').next().is_none_or(|last| last.trim().is_empty()) {
        return None;
    }
    let n_ends = text.len() - body.len();
    let chomp = match n_ends {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
    lines.extend(std::iter::repeat_n(String::new(), n_ends.saturating_sub(1)));
    Lines { header: format!("|{}{chomp}", indicator(&lines)), lines }.if_it_says(text)
}

/// The indentation is told when the first line would hide it.
fn indicator(lines: &[String]) -> &'static str {
    let first = lines.iter().find(|line| !line.is_empty());
    if first.is_some_and(|line| line.starts_with([' ', '\t'])) { "2" } else { "" }
}

fn folded(scalar: &Scalar) -> Option<Lines> {
    let (header, raw) = scalar.raw.split_once('\n')?;
    let chomp = if header.contains('-') {
        "-"
    } else if header.contains('+') {
        "+"
    } else {
        ""
    };
    let raw: Vec<&str> = raw.trim_end().lines().collect();
    let indents = raw.iter().filter(|line| !line.trim().is_empty());
    let smallest = indents.map(|line| line.len() - line.trim_start_matches(' ').len()).min()?;
    let n_ends = scalar.text.len() - scalar.text.trim_end_matches('\n').len();
    // Without a digit in the header it is the smallest; with one it may be less.
    (1..=smallest).rev().take(16).find_map(|indent| {
        let mut lines: Vec<String> =
            raw.iter().map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect();
        if chomp == "+" {
            lines.extend(std::iter::repeat_n(String::new(), n_ends.saturating_sub(1)));
        }
        Lines { header: format!(">{}{chomp}", indicator(&lines)), lines }.if_it_says(&scalar.text)
    })
}

/// A long text over several lines without a header, with its lines kept.
fn unquoted(scalar: &Scalar) -> Option<Lines> {
    let inner = match scalar.style {
        Style::Single => scalar.raw.trim_matches('\'').replace("''", "'"),
        Style::Double => scalar.raw.trim_matches('"').to_owned(),
        Style::Plain | Style::Literal | Style::Folded => scalar.raw.clone(),
    };
    let lines = inner.lines().map(|line| line.trim().to_owned()).collect();
    Lines { header: ">-".to_owned(), lines }.if_it_says(&scalar.text)
}
