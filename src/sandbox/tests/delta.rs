//! Graph: what changed since, and several requests in one.
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;

async fn group(api: &Api<'_>, name: &str) -> String {
    let body = json!({ "displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true });
    api.post("/v1.0/groups", body).await.is(201).text("/id")
}

/// All items of a round, and the link to the next.
async fn round(api: &Api<'_>, link: &str) -> (Vec<Value>, String) {
    let (mut items, mut link) = (Vec::new(), link.to_owned());
    loop {
        let page = api.get(&link).await.is(200);
        items.extend(page.body["value"].as_array().unwrap().clone());
        match page.body["@odata.nextLink"].as_str() {
            Some(next) => link = next.to_owned(),
            None => return (items, page.text("/@odata.deltaLink")),
        }
    }
}

fn reference(id: &str) -> Value {
    json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}") })
}

#[tokio::test]
async fn a_round_tells_everything_and_the_next_what_changed() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (all, link) = round(&api, "/v1.0/groups/delta").await;
    assert_eq!(all.len(), api.list("/v1.0/groups").await.len());
    let team = all.iter().find(|g| g["displayName"] == "Service Team").unwrap();
    assert_eq!(team["members@delta"][0]["@odata.type"], "#microsoft.graph.user");
    assert!(team.get("description").is_none(), "what was never set is not told");
    let (none, link) = round(&api, &link).await;
    assert!(none.is_empty());
    let id = group(&api, "New").await;
    let (made, link) = round(&api, &link).await;
    assert_eq!(
        (made.len(), made[0]["id"].as_str(), made[0]["displayName"].as_str()),
        (1, Some(id.as_str()), Some("New"))
    );
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "description": "d" })).await.is(204);
    let minimal = api.send(Method::GET, &link, &[("Prefer", "return=minimal")], None).await.is(200);
    assert_eq!(minimal.body["value"], json!([{ "id": id, "description": "d" }]));
    let (whole, link) = round(&api, &link).await;
    assert_eq!((whole[0]["displayName"].as_str(), whole[0]["description"].as_str()), (Some("New"), Some("d")));
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "description": null })).await.is(204);
    let (unset, link) = round(&api, &link).await;
    assert_eq!(unset[0].get("description"), Some(&Value::Null), "what was taken away is told");
    api.delete(&format!("/v1.0/groups/{id}")).await.is(204);
    let (gone, _) = round(&api, &link).await;
    assert_eq!(gone[0]["id"], id.as_str());
    assert!(["changed", "deleted"].contains(&gone[0]["@removed"]["reason"].as_str().unwrap()));
}

#[tokio::test]
async fn members_that_come_and_go_are_told() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let id = group(&api, "g").await;
    let user = api.get("/v1.0/users/svc-tenantry@northwind.example").await.is(200).text("/id");
    let (_, link) = round(&api, "/v1.0/groups/delta?$select=displayName,members").await;
    api.post(&format!("/v1.0/groups/{id}/members/$ref"), reference(&user)).await.is(204);
    let (added, link) = round(&api, &link).await;
    let told = json!([{ "@odata.type": "#microsoft.graph.user", "id": user }]);
    assert_eq!((added.len(), &added[0]["members@delta"]), (1, &told));
    api.delete(&format!("/v1.0/groups/{id}/members/{user}/$ref")).await.is(204);
    let (removed, link) = round(&api, &link).await;
    assert_eq!(removed[0]["members@delta"][0]["@removed"], json!({ "reason": "deleted" }));
    api.patch(&format!("/v1.0/groups/{id}"), json!({ "description": "d" })).await.is(204);
    assert!(round(&api, &link).await.0.is_empty(), "what was not selected is not told");
}

#[tokio::test]
async fn long_rounds_come_in_pages() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for n in 0..5 {
        group(&api, &format!("p{n}")).await;
    }
    let first = api.get("/v1.0/groups/delta?$select=displayName&$top=2").await.is(200);
    assert_eq!(first.body["value"].as_array().unwrap().len(), 2);
    assert!(first.text("/@odata.context").ends_with("#groups(displayName)"));
    let next = first.text("/@odata.nextLink");
    assert!(!next.contains("select"), "the token knows");
    let (rest, _) = round(&api, &next).await;
    assert_eq!(rest.len() + 2, api.list("/v1.0/groups").await.len());
    assert!(rest.iter().all(|g| g.get("displayName").is_some() && g.get("mailNickname").is_none()));
}

