//! The words in which status is told: condition types, their reasons, and what each pair means for what happens next.
//!
//! `Row`s are the one place that knows whether a reason is True or False, whether to try again, who must act and where to
//! read on. A wait is False with its reason; Unknown is only said of what could not be read.

mod links;
mod table;

use std::fmt;

pub use table::{ConditionType, Reason};

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It holds.
    True,
    /// It does not hold, or not yet.
    False,
    /// It could not be read.
    Unknown,
}

impl Status {
    /// The word that `metav1.Condition` uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to do about a state that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// It passes by itself: try again, with back-off, inside a window.
    Transient,
    /// A person must act: look again at a slow pace, write nothing.
    Person,
    /// We can put it right: the plan shows how.
    Fixable,
    /// It stays until the declaration, a licence or a contract changes: no try, a look once a day.
    Permanent,
}

/// Who must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// Somebody at the customer.
    Customer,
    /// Somebody at the partner.
    Partner,
    /// Microsoft, in its own time.
    Microsoft,
    /// Nobody.
    Nobody,
}

impl Who {
    /// The word that status shows, `-` for nobody.
    pub const fn as_str(self) -> &'static str {
        match self {
            Who::Customer => "Customer",
            Who::Partner => "Partner",
            Who::Microsoft => "Microsoft",
            Who::Nobody => "-",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of the table: what a reason means on a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The condition's type.
    pub condition: ConditionType,
    /// The reason.
    pub reason: Reason,
    /// The status that goes with it.
    pub status: Status,
    /// What to do about it; `None` where nothing is to be done.
    pub retry: Option<Retry>,
    /// Who must act.
    pub who: Who,
    /// Where to read on.
    pub link: &'static str,
}

/// The whole table.
pub fn table() -> &'static [Row] {
    table::TABLE
}

/// What `reason` means on `condition`; `None` if the pair is not in the vocabulary.
///
/// Any condition that is read from Microsoft can be `Unreadable`. `Ready` and `Stalled` take over the reasons of the others:
/// see [`roll_up`].
pub fn row(condition: ConditionType, reason: Reason) -> Option<Row> {
    let found = table::TABLE.iter().find(|row| row.condition == condition && row.reason == reason);
    match found {
        Some(row) => Some(*row),
        None if reason == Reason::Unreadable => table::TABLE
            .iter()
            .find(|row| row.condition == ConditionType::Ready && row.reason == reason)
            .map(|row| Row { condition, ..*row }),
        None => None,
    }
}

/// The row that `Ready` gets from a domain condition that fails.
pub fn roll_up(failing: Row) -> Row {
    Row { condition: ConditionType::Ready, ..failing }
}

/// The row of `Stalled` for a state that only a change of the declaration, a licence or a contract ends. `None` for all others:
/// `Stalled` is not shown then.
pub fn stalled(failing: Row) -> Option<Row> {
    (failing.retry == Some(Retry::Permanent)).then_some(Row {
        condition: ConditionType::Stalled,
        status: Status::True,
        ..failing
    })
}

#[cfg(test)]
mod tests;
