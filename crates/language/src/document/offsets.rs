//! Parser positions count characters; everything else here counts bytes.

/// Turns the one into the other for one text.
pub(super) struct Offsets {
    /// Byte offset of each character; empty for ASCII text, where both are the same.
    offsets: Vec<usize>,
    length: usize,
}

impl Offsets {
    /// The offsets of a text.
    pub(super) fn new(text: &str) -> Self {
        let offsets = match text.is_ascii() {
            true => Vec::new(),
            false => text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
        };
        Self { offsets, length: text.len() }
    }

    /// The byte at which a character begins; the end of the text for those after it.
    pub(super) fn byte(&self, character: usize) -> usize {
        match self.offsets.get(character) {
            Some(offset) => *offset,
            None if self.offsets.is_empty() => character.min(self.length),
            None => self.length,
        }
    }
}
