//! What people set on objects: to look now, to stop, to only compare.

use serde_json::Value;

use crate::support::apiserver::cluster;
use crate::support::estate::Estate;

#[test]
fn an_object_is_verified_anew_when_somebody_asks_and_says_that_it_was() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "requested");
    let operator = estate.operator();
    estate.until_invited();
    estate.cloud.approve();
    // Nobody waits for the next turn.
    estate.kubectl(["annotate", "tenant", "contoso", "tenantry.dev/requestedAt=first"]);
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    let handled = |object: &str| estate.get(object)["status"]["lastHandledReconcileAt"].clone();
    assert_eq!(handled("tenant/contoso"), "first");
    estate.kubectl(["annotate", "partner", "northwind", "tenantry.dev/requestedAt=second"]);
    estate.until("the Partner was looked at", || handled("partner/northwind") == "second");
    estate.end(operator);
}

#[test]
fn a_suspended_tenant_is_neither_read_nor_written_and_goes_on_afterwards() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "suspended");
    let operator = estate.operator();
    estate.until_invited();
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    estate.until_condition("tenant/contoso", "Ready", "False/Suspended");
    assert_eq!(
        estate.condition("tenant/contoso", "GdapActive"),
        "False/AwaitingCustomerApproval",
        "as it was last read"
    );
    estate.cloud.approve();
    let before = estate.cloud.control().requests(0, true).len();
    estate.cloud.advance("3h");
    std::thread::sleep(std::time::Duration::from_secs(2));
    let after = estate.cloud.control().requests(0, true);
    assert_eq!(after.len(), before, "{after:?}");
    estate.kubectl(["patch", "tenant", "contoso", "--type=merge", "-p", r#"{"spec":{"suspend":false}}"#]);
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    estate.end(operator);
}

#[test]
fn a_change_of_the_class_reaches_its_tenants() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "class");
    let operator = estate.operator();
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    assert_eq!(estate.get("tenantclass/managed")["status"]["tenants"], 1);
    estate.kubectl([
        "patch",
        "tenantclass",
        "managed",
        "--type=merge",
        "-p",
        r#"{"spec":{"apps":[{"name":"rallied","exchange":{"way":"None"}}]}}"#,
    ]);
    estate.until_condition("tenant/contoso", "ExchangeReady", "True/NotRequired");
    estate.end(operator);
}

#[test]
fn a_new_client_secret_of_the_managing_app_is_taken_at_once() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "rotated");
    estate.kubectl([
        "patch",
        "secret",
        "tenantry-manager",
        "--type=merge",
        "-p",
        r#"{"stringData":{"clientSecret":"cnry-wrong"}}"#,
    ]);
    let operator = estate.operator();
    estate.until_condition("partner/northwind", "Ready", "False/CredentialInvalid");
    estate.kubectl([
        "patch",
        "secret",
        "tenantry-manager",
        "--type=merge",
        "-p",
        r#"{"stringData":{"clientSecret":"cnry-example-client-secret"}}"#,
    ]);
    estate.until_condition("partner/northwind", "Ready", "True/Ready");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    assert_ne!(estate.get("secret/tenantry-state"), Value::Null);
    estate.end(operator);
}
