//! Secrets that are read: from a folder, from the environment, from `Secret` documents.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use thiserror::Error;
use zeroize::Zeroizing;

use super::check::Finding;
use super::node::{Data, Entry, Node};
use super::problem::Place;

/// A secret text. It is wiped when it is dropped, and prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        SecretValue(Zeroizing::new(text.into()))
    }

    /// The text. Whoever asks for it must not print, log or save it anywhere but in a sink.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A `Secret` document among the inputs.
#[derive(Clone, Debug)]
pub struct SecretDocument {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: BTreeMap<String, SecretValue>,
    /// Where it stands.
    pub place: Place,
}

impl SecretDocument {
    /// Reads `data` and `stringData`; the latter wins, as in Kubernetes. Messages never hold a value.
    pub(super) fn read(namespace: String, name: String, node: &Node, findings: &mut Vec<Finding>) -> Self {
        let mut values = BTreeMap::new();
        for field in ["data", "stringData"] {
            let Some(map) = node.get(field) else { continue };
            let Data::Map(entries) = &map.data else {
                findings.push(finding(field, map, "must be an object", "Write `key: value` lines under it."));
                continue;
            };
            for entry in entries {
                match value_of(field, entry) {
                    Ok(value) => drop(values.insert(entry.key.clone(), value)),
                    Err((what, remedy)) => {
                        findings.push(finding(&format!("{field}.{}", entry.key), &entry.value, what, remedy))
                    }
                }
            }
        }
        SecretDocument { namespace, name, values, place: Place::default() }
    }
}

fn value_of(field: &str, entry: &Entry) -> Result<SecretValue, (&'static str, &'static str)> {
    let Data::String(text) = &entry.value.data else { return Err(("must be a string", "Put it in quotes.")) };
    if field == "stringData" {
        return Ok(SecretValue::new(text.clone()));
    }
    let compact: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(compact);
    let bytes = bytes.map_err(|_| ("is not base64", "Encode it, or put the text itself under `stringData`."))?;
    let text = String::from_utf8(bytes).map_err(|_| ("is no text once it is decoded", "Only text values are used."))?;
    Ok(SecretValue::new(text))
}

fn finding(path: &str, node: &Node, what: &str, remedy: &str) -> Finding {
    Finding {
        path: path.to_string(),
        span: node.span,
        summary: format!("`{path}` {what}"),
        detail: String::new(),
        remedy: remedy.to_string(),
    }
}

/// Why a secret could not be had.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SecretError {
    /// It is nowhere.
    #[error("the secret `{name}` has no value for `{key}`; it was looked for in {}", looked.join(", "))]
    NotFound {
        /// Name of the secret.
        name: String,
        /// The key that was asked for.
        key: String,
        /// The places that were looked in.
        looked: Vec<String>,
    },
    /// It is there, but cannot be read.
    #[error("the secret in {place} cannot be read: {why}")]
    Unreadable {
        /// The file or variable.
        place: String,
        /// Why.
        why: String,
    },
    /// Its name or key cannot be the name of a file.
    #[error("`{0}` cannot be the name of a secret or a key: letters, digits, `.`, `-` and `_` only")]
    BadName(String),
}

/// Whether a name can be a file's name and nothing more.
pub(super) fn is_safe(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && name.len() <= 253 && !name.starts_with('.') && name.chars().all(plain)
}

type Environment = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Where secrets are read from, in this order: `--secrets-dir`, the environment, `Secret` documents.
pub struct Secrets {
    folder: Option<PathBuf>,
    environment: Environment,
    documents: Vec<SecretDocument>,
    /// Where they come from is a cluster, and nowhere else is looked.
    cluster: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("folder", &self.folder)
            .field("documents", &self.documents.len())
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Secrets of a folder (`DIR/<secret>/<key>`), of the process's environment and of documents.
    pub fn new(folder: Option<PathBuf>, documents: Vec<SecretDocument>) -> Self {
        Secrets { folder, environment: Box::new(|name| std::env::var_os(name)), documents, cluster: false }
    }

    /// Secrets of a cluster: those that carry the label by which they may be read.
    pub fn of_cluster(documents: Vec<SecretDocument>) -> Self {
        Secrets { folder: None, environment: Box::new(|_| None), documents, cluster: true }
    }

    /// The same with another environment.
    pub fn with_environment(mut self, environment: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        self.environment = Box::new(environment);
        self
    }

    /// The variable that holds a value: `TENANTRY_SECRET_<NAME>_<KEY>`, in capitals, `_` for all that is no letter or digit.
    pub fn variable(name: &str, key: &str) -> String {
        let word = |text: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
        };
        format!("TENANTRY_SECRET_{}_{}", word(name), word(key))
    }

    /// The value of `key` in the secret `name`, for an object of `namespace`. Folder and environment know no namespaces.
    pub fn get(&self, namespace: &str, name: &str, key: &str) -> Result<SecretValue, SecretError> {
        for word in [name, key] {
            if !is_safe(word) {
                return Err(SecretError::BadName(word.to_string()));
            }
        }
        let mut looked = Vec::new();
        if self.cluster {
            return self.labelled(namespace, name, key);
        }
        match &self.folder {
            Some(folder) => {
                let path = folder.join(name).join(key);
                let place = path.display().to_string();
                match std::fs::read_to_string(&path) {
                    Ok(text) => return Ok(SecretValue::new(text.trim_end_matches(['\n', '\r']))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                        looked.push(format!("the file {place}"))
                    }
                    Err(error) => return Err(SecretError::Unreadable { place, why: super::files::reason(&error) }),
                }
            }
            None => looked.push("--secrets-dir (which is not given)".into()),
        }
        let variable = Secrets::variable(name, key);
        match (self.environment)(&variable).map(OsString::into_string) {
            Some(Ok(text)) => return Ok(SecretValue::new(text)),
            Some(Err(_)) => return Err(SecretError::Unreadable { place: variable, why: "It is not UTF-8.".into() }),
            None => looked.push(format!("the environment ({variable})")),
        }
        let document = self.document(namespace, name);
        if let Some(value) = document.and_then(|document| document.values.get(key)) {
            return Ok(value.clone());
        }
        looked.push(match document {
            Some(document) => format!("the Secret in {}", document.place),
            None => format!("the Secret documents among the inputs (none is called `{name}`)"),
        });
        Err(SecretError::NotFound { name: name.into(), key: key.into(), looked })
    }

    fn document(&self, namespace: &str, name: &str) -> Option<&SecretDocument> {
        self.documents.iter().find(|document| document.name == name && document.namespace == namespace)
    }

    fn labelled(&self, namespace: &str, name: &str, key: &str) -> Result<SecretValue, SecretError> {
        let document = self.document(namespace, name);
        let looked = match document {
            Some(document) => match document.values.get(key) {
                Some(value) => return Ok(value.clone()),
                None => format!("the Secret {namespace}/{name}, which has no such key"),
            },
            None => format!(
                "the Secrets of namespace {namespace} with the label tenantry.dev/use=true (none is called `{name}`)"
            ),
        };
        Err(SecretError::NotFound { name: name.into(), key: key.into(), looked: vec![looked] })
    }
}
