//! The one JSON document of `plan` and `apply` (format 1.0).

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::diff::masked;
use crate::engine::diagnostic::{Diagnostic, Severity};
use crate::engine::digest;
use crate::engine::plan::{Cost, Plan, PlannedWait, Summary};
use crate::engine::step::Change;

/// Major: something went away or changed its meaning. Minor: something was added.
const FORMAT: &str = "1.0";

/// The document. Fields are always there; what is not known is `null`.
#[derive(Serialize)]
pub struct Document<'a> {
    format_version: &'static str,
    tool: String,
    complete: bool,
    errored: bool,
    hash: String,
    summary: Summary,
    changes: Vec<ChangeOut<'a>>,
    drift: Vec<ChangeOut<'a>>,
    /// Objects with our mark that no manifest declares.
    undeclared: Vec<String>,
    waits: Vec<WaitOut<'a>>,
    /// Only of `apply`: addresses of the changes that were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<&'a [String]>,
    diagnostics: Vec<DiagnosticOut<'a>>,
    cost: Cost,
}

#[derive(Serialize)]
struct ChangeOut<'a> {
    address: &'a str,
    class: String,
    actions: [&'static str; 1],
    before: Value,
    after: Value,
    sensitive: &'a [String],
    origin: &'a str,
    reason: &'a str,
    digest: String,
}

#[derive(Serialize)]
struct WaitOut<'a> {
    address: &'a str,
    condition: &'static str,
    reason: &'static str,
    on: &'static str,
    who: &'static str,
    link: Option<String>,
    since: Option<Timestamp>,
    deadline: Option<Timestamp>,
    then: &'a [String],
    message: &'a str,
}

/// A diagnostic with all its fields, there or not.
#[derive(Serialize)]
pub struct DiagnosticOut<'a> {
    severity: Severity,
    address: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    summary: &'a str,
    detail: &'a str,
    code: &'a str,
    remedy: &'a str,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Change> for ChangeOut<'a> {
    fn from(change: &'a Change) -> ChangeOut<'a> {
        ChangeOut {
            address: &change.address,
            class: change.class.to_string(),
            actions: [change.action.word()],
            before: masked(&change.before, &change.sensitive),
            after: masked(&change.after, &change.sensitive),
            sensitive: &change.sensitive,
            origin: &change.origin,
            reason: &change.reason,
            digest: digest::of_change(change),
        }
    }
}

impl<'a> From<&'a PlannedWait> for WaitOut<'a> {
    fn from(planned: &'a PlannedWait) -> WaitOut<'a> {
        WaitOut {
            address: &planned.address,
            condition: planned.wait.condition,
            reason: planned.wait.reason,
            on: planned.wait.who.on(),
            who: planned.wait.who.word(),
            link: planned.link(),
            since: planned.wait.since,
            deadline: planned.wait.deadline,
            then: &planned.then,
            message: &planned.wait.what,
        }
    }
}

impl<'a> From<&'a Diagnostic> for DiagnosticOut<'a> {
    fn from(d: &'a Diagnostic) -> DiagnosticOut<'a> {
        DiagnosticOut {
            severity: d.severity,
            address: &d.address,
            file: d.file.as_deref(),
            line: d.line,
            summary: &d.summary,
            detail: &d.detail,
            code: &d.code,
            remedy: &d.remedy,
            request_id: d.request_id.as_deref(),
        }
    }
}

/// `tenantry x.y.z`
pub fn tool() -> String {
    format!("tenantry {}", env!("CARGO_PKG_VERSION"))
}

/// The document of a plan.
pub fn plan<'a>(plan: &'a Plan, cost: &Cost) -> Document<'a> {
    Document {
        format_version: FORMAT,
        tool: tool(),
        complete: plan.complete(),
        errored: plan.errored(),
        hash: plan.hash(),
        summary: plan.summary(),
        changes: plan.changes.iter().map(ChangeOut::from).collect(),
        drift: plan.drift.iter().map(ChangeOut::from).collect(),
        undeclared: vec![],
        waits: plan.waits.iter().map(WaitOut::from).collect(),
        applied: None,
        diagnostics: plan.diagnostics.iter().map(DiagnosticOut::from).collect(),
        cost: *cost,
    }
}

impl<'a> Document<'a> {
    /// What an apply adds: what was made, what waits now, and what went wrong on the way.
    ///
    /// Changes, hash and summary stay those of the plan that was carried out.
    pub fn applied(mut self, made: &'a [String], waits: &'a [PlannedWait], diagnostics: &'a [Diagnostic]) -> Self {
        self.applied = Some(made);
        self.waits = waits.iter().map(WaitOut::from).collect();
        self.diagnostics = diagnostics.iter().map(DiagnosticOut::from).collect();
        self.errored = diagnostics.iter().any(Diagnostic::is_error);
        self.complete &= !self.errored;
        self
    }

    /// For an apply that was stopped before it was done.
    pub fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }

    /// As text, with a line's end.
    pub fn to_text(&self) -> String {
        pretty(self)
    }
}

/// Diagnostics with all their fields.
pub fn diagnostics(all: &[Diagnostic]) -> Vec<DiagnosticOut<'_>> {
    all.iter().map(DiagnosticOut::from).collect()
}

/// Any document as indented JSON with a line's end.
pub fn pretty(document: &impl Serialize) -> String {
    // Documents have string keys and finite numbers only: this cannot fail.
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    format!("{text}\n")
}
