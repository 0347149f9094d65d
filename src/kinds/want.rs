//! Declared objects, resolved: everything that class, template, profile and Partner supply is in
//! place, and references have become the things they refer to.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api::SecretName;
use crate::catalog::apps::Resource;
use crate::catalog::ladder::Rung;
use crate::engine::diagnostic::Place;
use crate::engine::kind::Mode;
use crate::engine::read::{Actor, TenantId};

/// The MSP's own tenant.
#[derive(Clone, PartialEq, Debug)]
pub struct Partner {
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    pub place: Place,
    pub tenant: TenantId,
    pub client_id: String,
    /// The service account's sign-in name.
    pub service_account: String,
    /// How often everything is compared again when nothing happens.
    pub interval: jiff::SignedDuration,
    pub mode: Mode,
}

impl Partner {
    pub fn address(&self) -> String {
        format!("Partner/{}", self.name)
    }

    /// The managing app, app-only.
    pub fn managing_app(&self) -> Actor {
        Actor::ManagingApp { partner: self.name.clone() }
    }

    /// The managing app on behalf of the service account.
    pub fn service_account(&self) -> Actor {
        Actor::ServiceAccount { partner: self.name.clone() }
    }
}

/// One application permission that an app wants.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Permission {
    pub resource: Resource,
    pub value: String,
    /// Why it is requested, for a reviewer.
    pub purpose: String,
    /// The field that asks for it.
    pub path: String,
}

impl Permission {
    /// `MicrosoftGraph/User.ReadWrite.All`
    pub fn label(&self) -> String {
        format!("{}/{}", self.resource.word, self.value)
    }
}

/// What lies in a sink: ids and dates, never the secret.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Stored {
    pub key_id: Option<String>,
    /// The credential that was about to be made when a run was cut off.
    pub pending: Option<String>,
    /// When the stored one ends.
    pub ends: Option<jiff::Timestamp>,
}

/// A credential that an app shall have.
#[derive(Clone, PartialEq, Debug)]
pub struct Credential {
    pub name: String,
    pub lifetime_days: i64,
    pub rotate_before_days: i64,
    pub sink: SecretName,
    pub stored: Stored,
}

/// Redirect URIs by platform; `None` is not managed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RedirectUris {
    pub web: Option<BTreeSet<String>>,
    pub spa: Option<BTreeSet<String>>,
    pub public_client: Option<BTreeSet<String>>,
}

/// A multi-tenant app in the partner tenant.
#[derive(Clone, PartialEq, Debug)]
pub struct App {
    pub name: String,
    pub place: Place,
    pub partner: Arc<Partner>,
    pub display_name: String,
    pub unique_name: String,
    pub audience: String,
    pub redirect_uris: RedirectUris,
    /// Sorted, without doubles.
    pub permissions: Vec<Permission>,
    pub credentials: Vec<Credential>,
    pub admin_agents: bool,
    pub partner_consent: bool,
    /// Template id of the directory role that its principal needs for Exchange.
    pub exchange_role: Option<&'static str>,
    /// How long Exchange may take to know a new role.
    pub exchange_window: jiff::SignedDuration,
    /// How long a consent may take to show in tokens.
    pub consent_window: jiff::SignedDuration,
    /// Where permissions come from: "from profile rallied v1".
    pub origin: String,
}

impl App {
    pub fn address(&self) -> String {
        format!("PartnerApp/{}", self.name)
    }

    /// The app by its first stored credential, for proofs.
    pub fn actor(&self, client_id: &str) -> Option<Actor> {
        let credential = self.credentials.iter().find(|c| c.stored.key_id.is_some())?;
        Some(Actor::App { client_id: client_id.into(), secret: credential.sink.clone() })
    }

    pub fn resources(&self) -> BTreeSet<Resource> {
        self.permissions.iter().map(|p| p.resource).collect()
    }
}

/// Characters that the name of a relationship may have (Graph: delegatedAdminRelationship, displayName).
pub const LONGEST_NAME: usize = 50;

/// Who is a member of a group that a template makes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Member {
    /// Sign-in name in the partner tenant.
    User(String),
    ObjectId(String),
}

/// A group that carries one role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub role_id: String,
    pub role_name: String,
    pub display_name: String,
    pub unique_name: String,
    pub members: BTreeSet<Member>,
    /// Part of addresses: `tenantry/privileged-role-administrator`.
    pub label: String,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    pub name: String,
    pub place: Place,
    pub partner: Arc<Partner>,
    pub display_name: String,
    pub duration_days: i64,
    pub auto_extend: bool,
    /// One a role and grant.
    pub groups: Vec<Group>,
}

impl Template {
    pub fn address(&self) -> String {
        format!("GdapTemplate/{}", self.name)
    }

    /// Template ids of all roles.
    pub fn roles(&self) -> BTreeSet<String> {
        self.groups.iter().map(|g| g.role_id.clone()).collect()
    }
}

/// One GDAP relationship and its assignments.
#[derive(Clone, PartialEq, Debug)]
pub struct Relationship {
    /// `contoso-standard`
    pub name: String,
    /// The Tenant it is derived from.
    pub tenant: String,
    pub place: Place,
    pub mode: Mode,
    pub template: Arc<Template>,
    pub customer: TenantId,
    /// A domain that must belong to the customer.
    pub domain: String,
    /// The roles are enough for what is to be done; else nobody is asked.
    pub sufficient: bool,
    /// The first of its names; successors are `…-2`, `…-3`.
    pub display_name: String,
}

impl Relationship {
    pub fn address(&self) -> String {
        format!("GdapRelationship/{}", self.name)
    }
}

/// An app in a tenant.
#[derive(Clone, PartialEq, Debug)]
pub struct Use {
    pub app: Arc<App>,
    /// Whether Exchange is needed here.
    pub exchange: bool,
}

/// One customer.
#[derive(Clone, PartialEq, Debug)]
pub struct Tenant {
    pub name: String,
    pub place: Place,
    pub mode: Mode,
    pub partner: Arc<Partner>,
    pub customer: TenantId,
    pub domain: String,
    pub relationship: Relationship,
    pub apps: Vec<Use>,
    /// Addresses of apps that are declared for it and cannot be used: they tell their errors themselves.
    pub broken: Vec<String>,
    /// What we do there.
    pub rungs: BTreeSet<Rung>,
}

impl Tenant {
    pub fn address(&self) -> String {
        format!("Tenant/{}", self.name)
    }
}
