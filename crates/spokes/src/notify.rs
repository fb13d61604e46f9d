//! The mail of the `notify` spoke; its channels are data.
//!
//! In Rust because a mail is no request: the transport has a way of its own for it.

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_connector::{
    Action, ActionError, ActionSpec, CREDENTIAL, Call, CodeAction, ErrorKind, Look, Mail, Wrote,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The actions by the name that their files give under `code`.
pub(crate) const ACTIONS: &[(&str, CodeAction)] =
    &[("email", |spec| Arc::new(Email { spec }) as Arc<dyn Action>)];

struct Email {
    spec: ActionSpec,
}

#[async_trait]
impl Action for Email {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    /// Nothing is asked of the server; what it is for shows in a dry run.
    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let is_mail = call.connection.values.get(CREDENTIAL).is_none_or(|chosen| chosen == "smtp");
        if !is_mail {
            let alias = &call.connection.alias;
            let message = format!(
                "{alias} leads to no mail server: it needs `credential: smtp` in connections.yaml"
            );
            return Err(ActionError::new(ErrorKind::InvalidInput, message));
        }
        let changes = vec![call.inputs.get("subject").cloned().unwrap_or_default()];
        let effect = self.spec.effect;
        Ok(Look { found: json!({}), changes, effect, chunks: 1, variant: None })
    }

    async fn write(&self, call: &Call<'_>, look: &Look, _: u32) -> Result<Wrote, ActionError> {
        let mail = mail(call);
        let answer = call.transport.mail(&mail).await?;
        let recipients: Vec<&str> = mail.recipients().collect();
        let output = json!({
            "message_id": format!("<{}>", mail.id),
            "recipients": recipients,
            "answer": answer,
        });
        Ok(Wrote::new(output, 0, look.effect))
    }

    fn request_summary(&self, call: &Call<'_>, _: &Look, _: u32) -> String {
        let all = ["to", "cc", "bcc"].into_iter().filter_map(|name| call.inputs.get(name));
        let all = all.filter(|value| !value.is_null()).map(names);
        format!("mail to {}", all.collect::<Vec<_>>().join(", "))
    }
}

/// Recipients as a dry run shows them, which may not know them yet.
fn names(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(names).collect::<Vec<_>>().join(", "),
        Value::String(name) => name.clone(),
        _ => "(known after run)".to_owned(),
    }
}

fn mail(call: &Call<'_>) -> Mail {
    let inputs = call.inputs;
    let from = text(&Value::Object(call.connection.values.clone()), "from");
    let domain = from.rsplit('@').next().unwrap_or_default().trim_end_matches(['>', ' ']);
    let given = |name: &str| inputs.get(name).and_then(Value::as_str).map(str::to_owned);
    Mail {
        // The same for every attempt of this call, and for no other: programs that get a mail
        // twice show it once.
        id: format!("{}@{domain}", digest(call.key)),
        to: list(inputs, "to"),
        cc: list(inputs, "cc"),
        bcc: list(inputs, "bcc"),
        reply_to: given("reply_to"),
        subject: text(inputs, "subject"),
        text: text(inputs, "text"),
        html: given("html"),
        date: call.now,
        from,
    }
}

fn digest(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(inputs: &Value, name: &str) -> String {
    inputs.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list(inputs: &Value, name: &str) -> Vec<String> {
    let items = inputs.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
