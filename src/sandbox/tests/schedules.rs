//! Graph: role assignments and eligibility with a beginning and an end.
use serde_json::{Value, json};

use super::callers::*;
use super::support::*;

const BASE: &str = "/v1.0/roleManagement/directory";

fn request(action: &str, principal: &str, schedule: Value) -> Value {
    json!({
        "action": action, "principalId": principal, "roleDefinitionId": HELPDESK, "directoryScopeId": "/",
        "justification": "needed", "scheduleInfo": schedule,
    })
}

fn for_hours(n: i64) -> Value {
    json!({ "expiration": { "type": "afterDuration", "duration": format!("PT{n}H") } })
}

async fn person(api: &Api<'_>) -> String {
    api.post("/v1.0/users", new_user("person")).await.is(201).text("/id")
}

async fn held(cloud: &Cloud, who: &str) -> usize {
    app(cloud, PARTNER, ALL).list(&format!("{BASE}/roleAssignments?$filter=principalId eq '{who}'")).await.len()
}

#[tokio::test]
async fn a_role_that_was_given_for_a_while_ends_by_itself() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = person(&api).await;
    let path = format!("{BASE}/roleAssignmentScheduleRequests");
    let made = api.post(&path, request("adminAssign", &me, for_hours(2))).await.is(201);
    assert_eq!(made.body["status"], "Provisioned");
    assert_eq!(api.post(&path, request("adminAssign", &me, for_hours(2))).await.is(400).code(), "RoleAssignmentExists");
    let instances = api.list(&format!("{BASE}/roleAssignmentScheduleInstances?$filter=principalId eq '{me}'")).await;
    assert_eq!((&instances[0]["assignmentType"], instances[0]["endDateTime"].is_string()), (&json!("Assigned"), true));
    let schedules = api.list(&format!("{BASE}/roleAssignmentSchedules?$filter=principalId eq '{me}'")).await;
    assert_eq!(
        (&schedules[0]["id"], &schedules[0]["createdUsing"]),
        (&instances[0]["roleAssignmentScheduleId"], &made.body["id"])
    );
    assert_eq!(held(&cloud, &me).await, 1);
    cloud.control().advance(2 * 3600 + 1).unwrap();
    assert_eq!(held(&cloud, &me).await, 0);
    let api = app(&cloud, PARTNER, ALL);
    assert!(api.list(&format!("{BASE}/roleAssignmentSchedules?$filter=principalId eq '{me}'")).await.is_empty());
}

#[tokio::test]
async fn a_role_that_is_given_for_later_begins_later_or_is_cancelled_before() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = person(&api).await;
    let start = cloud.control().clock() + jiff::SignedDuration::from_hours(24);
    let later = json!({ "startDateTime": start, "expiration": { "type": "noExpiration" } });
    let path = format!("{BASE}/roleAssignmentScheduleRequests");
    let first = api.post(&path, request("adminAssign", &me, later.clone())).await.is(201);
    assert_eq!(first.body["status"], "Granted");
    api.post(&format!("{path}/{}/cancel", first.text("/id")), json!({})).await.is(204);
    api.post(&format!("{path}/{}/cancel", first.text("/id")), json!({})).await.is(400);
    let second = api.post(&path, request("adminAssign", &me, later)).await.is(201).text("/id");
    assert_eq!(held(&cloud, &me).await, 0);
    cloud.control().advance(24 * 3600 + 1).unwrap();
    assert_eq!(held(&cloud, &me).await, 1);
    let api = app(&cloud, PARTNER, ALL);
    assert_eq!(api.get(&format!("{path}/{second}")).await.is(200).body["status"], "Provisioned");
    let gone = api.post(&path, request("adminRemove", &me, Value::Null)).await.is(201);
    assert_eq!((&gone.body["status"], held(&cloud, &me).await), (&json!("Revoked"), 0));
    assert_eq!(
        api.post(&path, request("adminRemove", &me, Value::Null)).await.is(400).code(),
        "RoleAssignmentDoesNotExist"
    );
}

#[tokio::test]
async fn who_is_eligible_takes_the_role_for_some_hours() {
    let cloud = Cloud::new().await;
    let api = app(&cloud, PARTNER, ALL);
    let me = person(&api).await;
    let own = user(&cloud, PARTNER, &me, &["RoleManagement.ReadWrite.Directory"], &[]);
    let active = format!("{BASE}/roleAssignmentScheduleRequests");
    assert_eq!(
        own.post(&active, request("selfActivate", &me, for_hours(1))).await.is(400).code(),
        "RoleAssignmentDoesNotExist"
    );
    own.post(&active, request("adminAssign", &me, for_hours(1))).await.is(403);
    let eligible = format!("{BASE}/roleEligibilityScheduleRequests");
    api.post(&eligible, request("adminAssign", &me, json!({ "expiration": { "type": "noExpiration" } }))).await.is(201);
    assert_eq!(held(&cloud, &me).await, 0);
    let mine = own.list(&format!("{BASE}/roleEligibilityScheduleInstances/filterByCurrentUser(on='principal')")).await;
    assert_eq!(mine.len(), 1);
    let long = own.post(&active, request("selfActivate", &me, for_hours(9))).await.is(400);
    assert_eq!(long.code(), "RoleAssignmentRequestPolicyValidationFailed");
    own.post(&active, request("selfActivate", &me, for_hours(1))).await.is(201);
    let instances = api.list(&format!("{BASE}/roleAssignmentScheduleInstances?$filter=principalId eq '{me}'")).await;
    assert_eq!(instances[0]["assignmentType"], "Activated");
    own.post(&active, request("selfDeactivate", &me, Value::Null)).await.is(201);
    assert_eq!(held(&cloud, &me).await, 0);
    api.post(&eligible, request("adminRemove", &me, Value::Null)).await.is(201);
    assert!(api.list(&format!("{BASE}/roleEligibilitySchedules")).await.is_empty());
}
