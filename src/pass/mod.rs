//! One pass over n objects of m kinds: gather → observe → plan → guard → execute → conditions.
//! The only caller of loader and executor.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::{Endpoints, Sleep};
use crate::engine::conditions::Condition;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::{Cost, Plan};

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
