//! Delegated admin relationships in time: every step takes its while, and what could not be sourced is a switch.
use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;
use crate::sandbox::Delay;
use crate::sandbox::world::{RelationshipFile, WorldFile};

const DAY: i64 = 86_400;

async fn status(cloud: &Cloud, path: &str) -> String {
    cloud.home().await.get(path).await.is(200).text("/status")
}

async fn made(cloud: &Cloud, name: &str) -> String {
    let api = cloud.home().await;
    let made = api.post("/v1.0/servicePrincipals", json!({ "appId": "2832473f-ec63-45fb-976f-5d45a7d4bb91" })).await;
    assert!([201, 409].contains(&made.status.as_u16()), "{}", made.text);
    let id = api.post(RELATIONSHIPS, relationship(name, &[CLOUD_APP])).await.is(201).text("/id");
    format!("{RELATIONSHIPS}/{id}")
}

#[tokio::test]
async fn every_step_takes_its_time_and_moves_the_etag() {
    let lags = json!({ "relationshipLock": 4, "relationshipActivation": 300, "relationshipTermination": 60 });
    let cloud = Cloud::still(lags).await;
    let path = made(&cloud, "NW").await;
    let api = cloud.home().await;
    let mut etags = BTreeSet::new();
    let mut look = async |expected: &str| {
        let seen = api.get(&path).await.is(200);
        assert_eq!(seen.body["status"], expected);
        assert!(etags.insert(seen.text("/@odata.etag")), "the etag stayed at {expected}");
    };
    look("created").await;
    let request = api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(201);
    assert_eq!(request.body["status"], "created");
    let request = format!("{path}/requests/{}", request.text("/id"));
    assert_eq!(api.get(&request).await.body["status"], "pending");
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(400);
    assert!(cloud.control().approve("NW").is_err(), "the link is no good yet");
    cloud.control().advance(4).unwrap();
    look("approvalPending").await;
    assert_eq!(api.get(&request).await.body["status"], "succeeded");
    cloud.control().approve("NW").unwrap();
    look("activating").await;
    cloud.control().advance(300).unwrap();
    look("active").await;
    let request = api.post(&format!("{path}/requests"), json!({ "action": "terminate" })).await.is(201).text("/id");
    look("terminationRequested").await;
    cloud.control().advance(60).unwrap();
    look("terminating").await;
    assert_eq!(api.get(&format!("{path}/requests/{request}")).await.body["status"], "pending");
    cloud.control().advance(60).unwrap();
    look("terminated").await;
    let told = cloud.control().events();
    let kinds: Vec<&str> = told.as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["approved", "terminated"]);
}

#[tokio::test]
async fn the_etag_of_before_a_step_is_stale_after_it() {
    let cloud = Cloud::still(json!({})).await;
    let path = made(&cloud, "NW").await;
    let api = cloud.home().await;
    let old = api.get(&path).await.text("/@odata.etag");
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(201);
    cloud.control().approve("NW").unwrap();
    let change = json!({ "autoExtendDuration": "P180D" });
    let stale = api.send(Method::PATCH, &path, &[("If-Match", &old)], Some(change.clone())).await.is(412);
    assert_eq!(stale.code(), "preconditionFailed");
    let new = api.get(&path).await.text("/@odata.etag");
    api.send(Method::PATCH, &path, &[("If-Match", &new)], Some(change)).await.is(200);
}

#[tokio::test]
async fn what_could_not_be_sourced_is_a_switch() {
    let wish = json!({ "missingEtag": 412, "inactiveRelationship": 400, "undeletableRelationship": 409 });
    let cloud = Cloud::still(wish).await;
    let path = made(&cloud, "NW").await;
    let api = cloud.home().await;
    api.patch(&path, json!({ "autoExtendDuration": "P180D" })).await.is(412);
    let groups = api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await;
    let group = groups[0]["id"].as_str().unwrap();
    api.post(&format!("{path}/accessAssignments"), assignment(group, &[CLOUD_APP])).await.is(400);
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(201);
    let kept = api.send(Method::DELETE, &path, &[("If-Match", "*")], None).await.is(409);
    assert_eq!(kept.code(), "conflict");
    cloud.control().behaviour(&json!({ "missingEtag": 428, "undeletableRelationship": 400 })).unwrap();
    api.patch(&path, json!({ "autoExtendDuration": "P180D" })).await.is(428);
    api.send(Method::DELETE, &path, &[("If-Match", "*")], None).await.is(400);
}

