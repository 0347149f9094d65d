//! The whole way into a customer tenant: consent, principals, grants, roles, Exchange.
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;

pub const FOOTHOLD: &str = "DelegatedPermissionGrant.ReadWrite.All,AppRoleAssignment.ReadWrite.All,Application.ReadWrite.All,RoleManagement.ReadWrite.Directory";

pub fn consents(tenant: &str) -> String {
    format!("/v1/customers/{tenant}/applicationconsents")
}

pub fn consent(scope: &str) -> Value {
    json!({ "applicationId": MANAGER, "displayName": "Tenantry", "applicationGrants": [{ "enterpriseApplicationId": "00000003-0000-0000-c000-000000000000", "scope": scope }] })
}

pub async fn consented(cloud: &Cloud) {
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(201);
}

/// A multi-tenant app with a secret: (app id, secret).
pub async fn product(cloud: &Cloud) -> (String, String) {
    let api = cloud.home().await;
    let app = api.post("/v1.0/applications", json!({ "displayName": "Rallied", "signInAudience": "AzureADMultipleOrgs", "uniqueName": "tenantry-rallied" })).await.is(201);
    let secret = api
        .post(
            &format!("/v1.0/applications/{}/addPassword", app.text("/id")),
            json!({ "passwordCredential": { "displayName": "production#1" } }),
        )
        .await
        .is(200)
        .text("/secretText");
    (app.text("/appId"), secret)
}

pub async fn sp(api: &Api<'_>, app_id: &str) -> String {
    api.get(&format!("/v1.0/servicePrincipals(appId='{app_id}')?$select=id")).await.is(200).text("/id")
}

pub const GRAPH_APP: &str = "00000003-0000-0000-c000-000000000000";
pub const EXCHANGE_APP: &str = "00000002-0000-0ff1-ce00-000000000000";

pub async fn grant(api: &Api<'_>, principal: &str, resource_app: &str, role: &str) -> Got {
    let resource = sp(api, resource_app).await;
    api.post(
        &format!("/v1.0/servicePrincipals/{resource}/appRoleAssignedTo"),
        json!({ "principalId": principal, "resourceId": resource, "appRoleId": role }),
    )
    .await
}

pub const USER_READ_ALL: &str = "df021288-bdef-4463-88db-98f22de89214";
pub const MANAGE_AS_APP: &str = "dc50a0fb-09a3-484d-be87-e023b12c6440";

pub async fn cmdlet(cloud: &Cloud, token: Got, name: &str) -> Got {
    cloud
        .api(token)
        .post(
            &format!("/adminapi/beta/{CONTOSO}/InvokeCommand"),
            json!({ "CmdletInput": { "CmdletName": name, "Parameters": {} } }),
        )
        .await
}

#[tokio::test]
async fn the_whole_ladder_ends_with_users_listed_and_exchange_answering() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let (app_id, secret) = product(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let principal = inside.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await.is(201).text("/id");
    grant(&inside, &principal, GRAPH_APP, USER_READ_ALL).await.is(201);
    grant(&inside, &principal, EXCHANGE_APP, MANAGE_AS_APP).await.is(201);
    let early = cloud.app_token_by(&app_id, &secret, CONTOSO, EXCHANGE).await;
    let refused = cmdlet(&cloud, early, "Get-OrganizationConfig").await.is(403);
    assert!(refused.text.bytes().all(|b| b == 0) && !refused.text.is_empty());
    let before = cloud.app_token_by(&app_id, &secret, CONTOSO, EXCHANGE).await;
    inside
        .post(
            "/v1.0/roleManagement/directory/roleAssignments",
            json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" }),
        )
        .await
        .is(201);
    cmdlet(&cloud, before, "Get-OrganizationConfig").await.is(403);
    let users = cloud.api(cloud.app_token_by(&app_id, &secret, CONTOSO, GRAPH).await);
    let listed = users
        .send(Method::GET, "/v1.0/users?$count=true&$top=1", &[("ConsistencyLevel", "eventual")], None)
        .await
        .is(200);
    assert_eq!(listed.body["@odata.count"], 25);
    let fresh = cloud.app_token_by(&app_id, &secret, CONTOSO, EXCHANGE).await;
    let answer = cmdlet(&cloud, fresh, "Get-OrganizationConfig").await.is(200);
    assert_eq!(answer.body["@adminapi.warnings"], json!([]));
    assert_eq!(answer.body["value"][0]["DisplayName"], "Contoso");
}

#[tokio::test]
async fn consent_needs_a_role_through_gdap_that_allows_it() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[EXCHANGE_ADMIN]).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    assert_eq!(pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(403).body["code"], 2032);
}

