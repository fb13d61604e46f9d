//! The master key: where it comes from, and the name that records carry of it.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::KeyInit as _;
use chacha20poly1305::{Key, XChaCha20Poly1305};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Error;
use crate::secret::Secret;

const KEY_BYTES: usize = 32;

/// The key that seals the vault. It has no text form and is zeroed when dropped.
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl MasterKey {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"linchpin vault key id\0");
        hash.update(bytes);
        Self { bytes: Zeroizing::new(bytes), id: hex::encode(&hash.finalize()[..6]) }
    }

    /// A new random key.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
        Ok(Self::from_bytes(bytes))
    }

    /// Reads the key from a file that only its owner can read, or makes such a file with a new key.
    /// Keep it outside the store and out of the store's backups.
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        let failed =
            |action| move |source| Error::KeyFile { action, path: path.to_owned(), source };
        if path.try_exists().map_err(failed("read"))? {
            return Self::load(path);
        }
        let key = Self::generate()?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
        }
        match key.write(path) {
            // Another process was faster: its key is the key.
            Err(Error::KeyFile { source, .. })
                if source.kind() == std::io::ErrorKind::AlreadyExists =>
            {
                Self::load(path)
            }
            written => written.map(|()| key),
        }
    }

    /// Writes it to a new file that only its owner can read, down to the disk, all or nothing: a
    /// process that ends meanwhile leaves no file of that name.
    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let failed =
            |action| move |source| Error::KeyFile { action, path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        // A process with this id may have left one.
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let unfinished = path.with_added_extension(format!("new-{}", std::process::id()));
        let mut file = options.open(&unfinished).map_err(failed("create"))?;
        let mut text = Zeroizing::new(hex::encode(*self.bytes));
        text.push('\n');
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        // Unlike a rename, this takes the place of no other file.
        let placed = written.and_then(|()| std::fs::hard_link(&unfinished, path));
        let removed = std::fs::remove_file(&unfinished);
        let named = placed.and(removed).and_then(|()| super::sync_folder(path));
        named.map_err(failed("write"))
    }

    /// Reads the key that a command prints, in hex or base64.
    pub async fn from_command(command: &[String]) -> Result<Self, Error> {
        let name = command.first().cloned().unwrap_or_default();
        let failed = |detail: String| Error::KeyCommand { command: name.clone(), detail };
        let printed = Secret::from_command(command).await.map_err(failed)?;
        Self::from_text(printed.expose())
            .ok_or(Error::NoKey { from: format!("the command {name}") })
    }

    /// The id that records carry; it says nothing about the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn load(path: &Path) -> Result<Self, Error> {
        let failed =
            |action| move |source| Error::KeyFile { action, path: path.to_owned(), source };
        let mut file = std::fs::File::open(path).map_err(failed("read"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = file.metadata().map_err(failed("read"))?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(Error::KeyExposed { path: path.to_owned(), mode });
            }
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed("read"))?;
        Self::from_text(&text).ok_or_else(|| Error::NoKey { from: path.display().to_string() })
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let decoded = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
        let decoded = Zeroizing::new(decoded);
        <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).ok().map(Self::from_bytes)
    }

    pub(super) fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(self.bytes.as_slice()))
    }
}
