//! Secrets of the cluster: those with our label are read, and those that we made are written. One that somebody else made is
//! never overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::PostParams;
use kube::runtime::watcher::Event;
use kube::{Api, Client, ResourceExt as _};

use super::watch::USE;
use crate::api::SecretName;
use crate::source::{Kept, Place, SecretDocument, SecretSink, SecretValue, SecretValues, SinkEntry, SinkError};

/// Says that a Secret is ours to write.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "tenantry");
/// The credential that is about to be made, and whose value will come here.
const PENDING: &str = "tenantry.dev/pending";

/// One Secret.
#[derive(Clone)]
struct Held {
    version: u64,
    ours: bool,
    /// As it was read, for writing it back.
    meta: ObjectMeta,
    values: SecretValues,
}

impl Held {
    fn read(secret: Secret) -> Option<(SecretName, Held)> {
        let name = SecretName::new(secret.metadata.namespace.as_deref()?, secret.metadata.name.as_deref()?);
        let text = |bytes: ByteString| String::from_utf8(bytes.0).ok().map(SecretValue::new);
        let values = secret.data.unwrap_or_default().into_iter();
        let values = values.filter_map(|(key, value)| Some((key, text(value)?))).collect();
        let version = secret.metadata.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or_default();
        let ours =
            secret.metadata.labels.as_ref().is_some_and(|l| l.get(MANAGED_BY.0).is_some_and(|v| v == MANAGED_BY.1));
        Some((name, Held { version, ours, meta: secret.metadata, values }))
    }

    fn pending(&self) -> Option<String> {
        self.meta.annotations.as_ref()?.get(PENDING).cloned()
    }
}

#[derive(Default)]
struct Book {
    held: BTreeMap<SecretName, Held>,
    /// There, and not ours: found where we wanted to write.
    foreign: BTreeSet<SecretName>,
    /// To whom a Secret that we make belongs.
    owners: BTreeMap<SecretName, OwnerReference>,
    /// Names seen since the watch began anew.
    seen: Option<BTreeSet<SecretName>>,
}

