//! `tenantry sandbox serve`: the cloud in a process of its own, for programs that know only its address.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cmd::{Cmd, Dir, Run};
use crate::support::msp::{APP, CUSTOMER, HOME, Msp, object};
use crate::support::server::{CA, STATE, Server, WORLD};

/// `tenantry COMMAND` against the server, as a program elsewhere would.
fn tenantry(msp: &Msp, server: &Server, command: &str, more: &[&str]) -> Run {
    asked(msp, server, command, more).run()
}

fn asked<'a>(msp: &'a Msp, server: &Server, command: &str, more: &[&str]) -> Cmd<'a> {
    let mut args = vec![command, "-f", "examples/first", "--endpoint", &server.url];
    args.extend(["--secrets-dir", ".tenantry/secrets", "--journal", ".tenantry/journal.json"]);
    if server.url.starts_with("https") {
        args.extend(["--ca-file", CA]);
    }
    msp.dir.cmd([&args, more].concat())
}

#[test]
fn a_customer_becomes_ready_through_a_tls_server_that_is_killed_and_started_again() {
    let msp = Msp::new();
    let server = Server::start(&msp.dir, &["--tls"]);
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let unknown = msp.dir.run(["plan", "-f", "examples/first", "--endpoint", &server.url, "--parallelism", "1"]);
    assert!(unknown.code(1).stderr.contains("cannot be reached"), "nobody trusts it without its CA: {unknown}");
    assert_eq!(tenantry(&msp, &server, "plan", &["-o", "json"]).ok().json()["errored"], false);
    tenantry(&msp, &server, "apply", &["--auto-approve"]).code(3);
    let approved = server.play(&["approve", "--all"]);
    assert!(approved.ok().stdout.contains("accepted"), "{approved}");
    tenantry(&msp, &server, "apply", &["--auto-approve"]).ok();
    assert!(server.play(&["requests", "--writes"]).ok().stdout.contains("POST"));
    server.play(&["advance", "2h"]).ok();
    server.play(&["drift", "rename-app", &format!("app={APP}"), "displayName=Somebody's"]).ok();
    let refused = server.play(&["reset"]);
    assert!(refused.code(1).stderr.contains(&server.url), "{refused}");
    assert_eq!(server.ask("POST", "/_sandbox/save", &json!({})).status, 200);

    // The lock file still holds the address of the process that is gone.
    let (at, ca) = (server.at().to_owned(), msp.dir.read(CA));
    server.kill();
    let opened = msp.dir.run(["sandbox", "requests", "--writes", "--state", STATE]);
    assert!(opened.ok().stdout.contains("POST"), "{opened}");

    let again = Server::start(&msp.dir, &["--tls", "--listen", &at]);
    assert_eq!((again.at(), msp.dir.read(CA)), (at.as_str(), ca));
    tenantry(&msp, &again, "plan", &["--detailed-exitcode"]).code(2);
    tenantry(&msp, &again, "apply", &["--auto-approve"]).ok();
    tenantry(&msp, &again, "plan", &["--detailed-exitcode"]).ok();
    // By its state file, too: whoever may read it finds the address and whom to trust.
    let sandboxed = ["status", "-f", "examples/first", &format!("--sandbox={STATE}"), "-o", "json"];
    let status = msp.dir.run(sandboxed).ok().json();
    assert_eq!(object(&status, "tenants", "contoso")["ready"], true);
    let said = again.stop();
    assert!(said.stderr.contains(&format!("--ca-file {CA}")), "{said}");
    assert_eq!(said.stdout.lines().count(), 1, "{said}");
}

#[test]
fn a_stop_saves_and_the_same_address_is_free_at_once() {
    let msp = Msp::new();
    let server = Server::start(&msp.dir, &[]);
    let at = server.at().to_owned();
    tenantry(&msp, &server, "apply", &["--auto-approve"]).code(3);
    let (counts, world) = (server.counts(), server.get("/_sandbox/state-of-world"));
    assert!(counts.writes > 10, "{counts:?}");
    // A connection that stays open does not hold up the end, nor the next start.
    let open = std::net::TcpStream::connect(&at).unwrap();
    server.stop();
    let again = Server::start(&msp.dir, &["--listen", &at]);
    drop(open);
    assert_eq!((again.at(), again.counts()), (at.as_str(), counts));
    assert_eq!(again.get("/_sandbox/state-of-world"), world);
    let said = again.stop();
    assert!(said.stderr.contains("is there already"), "the world is not read twice: {said}");
}

