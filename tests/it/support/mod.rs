//! What several rooms of the suite need.

pub mod apiserver;
pub mod canary;
pub mod claims;
#[allow(dead_code, reason = "made for the tests of the whole journey, which use all of it")]
pub mod cmd;
pub mod estate;
pub mod foreign;
pub mod health;
pub mod msp;
pub mod server;
pub mod source;

use std::path::{Path, PathBuf};

/// The root of the clone.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` that `wanted` accepts, sorted; folders that begin with a dot are left out, as the program does.
pub fn files_below(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            found.extend(files_below(&path, wanted));
        } else if path.is_file() && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}
