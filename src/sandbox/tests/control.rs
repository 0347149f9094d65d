//! The control API, the state file, and the faults.
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;
use crate::sandbox::world::WorldFile;
use crate::sandbox::{Door, Sandbox, SandboxError, facts, open};

#[test]
fn the_facts_can_be_read_and_agree_with_the_routes() {
    assert!(facts::types().types.contains_key("application") && facts::types().enums.len() > 5);
    assert!(facts::resources().len() >= 4 && facts::roles().values().filter(|r| r.gdap).count() == 73);
    for r in crate::sandbox::graph::routes::all() {
        assert!(r.rule(false, None).is_some(), "no permissions for {r:?}");
    }
}

#[test]
fn a_world_with_unknown_fields_or_permissions_is_refused() {
    assert!(
        WorldFile::from_yaml("partner: { tenantId: x, displayName: x, domain: x, colour: red }")
            .unwrap_err()
            .contains("colour")
    );
    let mut w = world();
    w.partner.apps[0].application.insert("MicrosoftGraph".to_owned(), vec!["User.Juggle.All".to_owned()]);
    let error = crate::sandbox::genesis::state(&w, 1, Default::default()).unwrap_err().to_string();
    assert!(error.contains("User.Juggle.All") && error.contains("Tenantry Manager"), "{error}");
    let lag = WorldFile::from_yaml("partner: { tenantId: x, displayName: x, domain: x }\nlag: { exchangeRole: 45m }")
        .unwrap();
    assert_eq!(lag.lag.exchange_role.0, 2700);
}

#[tokio::test]
async fn the_state_outlives_the_process_and_belongs_to_its_owner_alone() {
    let cloud = Cloud::new().await;
    let id = cloud.home().await.post("/v1.0/applications", json!({ "displayName": "kept" })).await.is(201).text("/id");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(cloud.state_file()).unwrap().permissions().mode() & 0o777, 0o600);
    let Cloud { sandbox, http, folder } = cloud;
    sandbox.stop().await;
    let sandbox = Sandbox::start(options(folder.path().join("sandbox.json"), None)).await.unwrap();
    let cloud = Cloud { sandbox, http, folder };
    cloud.home().await.get(&format!("/v1.0/applications/{id}")).await.is(200);
    assert!(cloud.control().requests(0, true).iter().any(|e| e.path == "/v1.0/applications"));
}

#[tokio::test]
async fn a_second_opener_is_told_the_address_of_the_first() {
    let cloud = Cloud::new().await;
    match open(options(cloud.state_file(), None)).await.unwrap() {
        Door::Running(url) => assert_eq!(url, cloud.sandbox.url()),
        Door::Opened(_) => panic!("opened twice"),
    }
    let error = Sandbox::start(options(cloud.state_file(), None)).await.err().unwrap();
    assert!(error.to_string().contains(&cloud.sandbox.url()));
}

#[tokio::test]
async fn a_state_cut_short_says_where_and_what_to_do() {
    let cloud = Cloud::new().await;
    let path = cloud.state_file();
    let Cloud { sandbox, folder, .. } = cloud;
    sandbox.stop().await;
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let error = Sandbox::start(options(path.clone(), None)).await.err().unwrap();
    assert_eq!(error.remedy(), "Remove it or run `tenantry sandbox reset`.");
    let error = error.to_string();
    assert!(error.contains("is not a complete sandbox state (line 1 column ") && error.contains("EOF"), "{error}");
    assert!(error.contains("sandbox.json"), "{error}");
    let text = String::from_utf8(text).unwrap().replacen("\"format\":1", "\"format\":99", 1);
    std::fs::write(&path, text).unwrap();
    let error = Sandbox::start(options(path, None)).await.err().unwrap();
    assert!(matches!(error, SandboxError::Format { found: 99, .. }), "{error}");
    drop(folder);
}

#[tokio::test]
async fn without_state_and_world_there_is_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let error = Sandbox::start(options(folder.path().join("none.json"), None)).await.err().unwrap();
    assert!(error.remedy().contains("tenantry sandbox init --world FILE"));
}

async fn control(cloud: &Cloud, method: Method, path: &str, body: Value) -> (u16, Value) {
    let r = cloud
        .http
        .request(method, format!("{}/_sandbox/{path}", cloud.sandbox.url()))
        .json(&body)
        .send()
        .await
        .unwrap();
    (r.status().as_u16(), r.json().await.unwrap())
}

