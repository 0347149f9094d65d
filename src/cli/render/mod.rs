//! What commands found, as text for people and as JSON for scripts.

pub mod diagnostics;
pub mod diff;
#[cfg(test)]
pub mod fixtures;
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
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_drive_a_terminal() {
        assert_eq!(clean("Contoso \u{1b}[2J\u{202e}txt"), "Contoso \u{fffd}[2J\u{fffd}txt");
        assert_eq!(clean("Über – uns"), "Über – uns");
    }

    #[test]
    fn ages_are_short() {
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let says = |s: i64| age(at(0), at(s));
        assert_eq!([says(5), says(600), says(10_000), says(400_000)], ["5s", "10m", "2h", "4d"]);
        assert_eq!(age(at(10), at(0)), "0s");
    }
}
