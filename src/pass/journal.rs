//! When our own changes were made: a cache that may be lost, for windows of which Microsoft keeps
//! no time.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use jiff::Timestamp;

use crate::engine::diagnostic::Diagnostic;
use crate::engine::kind::Journal;

/// A journal, in a file or only in memory.
#[derive(Debug)]
pub struct File {
    path: Option<PathBuf>,
    entries: Mutex<Journal>,
}

impl File {
    /// Reads what an earlier run left.
    pub fn open(path: Option<PathBuf>) -> Result<File, Box<Diagnostic>> {
        let mut entries = Journal::new();
        if let Some(path) = &path {
            match std::fs::read(path) {
                Ok(bytes) => {
                    entries = serde_json::from_slice(&bytes).map_err(|error| {
                        let summary = format!("the journal {} does not read: {error}", path.display());
                        Box::new(
                            Diagnostic::error("run", summary)
                                .remedy("Remove it; it is a cache of times and nothing else."),
                        )
                    })?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => {
                    let summary = format!("the journal {} cannot be read: {error}", path.display());
                    return Err(Box::new(Diagnostic::error("run", summary).remedy("Check --journal.")));
                }
            }
        }
        Ok(File { path, entries: Mutex::new(entries) })
    }

    pub fn entries(&self) -> Journal {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Notes a change. Failing to keep it costs a "since unknown", not the run.
    pub fn note(&self, address: &str, at: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.insert(address.to_owned(), at);
        let Some(path) = &self.path else { return };
        let saved = (|| {
            let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
            let folder = folder.map_or_else(|| PathBuf::from("."), PathBuf::from);
            std::fs::create_dir_all(&folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&folder)?;
            file.write_all(serde_json::to_string(&*entries)?.as_bytes())?;
            file.persist(path).map_err(|e| e.error)?;
            std::io::Result::Ok(())
        })();
        if let Err(error) = saved {
            tracing::warn!(path = %path.display(), %error, "the journal was not kept");
        }
    }
}
