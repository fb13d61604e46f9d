//! Credentials at rest: each secret sealed on its own, under a key that is kept outside the store.
//!
//! XChaCha20-Poly1305 with a random nonce; alias and field are associated data, so a sealed secret moved
//! to another place in the store does not open there. Each record names its key by id.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use linchpin_engine::store::{Error as StoreError, Expect, Records};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::secret::Secret;

const COLLECTION: &str = "vault";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Why the vault or its key refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file cannot be read or made.
    #[error("cannot {action} the vault key {}", path.display())]
    KeyFile {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// Others than the owner can read the key file.
    #[error("the vault key {} can be read by others (mode {mode:o}); make it 0600", path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What was given is no key.
    #[error("{from} holds no vault key: 32 bytes in hex or base64 are expected")]
    NoKey {
        /// The file or command.
        from: String,
    },
    /// The key command could not be run or failed.
    #[error("the vault key command {command} failed: {detail}")]
    KeyCommand {
        /// The program.
        command: String,
        /// What happened.
        detail: String,
    },
    /// The record was sealed under another key.
    #[error(
        "{field} of connection {alias} was stored under vault key {found}, the present key is {present}"
    )]
    OtherKey {
        /// The alias.
        alias: String,
        /// The field.
        field: String,
        /// The id of the key that the record names.
        found: String,
        /// The id of the key in use.
        present: String,
    },
    /// The record does not open: changed, or put in another place.
    #[error(
        "{field} of connection {alias} cannot be opened: its record in the vault was changed or moved; store it again"
    )]
    Damaged {
        /// The alias.
        alias: String,
        /// The field.
        field: String,
    },
    /// An alias or field that cannot be a key.
    #[error("{name:?} cannot name a secret: it is empty or holds \"/\"")]
    Name {
        /// The alias or field.
        name: String,
    },
    /// No randomness to be had.
    #[error("the system gives no random numbers")]
    Random,
    /// The store refused.
    #[error("the vault's store refused")]
    Store(#[from] StoreError),
}

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
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = match options.open(path) {
            // Another process was faster: its key is the key.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Self::load(path);
            }
            opened => opened.map_err(failed("create"))?,
        };
        let mut text = Zeroizing::new(hex::encode(*key.bytes));
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed("write"))?;
        Ok(key)
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

    fn load(path: &Path) -> Result<Self, Error> {
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

    fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let decoded = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok())?;
        let decoded = Zeroizing::new(decoded);
        <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).ok().map(Self::from_bytes)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(Key::from_slice(self.bytes.as_slice()))
    }
}

/// The secrets of connections, sealed in a store's records.
pub struct Vault {
    records: Arc<dyn Records>,
    key: MasterKey,
}

/// A secret as it is stored.
#[derive(Serialize, Deserialize)]
struct Sealed {
    key: String,
    nonce: String,
    text: String,
}

impl Vault {
    /// A vault over these records, under this key.
    pub fn new(records: Arc<dyn Records>, key: MasterKey) -> Self {
        Self { records, key }
    }

    /// Stores a secret in place of any earlier one. After `Ok` it is on disk.
    pub async fn put(&self, alias: &str, field: &str, secret: &Secret) -> Result<(), Error> {
        let place = place(alias, field)?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| Error::Random)?;
        let aad = associated(alias, field);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
        let text = self
            .key
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::Damaged { alias: alias.into(), field: field.into() })?;
        let sealed = Sealed {
            key: self.key.id.clone(),
            nonce: STANDARD.encode(nonce),
            text: STANDARD.encode(text),
        };
        let bytes = serde_json::to_vec(&sealed).unwrap_or_default();
        self.records.put(COLLECTION, &place, bytes, Expect::Anything).await?;
        Ok(())
    }

    /// The secret in a place, if there is one.
    pub async fn get(&self, alias: &str, field: &str) -> Result<Option<Secret>, Error> {
        let place = place(alias, field)?;
        let Some(record) = self.records.get(COLLECTION, &place).await? else { return Ok(None) };
        self.open(alias, field, &record.value).map(Some)
    }

    /// Deletes a secret; nothing happens when there is none.
    pub async fn delete(&self, alias: &str, field: &str) -> Result<(), Error> {
        let place = place(alias, field)?;
        Ok(self.records.delete(COLLECTION, &place, Expect::Anything).await?)
    }

    /// The fields of an alias that have a secret, in order.
    pub async fn list(&self, alias: &str) -> Result<Vec<String>, Error> {
        let prefix = place(alias, "?")?.trim_end_matches('?').to_owned();
        let records = self.records.list(COLLECTION, &prefix, None, 1000).await?;
        Ok(records.iter().map(|record| record.key[prefix.len()..].to_owned()).collect())
    }

    fn open(&self, alias: &str, field: &str, bytes: &[u8]) -> Result<Secret, Error> {
        let damaged = || Error::Damaged { alias: alias.into(), field: field.into() };
        let sealed: Sealed = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        if sealed.key != self.key.id {
            return Err(Error::OtherKey {
                alias: alias.into(),
                field: field.into(),
                found: sealed.key,
                present: self.key.id.clone(),
            });
        }
        let nonce = STANDARD.decode(sealed.nonce).map_err(|_| damaged())?;
        let text = STANDARD.decode(sealed.text).map_err(|_| damaged())?;
        if nonce.len() != NONCE_BYTES {
            return Err(damaged());
        }
        let payload = Payload { msg: &text, aad: &associated(alias, field) };
        let opened = self.key.cipher().decrypt(XNonce::from_slice(&nonce), payload);
        let opened = Zeroizing::new(opened.map_err(|_| damaged())?);
        Secret::from_bytes(&opened).ok_or_else(damaged)
    }
}

fn place(alias: &str, field: &str) -> Result<String, Error> {
    for name in [alias, field] {
        if name.is_empty() || name.contains('/') {
            return Err(Error::Name { name: name.to_owned() });
        }
    }
    Ok(format!("{alias}/{field}"))
}

/// Neither name can hold a `/`, so two different places never give the same bytes.
fn associated(alias: &str, field: &str) -> Vec<u8> {
    format!("linchpin vault 1/{alias}/{field}").into_bytes()
}
