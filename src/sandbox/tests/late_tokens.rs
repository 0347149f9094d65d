//! What the token service learns later than the directory.
use std::collections::BTreeSet;

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::ladder::{EXCHANGE_APP, GRAPH_APP, MANAGE_AS_APP, USER_READ_ALL, cmdlet, consented, grant, sp};
use super::signer::Signer;
use super::sts::by_assertion;
use super::support::*;
use crate::sandbox::keys::standard_b64;

/// A secret of the managing app, as it was just made.
async fn new_secret(cloud: &Cloud) -> String {
    let path = format!("/v1.0/applications(appId='{MANAGER}')/addPassword");
    cloud.home().await.post(&path, json!({})).await.is(200).text("/secretText")
}

#[tokio::test]
async fn a_new_secret_is_refused_then_taken_now_and_then_and_at_last_always() {
    let cloud = Cloud::still(json!({ "newSecret": 18, "spread": true })).await;
    let secret = new_secret(&cloud).await;
    let all = cloud.control().clock().as_second();
    let due = cloud.http.get(format!("{}/_sandbox/clock", cloud.sandbox.url())).send().await.unwrap();
    let due = due.json::<Value>().await.unwrap()["next"].as_i64().unwrap();
    assert!((4..=18).contains(&due), "{due}");
    let mut phases = Vec::new();
    for _ in 0..=due {
        let mut seen = BTreeSet::new();
        for _ in 0..12 {
            let got = cloud.app_token_by(MANAGER, &secret, PARTNER, GRAPH).await;
            if got.status != 200 {
                assert_eq!((got.status.as_u16(), got.aadsts()), (401, 7_000_215));
            }
            seen.insert(got.status.as_u16());
        }
        phases.push(seen);
        cloud.control().advance(1).unwrap();
    }
    phases.dedup();
    assert_eq!(phases, [BTreeSet::from([401]), BTreeSet::from([200, 401]), BTreeSet::from([200])]);
    assert!(cloud.control().clock().as_second() > all);
}

#[tokio::test]
async fn a_new_certificate_is_unknown_for_up_to_30_seconds() {
    let cloud = Cloud::still(json!({ "newCertificate": 30, "spread": true })).await;
    let signer = Signer::new();
    let key = json!({ "keyCredentials": [{ "type": "AsymmetricX509Cert", "usage": "Verify", "key": standard_b64(&signer.der) }] });
    cloud.home().await.patch(&format!("/v1.0/applications(appId='{MANAGER}')"), key).await.is(204);
    let early = by_assertion(&cloud, &signer.assertion(Algorithm::PS256, |_| ())).await;
    assert_eq!(early.is(401).aadsts(), 700_027);
    cloud.control().advance(30).unwrap();
    by_assertion(&cloud, &signer.assertion(Algorithm::PS256, |_| ())).await.is(200);
}

fn roles(token: &Got) -> Vec<String> {
    let of = claims(&token.text("/access_token"));
    of["roles"].as_array().into_iter().flatten().map(|r| r.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_granted_role_comes_into_new_tokens_late_and_a_revoked_one_leaves_them_late() {
    let cloud = Cloud::still(json!({ "tokenAppRole": 300 })).await;
    let api = cloud.home().await;
    let reader = sp(&api, READER).await;
    let of = async || roles(&cloud.app_token(READER, PARTNER, GRAPH).await.is(200));
    let id = grant(&api, &reader, GRAPH_APP, USER_READ_ALL).await.is(201).text("/id");
    assert!(!of().await.contains(&"User.Read.All".to_owned()));
    cloud.control().advance(300).unwrap();
    assert!(of().await.contains(&"User.Read.All".to_owned()));
    api.delete(&format!("/v1.0/servicePrincipals/{reader}/appRoleAssignments/{id}")).await.is(204);
    assert!(of().await.contains(&"User.Read.All".to_owned()), "the replica of the token service has not heard");
    cloud.control().advance(300).unwrap();
    assert!(!of().await.contains(&"User.Read.All".to_owned()));
}

#[tokio::test]
async fn a_token_keeps_the_roles_that_it_was_issued_with() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let reader = sp(&api, READER).await;
    let id = grant(&api, &reader, GRAPH_APP, USER_READ_ALL).await.is(201).text("/id");
    let old = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    api.delete(&format!("/v1.0/servicePrincipals/{reader}/appRoleAssignments/{id}")).await.is(204);
    old.get("/v1.0/users").await.is(200);
    cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await).get("/v1.0/users").await.is(403);
}

