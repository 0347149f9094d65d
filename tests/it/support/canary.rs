//! Canaries: every secret of the suite begins with [`PREFIX`]. Whatever a run of the program showed or left where people
//! look is copied into a log; when the suite is over, `tests/canaries.rs` searches the log for the prefix, also encoded.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How every secret of the suite begins.
pub const PREFIX: &str = "cnry-";
/// In the log, the file that a test leaves when its input held a canary: without one the search would prove nothing.
pub const PLANTED: &str = "PLANTED";

/// The log of all tests: `target/canary`, one folder a test.
pub fn log_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("canary")
}

/// What to search for, and how a finding is called.
pub fn needles() -> Vec<(String, Vec<u8>)> {
    let mut needles = vec![("plain".to_owned(), PREFIX.as_bytes().to_vec())];
    let hex: String = PREFIX.bytes().map(|byte| format!("{byte:02x}")).collect();
    needles.push(("hexadecimal".to_owned(), hex.into_bytes()));
    let every: String = PREFIX.bytes().map(|byte| format!("%{byte:02x}")).collect();
    needles.push(("URL-encoded throughout".to_owned(), every.into_bytes()));
    for (how, dash) in [("URL-encoded", "%2d"), ("as a JSON escape", "\\u002d"), ("as an HTML entity", "&#45;")] {
        needles.push((how.to_owned(), PREFIX.replace('-', dash).into_bytes()));
    }
    for offset in 0..3 {
        // With `offset` bytes before it, the prefix alone decides the characters between these bounds.
        let before = vec![0; offset];
        let encoded = STANDARD.encode([&before, PREFIX.as_bytes()].concat());
        let (from, to) = ((offset * 8).div_ceil(6), (offset + PREFIX.len()) * 8 / 6);
        needles.push((format!("base64 at offset {offset}"), encoded.as_bytes()[from..to].to_vec()));
    }
    needles
}

/// How the bytes show a canary, if they do. Base64 tells cases apart, the other forms do not.
pub fn find(bytes: &[u8]) -> Option<String> {
    let lower = bytes.to_ascii_lowercase();
    needles().into_iter().find_map(|(how, needle)| {
        let hay = if how.starts_with("base64") { bytes } else { &lower };
        let at = hay.windows(needle.len()).position(|window| window == needle)?;
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        Some(format!("line {line}: {how}"))
    })
}

/// What the log says of the suite: how many files were searched, or what is wrong.
pub fn search(log: &Path) -> Result<usize, Vec<String>> {
    let (mut searched, mut planted, mut shown) = (0, false, Vec::new());
    for file in all_files(log) {
        if file.file_name().is_some_and(|name| name == PLANTED) {
            planted = true;
            continue;
        }
        searched += 1;
        if let Some(how) = find(&fs::read(&file).unwrap()) {
            shown.push(format!("{}: {how}", file.display()));
        }
    }
    if searched == 0 {
        shown.push(format!("{} holds no output: nothing was searched", log.display()));
    } else if !planted {
        shown.push(format!("no secret of the suite began with {PREFIX}: the search proves nothing"));
    }
    if shown.is_empty() { Ok(searched) } else { Err(shown) }
}

/// Every file, also below folders that begin with a dot.
pub fn all_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .flat_map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => all_files(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        })
        .collect();
    files.sort();
    files
}
