//! Graph: what is filtered, searched, sorted, counted and paged.
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;

const EVENTUAL: (&str, &str) = ("ConsistencyLevel", "eventual");

/// Names of a list's first page.
async fn names(api: &Api<'_>, path: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let got = api.send(Method::GET, path, headers, None).await.is(200);
    let items = got.body["value"].as_array().unwrap().clone();
    items.iter().map(|i| i["displayName"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn app(api: &Api<'_>, name: &str, more: Value) -> String {
    let mut body = json!({ "displayName": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post("/v1.0/applications", body).await.is(201).text("/id")
}

async fn group(api: &Api<'_>, name: &str, description: Value) -> String {
    let body = json!({ "displayName": name, "description": description, "mailEnabled": false, "mailNickname": name.replace([' ', '.'], ""), "securityEnabled": true });
    api.post("/v1.0/groups", body).await.is(201).text("/id")
}

#[tokio::test]
async fn filters_hold_of_properties_collections_and_links() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let more = json!({ "tags": ["blue", "Red"], "notes": "n", "web": { "redirectUris": ["https://a.example/cb"] }, "requiredResourceAccess": [{ "resourceAppId": MANAGER, "resourceAccess": [] }] });
    let id = app(&api, "O'Neil", more).await;
    app(&api, "Plain", json!({})).await;
    for filter in [
        "displayName eq 'o''neil'",
        "DisplayName EQ 'O''Neil'",
        "displayName in ('x', 'O''Neil')",
        "startsWith(displayName, 'O''')",
        "startswith(displayName,'O''N') eq true",
        "tags/any(t:t eq 'red')",
        "tags/any(t: startswith(t, 'bl'))",
        "tags/any(t:t eq 'blue') and displayName eq 'O''Neil'",
        "(displayName eq 'O''Neil')",
        &format!("id eq '{id}'"),
        "displayName eq 'O''Neil' and createdDateTime ge 2020-01-01T00:00:00Z and createdDateTime ge 2020-01-01",
        "displayName ge 'O''' and displayName le 'O''Z'",
    ] {
        assert_eq!(names(&api, &format!("/v1.0/applications?$filter={filter}"), &[]).await, ["O'Neil"], "{filter}");
    }
    for filter in [
        "web/redirectUris/any(u:startswith(u,'https://a.example'))",
        &format!("requiredResourceAccess/any(r:r/resourceAppId eq '{MANAGER}')"),
        "notes eq 'n'",
        "notes ne null",
        "not(notes eq null) and NOT startsWith(displayName, 'Plain')",
        "owners/$count ne 0 and displayName ne 'Plain' and displayName in ('O''Neil','Plain')",
    ] {
        let path = format!("/v1.0/applications?$count=true&$filter={filter}");
        assert_eq!(names(&api, &path, &[EVENTUAL]).await, ["O'Neil"], "{filter}");
    }
    let unowned = names(&api, "/v1.0/applications?$count=true&$filter=owners/$count eq 0", &[EVENTUAL]).await;
    assert!(!unowned.is_empty() && !unowned.contains(&"Plain".to_owned()), "{unowned:?}");
}

#[tokio::test]
async fn filters_that_graph_refuses_are_refused() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let unsupported = "Unsupported or invalid query filter clause specified for property";
    let advanced = "the required parameters might be missing";
    for (filter, code, text) in [
        ("signInAudience gt 'a'", "Request_UnsupportedQuery", unsupported),
        ("notes eq 'x'", "Request_UnsupportedQuery", unsupported),
        ("contains(displayName,'x')", "Request_UnsupportedQuery", unsupported),
        ("samlMetadataUrl eq 'x'", "Request_UnsupportedQuery", unsupported),
        ("displayName ne 'x'", "Request_UnsupportedQuery", advanced),
        ("not(displayName eq 'x')", "Request_UnsupportedQuery", advanced),
        ("owners/$count eq 0", "Request_UnsupportedQuery", unsupported),
        ("tags/all(t:t eq 'x')", "Request_UnsupportedQuery", "Unsupported Query."),
        ("tolower(displayName) eq 'x'", "Request_UnsupportedQuery", "Unsupported Query."),
        ("displayName has 'x'", "Request_UnsupportedQuery", "Unsupported Query."),
        ("frobnicate(displayName)", "BadRequest", "An unknown function with name 'frobnicate'"),
        (
            "colour eq 'x'",
            "BadRequest",
            "Could not find a property named 'colour' on type 'microsoft.graph.application'.",
        ),
        ("displayName eq x", "BadRequest", "Could not find a property named 'x'"),
        ("displayName eq 5", "BadRequest", "'Edm.String' and 'Edm.Int32' for operator kind 'Equal'"),
        ("createdDateTime ge 'x'", "BadRequest", "'Edm.DateTimeOffset' and 'Edm.String'"),
        ("displayName eq 'x", "BadRequest", "unterminated string literal"),
        ("displayName eq 'x' frob", "BadRequest", "Syntax error"),
        ("displayName eq", "BadRequest", "Syntax error"),
        ("tags eq 'x'", "BadRequest", "incompatible types"),
        ("displayName/any(x:x eq 'y')", "BadRequest", "Any/All may only be used following a collection."),
    ] {
        let got = api.get(&format!("/v1.0/applications?$filter={filter}")).await.is(400);
        assert_eq!(got.code(), code, "{filter}: {}", got.text);
        assert!(got.message().contains(text), "{filter}: {}", got.text);
    }
    let ids = vec![format!("'{MANAGER}'"); 16].join(",");
    let many = api.get(&format!("/v1.0/applications?$filter=appId in ({ids})")).await.is(400);
    assert!(many.message().contains("Max allowed: 15"), "{}", many.text);
}

#[tokio::test]
async fn guids_are_compared_without_quotes_where_the_type_is_a_guid() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let principal = api.get(&format!("/v1.0/servicePrincipals(appId='{MANAGER}')")).await.is(200).text("/id");
    let path = format!("/v1.0/servicePrincipals/{principal}/appRoleAssignments");
    let resource = api.list(&path).await[0]["resourceId"].as_str().unwrap().to_owned();
    assert!(!api.list(&format!("{path}?$filter=resourceId eq {resource}")).await.is_empty());
    let quoted = api.get(&format!("{path}?$filter=resourceId eq '{resource}'")).await.is(400);
    assert!(quoted.message().contains("'Edm.Guid' and 'Edm.String'"), "{}", quoted.text);
    api.get(&format!("{path}?$filter=principalId eq {principal}")).await.is(400);
    let bare = api.get(&format!("/v1.0/users?$filter=id eq {principal}")).await.is(400);
    assert!(bare.message().contains("'Edm.String' and 'Edm.Guid'"), "{}", bare.text);
}

#[tokio::test]
async fn users_are_filtered_as_documented() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let svc = "Tenantry service account";
    for filter in ["userPrincipalName eq 'SVC-tenantry@northwind.example'", "startswith(userPrincipalName,'svc')"] {
        assert_eq!(names(&api, &format!("/v1.0/users?$filter={filter}"), &[]).await, [svc], "{filter}");
    }
    let licensed = api.get("/v1.0/users?$filter=assignedLicenses/any(x:x/skuId eq 5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10) or userType eq 'Guest'").await.is(400);
    assert_eq!(licensed.message(), "Complex query on property assignedLicenses is not supported.");
    api.get("/v1.0/users?$filter=identities/any(c:c/issuerAssignedId eq 'x' and c/issuer eq 'y')").await.is(200);
    let ends = "/v1.0/users?$filter=endsWith(userPrincipalName,'@northwind.example') and startswith(displayName,'Ten')";
    assert!(api.get(ends).await.is(400).message().starts_with("Operator 'endsWith' is not supported"));
    assert_eq!(names(&api, &format!("{ends}&$count=true"), &[EVENTUAL]).await, [svc]);
    let unlicensed =
        "/v1.0/users?$count=true&$filter=assignedLicenses/$count eq 0 and displayName eq 'Tenantry service account'";
    assert_eq!(names(&api, unlicensed, &[EVENTUAL]).await, [svc]);
    assert!(names(&api, &unlicensed.replace("eq 0", "ne 0"), &[EVENTUAL]).await.is_empty());
    let attribute = "/v1.0/users?$count=true&$filter=onPremisesExtensionAttributes/extensionAttribute1 eq 'x'";
    assert!(names(&api, attribute, &[EVENTUAL]).await.is_empty());
    api.get(attribute).await.is(400);
}

#[tokio::test]
async fn searches_find_words_and_need_the_index() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    group(&api, "One Video", json!("For films")).await;
    group(&api, "Drive.Team", json!("Storage")).await;
    let base = "/v1.0/groups?$search=";
    let missing = api.get(&format!("{base}\"displayName:video\"")).await.is(400);
    assert_eq!(missing.code(), "Request_UnsupportedQuery");
    assert!(missing.message().starts_with("Request with $search query parameter only works through MSGraph"));
    for (search, expected) in [
        ("\"displayName:vid\"", vec!["One Video"]),
        ("\"displayName:OneVideo\"", vec!["One Video"]),
        ("\"displayName:ideo\"", vec![]),
        ("\"displayName:driveteam\"", vec!["Drive.Team"]),
        ("\"description:films\" OR \"displayName:team drive\"", vec!["Drive.Team", "One Video"]),
        ("\"description:films\" AND (\"displayName:one\" OR \"displayName:drive\")", vec!["One Video"]),
        ("\"mailNickname:onev\"", vec!["One Video"]),
    ] {
        let path = format!("{base}{search}&$orderby=displayName");
        assert_eq!(names(&api, &path, &[EVENTUAL]).await, expected, "{search}");
    }
    let both = format!("{base}\"displayName:team\"&$filter=mailEnabled eq true");
    assert!(names(&api, &both, &[EVENTUAL]).await.is_empty());
    for bad in ["displayName:video", "\"video\"", "\"colour:x\"", "\"displayName:a\" OR", "(((((", "\"displayName:a"] {
        api.send(Method::GET, &format!("{base}{bad}"), &[EVENTUAL], None).await.is(400);
    }
    let policies = "/v1.0/roleManagement/directory/roleDefinitions?$search=\"displayName:x\"";
    assert!(
        api.send(Method::GET, policies, &[EVENTUAL], None).await.is(400).message().contains("'Search' is not allowed")
    );
}

