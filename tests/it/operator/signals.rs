//! The process: its pages, its logs, its end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::apiserver::cluster;
use crate::support::estate::Estate;

/// A page of the operator: status and text.
fn page(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn health_and_metrics_are_served_and_name_no_object() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "pages");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let operator =
        estate.operator_with(&["--namespace", "pages", "--allow-endpoint", "127.0.0.1", "--metrics-listen", &listen]);
    estate.until("it is ready", || page(port, "/readyz").is_some_and(|(status, _)| status == 200));
    assert_eq!(page(port, "/livez").unwrap().0, 200);
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    let lines = [
        "tenantry_objects{kind=\"Tenant\",ready=\"False\"} 1",
        "tenantry_waits{on=\"person\",who=\"Customer\",reason=\"AwaitingCustomerApproval\"} 1",
        "tenantry_changes_total{class=\"Relationship\",action=\"create\"} 1",
        "tenantry_microsoft_requests_total{service=\"graph\",outcome=\"ok\"}",
        "tenantry_reconcile_total{kind=\"Tenant\",outcome=\"waiting\"}",
    ];
    let text = || page(port, "/metrics").unwrap().1;
    estate.until("all series are there", || lines.iter().all(|line| text().contains(line)));
    let text = text();
    assert!(!text.contains("contoso") && text.ends_with("# EOF\n"));
    estate.end(operator);
}

#[test]
fn sigterm_finishes_the_step_in_hand_and_ends_with_0() {
    let Some(cluster) = cluster() else { return };
    let estate = Estate::first(cluster, "sigterm");
    let operator = estate.operator();
    estate.until("it is at work", || !estate.cloud.control().requests(0, true).is_empty());
    let run = estate.end(operator);
    let lines: Vec<Value> = run.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let last = lines.last().unwrap();
    assert_eq!(last["message"], "the operator has ended", "{last}");
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    // What was begun is whole: the next process finds nothing half done.
    let operator = estate.operator();
    estate.until_condition("partnerapp/rallied", "Ready", "True/Ready");
    estate.until_condition("tenant/contoso", "Ready", "False/AwaitingCustomerApproval");
    estate.end(operator);
}

#[test]
fn without_the_crds_it_says_what_to_install_and_waits() {
    let Some(cluster) = crate::support::apiserver::alone() else { return };
    let dir = crate::support::cmd::Dir::new();
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let operator =
        dir.cmd(["operator", "--metrics-listen", "", "--log-format", "text"]).env("KUBECONFIG", &kubeconfig).start();
    std::thread::sleep(std::time::Duration::from_secs(3));
    operator.terminate();
    let run = operator.wait();
    run.ok();
    assert!(run.stderr.contains("tenants.tenantry.dev") && run.stderr.contains("tenantry crds"), "{run}");
}

#[test]
fn a_cluster_that_is_not_there_is_an_error_with_a_remedy() {
    let dir = crate::support::cmd::Dir::new();
    let run = dir.cmd(["operator"]).env("KUBECONFIG", "/nowhere/config").run();
    run.code(1);
    assert!(run.stderr.contains("KUBECONFIG"), "{run}");
}
