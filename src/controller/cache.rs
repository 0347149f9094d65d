//! What the API server has of our kinds, as far as the operator needs it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::api::{Kind, Spec};
use crate::engine::digest::sha256;
use crate::source::Name;

/// Keeps an object from vanishing before we have let go of what belongs to it.
pub const FINALIZER: &str = "tenantry.dev/finalizer";
/// Asks for an object to be verified again now; its value is echoed in `status.lastHandledReconcileAt`.
pub const REQUESTED_AT: &str = "tenantry.dev/requestedAt";

/// One object.
#[derive(Clone, Debug)]
pub struct Known {
    pub name: Name,
    pub uid: String,
    pub generation: i64,
    pub resource_version: String,
    pub created: Timestamp,
    pub deleting: bool,
    pub finalizers: Vec<String>,
    pub requested_at: Option<String>,
    /// The object that this one is derived from: kind, name and uid.
    pub owner: Option<(String, String, String)>,
    /// What it declares, or why that cannot be read.
    pub spec: Result<Spec, String>,
    /// Digest of what it declares, as it stands: for objects that we write.
    pub raw: Option<String>,
    pub status: Told,
}

/// A status, as text: as a value it would take five times the room, and there are many. What is asked for all the time is read
/// once.
#[derive(Clone, Debug, Default)]
pub struct Told {
    text: Box<str>,
    /// `True`, `False` or `Unknown`: the condition Ready.
    ready: &'static str,
    generation: Option<i64>,
    handled: Option<Box<str>>,
    /// Nobody has said anything yet.
    empty: bool,
}

impl Told {
    fn new(status: &Value) -> Told {
        let ready = condition(status, "Ready").and_then(|c| c.get("status")).and_then(Value::as_str);
        let text = if status.is_null() { String::new() } else { status.to_string() };
        Told {
            text: text.into(),
            ready: ["True", "False"].into_iter().find(|word| Some(*word) == ready).unwrap_or("Unknown"),
            generation: status.get("observedGeneration").and_then(Value::as_i64),
            handled: status.get("lastHandledReconcileAt").and_then(Value::as_str).map(Box::from),
            empty: status.get("conditions").is_none(),
        }
    }

    /// All of it.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// The condition of a type in a status.
pub fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let all = status.get("conditions").and_then(Value::as_array)?;
    all.iter().find(|c| c.get("type").and_then(Value::as_str) == Some(kind))
}

impl Known {
    /// Reads an object; a spec that cannot be decoded is an error of its own, not of the watch.
    pub fn read(kind: Kind, object: DynamicObject) -> Option<Known> {
        let meta = object.metadata;
        let mut data = object.data;
        let spec = data.get_mut("spec").map(Value::take).unwrap_or_default();
        // Only derived objects are compared as they stand: the others would be kept in memory twice.
        let raw = (kind == Kind::GdapRelationship).then(|| digest(&spec));
        let controller = meta.owner_references.unwrap_or_default().into_iter().find(|o| o.controller == Some(true));
        Some(Known {
            name: Name { kind, namespace: meta.namespace?, name: meta.name? },
            uid: meta.uid?,
            generation: meta.generation.unwrap_or_default(),
            resource_version: meta.resource_version.unwrap_or_default(),
            created: meta.creation_timestamp.map_or(Timestamp::UNIX_EPOCH, |t| t.0),
            deleting: meta.deletion_timestamp.is_some(),
            finalizers: meta.finalizers.unwrap_or_default(),
            requested_at: meta.annotations.and_then(|mut all| all.remove(REQUESTED_AT)),
            owner: controller.map(|o| (o.kind, o.name, o.uid)),
            spec: Spec::decode(kind, spec).map_err(|error| error.to_string()),
            raw,
            status: Told::new(data.get("status").unwrap_or(&Value::Null)),
        })
    }

    pub fn address(&self) -> String {
        self.name.address()
    }

    /// Nobody has said anything of it yet.
    pub fn is_new(&self) -> bool {
        self.status.empty
    }

    pub fn is_held(&self) -> bool {
        self.finalizers.iter().any(|f| f == FINALIZER)
    }

    /// Somebody asked for it to be verified now, and that has not been done yet.
    pub fn is_requested(&self) -> bool {
        self.requested_at.is_some() && self.requested_at.as_deref() != self.status.handled.as_deref()
    }

    /// `True`, `False` or `Unknown`, as the status says.
    pub fn ready(&self) -> &'static str {
        self.status.ready
    }

    /// Whether the status judges the spec as it stands.
    pub fn is_judged(&self) -> bool {
        self.status.generation == Some(self.generation)
    }
}

