//! Turns embedded folders into spokes, by the same reader that a user's own folder goes through.

use std::sync::Arc;

use include_dir::Dir;
use linchpin_connector::{CodeAction, Diagnostic, Spoke};

/// A spoke's folder and the actions that its manifest hands to Rust.
pub(crate) type Folder<'a> = (&'a Dir<'a>, &'a [(&'a str, CodeAction)]);

/// Reads the files of one folder.
type Reader = fn(&[(String, String)], &[(&str, CodeAction)]) -> Result<Spoke, Vec<Diagnostic>>;

/// Loads every folder; the mistakes of all of them come together.
pub(crate) fn load(
    folders: &[Folder<'_>],
    read: Reader,
) -> Result<Vec<Arc<Spoke>>, Vec<Diagnostic>> {
    let mut spokes = Vec::new();
    let mut mistakes = Vec::new();
    for (folder, code) in folders {
        match read(&files(folder), code) {
            Ok(spoke) => spokes.push(Arc::new(spoke)),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(spokes) } else { Err(mistakes) }
}

/// The folder's files as relative path and text, ordered by path.
fn files(folder: &Dir<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(next) = open.pop() {
        open.extend(next.dirs());
        found.extend(next.files().filter_map(|file| {
            Some((file.path().to_str()?.to_owned(), file.contents_utf8()?.to_owned()))
        }));
    }
    found.sort();
    found
}
