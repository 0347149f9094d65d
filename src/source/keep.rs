//! Where secrets are put away, whatever it is: a folder, or the Secrets of a cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use super::secrets::SecretValue;
use super::sink::{FolderSink, SinkEntry, SinkError};
use crate::api::SecretName;

/// What writing a secret comes to, once it has been written.
pub type Kept<'a> = Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + 'a>>;

/// The values of a secret, by key.
pub type SecretValues = BTreeMap<String, SecretValue>;

/// A place that secrets are written to, and read back from.
pub trait SecretSink: fmt::Debug + Send + Sync {
    /// What is held of a secret.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, secret: &SecretName) -> Result<SinkEntry, SinkError>;

    /// Whether a secret can be put there: it is ours, or not there yet.
    ///
    /// # Errors
    /// Why it cannot.
    fn check(&self, secret: &SecretName) -> Result<(), SinkError> {
        self.read(secret).map(drop)
    }

    /// Notes that a credential of that display name is about to be made, in place of an earlier note.
    fn begin<'a>(&'a self, secret: &'a SecretName, credential: &'a str) -> Kept<'a>;

    /// Stores all values of a secret at once, in place of those before, and drops the note.
    fn store<'a>(&'a self, secret: &'a SecretName, values: &'a SecretValues) -> Kept<'a>;
}

impl SecretSink for FolderSink {
    fn read(&self, secret: &SecretName) -> Result<SinkEntry, SinkError> {
        FolderSink::read(self, &secret.name)
    }

    fn begin<'a>(&'a self, secret: &'a SecretName, credential: &'a str) -> Kept<'a> {
        Box::pin(async move {
            match FolderSink::begin(self, &secret.name, credential) {
                // The plan has dealt with what the old note was about.
                Err(SinkError::Pending { .. }) => {
                    self.clear(&secret.name).and_then(|()| FolderSink::begin(self, &secret.name, credential))
                }
                other => other,
            }
        })
    }

    fn store<'a>(&'a self, secret: &'a SecretName, values: &'a SecretValues) -> Kept<'a> {
        Box::pin(async move { FolderSink::store(self, &secret.name, values) })
    }
}