#[tokio::test]
async fn lists_are_sorted_where_graph_sorts_them() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for name in ["b", "C", "a"] {
        group(&api, name, Value::Null).await;
    }
    let sorted = names(&api, "/v1.0/groups?$orderby=displayName", &[]).await;
    let mut expected = sorted.clone();
    expected.sort_by_key(|n| n.to_lowercase());
    assert_eq!(sorted, expected);
    let mut back = names(&api, "/v1.0/groups?$orderby=displayName desc", &[]).await;
    back.reverse();
    assert_eq!(back, sorted);
    for bad in ["mailNickname", "displayName sideways", "colour", "displayName asc desc", ","] {
        api.get(&format!("/v1.0/groups?$orderby={bad}")).await.is(400);
    }
    let filtered = "/v1.0/groups?$orderby=displayName&$filter=securityEnabled eq true";
    assert_eq!(api.get(filtered).await.is(400).message(), "Sorting not supported for current query.");
    assert!(names(&api, &format!("{filtered}&$count=true"), &[EVENTUAL]).await.contains(&"a".to_owned()));
    api.get("/v1.0/applications?$orderby=displayName").await.is(400);
    let several = "/v1.0/applications?$orderby=createdDateTime desc,displayName&$count=true";
    assert_eq!(names(&api, several, &[EVENTUAL]).await.len(), 3);
}

