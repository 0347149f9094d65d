//! `TenantClass`: what many Tenants have in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::common::{Access, AppUse, PartnerRef};

/// What many Tenants have in common.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "TenantClass",
    plural = "tenantclasses",
    namespaced,
    status = "TenantClassStatus",
    derive = "PartialEq",
    shortname = "tnc",
    category = "tenantry",
    doc = "TenantClass is what many Tenants have in common: how they are reached and which apps they have. A Tenant's own fields win over those of its class.",
    selectable = ".spec.partnerRef.name",
    printcolumn(
        name = "Partner",
        type_ = "string",
        json_path = ".spec.partnerRef.name",
        description = "The partner it belongs to"
    ),
    printcolumn(
        name = "Access",
        type_ = "string",
        json_path = ".spec.access.mode",
        description = "How the tenants are reached"
    ),
    printcolumn(
        name = "Apps",
        type_ = "string",
        json_path = ".spec.apps[*].name",
        description = "The apps that the tenants have"
    ),
    printcolumn(
        name = "Tenants",
        type_ = "integer",
        json_path = ".status.tenants",
        description = "Number of Tenants of this class"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether everything that it refers to is there"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is ready or not"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct TenantClassSpec {
    /// The Partner whose customers the Tenants are. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("partnerRef cannot be changed"))]
    pub partner_ref: PartnerRef,
    /// How the Tenants are reached. A Tenant may have its own, which then replaces this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The apps that the Tenants have. A Tenant may add its own, or change single fields of these by naming the app again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(max = 64))]
    pub apps: Option<Vec<AppUse>>,
}

/// What is known of a TenantClass.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TenantClassStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this class, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// Number of Tenants of this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<i64>,
    /// When everything was last read and compared. It is brought up to date once a day, and whenever something else changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<Time>,
    /// The value of the annotation `tenantry.dev/requestedAt` that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
}
