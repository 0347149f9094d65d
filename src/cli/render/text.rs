//! The plan, for people.

use super::super::style::Paint;
use super::{clean, count, diff, indent, moment, object};
use crate::engine::plan::{Cost, Plan, PlannedWait};
use crate::engine::step::{Action, Change, Wait};

/// How much of the hash people compare.
const SHORT: usize = 12;

/// All but diagnostics and the last lines: changes by object, differences that are only reported,
/// waits, notes. Empty when there is nothing of these.
pub fn plan(plan: &Plan, paint: Paint) -> String {
    let mut text = changes(&plan.changes, paint);
    if !plan.drift.is_empty() {
        text += &format!("{}\n\n", paint.bold("Differences that are reported and not repaired (management: Observe):"));
        text += &changes(&plan.drift, paint);
    }
    if !plan.waits.is_empty() {
        text += &format!("{}\n\n", paint.bold("Waits:"));
        for wait in &plan.waits {
            text += &format!("{}\n\n", indent(&self::wait(wait, &plan.behind, paint), 2));
        }
    }
    if !plan.notes.is_empty() {
        text += &format!("{}\n", paint.bold("Notes:"));
        for note in &plan.notes {
            text += &format!("  {}\n", clean(note));
        }
        text.push('\n');
    }
    text
}

/// Changes, grouped by their object.
fn changes(changes: &[Change], paint: Paint) -> String {
    let mut text = String::new();
    for group in changes.chunk_by(|a, b| object(&a.address) == object(&b.address)) {
        let name = group.first().map(|c| object(&c.address)).unwrap_or_default();
        text += &format!("{}\n", paint.bold(&clean(name)));
        for change in group {
            text += &format!("{}\n", indent(&self::change(change, paint), 2));
        }
        text.push('\n');
    }
    text
}

/// One change: what, how it differs, why.
fn change(change: &Change, paint: Paint) -> String {
    let part = change.address.split_once(':').map_or_else(|| object(&change.address), |(_, part)| part);
    let class = paint.dim(&format!("({})", change.class));
    let mut text = format!("{} {} {class}", symbol(change.action, paint), paint.bold(&clean(part)));
    for line in diff::lines(change, paint) {
        text += &format!("\n    {line}");
    }
    let why = why(change);
    if !why.is_empty() {
        text += &format!("\n    {}", paint.dim(&format!("# {why}")));
    }
    text
}

fn why(change: &Change) -> String {
    let parts = [change.reason.as_str(), change.origin.as_str()];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).map(clean).collect();
    parts.join("; ")
}

fn symbol(action: Action, paint: Paint) -> String {
    match action {
        Action::Create => paint.green("+"),
        Action::Update => paint.yellow("~"),
        Action::Delete => paint.red("-"),
    }
}

/// One wait: who must act, what exactly, and what follows.
fn wait(planned: &PlannedWait, behind: &[Change], paint: Paint) -> String {
    let Wait { condition, reason, who, since, deadline, what, .. } = &planned.wait;
    let address = paint.bold(&clean(&planned.address));
    let whom = paint.yellow(who.word());
    let state = paint.dim(&format!("({condition}: {reason})"));
    let mut text = format!("⏳ {address} waits for {whom} {state}\n");
    if !what.is_empty() {
        text += &format!("{}\n", indent(&clean(what), 3));
    }
    if let Some(link) = link(planned) {
        text += &format!("   link      {}\n", paint.cyan(&link));
    }
    // What is only made by the apply waits for nobody yet.
    if planned.wait.link.is_none() || planned.link().is_some() {
        text += &format!("   since     {}\n", since.map_or("(unknown)".to_owned(), moment));
    }
    if let Some(deadline) = deadline {
        text += &format!("   deadline  {}\n", moment(*deadline));
    }
    if !planned.then.is_empty() {
        text += "   then\n";
        for address in &planned.then {
            let change = behind.iter().find(|change| change.address == *address);
            let symbol = change.map_or_else(|| " ".to_owned(), |change| symbol(change.action, paint));
            let why = change.map(why).filter(|why| !why.is_empty());
            let why = why.map(|why| paint.dim(&format!("  # {why}"))).unwrap_or_default();
            text += &format!("     {symbol} {}{why}\n", clean(address));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The link of a wait, or that the apply will tell it.
pub fn link(planned: &PlannedWait) -> Option<String> {
    planned.wait.link.as_ref()?;
    Some(planned.link().map_or_else(|| "(known after apply)".to_owned(), |link| clean(&link).into_owned()))
}

/// The last lines: what it comes to, what it cost, and the hash that an approval covers.
pub fn verdict(plan: &Plan, cost: &Cost, paint: Paint) -> String {
    let s = plan.summary();
    let nothing = plan.changes.is_empty() && plan.behind.is_empty() && plan.drift.is_empty();
    let mut text = if nothing && plan.waits.is_empty() && !plan.errored() {
        format!("{}\n", paint.green("No changes. What is declared is what Microsoft has."))
    } else {
        let line = format!(
            "Plan: {} to create, {} to update, {} to delete; {} unchanged, {} behind waits.",
            s.create, s.update, s.delete, s.unchanged, s.waiting
        );
        format!("{}\n", paint.bold(&line))
    };
    let hash: String = plan.hash().chars().take(SHORT).collect();
    text += &format!("{}\n", paint.dim(&format!("{} Hash: {hash}", self::cost(cost))));
    text
}

/// What a run cost at Microsoft's side.
pub fn cost(cost: &Cost) -> String {
    format!(
        "Cost: {}, {}, {}, {}, {}.",
        count(cost.http, "request"),
        count(cost.tokens, "token"),
        count(cost.reads, "read"),
        count(cost.writes, "write"),
        count(cost.resource_units, "resource unit")
    )
}
