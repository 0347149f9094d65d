//! What administrators do behind the partner's back.
use serde_json::{Value, json};

use super::ladder::{consented, sp};
use super::support::*;

#[track_caller]
fn drift(cloud: &Cloud, kind: &str, mut what: Value) -> String {
    what["kind"] = json!(kind);
    cloud.control().drift(&what).unwrap()["drifted"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_disabled_principal_gets_no_token() {
    let cloud = Cloud::new().await;
    drift(&cloud, "disable-service-principal", json!({ "tenant": "Northwind MSP", "app": "Reader" }));
    assert_eq!(cloud.app_token(READER, PARTNER, GRAPH).await.aadsts(), 7_000_112);
    let api = cloud.home().await;
    let id = sp(&api, READER).await;
    assert_eq!(api.get(&format!("/v1.0/servicePrincipals/{id}")).await.body["accountEnabled"], false);
}

#[tokio::test]
async fn a_group_is_renamed_and_deleted() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let id = api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await[0]["id"].as_str().unwrap().to_owned();
    drift(&cloud, "rename-group", json!({ "group": "Service Team", "displayName": "Second Line" }));
    assert_eq!(api.get(&format!("/v1.0/groups/{id}")).await.body["displayName"], "Second Line");
    drift(&cloud, "delete-group", json!({ "group": "Second Line" }));
    api.get(&format!("/v1.0/groups/{id}")).await.is(404);
    let again = cloud.control().drift(&json!({ "kind": "delete-group", "group": "Second Line" })).unwrap_err();
    assert!(again.contains("AdminAgents"), "{again}");
}

#[tokio::test]
async fn a_group_that_is_gone_gives_no_roles_in_the_customer() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    cloud.user_token(CONTOSO, GRAPH).await.is(200);
    drift(&cloud, "delete-group", json!({ "group": format!("GDAP {CLOUD_APP}") }));
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 50_020);
}

#[tokio::test]
async fn another_password_revokes_the_refresh_tokens() {
    let cloud = Cloud::new().await;
    drift(&cloud, "reset-password", json!({ "user": "svc-tenantry@northwind.example" }));
    assert_eq!(cloud.user_token(PARTNER, GRAPH).await.is(400).aadsts(), 50_173);
}

#[tokio::test]
async fn a_blocked_account_signs_in_no_more() {
    let cloud = Cloud::new().await;
    drift(&cloud, "disable-user", json!({ "user": "svc-tenantry@northwind.example" }));
    assert_eq!(cloud.user_token(PARTNER, GRAPH).await.is(400).aadsts(), 50_057);
}

#[tokio::test]
async fn a_contract_keeps_the_name_that_the_customer_had() {
    let cloud = Cloud::new().await;
    drift(&cloud, "rename-tenant", json!({ "tenant": "Contoso", "displayName": "Contoso Limited" }));
    let api = cloud.home().await;
    let contracts = api.list("/v1.0/contracts").await;
    let contract = contracts.iter().find(|c| c["customerId"] == CONTOSO).unwrap();
    assert_eq!(contract["displayName"], "Contoso");
    let path = format!("/v1.0/tenantRelationships/findTenantInformationByTenantId(tenantId='{CONTOSO}')");
    assert_eq!(api.get(&path).await.is(200).body["displayName"], "Contoso Limited");
}

#[tokio::test]
async fn a_policy_is_added_in_a_customer() {
    let cloud = Cloud::new().await;
    let said =
        drift(&cloud, "add-conditional-access-policy", json!({ "tenant": "Contoso", "displayName": "Only ours" }));
    assert!(said.contains("Only ours"), "{said}");
    let state: Value = serde_json::from_str(&std::fs::read_to_string(cloud.state_file()).unwrap()).unwrap();
    let policies = state["tenants"][CONTOSO]["shelves"]["policies"].as_object().unwrap();
    assert_eq!(policies.values().next().unwrap()["props"]["conditions"]["users"]["includeUsers"], json!(["All"]));
}
