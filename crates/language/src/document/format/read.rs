//! A text to its tree. The parser tells where tokens stand; comments are what stands between.
//!
//! A comment on the line of a token belongs to it. One on a line of its own belongs to what
//! follows, unless it is indented like a collection that has just ended: then it closes that one.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::scalar;
use super::tree::{Collection, Comment, Entry, Node, Scalar, Style};
use crate::document::offsets::Offsets;

/// The tree of a text that [`super::Document`] has accepted.
pub(super) fn read(text: &str) -> Entry {
    let mut reader = Reader::new(text);
    let mut root = Entry { value: reader.root(), ..Entry::default() };
    root.above = std::mem::take(&mut reader.before_root);
    root.head = reader.head.take();
    root.beside = reader.root_beside.take();
    reader.collect_comments(text.len());
    // Of a root that is no block, or of a file that has nothing but comments.
    root.inside.extend(reader.pending.drain(..).map(|pending| pending.comment));
    root
}

/// How many comments a text has, told without the tree.
pub(super) fn count_remarks(text: &str) -> usize {
    let mut reader = Reader::new(text);
    let mut count = 0;
    for (token, start) in std::mem::take(&mut reader.tokens) {
        let (start, end) = match token {
            Token::Scalar { style: Style::Literal | Style::Folded, end, .. } => {
                let header = reader.header(reader.at);
                let (line, comment) = reader.rest_of_line(header);
                count += usize::from(comment.is_some());
                (header, line + text[line..end.max(line)].trim_end().len())
            }
            Token::Scalar { end, .. } => (start, end),
            Token::Begin { .. } | Token::End if reader.is_bracket(start) => (start, start + 1),
            Token::Begin { .. } | Token::End => continue,
        };
        count += comments_in(text, reader.at, start).count();
        reader.at = reader.at.max(end);
    }
    count + comments_in(text, reader.at, text.len()).count()
}

/// The comments of a part of a text without scalars.
fn comments_in(text: &str, from: usize, to: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let start = at + text.get(at..to)?.find('#')?;
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        at = end;
        Some((start, text[start..end].trim_end()))
    })
}

/// What the parser tells, with byte positions.
enum Token {
    Scalar { text: String, style: Style, end: usize },
    Begin { is_map: bool },
    End,
}

