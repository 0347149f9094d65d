//! Namespaces: who may refer to whom, and what two objects of one name are.

use crate::support::apiserver::alone;
use crate::support::estate::{Estate, first_world};

const TENANT: &str = "apiVersion: tenantry.dev/v1alpha1
kind: Tenant
metadata: { name: contoso }
spec: { class: managed, tenantId: 9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11, domain: contoso.com }
";

#[test]
fn a_tenant_of_another_namespace_is_kept_only_where_the_partner_admits_the_namespace() {
    let Some(cluster) = alone() else { return };
    let msp = Estate::first(&cluster, "msp");
    msp.kubectl(["delete", "tenant", "contoso"]);
    let team = Estate::with_world(&cluster, "team-a", first_world());
    team.apply(TENANT);
    let operator = msp.operator_with(&["--allow-endpoint", "127.0.0.1"]);
    msp.until_condition("partner/northwind", "Ready", "True/Ready");
    team.until_condition("tenant/contoso", "Ready", "False/ReferenceNotFound");

    let admit = r#"{"spec":{"tenantNamespaces":{"selector":{"matchLabels":{"msp":"northwind"}}}}}"#;
    msp.kubectl(["patch", "partner", "northwind", "--type=merge", "-p", admit]);
    team.until_condition("tenant/contoso", "Ready", "False/ReferenceNotFound");
    cluster.kubectl_ok(["label", "namespace", "team-a", "msp=northwind"]);
    team.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    // The derived object lies beside its Tenant, and names the Partner where it is.
    let derived = team.get("gdaprelationship/contoso-standard");
    assert_eq!(derived["spec"]["partnerRef"], serde_json::json!({"name": "northwind", "namespace": "msp"}));

    // A second object of the name would be the same at Microsoft: the older one has it.
    msp.apply(TENANT);
    msp.until_condition("tenant/contoso", "Ready", "False/Conflict");
    team.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");

    cluster.kubectl_ok(["label", "namespace", "team-a", "msp-"]);
    team.until_condition("tenant/contoso", "Ready", "False/ReferenceNotFound");
    msp.end(operator);
}
