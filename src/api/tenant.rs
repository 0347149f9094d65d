//! `Tenant`: one customer.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::common::{Access, AppUse, DeletionPolicy, ExchangeWay, GUID, WaitStatus};

/// One customer.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "Tenant",
    namespaced,
    status = "TenantStatus",
    derive = "PartialEq",
    shortname = "tn",
    category = "tenantry",
    doc = "Tenant is one customer of the MSP: how the customer's Microsoft 365 tenant is reached, and which apps work in it.",
    selectable = ".spec.class",
    selectable = ".spec.tenantId",
    printcolumn(
        name = "Domain",
        type_ = "string",
        json_path = ".spec.domain",
        description = "A domain of the customer"
    ),
    printcolumn(
        name = "Gdap",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"GdapActive\")].reason",
        description = "State of the GDAP relationship"
    ),
    printcolumn(
        name = "Consent",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"ConsentGranted\")].reason",
        description = "Consent of the customer to the apps"
    ),
    printcolumn(
        name = "Exchange",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"ExchangeReady\")].reason",
        description = "Whether the apps work in Exchange Online"
    ),
    printcolumn(
        name = "CA",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"ConditionalAccessCompatible\")].reason",
        description = "Whether the customer's conditional access lets the partner in"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether what the declared apps need works"
    ),
    printcolumn(
        name = "Waits-For",
        type_ = "string",
        json_path = ".status.waitsFor",
        description = "Who must act: Customer, Partner or Microsoft"
    ),
    printcolumn(
        name = "Since",
        type_ = "date",
        json_path = ".status.conditions[?(@.type==\"Ready\")].lastTransitionTime",
        description = "Since when it is ready or not"
    ),
    printcolumn(
        name = "Ends",
        type_ = "string",
        json_path = ".status.ends",
        description = "When the GDAP relationship ends"
    ),
    printcolumn(
        name = "Tenant-Id",
        type_ = "string",
        json_path = ".spec.tenantId",
        priority = 1,
        description = "The customer's tenant id"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1,
        description = "Why it is ready or not"
    ),
    printcolumn(
        name = "Relationship",
        type_ = "string",
        json_path = ".status.relationship.name",
        priority = 1,
        description = "Name of the GDAP relationship"
    ),
    printcolumn(
        name = "Verified",
        type_ = "date",
        json_path = ".status.lastVerified",
        priority = 1,
        description = "When everything was last read and compared"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TenantSpec {
    /// Name of the TenantClass that supplies every field that is not given here.
    #[schemars(length(min = 1, max = 253))]
    pub class: String,
    /// Tenant id (directory id) of the customer. It cannot be changed.
    #[schemars(length(min = 36, max = 36), regex(pattern = GUID))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("tenantId cannot be changed"))]
    pub tenant_id: String,
    /// A verified domain of the customer, for example `contoso.com`. Nothing is written before it is known to belong to the
    /// tenant id, so that a mistyped id does no harm.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)+$")
    )]
    pub domain: String,
    /// How this tenant is reached. Omitted: as the class says. Given, it replaces the class's as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Apps that this tenant has beyond those of its class, and changes to those of its class: an item of the same name
    /// changes the fields that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 64))]
    pub apps: Option<Vec<AppUse>>,
    /// What happens at Microsoft when this object is deleted. `Retain`: nothing; relationship, consent and roles stay as they are.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// `true` stops all work for this tenant, reading included.
    #[serde(default)]
    pub suspend: bool,
}

/// What was read back for a Tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this tenant, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// Name of the customer as Microsoft shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// The customer's default domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub default_domain: Option<String>,
    /// The GDAP relationship that is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<RelationshipStatus>,
    /// Pages on which people act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<TenantLinks>,
    /// The apps in this tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 128))]
    pub apps: Vec<TenantAppStatus>,
    /// Exchange Online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeStatus>,
    /// What must happen before the next step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub waits: Vec<WaitStatus>,
    /// Who must act next: `Customer`, `Partner`, `Microsoft`, or `-`: what the column WAITS-FOR shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub waits_for: Option<String>,
    /// The day on which the GDAP relationship ends, or `-`: what the column ENDS shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ends: Option<String>,
    /// When everything was last read and compared. It is brought up to date once a day, and whenever something else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<Time>,
    /// The value of the annotation `tenantry.dev/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}

/// The GDAP relationship that is used for a Tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RelationshipStatus {
    /// Name of the relationship, as the customer sees it.
    #[schemars(length(max = 64))]
    pub name: String,
    /// Id of the relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub id: Option<String>,
    /// State of the relationship in Microsoft's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// When the relationship ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
}

/// Pages on which people act.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantLinks {
    /// Where the customer accepts the GDAP relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub gdap_approval: Option<String>,
    /// Where an administrator of the customer consents to an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub admin_consent: Option<String>,
}

/// One app in a tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantAppStatus {
    /// Name of the PartnerApp.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Object id of the app's service principal in this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub service_principal_id: Option<String>,
    /// Number of permissions that are granted.
    #[serde(default)]
    pub granted: i64,
    /// Number of permissions that are wanted.
    #[serde(default)]
    pub wanted: i64,
    /// The permissions that are wanted and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512), inner(length(max = 256)))]
    pub missing: Vec<String>,
}

/// Exchange Online in a tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeStatus {
    /// How the apps get to work: `Role` or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<ExchangeWay>,
    /// When Exchange last answered an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe: Option<Time>,
}
