//! The sandbox has facts of its own, so that a wrong GUID does not pass on both sides. Here the
//! two tables are compared, and each difference is explained.

use std::collections::BTreeMap;

use serde_json::Value;
use tenantry::catalog::{apps, profiles, roles};

use crate::support::root;

fn facts(name: &str) -> Value {
    let path = root().join("src/sandbox/facts").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn roles_have_the_same_ids_and_names_on_both_sides() {
    let theirs = facts("roles.json");
    let theirs: BTreeMap<&str, &str> =
        theirs.as_object().unwrap().iter().map(|(id, role)| (id.as_str(), role["name"].as_str().unwrap())).collect();
    let ours: BTreeMap<String, String> =
        serde_yaml::from_str(&std::fs::read_to_string(root().join("src/catalog/roles.yaml")).unwrap()).unwrap();
    let ours: BTreeMap<&str, &str> = ours.iter().map(|(name, id)| (id.as_str(), name.as_str())).collect();
    assert_eq!(ours, theirs);
    assert_eq!(roles::id("Exchange Administrator"), Some("29232cdf-9323-42fd-ade2-1d097af3e4de"));
}

#[test]
fn resources_and_the_permissions_of_built_in_profiles_exist_on_microsofts_side() {
    let theirs = facts("resources.json");
    for word in apps::words() {
        let resource = apps::resource(word).unwrap();
        let known = theirs.as_object().unwrap().values().find(|r| r["appId"] == resource.app_id);
        let known = known.unwrap_or_else(|| panic!("the sandbox does not know {word}"));
        assert_eq!(known["displayName"], resource.display_name);
    }
    for (name, version) in profiles::known() {
        for permission in profiles::builtin(name, version).unwrap().operations.values().flatten() {
            let resource = apps::resource(&permission.resource).unwrap();
            let known = theirs.as_object().unwrap().values().find(|r| r["appId"] == resource.app_id).unwrap();
            let value = permission.application.as_deref().unwrap();
            assert!(known["application"][value].is_string(), "{}/{value}", permission.resource);
        }
    }
}