#[tokio::test]
async fn the_control_api_is_served_over_http() {
    let cloud = Cloud::new().await;
    waiting(&cloud, "NW", &[CLOUD_APP]).await;
    let (status, approved) = control(&cloud, Method::POST, "approve", json!({ "all": true })).await;
    assert_eq!((status, &approved["approved"][0]["name"]), (200, &json!("NW")));
    assert_eq!(control(&cloud, Method::POST, "approve", json!({})).await.0, 400);
    assert_eq!(control(&cloud, Method::POST, "advance", json!({ "seconds": 60 })).await.1["advanced"], 60);
    assert_eq!(control(&cloud, Method::POST, "advance", json!({ "seconds": -1 })).await.0, 400);
    assert_eq!(control(&cloud, Method::POST, "advance-to-next", json!({})).await.1["advanced"], 0);
    let (_, log) = control(&cloud, Method::GET, "requests?writes=true", json!({})).await;
    assert_eq!(log["requests"].as_array().unwrap().len(), 3);
    assert!(log["requests"].as_array().unwrap().iter().all(|e| e["write"] == true && e["caller"] == MANAGER));
    let (_, world) = control(&cloud, Method::GET, "world", json!({})).await;
    assert_eq!(world["tenants"].as_array().unwrap().len(), 3);
    let (status, error) = control(&cloud, Method::GET, "nonsense", json!({})).await;
    assert!(status == 404 && error["error"].as_str().unwrap().contains("state-of-world"));
    assert!(control(&cloud, Method::GET, "clock", json!({})).await.1["now"].is_string());
}

#[tokio::test]
async fn two_runs_that_end_alike_have_the_same_picture() {
    let (one, two) = (Cloud::with(|w| w.seed = Some(1)).await, Cloud::with(|w| w.seed = Some(2)).await);
    for cloud in [&one, &two] {
        gdap(cloud, &[CLOUD_APP]).await;
        let api = cloud.home().await;
        let id = api.post("/v1.0/applications", json!({ "displayName": "Rallied" })).await.is(201).text("/id");
        api.post(
            &format!("/v1.0/applications/{id}/addPassword"),
            json!({ "passwordCredential": { "displayName": "production#1" } }),
        )
        .await
        .is(200);
    }
    two.control().advance(86_400).unwrap();
    let (a, b) = (one.control().state_of_world(), two.control().state_of_world());
    assert_eq!(a, b);
    let text = a.to_string();
    assert!(!text.contains("cnry") && text.contains("production#1") && text.contains("GDAP 158c"));
    assert_eq!(a["relationships"][0]["assignments"][0]["roles"][0], "Cloud Application Administrator");
}

#[tokio::test]
async fn drift_takes_away_what_was_there_and_says_what_there_is() {
    let cloud = Cloud::new().await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let c = cloud.control();
    let app = "Tenantry Manager";
    let good = [
        json!({ "kind": "remove-grant", "tenant": "Northwind MSP", "app": "Reader", "permission": "Application.Read.All" }),
        json!({ "kind": "remove-group-member", "group": "AdminAgents", "member": "svc-tenantry@northwind.example" }),
        json!({ "kind": "remove-access-assignment", "relationship": "NW-contoso-standard", "group": format!("GDAP {CLOUD_APP}") }),
        json!({ "kind": "expire-secret", "app": app, "name": "bootstrap" }),
        json!({ "kind": "remove-delegated-grant", "tenant": "northwind.example", "app": MANAGER }),
        json!({ "kind": "add-redirect-uri", "app": app, "uri": "https://evil.example" }),
        json!({ "kind": "remove-app-permission", "app": app, "permission": "User.Read.All" }),
        json!({ "kind": "rename-app", "app": app, "displayName": "Renamed" }),
        json!({ "kind": "delete-service-principal", "tenant": PARTNER, "app": "Owner" }),
        json!({ "kind": "terminate-relationship", "relationship": "NW-contoso-standard" }),
    ];
    for wish in good {
        let before = c.state_of_world();
        c.drift(&wish).unwrap_or_else(|e| panic!("{wish}: {e}"));
        let hidden = wish["kind"] == "expire-secret";
        assert_eq!(c.state_of_world() == before, hidden, "{wish}");
        let again = c.drift(&wish);
        assert!(
            again.is_err() || hidden || ["add-redirect-uri", "rename-app"].contains(&wish["kind"].as_str().unwrap()),
            "{wish} twice"
        );
    }
    let error = c.drift(&json!({ "kind": "remove-group-member", "group": "Nobody", "member": "x" })).unwrap_err();
    assert!(error.contains("Service Team"), "{error}");
    let error = c.drift(&json!({ "kind": "remove-directory-role", "tenant": PARTNER, "app": "Reader", "role": "Exchange Administrator" })).unwrap_err();
    assert!(error.contains("there is none"), "{error}");
    assert!(c.drift(&json!({ "kind": "juggle" })).unwrap_err().contains("remove-grant"));
    assert_eq!(cloud.app_token(MANAGER, PARTNER, GRAPH).await.is(401).aadsts(), 7_000_222);
}