#[tokio::test]
async fn consent_refuses_users_without_mfa() {
    let cloud = Cloud::new().await;
    let pc = cloud.api(cloud.user_token_by(WEAK_REFRESH, PARTNER, PARTNER_CENTER).await);
    let got = pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(401);
    assert_eq!(got.body["description"], "Unauthorized - MFA required");
}

#[tokio::test]
async fn consent_says_when_the_customer_is_unknown_or_not_commercial() {
    let cloud = Cloud::new().await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    assert_eq!(
        pc.post(&consents("9e0c6a0b-0000-4a4f-8f5e-9a9f6a1c7b11"), consent(FOOTHOLD)).await.is(404).body["code"],
        60003
    );
    assert_eq!(pc.post(&consents(FABRIKAM), consent(FOOTHOLD)).await.is(403).body["code"], 20002);
}

#[tokio::test]
async fn consent_wants_commas_between_scopes() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    pc.post(&consents(CONTOSO), consent("Directory.Read.All User.Read.All")).await.is(400);
}

#[tokio::test]
async fn consent_of_another_app_than_the_tokens_is_refused() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let mut other = consent(FOOTHOLD);
    other["applicationId"] = json!(READER);
    pc.post(&consents(CONTOSO), other).await.is(403);
}

#[tokio::test]
async fn repeated_consent_conflicts_but_the_same_request_id_replays_the_answer() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let id = [("ms-requestid", "c0ffee00-0000-4000-8000-000000000001")];
    pc.send(Method::POST, &consents(CONTOSO), &id, Some(consent(FOOTHOLD))).await.is(201);
    pc.send(Method::POST, &consents(CONTOSO), &id, Some(consent(FOOTHOLD))).await.is(201);
    let again = pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(409);
    assert_eq!(again.body["description"], "Permission entry already exists.");
}

#[tokio::test]
async fn consent_appears_after_its_lag_and_is_not_taken_twice() {
    let cloud = Cloud::with(|w| w.lag.consent = crate::sandbox::Delay(30)).await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 65_001);
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    pc.post(&consents(CONTOSO), consent(FOOTHOLD)).await.is(409);
    assert!(cloud.control().advance_to_next().unwrap() > 0);
    let token = cloud.user_token(CONTOSO, GRAPH).await.is(200).text("/access_token");
    let (c, mut wanted) = (claims(&token), FOOTHOLD.split(',').collect::<Vec<_>>());
    wanted.sort_unstable();
    assert_eq!((&c["scp"], &c["wids"]), (&json!(wanted.join(" ")), &json!([CLOUD_APP])));
}

#[tokio::test]
async fn removing_consent_takes_the_grants_and_leaves_the_principal() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    pc.delete(&format!("{}/{MANAGER}", consents(CONTOSO))).await.is(204);
    sp(&inside, MANAGER).await;
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 65001);
}

#[tokio::test]
async fn graph_roles_need_privileged_role_administrator_and_others_do_not() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    let (app_id, _) = product(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let principal = inside.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await.is(201).text("/id");
    assert_eq!(
        grant(&inside, &principal, GRAPH_APP, USER_READ_ALL).await.is(403).code(),
        "Authorization_RequestDenied"
    );
    grant(&inside, &principal, EXCHANGE_APP, MANAGE_AS_APP).await.is(201);
    inside
        .post(
            "/v1.0/roleManagement/directory/roleAssignments",
            json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" }),
        )
        .await
        .is(403);
}