#[test]
fn what_was_saved_in_the_background_outlives_a_kill() {
    let msp = Msp::new();
    let server = Server::start(&msp.dir, &[]);
    server.play(&["advance", "7d"]).ok();
    let before = server.get("/_sandbox/clock")["now"].as_str().unwrap().to_owned();
    let state = msp.dir.path().join(STATE);
    let started = Instant::now();
    while !std::fs::read_to_string(&state).unwrap().contains("\"offsetSeconds\":604800") {
        assert!(started.elapsed() < Duration::from_secs(30), "it is never saved");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.kill();
    let again = Server::start(&msp.dir, &[]);
    let after = again.get("/_sandbox/clock")["now"].as_str().unwrap().to_owned();
    assert!(before.parse::<jiff::Timestamp>().unwrap() <= after.parse().unwrap(), "{before} {after}");
}

#[test]
fn a_kill_that_was_planned_loses_no_write_that_was_answered() {
    let msp = Msp::new();
    // With TLS, because the port may be another test's at once: the apply must not go on in a cloud that is not its own.
    let server = Server::start(&msp.dir, &["--tls"]);
    server.play(&["fault", r#"{"kill": {"write": 3, "when": "after-answer"}}"#]).ok();
    let apply = asked(&msp, &server, "apply", &["--auto-approve"]).start();
    assert_eq!(server.end().exit_code(), None, "it was killed");
    apply.kill(); // it would ask again for a while
    let log = msp.dir.run(["sandbox", "requests", "--writes", "--state", STATE]);
    assert!(log.ok().stdout.lines().count() >= 3, "{log}"); // others of the same batch may be among them
}

#[test]
fn latency_holds_up_every_answer_by_itself_and_none_of_the_control_api() {
    let dir = Dir::new();
    dir.copy("examples/first");
    let server = Server::start(&dir, &["--latency", "400"]);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(server.ask("GET", "/v1.0/organization", &Value::Null).status, 401));
        }
    });
    let took = started.elapsed();
    assert!((400..2_000).contains(&took.as_millis()), "six at once took {took:?}");
    let started = Instant::now();
    assert_eq!(server.counts().http, 6);
    assert!(started.elapsed() < Duration::from_millis(400));
}

#[test]
fn a_fixed_clock_moves_by_advance_only_and_never_backwards() {
    let dir = Dir::new();
    dir.copy("examples/first");
    let fixed = ["--clock", "fixed@2031-11-23T10:00:00Z"];
    let server = Server::start(&dir, &fixed);
    let now = |server: &Server| server.get("/_sandbox/clock")["now"].as_str().unwrap().to_owned();
    assert_eq!(now(&server), "2031-11-23T10:00:00Z");
    assert_eq!(server.ask("GET", "/v1.0/organization", &Value::Null).date, "Sun, 23 Nov 2031 10:00:00 GMT");
    server.play(&["advance", "2h"]).ok();
    assert_eq!(now(&server), "2031-11-23T12:00:00Z");
    server.stop();

    let again = Server::start(&dir, &fixed);
    assert_eq!(now(&again), "2031-11-23T12:00:00Z");
    let said = again.stop();
    assert!(said.stderr.contains("the clock stays at 2031-11-23T12:00:00Z"), "{said}");

    let follows = Server::start(&dir, &["--clock", "follow"]);
    assert!(now(&follows).starts_with("2031-11-23T12:0"), "it goes on from there");
    follows.stop();
    let wrong = dir.run(["sandbox", "serve", "--state", STATE, "--clock", "fixed@noon"]);
    assert!(wrong.code(1).stderr.contains("fixed@2026-11-23T10:00:00Z"), "{wrong}");
}

