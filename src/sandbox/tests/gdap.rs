//! Delegated admin relationships: state machine, etags, assignments.
use reqwest::Method;
use serde_json::json;

use super::support::*;
use crate::sandbox::Delay;

#[tokio::test]
async fn app_only_calls_need_the_gdap_service_principal() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    assert_eq!(api.get(RELATIONSHIPS).await.is(403).code(), "forbidden");
    api.post("/v1.0/servicePrincipals", json!({ "appId": "2832473f-ec63-45fb-976f-5d45a7d4bb91" })).await.is(201);
    api.get(RELATIONSHIPS).await.is(200);
}

#[tokio::test]
async fn delegated_calls_need_mfa_and_admin_agents() {
    let cloud = Cloud::with(|w| w.partner.users[0].admin_agents = false).await;
    cloud.api(cloud.user_token(PARTNER, GRAPH).await).get(RELATIONSHIPS).await.is(403);
    cloud.api(cloud.user_token_by(WEAK_REFRESH, PARTNER, GRAPH).await).get(RELATIONSHIPS).await.is(401);
    let good = Cloud::new().await;
    good.api(good.user_token(PARTNER, GRAPH).await).get(RELATIONSHIPS).await.is(200);
}

#[tokio::test]
async fn a_relationship_goes_from_created_to_active() {
    let cloud = Cloud::new().await;
    let id = waiting(&cloud, "NW-contoso", &[CLOUD_APP]).await;
    assert_eq!(id.len(), 73);
    let api = cloud.home().await;
    let path = format!("{RELATIONSHIPS}/{id}");
    assert_eq!(api.get(&path).await.body["status"], "approvalPending");
    let approved = cloud.control().approve("NW-contoso").unwrap();
    assert_eq!(approved["approved"][0]["customer"], "Contoso");
    let seen = api.get(&path).await.is(200);
    assert_eq!((&seen.body["status"], &seen.body["customer"]["displayName"]), (&json!("active"), &json!("Contoso")));
    let time = |k: &str| seen.text(k).parse::<jiff::Timestamp>().unwrap();
    assert_eq!((time("/endDateTime") - time("/activatedDateTime")).get_seconds(), 730 * 86_400);
    assert_eq!(api.list("/v1.0/tenantRelationships/delegatedAdminCustomers").await[0]["tenantId"], CONTOSO);
    let listed = api
        .list(&format!("{RELATIONSHIPS}?$filter=status eq 'active' and customer/tenantId eq '{CONTOSO}'&$top=300"))
        .await;
    assert_eq!(listed.len(), 1);
    api.get(&format!("{RELATIONSHIPS}?$top=301")).await.is(400);
}

#[tokio::test]
async fn activation_takes_its_lag() {
    let cloud = Cloud::with(|w| w.lag.relationship_activation = Delay(300)).await;
    let id = waiting(&cloud, "NW-contoso", &[CLOUD_APP]).await;
    let path = format!("{RELATIONSHIPS}/{id}");
    assert_eq!(cloud.control().approve(&id).unwrap()["approved"][0]["status"], "activating");
    cloud.control().advance_to_next().unwrap();
    assert_eq!(cloud.home().await.get(&path).await.body["status"], "active");
    assert_eq!(cloud.control().advance_to_next().unwrap(), 0);
}

#[tokio::test]
async fn only_what_waits_for_approval_can_be_approved() {
    let cloud = Cloud::new().await;
    waiting(&cloud, "NW-contoso", &[CLOUD_APP]).await;
    cloud.control().approve("NW-contoso").unwrap();
    let again = cloud.control().approve("NW-contoso").unwrap_err();
    assert!(again.contains("`active`"), "{again}");
    let nobody = cloud.control().approve("NW-nobody").unwrap_err();
    assert!(nobody.contains("NW-contoso"), "{nobody}");
    cloud.home().await.post(RELATIONSHIPS, relationship("NW-2", &[CLOUD_APP])).await.is(201);
    assert!(cloud.control().approve("NW-2").unwrap_err().contains("lockForApproval"));
}

#[tokio::test]
async fn an_invitation_dies_after_ninety_days() {
    let cloud = Cloud::new().await;
    waiting(&cloud, "NW-contoso", &[CLOUD_APP]).await;
    cloud.control().advance(91 * 86_400).unwrap();
    assert!(cloud.control().approve("NW-contoso").unwrap_err().contains("90 days"));
}

