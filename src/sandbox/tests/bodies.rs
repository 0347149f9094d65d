//! Graph: what is shown of objects, and what bodies may say.
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::support::*;
use crate::sandbox::facts::{self, queries};
use crate::sandbox::graph::shape;

const EVENTUAL: (&str, &str) = ("ConsistencyLevel", "eventual");

async fn group(api: &Api<'_>, name: &str) -> String {
    let body = json!({ "displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true });
    api.post("/v1.0/groups", body).await.is(201).text("/id")
}

async fn user(api: &Api<'_>) -> String {
    api.get("/v1.0/users/svc-tenantry@northwind.example").await.is(200).text("/id")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn objects_show_what_graph_shows_unasked() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let table = queries::of("user").unwrap();
    let all = api.list("/v1.0/users").await;
    let mut shown: Vec<String> = keys(&all[0]).into_iter().map(str::to_owned).collect();
    shown.sort();
    assert_eq!(shown, table.shown);
    let selected = api.list("/v1.0/users?$select=id,accountEnabled,EmployeeHireDate,createdDateTime").await;
    let mut own = keys(&selected[0]);
    own.sort_unstable();
    assert_eq!(own, ["accountEnabled", "createdDateTime", "employeeHireDate", "id"]);
    let group = api.list("/v1.0/groups").await[0].clone();
    assert!(group.get("displayName").is_some() && group.get("unseenCount").is_none());
    let id = group["id"].as_str().unwrap();
    let asked = api.get(&format!("/v1.0/groups/{id}?$select=unseenCount,allowExternalSenders")).await.is(200);
    assert_eq!(asked.body["unseenCount"], Value::Null);
    assert_eq!(keys(&asked.body).len(), 3);
}

#[tokio::test]
async fn contexts_say_what_is_shown() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (user, group) = (user(&api).await, group(&api, "g").await);
    let base = format!("{}/v1.0/$metadata", cloud.sandbox.url());
    for (path, context) in [
        ("/v1.0/users", "#users".to_owned()),
        ("/v1.0/users?$select=id,displayName", "#users(id,displayName)".to_owned()),
        (&format!("/v1.0/users/{user}"), "#users/$entity".to_owned()),
        (&format!("/v1.0/users/{user}?$select=id"), "#users(id)/$entity".to_owned()),
        (
            &format!("/v1.0/groups/{group}?$select=id&$expand=members($select=id)"),
            "#groups(id,members(id))/$entity".to_owned(),
        ),
        (&format!("/v1.0/groups/{group}/members"), "#directoryObjects".to_owned()),
        (&format!("/v1.0/groups/{group}/members/microsoft.graph.user"), "#users".to_owned()),
        (&format!("/v1.0/groups/{group}/members/$ref"), "#Collection($ref)".to_owned()),
    ] {
        assert_eq!(api.get(path).await.is(200).text("/@odata.context"), format!("{base}{context}"), "{path}");
    }
}

#[tokio::test]
async fn members_show_their_own_type_and_what_that_shows() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let (user, group) = (user(&api).await, group(&api, "g").await);
    let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{user}") });
    api.post(&format!("/v1.0/groups/{group}/members/$ref"), reference).await.is(204);
    let members = format!("/v1.0/groups/{group}/members");
    let member = api.list(&members).await[0].clone();
    assert_eq!(member["@odata.type"], "#microsoft.graph.user");
    assert_eq!(keys(&member).len(), 12);
    let cast = api.list(&format!("{members}/microsoft.graph.user")).await[0].clone();
    assert!(cast.get("@odata.type").is_none() && cast["id"] == user.as_str());
    let at = api.list(&format!("{members}/$ref")).await[0]["@odata.id"].as_str().unwrap().to_owned();
    assert!(at.ends_with(&format!("/directoryObjects/{user}/Microsoft.DirectoryServices.User")), "{at}");
    // What the directory refers by, it understands.
    let again = api.post(&format!("{members}/$ref"), json!({ "@odata.id": at })).await.is(400);
    assert!(again.message().contains("already exist"));
}

