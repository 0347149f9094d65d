//! What the status of an object says. Pure: from what a look found, and the status that was.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::api::conditions::{self, ConditionType, Reason, Retry, Row};
use crate::api::{
    GdapRelationshipStatus, GdapTemplateStatus, Kind, PartnerAppStatus, PartnerStatus, TenantClassStatus, TenantStatus,
    crds,
};
use crate::engine::conditions::{Condition, Status};

/// Facts of a status, by field.
pub type Facts = BTreeMap<&'static str, Value>;

/// `lastVerified` is brought up to date this often when nothing else changes.
const VERIFIED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What is to be said of an object.
pub struct Saying<'a> {
    pub kind: Kind,
    pub generation: i64,
    /// `Ready`, `Synced`, then domain conditions.
    pub conditions: Vec<Condition>,
    pub facts: Facts,
    /// The annotation that asked for this look.
    pub requested: Option<&'a str>,
    pub now: Timestamp,
}

/// Types of conditions that the columns of `kubectl get` show, by kind.
static COLUMNS: LazyLock<BTreeMap<Kind, Vec<&'static str>>> = LazyLock::new(|| {
    let of = |path: &str| {
        let name = path.split("@.type==\"").nth(1)?.split('"').next()?;
        ConditionType::parse(name).map(ConditionType::as_str)
    };
    let kinds = crds().into_iter().filter_map(|crd| {
        let kind = Kind::parse(&crd.spec.names.kind)?;
        let columns = crd.spec.versions.into_iter().flat_map(|v| v.additional_printer_columns.unwrap_or_default());
        let mut types: Vec<&'static str> = columns.filter_map(|c| of(&c.json_path)).collect();
        types.retain(|t| !matches!(*t, "Ready" | "Synced"));
        types.dedup();
        Some((kind, types))
    });
    kinds.collect()
});

/// Conditions of an object that was not looked at: every column says that nothing is known, and why.
pub fn unknown(kind: Kind, reason: &'static str, why: &str) -> Vec<Condition> {
    let types = COLUMNS.get(&kind).map_or(&[][..], Vec::as_slice);
    let one = |t: &&'static str| Condition { kind: t, status: Status::Unknown, reason, message: why.to_owned() };
    types.iter().map(one).collect()
}

/// The conditions that are there only while they are true: at work, or at an end of what we can do.
pub fn abnormal(conditions: &[Condition], waits_on_microsoft: bool, tries: u32) -> Option<Condition> {
    let ready = conditions.iter().find(|c| c.kind == "Ready")?;
    if ready.status == Status::True {
        let synced = conditions.iter().find(|c| c.kind == "Synced");
        return synced.filter(|c| c.status != Status::True).map(|c| working(&c.message, tries));
    }
    let row = row_of(conditions, ready);
    if let Some(stalled) = row.and_then(conditions::stalled) {
        return Some(Condition {
            kind: "Stalled",
            status: Status::True,
            reason: stalled.reason.as_str(),
            message: ready.message.clone(),
        });
    }
    let person = row.is_some_and(|row| row.retry == Some(Retry::Person));
    (!person || waits_on_microsoft).then(|| working(&ready.message, tries))
}

fn working(message: &str, tries: u32) -> Condition {
    let reason = if tries > 1 { "ProgressingWithRetry" } else { "Progressing" };
    Condition { kind: "Reconciling", status: Status::True, reason, message: message.to_owned() }
}

/// The line of the vocabulary behind Ready: its own, or that of the first condition that fails.
pub fn row_of(all: &[Condition], ready: &Condition) -> Option<Row> {
    let reason = Reason::parse(ready.reason)?;
    let failing = all
        .iter()
        .find(|c| !matches!(c.kind, "Ready" | "Synced") && c.status != Status::True && c.reason == ready.reason);
    let domain = failing.and_then(|c| conditions::row(ConditionType::parse(c.kind)?, reason));
    conditions::row(ConditionType::Ready, reason).or(domain)
}

impl Saying<'_> {
    /// The status as it shall be written.
    pub fn status(self, old: &Value) -> Value {
        let verified = self.facts.get("lastVerified").filter(|v| !v.is_null()).cloned();
        let mut status = fields(self.kind, self.facts);
        let conditions = self.conditions.iter().map(|c| condition(c, self.generation, old, self.now)).collect();
        status.insert("conditions".into(), Value::Array(conditions));
        status.insert("observedGeneration".into(), json!(self.generation));
        let verified = verified.or_else(|| old.get("lastVerified").cloned());
        set(&mut status, "lastVerified", verified);
        let handled = self.requested.map(|r| json!(r)).or_else(|| old.get("lastHandledReconcileAt").cloned());
        set(&mut status, "lastHandledReconcileAt", handled);
        Value::Object(status)
    }
}

