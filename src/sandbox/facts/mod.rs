//! The sandbox's own tables of Microsoft's facts; see `README.md` beside this file.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

pub const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
pub const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
pub const PARTNER_CENTER: &str = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";
/// "Partner Customer Delegated Administration": must exist before app-only GDAP calls work.
pub const GDAP_SERVICE: &str = "2832473f-ec63-45fb-976f-5d45a7d4bb91";
/// Microsoft's own tenant, the owner of its service principals.
pub const MICROSOFT_TENANT: &str = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";

pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
pub const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
pub const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
pub const USER_ADMINISTRATOR: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
pub const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";

/// A resource application: the API that permissions belong to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    pub app_id: String,
    pub display_name: String,
    /// The URIs (and the app id) by which a scope may name it; the first is the audience of its tokens.
    pub names: Vec<String>,
    pub application: BTreeMap<String, String>,
    pub delegated: BTreeMap<String, String>,
}

impl Resource {
    pub fn audience(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    pub fn role_value(&self, id: &str) -> Option<&str> {
        self.application.iter().find(|(_, i)| *i == id).map(|(v, _)| v.as_str())
    }
}

#[derive(Debug, Deserialize)]
pub struct Role {
    pub name: String,
    pub gdap: bool,
}

/// Permissions that open a route.
#[derive(Debug, Deserialize)]
pub struct Rule {
    pub app: Vec<String>,
    pub user: Vec<String>,
    #[serde(default)]
    pub with: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Types {
    pub types: BTreeMap<String, BTreeMap<String, String>>,
    pub enums: BTreeMap<String, Vec<String>>,
}

macro_rules! embedded {
    ($name:ident, $type:ty, $file:literal) => {
        pub fn $name() -> &'static $type {
            static TABLE: OnceLock<$type> = OnceLock::new();
            TABLE.get_or_init(|| serde_json::from_str(include_str!($file)).expect($file)) // invariant: embedded, parsed by a test
        }
    };
}

embedded!(resources, BTreeMap<String, Resource>, "resources.json");
embedded!(roles, BTreeMap<String, Role>, "roles.json");
embedded!(rules, BTreeMap<String, Rule>, "routes.json");
embedded!(types, Types, "types.json");

pub fn resource(app_id: &str) -> Option<&'static Resource> {
    resources().values().find(|r| r.app_id == app_id)
}

/// A resource by key (`MicrosoftGraph`), display name, app id or URI.
pub fn resource_named(name: &str) -> Option<&'static Resource> {
    let bare = name.trim_end_matches('/');
    resources()
        .iter()
        .find(|(key, r)| {
            key.eq_ignore_ascii_case(bare)
                || r.display_name.eq_ignore_ascii_case(bare)
                || r.names.iter().any(|n| n.eq_ignore_ascii_case(bare))
        })
        .map(|(_, r)| r)
}

pub fn role_named(name_or_id: &str) -> Option<(&'static str, &'static Role)> {
    roles()
        .iter()
        .find(|(id, r)| id.eq_ignore_ascii_case(name_or_id) || r.name.eq_ignore_ascii_case(name_or_id))
        .map(|(id, r)| (id.as_str(), r))
}

pub fn role_name(id: &str) -> &str {
    roles().get(id).map_or(id, |r| r.name.as_str())
}
