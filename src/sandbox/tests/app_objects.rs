//! Graph: what an application may say, and what hangs on it.
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;

pub async fn made(api: &Api<'_>, body: Value) -> (String, Got) {
    let got = api.post("/v1.0/applications", body).await.is(201);
    (format!("/v1.0/applications/{}", got.text("/id")), got)
}

/// The managing app with these permissions of Graph as well.
pub async fn with(permissions: &[&str]) -> Cloud {
    Cloud::with(|w| {
        let own = w.partner.apps[0].application.get_mut("MicrosoftGraph").unwrap();
        own.extend(permissions.iter().map(|p| (*p).to_owned()));
    })
    .await
}

const POLICIES: [&str; 3] =
    ["Policy.ReadWrite.ApplicationConfiguration", "Policy.Read.All", "Policy.ReadWrite.PermissionGrant"];

const ROLE: &str = "b1a3c9d0-1111-4c1e-9a55-000000000001";
const SCOPE: &str = "b1a3c9d0-1111-4c1e-9a55-000000000002";

fn role(value: &str, enabled: bool) -> Value {
    json!({ "id": ROLE, "value": value, "displayName": value, "description": value, "allowedMemberTypes": ["User", "Application"], "isEnabled": enabled })
}

fn scope(value: &str, enabled: bool) -> Value {
    json!({ "id": SCOPE, "value": value, "adminConsentDisplayName": value, "adminConsentDescription": value, "type": "User", "isEnabled": enabled })
}

