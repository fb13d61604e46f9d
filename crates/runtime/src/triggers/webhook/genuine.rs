//! What a flow says of how its deliveries show that they are genuine, as the check that does it.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use linchpin_connector::{Spoke, Webhook};
use linchpin_engine::catalog::Catalog;
use linchpin_engine::flow::{Auth, Scheme};
use linchpin_language::{Value, json};

use crate::secret::Secret;

/// What the specification of Standard Webhooks puts before a secret in base64.
const STANDARD_PREFIX: &str = "whsec_";

/// The check of a webhook: one of its own, or that of a spoke.
pub(super) enum Genuine {
    Own(Box<Webhook>),
    Of(Arc<Spoke>),
}

impl Genuine {
    /// Why there is none is said for the flow's owner.
    pub(super) fn of(auth: &Auth, catalog: &Catalog) -> Result<Self, String> {
        let own = match auth {
            Auth::None => json!({ "auth": "none" }),
            Auth::Shared { scheme, .. } => match scheme {
                Scheme::Standard => json!({
                    "auth": "hmac", "header": "webhook-signature", "encoding": "base64",
                    "prefix": "v1,", "id_header": "webhook-id",
                    "time_header": "webhook-timestamp",
                    "signs": "{{ id }}.{{ time }}.{{ body }}",
                }),
                Scheme::Hmac { header, algorithm, encoding, prefix } => json!({
                    "auth": "hmac", "header": header, "algorithm": algorithm.as_str(),
                    "encoding": encoding.as_str(), "prefix": prefix.as_deref().unwrap_or_default(),
                }),
                Scheme::Token => json!({ "auth": "url_token" }),
                Scheme::ServiceNow | Scheme::Litmos | Scheme::SumTotal => {
                    return Self::preset(scheme.as_str(), catalog);
                }
            },
        };
        Self::read(own)
    }

    fn preset(spoke: &str, catalog: &Catalog) -> Result<Self, String> {
        let found = catalog.spokes.get(spoke).filter(|found| found.webhook.is_some());
        let found = found.ok_or_else(|| format!("the spoke {spoke} says nothing of webhooks"))?;
        Ok(Self::Of(Arc::clone(found)))
    }

    fn read(mut own: Value) -> Result<Self, String> {
        own["reply"] = json!(202);
        let read = Webhook::read(&own.to_string()).map_err(|mistakes| {
            let all: Vec<String> = mistakes.into_iter().map(|mistake| mistake.message).collect();
            all.join("; ")
        })?;
        Ok(Self::Own(Box::new(read)))
    }

    pub(super) fn webhook(&self) -> &Webhook {
        match self {
            Self::Own(own) => own,
            Self::Of(spoke) => spoke.webhook.as_ref().expect("it was there when this was made"),
        }
    }
}

/// The bytes that signatures are made with.
pub(super) fn key_of<'s>(auth: &Auth, secret: &'s Secret) -> Cow<'s, [u8]> {
    let text = secret.expose();
    let is_standard = matches!(auth, Auth::Shared { scheme: Scheme::Standard, .. });
    let encoded = text.strip_prefix(STANDARD_PREFIX).filter(|_| is_standard);
    match encoded.and_then(|encoded| STANDARD.decode(encoded).ok()) {
        Some(key) => Cow::Owned(key),
        None => Cow::Borrowed(text.as_bytes()),
    }
}
