//! The secrets of webhooks: each is where its flow says, and those in the vault are kept by path.

use linchpin_engine::flow::SecretRef;

use super::Connections;
use crate::connections::error::ConnectionError;
use crate::connections::source::SecretSource;
use crate::secret::Secret;
use crate::vault;

/// Where the vault keeps the secrets of webhooks; `$` is in no alias.
const HOOKS: &str = "$webhooks";

impl Connections {
    /// The secrets of a webhook that are there, and why others are not.
    pub async fn webhook_secrets(
        &self,
        path: &str,
        places: &[SecretRef],
    ) -> (Vec<Secret>, Vec<String>) {
        let (mut secrets, mut problems) = (Vec::new(), Vec::new());
        for place in places {
            match self.webhook_secret(path, place).await {
                Ok(secret) => {
                    self.redactor.know(&format!("webhook {path}"), &secret);
                    secrets.push(secret);
                }
                Err(remedy) => problems.push(remedy),
            }
        }
        (secrets, problems)
    }

    /// Keeps the secret of a webhook in the vault, in place of any earlier one; none takes it away.
    pub async fn keep_webhook_secret(
        &self,
        path: &str,
        secret: Option<&Secret>,
    ) -> Result<(), vault::Error> {
        match secret {
            Some(secret) => self.vault.put(HOOKS, &field(path), secret).await,
            None => self.vault.delete(HOOKS, &field(path)).await,
        }
    }

    async fn webhook_secret(&self, path: &str, place: &SecretRef) -> Result<Secret, String> {
        let source = match place {
            SecretRef::Vault => {
                let kept = self.vault.get(HOOKS, &field(path)).await;
                let kept = kept.map_err(|error| error.to_string())?;
                let option = self.vault.option();
                return kept
                    .ok_or_else(|| format!("run `linchpin webhooks secret {path}{option}`"));
            }
            SecretRef::Env(name) => SecretSource::Env(name.clone()),
            SecretRef::File(file) => SecretSource::File(file.into()),
            SecretRef::Command(words) => SecretSource::Command(words.clone()),
        };
        let read = source.read(HOOKS, path, &self.vault, &self.options.folder).await;
        read.map_err(|error| match error {
            ConnectionError::Missing { remedy, .. } => remedy,
            other => other.to_string(),
        })
    }
}

/// A name in the vault has no `/`, and the path of a webhook no `:`.
fn field(path: &str) -> String {
    path.replace('/', ":")
}
