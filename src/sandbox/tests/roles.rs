//! Graph: directory roles in all their views, custom roles, administrative units and what is scoped to them.
use serde_json::{Value, json};

use super::callers::*;
use super::support::*;

const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";
const DEFINITIONS: &str = "/v1.0/roleManagement/directory/roleDefinitions";
const UNITS: &str = "/v1.0/directory/administrativeUnits";

async fn made(api: &Api<'_>, name: &str) -> String {
    api.post("/v1.0/users", new_user(name)).await.is(201).text("/id")
}

fn give(role: &str, principal: &str, scope: &str) -> Value {
    json!({ "roleDefinitionId": role, "principalId": principal, "directoryScopeId": scope })
}

#[tokio::test]
async fn a_directory_role_is_there_when_it_is_activated_and_both_views_say_the_same() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = made(&api, "person").await;
    let by_template = format!("/v1.0/directoryRoles(roleTemplateId='{HELPDESK}')");
    api.get(&by_template).await.is(404);
    api.post(&format!("{by_template}/members/$ref"), reference(&me)).await.is(404);
    let role = api.post("/v1.0/directoryRoles", json!({ "roleTemplateId": HELPDESK })).await.is(201);
    let again = api.post("/v1.0/directoryRoles", json!({ "roleTemplateId": HELPDESK })).await.is(400);
    assert_eq!(
        again.message(),
        "A conflicting object with one or more of the specified property values is present in the directory."
    );
    api.post("/v1.0/directoryRoles", json!({ "roleTemplateId": NOBODY })).await.is(404);
    let path = format!("/v1.0/directoryRoles/{}", role.text("/id"));
    assert_eq!(api.get(&path).await.is(200).body["displayName"], "Helpdesk Administrator");
    api.post(&format!("{by_template}/members/$ref"), reference(&me)).await.is(204);
    assert_eq!(api.post(&format!("{path}/members/$ref"), reference(&me)).await.is(400).code(), "Request_BadRequest");
    assert_eq!(api.list(&format!("{path}/members")).await[0]["id"], json!(me));
    let seen = api.list(&format!("{ASSIGNMENTS}?$filter=principalId eq '{me}'&$expand=principal,roleDefinition")).await;
    assert_eq!(
        (&seen[0]["roleDefinition"]["displayName"], &seen[0]["principal"]["id"]),
        (&json!("Helpdesk Administrator"), &json!(me))
    );
    assert_eq!(
        api.list(&format!("/v1.0/users/{me}/memberOf/microsoft.graph.directoryRole")).await[0]["roleTemplateId"],
        HELPDESK
    );
    api.delete(&format!("{ASSIGNMENTS}/{}", seen[0]["id"].as_str().unwrap())).await.is(204);
    assert!(api.list(&format!("{path}/members")).await.is_empty());
    api.delete(&format!("{path}/members/{me}/$ref")).await.is(404);
    assert!(api.list("/v1.0/directoryRoleTemplates").await.len() > 50);
}

#[tokio::test]
async fn an_assignment_through_the_newer_view_activates_the_role() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = made(&api, "person").await;
    let one = api.post(ASSIGNMENTS, give(USER_ADMIN, &me, "/")).await.is(201).text("/id");
    api.post(ASSIGNMENTS, give(USER_ADMIN, &me, "/")).await.is(400);
    let role = format!("/v1.0/directoryRoles(roleTemplateId='{USER_ADMIN}')");
    assert_eq!(api.list(&format!("{role}/members")).await.len(), 1);
    api.delete(&format!("{ASSIGNMENTS}/{one}")).await.is(204);
    assert!(api.list(&format!("{role}/members")).await.is_empty());
}

