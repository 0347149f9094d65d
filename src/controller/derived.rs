//! GdapRelationships that are derived from Tenants: written out so that people can see them, and owned by the Tenant.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::cache::{FINALIZER, Known, digest};
use super::finish::Said;
use super::status::{Facts, unknown};
use super::watch::api;
use super::{MANAGER, Operator};
use crate::api::{API_VERSION, Kind};
use crate::catalog::roles;
use crate::engine::conditions::Condition;
use crate::kinds::want::Relationship;
use crate::pass::Standing;
use crate::source::Name;

/// The label that names the Tenant.
const TENANT: &str = "tenantry.dev/tenant";

/// Whether an object is derived from that Tenant.
pub fn is_of(known: &Known, tenant: &Name) -> bool {
    known.name.kind == Kind::GdapRelationship
        && known.name.namespace == tenant.namespace
        && known.owner.as_ref().is_some_and(|(kind, name, _)| kind == Kind::Tenant.as_str() && *name == tenant.name)
}

/// The spec of the derived object: what the Tenant and its template make of it.
fn spec(want: &Relationship, namespace: &str) -> Value {
    let template = &want.template;
    let names: Vec<&str> = template.groups.iter().map(|g| g.role_name.as_str()).collect();
    let mut unique: Vec<&str> = Vec::new();
    names.into_iter().for_each(|name| {
        if !unique.contains(&name) {
            unique.push(name)
        }
    });
    let assignments: Vec<Value> =
        template.groups.iter().map(|g| json!({"group": g.unique_name, "roles": [roles::name(&g.role_id)]})).collect();
    let mut partner = json!({"name": &*template.partner.name});
    if *template.partner.namespace != *namespace {
        partner["namespace"] = json!(&*template.partner.namespace);
    }
    json!({
        "partnerRef": partner, "tenantId": want.customer.as_str(), "template": template.name,
        "displayName": want.display_name, "duration": format!("{}d", template.duration_days),
        "autoExtend": template.auto_extend, "roles": unique, "assignments": assignments,
    })
}

impl Operator {
    /// Writes the object that shows a Tenant's relationship, and its status.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(super) async fn derive(
        &self,
        tenant: &Known,
        want: &Relationship,
        standing: &Standing,
    ) -> Result<(), kube::Error> {
        let name =
            Name { kind: Kind::GdapRelationship, namespace: tenant.name.namespace.clone(), name: want.name.clone() };
        let spec = spec(want, &name.namespace);
        let there = self.known(&name);
        if there.as_ref().is_some_and(|there| !is_of(there, &tenant.name)) {
            let note = format!("GdapRelationship/{} is somebody else's, and shows something else", name.name);
            self.events.told(tenant, "Conflict", note).await;
            return Ok(());
        }
        let owned = |there: &Known| there.owner.as_ref().is_some_and(|(.., uid)| *uid == tenant.uid);
        let as_wanted = |there: &Known| owned(there) && there.is_held() && there.raw.as_ref() == Some(&digest(&spec));
        let known = match there {
            Some(there) if there.deleting || as_wanted(&there) => there,
            _ => match self.write_out(tenant, &name, &spec).await? {
                Some(written) => written,
                None => return Ok(()),
            },
        };
        let said = Said {
            conditions: standing.conditions.clone(),
            facts: facts(standing),
            waits_on_microsoft: false,
            tries: 0,
            looked: false,
        };
        self.finish(&known, said).await.map(drop)
    }

    /// Says of what is derived from a Tenant that is not looked at what its Tenant says.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(super) async fn show_derived(&self, tenant: &Known) -> Result<(), kube::Error> {
        if tenant.name.kind != Kind::Tenant {
            return Ok(());
        }
        let derived: Vec<Known> = self.cache().iter().filter(|k| is_of(k, &tenant.name)).cloned().collect();
        for known in derived.iter().filter(|known| !known.deleting) {
            let why = format!("Tenant/{} is not looked at; see what it says", tenant.name.name);
            let mut conditions =
                vec![Condition::unknown("Ready", why.clone()), Condition::unknown("Synced", why.clone())];
            conditions.extend(unknown(known.name.kind, "Unreadable", &why));
            let old = known.status.value();
            let kept = ["id", "displayName", "state", "endsAt", "ends"];
            let facts = kept.into_iter().filter_map(|name| Some((name, old.get(name)?.clone()))).collect();
            let said = Said { conditions, facts, waits_on_microsoft: false, tries: 0, looked: false };
            self.finish(known, said).await?;
        }
        Ok(())
    }

    async fn write_out(&self, tenant: &Known, name: &Name, spec: &Value) -> Result<Option<Known>, kube::Error> {
        let body = json!({
            "apiVersion": API_VERSION, "kind": name.kind.as_str(),
            "metadata": {
                "name": name.name, "namespace": name.namespace,
                "labels": {TENANT: tenant.name.name},
                "finalizers": [FINALIZER],
                "ownerReferences": [{
                    "apiVersion": API_VERSION, "kind": "Tenant", "name": tenant.name.name, "uid": tenant.uid,
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": spec,
        });
        let params = PatchParams::apply(MANAGER).force();
        let api = api(&self.client, name.kind, Some(&name.namespace));
        let written = Known::read(name.kind, api.patch(&name.name, &params, &Patch::Apply(body)).await?);
        if let Some(written) = &written {
            self.cache().apply(written.clone());
        }
        Ok(written)
    }

    /// A GdapRelationship by itself: one that is derived is looked at with its Tenant.
    ///
    /// # Errors
    /// The API server does not take its status.
    pub(super) async fn alone(&self, known: &Known) -> Result<(), kube::Error> {
        if let Some((kind, owner, _)) = &known.owner
            && kind == Kind::Tenant.as_str()
        {
            let tenant = Name { kind: Kind::Tenant, name: owner.clone(), ..known.name.clone() };
            // Somebody changed what only we write: the Tenant's next pass puts it right.
            if !known.is_judged() && self.known(&tenant).is_some() {
                self.want(tenant, self.now(), super::Lane::Soon);
            }
            return Ok(());
        }
        let why = "a GdapRelationship is derived from a Tenant; one declared by hand is not kept yet";
        let mut conditions = vec![Condition::no("Ready", "InvalidSpec", why), Condition::no("Synced", "Failed", why)];
        conditions.extend(unknown(known.name.kind, "Unreadable", why));
        let said = Said { conditions, facts: Facts::new(), waits_on_microsoft: false, tries: 0, looked: true };
        self.finish(known, said).await.map(drop)
    }
}

/// The facts of a relationship, as its own kind has them.
fn facts(standing: &Standing) -> Facts {
    let mut facts = Facts::new();
    let fact = |name: &str| standing.facts.get(name).cloned().unwrap_or_default();
    let relationship = fact("relationship");
    for (from, to) in [("id", "id"), ("name", "displayName"), ("state", "state"), ("endsAt", "endsAt")] {
        if let Some(value) = relationship.get(from).filter(|v| !v.is_null()) {
            facts.insert(to, value.clone());
        }
    }
    facts.insert("ends", standing.facts.get("ends").cloned().unwrap_or_else(|| json!("-")));
    if let Some(link) = fact("links").get("gdapApproval") {
        facts.insert("approvalLink", link.clone());
    }
    facts
}