#[tokio::test]
async fn an_app_role_is_granted_once_and_cannot_be_patched() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let principal = sp(&inside, MANAGER).await;
    let made = grant(&inside, &principal, GRAPH_APP, USER_READ_ALL).await.is(201);
    assert_eq!(made.body["resourceDisplayName"], "Microsoft Graph");
    let again = grant(&inside, &principal, GRAPH_APP, USER_READ_ALL).await.is(400);
    assert!(again.message().contains("already exists"), "{}", again.text);
    assert_eq!(grant(&inside, &principal, GRAPH_APP, CONTOSO).await.is(400).code(), "Request_BadRequest");
    let one = format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments/{}", made.text("/id"));
    inside.patch(&one, json!({})).await.is(405);
    inside.delete(&one).await.is(204);
    assert!(inside.list(&format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments")).await.is_empty());
}

#[tokio::test]
async fn gdap_assignments_show_as_foreign_principals_in_the_customer() {
    let cloud = Cloud::new().await;
    let made = gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let path = format!(
        "/v1.0/roleManagement/directory/roleAssignments?$filter=roleDefinitionId eq '{CLOUD_APP}'&$expand=principal"
    );
    let seen = inside.list(&path).await;
    assert_eq!(seen[0]["principalOrganizationId"], PARTNER);
    assert_eq!(seen[0]["principalId"], json!(made.groups[1]));
    cloud.control().drift(&json!({ "kind": "terminate-relationship", "relationship": "NW-contoso-standard" })).unwrap();
    assert!(inside.list(&path).await.is_empty());
}

#[tokio::test]
async fn customers_are_listed_in_pages_and_only_when_commercial() {
    let cloud = Cloud::with(|w| {
        for n in 0..3 {
            w.customers.push(crate::sandbox::world::CustomerFile {
                tenant_id: format!("aaaaaaaa-0000-4000-8000-00000000000{n}"),
                display_name: format!("C{n}"),
                domain: format!("c{n}.example"),
                ..Default::default()
            });
        }
    })
    .await;
    let pc = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    let first = pc.get("/v1/customers?size=3").await.is(200);
    assert_eq!(first.body["items"].as_array().unwrap().len(), 3);
    let token = first.text("/links/next/headers/0/value");
    let second = pc.send(Method::GET, "/v1/customers?size=3", &[("MS-ContinuationToken", &token)], None).await.is(200);
    assert_eq!(second.body["items"].as_array().unwrap().len(), 1);
    assert!(second.body["links"]["next"].is_null());
}

#[tokio::test]
async fn exchange_checks_audience_then_app_role() {
    let cloud = Cloud::new().await;
    let graph = cloud.app_token(MANAGER, PARTNER, GRAPH).await;
    let wrong = cmdlet(&cloud, graph, "Get-OrganizationConfig").await.is(401);
    assert!(wrong.header("www-authenticate").contains("invalid_token"));
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let none = cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await;
    assert!(
        cmdlet(&cloud, none, "Get-OrganizationConfig")
            .await
            .is(401)
            .header("www-authenticate")
            .contains("invalid_token")
    );
}

#[tokio::test]
async fn exchange_honours_a_role_only_after_its_lag() {
    let cloud = Cloud::with(|w| w.lag.exchange_role = crate::sandbox::Delay(2700)).await;
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let principal = sp(&inside, MANAGER).await;
    grant(&inside, &principal, EXCHANGE_APP, MANAGE_AS_APP).await.is(201);
    inside
        .post(
            "/v1.0/roleManagement/directory/roleAssignments",
            json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" }),
        )
        .await
        .is(201);
    cmdlet(&cloud, cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await, "Get-Mailbox").await.is(403);
    let moved = cloud.control().advance_to_next().unwrap();
    assert!((2690..=2700).contains(&moved), "{moved}");
    assert_eq!(cloud.control().advance_to_next().unwrap(), 0);
    let mailboxes = cmdlet(&cloud, cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await, "Get-Mailbox").await.is(200);
    assert_eq!(mailboxes.body["value"].as_array().unwrap().len(), 25);
    let unknown = cmdlet(&cloud, cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await, "Get-Nonsense").await.is(403);
    assert!(unknown.text.bytes().all(|b| b == 0));
}

#[tokio::test]
async fn a_tenant_without_an_exchange_licence_has_no_exchange_resource() {
    let cloud = Cloud::with(|w| w.customers[0].exchange = false).await;
    gdap(&cloud, &[PRIVILEGED, CLOUD_APP]).await;
    consented(&cloud).await;
    assert_eq!(cloud.app_token(MANAGER, CONTOSO, EXCHANGE).await.is(400).aadsts(), 500_011);
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    inside.post("/v1.0/servicePrincipals", json!({ "appId": EXCHANGE_APP })).await.is(400);
}

#[tokio::test]
async fn a_delegated_grant_is_made_once_and_replaced_by_patch() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    consented(&cloud).await;
    let (app_id, _) = product(&cloud).await;
    let inside = cloud.api(cloud.user_token(CONTOSO, GRAPH).await);
    let client = inside.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await.is(201).text("/id");
    let resource = sp(&inside, GRAPH_APP).await;
    let body =
        json!({ "clientId": client, "resourceId": resource, "consentType": "AllPrincipals", "scope": "User.Read" });
    let id = inside.post("/v1.0/oauth2PermissionGrants", body.clone()).await.is(201).text("/id");
    let again = inside.post("/v1.0/oauth2PermissionGrants", body).await.is(409);
    assert_eq!(
        (again.code(), again.message()),
        ("Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
    );
    inside.patch(&format!("/v1.0/oauth2PermissionGrants/{id}"), json!({ "scope": "x".repeat(8001) })).await.is(400);
    inside
        .patch(&format!("/v1.0/oauth2PermissionGrants/{id}"), json!({ "scope": "User.Read Directory.Read.All" }))
        .await
        .is(204);
    let seen = inside.list(&format!("/v1.0/oauth2PermissionGrants?$filter=clientId eq '{client}'")).await;
    assert_eq!(seen[0]["scope"], "User.Read Directory.Read.All");
    inside.delete(&format!("/v1.0/oauth2PermissionGrants/{id}")).await.is(204);
}