#[tokio::test]
async fn an_enabled_role_or_scope_is_removed_only_when_it_was_disabled() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let body = json!({ "displayName": "x", "appRoles": [role("Read", true)], "api": { "oauth2PermissionScopes": [scope("read", true)] } });
    let (path, _) = made(&api, body).await;
    for body in [
        json!({ "appRoles": [] }),
        json!({ "api": { "oauth2PermissionScopes": [] } }),
        json!({ "appRoles": [role("Write", true)] }),
    ] {
        let got = api.patch(&path, body).await.is(400);
        assert_eq!(got.code(), "CannotDeleteOrUpdateEnabledEntitlement");
        assert_eq!(got.message(), "Permission (scope or role) cannot be deleted or updated unless disabled first.");
    }
    api.patch(
        &path,
        json!({ "appRoles": [role("Read", false)], "api": { "oauth2PermissionScopes": [scope("read", false)] } }),
    )
    .await
    .is(204);
    assert_eq!(api.get(&path).await.body["appRoles"][0]["origin"], "Application");
    api.patch(&path, json!({ "appRoles": [], "api": { "oauth2PermissionScopes": [] } })).await.is(204);
    let seen = api.get(&path).await;
    assert_eq!((&seen.body["appRoles"], &seen.body["api"]["oauth2PermissionScopes"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn roles_and_scopes_have_one_id_and_one_value_each() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let mut other = role("Read", true);
    other["id"] = json!(SCOPE);
    for roles in [json!([role("Read", true), role("Write", true)]), json!([role("Read", true), other])] {
        let got = api.post("/v1.0/applications", json!({ "displayName": "x", "appRoles": roles })).await.is(400);
        assert_eq!(got.code(), "DuplicateValue");
    }
    api.post("/v1.0/applications", json!({ "displayName": "x", "appRoles": [role("has space", true)] })).await.is(400);
}

#[tokio::test]
async fn identifier_uris_are_unique_and_of_the_organization() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (path, made_one) = made(&api, json!({ "displayName": "x" })).await;
    let own = format!("api://{}", made_one.text("/appId"));
    for good in [
        own.as_str(),
        "https://northwind.example/x",
        "https://api.northwind.example",
        "api://any-name",
        "api://5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10/x",
    ] {
        api.patch(&path, json!({ "identifierUris": [good] })).await.is(204);
    }
    let got = api.patch(&path, json!({ "identifierUris": ["https://contoso.com/x"] })).await.is(400);
    assert_eq!(got.code(), "HostNameNotOnVerifiedDomain");
    assert!(got.message().ends_with("or its subdomain: 'https://contoso.com/x'"));
    api.patch(&path, json!({ "identifierUris": ["https://northwind.example/x"] })).await.is(204);
    let (second, _) = made(&api, json!({ "displayName": "y" })).await;
    let got = api.patch(&second, json!({ "identifierUris": ["https://northwind.example/x"] })).await.is(400);
    assert_eq!(got.message(), "Another object with the same value for property identifierUris already exists.");
}

#[tokio::test]
async fn redirects_audiences_and_claims_are_checked() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for body in [
        json!({ "web": { "redirectUris": ["http://a.example/"] } }),
        json!({ "web": { "redirectUris": ["https://a.example/#x"] } }),
        json!({ "spa": { "redirectUris": ["nonsense"] } }),
        json!({ "web": { "redirectUris": (0..257).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>() } }),
        json!({ "groupMembershipClaims": "Everything" }),
        json!({ "signInAudience": "PersonalMicrosoftAccount", "api": { "requestedAccessTokenVersion": 1 } }),
        json!({ "notes": "x".repeat(1025) }),
        json!({ "disabledByMicrosoftStatus": "DisabledDueToViolationOfServicesAgreement" }),
        json!({ "api": { "preAuthorizedApplications": [{ "appId": MANAGER, "delegatedPermissionIds": [SCOPE] }] } }),
    ] {
        let mut body = body;
        body["displayName"] = json!("x");
        api.post("/v1.0/applications", body.clone()).await.is(400);
    }
    let good = json!({ "displayName": "x", "groupMembershipClaims": "SecurityGroup,DirectoryRole", "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "web": { "redirectUris": ["http://localhost:8400", "https://a.example/x"] }, "publicClient": { "redirectUris": ["myapp://auth"] } });
    let (_, got) = made(&api, good).await;
    assert_eq!(got.body["api"]["requestedAccessTokenVersion"], 2);
}

#[tokio::test]
async fn an_application_is_no_larger_than_entra_keeps_it() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let role = |n: usize| json!({ "id": format!("b1a3c9d0-1111-4c1e-9a55-{n:012}"), "value": format!("r{n}"), "displayName": "r", "description": "r", "allowedMemberTypes": ["User"], "isEnabled": true });
    let roles = |count: usize| json!({ "displayName": "x", "appRoles": (0..count).map(role).collect::<Vec<_>>() });
    api.post("/v1.0/applications", roles(1_100)).await.is(201);
    assert_eq!(api.post("/v1.0/applications", roles(1_300)).await.is(403).code(), "Directory_ResourceSizeExceeded");
    let secrets = json!([{ "displayName": "a" }, { "displayName": "b" }, { "displayName": "c" }]);
    let body =
        json!({ "displayName": "x", "signInAudience": "PersonalMicrosoftAccount", "passwordCredentials": secrets });
    api.post("/v1.0/applications", body).await.is(400);
    let owner = cloud.api(cloud.app_token(OWNER, PARTNER, GRAPH).await);
    let mapped = json!({ "acceptMappedClaims": true });
    owner.post("/v1.0/applications", json!({ "displayName": "x", "api": mapped })).await.is(403);
    let (mine, _) = made(&owner, json!({ "displayName": "x" })).await;
    owner.patch(&mine, json!({ "api": mapped })).await.is(204);
}

#[tokio::test]
async fn what_was_read_may_be_sent_back() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (path, _) = made(&api, json!({ "displayName": "x" })).await;
    let mut seen = api.get(&path).await.body;
    seen["displayName"] = json!("y");
    api.patch(&path, seen).await.is(204);
    assert_eq!(api.get(&path).await.body["displayName"], "y");
    api.patch(&path, json!({ "publisherDomain": "elsewhere.example" })).await.is(400);
}

#[tokio::test]
async fn secrets_asked_for_at_creation_are_shown_once() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let body =
        json!({ "displayName": "x", "passwordCredentials": [{ "displayName": "first" }, { "displayName": "second" }] });
    let (path, got) = made(&api, body).await;
    let secret = got.text("/passwordCredentials/0/secretText");
    assert_ne!(secret, got.text("/passwordCredentials/1/secretText"));
    assert!(!api.get(&path).await.text.contains(&secret));
    api.post("/v1.0/servicePrincipals", json!({ "appId": got.text("/appId") })).await.is(201);
    cloud.app_token_by(&got.text("/appId"), &secret, PARTNER, GRAPH).await.is(200);
    api.patch(&path, json!({ "passwordCredentials": [] })).await.is(400);
}

