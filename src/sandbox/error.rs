//! What can go wrong around the sandbox itself (never what the simulated cloud answers).
use std::path::{Path, PathBuf};

/// Each message says what is wrong and where; what to do about it says [`SandboxError::remedy`].
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("{} is not a complete sandbox state (line {line} column {column}: {reason})", path.display())]
    Incomplete { path: PathBuf, line: usize, column: usize, reason: String },
    #[error("{} has sandbox state format {found}, this tenantry reads format {expected}", path.display())]
    Format { path: PathBuf, found: u64, expected: u32 },
    #[error("there is no sandbox state at {} and no world to make one from", path.display())]
    NoWorld { path: PathBuf },
    #[error("the world is not usable: {0}")]
    World(String),
    #[error("{} is in use by a running sandbox at {url}", path.display())]
    InUse { path: PathBuf, url: String },
    #[error("{} is locked by another process that has not said its address", path.display())]
    Locked { path: PathBuf },
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot listen at {at}: {source}")]
    Listen { at: String, source: std::io::Error },
    #[error("the TLS key in {} is not usable: {reason}", path.display())]
    Tls { path: PathBuf, reason: String },
    #[error("the sandbox's token keys are not usable: {0}")]
    Keys(String),
    #[error("{0} is no fault of this sandbox: {1}")]
    Fault(&'static str, String),
}

impl SandboxError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            SandboxError::Incomplete { .. } | SandboxError::Format { .. } => {
                "Remove it or run `tenantry sandbox reset`."
            }
            SandboxError::NoWorld { .. } => "Run `tenantry sandbox init --world FILE`.",
            SandboxError::World(_) => {
                "Correct the world; examples/first/.sandbox/world.yaml shows what one looks like."
            }
            SandboxError::InUse { .. } => "Use that address, or stop the other process.",
            SandboxError::Locked { .. } => "Stop it, or use another state file.",
            SandboxError::Io { .. } => "Make the file and its folder readable and writable, or use another state file.",
            SandboxError::Listen { .. } => {
                "Choose an address of this machine and a port that no other program has; port 0 is any that is free."
            }
            SandboxError::Tls { .. } => "Remove it: the next start makes another one, which clients must trust anew.",
            SandboxError::Keys(_) => "Run `tenantry sandbox reset`.",
            SandboxError::Fault(..) => "Correct it or unset it.",
        }
    }

    /// The file that it is about, and the line in it.
    pub fn place(&self) -> Option<(&Path, Option<usize>)> {
        match self {
            SandboxError::Incomplete { path, line, .. } => Some((path, Some(*line))),
            SandboxError::Format { path, .. }
            | SandboxError::NoWorld { path }
            | SandboxError::InUse { path, .. }
            | SandboxError::Locked { path }
            | SandboxError::Tls { path, .. }
            | SandboxError::Io { path, .. } => Some((path, None)),
            SandboxError::World(_) | SandboxError::Listen { .. } | SandboxError::Keys(_) | SandboxError::Fault(..) => {
                None
            }
        }
    }
}