/// A digest of a spec, whatever the order of its fields.
pub fn digest(spec: &Value) -> String {
    sha256(&spec.to_string())
}

/// What an arrival changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// Nothing that anything depends on: our own status, as a rule.
    Nothing,
    /// Spec, annotations or finalizers, or it is new or being deleted.
    Changed,
}

/// All objects of our kinds.
#[derive(Debug, Default)]
pub struct Cache {
    objects: BTreeMap<Name, Known>,
    /// Names seen since a watch began anew, by kind.
    seen: BTreeMap<Kind, BTreeSet<Name>>,
}

impl Cache {
    pub fn get(&self, name: &Name) -> Option<&Known> {
        self.objects.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.objects.values()
    }

    /// Takes an object in, unless it is older than what is known.
    pub fn apply(&mut self, known: Known) -> News {
        if let Some(seen) = self.seen.get_mut(&known.name.kind) {
            seen.insert(known.name.clone());
        }
        let old = self.objects.get(&known.name);
        if old.is_some_and(|old| old.uid == known.uid && version(old) > version(&known)) {
            return News::Nothing; // our own write was faster than the watch
        }
        let same = old.is_some_and(|old| {
            old.uid == known.uid
                && old.generation == known.generation
                && old.deleting == known.deleting
                && old.finalizers == known.finalizers
                && old.requested_at == known.requested_at
                && old.owner == known.owner
        });
        self.objects.insert(known.name.clone(), known);
        if same { News::Nothing } else { News::Changed }
    }

    /// Takes in what we wrote ourselves. Where the object has vanished meanwhile, or is another one, nothing is taken in.
    pub fn apply_own(&mut self, known: Known) -> News {
        match self.objects.get(&known.name) {
            Some(there) if there.uid == known.uid => self.apply(known),
            _ => News::Nothing,
        }
    }

    pub fn remove(&mut self, name: &Name) {
        self.objects.remove(name);
    }

    /// A watch begins anew: what does not appear until [`Cache::complete`] is gone.
    pub fn begin(&mut self, kind: Kind) {
        self.seen.insert(kind, BTreeSet::new());
    }

    /// Everything has appeared; these are gone.
    pub fn complete(&mut self, kind: Kind) -> Vec<Name> {
        let Some(seen) = self.seen.remove(&kind) else { return vec![] };
        let gone: Vec<Name> =
            self.objects.keys().filter(|name| name.kind == kind && !seen.contains(name)).cloned().collect();
        gone.iter().for_each(|name| drop(self.objects.remove(name)));
        gone
    }
}

/// Versions of one object are compared as numbers, as Kubernetes lets clients do.
fn version(known: &Known) -> u64 {
    known.resource_version.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(version: &str, generation: i64) -> Known {
        let object = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass",
            "metadata": {"name": "managed", "namespace": "msp", "uid": "u", "resourceVersion": version, "generation": generation},
            "spec": {"partnerRef": {"name": "northwind"}},
        });
        Known::read(Kind::TenantClass, serde_json::from_value(object).unwrap()).unwrap()
    }

    #[test]
    fn an_older_version_never_replaces_a_newer_one() {
        let mut cache = Cache::default();
        assert_eq!(cache.apply(object("10", 2)), News::Changed);
        assert_eq!(cache.apply(object("9", 1)), News::Nothing);
        assert_eq!(cache.get(&object("10", 2).name).unwrap().generation, 2);
        assert_eq!(cache.apply(object("11", 2)), News::Nothing, "only the status is newer");
    }

    #[test]
    fn what_does_not_appear_after_a_watch_began_anew_is_gone() {
        let mut cache = Cache::default();
        cache.apply(object("10", 1));
        cache.begin(Kind::TenantClass);
        assert_eq!(cache.complete(Kind::TenantClass), [object("10", 1).name]);
        assert!(cache.iter().next().is_none());
    }

    #[test]
    fn a_spec_that_cannot_be_decoded_is_an_error_of_its_own() {
        let object = json!({
            "apiVersion": "tenantry.dev/v1alpha1", "kind": "TenantClass",
            "metadata": {"name": "odd", "namespace": "msp", "uid": "u"}, "spec": {"partnerRef": 7},
        });
        let known = Known::read(Kind::TenantClass, serde_json::from_value(object).unwrap()).unwrap();
        assert!(known.spec.unwrap_err().contains("invalid type"));
    }
}
