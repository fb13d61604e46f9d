//! The token of one credential, for everybody who uses it.
//!
//! A token is renewed when less than a fifth of its life (at most ten minutes) is left. Whoever comes
//! while a renewal is under way waits for it and shares its outcome, good or bad: one request in all.
//! The renewal itself is a task of its own, so that nobody who gives up takes its answer away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use linchpin_connector::{ActionError, ErrorKind, WriteState};
use tokio::sync::OwnedMutexGuard;

use super::authorize::Pending;
use super::endpoint::{Endpoint, Granted, sensitive};
use super::kept::{Keeper, Kept};
use crate::clock::{after, until};
use crate::secret::Secret;

/// A token is never renewed earlier than this before its end.
const EARLIEST_RENEWAL: Duration = Duration::from_secs(600);
/// When a renewal fails but the old token still holds, the next try comes after this.
const RENEWAL_PAUSE: Duration = Duration::from_secs(15);
/// A token that was renewed after a refusal and is refused itself is not renewed again so soon.
const REFUSAL_PAUSE: Duration = Duration::from_secs(60);

/// An access token, ready to be sent.
pub(crate) struct Token {
    header: HeaderValue,
    asked: Timestamp,
    expires: Timestamp,
    renew: Timestamp,
    /// Whether the one before it was refused.
    after_refusal: bool,
    /// Whether it was ever taken.
    worked: AtomicBool,
}

impl Token {
    fn new(access: &Secret, asked: Timestamp, expires: Timestamp) -> Result<Self, ActionError> {
        let life = until(asked, expires);
        Ok(Self {
            header: sensitive(&format!("Bearer {}", access.expose()))?,
            asked,
            expires,
            renew: after(asked, life - (life / 5).min(EARLIEST_RENEWAL)),
            after_refusal: false,
            worked: AtomicBool::new(false),
        })
    }

    /// The value of the `Authorization` header, marked so that it has no `Debug`.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// The other side has taken it.
    pub(crate) fn works(&self) {
        self.worked.store(true, Ordering::Relaxed);
    }

    fn access(&self) -> Option<Secret> {
        self.header.to_str().ok()?.strip_prefix("Bearer ").map(Secret::new)
    }
}

/// Where the tokens of one credential come from.
pub(crate) struct TokenSource {
    endpoint: Endpoint,
    /// Keeps what a person has agreed to; a grant that asks nobody keeps nothing.
    keeper: Option<Keeper>,
    current: RwLock<Current>,
    /// Held while a token request is under way.
    flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Current {
    token: Option<Arc<Token>>,
    was_refused: bool,
    kept: Option<Kept>,
    is_loaded: bool,
    /// Whether `kept` holds what is not on disk yet.
    is_unsaved: bool,
    /// How many requests have come to an end, and how the last one ended when it was bad.
    n_ended: u64,
    failure: Option<ActionError>,
}

impl TokenSource {
    pub(crate) fn new(endpoint: Endpoint, keeper: Option<Keeper>) -> Self {
        Self { endpoint, keeper, current: RwLock::default(), flight: Arc::default() }
    }

    /// A token that holds; requested when there is none or the present one nears its end.
    pub(crate) async fn token(self: &Arc<Self>) -> Result<Arc<Token>, ActionError> {
        let (fresh, seen) = self.fresh();
        if let Some(token) = fresh {
            return Ok(token);
        }
        let flight = Arc::clone(&self.flight).lock_owned().await;
        if let Some(keeper) = &self.keeper {
            self.load(keeper).await?;
        }
        let (fresh, now_seen) = self.fresh();
        if let Some(token) = fresh {
            return Ok(token);
        }
        if now_seen != seen
            && let Some(failure) = self.read(|current| current.failure.clone())
        {
            return Err(failure);
        }
        self.request(flight).await.map(|(token, _)| token)
    }