#[tokio::test]
async fn a_directory_role_has_a_lag_of_its_own() {
    let cloud = Cloud::still(json!({ "tokenDirectoryRole": 900 })).await;
    let api = cloud.home().await;
    let reader = sp(&api, READER).await;
    let body = json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": reader, "directoryScopeId": "/" });
    let of =
        async || claims(&cloud.app_token(READER, PARTNER, GRAPH).await.is(200).text("/access_token"))["wids"].clone();
    let id = api.post("/v1.0/roleManagement/directory/roleAssignments", body).await.is(201).text("/id");
    assert_eq!(of().await, json!([]));
    cloud.control().advance(900).unwrap();
    assert_eq!(of().await, json!([EXCHANGE_ADMIN]));
    cloud.home().await.delete(&format!("/v1.0/roleManagement/directory/roleAssignments/{id}")).await.is(204);
    assert_eq!(of().await, json!([EXCHANGE_ADMIN]));
    cloud.control().advance(900).unwrap();
    assert_eq!(of().await, json!([]));
}

#[tokio::test]
async fn delegated_roles_reach_the_customer_a_while_after_the_assignment_is_active() {
    let cloud = Cloud::still(json!({ "delegatedRoles": 3600 })).await;
    let made = gdap(&cloud, &[CLOUD_APP]).await;
    let api = cloud.home().await;
    let path = format!("{RELATIONSHIPS}/{}/accessAssignments", made.relationship);
    assert_eq!(api.list(&path).await[0]["status"], "active");
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 50_020);
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let consent = super::ladder::consent(super::ladder::FOOTHOLD);
    let early = pc.post(&super::ladder::consents(CONTOSO), consent).await.is(403);
    assert_eq!(early.body["code"], 2032);
    cloud.control().advance(3600).unwrap();
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 65_001);
    consented(&cloud).await;
    let wids = claims(&cloud.user_token(CONTOSO, GRAPH).await.is(200).text("/access_token"))["wids"].clone();
    assert_eq!(wids, json!([CLOUD_APP]));
}

#[tokio::test]
async fn the_customer_sees_the_partners_groups_in_its_roles_as_long_as_the_relationship_lives() {
    let cloud = Cloud::still(json!({})).await;
    let made = gdap(&cloud, &[CLOUD_APP, PRIVILEGED]).await;
    consented(&cloud).await;
    cloud.control().behaviour(&json!({ "delegatedRoles": 900 })).unwrap();
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let path = format!("/v1.0/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '{CLOUD_APP}'");
    let seen = inside.list(&path).await;
    assert_eq!((seen.len(), &seen[0]["principalOrganizationId"]), (1, &json!(PARTNER)));
    assert!(made.groups.iter().any(|group| seen[0]["principalId"] == json!(group)), "{seen:?}");
    let home = cloud.home().await;
    home.post(&format!("{RELATIONSHIPS}/{}/requests", made.relationship), json!({ "action": "terminate" }))
        .await
        .is(201);
    assert_eq!(inside.list(&path).await.len(), 0);
}