#[tokio::test]
async fn counts_need_the_index_and_stand_on_the_first_page() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let ignored = api.get("/v1.0/groups?$count=true").await.is(200);
    assert!(ignored.body.get("@odata.count").is_none());
    let refused = api.get("/v1.0/groups/$count").await.is(400);
    assert_eq!((refused.code(), refused.message()), ("Request_BadRequest", "$count is not currently supported."));
    let got = api
        .send(Method::GET, "/v1.0/groups/$count?$filter=displayName eq 'Service Team'", &[EVENTUAL], None)
        .await
        .is(200);
    assert_eq!((got.text.as_str(), got.header("content-type")), ("1", "text/plain"));
    api.get("/v1.0/groups/$count?ConsistencyLevel=eventual").await.is(200);
    api.get("/v1.0/groups?$count=yes").await.is(400);
    let first = api.send(Method::GET, "/v1.0/groups?$count=true&$top=1", &[EVENTUAL], None).await.is(200);
    assert_eq!(first.body["@odata.count"], 4);
    let second = api.send(Method::GET, &first.text("/@odata.nextLink"), &[EVENTUAL], None).await.is(200);
    assert!(second.body.get("@odata.count").is_none());
    assert_ne!(first.body["value"][0]["id"], second.body["value"][0]["id"]);
    let group = first.text("/value/0/id");
    assert_eq!(api.get(&format!("/v1.0/groups/{group}/$count")).await.is(400).code(), "BadRequest");
}

