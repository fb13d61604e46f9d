//! Authorising: sending a person to a browser, taking what comes back, and giving it up again.

use std::time::Duration;

use jiff::Timestamp;
use url::Url;

use super::{Connections, Live};
use crate::clock::after;
use crate::connections::error::{ConfigureError, ConnectionError};
use crate::connections::status::{Answered, Asking};
use crate::oauth::{Grant, Pending};

/// How long a person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many may be asked at the same time; the oldest is given up for one more.
const MOST_ASKED: usize = 32;

impl Connections {
    /// The address where a person agrees. `redirect_uri` is where the browser comes back to, unless
    /// the connection itself names the only place.
    pub async fn ask(
        &self,
        alias: &str,
        redirect_uri: Option<&str>,
    ) -> Result<Asking, ConnectionError> {
        let refused = |detail: String| ConnectionError::Authorization {
            alias: alias.to_owned(),
            detail: format!("connection {alias} cannot be authorised: {detail}"),
        };
        let alias = &self.chosen(alias)?;
        let live = self.live(alias).await?;
        let Some(tokens) = &live.tokens else {
            return Err(refused("its credential asks nobody".to_owned()));
        };
        let client = &tokens.endpoint().client;
        let Grant::AuthorizationCode { redirect_uri: fixed, .. } = &client.grant else {
            return Err(refused("its tokens are given without asking a person".to_owned()));
        };
        let redirect_uri = match (fixed, redirect_uri) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(given)) => given.to_owned(),
            (None, None) => return Err(refused("nobody said where to come back to".to_owned())),
        };
        Url::parse(&redirect_uri)
            .map_err(|error| refused(format!("redirect_uri is no URL: {error}")))?;
        let until = after(self.clock.now(), PATIENCE);
        let pending = Pending::new(client, alias, redirect_uri, until).map_err(refused)?;
        let Some(pending) = pending else { return Err(refused("nobody is asked".to_owned())) };
        let (url, redirect_uri) = (pending.url.to_string(), pending.redirect_uri.clone());
        let asking = Asking { url, redirect_uri, until };
        let now = self.clock.now();
        let mut state = self.write();
        state.asked.retain(|one| one.until > now);
        if state.asked.len() >= MOST_ASKED {
            state.asked.remove(0);
        }
        state.asked.push(pending);
        Ok(asking)
    }

    /// Takes what came back from the browser: trades the code for tokens, keeps them, and tests.
    pub async fn answer(&self, alias: &str, answered: Answered) -> Result<(), ConfigureError> {
        let alias = &self.chosen(alias)?;
        let now = self.clock.now();
        let pending = self.pending(alias, &answered, now)?;
        let live = self.live(alias).await?;
        let refused = |detail: String| ConnectionError::Authorization {
            alias: alias.to_owned(),
            detail: format!("connection {alias} was not authorised: {detail}"),
        };
        let Some(tokens) = &live.tokens else {
            return Err(refused("its credential was changed meanwhile".to_owned()).into());
        };
        let endpoint = tokens.endpoint();
        if let (Some(issuer), Some(iss)) = (&endpoint.client.issuer, &answered.iss)
            && issuer != iss
        {
            let iss = endpoint.tidy(iss);
            return Err(refused(format!("the answer is of {iss}, not of {issuer}")).into());
        }
        let Some(code) = &answered.code else {
            let error = answered.error.as_deref().unwrap_or("no code came back");
            let mut said = endpoint.tidy(error);
            if let Some(more) = &answered.error_description {
                said.push_str(": ");
                said.push_str(&endpoint.tidy(more));
            }
            return Err(refused(said).into());
        };
        tokens.redeem(code, &pending).await.map_err(|error| refused(error.message))?;
        let tested = self.test(alias).await;
        tested.map_err(|error| ConfigureError::Test { alias: alias.to_owned(), error })
    }

    /// The question that this answers. It is answered once: a second answer finds nothing.
    fn pending(
        &self,
        alias: &str,
        answered: &Answered,
        now: Timestamp,
    ) -> Result<Pending, ConnectionError> {
        let mut state = self.write();
        state.asked.retain(|one| one.until > now);
        let found = state
            .asked
            .iter()
            .position(|one| one.alias == alias && one.state.expose() == answered.state.expose());
        let Some(found) = found else {
            let detail = format!(
                "connection {alias} was not authorised: the answer does not belong to the \
                 question that was asked (its state is another one)"
            );
            return Err(ConnectionError::Authorization { alias: alias.to_owned(), detail });
        };
        Ok(state.asked.remove(found))
    }

    /// Tells the token endpoint that the tokens of an alias are not used any more. Gives the host
    /// when there were any and it took them.
    pub async fn revoke(&self, alias: &str) -> Result<Option<String>, ConnectionError> {
        let Ok(alias) = &self.chosen(alias) else { return Ok(None) };
        let Ok(Live { tokens: Some(tokens), .. }) = self.live(alias).await else { return Ok(None) };
        let host = tokens.endpoint().client.host().to_owned();
        match tokens.revoke().await {
            Ok(true) => Ok(Some(host)),
            Ok(false) => Ok(None),
            Err(error) => Err(ConnectionError::Authorization {
                alias: alias.to_owned(),
                detail: format!("{host} did not revoke the tokens of {alias}: {}", error.message),
            }),
        }
    }
}
