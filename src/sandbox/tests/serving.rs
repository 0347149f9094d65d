//! Serving to other programs: saving in the background, TLS, the clock, counts, and a large fleet.
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::*;
use crate::sandbox::clock::{Clock, ClockWish, Delay};
use crate::sandbox::due::{Due, Dues, Effect};
use crate::sandbox::gdap::Status;
use crate::sandbox::server::locked;
use crate::sandbox::serving::set;
use crate::sandbox::{Note, Options, Sandbox, SandboxError, Serving, ca_file, key_file, serve};

async fn served(folder: tempfile::TempDir, world: bool, serving: Serving) -> Cloud {
    let state = folder.path().join("sandbox.json");
    let options = options(state.clone(), world.then(super::support::world));
    let served = serve(options, serving).await.unwrap();
    let mut http = reqwest::Client::builder().no_proxy();
    if served.sandbox.url().starts_with("https") {
        let ca = reqwest::Certificate::from_pem(&std::fs::read(ca_file(&state)).unwrap()).unwrap();
        http = http.tls_certs_only([ca]);
    }
    Cloud { sandbox: served.sandbox, http: http.build().unwrap(), folder }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn control(cloud: &Cloud, method: Method, path: &str) -> Value {
    let request = cloud.http.request(method, format!("{}/_sandbox/{path}", cloud.sandbox.url()));
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn in_the_background_a_write_is_saved_later_or_when_asked_for_and_at_the_end() {
    let cloud = served(folder(), true, Serving::default()).await;
    cloud.sandbox.saver.abort(); // a slow machine must not let its second pass
    let on_disk = |name: &str| std::fs::read_to_string(cloud.state_file()).unwrap().contains(name);
    let api = cloud.home().await;
    api.post("/v1.0/applications", json!({ "displayName": "First" })).await.is(201);
    assert!(!on_disk("First"), "an answer does not wait for the disk");
    control(&cloud, Method::POST, "save").await;
    assert!(on_disk("First"));
    api.post("/v1.0/applications", json!({ "displayName": "Second" })).await.is(201);
    let Cloud { sandbox, folder, .. } = cloud;
    sandbox.close().await.unwrap();
    assert!(std::fs::read_to_string(folder.path().join("sandbox.json")).unwrap().contains("Second"));
}

#[tokio::test]
async fn a_snapshot_that_comes_late_replaces_nothing() {
    let cloud = served(folder(), true, Serving::default()).await;
    cloud.sandbox.saver.abort();
    let text = || std::fs::read_to_string(cloud.state_file()).unwrap();
    cloud.control().advance(111).unwrap();
    let old = locked(&cloud.sandbox.cloud).snapshot().unwrap();
    cloud.control().advance(111).unwrap();
    locked(&cloud.sandbox.cloud).save().unwrap();
    old.write().unwrap();
    assert!(text().contains("\"offsetSeconds\":222"));
    cloud.control().advance(111).unwrap();
    let newer = locked(&cloud.sandbox.cloud).snapshot().unwrap();
    locked(&cloud.sandbox.cloud).close().unwrap();
    let left = text();
    newer.write().unwrap();
    assert_eq!(text(), left, "the file may have another owner by now");
}

#[tokio::test]
async fn a_snapshot_keeps_its_moment_while_the_cloud_goes_on() {
    let cloud = served(folder(), true, Serving::default()).await;
    gdap(&cloud, &[CLOUD_APP]).await;
    let whole = |state: &crate::sandbox::state::State| serde_json::to_value(state).unwrap();
    let (copy, then) = {
        let cloud = locked(&cloud.sandbox.cloud);
        (cloud.state.clone(), whole(&cloud.state))
    };
    cloud.home().await.post("/v1.0/applications", json!({ "displayName": "Later" })).await.is(201);
    cloud.control().drift(&json!({ "kind": "terminate-relationship", "relationship": "NW-contoso-standard" })).unwrap();
    assert_eq!(whole(&copy), then);
    assert_ne!(whole(&locked(&cloud.sandbox.cloud).state), then);
}

#[tokio::test]
async fn after_the_end_nothing_is_answered_that_nobody_keeps() {
    let cloud = served(folder(), true, Serving::default()).await;
    let api = cloud.home().await;
    locked(&cloud.sandbox.cloud).close().unwrap();
    let url = format!("{}/v1.0/applications", cloud.sandbox.url());
    let sent = cloud.http.post(url).bearer_auth(&api.token).json(&json!({ "displayName": "x" })).send().await;
    assert!(sent.is_err(), "{sent:?}");
}

#[tokio::test]
async fn with_tls_links_say_https_and_a_lost_answer_is_lost() {
    let tls = || Serving { tls: true, ..Serving::default() };
    let cloud = served(folder(), true, tls()).await;
    let url = cloud.sandbox.url();
    assert!(url.starts_with("https://127.0.0.1:"));
    let api = cloud.home().await;
    let page = api.get("/v1.0/domains?$top=1").await.is(200);
    let next = page.text("/@odata.nextLink");
    assert!(next.starts_with(&url), "{next}");
    assert_eq!(api.list(&next).await.len(), 1);
    assert!(page.text("/@odata.context").starts_with(&url));
    let batch = json!({ "requests": [{ "id": "1", "method": "GET", "url": "/domains?$top=1" }] });
    let inner = api.post("/v1.0/$batch", batch).await.is(200).text("/responses/0/body/@odata.nextLink");
    assert!(inner.starts_with(&url), "{inner}");
    // Its own address is a name of Graph, and stays the audience.
    let own = cloud.app_token(MANAGER, PARTNER, &format!("{url}/.default")).await.is(200).text("/access_token");
    assert_eq!(claims(&own)["aud"], url);
    Api { cloud: &cloud, token: own }.get("/v1.0/domains").await.is(200);
    let discovery = cloud.http.get(format!("{url}/{PARTNER}/v2.0/.well-known/openid-configuration"));
    let discovery: Value = discovery.send().await.unwrap().json().await.unwrap();
    assert!(discovery["token_endpoint"].as_str().unwrap().starts_with(&url));

    cloud.control().faults(&json!({ "drop": { "write": 1 } })).unwrap();
    let lost = cloud.http.post(format!("{url}/v1.0/applications")).bearer_auth(&api.token);
    assert!(lost.json(&json!({ "displayName": "Lost" })).send().await.is_err());
    assert_eq!(api.list("/v1.0/applications?$filter=displayName eq 'Lost'").await.len(), 1, "it was committed");
}

#[tokio::test]
async fn the_ca_outlives_the_server_and_only_its_owner_reads_the_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let tls = |listen: &str| Serving { tls: true, listen: listen.to_owned(), ..Serving::default() };
    let cloud = served(folder(), true, tls("127.0.0.1:0")).await;
    let (state, http) = (cloud.state_file(), cloud.http.clone());
    let mode = |file: std::path::PathBuf| std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(key_file(&state)), 0o600);
    let ca = std::fs::read(ca_file(&state)).unwrap();
    let Cloud { sandbox, folder, .. } = cloud;
    sandbox.stop().await;
    std::fs::remove_file(ca_file(&state)).unwrap();
    let cloud = served(folder, false, tls("localhost:0")).await;
    assert_eq!(std::fs::read(ca_file(&state)).unwrap(), ca, "the certificate that clients have a copy of");
    let port = cloud.sandbox.url().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}/_sandbox/clock");
        assert_eq!(http.get(url).send().await.unwrap().status(), 200, "{host}");
    }
    let Cloud { sandbox, folder, .. } = cloud;
    sandbox.stop().await;
    std::fs::write(key_file(&state), "nonsense").unwrap();
    let broken = serve(options(state, None), tls("127.0.0.1:0")).await.err().unwrap();
    assert!(matches!(broken, SandboxError::Tls { .. }) && broken.remedy().contains("trust anew"), "{broken}");
    drop(folder);
}