#[tokio::test]
async fn a_change_of_an_assignment_is_an_operation_that_runs_and_a_deleted_one_goes_slowly() {
    let cloud = Cloud::still(json!({ "operation": 20, "assignmentRemoval": 30 })).await;
    let made = gdap(&cloud, &[CLOUD_APP, PRIVILEGED]).await;
    let api = cloud.home().await;
    let all = format!("{RELATIONSHIPS}/{}/accessAssignments", made.relationship);
    let first = api.list(&all).await.remove(0);
    let one = format!("{all}/{}", first["id"].as_str().unwrap());
    let both = json!({ "accessDetails": details(&[CLOUD_APP, PRIVILEGED]) });
    let tag = first["@odata.etag"].as_str().unwrap();
    let taken = api.send(Method::PATCH, &one, &[("If-Match", tag)], Some(both)).await.is(202);
    let operation = taken.header("location").to_owned();
    assert_eq!(status(&cloud, &operation).await, "notStarted");
    let roles = |body: &Value| body["accessDetails"]["unifiedRoles"].as_array().unwrap().len();
    cloud.control().advance(10).unwrap();
    assert_eq!(status(&cloud, &operation).await, "running");
    assert_eq!(roles(&api.get(&one).await.body), 1);
    cloud.control().advance(10).unwrap();
    assert_eq!(status(&cloud, &operation).await, "succeeded");
    let seen = api.get(&one).await.is(200);
    assert_eq!(roles(&seen.body), 2);
    api.send(Method::DELETE, &one, &[("If-Match", &seen.text("/@odata.etag"))], None).await.is(204);
    assert_eq!(status(&cloud, &one).await, "deleting");
    let group = first["accessContainer"]["accessContainerId"].as_str().unwrap();
    api.post(&all, assignment(group, &[CLOUD_APP])).await.is(409);
    cloud.control().advance(30).unwrap();
    assert_eq!(status(&cloud, &one).await, "deleted");
    let again = api.post(&all, assignment(group, &[CLOUD_APP])).await.is(201);
    assert_ne!(again.text("/id"), first["id"].as_str().unwrap());
}

#[tokio::test]
async fn global_administrator_leaves_by_an_operation_with_a_name_that_is_hidden_from_old_clients() {
    let cloud = Cloud::still(json!({ "operation": 20 })).await;
    let id = waiting(&cloud, "NW", &[CLOUD_APP, GLOBAL]).await;
    cloud.control().approve("NW").unwrap();
    let (api, path) = (cloud.home().await, format!("{RELATIONSHIPS}/{id}"));
    let fewer = json!({ "accessDetails": details(&[CLOUD_APP]) });
    let taken = api.send(Method::PATCH, &path, &[("If-Match", "*")], Some(fewer)).await.is(202);
    assert!(api.get(&path).await.text.contains(GLOBAL));
    let operation = taken.header("location").to_owned();
    let prefer = [("Prefer", "include-unknown-enum-members")];
    let told = api.send(Method::GET, &operation, &prefer, None).await.text("/operationType");
    assert_eq!(told, "delegatedAdminRelationshipUpdate");
    assert_eq!(api.get(&operation).await.text("/operationType"), "unknownFutureValue");
    cloud.control().advance(20).unwrap();
    assert!(!api.get(&path).await.text.contains(GLOBAL));
}

