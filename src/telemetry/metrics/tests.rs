use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::cloud::answer::Answer;
use crate::engine::read::Service;

/// Every series with a value that does not vary, but for those of the process.
fn filled() -> Metrics {
    let metrics = Metrics::new("1.2.3", &["Tenant"]);
    metrics.reconciled("Tenant", Outcome::Ready, 0.2);
    metrics.reconciled("Tenant", Outcome::Waiting, 400.0);
    metrics.failed("Tenant", ErrorClass::Person);
    metrics.changed(Class::Consent, Action::Create);
    metrics.status_written("Tenant");
    metrics.event(EventType::Warning);
    metrics.set_queue(Queue { depth: 4, running: 2, oldest_due: 1.5 });
    metrics.set_token_age(Some(86400.0));
    let object = |ready, waits, verified_ago| Object { kind: "Tenant", ready, suspended: false, waits, verified_ago };
    let wait = Wait { on: "GdapReady", who: "Customer", reason: "ApprovalPending" };
    metrics.set_objects([object(Status::Unknown, vec![], None)]);
    metrics.set_objects([
        object(Status::True, vec![], Some(10.0)),
        object(Status::False, vec![wait], Some(3600.0)),
        Object { suspended: true, ..object(Status::False, vec![wait], None) },
    ]);
    let traffic = Arc::new(Traffic::default());
    let body = json!({"responses": [{"status": 200}, {"status": 403}, {"status": 429}]});
    traffic.ended(Service::Graph, true, Ok(&Answer { status: 200, body, ..Answer::default() }));
    traffic.wrote(Service::Graph);
    traffic.spent(5);
    traffic.held_back(std::time::Duration::from_millis(2500));
    metrics.watch(&traffic);
    metrics.watch(&traffic);
    metrics
}

/// A series as the text shows it: name, type, labels, and samples in order.
struct Shown {
    name: String,
    measures: String,
    labels: BTreeSet<String>,
    samples: Vec<String>,
}

/// Reads the format as a scraper does: each family once, its samples below it, `# EOF` at the end.
fn shown(text: &str) -> Vec<Shown> {
    let body = text.strip_suffix("# EOF\n").unwrap();
    let mut all: Vec<Shown> = Vec::new();
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.ends_with('.') && !help.ends_with(".."), "{help}");
        } else if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, measures) = described.split_once(' ').unwrap();
            let ending = match measures {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let name = format!("{name}{ending}");
            assert!(all.iter().all(|other| other.name != name), "{name} twice");
            all.push(Shown { name, measures: measures.into(), labels: BTreeSet::new(), samples: vec![] });
        } else if !line.starts_with("# UNIT ") {
            let family = all.last_mut().unwrap();
            assert!(line.starts_with(&family.name), "{line}");
            let labels = line.split_once('{').map(|(_, rest)| rest.split_once('}').unwrap().0).unwrap_or_default();
            let names = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name);
            family.labels.extend(names.filter(|name| *name != "le").map(str::to_owned));
            family.samples.push(line.to_owned());
        }
    }
    all
}

