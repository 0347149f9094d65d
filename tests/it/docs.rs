//! Pages that are made from tables say what the tables say.

use std::fmt::Write as _;

use tenantry::api::conditions::{ConditionType, table};
use tenantry::telemetry::metrics::SERIES;

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

const METRICS_HEAD: &str = "\
# Metrics

What the operator serves at `/metrics` (`--metrics-listen`), in the OpenMetrics format. Labels come from closed lists and never
name an object, so that the number of series does not grow with the number of customers. Counters start at zero with the
process. Made from the table in `src/telemetry/metrics/series.rs` (`UPDATE_DOCS=1 cargo test --test it docs`).

| name | type | labels | meaning |
|---|---|---|---|
";

fn metrics_page() -> String {
    let mut page = METRICS_HEAD.to_owned();
    for series in SERIES {
        let labels: Vec<String> = series.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        writeln!(page, "| `{}` | {} | {labels} | {}. |", series.name, series.measures.word(), series.meaning).unwrap();
    }
    page
}

/// Compares a page with what it is made from, or writes it anew.
fn check(name: &str, page: &str) {
    let path = root().join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/{name} is old: UPDATE_DOCS=1 cargo test --test it docs");
}

#[test]
fn the_page_of_conditions_is_the_table() {
    check("conditions.md", &page());
}

#[test]
fn the_page_of_metrics_is_the_table() {
    check("metrics.md", &metrics_page());
}
