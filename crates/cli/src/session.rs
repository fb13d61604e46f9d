//! The way to the runs: the socket of whoever holds the store, or the store itself.
//!
//! A command that holds the store for long serves the socket meanwhile, so that others get
//! through. Nobody ever meets a lock: who finds the store taken waits for the socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use linchpin_engine::store::{Error as StoreError, REMEDY, Records, Upkeep};
use linchpin_language::Value;
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{Connections, Options};
use linchpin_runtime::host::{Host, Parts};
use linchpin_runtime::triggers::webhook::Webhooks;
use linchpin_runtime::upkeep::Told;
use linchpin_runtime::{MasterKey, SystemClock, Vault};
use linchpin_sandbox::Sandbox;
use linchpin_server::{App, Client, Listening, Reload, Router, answers, find, router, serve};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::project::Project;
use crate::workspace::Workspace;
use crate::{logging, stand_in};

/// How long who holds the store may take to serve its socket and to answer there. Work never
/// keeps it from answering.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it takes until somebody who has just come or is going is looked for again.
const PAUSE: Duration = Duration::from_millis(30);
/// How long runs may take to come to rest at the end; a service manager waits ten seconds.
pub(crate) const GRACE: Duration = Duration::from_secs(8);

/// What a command does its work with.
pub(crate) struct Session {
    /// Talks to the runs, wherever they are driven.
    pub(crate) client: Client,
    local: Option<Local>,
}

/// The store is open in this process.
struct Local {
    host: Host,
    store: Arc<dyn Upkeep>,
    webhooks: Arc<Webhooks>,
    sandbox: Option<Sandbox>,
    serving: Option<Serving>,
}

struct Serving {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// What a session is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purpose {
    /// Whether others are let in while it lasts.
    pub(crate) serves: bool,
    /// A flow's file outside of the project's flows.
    pub(crate) file: Option<PathBuf>,
}

impl Purpose {
    /// For a look or a word.
    pub(crate) fn brief() -> Self {
        Self::default()
    }

    /// For as long as runs take.
    pub(crate) fn lasting() -> Self {
        Self { serves: true, file: None }
    }
}

impl Session {
    /// Finds who holds the store, or opens it.
    pub(crate) async fn open(project: &Project, purpose: Purpose) -> Result<Self, Failure> {
        if let Some(client) = reach(project).await? {
            return Ok(Self { client, local: None });
        }
        let store = match open_store(project) {
            Ok(store) => store,
            Err(StoreError::Locked { dir, holder }) => {
                return wait(project, (dir, holder), purpose).await;
            }
            Err(error) => return Err(unusable(&error)),
        };
        Self::over(project, store, purpose).await
    }

    /// Opens the store, and nothing else will do. A command that is about to end is waited for.
    pub(crate) async fn hold(project: &Project) -> Result<Self, Failure> {
        let deadline = tokio::time::Instant::now() + ANSWER;
        loop {
            if let Some(client) = reach(project).await? {
                return Err(held(project, &client).await);
            }
            match open_store(project) {
                Ok(store) => return Self::over(project, store, Purpose::lasting()).await,
                Err(StoreError::Locked { .. }) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(unusable(&error)),
            }
        }
    }

    async fn over(
        project: &Project,
        store: Arc<dyn Upkeep>,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        distrust(&store).await?;
        let workspace = Workspace::read(project, purpose.file.as_deref())?;
        if workspace.mistakes.iter().any(is_of_connections) {
            let own = workspace.mistakes.iter().filter(|mistake| is_of_connections(mistake));
            return Err(Failure::mistakes("the connections have mistakes", own.cloned().collect()));
        }
        let vault = Arc::new(vault(project, Arc::clone(&store)).await?);
        let (folder, capture) = (project.root.clone(), project.settings.capture);
        let options = Options { folder, capture, ..Options::default() };
        let clock = Arc::new(SystemClock);
        let (file, spokes) = (workspace.connections.clone(), workspace.spokes.clone());
        let connections = Arc::new(Connections::new(file, spokes, vault, clock.clone(), options));
        logging::redact(connections.redactor());
        let sandbox = if project.is_sandbox {
            let sandbox = stand_in::start(project).await?;
            stand_in::bind(&connections, &sandbox, &workspace)?;
            Some(sandbox)
        } else {
            None
        };
        let catalog = Arc::new(workspace.catalog);
        let (upkeep, held) = (Some(Arc::clone(&store)), Arc::clone(&store));
        let parts = Parts { store, catalog, connections, clock };
        let host = Host::new(parts, workspace.flows);
        let reload = Some(reload(project.clone(), purpose.file));
        let version = env!("CARGO_PKG_VERSION");
        let webhooks = Arc::new(Webhooks::new(host.clone()));
        let (own, hooks) = (host.clone(), Arc::clone(&webhooks));
        let environment = project.settings.environment.clone();
        let app = App { host: own, store: upkeep, version, environment, reload, webhooks: hooks };
        let router = router(app);
        let serving =
            if purpose.serves { Some(Serving::start(project, &router).await?) } else { None };
        let client = Client::local(router);
        Ok(Self { client, local: Some(Local { host, store: held, webhooks, sandbox, serving }) })
    }

