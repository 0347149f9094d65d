//! What commands found, as text for people and as JSON for scripts.

pub mod diagnostics;
pub mod diff;
pub mod json;
pub mod problems;
pub mod status;
pub mod table;
pub mod text;

use std::borrow::Cow;

use jiff::Timestamp;

/// Text of others, made harmless for a terminal: no control characters, no turning of direction.
pub(in crate::cli) fn clean(text: &str) -> Cow<'_, str> {
    let harmful =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(harmful) {
        Cow::Owned(text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// `1 request`, `2 requests`.
pub(in crate::cli) fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// `2026-11-23 10:00 UTC`
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long ago, as kubectl says it: `45s`, `12m`, `3h`, `5d`.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Lines moved to the right.
pub(super) fn indent(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let moved = text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") });
    moved.collect::<Vec<_>>().join("\n")
}

/// The object of a change: `Tenant/contoso` of `Tenant/contoso:consent/rallied`.
pub(super) fn object(address: &str) -> &str {
    address.split(':').next().unwrap_or(address)
}

#[cfg(test)]
pub mod tests;