#[tokio::test]
async fn built_in_roles_stand_and_a_tenant_makes_its_own() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let global = api.get(&format!("{DEFINITIONS}/{GLOBAL}")).await.is(200);
    assert!(global.body["rolePermissions"][0]["allowedResourceActions"].as_array().unwrap().len() > 5);
    api.patch(&format!("{DEFINITIONS}/{GLOBAL}"), json!({ "displayName": "King" })).await.is(400);
    let permissions = json!([{ "allowedResourceActions": ["microsoft.directory/applications/create"] }]);
    let body = json!({ "displayName": "App makers", "isEnabled": true, "rolePermissions": permissions });
    let own = api.post(DEFINITIONS, body.clone()).await.is(201);
    assert_eq!((&own.body["isBuiltIn"], &own.body["templateId"]), (&json!(false), &own.body["id"]));
    let bad =
        json!({ "displayName": "Bad", "isEnabled": true, "rolePermissions": [{ "allowedResourceActions": ["fly"] }] });
    api.post(DEFINITIONS, bad).await.is(400);
    let path = format!("{DEFINITIONS}/{}", own.text("/id"));
    api.patch(&path, json!({ "description": "Who makes apps" })).await.is(204);
    let me = made(&api, "person").await;
    let one = api.post(ASSIGNMENTS, give(&own.text("/id"), &me, "/")).await.is(201).text("/id");
    assert!(api.list(&format!("/v1.0/users/{me}/memberOf")).await.is_empty());
    api.delete(&path).await.is(400);
    api.delete(&format!("{ASSIGNMENTS}/{one}")).await.is(204);
    api.delete(&path).await.is(204);
    api.get(&path).await.is(404);
}

#[tokio::test]
async fn a_role_over_a_unit_counts_for_its_members_alone() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (admin, inside, outside) = (made(&api, "admin").await, made(&api, "inside").await, made(&api, "outside").await);
    let unit = api.post(UNITS, json!({ "displayName": "Branch" })).await.is(201).text("/id");
    api.post(&format!("{UNITS}/{unit}/members/$ref"), reference(&inside)).await.is(204);
    api.post(ASSIGNMENTS, give(USER_ADMIN, &admin, &format!("/administrativeUnits/{NOBODY}"))).await.is(404);
    api.post(ASSIGNMENTS, give(USER_ADMIN, &admin, &format!("/administrativeUnits/{unit}"))).await.is(201);
    let scoped = user(&cloud, PARTNER, &admin, &["User.ReadWrite.All"], &[]);
    let change = json!({ "jobTitle": "x" });
    scoped.patch(&format!("/v1.0/users/{inside}"), change.clone()).await.is(204);
    scoped.patch(&format!("/v1.0/users/{outside}"), change).await.is(403);
    scoped.delete(&format!("/v1.0/users/{outside}")).await.is(403);
    // It is no role over the tenant.
    assert!(api.list(&format!("/v1.0/users/{admin}/memberOf")).await.is_empty());
    let seen = api.list(&format!("/v1.0/users/{admin}/scopedRoleMemberOf")).await;
    assert_eq!(
        (&seen[0]["administrativeUnitId"], &seen[0]["roleMemberInfo"]["displayName"]),
        (&json!(unit), &json!("admin"))
    );
    let over = api.list(&format!("{UNITS}/{unit}/scopedRoleMembers")).await;
    assert_eq!(over[0]["id"], seen[0]["id"]);
    api.delete(&format!("{UNITS}/{unit}/scopedRoleMembers/{}", over[0]["id"].as_str().unwrap())).await.is(204);
    scoped.patch(&format!("/v1.0/users/{inside}"), json!({ "jobTitle": "y" })).await.is(403);
    assert!(api.list(&format!("{ASSIGNMENTS}?$filter=principalId eq '{admin}'")).await.is_empty());
}

