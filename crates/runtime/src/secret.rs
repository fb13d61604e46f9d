//! A secret in memory: it has no text form, and its bytes are zeroed when it is dropped.

use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// How long a command may take to print a secret.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A password, key or token. It implements neither `Debug` nor `Display` nor `Serialize`, so it can
/// reach an output only through [`Secret::expose`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Takes over bytes as a secret; `None` when they are not UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        std::str::from_utf8(bytes).ok().map(Self::new)
    }

    /// Runs a command and takes what it prints, without the last line break. The error never
    /// repeats what was printed.
    pub(crate) async fn from_command(command: &[String]) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("no program is named")?;
        let running = tokio::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(COMMAND_LIMIT, running)
            .await
            .map_err(|_| format!("it did not end within {} s", COMMAND_LIMIT.as_secs()))?
            .map_err(|error| error.to_string())?;
        let printed = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(output.status.to_string());
        }
        let text = std::str::from_utf8(&printed).map_err(|_| "it printed no text")?;
        Ok(Self::new(text.trim_end_matches(['\r', '\n'])))
    }

    /// The secret itself. Each call is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A secret can come in; it has no way out.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input).map(Self::new)
    }
}