#[tokio::test]
async fn owners_are_named_at_creation_or_the_caller_is_one() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.text("/id");
    let bind = json!([format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}")]);
    let (path, _) = made(&api, json!({ "displayName": "x", "owners@odata.bind": bind })).await;
    let owners = api.list(&format!("{path}/owners")).await;
    assert_eq!((owners.len(), &owners[0]["id"]), (1, &json!(user)));
    let (path, _) = made(&api, json!({ "displayName": "y" })).await;
    assert_eq!(api.list(&format!("{path}/owners")).await[0]["appId"], MANAGER);
}

fn federated(name: &str, subject: &str) -> Value {
    json!({ "name": name, "issuer": "https://token.actions.githubusercontent.com", "subject": subject, "audiences": ["api://AzureADTokenExchange"] })
}

#[tokio::test]
async fn federated_credentials_are_named_once_and_match_one_subject() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, _) = made(&api, json!({ "displayName": "x" })).await;
    let path = format!("{app}/federatedIdentityCredentials");
    let first = api.post(&path, federated("main", "repo:a/b")).await.is(201).text("/id");
    let named = api.post(&path, federated("main", "repo:c/d")).await.is(409);
    assert_eq!(named.message(), "FederatedIdentityCredential with name main already exists.");
    let same = api.post(&path, federated("other", "repo:a/b")).await.is(400);
    assert_eq!(same.code(), "InvalidFederatedIdentityCredentialValue");
    let mut two = federated("two", "s");
    two["audiences"] = json!(["a", "b"]);
    api.post(&path, two).await.is(400);
    api.post(&path, federated("not url friendly", "s")).await.is(400);
    api.patch(&format!("{path}/{first}"), json!({ "name": "renamed" })).await.is(400);
    api.patch(&format!("{path}/main"), json!({ "description": "d" })).await.is(204);
    assert_eq!(api.get(&format!("{path}/{first}")).await.body["description"], "d");
    let upsert = format!("{path}(name='second')");
    let create = [("Prefer", "create-if-missing")];
    let body = json!({ "issuer": "https://i.example", "subject": "s", "audiences": ["api://AzureADTokenExchange"] });
    api.send(Method::PATCH, &upsert, &[], Some(body.clone())).await.is(404);
    api.send(Method::PATCH, &upsert, &create, Some(body.clone())).await.is(201);
    api.send(Method::PATCH, &upsert, &create, Some(body)).await.is(204);
    for n in 2..20 {
        api.post(&path, federated(&format!("f{n}"), &format!("s{n}"))).await.is(201);
    }
    api.post(&path, federated("one-too-many", "x")).await.is(400);
    api.delete(&format!("{path}/{first}")).await.is(204);
    assert_eq!(api.list(&path).await.len(), 19);
}

#[tokio::test]
async fn owned_by_counts_for_credentials_inside_an_application_too() {
    let cloud = Cloud::new().await;
    let manager = cloud.home().await;
    let (app, _) = made(&manager, json!({ "displayName": "not mine" })).await;
    let owner = cloud.api(cloud.app_token(OWNER, PARTNER, GRAPH).await);
    owner.post(&format!("{app}/federatedIdentityCredentials"), federated("f", "s")).await.is(403);
    let (mine, _) = made(&owner, json!({ "displayName": "mine" })).await;
    owner.post(&format!("{mine}/federatedIdentityCredentials"), federated("f", "s")).await.is(201);
    owner.post(&format!("{mine}/addPassword"), json!({})).await.is(200);
}

