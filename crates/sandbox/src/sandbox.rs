//! Starting and stopping: six ports over one world.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::settings::Settings;
use crate::site::{Shared, System, router};
use crate::state_file::{self, Error, StateFile};
use crate::wire::{Cut, Port};
use crate::world::World;

/// How a sandbox is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Decides every id and secret.
    pub seed: u64,
    /// The file that keeps effects between runs; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// The first of six ports: Litmos, ServiceNow, SumTotal, control, webhooks, mail; `None` lets the
    /// system choose.
    pub port_base: Option<u16>,
    /// Where the time comes from.
    pub clock: Clock,
    /// The switches of each system.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            state: None,
            port_base: None,
            clock: Clock::System,
            settings: Settings::default(),
        }
    }
}

/// One system: where it is and how to get in.
#[derive(Clone, Debug)]
pub struct Site {
    /// The base of every call.
    pub url: String,
    /// Seeded credentials by name.
    pub secrets: BTreeMap<&'static str, String>,
}

/// The running stand-ins; they stop when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    litmos: Site,
    servicenow: Site,
    sumtotal: Site,
    notify: Site,
    control: String,
    shared: Shared,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Opens the ports and answers from then on.
    ///
    /// # Errors
    /// When a port cannot be opened, or the state file cannot be used.
    pub async fn start(options: Options) -> Result<Sandbox, Error> {
        let mut world = World::new(options.seed, options.clock, options.settings);
        if let Some(path) = &options.state {
            let (file, lines) = StateFile::open(path, options.seed)?;
            world.keep_in(file, lines);
        }
        let identity = world.identity;
        let shared = Shared::new(world);
        let mut listeners = Vec::new();
        for offset in 0..6 {
            let port = options.port_base.map_or(0, |base| base.saturating_add(offset));
            listeners.push(listen(port).await?);
        }
        let urls: Vec<String> = listeners.iter().map(|(_, url)| url.clone()).collect();
        let (litmos, servicenow, sumtotal, notify) = (
            crate::litmos::site(&urls[0], identity),
            crate::servicenow::site(&urls[1], identity),
            crate::sumtotal::site(&urls[2], identity),
            crate::notify::site(&urls[4], &urls[5], identity),
        );
        let (stop, stopped) = watch::channel(false);
        let sites = [
            ("litmos", &litmos),
            ("servicenow", &servicenow),
            ("sumtotal", &sumtotal),
            ("notify", &notify),
        ];
        let routers = [
            router(System::Litmos, shared.clone()),
            router(System::ServiceNow, shared.clone()),
            router(System::SumTotal, shared.clone()),
            crate::control::router(shared.clone(), &sites),
            router(System::Notify, shared.clone()),
        ];
        let (mail, _) = listeners.remove(5);
        let mail = tokio::spawn(crate::notify::serve(mail, shared.clone(), stopped.clone()));
        let mut servers: Vec<JoinHandle<()>> = listeners
            .into_iter()
            .zip(routers)
            .map(|((listener, _), routes)| tokio::spawn(run(listener, routes, stopped.clone())))
            .chain([mail])
            .collect();
        servers.push(tokio::spawn(crate::webhooks::run(shared.clone(), stopped)));
        let control = urls[3].clone();
        Ok(Sandbox { litmos, servicenow, sumtotal, notify, control, shared, stop, servers })
    }

    /// Litmos; the url ends in `/v1.svc`.
    pub fn litmos(&self) -> &Site {
        &self.litmos
    }

    /// ServiceNow.
    pub fn servicenow(&self) -> &Site {
        &self.servicenow
    }

    /// SumTotal.
    pub fn sumtotal(&self) -> &Site {
        &self.sumtotal
    }

    /// A mail server, whose url begins with `smtp`, and the webhooks of Slack and Teams.
    pub fn notify(&self) -> &Site {
        &self.notify
    }

    /// The base of the control routes.
    pub fn control_url(&self) -> String {
        self.control.clone()
    }

    /// Stops answering and lets go of the state file.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // An idle connection closes at once; one that hangs is not waited for.
        for server in self.servers {
            let ending = server.abort_handle();
            if tokio::time::timeout(Duration::from_millis(500), server).await.is_err() {
                ending.abort();
            }
        }
        self.shared.with(World::close);
    }

    /// Forgets the effects kept in a state file.
    ///
    /// # Errors
    /// When a sandbox uses the file, or it cannot be removed.
    pub fn reset(state: &Path) -> io::Result<()> {
        state_file::remove(state)
    }
}

async fn listen(port: u16) -> Result<(TcpListener, String), Error> {
    let address = format!("127.0.0.1:{port}");
    let failed = |source| Error::Listen { address: address.clone(), source };
    let listener = TcpListener::bind(&address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{local}")))
}

async fn run(listener: TcpListener, routes: Router, mut stopped: watch::Receiver<bool>) {
    let service = routes.into_make_service_with_connect_info::<Cut>();
    let ended = async move {
        // An error means that the sandbox was dropped, which is an end too.
        stopped.wait_for(|stop| *stop).await.ok();
    };
    let served = axum::serve(Port(listener), service).with_graceful_shutdown(ended).await;
    if let Err(error) = served {
        tracing::error!(%error, "a sandbox port has failed");
    }
}
