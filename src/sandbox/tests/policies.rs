//! Policies that a tenant has one of, and cross-tenant access.
use serde_json::{Value, json};

use super::policy_support::*;
use super::support::*;

#[tokio::test]
async fn every_tenant_begins_with_microsofts_defaults() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let get = async |name: &str| api.get(&format!("/v1.0/policies/{name}")).await.is(200).body;
    let authorization = get("authorizationPolicy").await;
    assert_eq!(
        (&authorization["id"], &authorization["allowInvitesFrom"]),
        (&json!("authorizationPolicy"), &json!("everyone"))
    );
    assert_eq!(authorization["guestUserRoleId"], "10dae51f-b6af-4016-8d66-8c2a99b929b3");
    assert_eq!(authorization["defaultUserRolePermissions"]["allowedToCreateApps"], true);
    assert_eq!(get("identitySecurityDefaultsEnforcementPolicy").await["id"], "00000000-0000-0000-0000-000000000005");
    assert_eq!(get("authenticationFlowsPolicy").await["selfServiceSignUp"]["isEnabled"], false);
    assert_eq!(get("adminConsentRequestPolicy").await["isEnabled"], false);
    assert_eq!(get("crossTenantAccessPolicy").await["allowedCloudEndpoints"], json!([]));
    let methods = get("authenticationMethodsPolicy").await;
    assert!(methods["authenticationMethodConfigurations"].as_array().unwrap().len() >= 8);
    api.get("/beta/policies/authorizationPolicy/authorizationPolicy").await.is(200);
}

#[tokio::test]
async fn what_is_one_of_a_kind_is_changed_in_place() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/authorizationPolicy";
    let wish = json!({ "allowInvitesFrom": "adminsAndGuestInviters", "defaultUserRolePermissions": { "allowedToCreateApps": false } });
    api.patch(path, wish).await.is(204);
    let seen = api.get(path).await.body;
    assert_eq!(seen["allowInvitesFrom"], "adminsAndGuestInviters");
    let permissions = &seen["defaultUserRolePermissions"];
    assert_eq!(
        (&permissions["allowedToCreateApps"], &permissions["allowedToReadOtherUsers"]),
        (&json!(false), &json!(true))
    );
    api.patch(path, json!({ "allowInvitesFrom": "nobody" })).await.is(400);
    api.patch(path, json!({ "colour": "red" })).await.is(400);
    api.delete(path).await.is(405);
}

#[tokio::test]
async fn consent_requests_are_replaced_as_a_whole() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/adminConsentRequestPolicy";
    let put = async |body: Value| api.send(reqwest::Method::PUT, path, &[], Some(body)).await;
    put(json!({ "isEnabled": true })).await.is(400);
    let reviewers = json!([{ "query": "/users/x", "queryType": "MicrosoftGraph", "queryRoot": null }]);
    let whole = json!({ "isEnabled": true, "notifyReviewers": true, "remindersEnabled": true, "requestDurationInDays": 5, "reviewers": reviewers });
    put(whole).await.is(204);
    let seen = api.get(path).await.body;
    assert_eq!(
        (&seen["isEnabled"], &seen["version"], &seen["reviewers"][0]["query"]),
        (&json!(true), &json!(1), &json!("/users/x"))
    );
}

#[tokio::test]
async fn methods_are_configured_one_by_one_and_reset() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/authenticationMethodsPolicy/authenticationMethodConfigurations";
    let pass = format!("{path}/temporaryAccessPass");
    let before = api.get(&pass).await.is(200).body;
    assert_eq!(
        (&before["@odata.type"], &before["state"]),
        (&json!("#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration"), &json!("disabled"))
    );
    let wish = json!({
        "@odata.type": "#microsoft.graph.temporaryAccessPassAuthenticationMethodConfiguration", "state": "enabled", "isUsableOnce": true,
        "includeTargets": [{ "targetType": "group", "id": CONTOSO, "isRegistrationRequired": false }],
    });
    api.patch(&pass, wish).await.is(204);
    let seen = api.get(&pass).await.body;
    assert_eq!(
        (&seen["state"], &seen["isUsableOnce"], &seen["includeTargets"][0]["id"]),
        (&json!("enabled"), &json!(true), &json!(CONTOSO))
    );
    api.patch(&pass, json!({ "keyRestrictions": {} })).await.is(400);
    api.patch(&pass, json!({ "@odata.type": "#microsoft.graph.smsAuthenticationMethodConfiguration" })).await.is(400);
    api.get(&format!("{path}/Pigeon")).await.is(404);
    api.delete(&pass).await.is(204);
    assert_eq!(api.get(&pass).await.body["state"], "disabled");
    assert_eq!(api.list(path).await[0]["id"], "Fido2");
}

