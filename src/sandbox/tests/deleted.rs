//! Graph: deleted items, and consent and roles in applications.
use serde_json::{Value, json};

use super::app_objects::made;
use super::support::*;

#[tokio::test]
async fn a_deleted_application_comes_back_with_its_id_owners_and_principal() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, got) = made(&api, json!({ "displayName": "x", "uniqueName": "x" })).await;
    let (id, app_id) = (got.text("/id"), got.text("/appId"));
    let principal = api.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await.is(201).text("/id");
    api.delete(&app).await.is(204);
    api.get(&app).await.is(404);
    api.get(&format!("/v1.0/servicePrincipals/{principal}")).await.is(404);
    let bin = "/v1.0/directory/deletedItems";
    let seen = api.list(&format!("{bin}/microsoft.graph.application")).await;
    assert!(seen.iter().any(|a| a["id"] == id.as_str() && a["deletedDateTime"].is_string()));
    let principals = api.list(&format!("{bin}/microsoft.graph.servicePrincipal?$filter=appId eq '{app_id}'")).await;
    assert_eq!((&principals[0]["id"], &principals[0]["displayName"]), (&json!(principal), &json!("x")));
    let untyped = api.get(bin).await.is(400);
    assert_eq!(
        (untyped.code(), untyped.message()),
        (
            "Request_UnsupportedQuery",
            "Searches against this resource are not supported. Only specific instances can be queried."
        )
    );
    let one = api.get(&format!("{bin}/{id}")).await.is(200);
    assert_eq!(one.body["@odata.type"], "#microsoft.graph.application");
    let back = api.post(&format!("{bin}/{id}/restore"), json!({})).await.is(200);
    assert_eq!((back.text("/id"), back.text("/@odata.type")), (id.clone(), "#microsoft.graph.application".to_owned()));
    assert!(api.get(&app).await.is(200).body["deletedDateTime"].is_null());
    assert_eq!(api.list(&format!("{app}/owners")).await[0]["appId"], MANAGER);
    api.get(&format!("/v1.0/servicePrincipals/{principal}")).await.is(200);
    api.post(&format!("{bin}/{id}/restore"), json!({})).await.is(404);
}

#[tokio::test]
async fn what_took_its_name_keeps_an_application_from_coming_back() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, got) = made(&api, json!({ "displayName": "x", "uniqueName": "x" })).await;
    api.delete(&app).await.is(204);
    let (again, second) = made(&api, json!({ "displayName": "x", "uniqueName": "x" })).await;
    assert_ne!(got.text("/id"), second.text("/id"));
    let restore = format!("/v1.0/directory/deletedItems/{}/restore", got.text("/id"));
    api.post(&restore, json!({})).await.is(400);
    api.delete(&again).await.is(204);
    api.post(&restore, json!({ "nonsense": 1 })).await.is(400);
    api.post(&restore, json!({})).await.is(200);
}

#[tokio::test]
async fn after_thirty_days_or_when_it_is_deleted_again_an_object_is_gone() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let bin = "/v1.0/directory/deletedItems";
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let (app, got) = made(&api, json!({ "displayName": name })).await;
        api.delete(&app).await.is(204);
        ids.push(got.text("/id"));
    }
    api.delete(&format!("{bin}/{}", ids[0])).await.is(204);
    api.get(&format!("{bin}/{}", ids[0])).await.is(404);
    cloud.control().advance(29 * 86_400).unwrap();
    let api = cloud.home().await;
    api.get(&format!("{bin}/{}", ids[1])).await.is(200);
    cloud.control().advance(86_400).unwrap();
    let api = cloud.home().await;
    api.get(&format!("{bin}/{}", ids[1])).await.is(404);
    assert_eq!(api.list(&format!("{bin}/microsoft.graph.application")).await.len(), 0);
    api.post(&format!("{bin}/{}/restore", ids[1]), json!({})).await.is(404);
}