#[tokio::test]
async fn wrong_relationships_are_refused() {
    let cloud = Cloud::new().await;
    waiting(&cloud, "taken", &[CLOUD_APP]).await;
    let api = cloud.home().await;
    let with = |k: &str, v: serde_json::Value| {
        let mut r = relationship("new", &[CLOUD_APP]);
        r[k] = v;
        r
    };
    let taken = api.post(RELATIONSHIPS, relationship("Taken", &[CLOUD_APP])).await.is(409);
    assert_eq!((taken.code(), taken.message()), ("conflict", "The resource already exists."));
    assert!(taken.body["error"]["details"].is_array());
    api.post(RELATIONSHIPS, with("displayName", json!("x".repeat(51)))).await.is(400);
    api.post(RELATIONSHIPS, with("duration", json!("P731D"))).await.is(400);
    api.post(RELATIONSHIPS, with("duration", json!("P0D"))).await.is(400);
    api.post(RELATIONSHIPS, with("autoExtendDuration", json!("P90D"))).await.is(400);
    api.post(RELATIONSHIPS, with("accessDetails", details(&[CONTOSO]))).await.is(400);
    api.post(RELATIONSHIPS, with("customer", json!({ "tenantId": PARTNER }))).await.is(400);
    let mut global = relationship("global", &[GLOBAL]);
    global["autoExtendDuration"] = json!("P180D");
    api.post(RELATIONSHIPS, global).await.is(400);
    api.post(RELATIONSHIPS, with("displayName", json!("x".repeat(50)))).await.is(201);
}

#[tokio::test]
async fn writes_need_the_current_etag() {
    let cloud = Cloud::new().await;
    waiting(&cloud, "other", &[CLOUD_APP]).await;
    let api = cloud.home().await;
    let made = api.post(RELATIONSHIPS, relationship("NW", &[CLOUD_APP])).await.is(201);
    let path = format!("{RELATIONSHIPS}/{}", made.text("/id"));
    let (etag, change) = (made.text("/@odata.etag"), json!({ "autoExtendDuration": "P180D" }));
    assert_eq!(made.header("etag"), etag);
    api.patch(&path, change.clone()).await.is(428);
    let patched = api.send(Method::PATCH, &path, &[("If-Match", &etag)], Some(change.clone())).await.is(200);
    assert_eq!(patched.body["autoExtendDuration"], "P180D");
    api.send(Method::PATCH, &path, &[("If-Match", &etag)], Some(change)).await.is(412);
    api.send(Method::DELETE, &path, &[("If-Match", &patched.text("/@odata.etag"))], None).await.is(204);
    api.get(&path).await.is(404);
    api.get(&format!("{RELATIONSHIPS}/{CONTOSO}")).await.is(400);
}

#[tokio::test]
async fn an_active_relationship_can_only_be_extended_or_lose_global_administrator() {
    let cloud = Cloud::new().await;
    let id = waiting(&cloud, "NW", &[CLOUD_APP, GLOBAL]).await;
    let path = format!("{RELATIONSHIPS}/{id}");
    let api = cloud.home().await;
    let locked = api.get(&path).await.text("/@odata.etag");
    api.send(Method::PATCH, &path, &[("If-Match", &locked)], Some(json!({ "autoExtendDuration": "P180D" })))
        .await
        .is(400);
    cloud.control().approve("NW").unwrap();
    let etag = api.get(&path).await.text("/@odata.etag");
    let tag = [("If-Match", etag.as_str())];
    api.send(Method::PATCH, &path, &tag, Some(json!({ "displayName": "other" }))).await.is(400);
    api.send(Method::PATCH, &path, &tag, Some(json!({ "accessDetails": details(&[GLOBAL]) }))).await.is(400);
    let gone =
        api.send(Method::PATCH, &path, &tag, Some(json!({ "accessDetails": details(&[CLOUD_APP]) }))).await.is(202);
    assert!(gone.header("location").contains("/operations/"));
    assert_eq!(api.get(gone.header("location")).await.is(200).body["operationType"], "unknownFutureValue");
    api.send(Method::DELETE, &path, &[("If-Match", "*")], None).await.is(400);
}

#[tokio::test]
async fn assignments_are_made_in_active_relationships_for_existing_groups() {
    let cloud = Cloud::new().await;
    let id = waiting(&cloud, "NW", &[CLOUD_APP]).await;
    let api = cloud.home().await;
    let group =
        api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("{RELATIONSHIPS}/{id}/accessAssignments");
    api.post(&path, assignment(&group, &[CLOUD_APP])).await.is(409);
    cloud.control().approve("NW").unwrap();
    api.post(&path, assignment(&group, &[GLOBAL])).await.is(400);
    assert!(
        api.post(&path, assignment(CONTOSO, &[CLOUD_APP]))
            .await
            .is(400)
            .message()
            .contains("access container does not exist")
    );
    let made = api.post(&path, assignment(&group, &[CLOUD_APP])).await.is(201);
    assert_eq!(made.body["status"], "pending");
    assert_eq!(api.post(&path, assignment(&group, &[CLOUD_APP])).await.is(409).code(), "conflict");
    assert_eq!(api.list(&format!("{path}?$filter=status eq 'active'")).await.len(), 1);
}

