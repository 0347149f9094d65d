//! Microsoft's bad days: throttling, answers that are lost, and a person who presses Ctrl-C.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::msp::{Msp, condition, same};

/// The one credential that is declared exists once, and it is the one in the sink.
#[track_caller]
fn one_credential(msp: &Msp, what: &str) {
    let kept = msp.dir.read(".tenantry/secrets/rallied-credentials/keyId");
    assert_eq!(msp.key_ids(), [kept.trim()], "{what}");
    let status = msp.status();
    let objects = ["partners", "apps", "templates", "relationships", "tenants"].map(|list| status[list].as_array());
    for object in objects.into_iter().flatten().flatten() {
        assert_eq!(condition(object, "Synced"), "True/Synced", "{what}: {object:#}");
        if object["name"] == "rallied" {
            assert_eq!(condition(object, "SecretValid"), "True/Valid", "{what}");
        }
    }
}

/// Seconds of the cloud's time between two requests.
fn pause(earlier: &Value, later: &Value) -> i64 {
    let time = |r: &Value| r["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    time(later).duration_since(time(earlier)).as_secs()
}

#[test]
fn throttling_is_honoured_whatever_its_length_and_the_journey_completes() {
    let msp = Msp::new();
    msp.fault(json!({"throttle": {"next": 3, "retryAfter": 315}}));
    msp.apply().code(3);
    msp.approve();
    msp.fault(json!({"throttle": {"next": 3, "retryAfter": 315}}));
    msp.apply().ok();
    let log = msp.requests();
    let throttled: Vec<usize> = (0..log.len()).filter(|at| log[*at]["status"] == 429).collect();
    assert_eq!(throttled.len(), 6);
    for at in throttled {
        let again = log[at + 1..].iter().find(|r| r["path"] == log[at]["path"] && r["method"] == log[at]["method"]);
        let waited = pause(&log[at], again.expect("it is asked again"));
        assert!(waited >= 315, "{waited} seconds after {:#}", log[at]);
    }
    msp.assert_undisturbed("after throttling");
    one_credential(&msp, "after throttling");
}

#[test]
fn throttling_without_end_is_an_error_that_says_so_and_the_next_run_completes() {
    let msp = Msp::new();
    msp.fault(json!({"throttle": {"next": 1_000_000, "retryAfter": 1}}));
    let run = msp.run("apply", &["--auto-approve", "-o", "json"]);
    let document = run.code(1).json();
    assert_eq!(document["errored"], true);
    let errors = document["diagnostics"].as_array().unwrap();
    assert!(errors.iter().any(|d| d["code"] == "TooManyRequests" || d["summary"].to_string().contains("429")), "{run}");
    assert_eq!(msp.writes(), 0);
    msp.fault(json!({"clear": true}));
    msp.onboard();
    msp.assert_undisturbed("after throttling without end");
}

/// Loses the answer of write k, after it was committed, for every k there is; how many there were. The apply itself or
/// at most the next one ends with `code`, in the same world as the one that nothing disturbed.
#[track_caller]
fn lost_at_every_write(begin: fn() -> Msp, code: i32) -> usize {
    let undisturbed = begin();
    undisturbed.apply().code(code);
    let (world, writes) = (undisturbed.world(), undisturbed.writes());
    for k in 1.. {
        let msp = begin();
        let what = format!("the answer to write {k} was lost");
        msp.fault(json!({"drop": {"write": k}}));
        let run = msp.apply();
        if !msp.faults()["active"]["drop"].is_null() {
            assert_eq!(msp.writes(), writes, "without a fault it is the undisturbed apply");
            return k - 1; // there is no k-th write
        }
        if run.exit_code() != Some(code) {
            msp.apply().code(code);
        }
        same(&msp.world(), &world, &what);
        one_credential(&msp, &what);
    }
    unreachable!("the loop ends with the writes")
}

#[test]
fn an_answer_that_is_lost_at_any_write_of_the_first_apply_does_no_harm() {
    assert!(lost_at_every_write(Msp::new, 3) >= 15);
}

#[test]
fn an_answer_that_is_lost_at_any_write_after_the_click_does_no_harm() {
    assert!(lost_at_every_write(Msp::accepted, 0) >= 10);
}

#[test]
fn a_secret_whose_answer_was_lost_is_made_again_and_not_kept_as_null() {
    let made = |msp: &Msp| msp.requests().iter().position(|r| r["path"].as_str().unwrap().ends_with("/addPassword"));
    let undisturbed = Msp::new();
    undisturbed.apply().code(3);
    let before = made(&undisturbed).unwrap();
    let k = 1 + undisturbed.requests()[..before].iter().filter(|r| r["write"] == true).count();
    let msp = Msp::new();
    msp.fault(json!({"drop": {"write": k}}));
    msp.apply().code(3);
    assert!(msp.dir.read(".tenantry/secrets/rallied-credentials/clientSecret").starts_with("cnry-"));
    one_credential(&msp, "the answer with the secret was lost");
}

/// Waits, in real time, until it holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what} does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn ctrl_c_ends_after_the_step_in_hand_and_the_next_run_completes() {
    let msp = Msp::new();
    msp.served(|url, cloud| {
        let args = ["apply", "-f", "examples/first", "--auto-approve", "--secrets-dir", ".tenantry/secrets"];
        let args = [&args[..], &["--endpoint", url]].concat();
        let running = msp.dir.cmd(&args).start();
        // In the middle Microsoft becomes slow: 315 seconds that nobody wants to wait for.
        until("a write", || !cloud.requests(0, true).is_empty());
        cloud.faults(&json!({"throttle": {"next": 1_000_000, "retryAfter": 315}})).unwrap();
        until("the throttling", || cloud.requests(0, false).iter().any(|r| r.status == 429));
        let written = cloud.requests(0, true).iter().filter(|r| r.status < 300).count();
        let pressed = Instant::now();
        running.interrupt();
        let run = running.wait();
        run.code(130);
        assert!(pressed.elapsed() < Duration::from_secs(10), "it waited for Microsoft");
        assert!(run.stderr.contains("interrupted: finishing the step in hand"), "{run}");
        assert!(run.stderr.contains("Running it again goes on from here."), "{run}");
        cloud.faults(&json!({"clear": true})).unwrap();
        let now = cloud.requests(0, true).iter().filter(|r| r.status < 300).count();
        assert!((1..17).contains(&written) && now == written, "{written} writes before, {now} after");
        msp.dir.run(&args).code(3);
    });
    msp.approve();
    msp.apply().ok();
    msp.assert_undisturbed("after Ctrl-C");
    one_credential(&msp, "after Ctrl-C");
}

#[test]
fn ctrl_c_in_a_long_wait_ends_it_at_once() {
    let msp = Msp::settled();
    msp.served(|url, cloud| {
        cloud.faults(&json!({"throttle": {"next": 1_000_000, "retryAfter": 315}})).unwrap();
        let args =
            ["apply", "-f", "examples/first", "--auto-approve", "--wait=3h", "--secrets-dir", ".tenantry/secrets"];
        let running = msp.dir.cmd([&args[..], &["--endpoint", url]].concat()).start();
        until("the throttling", || cloud.requests(0, false).iter().any(|r| r.status == 429));
        running.interrupt();
        running.wait().code(130);
    });
}
