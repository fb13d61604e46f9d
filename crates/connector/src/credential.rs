//! The kinds of credential a spoke can ask for. Only the transport ever sees one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a system knows who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A key in a header or query parameter.
    ApiKey,
    /// User name and password.
    Basic,
    /// A fixed token in the `Authorization` header.
    Bearer,
    /// OAuth 2.0, client credentials grant.
    Oauth2ClientCredentials,
    /// OAuth 2.0, authorization code grant.
    Oauth2AuthorizationCode,
    /// OAuth 2.0, signed assertion.
    Oauth2Jwt,
    /// The system asks for nothing.
    None,
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: &'static [CredentialKind] = &[
        CredentialKind::ApiKey,
        CredentialKind::Basic,
        CredentialKind::Bearer,
        CredentialKind::Oauth2ClientCredentials,
        CredentialKind::Oauth2AuthorizationCode,
        CredentialKind::Oauth2Jwt,
        CredentialKind::None,
    ];

    /// The word used in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::ApiKey => "api_key",
            CredentialKind::Basic => "basic",
            CredentialKind::Bearer => "bearer",
            CredentialKind::Oauth2ClientCredentials => "oauth2_client_credentials",
            CredentialKind::Oauth2AuthorizationCode => "oauth2_authorization_code",
            CredentialKind::Oauth2Jwt => "oauth2_jwt",
            CredentialKind::None => "none",
        }
    }

    /// The kind of that word, if it is one.
    pub fn parse(word: &str) -> Option<CredentialKind> {
        CredentialKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