#[tokio::test]
async fn links_are_expanded_one_at_a_time_and_twenty_deep() {
    let cloud = Cloud::with(|w| w.customers.clear()).await;
    let api = cloud.home().await;
    let group_id = group(&api, "g").await;
    for n in 0..21 {
        let member = group(&api, &format!("m{n}")).await;
        let reference = json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/groups/{member}") });
        api.post(&format!("/v1.0/groups/{group_id}/members/$ref"), reference).await.is(204);
    }
    let path = format!("/v1.0/groups/{group_id}");
    let got = api.get(&format!("{path}?$expand=members($select=id,displayName)&$select=id")).await.is(200);
    let members = got.body["members"].as_array().unwrap();
    assert_eq!(members.len(), 20);
    let mut own = keys(&members[0]);
    own.sort_unstable();
    assert_eq!(own, ["@odata.type", "displayName", "id"]);
    let listed = api.list("/v1.0/groups?$filter=displayName eq 'g'&$expand=members").await;
    assert_eq!(listed[0]["members"].as_array().unwrap().len(), 20);
    for (query, text) in [
        ("members,owners", "The result of parsing $expand contained at least 2 items, but the maximum allowed is 1."),
        ("colour", "Could not find a property named 'colour' on type 'microsoft.graph.group'."),
        ("displayName", "Only navigation properties can be expanded."),
        ("photo", "Expand is not allowed for property 'photo'"),
        ("*", "is not valid in a $select or $expand expression."),
        ("members($top=1)", "The option '$top' is not supported inside $expand."),
        ("members($select=colour)", "Could not find a property named 'colour'"),
        ("members($levels=max)", "$levels is not supported on 'members'."),
        ("members(", "is not valid in a $select or $expand expression."),
    ] {
        let got = api.get(&format!("{path}?$expand={query}")).await.is(400);
        assert!(got.message().contains(text), "{query}: {}", got.text);
    }
}

#[tokio::test]
async fn an_assignment_expands_its_principal_and_role() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let principal = api.get(&format!("/v1.0/servicePrincipals(appId='{READER}')")).await.is(200).text("/id");
    let path = "/v1.0/roleManagement/directory/roleAssignments";
    let body = json!({ "roleDefinitionId": EXCHANGE_ADMIN, "principalId": principal, "directoryScopeId": "/" });
    let id = api.post(path, body).await.is(201).text("/id");
    let one = api.get(&format!("{path}/{id}?$expand=principal($select=id,displayName),roleDefinition")).await.is(200);
    assert_eq!(
        one.body["principal"],
        json!({ "@odata.type": "#microsoft.graph.servicePrincipal", "id": principal, "displayName": "Reader" })
    );
    assert_eq!(one.body["roleDefinition"]["displayName"], "Exchange Administrator");
    assert!(one.body["roleDefinition"].get("@odata.type").is_none());
    let listed =
        api.list(&format!("{path}?$filter=principalId eq '{principal}'&$expand=directoryScope&$select=id")).await;
    assert_eq!(listed[0], json!({ "id": id }));
}

#[tokio::test]
async fn answers_say_as_much_about_themselves_as_they_are_asked_to() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let path = format!("/v1.0/users/{}", user(&api).await);
    let with = |accept: &'static str| [("Accept", accept)];
    let full = api.send(Method::GET, &path, &with("application/json;odata.metadata=full"), None).await.is(200);
    assert_eq!(full.body["@odata.type"], "#microsoft.graph.user");
    assert!(full.text("/@odata.id").ends_with("/Microsoft.DirectoryServices.User"));
    assert_eq!(full.body["businessPhones@odata.type"], "#Collection(String)");
    assert!(full.header("content-type").starts_with("application/json;odata.metadata=full;"));
    let minimal = api.get(&path).await.is(200);
    assert!(minimal.body.get("@odata.type").is_none() && minimal.body.get("@odata.id").is_none());
    assert!(minimal.header("content-type").contains("odata.metadata=minimal"));
    let none = api.send(Method::GET, &path, &with("application/json;odata.metadata=none"), None).await.is(200);
    assert!(!keys(&none.body).iter().any(|k| k.contains("@odata.")));
    let link = api.send(Method::GET, "/v1.0/groups?$top=1", &with("application/json; odata.metadata=none"), None).await;
    assert!(link.body.get("@odata.nextLink").is_some() && link.body.get("@odata.context").is_none());
    assert_eq!(link.headers.get_all("content-type").iter().count(), 1);
}

