//! App roles of a principal: what is granted, what is missing, what is too much. The same in the
//! partner tenant and in a customer's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::want::{App, Permission};
use crate::catalog::apps::Resource;
use crate::engine::read::{Seen, text};
use crate::engine::step::{Action, Change, Class};

/// One app-role assignment, by names where they are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Id of the assignment.
    pub id: String,
    /// `MicrosoftGraph/User.ReadWrite.All`, or what Microsoft calls it.
    pub label: String,
    pub created: Option<jiff::Timestamp>,
}

/// Ids of app roles by permission label.
pub type RoleIds = BTreeMap<String, String>;
/// Object ids of the resources' principals in the tenant.
pub type ResourceIds = BTreeMap<Resource, Seen<String>>;

/// The grants of a principal against what is wanted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Compared {
    pub granted: Vec<Grant>,
    pub missing: Vec<Permission>,
    pub extra: Vec<Grant>,
}

/// Compares by (resource, app role); the resource by its principal's id, names being for people.
pub fn compare(
    wanted: &[Permission],
    roles: &RoleIds,
    resources: &ResourceIds,
    live: &[Value],
    name_of: &dyn Fn(&str, &str) -> Option<String>,
) -> Compared {
    let resource_id = |resource: &Resource| resources.get(resource).and_then(Seen::is).cloned().unwrap_or_default();
    let mut left: Vec<&Value> = live.iter().collect();
    let mut compared = Compared::default();
    for permission in wanted {
        let role = roles.get(&permission.label()).map_or("", String::as_str);
        let resource = resource_id(&permission.resource);
        let found = left.iter().position(|grant| {
            text(grant, "appRoleId").eq_ignore_ascii_case(role)
                && text(grant, "resourceId").eq_ignore_ascii_case(&resource)
        });
        match found {
            Some(at) => {
                let label = permission.label();
                compared.granted.push(grant(left.swap_remove(at), label));
            }
            None => compared.missing.push(permission.clone()),
        }
    }
    for unwanted in left {
        let role = text(unwanted, "appRoleId");
        let label = name_of(text(unwanted, "resourceId"), role)
            .unwrap_or_else(|| format!("{}/{role}", text(unwanted, "resourceDisplayName")));
        compared.extra.push(grant(unwanted, label));
    }
    compared
}

fn grant(value: &Value, label: String) -> Grant {
    Grant { id: text(value, "id").to_owned(), label, created: text(value, "createdDateTime").parse().ok() }
}

impl Compared {
    /// Whether it is as wanted.
    pub fn same(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }

    /// What is there, for a diff.
    pub fn before(&self) -> Value {
        let all: BTreeSet<&str> = self.granted.iter().chain(&self.extra).map(|g| g.label.as_str()).collect();
        if all.is_empty() { Value::Null } else { json!({ "permissions": all }) }
    }

    /// When the newest wanted grant was made.
    pub fn newest(&self) -> Option<jiff::Timestamp> {
        self.granted.iter().filter_map(|g| g.created).max()
    }
}

/// What is declared, for a diff.
pub fn after(wanted: &[Permission]) -> Value {
    let labels: BTreeSet<String> = wanted.iter().map(Permission::label).collect();
    json!({ "permissions": labels })
}

/// The change of a principal's app roles, at home or in a customer tenant.
pub fn change(address: String, compared: &Compared, app: &App) -> Change {
    let before = compared.before();
    Change {
        address,
        class: Class::Consent,
        action: if before.is_null() { Action::Create } else { Action::Update },
        after: after(&app.permissions),
        before,
        volatile: &[],
        sensitive: vec![],
        origin: app.origin.clone(),
        reason: match (compared.missing.len(), compared.extra.len()) {
            (missing, 0) => format!("{missing} not granted"),
            (0, extra) => format!("{extra} granted and not declared"),
            (missing, extra) => format!("{missing} not granted, {extra} granted and not declared"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::apps::{EXCHANGE_ONLINE, MICROSOFT_GRAPH};

    fn permission(resource: Resource, value: &str) -> Permission {
        Permission { resource, value: value.into(), purpose: String::new(), path: String::new() }
    }

    #[test]
    fn missing_and_extra_grants_are_told_apart_by_resource_and_role() {
        let wanted =
            [permission(MICROSOFT_GRAPH, "User.ReadWrite.All"), permission(EXCHANGE_ONLINE, "Exchange.ManageAsApp")];
        let roles = RoleIds::from([
            ("MicrosoftGraph/User.ReadWrite.All".into(), "r1".into()),
            ("ExchangeOnline/Exchange.ManageAsApp".into(), "r2".into()),
        ]);
        let resources = ResourceIds::from([
            (MICROSOFT_GRAPH, Seen::Is("graph".to_owned())),
            (EXCHANGE_ONLINE, Seen::Is("exo".to_owned())),
        ]);
        let live = [
            json!({"id": "1", "appRoleId": "R1", "resourceId": "graph"}),
            json!({"id": "2", "appRoleId": "r2", "resourceId": "graph", "resourceDisplayName": "Microsoft Graph"}),
        ];
        let compared = compare(&wanted, &roles, &resources, &live, &|_, _| None);
        assert_eq!(compared.granted[0].id, "1");
        assert_eq!(compared.missing, [wanted[1].clone()]);
        assert_eq!((compared.extra[0].id.as_str(), compared.extra[0].label.as_str()), ("2", "Microsoft Graph/r2"));
    }
}
