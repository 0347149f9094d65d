//! What every kind of object can do, and the one way in which all of them are driven.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::conditions::Condition;
use super::diagnostic::Place;
use super::read::Ask;
use super::step::Draft;

/// When our own changes were made, by address: for windows that Microsoft keeps no time of.
pub type Journal = BTreeMap<String, Timestamp>;

/// The time as the cloud tells it.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub now: Timestamp,
    pub journal: &'a Journal,
}

/// What was read of one object, told: conditions, and facts for its status.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Report {
    /// Domain conditions in ladder order.
    pub conditions: Vec<Condition>,
    /// Facts of the status, by field name.
    pub facts: BTreeMap<&'static str, Value>,
}

/// Whether an object's differences are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Differences are repaired.
    #[default]
    Enforce,
    /// Differences are reported, and nothing is written.
    Observe,
    /// Nothing is written until somebody takes `spec.suspend` back.
    Suspended,
}

/// A declared object, resolved: everything it needs of others is in it.
pub trait Kind {
    type Observed;

    /// `Tenant/contoso`
    fn address(&self) -> String;

    fn place(&self) -> Option<&Place>;

    fn mode(&self) -> Mode {
        Mode::Enforce
    }

    /// Addresses of the objects this one is made from; an error there stands in its way.
    fn depends_on(&self) -> Vec<String>;

    /// Reads, as data. Pure, and called again with more answers; `None` while more was asked for.
    fn observe(&self, ask: &Ask<'_>) -> Option<Self::Observed>;

    /// What is to be done.
    fn plan(&self, seen: &Self::Observed, moment: Moment<'_>, out: &mut Draft);

    /// What is so.
    fn report(&self, seen: &Self::Observed, moment: Moment<'_>) -> Report;
}

/// What came of looking at one object.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    pub address: String,
    pub place: Option<Place>,
    pub mode: Mode,
    pub depends_on: Vec<String>,
    pub draft: Draft,
    pub report: Report,
}

/// Any kind, seen from the pass.
pub trait Object: std::marker::Send + Sync {
    fn address(&self) -> String;
    /// Observes, and where that is complete plans and reports.
    fn look(&self, ask: &Ask<'_>, moment: Moment<'_>) -> Option<Judged>;
}

impl<K: Kind + std::marker::Send + Sync> Object for K {
    fn address(&self) -> String {
        Kind::address(self)
    }

    fn look(&self, ask: &Ask<'_>, moment: Moment<'_>) -> Option<Judged> {
        let seen = self.observe(ask)?;
        let mut draft = Draft::default();
        self.plan(&seen, moment, &mut draft);
        for diagnostic in &mut draft.diagnostics {
            if diagnostic.file.is_none() {
                *diagnostic = diagnostic.clone().at(self.place());
            }
        }
        Some(Judged {
            address: Kind::address(self),
            place: self.place().cloned(),
            mode: self.mode(),
            depends_on: self.depends_on(),
            draft,
            report: self.report(&seen, moment),
        })
    }
}
