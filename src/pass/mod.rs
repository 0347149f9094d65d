//! One pass over n objects of m kinds: gather → observe → plan → guard → execute → conditions.
//! The only caller of loader and executor.

mod apply;
mod gather;
mod ground;
mod journal;
mod look;
mod wanted;

pub use gather::offline;
pub use ground::{Ground, Reach};
pub use wanted::{Given, Wanted};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::engine::conditions::Condition;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::{Cost, Plan};
use crate::engine::read::Answers;
use crate::engine::step::Change;
use crate::source::{Inputs, SecretSink, Secrets};

/// How long an apply goes on after all that can be done now is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Until nothing is left that can be written now; what Microsoft has on its way is left to a later pass.
    Done,
    /// Until nothing is left that can be written; what takes moments is waited for.
    Written,
    /// Until all is Ready or waits for a person, or this much of the cloud's time has gone by.
    Ready(Duration),
}

/// What an apply may do, and how long it goes on.
#[derive(Clone, Debug)]
pub struct Terms {
    pub until: Until,
    pub approval: Approval,
    /// Addresses of changes that an earlier pass made and that cannot be read yet: they are not made again.
    pub made: Vec<String>,
}

/// What is approved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approval {
    /// What the plan at hand shows, and nothing that comes up later.
    AsPlanned,
    /// Whatever the declarations call for.
    AsDeclared,
}

impl Terms {
    /// What was shown, and nothing else.
    pub fn planned(until: Until) -> Terms {
        Terms { until, approval: Approval::AsPlanned, made: vec![] }
    }
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
    /// The changes themselves.
    pub done: Vec<Change>,
    pub failed: Vec<Diagnostic>,
    pub interrupted: bool,
    /// Everything read again afterwards.
    pub after: Looked,
}

/// A pass over what is wanted.
pub struct Pass {
    wanted: Arc<dyn Wanted>,
    /// The objects it is about; `None`: all.
    focus: Option<BTreeSet<String>>,
    ground: Ground,
    /// What is known and not stale.
    answers: Answers,
    /// What went wrong on the way, for who looks afterwards.
    failed: Vec<Diagnostic>,
    /// Nothing that others have read counts.
    anew: bool,
}

impl Pass {
    /// Over all that some inputs declare. Nothing is read from Microsoft yet.
    ///
    /// # Errors
    /// The CA file or the journal does not read.
    pub fn new(
        inputs: Inputs,
        secrets: Secrets,
        sink: Option<Arc<dyn SecretSink>>,
        reach: Reach,
    ) -> Result<Pass, Vec<Diagnostic>> {
        let secrets = Arc::new(secrets);
        let identities = gather::identities(&inputs, &secrets, sink.as_ref());
        let ground = Ground::new(identities, sink.clone(), reach)?;
        let wanted = Arc::new(Given { inputs, secrets, sink });
        Ok(Pass { wanted, focus: None, ground, answers: Answers::new(), failed: vec![], anew: false })
    }

    /// Over some of the objects: the others are looked at as far as these depend on them, and are not written.
    pub fn focused(wanted: Arc<dyn Wanted>, focus: BTreeSet<String>, ground: Ground) -> Pass {
        Pass { wanted, focus: Some(focus), ground, answers: Answers::new(), failed: vec![], anew: false }
    }

    /// Reads everything itself, also what other passes have just read.
    pub fn anew(mut self) -> Pass {
        self.anew = true;
        self
    }

    /// Looks once more, with what went wrong in the meantime.
    pub async fn look_after(&mut self, failed: Vec<Diagnostic>) -> Looked {
        self.failed = failed;
        self.look().await
    }

    /// The cloud's time, as the newest answer told it.
    pub fn now(&self) -> Timestamp {
        self.ground.now()
    }
}
