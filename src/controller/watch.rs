//! Watches: what the API server tells, brought into the cache.

use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client, ResourceExt as _};

use super::Operator;
use super::cache::{Known, News};
use crate::api::{GROUP, GdapRelationship, GdapTemplate, Kind, Partner, PartnerApp, Tenant, TenantClass, VERSION};
use crate::source::Name;

/// The label of Secrets that are read.
pub const USE: &str = "tenantry.dev/use";

/// How the API server calls a kind.
pub fn resource(kind: Kind) -> ApiResource {
    match kind {
        Kind::Partner => ApiResource::erase::<Partner>(&()),
        Kind::PartnerApp => ApiResource::erase::<PartnerApp>(&()),
        Kind::GdapTemplate => ApiResource::erase::<GdapTemplate>(&()),
        Kind::GdapRelationship => ApiResource::erase::<GdapRelationship>(&()),
        Kind::TenantClass => ApiResource::erase::<TenantClass>(&()),
        Kind::Tenant => ApiResource::erase::<Tenant>(&()),
    }
}

/// The objects of a kind, in all namespaces or in one.
pub fn api(client: &Client, kind: Kind, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource(kind)),
        None => Api::all_with(client.clone(), &resource(kind)),
    }
}

/// Watches everything for ever.
pub async fn all(operator: Arc<Operator>) {
    let kinds = Kind::ALL.map(|kind| objects(operator.clone(), kind));
    let rest = futures::future::join(secrets(operator.clone()), namespaces(operator));
    futures::future::join(futures::future::join_all(kinds), rest).await;
}

/// How a watch is called where people read it.
pub fn label(kind: Kind) -> String {
    format!("{}.{GROUP}/{VERSION}", resource(kind).plural)
}

async fn objects(operator: Arc<Operator>, kind: Kind) {
    let api = api(&operator.client, kind, operator.namespace.as_deref());
    let stream = watch(api, watcher::Config::default()).default_backoff();
    follow(&operator, &label(kind), stream, |event| object(&operator, kind, event)).await;
}

fn object(operator: &Operator, kind: Kind, event: Event<DynamicObject>) {
    let gone = match event {
        Event::Init => {
            operator.cache().begin(kind);
            vec![]
        }
        Event::InitDone => operator.cache().complete(kind),
        Event::Apply(object) | Event::InitApply(object) => {
            if let Some(known) = Known::read(kind, object) {
                let name = known.name.clone();
                let news = operator.cache().apply(known);
                if news == News::Changed {
                    operator.changed(&name);
                }
            }
            vec![]
        }
        Event::Delete(object) => {
            let name = Name { kind, namespace: object.namespace().unwrap_or_default(), name: object.name_any() };
            operator.cache().remove(&name);
            vec![name]
        }
    };
    gone.iter().for_each(|name| operator.gone(name));
}

async fn secrets(operator: Arc<Operator>) {
    let api: Api<Secret> = match &operator.namespace {
        Some(namespace) => Api::namespaced(operator.client.clone(), namespace),
        None => Api::all(operator.client.clone()),
    };
    let only = watcher::Config::default().labels(&format!("{USE}=true"));
    let stream = watch(api, only).default_backoff();
    follow(&operator, "secrets", stream, |event| {
        if operator.vault.hear(event) {
            operator.stir();
        }
    })
    .await;
}

async fn namespaces(operator: Arc<Operator>) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(operator.client.clone());
    let stream = watch(api, watcher::Config::default()).default_backoff();
    follow(&operator, "namespaces", stream, |event| {
        let changed = match event {
            Event::Apply(object) | Event::InitApply(object) => {
                let labels = object.metadata.labels.unwrap_or_default();
                let name = object.metadata.name.unwrap_or_default();
                let old = operator.namespaces().insert(name, labels.clone());
                old.as_ref() != Some(&labels)
            }
            Event::Delete(object) => operator.namespaces().remove(&object.name_any()).is_some(),
            Event::Init | Event::InitDone => false,
        };
        if changed {
            operator.stir();
        }
    })
    .await;
}

/// Follows one watch. It begins anew by itself; what went wrong is told, and whether it is complete.
async fn follow<K>(
    operator: &Operator,
    what: &str,
    stream: impl Stream<Item = Result<Event<K>, watcher::Error>>,
    mut hear: impl FnMut(Event<K>),
) {
    let mut stream = std::pin::pin!(stream.into_stream());
    let mut troubled = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                let complete = matches!(event, Event::InitDone);
                if troubled {
                    tracing::info!(what, "the watch is back");
                    troubled = false;
                }
                hear(event);
                if complete {
                    operator.complete(what);
                }
            }
            Err(error) => {
                if !troubled {
                    tracing::warn!(what, %error, "the watch broke off; it is tried again");
                }
                troubled = true;
            }
        }
    }
}
