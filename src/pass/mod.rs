//! One pass over n objects of m kinds: gather → observe → plan → guard → execute → conditions.
//! The only caller of loader and executor.

mod apply;
mod gather;
mod journal;
mod look;

pub use gather::offline;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::{Cloud, Endpoints, Loader, Sleep, Wire};
use crate::engine::conditions::Condition;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::{Cost, Plan};
use crate::engine::read::Answers;
use crate::source::{Inputs, SecretSink, Secrets};

/// How a pass reaches Microsoft.
#[derive(Clone)]
pub struct Reach {
    pub endpoints: Endpoints,
    /// A PEM bundle to trust beside the public ones.
    pub ca: Option<Vec<u8>>,
    pub sleep: Arc<dyn Sleep>,
    /// Requests under way at once.
    pub parallelism: usize,
    /// Remembers when changes were made, for windows that Microsoft keeps no time of.
    pub journal: Option<PathBuf>,
}

/// How long an apply goes on after all that can be done now is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until nothing is left that can be written.
    Written,
    /// Until all is Ready or waits for a person, or this much of the cloud's time has gone by.
    Ready(Duration),
}

/// One object after a look: what its status would say.
#[derive(Clone, PartialEq, Debug)]
pub struct Standing {
    /// `Tenant/contoso`
    pub address: String,
    /// `Ready`, `Synced`, then domain conditions in ladder order.
    pub conditions: Vec<Condition>,
    /// Facts of the status by field name (`relationship`, `links`, `apps`, `appId` …).
    pub facts: BTreeMap<&'static str, Value>,
}

/// What a look found.
#[derive(Clone, PartialEq, Debug)]
pub struct Looked {
    pub plan: Plan,
    /// In the order of kinds, then by name.
    pub objects: Vec<Standing>,
    pub cost: Cost,
    /// The cloud's time.
    pub now: Timestamp,
}

/// What an apply did.
#[derive(Clone, PartialEq, Debug)]
pub struct Applied {
    /// Addresses of the changes that were made.
    pub made: Vec<String>,
    pub failed: Vec<Diagnostic>,
    pub interrupted: bool,
    /// Everything read again afterwards.
    pub after: Looked,
}

/// A pass over some inputs.
pub struct Pass {
    inputs: Inputs,
    secrets: Arc<Secrets>,
    sink: Option<Arc<SecretSink>>,
    cloud: Cloud,
    loader: Loader,
    journal: journal::File,
    /// What is known and not stale.
    answers: Answers,
}

impl Pass {
    /// Makes ready; nothing is read from Microsoft yet.
    ///
    /// # Errors
    /// The CA file or the journal does not read.
    pub fn new(
        inputs: Inputs,
        secrets: Secrets,
        sink: Option<SecretSink>,
        reach: Reach,
    ) -> Result<Pass, Vec<Diagnostic>> {
        let (secrets, sink) = (Arc::new(secrets), sink.map(Arc::new));
        let wire = Wire::new(reach.ca.as_deref(), reach.endpoints.on_this_machine())
            .map_err(|why| vec![Diagnostic::error("run", why).remedy("Check --ca-file.")])?;
        let journal = journal::File::open(reach.journal).map_err(|error| vec![*error])?;
        let identities = gather::identities(&inputs, &secrets, sink.as_ref());
        let cloud = Cloud::new(wire, reach.endpoints, identities, reach.sleep, reach.parallelism);
        let loader = Loader::new(cloud.clone());
        Ok(Pass { inputs, secrets, sink, cloud, loader, journal, answers: Answers::new() })
    }

    /// The cloud's time, as the newest answer told it.
    pub fn now(&self) -> Timestamp {
        self.cloud.wire.clock.now()
    }
}