#[tokio::test]
async fn deleted_items_need_the_permission_of_their_type() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, got) = made(&api, json!({ "displayName": "x" })).await;
    api.delete(&app).await.is(204);
    let item = format!("/v1.0/directory/deletedItems/{}", got.text("/id"));
    // It may read applications and write groups.
    let reader = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    reader.get(&item).await.is(200);
    reader.delete(&item).await.is(403);
    reader.post(&format!("{item}/restore"), json!({})).await.is(403);
    let owner = cloud.api(cloud.app_token(OWNER, PARTNER, GRAPH).await);
    owner.get(&item).await.is(403);
}

#[tokio::test]
async fn a_principal_that_comes_back_has_lost_its_consent() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (_, got) = made(&api, json!({ "displayName": "x" })).await;
    let id = api.post("/v1.0/servicePrincipals", json!({ "appId": got.text("/appId") })).await.is(201).text("/id");
    let graph =
        api.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id").await.text("/id");
    let grant = json!({ "clientId": id, "consentType": "AllPrincipals", "resourceId": graph, "scope": "User.Read" });
    api.post("/v1.0/oauth2PermissionGrants", grant).await.is(201);
    let path = format!("/v1.0/servicePrincipals/{id}");
    api.delete(&path).await.is(204);
    // The application is still there: another principal may have taken the place.
    let other = api.post("/v1.0/servicePrincipals", json!({ "appId": got.text("/appId") })).await.is(201).text("/id");
    let restore = format!("/v1.0/directory/deletedItems/{id}/restore");
    let taken = api.post(&restore, json!({})).await.is(409);
    assert!(taken.message().contains("is already in use"));
    api.delete(&format!("/v1.0/servicePrincipals/{other}")).await.is(204);
    api.post(&restore, json!({})).await.is(200);
    assert_eq!(api.list(&format!("{path}/oauth2PermissionGrants")).await.len(), 0);
}