#[tokio::test]
async fn a_refused_step_answers_403_until_it_is_cleared() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    cloud.control().faults(&json!({ "refuse": { "step": "create-application" } })).unwrap();
    let got = api.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(403);
    assert_eq!(got.code(), "Authorization_RequestDenied");
    cloud.control().faults(&json!({ "clear": true })).unwrap();
    api.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(201);
    let error = cloud.control().faults(&json!({ "refuse": { "step": "juggle" } })).unwrap_err();
    assert!(error.contains("partner-consent") && error.contains("create-access-assignment"), "{error}");
    assert!(cloud.control().faults(&json!({ "nonsense": 1 })).is_err());
}

#[tokio::test]
async fn a_captive_portal_answers_everything_with_html() {
    let cloud = Cloud::new().await;
    cloud.control().faults(&json!({ "html": true })).unwrap();
    let got = cloud.app_token(MANAGER, PARTNER, GRAPH).await.is(200);
    assert!(got.text.starts_with("<!doctype html>") && got.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn throttled_requests_say_when_to_come_back() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    cloud.control().faults(&json!({ "throttle": { "next": 2, "retryAfter": 7 } })).unwrap();
    for _ in 0..2 {
        assert_eq!(api.get("/v1.0/domains").await.is(429).header("retry-after"), "7");
    }
    api.get("/v1.0/domains").await.is(200);
}

#[tokio::test]
async fn a_dropped_answer_was_committed_all_the_same() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    cloud.control().faults(&json!({ "drop": { "write": 2 } })).unwrap();
    api.post("/v1.0/applications", json!({ "displayName": "first" })).await.is(201);
    let url = format!("{}/v1.0/applications", cloud.sandbox.url());
    let lost = cloud.http.post(url).bearer_auth(&api.token).json(&json!({ "displayName": "second" })).send().await;
    assert!(lost.is_err());
    assert_eq!(api.list("/v1.0/applications?$filter=displayName eq 'second'").await.len(), 1);
}

/// Not a test by itself: the process that the next test lets be killed.
#[tokio::test]
async fn the_process_that_is_killed() {
    let (Ok(state), Ok(when)) = (std::env::var("SANDBOX_TEST_STATE"), std::env::var("SANDBOX_TEST_WHEN")) else {
        return;
    };
    let sandbox = Sandbox::start(options(state.into(), Some(world()))).await.unwrap();
    let cloud = Cloud { sandbox, http: reqwest::Client::new(), folder: tempfile::tempdir().unwrap() };
    let api = cloud.home().await;
    cloud.control().faults(&json!({ "kill": { "write": 2, "when": when } })).unwrap();
    for n in 1..5 {
        api.post("/v1.0/applications", json!({ "displayName": format!("App {n}") })).await.is(201);
        println!("answered {n}");
    }
}

