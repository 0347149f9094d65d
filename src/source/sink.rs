//! Secrets that are written: a folder for each, all its values appearing at once.
//!
//! `DIR/<secret>/..data` links to the folder of the newest version, and `DIR/<secret>/<key>` to `..data/<key>`, as Kubernetes
//! mounts a Secret; exchanging that one link exchanges all values together. Before a credential is made at Microsoft an intent is
//! noted, so that a run that is cut short can tell a credential whose value was lost from one that never was.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::secrets::{SecretValue, is_safe};

/// The keys of a credential of an app.
pub const CREDENTIAL_KEYS: [&str; 5] = ["clientId", "clientSecret", "tenantId", "keyId", "expiresAt"];

const DATA: &str = "..data";
const PENDING: &str = ".pending";

/// Why a secret could not be written or read back.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The file system says no.
    #[error("{}: {}", path.display(), super::files::reason(error))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it says.
        #[source]
        error: io::Error,
    },
    /// Somebody else made the folder.
    #[error("{} holds a secret that Tenantry did not write, and is never overwritten", .0.display())]
    Foreign(PathBuf),
    /// A Secret of a cluster that cannot be written.
    #[error("the Secret {secret} cannot be written: {why}")]
    Secret {
        /// Namespace and name.
        secret: String,
        /// Why.
        why: String,
    },
    /// Another credential was begun and neither stored nor cleared.
    #[error("the secret `{secret}` waits for the credential `{pending}`")]
    Pending {
        /// Name of the secret.
        secret: String,
        /// Display name of the credential that was begun.
        pending: String,
    },
    /// The name of a secret or key cannot be the name of a file.
    #[error("`{0}` cannot be the name of a secret or a key: letters, digits, `.`, `-` and `_` only")]
    BadName(String),
}

/// What a sink holds of one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkEntry {
    /// Its values; none if nothing was stored yet.
    pub values: BTreeMap<String, SecretValue>,
    /// Display name of the credential that was begun and is neither stored nor cleared.
    pub pending: Option<String>,
}

/// A folder that secrets are written to.
#[derive(Debug)]
pub struct FolderSink {
    folder: PathBuf,
}

/// A context for errors of the file system.
trait At<T> {
    fn at(self, path: &Path) -> Result<T, SinkError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, SinkError> {
        self.map_err(|error| SinkError::Io { path: path.to_path_buf(), error })
    }
}

