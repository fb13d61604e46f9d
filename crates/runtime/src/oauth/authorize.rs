//! The way through a browser: an address with a state and a challenge, and the code that comes back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::client::{Client, Grant};
use crate::secret::Secret;

/// An authorisation that a person was asked for.
pub(crate) struct Pending {
    pub(crate) alias: String,
    /// Comes back with the code; nobody else knows it.
    pub(crate) state: Secret,
    /// Proves to the token endpoint that who asked is who takes.
    pub(crate) verifier: Option<Secret>,
    pub(crate) redirect_uri: String,
    pub(crate) until: Timestamp,
    /// Where the browser is sent.
    pub(crate) url: Url,
}

impl Pending {
    /// A new one; none for a grant that asks nobody.
    pub(crate) fn new(
        client: &Client,
        alias: &str,
        redirect_uri: String,
        until: Timestamp,
    ) -> Result<Option<Self>, String> {
        let Grant::AuthorizationCode { authorize_url, pkce, .. } = &client.grant else {
            return Ok(None);
        };
        let state = random()?;
        let verifier = if *pkce { Some(random()?) } else { None };
        let mut url = authorize_url.clone();
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &client.id)
                .append_pair("redirect_uri", &redirect_uri)
                .append_pair("state", state.expose());
            if let Some(scope) = client.scope.as_deref().filter(|scope| !scope.is_empty()) {
                query.append_pair("scope", scope);
            }
            if let Some(verifier) = &verifier {
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
                query
                    .append_pair("code_challenge", &challenge)
                    .append_pair("code_challenge_method", "S256");
            }
        }
        let alias = alias.to_owned();
        Ok(Some(Self { alias, state, verifier, redirect_uri, until, url }))
    }
}

/// A text of 256 random bits that can stand in a URL.
pub(crate) fn random() -> Result<Secret, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| "the system gives no random numbers")?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
