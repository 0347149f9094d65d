//! What GitOps tools show for each state that an object can be in: kstatus, Argo CD with our script, Flux with our
//! expressions, all by their own code. docs/gitops.md has the same as a table for people.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::api::Kind;
use tenantry::api::conditions::{ConditionType, Reason, Retry, Row, Who, roll_up, stalled, table};

use crate::support::health::{Health, health, judge};
use crate::support::root;

const LINK: &str = "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships/1";

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let at = "2026-11-02T08:00:00Z";
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at, "observedGeneration": 3 })
}

fn ready(status: &str, reason: &str) -> Value {
    condition("Ready", status, reason, &format!("{reason} it is."))
}

fn synced(status: &str, reason: &str) -> Value {
    condition("Synced", status, reason, &format!("{reason} it is."))
}

fn reconciling() -> Value {
    condition("Reconciling", "True", "ProgressingWithRetry", "Tries again.")
}

fn wait(on: &str, who: &str, condition: &str, reason: &str) -> Value {
    json!({ "on": on, "who": who, "condition": condition, "reason": reason, "since": "2026-11-02T08:00:00Z", "link": LINK, "then": [] })
}

fn object(kind: &str, name: &str, conditions: &[Value], waits: &[Value]) -> Value {
    let mut object = json!({
        "apiVersion": "tenantry.dev/v1alpha1", "kind": kind,
        "metadata": { "name": name, "namespace": "msp", "generation": 3 },
        "spec": { "suspend": false },
        "status": { "observedGeneration": 3, "conditions": conditions },
    });
    if !waits.is_empty() {
        object["status"]["waits"] = waits.into();
    }
    object
}

