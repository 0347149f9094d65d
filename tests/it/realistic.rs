//! The main job against a cloud that behaves as Microsoft does in time: replicas that lag, roles that arrive late,
//! writes that hide that they succeeded.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::msp::{APP, CUSTOMER, Msp, PARTNER, condition, object, same};

/// The example in a realistic cloud of a seed.
fn realistic(seed: u64) -> Msp {
    let world = format!("seed: {seed}\nprofile: realistic\npartner:\n");
    Msp::new().with(".sandbox/world.yaml", "partner:\n", &world)
}

/// Up to the click, the click, and on to Ready.
#[track_caller]
fn onboard(msp: &Msp) {
    msp.run("apply", &["--auto-approve", "--wait"]).code(3);
    msp.advance("10s");
    msp.approve();
    msp.run("apply", &["--auto-approve", "--wait=6h"]).ok();
}

#[test]
fn the_journey_reaches_ready_and_makes_nothing_twice() {
    let msp = realistic(1);
    onboard(&msp);
    let status = msp.status();
    assert_eq!(object(&status, "tenants", "contoso")["ready"], true, "{status:#}");
    msp.assert_undisturbed("in a realistic cloud");
    println!("{}", msp.requests().len());
}
