//! The sandbox's own tables of Microsoft's facts; see `README.md` beside this file.
pub mod beta;
pub mod queries;

use std::collections::{BTreeMap, BTreeSet};
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
pub const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
pub const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";
pub const SECURITY_ADMINISTRATOR: &str = "194ae4cb-b126-40b2-bd5b-6091b380977d";
pub const CONDITIONAL_ACCESS_ADMINISTRATOR: &str = "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9";
pub const AUTHENTICATION_POLICY_ADMINISTRATOR: &str = "0526716b-113d-4c15-b2c8-68e3c22b9f80";
pub const DOMAIN_NAME_ADMINISTRATOR: &str = "8329153b-31d0-4727-b945-745eb3bc5f31";
pub const REPORTS_READER: &str = "4a5d8f65-41da-4de4-8968-e035b65339cf";

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

/// A Graph type. Inherited properties and links are among its own.
#[derive(Debug, Deserialize)]
pub struct Type {
    pub base: Option<String>,
    /// It has an identity; without one it is a complex type.
    #[serde(default)]
    pub entity: bool,
    /// It takes properties that nobody declared.
    #[serde(default)]
    pub open: bool,
    #[serde(default, rename = "abstract")]
    pub is_abstract: bool,
    /// Name → EDM type without `Edm.`; `!` at its end: never null.
    pub properties: BTreeMap<String, String>,
    /// Navigation properties: name → type, or `Collection(type)`.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub struct Types {
    pub types: BTreeMap<String, Type>,
    /// Members in their order; those after `unknownFutureValue` are shown only to who prefers them.
    pub enums: BTreeMap<String, Vec<String>>,
    /// Enums whose values may be several members, joined by commas.
    pub flags: BTreeSet<String>,
}

impl Types {
    /// Whether a type is another one or inherits from it.
    pub fn is_a(&self, of: &str, base: &str) -> bool {
        let mut at = Some(of);
        while let Some(name) = at {
            if name == base {
                return true;
            }
            at = self.types.get(name).and_then(|t| t.base.as_deref());
        }
        false
    }
}

/// A permission, and those of which one is needed beside it.
#[derive(Debug, Clone)]
pub struct Need {
    pub permission: String,
    pub with: Vec<String>,
}

/// What opens a method of a path: any of these, by kind of token.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    pub app: Vec<Need>,
    pub user: Vec<Need>,
}

/// Path in lower case, with `{}` for each key → method → rule.
pub type Permits = BTreeMap<String, BTreeMap<String, Rule>>;

#[derive(Deserialize)]
struct PermitFile {
    sets: Vec<Vec<String>>,
    paths: BTreeMap<String, BTreeMap<String, (usize, usize)>>,
}

#[expect(clippy::expect_used, reason = "the file is part of the program, and a test reads it")]
pub fn permits() -> &'static Permits {
    static TABLE: OnceLock<Permits> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = include_str!("permits.json");
        let file: PermitFile = serde_json::from_str(text).expect("permits.json"); // invariant: embedded, read by a test
        let needs = |set: usize| file.sets.get(set).into_iter().flatten().map(|text| need(text)).collect();
        let rules = |(method, (app, user)): (&String, &(usize, usize))| {
            (method.clone(), Rule { app: needs(*app), user: needs(*user) })
        };
        file.paths.iter().map(|(path, methods)| (path.clone(), methods.iter().map(rules).collect())).collect()
    })
}

/// `A+B|C`: A, and one of B and C.
fn need(text: &str) -> Need {
    let (permission, with) = text.split_once('+').unwrap_or((text, ""));
    let with = with.split('|').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    Need { permission: permission.to_owned(), with }
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
embedded!(role_actions, BTreeMap<String, Vec<String>>, "role_actions.json");
embedded!(types, Types, "types.json");
embedded!(consentable, BTreeSet<String>, "user_consent.json");
embedded!(all_queries, BTreeMap<String, queries::Queries>, "queries.json");
embedded!(policies, BTreeMap<String, serde_json::Value>, "policies.json");
embedded!(products, Products, "skus.json");
embedded!(activities, BTreeMap<String, Activity>, "activities.json");

/// What Microsoft sells: SKUs by part number, and the service plans that they are made of, by name.
#[derive(Debug, Deserialize)]
pub struct Products {
    pub plans: BTreeMap<String, Plan>,
    pub skus: BTreeMap<String, Sku>,
}

#[derive(Debug, Deserialize)]
pub struct Plan {
    pub id: String,
    pub service: String,
}

#[derive(Debug, Deserialize)]
pub struct Sku {
    pub id: String,
    pub plans: Vec<String>,
}

/// What the audit log calls a change.
#[derive(Debug, Deserialize)]
pub struct Activity {
    pub name: String,
    pub category: String,
    #[serde(default)]
    pub service: Option<String>,
}

/// The policies of a kind that every tenant begins with.
pub fn policy_defaults(kind: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let all = match policies().get(kind) {
        Some(serde_json::Value::Array(many)) => many.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    all.iter().filter_map(serde_json::Value::as_object).cloned().collect()
}

/// Whether a user may consent to a delegated permission alone: those of Graph that need no administrator, and
/// `user_impersonation` of others.
pub fn user_may_consent(resource: &str, scope: &str) -> bool {
    if resource == GRAPH { consentable().contains(scope) } else { scope == "user_impersonation" }
}

/// `conditionalAccessPolicy` → `ConditionalAccessPolicy`, as texts of errors and references name a type.
pub fn noun(of: &str) -> String {
    let mut chars = of.chars();
    chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

/// A Graph type by name.
pub fn of_type(name: &str) -> Option<&'static Type> {
    types().types.get(name)
}

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
