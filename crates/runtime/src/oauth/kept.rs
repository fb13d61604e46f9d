//! What of an authorisation outlives the process: one sealed record per alias, so that a new refresh
//! token and the access token that came with it are on disk together, before either is used.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::secret::Secret;
use crate::vault::{Error, Vault};

/// The vault's field of the record; `$` is in no field's name.
pub(crate) const FIELD: &str = "$token";

/// An authorisation as it is kept. It has no `Debug`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The client it was given to; another one cannot use it.
    pub(crate) client: String,
    access: String,
    pub(crate) asked: Timestamp,
    pub(crate) expires: Timestamp,
    refresh: Option<String>,
    pub(crate) refresh_ends: Option<Timestamp>,
    /// When a person agreed.
    pub(crate) authorized: Timestamp,
    /// Since when a renewal is under way. Still there at the next one, its answer was lost.
    pub(crate) renewing: Option<Timestamp>,
    /// Why it can be used no more.
    pub(crate) ended: Option<String>,
}

impl Kept {
    /// The access token, if there is one.
    pub(crate) fn access(&self) -> Option<Secret> {
        (!self.access.is_empty()).then(|| Secret::new(self.access.as_str()))
    }

    /// The refresh token, if there is one.
    pub(crate) fn refresh(&self) -> Option<Secret> {
        self.refresh.as_deref().map(Secret::new)
    }

    pub(crate) fn set(&mut self, access: &Secret, refresh: Option<&Secret>) {
        self.access.zeroize();
        access.expose().clone_into(&mut self.access);
        // A server that does not rotate may leave it out: the present one goes on.
        if let Some(refresh) = refresh {
            self.refresh = Some(refresh.expose().to_owned());
        }
    }

    /// Forgets the tokens, and says why.
    pub(crate) fn end(&mut self, why: String) {
        self.wipe();
        self.renewing = None;
        self.ended = Some(why);
    }

    fn wipe(&mut self) {
        self.access.zeroize();
        if let Some(mut refresh) = self.refresh.take() {
            refresh.zeroize();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// Keeps the authorisation of one alias in the vault.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub(crate) vault: Arc<Vault>,
    pub(crate) alias: String,
}

impl Keeper {
    /// What is kept, if anything is.
    pub(crate) async fn load(&self) -> Result<Option<Kept>, Error> {
        let sealed = self.vault.get(&self.alias, FIELD).await?;
        Ok(sealed.and_then(|text| serde_json::from_str(text.expose()).ok()))
    }

    /// After `Ok` it is on disk.
    pub(crate) async fn save(&self, kept: &Kept) -> Result<(), Error> {
        let text = Secret::new(serde_json::to_string(kept).unwrap_or_default());
        self.vault.put(&self.alias, FIELD, &text).await
    }
}
