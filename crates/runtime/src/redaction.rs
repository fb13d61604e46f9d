//! Takes known secrets out of text, by value: the last guard in front of every output.
//!
//! Each secret is known in the forms in which it can travel: as it is, in base64 (at each of the three
//! alignments, so also inside `user:password`), URL-encoded, in hex, and escaped for JSON or HTML.
//! Secrets shorter than [`SHORTEST`] are not searched for: they would tear ordinary words apart.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, TryLockError};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::secret::Secret;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[secret]";

/// The length in bytes from which a secret is searched for.
pub const SHORTEST: usize = 4;

/// The secrets to keep out of outputs. Cheap to share; a change is seen by every holder.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    owners: BTreeMap<String, Vec<Secret>>,
    search: Option<Arc<AhoCorasick>>,
}

impl Redactor {
    /// A redactor that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a secret known under the name of its owner, such as `lms/api_key`. The owner's
    /// previous secret stays known, since it may still be on its way to an output.
    pub fn know(&self, owner: &str, secret: &Secret) {
        if secret.expose().len() < SHORTEST {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let held = known.owners.entry(owner.to_owned()).or_default();
        if held.iter().any(|old| old.expose() == secret.expose()) {
            return;
        }
        if held.len() == 2 {
            held.remove(0);
        }
        held.push(secret.clone());
        let needles: BTreeSet<String> =
            known.owners.values().flatten().flat_map(|secret| forms(secret.expose())).collect();
        known.search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(needles)
            .map(Arc::new)
            .ok();
    }

    /// The text without any known secret; borrowed when there was none in it.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.search() {
            Some(search) if search.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                search.replace_all_with(text, &mut clean, |_, _, out| {
                    out.push_str(REDACTED);
                    true
                });
                Cow::Owned(clean)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// The text without any known secret.
    pub fn redact(&self, text: &str) -> String {
        self.clean(text).into_owned()
    }

    /// The same without waiting for anybody; `None` when the known secrets cannot be looked at now.
    pub(crate) fn redact_at_once(&self, text: &str) -> Option<String> {
        let search = match self.known.try_read() {
            Ok(known) => known.search.clone(),
            Err(TryLockError::Poisoned(known)) => known.into_inner().search.clone(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let Some(search) = search else { return Some(text.to_owned()) };
        let mut clean = String::with_capacity(text.len());
        search.replace_all_with(text, &mut clean, |_, _, out| {
            out.push_str(REDACTED);
            true
        });
        Some(clean)
    }

    /// Cleans every text, key and number in a value. Unlike redacting printed JSON, this keeps it JSON.
    pub fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(clean) = self.clean(text) {
                    *text = clean;
                }
            }
            Value::Number(number) => {
                if let Cow::Owned(clean) = self.clean(&number.to_string()) {
                    *value = Value::String(clean);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(fields) => {
                let dirty: Vec<String> = fields
                    .keys()
                    .filter(|key| matches!(self.clean(key), Cow::Owned(_)))
                    .cloned()
                    .collect();
                for key in dirty {
                    if let Some(held) = fields.shift_remove(&key) {
                        fields.insert(self.redact(&key), held);
                    }
                }
                fields.values_mut().for_each(|held| self.redact_value(held));
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn search(&self) -> Option<Arc<AhoCorasick>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).search.clone()
    }
}

/// The forms in which a secret can travel.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::String(secret.to_owned()).to_string();
    let json = quoted[1..quoted.len() - 1].to_owned();
    let percent = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let unreserved = percent.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_");
    let unreserved = unreserved.replace("%7E", "~");
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let attribute = html.replace('"', "&quot;").replace('\'', "&#39;");
    let mut forms = vec![
        secret.to_owned(),
        json,
        percent.to_ascii_lowercase(),
        unreserved.clone(),
        percent,
        form,
        html,
        attribute,
        hex::encode(secret),
        hex::encode_upper(secret),
    ];
    // Percent-encoding in lower case keeps the letters of the secret itself as they are.
    forms.push(lower_percent(&unreserved));
    for lead in 0..3 {
        forms.extend(base64_within(secret, lead));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn lower_percent(encoded: &str) -> String {
    let mut text = String::with_capacity(encoded.len());
    let mut hex_digits = 0;
    for letter in encoded.chars() {
        text.push(if hex_digits > 0 { letter.to_ascii_lowercase() } else { letter });
        hex_digits = if letter == '%' { 2 } else { usize::saturating_sub(hex_digits, 1) };
    }
    text
}

/// What base64 makes of the secret when `lead` bytes (modulo three) stand before it: only the letters
/// that depend on nothing but the secret.
fn base64_within(secret: &str, lead: usize) -> Vec<String> {
    let mut bytes = vec![0_u8; lead];
    bytes.extend_from_slice(secret.as_bytes());
    // The first letter made of the secret alone, and how many whole letters the bytes fill.
    let start = (lead * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    if end.saturating_sub(start) < SHORTEST {
        return Vec::new();
    }
    let standard = STANDARD.encode(&bytes);
    let url_safe = URL_SAFE.encode(&bytes);
    vec![standard[start..end].to_owned(), url_safe[start..end].to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4n&ry/\"Zürich\" +x=9";

    fn redactor() -> Redactor {
        let redactor = Redactor::new();
        redactor.know("lms/api_key", &Secret::new(CANARY));
        redactor
    }

    #[test]
    fn a_secret_is_found_in_every_form_it_can_travel_in() {
        let redactor = redactor();
        let percent = utf8_percent_encode(CANARY, NON_ALPHANUMERIC).to_string();
        for text in [
            CANARY.to_owned(),
            serde_json::to_string(CANARY).unwrap(),
            percent.clone(),
            lower_percent(&percent),
            url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect(),
            hex::encode(CANARY),
            hex::encode_upper(CANARY),
            STANDARD.encode(CANARY),
            STANDARD.encode(format!("u:{CANARY}")),
            STANDARD.encode(format!("me:{CANARY}:tail")),
            URL_SAFE.encode(format!("{CANARY}!")),
        ] {
            let clean = redactor.redact(&format!("before {text} after"));
            assert!(clean.contains(REDACTED), "{text} was not found");
            assert!(clean.starts_with("before ") && clean.ends_with(" after"), "{clean}");
        }
    }

    #[test]
    fn text_without_a_secret_is_not_copied() {
        assert!(matches!(redactor().clean("nothing to see"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_value_stays_a_value() {
        let redactor = redactor();
        redactor.know("pin", &Secret::new("90210"));
        let mut value = serde_json::json!({ "a": [CANARY, 90210, 7], CANARY: null });
        redactor.redact_value(&mut value);
        assert_eq!(value, serde_json::json!({ "a": [REDACTED, REDACTED, 7], REDACTED: null }));
    }

    #[test]
    fn the_secret_before_the_last_one_is_still_kept_out() {
        let redactor = Redactor::new();
        for secret in ["first-one", "second-one", "third-one"] {
            redactor.know("token", &Secret::new(secret));
        }
        let clean = redactor.redact("first-one second-one third-one");
        assert_eq!(clean, "first-one [secret] [secret]");
    }

    #[test]
    fn a_very_short_secret_does_not_tear_words_apart() {
        let redactor = Redactor::new();
        redactor.know("x", &Secret::new("abc"));
        assert_eq!(redactor.redact("abcdef"), "abcdef");
    }
}
