//! `GdapRelationship`: one relationship with one customer, and who holds which of its roles.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::common::{DAYS, GUID, PartnerRef, WaitStatus};

/// One GDAP relationship with one customer.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "GdapRelationship",
    namespaced,
    status = "GdapRelationshipStatus",
    derive = "PartialEq",
    shortname = "gdr",
    category = "tenantry",
    doc = "GdapRelationship is one GDAP relationship with one customer and its access assignments. It is derived from a Tenant and its GdapTemplate.",
    selectable = ".spec.partnerRef.name",
    selectable = ".spec.tenantId",
    printcolumn(
        name = "Relationship",
        type_ = "string",
        json_path = ".spec.displayName",
        description = "Name of the relationship"
    ),
    printcolumn(
        name = "Gdap",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"GdapActive\")].reason",
        description = "State of the relationship"
    ),
    printcolumn(
        name = "Access",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"AccessAssigned\")].reason",
        description = "State of the access assignments"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether everything that is declared works"
    ),
    printcolumn(
        name = "Ends",
        type_ = "string",
        json_path = ".status.ends",
        description = "When the relationship ends"
    ),
    printcolumn(
        name = "Tenant-Id",
        type_ = "string",
        json_path = ".spec.tenantId",
        priority = 1,
        description = "The customer's tenant id"
    ),
    printcolumn(
        name = "Id",
        type_ = "string",
        json_path = ".status.id",
        priority = 1,
        description = "Id of the relationship"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct GdapRelationshipSpec {
    /// The Partner who asks. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("partnerRef cannot be changed"))]
    pub partner_ref: PartnerRef,
    /// Tenant id of the customer. It cannot be changed.
    #[schemars(length(min = 36, max = 36), regex(pattern = GUID))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("tenantId cannot be changed"))]
    pub tenant_id: String,
    /// Name of the GdapTemplate that it is derived from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub template: Option<String>,
    /// Name of the relationship, as the customer sees it, without the number that a successor gets.
    #[schemars(length(min = 1, max = 50))]
    pub display_name: String,
    /// How long the relationship lasts, in days: `730d` at most.
    #[serde(default = "two_years")]
    #[schemars(length(min = 2, max = 4), regex(pattern = DAYS))]
    #[x_kube(validation = Rule::new("int(self.substring(0, size(self) - 1)) <= 730").message("duration is 730d at most: Microsoft allows no longer relationship; write 730d or less, and autoExtend to prolong it"))]
    pub duration: String,
    /// Whether Microsoft prolongs the relationship by 180 days before it ends.
    #[serde(default)]
    pub auto_extend: bool,
    /// The roles of the relationship, by name or template id. They are fixed once the customer was asked.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 128), inner(length(min = 1, max = 100)))]
    pub roles: Vec<String>,
    /// Which group of the partner tenant holds which of the roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["group".into()]))]
    #[schemars(length(max = 256))]
    pub assignments: Vec<Assignment>,
}

fn two_years() -> String {
    "730d".into()
}

/// The roles that one group holds.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The group of the partner tenant, by the mark in Entra by which it is found (its unique name).
    #[schemars(length(min = 1, max = 256))]
    pub group: String,
    /// The roles, by name or template id.
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 128), inner(length(min = 1, max = 100)))]
    pub roles: Vec<String>,
}

/// What was read back for a GdapRelationship.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GdapRelationshipStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this relationship, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// Id of the relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub id: Option<String>,
    /// Name of the relationship as it stands, with the number that a successor has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub display_name: Option<String>,
    /// State of the relationship in Microsoft's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub state: Option<String>,
    /// When the relationship ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// The same as a day, or `-`: what the column ENDS shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub ends: Option<String>,
    /// The page on which the customer accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub approval_link: Option<String>,
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