fn set(status: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(status.insert(name.into(), value)),
        None => drop(status.remove(name)),
    }
}

/// A condition as Kubernetes has it: since when, and of which generation.
fn condition(new: &Condition, generation: i64, old: &Value, now: Timestamp) -> Value {
    let status = match new.status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    };
    let all = old.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let before = all.clone().find(|c| c.get("type").and_then(Value::as_str) == Some(new.kind));
    let same = before.filter(|c| c.get("status").and_then(Value::as_str) == Some(status));
    let since = same.and_then(|c| c.get("lastTransitionTime")).cloned().unwrap_or_else(|| json!(second(now)));
    json!({
        "type": new.kind, "status": status, "reason": new.reason, "message": new.message,
        "lastTransitionTime": since, "observedGeneration": generation,
    })
}

/// `metav1.Time` has whole seconds.
fn second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The facts as the kind's status has them; what it does not have is left out.
fn fields(kind: Kind, facts: Facts) -> Map<String, Value> {
    match kind {
        Kind::Partner => typed::<PartnerStatus>(facts),
        Kind::PartnerApp => typed::<PartnerAppStatus>(facts),
        Kind::GdapTemplate => typed::<GdapTemplateStatus>(facts),
        Kind::GdapRelationship => typed::<GdapRelationshipStatus>(facts),
        Kind::TenantClass => typed::<TenantClassStatus>(facts),
        Kind::Tenant => typed::<TenantStatus>(facts),
    }
}

fn typed<T: DeserializeOwned + Serialize + Default>(facts: Facts) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in facts {
        // Field by field: one that does not fit must not take the others with it.
        let one = Value::Object([(name.to_owned(), value)].into_iter().collect());
        let read: Result<T, _> = serde_json::from_value(one);
        debug_assert!(read.is_ok(), "the fact {name} does not fit the status: {:?}", read.err());
        let Ok(Ok(Value::Object(fields))) = read.map(serde_json::to_value) else { continue };
        kept.extend(fields.into_iter().filter(|(field, _)| field == name));
    }
    kept
}

/// Whether the status that is says the same as the one that shall be. Times of our own do not count, nor what is said in
/// words of something that is as it should be: a number of users is no news.
pub fn same(old: &Value, new: &Value) -> bool {
    normal(old) == normal(new)
}

/// Whether `lastVerified` alone is worth a write: once a day, spread over it.
pub fn is_due(old: &Value, new: &Value, spread: f64) -> bool {
    let time = |status: &Value| status.get("lastVerified").and_then(Value::as_str)?.parse::<Timestamp>().ok();
    match (time(old), time(new)) {
        (Some(old), Some(new)) => {
            let hours = VERIFIED_EVERY.as_secs_f64() * (1.0 - 0.1 * spread);
            new.duration_since(old).as_secs_f64() >= hours
        }
        (None, Some(_)) => true,
        _ => false,
    }
}

fn normal(status: &Value) -> Value {
    let mut status = status.clone();
    let Some(fields) = status.as_object_mut() else { return status };
    fields.remove("lastVerified");
    if let Some(exchange) = fields.get_mut("exchange").and_then(Value::as_object_mut) {
        exchange.remove("lastProbe");
    }
    for one in list(fields, "conditions") {
        one.remove("lastTransitionTime");
        if one.get("status") == Some(&json!("True")) {
            one.remove("message");
        }
    }
    for one in list(fields, "waits") {
        if one.get("since").is_none_or(Value::is_null) {
            one.remove("deadline"); // counted from now
        }
    }
    if let Some(conditions) = fields.get_mut("conditions").and_then(Value::as_array_mut) {
        // Conditions of others are theirs.
        let ours = |c: &Value| c.get("type").and_then(Value::as_str).and_then(ConditionType::parse).is_some();
        conditions.retain(ours);
        conditions.sort_by_key(|c| c.get("type").and_then(Value::as_str).map(str::to_owned));
    }
    status
}

fn list<'a>(fields: &'a mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

#[cfg(test)]
mod tests;
