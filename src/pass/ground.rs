//! What all passes of a process stand on: the way to Microsoft, the place for secrets, the journal.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{gather, journal};
use crate::cloud::desk::Freshness;
use crate::cloud::{Clock, Cloud, Endpoints, Identities, Loader, Sleep, Traffic, Wire};
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::Cost;
use crate::engine::read::Memo;
use crate::source::{Inputs, SecretSink, Secrets};

/// How a pass reaches Microsoft.
#[derive(Clone)]
pub struct Reach {
    pub endpoints: Endpoints,
    /// A PEM bundle to trust beside the public ones.
    pub ca: Option<Vec<u8>>,
    /// Counts what is asked of Microsoft, over the life of the process.
    pub traffic: Arc<Traffic>,
    /// What is heard of the cloud's time.
    pub clock: Arc<Clock>,
    pub sleep: Arc<dyn Sleep>,
    /// Requests under way at once.
    pub parallelism: usize,
    /// The longest pause that Microsoft may ask for and that is waited out on the spot; `None`: any.
    pub patience: Option<Duration>,
    /// For how long answers may be given to other passes of the process.
    pub freshness: Freshness,
    /// Remembers when changes were made, for windows that Microsoft keeps no time of.
    pub journal: Option<PathBuf>,
}

/// The ground of a process's passes. Cheap to clone.
#[derive(Clone)]
pub struct Ground {
    pub(super) sink: Option<Arc<dyn SecretSink>>,
    pub cloud: Cloud,
    pub loader: Loader,
    pub(super) journal: Arc<journal::File>,
    pub(super) memo: Arc<Memo>,
}

impl Ground {
    /// Makes ready; nothing is read from Microsoft yet.
    ///
    /// # Errors
    /// The CA file or the journal does not read.
    pub fn new(
        identities: Identities,
        sink: Option<Arc<dyn SecretSink>>,
        reach: Reach,
    ) -> Result<Ground, Vec<Diagnostic>> {
        let wire = Wire::new(reach.ca.as_deref(), reach.endpoints.on_this_machine(), reach.clock)
            .map_err(|why| vec![Diagnostic::error("run", why).remedy("Check --ca-file.")])?
            .counted_in(reach.traffic);
        let journal = Arc::new(journal::File::open(reach.journal).map_err(|error| vec![*error])?);
        let cloud = Cloud::new(wire, reach.endpoints, identities, reach.sleep, reach.parallelism, reach.patience);
        let loader = Loader::new(cloud.clone(), reach.freshness);
        Ok(Ground { sink, cloud, loader, journal, memo: Arc::default() })
    }

    /// The ground of a process whose identities come and go: see [`Ground::identify`].
    ///
    /// # Errors
    /// The CA file does not read.
    pub fn without_identities(sink: Arc<dyn SecretSink>, reach: Reach) -> Result<Ground, Vec<Diagnostic>> {
        let nobody = Identities { partners: Default::default(), sink_secret: Arc::new(|_| None) };
        Ground::new(nobody, Some(sink), reach)
    }

    /// Signs in as these inputs say from now on; tokens of the partners in `changed` are forgotten.
    pub async fn identify(&self, inputs: &Inputs, secrets: &Arc<Secrets>, changed: &BTreeSet<String>) {
        let identities = gather::identities(inputs, secrets, self.sink.as_ref());
        self.cloud.auth.replace(identities, changed).await;
    }

    /// The cloud's time, as the newest answer told it.
    pub fn now(&self) -> Timestamp {
        self.cloud.wire.clock.now()
    }

    /// What all passes have cost so far.
    pub fn cost(&self) -> Cost {
        self.cloud.wire.meter.cost()
    }
}
