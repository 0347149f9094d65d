//! What goes away and comes back: the API server, etcd, Microsoft. Nothing is ever said to be fine meanwhile.

use std::time::Duration;

use serde_json::json;

use crate::support::apiserver::{alone, cluster};
use crate::support::estate::Estate;

#[test]
fn the_api_server_is_restarted_and_etcd_paused_and_the_operator_goes_on() {
    let Some(cluster) = alone() else { return };
    {
        let estate = Estate::first(&cluster, "default");
        let operator = estate.operator();
        estate.until_invited();
        cluster_pause(&estate);
        estate.customers_accept();
        estate.until_condition("tenant/contoso", "Ready", "True/Ready");
        estate.end(operator);
    }
    // The same operator process lives through a restart, with its watches broken.
    let estate = Estate::first(&cluster, "restarted");
    let mut operator = estate.operator();
    estate.until_invited();
    cluster.restart();
    estate.customers_accept();
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    assert!(!operator.has_ended());
    estate.end(operator);
}

fn cluster_pause(estate: &Estate<'_>) {
    estate.cluster.signal("etcd", "STOP");
    std::thread::sleep(Duration::from_secs(3));
    estate.cluster.signal("etcd", "CONT");
    estate.until("the API server is well", || estate.cluster.kubectl(["get", "--raw=/readyz"]).status.success());
}

#[test]
fn microsoft_is_away_for_a_while_and_status_says_unknown_and_never_fine() {
    let Some(cluster) = cluster() else { return };
    let mut estate = Estate::onboarded(cluster, "away");
    let world = estate.cloud.control().state_of_world();
    // Nobody answers at that address.
    estate.cloud.vanish();
    let operator_flags = ["--namespace", "away", "--allow-endpoint", "127.0.0.1"];
    let url = estate.cloud.url();
    let kubeconfig = cluster.kubeconfig().display().to_string();
    {
        let common = ["operator", "--endpoint", &url, "--metrics-listen", ""];
        let operator = estate.dir.cmd([&common[..], &operator_flags].concat()).env("KUBECONFIG", &kubeconfig).start();
        for object in ["tenant/contoso", "partner/northwind", "partnerapp/rallied"] {
            estate.kubectl(["annotate", object, "tenantry.dev/requestedAt=now", "--overwrite"]);
            estate.until(&format!("{object} is Unknown"), || estate.condition(object, "Ready") == "Unknown/Unreadable");
        }
        assert_eq!(estate.condition("tenant/contoso", "GdapActive"), "Unknown/Unreadable");
        let held = estate.get("tenant/contoso")["status"].clone();
        assert!(held["lastVerified"].is_string(), "when it was last verified is still known");
        estate.end(operator);
    }
    estate.cloud.return_();
    let operator = estate.operator();
    estate.until_condition("tenant/contoso", "Ready", "True/Ready");
    estate.until_condition("partner/northwind", "Ready", "True/Ready");
    assert_eq!(estate.cloud.control().state_of_world(), world);
    estate.end(operator);
}

#[test]
fn a_throttled_read_frees_the_worker_and_is_made_when_microsoft_said() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "throttled");
    estate.cloud.fault(json!({"throttle": {"next": 1000, "retryAfter": 315}}));
    let operator = estate.operator();
    estate.until_condition("partner/northwind", "Ready", "Unknown/Throttled");
    estate.settle();
    let asked = estate.cloud.mark();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(estate.cloud.since(&asked).http, 0, "nobody asks before the time is over");
    estate.cloud.fault(json!({"clear": true}));
    estate.cloud.advance("316s");
    estate.until_condition("partner/northwind", "Ready", "True/Ready");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    estate.end(operator);
}