#[tokio::test]
async fn assignments_change_by_operation_and_stay_listed_when_deleted() {
    let cloud = Cloud::new().await;
    let made = gdap(&cloud, &[CLOUD_APP, PRIVILEGED]).await;
    let api = cloud.home().await;
    let path = format!("{RELATIONSHIPS}/{}/accessAssignments", made.relationship);
    let first = api
        .list(&path)
        .await
        .into_iter()
        .find(|a| a["accessContainer"]["accessContainerId"] == json!(made.groups[0]))
        .unwrap();
    let one = format!("{path}/{}", first["id"].as_str().unwrap());
    let tag = first["@odata.etag"].as_str().unwrap();
    let same = json!({ "accessDetails": details(&[CLOUD_APP]) });
    api.send(Method::PATCH, &one, &[("If-Match", tag)], Some(same)).await.is(200);
    let more = json!({ "accessDetails": details(&[CLOUD_APP, PRIVILEGED]) });
    let changed = api.send(Method::PATCH, &one, &[("If-Match", tag)], Some(more)).await.is(202);
    assert_eq!((changed.header("retry-after"), &changed.body), ("10", &json!({})));
    assert_eq!(api.get(changed.header("location")).await.is(200).body["status"], "succeeded");
    api.send(Method::DELETE, &one, &[("If-Match", tag)], None).await.is(412);
    let tag = api.get(&one).await.text("/@odata.etag");
    api.send(Method::DELETE, &one, &[("If-Match", &tag)], None).await.is(204);
    assert_eq!(api.get(&one).await.is(200).body["status"], "deleted");
    let again = api.post(&path, assignment(&made.groups[0], &[CLOUD_APP])).await.is(201);
    assert_ne!(again.text("/id"), first["id"].as_str().unwrap());
    assert_eq!(api.list(&path).await.len(), 3);
}

#[tokio::test]
async fn a_pending_assignment_gives_nothing_and_cannot_be_deleted() {
    let cloud = Cloud::with(|w| w.lag.access_assignment = Delay(60)).await;
    let made = gdap(&cloud, &[CLOUD_APP]).await;
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 50_020);
    let api = cloud.home().await;
    let path = format!("{RELATIONSHIPS}/{}/accessAssignments", made.relationship);
    let first = api.list(&path).await.remove(0);
    let one = format!("{path}/{}", first["id"].as_str().unwrap());
    api.send(Method::DELETE, &one, &[("If-Match", first["@odata.etag"].as_str().unwrap())], None).await.is(409);
    cloud.control().advance_to_next().unwrap();
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 65_001);
}

#[tokio::test]
async fn a_relationship_expires_or_is_extended_at_its_end() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let id = waiting(&cloud, "short", &[CLOUD_APP]).await;
    let long = waiting(&cloud, "long", &[CLOUD_APP]).await;
    cloud.control().approve_all().unwrap();
    let path = format!("{RELATIONSHIPS}/{long}");
    let tag = api.get(&path).await.text("/@odata.etag");
    api.send(Method::PATCH, &path, &[("If-Match", &tag)], Some(json!({ "autoExtendDuration": "P180D" }))).await.is(200);
    assert_eq!(cloud.control().advance_to_next().unwrap(), 0);
    cloud.control().advance(731 * 86_400).unwrap();
    let world = cloud.control().state_of_world();
    let status = |name: &str| {
        world["relationships"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap()["status"].clone()
    };
    assert_eq!((status("short"), status("long")), (json!("expired"), json!("active")));
    assert!(!id.is_empty());
}

#[tokio::test]
async fn the_partner_can_terminate_and_the_name_stays_taken() {
    let cloud = Cloud::new().await;
    let made = gdap(&cloud, &[CLOUD_APP]).await;
    let api = cloud.home().await;
    api.post(&format!("{RELATIONSHIPS}/{}/requests", made.relationship), json!({ "action": "terminate" }))
        .await
        .is(201);
    assert_eq!(api.get(&format!("{RELATIONSHIPS}/{}", made.relationship)).await.body["status"], "terminated");
    assert_eq!(cloud.user_token(CONTOSO, GRAPH).await.is(400).aadsts(), 50_020);
    api.post(RELATIONSHIPS, relationship("NW-contoso-standard", &[CLOUD_APP])).await.is(409);
    api.post(&format!("{RELATIONSHIPS}/{}/requests", made.relationship), json!({ "action": "approve" })).await.is(400);
}
