//! The process dies at every point of the journey; the next run reaches the same world.
//!
//! SIGKILL at each mutating request k: before Microsoft commits it, after it is committed and
//! before the answer leaves, and after the answer. For every k there is.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::msp::{Msp, condition, object, same};

/// The world after a journey that nothing disturbed.
static UNDISTURBED: LazyLock<Value> = LazyLock::new(|| Msp::onboarded().world());

/// Kills at write k of the first apply (or of the one after the click), for every k there is;
/// how many there were.
#[track_caller]
fn at_every_write(when: &str, after_the_click: bool) -> usize {
    for k in 1.. {
        let msp = Msp::new();
        if after_the_click {
            msp.apply().code(3);
            msp.approve();
        }
        msp.fault(json!({"kill": {"write": k, "when": when}}));
        let run = msp.apply();
        if run.exit_code().is_some() {
            return k - 1; // there is no k-th write
        }
        if after_the_click {
            msp.apply().ok();
        } else {
            msp.apply().code(3);
            msp.approve();
            msp.apply().ok();
        }
        same_world(&msp, &format!("killed {when} of write {k}"));
    }
    unreachable!("the loop ends with the writes")
}

#[track_caller]
fn same_world(msp: &Msp, what: &str) {
    same(&msp.world(), &UNDISTURBED, what);
    // The one credential there is, is the one in the sink: nothing is orphaned, nothing lost.
    let status = msp.status();
    let app = object(&status, "apps", "rallied");
    assert_eq!(condition(app, "SecretValid"), "True/Valid", "{what}");
    assert_eq!(object(&status, "tenants", "contoso")["ready"], true, "{what}");
    assert_eq!(msp.plan()["changes"], json!([]), "{what}");
}

#[test]
fn killed_before_any_write_of_the_first_apply_is_committed() {
    assert!(at_every_write("before-commit", false) >= 15);
}

#[test]
fn killed_between_any_write_of_the_first_apply_and_its_answer() {
    assert!(at_every_write("before-answer", false) >= 15);
}

#[test]
fn killed_after_any_write_of_the_first_apply() {
    assert!(at_every_write("after-answer", false) >= 15);
}

#[test]
fn killed_before_any_write_after_the_click_is_committed() {
    assert!(at_every_write("before-commit", true) >= 10);
}

#[test]
fn killed_between_any_write_after_the_click_and_its_answer() {
    assert!(at_every_write("before-answer", true) >= 10);
}

#[test]
fn killed_after_any_write_after_the_click() {
    assert!(at_every_write("after-answer", true) >= 10);
}
