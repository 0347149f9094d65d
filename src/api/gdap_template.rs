//! `GdapTemplate`: the roles that are asked of customers, and the groups that carry them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{DAYS, GUID, ITEM, PartnerRef, UPN, WaitStatus, undescribed};

/// Roles, the groups that carry them, duration and naming of GDAP relationships.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[kube(
    group = "tenantry.dev",
    version = "v1alpha1",
    kind = "GdapTemplate",
    namespaced,
    status = "GdapTemplateStatus",
    derive = "PartialEq",
    shortname = "gdt",
    category = "tenantry",
    doc = "GdapTemplate says what GDAP relationships with customers look like: the roles, the groups of the partner tenant that carry them, duration and naming.",
    selectable = ".spec.partnerRef.name",
    printcolumn(
        name = "Partner",
        type_ = "string",
        json_path = ".spec.partnerRef.name",
        description = "The partner it belongs to"
    ),
    printcolumn(
        name = "Duration",
        type_ = "string",
        json_path = ".spec.duration",
        description = "How long a relationship lasts"
    ),
    printcolumn(
        name = "Auto-Extend",
        type_ = "boolean",
        json_path = ".spec.autoExtend",
        description = "Whether a relationship is prolonged by itself"
    ),
    printcolumn(
        name = "Groups",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"GroupsReady\")].reason",
        description = "State of the groups"
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
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the object exists"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!self.autoExtend || !self.grants.exists(g, has(g.roles) && g.roles.exists(r, r.lowerAscii() in ['global administrator', 'company administrator', '62e90394-69f5-4237-9190-012177145e10']))")
    .message("autoExtend cannot be combined with Global Administrator: Microsoft does not prolong such a relationship; remove the role or write `autoExtend: false`").field_path(".autoExtend"))]
pub struct GdapTemplateSpec {
    /// The Partner whose customers are asked. It cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message("partnerRef cannot be changed"))]
    pub partner_ref: PartnerRef,
    /// Name of the relationships; `{tenant}` stands for the name of the Tenant. A relationship that follows an ended one gets
    /// `-2`, `-3` and so on. Customers see it; it has 50 characters at most in all.
    #[schemars(length(min = 1, max = 50))]
    #[x_kube(validation = Rule::new("self.contains('{tenant}')").message("displayName must contain `{tenant}`: no two relationships may have one name; write for example `NW-{tenant}-standard`"))]
    pub display_name: String,
    /// How long a relationship lasts, in days: `730d` at most.
    #[serde(default = "two_years")]
    #[schemars(length(min = 2, max = 4), regex(pattern = DAYS))]
    #[x_kube(validation = Rule::new("int(self.substring(0, size(self) - 1)) <= 730").message("duration is 730d at most: Microsoft allows no longer relationship; write 730d or less, and autoExtend to prolong it"))]
    pub duration: String,
    /// Whether Microsoft prolongs a relationship by 180 days before it ends. Refused together with Global Administrator.
    #[serde(default)]
    pub auto_extend: bool,
    /// Who gets which roles. The roles of a relationship are those of all grants together.
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[schemars(length(min = 1, max = 32))]
    pub grants: Vec<Grant>,
}

fn two_years() -> String {
    "730d".into()
}

/// Where the roles of a grant come from.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[schemars(transform = undescribed)]
pub enum GrantFrom {
    /// What Tenantry's own work in the customer tenants needs.
    Needs,
    /// The roles listed.
    Roles,
}

/// Roles for one circle of people or accounts.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.roles) == (self.from == 'Roles')")
    .message("`from: Roles` goes with `roles`, and `roles` with nothing else; add the one that is missing or remove the other"))]
pub struct Grant {
    /// Name of the grant.
    #[schemars(length(min = 1, max = 63), regex(pattern = ITEM))]
    pub name: String,
    /// Where the roles come from. `Needs`: the roles that Tenantry's own work for the declared apps needs. `Roles`: those
    /// listed in `roles`.
    pub from: GrantFrom,
    /// The roles by name or template id, for example `Helpdesk Administrator`, for `from: Roles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 100)))]
    pub roles: Option<Vec<String>>,
    /// The groups that carry the roles: one for each role, made by Tenantry in the partner tenant.
    pub groups: GrantGroups,
}

/// The groups that a grant makes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GrantGroups {
    /// Name of the groups; `{role}` stands for the name of the role.
    #[schemars(length(min = 1, max = 120))]
    #[x_kube(validation = Rule::new("self.contains('{role}')").message("displayName must contain `{role}`: there is one group for each role; write for example `GDAP Service – {role}`"))]
    pub display_name: String,
    /// Who is in the groups. What is not listed is removed from them.
    #[schemars(length(max = 200))]
    pub members: Vec<GroupMember>,
}

/// One member: exactly one of the fields is given.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.serviceAccount) ? 1 : 0) + (has(self.userPrincipalName) ? 1 : 0) + (has(self.objectId) ? 1 : 0) == 1")
    .message("a member is exactly one of `serviceAccount`, `userPrincipalName` and `objectId`; make an item of each"))]
pub struct GroupMember {
    /// `true`: the service account of the Partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self").message("serviceAccount can only be true; remove the item instead"))]
    pub service_account: Option<bool>,
    /// A user of the partner tenant by sign-in name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 113), regex(pattern = UPN))]
    pub user_principal_name: Option<String>,
    /// A user, group or service principal of the partner tenant by object id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 36, max = 36), regex(pattern = GUID))]
    pub object_id: Option<String>,
}

/// What was read back for a GdapTemplate.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GdapTemplateStatus {
    /// The generation of the spec that the conditions judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What holds of this template, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 64))]
    pub conditions: Vec<Condition>,
    /// The roles of the relationships, all grants together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(max = 120)))]
    pub roles: Vec<String>,
    /// The groups that carry the roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["uniqueName".into()]))]
    #[schemars(length(max = 512))]
    pub groups: Vec<GroupStatus>,
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

/// A group of the partner tenant.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// The mark in Entra by which the group is found.
    #[schemars(length(max = 256))]
    pub unique_name: String,
    /// The role that it carries.
    #[schemars(length(max = 120))]
    pub role: String,
    /// Object id of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub id: Option<String>,
}
