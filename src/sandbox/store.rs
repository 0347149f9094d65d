//! The state file: one owner at a time, whole or not at all.
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fs4::{FileExt, TryLockError};

use super::error::SandboxError;
use super::state::{FORMAT, State};

/// When a change is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saving {
    /// Before it is answered: a process may be killed at any moment.
    EveryChange,
    /// About once a second, and on stop: for many callers and many tenants.
    InBackground,
}

/// The locked state file. The lock file beside it holds the owner's loopback address.
#[derive(Debug)]
pub struct Store {
    lock: File,
    pen: Arc<Pen>,
    pub saving: Saving,
}

pub enum Locked {
    Ours(Store),
    /// The address its owner wrote, empty when it has not yet.
    Theirs(String),
}

/// `sandbox.json` and `.lock` → `sandbox.json.lock`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

impl Store {
    pub fn lock(path: &Path, saving: Saving) -> Result<Locked, SandboxError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |source| SandboxError::Io { what, path, source }
        };
        if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io("create", folder))?;
        }
        let lock_path = beside(path, ".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut lock = options.open(&lock_path).map_err(io("open", &lock_path))?;
        match FileExt::try_lock(&lock) {
            Ok(()) => {
                // The address of an owner that is gone must not be read by anybody.
                lock.set_len(0).map_err(io("write", &lock_path))?;
                let pen = Pen { path: path.to_owned(), written: Mutex::new(0) };
                Ok(Locked::Ours(Store { lock, pen: Arc::new(pen), saving }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut url = String::new();
                lock.read_to_string(&mut url).map_err(io("read", &lock_path))?;
                Ok(Locked::Theirs(url.trim().to_owned()))
            }
            Err(TryLockError::Error(source)) => Err(SandboxError::Io { what: "lock", path: lock_path, source }),
        }
    }

    pub fn announce(&mut self, url: &str) -> Result<(), SandboxError> {
        let path = beside(&self.pen.path, ".lock");
        let io = |source| SandboxError::Io { what: "write", path: path.clone(), source };
        self.lock.rewind().map_err(io)?;
        self.lock.set_len(0).map_err(io)?;
        self.lock.write_all(url.as_bytes()).map_err(io)
    }

    /// `None` when there is no state yet.
    pub fn load(&self) -> Result<Option<State>, SandboxError> {
        let path = &self.pen.path;
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SandboxError::Io { what: "read", path: path.clone(), source }),
        };
        let incomplete = |e: serde_json::Error| SandboxError::Incomplete {
            path: path.clone(),
            line: e.line(),
            column: e.column(),
            // The position is said once, in our own words.
            reason: e.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        };
        #[derive(serde::Deserialize)]
        struct Head {
            format: u64,
        }
        let of_format = |found| match found == u64::from(FORMAT) {
            true => Ok(()),
            false => Err(SandboxError::Format { path: path.clone(), found, expected: FORMAT }),
        };
        // A state of another format may be none that can be read: then its head says so.
        match serde_json::from_slice::<State>(&text) {
            Ok(state) => of_format(u64::from(state.format)).map(|()| Some(state)),
            Err(wrong) => {
                let head: Head = serde_json::from_slice(&text).map_err(&incomplete)?;
                of_format(head.format)?;
                Err(incomplete(wrong))
            }
        }
    }

    pub fn pen(&self) -> Arc<Pen> {
        self.pen.clone()
    }
}

/// Writes the file. What is numbered lower than what was written already comes too late and is left out.
#[derive(Debug)]
pub struct Pen {
    path: PathBuf,
    written: Mutex<u64>,
}

impl Pen {
    /// Writes beside and renames, so that a reader or a killed writer never sees half a state.
    pub fn write(&self, state: &State, number: u64) -> Result<(), SandboxError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if number <= *written {
            return Ok(());
        }
        let text = serde_json::to_vec(state).map_err(|e| SandboxError::Io {
            what: "serialise",
            path: self.path.clone(),
            source: std::io::Error::other(e),
        })?;
        replace(&self.path, &text)?;
        *written = number;
        Ok(())
    }

    /// From now on nothing is written: the file belongs to somebody else.
    fn lay_down(&self) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = u64::MAX;
    }
}

/// Puts a private file in the place of another, whole.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), SandboxError> {
    let io = |what| move |source| SandboxError::Io { what, path: path.to_owned(), source };
    let temporary = beside(path, ".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    private(&mut options);
    let mut file = options.open(&temporary).map_err(io("write"))?;
    file.write_all(bytes).map_err(io("write"))?;
    drop(file);
    std::fs::rename(&temporary, path).map_err(io("replace"))
}

impl Drop for Store {
    fn drop(&mut self) {
        // A snapshot may still be on its way to the disk.
        self.pen.lay_down();
        // The lock file stays: removing it would race with the next owner.
        let _ = self.lock.set_len(0);
        let _ = FileExt::unlock(&self.lock);
    }
}

fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}
