//! The transport of a spoke that has no system behind it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use linchpin_connector::{ActionError, ErrorKind, Request, Response, Transport};

use crate::clock::{Clock, after};

/// Sends nothing; pauses like any other.
pub(crate) struct Offline {
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Offline {
    async fn send(&self, _request: Request) -> Result<Response, ActionError> {
        let message = "this spoke has no system to send requests to";
        Err(ActionError::new(ErrorKind::InvalidInput, message))
    }

    async fn pause(&self, how_long: Duration) {
        self.clock.sleep_until(after(self.clock.now(), how_long)).await;
    }

    fn limited(&self, _wait: Duration) {}
}
