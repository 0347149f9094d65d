//! Events: what was changed and what failed, where `kubectl describe` shows it. Never that nothing happened.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::cache::Known;
use crate::api::API_VERSION;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::digest;
use crate::engine::step::{Action, Change};
use crate::telemetry::{Metrics, metrics};

/// The API server takes notes of 1 kB at most.
const LONGEST: usize = 1000;

pub struct Events {
    recorder: Recorder,
    metrics: Metrics,
}

impl Events {
    pub fn new(client: Client, metrics: Metrics) -> Events {
        let instance = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).ok();
        let reporter = Reporter { controller: format!("{}.dev", super::MANAGER), instance };
        Events { recorder: Recorder::new(client, reporter), metrics }
    }

    /// A change that was made, with the digest by which it was approved.
    pub async fn made(&self, on: &Known, change: &Change) {
        let reason = match change.action {
            Action::Create => "Created",
            Action::Update => "Updated",
            Action::Delete => "Deleted",
        };
        let digest = digest::of_change(change);
        tracing::info!(
            address = change.address, class = %change.class, action = change.action.word(), digest, reason = change.reason,
            "changed"
        );
        let note = format!("{} ({}; digest {digest})", change.address, change.reason);
        self.publish(on, EventType::Normal, reason, note, part(&change.address)).await;
    }

    /// Something that failed, with its remedy.
    pub async fn failed(&self, on: &Known, error: &Diagnostic) {
        let reason = error.code.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let reason = if reason.starts_with(|c: char| c.is_ascii_uppercase()) { reason } else { "Failed".to_owned() };
        tracing::warn!(
            address = error.address,
            code = error.code,
            detail = error.detail,
            remedy = error.remedy,
            request_id = error.request_id,
            "{}",
            error.summary
        );
        let parts = [error.summary.as_str(), error.detail.as_str(), error.remedy.as_str()];
        let note = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ");
        self.publish(on, EventType::Warning, &reason, note, part(&error.address)).await;
    }

    /// An object is ready, or not any more, or for another reason.
    pub async fn turned(&self, on: &Known, ready: bool, waits: bool, reason: &str, message: &str) {
        let kind = if ready || waits { EventType::Normal } else { EventType::Warning };
        tracing::info!(address = on.address(), ready, reason, "{message}");
        self.publish(on, kind, reason, message.to_owned(), "Judge").await;
    }

    /// What a person should know of an object that goes.
    pub async fn told(&self, on: &Known, reason: &str, note: String) {
        tracing::info!(address = on.address(), reason, "{note}");
        self.publish(on, EventType::Normal, reason, note, "Delete").await;
    }

    /// An event that cannot be published costs the event, not the work.
    async fn publish(&self, on: &Known, type_: EventType, reason: &str, note: String, action: &str) {
        let note = note.chars().take(LONGEST).collect::<String>();
        let mut note = note;
        while note.len() > LONGEST {
            note.pop();
        }
        let event =
            Event { type_, reason: reason.to_owned(), note: Some(note), action: action.to_owned(), secondary: None };
        self.metrics.event(match type_ {
            EventType::Normal => metrics::EventType::Normal,
            EventType::Warning => metrics::EventType::Warning,
        });
        if let Err(error) = self.recorder.publish(&event, &reference(on)).await {
            tracing::debug!(address = on.address(), %error, "an event was not published");
        }
    }
}

/// What of an object an event is about. Events of one object, reason and action are taken for repetitions.
fn part(address: &str) -> &str {
    address.split_once(':').map_or("Reconcile", |(_, part)| part.get(..128).unwrap_or(part))
}

fn reference(on: &Known) -> ObjectReference {
    ObjectReference {
        api_version: Some(API_VERSION.into()),
        kind: Some(on.name.kind.as_str().into()),
        name: Some(on.name.name.clone()),
        namespace: Some(on.name.namespace.clone()),
        uid: Some(on.uid.clone()),
        resource_version: None,
        field_path: None,
    }
}
