//! Credentials at rest: each secret sealed on its own, under a key that is kept outside the store.
//!
//! XChaCha20-Poly1305 with a random nonce; alias and field are associated data, so a sealed secret moved
//! to another place in the store does not open there. Each record names its key by id. What one
//! environment keeps is not seen by another: a test never asks with a secret of production.

mod key;
mod place;
mod rotation;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use linchpin_engine::store::{Error as StoreError, Expect, Records};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use key::MasterKey;
pub use place::KeyPlace;
pub use rotation::{Rotated, VaultStatus};

use crate::secret::Secret;

const COLLECTION: &str = "vault";
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
    /// The key file is gone, and secrets are sealed with it.
    #[error(
        "the vault key {0} is gone, and what the vault keeps is sealed with it: put your copy of \
         it back; if there is none, `(umask 077; openssl rand -hex 32 > {0})` makes a new one, and \
         each connection is configured again", path.display()
    )]
    KeyLost {
        /// The file.
        path: PathBuf,
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
        "{field} of connection {alias} was stored under vault key {found}, and the present key is \
         {present}: put the other one back (`linchpin vault status` says where), or configure the \
         connection again"
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
    /// The unit has no such credential, or this is no unit.
    #[error(
        "there is no systemd credential {name} here: the unit needs LoadCredential={name}:PATH, and other \
         commands reach the vault through the daemon while it runs"
    )]
    NoCredential {
        /// Its name.
        name: String,
    },
    /// The key is not in a file of ours, so another one is put there by whoever keeps it.
    #[error(
        "the vault key comes from {place} and is replaced there: name the place of the old key as \
         `vault: {{ before: ... }}` in linchpin.yaml, then run this again"
    )]
    NotOurs {
        /// Where it comes from.
        place: String,
    },
    /// No randomness to be had.
    #[error("the system gives no random numbers")]
    Random,
    /// The store refused.
    #[error("the vault's store refused")]
    Store(#[from] StoreError),
}

/// The secrets of connections, sealed in a store's records.
pub struct Vault {
    records: Arc<dyn Records>,
    keys: RwLock<Keys>,
    /// Where the key is kept; only one in a file is replaced here.
    place: Option<KeyPlace>,
    /// Where the key was kept before, and the id of that key.
    before: Option<(KeyPlace, String)>,
    /// Held alone while the key is being replaced, and with others while a secret is being put: one
    /// that was sealed under the old key is in the store before it is sealed anew.
    sealing: tokio::sync::RwLock<()>,
    /// Whose secrets are seen; none is the one without a name.
    environment: Option<String>,
}

