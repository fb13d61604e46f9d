//! Signed assertions (RFC 7523): a client or a person named to a token endpoint, for five minutes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::authorize::random;
use super::client::{Client, Proof};
use crate::secret::Secret;

/// How long an assertion holds, in seconds.
const LIFE: i64 = 300;
/// How far behind our clock the other side's may be, in seconds.
const SKEW: i64 = 30;

/// The assertion that `issuer` makes about `subject`, signed as the client signs.
pub(crate) fn assertion(
    client: &Client,
    (issuer, subject): (&str, &str),
    now: Timestamp,
) -> Result<Secret, String> {
    let proof = client.proof.as_ref().ok_or("it has no key to sign with")?;
    let algorithm = match proof {
        Proof::Key(signer) => signer.algorithm(),
        Proof::Shared(_) => "HS256",
    };
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(algorithm));
    header.insert("typ".to_owned(), json!("JWT"));
    if let Some(key_id) = &client.key_id {
        header.insert("kid".to_owned(), json!(key_id));
    }
    let audience = client.audience.as_deref().unwrap_or(client.token_url.as_str());
    let seconds = now.as_second();
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), json!(issuer));
    claims.insert("sub".to_owned(), json!(subject));
    claims.insert("aud".to_owned(), json!(audience));
    claims.insert("iat".to_owned(), json!(seconds - SKEW));
    claims.insert("exp".to_owned(), json!(seconds + LIFE));
    claims.insert("jti".to_owned(), json!(random()?.expose()));
    // Some servers read the scope here and not in the form.
    if let Some(scope) = &client.scope {
        claims.insert("scope".to_owned(), json!(scope));
    }
    let part = |map: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(map).to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(proof, signed.as_bytes())?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

fn sign(proof: &Proof, message: &[u8]) -> Result<Vec<u8>, String> {
    match proof {
        Proof::Key(signer) => signer.sign(message),
        Proof::Shared(secret) => {
            let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
            let mut mac = mac.map_err(|_| "its secret cannot sign")?;
            mac.update(message);
            Ok(mac.finalize().into_bytes().to_vec())
        }
    }
}
