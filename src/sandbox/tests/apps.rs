//! Graph: applications, principals, groups, users, queries, batches, permissions.
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;

const UPSERT: (&str, &str) = ("Prefer", "create-if-missing");

#[tokio::test]
async fn calls_without_a_good_token_are_401() {
    let cloud = Cloud::new().await;
    let none = Api { cloud: &cloud, token: String::new() };
    assert_eq!(none.get("/v1.0/applications").await.is(401).code(), "InvalidAuthenticationToken");
    let other = cloud.api(cloud.app_token(MANAGER, PARTNER, EXCHANGE).await);
    assert_eq!(other.get("/v1.0/applications").await.is(401).code(), "InvalidAuthenticationToken");
    let mut forged = cloud.home().await;
    forged.token.truncate(forged.token.len() - 6);
    forged.token.push_str("AAAAAA");
    forged.get("/v1.0/applications").await.is(401);
}

#[tokio::test]
async fn calls_without_the_permission_are_403() {
    let cloud = Cloud::new().await;
    let reader = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    reader.get("/v1.0/applications").await.is(200);
    let got = reader.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(403);
    assert_eq!(
        (got.code(), got.message()),
        ("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    );
    reader.get(RELATIONSHIPS).await.is(403);
}

#[tokio::test]
async fn every_answer_carries_date_and_request_ids() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    cloud.control().advance(300 * 86_400).unwrap();
    let api = Api { token: cloud.home().await.token, ..api };
    let got = api.send(Method::GET, "/v1.0/domains", &[("client-request-id", "abc")], None).await.is(200);
    assert_eq!(got.header("client-request-id"), "abc");
    assert!(!got.header("request-id").is_empty());
    let date = jiff::fmt::rfc2822::parse(got.header("date")).unwrap().timestamp();
    assert!(date > jiff::Timestamp::now() + jiff::SignedDuration::from_hours(299 * 24));
}

#[tokio::test]
async fn an_application_is_made_read_changed_and_softly_deleted() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let body = json!({ "displayName": "Rallied", "uniqueName": "tenantry-rallied", "web": { "redirectUris": ["https://a.example"] } });
    let made = api.post("/v1.0/applications", body.clone()).await.is(201);
    assert_eq!(made.body["signInAudience"], "AzureADMultipleOrgs");
    assert_eq!(made.body["publicClient"], json!({ "redirectUris": [] }));
    let again = api.post("/v1.0/applications", body).await.is(400);
    assert_eq!(
        (again.code(), again.message()),
        ("Request_BadRequest", "Another object with the same value for property uniqueName already exists.")
    );
    let path = format!("/v1.0/applications/{}", made.text("/id"));
    api.patch(&path, json!({ "displayName": "Renamed", "web": { "logoutUrl": "https://b.example" } })).await.is(204);
    let seen = api.get("/v1.0/applications(uniqueName='tenantry-rallied')").await.is(200);
    assert_eq!(
        (&seen.body["displayName"], &seen.body["web"]["redirectUris"]),
        (&json!("Renamed"), &json!(["https://a.example"]))
    );
    api.delete(&path).await.is(204);
    let gone = api.get(&path).await.is(404);
    assert_eq!(gone.code(), "Request_ResourceNotFound");
    assert!(
        gone.message().ends_with("does not exist or one of its queried reference-property objects are not present.")
    );
}

