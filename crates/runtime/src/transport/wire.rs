//! One pooled HTTP client: sends a request to a URL and reads the answer, both within limits.
//!
//! It follows no redirect, uses no proxy from the environment and knows no credential.

use std::sync::Once;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use hyper::ext::ReasonPhrase;
use linchpin_connector::{ActionError, ErrorKind, Response, Sink};
use reqwest::{Certificate, ClientBuilder, Identity, Proxy, redirect};
use url::{Host, Url};
use zeroize::Zeroizing;

use super::address::{PublicOnly, refused};
use super::failure;
use super::wave::Wave;

const USER_AGENT: &str = concat!("linchpin/", env!("CARGO_PKG_VERSION"));

/// An idle connection is dropped before most servers would drop it under our next request.
const IDLE: Duration = Duration::from_secs(50);

/// What a client may do. It holds secrets, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whether private, loopback and link-local addresses may be connected to.
    pub(crate) allow_private: bool,
    /// Whether any URL it is used for is https. Without, no certificates of the system are needed.
    pub(crate) tls: bool,
    /// Limit of making a connection.
    pub(crate) connect: Duration,
    /// Limit of an answer's body, after decompression, in bytes.
    pub(crate) max_response: usize,
    /// The proxy that requests go through, with its password if it has one.
    pub(crate) proxy: Option<Zeroizing<String>>,
    /// Certificates in PEM that are trusted in place of those of the system.
    pub(crate) ca: Option<Zeroizing<String>>,
    /// Our own certificate and its key, in PEM one after the other.
    pub(crate) identity: Option<Zeroizing<String>>,
}

/// A request with everything on it, to be sent as it is.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) timeout: Duration,
}

/// A pooled HTTP client under a policy.
pub(crate) struct Wire {
    client: reqwest::Client,
    wave: Wave,
    policy: Policy,
}

impl Wire {
    /// A client under this policy; the error says why there can be none.
    pub(crate) fn new(policy: Policy) -> Result<Self, String> {
        install_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(policy.connect)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true);
        builder = match &policy.proxy {
            Some(proxy) => builder.proxy(Proxy::all(proxy.as_str()).map_err(|_| {
                // Its own words repeat the URL, and with it a password.
                "the proxy is no URL such as http://proxy.example:3128".to_owned()
            })?),
            None => builder,
        };
        builder = tls(builder, &policy)?;
        if !policy.allow_private {
            let proxy = policy.proxy.as_ref().and_then(|proxy| Url::parse(proxy).ok());
            let except = proxy.and_then(|url| url.host_str().map(str::to_owned));
            builder = builder.dns_resolver(PublicOnly { except });
        }
        let client = builder.build().map_err(|error| {
            let mut text = error.to_string();
            let mut layer = std::error::Error::source(&error);
            while let Some(source) = layer {
                text = source.to_string();
                layer = source.source();
            }
            text
        })?;
        Ok(Self { client, wave: Wave::new(), policy })
    }

    /// The policy it was made under.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn exchange(&self, outgoing: Outgoing) -> Result<Response, ActionError> {
        self.exchange_into(outgoing, None).await
    }

    /// The same, with the body of a good answer given to the sink piece by piece.
    pub(super) async fn exchange_into(
        &self,
        outgoing: Outgoing,
        sink: Option<&mut dyn Sink>,
    ) -> Result<Response, ActionError> {
        let host = shown(&outgoing.url);
        self.judge_literal(&outgoing.url, &host)?;
        let timeout = outgoing.timeout;
        let failed =
            |error: reqwest::Error| failure::of(&error, &host, timeout, self.policy.connect);

        let mut request = reqwest::Request::new(outgoing.method, outgoing.url);
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = outgoing.body.map(reqwest::Body::from);
        *request.timeout_mut() = Some(timeout);
        // The client begins to count the time when it is given the request.
        let sent = self.wave.during(async { self.client.execute(request).await }).await;
        let mut answer = sent.map_err(failed)?;

        let status = answer.status();
        let mut sink = sink.filter(|_| status.is_success());
        let limit = sink.as_ref().map_or(self.policy.max_response as u64, |sink| sink.limit());
        if answer.content_length().is_some_and(|length| length > limit) {
            return Err(failure::too_large(&host, limit));
        }
        let headers = std::mem::take(answer.headers_mut());
        // The client keeps a phrase only when it is not the usual one for the status.
        let reason = match answer.extensions().get::<ReasonPhrase>() {
            Some(phrase) => Some(String::from_utf8_lossy(phrase.as_bytes()).into_owned()),
            None => status.canonical_reason().map(str::to_owned),
        };
        let (mut body, mut length) = (Body::default(), 0);
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            length += chunk.len() as u64;
            if length > limit {
                return Err(failure::too_large(&host, limit));
            }
            match &mut sink {
                Some(sink) => sink.take(chunk).await?,
                None => body.push(chunk),
            }
        }
        Ok(Response { status: status.as_u16(), reason, headers, body: body.finish() })
    }

    /// An address written in the URL is never resolved, so it is judged here.
    fn judge_literal(&self, url: &Url, host: &str) -> Result<(), ActionError> {
        if self.policy.allow_private {
            return Ok(());
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(ActionError::new(ErrorKind::InvalidInput, "the URL has no host")),
        };
        match refused(address) {
            Some(why) => Err(failure::not_allowed(host, &format!("it is a {why} address"))),
            None => Ok(()),
        }
    }
}

/// Whom the client trusts, and how it names itself.
fn tls(mut builder: ClientBuilder, policy: &Policy) -> Result<ClientBuilder, String> {
    if let Some(ca) = &policy.ca {
        let certificates = Certificate::from_pem_bundle(ca.as_bytes());
        let certificates = certificates.ok().filter(|found| !found.is_empty());
        let certificates = certificates.ok_or("tls.ca holds no certificate in PEM")?;
        builder = builder.tls_certs_only(certificates);
    } else if !policy.tls {
        // The system's certificates take milliseconds to read, and small machines have none.
        let none = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        return Ok(builder.tls_backend_preconfigured(none));
    }
    if let Some(identity) = &policy.identity {
        let identity = Identity::from_pem(identity.as_bytes())
            .map_err(|_| "tls.certificate and tls.key are no certificate and key in PEM")?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

/// A body being read; one that comes in one piece is not copied.
#[derive(Default)]
struct Body {
    first: Bytes,
    rest: BytesMut,
}

impl Body {
    fn push(&mut self, chunk: Bytes) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = chunk;
            return;
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&chunk);
    }

    fn finish(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

/// What a person may see of a URL: the host, and the port when it is not the usual one.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Makes ring the process's provider of cryptography, unless somebody has chosen one already.
pub(super) fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}
