//! `PartnerApp`: a multi-tenant app of the partner, its permissions, its credentials and their hand-over.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{DAYS, ITEM, LocalRef, PartnerRef, ProfileRef, WaitStatus, undescribed};

/// A multi-tenant app in the partner tenant.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "PartnerApp",
    namespaced,
    status = "PartnerAppStatus",
    derive = "PartialEq",
    shortname = "papp",
    category = "tenantry",
    doc = "PartnerApp is a multi-tenant app registered in the partner tenant: its permissions, its credentials and how they get to the product that uses them.",
    selectable = ".spec.partnerRef.name",
    printcolumn(
        name = "Partner",
        type_ = "string",
        json_path = ".spec.partnerRef.name",
        description = "The partner it belongs to"
    ),
    printcolumn(
        name = "App-Id",
        type_ = "string",
        json_path = ".status.appId",
        description = "Application (client) id"
    ),
    printcolumn(
        name = "Consent",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"PartnerConsentGranted\")].reason",
        description = "Consent in the partner tenant"
    ),
    printcolumn(
        name = "Secret",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"SecretValid\")].reason",
        description = "State of its credentials"
    ),
    printcolumn(
        name = "Tenants",
        type_ = "string",
        json_path = ".status.tenants",
        description = "Customer tenants that granted it, of those that want it"
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
        name = "Object-Id",
        type_ = "string",
        json_path = ".status.objectId",
        priority = 1,
        description = "Object id of the application"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.uniqueName) == has(oldSelf.uniqueName) && (!has(self.uniqueName) || self.uniqueName == oldSelf.uniqueName)")
    .message("uniqueName cannot be changed, added or removed").field_path(".uniqueName"))]
pub struct PartnerAppSpec {
    /// The Partner whose tenant the app is registered in. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("partnerRef cannot be changed"))]
    pub partner_ref: PartnerRef,
    /// What the product behind the app needs: permissions, Exchange, names and timings. Fields given here win over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileRef>,
    /// Name of the app. Customers see it in consent dialogs and role pickers, so it should say whose app it is.
    #[schemars(length(min = 1, max = 120))]
    pub display_name: String,
    /// The mark in Entra by which the app is found again. Omitted: `tenantry-partnerapp-<name of this object>`. To be given
    /// only when this object takes over from one of another name. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9][-._A-Za-z0-9]*$"))]
    pub unique_name: Option<String>,
    /// The families of operations that are wanted of those that the profile knows. Omitted: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 63), regex(pattern = "^[A-Z][A-Za-z0-9]*$")))]
    pub operations: Option<Vec<String>>,
    /// Changes to the permissions that the profile gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Where sign-ins may return to. Omitted: as the profile says, else not managed. An empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uris: Option<RedirectUris>,
    /// Whose accounts may use the app. `AzureADMultipleOrgs`: those of any organisation, which an app for customers needs.
    /// Omitted: `AzureADMultipleOrgs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// The app's own credentials. Tenantry makes, renews and removes those it made, and leaves others alone. Omitted: not
    /// managed. An empty list: those it made are removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 8))]
    pub credentials: Option<Vec<AppCredential>>,
    /// Whether the app's service principal is a member of the partner's AdminAgents group. `false` removes it. Omitted: as
    /// the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_agents: Option<bool>,
    /// Whether the app's permissions are also granted in the partner tenant itself. Omitted: as the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_consent: Option<bool>,
}

/// Changes to the permissions of a profile.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// Permissions that the app has beyond those of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["resource".into()]))]
    #[schemars(length(max = 32))]
    pub add: Option<Vec<ResourcePermissions>>,
    /// Permissions of the profile that the app shall not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["resource".into()]))]
    #[schemars(length(max = 32))]
    pub remove: Option<Vec<ResourcePermissions>>,
}

/// Permissions on one API.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.application) || has(self.delegated)")
    .message("no permission is named; give `application`, `delegated` or both"))]
pub struct ResourcePermissions {
    /// The API: `MicrosoftGraph`, `ExchangeOnline`, `MicrosoftPartnerCenter`, or the application id of any other.
    #[schemars(length(min = 1, max = 120), regex(pattern = "^[A-Za-z0-9][-A-Za-z0-9]*$"))]
    pub resource: String,
    /// Application permissions (app roles) by name, for example `User.ReadWrite.All`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 400), inner(length(min = 1, max = 120)))]
    pub application: Option<Vec<String>>,
    /// Delegated permissions (scopes) by name, for example `User.Read`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 400), inner(length(min = 1, max = 120)))]
    pub delegated: Option<Vec<String>>,
}