#[tokio::test]
async fn a_round_can_begin_now_be_for_some_and_over_all_kinds() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (now, link) = round(&api, "/v1.0/applications/delta?$deltatoken=latest").await;
    assert!(now.is_empty());
    let made = api.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(201).text("/id");
    let (told, link) = round(&api, &link).await;
    assert_eq!((told.len(), told[0]["id"].as_str()), (1, Some(made.as_str())));
    api.delete(&format!("/v1.0/applications/{made}")).await.is(204);
    assert_eq!(round(&api, &link).await.0[0]["@removed"], json!({ "reason": "changed" }));
    let groups = api.list("/v1.0/groups").await;
    let id = groups[0]["id"].as_str().unwrap();
    let (one, _) = round(&api, &format!("/v1.0/groups/delta?$filter=id eq '{id}'")).await;
    assert_eq!((one.len(), one[0]["id"].as_str()), (1, Some(id)));
    let (objects, _) = round(&api, "/v1.0/directoryObjects/delta?$filter=isof('microsoft.graph.group')").await;
    assert_eq!(objects.len(), groups.len());
    assert!(objects.iter().all(|o| o["@odata.type"] == "#microsoft.graph.group"));
    for path in [
        "/users/delta",
        "/users/microsoft.graph.delta()",
        "/servicePrincipals/delta",
        "/oauth2PermissionGrants/delta",
        "/directoryObjects/delta",
    ] {
        round(&api, &format!("/v1.0{path}")).await;
    }
    for bad in [
        "$filter=displayName eq 'x'",
        "$orderby=displayName",
        "$expand=members",
        "$deltatoken=nonsense",
        "$select=colour",
    ] {
        api.get(&format!("/v1.0/groups/delta?{bad}")).await.is(400);
    }
}

#[tokio::test]
async fn a_token_lives_for_a_week() {
    let cloud = Cloud::new().await;
    let (_, link) = round(&cloud.home().await, "/v1.0/groups/delta").await;
    cloud.control().advance(6 * 86_400).unwrap();
    round(&cloud.home().await, &link).await;
    cloud.control().advance(2 * 86_400).unwrap();
    let api = cloud.home().await;
    let old = api.get(&link).await.is(410);
    assert_eq!(old.code(), "syncStateNotFound");
    let (all, _) = round(&api, old.header("location")).await;
    assert!(!all.is_empty());
}

#[tokio::test]
async fn a_batch_takes_absolute_addresses_headers_and_base64() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let requests = json!([
        { "id": "a", "method": "GET", "url": format!("{}/v1.0/groups?$top=1", cloud.sandbox.url()) },
        { "id": "b", "method": "GET", "url": "groups/$count", "headers": { "ConsistencyLevel": "eventual" } },
        { "id": "c", "method": "POST", "url": "/$batch", "headers": { "Content-Type": "application/json" }, "body": { "requests": [] } },
        { "id": "d", "method": "PUT", "url": "/groups/x/nothing", "headers": { "Content-Type": "image/png" }, "body": "AAE-_w" },
        { "id": "e", "method": "GET", "url": "/groups/$count" },
    ]);
    let got = api.post("/v1.0/$batch", json!({ "requests": requests })).await.is(200);
    let of = |id: &str| got.body["responses"].as_array().unwrap().iter().find(|r| r["id"] == id).unwrap().clone();
    let statuses: Vec<u64> = ["a", "b", "c", "d", "e"].iter().map(|id| of(id)["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 200, 400, 400, 400]);
    assert!(of("a")["headers"]["Content-Type"].as_str().unwrap().contains("odata.metadata=minimal"));
    assert_eq!(of("b")["headers"]["Content-Type"], "text/plain");
}

#[tokio::test]
async fn a_batch_with_a_write_that_says_nothing_is_refused_whole() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let refused = |item: Value| json!({ "requests": [{ "id": "1", "method": "GET", "url": "/groups" }, item] });
    for item in [
        json!({ "id": "2", "method": "POST", "url": "/groups", "body": {} }),
        json!({ "id": "2", "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" } }),
    ] {
        let got = api.post("/v1.0/$batch", refused(item)).await.is(400);
        assert_eq!(got.message(), "Write request id : 2 does not contain Content-Type header or body.");
    }
    api.get("/v1.0/$batch").await.is(405);
    let none = Api { cloud: &cloud, token: String::new() };
    none.post("/v1.0/$batch", json!({ "requests": [] })).await.is(401);
}
