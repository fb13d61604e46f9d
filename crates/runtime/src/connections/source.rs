//! Where the value of a field is kept: in the vault, an environment variable, a file, or behind a command.

use std::path::{Path, PathBuf};

use linchpin_language::{Diagnostic, Node, Value, codes};

use super::error::ConnectionError;
use crate::secret::Secret;
use crate::vault::Vault;

/// The largest file a secret is read from.
const LARGEST_FILE: u64 = 64 * 1024;

/// Where the value of a field is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SecretSource {
    Vault,
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
    /// In the file itself, because it is no secret.
    Plain(String),
}

impl SecretSource {
    /// Reads `vault`, `{env: X}`, `{file: P}` or `{command: [..]}`; `None` when it is something else.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(word) if word == "vault" => Some(Self::Vault),
            Value::Object(fields) if fields.len() == 1 => {
                let (key, value) = fields.iter().next()?;
                match (key.as_str(), value) {
                    ("env", Value::String(name)) if !name.is_empty() => {
                        Some(Self::Env(name.clone()))
                    }
                    ("file", Value::String(path)) if !path.is_empty() => {
                        Some(Self::File(path.into()))
                    }
                    ("command", Value::Array(words)) if !words.is_empty() => words
                        .iter()
                        .map(|word| word.as_str().map(str::to_owned))
                        .collect::<Option<Vec<_>>>()
                        .map(Self::Command),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Reads the source of a secret field; the secret itself does not belong into the file.
    pub(super) fn parse(node: &Node<'_>, field: &str) -> Result<Self, Diagnostic> {
        Self::of(node.value()).ok_or_else(|| {
            let help = format!(
                "write `{field}: vault` and store it with `linchpin connections configure`, \
                 or `{field}: {{ env: NAME }}`, `{{ file: PATH }}`, `{{ command: [PROGRAM, ARGUMENT] }}`"
            );
            match node.value() {
                Value::String(_) => {
                    node.error(codes::SECRET_LITERAL, format!("the secret {field} stands in the file"))
                }
                _ => node.error(codes::WRONG_TYPE, format!("{field} does not say where the secret is kept")),
            }
            .with_help(help)
        })
    }

    /// How a person would say it: `vault`, `env LITMOS_KEY`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Vault => "vault".to_owned(),
            Self::Plain(text) => text.clone(),
            Self::Env(name) => format!("env {name}"),
            Self::File(path) => format!("file {}", path.display()),
            Self::Command(words) => {
                format!("command {}", words.first().map_or("", String::as_str))
            }
        }
    }

    /// Fetches the value. Relative files are looked for in `folder`.
    pub(super) async fn read(
        &self,
        alias: &str,
        field: &str,
        vault: &Vault,
        folder: &Path,
    ) -> Result<Secret, ConnectionError> {
        let missing = |remedy: String| ConnectionError::Missing {
            alias: alias.to_owned(),
            field: field.to_owned(),
            remedy,
        };
        let secret = match self {
            Self::Vault => vault
                .get(alias, field)
                .await
                .map_err(|source| ConnectionError::Vault { alias: alias.to_owned(), source })?
                .ok_or_else(|| {
                    let option = vault.option();
                    missing(format!("run `linchpin connections configure {alias}{option}`"))
                })?,
            Self::Plain(text) => Secret::new(text.as_str()),
            Self::Env(name) => match std::env::var(name) {
                Ok(value) => Secret::new(value),
                Err(_) => return Err(missing(format!("set the environment variable {name}"))),
            },
            Self::File(path) => read_file(&folder.join(path)).await.map_err(|error| {
                missing(format!("the file {} cannot be read ({error})", path.display()))
            })?,
            Self::Command(words) => Secret::from_command(words)
                .await
                .map_err(|detail| missing(format!("the {} failed ({detail})", self.describe())))?,
        };
        if secret.is_empty() {
            return Err(missing(format!("what {} gives is empty", self.describe())));
        }
        Ok(secret)
    }
}

async fn read_file(path: &Path) -> std::io::Result<Secret> {
    if tokio::fs::metadata(path).await?.len() > LARGEST_FILE {
        return Err(std::io::Error::other("it is too large for a secret"));
    }
    let text = zeroize::Zeroizing::new(tokio::fs::read_to_string(path).await?);
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}
