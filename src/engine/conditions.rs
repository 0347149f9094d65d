//! From what was read and what came of the steps to conditions, and to Ready and Synced.

use serde::Serialize;

use super::diagnostic::{Diagnostic, Severity};
use super::read::Why;
use crate::api::conditions::{ConditionType, Reason, Status as Told, row};
use crate::catalog::diagnosis;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Status {
    True,
    False,
    Unknown,
}

/// One condition as it was read: `metav1.Condition` without the times, which `finish` adds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: Status,
    pub reason: &'static str,
    pub message: String,
}

impl Condition {
    pub fn new(kind: &'static str, status: Status, reason: &'static str, message: impl Into<String>) -> Condition {
        debug_assert!(known(kind, status, reason), "{kind}={status:?}/{reason} is not in the vocabulary");
        Condition { kind, status, reason, message: message.into() }
    }

    pub fn yes(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Condition {
        Condition::new(kind, Status::True, reason, message)
    }

    pub fn no(kind: &'static str, reason: &'static str, message: impl Into<String>) -> Condition {
        Condition::new(kind, Status::False, reason, message)
    }

    /// What could not be had, by its code: the rule's reason where this condition knows it, else
    /// `otherwise`. No answer at all is Unknown.
    pub fn of_why(kind: &'static str, why: &Why, otherwise: &'static str) -> Condition {
        let Why::Refused(refusal) = why else { return Condition::unreadable(kind, why) };
        let rule = diagnosis::rule(&refusal.code);
        let reason = rule.and_then(|rule| Reason::parse(&rule.reason)).map(Reason::as_str);
        let reason = reason.filter(|reason| known(kind, Status::False, reason)).unwrap_or(otherwise);
        let cause = rule.map_or(refusal.message.as_str(), |rule| rule.cause.as_str());
        Condition::no(kind, reason, format!("{cause} ({})", refusal.code))
    }

    /// It could not be read, and why in short: the whole story is in the diagnostic.
    pub fn unreadable(kind: &'static str, why: &Why) -> Condition {
        let message = match why {
            Why::Failed(fault) => fault.message.clone(),
            Why::Refused(refusal) => match diagnosis::rule(&refusal.code) {
                Some(rule) => format!("{} ({})", rule.cause, refusal.code),
                None => format!("refused with {}", refusal.code),
            },
        };
        Condition::unknown(kind, message)
    }

    /// It could not be read. Never "fine".
    pub fn unknown(kind: &'static str, message: impl Into<String>) -> Condition {
        Condition::new(kind, Status::Unknown, "Unreadable", message)
    }
}

/// Whether the vocabulary has it so. `Unreadable` belongs to every type: it means Unknown.
fn known(kind: &str, status: Status, reason: &str) -> bool {
    let (Some(kind), Some(reason)) = (ConditionType::parse(kind), Reason::parse(reason)) else { return false };
    let told = |told| {
        matches!(
            (told, status),
            (Told::True, Status::True) | (Told::False, Status::False) | (Told::Unknown, Status::Unknown)
        )
    };
    // Ready takes over the reason of what fails.
    kind == ConditionType::Ready
        || reason == Reason::Unreadable
        || row(kind, reason).is_some_and(|row| told(row.status))
}

/// What the engine knows of one object beside its domain conditions.
#[derive(Clone, Debug, Default)]
pub struct Standing<'a> {
    pub suspended: bool,
    /// Changes of this object that are to be made and are not made yet.
    pub pending: usize,
    /// Observe: differences are reported, never repaired.
    pub observe_only: bool,
    pub diagnostics: Vec<&'a Diagnostic>,
}

/// Reasons that take precedence on Ready over any domain condition, most pressing first.
const PRECEDENCE: [&str; 9] = [
    "InvalidSpec",
    "Conflict",
    "ReferenceNotFound",
    "GuardRefused",
    "ApprovalRequired",
    "CredentialInvalid",
    "Unreadable",
    "Throttled",
    "Drifted",
];