/// The key that seals, and others that still open.
#[derive(Clone)]
struct Keys {
    current: Arc<MasterKey>,
    others: Vec<Arc<MasterKey>>,
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
        let keys = RwLock::new(Keys { current: Arc::new(key), others: Vec::new() });
        let sealing = tokio::sync::RwLock::default();
        Self { records, keys, place: None, before: None, sealing, environment: None }
    }

    /// The same vault for the connections of an environment.
    #[must_use]
    pub fn of_environment(self, environment: Option<String>) -> Self {
        Self { environment, ..self }
    }

    /// What a command is given to look into the same vault: nothing, or ` --environment NAME`.
    pub(crate) fn option(&self) -> String {
        self.environment.as_ref().map_or_else(String::new, |name| format!(" --environment {name}"))
    }

    /// The name under which an alias is kept; `@` is in no alias.
    fn holder(&self, alias: &str) -> String {
        match &self.environment {
            Some(name) => format!("{alias}@{name}"),
            None => alias.to_owned(),
        }
    }

    /// Stores a secret in place of any earlier one. After `Ok` it is on disk.
    pub async fn put(&self, alias: &str, field: &str, secret: &Secret) -> Result<(), Error> {
        let holder = self.holder(alias);
        let place = place(&holder, field)?;
        let _sealing = self.sealing.read().await;
        let key = self.keys().current;
        let bytes = seal(&key, &holder, field, secret)?;
        self.records.put(COLLECTION, &place, bytes, Expect::Anything).await?;
        Ok(())
    }

    /// The secret in a place, if there is one.
    pub async fn get(&self, alias: &str, field: &str) -> Result<Option<Secret>, Error> {
        let holder = self.holder(alias);
        let place = place(&holder, field)?;
        let Some(record) = self.records.get(COLLECTION, &place).await? else { return Ok(None) };
        self.open(&holder, field, &record.value).map(Some)
    }

    /// Deletes a secret; nothing happens when there is none.
    pub async fn delete(&self, alias: &str, field: &str) -> Result<(), Error> {
        let place = place(&self.holder(alias), field)?;
        Ok(self.records.delete(COLLECTION, &place, Expect::Anything).await?)
    }

    /// The fields of an alias that have a secret, in order.
    pub async fn list(&self, alias: &str) -> Result<Vec<String>, Error> {
        let prefix = place(&self.holder(alias), "?")?.trim_end_matches('?').to_owned();
        let records = self.records.list(COLLECTION, &prefix, None, 1000).await?;
        Ok(records.iter().map(|record| record.key[prefix.len()..].to_owned()).collect())
    }

    /// The aliases that have something here, in order.
    pub async fn aliases(&self) -> Result<Vec<String>, Error> {
        let holders = self.status().await?.aliases.into_keys();
        let own = |holder: String| match (holder.split_once('@'), &self.environment) {
            (Some((alias, theirs)), Some(ours)) if theirs == ours => Some(alias.to_owned()),
            (None, None) => Some(holder),
            _ => None,
        };
        Ok(holders.filter_map(own).collect())
    }

    fn keys(&self) -> Keys {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self, alias: &str, field: &str, bytes: &[u8]) -> Result<Secret, Error> {
        let damaged = || Error::Damaged { alias: alias.into(), field: field.into() };
        let sealed: Sealed = serde_json::from_slice(bytes).map_err(|_| damaged())?;
        let keys = self.keys();
        let Some(key) = keys.find(&sealed.key) else {
            return Err(Error::OtherKey {
                alias: alias.into(),
                field: field.into(),
                found: sealed.key,
                present: keys.current.id().to_owned(),
            });
        };
        let nonce = STANDARD.decode(sealed.nonce).map_err(|_| damaged())?;
        let text = STANDARD.decode(sealed.text).map_err(|_| damaged())?;
        if nonce.len() != NONCE_BYTES {
            return Err(damaged());
        }
        let payload = Payload { msg: &text, aad: &associated(alias, field) };
        let opened = key.cipher().decrypt(XNonce::from_slice(&nonce), payload);
        let opened = Zeroizing::new(opened.map_err(|_| damaged())?);
        Secret::from_bytes(&opened).ok_or_else(damaged)
    }
}

impl Keys {
    fn find(&self, id: &str) -> Option<&Arc<MasterKey>> {
        std::iter::once(&self.current).chain(&self.others).find(|key| key.id() == id)
    }
}

/// The record of a secret, sealed under a key.
fn seal(key: &MasterKey, alias: &str, field: &str, secret: &Secret) -> Result<Vec<u8>, Error> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| Error::Random)?;
    let aad = associated(alias, field);
    let payload = Payload { msg: secret.expose().as_bytes(), aad: &aad };
    let text = key.cipher().encrypt(XNonce::from_slice(&nonce), payload);
    let text = text.map_err(|_| Error::Damaged { alias: alias.into(), field: field.into() })?;
    let (key, nonce) = (key.id().to_owned(), STANDARD.encode(nonce));
    let sealed = Sealed { key, nonce, text: STANDARD.encode(text) };
    Ok(serde_json::to_vec(&sealed).unwrap_or_default())
}

/// The name of a file survives a loss of power.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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
