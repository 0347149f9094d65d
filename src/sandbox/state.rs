//! Everything the simulated cloud remembers: one value, saved as one file.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::audit::Audits;
use super::behaviour::Switches;
use super::clock::{Clock, Lag};
use super::due::Dues;
use super::faults::Faults;
use super::gdap::Relationship;
use super::gdap::events::Event;
use super::ids;
use super::kept::{Book, Kept};
use super::keys::Ring;
use super::log::Log;
use super::shelf::{Binned, Gone, History, Links, Shelves};
use super::sts::flows::Flows;

/// The number in the file; another one is refused with a clear error.
pub const FORMAT: u32 = 1;

pub type Props = Map<String, Value>;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub format: u32,
    pub seed: u64,
    pub clock: Clock,
    pub lag: Lag,
    /// Habits besides the lags.
    #[serde(default)]
    pub switches: Switches,
    /// What Microsoft would send mails about: a test reads them.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub events: VecDeque<Kept<Event>>,
    /// PKCS#8 of the key that signs access tokens, base64.
    pub signing_key: String,
    /// What came of the keys before it.
    #[serde(default, skip_serializing_if = "Ring::is_empty")]
    pub ring: Ring,
    /// Sign-ins that are under way.
    #[serde(default, skip_serializing_if = "Flows::is_empty")]
    pub flows: Flows,
    /// Outside issuers of tokens, and the keys by which theirs are verified.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub issuers: BTreeMap<String, Value>,
    /// Id of the partner's tenant.
    pub partner: String,
    pub tenants: Book<Tenant>,
    pub relationships: Book<Relationship>,
    /// Refresh tokens that the world came with, by hash. Those issued later carry their own facts.
    pub refresh_tokens: BTreeMap<String, Seeded>,
    pub due: Dues,
    pub faults: Faults,
    /// Ids of deleted objects: never given again.
    pub retired: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Limits::are_usual")]
    pub limits: Limits,
    /// Answers of Partner Center by `ms-requestid`, the newest last.
    pub replays: VecDeque<Kept<Replay>>,
    pub log: Log,
    /// Tenants by domain; forgotten when a domain comes or goes.
    #[serde(skip)]
    pub domains: OnceLock<Arc<HashMap<String, String>>>,
    /// Tenants by the app ids that are registered in them; made anew after [`State::forget_homes`].
    #[serde(skip)]
    pub homes: OnceLock<Arc<HashMap<String, String>>>,
}

/// What differs between tenants of Microsoft, or what tests want to reach sooner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Objects that a principal without a directory role may have made, deleted ones included.
    pub objects_of_principal: usize,
    /// Security groups are gone at once when they are deleted, as they were until 2026.
    pub security_groups_are_gone: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { objects_of_principal: 250, security_groups_are_gone: false }
    }
}

