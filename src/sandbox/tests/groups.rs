//! Graph: groups, their kinds, members and owners, and directory objects of all types.
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::*;
use super::support::*;

fn security(name: &str) -> Value {
    json!({ "displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true })
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn unified(name: &str) -> Value {
    with(security(name), json!({ "groupTypes": ["Unified"], "mailEnabled": true, "securityEnabled": false }))
}

fn dynamic(name: &str) -> Value {
    let rule = json!({ "groupTypes": ["DynamicMembership"], "membershipRule": "(user.department -eq \"Sales\")", "membershipRuleProcessingState": "On" });
    with(security(name), rule)
}

async fn made(api: &Api<'_>, body: Value) -> String {
    api.post("/v1.0/groups", body).await.is(201).text("/id")
}

#[tokio::test]
async fn a_microsoft_365_group_has_an_address_and_takes_only_people() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let got = api.post("/v1.0/groups", unified("sales")).await.is(201);
    assert_eq!((&got.body["mail"], &got.body["visibility"]), (&json!("sales@northwind.example"), &json!("Public")));
    assert_eq!(got.body["proxyAddresses"], json!(["SMTP:sales@northwind.example"]));
    assert!(got.text("/securityIdentifier").starts_with("S-1-12-1-"));
    let again = api.post("/v1.0/groups", unified("sales")).await.is(400);
    assert_eq!(again.message(), "Another object with the same value for property mailNickname already exists.");
    let members = format!("/v1.0/groups/{}/members/$ref", got.text("/id"));
    let inner = made(&api, security("inner")).await;
    api.post(&members, reference(&inner)).await.is(400);
    let person = api.post("/v1.0/users", new_user("person")).await.is(201).text("/id");
    api.post(&members, reference(&person)).await.is(204);
    let id = got.text("/id");
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "groupTypes": [] })).await.is(400);
    api.delete(&format!("/v1.0/groups/{id}")).await.is(204);
    api.post(&format!("/v1.0/directory/deletedItems/{id}/restore"), json!({})).await.is(200);
    assert_eq!(api.list(&format!("/v1.0/groups/{id}/members")).await.len(), 1);
}

#[tokio::test]
async fn kinds_of_groups_that_graph_does_not_make_are_refused() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    for body in [
        with(security("x"), json!({ "mailEnabled": true })),
        with(security("x"), json!({ "securityEnabled": false })),
        with(unified("x"), json!({ "mailEnabled": false, "securityEnabled": true })),
        with(security("x"), json!({ "groupTypes": ["Static"] })),
        with(security("x"), json!({ "membershipRule": "(user.city -eq \"X\")" })),
        with(dynamic("x"), json!({ "membershipRule": null })),
        with(dynamic("x"), json!({ "membershipRule": "(user.city" })),
        with(dynamic("x"), json!({ "isAssignableToRole": true })),
        with(security("x"), json!({ "visibility": "HiddenMembership" })),
        with(security("x"), json!({ "visibility": "Secret" })),
        with(security("x"), json!({ "mail": "x@northwind.example" })),
        with(security("x"), json!({ "allowExternalSenders": true })),
        with(security("x"), json!({ "mailNickname": "a.b" })),
    ] {
        let got = api.post("/v1.0/groups", body.clone()).await.is(400);
        assert_eq!(got.code(), "Request_BadRequest", "{body}");
    }
}

#[tokio::test]
async fn a_rule_says_who_is_in_a_dynamic_group() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, dynamic("ruled")).await;
    let me = api.post("/v1.0/users", new_user("person")).await.is(201).text("/id");
    api.post(&format!("/v1.0/groups/{id}/members/$ref"), reference(&me)).await.is(400);
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "membershipRuleProcessingState": "Paused" })).await.is(204);
    let seen = api.get(&format!("/v1.0/groups/{id}")).await.is(200);
    assert_eq!(
        (&seen.body["membershipRule"], &seen.body["membershipRuleProcessingState"]),
        (&json!("(user.department -eq \"Sales\")"), &json!("Paused"))
    );
    // Without its rule it is like any other.
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "groupTypes": [], "membershipRule": null })).await.is(204);
    api.post(&format!("/v1.0/groups/{id}/members/$ref"), reference(&me)).await.is(204);
}