#[tokio::test]
async fn what_is_restored_is_in_its_groups_again_and_owned_by_whom_it_was() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (app, got) = made(&api, json!({ "displayName": "x" })).await;
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.text("/id");
    let reference =
        |id: &str| json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}") });
    api.post(&format!("{app}/owners/$ref"), reference(&user)).await.is(204);
    let principal =
        api.post("/v1.0/servicePrincipals", json!({ "appId": got.text("/appId") })).await.is(201).text("/id");
    let group = json!({ "displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    let group = api.post("/v1.0/groups", group).await.is(201).text("/id");
    let members = format!("/v1.0/groups/{group}/members");
    api.post(&format!("{members}/$ref"), reference(&principal)).await.is(204);
    api.delete(&app).await.is(204);
    assert_eq!(api.list(&members).await.len(), 0);
    let owned = json!({ "userId": user, "type": "Application" });
    let found = api.post("/v1.0/directory/deletedItems/getUserOwnedObjects", owned).await.is(200);
    assert_eq!(found.body["value"][0]["id"], got.text("/id"));
    api.post(&format!("/v1.0/directory/deletedItems/{}/restore", got.text("/id")), json!({})).await.is(200);
    assert_eq!(api.list(&members).await[0]["id"], principal);
    assert!(api.list(&format!("{app}/owners")).await.iter().any(|o| o["id"] == user));
}

fn role(id: &str, members: Value) -> Value {
    json!({ "id": id, "value": id[34..], "displayName": "r", "description": "r", "allowedMemberTypes": members, "isEnabled": true })
}

#[tokio::test]
async fn roles_in_an_application_are_for_the_kinds_that_it_says() {
    const FOR_APPS: &str = "b1a3c9d0-1111-4c1e-9a55-000000000011";
    const FOR_USERS: &str = "b1a3c9d0-1111-4c1e-9a55-000000000012";
    const DEFAULT: &str = "00000000-0000-0000-0000-000000000000";
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let roles = json!([role(FOR_APPS, json!(["Application"])), role(FOR_USERS, json!(["User"]))]);
    let (_, app) = made(&api, json!({ "displayName": "resource", "appRoles": roles })).await;
    let resource =
        api.post("/v1.0/servicePrincipals", json!({ "appId": app.text("/appId") })).await.is(201).text("/id");
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.text("/id");
    let group = json!({ "displayName": "G", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    let group = api.post("/v1.0/groups", group).await.is(201).text("/id");
    let body =
        |principal: &str, role: &str| json!({ "principalId": principal, "resourceId": resource, "appRoleId": role });
    let of_user = format!("/v1.0/users/{user}/appRoleAssignments");
    let of_group = format!("/v1.0/groups/{group}/appRoleAssignments");
    let got = api.post(&of_user, body(&user, FOR_USERS)).await.is(201);
    assert_eq!(
        (got.text("/principalType"), got.text("/resourceDisplayName")),
        ("User".to_owned(), "resource".to_owned())
    );
    assert_eq!(api.post(&of_group, body(&group, FOR_USERS)).await.is(201).text("/principalType"), "Group");
    api.post(&of_user, body(&user, FOR_APPS)).await.is(400);
    api.post(&of_user, body(&user, DEFAULT)).await.is(400);
    api.post(&of_user, body(&group, FOR_USERS)).await.is(400);
    let assigned = format!("/v1.0/servicePrincipals/{resource}/appRoleAssignedTo");
    assert_eq!(api.list(&assigned).await.len(), 2);
    api.get(&format!("{of_user}/{}", got.text("/id"))).await.is(200);
    api.delete(&format!("{of_group}/{}", got.text("/id"))).await.is(404);
    api.delete(&format!("{of_user}/{}", got.text("/id"))).await.is(204);
    assert_eq!(api.list(&of_user).await.len(), 0);
    let (_, plain) = made(&api, json!({ "displayName": "no roles" })).await;
    let plain = api.post("/v1.0/servicePrincipals", json!({ "appId": plain.text("/appId") })).await.is(201).text("/id");
    let body = json!({ "principalId": user, "resourceId": plain, "appRoleId": DEFAULT });
    api.post(&of_user, body).await.is(201);
}

#[tokio::test]
async fn consent_for_one_user_names_a_user_and_is_found_by_filter() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.text("/id");
    let own = |app: &str| format!("/v1.0/servicePrincipals(appId='{app}')?$select=id");
    let client = api.get(&own(READER)).await.text("/id");
    let graph = api.get(&own("00000003-0000-0000-c000-000000000000")).await.text("/id");
    let path = "/v1.0/oauth2PermissionGrants";
    let body = |kind: &str, who: Value| json!({ "clientId": client, "consentType": kind, "principalId": who, "resourceId": graph, "scope": "User.Read" });
    api.post(path, body("Principal", json!(null))).await.is(400);
    api.post(path, body("AllPrincipals", json!(user))).await.is(400);
    api.post(path, body("Principal", json!(CONTOSO))).await.is(404);
    let made = api.post(path, body("Principal", json!(user))).await.is(201);
    api.post(path, body("Principal", json!(user))).await.is(409);
    api.post(path, body("AllPrincipals", json!(null))).await.is(201);
    for (filter, n) in [
        (format!("clientId eq '{client}'"), 2),
        (format!("principalId eq '{user}'"), 1),
        (format!("clientId eq '{client}' and consentType eq 'AllPrincipals'"), 1),
    ] {
        assert_eq!(api.list(&format!("{path}?$filter={filter}")).await.len(), n, "{filter}");
    }
    let one = format!("{path}/{}", made.text("/id"));
    api.patch(&one, json!({ "id": made.text("/id"), "scope": "User.Read Mail.Read" })).await.is(204);
    api.patch(&one, json!({ "clientId": graph, "scope": "User.Read" })).await.is(400);
    assert_eq!(api.get(&one).await.body["scope"], "User.Read Mail.Read");
    assert_eq!(api.list(&format!("/v1.0/users/{user}/oauth2PermissionGrants")).await.len(), 1);
}
