//! The main job against a cloud that behaves as Microsoft does in time: replicas that lag, roles that arrive late,
//! writes that hide that they succeeded, answers that get lost.

use serde_json::Value;

use crate::support::msp::{Msp, condition, object};

/// What the journey may cost on the wire, token requests and items of batches not counted. Undisturbed it is about 130:
/// most of it is looking again while something is on its way for two hours.
const REQUESTS: usize = 220;

/// The example in a cloud of this profile and seed.
fn world(profile: &str, seed: u64) -> Msp {
    let world = format!("seed: {seed}\nprofile: {profile}\npartner:\n");
    Msp::new().with(".sandbox/world.yaml", "partner:\n", &world)
}

/// Up to the click, and the click.
#[track_caller]
fn accepted(msp: &Msp) {
    msp.run("apply", &["--auto-approve", "--wait"]).code(3);
    msp.advance("10s");
    msp.approve();
}

fn is_ready(msp: &Msp) -> bool {
    let status = msp.run("status", &["-o", "json"]).json();
    object(&status, "tenants", "contoso")["ready"] == true
}

/// What changed something, each with how often; a lock that answered 405 has happened.
fn changed(msp: &Msp) -> Vec<String> {
    let done = |r: &&Value| r["write"] == true && matches!(r["status"].as_u64(), Some(200..300 | 405));
    let is_id = |part: &str| part.len() >= 36 && part.bytes().filter(|b| *b == b'-').count() >= 4;
    let plain = |r: &Value| {
        let parts = r["path"].as_str().unwrap().split('/');
        let parts: Vec<&str> = parts.map(|part| if is_id(part) { "{id}" } else { part }).collect();
        format!("{} {}", r["method"].as_str().unwrap(), parts.join("/"))
    };
    let mut all: Vec<String> = msp.requests().iter().filter(done).map(plain).collect();
    all.sort();
    all
}

/// Lags that are not over yet, as the cloud's own books have them.
fn pending(msp: &Msp, kind: &str) -> usize {
    let state: Value = serde_json::from_str(&msp.dir.read(".tenantry/sandbox.json")).unwrap();
    state["due"].as_array().unwrap().iter().filter(|due| due["effect"]["kind"] == kind).count()
}

#[test]
fn the_journey_reaches_ready_with_the_writes_of_an_instant_cloud_each_once() {
    let instant = changed(&Msp::settled());
    for seed in [1, 5] {
        let msp = world("realistic", seed);
        accepted(&msp);
        msp.run("apply", &["--auto-approve", "--wait=6h"]).ok();
        let status = msp.status();
        assert_eq!(condition(object(&status, "tenants", "contoso"), "ExchangeReady"), "True/Working");
        assert_eq!(changed(&msp), instant, "seed {seed}");
        let wire = msp.requests().iter().filter(|r| r["token"] == false && r["batch"].is_null()).count();
        assert!(wire <= REQUESTS, "{wire} requests");
        msp.assert_undisturbed("in a realistic cloud");
    }
}

#[test]
fn nothing_is_ready_before_the_last_role_has_arrived() {
    let msp = world("realistic", 2);
    accepted(&msp);
    assert!(!is_ready(&msp));
    for _ in 0..20 {
        let run = msp.run("apply", &["--auto-approve", "--wait=20m"]);
        assert!([Some(0), Some(3)].contains(&run.status.code()), "{run}");
        if is_ready(&msp) {
            assert_eq!(pending(&msp, "exchangeRole"), 0, "Exchange does not take the app yet");
            return msp.assert_undisturbed("step by step");
        }
    }
    panic!("not ready after hours");
}

#[test]
fn where_answers_get_lost_runs_come_to_the_same_end() {
    let msp = world("hostile", 3);
    let mut runs = 0;
    let mut again = |until: i32| {
        while msp.run("apply", &["--auto-approve", "--wait=6h"]).status.code() != Some(until) {
            runs += 1;
            assert!(runs < 30, "it comes to no end");
        }
    };
    again(3);
    msp.advance("10s");
    msp.approve();
    again(0);
    msp.cloud_behaves("instant");
    msp.assert_undisturbed("in a hostile cloud");
}
