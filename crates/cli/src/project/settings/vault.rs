//! `vault:` of the settings: where the master key is kept, and where it was kept before.

use linchpin_language::{Diagnostic, Node, Value, codes, did_you_mean};
use linchpin_runtime::vault::KeyPlace;

const KEYS: [&str; 2] = ["key", "before"];

/// Where the master key is kept; paths are relative to the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VaultKey {
    pub(crate) key: Option<KeyPlace>,
    /// Of the key whose secrets are still to be sealed under the new one.
    pub(crate) before: Option<KeyPlace>,
}

/// Reads it, with every mistake.
pub(super) fn read(node: &Node<'_>, mistakes: &mut Vec<Diagnostic>) -> VaultKey {
    let mut vault = VaultKey::default();
    for (key, value) in node.entries() {
        let place = match key {
            "key" => &mut vault.key,
            "before" => &mut vault.before,
            _ => {
                let message = format!("vault has no {key:?}");
                let mistake = value.error_at_key(codes::UNKNOWN_KEY, message);
                mistakes.push(match did_you_mean(key, KEYS.iter().copied()) {
                    Some(near) => mistake.with_help(format!("did you mean {near}?")),
                    None => mistake.with_help(format!("the keys are {}", KEYS.join(", "))),
                });
                continue;
            }
        };
        *place = self::place(value.value());
        if place.is_none() {
            let message = format!("{key} does not say where the vault's key is");
            mistakes.push(value.error(codes::WRONG_TYPE, message).with_help(format!(
                "write {key}: {{ file: PATH }}, {{ credential: NAME }} for one of systemd, or \
                 {{ command: [PROGRAM, ARGUMENT] }}"
            )));
        }
    }
    vault
}

fn place(value: &Value) -> Option<KeyPlace> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (kind, value) = fields.iter().next()?;
    match (kind.as_str(), value) {
        ("file", Value::String(path)) if !path.is_empty() => Some(KeyPlace::File(path.into())),
        // It is the name of a file in the folder of the credentials.
        ("credential", Value::String(name)) if !name.is_empty() && !name.contains('/') => {
            Some(KeyPlace::Credential(name.clone()))
        }
        ("command", Value::Array(words)) if !words.is_empty() => {
            let words = words.iter().map(|word| word.as_str().map(str::to_owned));
            words.collect::<Option<Vec<_>>>().map(KeyPlace::Command)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    #[test]
    fn a_key_is_in_a_file_a_credential_or_behind_a_command() {
        let text = "vault: { key: { command: [pass, show, linchpin] }, before: { file: old.key } }";
        let vault = Settings::read("linchpin.yaml", text).0.vault;
        let words = ["pass", "show", "linchpin"].map(str::to_owned).to_vec();
        assert_eq!(vault.key, Some(KeyPlace::Command(words)));
        assert_eq!(vault.before, Some(KeyPlace::File("old.key".into())));
        for (wrong, code) in [
            ("vault: key", "wrong-type"),
            ("vault: { key: 00ff }", "wrong-type"),
            ("vault: { key: { credential: ../key } }", "wrong-type"),
            ("vault: { keys: { file: a } }", "unknown-key"),
        ] {
            let found = Settings::read("linchpin.yaml", wrong).1;
            assert_eq!(found[0].code.0, code, "{wrong}");
        }
    }
}
