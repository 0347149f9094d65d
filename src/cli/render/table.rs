//! The fleet table: one line a customer, the columns of `kubectl get tenants`.

use jiff::Timestamp;
use serde_json::Value;

use super::super::style::Paint;
use super::{age, clean};
use crate::engine::conditions::{Condition, Status};
use crate::engine::plan::PlannedWait;
use crate::pass::{Looked, Standing};

const HEAD: [&str; 11] =
    ["NAME", "DOMAIN", "GDAP", "CONSENT", "EXCHANGE", "CA", "READY", "WAITS-FOR", "SINCE", "ENDS", "AGE"];

/// What is not there; a blank cell would shift the columns for `awk`.
const NONE: &str = "-";

/// The table; empty when no customer is declared.
pub fn fleet(looked: &Looked, paint: Paint) -> String {
    let tenants = looked.objects.iter().filter(|o| o.address.starts_with("Tenant/"));
    let rows: Vec<[String; 11]> = tenants.map(|tenant| row(tenant, looked)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 11] = std::array::from_fn(width);
    let line = |cells: [&str; 11], paint_cell: &dyn Fn(usize, &str) -> String| {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            line += &paint_cell(column, cell);
            if column + 1 < cells.len() {
                line += &" ".repeat(widths[column] - cell.chars().count() + 2);
            }
        }
        line + "\n"
    };
    let mut text = line(HEAD, &|_, cell| paint.bold(cell));
    for row in &rows {
        text += &line(std::array::from_fn(|n| row[n].as_str()), &|column, cell| match (HEAD[column], cell) {
            ("READY", "True") => paint.green(cell),
            ("READY", "Unknown") => paint.yellow(cell),
            ("READY", _) => paint.red(cell),
            ("WAITS-FOR", who) if who != NONE => paint.yellow(cell),
            _ => cell.to_owned(),
        });
    }
    text
}

fn row(tenant: &Standing, looked: &Looked) -> [String; 11] {
    let reason = |kind: &str| condition(tenant, kind).map_or(NONE, |c| c.reason).to_owned();
    let ready = condition(tenant, "Ready").map_or(NONE, |c| word(c.status)).to_owned();
    let wait = first_wait(tenant, &looked.plan.waits);
    let who = wait.map_or(NONE, |w| w.wait.who.word()).to_owned();
    let since = wait.and_then(|w| w.wait.since).map_or(NONE.to_owned(), |since| age(since, looked.now));
    let name = tenant.address.split_once('/').map_or(tenant.address.as_str(), |(_, name)| name);
    [
        cell(name),
        cell(&domain(tenant)),
        reason("GdapActive"),
        reason("ConsentGranted"),
        reason("ExchangeReady"),
        reason("ConditionalAccessCompatible"),
        ready,
        who,
        since,
        cell(&ends(tenant)),
        NONE.to_owned(),
    ]
}

/// A cell of the data's: never blank, without spaces.
fn cell(text: &str) -> String {
    match text.trim() {
        "" => NONE.to_owned(),
        text => clean(text).replace(char::is_whitespace, "_"),
    }
}

/// A condition of an object, by its type.
pub(super) fn condition<'a>(object: &'a Standing, kind: &str) -> Option<&'a Condition> {
    object.conditions.iter().find(|c| c.kind == kind)
}

pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::True => "True",
        Status::False => "False",
        Status::Unknown => "Unknown",
    }
}

/// The wait that everything else of this object stands behind: a person's before Microsoft's.
pub(super) fn first_wait<'a>(object: &Standing, waits: &'a [PlannedWait]) -> Option<&'a PlannedWait> {
    let mut own: Vec<&PlannedWait> = waits.iter().filter(|w| w.address == object.address).collect();
    own.sort_by_key(|w| w.wait.who.on() != "person");
    own.into_iter().next()
}

fn domain(tenant: &Standing) -> String {
    let fact = |name: &str| tenant.facts.get(name).and_then(Value::as_str);
    fact("domain").or_else(|| fact("defaultDomain")).unwrap_or_default().to_owned()
}

/// The day on which the relationship ends.
fn ends(tenant: &Standing) -> String {
    if let Some(ends) = tenant.facts.get("ends").and_then(Value::as_str) {
        return ends.to_owned();
    }
    let at = tenant.facts.get("relationship").and_then(|r| r.get("endsAt")).and_then(Value::as_str);
    let parsed = at.and_then(|at| at.parse::<Timestamp>().ok());
    parsed.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}
