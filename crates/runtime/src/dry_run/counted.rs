//! A connection's way to its system that counts what is asked of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use linchpin_connector::{ActionError, Mail, Request, Response, Sink, Transport};

/// The way of one call, and how many requests went there.
pub(super) struct Counted<'a> {
    inner: &'a dyn Transport,
    requests: AtomicU64,
}

impl<'a> Counted<'a> {
    pub(super) fn new(inner: &'a dyn Transport) -> Self {
        Self { inner, requests: AtomicU64::new(0) }
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn one_more(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for Counted<'_> {
    async fn send(&self, request: Request) -> Result<Response, ActionError> {
        self.one_more();
        self.inner.send(request).await
    }

    async fn fetch(&self, request: Request, sink: &mut dyn Sink) -> Result<Response, ActionError> {
        self.one_more();
        self.inner.fetch(request, sink).await
    }

    async fn mail(&self, mail: &Mail) -> Result<String, ActionError> {
        self.inner.mail(mail).await
    }

    async fn greet(&self) -> Result<(), ActionError> {
        self.inner.greet().await
    }

    fn check(&self, request: &Request) -> Result<(), ActionError> {
        self.inner.check(request)
    }

    async fn pause(&self, how_long: Duration) {
        self.inner.pause(how_long).await;
    }

    fn limited(&self, wait: Duration) {
        self.inner.limited(wait);
    }
}