impl FolderSink {
    /// A sink in `folder`. Nothing is made before something is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        FolderSink { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is held of a secret. A secret that somebody else put there is read like one of ours.
    pub fn read(&self, secret: &str) -> Result<SinkEntry, SinkError> {
        let home = self.home(secret)?;
        let names = match fs::read_dir(&home) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().at(&home)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SinkEntry::default()),
            Err(error) => return Err(error).at(&home),
        };
        let mut values = BTreeMap::new();
        for entry in names {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = entry.path();
            if is_safe(&name) && path.is_file() {
                values.insert(
                    name,
                    SecretValue::new(fs::read_to_string(&path).at(&path)?.trim_end_matches(['\n', '\r'])),
                );
            }
        }
        Ok(SinkEntry { values, pending: pending(&home)?.map(|(name, _)| name) })
    }

    /// Notes that a credential of that display name is about to be made, and that its value will come here.
    pub fn begin(&self, secret: &str, credential: &str) -> Result<(), SinkError> {
        let home = self.home(secret)?;
        let _lock = self.lock()?;
        self.check_ours(&home)?;
        if let Some((pending, _)) = pending(&home)?.filter(|(pending, _)| pending != credential) {
            return Err(SinkError::Pending { secret: secret.into(), pending });
        }
        make_folder(&home)?;
        let next = version(&home).unwrap_or(0) + 1;
        write(&home.join(PENDING), format!("{next}\n{credential}").as_bytes())?;
        sync(&home)
    }

    /// Drops the intent: the credential was never made, or is gone again.
    pub fn clear(&self, secret: &str) -> Result<(), SinkError> {
        let home = self.home(secret)?;
        let _lock = self.lock()?;
        remove(&home.join(PENDING))
    }

    /// Stores all values of a secret at once, in place of those before, and with that fulfils the intent.
    pub fn store(&self, secret: &str, values: &BTreeMap<String, SecretValue>) -> Result<(), SinkError> {
        let home = self.home(secret)?;
        if let Some(key) = values.keys().find(|key| !is_safe(key)) {
            return Err(SinkError::BadName(key.clone()));
        }
        let _lock = self.lock()?;
        self.check_ours(&home)?;
        make_folder(&home)?;
        let old = version(&home);
        let next = old.unwrap_or(0) + 1;
        let fresh = home.join(format!("..{next}"));
        match fs::remove_dir_all(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(&fresh),
            _ => make_folder(&fresh)?,
        }
        for (key, value) in values {
            write(&fresh.join(key), value.expose().as_bytes())?;
        }
        sync(&fresh)?;
        // Links of keys that are not there yet lead nowhere until the exchange; those of keys that are gone lead nowhere after it.
        for key in values.keys() {
            link(&home.join(key), &format!("{DATA}/{key}"))?;
        }
        link(&home.join(DATA), &format!("..{next}"))?;
        sync(&home)?;
        self.tidy(&home, next, values)?;
        remove(&home.join(PENDING))?;
        sync(&home)
    }

    fn home(&self, secret: &str) -> Result<PathBuf, SinkError> {
        if is_safe(secret) { Ok(self.folder.join(secret)) } else { Err(SinkError::BadName(secret.into())) }
    }

    /// Makes the folder with its own `.gitignore`, and keeps others out until the lock is dropped.
    fn lock(&self) -> Result<File, SinkError> {
        make_folder(&self.folder)?;
        let path = self.folder.join(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).at(&path)?;
        fs4::FileExt::lock(&file).at(&path)?;
        let ignore = self.folder.join(".gitignore");
        if !ignore.exists() {
            write(&ignore, b"*\n")?;
        }
        Ok(file)
    }

    /// Refuses a folder with files in it that this sink did not write.
    fn check_ours(&self, home: &Path) -> Result<(), SinkError> {
        let entries = match fs::read_dir(home) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().at(home)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).at(home),
        };
        let has_data = fs::symlink_metadata(home.join(DATA)).is_ok();
        let foreign_version = has_data && version(home).is_none();
        let foreign_file = entries.iter().any(|entry| {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            let name = entry.file_name();
            let hidden = name.as_encoded_bytes().first() == Some(&b'.');
            !hidden && !is_link
        });
        if foreign_version || foreign_file { Err(SinkError::Foreign(home.to_path_buf())) } else { Ok(()) }
    }

    /// Removes what no version needs any more.
    fn tidy(&self, home: &Path, current: u64, values: &BTreeMap<String, SecretValue>) -> Result<(), SinkError> {
        for entry in fs::read_dir(home).at(home)? {
            let entry = entry.at(home)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let old_version = name.strip_prefix("..").and_then(|n| n.parse::<u64>().ok()).is_some_and(|n| n != current);
            let old_key = is_safe(&name) && !values.contains_key(&name);
            if old_version {
                fs::remove_dir_all(entry.path()).at(&entry.path())?;
            } else if old_key {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// The number of the version that `..data` leads to, if it is one of ours.
fn version(home: &Path) -> Option<u64> {
    fs::read_link(home.join(DATA)).ok()?.to_str()?.strip_prefix("..")?.parse().ok()
}

/// The intent that is not fulfilled: the credential's name, and the version that will hold its value.
fn pending(home: &Path) -> Result<Option<(String, u64)>, SinkError> {
    let path = home.join(PENDING);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at(&path),
    };
    let Some((wanted, credential)) = text.split_once('\n') else { return Ok(None) };
    let wanted = wanted.parse().unwrap_or(u64::MAX);
    let fulfilled = version(home).is_some_and(|current| current >= wanted);
    Ok((!fulfilled).then(|| (credential.to_string(), wanted)))
}

fn make_folder(path: &Path) -> Result<(), SinkError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).at(path)
}

/// Writes a file under another name first, so that it is never seen in part.
fn write(path: &Path, bytes: &[u8]) -> Result<(), SinkError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!("..new-{name}"));
    remove(&draft)?;
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft).at(&draft)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).at(&draft)?;
    fs::rename(&draft, path).at(path)
}

/// Makes a link, or has it lead elsewhere, in one step.
fn link(path: &Path, target: &str) -> Result<(), SinkError> {
    if fs::read_link(path).is_ok_and(|known| known == Path::new(target)) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!("..new-{name}"));
    remove(&draft)?;
    symlink(target, &draft).at(&draft)?;
    fs::rename(&draft, path).at(path)
}

fn remove(path: &Path) -> Result<(), SinkError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(path),
        _ => Ok(()),
    }
}

/// Has the names in a folder outlive a loss of power.
fn sync(folder: &Path) -> Result<(), SinkError> {
    File::open(folder).and_then(|folder| folder.sync_all()).at(folder)
}