#[tokio::test]
async fn a_write_answers_with_the_object_or_without_as_its_caller_prefers() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let whole = [("Prefer", "return=representation")];
    let path = format!("/v1.0/groups/{}", group(&api, "g").await);
    let got = api.send(Method::PATCH, &path, &whole, Some(json!({ "description": "d" }))).await.is(200);
    assert_eq!(
        (got.body["description"].as_str(), got.header("preference-applied")),
        (Some("d"), "return=representation")
    );
    api.patch(&path, json!({ "description": "e" })).await.is(204);
    let body = json!({ "displayName": "App" });
    let got = api.send(Method::POST, "/v1.0/applications", &[("Prefer", "return=minimal")], Some(body)).await.is(204);
    assert!(got.text.is_empty() && got.header("location").contains("/directoryObjects/"));
}

#[tokio::test]
async fn bodies_are_json_and_addresses_text() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let send = |kind: Option<&'static str>, body: String| {
        let mut r =
            cloud.http.post(format!("{}/v1.0/applications", cloud.sandbox.url())).bearer_auth(&api.token).body(body);
        if let Some(kind) = kind {
            r = r.header("content-type", kind);
        }
        async move { r.send().await.unwrap().status().as_u16() }
    };
    let good = "{\"displayName\":\"x\"}".to_owned();
    assert_eq!(send(Some("application/json; charset=utf-8"), good.clone()).await, 201);
    assert_eq!(send(Some("text/plain"), good.clone()).await, 415);
    assert_eq!(send(None, good).await, 400);
    assert_eq!(send(Some("application/json"), "[".repeat(100_000)).await, 400);
    assert_eq!(send(Some("application/json"), String::new()).await, 400);
    for path in ["/v1.0/groups/%zz", "/v1.0/groups/%ff", "/v1.0/groups?$filter=%ff"] {
        let got = api.get(path).await.is(400);
        assert_eq!(got.code(), "BadRequest", "{path}");
    }
    api.send(Method::HEAD, "/v1.0/groups", &[], None).await.is(405);
    api.get("/v1.0/me/photo/$value").await.is(400);
}

#[tokio::test]
async fn extensions_must_be_declared() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let path = format!("/v1.0/groups/{}", group(&api, "g").await);
    let name = "extension_0d9b6b0e7c3e4a388a556c0f7ac1e2b4_team";
    let got = api.patch(&path, json!({ name: "x" })).await.is(400);
    assert_eq!(got.message(), format!("The following extension properties are not available: {name}."));
    api.patch(&path, json!({ "extension_team": "x" })).await.is(400);
    api.get(&format!("{path}?$select=id,{name}")).await.is(200);
}

/// A value of an EDM type, and one that is none.
fn samples(kind: &str) -> (Value, Value) {
    let (kind, many) = crate::sandbox::graph::query::names::inner(kind);
    let wrong = json!({ "not": ["a", "value"] });
    let good = match kind {
        "String" => json!("x"),
        "Boolean" => json!(true),
        "Int16" | "Int32" | "Int64" => json!(1),
        "Double" => json!(1.5),
        "Guid" => json!(CONTOSO),
        "DateTimeOffset" => json!("2024-01-01T00:00:00Z"),
        "Date" => json!("2024-01-01"),
        "TimeOfDay" => json!("10:00:00"),
        "Duration" => json!("P1D"),
        "Binary" => json!("AAAA"),
        _ => match facts::types().enums.get(kind) {
            Some(members) => json!(members[0]),
            None => json!({}),
        },
    };
    let is_complex = facts::of_type(kind).is_some();
    let wrong = if is_complex { json!("x") } else { wrong };
    if many { (json!([good]), json!([wrong])) } else { (good, wrong) }
}

#[test]
fn every_type_takes_its_properties_and_nothing_else() {
    for (of, table) in &facts::types().types {
        let takes = |name: &str, value: &Value| shape::check(of, &json!({ name: value })).is_ok();
        if !table.open || table.entity {
            assert!(!takes("noSuchProperty", &json!("x")), "{of} takes anything");
        }
        for (name, kind) in &table.properties {
            let (inner, _) = crate::sandbox::graph::query::names::inner(kind);
            let (good, wrong) = samples(kind);
            let settable = inner != "Stream" && facts::of_type(inner).is_none_or(|t| !t.is_abstract);
            assert_eq!(takes(name, &good), settable, "{of}/{name} and {good}");
            assert!(!takes(name, &wrong), "{of}/{name} takes {wrong}");
            assert_eq!(takes(name, &Value::Null), !kind.ends_with('!'), "{of}/{name} and null");
        }
    }
}

