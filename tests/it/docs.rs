//! Pages that are made from tables say what the tables say.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use tenantry::api::conditions::{ConditionType, table};
use tenantry::telemetry::{Gauges, Metrics, Outcome};

use crate::support::root;

const HEAD: &str = "\
# Conditions and reasons

What `status` and `kubectl get` say, as a closed list. A wait is False with its reason; Unknown only means that something
could not be read, and never that it is fine. Made from the table in `src/api/conditions/table.rs`
(`UPDATE_DOCS=1 cargo test --test it docs`).

Retry: *Transient* passes by itself, *Person* waits for somebody, *Fixable* is repaired by the next apply, *Permanent* stays
until a declaration, a licence or a contract changes.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for kind in ConditionType::ALL {
        let rows: Vec<_> = table().iter().filter(|row| row.condition == *kind).collect();
        if rows.is_empty() {
            continue;
        }
        write!(page, "\n## {kind}\n\n| reason | status | retry | who acts | read on |\n|---|---|---|---|---|\n")
            .unwrap();
        for row in rows {
            let retry = row.retry.map_or("–".to_owned(), |retry| format!("{retry:?}"));
            let who = if format!("{:?}", row.who) == "Nobody" { "–".to_owned() } else { format!("{:?}", row.who) };
            let link = if row.link.starts_with("http") { format!("[Microsoft]({})", row.link) } else { "–".into() };
            writeln!(page, "| {} | {:?} | {retry} | {who} | {link} |", row.reason, row.status).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_conditions_is_the_table() {
    let path = root().join("docs/conditions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page(), "docs/conditions.md is old: UPDATE_DOCS=1 cargo test --test it docs");
}

#[test]
fn the_page_of_metrics_names_every_series_and_no_other() {
    let page = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `tenantry_")?.split('`').next()).collect();
    let metrics = Metrics::default();
    // A series with labels shows only once there is something to show.
    metrics.reconciled("Tenant", Outcome::Ready, 0.1);
    metrics.changed("Consent".into(), "create");
    metrics.status_written("Tenant");
    let one = Gauges {
        objects: vec![("Tenant", "True", 1)],
        waits: vec![("Customer", 1)],
        requests: vec![("graph", "ok", 1)],
        ..Gauges::default()
    };
    let text = metrics.text(&one);
    let help = text.lines().filter_map(|line| line.strip_prefix("# TYPE tenantry_"));
    let name = |line: &str| {
        let (name, kind) = line.split_once(' ').unwrap();
        match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        }
    };
    let there: BTreeSet<String> = help.map(name).collect();
    assert_eq!(told, there.iter().map(String::as_str).collect());
}
