//! The sandbox: a Microsoft cloud in the box, served over real HTTP on loopback.
//!
//! It is independent of the client code and uses nothing of the other rooms: its own facts (`facts/`), its own
//! idea of permissions (from a token's claims), one virtual clock, one state file with one owner at a time.
//! Paths are Microsoft's own on one port:
//!
//! | path | service |
//! |---|---|
//! | `/{tenant}/oauth2/v2.0/token` | the token service (`sts/`) |
//! | `/v1.0/…`, `/beta/…` | Microsoft Graph (`graph/`, `gdap/`) |
//! | `/v1/customers…` | Partner Center (`partner_center`) |
//! | `/adminapi/beta/{tenant}/InvokeCommand` | Exchange Online's admin API (`exchange`) |
//! | `/_sandbox/…` | the control API: people and the world (`control_http`) |
mod clock;
mod cloud;
mod control;
mod control_http;
mod drift;
mod due;
mod error;
mod exchange;
mod facts;
mod faults;
mod gdap;
mod genesis;
mod graph;
mod http;
mod ids;
mod keys;
mod log;
mod partner_center;
mod picture;
mod server;
mod state;
mod store;
mod sts;
#[cfg(test)]
mod tests;
pub mod world;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use clock::{Delay, Lag};
pub use control::Control;
pub use error::SandboxError;
pub use log::Entry as LogEntry;

use cloud::Cloud;
use server::{Shared, locked};
use store::{Locked, Store};

/// How lively the cloud is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// Nothing takes time unless the world's `lag` says so.
    #[default]
    Instant,
}

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state file; made when it is not there.
    pub state: PathBuf,
    /// Used only when the state does not exist yet.
    pub world: Option<world::WorldFile>,
    /// For ids and choices; the world's own seed wins.
    pub seed: u64,
    pub profile: Profile,
    /// Where it is served.
    pub listen: SocketAddr,
    pub saving: Saving,
}

impl Options {
    /// For one program on this machine: a free port of 127.0.0.1, and every change on disk before it is answered.
    pub fn embedded(state: PathBuf, world: Option<world::WorldFile>, seed: u64) -> Options {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Options { state, world, seed, profile: Profile::Instant, listen, saving: Saving::EachChange }
    }
}

/// When the state is written to its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Saving {
    /// Before a change is answered: the process may be killed at any moment.
    #[default]
    EachChange,
    /// About once a second, and at the end: for a server of many tenants.
    NowAndThen,
}

/// A running simulated cloud.
pub struct Sandbox {
    cloud: Shared,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    saver: JoinHandle<()>,
}

/// The way to a sandbox: another process's, or our own.
pub enum Door {
    /// Another live process owns the state; this is its address.
    Running(String),
    Opened(Sandbox),
}

/// Name of a write route that is refused, as a fault given from outside.
const REFUSE: &str = "TENANTRY_SANDBOX_REFUSE";

/// Opens a state, or finds the process that has it open.
#[expect(clippy::disallowed_methods, reason = "waits in wall time for another process")]
pub async fn open(options: Options) -> Result<Door, SandboxError> {
    // An owner writes its address a moment after it takes the lock.
    for _ in 0..40 {
        match Store::lock(&options.state)? {
            Locked::Ours(store) => return Sandbox::with(store, options).await.map(Door::Opened),
            Locked::Theirs(url) if !url.is_empty() => return Ok(Door::Running(url)),
            Locked::Theirs(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Err(SandboxError::Locked { path: options.state })
}

impl Sandbox {
    /// Opens or makes the state, locks it, and serves it on a free port of 127.0.0.1.
    pub async fn start(options: Options) -> Result<Sandbox, SandboxError> {
        match open(options.clone()).await? {
            Door::Opened(s) => Ok(s),
            Door::Running(url) => Err(SandboxError::InUse { path: options.state, url }),
        }
    }

    async fn with(mut store: Store, options: Options) -> Result<Sandbox, SandboxError> {
        let Profile::Instant = options.profile;
        let mut state = match store.load()? {
            Some(state) => state,
            None => {
                let world = options.world.ok_or(SandboxError::NoWorld { path: options.state })?;
                let state = genesis::state(&world, options.seed)?;
                store.save(&state)?;
                state
            }
        };
        if let Some(step) = std::env::var(REFUSE).ok().filter(|s| !s.is_empty()) {
            state.faults.refuse_by_environment(&step).map_err(|e| SandboxError::Fault(REFUSE, e))?;
        }
        let listener = TcpListener::bind(options.listen).await.map_err(SandboxError::Listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(SandboxError::Listen)?);
        store.announce(&url)?;
        let cloud: Shared = Arc::new(Mutex::new(Cloud::new(state, store, options.saving)?));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(server::run(listener, cloud.clone(), stopped));
        let saver = tokio::spawn(save_now_and_then(cloud.clone()));
        Ok(Sandbox { cloud, url, stop: Some(stop), server, saver })
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn control(&self) -> Control {
        Control::new(self.cloud.clone())
    }

    /// Answers what is under way, saves, and gives the state file free.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // A client may keep its connection open for ever; it is not waited for.
        let _ = tokio::time::timeout(Duration::from_millis(300), &mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.saver.abort();
        let _ = locked(&self.cloud).close();
    }
}

/// Reads only add to the log; they are saved in passing.
#[expect(clippy::disallowed_methods, reason = "housekeeping of the server itself")]
async fn save_now_and_then(cloud: Shared) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = locked(&cloud).save_if_needed();
    }
}