#[tokio::test]
async fn a_unit_has_members_under_either_path_goes_to_the_bin_and_comes_back() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let unit = api.post(UNITS, json!({ "displayName": "Branch", "description": "North" })).await.is(201);
    let older = format!("/v1.0/administrativeUnits/{}", unit.text("/id"));
    assert_eq!(api.get(&older).await.is(200).body["description"], "North");
    let group = json!({ "@odata.type": "#microsoft.graph.group", "displayName": "In", "mailEnabled": false, "mailNickname": "in", "securityEnabled": true });
    let group = api.post(&format!("{older}/members"), group).await.is(201).text("/id");
    let me = made(&api, "person").await;
    api.post(&format!("{older}/members/$ref"), reference(&me)).await.is(204);
    assert_eq!(api.list(&format!("{older}/members")).await.len(), 2);
    assert_eq!(api.list(&format!("{older}/members/microsoft.graph.user")).await[0]["id"], json!(me));
    let units = api.list(&format!("/v1.0/users/{me}/memberOf/microsoft.graph.administrativeUnit")).await;
    assert_eq!(units[0]["displayName"], "Branch");
    api.delete(&format!("{older}/members/{group}/$ref")).await.is(204);
    let role = api.list("/v1.0/directoryRoles").await;
    let role = role.iter().find(|r| r["roleTemplateId"] == GLOBAL).unwrap()["id"].clone();
    let body = json!({ "roleId": role, "roleMemberInfo": { "id": me } });
    api.post(&format!("{older}/scopedRoleMembers"), body).await.is(201);
    api.patch(&older, json!({ "isMemberManagementRestricted": true })).await.is(400);
    api.delete(&older).await.is(204);
    api.get(&older).await.is(404);
    assert!(api.list(&format!("/v1.0/users/{me}/scopedRoleMemberOf")).await.is_empty());
    api.post(&format!("/v1.0/directory/deletedItems/{}/restore", unit.text("/id")), json!({})).await.is(200);
    assert_eq!(api.list(&format!("{older}/members")).await.len(), 1);
}

#[tokio::test]
async fn members_of_a_restricted_unit_are_changed_only_by_its_own_administrators() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (admin, inside) = (made(&api, "admin").await, made(&api, "inside").await);
    let body = json!({ "displayName": "Vault", "isMemberManagementRestricted": true });
    let unit = api.post(UNITS, body).await.is(201).text("/id");
    api.post(&format!("{UNITS}/{unit}/members/$ref"), reference(&inside)).await.is(204);
    let path = format!("/v1.0/users/{inside}");
    api.patch(&path, json!({ "jobTitle": "x" })).await.is(403);
    let global = user(&cloud, PARTNER, NOBODY, &["User.ReadWrite.All"], &[GLOBAL]);
    global.patch(&path, json!({ "jobTitle": "x" })).await.is(403);
    api.post(ASSIGNMENTS, give(USER_ADMIN, &admin, &format!("/administrativeUnits/{unit}"))).await.is(201);
    let own = user(&cloud, PARTNER, &admin, &["User.ReadWrite.All"], &[]);
    own.patch(&path, json!({ "jobTitle": "x" })).await.is(204);
}

#[tokio::test]
async fn a_unit_with_a_rule_takes_no_members_by_hand() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = made(&api, "person").await;
    api.post(UNITS, json!({ "displayName": "Ruled", "membershipType": "Dynamic" })).await.is(400);
    let body = json!({ "displayName": "Ruled", "membershipType": "Dynamic", "membershipRule": "(user.country -eq \"Norway\")", "membershipRuleProcessingState": "On" });
    let unit = api.post(UNITS, body).await.is(201).text("/id");
    api.post(&format!("{UNITS}/{unit}/members/$ref"), reference(&me)).await.is(400);
}

#[tokio::test]
async fn roles_through_gdap_are_seen_in_the_customers_directory_roles() {
    let cloud = Cloud::new().await;
    let gdap = gdap(&cloud, &[CLOUD_APP]).await;
    let api = app(&cloud, CONTOSO, ALL);
    let members = api.list(&format!("/v1.0/directoryRoles(roleTemplateId='{CLOUD_APP}')/members")).await;
    assert_eq!(
        (&members[0]["id"], &members[0]["@odata.type"]),
        (&json!(gdap.groups[0]), &json!("#microsoft.graph.group"))
    );
    api.get(&format!("/v1.0/groups/{}/members", gdap.groups[0])).await.is(404);
}
