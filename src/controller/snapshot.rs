//! What a cluster declares at one moment, for who does not watch it: `plan --kube`.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::{Api, Client};

use super::cache::{Cache, Known};
use super::fleet::{Fleet, Namespaces};
use super::vault::Vault;
use super::watch::{USE, api};
use crate::api::Kind;
use crate::engine::diagnostic::Diagnostic;
use crate::source::{Inputs, SecretDocument, SecretSink};

/// What was read of a cluster.
pub struct Gathered {
    pub inputs: Inputs,
    pub secrets: Vec<SecretDocument>,
    /// Writes generated secrets to the cluster.
    pub sink: Arc<dyn SecretSink>,
    /// What is wrong with single objects.
    pub wrong: Vec<Diagnostic>,
}

/// Reads all objects, the labels of namespaces, and the Secrets with our label.
///
/// # Errors
/// The API server does not answer, or refuses.
pub async fn read(client: Client, namespace: Option<&str>) -> Result<Gathered, kube::Error> {
    let all = ListParams::default();
    let mut cache = Cache::default();
    for kind in Kind::ALL {
        for object in api(&client, kind, namespace).list(&all).await?.items {
            if let Some(known) = Known::read(kind, object) {
                cache.apply(known);
            }
        }
    }
    let mut labels = Namespaces::new();
    let namespaces: Api<PartialObjectMeta<Namespace>> = Api::all(client.clone());
    for found in namespaces.list_metadata(&all).await?.items {
        labels.insert(found.metadata.name.unwrap_or_default(), found.metadata.labels.unwrap_or_default());
    }
    let vault = Arc::new(Vault::new(client.clone()));
    let secrets: Api<Secret> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    for secret in secrets.list(&all.labels(&format!("{USE}=true"))).await?.items {
        vault.hear(Event::Apply(secret));
    }
    let fleet = Fleet::new(Arc::new(Mutex::new(cache)), Arc::new(Mutex::new(labels)), vault.clone());
    let snapshot = fleet.snapshot();
    let wanted = snapshot.resolved.apps.iter().flat_map(|app| app.credentials.iter().map(|c| c.sink.clone()));
    vault.inspect(&wanted.collect::<Vec<_>>()).await;
    // What resolving finds is found again by who uses the inputs; what could not even be read is told here.
    let unread = |d: &&Diagnostic| !snapshot.resolved.diagnostics.contains(d);
    let wrong = snapshot.wrong.values().flatten().filter(unread).cloned().collect();
    let inputs = Inputs {
        objects: snapshot.inputs.objects.clone(),
        namespaces: snapshot.inputs.namespaces.clone(),
        ..Inputs::default()
    };
    Ok(Gathered { inputs, secrets: vault.documents(), sink: vault, wrong })
}
