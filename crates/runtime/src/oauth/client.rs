//! Who asks for a token, with which grant, and how it proves who it is.

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::secret::Secret;
use crate::transport::Signer;

/// How the client proves to the token endpoint who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuth {
    /// Id and secret as fields of the form.
    Body,
    /// Id and secret in the `Authorization` header.
    Basic,
    /// An assertion signed with its key.
    Key,
    /// An assertion signed with its secret.
    Secret,
    /// The certificate of the connection; the form says the id.
    Tls,
    /// It does not: the form says the id, if there is one.
    None,
}

impl ClientAuth {
    /// The words of a manifest.
    const WORDS: [(&'static str, ClientAuth); 6] = [
        ("body", Self::Body),
        ("basic", Self::Basic),
        ("private_key_jwt", Self::Key),
        ("client_secret_jwt", Self::Secret),
        ("tls", Self::Tls),
        ("none", Self::None),
    ];

    /// The way of that word; the error lists the words.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, auth)| *auth).ok_or_else(|| {
            let words: Vec<&str> = Self::WORDS.iter().map(|(known, _)| *known).collect();
            format!("client_auth is one of {}, not {word:?}", words.join(", "))
        })
    }
}

/// What a signature is made with.
pub(crate) enum Proof {
    /// A private key.
    Key(Signer),
    /// A secret that both sides know.
    Shared(Secret),
}

/// On what ground a token is given.
pub(crate) enum Grant {
    /// The client itself may.
    ClientCredentials,
    /// A person has agreed in a browser.
    AuthorizationCode {
        /// Where the browser is sent.
        authorize_url: Url,
        /// Where it comes back to, when the server insists on one address.
        redirect_uri: Option<String>,
        /// Whether the code is tied to a secret of this request.
        pkce: bool,
    },
    /// An assertion signed with the client's key.
    Jwt {
        /// Who says so.
        issuer: String,
        /// For whom.
        subject: String,
    },
}

/// What identifies a client to a token endpoint.
pub(crate) struct Client {
    pub(crate) token_url: Url,
    pub(crate) revoke_url: Option<Url>,
    pub(crate) id: String,
    pub(crate) secret: Option<Secret>,
    /// What its assertions are signed with.
    pub(crate) proof: Option<Proof>,
    /// The name of its key at the other side.
    pub(crate) key_id: Option<String>,
    pub(crate) scope: Option<String>,
    /// Whom its assertions are for; else the token endpoint. A client credentials grant asks for it.
    pub(crate) audience: Option<String>,
    /// The server that must have sent the browser back, when it says.
    pub(crate) issuer: Option<String>,
    pub(crate) auth: ClientAuth,
    pub(crate) grant: Grant,
}

impl Client {
    /// The same for the same client at the same server; its secret may change meanwhile.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let scope = self.scope.as_deref().unwrap_or_default();
        for part in [self.token_url.as_str(), &self.id, scope] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }

    /// The host of the token endpoint, as people may see it.
    pub(crate) fn host(&self) -> &str {
        self.token_url.host_str().unwrap_or("the token endpoint")
    }

    /// Whether a person has to agree in a browser.
    pub(crate) fn asks_person(&self) -> bool {
        matches!(self.grant, Grant::AuthorizationCode { .. })
    }
}