/// Whether a value is one of a declared kind, as answers show it.
fn agrees(kind: &str, value: &Value) -> bool {
    let required = kind.ends_with('!');
    let (inner, many) = crate::sandbox::graph::query::names::inner(kind);
    match value {
        Value::Null => !required,
        Value::Array(items) => many && items.iter().all(|i| agrees(inner, i)),
        _ if many => false,
        Value::Object(map) => facts::of_type(inner).is_some_and(|t| fits(t, map)),
        value => samples(inner).0.as_str().is_some() == value.is_string() && facts::of_type(inner).is_none(),
    }
}

fn fits(table: &facts::Type, map: &Map<String, Value>) -> bool {
    let shown = table.properties.iter().filter(|(_, kind)| !kind.starts_with("Stream"));
    shown.clone().all(|(name, kind)| map.get(name).is_some_and(|v| agrees(kind, v))) && map.len() == shown.count()
}

#[test]
fn every_type_is_complete_out_of_nothing() {
    for (of, table) in &facts::types().types {
        let Value::Object(whole) = shape::complete(of, Map::new()) else { panic!("{of}") };
        assert!(fits(table, &whole), "{of}: {whole:?}");
    }
}

#[test]
fn a_value_may_be_of_a_descendant_and_must_not_be_of_a_stranger() {
    let tenants = |value: Value| {
        let body =
            json!({ "conditions": { "users": { "includeGuestsOrExternalUsers": { "externalTenants": value } } } });
        shape::check("conditionalAccessPolicy", &body)
    };
    let good =
        json!({ "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "members": ["x"] });
    let kept = tenants(good.clone()).unwrap();
    let at = "/conditions/users/includeGuestsOrExternalUsers/externalTenants";
    assert_eq!(Value::Object(kept.clone()).pointer(at), Some(&good));
    let shown = shape::complete("conditionalAccessPolicy", kept);
    assert_eq!(shown.pointer(&format!("{at}/members")), Some(&json!(["x"])));
    assert_eq!(shown.pointer(&format!("{at}/@odata.type")), Some(&good["@odata.type"]));
    for bad in [
        json!({ "members": ["x"] }),
        json!({ "@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants", "colour": 1 }),
        json!({ "@odata.type": "#microsoft.graph.user" }),
        json!({ "@odata.type": "#microsoft.graph.noSuchType" }),
        json!({ "@odata.type": 5 }),
    ] {
        assert!(tenants(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn flags_are_several_members_and_enums_one() {
    let of = |kind: &str, value: &str| {
        shape::check("conditionalAccessGuestsOrExternalUsers", &json!({ kind: value })).is_ok()
    };
    assert!(of("guestOrExternalUserTypes", "internalGuest,serviceProvider"));
    assert!(!of("guestOrExternalUserTypes", "internalGuest,nobody"));
    let state = |value: &str| shape::check("conditionalAccessPolicy", &json!({ "state": value })).is_ok();
    assert!(state("enabled") && !state("enabled,disabled") && !state("Enabled"));
}

#[test]
fn what_was_written_is_not_repeated_in_a_refusal() {
    let body = json!({ "passwordProfile": { "forceChangePasswordNextSignIn": "cnry-secret" } });
    let failure = shape::check("user", &body).unwrap_err();
    assert!(!failure.message.contains("cnry"), "{}", failure.message);
}

#[test]
fn the_table_of_queries_names_what_the_types_have() {
    for (of, table) in queries::all() {
        let own = facts::of_type(of).unwrap();
        let known = |n: &String| own.properties.contains_key(n) || own.links.contains_key(n);
        for path in table.paths() {
            assert!(known(&path.split('/').next().unwrap().to_owned()), "{of}/{path}");
        }
        assert!(table.shown.iter().chain(&table.selected).all(known), "{of}");
    }
}

#[tokio::test]
async fn a_chain_of_managers_needs_the_index() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let path = format!("/v1.0/users/{}?$expand=manager($levels=max;$select=id)", user(&api).await);
    api.get(&path).await.is(400);
    let got = api.send(Method::GET, &format!("{path}&$count=true"), &[EVENTUAL], None).await.is(200);
    assert!(got.body.get("manager").is_none());
}
