//! Replacing the master key: every record is sealed anew, and a crash in between loses nothing.
//!
//! The new key is on disk, beside the old one, before the first record is sealed under it. Until the
//! new file takes the place of the old one both keys open, and beginning again finishes the work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use linchpin_engine::store::{Error as StoreError, Expect, Record, Records};
use serde::Serialize;

use super::{COLLECTION, Error, KeyPlace, Keys, MasterKey, Sealed, Vault, seal, sync_folder};

/// Records read at a time.
const PAGE: usize = 200;

/// What there is in a vault; nothing of what is secret in it.
#[derive(Clone, Debug, Serialize)]
pub struct VaultStatus {
    /// The id of the key that seals.
    pub key: String,
    /// Where that key is kept: `the file .linchpin/vault.key`, `the command pass`.
    pub key_place: String,
    /// Where the key was kept before, while its secrets are not sealed anew.
    pub before: Option<String>,
    /// Whether a new key waits beside it, because replacing it was interrupted.
    pub is_rotating: bool,
    /// How many secrets there are under each key, by its id.
    pub sealed: BTreeMap<String, u64>,
    /// How many secrets each alias has.
    pub aliases: BTreeMap<String, u64>,
    /// The secrets that do not open, as `alias/field`.
    pub broken: Vec<String>,
}

/// A key that was replaced.
#[derive(Clone, Debug, Serialize)]
pub struct Rotated {
    /// The id of the key before.
    pub before: String,
    /// The id of the key now.
    pub key: String,
    /// How many secrets were sealed anew.
    pub sealed: u64,
}

impl Vault {
    /// A vault whose key is in a file, made when there is none. An interrupted replacement of the
    /// key is taken up: both keys open.
    pub fn open_file(records: Arc<dyn Records>, key_file: &Path) -> Result<Self, Error> {
        let mut vault = Self::new(records, MasterKey::load_or_create(key_file)?);
        let waiting = beside(key_file);
        if waiting.exists() {
            let key = Arc::new(MasterKey::load(&waiting)?);
            vault.keys.get_mut().unwrap_or_else(PoisonError::into_inner).others.push(key);
        }
        vault.place = Some(KeyPlace::File(key_file.to_owned()));
        Ok(vault)
    }

    /// A vault whose key is kept somewhere, and was kept somewhere else before: both keys open.
    pub async fn open_at(
        records: Arc<dyn Records>,
        place: KeyPlace,
        before: Option<KeyPlace>,
    ) -> Result<Self, Error> {
        let mut vault = match &place {
            KeyPlace::File(path) => {
                // A new key in place of one that is lost would hide what has happened.
                if !path.exists() && !records.list(COLLECTION, "", None, 1).await?.is_empty() {
                    return Err(Error::KeyLost { path: path.clone() });
                }
                Self::open_file(records, path)?
            }
            KeyPlace::Credential(_) | KeyPlace::Command(_) => {
                Self { place: Some(place.clone()), ..Self::new(records, place.load().await?) }
            }
        };
        if let Some(before) = before {
            let old = before.load().await?;
            vault.before = Some((before, old.id().to_owned()));
            vault.keys.get_mut().unwrap_or_else(PoisonError::into_inner).others.push(old.into());
        }
        Ok(vault)
    }

    /// What there is.
    pub async fn status(&self) -> Result<VaultStatus, Error> {
        let (mut sealed, mut aliases) = (BTreeMap::new(), BTreeMap::new());
        let mut broken = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.records.list(COLLECTION, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in &page {
                let (alias, field) = names(&record.key);
                let key = serde_json::from_slice::<Sealed>(&record.value).map(|it| it.key);
                *sealed.entry(key.unwrap_or_else(|_| "?".to_owned())).or_insert(0) += 1;
                *aliases.entry(alias.to_owned()).or_insert(0) += 1;
                if self.open(alias, field, &record.value).is_err() {
                    broken.push(record.key.clone());
                }
            }
        }
        let is_rotating = self.key_file().is_some_and(|file| beside(file).exists());
        let key = self.keys().current.id().to_owned();
        let key_place = self.described();
        let before = self.before.as_ref().map(|(place, _)| place.to_string());
        Ok(VaultStatus { key, key_place, before, is_rotating, sealed, aliases, broken })
    }

    fn described(&self) -> String {
        self.place.as_ref().map_or_else(|| "memory".to_owned(), KeyPlace::to_string)
    }

    fn key_file(&self) -> Option<&Path> {
        match &self.place {
            Some(KeyPlace::File(file)) => Some(file),
            Some(KeyPlace::Credential(_) | KeyPlace::Command(_)) | None => None,
        }
    }

    /// Seals everything under a new key: the one that has another place now, where the settings name
    /// the place before, else one that is made and put into the vault's file.
    pub async fn rotate(&self) -> Result<Rotated, Error> {
        let _sealing = self.sealing.write().await;
        if let Some((_, before)) = &self.before {
            let key = self.keys().current;
            let sealed = self.seal_records(&key).await?;
            return Ok(Rotated { before: before.clone(), key: key.id().to_owned(), sealed });
        }
        let file = self.key_file().ok_or_else(|| Error::NotOurs { place: self.described() })?;
        let waiting = beside(file);
        let new = if waiting.exists() {
            MasterKey::load(&waiting)?
        } else {
            let new = MasterKey::generate()?;
            new.write(&waiting)?;
            new
        };
        // In memory the new key may be the present one already, after an attempt that failed.
        let before = MasterKey::load(file)?.id().to_owned();
        let key = new.id().to_owned();
        let sealed = self.seal_all(Arc::new(new)).await?;
        let failed = |source| Error::KeyFile { action: "replace", path: file.to_owned(), source };
        std::fs::rename(&waiting, file).map_err(failed)?;
        sync_folder(file).map_err(failed)?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).others.clear();
        Ok(Rotated { before, key, sealed })
    }

    /// Seals every record under `new`, which from now on seals what is put; how many were not yet.
    async fn seal_all(&self, new: Arc<MasterKey>) -> Result<u64, Error> {
        {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            let Keys { current, mut others } = keys.clone();
            others.retain(|key| key.id() != new.id());
            others.push(current);
            *keys = Keys { current: new.clone(), others };
        }
        self.seal_records(&new).await
    }

    /// Seals every record that is not under this key yet, and counts them.
    async fn seal_records(&self, new: &MasterKey) -> Result<u64, Error> {
        let (mut sealed, mut after) = (0, None::<String>);
        loop {
            let page = self.records.list(COLLECTION, "", after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for record in page {
                sealed += u64::from(self.seal_anew(new, record).await?);
            }
        }
        Ok(sealed)
    }

    /// Seals one record anew, unless somebody has just put it under the new key.
    async fn seal_anew(&self, new: &MasterKey, record: Record) -> Result<bool, Error> {
        let mut record = record;
        loop {
            let (alias, field) = names(&record.key);
            let present = serde_json::from_slice::<Sealed>(&record.value).map(|it| it.key);
            if present.is_ok_and(|present| present == new.id()) {
                return Ok(false);
            }
            let secret = self.open(alias, field, &record.value)?;
            let bytes = seal(new, alias, field, &secret)?;
            let expect = Expect::Version(record.version);
            match self.records.put(COLLECTION, &record.key, bytes, expect).await {
                Ok(_) => return Ok(true),
                Err(StoreError::Changed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            match self.records.get(COLLECTION, &record.key).await? {
                Some(newer) => record = newer,
                None => return Ok(false),
            }
        }
    }
}

/// Where the new key waits.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Alias and field of a record's key.
fn names(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or((key, ""))
}