#[tokio::test]
async fn pages_go_on_where_they_ended_also_when_objects_go_away() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for n in 0..6 {
        group(&api, &format!("Page {n}"), Value::Null).await;
    }
    let path = "/v1.0/groups?$filter=startswith(displayName,'Page')&$select=id&$top=2";
    let mut next = Some(path.to_owned());
    let mut deleted = 0;
    while let Some(link) = next {
        let page = api.get(&link).await.is(200);
        for item in page.body["value"].as_array().unwrap() {
            api.delete(&format!("/v1.0/groups/{}", item["id"].as_str().unwrap())).await.is(204);
            deleted += 1;
        }
        next = page.body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(deleted, 6);
}

#[tokio::test]
async fn a_page_token_counts_only_as_it_was_given() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let link = api.get("/v1.0/groups?$top=1").await.is(200).text("/@odata.nextLink");
    api.get(&link).await.is(200);
    let (address, token) = link.split_once("$skiptoken=").unwrap();
    let mut altered = token.to_owned();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'B' } else { 'A' });
    let got = api.get(&format!("{address}$skiptoken={altered}")).await.is(400);
    assert_eq!(got.code(), "Directory_ExpiredPageToken");
    api.get(&format!("/v1.0/applications?$skiptoken={token}")).await.is(400);
    for bad in ["$top=0", "$top=1000", "$top=x", "$top=-1", "$skip=1", "$skiptoken=x"] {
        api.get(&format!("/v1.0/groups?{bad}")).await.is(400);
    }
    let skip = api.get("/v1.0/users?$skip=1").await.is(400);
    assert_eq!((skip.code(), skip.message()), ("Request_BadRequest", "'$skip' is not supported by the service."));
    let all = api.list("/v1.0/roleManagement/directory/roleDefinitions").await;
    assert_eq!(api.list("/v1.0/roleManagement/directory/roleDefinitions?$skip=2").await.len(), all.len() - 2);
}

#[tokio::test]
async fn options_have_one_name_and_stand_once() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for query in ["$TOP=1", "top=1", "$Top=1&$Select=id", "$format=json&$top=1"] {
        assert_eq!(api.list(&format!("/v1.0/groups?{query}")).await.len(), 1, "{query}");
    }
    for (query, text) in [
        ("$foo=1", "The query parameter '$foo' is not supported."),
        ("$top=1&top=2", "Query option '$top' was specified more than once, but it must be specified at most once."),
        ("foo=1", "Unrecognized query argument specified: 'foo'."),
    ] {
        assert_eq!(api.get(&format!("/v1.0/groups?{query}")).await.is(400).message(), text);
    }
    api.get("/v1.0/groups?$format=atom").await.is(415);
    let one = api.get(&format!("/v1.0/applications(appId='{MANAGER}')?$filter=id eq 'x'")).await.is(400);
    assert!(one.message().starts_with("The requested resource is not a collection."));
}

#[tokio::test]
async fn what_a_link_leads_to_is_queried_through_the_index_only() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let group =
        api.list("/v1.0/groups?$filter=displayName eq 'Service Team'").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1.0/groups/{group}/members");
    let filtered = format!("{path}?$filter=startswith(displayName,'Ten')&$count=true");
    let refused = api.get(&filtered).await.is(400);
    assert_eq!(refused.message(), "The specified filter to the reference property query is currently not supported.");
    assert_eq!(names(&api, &filtered, &[EVENTUAL]).await.len(), 1);
    let typed = format!("{path}/microsoft.graph.user?$count=true&$search=\"displayName:account\"&$orderby=displayName");
    assert_eq!(names(&api, &typed, &[EVENTUAL]).await.len(), 1);
    let count = format!("{path}/$count");
    assert_eq!(api.send(Method::GET, &count, &[EVENTUAL], None).await.is(200).text, "1");
}