/// A comment whose place is not decided yet.
struct Pending {
    /// None behind a dash, which no collection before it can claim.
    column: Option<usize>,
    comment: Comment,
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<(Token, usize)>,
    next: usize,
    /// The byte after the last token.
    at: usize,
    pending: Vec<Pending>,
    /// The comment behind the bracket that was read last.
    head: Option<String>,
    before_root: Vec<Comment>,
    root_beside: Option<String>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            tokens: tokens(text),
            next: 0,
            at: 0,
            pending: Vec::new(),
            head: None,
            before_root: Vec::new(),
            root_beside: None,
        }
    }

    fn root(&mut self) -> Node {
        let Some((token, start)) = self.tokens.first() else { return Node::default() };
        let is_block = matches!(token, Token::Begin { .. }) && !self.is_bracket(*start);
        if !is_block {
            let start = self.start_of_next();
            self.collect_comments(start);
            self.before_root = self.take_pending();
        }
        let value = self.node(false, None);
        if !is_block && !value.is_nothing() {
            self.root_beside = self.beside();
        }
        value
    }

    fn is_bracket(&self, at: usize) -> bool {
        self.text[at..].starts_with(['{', '[', '}', ']'])
    }

    /// Where `|` or `>` of the block scalar stands that comes next.
    fn header(&self, from: usize) -> usize {
        let mut at = from;
        while let Some(offset) = self.text[at..].find(['|', '>', '#']) {
            at += offset;
            if !self.text[at..].starts_with('#') {
                return at;
            }
            at += self.text[at..].find('\n').unwrap_or(self.text.len() - at);
        }
        self.text.len()
    }

    /// Where the next token begins, ends of blocks left out.
    fn start_of_next(&self) -> usize {
        for (token, start) in &self.tokens[self.next.min(self.tokens.len())..] {
            match token {
                Token::Scalar { style: Style::Literal | Style::Folded, .. } => {
                    return self.header(self.at);
                }
                Token::End if !self.is_bracket_end(*start) => {}
                Token::Scalar { .. } | Token::Begin { .. } | Token::End => return *start,
            }
        }
        self.text.len()
    }

    fn is_bracket_end(&self, at: usize) -> bool {
        self.text[at..].starts_with(['}', ']'])
    }

    /// Puts the comments before a place among those to be claimed.
    fn collect_comments(&mut self, to: usize) {
        let text = self.text;
        let mut end = self.at;
        for (start, comment) in comments_in(text, self.at, to) {
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let comment = Comment { text: comment.to_owned(), is_parted: self.is_parted(start) };
            let is_first = text[line..start].trim().is_empty();
            self.pending.push(Pending { column: is_first.then_some(start - line), comment });
            end = start + text[start..].find('\n').unwrap_or(text.len() - start);
        }
        self.at = self.at.max(end).max(to);
    }

    fn take_pending(&mut self) -> Vec<Comment> {
        self.pending.drain(..).map(|pending| pending.comment).collect()
    }

    /// The comments at the front that are indented at least so far.
    fn claim(&mut self, column: usize) -> Vec<Comment> {
        let is_claimed = |pending: &&Pending| pending.column.is_some_and(|at| at >= column);
        let n_claimed = self.pending.iter().take_while(is_claimed).count();
        self.pending.drain(..n_claimed).map(|pending| pending.comment).collect()
    }

    /// Whether what begins here is the first on its line, and the line before is blank.
    fn is_parted(&self, at: usize) -> bool {
        let Some(line) = self.text[..at].rfind('\n') else { return false };
        let before = &self.text[..line];
        let previous = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
        self.text[line + 1..at].chars().all(|c| " \t-?".contains(c)) && previous.trim().is_empty()
    }

    /// The end of a block scalar's header and the comment on it.
    fn rest_of_line(&self, from: usize) -> (usize, Option<&'t str>) {
        let end = self.text[from..].find('\n').map_or(self.text.len(), |length| from + length);
        let comment = self.text[from..end].find('#').map(|at| self.text[from + at..end].trim_end());
        (end, comment)
    }

    /// The comment on the line of the last token.
    fn beside(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        let gap = rest.len() - rest.trim_start_matches([' ', '\t', ',', ':']).len();
        if !rest[gap..].starts_with('#') {
            return None;
        }
        let (end, comment) = self.rest_of_line(self.at + gap);
        self.at = end;
        comment.map(str::to_owned)
    }

    /// The value that comes next; `outer` is the column of the map whose field it is.
    fn node(&mut self, in_brackets: bool, outer: Option<usize>) -> Node {
        let Some((token, start)) = self.tokens.get(self.next) else { return Node::default() };
        let start = *start;
        match token {
            Token::Begin { is_map } => {
                let is_map = *is_map;
                self.next += 1;
                let collection = self.collection(start, is_map, in_brackets, outer);
                if is_map { Node::Map(collection) } else { Node::List(collection) }
            }
            Token::Scalar { .. } => Node::Scalar(self.scalar(start)),
            Token::End => Node::default(),
        }
    }

    fn scalar(&mut self, start: usize) -> Scalar {
        self.next += 1;
        let Some((Token::Scalar { text, style, end }, _)) = self.tokens.get(self.next - 1) else {
            return Scalar::default();
        };
        let (text, style, end) = (text.clone(), *style, *end);
        if let Style::Literal | Style::Folded = style {
            let header = self.header(self.at);
            let (line, comment) = self.rest_of_line(header);
            self.head = self.head.take().or(comment.map(str::to_owned));
            let end = end.max(line);
            let raw = self.text[line..end].strip_prefix('\n').unwrap_or_default();
            // The first line tells the indentation, so the raw text begins with the header.
            let header = self.text[header..line].split(['#', ' ', '\t']).next().unwrap_or_default();
            self.at = line + self.text[line..end].trim_end().len();
            return Scalar { text, style, raw: format!("{header}\n{raw}") };
        }
        // The place of a nothing can be behind the comments that belong to it.
        if end > start {
            self.at = self.at.max(end);
        }
        Scalar { raw: self.text[start..end].to_owned(), text, style }
    }

    fn collection(
        &mut self,
        start: usize,
        is_map: bool,
        inside: bool,
        outer: Option<usize>,
    ) -> Collection {
        let has_bracket = self.text[start..].starts_with(['{', '[']);
        let in_brackets = has_bracket || inside;
        if has_bracket {
            self.at = start + 1;
            self.head = self.beside();
        }
        let head = self.head.take();
        let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let column = start - line;
        let mut collection = Collection { in_brackets, ..Collection::default() };
        while !matches!(self.tokens.get(self.next), None | Some((Token::End, _))) {
            let entry =
                if is_map { self.field(in_brackets, column) } else { self.item(in_brackets) };
            collection.entries.push(entry);
        }
        let end = self.tokens.get(self.next).map_or(self.text.len(), |(_, end)| *end);
        self.next += 1;
        if has_bracket {
            self.collect_comments(end);
            collection.end = self.take_pending();
            self.at = end + 1;
        } else if !inside {
            let next = self.start_of_next();
            self.collect_comments(next);
            // At the column of the map around it, a list cannot claim what may be the map's.
            collection.end = self.claim(column + usize::from(outer == Some(column)));
        }
        self.head = head;
        collection
    }

    fn item(&mut self, in_brackets: bool) -> Entry {
        let (is_parted, above) = self.before();
        let value = self.node(in_brackets, None);
        let head = self.head.take();
        let beside = if is_open(&value) { None } else { self.beside() };
        Entry { above, is_parted, head, value, beside, ..Entry::default() }
    }

    /// The comments over an entry that begins with the next token.
    fn before(&mut self) -> (bool, Vec<Comment>) {
        if let Some((Token::Begin { .. }, start)) = self.tokens.get(self.next)
            && !self.is_bracket(*start)
        {
            // A block's first entry has the comments; a dash takes them over.
            return (self.is_parted(*start), Vec::new());
        }
        let start = self.start_of_next();
        self.collect_comments(start);
        (self.is_parted(start), self.take_pending())
    }

    fn field(&mut self, in_brackets: bool, column: usize) -> Entry {
        let (is_parted, above) = self.before();
        let start = self.tokens.get(self.next).map_or(self.text.len(), |(_, start)| *start);
        let key = self.scalar(start);
        let head_of_key = self.head.take();
        let mut entry = Entry {
            above,
            is_parted,
            key: Some(scalar::key(&key.text, key.style, &key.raw)),
            head: head_of_key.or_else(|| self.beside()),
            ..Entry::default()
        };
        entry.between = self.before_value();
        entry.value = self.node(in_brackets, Some(column));
        let more = self.head.take();
        if entry.head.is_none() {
            entry.head = more;
        } else if let Some(text) = more {
            entry.between.push(Comment { text, is_parted: false });
        }
        if entry.value.is_nothing() {
            entry.beside = entry.head.take().or_else(|| self.beside());
            if !in_brackets {
                let next = self.start_of_next();
                self.collect_comments(next);
                entry.inside = self.claim(column + 1);
            }
        } else if !is_open(&entry.value) {
            entry.beside = self.beside();
        }
        entry
    }

    /// The comments between a key and its value; those before a block are its first entry's.
    fn before_value(&mut self) -> Vec<Comment> {
        match self.tokens.get(self.next) {
            Some((Token::Scalar { text, style: Style::Plain, .. }, _)) if text.is_empty() => {
                Vec::new()
            }
            _ => self.before().1,
        }
    }
}

