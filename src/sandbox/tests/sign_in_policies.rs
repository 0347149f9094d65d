//! Conditional access at sign-in, and the log of sign-ins.
use serde_json::{Value, json};

use super::browser::Browser;
use super::pages::people;
use super::support::*;
use crate::sandbox::shelf::Item;

const NATIVE: &str = "33333333-7c3e-4a38-8a55-6c0f7ac1e2b4";
const WEAK: &str = "weak@northwind.example";
const SERVICE: &str = "svc-tenantry@northwind.example";

fn policy(cloud: &Cloud, tenant: &str, conditions: Value, controls: &[&str]) {
    shelve(
        cloud,
        tenant,
        "policies",
        json!({
            "displayName": "p", "state": "enabled", "conditions": conditions,
            "grantControls": { "operator": "OR", "builtInControls": controls },
        }),
    );
}

fn shelve(cloud: &Cloud, tenant: &str, shelf: &str, props: Value) {
    change(cloud, |state| {
        let now = state.clock.now();
        let item = Item { id: "p1".to_owned(), props: props.as_object().unwrap().clone(), created: now, modified: now };
        let tenant = state.tenants.get_mut(tenant).unwrap();
        tenant.shelves.entry(shelf.to_owned()).or_default().insert("p1".to_owned(), item);
    });
}

fn everybody() -> Value {
    json!({ "users": { "includeUsers": ["All"] }, "applications": { "includeApplications": ["All"] } })
}

async fn authorize(cloud: &Cloud, upn: &str) -> super::browser::Shown {
    let mut browser = Browser::new(cloud);
    let path = format!(
        "/{PARTNER}/oauth2/v2.0/authorize?client_id={NATIVE}&response_type=code&redirect_uri=http://localhost/cb&scope=User.Read"
    );
    let page = browser.open(&path).await;
    browser.sign_in(&page, upn).await
}

#[tokio::test]
async fn a_customers_policy_keeps_the_partner_out_until_it_is_excluded() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let api = cloud.home().await;
    api.post("/_sandbox/consent", json!({ "tenant": "Contoso", "app": "Tenantry Manager" })).await.is(200);
    cloud.user_token(CONTOSO, GRAPH).await.is(200);
    policy(&cloud, CONTOSO, everybody(), &["block"]);
    let blocked = cloud.user_token(CONTOSO, GRAPH).await.is(400);
    assert_eq!((blocked.aadsts(), blocked.text("/error")), (53_003, "invalid_grant".to_owned()));
    assert!(blocked.body["claims"].is_string());
    // Apps are no users.
    cloud.app_token(MANAGER, CONTOSO, GRAPH).await.is(200);
    let mut conditions = everybody();
    conditions["users"]["excludeGuestsOrExternalUsers"] = json!({
        "guestOrExternalUserTypes": "serviceProvider",
        "externalTenants": { "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "membershipKind": "enumerated", "members": [PARTNER] },
    });
    policy(&cloud, CONTOSO, conditions, &["block"]);
    cloud.user_token(CONTOSO, GRAPH).await.is(200);
}

#[tokio::test]
async fn a_policy_for_workloads_blocks_the_app_that_it_names() {
    let cloud = Cloud::new().await;
    let id = cloud.home().await.get(&format!("/v1.0/servicePrincipals(appId='{READER}')")).await.is(200).text("/id");
    let conditions = json!({
        "users": { "includeUsers": ["None"] }, "applications": { "includeApplications": ["All"] },
        "clientApplications": { "includeServicePrincipals": [id] },
    });
    policy(&cloud, PARTNER, conditions, &["block"]);
    assert_eq!(cloud.app_token(READER, PARTNER, GRAPH).await.is(400).aadsts(), 53_003);
    cloud.app_token(MANAGER, PARTNER, GRAPH).await.is(200);
}

#[tokio::test]
async fn a_second_factor_that_a_policy_wants_is_asked_for_or_missed() {
    let cloud = Cloud::with(people).await;
    policy(&cloud, PARTNER, everybody(), &["mfa"]);
    authorize(&cloud, SERVICE).await.back("http://localhost/cb");
    authorize(&cloud, WEAK).await.has("AADSTS50079");
    assert_eq!(cloud.user_token_by(WEAK_REFRESH, PARTNER, GRAPH).await.is(400).aadsts(), 50_079);
    cloud.user_token(PARTNER, GRAPH).await.is(200);
    policy(&cloud, PARTNER, everybody(), &["compliantDevice"]);
    authorize(&cloud, SERVICE).await.has("AADSTS53000");
}

#[tokio::test]
async fn security_defaults_want_a_second_factor_of_administrators() {
    let cloud = Cloud::with(|w| {
        people(w);
        w.partner.users[1].roles = vec!["Global Administrator".to_owned()];
    })
    .await;
    authorize(&cloud, WEAK).await.back("http://localhost/cb");
    shelve(&cloud, PARTNER, "identitySecurityDefaultsEnforcementPolicy", json!({ "isEnabled": true }));
    authorize(&cloud, WEAK).await.has("AADSTS50079");
    authorize(&cloud, SERVICE).await.back("http://localhost/cb");
}

fn log(cloud: &Cloud, tenant: &str) -> Vec<Value> {
    change(cloud, |state| state.tenants.get(tenant).unwrap().sign_ins.iter().map(|e| (**e).clone()).collect())
}

#[tokio::test]
async fn every_sign_in_is_in_the_log_whether_it_went_well_or_not() {
    let cloud = Cloud::with(people).await;
    cloud.user_token(PARTNER, GRAPH).await.is(200);
    cloud.user_token(CONTOSO, GRAPH).await.is(400);
    cloud.app_token(READER, PARTNER, GRAPH).await.is(200);
    cloud.app_token_by(READER, "cnry-wrong", PARTNER, GRAPH).await.is(401);
    policy(&cloud, PARTNER, everybody(), &["block"]);
    authorize(&cloud, WEAK).await.has("AADSTS53003");
    let all = log(&cloud, PARTNER);
    let shown: Vec<(u64, &str, bool)> = all
        .iter()
        .map(|e| {
            let who = e["userPrincipalName"].as_str().or(e["servicePrincipalName"].as_str()).unwrap();
            (e["status"]["errorCode"].as_u64().unwrap(), who, e["isInteractive"].as_bool().unwrap())
        })
        .collect();
    assert_eq!(shown, [(0, SERVICE, false), (0, "Reader", false), (7_000_215, "Reader", false), (53_003, WEAK, true)]);
    assert_eq!(all[0]["appDisplayName"], json!("Tenantry Manager"));
    assert_eq!(all[0]["resourceDisplayName"], json!("Microsoft Graph"));
    let last = &all[3];
    assert_eq!(
        (&last["conditionalAccessStatus"], &last["appliedConditionalAccessPolicies"][0]["displayName"]),
        (&json!("failure"), &json!("p"))
    );
    assert_eq!(log(&cloud, CONTOSO)[0]["status"]["errorCode"], json!(50_020));
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains("cnry-"));
}

#[tokio::test]
async fn the_log_of_apps_is_short_where_they_are_guests() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    api.post("/_sandbox/consent", json!({ "tenant": "Contoso", "app": "Reader" })).await.is(200);
    for _ in 0..6 {
        cloud.app_token(READER, CONTOSO, GRAPH).await.is(200);
    }
    assert_eq!(log(&cloud, CONTOSO).len(), 3);
}