impl Limits {
    fn are_usual(&self) -> bool {
        *self == Limits::default()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seeded {
    pub user: String,
    pub client_id: String,
    pub issued: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replay {
    pub request_id: String,
    pub status: u16,
    pub body: Value,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tenant {
    pub id: String,
    pub display_name: String,
    /// The default domain first; the initial one last.
    pub domains: Vec<String>,
    pub exchange: bool,
    pub commercial: bool,
    /// Plain users, made up when they are read.
    pub plain_users: u32,
    /// Those of them that were written: they are users like any other since.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub plain_taken: BTreeSet<u32>,
    /// Plain users by id.
    #[serde(skip)]
    pub plain_ids: OnceLock<Arc<HashMap<String, u32>>>,
    /// Directory roles that have been activated, by template.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub active_roles: BTreeSet<String>,
    pub users: BTreeMap<String, User>,
    pub applications: BTreeMap<String, Application>,
    pub principals: BTreeMap<String, Principal>,
    pub groups: BTreeMap<String, Group>,
    pub app_roles: BTreeMap<String, AppRoleAssignment>,
    pub grants: BTreeMap<String, Grant>,
    pub role_assignments: BTreeMap<String, RoleAssignment>,
    #[serde(skip_serializing_if = "Links::is_empty")]
    pub links: Links,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shelves: Shelves,
    /// Deleted objects that can be restored.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bin: BTreeMap<String, Binned>,
    #[serde(skip_serializing_if = "History::is_empty")]
    pub history: History,
    /// Part numbers of its SKUs; `None`: what tenants have by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licences: Option<Vec<String>>,
    /// What the partner's contract calls it, once that is no longer so: a copy that is never refreshed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractNames>,
    /// Who changed what, the newest last.
    #[serde(default, skip_serializing_if = "Audits::is_empty")]
    pub audits: Audits,
    /// Who signed in, as Graph's `signIn` shows it, the newest last.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub sign_ins: VecDeque<Kept<Value>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: String,
    pub user_principal_name: String,
    pub display_name: String,
    pub mfa: bool,
    /// What else was set, by Graph's property names.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub props: Props,
    pub created: Timestamp,
    /// Refresh tokens issued before this moment are revoked.
    pub tokens_valid_from: Timestamp,
    /// Hash of the password, where one was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    pub id: String,
    pub app_id: String,
    /// What callers have set, by Graph's property names.
    pub props: Props,
    /// App id of the creator: its principal is the owner.
    pub created_by: Option<String>,
    pub created: Timestamp,
    pub secrets: Vec<Secret>,
    pub certificates: Vec<Certificate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    pub key_id: String,
    pub display_name: Option<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    pub hint: String,
    pub hash: String,
    /// The thumbprint of the certificate that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_key: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    pub key_id: String,
    pub display_name: Option<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// DER, base64.
    pub der: String,
    pub usage: String,
    /// Graph's `type`, where it is not the plain certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What the caller chose instead of the thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

/// A service principal: an application's presence in a tenant.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    pub id: String,
    pub app_id: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub props: Props,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Its own, beside those of its application.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Certificate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub id: String,
    pub props: Props,
    pub members: BTreeSet<String>,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppRoleAssignment {
    pub id: String,
    pub principal_id: String,
    pub resource_id: String,
    pub app_role_id: String,
    pub created: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    pub id: String,
    pub client_id: String,
    pub resource_id: String,
    /// `None`: for all principals.
    pub principal_id: Option<String>,
    pub scope: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    pub id: String,
    pub role: String,
    pub principal_id: String,
    /// What it reaches: `/`, `/administrativeUnits/{id}`, or `/{id of an object}`.
    #[serde(default = "everything", skip_serializing_if = "is_everything")]
    pub scope: String,
}

fn everything() -> String {
    "/".to_owned()
}

fn is_everything(scope: &str) -> bool {
    scope == "/"
}

impl RoleAssignment {
    /// Whether it reaches the whole directory.
    pub fn is_tenant_wide(&self) -> bool {
        is_everything(&self.scope)
    }
}

impl User {
    pub fn text(&self, prop: &str) -> Option<&str> {
        self.props.get(prop).and_then(Value::as_str)
    }
    pub fn is_guest(&self) -> bool {
        self.text("userType") == Some("Guest")
    }
}

/// Names of a customer at the time the partner's contract with it was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContractNames {
    pub display_name: String,
    pub default_domain: String,
}

impl Application {
    pub fn text(&self, prop: &str) -> Option<&str> {
        self.props.get(prop).and_then(Value::as_str)
    }
    pub fn display_name(&self) -> &str {
        self.text("displayName").unwrap_or("")
    }
    pub fn audience(&self) -> &str {
        self.text("signInAudience").unwrap_or("AzureADMultipleOrgs")
    }
}

impl Principal {
    pub fn new(id: String, app_id: String) -> Principal {
        Principal { id, app_id, ..Principal::default() }
    }
}

impl Group {
    pub fn text(&self, prop: &str) -> Option<&str> {
        self.props.get(prop).and_then(Value::as_str)
    }
    pub fn display_name(&self) -> &str {
        self.text("displayName").unwrap_or("")
    }
    pub fn is_role_assignable(&self) -> bool {
        self.props.get("isAssignableToRole") == Some(&Value::Bool(true))
    }
    /// `Unified`: a Microsoft 365 group; `DynamicMembership`: a rule says who is in it.
    pub fn is_of_type(&self, name: &str) -> bool {
        let types = self.props.get("groupTypes").and_then(Value::as_array);
        types.is_some_and(|t| t.iter().any(|t| t.as_str() == Some(name)))
    }
}

impl Tenant {
    /// Call this before the tenant's name or default domain changes: contracts keep the old ones.
    pub fn remember_names(&mut self) {
        if self.contract.is_none() {
            let (display_name, default_domain) = (self.display_name.clone(), self.default_domain().to_owned());
            self.contract = Some(ContractNames { display_name, default_domain });
        }
    }
    pub fn default_domain(&self) -> &str {
        self.domains.first().map_or("", String::as_str)
    }
    pub fn principal_of(&self, app_id: &str) -> Option<&Principal> {
        self.principals.values().find(|p| p.app_id.eq_ignore_ascii_case(app_id))
    }
    pub fn deleted_application(&self, app_id: &str) -> Option<&Application> {
        self.bin.values().find_map(|b| match &b.object {
            Gone::Application(a) if a.app_id.eq_ignore_ascii_case(app_id) => Some(a),
            _ => None,
        })
    }
    pub fn group_named(&self, name: &str) -> Option<&Group> {
        self.groups.values().find(|g| g.display_name() == name)
    }
    /// Whether a secret or certificate of that id exists here.
    fn has_key(&self, id: &str) -> bool {
        let held = |secrets: &[Secret], certificates: &[Certificate]| {
            secrets.iter().any(|s| s.key_id == id) || certificates.iter().any(|c| c.key_id == id)
        };
        self.applications.values().any(|a| held(&a.secrets, &a.certificates))
            || self.principals.values().any(|p| held(&p.secrets, &p.certificates))
    }
    /// Whether an object of that id exists here, made-up users not counted.
    pub fn holds(&self, id: &str) -> bool {
        self.users.contains_key(id)
            || self.applications.contains_key(id)
            || self.bin.contains_key(id)
            || self.shelves.values().any(|shelf| shelf.contains_key(id))
            || self.principals.contains_key(id)
            || self.groups.contains_key(id)
            || self.app_roles.contains_key(id)
            || self.grants.contains_key(id)
            || self.role_assignments.contains_key(id)
    }
}

impl State {
    /// A tenant by id or any of its domains.
    pub fn tenant_named(&self, name: &str) -> Option<&Tenant> {
        let lower = name.to_ascii_lowercase();
        self.tenants.get(&lower).or_else(|| self.tenant_of_domain(&lower))
    }

    pub fn tenant_of_domain(&self, domain: &str) -> Option<&Tenant> {
        let all = self.domains.get_or_init(|| {
            let domains =
                |t: &Tenant| t.domains.iter().map(|d| (d.to_ascii_lowercase(), t.id.clone())).collect::<Vec<_>>();
            Arc::new(self.tenants.values().flat_map(domains).collect())
        });
        self.tenants.get(all.get(&domain.to_ascii_lowercase())?)
    }

    /// The registration behind an app id, and the tenant it is registered in.
    pub fn application(&self, app_id: &str) -> Option<(&Tenant, &Application)> {
        let of = |t: &'_ Tenant| t.applications.values().any(|a| a.app_id.eq_ignore_ascii_case(app_id));
        let tenant = self.tenants.get(&self.partner).filter(|t| of(t)).or_else(|| self.home(app_id))?;
        tenant.applications.values().find(|a| a.app_id.eq_ignore_ascii_case(app_id)).map(|a| (tenant, a))
    }

    /// The tenant of an application of a customer.
    fn home(&self, app_id: &str) -> Option<&Tenant> {
        let homes = self.homes.get_or_init(|| {
            let apps =
                |t: &Tenant| t.applications.values().map(|a| (a.app_id.clone(), t.id.clone())).collect::<Vec<_>>();
            Arc::new(self.tenants.values().flat_map(apps).collect())
        });
        self.tenants.get(homes.get(&app_id.to_ascii_lowercase())?)
    }

    /// An application came or went.
    pub fn forget_homes(&mut self) {
        self.homes = OnceLock::new();
    }

    /// As [`State::application`], or the registration that was deleted and can come back.
    pub fn registration(&self, app_id: &str) -> Option<(&Tenant, &Application)> {
        let deleted = || self.tenants.values().find_map(|t| t.deleted_application(app_id).map(|a| (t, a)));
        self.application(app_id).or_else(deleted)
    }

    /// A new GUID for an object of this natural key.
    pub fn fresh_id(&self, tenant: &str, kind: &str, key: &str) -> String {
        let held = |id: &str| {
            self.retired.contains(id)
                || self.relationships.contains_key(id)
                || self
                    .tenants
                    .get(tenant)
                    .is_some_and(|t| t.holds(id) || t.applications.values().any(|a| a.app_id == id) || t.has_key(id))
        };
        ids::fresh(self.seed, &[tenant, kind, key], held)
    }

    pub fn opaque_id(&self, tenant: &str, kind: &str, key: &str) -> String {
        let held = |id: &str| self.retired.contains(id) || self.tenants.get(tenant).is_some_and(|t| t.holds(id));
        ids::opaque(self.seed, &[tenant, kind, key], held)
    }
}