/// Where sign-ins may return to, by the kind of client.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RedirectUris {
    /// Of web apps. Omitted: not managed. An empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 256), inner(length(min = 1, max = 256)))]
    pub web: Option<Vec<String>>,
    /// Of single-page apps. Omitted: not managed. An empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 256), inner(length(min = 1, max = 256)))]
    pub spa: Option<Vec<String>>,
    /// Of desktop and mobile apps. Omitted: not managed. An empty list: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 256), inner(length(min = 1, max = 256)))]
    pub public_client: Option<Vec<String>>,
}

/// Whose accounts may use an app.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum Audience {
    /// Accounts of any organisation.
    #[default]
    AzureADMultipleOrgs,
}

/// The kind of a credential of an app.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum AppCredentialType {
    /// A client secret.
    ClientSecret,
}

/// A credential of the app.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.clientSecret) || self.type == 'ClientSecret'")
    .message("`clientSecret` goes with `type: ClientSecret` only; remove it or change the type"))]
pub struct AppCredential {
    /// Name of the credential. In Entra it is shown as `<name>#<number>`, the number growing with each renewal.
    #[schemars(length(min = 1, max = 63), regex(pattern = ITEM))]
    pub name: String,
    /// The kind of credential. `ClientSecret`: a client secret.
    pub r#type: AppCredentialType,
    /// Timings of a client secret, for `type: ClientSecret`. Omitted: as the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<ClientSecretTiming>,
    /// Where the secret's value goes when it is made, because Microsoft shows it only once.
    pub write_to: WriteTo,
    /// How the value gets to the product. `None`: the product reads it from where it is written. `Manual`: a person pastes
    /// it and then says so with `tenantry confirm`; until then the credential before it stays alive. Omitted: as the profile
    /// says, else `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Handover>,
}

/// Timings of a client secret.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
#[x_kube(validation = Rule::new("!has(self.lifetime) || !has(self.rotateBefore) || int(self.rotateBefore.substring(0, size(self.rotateBefore) - 1)) < int(self.lifetime.substring(0, size(self.lifetime) - 1))")
    .message("rotateBefore must be shorter than lifetime: a new secret would have to be replaced at once; write fewer days").field_path(".rotateBefore"))]
pub struct ClientSecretTiming {
    /// How long a new secret is valid, in days, for example `730d`. Omitted: as the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 4), regex(pattern = DAYS))]
    #[x_kube(validation = Rule::new("int(self.substring(0, size(self) - 1)) <= 730").message("lifetime is 730d at most: Microsoft's own pages offer no longer one; write 730d or less"))]
    pub lifetime: Option<String>,
    /// How long before its end a secret is replaced, in days, for example `60d`. Omitted: as the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 4), regex(pattern = DAYS))]
    pub rotate_before: Option<String>,
}

/// The kind of place that a secret is written to.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum WriteToType {
    /// A Secret.
    Secret,
}

/// Where a new credential is written.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.secretRef) == (self.type == 'Secret')")
    .message("`type: Secret` goes with `secretRef`, and `secretRef` with nothing else; add the one that is missing"))]
pub struct WriteTo {
    /// The kind of place. `Secret`: a Secret with the keys `clientId`, `clientSecret`, `tenantId`, `keyId` and `expiresAt`; on
    /// the command line a folder of that name in `--secrets-dir`.
    pub r#type: WriteToType,
    /// The Secret, for `type: Secret`. It belongs to Tenantry alone: one that somebody else made is never overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
}

/// How a credential gets to the product that uses it.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum Handover {
    /// The product reads it from where it is written.
    #[default]
    None,
    /// A person pastes it and confirms.
    Manual,
}

/// What was read back for a PartnerApp.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PartnerAppStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this app, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// Application (client) id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub app_id: Option<String>,
    /// Object id of the application in the partner tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub object_id: Option<String>,
    /// Object id of the app's service principal in the partner tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub service_principal_id: Option<String>,
    /// The credentials that Tenantry made, without their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 16))]
    pub credentials: Vec<CredentialStatus>,
    /// Number of customer tenants that granted the app everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_granted: Option<i64>,
    /// Number of customer tenants that want the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_wanted: Option<i64>,
    /// The two numbers as text, for example `3/4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub tenants: Option<String>,
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

/// What is known of one credential. Never its value.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CredentialStatus {
    /// Name of the credential.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Id of the key in Entra.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub key_id: Option<String>,
    /// From when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// Until when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// State of the credential: a reason of the condition `SecretValid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// Whether a person confirmed that the product has it. Absent where no hand-over is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_over: Option<bool>,
}
