//! The bundled spokes, a folder each, embedded in the binary.
//!
//! A spoke is data: `<spoke>/spoke.yaml`, one file per action under `actions/`, and a set-up guide.
//! Adding an action is adding its file. What cannot be said as data is a module here, named by `code:`.
//! This crate sees the connector API only: never flows, runs or the journal, and no spoke sees another.

mod embedded;
mod files;
mod folder;
mod http;
mod notify;

use std::sync::{Arc, OnceLock};

use include_dir::include_dir;
use linchpin_connector::{Diagnostic, Spoke};

use embedded::Folder;

/// Every bundled spoke, by name; or everything that is wrong with their files.
pub fn bundled() -> Result<Vec<Arc<Spoke>>, Vec<Diagnostic>> {
    embedded::load(FOLDERS, Spoke::load)
}

/// The same, with the file of each action read when it is asked for: a command needs a few of
/// them, and that they have no mistakes was seen when they were tested. They are read once for the
/// process, which asks for them with each start of a run.
pub fn on_demand() -> Result<Vec<Arc<Spoke>>, Vec<Diagnostic>> {
    static READ: OnceLock<Result<Vec<Arc<Spoke>>, Vec<Diagnostic>>> = OnceLock::new();
    READ.get_or_init(|| embedded::load(FOLDERS, Spoke::load_on_demand)).clone()
}

const FOLDERS: &[Folder<'static>] = &[
    (&include_dir!("$CARGO_MANIFEST_DIR/core"), &[]),
    (&include_dir!("$CARGO_MANIFEST_DIR/files"), files::ACTIONS),
    (&include_dir!("$CARGO_MANIFEST_DIR/http"), http::ACTIONS),
    (&include_dir!("$CARGO_MANIFEST_DIR/litmos"), &[]),
    (&include_dir!("$CARGO_MANIFEST_DIR/notify"), notify::ACTIONS),
    (&include_dir!("$CARGO_MANIFEST_DIR/servicenow"), &[]),
    (&include_dir!("$CARGO_MANIFEST_DIR/sumtotal"), &[]),
];
