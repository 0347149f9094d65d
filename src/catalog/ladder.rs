//! The ladder into a customer tenant: which GDAP role each rung needs.
//!
//! Guard, `from: Needs` and the documentation read this table.

use std::collections::BTreeSet;

use super::apps::{MICROSOFT_GRAPH, Resource};
use super::roles::{
    APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR,
};

/// A thing that the service account does in a customer tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rung {
    PartnerCenterConsent,
    ServicePrincipal,
    GraphAppRole,
    OtherAppRole,
    DirectoryRole,
}

pub const RUNGS: [Rung; 5] =
    [Rung::PartnerCenterConsent, Rung::ServicePrincipal, Rung::GraphAppRole, Rung::OtherAppRole, Rung::DirectoryRole];

impl Rung {
    /// Granting an app role of this resource.
    pub fn of_app_role(resource: Resource) -> Rung {
        if resource == MICROSOFT_GRAPH { Rung::GraphAppRole } else { Rung::OtherAppRole }
    }

    /// What it does, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Rung::PartnerCenterConsent => "Partner Center consent of the managing app",
            Rung::ServicePrincipal => "the service principal of an app",
            Rung::GraphAppRole => "an app role of Microsoft Graph",
            Rung::OtherAppRole => "an app role of another API (Exchange)",
            Rung::DirectoryRole => "a directory role on a principal",
        }
    }

    /// Template ids of roles any one of which is enough; the least privileged first.
    pub fn roles(self) -> &'static [&'static str] {
        match self {
            Rung::PartnerCenterConsent | Rung::ServicePrincipal | Rung::OtherAppRole => {
                &[CLOUD_APPLICATION_ADMINISTRATOR, APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR]
            }
            Rung::GraphAppRole | Rung::DirectoryRole => &[PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR],
        }
    }

    /// Whether somebody with these roles may do it.
    pub fn allowed(self, held: &BTreeSet<String>) -> bool {
        self.roles().iter().any(|role| held.contains(*role))
    }
}

/// The fewest roles with which these rungs work: `from: Needs`.
pub fn needs(rungs: &BTreeSet<Rung>) -> BTreeSet<String> {
    rungs.iter().filter_map(|rung| rung.roles().first()).map(|role| (*role).to_owned()).collect()
}

/// Delegated scopes that the managing app gets in a customer tenant, and no more: with them it
/// grants the rest itself.
pub const FOOTHOLD_SCOPES: [&str; 4] = [
    "Application.ReadWrite.All",
    "AppRoleAssignment.ReadWrite.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "RoleManagement.ReadWrite.Directory",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_app_and_an_exchange_role_need_two_roles() {
        let roles = needs(&RUNGS.into());
        let wanted = [CLOUD_APPLICATION_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR];
        assert_eq!(roles, wanted.into_iter().map(str::to_owned).collect());
    }

    #[test]
    fn application_administrator_does_not_consent_to_graph_app_roles() {
        let held = BTreeSet::from([APPLICATION_ADMINISTRATOR.to_owned()]);
        assert!(Rung::OtherAppRole.allowed(&held) && !Rung::GraphAppRole.allowed(&held));
    }
}