#[tokio::test]
async fn upsert_creates_updates_or_says_404() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let path = "/v1.0/applications(uniqueName='tenantry-x')";
    api.patch(path, json!({ "displayName": "X" })).await.is(404);
    let made = api.send(Method::PATCH, path, &[UPSERT], Some(json!({ "displayName": "X" }))).await.is(201);
    assert_eq!(made.body["uniqueName"], "tenantry-x");
    assert!(
        api.send(Method::PATCH, path, &[UPSERT], Some(json!({ "displayName": "Y" }))).await.is(204).text.is_empty()
    );
    api.send(Method::PATCH, "/v1.0/applications(uniqueName='z')", &[UPSERT], Some(json!({}))).await.is(400);
    let group = "/v1.0/groups(uniqueName='g')";
    let body = json!({ "displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    api.send(Method::PATCH, group, &[UPSERT], Some(body.clone())).await.is(201);
    api.send(Method::PATCH, group, &[UPSERT], Some(body)).await.is(204);
    assert_eq!(api.list("/v1.0/groups?$filter=displayName eq 'G'").await.len(), 1);
}

#[tokio::test]
async fn bodies_agree_with_the_types() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for body in [
        json!({ "displayName": "x", "colour": "red" }),
        json!({ "displayName": 365 }),
        json!({}),
        json!({ "displayName": "x", "web": { "redirectUris": null } }),
        json!({ "displayName": "x", "signInAudience": "Everybody" }),
        json!({ "displayName": "x", "appId": MANAGER }),
        json!({ "displayName": "x", "requiredResourceAccess": [{ "resourceAppId": MANAGER, "resourceAccess": [{ "id": "no", "type": "Role" }] }] }),
        json!({ "displayName": "x", "passwordCredentials": [{ "secretText": "chosen by the caller" }] }),
        json!(["x"]),
    ] {
        let got = api.post("/v1.0/applications", body).await.is(400);
        assert!(!got.code().is_empty() && !got.message().is_empty());
        assert!(got.body["error"]["innerError"]["request-id"].is_string());
    }
    let raw = cloud.http.post(format!("{}/v1.0/applications", cloud.sandbox.url())).bearer_auth(&api.token);
    assert_eq!(raw.header("content-type", "application/json").body("{").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_secret_is_shown_once_and_removed_by_key_id() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let id = api.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(201).text("/id");
    let path = format!("/v1.0/applications/{id}");
    let made = api
        .post(&format!("{path}/addPassword"), json!({ "passwordCredential": { "displayName": "production#1" } }))
        .await
        .is(200);
    let secret = made.text("/secretText");
    assert!((16..=64).contains(&secret.len()) && secret.starts_with(&made.text("/hint")));
    let span = made.text("/endDateTime").parse::<jiff::Timestamp>().unwrap()
        - made.text("/startDateTime").parse::<jiff::Timestamp>().unwrap();
    assert_eq!(span.get_seconds(), 730 * 86_400);
    let seen = api.get(&path).await.is(200);
    assert!(!seen.text.contains(&secret) && seen.body["passwordCredentials"][0]["displayName"] == "production#1");
    assert!(!std::fs::read_to_string(cloud.state_file()).unwrap().contains(&secret));
    api.post(&format!("{path}/removePassword"), json!({ "keyId": made.text("/keyId") })).await.is(204);
    api.post(&format!("{path}/removePassword"), json!({ "keyId": made.text("/keyId") })).await.is(400);
    assert_eq!(api.get(&path).await.body["passwordCredentials"], json!([]));
}

#[tokio::test]
async fn owned_by_counts_only_for_what_the_app_made() {
    let cloud = Cloud::new().await;
    let api = cloud.api(cloud.app_token(OWNER, PARTNER, GRAPH).await);
    let mine = api.post("/v1.0/applications", json!({ "displayName": "mine" })).await.is(201);
    api.patch(&format!("/v1.0/applications/{}", mine.text("/id")), json!({ "displayName": "still mine" }))
        .await
        .is(204);
    api.post("/v1.0/servicePrincipals", json!({ "appId": mine.text("/appId") })).await.is(201);
    api.patch(&format!("/v1.0/applications(appId='{MANAGER}')"), json!({ "displayName": "stolen" })).await.is(403);
    api.post(&format!("/v1.0/applications(appId='{MANAGER}')/addPassword"), json!({})).await.is(403);
}

#[tokio::test]
async fn a_principal_is_made_once_and_for_known_apps_only() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let again = api.post("/v1.0/servicePrincipals", json!({ "appId": MANAGER })).await.is(409);
    assert_eq!(again.code(), "Request_MultipleObjectsWithSameKeyValue");
    let nobody = api.post("/v1.0/servicePrincipals", json!({ "appId": CONTOSO })).await.is(400);
    assert!(nobody.message().contains("does not reference a valid application object"));
    let graph = api.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')").await.is(200);
    let role =
        graph.body["appRoles"].as_array().unwrap().iter().find(|r| r["value"] == "User.Read.All").unwrap().clone();
    assert_eq!(role["id"], "df021288-bdef-4463-88db-98f22de89214");
    assert!(graph.body["oauth2PermissionScopes"].as_array().unwrap().len() > 400);
}

