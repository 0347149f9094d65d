//! Every condition of every object, in the four phases of an integration; and the same as JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::style::Paint;
use super::table::{condition, word};
use super::{clean, json as documents, text};
use crate::engine::conditions::{Condition, Status};
use crate::engine::diagnostic::Diagnostic;
use crate::engine::plan::{Cost, PlannedWait};
use crate::pass::{Looked, Standing};

/// The phases, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    Partner,
    Connection,
    Customer,
    Cipp,
}

const PHASES: [(Phase, &str); 4] = [
    (Phase::Partner, "Partner tenant"),
    (Phase::Connection, "Connection"),
    (Phase::Customer, "Customer tenants"),
    (Phase::Cipp, "CIPP"),
];

/// The phase that a condition of an object belongs to.
fn phase(address: &str, kind: &str) -> Phase {
    match (kind, address.split('/').next().unwrap_or_default()) {
        ("CippConnected", _) => Phase::Cipp,
        ("Connected" | "DataSynced", _) => Phase::Connection,
        (_, "Tenant" | "TenantApp" | "GdapRelationship") => Phase::Customer,
        _ => Phase::Partner,
    }
}

/// One block an object, phase by phase; a phase without anything is left out.
pub fn blocks(looked: &Looked, paint: Paint) -> String {
    let mut sections = Vec::new();
    for (phase, title) in PHASES {
        let blocks: Vec<String> =
            looked.objects.iter().filter_map(|object| block(object, phase, looked, paint)).collect();
        if !blocks.is_empty() {
            sections.push(format!("{}\n{}", paint.bold(title), blocks.concat()));
        }
    }
    sections.join("\n")
}

fn block(object: &Standing, of: Phase, looked: &Looked, paint: Paint) -> Option<String> {
    let at_home = phase(&object.address, "") == of;
    let domain = |c: &&Condition| !matches!(c.kind, "Ready" | "Synced") && phase(&object.address, c.kind) == of;
    let conditions: Vec<&Condition> = object.conditions.iter().filter(domain).collect();
    if conditions.is_empty() && (!at_home || object.conditions.is_empty()) {
        return None;
    }
    let waits: Vec<&PlannedWait> = looked.plan.waits.iter().filter(|w| w.address == object.address).collect();
    let mut block = format!("  {}", paint.bold(&clean(&object.address)));
    for kind in ["Ready", "Synced"].into_iter().filter(|_| at_home) {
        if let Some(c) = condition(object, kind) {
            // Ready takes over the reason of what it fails for, and so its wait.
            let waiting = kind == "Ready" && waits.iter().any(|w| w.wait.reason == c.reason);
            let reason = if c.reason == kind { String::new() } else { format!(": {}", c.reason) };
            block += &format!("  {} {kind}{reason}", mark(c.status, waiting, paint));
        }
    }
    block.push('\n');
    let wide = |f: fn(&Condition) -> usize| conditions.iter().map(|c| f(c)).max().unwrap_or_default();
    let (kinds, reasons) = (wide(|c| c.kind.len()), wide(|c| c.reason.len()));
    for c in conditions {
        let wait = waits.iter().find(|w| w.wait.condition == c.kind);
        let line = format!("{:kinds$}  {:reasons$}  {}", c.kind, c.reason, clean(&c.message).replace('\n', " "));
        block += &format!("    {} {}\n", mark(c.status, wait.is_some(), paint), line.trim_end());
        if let Some(link) = wait.and_then(|w| text::link(w)) {
            block += &format!("      {:kinds$}  {}\n", "", paint.cyan(&link));
        }
    }
    Some(block)
}

fn mark(status: Status, waits: bool, paint: Paint) -> String {
    match status {
        Status::True => paint.green("✔"),
        Status::Unknown => paint.yellow("?"),
        Status::False if waits => paint.yellow("⏳"),
        Status::False => paint.red("✘"),
    }
}

