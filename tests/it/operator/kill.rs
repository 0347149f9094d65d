//! SIGKILL in the middle of an onboarding, again and again: all memory is at Microsoft.

use std::time::Duration;

use crate::operator::fleet::{fleet, until};
use crate::support::apiserver::cluster;
use crate::support::estate::Estate;
use crate::support::msp::same;

const CUSTOMERS: usize = 20;

/// Pauses between start and kill, spread over what an onboarding takes, in an order that a seed gives.
fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(250 + (state >> 33) % 1500)
    })
}

/// Onboards, killed `kills` times on the way, and gives the world and what was written.
fn onboarded(namespace: &str, kills: usize) -> Option<(serde_json::Value, Vec<String>)> {
    let cluster = cluster()?;
    let (world, manifests) = fleet(CUSTOMERS);
    let estate = Estate::with_world(cluster, namespace, world);
    estate.apply_folder("examples/first");
    estate.apply(&manifests);
    let mut pauses = pauses(20_261_127);
    for half in 0..2 {
        for _ in 0..kills / 2 {
            let operator = estate.operator();
            std::thread::sleep(pauses.next().unwrap());
            operator.kill();
        }
        let operator = estate.operator();
        match half {
            0 => {
                until(&estate, "AwaitingCustomerApproval", CUSTOMERS + 1);
                estate.until_condition("partnerapp/rallied", "Ready", "True/Ready");
                estate.customers_accept();
                // The second half begins in the middle of what follows the click.
                if kills > 0 {
                    std::thread::sleep(pauses.next().unwrap() / 4);
                    operator.kill();
                } else {
                    estate.end(operator);
                }
            }
            _ => {
                until(&estate, "Ready", CUSTOMERS + 1);
                estate.end(operator);
            }
        }
    }
    let world = estate.cloud.control().state_of_world();
    let all = estate.cloud.control().requests(0, true);
    let creates = all.iter().filter(|e| e.method == "POST" && (200..300).contains(&e.status));
    Some((world, creates.map(|e| e.path.clone()).collect()))
}

#[test]
fn an_onboarding_of_twenty_that_is_killed_ten_times_ends_as_if_nothing_had_happened() {
    let Some((undisturbed, calm)) = onboarded("calm", 0) else { return };
    let Some((killed, hard)) = onboarded("killed", 10) else { return };
    same(&killed, &undisturbed, "killed ten times");
    // A credential that was made and could not be stored is taken back and made again; nothing else is made twice.
    let made = |all: &[String]| all.iter().filter(|p| !p.contains("Password")).count();
    assert_eq!(made(&hard), made(&calm), "{hard:#?}");
}
