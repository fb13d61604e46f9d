//! A change of one file of a store, chosen by chance that a seed repeats.

use std::fs;
use std::path::{Path, PathBuf};

/// Numbers that look random and are the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

/// What is done to a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The file is gone.
    Missing,
    /// It ends here.
    Cut(usize),
    /// One bit is another.
    Flipped(usize, u8),
    /// Some bytes are zero, as of a block that was never written.
    Zeroed(usize, usize),
    /// A block holds what another one held.
    Copied { from: usize, to: usize, length: usize },
}

/// A change of one file.
#[derive(Clone, Debug)]
pub(super) struct Mutation {
    file: PathBuf,
    change: Change,
}

impl Mutation {
    /// Chooses a file of a store and what is done to it: mostly to the large ones.
    pub(super) fn choose(chance: &mut Chance, store: &Path) -> Self {
        let mut files = super::content(store);
        files.sort_by_key(|file| std::cmp::Reverse(length(file)));
        let at = match chance.below(10) {
            0..6 => 0,
            6..8 => 1.min(files.len() - 1),
            _ => chance.below(files.len()),
        };
        let file = files.swap_remove(at);
        let used = used(&file);
        let place = chance.below(used);
        let block = 512 << chance.below(4);
        let change = match chance.below(20) {
            0 => Change::Missing,
            1..5 => Change::Cut(place),
            5..14 => Change::Flipped(place, chance.below(8) as u8),
            14..17 => Change::Zeroed(place, 1 + chance.below(block)),
            _ => Change::Copied {
                from: chance.below(used) / block * block,
                to: place / block * block,
                length: block,
            },
        };
        let file = file.strip_prefix(store).expect("a file of the store").to_owned();
        Self { file, change }
    }

    /// Copies a store with this change.
    pub(super) fn copy(&self, from: &Path, to: &Path) {
        for path in files(from) {
            let name = path.strip_prefix(from).expect("a file of the store");
            let mut bytes = fs::read(&path).expect("the file can be read");
            if name == self.file {
                match self.change {
                    Change::Missing => continue,
                    Change::Cut(place) => bytes.truncate(place),
                    Change::Flipped(place, bit) => {
                        if let Some(byte) = bytes.get_mut(place) {
                            *byte ^= 1 << bit;
                        }
                    }
                    Change::Zeroed(place, length) => {
                        let end = (place + length).min(bytes.len());
                        bytes[place.min(end)..end].fill(0);
                    }
                    Change::Copied { from, to, length } => {
                        let length = length.min(bytes.len() - from.max(to).min(bytes.len()));
                        bytes.copy_within(from..from + length, to);
                    }
                }
            }
            let target = to.join(name);
            fs::create_dir_all(target.parent().expect("a folder")).expect("the folder is made");
            fs::write(target, bytes).expect("the file is written");
        }
    }
}

/// All files below a folder, in order.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// How much of a file is not the zeros at its end.
fn used(file: &Path) -> usize {
    let bytes = fs::read(file).unwrap_or_default();
    bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1)
}
