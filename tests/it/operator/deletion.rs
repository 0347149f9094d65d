//! Deletion with `Retain`: nothing is written to Microsoft, whatever has become of the declarations.

use serde_json::Value;

use crate::support::apiserver::cluster;
use crate::support::estate::Estate;

#[test]
fn a_tenant_that_is_deleted_is_let_go_and_nothing_is_written() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::onboarded(cluster, "retain");
    let world = estate.cloud.control().state_of_world();
    let operator = estate.operator();
    let mark = estate.cloud.mark();
    estate.kubectl(["delete", "tenant", "contoso", "--timeout=60s"]);
    assert_eq!(estate.get("tenant/contoso"), Value::Null);
    assert_eq!(estate.cloud.since(&mark).writes, 0);
    assert_eq!(estate.cloud.control().state_of_world(), world);
    let told = estate.events().into_iter().find(|(reason, _)| reason == "Retained").expect("it is said what stays").1;
    assert!(told.contains("GDAP relationship") && told.contains("apps"), "{told}");
    // There is no garbage collector here; a cluster's would delete what the Tenant owned.
    estate.kubectl(["delete", "gdr", "contoso-standard", "--timeout=60s"]);
    estate.end(operator);
}

#[test]
fn also_when_its_spec_no_longer_validates_or_its_partner_is_gone() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::onboarded(cluster, "retain-broken");
    let operator = estate.operator();
    estate.kubectl(["delete", "partner", "northwind", "--timeout=60s"]);
    estate.until_condition("tenant/contoso", "Ready", "False/ReferenceNotFound");
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"spec":{"class":"gone"}}"#]);
    let mark = estate.cloud.mark();
    for object in ["tenant/contoso", "partnerapp/rallied", "gdaptemplate/standard", "tenantclass/managed"] {
        estate.kubectl(["delete", object, "--timeout=60s"]);
    }
    let cost = estate.cloud.since(&mark);
    assert_eq!((cost.http, cost.tokens, cost.writes), (0, 0, 0), "nothing is even asked");
    estate.end(operator);
}

#[test]
fn the_derived_relationship_stays_as_long_as_its_tenant() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::onboarded(cluster, "stays");
    let operator = estate.operator();
    estate.kubectl(["delete", "gdr", "contoso-standard", "--wait=false"]);
    estate.cloud.advance("5m");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(estate.get("gdaprelationship/contoso-standard")["metadata"]["deletionTimestamp"].is_string());
    estate.kubectl(["delete", "tenant", "contoso", "--timeout=60s"]);
    estate.until("it goes with its Tenant", || estate.get("gdaprelationship/contoso-standard") == Value::Null);
    estate.end(operator);
}

#[test]
fn the_finalizer_is_there_before_anything_is_written() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "finalizer");
    // No write gets through: what was there first is there.
    estate.cloud.fault(serde_json::json!({"refuse": {"step": "create-relationship"}}));
    let operator = estate.operator();
    estate.until_condition("partnerapp/rallied", "Ready", "True/Ready");
    estate.until("the Tenant is held", || {
        estate.get("tenant/contoso")["metadata"]["finalizers"] == serde_json::json!(["tenantry.dev/finalizer"])
    });
    assert_eq!(estate.get("tenantclass/managed")["metadata"].get("finalizers"), None, "a class writes nothing");
    estate.end(operator);
}
