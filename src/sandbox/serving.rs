//! Serving the cloud to other programs: where it listens, how late it answers, and which clock it goes by.
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;

use super::behaviour::Profile;
use super::clock::{Clock, ClockWish};
use super::error::SandboxError;
use super::{Door, Options, Sandbox, open_with, store::Saving, tls};

/// How a cloud is served.
#[derive(Debug, Clone)]
pub struct Serving {
    /// `HOST:PORT`; port 0 is any that is free.
    pub listen: String,
    pub tls: bool,
    /// How much later every answer comes, except those of the control API.
    pub latency: Duration,
    /// `None`: as the state has it; a new state follows the wall clock.
    pub clock: Option<ClockWish>,
    /// `None`: as the state has it; a new state as its world says.
    pub profile: Option<Profile>,
}

impl Default for Serving {
    fn default() -> Serving {
        Serving { listen: "127.0.0.1:0".to_owned(), tls: false, latency: Duration::ZERO, clock: None, profile: None }
    }
}

/// What was not done as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The clock never goes backwards: it was to be at `asked`, and stays at `now`.
    ClockStays { asked: Timestamp, now: Timestamp },
    /// Other machines can reach it.
    Exposed,
}

/// A cloud that is served, and what there is to say about it.
pub struct Served {
    pub sandbox: Sandbox,
    pub notes: Vec<Note>,
}

/// Opens or makes the state and serves it. Changes are saved in the background, and when it is stopped.
pub async fn serve(options: Options, serving: Serving) -> Result<Served, SandboxError> {
    let path = options.state.clone();
    match open_with(options, serving, Saving::InBackground).await? {
        (Door::Opened(sandbox), notes) => Ok(Served { sandbox, notes }),
        (Door::Running(url), _) => Err(SandboxError::InUse { path, url }),
    }
}

/// What is listened at: the socket, with TLS or without, the host as it was named, and the address to go to.
pub(super) struct Listening {
    pub wires: super::wire::Wires,
    pub host: String,
    pub url: String,
    pub exposed: bool,
}

pub(super) async fn listen(serving: &Serving, state: &std::path::Path) -> Result<Listening, SandboxError> {
    let at = &serving.listen;
    let failed = |source| SandboxError::Listen { at: at.clone(), source };
    let listener = TcpListener::bind(at.as_str()).await.map_err(failed)?;
    let mut address = listener.local_addr().map_err(failed)?;
    let exposed = !address.ip().is_loopback();
    // From here every address of this machine is reached by its loopback address.
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let host = at.rsplit_once(':').map_or(at.as_str(), |(host, _)| host).to_owned();
    let tls = serving.tls.then(|| tls::open(state, host.trim_matches(['[', ']']))).transpose()?;
    let url = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
    Ok(Listening { wires: super::wire::Wires { listener, tls }, host, url, exposed })
}

/// Sets the clock as it is wished for, never backwards.
pub(super) fn set(clock: &mut Clock, wish: ClockWish) -> Option<Note> {
    let now = clock.now();
    match (wish, &clock) {
        (ClockWish::Follow, Clock::Follow { .. }) => None,
        (ClockWish::Follow, Clock::Fixed { .. }) => {
            *clock = Clock::following_from(now);
            None
        }
        (ClockWish::Fixed(asked), _) => {
            *clock = Clock::Fixed { at: asked.max(now) };
            (asked < now).then_some(Note::ClockStays { asked, now })
        }
    }
}