    /// The host, when the runs are driven in this process.
    pub(crate) fn host(&self) -> Option<&Host> {
        self.local.as_ref().map(|local| &local.host)
    }

    /// The store, when it is open here.
    pub(crate) fn store(&self) -> Option<&Arc<dyn Upkeep>> {
        self.local.as_ref().map(|local| &local.store)
    }

    /// The webhooks of the flows, when the store is open here.
    pub(crate) fn webhooks(&self) -> Option<&Arc<Webhooks>> {
        self.local.as_ref().map(|local| &local.webhooks)
    }

    /// The socket that is served, if one is.
    pub(crate) fn socket(&self) -> Option<&PathBuf> {
        self.local.as_ref()?.serving.as_ref().map(|serving| &serving.path)
    }

    /// Lets the runs of this process come to rest; what is being sent is answered first.
    pub(crate) async fn rest(&self) {
        if let Some(local) = &self.local {
            local.host.stop(GRACE).await;
        }
    }

    /// Lets runs come to rest and the store go. Returns how many runs were still writing.
    pub(crate) async fn close(self) -> usize {
        let Some(Local { host, sandbox, serving, .. }) = self.local else { return 0 };
        tracing::debug!("stopping");
        let n_left = host.stop(GRACE).await;
        tracing::debug!("runs are at rest");
        if let Some(serving) = serving {
            serving.end().await;
            tracing::debug!("the socket is closed");
        }
        if let Some(sandbox) = sandbox {
            sandbox.stop().await;
        }
        n_left
    }
}

