//! `Partner`: the MSP's own tenant, and how Tenantry signs in to it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{GUID, HOURS, Management, SecretSource, SecretStore, UPN, WaitStatus, undescribed};

/// The MSP's own tenant.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Partner",
    namespaced,
    status = "PartnerStatus",
    derive = "PartialEq",
    shortname = "ptn",
    category = "tenantry",
    doc = "Partner is the MSP's own Microsoft 365 tenant: its id, the app that Tenantry acts as, and the service account that acts inside customer tenants.",
    printcolumn(
        name = "App-Only",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"AppOnlyReady\")].reason",
        description = "Whether the managing app can sign in by itself"
    ),
    printcolumn(
        name = "Delegated",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"DelegatedReady\")].reason",
        description = "Whether the service account can sign in through the managing app"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether everything that is declared works"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is ready or not"
    ),
    printcolumn(
        name = "Id",
        type_ = "string",
        json_path = ".spec.tenantId",
        priority = 1,
        description = "The partner's tenant id"
    ),
    printcolumn(
        name = "Name",
        type_ = "string",
        json_path = ".status.displayName",
        priority = 1,
        description = "The partner's name as Microsoft shows it"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PartnerSpec {
    /// Tenant id (directory id) of the partner tenant. It cannot be changed.
    #[schemars(length(min = 36, max = 36), regex(pattern = GUID))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("tenantId cannot be changed"))]
    pub tenant_id: String,
    /// The app that Tenantry acts as: by itself in the partner tenant, together with the service account inside customers.
    pub managing_app: ManagingApp,
    /// `Enforce`: differences are repaired. `Observe`: differences are only reported and nothing is written, for this
    /// partner and everything that belongs to it.
    #[serde(default)]
    pub management: Management,
    /// Which namespaces may refer to this partner, beside its own. Omitted: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_namespaces: Option<TenantNamespaces>,
    /// How often the operator compares everything again when nothing happens, for example `1h`, `30m`. Single objects are spread
    /// over this time.
    #[serde(default = "hourly")]
    #[schemars(length(min = 2, max = 5), regex(pattern = HOURS))]
    pub interval: String,
    /// `true` stops all work for this partner and everything that belongs to it, reading included.
    #[serde(default)]
    pub suspend: bool,
}

fn hourly() -> String {
    "1h".into()
}

/// Which namespaces may refer to a Partner.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TenantNamespaces {
    /// The namespaces, by their labels. Whoever may label namespaces decides who may refer to this partner.
    pub selector: NamespaceSelector,
}

/// Namespaces by labels.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceSelector {
    /// A namespace is meant when it has all of these labels. `kubernetes.io/metadata.name` is the namespace's own name.
    #[schemars(length(min = 1, max = 16))]
    pub match_labels: BTreeMap<String, String>,
}

/// The app that Tenantry acts as.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ManagingApp {
    /// Application (client) id of the managing app.
    #[schemars(length(min = 36, max = 36), regex(pattern = GUID))]
    pub client_id: String,
    /// What the managing app signs in with.
    pub credential: ManagingCredential,
    /// The user who acts inside customer tenants, through the managing app.
    pub service_account: ServiceAccount,
}

/// What the managing app signs in with: a word.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum ManagingCredentialType {
    /// A client secret.
    ClientSecret,
    /// A certificate with its private key.
    Certificate,
}

/// What the managing app signs in with.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.clientSecret) == (self.type == 'ClientSecret')")
    .message("`type: ClientSecret` goes with `clientSecret`, and `clientSecret` with nothing else; add the one that is missing or remove the other"))]
#[x_kube(validation = Rule::new("has(self.certificate) == (self.type == 'Certificate')")
    .message("`type: Certificate` goes with `certificate`, and `certificate` with nothing else; add the one that is missing or remove the other"))]
pub struct ManagingCredential {
    /// The kind of credential. `ClientSecret`: a client secret. `Certificate`: a certificate with its private key, in PEM.
    pub r#type: ManagingCredentialType,
    /// The client secret, for `type: ClientSecret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretSource>,
    /// The certificate and its private key in one PEM text, for `type: Certificate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<SecretSource>,
}

/// The user who acts inside customer tenants.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// The user's sign-in name (user principal name).
    #[schemars(length(min = 3, max = 113), regex(pattern = UPN))]
    pub user_principal_name: String,
    /// Where the user's refresh token for the managing app is read from and kept.
    pub refresh_token: RefreshToken,
}

/// The service account's refresh token. Each use gives a new one; it is kept apart from the first one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RefreshToken {
    /// The first refresh token, from a sign-in with multi-factor authentication. It is only read.
    pub seed: SecretSource,
    /// Where newer refresh tokens are kept. It is written by Tenantry alone and wins over the seed.
    pub store: SecretStore,
}

/// What was read back for a Partner.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PartnerStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this partner, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// Name of the partner as Microsoft shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// The partner tenant's default domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub default_domain: Option<String>,
    /// What must happen before the next step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub waits: Vec<WaitStatus>,
    /// When everything was last read and compared. It is brought up to date once a day, and whenever something else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<Time>,
    /// The value of the annotation `tenantry.dev/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}