/// All Secrets that we know.
pub struct Vault {
    client: Client,
    book: Mutex<Book>,
    /// Something was written, by us: whoever goes by what lies here has to look again.
    written: AtomicBool,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    pub fn new(client: Client) -> Vault {
        Vault { client, book: Mutex::default(), written: AtomicBool::new(false) }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the watch tells. Whether a value is another one now.
    pub fn hear(&self, event: Event<Secret>) -> bool {
        let mut book = self.book();
        match event {
            Event::Init => {
                book.seen = Some(BTreeSet::new());
                false
            }
            Event::InitDone => {
                let seen = book.seen.take().unwrap_or_default();
                let before = book.held.len();
                book.held.retain(|name, _| seen.contains(name));
                book.held.len() != before
            }
            Event::Apply(secret) | Event::InitApply(secret) => {
                let Some((name, held)) = Held::read(secret) else { return false };
                if let Some(seen) = &mut book.seen {
                    seen.insert(name.clone());
                }
                book.take(name, held)
            }
            Event::Delete(secret) => {
                let name = SecretName::new(&secret.namespace().unwrap_or_default(), &secret.name_any());
                book.held.remove(&name).is_some()
            }
        }
    }

    /// All that can be read, as documents.
    pub fn documents(&self) -> Vec<SecretDocument> {
        let book = self.book();
        let document = |(name, held): (&SecretName, &Held)| SecretDocument {
            namespace: name.namespace.to_string(),
            name: name.name.to_string(),
            values: held.values.clone(),
            place: Place::default(),
        };
        book.held.iter().map(document).collect()
    }

    /// Secrets that we shall write, and to whom each belongs.
    pub fn owned_by(&self, owners: BTreeMap<SecretName, OwnerReference>) {
        self.book().owners = owners;
    }

    /// Looks whether somebody else's Secret is in the place of one that we shall write. Of one without our label only the
    /// metadata is read.
    pub async fn inspect(&self, wanted: &[SecretName]) {
        for name in wanted {
            if self.book().held.contains_key(name) {
                continue;
            }
            let found = self.api(name).get_metadata_opt(&name.name).await;
            let mut book = self.book();
            match found {
                Ok(Some(_)) if !book.held.contains_key(name) => drop(book.foreign.insert(name.clone())),
                Ok(_) => drop(book.foreign.remove(name)),
                // Whether it is there is not known; writing it will tell.
                Err(error) => tracing::debug!(secret = %name, %error, "a Secret cannot be looked at"),
            }
        }
    }

    fn api(&self, name: &SecretName) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &name.namespace)
    }

    async fn write(
        &self,
        name: &SecretName,
        values: Option<&SecretValues>,
        pending: Option<&str>,
    ) -> Result<(), SinkError> {
        let failed = |error: kube::Error| fault(name, format!("the API server says: {error}"));
        let known = self.book().held.get(name).cloned();
        let owner = self.book().owners.get(name).cloned();
        let params = PostParams { field_manager: Some(super::MANAGER.into()), ..PostParams::default() };
        let Some(mut held) = known else {
            let secret = secret(fresh(name, owner), values, None, pending);
            return match self.api(name).create(&params, &secret).await {
                Ok(made) => {
                    self.learn(made);
                    Ok(())
                }
                Err(kube::Error::Api(status)) if status.is_already_exists() => {
                    self.book().foreign.insert(name.clone());
                    Err(fault(name, FOREIGN))
                }
                Err(error) => Err(failed(error)),
            };
        };
        for last in [false, true] {
            if !held.ours {
                return Err(fault(name, FOREIGN));
            }
            if let Some(owner) = &owner {
                // Of an object that was made anew, not of the one that is gone.
                held.meta.owner_references = Some(vec![owner.clone()]);
            }
            let written = secret(held.meta.clone(), values, Some(&held.values), pending);
            match self.api(name).replace(&name.name, &params, &written).await {
                Ok(made) => {
                    self.learn(made);
                    return Ok(());
                }
                Err(kube::Error::Api(status)) if status.is_conflict() && !last => {
                    let now = self.api(name).get(&name.name).await.map_err(failed)?;
                    held = Held::read(now).map(|(_, held)| held).ok_or_else(|| fault(name, "it has no name"))?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(fault(name, "somebody else writes it all the time"))
    }

    /// What we wrote is known at once: the watch tells it later.
    fn learn(&self, made: Secret) {
        if let Some((name, held)) = Held::read(made) {
            self.book().take(name, held);
            self.written.store(true, Relaxed);
        }
    }

    /// Whether we wrote something since this was last asked.
    pub fn was_written(&self) -> bool {
        self.written.swap(false, Relaxed)
    }
}

impl Book {
    fn take(&mut self, name: SecretName, held: Held) -> bool {
        let old = self.held.get(&name);
        if old.is_some_and(|old| old.version > held.version) {
            return false;
        }
        let changed = old.is_none_or(|old| old.values != held.values || old.pending() != held.pending());
        self.foreign.remove(&name);
        self.held.insert(name, held);
        changed
    }
}

const FOREIGN: &str = "it is there, and Tenantry did not make it; it is never overwritten";

fn fault(name: &SecretName, why: impl Into<String>) -> SinkError {
    SinkError::Secret { secret: format!("{}/{name}", name.namespace), why: why.into() }
}

/// The head of a Secret that we make.
fn fresh(name: &SecretName, owner: Option<OwnerReference>) -> ObjectMeta {
    let labels = [(USE, "true"), MANAGED_BY].map(|(key, value)| (key.to_owned(), value.to_owned()));
    ObjectMeta {
        name: Some(name.name.to_string()),
        namespace: Some(name.namespace.to_string()),
        labels: Some(labels.into()),
        owner_references: owner.map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// A Secret with these values, or those that it had.
fn secret(
    mut meta: ObjectMeta,
    values: Option<&SecretValues>,
    old: Option<&SecretValues>,
    pending: Option<&str>,
) -> Secret {
    meta.managed_fields = None;
    let annotations = meta.annotations.get_or_insert_default();
    match pending {
        Some(credential) => drop(annotations.insert(PENDING.to_owned(), credential.to_owned())),
        None => drop(annotations.remove(PENDING)),
    }
    let bytes = |(key, value): (&String, &SecretValue)| (key.clone(), ByteString(value.expose().as_bytes().to_vec()));
    let data = values.or(old).map(|values| values.iter().map(bytes).collect());
    Secret { metadata: meta, data, type_: Some("Opaque".into()), ..Secret::default() }
}

impl SecretSink for Vault {
    fn read(&self, name: &SecretName) -> Result<SinkEntry, SinkError> {
        let book = self.book();
        Ok(match book.held.get(name) {
            Some(held) => SinkEntry { values: held.values.clone(), pending: held.pending() },
            None => SinkEntry::default(),
        })
    }

    fn check(&self, name: &SecretName) -> Result<(), SinkError> {
        let book = self.book();
        let foreign = book.held.get(name).map_or_else(|| book.foreign.contains(name), |held| !held.ours);
        if foreign { Err(fault(name, FOREIGN)) } else { Ok(()) }
    }

    fn begin<'a>(&'a self, name: &'a SecretName, credential: &'a str) -> Kept<'a> {
        Box::pin(self.write(name, None, Some(credential)))
    }

    fn store<'a>(&'a self, name: &'a SecretName, values: &'a SecretValues) -> Kept<'a> {
        Box::pin(self.write(name, Some(values), None))
    }
}
