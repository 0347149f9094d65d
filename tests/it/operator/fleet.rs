//! A fleet: what it costs while nothing happens, and that one object never stops the others.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tenantry::sandbox::world::{CustomerFile, WorldFile};

use crate::support::apiserver::cluster;
use crate::support::cmd::Running;
use crate::support::estate::{Cost, Estate, first_world};

/// So many customers that what is read once for all and what is read for each can be told apart.
const FLEET: usize = 200;
const PATIENCE: Duration = Duration::from_secs(240);

fn id(n: usize) -> String {
    format!("f1ee7000-0000-4000-8000-{n:012}")
}

/// The first example's world with so many customers, and their manifests.
pub fn fleet(size: usize) -> (WorldFile, String) {
    let mut world = first_world();
    let mut manifests = String::new();
    for n in 0..size {
        let (name, domain) = (format!("fleet-{n:04}"), format!("fleet-{n:04}.example"));
        let customer = CustomerFile {
            tenant_id: id(n),
            display_name: name.clone(),
            domain: domain.clone(),
            ..CustomerFile::default()
        };
        world.customers.push(customer);
        let spec = format!("{{ class: managed, tenantId: {}, domain: {domain} }}", id(n));
        writeln!(
            manifests,
            "---\napiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec: {spec}"
        )
        .unwrap();
    }
    (world, manifests)
}

/// How many Tenants are Ready for this reason, or not.
pub fn count(estate: &Estate<'_>, ready: &str) -> usize {
    let path = "jsonpath={range .items[*]}{.status.conditions[?(@.type==\"Ready\")].reason}{\"\\n\"}{end}";
    estate.kubectl(["get", "tenants", "-o", path]).lines().filter(|line| *line == ready).count()
}

#[track_caller]
pub fn until(estate: &Estate<'_>, ready: &str, wanted: usize) {
    let started = Instant::now();
    while count(estate, ready) < wanted {
        let seen = count(estate, ready);
        assert!(started.elapsed() < PATIENCE, "only {seen} of {wanted} Tenants are {ready}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// From nothing to Ready, all of them.
fn onboard<'e>(estate: &'e Estate<'_>, manifests: &str) -> Running<'e> {
    estate.apply_folder("examples/first");
    estate.apply(manifests);
    let operator = estate.operator();
    let all = manifests.matches("kind: Tenant").count() + 1;
    until(estate, "AwaitingCustomerApproval", all);
    estate.customers_accept();
    until(estate, "Ready", all);
    operator
}

#[test]
fn a_converged_fleet_of_two_hundred_costs_little_and_writes_nothing() {
    let Some(cluster) = cluster() else { return };
    let (world, manifests) = fleet(FLEET);
    let estate = Estate::with_world(cluster, "fleet", world);
    let operator = onboard(&estate, &manifests);
    // What is counted among its tenants is written within seconds.
    let all = FLEET + 1;
    estate.until("the app has counted", || {
        estate.get("partnerapp/rallied")["status"]["tenants"] == format!("{all}/{all}")
    });
    interval(&estate);

    let (before, mark) = (estate.versions(), estate.cloud.mark());
    let mut passes = 0;
    for _ in 0..3 {
        let cost = interval(&estate);
        passes += all;
        // The service account's token for a tenant lives for an hour: each look takes a new one.
        assert!(cost.tokens >= all * 9 / 10, "everybody had a turn: {cost:?}");
    }
    let cost = estate.cloud.since(&mark);
    let per = |n: usize| n as f64 / passes as f64;
    println!("{passes} looks: {:.2} HTTP, {:.2} tokens each; {cost:?}", per(cost.http), per(cost.tokens));
    assert_eq!(cost.writes, 0, "nothing is written to Microsoft");
    assert!(per(cost.http) <= 2.0 && per(cost.tokens) <= 3.0, "{cost:?} for {passes} looks");
    let changed: Vec<_> = estate.versions().into_iter().filter(|now| !before.contains(now)).collect();
    assert_eq!(changed, [], "no status was written");
    estate.end(operator);

    // After a restart each has its turn where it was: no stampede, and nobody is forgotten.
    let operator = estate.operator();
    std::thread::sleep(Duration::from_secs(3));
    let mark = estate.cloud.mark();
    estate.cloud.advance("15m");
    estate.settle();
    // A look after a restart takes three tokens: nothing is remembered.
    let quarter = estate.cloud.since(&mark).tokens / 3;
    assert!((all / 10..all / 2).contains(&quarter), "{quarter} of {all} in a quarter of the interval");
    estate.end(operator);
}

/// A drift interval, a quarter at a time, and what it cost.
fn interval(estate: &Estate<'_>) -> Cost {
    let mark = estate.cloud.mark();
    for _ in 0..4 {
        estate.cloud.advance("15m");
        estate.settle();
    }
    estate.cloud.since(&mark)
}