#[tokio::test]
async fn members_are_added_once_principals_included() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let group =
        api.list("/v1.0/groups?$filter=displayName eq 'AdminAgents'").await[0]["id"].as_str().unwrap().to_owned();
    let principal = api.get(&format!("/v1.0/servicePrincipals(appId='{MANAGER}')?$select=id")).await.text("/id");
    let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{principal}") });
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), reference.clone()).await.is(204);
    let again = api.post(&format!("/v1.0/groups/{group}/members/$ref"), reference).await.is(400);
    assert_eq!(
        again.message(),
        "One or more added object references already exist for the following modified properties: 'members'."
    );
    let seen = api.list(&format!("/v1.0/groups/{group}/members?$select=id,displayName")).await;
    assert!(
        seen.iter().any(|m| m["@odata.type"] == "#microsoft.graph.servicePrincipal" && m["id"] == principal.as_str())
    );
    let groups = api.list(&format!("/v1.0/servicePrincipals/{principal}/memberOf/microsoft.graph.group")).await;
    assert_eq!(groups[0]["displayName"], "AdminAgents");
    let one = format!("/v1.0/groups/{group}/members/{principal}/$ref");
    api.delete(&one).await.is(204);
    assert_eq!(api.delete(&one).await.is(404).code(), "Request_ResourceNotFound");
    let nobody = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{CONTOSO}") });
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), nobody).await.is(404);
}

#[tokio::test]
async fn role_assignable_groups_need_role_management() {
    let cloud = Cloud::new().await;
    let body = json!({ "displayName": "R", "mailEnabled": false, "mailNickname": "r", "securityEnabled": true, "isAssignableToRole": true });
    let reader = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    reader.post("/v1.0/groups", body.clone()).await.is(403);
    let api = cloud.home().await;
    let id = api.post("/v1.0/groups", body).await.is(201).text("/id");
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.text("/id");
    let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}") });
    reader.post(&format!("/v1.0/groups/{id}/members/$ref"), reference.clone()).await.is(403);
    api.post(&format!("/v1.0/groups/{id}/members/$ref"), reference).await.is(204);
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "isAssignableToRole": false })).await.is(400);
}

#[tokio::test]
async fn directory_roles_are_assigned_once_and_listed_by_filter() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let principal = api.get(&format!("/v1.0/servicePrincipals(appId='{READER}')?$select=id")).await.text("/id");
    let body = json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" });
    let path = "/v1.0/roleManagement/directory/roleAssignments";
    let made = api.post(path, body.clone()).await.is(201);
    assert!(api.post(path, body).await.is(400).message().contains("conflicting object"));
    let seen = api.list(&format!("{path}?$filter=principalId eq '{principal}'&$expand=principal")).await;
    assert_eq!(
        (&seen[0]["roleDefinitionId"], &seen[0]["principal"]["displayName"]),
        (&json!(EXCHANGE_ADMIN), &json!("Reader"))
    );
    let roles = api.list(&format!("/v1.0/servicePrincipals/{principal}/memberOf/microsoft.graph.directoryRole")).await;
    assert_eq!(roles[0]["roleTemplateId"], EXCHANGE_ADMIN);
    api.delete(&format!("{path}/{}", made.text("/id"))).await.is(204);
    let named = api
        .list("/v1.0/roleManagement/directory/roleDefinitions?$filter=displayName eq 'Exchange Administrator'")
        .await;
    assert_eq!(named[0]["id"], EXCHANGE_ADMIN);
}

#[tokio::test]
async fn lists_are_selected_filtered_counted_and_paged() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for n in 0..5 {
        api.post("/v1.0/applications", json!({ "displayName": format!("App {n}"), "notes": "t" })).await.is(201);
    }
    let mut seen = Vec::new();
    let mut next =
        Some("/v1.0/applications?$filter=startswith(displayName,'app ')&$select=displayName&$top=2".to_owned());
    while let Some(link) = next {
        let page = api.get(&link).await.is(200);
        seen.extend(
            page.body["value"].as_array().unwrap().iter().map(|v| v["displayName"].as_str().unwrap().to_owned()),
        );
        assert!(page.body["value"].as_array().unwrap().iter().all(|v| v.as_object().unwrap().len() == 1));
        next = page.body["@odata.nextLink"].as_str().map(str::to_owned);
        assert!(next.as_ref().is_none_or(|l| l.starts_with(&cloud.sandbox.url())));
    }
    seen.sort();
    assert_eq!(seen, ["App 0", "App 1", "App 2", "App 3", "App 4"]);
    let both = api.list("/v1.0/applications?$filter=(displayName eq 'App 1' or displayName eq 'App 2') and signInAudience eq 'AzureADMultipleOrgs'").await;
    assert_eq!(both.len(), 2);
    let bad: [(&str, &str); 6] = [
        ("$filter=displayName ne 'x'", "Request_UnsupportedQuery"),
        ("$filter=tags/all(t:t eq 'x')", "Request_UnsupportedQuery"),
        ("$filter=colour eq 'x'", "BadRequest"),
        ("$filter=displayName eq", "BadRequest"),
        ("$select=colour", "BadRequest"),
        ("$top=1000", "Request_BadRequest"),
    ];
    for (query, code) in bad {
        assert_eq!(api.get(&format!("/v1.0/applications?{query}")).await.is(400).code(), code, "{query}");
    }
    let counted = api
        .send(
            Method::GET,
            "/v1.0/applications?$filter=displayName ne 'App 1'&$count=true",
            &[("ConsistencyLevel", "eventual")],
            None,
        )
        .await
        .is(200);
    assert_eq!(counted.body["@odata.count"], 7);
}

