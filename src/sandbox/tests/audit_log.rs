//! The two logs: what really happened is there, the newest first.
use serde_json::{Value, json};

use super::policy_support::*;
use super::support::*;

const AUDITS: &str = "/v1.0/auditLogs/directoryAudits";

async fn newest(api: &Api<'_>) -> Value {
    api.list(AUDITS).await[0].clone()
}

#[tokio::test]
async fn writes_are_logged_under_microsofts_names() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    assert_eq!(api.list(AUDITS).await.len(), 0);
    let app = api.post("/v1.0/applications", json!({ "displayName": "Ledger" })).await.is(201);
    let entry = newest(&api).await;
    assert_eq!(entry["activityDisplayName"], "Add application");
    assert_eq!(
        (&entry["category"], &entry["loggedByService"], &entry["operationType"], &entry["result"]),
        (&json!("ApplicationManagement"), &json!("Core Directory"), &json!("Add"), &json!("success"))
    );
    assert_eq!((&entry["initiatedBy"]["app"]["appId"], &entry["initiatedBy"]["user"]), (&json!(MANAGER), &Value::Null));
    let target = &entry["targetResources"][0];
    assert_eq!(
        (&target["id"], &target["displayName"], &target["type"]),
        (&json!(app.text("/id")), &json!("Ledger"), &json!("Application"))
    );
    assert!(api.get(&format!("{AUDITS}/{}", entry["id"].as_str().unwrap())).await.is(200).body["id"] == entry["id"]);
    let path = format!("/v1.0/applications/{}", app.text("/id"));
    api.patch(&path, json!({ "displayName": "Ledger 2" })).await.is(204);
    let entry = newest(&api).await;
    let changes = entry["targetResources"][0]["modifiedProperties"].as_array().unwrap().clone();
    let name = changes.iter().find(|c| c["displayName"] == "DisplayName").unwrap();
    assert_eq!((&name["oldValue"], &name["newValue"]), (&json!("[\"Ledger\"]"), &json!("[\"Ledger 2\"]")));
    assert!(
        changes.iter().any(|c| c["displayName"] == "Included Updated Properties" && c["newValue"] == "\"DisplayName\"")
    );
    api.post(POLICIES, policy("MFA")).await.is(201);
    let entry = newest(&api).await;
    assert_eq!(
        (&entry["activityDisplayName"], &entry["loggedByService"]),
        (&json!("Add conditional access policy"), &json!("Conditional Access"))
    );
    api.delete(&path).await.is(204);
    assert_eq!(newest(&api).await["activityDisplayName"], "Delete application");
}

#[tokio::test]
async fn what_was_refused_or_only_read_is_not_logged() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    api.post("/v1.0/applications", json!({ "displayName": 1 })).await.is(400);
    api.delete(&format!("/v1.0/applications/{CONTOSO}")).await.is(404);
    api.list("/v1.0/applications").await;
    assert_eq!(api.list(AUDITS).await.len(), 0);
}

#[tokio::test]
async fn members_and_grants_name_both_ends() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let group =
        api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await[0]["id"].as_str().unwrap().to_owned();
    let principal = api.get(&format!("/v1.0/servicePrincipals(appId='{READER}')")).await.text("/id");
    let graph = api.get("/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')").await.text("/id");
    let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{principal}") });
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), reference).await.is(204);
    let entry = newest(&api).await;
    assert_eq!(entry["activityDisplayName"], "Add member to group");
    let ids: Vec<&Value> = entry["targetResources"].as_array().unwrap().iter().map(|t| &t["id"]).collect();
    assert_eq!(ids, [&json!(principal), &json!(group)]);
    let grant =
        json!({ "principalId": principal, "resourceId": graph, "appRoleId": "df021288-bdef-4463-88db-98f22de89214" });
    let made = api.post(&format!("/v1.0/servicePrincipals/{graph}/appRoleAssignedTo"), grant).await.is(201).text("/id");
    let entry = newest(&api).await;
    assert_eq!(
        (&entry["activityDisplayName"], &entry["operationType"]),
        (&json!("Add app role assignment to service principal"), &json!("Assign"))
    );
    let value = json!({ "displayName": "AppRole.Value", "oldValue": "[]", "newValue": "[\"User.Read.All\"]" });
    assert!(entry["targetResources"][0]["modifiedProperties"].as_array().unwrap().contains(&value), "{entry}");
    assert_eq!(entry["targetResources"][1]["id"], principal.as_str());
    api.delete(&format!("/v1.0/servicePrincipals/{graph}/appRoleAssignedTo/{made}")).await.is(204);
    let entry = newest(&api).await;
    assert_eq!(entry["activityDisplayName"], "Remove app role assignment from service principal");
    assert_eq!(entry["targetResources"][1]["id"], principal.as_str());
}

#[tokio::test]
async fn secrets_never_reach_the_log() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    let path = format!("/v1.0/applications(appId='{MANAGER}')/addPassword");
    let secret =
        api.post(&path, json!({ "passwordCredential": { "displayName": "n" } })).await.is(200).text("/secretText");
    let log = api.get(AUDITS).await.is(200).text;
    assert!(log.contains("Certificates and secrets management") && !log.contains(&secret));
}