#[tokio::test]
async fn a_kill_strikes_at_its_moment_and_loses_nothing_that_was_answered() {
    for (when, answered, kept) in [("before-commit", 1, 1), ("before-answer", 1, 2), ("after-answer", 2, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("sandbox.json");
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sandbox::tests::control::the_process_that_is_killed", "--nocapture"])
            .env("SANDBOX_TEST_STATE", &state)
            .env("SANDBOX_TEST_WHEN", when)
            .output()
            .unwrap();
        use std::os::unix::process::ExitStatusExt as _;
        assert_eq!(child.status.signal(), Some(9), "{when}: {}", String::from_utf8_lossy(&child.stderr));
        let said = String::from_utf8_lossy(&child.stdout);
        assert_eq!(said.matches("answered").count(), answered, "{when}: {said}");
        let sandbox = Sandbox::start(options(state, None)).await.unwrap();
        let cloud = Cloud { sandbox, http: reqwest::Client::new(), folder };
        let api = cloud.home().await;
        assert_eq!(api.list("/v1.0/applications?$filter=startswith(displayName,'App ')").await.len(), kept, "{when}");
        api.post("/v1.0/applications", json!({ "displayName": "after" })).await.is(201);
    }
}

#[tokio::test]
async fn nonsense_never_stops_the_server() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    let paths = [
        "/",
        "//",
        "/v1.0",
        "/v1.0/",
        "/v1.0/$batch",
        "/v1/",
        "/adminapi/",
        "/v1.0/groups()",
        "/v1.0/groups(",
        "/v1.0/groups('",
        "/%00",
        "/_sandbox/",
        "/x/oauth2/v2.0/token",
        "/v1.0/users/%E2%82%AC",
        "/v1.0/groups?$filter=((((",
        "/v1.0/groups?$skiptoken=%%%",
        "/AdminPortal/Home",
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
            let got = api
                .send(
                    method,
                    path,
                    &[("content-type", "application/json")],
                    Some(json!({ "requests": [null], "x": [1] })),
                )
                .await;
            assert!(got.status.as_u16() < 500, "{path}: {}", got.text);
        }
    }
    let deep = format!("/v1.0/groups?$filter={}", "(".repeat(5000));
    api.get(&deep).await.is(400);
    let long = format!("/groups?$filter={}", vec!["id eq 'x'"; 50_000].join(" or "));
    let batch =
        api.post("/v1.0/$batch", json!({ "requests": [{ "id": "1", "method": "GET", "url": long }] })).await.is(200);
    assert_eq!(batch.body["responses"][0]["status"], 400);
    api.get("/v1.0/domains").await.is(200);
}

#[tokio::test]
async fn ten_thousand_customers_fit_in_a_world_file() {
    let mut text =
        "partner: { tenantId: 5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10, displayName: N, domain: n.example }\ncustomers:\n"
            .to_owned();
    for n in 0..10_000 {
        text +=
            &format!("  - {{ tenantId: aaaaaaaa-0000-4000-8000-{n:012}, displayName: C{n}, domain: c{n}.example }}\n");
    }
    let world = WorldFile::from_yaml(&text).unwrap();
    let state = crate::sandbox::genesis::state(&world, 1, Default::default()).unwrap();
    assert_eq!(state.tenants.len(), 10_001);
    // Saving happens with every write, so a tenant must be small.
    let size = serde_json::to_vec(&state).unwrap().len();
    assert!(size < 15_000_000, "{size} bytes");
}

/// Not a test by itself: the process that the next test starts with a step refused.
#[tokio::test]
async fn the_process_with_a_refused_step() {
    let Ok(state) = std::env::var("SANDBOX_TEST_REFUSED_STATE") else { return };
    match Sandbox::start(options(state.into(), Some(world()))).await {
        Err(e) => println!("started: {e}"),
        Ok(sandbox) => {
            let cloud = Cloud { sandbox, http: reqwest::Client::new(), folder: tempfile::tempdir().unwrap() };
            let got = cloud.home().await.post("/v1.0/applications", json!({ "displayName": "x" })).await;
            println!("answered {}", got.status.as_u16());
        }
    }
}

#[tokio::test]
async fn the_environment_refuses_a_step_for_its_process_only() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sandbox.json");
    let run = |step: &str| {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sandbox::tests::control::the_process_with_a_refused_step", "--nocapture"])
            .env("SANDBOX_TEST_REFUSED_STATE", &state)
            .env("TENANTRY_SANDBOX_REFUSE", step)
            .output()
            .unwrap();
        String::from_utf8_lossy(&child.stdout).into_owned()
    };
    assert!(run("create-application").contains("answered 403"));
    assert!(run("").contains("answered 201"));
    let unknown = run("juggle");
    assert!(unknown.contains("juggle") && unknown.contains("create-application"), "{unknown}");
}
