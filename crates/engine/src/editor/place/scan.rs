//! Reads a text up to a cursor the way YAML does.

use linchpin_language::Span;

use super::{Frame, Position};

/// A map or list that is being read.
struct Open {
    frame: Frame,
    /// The column of its keys or dashes.
    column: usize,
    /// Whether it is in brackets.
    in_brackets: bool,
}

pub(super) struct Scan<'t> {
    text: &'t str,
    cursor: usize,
    open: Vec<Open>,
}

/// What reading a value came to.
enum Read {
    /// It ended here.
    To(usize),
    /// The cursor is in it.
    Found(Position),
}

impl<'t> Scan<'t> {
    /// Before anything is read.
    pub(super) fn new(text: &'t str, cursor: usize) -> Self {
        Self { text, cursor, open: Vec::new() }
    }

    /// The maps and lists around the cursor, outermost first.
    pub(super) fn into_frames(self) -> Vec<Frame> {
        self.open.into_iter().map(|open| open.frame).collect()
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length)
    }

    pub(super) fn run(&mut self) -> Position {
        let mut at = 0;
        loop {
            if at > self.cursor {
                // What was read as one went past the cursor without holding it.
                return Position::Nowhere;
            }
            let end = self.line_end(at);
            let line = &self.text[at..end];
            let indent = line.len() - line.trim_start_matches(' ').len();
            let here = at + indent;
            let rest = line[indent..].trim_end();
            let is_last = self.cursor <= end;
            if is_last && (self.cursor <= here || rest.is_empty()) {
                let column = if rest.is_empty() { self.cursor - at } else { indent };
                return self.between(column);
            }
            if is_last && rest.starts_with('#') {
                return Position::Nowhere;
            }
            let next = match rest.is_empty() || rest.starts_with('#') {
                true => end,
                false => match self.content(here, indent) {
                    Read::Found(position) => return position,
                    Read::To(next) => self.line_end(next.min(self.text.len())),
                },
            };
            if next >= self.text.len() {
                return self.between(0);
            }
            at = next + 1;
        }
    }

    /// A key may begin at this column of an empty line.
    fn between(&mut self, column: usize) -> Position {
        self.map_at(column);
        Position::Key(Span { start: self.cursor, end: self.cursor })
    }

    /// Ends what does not reach to this column, and opens a map there.
    fn map_at(&mut self, column: usize) {
        while self.open.last().is_some_and(|open| {
            open.column > column
                || (open.column == column && matches!(open.frame, Frame::List { .. }))
        }) {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(Open { frame: Frame::Map { at, .. }, column: same, .. }) if *same == column => {
                *at = None;
            }
            // On an empty line a cursor may stand between two depths: then it is in the outer one.
            Some(Open { frame: Frame::Map { at: Some(key), keys }, .. })
                if keys.iter().any(|(name, text)| name == key && !text.is_empty()) =>
            {
                if let Some(Open { frame: Frame::Map { at, .. }, .. }) = self.open.last_mut() {
                    *at = None;
                }
            }
            _ => self.push(Frame::Map { keys: Vec::new(), at: None }, column, false),
        }
    }

    fn push(&mut self, frame: Frame, column: usize, in_brackets: bool) {
        self.open.push(Open { frame, column, in_brackets });
    }

    /// A line, or what follows a dash.
    fn content(&mut self, here: usize, column: usize) -> Read {
        let end = self.line_end(here);
        let rest = &self.text[here..end];
        if rest == "-" || rest.starts_with("- ") {
            return self.dash(here, column);
        }
        let Some((key, colon)) = key(rest) else {
            if self.cursor <= end {
                let is_value = rest.starts_with(['"', '\'', '{', '[']);
                if is_value {
                    return self.value(here, column);
                }
                self.map_at(column);
                return Read::Found(Position::Key(Span { start: here, end: self.cursor }));
            }
            return if rest.starts_with(['{', '[']) {
                self.value(here, column)
            } else {
                Read::To(end)
            };
        };
        self.map_at(column);
        let colon = here + colon;
        if self.cursor <= colon {
            return Read::Found(Position::Key(Span { start: here, end: self.cursor }));
        }
        self.begin(&key);
        let after = &self.text[colon + 1..end];
        let start = colon + 1 + (after.len() - after.trim_start_matches(' ').len());
        let value = self.text[start..end].trim_end();
        self.note(if value.starts_with('#') { "" } else { value });
        self.value(start, column)
    }

    fn dash(&mut self, here: usize, column: usize) -> Read {
        let end = self.line_end(here);
        while self.open.last().is_some_and(|open| open.column > column) {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(Open { frame: Frame::List { index }, column: same, .. }) if *same == column => {
                *index += 1;
            }
            _ => self.push(Frame::List { index: 0 }, column, false),
        }
        let rest = &self.text[(here + 1).min(end)..end];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        let start = here + 1 + blank;
        let inner = column + 1 + blank;
        if self.cursor < start || (self.cursor == start && start == end) {
            if self.cursor <= here {
                return Read::Found(Position::Nowhere);
            }
            self.push(Frame::Map { keys: Vec::new(), at: None }, inner.max(column + 2), false);
            return Read::Found(Position::Key(Span { start: self.cursor, end: self.cursor }));
        }
        if self.text[start..end].trim().is_empty() {
            Read::To(end)
        } else {
            self.content(start, inner)
        }
    }

    /// The key of the innermost map whose value follows.
    fn begin(&mut self, key: &str) {
        if let Some(Open { frame: Frame::Map { keys, at }, .. }) = self.open.last_mut() {
            keys.push((key.to_owned(), String::new()));
            *at = Some(key.to_owned());
        }
    }

    /// What that value is, if it is a text on the same line.
    fn note(&mut self, value: &str) {
        if let Some(Open { frame: Frame::Map { keys, .. }, .. }) = self.open.last_mut()
            && let Some((_, text)) = keys.last_mut()
        {
            *text = value.trim_matches(['"', '\'']).to_owned();
        }
    }

    /// A value that begins here; `column` is that of its key.
    fn value(&mut self, start: usize, column: usize) -> Read {
        let end = self.line_end(start);
        let rest = &self.text[start..end];
        if self.cursor < start {
            let written = Span { start: self.cursor, end: self.cursor };
            return Read::Found(Position::Value { written, quoted: false });
        }
        match rest.chars().next() {
            Some('|' | '>') => self.block_text(start, column),
            Some(quote @ ('"' | '\'')) => self.quoted(start, quote),
            Some('{' | '[') => self.brackets(start, column),
            _ => {
                let comment = rest.find(" #").map_or(end, |at| start + at);
                if self.cursor > comment && self.cursor <= end {
                    return Read::Found(Position::Nowhere);
                }
                self.plain(start, end)
            }
        }
    }

    fn plain(&self, start: usize, end: usize) -> Read {
        if self.cursor > end {
            return Read::To(end);
        }
        let written = Span { start, end: self.cursor };
        Read::Found(Position::Value { written, quoted: false })
    }

    /// A text in quotes, on one line: a quote that is not closed there is one that is being written.
    fn quoted(&self, start: usize, quote: char) -> Read {
        let end = self.line_end(start);
        let mut is_escaped = false;
        let close = self.text[start + 1..end].char_indices().find(|(_, c)| {
            let closes = *c == quote && !is_escaped;
            is_escaped = quote == '"' && *c == '\\' && !is_escaped;
            closes
        });
        let close = close.map_or(end, |(at, _)| start + 1 + at);
        if self.cursor > start && self.cursor <= close {
            let written = Span { start: start + 1, end: self.cursor };
            return Read::Found(Position::Value { written, quoted: true });
        }
        Read::To((close + 1).min(end))
    }

    /// A text under `|` or `>`.
    fn block_text(&self, start: usize, column: usize) -> Read {
        let first = self.line_end(start);
        if self.cursor <= first {
            return Read::Found(Position::Nowhere);
        }
        let mut end = first;
        while end < self.text.len() {
            let next = self.line_end(end + 1);
            let line = &self.text[end + 1..next];
            let indent = line.len() - line.trim_start_matches(' ').len();
            if !line.trim().is_empty() && indent <= column {
                break;
            }
            end = next;
            if self.cursor <= end {
                let written = Span { start: (first + 1).min(self.cursor), end: self.cursor };
                return Read::Found(Position::Value { written, quoted: true });
            }
        }
        Read::To(end)
    }

    /// A map or list in brackets; one that is not closed ends with its lines.
    fn brackets(&mut self, start: usize, column: usize) -> Read {
        let depth = self.open.len();
        let mut at = start;
        loop {
            let blank = self.text[at..].find(|c: char| !c.is_whitespace());
            let next = blank.map_or(self.text.len(), |length| at + length);
            if let Some(ends) = self.leaves(at, next, column) {
                self.open.truncate(depth);
                return Read::To(ends);
            }
            if self.cursor <= next && self.cursor >= at && self.open.len() > depth {
                return Read::Found(self.in_brackets());
            }
            at = match self.token(next) {
                Some(Read::To(after)) => after,
                Some(Read::Found(position)) => return Read::Found(position),
                None => return Read::To(self.text.len()),
            };
            if self.open.len() <= depth {
                return Read::To(at);
            }
        }
    }

    /// Whether the blank between two places leads out of brackets that begin at a column: where.
    fn leaves(&self, at: usize, next: usize, column: usize) -> Option<usize> {
        let line = self.text[at..next].rfind('\n').map(|newline| at + newline + 1)?;
        let first = self.text[at..].find('\n').map_or(at, |newline| at + newline);
        (next - line <= column && self.cursor > first).then_some(first)
    }

    /// A cursor between two tokens.
    fn in_brackets(&self) -> Position {
        let here = Span { start: self.cursor, end: self.cursor };
        match self.open.last().map(|open| &open.frame) {
            Some(Frame::Map { at: None, .. }) => Position::Key(here),
            _ => Position::Value { written: here, quoted: false },
        }
    }

    /// One token in brackets.
    fn token(&mut self, at: usize) -> Option<Read> {
        let c = self.text[at..].chars().next()?;
        match c {
            '{' => self.push(Frame::Map { keys: Vec::new(), at: None }, at, true),
            '[' => self.push(Frame::List { index: 0 }, at, true),
            '}' | ']' => drop(self.open.pop()),
            ',' => match self.open.last_mut().map(|open| &mut open.frame) {
                Some(Frame::Map { at, .. }) => *at = None,
                Some(Frame::List { index }) => *index += 1,
                None => {}
            },
            '"' | '\'' => return Some(self.in_quotes(at, c)),
            _ => return Some(self.bare(at)),
        }
        Some(Read::To(at + c.len_utf8()))
    }

    fn in_quotes(&mut self, at: usize, quote: char) -> Read {
        let read = self.quoted(at, quote);
        if let Read::To(end) = read {
            let text = self.text[at..end].trim_matches(quote).to_owned();
            if self.is_at_key() {
                return self.maybe_key(&text, end);
            }
            self.note(&text);
        }
        read
    }

    fn is_at_key(&self) -> bool {
        matches!(self.open.last().map(|open| &open.frame), Some(Frame::Map { at: None, .. }))
    }

    /// A word in brackets.
    fn bare(&mut self, at: usize) -> Read {
        let rest = &self.text[at..];
        let mut end = rest.len();
        for (length, c) in rest.char_indices() {
            let after = rest[length + c.len_utf8()..].chars().next();
            let is_colon =
                c == ':' && after.is_none_or(|c| c.is_whitespace() || ",{}[]".contains(c));
            let is_end = ",{}[]\n".contains(c) || is_colon;
            if is_end && length > 0 {
                end = length;
                break;
            }
        }
        let word = rest[..end].trim_end();
        let stop = at + word.len().max(1);
        if self.cursor <= at + end && self.cursor >= at {
            let written = Span { start: at, end: self.cursor };
            return Read::Found(match self.is_at_key() {
                true => Position::Key(written),
                false => Position::Value { written, quoted: false },
            });
        }
        if self.is_at_key() {
            let word = word.to_owned();
            return self.maybe_key(&word, stop);
        }
        let word = word.to_owned();
        self.note(&word);
        Read::To(stop)
    }

    fn maybe_key(&mut self, key: &str, end: usize) -> Read {
        let rest = &self.text[end..];
        let blank = rest.len() - rest.trim_start_matches(' ').len();
        if !rest[blank..].starts_with(':') {
            return Read::To(end);
        }
        self.begin(key);
        let after = end + blank + 1;
        if self.cursor == after {
            let written = Span { start: after, end: after };
            return Read::Found(Position::Value { written, quoted: false });
        }
        Read::To(after)
    }

    /// Adds the keys that stand after the cursor.
    pub(super) fn look_ahead(&mut self) {
        let after = (self.line_end(self.cursor.min(self.text.len())) + 1).min(self.text.len());
        let (text, cursor) = (self.text, self.cursor);
        for open in &mut self.open {
            let Frame::Map { keys, .. } = &mut open.frame else { continue };
            if open.in_brackets {
                in_brackets_after(&text[cursor.min(text.len())..], keys);
                continue;
            }
            for line in text[after..].lines() {
                let indent = line.len() - line.trim_start_matches(' ').len();
                let rest = line[indent..].trim_end();
                if rest.is_empty() || rest.starts_with('#') || indent > open.column {
                    continue;
                }
                let found = key(rest).filter(|_| indent == open.column && !rest.starts_with("- "));
                let Some((name, colon)) = found else { break };
                let value = rest[colon + 1..].trim().trim_matches(['"', '\'']);
                keys.push((name, value.to_owned()));
            }
        }
    }
}