/// Which links people have to open: `Customer: Tenant/contoso: https://…`.
pub fn clicks(waits: &[PlannedWait], paint: Paint) -> String {
    let mut text = String::new();
    for wait in waits.iter().filter(|w| w.wait.who.on() == "person") {
        text += &format!(
            "{} must act for {}: {}\n",
            paint.yellow(wait.wait.who.word()),
            clean(&wait.address),
            clean(&wait.wait.what)
        );
        if let Some(link) = text::link(wait) {
            text += &format!("  {}\n", paint.cyan(&link));
        }
    }
    for wait in waits.iter().filter(|w| w.wait.who.on() != "person") {
        text += &format!(
            "{} has to finish something for {}: {}\n",
            wait.wait.who.word(),
            clean(&wait.address),
            clean(&wait.wait.what)
        );
    }
    text
}

/// `status -o json`
#[derive(Serialize)]
pub struct Fleet<'a> {
    tenants: Vec<ObjectOut<'a>>,
    partners: Vec<ObjectOut<'a>>,
    apps: Vec<ObjectOut<'a>>,
    templates: Vec<ObjectOut<'a>>,
    classes: Vec<ObjectOut<'a>>,
    relationships: Vec<ObjectOut<'a>>,
    now: Option<Timestamp>,
    diagnostics: Vec<documents::DiagnosticOut<'a>>,
    cost: Cost,
}

#[derive(Serialize)]
struct ObjectOut<'a> {
    name: &'a str,
    #[serde(rename = "tenantId", skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Value>,
    ready: bool,
    conditions: Vec<ConditionOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Value>,
    #[serde(flatten)]
    facts: BTreeMap<&'static str, &'a Value>,
}

#[derive(Serialize)]
struct ConditionOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: &'a str,
    /// `null` where nothing tells since when.
    #[serde(rename = "lastTransitionTime")]
    last_transition_time: Option<Timestamp>,
}

/// The document of `status`.
pub fn document(looked: &Looked) -> Fleet<'_> {
    let of = |kind: &str| looked.objects.iter().filter_map(|o| object(o, kind, looked)).collect();
    Fleet {
        tenants: of("Tenant"),
        partners: of("Partner"),
        apps: of("PartnerApp"),
        templates: of("GdapTemplate"),
        classes: of("TenantClass"),
        relationships: of("GdapRelationship"),
        now: Some(looked.now),
        diagnostics: documents::diagnostics(&looked.plan.diagnostics),
        cost: looked.cost,
    }
}

/// The document when nothing could be looked at.
pub fn nothing(wrong: &[Diagnostic]) -> Fleet<'_> {
    Fleet {
        tenants: vec![],
        partners: vec![],
        apps: vec![],
        templates: vec![],
        classes: vec![],
        relationships: vec![],
        now: None,
        diagnostics: documents::diagnostics(wrong),
        cost: Cost::default(),
    }
}

fn object<'a>(standing: &'a Standing, wanted: &str, looked: &Looked) -> Option<ObjectOut<'a>> {
    let (kind, name) = standing.address.split_once('/')?;
    if kind != wanted {
        return None;
    }
    let tenant = kind == "Tenant";
    let fact = |name: &str| standing.facts.get(name).cloned();
    let links = tenant.then(|| {
        let given = fact("links").unwrap_or_default();
        json!({ "gdapApproval": given["gdapApproval"], "adminConsent": given["adminConsent"] })
    });
    let mut facts: BTreeMap<&'static str, &Value> = standing.facts.iter().map(|(k, v)| (*k, v)).collect();
    // These have their place above; flattened facts must not say them twice.
    for taken in ["name", "tenantId", "ready", "conditions"] {
        facts.remove(taken);
    }
    if tenant {
        facts.remove("links");
    }
    let since = |c: &Condition| {
        let mut own = looked.plan.waits.iter().filter(|w| w.address == standing.address);
        own.find(|w| w.wait.condition == c.kind).and_then(|w| w.wait.since)
    };
    Some(ObjectOut {
        name,
        tenant_id: fact("tenantId").or_else(|| tenant.then_some(Value::Null)),
        ready: condition(standing, "Ready").is_some_and(|c| c.status == Status::True),
        conditions: standing
            .conditions
            .iter()
            .map(|c| ConditionOut {
                kind: c.kind,
                status: word(c.status),
                reason: c.reason,
                message: &c.message,
                last_transition_time: since(c),
            })
            .collect(),
        links,
        facts,
    })
}