#[tokio::test]
async fn groups_are_nested_but_never_in_a_circle() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let (outer, inner) = (made(&api, security("outer")).await, made(&api, security("inner")).await);
    let me = api.post("/v1.0/users", new_user("person")).await.is(201).text("/id");
    let add = |group: &str, member: &str| (format!("/v1.0/groups/{group}/members/$ref"), reference(member));
    for (path, body) in [add(&outer, &inner), add(&inner, &me)] {
        api.post(&path, body).await.is(204);
    }
    for (path, body) in [add(&inner, &outer), add(&outer, &outer)] {
        api.post(&path, body).await.is(400);
    }
    assert_eq!(api.list(&format!("/v1.0/groups/{outer}/transitiveMembers")).await.len(), 2);
    assert_eq!(api.list(&format!("/v1.0/groups/{outer}/transitiveMembers/microsoft.graph.user")).await.len(), 1);
    assert_eq!(api.list(&format!("/v1.0/users/{me}/transitiveMemberOf/microsoft.graph.group")).await.len(), 2);
    assert_eq!(api.list(&format!("/v1.0/users/{me}/memberOf")).await.len(), 1);
    let asked = json!({ "groupIds": [outer, NOBODY] });
    let got = api.post(&format!("/v1.0/users/{me}/checkMemberGroups"), asked).await.is(200);
    assert_eq!(got.body["value"], json!([outer]));
    let got = api
        .post(&format!("/v1.0/directoryObjects/{me}/getMemberGroups"), json!({ "securityEnabledOnly": true }))
        .await
        .is(200);
    assert_eq!(got.body["value"].as_array().unwrap().len(), 2);
    let many: Vec<&str> = vec![NOBODY; 21];
    api.post(&format!("/v1.0/users/{me}/checkMemberGroups"), json!({ "groupIds": many })).await.is(400);
    api.post(&format!("/v1.0/groups/{inner}/getMemberObjects"), json!({ "securityEnabledOnly": true })).await.is(400);
}

#[tokio::test]
async fn the_last_owner_of_a_group_stays() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, security("owned")).await;
    let (a, b) = (
        api.post("/v1.0/users", new_user("first")).await.is(201).text("/id"),
        api.post("/v1.0/users", new_user("second")).await.is(201).text("/id"),
    );
    let owners = format!("/v1.0/groups/{id}/owners");
    api.post(&format!("{owners}/$ref"), reference(&a)).await.is(204);
    let got = api.delete(&format!("{owners}/{a}/$ref")).await.is(400);
    assert_eq!(got.message(), "The group must have at least one owner, hence this owner cannot be removed.");
    api.post(&format!("{owners}/$ref"), reference(&b)).await.is(204);
    api.delete(&format!("{owners}/{a}/$ref")).await.is(204);
    assert_eq!(api.list(&format!("/v1.0/users/{b}/ownedObjects")).await[0]["id"], json!(id));
    // Who owns it changes it without a role; nobody else does.
    let own = |who: &str| user(&cloud, PARTNER, who, &["Group.ReadWrite.All"], &[]);
    own(&b).patch(&format!("/v1.0/groups/{id}"), json!({ "description": "Mine" })).await.is(204);
    own(&a).patch(&format!("/v1.0/groups/{id}"), json!({ "description": "Mine" })).await.is(403);
    own(&a).post("/v1.0/groups", security("made-by-a-member")).await.is(201);
}

