//! Errors and warnings for people.

use std::collections::BTreeMap;

use super::super::style::Paint;
use super::{clean, count, indent};
use crate::engine::diagnostic::{Diagnostic, Severity};

/// How many addresses of one cause are named.
const NAMED: usize = 4;

/// Kinds from the root on: one cause is told where it is nearest to it.
const KINDS: [&str; 6] = ["Partner", "PartnerApp", "GdapTemplate", "TenantClass", "GdapRelationship", "Tenant"];

/// All of them, most serious first. What many objects suffer from one cause is told once.
pub fn all(diagnostics: &[Diagnostic], paint: Paint) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut groups: Vec<Vec<&Diagnostic>> = Vec::new();
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    for diagnostic in sorted {
        match cause(diagnostic).map(|cause| *places.entry(cause).or_insert(groups.len())) {
            Some(place) if place < groups.len() => groups[place].push(diagnostic),
            _ => groups.push(vec![diagnostic]),
        }
    }
    groups.into_iter().map(|group| together(group, paint)).collect::<Vec<_>>().join("\n")
}

/// What has to be equal: all but whom it happened to, and to which of its reads.
fn cause(d: &Diagnostic) -> Option<(Severity, &str, &str, &str, &str)> {
    let (_, cause) = d.summary.rsplit_once(": ")?;
    (!d.code.is_empty()).then_some((d.severity, &d.code, cause, &d.detail, &d.remedy))
}

fn together(mut group: Vec<&Diagnostic>, paint: Paint) -> String {
    let rank = |d: &&Diagnostic| {
        let kind = d.address.split('/').next().unwrap_or_default();
        KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len())
    };
    group.sort_by_key(rank);
    let Some((first, others)) = group.split_first() else { return String::new() };
    let mut text = one(first, paint);
    let mut addresses: Vec<&str> = others.iter().map(|d| d.address.as_str()).filter(|a| *a != first.address).collect();
    addresses.dedup();
    if !addresses.is_empty() {
        let more = addresses.len().saturating_sub(NAMED);
        let named = addresses.iter().take(NAMED).map(|address| clean(address)).collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text += &format!("  {} {named}{more}\n", paint.cyan("the same for:"));
    }
    text
}

/// One, with its place, its remedy and Microsoft's request id.
pub fn one(diagnostic: &Diagnostic, paint: Paint) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let code = if diagnostic.code.is_empty() { String::new() } else { format!("[{}]", clean(&diagnostic.code)) };
    let head = format!("{word}{code}");
    let head = if diagnostic.is_error() { paint.red(&head) } else { paint.yellow(&head) };
    let summary = clean(&diagnostic.summary);
    // `apply`, `sandbox`, `run`: what the person typed needs no repeating.
    let told = if !diagnostic.address.contains('/') || summary.starts_with(&diagnostic.address) {
        paint.bold(&summary)
    } else {
        paint.bold(&format!("{}: {summary}", clean(&diagnostic.address)))
    };
    let mut text = format!("{head}: {told}\n");
    if let Some(file) = &diagnostic.file {
        let line = diagnostic.line.map(|line| format!(":{line}")).unwrap_or_default();
        text += &format!("  {} {}{line}\n", paint.cyan("-->"), clean(file));
    }
    if !diagnostic.detail.is_empty() {
        text += &format!("{}\n", indent(&clean(&diagnostic.detail), 2));
    }
    if !diagnostic.remedy.is_empty() {
        text += &format!("  {} {}\n", paint.cyan("help:"), clean(&diagnostic.remedy));
    }
    if let Some(id) = &diagnostic.request_id {
        text += &format!("  {}\n", paint.dim(&format!("request id: {}", clean(id))));
    }
    text
}

/// `2 errors, 1 warning`
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let parts = [(errors, "error"), (warnings, "warning")];
    let parts = parts.iter().filter(|(n, _)| *n > 0).map(|(n, noun)| count(*n as u64, noun));
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_is_told_once_and_at_its_root() {
        let of = |address: &str, doing: &str| {
            Diagnostic::error(address, format!("{doing}: the secret is wrong"))
                .code("AADSTS7000215")
                .remedy("Put it right.")
        };
        let mut found: Vec<Diagnostic> =
            (1..7).map(|n| of(&format!("Tenant/t{n}"), "the domain cannot be read")).collect();
        found.push(of("Partner/northwind", "the managing app cannot sign in"));
        found.push(Diagnostic::error("Tenant/t1", "the domain is another's").code("DomainMismatch"));
        insta::assert_snapshot!(all(&found, Paint::PLAIN), @"
        error[AADSTS7000215]: Partner/northwind: the managing app cannot sign in: the secret is wrong
          help: Put it right.
          the same for: Tenant/t1, Tenant/t2, Tenant/t3, Tenant/t4 and 2 more

        error[DomainMismatch]: Tenant/t1: the domain is another's
        ");
    }
}
