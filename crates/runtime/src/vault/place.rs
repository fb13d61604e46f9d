//! Where the master key is kept: in a file of ours, with the service manager, or behind a command.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{Error, MasterKey};

/// The variable with the folder in which a systemd unit finds its credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Where the master key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A credential of the systemd unit, by its name.
    Credential(String),
    /// What a command prints.
    Command(Vec<String>),
}

impl KeyPlace {
    /// Reads the key, in hex or base64. Nothing is made where there is none.
    pub async fn load(&self) -> Result<MasterKey, Error> {
        match self {
            Self::File(path) => MasterKey::load(path),
            Self::Credential(name) => credential(name),
            Self::Command(words) => MasterKey::from_command(words).await,
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Credential(name) => write!(f, "the systemd credential {name}"),
            // Its arguments are nobody's business.
            Self::Command(words) => {
                write!(f, "the command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

/// The folder is the service's own, whatever the mode of the files in it says.
fn credential(name: &str) -> Result<MasterKey, Error> {
    let missing = || Error::NoCredential { name: name.to_owned() };
    let path = PathBuf::from(std::env::var_os(CREDENTIALS).ok_or_else(missing)?).join(name);
    if !path.exists() {
        return Err(missing());
    }
    let text = std::fs::read_to_string(&path);
    let text =
        Zeroizing::new(text.map_err(|source| Error::KeyFile { action: "read", path, source })?);
    MasterKey::from_text(&text)
        .ok_or_else(|| Error::NoKey { from: KeyPlace::Credential(name.to_owned()).to_string() })
}