#[test]
fn in_an_outage_every_service_answers_503_and_afterwards_all_goes_on() {
    let msp = Msp::new();
    let server = Server::start(&msp.dir, &[]);
    tenantry(&msp, &server, "apply", &["--auto-approve"]).code(3);
    server.play(&["fault", r#"{"outage": true}"#]).ok();
    let token = server.ask("POST", &format!("/{HOME}/oauth2/v2.0/token"), &Value::Null);
    assert_eq!((token.status, &token.body["error"]), (503, &json!("temporarily_unavailable")));
    let graph = server.ask("GET", "/v1.0/organization", &Value::Null);
    assert_eq!((graph.status, &graph.body["error"]["code"]), (503, &json!("serviceNotAvailable")));
    for path in ["/v1/customers", &format!("/adminapi/beta/{HOME}/InvokeCommand"), "/beta/$batch"] {
        assert_eq!(server.ask("POST", path, &json!({})).status, 503, "{path}");
    }
    tenantry(&msp, &server, "plan", &[]).code(1);
    server.play(&["fault", r#"{"clear": true}"#]).ok();
    server.play(&["approve", "--all"]).ok();
    tenantry(&msp, &server, "apply", &["--auto-approve"]).ok();
}

#[test]
fn counts_are_what_a_run_says_that_it_cost() {
    let msp = Msp::new();
    let server = Server::start(&msp.dir, &[]);
    for (command, more) in [("plan", &["-o", "json"][..]), ("apply", &["-o", "json", "--auto-approve"])] {
        let before = server.counts();
        let cost = tenantry(&msp, &server, command, more).json()["cost"].clone();
        let after = server.counts();
        let told = ["http", "tokens", "writes"].map(|k| cost[k].as_u64().unwrap());
        let counted = [after.http - before.http, after.tokens - before.tokens, after.writes - before.writes];
        assert_eq!(counted, told, "{command}: http, tokens, writes");
        let log = server.get(&format!("/_sandbox/requests?since={}", before.next));
        let all = log["requests"].as_array().unwrap();
        assert_eq!(all.len() as u64, after.next - before.next);
        assert!(all.iter().all(|r| r["seq"].as_u64().unwrap() > before.next));
    }
}

#[test]
fn a_fleet_joins_the_customers_of_a_world() {
    let dir = Dir::new();
    let init = ["sandbox", "init", "--state", STATE, "--world", WORLD, "--fleet", "200"];
    let nowhere = dir.run(init);
    assert!(nowhere.code(1).stderr.contains("--world FILE"), "{nowhere}");
    dir.copy("examples/first");
    let made = dir.run(init);
    assert!(made.ok().stdout.contains("201 of its customers"), "{made}");
    let server = Server::start(&dir, &[]);
    let world = server.get("/_sandbox/world");
    let fleet: Vec<&Value> = world["tenants"].as_array().unwrap().iter().collect();
    let named = |name: &str| fleet.iter().find(|t| t["displayName"] == name).copied();
    assert_eq!(named("fleet-00001").unwrap()["domains"][0], "fleet-00001.example");
    assert!(named("fleet-00200").is_some() && named("fleet-00201").is_none());
    assert!(fleet.iter().any(|t| t["domains"][0] == CUSTOMER));
    let id = named("fleet-00007").unwrap()["id"].clone();
    let other = Dir::new();
    other.copy("examples/first");
    other.run(init).ok();
    let text = other.read(STATE);
    assert!(text.contains(id.as_str().unwrap()), "the same seed and name give the same id");
}

#[test]
fn a_page_of_another_site_may_not_play_the_cloud_and_other_machines_are_warned_of() {
    let dir = Dir::new();
    dir.copy("examples/first");
    let server = Server::start(&dir, &["--listen", "0.0.0.0:0"]);
    assert!(server.url.starts_with("http://127.0.0.1:"), "{}", server.url);
    let from = |headers: &[(&str, &str)]| server.send("POST", "/_sandbox/advance", headers, &json!({"seconds": 1}));
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("origin", "http://localhost:3000")],
        [("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(from(&headers).status, 403, "{headers:?}");
    }
    // A name of somebody else that was pointed at this machine.
    let rebound = [("host", "evil.example:80"), ("origin", "http://evil.example:80")];
    assert_eq!(from(&rebound).status, 403);
    assert_eq!(from(&[("origin", &server.url)]).status, 200);
    assert_eq!(from(&[]).status, 200);
    let said = server.stop();
    assert!(said.stderr.contains("warning: 0.0.0.0:0 is reachable from other machines"), "{said}");
}

#[test]
fn a_second_server_and_an_address_in_use_are_refused_with_what_to_do() {
    let dir = Dir::new();
    dir.copy("examples/first");
    let server = Server::start(&dir, &[]);
    let second = dir.run(["sandbox", "serve", "--state", STATE]);
    assert!(second.code(1).stderr.contains(&server.url), "{second}");
    let other = ["sandbox", "serve", "--state", ".tenantry/other.json", "--world", WORLD, "--listen", server.at()];
    let taken = dir.run(other);
    assert!(taken.code(1).stderr.contains("cannot listen at") && taken.stderr.contains("port 0"), "{taken}");
}