#[tokio::test]
async fn plain_http_to_a_tls_server_and_silence_hold_up_nobody() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let cloud = served(folder(), true, Serving { tls: true, ..Serving::default() }).await;
    let at = cloud.sandbox.url().trim_start_matches("https://").to_owned();
    let silent = tokio::net::TcpStream::connect(&at).await.unwrap();
    let mut plain = tokio::net::TcpStream::connect(&at).await.unwrap();
    plain.write_all(b"GET /_sandbox/clock HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut got = Vec::new();
    let _ = plain.read_to_end(&mut got).await;
    assert!(!got.starts_with(b"HTTP"));
    cloud.home().await.get("/v1.0/domains").await.is(200);
    drop(silent);
}

#[test]
fn a_clock_is_set_as_it_is_wished_for_and_never_backwards() {
    let (noon, two) = (time("2031-11-23T12:00:00Z"), time("2031-11-23T14:00:00Z"));
    let mut clock = Clock::Fixed { at: noon };
    assert_eq!(set(&mut clock, ClockWish::Fixed(two)), None);
    assert_eq!(set(&mut clock, ClockWish::Fixed(noon)), Some(Note::ClockStays { asked: noon, now: two }));
    assert_eq!(clock.now(), two);
    assert_eq!(set(&mut clock, ClockWish::Follow), None);
    assert!((0..60).contains(&(clock.now().as_second() - two.as_second())), "it goes on from where it stood");
    clock.advance(3_600);
    assert_eq!(set(&mut clock, ClockWish::Follow), None);
    assert!(clock.now() >= time("2031-11-23T15:00:00Z"), "following already");
    assert_eq!("follow".parse(), Ok(ClockWish::Follow));
    assert_eq!("fixed@2031-11-23T12:00:00Z".parse(), Ok(ClockWish::Fixed(noon)));
    for wrong in ["", "fixed", "fixed@", "fixed@noon", "follow@2031-11-23T12:00:00Z", "slow"] {
        assert!(wrong.parse::<ClockWish>().unwrap_err().contains("fixed@2026-11-23T10:00:00Z"), "{wrong}");
    }
}