#[tokio::test]
async fn unknown_segments_and_methods_are_told_apart() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let got = api.get("/v1.0/nonsense").await.is(400);
    assert_eq!((got.code(), got.message()), ("BadRequest", "Resource not found for the segment 'nonsense'."));
    let deep = api.get(&format!("/v1.0/groups/{CONTOSO}/nonsense")).await.is(400);
    assert_eq!(deep.message(), "Resource not found for the segment 'nonsense'.");
    api.send(Method::PUT, "/v1.0/groups", &[], Some(json!({}))).await.is(405);
    api.get("/beta/groups").await.is(200);
}

fn item(id: &str, method: &str, url: &str) -> Value {
    json!({ "id": id, "method": method, "url": url })
}

#[tokio::test]
async fn a_batch_answers_each_item_by_its_id() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let group = json!({ "displayName": "B", "mailEnabled": false, "mailNickname": "b", "securityEnabled": true });
    let requests = json!([
        { "id": "1", "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" }, "body": group },
        { "id": "2", "method": "GET", "url": "/groups?$filter=displayName eq 'B'", "dependsOn": ["1"] },
        item("3", "GET", &format!("/groups/{CONTOSO}")),
        { "id": "4", "method": "GET", "url": "/domains", "dependsOn": ["3"] },
        { "id": "5", "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" }, "body": {} },
    ]);
    let got = api.post("/v1.0/$batch", json!({ "requests": requests })).await.is(200);
    let of = |id: &str| got.body["responses"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    assert_eq!(
        (of("1")["status"].as_u64(), of("2")["body"]["value"][0]["displayName"].as_str()),
        (Some(201), Some("B"))
    );
    assert_eq!(
        (of("3")["status"].as_u64(), of("4")["status"].as_u64(), of("5")["status"].as_u64()),
        (Some(404), Some(424), Some(400))
    );
    let log = cloud.control().requests(0, false);
    let outer = log.iter().find(|e| e.path == "/v1.0/$batch").unwrap();
    assert_eq!(log.iter().filter(|e| e.batch == Some(outer.seq)).count(), 4);
    assert!(!outer.write && log.iter().any(|e| e.write && e.path == "/v1.0/groups" && e.status == 201));
}

#[tokio::test]
async fn a_batch_is_refused_when_it_is_too_long_or_ids_repeat() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let many: Vec<Value> = (0..21).map(|n| item(&n.to_string(), "GET", "/domains")).collect();
    api.post("/v1.0/$batch", json!({ "requests": many })).await.is(400);
    api.post("/v1.0/$batch", json!({ "requests": [item("a", "GET", "/domains"), item("A", "GET", "/domains")] }))
        .await
        .is(400);
    api.post("/v1.0/$batch", json!({ "nonsense": [] })).await.is(400);
}

#[tokio::test]
async fn tenants_are_found_by_id_and_domain() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let base = "/v1.0/tenantRelationships/findTenantInformationBy";
    let by_id = api.get(&format!("{base}TenantId(tenantId='{CONTOSO}')")).await.is(200);
    assert_eq!(
        (&by_id.body["displayName"], &by_id.body["defaultDomainName"]),
        (&json!("Contoso"), &json!("contoso.com"))
    );
    let by_domain = api.get(&format!("{base}DomainName(domainName='contoso.com')")).await.is(200);
    assert_eq!(by_domain.body["tenantId"], CONTOSO);
    api.get(&format!("{base}DomainName(domainName='nobody.example')")).await.is(404);
    assert_eq!(api.list("/v1.0/contracts").await.len(), 1);
    assert_eq!(api.list("/v1.0/organization").await[0]["displayName"], "Northwind MSP");
}

#[tokio::test]
async fn an_application_made_with_redirect_uris_says_too_that_it_grants_nothing_implicitly() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let body = json!({ "displayName": "Web", "web": { "redirectUris": ["https://web.example/signin"] } });
    let made = api.post("/v1.0/applications", body).await.is(201);
    let web = &made.body["web"];
    assert_eq!(web["redirectUris"], json!(["https://web.example/signin"]));
    assert_eq!(web["implicitGrantSettings"]["enableIdTokenIssuance"], json!(false), "{web}");
}
