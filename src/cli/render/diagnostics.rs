//! Errors and warnings for people.

use super::super::style::Paint;
use super::{clean, count, indent};
use crate::engine::diagnostic::{Diagnostic, Severity};

/// All of them, most serious first.
pub fn all(diagnostics: &[Diagnostic], paint: Paint) -> String {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.into_iter().map(|diagnostic| one(diagnostic, paint)).collect::<Vec<_>>().join("\n")
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
