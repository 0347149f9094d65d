//! Values that several kinds share: references, secrets, permissions, access and status parts.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pattern of an id given by Microsoft.
pub(super) const GUID: &str = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";
/// Pattern of a sign-in name.
pub(super) const UPN: &str = r"^[^@\s]+@[^@\s]+$";
/// Pattern of a number of days.
pub(super) const DAYS: &str = "^[1-9][0-9]{0,2}d$";
/// Pattern of a length of time in minutes or hours.
pub(super) const HOURS: &str = "^([1-9][0-9]{0,2}h|[1-9][0-9]{0,3}m)$";
/// Pattern of the names that items of a list go by.
pub(super) const ITEM: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A value that matches one of the patterns of the schemas, to show in messages.
pub fn sample(pattern: &str) -> Option<&'static str> {
    [
        (GUID, "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11"),
        (UPN, "jo@northwind.example"),
        (DAYS, "730d"),
        (HOURS, "1h"),
        (ITEM, "production"),
    ]
    .into_iter()
    .find_map(|(known, sample)| (known == pattern).then_some(sample))
}

/// Leaves a type's own words out of the schema, where they would hide those of the field that has the type.
pub(super) fn undescribed(schema: &mut schemars::Schema) {
    schema.remove("description");
}

/// A reference to an object of the same namespace by its name.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the object (`metadata.name`).
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A reference to a Partner.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PartnerRef {
    /// Name of the Partner (`metadata.name`).
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the Partner. Omitted: the namespace of this object. A Partner of another namespace must admit this one with
    /// its `tenantNamespaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = ITEM))]
    pub namespace: Option<String>,
}

/// The name of a Secret and its namespace. It shows as the name alone: where secrets lie in a folder there are no namespaces.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SecretName {
    /// Namespace of the Secret.
    pub namespace: Arc<str>,
    /// Name of the Secret.
    pub name: Arc<str>,
}

impl SecretName {
    /// The Secret of that name in a namespace.
    pub fn new(namespace: &str, name: &str) -> SecretName {
        SecretName { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// One value of a Secret: the Secret's name and the key within it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret. On the command line it is looked for in `--secrets-dir`, in the environment and among the
    /// `Secret` documents of the input; in a cluster it is a Secret of the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key within the Secret, for example `clientSecret`.
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// Where a secret value is read from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// The Secret and the key that hold the value.
    pub secret_ref: SecretKeyRef,
}

/// A Secret that Tenantry writes as a whole.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretStore {
    /// The Secret that is written. It belongs to Tenantry alone: one that somebody else made is never overwritten.
    pub secret_ref: LocalRef,
}

/// A built-in integration profile, pinned to a version.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ProfileRef {
    /// Name of the profile, for example `rallied`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Version of the profile. A newer one is reported, never taken by itself.
    #[schemars(range(min = 1, max = 10000))]
    pub version: i64,
}

/// Whether an object is only compared with what is live, or also made so.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum Management {
    /// Differences are repaired.
    #[default]
    Enforce,
    /// Differences are reported; nothing is written.
    Observe,
}

/// What happens at Microsoft when an object is deleted.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum DeletionPolicy {
    /// Nothing is written.
    #[default]
    Retain,
}

/// How Tenantry gets into a customer tenant.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum AccessMode {
    /// Through a GDAP relationship.
    Gdap,
}

/// The way into a customer tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.gdap) == (self.mode == 'Gdap')")
    .message("`mode: Gdap` goes with `gdap`, and `gdap` with nothing else; add the one that is missing"))]
pub struct Access {
    /// How the customer tenant is reached. `Gdap`: through a GDAP relationship that the customer accepts once.
    pub mode: AccessMode,
    /// Settings of `mode: Gdap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gdap: Option<GdapAccess>,
}

/// Access through GDAP.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GdapAccess {
    /// Name of the GdapTemplate that says which roles are asked for and which groups carry them.
    #[schemars(length(min = 1, max = 253))]
    pub template: String,
}

/// How the consent of a customer to an app comes about.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum ConsentMode {
    /// Tenantry grants it where its access allows, else it shows the link that a person must open.
    #[default]
    Auto,
}

/// How an app gets to work in Exchange Online.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum ExchangeWay {
    /// The Exchange Administrator role on the app's service principal.
    Role,
    /// Not at all.
    None,
}

/// Exchange Online for one app.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AppExchange {
    /// `Role`: the app's service principal gets the Exchange Administrator role in the customer tenant. `None`: Exchange
    /// is not set up for this app.
    pub way: ExchangeWay,
}

/// An app that a customer tenant shall have.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AppUse {
    /// Name of the PartnerApp.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// How the customer's consent comes about. `Auto`: granted through the access that Tenantry has, else by a link that a
    /// person opens. Omitted: as the class says, else `Auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<ConsentMode>,
    /// How the app gets to work in Exchange Online. Omitted: as the class says, else what the app's profile needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<AppExchange>,
}

/// What a wait waits for.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = undescribed)]
pub enum WaitOn {
    /// Somebody has to do something.
    Person,
    /// Microsoft has to finish something.
    Microsoft,
}

/// Something that must happen before the next step.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WaitStatus {
    /// What is waited for: `person` or `microsoft`.
    pub on: WaitOn,
    /// Who must act: `Customer`, `Partner` or `Microsoft`.
    #[schemars(length(max = 32))]
    pub who: String,
    /// The condition that the wait holds back.
    #[schemars(length(max = 316))]
    pub condition: String,
    /// The condition's reason.
    #[schemars(length(max = 1024))]
    pub reason: String,
    /// Since when it is waited for. Absent if that cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// When the wait counts as overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// What exactly has to happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub what: Option<String>,
    /// The page on which the person acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub link: Option<String>,
    /// Addresses of the steps that follow once the wait is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 512)))]
    pub then: Vec<String>,
}