#[tokio::test]
async fn people_are_named_where_people_act() {
    let cloud = cloud().await;
    let (made, api) = inside(&cloud).await;
    let wish = json!({ "kind": "terminate-relationship", "relationship": made.relationship });
    let seen = api.list(AUDITS).await;
    let consent = &seen[0];
    assert_eq!(
        (&consent["activityDisplayName"], &consent["initiatedBy"]["user"]["userPrincipalName"]),
        (&json!("Consent to application"), &json!("svc-tenantry@northwind.example"))
    );
    assert!(consent["targetResources"][0]["modifiedProperties"].to_string().contains("AuditLog.Read.All"));
    let approved = seen.iter().find(|e| e["activityDisplayName"] == "Approve delegated admin relationship").unwrap();
    assert_eq!(approved["initiatedBy"]["user"]["userPrincipalName"], "admin@contoso.com");
    cloud.control().drift(&wish).unwrap();
    let state = std::fs::read_to_string(cloud.state_file()).unwrap();
    assert!(state.contains("\"activity\":\"terminate\""));
}

fn sign_in(id: &str, user: &str, interactive: bool) -> Value {
    json!({
        "id": id, "createdDateTime": "2026-11-28T00:00:00Z", "appId": MANAGER, "appDisplayName": "Tenantry Manager", "userId": user,
        "isInteractive": interactive, "status": { "errorCode": 0 }, "conditionalAccessStatus": "notApplied",
    })
}

#[tokio::test]
async fn people_who_signed_in_are_shown_the_newest_first() {
    let cloud = cloud().await;
    {
        let mut inner = crate::sandbox::server::locked(&cloud.sandbox.cloud);
        let partner = inner.state.tenants.get_mut(PARTNER).unwrap();
        partner.sign_ins.clear();
        for (id, user, interactive) in
            [("a", CONTOSO, true), ("b", "", false), ("c", CONTOSO, false), ("d", CONTOSO, true)]
        {
            partner.sign_ins.push_back(crate::sandbox::kept::Kept::new(sign_in(id, user, interactive)));
        }
    }
    let api = cloud.api(cloud.app_token(MANAGER, PARTNER, GRAPH).await);
    let ids = |list: Vec<Value>| list.iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let seen = api.list("/v1.0/auditLogs/signIns").await;
    assert_eq!(seen[0]["deviceDetail"], Value::Null);
    assert_eq!(ids(seen), ["d", "a"]);
    assert_eq!(
        ids(api.list("/v1.0/auditLogs/signIns?$filter=appId eq '0d9b6b0e-7c3e-4a38-8a55-6c0f7ac1e2b4'&$top=1").await),
        ["d"]
    );
    assert_eq!(api.get("/v1.0/auditLogs/signIns/c").await.is(200).body["isInteractive"], false);
    assert_eq!(api.list("/beta/auditLogs/signIns").await[0]["signInEventTypes"], json!(["interactiveUser"]));
    let services = "/beta/auditLogs/signIns?$filter=signInEventTypes/any(t: t eq 'servicePrincipal')";
    assert!(ids(api.list(services).await).contains(&"b".to_owned()));
    api.get("/v1.0/auditLogs/signIns/z").await.is(404);
}

#[tokio::test]
async fn a_log_is_bounded_and_paged() {
    let cloud = cloud().await;
    let api = cloud.home().await;
    for n in 0..12 {
        api.post("/v1.0/applications", json!({ "displayName": format!("App {n}") })).await.is(201);
    }
    let page = api.get(&format!("{AUDITS}?$top=5")).await.is(200).body;
    assert_eq!(
        (page["value"].as_array().unwrap().len(), page["value"][0]["targetResources"][0]["displayName"].clone()),
        (5, json!("App 11"))
    );
    assert_eq!(
        api.list(page["@odata.nextLink"].as_str().unwrap()).await[0]["targetResources"][0]["displayName"],
        "App 6"
    );
    api.get(&format!("{AUDITS}?$top=1001")).await.is(400);
    let named = api
        .list(&format!(
            "{AUDITS}?$filter=activityDisplayName eq 'Add application' and category eq 'ApplicationManagement'"
        ))
        .await;
    assert_eq!(named.len(), 12);
    let by =
        format!("{AUDITS}?$filter=initiatedBy/app/appId eq '{MANAGER}' and activityDateTime ge 2020-01-01T00:00:00Z");
    assert_eq!(api.list(&by).await.len(), 12);
    let id = page["value"][0]["targetResources"][0]["id"].as_str().unwrap();
    let about = api.list(&format!("{AUDITS}?$filter=targetResources/any(t: t/id eq '{id}')")).await;
    assert_eq!((about.len(), &about[0]["id"]), (1, &page["value"][0]["id"]));
}

#[test]
fn the_activities_of_served_routes_have_names_of_their_own() {
    let known = crate::sandbox::facts::activities();
    let served = crate::sandbox::graph::routes::all().iter().filter(|r| r.write);
    let unnamed: Vec<String> = served
        .filter(|r| ["/applications", "/groups", "/identity/conditionalAccess/policies"].contains(&r.pattern.as_ref()))
        .map(|r| format!("{} {}", r.method, r.rule_path()))
        .filter(|key| !known.contains_key(key))
        .collect();
    assert_eq!(unnamed, Vec::<String>::new());
}