#[test]
fn the_text_is_openmetrics_with_a_sample_for_all_that_is_known() {
    let mut text = String::new();
    for family in shown(&filled().text().unwrap()) {
        let mut samples = family.samples;
        // Buckets come in order; others as a hash has them.
        if family.measures != "histogram" {
            samples.sort();
        }
        // Those at zero are there too, but tell nothing here.
        samples.retain(|sample| !sample.ends_with(" 0") && !sample.starts_with("process_"));
        text += &samples.iter().map(|sample| format!("{sample}\n")).collect::<String>();
    }
    insta::assert_snapshot!(text, @r#"
    tenantry_reconcile_total{kind="Tenant",outcome="ready"} 1
    tenantry_reconcile_total{kind="Tenant",outcome="waiting"} 1
    tenantry_reconcile_seconds_sum{kind="Tenant"} 400.2
    tenantry_reconcile_seconds_count{kind="Tenant"} 2
    tenantry_reconcile_seconds_bucket{le="0.25",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="0.5",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="1.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="2.5",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="5.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="10.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="30.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="60.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="120.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="300.0",kind="Tenant"} 1
    tenantry_reconcile_seconds_bucket{le="+Inf",kind="Tenant"} 2
    tenantry_reconcile_errors_total{kind="Tenant",class="person"} 1
    tenantry_changes_total{class="Consent",action="create"} 1
    tenantry_status_writes_total{kind="Tenant"} 1
    tenantry_events_total{type="Warning"} 1
    tenantry_build_info{version="1.2.3"} 1
    tenantry_objects{kind="Tenant",ready="False"} 2
    tenantry_objects{kind="Tenant",ready="True"} 1
    tenantry_waits{on="GdapReady",who="Customer",reason="ApprovalPending"} 2
    tenantry_suspended{kind="Tenant"} 1
    tenantry_last_verified_seconds{kind="Tenant"} 3600.0
    tenantry_queue_depth 4
    tenantry_queue_running 2
    tenantry_queue_oldest_due_seconds 1.5
    tenantry_token_age_seconds 86400.0
    tenantry_microsoft_requests_total{service="graph",outcome="ok"} 1
    tenantry_microsoft_requests_total{service="graph",outcome="refused"} 1
    tenantry_microsoft_requests_total{service="graph",outcome="throttled"} 1
    tenantry_microsoft_writes_total{service="graph"} 1
    tenantry_microsoft_resource_units_total 5
    tenantry_throttled_seconds_total 2.5
    "#);
}

#[test]
fn names_types_and_labels_are_those_of_the_table() {
    let text = filled().text().unwrap();
    let mut is: Vec<String> = shown(&text).iter().map(|s| row(&s.name, &s.measures, &s.labels)).collect();
    let labels = |series: &Series| series.labels.iter().map(|label| (*label).to_owned()).collect();
    let mut told: Vec<String> =
        SERIES.iter().map(|series| row(series.name, series.measures.word(), &labels(series))).collect();
    is.sort();
    told.sort();
    assert_eq!(is, told);
    insta::assert_snapshot!(told.join("\n"), @r"
    process_resident_memory_bytes gauge
    process_start_time_seconds gauge
    tenantry_build_info info version
    tenantry_changes_total counter action class
    tenantry_events_total counter type
    tenantry_last_verified_seconds gauge kind
    tenantry_microsoft_requests_total counter outcome service
    tenantry_microsoft_resource_units_total counter
    tenantry_microsoft_writes_total counter service
    tenantry_objects gauge kind ready
    tenantry_queue_depth gauge
    tenantry_queue_oldest_due_seconds gauge
    tenantry_queue_running gauge
    tenantry_reconcile_errors_total counter class kind
    tenantry_reconcile_seconds histogram kind
    tenantry_reconcile_total counter kind outcome
    tenantry_status_writes_total counter kind
    tenantry_suspended gauge kind
    tenantry_throttled_seconds_total counter
    tenantry_token_age_seconds gauge
    tenantry_waits gauge on reason who
    ");
}

fn row(name: &str, measures: &str, labels: &BTreeSet<String>) -> String {
    let mut row = format!("{name} {measures}");
    for label in labels {
        write!(row, " {label}").unwrap();
    }
    row
}

#[test]
fn what_was_never_counted_is_there_at_zero_and_what_is_unknown_is_not_there() {
    let text = Metrics::new("1.2.3", &["Partner", "Tenant"]).text().unwrap();
    for sample in [
        "tenantry_reconcile_total{kind=\"Partner\",outcome=\"failed\"} 0",
        "tenantry_reconcile_errors_total{kind=\"Tenant\",class=\"permanent\"} 0",
        "tenantry_reconcile_seconds_count{kind=\"Tenant\"} 0",
        "tenantry_objects{kind=\"Partner\",ready=\"Unknown\"} 0",
        "tenantry_microsoft_requests_total{service=\"exchange\",outcome=\"throttled\"} 0",
        "tenantry_changes_total{class=\"Relationship\",action=\"delete\"} 0",
        "tenantry_throttled_seconds_total 0",
    ] {
        assert!(
            text.lines().any(|line| line.strip_suffix(".0").unwrap_or(line) == sample),
            "{sample} is not in\n{text}"
        );
    }
    for unknown in ["tenantry_token_age", "tenantry_last_verified", "tenantry_waits"] {
        assert!(!text.contains(unknown), "{text}");
    }
}

#[test]
fn a_snapshot_replaces_the_one_before_and_wires_add_up() {
    let metrics = filled();
    metrics.set_objects([]);
    let second = Arc::new(Traffic::default());
    second.wrote(Service::Graph);
    metrics.clone().watch(&second);
    let text = metrics.text().unwrap();
    assert!(text.contains("tenantry_objects{kind=\"Tenant\",ready=\"True\"} 0"), "{text}");
    assert!(!text.contains("tenantry_waits") && text.contains("tenantry_queue_running 2"), "{text}");
    assert!(text.contains("tenantry_microsoft_writes_total{service=\"graph\"} 2"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_its_memory_and_its_start() {
    let text = Metrics::new("1.2.3", &[]).text().unwrap();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes ") > 1e6);
    assert!(value("process_start_time_seconds ") > 1.7e9);
}
