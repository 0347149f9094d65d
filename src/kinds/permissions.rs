//! Permissions: from operations and names to what is wanted, and from names to live ids.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::want;
use crate::api::PartnerAppSpec;
use crate::catalog::apps;
use crate::catalog::near;
use crate::catalog::profiles::Profile;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::read::text;

/// The purpose of a permission that no profile explains.
const ADDED: &str = "added in the manifest";

/// The operation families that are wanted: all of the profile where none are named.
pub fn operations(spec: &PartnerAppSpec, profile: Option<&Profile>) -> BTreeSet<String> {
    match (&spec.operations, profile) {
        (Some(own), _) => own.iter().cloned().collect(),
        (None, Some(profile)) => profile.operations.keys().cloned().collect(),
        (None, None) => BTreeSet::new(),
    }
}

/// Application permissions of an app: those of its operations, and what it adds and removes.
///
/// # Errors
/// Operations that the profile does not know, resources that nobody knows, permissions of a type
/// that the profile does not take.
pub fn wanted(
    address: &str,
    place: &Place,
    spec: &PartnerAppSpec,
    profile: Option<&Profile>,
) -> Result<Vec<want::Permission>, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut error = |path: String, summary: String, remedy: String| {
        errors.push(Diagnostic::error(address, summary).code("InvalidSpec").path(path).remedy(remedy).at(Some(place)));
    };
    let by_profile = "spec.profile".to_owned();
    let mut all: BTreeMap<(apps::Resource, String), (String, String)> = BTreeMap::new();
    for operation in operations(spec, profile) {
        match profile.and_then(|p| p.operations.get(&operation)) {
            Some(needs) => all.extend(needs.iter().filter_map(|need| {
                let key = (apps::resource(&need.resource)?, need.application.clone()?);
                Some((key, (need.purpose.clone(), by_profile.clone())))
            })),
            None => {
                let known: Vec<&str> = profile.iter().flat_map(|p| p.operations.keys()).map(String::as_str).collect();
                let at = spec.operations.iter().flatten().position(|own| *own == operation).unwrap_or_default();
                error(
                    format!("spec.operations[{at}]"),
                    format!("there is no operation \"{operation}\" in the profile"),
                    near::suggest(&operation, known, "operations"),
                );
            }
        }
    }
    let changes = spec.permissions.as_ref();
    let added = changes.and_then(|p| p.add.as_ref()).into_iter().flatten().enumerate().map(|p| (p, "add"));
    let removed = changes.and_then(|p| p.remove.as_ref()).into_iter().flatten().enumerate().map(|p| (p, "remove"));
    for ((at, list), verb) in added.chain(removed) {
        let path = format!("spec.permissions.{verb}[{at}]");
        let Some(resource) = apps::resource(&list.resource) else {
            let summary = format!("there is no resource \"{}\"", list.resource);
            error(format!("{path}.resource"), summary, near::suggest(&list.resource, apps::words(), "resources"));
            continue;
        };
        for (at, value) in list.application.iter().flatten().enumerate() {
            let key = (resource, value.clone());
            if verb == "add" {
                all.insert(key, (ADDED.into(), format!("{path}.application[{at}]")));
            } else {
                all.remove(&key);
            }
        }
        for (at, value) in list.delegated.iter().flatten().enumerate() {
            error(
                format!("{path}.delegated[{at}]"),
                format!("{}/{value} is declared as delegated", list.resource),
                "The app works without a user: declare it under `application`.".into(),
            );
        }
    }
    if errors.is_empty() {
        let permission = |((resource, value), (purpose, path))| want::Permission { resource, value, purpose, path };
        Ok(all.into_iter().map(permission).collect())
    } else {
        Err(errors)
    }
}

/// Ids of app roles, as a resource's service principal has them now. Published lists contain
/// wrong GUIDs, so names are looked up live.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AppRoles {
    by_value: BTreeMap<String, String>,
}

impl AppRoles {
    pub fn read(principal: &Value) -> AppRoles {
        let roles = principal.get("appRoles").and_then(Value::as_array).into_iter().flatten();
        let enabled = roles.filter(|r| r.get("isEnabled").and_then(Value::as_bool) != Some(false));
        AppRoles {
            by_value: enabled.map(|r| (text(r, "value").to_owned(), text(r, "id").to_ascii_lowercase())).collect(),
        }
    }

    pub fn id(&self, value: &str) -> Option<&str> {
        self.by_value.get(value).map(String::as_str)
    }

    /// The value behind an id, or the id where it is not known.
    pub fn value<'a>(&'a self, id: &'a str) -> &'a str {
        self.by_value.iter().find(|(_, known)| known.eq_ignore_ascii_case(id)).map_or(id, |(value, _)| value)
    }

    /// What somebody probably meant by `value`.
    pub fn suggest(&self, value: &str) -> String {
        near::suggest(value, self.by_value.keys().map(String::as_str), "application permissions")
    }
}

/// The error for a name that the live resource does not have.
pub fn unknown(address: &str, permission: &want::Permission, roles: &AppRoles) -> Diagnostic {
    let resource = permission.resource.display_name;
    Diagnostic::error(address, format!("{resource} has no application permission \"{}\"", permission.value))
        .code("UnknownPermission")
        .path(&permission.path)
        .detail(
            "PermissionsDeclared=False/UnknownPermission: nothing is written while a permission cannot be resolved.",
        )
        .remedy(roles.suggest(&permission.value))
}
