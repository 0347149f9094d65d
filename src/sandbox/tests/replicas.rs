//! Reads come from replicas that are behind, and writes from one that may not know everything yet.
use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::policy_support::{POLICIES, policy, widen};
use super::support::*;

const MINUTE: i64 = 60;

fn app(name: &str) -> serde_json::Value {
    json!({ "displayName": name, "uniqueName": name })
}

#[tokio::test]
async fn a_read_after_a_write_is_answered_by_some_replica_and_flips_back() {
    let cloud = Cloud::still(json!({ "replicas": 3, "replica": 10 })).await;
    let api = cloud.home().await;
    let id = api.post("/v1.0/applications", app("new")).await.is(201).text("/id");
    let path = format!("/v1.0/applications/{id}");
    let mut seen = Vec::new();
    for _ in 0..24 {
        seen.push(api.get(&path).await.status.as_u16());
    }
    let flips = seen.windows(2).filter(|w| w[0] != w[1]).count();
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([200, 404]), "{seen:?}");
    assert!(flips > 2, "{seen:?}");
    cloud.control().advance(10).unwrap();
    for _ in 0..24 {
        api.get(&path).await.is(200);
    }
}

#[tokio::test]
async fn advanced_queries_are_answered_from_an_index_that_is_late() {
    let cloud = Cloud::still(json!({ "replicas": 3, "replica": 10 })).await;
    let api = cloud.home().await;
    api.post("/v1.0/applications", app("new")).await.is(201);
    let path = "/v1.0/applications?$count=true&$filter=displayName ne 'none'";
    let headers = [("ConsistencyLevel", "eventual")];
    for _ in 0..6 {
        assert_eq!(api.send(Method::GET, path, &headers, None).await.is(200).body["@odata.count"], 3);
    }
    cloud.control().advance(10).unwrap();
    assert_eq!(api.send(Method::GET, path, &headers, None).await.is(200).body["@odata.count"], 4);
}

#[tokio::test]
async fn a_write_goes_on_from_what_was_written_whatever_reads_say() {
    let cloud = Cloud::still(json!({ "replicas": 3, "replica": 10 })).await;
    let api = cloud.home().await;
    let id = api.post("/v1.0/applications", app("one")).await.is(201).text("/id");
    api.patch(&format!("/v1.0/applications/{id}"), json!({ "notes": "kept" })).await.is(204);
    api.patch(&format!("/v1.0/applications/{id}"), json!({ "tags": ["kept"] })).await.is(204);
    api.post("/v1.0/applications", app("one")).await.is(400);
    cloud.control().advance(10).unwrap();
    let seen = api.get(&format!("/v1.0/applications/{id}")).await.is(200);
    assert_eq!((&seen.body["notes"], &seen.body["tags"]), (&json!("kept"), &json!(["kept"])));
}

#[tokio::test]
async fn a_principal_of_an_app_that_the_write_replica_does_not_know_is_refused_and_later_made() {
    let cloud = Cloud::still(json!({ "writeReplica": 4 })).await;
    let api = cloud.home().await;
    let made = api.post("/v1.0/applications", app("new")).await.is(201);
    let body = json!({ "appId": made.text("/appId") });
    let mut texts = BTreeSet::new();
    for _ in 0..8 {
        let refused = api.post("/v1.0/servicePrincipals", body.clone()).await;
        assert!([400, 403].contains(&refused.status.as_u16()), "{}", refused.text);
        texts.insert(refused.message().replace(&made.text("/appId"), "…"));
    }
    assert_eq!(
        texts.into_iter().collect::<Vec<_>>(),
        [
            "The appId '…' of the service principal does not reference a valid application object.",
            "When using this permission, the backing application of the service principal being created must in the local tenant",
        ]
    );
    cloud.control().advance(4).unwrap();
    api.post("/v1.0/servicePrincipals", body).await.is(201);
}