/// The reason on Ready for an error of this code; `None` where the conditions say it better.
fn precedent(error: &Diagnostic) -> Option<&'static str> {
    let code = error.code.as_str();
    let of_identity = ["SecretNotFound", "ValueUnknown", "Certificate", "MfaRequired"];
    let of_sign_in = |condition: &str| matches!(condition, "SecretValid" | "MfaSatisfied" | "ServiceAccountReady");
    if of_identity.contains(&code) || diagnosis::rule(code).is_some_and(|rule| of_sign_in(&rule.condition)) {
        return Some("CredentialInvalid");
    }
    PRECEDENCE.into_iter().find(|reason| *reason == code)
}

/// Adds `Synced` and `Ready` in front of the domain conditions.
pub fn finish(domain: Vec<Condition>, standing: &Standing<'_>) -> Vec<Condition> {
    let mut all = vec![ready(&domain, standing), synced(standing)];
    all.extend(domain);
    all
}

fn first_error<'a>(standing: &Standing<'a>) -> Option<&'a Diagnostic> {
    standing.diagnostics.iter().copied().find(|d| d.severity == Severity::Error)
}

fn synced(standing: &Standing<'_>) -> Condition {
    if let Some(error) = first_error(standing) {
        Condition::no("Synced", "Failed", error.summary.clone())
    } else if standing.pending > 0 {
        let noun = if standing.pending == 1 { "change" } else { "changes" };
        Condition::no("Synced", "Pending", format!("{} {noun} to be made", standing.pending))
    } else {
        Condition::yes("Synced", "Synced", "everything that can be done has been done and read back")
    }
}

fn ready(domain: &[Condition], standing: &Standing<'_>) -> Condition {
    if standing.suspended {
        return Condition::no("Ready", "Suspended", "spec.suspend is true: nothing is written");
    }
    let error = first_error(standing);
    if let Some((error, reason)) = error.and_then(|error| Some((error, precedent(error)?))) {
        let unknown = matches!(reason, "Unreadable" | "Throttled");
        let status = if unknown { Status::Unknown } else { Status::False };
        return Condition::new("Ready", status, reason, error.summary.clone());
    }
    if standing.observe_only && standing.pending > 0 {
        let message = format!("{} differences, and management is Observe", standing.pending);
        return Condition::no("Ready", "Drifted", message);
    }
    match domain.iter().find(|c| c.status != Status::True) {
        Some(first) => Condition::new("Ready", first.status, first.reason, first.message.clone()),
        None if error.is_some() => {
            Condition::no("Ready", "GuardRefused", error.map_or("", |error| error.summary.as_str()))
        }
        None if standing.pending > 0 => {
            Condition::no("Ready", "Pending", format!("{} changes to be made", standing.pending))
        }
        None => Condition::yes("Ready", "Ready", "all that the declared apps need works"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_the_first_failing_condition_in_ladder_order() {
        let domain = vec![
            Condition::yes("GdapActive", "Active", ""),
            Condition::no("ConsentGranted", "Pending", "no consent yet"),
            Condition::no("ExchangeReady", "Pending", ""),
        ];
        let all = finish(domain, &Standing::default());
        assert_eq!((all[0].kind, all[0].reason, all[0].status), ("Ready", "Pending", Status::False));
        assert_eq!(all[0].message, "no consent yet");
        assert_eq!((all[1].kind, all[1].status), ("Synced", Status::True));
    }

    #[test]
    fn what_could_not_be_read_is_unknown_and_never_ready() {
        let domain = vec![Condition::unknown("Verified", "the server answered 503")];
        let all = finish(domain, &Standing::default());
        assert_eq!((all[0].reason, all[0].status), ("Unreadable", Status::Unknown));
    }

    #[test]
    fn an_error_takes_precedence_over_domain_conditions() {
        let error = Diagnostic::error("Partner/northwind", "the secret is wrong").code("CredentialInvalid");
        let standing = Standing { diagnostics: vec![&error], ..Standing::default() };
        let all = finish(vec![Condition::no("GdapActive", "Created", "")], &standing);
        assert_eq!((all[0].reason, all[1].reason), ("CredentialInvalid", "Failed"));
    }

    #[test]
    fn changes_that_are_not_made_yet_are_not_synced() {
        let all = finish(vec![], &Standing { pending: 2, ..Standing::default() });
        assert_eq!((all[0].reason, all[1].message.as_str()), ("Pending", "2 changes to be made"));
    }
}