impl Serving {
    async fn start(project: &Project, router: &Router) -> Result<Self, Failure> {
        let state = project.make_state()?;
        let listening = Listening::bind(&state)
            .await
            .map_err(|error| Failure::because("the socket cannot be opened", &error))?;
        let path = listening.path.clone();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // The sender goes with the session, which is an end too.
            stopped.await.ok();
        };
        let task = tokio::spawn(serve(listening, router.clone(), shutdown));
        Ok(Self { path, stop, task })
    }

    async fn end(self) {
        drop(self.stop);
        let abort = self.task.abort_handle();
        // Whoever still reads has had its answer or follows a run that has come to rest.
        if tokio::time::timeout(Duration::from_secs(1), self.task).await.is_err() {
            abort.abort();
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// The client of whoever serves this project's socket. Who holds the store and says nothing is
/// named: nobody waits for it without an end.
pub(crate) async fn reach(project: &Project) -> Result<Option<Client>, Failure> {
    let Some(path) = find(&project.state()) else { return Ok(None) };
    let asked = async {
        if !answers(&path).await {
            return None;
        }
        let client = Client::socket(&path);
        match client.get("/v1/health").await {
            Err(error) if error.is_gone() => None,
            Ok(health) => Some((client, health)),
            Err(_) => Some((client, Value::Null)),
        }
    };
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(None) => Ok(None),
        Ok(Some((client, health))) => match other_environment(project, &health) {
            None => Ok(Some(client)),
            Some(failure) => Err(failure),
        },
        Err(_) => match open_store(project) {
            Err(StoreError::Locked { dir, holder }) => Err(silent(&dir, &holder)),
            Err(error) => Err(unusable(&error)),
            // It has gone meanwhile.
            Ok(_) => Ok(None),
        },
    }
}

/// Who has the store and serves it.
async fn held(project: &Project, client: &Client) -> Failure {
    let health = client.get("/v1/health").await.unwrap_or_default();
    let dir = project.store().dir;
    Failure::new(format!("process {} holds {} already", health["pid"], dir.display()))
        .help("one process per store; the other commands go through that one")
}

/// Why a process that serves the store cannot do what is asked: it uses other connections.
fn other_environment(project: &Project, health: &Value) -> Option<Failure> {
    let theirs = health.get("environment")?.as_str();
    let ours = project.settings.environment.as_deref();
    if project.is_sandbox || theirs == ours {
        return None;
    }
    let named = |name: Option<&str>| match name {
        Some(name) => format!("the environment {name}"),
        None => "no environment".to_owned(),
    };
    let process = health["pid"].as_u64().unwrap_or_default();
    let message = format!(
        "process {process} serves this project with {}, and {} is asked for",
        named(theirs),
        named(ours)
    );
    Some(Failure::new(message).help("give both the same --environment, or stop that process first"))
}

fn silent(dir: &Path, holder: &str) -> Failure {
    let seconds = ANSWER.as_secs();
    let message = format!("{holder} holds {} and has not answered for {seconds} s", dir.display());
    let id = holder.rsplit(' ').next().unwrap_or_default();
    Failure::new(message).help(format!(
        "if it was stopped, `kill -CONT {id}` lets it go on; `kill -KILL {id}` ends it, and the \
         next command goes on with its runs"
    ))
}

/// Somebody has the store: it serves its socket soon, or it is not one of us.
async fn wait(
    project: &Project,
    (dir, holder): (PathBuf, String),
    purpose: Purpose,
) -> Result<Session, Failure> {
    let deadline = tokio::time::Instant::now() + ANSWER;
    while tokio::time::Instant::now() < deadline {
        if let Some(client) = reach(project).await? {
            return Ok(Session { client, local: None });
        }
        tokio::time::sleep(PAUSE).await;
        if let Ok(store) = open_store(project) {
            return Box::pin(Session::over(project, store, purpose)).await;
        }
    }
    Err(unusable(&StoreError::Locked { dir, holder }))
}

/// Reads from whoever has the store, and again when that process ends meanwhile: it was just
/// going, and the next one knows as much.
pub(crate) async fn read<T>(
    project: &Project,
    look: impl AsyncFnMut(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    read_as(project, &Purpose::brief(), look).await
}

/// The same for a look that takes as long as other systems do: others are let in meanwhile.
pub(crate) async fn read_long<T>(
    project: &Project,
    look: impl AsyncFnMut(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    read_as(project, &Purpose::lasting(), look).await
}

async fn read_as<T>(
    project: &Project,
    purpose: &Purpose,
    mut look: impl AsyncFnMut(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let deadline = tokio::time::Instant::now() + GRACE;
    loop {
        let session = Session::open(project, purpose.clone()).await?;
        let seen = look(&session.client).await;
        session.close().await;
        match seen {
            Err(failure) if failure.is_gone && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            seen => return seen,
        }
    }
}

pub(crate) fn open_store(project: &Project) -> Result<Arc<dyn Upkeep>, StoreError> {
    let location = project.store();
    if let Err(failure) = project.make_state() {
        let source = std::io::Error::other(failure.message);
        return Err(StoreError::Io { action: "prepare", path: location.dir, source });
    }
    location.open()
}

/// A store whose files were changed since they were closed is read whole before anything goes
/// on with it: an engine that repairs itself may do so by forgetting.
pub(crate) async fn distrust(store: &Arc<dyn Upkeep>) -> Result<(), Failure> {
    if !store.about().map_err(|error| unusable(&error))?.is_changed {
        return Ok(());
    }
    let (mut first, mut n_damages) = (None, 0_u64);
    let mut told = linchpin_runtime::upkeep::verify(Arc::clone(store));
    while let Some(told) = told.recv().await {
        match told {
            Told::Damage(damage) => {
                n_damages += 1;
                first.get_or_insert(damage);
            }
            Told::Failed(why) => return Err(Failure::new(why).help(REMEDY)),
            Told::Progress(_) | Told::Removed { .. } | Told::Kept { .. } | Told::Done(_) => {}
        }
    }
    let Some(first) = first else {
        store.trust();
        return Ok(());
    };
    let more = if n_damages > 1 { format!(" (and {} more)", n_damages - 1) } else { String::new() };
    let (file, what, detail) = (first.file.display(), first.what, first.detail);
    let message = format!(
        "{file} was changed since it was closed: {what} is damaged: {detail}{more}; \
         `linchpin store verify` names everything"
    );
    Err(Failure::new(message).help(REMEDY))
}

pub(crate) fn unusable(error: &StoreError) -> Failure {
    let failure = Failure::new(crate::failure::sentence(error));
    match error {
        StoreError::Locked { .. } => {
            failure.help("wait until it ends, or stop it; two processes never share a store")
        }
        StoreError::Io { source, .. } => match source.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                failure.help("the folder and all in it must be this user's to write")
            }
            ErrorKind::StorageFull => failure.help("make room on its disk"),
            _ => failure,
        },
        StoreError::Conflict { .. }
        | StoreError::Changed { .. }
        | StoreError::Poisoned { .. }
        | StoreError::Damaged { .. }
        | StoreError::Foreign { .. }
        | StoreError::Newer { .. } => failure,
    }
}

/// The vault in the store; in the sandbox one that is forgotten, since nothing in it is real.
async fn vault(project: &Project, store: Arc<dyn Upkeep>) -> Result<Vault, Failure> {
    let place = project.vault_key();
    let failed = |error: &dyn std::error::Error| {
        Failure::because(format!("the key of the vault cannot be had from {place}"), error)
    };
    if project.is_sandbox {
        let key = MasterKey::generate().map_err(|error| failed(&error))?;
        return Ok(Vault::new(Arc::new(MemoryStore::new()) as Arc<dyn Records>, key));
    }
    let opened =
        Vault::open_at(store as Arc<dyn Records>, place.clone(), project.vault_key_before());
    let vault = opened.await.map_err(|error| failed(&error))?;
    Ok(vault.of_environment(project.settings.environment.clone()))
}

/// Reads a flow and those it reaches anew before a start, so that an edit counts from the next run on.
fn reload(project: Project, file: Option<PathBuf>) -> Reload {
    Arc::new(move |flow| {
        let workspace = Workspace::read(&project, file.as_deref())?;
        let name = workspace.runnable(flow)?.flow.name.clone();
        let reached = workspace.flows.reachable(&name);
        Ok(workspace.flows.only(|loaded| reached.contains_key(&loaded.flow.name)))
    })
}

fn is_of_connections(mistake: &linchpin_language::Diagnostic) -> bool {
    let name = Path::new(mistake.source.name()).file_name();
    name.and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("connections."))
}