#[tokio::test]
async fn an_assignment_of_more_than_ten_roles_may_stay_pending() {
    let roles = [
        "158c047a-c907-4556-b7ef-446551a6b5f7",
        "e8611ab8-c189-46e8-94e1-60213ab1f814",
        "29232cdf-9323-42fd-ade2-1d097af3e4de",
        "fe930be7-5e62-47db-91af-98c3a49a38b1",
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",
        "194ae4cb-b126-40b2-bd5b-6091b380977d",
        "5d6b6bb7-de71-4623-b4af-96380a352509",
        "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    ];
    let mut ends = BTreeSet::new();
    for seed in 1..=6 {
        let cloud = Cloud::still_with(json!({ "moods": true }), |w| w.seed = Some(seed)).await;
        let id = waiting(&cloud, "NW", &roles).await;
        cloud.control().approve("NW").unwrap();
        let api = cloud.home().await;
        let groups = api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await;
        let all = format!("{RELATIONSHIPS}/{id}/accessAssignments");
        api.post(&all, assignment(groups[0]["id"].as_str().unwrap(), &roles)).await.is(201);
        cloud.control().advance(30 * DAY).unwrap();
        ends.insert(cloud.home().await.list(&all).await[0]["status"].as_str().unwrap().to_owned());
    }
    assert_eq!(ends, ["active", "pending"].map(str::to_owned).into());
}

#[tokio::test]
async fn the_end_is_told_thirty_seven_and_one_day_before() {
    let lasting = |w: &mut WorldFile| w.partner.apps[0].secrets[0].expires_in = Some(Delay(2_000 * DAY));
    let cloud = Cloud::still_with(json!({ "relationshipTermination": 60 }), lasting).await;
    waiting(&cloud, "short", &[CLOUD_APP]).await;
    let long = waiting(&cloud, "long", &[CLOUD_APP]).await;
    cloud.control().approve_all().unwrap();
    let extend = json!({ "autoExtendDuration": "P180D" });
    let path = format!("{RELATIONSHIPS}/{long}");
    cloud.home().await.send(Method::PATCH, &path, &[("If-Match", "*")], Some(extend)).await.is(200);
    cloud.control().advance(730 * DAY).unwrap();
    let told = |name: &str| -> Vec<(String, Value)> {
        let all = cloud.control().events();
        let mine = all.as_array().unwrap().iter().filter(|e| e["name"] == name).cloned().collect::<Vec<_>>();
        mine.into_iter().map(|e| (e["kind"].as_str().unwrap().to_owned(), e["days"].clone())).skip(1).collect()
    };
    let expires = |days: i64| ("expires".to_owned(), json!(days));
    assert_eq!(told("short"), [expires(30), expires(7), expires(1)]);
    let list = format!("{RELATIONSHIPS}?$filter=status eq 'expiring'");
    assert_eq!(cloud.home().await.list(&list).await[0]["displayName"], "short");
    cloud.control().advance(60).unwrap();
    assert_eq!(told("short").last().unwrap().0, "expired");
    assert_eq!(told("long").last().unwrap().0, "extended");
    let seen = cloud.home().await.get(&path).await.is(200);
    let time = |k: &str| seen.text(k).parse::<jiff::Timestamp>().unwrap().as_second();
    assert_eq!(time("/endDateTime") - time("/activatedDateTime"), 910 * DAY);
    cloud.control().advance(180 * DAY).unwrap();
    assert_eq!(told("long").len(), 8, "and again");
}

#[tokio::test]
async fn a_lock_may_answer_405_and_have_happened() {
    let cloud = Cloud::still(json!({ "masked": 1 })).await;
    let path = made(&cloud, "NW").await;
    let api = cloud.home().await;
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(405);
    assert_eq!(status(&cloud, &path).await, "approvalPending");
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(400);
}

#[tokio::test]
async fn a_declined_invitation_is_over_and_its_request_has_a_name_that_is_hidden_from_old_clients() {
    let cloud = Cloud::still(json!({})).await;
    let path = made(&cloud, "NW").await;
    let api = cloud.home().await;
    assert!(cloud.control().decline("NW").unwrap_err().contains("lockForApproval"));
    api.post(&format!("{path}/requests"), json!({ "action": "lockForApproval" })).await.is(201);
    cloud.control().decline("NW").unwrap();
    assert_eq!(status(&cloud, &path).await, "terminated");
    assert!(cloud.control().approve("NW").is_err());
    let action = async |headers: &[(&str, &str)]| {
        let all = api.send(Method::GET, &format!("{path}/requests"), headers, None).await.is(200);
        all.body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["action"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(action(&[]).await, ["lockForApproval", "unknownFutureValue"]);
    assert_eq!(action(&[("Prefer", "include-unknown-enum-members")]).await, ["lockForApproval", "reject"]);
}

#[tokio::test]
async fn only_the_tenant_that_an_invitation_is_for_accepts_it() {
    let cloud = Cloud::still(json!({})).await;
    waiting(&cloud, "NW", &[CLOUD_APP]).await;
    let accept = async |tenant: &str| {
        let url = format!("{}/_sandbox/approve", cloud.sandbox.url());
        let body = json!({ "relationship": "NW", "tenant": tenant });
        cloud.http.post(url).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(accept("Fabrikam").await, 400);
    assert_eq!(accept("Contoso").await, 200);
}

#[tokio::test]
async fn a_group_that_was_just_made_is_no_access_container_yet() {
    let cloud = Cloud::still(json!({ "writeReplica": 4 })).await;
    let id = waiting_after(&cloud, 4).await;
    let api = cloud.home().await;
    let group = json!({ "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true });
    let group = api.post("/v1.0/groups", group).await.is(201).text("/id");
    let path = format!("{RELATIONSHIPS}/{id}/accessAssignments");
    let early = api.post(&path, assignment(&group, &[CLOUD_APP])).await.is(400);
    assert!(early.message().contains("access container does not exist"), "{}", early.text);
    cloud.control().advance(4).unwrap();
    api.post(&path, assignment(&group, &[CLOUD_APP])).await.is(201);
}

/// An active relationship, made so slowly that every replica knows of it.
async fn waiting_after(cloud: &Cloud, seconds: i64) -> String {
    let id = waiting(cloud, "NW", &[CLOUD_APP]).await;
    cloud.control().approve("NW").unwrap();
    cloud.control().advance(seconds).unwrap();
    id
}

fn from_world(name: &str, change: impl FnOnce(&mut RelationshipFile)) -> RelationshipFile {
    let mut file = RelationshipFile {
        display_name: name.to_owned(),
        customer: Some(CONTOSO.to_owned()),
        roles: vec!["Directory Readers".to_owned()],
        ..RelationshipFile::default()
    };
    change(&mut file);
    file
}

#[tokio::test]
async fn lists_hold_what_microsoft_moved_what_is_over_and_what_resellers_have_page_by_page() {
    let cloud = Cloud::with(|w| {
        let over = |f: &mut RelationshipFile| f.status = Some("expired".to_owned());
        let reseller = |f: &mut RelationshipFile| f.indirect_provider = Some(FABRIKAM.to_owned());
        let open = |f: &mut RelationshipFile| {
            f.customer = None;
            f.status = Some("approvalPending".to_owned());
        };
        w.relationships = vec![
            from_world("MLT_Contoso", |_| ()),
            from_world("Old", over),
            from_world("Through a provider", reseller),
            from_world("Open", open),
        ];
    })
    .await;
    made(&cloud, "NW").await;
    let api = cloud.home().await;
    let mut next = format!("{RELATIONSHIPS}?$top=2");
    let mut all = Vec::new();
    while !next.is_empty() {
        let page = api.get(&next).await.is(200);
        all.extend(page.body["value"].as_array().unwrap().clone());
        next = page.body["@odata.nextLink"].as_str().unwrap_or_default().to_owned();
    }
    let named = |name: &str| all.iter().find(|r| r["displayName"] == name).unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!((&named("MLT_Contoso")["status"], &named("Old")["status"]), (&json!("active"), &json!("expired")));
    assert_eq!(named("Through a provider")["@odata.type"], "#microsoft.graph.resellerDelegatedAdminRelationship");
    assert_eq!(named("Through a provider")["indirectProviderTenantId"], FABRIKAM);
    assert!(named("Open")["customer"].is_null() && named("MLT_Contoso").get("@odata.type").is_none());
    api.post(RELATIONSHIPS, relationship("old", &[CLOUD_APP])).await.is(409);
    assert_eq!(api.list("/v1.0/tenantRelationships/delegatedAdminCustomers").await.len(), 1);
}

#[tokio::test]
async fn a_cloud_without_gdap_knows_no_such_segment() {
    let cloud = Cloud::still(json!({ "withoutGdap": true })).await;
    let refused = cloud.home().await.get(RELATIONSHIPS).await.is(400);
    assert_eq!(refused.message(), "Resource not found for the segment 'delegatedAdminRelationships'.");
}
