//! The texts that are open in the editor, and what kind of file each is.

use std::path::{Path, PathBuf};

use linchpin_engine::check::Draft;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::projects::Folder;
use super::text::Lines;
use crate::project;

/// A text that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) lines: Lines,
    /// The text as a flow, as far as it is one.
    pub(super) draft: Draft,
    pub(super) version: Option<i64>,
    /// The text when it could be read the last time.
    pub(super) good: Option<String>,
    /// Where it is, if it is a file.
    pub(super) path: Option<PathBuf>,
}

/// What kind of file a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Flow,
    Connections,
    Settings,
    /// Nothing of ours.
    Other,
}

impl Open {
    pub(super) fn new(uri: &str, text: String, version: Option<i64>) -> Self {
        let (path, lines) = (path(uri), Lines::of(text));
        let draft = Draft::read("", "");
        let mut open = Self { lines, draft, version, good: None, path };
        open.read();
        open
    }

    /// Reads the text after it has changed, and remembers it if it can be read.
    pub(super) fn read(&mut self) {
        self.draft = Draft::read(&self.name(), self.lines.text());
        if self.draft.is_yaml() {
            self.good = Some(self.lines.text().to_owned());
        }
    }

    /// What diagnostics call it.
    pub(super) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "untitled".to_owned(), |path| path.display().to_string())
    }

    /// What kind of file it is, by its name, its folder and its first key.
    pub(super) fn kind(&self, folder: &Folder) -> Kind {
        let name = self.path.as_ref().and_then(|path| path.file_name());
        let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name == project::FILE {
            return Kind::Settings;
        }
        if name.starts_with("connections.") {
            return Kind::Connections;
        }
        let is_below = self.path.as_ref().is_some_and(|path| folder.has_flow(path));
        let says_so = self.lines.text().lines().any(|line| line.starts_with("flow:"));
        if (is_below || says_so) && !name.contains(".test.") { Kind::Flow } else { Kind::Other }
    }
}

/// The file of an address.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://")?;
    // A host, if there is one, is this machine.
    let path = &path[path.find('/')?..];
    Some(PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.into_owned()))
}

/// What stands in the address of a file as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a file.
pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), PLAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_its_file_and_back() {
        let file = Path::new("/home/a b/ü.yaml");
        assert_eq!(uri(file), "file:///home/a%20b/%C3%BC.yaml");
        assert_eq!(path(&uri(file)).as_deref(), Some(file));
        assert_eq!(path("file://localhost/a").as_deref(), Some(Path::new("/a")));
        assert_eq!(path("untitled:1"), None);
    }
}
