//! Finalizers: held before the first external write, and let go of without looking at the spec.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::cache::{FINALIZER, Known};
use super::watch::api;
use super::{MANAGER, Operator, derived};
use crate::api::Kind;
use crate::source::Name;

impl Operator {
    /// From here on the object does not vanish before we let go of it.
    ///
    /// # Errors
    /// The API server does not take it, for example because the object has changed meanwhile.
    pub(super) async fn hold(&self, known: &Known) -> Result<Known, kube::Error> {
        let mut finalizers = known.finalizers.clone();
        finalizers.push(FINALIZER.to_owned());
        let held = self.set_finalizers(known, &finalizers).await?;
        self.cache().apply_own(held.clone());
        Ok(held)
    }

    async fn set_finalizers(&self, known: &Known, finalizers: &[String]) -> Result<Known, kube::Error> {
        let name = &known.name;
        // The version makes it a conflict when somebody else was faster.
        let body = json!({"metadata": {
            "resourceVersion": known.resource_version, "uid": known.uid, "finalizers": finalizers,
        }});
        let params = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
        let api = api(&self.client, name.kind, Some(&name.namespace));
        let written = api.patch(&name.name, &params, &Patch::Merge(body)).await?;
        Ok(Known::read(name.kind, written).unwrap_or_else(|| known.clone()))
    }

    /// Lets an object go that is being deleted. With `Retain`, which is all there is today, nothing is written to Microsoft: the
    /// spec is not even looked at. Whether it was let go.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(super) async fn let_go(&self, known: &Known) -> Result<bool, kube::Error> {
        if !known.is_held() {
            return Ok(true); // others hold it
        }
        if known.name.kind == Kind::GdapRelationship && self.has_owner(known) {
            return Ok(false); // it goes when its Tenant has gone
        }
        let left: Vec<String> = known.finalizers.iter().filter(|f| *f != FINALIZER).cloned().collect();
        let held = retained(known);
        if !held.is_empty() {
            let note = format!("nothing is changed at Microsoft; there stays: {}", held.join(", "));
            self.events.told(known, "Retained", note).await;
        }
        match self.set_finalizers(known, &left).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether the Tenant that an object is derived from is still there and held by us.
    fn has_owner(&self, known: &Known) -> bool {
        let Some((_, owner, uid)) = &known.owner else { return false };
        let tenant = Name { kind: Kind::Tenant, name: owner.clone(), ..known.name.clone() };
        self.known(&tenant).is_some_and(|t| t.uid == *uid && t.is_held() && derived::is_of(known, &tenant))
    }
}

/// What the status says that there is at Microsoft, in words.
fn retained(known: &Known) -> Vec<&'static str> {
    let status = known.status.value();
    let has = |name: &str| status.get(name).is_some_and(|v| !v.is_null());
    let list = |name: &str| status.get(name).and_then(Value::as_array).is_some_and(|all| !all.is_empty());
    let all = [
        (has("relationship"), "the GDAP relationship and its access assignments"),
        (
            known.name.kind == Kind::Tenant && list("apps"),
            "the apps with their consent and roles in the customer's tenant",
        ),
        (has("appId"), "the registration with its credentials and consent"),
        (list("groups"), "the groups and their members"),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect()
}
