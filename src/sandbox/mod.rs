//! The sandbox: a Microsoft cloud in the box, served over real HTTP on loopback.
//!
//! It is independent of the client code and uses nothing of the other rooms: its own facts (`facts/`), its own
//! idea of permissions (from a token's claims), one virtual clock, one state file with one owner at a time.
//! Paths are Microsoft's own on one port:
//!
//! | path | service |
//! |---|---|
//! | `/{tenant}/oauth2/v2.0/token`, `…/devicecode`, `…/.well-known/openid-configuration` | the token service (`sts/`) |
//! | `/{tenant}/oauth2/v2.0/authorize`, `/devicelogin`, `/{tenant}/v2.0/adminconsent`, `/AdminPortal/Home` | pages for people (`pages/`) |
//! | `/metadata/endpoints` | what Azure's cloud is made of (`metadata`) |
//! | `/v1.0/…`, `/beta/…` | Microsoft Graph (`graph/`, `gdap/`) |
//! | `/v1/customers…` | Partner Center (`partner_center`) |
//! | `/adminapi/beta/{tenant}/InvokeCommand` | Exchange Online's admin API (`exchange`) |
//! | `/_sandbox/…` | the control API: people and the world (`control_http`) |
mod audit;
mod behaviour;
pub mod bench;
mod clock;
mod cloud;
mod control;
mod control_http;
mod cors;
mod drift;
mod drift_log;
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
mod kept;
mod keys;
mod listing;
mod log;
mod metadata;
mod pages;
mod partner_center;
mod personas;
mod picture;
mod server;
mod serving;
mod shelf;
mod state;
mod store;
mod sts;
#[cfg(test)]
mod tests;
mod tls;
mod wire;
pub mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use behaviour::Profile;
pub use clock::{ClockWish, Delay, Lag};
pub use control::Control;
pub use error::SandboxError;
pub use listing::{Operation, operations};
pub use log::Entry as LogEntry;
pub use serving::{Note, Served, Serving, serve};
pub use tls::{ca_file, key_file};

use clock::Clock;
use cloud::Cloud;
use server::{Front, Shared, locked};
use store::{Locked, Saving, Store};

/// What a sandbox is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state file; made when it is not there.
    pub state: PathBuf,
    /// Used only when the state does not exist yet.
    pub world: Option<world::WorldFile>,
    /// For ids and choices; the world's own seed wins.
    pub seed: u64,
    /// Of a new state, unless its world has one.
    pub profile: Profile,
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

/// Opens a state, or finds the process that has it open. Whatever is answered is in the file by then.
pub async fn open(options: Options) -> Result<Door, SandboxError> {
    open_with(options, Serving::default(), Saving::EveryChange).await.map(|(door, _)| door)
}

#[expect(clippy::disallowed_methods, reason = "waits in wall time for another process")]
async fn open_with(options: Options, serving: Serving, saving: Saving) -> Result<(Door, Vec<Note>), SandboxError> {
    // An owner writes its address after it takes the lock, when it has read the state: of a large fleet in seconds.
    for _ in 0..300 {
        match Store::lock(&options.state, saving)? {
            Locked::Ours(store) => {
                let (sandbox, notes) = Sandbox::with(store, options, serving).await?;
                return Ok((Door::Opened(sandbox), notes));
            }
            Locked::Theirs(url) if !url.is_empty() => return Ok((Door::Running(url), Vec::new())),
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

    async fn with(store: Store, options: Options, serving: Serving) -> Result<(Sandbox, Vec<Note>), SandboxError> {
        let mut notes = Vec::new();
        let (mut state, is_new) = match store.load()? {
            Some(state) => (state, false),
            None => {
                let mut world = options.world.ok_or(SandboxError::NoWorld { path: options.state.clone() })?;
                world.profile = serving.profile.or(world.profile).or(Some(options.profile));
                (genesis::state(&world, options.seed, Clock::new(serving.clock))?, true)
            }
        };
        if let Some(wish) = serving.clock.filter(|_| !is_new) {
            notes.extend(serving::set(&mut state.clock, wish));
            // Nobody has a token of it yet: its key may be the one that every run of this seed has.
            if state.clock.is_fixed() && state.log.next == 0 {
                state.signing_key = keys::generate(Some(state.seed))?;
            }
        }
        if let Some(profile) = serving.profile.filter(|_| !is_new) {
            state.behave(profile);
        }
        if let Some(step) = std::env::var(REFUSE).ok().filter(|s| !s.is_empty()) {
            state.faults.refuse_by_environment(&step).map_err(|e| SandboxError::Fault(REFUSE, e))?;
        }
        let at = serving::listen(&serving, &options.state).await?;
        notes.extend(at.exposed.then_some(Note::Exposed));
        let saving = store.saving;
        let mut cloud = Cloud::new(state, store)?;
        if is_new || serving.clock.is_some() || serving.profile.is_some() {
            cloud.save()?;
        }
        cloud.announce(&at.url)?;
        let cloud: Shared = Arc::new(Mutex::new(cloud));
        let (stop, stopped) = oneshot::channel();
        let front = Front { cloud: cloud.clone(), latency: serving.latency, host: at.host };
        let server = tokio::spawn(server::run(at.wires, front, stopped));
        let saver = tokio::spawn(save_now_and_then(cloud.clone(), saving));
        Ok((Sandbox { cloud, url: at.url, stop: Some(stop), server, saver }, notes))
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn control(&self) -> Control {
        Control::new(self.cloud.clone())
    }

    /// As [`Sandbox::close`], for those who can do nothing about it.
    pub async fn stop(self) {
        let _ = self.close().await;
    }

    /// Answers what is under way, saves, and gives the state file free.
    pub async fn close(mut self) -> Result<(), SandboxError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // A client may keep its connection open for ever; it is not waited for.
        let _ = tokio::time::timeout(Duration::from_millis(300), &mut self.server).await;
        locked(&self.cloud).close()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
        self.saver.abort();
        let _ = locked(&self.cloud).close();
    }
}

/// Reads only add to the log; they are saved in passing. In the background, everything is.
#[expect(clippy::disallowed_methods, reason = "housekeeping of the server itself")]
async fn save_now_and_then(cloud: Shared, saving: Saving) {
    let mut pause = SECOND;
    loop {
        tokio::time::sleep(pause).await;
        if saving == Saving::EveryChange {
            let _ = locked(&cloud).save_if_needed();
            continue;
        }
        // Its own statement: the lock is free again before anything is written.
        let snapshot = locked(&cloud).snapshot();
        let Some(snapshot) = snapshot else { continue };
        let begun = std::time::Instant::now();
        let written = tokio::task::spawn_blocking(move || snapshot.write()).await;
        // Writing a large fleet must not be all that the machine does.
        pause = SECOND.max(begun.elapsed() * 4);
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "the sandbox is not saved; it is tried again");
            locked(&cloud).is_unsaved();
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