#[tokio::test]
async fn external_identities_are_betas_alone() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    assert_eq!(
        api.get("/beta/policies/externalIdentitiesPolicy").await.is(200).body["allowExternalIdentitiesToLeave"],
        true
    );
    api.patch("/beta/policies/externalIdentitiesPolicy", json!({ "allowExternalIdentitiesToLeave": false }))
        .await
        .is(204);
    let got = api.get("/v1.0/policies/externalIdentitiesPolicy").await.is(400);
    assert_eq!(got.message(), "Resource not found for the segment 'externalIdentitiesPolicy'.");
}

#[tokio::test]
async fn the_default_for_other_tenants_is_changed_and_reset() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/crossTenantAccessPolicy/default";
    let seen = api.get(path).await.is(200).body;
    assert_eq!(
        (&seen["isServiceDefault"], &seen["b2bDirectConnectInbound"]["applications"]["accessType"]),
        (&json!(true), &json!("blocked"))
    );
    api.patch(path, json!({ "inboundTrust": { "isMfaAccepted": true } })).await.is(204);
    let seen = api.get(path).await.body;
    assert_eq!(
        (&seen["isServiceDefault"], &seen["inboundTrust"]),
        (
            &json!(false),
            &json!({ "isCompliantDeviceAccepted": false, "isHybridAzureADJoinedDeviceAccepted": false, "isMfaAccepted": true })
        )
    );
    api.send(reqwest::Method::POST, &format!("{path}/resetToSystemDefault"), &[], None).await.is(204);
    assert_eq!(api.get(path).await.body["isServiceDefault"], true);
}

#[tokio::test]
async fn partners_are_known_by_their_tenant() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/crossTenantAccessPolicy/partners";
    let made = api.post(path, json!({ "tenantId": CONTOSO, "inboundTrust": { "isMfaAccepted": true } })).await.is(201);
    assert_eq!(
        (&made.body["tenantId"], made.body.get("id"), &made.body["b2bCollaborationInbound"]),
        (&json!(CONTOSO), None, &Value::Null)
    );
    api.post(path, json!({ "tenantId": CONTOSO })).await.is(409);
    api.post(path, json!({ "tenantId": PARTNER })).await.is(400);
    api.post(path, json!({ "tenantId": GLOBAL })).await.is(404);
    let one = format!("{path}/{CONTOSO}");
    let blocked = json!({ "usersAndGroups": { "accessType": "blocked", "targets": [{ "target": "AllUsers", "targetType": "user" }] }, "applications": { "accessType": "blocked", "targets": [{ "target": "AllApplications", "targetType": "application" }] } });
    api.patch(&one, json!({ "b2bCollaborationInbound": blocked })).await.is(204);
    assert_eq!(api.get(&one).await.body["b2bCollaborationInbound"], blocked);
    let sync = format!("{one}/identitySynchronization");
    api.get(&sync).await.is(404);
    let allowed = json!({ "displayName": "Contoso", "userSyncInbound": { "isSyncAllowed": true } });
    api.send(reqwest::Method::PUT, &sync, &[], Some(allowed.clone())).await.is(204);
    api.send(reqwest::Method::PUT, &sync, &[], Some(allowed)).await.is(409);
    api.patch(&sync, json!({ "userSyncInbound": { "isSyncAllowed": false } })).await.is(204);
    assert_eq!(api.get(&sync).await.is(200).body["userSyncInbound"]["isSyncAllowed"], false);
    api.delete(&sync).await.is(204);
    api.delete(&one).await.is(204);
    api.get(&one).await.is(404);
}