#[tokio::test]
async fn an_extension_property_is_set_on_what_it_is_for() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, got) = made(&api, json!({ "displayName": "x" })).await;
    let path = format!("{app}/extensionProperties");
    let body = json!({ "name": "costCentre", "dataType": "String", "targetObjects": ["Group", "Application"] });
    let made_one = api.post(&path, body.clone()).await.is(201);
    let name = made_one.text("/name");
    assert_eq!(name, format!("extension_{}_costCentre", got.text("/appId").replace('-', "")));
    assert_eq!(made_one.body["appDisplayName"], "x");
    api.post(&path, body).await.is(400);
    api.patch(&format!("{path}/{}", made_one.text("/id")), json!({ "dataType": "Boolean" })).await.is(405);
    let group = json!({ "displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true, name.clone(): "42" });
    let id = api.post("/v1.0/groups", group.clone()).await.is(201).text("/id");
    let seen = api.get(&format!("/v1.0/groups/{id}?$select=id,{name}")).await.is(200);
    assert_eq!(seen.body[&name], "42");
    api.patch(&app, json!({ name.clone(): 42 })).await.is(400);
    api.patch(&app, json!({ name.clone(): "a" })).await.is(204);
    let all = api.post("/v1.0/directoryObjects/getAvailableExtensionProperties", json!({})).await.is(200);
    assert_eq!(all.body["value"][0]["name"], name.as_str());
    api.delete(&format!("{path}/{}", made_one.text("/id"))).await.is(204);
    api.post("/v1.0/groups", group).await.is(400);
}

#[tokio::test]
async fn policies_are_linked_and_say_what_they_apply_to() {
    let cloud = with(&POLICIES).await;
    let api = cloud.home().await;
    let (app, _) = made(&api, json!({ "displayName": "x" })).await;
    let policies = "/v1.0/policies/tokenLifetimePolicies";
    let definition = r#"{"TokenLifetimePolicy":{"Version":1,"AccessTokenLifetime":"02:00:00"}}"#;
    api.post(policies, json!({ "displayName": "p", "definition": ["nonsense"] })).await.is(400);
    let policy =
        api.post(policies, json!({ "displayName": "p", "definition": [definition] })).await.is(201).text("/id");
    let links = format!("{app}/tokenLifetimePolicies");
    let to = |id: &str| json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/policies/tokenLifetimePolicies/{id}") });
    api.post(&format!("{links}/$ref"), to(&policy)).await.is(204);
    api.post(&format!("{links}/$ref"), to(&policy)).await.is(400);
    api.post(&format!("{links}/$ref"), to(CONTOSO)).await.is(404);
    assert_eq!(api.list(&links).await[0]["definition"], json!([definition]));
    assert_eq!(api.list(&format!("{policies}/{policy}/appliesTo")).await[0]["displayName"], "x");
    api.delete(&format!("{links}/{policy}/$ref")).await.is(204);
    assert_eq!(api.list(&links).await.len(), 0);
}

#[tokio::test]
async fn a_management_policy_forbids_secrets_or_bounds_them_and_an_own_one_comes_first() {
    let cloud = with(&POLICIES).await;
    let api = cloud.home().await;
    let (app, _) = made(&api, json!({ "displayName": "x" })).await;
    let default = "/v1.0/policies/defaultAppManagementPolicy";
    assert_eq!(api.get(default).await.is(200).body["isEnabled"], false);
    let rules = |kind: &str, max: Value| json!({ "passwordCredentials": [{ "restrictionType": kind, "maxLifetime": max, "restrictForAppsCreatedAfterDateTime": "2019-10-19T10:37:00Z" }] });
    let body = json!({ "isEnabled": true, "applicationRestrictions": rules("passwordAddition", Value::Null) });
    api.patch(default, body).await.is(204);
    let refused = api.post(&format!("{app}/addPassword"), json!({})).await.is(400);
    assert_eq!(refused.code(), "CredentialTypeNotAllowedAsPerAppPolicy");
    let own =
        json!({ "displayName": "own", "isEnabled": true, "restrictions": rules("passwordLifetime", json!("P30D")) });
    let own = api.post("/v1.0/policies/appManagementPolicies", own).await.is(201).text("/id");
    let body =
        json!({ "isEnabled": true, "applicationRestrictions": { "passwordCredentials": [], "keyCredentials": [] } });
    api.patch(default, body).await.is(204);
    let link = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/policies/appManagementPolicies/{own}") });
    api.post(&format!("{app}/appManagementPolicies/$ref"), link).await.is(204);
    let long = api.post(&format!("{app}/addPassword"), json!({})).await.is(400);
    assert_eq!(
        long.message(),
        format!("Credential lifetime exceeds the max value allowed as per assigned policy '{own}'.")
    );
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    api.post(&format!("{app}/addPassword"), json!({ "passwordCredential": { "endDateTime": soon } })).await.is(200);
}

#[tokio::test]
async fn a_management_policy_keeps_identifier_uris_to_what_is_ones_own() {
    let cloud = with(&POLICIES).await;
    let api = cloud.home().await;
    let (app, _) = made(&api, json!({ "displayName": "x" })).await;
    let only = json!({ "identifierUris": { "nonDefaultUriAddition": { "state": "enabled" } } });
    let body = json!({ "isEnabled": true, "applicationRestrictions": only });
    api.patch("/v1.0/policies/defaultAppManagementPolicy", body).await.is(204);
    api.patch(&app, json!({ "identifierUris": ["api://any-name"] })).await.is(400);
    api.patch(&app, json!({ "identifierUris": [format!("api://{PARTNER}/any-name")] })).await.is(204);
}

#[tokio::test]
async fn consent_policies_have_conditions_and_built_in_ones_are_fixed() {
    let cloud = with(&POLICIES).await;
    let api = cloud.home().await;
    let path = "/v1.0/policies/permissionGrantPolicies";
    assert!(api.list(path).await.iter().any(|p| p["id"] == "microsoft-user-default-low"));
    api.post(path, json!({ "id": "microsoft-mine", "displayName": "x" })).await.is(403);
    api.post(path, json!({ "id": "mine", "displayName": "x" })).await.is(201);
    api.post(path, json!({ "id": "mine", "displayName": "x" })).await.is(409);
    let made = api.post(&format!("{path}/mine/includes"), json!({ "permissionType": "delegated" })).await.is(201);
    assert_eq!((&made.body["permissions"], &made.body["resourceApplication"]), (&json!(["all"]), &json!("any")));
    api.post(&format!("{path}/microsoft-user-default-low/includes"), json!({})).await.is(403);
    assert_eq!(api.list(&format!("{path}/mine/includes")).await.len(), 1);
    api.patch(&format!("{path}/mine"), json!({ "displayName": "y" })).await.is(204);
    api.delete(&format!("{path}/mine")).await.is(204);
    api.post(path, json!({ "id": "mine", "displayName": "x" })).await.is(201);
    assert_eq!(api.list(&format!("{path}/mine/includes")).await.len(), 0);
}

#[tokio::test]
async fn a_logo_is_kept_as_it_was_sent() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, _) = made(&api, json!({ "displayName": "x" })).await;
    let url = format!("{}{app}/logo", cloud.sandbox.url());
    let put = |kind: &str| {
        cloud.http.put(&url).bearer_auth(&api.token).header("content-type", kind).body(vec![1, 2, 3]).send()
    };
    assert_eq!(put("text/plain").await.unwrap().status(), 415);
    assert_eq!(put("image/png").await.unwrap().status(), 204);
    let got = cloud.http.get(&url).bearer_auth(&api.token).send().await.unwrap();
    assert_eq!(got.headers()["content-type"], "image/png");
    assert_eq!(got.bytes().await.unwrap().as_ref(), [1, 2, 3]);
    assert!(api.get(&app).await.text("/info/logoUrl").ends_with("/logo"));
    api.delete(&format!("{app}/logo")).await.is(204);
    api.get(&format!("{app}/logo")).await.is(404);
}

#[tokio::test]
async fn the_template_of_custom_applications_makes_both_objects() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let path = "/v1.0/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate";
    api.post(path, json!({})).await.is(400);
    let got = api.post(path, json!({ "displayName": "SAML" })).await.is(201);
    assert_eq!(got.body["application"]["appId"], got.body["servicePrincipal"]["appId"]);
    let seen = api.get(&format!("/v1.0/servicePrincipals/{}", got.text("/servicePrincipal/id"))).await.is(200);
    assert_eq!(
        (&seen.body["displayName"], &seen.body["applicationTemplateId"]),
        (&json!("SAML"), &json!("8adf8e6e-67b2-4cf2-a259-e3dc5476c621"))
    );
    api.post(&format!("/v1.0/applicationTemplates/{CONTOSO}/instantiate"), json!({ "displayName": "x" })).await.is(404);
}