/// Whether a value ends with its entries rather than with a token of its own.
fn is_open(value: &Node) -> bool {
    match value {
        Node::Scalar(scalar) => matches!(scalar.style, Style::Literal | Style::Folded),
        Node::List(collection) | Node::Map(collection) => !collection.in_brackets,
    }
}

fn tokens(text: &str) -> Vec<(Token, usize)> {
    let offsets = Offsets::new(text);
    let mut tokens = Vec::new();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        let (start, end) = (offsets.byte(span.start.index()), offsets.byte(span.end.index()));
        let token = match event {
            Event::Scalar(value, style, ..) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                let mut value = value.into_owned();
                let end = match style {
                    // The span of a plain nothing can reach over what follows it.
                    Style::Plain if value.is_empty() => start,
                    Style::Plain => start + text[start..end].trim_end().len(),
                    Style::Single | Style::Double => closing_quote(text, start),
                    Style::Literal | Style::Folded => {
                        // A last line without its end has none in the decoded value either.
                        if end == text.len() && !text.ends_with(['\n', ' ']) {
                            value.truncate(value.trim_end_matches('\n').len());
                        }
                        end
                    }
                };
                Token::Scalar { text: value, style, end }
            }
            Event::SequenceStart(..) => Token::Begin { is_map: false },
            Event::MappingStart(..) => Token::Begin { is_map: true },
            Event::SequenceEnd | Event::MappingEnd => Token::End,
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_) => continue,
        };
        tokens.push((token, start));
    }
    tokens
}

/// The byte after the quotes that begin at a place: the parser's span can reach further.
fn closing_quote(text: &str, start: usize) -> usize {
    let quote = text.as_bytes()[start];
    let mut rest = text.bytes().enumerate().skip(start + 1).peekable();
    while let Some((at, byte)) = rest.next() {
        if byte == b'\\' && quote == b'"' {
            rest.next();
        } else if byte == quote {
            if quote == b'\'' && rest.next_if(|(_, next)| *next == quote).is_some() {
                continue;
            }
            return at + 1;
        }
    }
    text.len()
}