#[tokio::test]
async fn a_new_cloud_is_as_old_as_its_fixed_clock() {
    let past = time("2020-02-03T04:05:06Z");
    let serving = Serving { clock: Some(ClockWish::Fixed(past)), ..Serving::default() };
    let cloud = served(folder(), true, serving).await;
    assert_eq!(cloud.control().clock(), past);
    let token = cloud.user_token(PARTNER, PARTNER_CENTER).await.is(200);
    assert_eq!(claims(&token.text("/access_token"))["iat"], past.as_second());
    assert_eq!(token.header("date"), "Mon, 03 Feb 2020 04:05:06 GMT");
}

#[test]
fn what_is_due_happens_in_order_and_survives_the_file() {
    let mut state = crate::sandbox::genesis::state(&world(), 1, Clock::default()).unwrap();
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap();
    let usable = |n: i64| Effect::SecretUsable { app_id: "a".into(), key_id: n.to_string() };
    for (when, n) in [(30, 1), (10, 2), (30, 3), (20, 4)] {
        state.due.add(at(when), usable(n));
    }
    state.due.add(at(15), Effect::RelationshipEnd { id: "r".into() });
    state.due.add(at(99), Effect::RelationshipEnd { id: "gone".into() });
    state.due.forget_end("gone");
    assert_eq!(state.next_lag(at(4)), Some(6), "the end of a relationship is nothing to wait for");
    assert!(state.is_pending(&usable(4)) && !state.is_pending(&usable(5)));
    let text = serde_json::to_string(&state.due).unwrap();
    let listed: Vec<Due> = serde_json::from_str(&text).unwrap();
    assert_eq!(listed.len(), 5);
    state.due = serde_json::from_str::<Dues>(&text).unwrap();
    let order: Vec<&Effect> = state.due.pending().collect();
    assert_eq!(order, [2, 4, 1, 3].map(usable).iter().collect::<Vec<_>>());
    assert!(state.settle(at(20)) && !state.settle(at(20)));
    assert_eq!(serde_json::to_value(&state.due).unwrap().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn counts_go_on_where_the_log_forgets_and_count_what_was_refused() {
    let cloud = Cloud::new().await;
    let counts = async || control(&cloud, Method::GET, "counts").await;
    assert_eq!(counts().await, json!({ "http": 0, "tokens": 0, "writes": 0, "next": 0 }));
    let api = cloud.home().await;
    let reader = cloud.api(cloud.app_token(READER, PARTNER, GRAPH).await);
    api.get("/v1.0/domains").await.is(200);
    reader.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(403);
    cloud.control().faults(&json!({ "throttle": { "next": 1, "retryAfter": 1 } })).unwrap();
    api.post("/v1.0/applications", json!({ "displayName": "x" })).await.is(429);
    let requests = ["One", "Two"].map(|name| {
        json!({ "id": name, "method": "POST", "url": "/applications", "body": { "displayName": name }, "headers": { "content-type": "application/json" } })
    });
    api.post("/v1.0/$batch", json!({ "requests": requests })).await.is(200);
    let all = counts().await;
    assert_eq!(all, json!({ "http": 4, "tokens": 2, "writes": 4, "next": 8 }));
    let since = control(&cloud, Method::GET, "requests?since=6").await;
    let paths: Vec<u64> = since["requests"].as_array().unwrap().iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!((paths, &since["next"]), (vec![7, 8], &json!(8)));
}

#[tokio::test]
async fn a_token_is_verified_by_all_of_it_also_when_a_good_one_is_known() {
    let cloud = Cloud::new().await;
    let api = cloud.home().await;
    for _ in 0..2 {
        api.get("/v1.0/domains").await.is(200);
    }
    let parts: Vec<&str> = api.token.split('.').collect();
    let mut changed = claims(&api.token);
    changed["tid"] = json!(CONTOSO);
    let payload = crate::sandbox::ids::b64(changed.to_string().as_bytes());
    let forged = format!("{}.{payload}.{}", parts[0], parts[2]);
    let unsigned = format!("{}.{}.", parts[0], parts[1]);
    for token in [forged, unsigned] {
        assert_eq!(
            Api { cloud: &cloud, token }.get("/v1.0/domains").await.is(401).code(),
            "InvalidAuthenticationToken"
        );
    }
    cloud.control().advance(4_000).unwrap();
    api.get("/v1.0/domains").await.is(401);
}

/// A world with so many customers, each with an active relationship that an Admin agent's group has a role in.
fn fleet(count: u32) -> crate::sandbox::state::State {
    let mut world = world();
    world.lag.access_assignment = Delay(60);
    world.add_fleet(count, 1);
    let mut state = crate::sandbox::genesis::state(&world, 1, Clock::default()).unwrap();
    let now = state.clock.now();
    let ids: Vec<String> =
        state.tenants.values().filter(|t| t.display_name.starts_with("fleet")).map(|t| t.id.clone()).collect();
    for tenant in ids {
        let id = format!("{tenant}-{tenant}");
        let relationship = json!({
            "id": id, "displayName": format!("R {tenant}"), "duration": "P730D", "autoExtend": "P180D", "customer": tenant, "roles": [CLOUD_APP],
            "status": "approved", "created": now, "modified": now, "locked": now, "activated": null, "end": null, "version": 1,
            "requests": [], "assignments": [], "operations": [],
        });
        state.relationships.insert(id.clone(), serde_json::from_value(relationship).unwrap());
        crate::sandbox::gdap::arrive(&mut state, now, &id, Status::Activating);
    }
    state
}

#[tokio::test]
async fn ten_thousand_customers_are_served_and_the_file_is_read_in_seconds() {
    let folder = folder();
    let state = folder.path().join("sandbox.json");
    let mut fleet = fleet(10_000);
    // The app-only door to GDAP.
    let (partner, service) = (fleet.partner.clone(), crate::sandbox::facts::GDAP_SERVICE);
    crate::sandbox::graph::ensure_principal(&mut fleet, &partner, service).unwrap();
    std::fs::write(&state, serde_json::to_vec(&fleet).unwrap()).unwrap();
    let begun = std::time::Instant::now();
    let cloud = served(folder, false, Serving::default()).await;
    let loaded = begun.elapsed();
    let api = cloud.home().await;
    let mut next = Some(format!("{RELATIONSHIPS}?$top=300"));
    let mut names = std::collections::BTreeSet::new();
    while let Some(path) = next {
        let page = api.get(&path).await.is(200);
        names.extend(page.body["value"].as_array().unwrap().iter().map(|r| r["displayName"].to_string()));
        next = page.body["@odata.nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(names.len(), 10_000);
    let by_name =
        |name: &str| format!("/v1.0/tenantRelationships/findTenantInformationByDomainName(domainName='{name}')");
    assert_eq!(api.get(&by_name("FLEET-07000.example")).await.is(200).text("/displayName"), "fleet-07000");
    api.get(&by_name("fleet-10001.example")).await.is(404);
    let one = names.first().unwrap().replace('"', "'");
    assert_eq!(api.list(&format!("{RELATIONSHIPS}?$filter=displayName eq {one}")).await.len(), 1);
    // Far more than it takes, so that a busy machine does not fail it; a list made whole for each page would.
    assert!(loaded.as_secs() < 20 && begun.elapsed().as_secs() < 60, "{loaded:?}, {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_needs_a_free_address_and_a_state_of_its_own() {
    let cloud = served(folder(), true, Serving::default()).await;
    let second = serve(options(cloud.state_file(), None), Serving::default()).await.err().unwrap();
    assert!(matches!(second, SandboxError::InUse { .. }), "{second}");
    let other = Options { state: cloud.folder.path().join("other.json"), ..options(cloud.state_file(), Some(world())) };
    let listen = cloud.sandbox.url().trim_start_matches("http://").to_owned();
    let taken = serve(other.clone(), Serving { listen, ..Serving::default() }).await.err().unwrap();
    assert!(matches!(taken, SandboxError::Listen { .. }), "{taken}");
    let nonsense =
        serve(other.clone(), Serving { listen: "nonsense".into(), ..Serving::default() }).await.err().unwrap();
    assert!(nonsense.to_string().contains("nonsense"), "{nonsense}");
    // What could not be served is nobody's: it can be opened.
    Sandbox::start(other).await.unwrap().stop().await;
}
