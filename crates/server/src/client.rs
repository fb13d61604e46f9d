//! The client of the API: over a Unix socket, or to a router in the same process.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, StatusCode};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tower::ServiceExt;

use crate::api::BODY_LIMIT;

/// Talks to the API.
#[derive(Clone, Debug)]
pub struct Client {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Socket(PathBuf),
    Local(Router),
}

/// Why a request was not answered well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers on the socket.
    #[error("the daemon does not answer on {}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the daemon hung up")]
    HungUp(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The API said no.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why, in one sentence.
        message: String,
        /// What helps.
        help: Option<String>,
    },
    /// The answer is not JSON.
    #[error("the daemon's answer cannot be read; is it of another version?")]
    Unreadable(#[source] serde_json::Error),
}

/// An answer that arrives line by line.
#[derive(Debug)]
pub struct Lines {
    body: Body,
    buffer: BytesMut,
    is_over: bool,
}

impl Error {
    /// Whether whoever was asked is gone, or went before it answered.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::HungUp(_) | Self::Unreachable { .. })
    }
}

impl Client {
    /// To a process that serves this socket.
    pub fn socket(path: &Path) -> Self {
        Self { way: Way::Socket(path.to_owned()) }
    }

    /// To a router in this process.
    pub fn local(router: Router) -> Self {
        Self { way: Way::Local(router) }
    }

    /// Whether another process answers.
    pub fn is_remote(&self) -> bool {
        matches!(self.way, Way::Socket(_))
    }

    /// Reads a resource.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        json(self.send(Method::GET, path, None).await?).await
    }

    /// Asks for something to be done.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        json(self.send(Method::POST, path, Some(body)).await?).await
    }

    /// Reads a resource line by line, as it grows.
    pub async fn lines(&self, path: &str) -> Result<Lines, Error> {
        let body = self.send(Method::GET, path, None).await?;
        Ok(Lines { body, buffer: BytesMut::new(), is_over: false })
    }

    /// Asks for something that takes long and tells how it gets on.
    pub async fn work(&self, path: &str, body: &Value) -> Result<Lines, Error> {
        let body = self.send(Method::POST, path, Some(body)).await?;
        Ok(Lines { body, buffer: BytesMut::new(), is_over: false })
    }

    /// Takes something away.
    pub async fn delete(&self, path: &str) -> Result<Value, Error> {
        json(self.send(Method::DELETE, path, None).await?).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Body, Error> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "linchpin")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(bytes))
            .map_err(|error| Error::HungUp(error.into()))?;
        let (status, body) = match &self.way {
            Way::Local(router) => {
                let Ok(response) = router.clone().oneshot(request).await;
                (response.status(), response.into_body())
            }
            Way::Socket(path) => over_socket(path, request).await?,
        };
        if status.is_success() { Ok(body) } else { Err(refused(status, body).await) }
    }
}

async fn over_socket(path: &Path, request: Request<Body>) -> Result<(StatusCode, Body), Error> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| Error::Unreachable { path: path.to_owned(), source })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Error::HungUp(error.into()))?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("connection to the daemon ended: {error}");
        }
    });
    let response = sender.send_request(request).await;
    let response = response.map_err(|error| Error::HungUp(error.into()))?;
    Ok((response.status(), Body::new(response.into_body())))
}

async fn refused(status: StatusCode, body: Body) -> Error {
    let error = json(body).await.unwrap_or_default();
    let word = |name: &str| error["error"][name].as_str().map(str::to_owned);
    let (message, help) = match (word("message"), status) {
        (Some(message), _) => (message, word("help")),
        (None, StatusCode::PAYLOAD_TOO_LARGE) => (
            format!("the inputs are larger than {} MB", BODY_LIMIT >> 20),
            Some("keep what is large in a file, and give its path".to_owned()),
        ),
        (None, status) => (format!("the request was answered with {status}"), None),
    };
    Error::Refused { status: status.as_u16(), message, help }
}

async fn json(body: Body) -> Result<Value, Error> {
    let bytes = body.collect().await.map_err(|error| Error::HungUp(error.into()))?.to_bytes();
    serde_json::from_slice(&bytes).map_err(Error::Unreadable)
}

impl Lines {
    /// The next line; `None` after the last. Not lost when the wait for it is given up.
    pub async fn next(&mut self) -> Result<Option<Value>, Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return serde_json::from_slice(&line).map(Some).map_err(Error::Unreadable);
            }
            if self.is_over {
                return Ok(None);
            }
            match self.body.frame().await {
                None => self.is_over = true,
                Some(Err(error)) => return Err(Error::HungUp(error.into())),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }
}