    /// Renews what a person has agreed to, though the present token holds: the client itself is
    /// tried. Nothing is asked where there is nothing to renew it with.
    pub(crate) async fn prove(self: &Arc<Self>) -> Result<(), ActionError> {
        let flight = Arc::clone(&self.flight).lock_owned().await;
        let refresh = self.read(|current| current.kept.as_ref().and_then(Kept::refresh));
        if refresh.is_none() {
            return Ok(());
        }
        match self.request(flight).await? {
            (_, None) => Ok(()),
            (_, Some(failure)) => Err(failure),
        }
    }

    /// Requests a token. Gives why that failed as well when the old one still holds.
    async fn request(
        self: &Arc<Self>,
        flight: OwnedMutexGuard<()>,
    ) -> Result<(Arc<Token>, Option<ActionError>), ActionError> {
        let source = Arc::clone(self);
        let request = tokio::spawn(async move {
            let _flight = flight;
            let outcome = source.obtain().await;
            let failure = outcome.as_ref().err().cloned();
            source.settle(outcome).map(|token| (token, failure))
        });
        request.await.unwrap_or_else(|_| {
            Err(ActionError::new(ErrorKind::Internal, "the request for a token did not end"))
        })
    }

    /// Forgets a token that the other side refused, unless it has been replaced already. Says
    /// whether it makes sense to ask for another one.
    pub(crate) fn drop_token(&self, refused: &Arc<Token>) -> bool {
        let now = self.endpoint.clock.now();
        let is_vain = refused.after_refusal && !refused.worked.load(Ordering::Relaxed);
        if is_vain && until(refused.asked, now) < REFUSAL_PAUSE {
            return false;
        }
        let mut current = self.write();
        if current.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            current.token = None;
            current.was_refused = true;
        }
        true
    }