#[tokio::test]
async fn grants_and_members_of_new_objects_are_refused_in_graphs_words() {
    let cloud = Cloud::still(json!({ "writeReplica": 4 })).await;
    let api = cloud.home().await;
    let graph = api.list("/v1.0/servicePrincipals?$filter=appId eq '00000003-0000-0000-c000-000000000000'").await;
    let graph = graph[0]["id"].as_str().unwrap().to_owned();
    let made = api.post("/v1.0/applications", app("new")).await.is(201);
    cloud.control().advance(4).unwrap();
    let principal =
        api.post("/v1.0/servicePrincipals", json!({ "appId": made.text("/appId") })).await.is(201).text("/id");
    let group = json!({ "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    let group = api.post("/v1.0/groups", group).await.is(201).text("/id");
    let grant =
        json!({ "principalId": principal, "resourceId": graph, "appRoleId": "df021288-bdef-4463-88db-98f22de89214" });
    let member = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{principal}") });
    let mut texts = BTreeSet::new();
    for _ in 0..8 {
        let refused = api.post(&format!("/v1.0/servicePrincipals/{graph}/appRoleAssignedTo"), grant.clone()).await;
        texts.insert((refused.status.as_u16(), refused.message().split('\'').next().unwrap().to_owned()));
    }
    let words = |(status, text): &(u16, &str)| (*status, (*text).to_owned());
    let known = [(400, "Not a valid reference update."), (404, "Resource ")].iter().map(words).collect();
    assert_eq!(texts, known);
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), member.clone()).await.is(404);
    cloud.control().advance(4).unwrap();
    api.post(&format!("/v1.0/servicePrincipals/{graph}/appRoleAssignedTo"), grant).await.is(201);
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), member).await.is(204);
}

#[tokio::test]
async fn conditional_access_shows_a_change_up_to_25_seconds_later() {
    let cloud = Cloud::still_with(json!({ "policies": 25 }), widen).await;
    let api = cloud.home().await;
    let id = api.post(POLICIES, policy("new")).await.is(201).text("/id");
    api.get(&format!("{POLICIES}/{id}")).await.is(404);
    assert_eq!(api.list(POLICIES).await.len(), 0);
    cloud.control().advance(25).unwrap();
    api.patch(&format!("{POLICIES}/{id}"), json!({ "displayName": "other" })).await.is(204);
    assert_eq!(api.get(&format!("{POLICIES}/{id}")).await.is(200).body["displayName"], "new");
    cloud.control().advance(25).unwrap();
    assert_eq!(api.get(&format!("{POLICIES}/{id}")).await.is(200).body["displayName"], "other");
}

#[tokio::test]
async fn lags_and_habits_are_set_by_name_and_others_are_refused() {
    let cloud = Cloud::still(json!({ "profile": "realistic" })).await;
    let set = cloud.control().behaviour(&json!({ "policies": "5s", "replicas": 0 })).unwrap();
    assert_eq!((&set["lags"]["policies"], &set["habits"]["replicas"]), (&json!("5s"), &json!(0)));
    assert_eq!((&set["lags"]["newSecret"], &set["habits"]["limits"]), (&json!("18s"), &json!(100)));
    let unknown = cloud.control().behaviour(&json!({ "speed": 1 })).unwrap_err();
    assert!(unknown.contains("`speed`") && unknown.contains("newSecret"), "{unknown}");
    let instant = cloud.control().behaviour(&json!({ "profile": "instant" })).unwrap();
    let zero = |lags: &serde_json::Value| lags.as_object().unwrap().values().all(|lag| lag == "0s");
    assert!(zero(&instant["lags"]), "{instant}");
}

#[tokio::test]
async fn only_what_was_written_not_long_ago_has_older_versions() {
    let cloud = Cloud::still(json!({ "replicas": 3, "replica": 10 })).await;
    let api = cloud.home().await;
    let id = api.post("/v1.0/applications", app("new")).await.is(201).text("/id");
    cloud.control().advance(MINUTE).unwrap();
    api.patch(&format!("/v1.0/applications/{id}"), json!({ "notes": "later" })).await.is(204);
    let names = ["later", ""];
    let mut seen = BTreeSet::new();
    for _ in 0..24 {
        let got = api.get(&format!("/v1.0/applications/{id}")).await.is(200);
        seen.insert(got.body["notes"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(seen, names.iter().map(|n| (*n).to_owned()).collect());
}

#[tokio::test]
async fn in_the_profile_instant_nothing_is_late() {
    let cloud = Cloud::still(json!({})).await;
    let api = cloud.home().await;
    let id = api.post("/v1.0/applications", app("new")).await.is(201).text("/id");
    for _ in 0..24 {
        api.get(&format!("/v1.0/applications/{id}")).await.is(200);
    }
}

#[tokio::test]
async fn two_realistic_clouds_of_one_seed_answer_alike() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let cloud = Cloud::still(json!({ "profile": "realistic" })).await;
        let api = cloud.home().await;
        let id = api.post("/v1.0/applications", app("new")).await.is(201).text("/id");
        let mut answers = vec![];
        for _ in 0..12 {
            answers.push(api.get(&format!("/v1.0/applications/{id}")).await.text);
            cloud.control().advance(1).unwrap();
        }
        runs.push(answers.into_iter().map(|a| a.replace(&cloud.sandbox.url(), "")).collect::<Vec<_>>());
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].iter().any(|a| a.contains("Request_ResourceNotFound")), "a replica was behind");
}
