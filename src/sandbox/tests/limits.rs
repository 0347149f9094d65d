//! Quotas: resource units, writes, objects, and services that count calls a second.
use reqwest::Method;
use serde_json::json;

use super::policy_support::{LOCATIONS, POLICIES, widen};
use super::support::*;

#[tokio::test]
async fn every_answer_of_graph_says_what_it_cost() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let cost = async |path: &str| api.get(path).await.is(200).header("x-ms-resource-unit").to_owned();
    assert_eq!(cost("/v1.0/applications").await, "2");
    assert_eq!(cost("/v1.0/applications?$select=id").await, "1");
    assert_eq!(cost("/v1.0/users?$top=5").await, "1");
    assert_eq!(cost("/v1.0/organization").await, "1");
    let missing = api.get(&format!("/v1.0/applications/{CONTOSO}")).await.is(404);
    assert_eq!(missing.header("x-ms-resource-unit"), "1");
}

#[tokio::test]
async fn a_full_bucket_answers_429_and_asking_on_makes_it_longer() {
    // One of a hundred of a small tenant's 3,500 units in ten seconds.
    let cloud = Cloud::still(json!({ "limits": 1 })).await;
    let api = cloud.home().await;
    let mut percent = String::new();
    for _ in 0..17 {
        let got = api.get("/v1.0/applications").await.is(200);
        percent = got.header("x-ms-throttle-limit-percentage").to_owned();
    }
    assert_eq!(percent, "0.97");
    let over = api.get("/v1.0/applications").await.is(429);
    assert_eq!((over.code(), over.header("retry-after")), ("TooManyRequests", "1"));
    assert_eq!(over.header("x-ms-throttle-information"), "ResourceUnitLimitExceeded");
    let scope = format!("Tenant_Application/ReadWrite/{MANAGER}/{PARTNER}");
    assert_eq!(over.header("x-ms-throttle-scope"), scope);
    for _ in 0..20 {
        api.get("/v1.0/applications").await.is(429);
    }
    let longer = api.get("/v1.0/applications").await.is(429).header("retry-after").parse::<i64>().unwrap();
    assert!(longer >= 8, "{longer}");
    cloud.control().advance(longer - 2).unwrap();
    let wait = api.get("/v1.0/applications").await.is(429).header("retry-after").parse::<i64>().unwrap();
    cloud.control().advance(wait).unwrap();
    let fine = api.get("/v1.0/applications").await.is(200);
    assert!(fine.header("x-ms-throttle-limit-percentage").parse::<f64>().unwrap() >= 0.8);
    cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await).get("/v1.0/applications").await.is(200);
}

#[tokio::test]
async fn writes_have_a_limit_of_their_own() {
    let cloud = Cloud::still(json!({ "limits": 1 })).await;
    let api = cloud.home().await;
    for n in 0..30 {
        api.post("/v1.0/applications", json!({ "displayName": format!("app {n}") })).await.is(201);
    }
    let over = api.post("/v1.0/applications", json!({ "displayName": "one more" })).await.is(429);
    assert_eq!(over.header("x-ms-throttle-information"), "WriteLimitExceeded");
    api.get("/v1.0/organization").await.is(200);
}

#[tokio::test]
async fn items_of_a_batch_are_throttled_one_by_one() {
    let cloud = Cloud::still(json!({ "limits": 1 })).await;
    let api = cloud.home().await;
    for _ in 0..12 {
        api.get("/v1.0/applications").await.is(200);
    }
    let items: Vec<_> =
        (0..8).map(|n| json!({ "id": n.to_string(), "method": "GET", "url": "/applications" })).collect();
    let batch = api.post("/v1.0/$batch", json!({ "requests": items })).await.is(200);
    let all = batch.body["responses"].as_array().unwrap().clone();
    let over: Vec<_> = all.iter().filter(|r| r["status"] == 429).collect();
    assert_eq!((all.len(), over.len()), (8, 3));
    assert!(over.iter().all(|r| r["headers"]["Retry-After"].is_string()), "{over:?}");
}