    /// When the present token ends.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.read(|current| current.token.as_ref().map(|token| token.expires))
    }

    /// Fails when only a person can help, before anything is sent.
    pub(crate) async fn ready(&self) -> Result<(), ActionError> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        if !self.read(|current| current.is_loaded) {
            self.load(keeper).await?;
        }
        let now = self.endpoint.clock.now();
        self.read(|current| match (&current.kept, &current.token) {
            (_, Some(token)) if token.expires > now => Ok(()),
            (Some(kept), _) if kept.ended.is_none() && kept.refresh().is_some() => Ok(()),
            (Some(Kept { ended: Some(why), .. }), _) => Err(self.unauthorized(why)),
            (Some(_), _) => Err(self.unauthorized(NO_REFRESH)),
            (None, _) => Err(self.unauthorized(NEVER)),
        })
    }

    /// Takes what a person has agreed to: the code that came back to the browser.
    pub(crate) async fn redeem(&self, code: &Secret, asked: &Pending) -> Result<(), ActionError> {
        let Some(keeper) = &self.keeper else { return Ok(()) };
        let _flight = self.flight.lock().await;
        self.endpoint.redactor.know(&format!("{}/$code", keeper.alias), code);
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", asked.redirect_uri.as_str()),
        ];
        if let Some(verifier) = &asked.verifier {
            self.endpoint.redactor.know(&format!("{}/$verifier", keeper.alias), verifier);
            form.push(("code_verifier", verifier.expose()));
        }
        let granted = self.endpoint.exchange(form).await?;
        let mut kept = Kept::default();
        kept.authorized = granted.asked;
        let token = self.keep(keeper, kept, &granted).await?;
        let mut current = self.write();
        current.token = Some(Arc::new(token));
        (current.failure, current.was_refused, current.is_loaded) = (None, false, true);
        Ok(())
    }

    /// Asks the server to forget the tokens, when it has an address for that. Says whether it did.
    pub(crate) async fn revoke(&self) -> Result<bool, ActionError> {
        let Some(url) = &self.endpoint.client.revoke_url else { return Ok(false) };
        let _flight = self.flight.lock().await;
        if let Some(keeper) = &self.keeper {
            self.load(keeper).await?;
        }
        let token = self.read(|current| {
            let kept = current.kept.as_ref();
            let refresh = kept.and_then(Kept::refresh);
            refresh.or_else(|| current.token.as_ref().and_then(|token| token.access()))
        });
        let Some(token) = token else { return Ok(false) };
        self.endpoint.revoke(url, &token).await?;
        let mut current = self.write();
        (current.token, current.kept) = (None, None);
        Ok(true)
    }

    /// Who may ask for an authorisation here, and as what.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn read<T>(&self, of: impl FnOnce(&Current) -> T) -> T {
        of(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Current> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self) -> (Option<Arc<Token>>, u64) {
        let now = self.endpoint.clock.now();
        self.read(|current| {
            let fresh = current.token.as_ref().filter(|token| token.renew > now);
            (fresh.cloned(), current.n_ended)
        })
    }

    fn settle(&self, outcome: Result<Token, ActionError>) -> Result<Arc<Token>, ActionError> {
        let now = self.endpoint.clock.now();
        let mut current = self.write();
        current.n_ended += 1;
        let settled = match outcome {
            Ok(token) => {
                let after_refusal = std::mem::take(&mut current.was_refused);
                Ok(Arc::new(Token { after_refusal, ..token }))
            }
            // The old token still holds: go on with it, and try again a little later.
            Err(failure) => match current.token.take().filter(|token| token.expires > now) {
                Some(old) => {
                    let renew = after(now, RENEWAL_PAUSE).min(old.expires);
                    Ok(Arc::new(Token {
                        header: old.header(),
                        asked: old.asked,
                        expires: old.expires,
                        renew,
                        after_refusal: old.after_refusal,
                        worked: AtomicBool::new(old.worked.load(Ordering::Relaxed)),
                    }))
                }
                None => Err(failure),
            },
        };
        current.token = settled.as_ref().ok().cloned();
        current.failure = settled.as_ref().err().cloned();
        settled
    }

    async fn obtain(&self) -> Result<Token, ActionError> {
        let outcome = match &self.keeper {
            None => self.endpoint.request().await.and_then(|granted| token_of(&granted)),
            Some(keeper) => self.renew(keeper).await,
        };
        // Only a token was asked for; the call that needs it has not been sent.
        outcome.map_err(|error| error.with_write(WriteState::None))
    }

    /// Renews what a person agreed to. The new refresh token is on disk before anything is used.
    async fn renew(&self, keeper: &Keeper) -> Result<Token, ActionError> {
        let own = self.read(|current| current.kept.clone().map(|kept| (kept, current.is_unsaved)));
        let Some((own, is_unsaved)) = own else { return Err(self.unauthorized(NEVER)) };
        if is_unsaved {
            return self.save(keeper, own).await;
        }
        // With another secret of the same client it may have been renewed since it was read.
        let Some(mut kept) = self.stored(keeper).await? else {
            return Err(self.unauthorized(NEVER));
        };
        if kept.asked > own.asked
            && let Some(access) = kept.access()
        {
            let token = Token::new(&access, kept.asked, kept.expires)?;
            if token.renew > self.endpoint.clock.now() {
                self.write().kept = Some(kept);
                return Ok(token);
            }
        }
        if let Some(why) = &kept.ended {
            return Err(self.unauthorized(why));
        }
        let Some(refresh) = kept.refresh() else { return Err(self.unauthorized(NO_REFRESH)) };
        let lost = kept.renewing.replace(self.endpoint.clock.now());
        keeper.save(&kept).await.map_err(|error| unsaved(keeper, &error))?;
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        match self.endpoint.exchange(form).await {
            Ok(granted) => self.keep(keeper, kept, &granted).await,
            Err(error) => Err(self.failed(keeper, kept, lost, error).await),
        }
    }

    /// What follows when a renewal was not answered well.
    async fn failed(
        &self,
        keeper: &Keeper,
        mut kept: Kept,
        lost: Option<Timestamp>,
        error: ActionError,
    ) -> ActionError {
        let code = error.code.as_deref();
        let is_over = matches!(code, Some("invalid_grant" | "access_denied"));
        if is_over {
            let host = self.endpoint.client.host();
            let said = format!("{host} answers {}", code.unwrap_or_default());
            kept.end(match lost {
                Some(at) => format!(
                    "{said}; the answer to the renewal of {at:.0} was lost, and a refresh token \
                     works only once"
                ),
                None => format!("{said}: what was granted is not valid any more"),
            });
        } else if error.write == WriteState::None {
            // An answer came, or nothing was sent: the refresh token was not used up.
            kept.renewing = lost;
        } else {
            kept.renewing = lost.or(kept.renewing);
        }
        // When this is not kept, the next attempt finds out again.
        drop(keeper.save(&kept).await);
        let why = kept.ended.clone();
        self.write().kept = Some(kept);
        why.map_or(error, |why| self.unauthorized(&why))
    }

    /// Puts new tokens on disk, and only then gives the access token away.
    async fn keep(
        &self,
        keeper: &Keeper,
        mut kept: Kept,
        granted: &Granted,
    ) -> Result<Token, ActionError> {
        kept.set(&granted.access, granted.refresh.as_ref());
        kept.client = self.endpoint.client.fingerprint();
        (kept.asked, kept.expires) = (granted.asked, after(granted.asked, granted.life));
        if granted.refresh.is_some() {
            kept.refresh_ends = granted.refresh_ends;
        }
        (kept.renewing, kept.ended) = (None, None);
        self.save(keeper, kept).await
    }

    async fn save(&self, keeper: &Keeper, kept: Kept) -> Result<Token, ActionError> {
        {
            let mut current = self.write();
            current.kept = Some(kept.clone());
            current.is_unsaved = true;
        }
        keeper.save(&kept).await.map_err(|error| unsaved(keeper, &error))?;
        self.write().is_unsaved = false;
        let access = kept.access().unwrap_or_else(|| Secret::new(""));
        Token::new(&access, kept.asked, kept.expires)
    }

    /// Reads what is kept, once.
    async fn load(&self, keeper: &Keeper) -> Result<(), ActionError> {
        if self.read(|current| current.is_loaded) {
            return Ok(());
        }
        let kept = self.stored(keeper).await?;
        let token = match kept.as_ref().and_then(|kept| Some((kept, kept.access()?))) {
            Some((kept, access)) => Some(Arc::new(Token::new(&access, kept.asked, kept.expires)?)),
            None => None,
        };
        let mut current = self.write();
        (current.kept, current.token, current.is_loaded) = (kept, token, true);
        Ok(())
    }

    /// What is on disk for this client.
    async fn stored(&self, keeper: &Keeper) -> Result<Option<Kept>, ActionError> {
        let kept = keeper.load().await.map_err(|error| {
            let message =
                format!("the vault does not give the tokens of {}: {error}", keeper.alias);
            ActionError::new(ErrorKind::Unauthenticated, message)
        })?;
        let kept = kept.filter(|kept| kept.client == self.endpoint.client.fingerprint());
        if let Some(kept) = &kept {
            self.endpoint.know(kept.access().as_ref(), kept.refresh().as_ref());
        }
        Ok(kept)
    }

    /// Only a person can help, and this is how.
    fn unauthorized(&self, why: &str) -> ActionError {
        let alias = self.keeper.as_ref().map_or("", |keeper| keeper.alias.as_str());
        ActionError::new(ErrorKind::Unauthenticated, must_authorize(alias, why))
            .with_code("authorize")
    }
}

/// Nobody has agreed yet.
pub(crate) const NEVER: &str = "nobody has agreed to it yet";
/// There is nothing to renew it with.
pub(crate) const NO_REFRESH: &str = "its token has ended and the server gave no refresh token; many give one for the scope offline_access";

/// The sentence that sends a person to the browser.
pub(crate) fn must_authorize(alias: &str, why: &str) -> String {
    format!(
        "connection {alias} has to be authorised: {why}; run `linchpin connections authorize {alias}`"
    )
}

fn token_of(granted: &Granted) -> Result<Token, ActionError> {
    Token::new(&granted.access, granted.asked, after(granted.asked, granted.life))
}

fn unsaved(keeper: &Keeper, error: &crate::vault::Error) -> ActionError {
    let message =
        format!("the new token of {} cannot be stored, so it is not used: {error}", keeper.alias);
    ActionError::new(ErrorKind::Unavailable, message)
}
