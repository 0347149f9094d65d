//! What can go wrong around the sandbox itself (never what the simulated cloud answers).
use std::path::PathBuf;

/// Each message says what is wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("{} is not a complete sandbox state (line {line} column {column}: {reason}). Remove it or run `tenantry sandbox reset`", path.display())]
    Incomplete { path: PathBuf, line: usize, column: usize, reason: String },
    #[error("{} has sandbox state format {found}, this tenantry reads format {expected}. Remove it or run `tenantry sandbox reset`", path.display())]
    Format { path: PathBuf, found: u64, expected: u32 },
    #[error("there is no sandbox state at {} and no world to make one from. Run `tenantry sandbox init --world FILE`", path.display())]
    NoWorld { path: PathBuf },
    #[error("the world is not usable: {0}")]
    World(String),
    #[error("{} is in use by a running sandbox at {url}. Use that address, or stop the other process", path.display())]
    InUse { path: PathBuf, url: String },
    #[error("{} is locked by another process that has not said its address. Stop it, or use another state file", path.display())]
    Locked { path: PathBuf },
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot listen on the loopback address: {0}")]
    Listen(std::io::Error),
    #[error("the sandbox's token keys are not usable: {0}. Run `tenantry sandbox reset`")]
    Keys(String),
    #[error("{0} is no fault of this sandbox: {1}")]
    Fault(&'static str, String),
}
