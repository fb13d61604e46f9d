//! One system on one port: takes a request in, lets faults strike, has it answered, and writes the ledger.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use crate::call::{Call, Reply};
use crate::clock;
use crate::faults::{Fault, Kind};
use crate::identity::sha256_hex;
use crate::ledger::{Request, without_secrets};
use crate::wire::Cut;
use crate::world::World;

/// Larger bodies are refused, as the real systems do.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// The one world, shared by all ports.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Shared(Arc::new(Mutex::new(world)))
    }

    /// Works on the world; never across an await.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One of the systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    Litmos,
    ServiceNow,
    SumTotal,
    Notify,
}

impl System {
    pub(crate) fn name(self) -> &'static str {
        match self {
            System::Litmos => "litmos",
            System::ServiceNow => "servicenow",
            System::SumTotal => "sumtotal",
            System::Notify => "notify",
        }
    }

    fn answer(self, world: &mut World, call: &Call) -> Reply {
        match self {
            System::Litmos => crate::litmos::answer(world, call),
            System::ServiceNow => crate::servicenow::answer(world, call),
            System::SumTotal => crate::sumtotal::answer(world, call),
            System::Notify => crate::notify::answer(world, call),
        }
    }

    fn rate_limited(self) -> Reply {
        match self {
            System::Litmos => crate::litmos::rate_limited(),
            System::ServiceNow => crate::servicenow::rate_limited(),
            System::SumTotal => crate::sumtotal::rate_limited(),
            System::Notify => crate::notify::rate_limited(),
        }
    }
}

/// The routes of a system: all of them, since each system routes for itself.
pub(crate) fn router(system: System, shared: Shared) -> Router {
    Router::new().fallback(handle).with_state((system, shared))
}

/// Reads the body; `None` when it is too large or breaks off.
pub(crate) async fn read(request: axum::extract::Request) -> Option<Call> {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, BODY_LIMIT).await.ok()?;
    Some(Call::new(parts.method, &parts.uri, parts.headers, body))
}

async fn handle(
    State((system, shared)): State<(System, Shared)>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: axum::extract::Request,
) -> Response<Body> {
    let Some(call) = read(request).await else {
        return respond(Reply::text(413, "text/plain", "The request body is too large."));
    };
    // A caller that hangs up must not stop the work, just as with a server far away.
    match tokio::spawn(serve(system, shared, cut, call)).await {
        Ok(reply) => respond(reply),
        Err(error) => respond(Reply::text(500, "text/plain", error.to_string())),
    }
}

/// Has a call answered, with whatever was told to go wrong with it.
pub(crate) async fn serve(system: System, shared: Shared, cut: Cut, call: Call) -> Reply {
    let (n, fault) =
        shared.with(|world| (world.arrived(), world.faults.strike(system.name(), &call)));
    let kind = fault.as_ref().map(|fault| fault.kind);
    let pause =
        Duration::from_millis(fault.as_ref().and_then(|fault| fault.delay_ms).unwrap_or(1000));
    if kind == Some(Kind::Delay) {
        tokio::time::sleep(pause).await;
    }
    let reply = shared.with(|world| answer(system, world, &call, n, fault.as_ref()));
    match kind {
        Some(Kind::DelayAfterCommit) => tokio::time::sleep(pause).await,
        Some(Kind::ResetBeforeCommit | Kind::ResetAfterCommit) => cut.now(),
        _ => {}
    }
    reply
}

/// Answers under the lock, so that effects and their order are beyond doubt.
fn answer(system: System, world: &mut World, call: &Call, n: u64, fault: Option<&Fault>) -> Reply {
    world.serve(n);
    let kind = fault.map(|fault| fault.kind);
    let reply = match (kind, fault) {
        (Some(Kind::ResetBeforeCommit), _) => Reply::empty(0),
        (
            Some(Kind::Status | Kind::RateLimit | Kind::HtmlError | Kind::Unauthorized),
            Some(fault),
        ) => fault.refusal(system.rate_limited()),
        (Some(Kind::CommitThenFail), Some(fault)) => {
            system.answer(world, call);
            fault.refusal(system.rate_limited())
        }
        (Some(Kind::ExpireTokens), _) => match crate::control::expire_tokens(world) {
            Ok(()) => system.answer(world, call),
            Err(error) => error.into(),
        },
        (Some(Kind::Truncate), _) => {
            let mut reply = system.answer(world, call);
            reply.body.truncate(reply.body.len() / 2);
            reply
        }
        _ => system.answer(world, call),
    };
    let entry = entry(system, world, call, n, &reply, fault);
    match world.record(entry) {
        Ok(()) => reply,
        Err(error) => error.into(),
    }
}

fn entry(
    system: System,
    world: &mut World,
    call: &Call,
    n: u64,
    reply: &Reply,
    fault: Option<&Fault>,
) -> Request {
    let writes = !matches!(call.method, Method::GET | Method::HEAD);
    Request {
        n,
        at: clock::iso(world.now()),
        system: system.name().to_owned(),
        method: call.method.to_string(),
        path: call.path.clone(),
        query: without_secrets(&call.query),
        status: reply.status,
        body_sha256: (writes && !call.body.is_empty()).then(|| sha256_hex(&call.body)),
        fault: fault.map(Fault::name),
        effects: world.served(),
    }
}

/// Puts an answer on the wire, with its own reason phrase when it has one.
pub(crate) fn respond(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    // Status 0 is never sent: the connection is cut first.
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    if let Some(reason) = reply.reason
        && let Ok(reason) = hyper::ext::ReasonPhrase::try_from(reason)
    {
        response.extensions_mut().insert(reason);
    }
    response
}