#[tokio::test]
async fn a_role_assignable_group_is_changed_only_with_the_right_to_manage_roles() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let id = made(&api, with(security("roles"), json!({ "isAssignableToRole": true }))).await;
    let me = api.post("/v1.0/users", new_user("person")).await.is(201).text("/id");
    let path = format!("/v1.0/groups/{id}");
    let weak = app(&cloud, PARTNER, &["Group.ReadWrite.All"]);
    weak.post("/v1.0/groups", with(security("r"), json!({ "isAssignableToRole": true }))).await.is(403);
    weak.post(&format!("{path}/members/$ref"), reference(&me)).await.is(403);
    weak.post(&format!("{path}/owners/$ref"), reference(&me)).await.is(403);
    weak.patch(&path, json!({ "description": "x" })).await.is(403);
    weak.delete(&path).await.is(403);
    api.patch(&path, json!({ "isAssignableToRole": false })).await.is(400);
    api.post(&format!("{path}/members/$ref"), reference(&me)).await.is(204);
    let inner = made(&api, security("inner")).await;
    api.post(&format!("{path}/members/$ref"), reference(&inner)).await.is(400);
    // Who is in it is protected as an administrator.
    let helper = user(&cloud, PARTNER, NOBODY, &["User.ReadWrite.All"], &[HELPDESK]);
    let password = json!({ "passwordProfile": { "password": "cnry-An0ther!" } });
    helper.patch(&format!("/v1.0/users/{me}"), password).await.is(403);
}

#[tokio::test]
async fn objects_of_any_type_are_found_checked_and_deleted_by_id() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let group = made(&api, security("one")).await;
    let me = api.post("/v1.0/users", new_user("person")).await.is(201).text("/id");
    let ask = |types: Value| json!({ "ids": [group, me, NOBODY, group], "types": types });
    let got = api.post("/v1.0/directoryObjects/getByIds", ask(json!(["user", "group"]))).await.is(200);
    assert_eq!(got.body["value"].as_array().unwrap().len(), 2);
    let got = api.post("/v1.0/directoryObjects/getByIds", ask(json!(["user"]))).await.is(200);
    assert_eq!(
        (&got.body["value"][0]["id"], &got.body["value"][0]["@odata.type"]),
        (&json!(me), &json!("#microsoft.graph.user"))
    );
    api.post("/v1.0/directoryObjects/getByIds", ask(json!(["planet"]))).await.is(400);
    api.post("/v1.0/directoryObjects/getByIds", json!({ "ids": vec![NOBODY; 1001] })).await.is(400);
    assert_eq!(
        api.get(&format!("/v1.0/directoryObjects/{me}")).await.is(200).body["@odata.type"],
        "#microsoft.graph.user"
    );
    let names = |kind: &str, nick: &str| json!({ "entityType": kind, "displayName": "D", "mailNickname": nick });
    api.post("/v1.0/directoryObjects/validateProperties", names("Group", "good")).await.is(204);
    api.post("/v1.0/directoryObjects/validateProperties", names("Group", "b a d")).await.is(422);
    app(&cloud, PARTNER, &["Group.ReadWrite.All"]).delete(&format!("/v1.0/directoryObjects/{me}")).await.is(403);
    api.delete(&format!("/v1.0/directoryObjects/{me}")).await.is(204);
    api.delete(&format!("/v1.0/directoryObjects/{group}")).await.is(204);
    api.get(&format!("/v1.0/groups/{group}")).await.is(404);
}

#[tokio::test]
async fn members_are_bound_twenty_at_a_time() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, CONTOSO, ALL);
    let users = api.list("/v1.0/users?$select=id&$top=25").await;
    let bind = |n: std::ops::Range<usize>| {
        let refs: Vec<String> = users[n]
            .iter()
            .map(|u| format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", u["id"].as_str().unwrap()))
            .collect();
        json!({ "members@odata.bind": refs })
    };
    let id = made(&api, security("many")).await;
    let path = format!("/v1.0/groups/{id}");
    api.patch(&path, bind(0..21)).await.is(400);
    api.patch(&path, bind(0..20)).await.is(204);
    let got = api.patch(&path, bind(19..22)).await.is(400);
    assert_eq!(
        got.message(),
        "One or more added object references already exist for the following modified properties: 'members'."
    );
    api.patch(&path, bind(20..25)).await.is(204);
    let counted = api
        .send(Method::GET, &format!("{path}/members/$count"), &[("ConsistencyLevel", "eventual")], None)
        .await
        .is(200);
    assert_eq!(counted.text, "25");
}