fn tenant(name: &str, conditions: &[Value], waits: &[Value]) -> Value {
    object("Tenant", name, conditions, waits)
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

/// An object, what kstatus, Argo CD and Flux say of it, and a piece of the message that Argo CD shows.
type Case = (Value, &'static str, &'static str, &'static str, &'static str);

fn cases() -> Vec<Case> {
    let all_well = || tenant("well", &[ready("True", "Ready"), synced("True", "Synced")], &[]);
    let invitation = condition("GdapActive", "False", "AwaitingCustomerApproval", "A Global Administrator accepts.");
    let for_customer = wait("person", "Customer", "GdapActive", "AwaitingCustomerApproval");
    let for_microsoft = wait("microsoft", "Microsoft", "Propagated", "Waiting");
    let unfinished = |name: &str, more: &[Value], waits: &[Value]| {
        let own = [ready("False", "AwaitingCustomerApproval"), synced("True", "Synced"), invitation.clone()];
        tenant(name, &[&own, more].concat(), waits)
    };
    let stalled = || condition("Stalled", "True", "InvalidSpec", "No class `gold`.");
    let of =
        |name: &str, ready: Value, synced: Value, more: &[Value]| tenant(name, &[&[ready, synced], more].concat(), &[]);
    let broken = || of("stalled", ready("False", "InvalidSpec"), synced("False", "Pending"), &[stalled()]);
    vec![
        // The first look at it: only `observedGeneration: -1` tells kstatus that an object is new, and Flux's expressions
        // cannot be computed without a status, which it takes for "not yet".
        (with(all_well(), "/status", Value::Null), "Current", "Progressing", "Unknown", "Not seen"),
        (
            with(all_well(), "/status", json!({ "observedGeneration": -1 })),
            "InProgress",
            "Progressing",
            "InProgress",
            "Not seen",
        ),
        (
            with(all_well(), "/metadata/generation", 4.into()),
            "InProgress",
            "Progressing",
            "InProgress",
            "latest change",
        ),
        (with(broken(), "/metadata/generation", 4.into()), "InProgress", "Progressing", "InProgress", "latest change"),
        (
            of("working", ready("Unknown", "Pending"), synced("False", "Pending"), &[reconciling()]),
            "InProgress",
            "Progressing",
            "InProgress",
            "Tries again.",
        ),
        // All is well.
        (all_well(), "Current", "Healthy", "Current", "Ready it is."),
        (
            of("looking", ready("True", "Ready"), synced("True", "Synced"), &[reconciling()]),
            "InProgress",
            "Healthy",
            "Current",
            "Ready it is.",
        ),
        (
            of("changing", ready("True", "Ready"), synced("False", "Pending"), &[reconciling()]),
            "InProgress",
            "Progressing",
            "InProgress",
            "Tries again.",
        ),
        (
            object("TenantClass", "managed", &[ready("True", "Ready"), synced("True", "Synced")], &[]),
            "Current",
            "Healthy",
            "Current",
            "",
        ),
        // Somebody must act.
        (
            unfinished("customer", &[], std::slice::from_ref(&for_customer)),
            "InProgress",
            "Suspended",
            "Current",
            "Waits for Customer: A Global Administrator accepts. https://admin",
        ),
        (
            unfinished("both", &[reconciling()], &[for_microsoft.clone(), for_customer.clone(), for_customer]),
            "InProgress",
            "Suspended",
            "Current",
            "(and 1 more)",
        ),
        (
            of("approval", ready("False", "ApprovalRequired"), synced("False", "Pending"), &[]),
            "InProgress",
            "Suspended",
            "InProgress",
            "Waits for Partner: ApprovalRequired it is.",
        ),
        (
            of("contested", ready("True", "Ready"), synced("False", "Contested"), &[]),
            "Current",
            "Suspended",
            "InProgress",
            "Waits for Partner: Contested it is.",
        ),
        // Microsoft takes its time.
        (
            unfinished("microsoft", &[], &[for_microsoft]),
            "InProgress",
            "Progressing",
            "Current",
            "Waits for Microsoft: Waiting https://",
        ),
        // Only another declaration helps.
        (broken(), "Failed", "Degraded", "Failed", "No class `gold`."),
        // Nobody is at it.
        (
            of("unreadable", ready("Unknown", "Unreadable"), synced("True", "Synced"), &[]),
            "InProgress",
            "Degraded",
            "Current",
            "Unreadable it is.",
        ),
        (
            of("retried", ready("Unknown", "Unreadable"), synced("True", "Synced"), &[reconciling()]),
            "InProgress",
            "Progressing",
            "Current",
            "Tries again.",
        ),
        (
            of("throttled", ready("Unknown", "Throttled"), synced("True", "Synced"), &[]),
            "InProgress",
            "Progressing",
            "Current",
            "Throttled it is.",
        ),
        (
            of("drifted", ready("False", "Drifted"), synced("True", "Synced"), &[]),
            "InProgress",
            "Degraded",
            "Current",
            "Drifted it is.",
        ),
        // A change failed: Flux lets the next try come first.
        (
            of("failed", ready("False", "Pending"), synced("False", "Failed"), &[]),
            "InProgress",
            "Degraded",
            "Failed",
            "Failed it is.",
        ),
        (
            of("failed-well", ready("True", "Ready"), synced("False", "Failed"), &[]),
            "Current",
            "Degraded",
            "Failed",
            "Failed it is.",
        ),
        (
            of("failed-again", ready("False", "Pending"), synced("False", "Failed"), &[reconciling()]),
            "InProgress",
            "Degraded",
            "InProgress",
            "Failed it is.",
        ),
        // At rest, because somebody wanted it so.
        (
            of("suspended", ready("False", "Suspended"), synced("False", "Pending"), &[]),
            "InProgress",
            "Suspended",
            "Current",
            "Suspended",
        ),
        (
            of("offboarded", ready("False", "Offboarded"), synced("True", "Offboarded"), &[]),
            "InProgress",
            "Suspended",
            "Current",
            "Offboarded it is.",
        ),
        // On its way out.
        (
            with(all_well(), "/metadata/deletionTimestamp", "2026-11-02T08:00:00Z".into()),
            "Terminating",
            "Progressing",
            "InProgress",
            "Being deleted",
        ),
    ]
}

#[test]
fn every_state_is_shown_for_what_it_is() {
    let cases = cases();
    let objects: Vec<Value> = cases.iter().map(|case| without_null(&case.0)).collect();
    let Some(answers) = health(&objects) else { return };
    for ((object, kstatus, argo, flux, message), shown) in cases.iter().zip(answers) {
        assert_eq!(shown.kind, object["kind"]);
        assert_eq!(shown.name, object["metadata"]["name"]);
        let statuses = [&shown.kstatus.status, &shown.argo.status, &shown.flux.status];
        assert_eq!(statuses, [kstatus, argo, flux], "{shown:#?}\n{object:#}");
        assert!(shown.argo.message.contains(message), "{shown:#?}");
    }
}

/// The API server keeps no null.
fn without_null(object: &Value) -> Value {
    let fields = object.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// As the operator tells a state: Ready takes over the failing condition, with a wait where somebody must act.
fn told(row: &Row) -> Value {
    let rolled = roll_up(*row);
    let mut conditions = vec![ready(rolled.status.as_str(), row.reason.as_str()), synced("True", "Synced")];
    if row.condition != ConditionType::Ready {
        conditions.push(condition(row.condition.as_str(), row.status.as_str(), row.reason.as_str(), "So it is."));
    }
    if let Some(stalled) = stalled(*row) {
        conditions.push(condition("Stalled", "True", stalled.reason.as_str(), "So it is."));
    }
    let wait = |on| wait(on, row.who.as_str(), row.condition.as_str(), row.reason.as_str());
    let waits: &[Value] = match (row.retry, row.who) {
        (Some(Retry::Person), _) => &[wait("person")],
        (Some(Retry::Transient), Who::Microsoft) => &[wait("microsoft")],
        (Some(Retry::Transient | Retry::Fixable), _) => {
            conditions.push(reconciling());
            &[]
        }
        _ => &[],
    };
    tenant(row.reason.as_str(), &conditions, waits)
}

#[test]
fn every_reason_of_the_table_leads_to_who_must_act() {
    let failing = |row: &&Row| {
        let about_work = matches!(row.condition, ConditionType::Synced | ConditionType::MicrosoftSlow);
        row.status.as_str() != "True" && !about_work
    };
    let rows: Vec<&Row> = table().iter().filter(failing).collect();
    assert!(rows.len() > 100, "only {} rows", rows.len());
    let objects: Vec<Value> = rows.iter().map(|row| told(row)).collect();
    // The same where nothing is said of waits and of work in hand: then the reason alone must do.
    let bare = objects.iter().map(|object| {
        let own = |condition: &&Value| condition["type"] != "Reconciling" && condition["type"] != "Stalled";
        let conditions = object["status"]["conditions"].as_array().unwrap().iter().filter(own).cloned().collect();
        let bare = with(object.clone(), "/status/conditions", conditions);
        with(bare, "/status/waits", json!([]))
    });
    let bare: Vec<Value> = bare.collect();
    let Some(answers) = health(&objects) else { return };
    for (row, shown) in rows.iter().zip(answers) {
        let argo = match row.retry {
            _ if row.reason == Reason::Suspended => "Suspended",
            Some(Retry::Permanent) => "Degraded",
            Some(Retry::Person) => "Suspended",
            Some(Retry::Transient | Retry::Fixable) => "Progressing",
            None => "Suspended", // Offboarded
        };
        let kstatus = if row.retry == Some(Retry::Permanent) { "Failed" } else { "InProgress" };
        assert_eq!([&shown.argo.status, &shown.kstatus.status], [argo, kstatus], "{row:?}\n{shown:#?}");
        assert!(!shown.argo.message.is_empty(), "{row:?}");
    }
    for (row, shown) in rows.iter().zip(health(&bare).unwrap()) {
        assert!(shown.argo.status != "Healthy" && shown.kstatus.status != "Current", "{row:?}\n{shown:#?}");
    }
}

#[test]
fn the_config_map_carries_the_script_unchanged() {
    let folder = root().join("examples/argocd");
    let script = fs::read_to_string(folder.join("health.lua")).unwrap();
    let map: Value = serde_yaml::from_str(&fs::read_to_string(folder.join("argocd-cm.yaml")).unwrap()).unwrap();
    let customizations: Value = serde_yaml::from_str(map["data"]["resource.customizations"].as_str().unwrap()).unwrap();
    assert_eq!(customizations["tenantry.dev/*"]["health.lua"].as_str().unwrap(), script);
}

/// Argo CD's own form of a test of a health script.
#[derive(Deserialize)]
struct ArgoTests {
    tests: Vec<ArgoTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArgoTest {
    health_status: BTreeMap<String, String>,
    input_path: String,
}

#[test]
fn argo_cds_form_of_the_tests_holds_too() {
    let folder = root().join("examples/argocd");
    let read = |path: &str| fs::read_to_string(folder.join(path)).unwrap();
    let ArgoTests { tests } = serde_yaml::from_str(&read("health_test.yaml")).unwrap();
    let objects: Vec<Value> = tests.iter().map(|test| serde_yaml::from_str(&read(&test.input_path)).unwrap()).collect();
    let Some(answers) = health(&objects) else { return };
    for (test, Health { argo, .. }) in tests.iter().zip(answers) {
        let wanted = &test.health_status;
        assert_eq!((&argo.status, &argo.message), (&wanted["status"], &wanted["message"]), "{}", test.input_path);
    }
}

#[test]
fn flux_is_told_of_every_kind_in_the_same_words() {
    let text = fs::read_to_string(root().join("examples/flux/kustomization.yaml")).unwrap();
    let kustomization: Value = serde_yaml::from_str(&text).unwrap();
    let told = kustomization["spec"]["healthCheckExprs"].as_array().unwrap();
    let kinds: Vec<_> = told.iter().map(|told| told["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, Kind::ALL.map(Kind::as_str));
    for told in told {
        assert_eq!(told["apiVersion"], "tenantry.dev/v1alpha1");
        for expression in ["inProgress", "failed", "current"] {
            assert_eq!(told[expression], kustomization["spec"]["healthCheckExprs"][0][expression], "{expression}");
        }
    }
}

#[test]
fn a_script_that_argo_cd_would_not_take_is_refused() {
    for (script, complaint) in [
        (r#"return { status = "Fine" }"#, "\"Fine\" is no health status of Argo CD"),
        (r#"return "Healthy""#, "it returned a string, not a table"),
        (r#"return { status = string.format("Healthy") }"#, "attempt to index a non-table object(nil)"),
        ("while true do end", "context deadline exceeded"),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), script).unwrap();
        let Some(answer) = judge(file.path(), &[tenant("contoso", &[], &[])]) else { return };
        let error = answer.expect_err(script);
        assert!(error.contains("Tenant contoso: health script: ") && error.contains(complaint), "{error}");
    }
}
