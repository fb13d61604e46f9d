//! The listener for webhooks: a port of its own that knows nothing else, so that whoever reaches
//! it reaches no part of the API.
//!
//! A request is bounded in size and time before anything looks at it. A refusal is a status and a
//! word; why is for whoever looks after the daemon.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use linchpin_engine::event::Outcome;
use linchpin_runtime::host::Error;
use linchpin_runtime::triggers::Tell;
use linchpin_runtime::triggers::webhook::{BASE, Delivery, Refusal, Taken, Webhooks};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

/// The largest body of a delivery, in bytes.
pub const LARGEST: usize = 1 << 20;
/// How long a sender may take for the head of a request, and again for its body.
const SENDING: Duration = Duration::from_secs(10);
/// How many connections are open at a time; others wait for their turn.
const CONNECTIONS: usize = 256;
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 32 << 10;
/// How long answers under way may take at the end.
const GRACE: Duration = Duration::from_secs(1);

/// A listener that is open.
pub struct Hooks {
    /// Where it is.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Hooks {
    /// Listens, and answers from then on.
    pub async fn open(
        address: SocketAddr,
        webhooks: Arc<Webhooks>,
        tell: Tell,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(listen(listener, webhooks, tell, stopped));
        Ok(Self { address, stop, task })
    }

    /// Takes no more deliveries; those under way have a moment to be answered.
    pub async fn end(self) {
        self.stop.send_replace(true);
        // It ends after its grace by itself.
        self.task.await.ok();
    }
}

async fn listen(
    listener: TcpListener,
    webhooks: Arc<Webhooks>,
    tell: Tell,
    mut stopped: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            _ = stopped.changed() => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            // Out of files, mostly: it passes when a connection ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (webhooks, tell, stopped) = (Arc::clone(&webhooks), Arc::clone(&tell), stopped.clone());
        connections.spawn(async move {
            connection(stream, webhooks, tell, stopped).await;
            drop(place);
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Whoever still sends gets no answer, and sends again later.
    tokio::time::timeout(GRACE, ended).await.ok();
}

async fn connection(
    stream: TcpStream,
    webhooks: Arc<Webhooks>,
    tell: Tell,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let (webhooks, tell) = (Arc::clone(&webhooks), Arc::clone(&tell));
        async move { Ok::<_, Infallible>(answer(&webhooks, &tell, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SENDING)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection for webhooks broke: {error}");
    }
}

async fn answer(
    webhooks: &Webhooks,
    tell: &Tell,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    match taken(webhooks, request).await {
        Ok(taken) => accepted(webhooks, taken).await,
        Err(refused) => {
            if let Some(why) = refused.why {
                tell(why);
            }
            let mut response = reply(refused.status, &json!({ "error": refused.word }));
            if refused.status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            response
        }
    }
}

/// What the sender is told, and what is for us.
struct Refused {
    status: StatusCode,
    word: &'static str,
    why: Option<String>,
}

fn refused(status: StatusCode, word: &'static str) -> Refused {
    Refused { status, word, why: None }
}

async fn taken(webhooks: &Webhooks, request: Request<Incoming>) -> Result<Taken, Refused> {
    let (head, body) = request.into_parts();
    let unknown = || refused(StatusCode::NOT_FOUND, "not found");
    let path = head.uri.path().strip_prefix(BASE).ok_or_else(unknown)?;
    if head.method != Method::POST {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "deliveries are posted"));
    }
    let body = read(body).await?;
    let query = head.uri.query().unwrap_or_default();
    let delivery = Delivery { path, query, headers: &head.headers, body: &body };
    webhooks.take(&delivery).await.map_err(|refusal| {
        let (status, word) = match &refusal {
            Refusal::Unknown(_) => return unknown(),
            Refusal::NotGenuine { .. } => (StatusCode::UNAUTHORIZED, "refused"),
            Refusal::Unfit { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "not understood"),
            Refusal::Host(Error::Full { .. }) => (StatusCode::CONFLICT, "running already"),
            Refusal::Host(Error::Stopping) => {
                return refused(StatusCode::SERVICE_UNAVAILABLE, "shutting down");
            }
            Refusal::NoSecret { .. } | Refusal::Host(Error::Store(_) | Error::Append(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "not ready")
            }
            Refusal::Host(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not started"),
        };
        Refused { status, word, why: Some(refusal.to_string()) }
    })
}

/// The whole body, if it is small and comes in time.
async fn read(body: Incoming) -> Result<Bytes, Refused> {
    let too_large = || refused(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    if body.size_hint().lower() > LARGEST as u64 {
        return Err(too_large());
    }
    let all = tokio::time::timeout(SENDING, Limited::new(body, LARGEST).collect()).await;
    match all {
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "too slow")),
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "broken off")),
    }
}

/// The answer to a delivery whose run is on disk.
async fn accepted(webhooks: &Webhooks, taken: Taken) -> Response<Full<Bytes>> {
    let Taken { run, is_new, status, waits, .. } = taken;
    let ended = if waits { webhooks.result(&run).await } else { None };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED);
    match ended {
        Some(Outcome::Succeeded { outputs }) => reply(StatusCode::OK, &outputs),
        Some(Outcome::Failed { .. }) => {
            reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "run": run, "state": "failed" }))
        }
        Some(Outcome::Cancelled) => {
            reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "run": run, "state": "cancelled" }))
        }
        // It goes on.
        None if waits => reply(StatusCode::ACCEPTED, &json!({ "run": run, "is_new": is_new })),
        None => reply(status, &json!({ "run": run, "is_new": is_new })),
    }
}

fn reply(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