/// The keys of a map in brackets that follow, up to its end.
fn in_brackets_after(text: &str, keys: &mut Vec<(String, String)>) {
    let mut depth = 0_usize;
    let mut word = String::new();
    for c in text.chars() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth == 0 => return,
            '}' | ']' => depth -= 1,
            ':' if depth == 0 && !word.trim().is_empty() => {
                keys.push((word.trim().to_owned(), String::new()));
                word.clear();
            }
            ',' | '\n' if depth == 0 => word.clear(),
            c if depth == 0 => word.push(c),
            _ => {}
        }
    }
}

/// The key that a line begins with, and where its colon stands.
fn key(line: &str) -> Option<(String, usize)> {
    if line.starts_with(['{', '[', '#', '|', '>']) {
        return None;
    }
    let quote = line.chars().next().filter(|c| ['"', '\''].contains(c));
    let from = quote.map_or(Some(0), |quote| line[1..].find(quote).map(|at| at + 2))?;
    let colon = line[from..]
        .match_indices(':')
        .map(|(at, _)| from + at)
        .find(|at| line[at + 1..].chars().next().is_none_or(char::is_whitespace))?;
    let name = line[..colon].trim().trim_matches(['"', '\'']);
    (!name.is_empty() && !name.contains(" #")).then(|| (name.to_owned(), colon))
}