#[tokio::test]
async fn partner_center_takes_fifty_requests_a_second_for_an_app() {
    let cloud = Cloud::still(json!({ "limits": 100 })).await;
    let api = cloud.api(cloud.user_token(PARTNER, PARTNER_CENTER).await);
    for _ in 0..50 {
        api.get("/v1/customers").await.is(200);
    }
    let over = api.get("/v1/customers").await.is(429);
    assert_eq!(over.header("retry-after"), "1");
    cloud.control().advance(1).unwrap();
    api.get("/v1/customers").await.is(200);
}

#[tokio::test]
async fn a_full_directory_takes_no_more_objects() {
    let cloud = Cloud::still(json!({ "directoryQuota": 20 })).await;
    let api = cloud.home().await;
    let mut made = 0;
    let refused = loop {
        let got = api.post("/v1.0/applications", json!({ "displayName": format!("app {made}") })).await;
        if got.status != 201 {
            break got;
        }
        made += 1;
    };
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "Directory_QuotaExceeded"));
    assert!((1..20).contains(&made), "{made}");
    let first = api.list("/v1.0/applications?$filter=displayName eq 'app 0'").await;
    let path = format!("/v1.0/applications/{}", first[0]["id"].as_str().unwrap());
    api.patch(&path, json!({ "notes": "a change is no new object" })).await.is(204);
}

#[tokio::test]
async fn credentials_of_one_app_written_in_quick_succession_conflict_and_five_seconds_apart_do_not() {
    let cloud = Cloud::still(json!({ "credentialWrites": 5 })).await;
    let api = cloud.home().await;
    let of = |app: &str| format!("/v1.0/applications(appId='{app}')/addPassword");
    let first = api.post(&of(MANAGER), json!({})).await.is(200);
    let second = api.post(&of(MANAGER), json!({})).await.is(409);
    assert_eq!(second.code(), "Directory_ConcurrencyViolation");
    let remove = format!("/v1.0/applications(appId='{MANAGER}')/removePassword");
    api.post(&remove, json!({ "keyId": first.text("/keyId") })).await.is(409);
    api.post(&of(READER), json!({})).await.is(200);
    api.patch(&format!("/v1.0/applications(appId='{MANAGER}')"), json!({ "notes": "no credential" })).await.is(204);
    cloud.control().advance(5).unwrap();
    api.post(&remove, json!({ "keyId": first.text("/keyId") })).await.is(204);
}

#[tokio::test]
async fn priorities_and_other_headers_of_clients_change_nothing() {
    let cloud = Cloud::still(json!({ "limits": 100 })).await;
    let headers = [("x-ms-throttle-priority", "High"), ("client-request-id", "c0ffee00-0000-4000-8000-000000000001")];
    let got = cloud.home().await.send(Method::GET, "/v1.0/organization", &headers, None).await.is(200);
    assert_eq!(got.header("client-request-id"), "c0ffee00-0000-4000-8000-000000000001");
    assert_eq!(got.header("request-id").len(), 36);
}

#[tokio::test]
async fn conditional_access_takes_one_request_a_second_and_names_no_time_to_wait() {
    let cloud = Cloud::still_with(json!({ "limits": 100 }), widen).await;
    let api = cloud.home().await;
    api.get(POLICIES).await.is(200);
    let over = api.get(LOCATIONS).await.is(429);
    assert_eq!((over.code(), over.header("retry-after")), ("TooManyRequests", ""));
    api.get("/v1.0/organization").await.is(200);
    cloud.control().advance(1).unwrap();
    api.get(LOCATIONS).await.is(200);
}

#[tokio::test]
async fn reports_are_read_five_times_in_ten_seconds() {
    let cloud = Cloud::still_with(json!({ "limits": 100 }), widen).await;
    let api = cloud.home().await;
    for _ in 0..5 {
        api.get("/v1.0/auditLogs/directoryAudits").await.is(200);
    }
    assert_eq!(api.get("/v1.0/auditLogs/directoryAudits").await.is(429).header("retry-after"), "10");
    cloud.control().advance(10).unwrap();
    api.get("/v1.0/auditLogs/directoryAudits").await.is(200);
}
