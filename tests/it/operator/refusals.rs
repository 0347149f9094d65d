//! What is refused is refused with a condition, and nothing is sent.

use serde_json::{Value, json};

use crate::support::apiserver::{alone, cluster};
use crate::support::estate::Estate;

#[test]
fn a_reference_to_nothing_is_a_condition_and_the_others_go_on() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "references");
    estate.apply(
        "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: { name: lost }\nspec: { class: nowhere, tenantId: 1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22, domain: lost.example }\n",
    );
    let operator = estate.operator();
    estate.until_condition("tenant/lost", "Ready", "False/ReferenceNotFound");
    let lost = estate.get("tenant/lost");
    assert_eq!(estate.condition("tenant/lost", "Stalled"), "True/ReferenceNotFound");
    let message = lost["status"]["conditions"][0]["message"].as_str().unwrap();
    assert!(message.contains("TenantClass/nowhere"), "{message}");
    let cells = estate.kubectl(["get", "tenant", "lost", "--no-headers"]);
    assert_eq!(cells.split_whitespace().count(), 11, "no blank cell: {cells}");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    let log = estate.cloud.control().requests(0, false);
    assert!(!log.iter().any(|entry| entry.path.contains("lost.example")), "nothing is asked about it");
    // What was missing appears: nobody has to touch the Tenant.
    estate.kubectl(["patch", "tenant", "lost", "--type=merge", "-p", r#"{"spec":{"class":"managed"}}"#]);
    estate.until("it is looked at", || estate.condition("tenant/lost", "Ready") == "False/DomainMismatch");
    estate.end(operator);
}

#[test]
fn a_secret_without_the_label_is_not_read_and_nothing_is_sent() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "unlabelled");
    estate.kubectl(["label", "secret", "tenantry-manager", "tenantry.dev/use-"]);
    let operator = estate.operator();
    estate.until_condition("partner/northwind", "Ready", "False/CredentialInvalid");
    estate.until_condition("tenant/contoso", "Ready", "False/CredentialInvalid");
    let message = estate.get("partner/northwind")["status"]["conditions"][0]["message"].clone();
    assert!(message.as_str().unwrap().contains("tenantry.dev/use=true"), "{message}");
    let told = estate.events().into_iter().any(|(_, note)| note.contains("tenantry.dev/use=true"));
    assert!(told, "an event says so, too");
    assert_eq!(estate.cloud.control().requests(0, false), [], "nothing is sent");
    // With the label it goes on by itself.
    estate.kubectl(["label", "secret", "tenantry-manager", "tenantry.dev/use=true"]);
    estate.until_condition("partner/northwind", "Ready", "True/Ready");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    estate.end(operator);
}

#[test]
fn a_secret_that_somebody_else_made_is_never_overwritten() {
    let Some(cluster) = cluster() else { return };
    for (namespace, label) in [("foreign", None), ("foreign-labelled", Some("tenantry.dev/use=true"))] {
        let estate = Estate::first(cluster, namespace);
        estate.kubectl(["create", "secret", "generic", "rallied-credentials", "--from-literal=clientSecret=cnry-mine"]);
        if let Some(label) = label {
            estate.kubectl(["label", "secret", "rallied-credentials", label]);
        }
        let before = estate.get("secret/rallied-credentials");
        let operator = estate.operator();
        estate.until_condition("partnerapp/rallied", "Ready", "False/GuardRefused");
        estate.end(operator);
        assert_eq!(estate.get("secret/rallied-credentials"), before);
        let writes = estate.cloud.control().requests(0, true);
        let of_the_app = writes.iter().filter(|entry| entry.path.contains("/applications"));
        assert_eq!(of_the_app.count(), 0, "the app is not made either");
    }
}

#[test]
fn an_endpoint_that_nobody_allowed_is_not_spoken_to() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "endpoint");
    let operator = estate.operator_with(&["--namespace", "endpoint", "--allow-endpoint", "graph.example"]);
    for object in ["partner/northwind", "partnerapp/rallied", "tenant/contoso"] {
        estate.until_condition(object, "Ready", "False/GuardRefused");
    }
    assert_eq!(estate.cloud.control().requests(0, false), [], "nothing is sent");
    let message = estate.get("partner/northwind")["status"]["conditions"][0]["message"].clone();
    assert!(message.as_str().unwrap().contains("127.0.0.1"), "{message}");
    estate.end(operator);
}

#[test]
fn an_object_that_cannot_be_decoded_gets_an_error_of_its_own_and_the_others_go_on() {
    let Some(cluster) = alone() else { return };
    let estate = Estate::first(&cluster, "odd");
    // As when the CRDs are newer than the operator: a field has another form.
    let crd: Value =
        serde_json::from_str(&cluster.kubectl_ok(["get", "crd", "tenants.tenantry.dev", "-o", "json"])).unwrap();
    let mut loose = crd.clone();
    let schema = &mut loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    *schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    loose["spec"]["versions"][0]["selectableFields"] = json!([]);
    let file = estate.dir.write("loose.json", loose.to_string());
    cluster.kubectl_ok(["replace", "-f", &file.display().to_string()]);
    estate.until("the API server takes it", || {
        let odd = "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: { name: odd }\nspec: { class: { name: managed }, tenantId: 7, domain: odd.example }\n";
        let file = estate.dir.write("odd.yaml", odd);
        let args = ["apply", "--server-side", "-n", "odd", "-f", &file.display().to_string()].map(str::to_owned);
        cluster.kubectl(&args).status.success()
    });
    let operator = estate.operator();
    estate.until_condition("tenant/odd", "Ready", "False/InvalidSpec");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    estate.kubectl(["delete", "tenant", "odd", "--timeout=60s"]);
    estate.end(operator);
}
