//! Where a cursor stands in a file, found from the text alone, so that half a line is enough.
//!
//! The text is read up to the cursor the way YAML reads it, but nothing is ever wrong: what cannot
//! be read is passed over. Anchors, tags and texts over several lines without a mark are not known.

mod scan;

use linchpin_language::Span;

use scan::Scan;

/// Where a cursor stands.
#[derive(Debug, PartialEq)]
pub(super) struct Place {
    /// The maps and lists around it, outermost first.
    pub(super) frames: Vec<Frame>,
    /// What it stands in.
    pub(super) position: Position,
}

/// A map or a list around a cursor.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// A map.
    Map {
        /// Its keys, as far as they can be seen, each with its text where that is on its line.
        keys: Vec<(String, String)>,
        /// The key whose value the cursor is in; none where it is in a key.
        at: Option<String>,
    },
    /// A list.
    List {
        /// Which item the cursor is in.
        index: usize,
    },
}

/// What a cursor stands in.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) enum Position {
    /// A key, or an item of a list, of which so much is written.
    Key(Span),
    /// A value: what is written of it before the cursor, without its quote.
    Value {
        /// Where that stands.
        written: Span,
        /// Whether it is in quotes.
        quoted: bool,
    },
    /// Nowhere: in a comment.
    Nowhere,
}

impl Frame {
    /// The text of a key of a map.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self {
            Self::Map { keys, .. } => {
                keys.iter().find(|(name, _)| name == key).map(|(_, text)| text.as_str())
            }
            Self::List { .. } => None,
        }
    }

    /// Whether a map has a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.text(key).is_some()
    }
}

impl Place {
    /// The place of a cursor.
    pub(super) fn of(text: &str, cursor: usize) -> Self {
        let mut scan = Scan::new(text, cursor);
        let position = scan.run();
        scan.look_ahead();
        Self { frames: scan.into_frames(), position }
    }

    /// The innermost map or list.
    pub(super) fn inner(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// JSON pointers to the values around the cursor, outermost first.
    pub(super) fn pointers(&self) -> Vec<String> {
        let mut pointer = String::new();
        let mut all = Vec::new();
        for frame in &self.frames {
            match frame {
                Frame::Map { at: Some(key), .. } => pointer = format!("{pointer}/{key}"),
                Frame::Map { at: None, .. } => break,
                Frame::List { index } => pointer = format!("{pointer}/{index}"),
            }
            all.push(pointer.clone());
        }
        all
    }

    /// The keys on the way to the cursor, outermost first.
    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.frames.iter().filter_map(|frame| match frame {
            Frame::Map { at, .. } => at.as_deref(),
            Frame::List { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests;
