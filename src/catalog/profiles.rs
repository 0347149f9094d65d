//! Integration profiles: what a product needs. Built-in ones are pinned by version and readable as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

/// A built-in profile, as its YAML reads.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    pub version: i64,
    pub display_name: String,
    pub audience: String,
    pub redirect_uris: Vec<String>,
    pub credential: CredentialDefaults,
    pub admin_agents: bool,
    pub partner_consent: bool,
    /// Operation family to the permissions that it needs.
    pub operations: BTreeMap<String, Vec<Permission>>,
    #[serde(default)]
    pub exchange: Option<Exchange>,
    pub windows: Windows,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialDefaults {
    #[serde(rename = "type")]
    pub kind: String,
    pub lifetime: String,
    pub rotate_before: String,
}

/// One permission; exactly one of the two kinds is given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permission {
    pub resource: String,
    #[serde(default)]
    pub application: Option<String>,
    #[serde(default)]
    pub delegated: Option<String>,
    /// Why it is requested.
    pub purpose: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// Operations that need Exchange.
    pub operations: BTreeSet<String>,
    /// Directory role on the app's principal.
    pub role: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Windows {
    pub consent: String,
    pub exchange_role: String,
}

const SOURCES: [(&str, i64, &str); 1] = [("rallied", 1, include_str!("profiles/rallied-v1.yaml"))];

static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| SOURCES.iter().filter_map(|(_, _, yaml)| serde_yaml::from_str(yaml).ok()).collect());

/// A built-in profile of exactly this version.
pub fn builtin(name: &str, version: i64) -> Option<&'static Profile> {
    PROFILES.iter().find(|p| p.name == name && p.version == version)
}

/// Names and versions there are.
pub fn known() -> impl Iterator<Item = (&'static str, i64)> {
    SOURCES.iter().map(|(name, version, _)| (*name, *version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_reads_and_says_its_own_name() {
        assert_eq!(PROFILES.len(), SOURCES.len());
        for (name, version) in known() {
            let profile = builtin(name, version).unwrap();
            for permission in profile.operations.values().flatten() {
                assert!(permission.application.is_some() != permission.delegated.is_some());
                assert!(crate::catalog::apps::resource(&permission.resource).is_some());
            }
            let exchange = profile.exchange.as_ref().unwrap();
            assert!(crate::catalog::roles::id(&exchange.role).is_some());
        }
    }
}
