//! What it means that no answer came: the kind of error, whether a write may have happened, and one
//! sentence that names the host and the cause but never a URL.

use std::error::Error as _;
use std::io::ErrorKind as ErrorCause;
use std::time::Duration;

use linchpin_connector::{ActionError, ErrorKind, WriteState};

use super::address::RefusedAddress;

/// Turns a failure of the client into an error. `host` is what a person may see of the address.
pub(super) fn of(
    error: &reqwest::Error,
    host: &str,
    timeout: Duration,
    connect: Duration,
) -> ActionError {
    if let Some(refusal) = find::<RefusedAddress>(error) {
        return not_allowed(host, &refusal.to_string());
    }
    if error.is_connect() {
        let message = if error.is_timeout() {
            format!("cannot connect to {host}: no connection within {}", seconds(connect))
        } else {
            format!("cannot connect to {host}: {}", cause(error))
        };
        return ActionError::new(ErrorKind::ConnectionFailed, message);
    }
    if error.is_builder() {
        let message = format!("cannot make a request for {host}: {}", cause(error));
        return ActionError::new(ErrorKind::InvalidInput, message);
    }
    if error.is_timeout() {
        let message = format!("{host} did not answer within {}", seconds(timeout));
        return ActionError::new(ErrorKind::Timeout, message).with_write(WriteState::Unknown);
    }
    if is_nonsense(error) {
        let message = format!("what {host} answers is no HTTP answer: {}", cause(error));
        return ActionError::new(ErrorKind::BadResponse, message).with_write(WriteState::Unknown);
    }
    let message =
        format!("the connection to {host} broke before the answer was complete: {}", cause(error));
    ActionError::new(ErrorKind::ConnectionFailed, message).with_write(WriteState::Unknown)
}

/// Whether an answer came and cannot be read, rather than broke off.
fn is_nonsense(error: &reqwest::Error) -> bool {
    let is_unreadable = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse);
    let io = find::<std::io::Error>(error).map(std::io::Error::kind);
    is_unreadable || matches!(io, Some(ErrorCause::InvalidData | ErrorCause::InvalidInput))
}

/// The connection may not lead where it does.
pub(super) fn not_allowed(host: &str, why: &str) -> ActionError {
    let message = format!(
        "will not connect to {host}: {why}, and the connection does not say allow_private: true"
    );
    ActionError::new(ErrorKind::Forbidden, message)
}

/// The answer is larger than we are willing to hold.
pub(super) fn too_large(host: &str, limit: u64) -> ActionError {
    let limit =
        if limit >= 1 << 20 { format!("{} MB", limit >> 20) } else { format!("{limit} bytes") };
    let message = format!("the answer of {host} is larger than {limit}");
    ActionError::new(ErrorKind::LimitExceeded, message).with_write(WriteState::Unknown)
}

/// The innermost cause. Outer layers of the client repeat the URL, which may hold a secret.
fn cause(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else { return "no further detail".to_owned() };
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string().to_lowercase_first()
}

fn find<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut layer = error.source();
    while let Some(source) = layer {
        if let Some(found) = source.downcast_ref::<E>() {
            return Some(found);
        }
        layer = source.source();
    }
    None
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
}

trait LowercaseFirst {
    fn to_lowercase_first(&self) -> String;
}

impl LowercaseFirst for String {
    fn to_lowercase_first(&self) -> String {
        let mut letters = self.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    }
}