#[tokio::test]
async fn lifetimes_are_a_number_or_a_text_and_prose_is_in_other_words() {
    let cloud = Cloud::still(json!({ "moods": true })).await;
    let mut kinds = BTreeSet::new();
    for _ in 0..12 {
        let got = cloud.app_token(MANAGER, PARTNER, GRAPH).await.is(200);
        kinds.insert(got.body["expires_in"].is_string());
    }
    assert_eq!(kinds, BTreeSet::from([false, true]));
    let mut texts = BTreeSet::new();
    for seed in 1..=6 {
        let cloud = Cloud::still_with(json!({ "moods": true }), |w| w.seed = Some(seed)).await;
        let wrong = cloud.app_token_by(MANAGER, "cnry-wrong", PARTNER, GRAPH).await.is(401);
        assert_eq!(wrong.aadsts(), 7_000_215);
        let text = wrong.text("/error_description");
        assert!(text.starts_with("AADSTS7000215: ") && text.contains("Trace ID: ") && text.contains("Timestamp: "));
        texts.insert(text.split("Trace ID").next().unwrap().to_owned());
    }
    assert!(texts.len() > 1, "{texts:?}");
}

#[tokio::test]
async fn a_missing_principal_is_one_of_two_refusals_by_the_seed_of_the_tenant() {
    let mut seen = BTreeSet::new();
    for seed in 1..=8 {
        let cloud = Cloud::with(|w| w.seed = Some(seed)).await;
        let got = cloud.app_token(MANAGER, CONTOSO, GRAPH).await;
        assert_eq!(cloud.app_token(MANAGER, CONTOSO, GRAPH).await.aadsts(), got.aadsts());
        seen.insert((got.body["error"].as_str().unwrap().to_owned(), got.aadsts()));
    }
    let known = [("invalid_client", 7_000_229), ("unauthorized_client", 700_016)];
    assert_eq!(seen, known.iter().map(|(e, c)| ((*e).to_owned(), *c)).collect());
}

#[tokio::test]
async fn exchange_refuses_in_one_of_its_ways_until_the_role_has_reached_it() {
    let mut ways = BTreeSet::new();
    for seed in 1..=10 {
        let cloud = Cloud::still_with(json!({ "moods": true, "exchangeRole": 2700 }), |w| w.seed = Some(seed)).await;
        gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
        consented(&cloud).await;
        let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
        let principal = sp(&inside, MANAGER).await;
        grant(&inside, &principal, EXCHANGE_APP, MANAGE_AS_APP).await.is(201);
        let role = json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" });
        inside.post("/v1.0/roleManagement/directory/roleAssignments", role).await.is(201);
        let token = || cloud.app_token(MANAGER, CONTOSO, EXCHANGE);
        let refused = cmdlet(&cloud, token().await, "Get-Mailbox").await.is(403);
        let way = match (refused.text.as_str(), refused.header("x-ms-diagnostics")) {
            ("", reason) => format!("empty, {}", reason.is_empty()),
            (text, _) if text.bytes().all(|b| b == 0) => "NUL".to_owned(),
            _ => refused.message().split(" application ").next().unwrap().to_owned(),
        };
        ways.insert(way);
        cloud.control().advance(2700).unwrap();
        cmdlet(&cloud, token().await, "Get-Mailbox").await.is(200);
        let other = cmdlet(&cloud, token().await, "Remove-Everything").await.is(401);
        assert_eq!(other.message(), "User is not allowed to call Remove-Everything");
    }
    let known = ["NUL", "The role assigned to", "empty, false"];
    assert_eq!(ways, known.iter().map(|w| (*w).to_owned()).collect());
}

#[tokio::test]
async fn exchange_says_in_plain_text_that_there_are_too_many_calls() {
    let cloud = Cloud::still(json!({ "exchangeCalls": 3 })).await;
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(cmdlet(&cloud, cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await, "Get-Mailbox").await);
    }
    let over = seen.pop().unwrap().is(429);
    assert!(over.text.starts_with("You have reached the maximum number of concurrent requests per tenant."));
    assert_eq!(over.header("retry-after"), "");
    assert!(seen.iter().all(|got| got.status != 429));
    cloud.control().advance(1).unwrap();
    let url = format!("/adminapi/beta/{CONTOSO}/InvokeCommand");
    let token = cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await;
    assert_ne!(cloud.api(token).send(Method::POST, &url, &[], Some(json!({}))).await.status, 429);
}
