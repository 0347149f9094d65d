//! For how long an answer is good for other passes. Facts that hardly change are read less often than the drift interval;
//! every write forgets what it touches, and who asks for an object to be verified now gets everything anew.

use jiff::SignedDuration;

use crate::engine::read::{Actor, Key, Service};

/// Lists and objects of the partner tenant, which all Tenants look into.
const AT_HOME: SignedDuration = SignedDuration::from_mins(5);
/// All relationships: customers accept, and Microsoft activates.
const RELATIONSHIPS: SignedDuration = SignedDuration::from_mins(1);
/// Whose a domain is; which permissions a resource has.
const HARDLY_EVER: SignedDuration = SignedDuration::from_hours(24);
/// A probe that succeeded: reading users, and the claims of an app's token. Of an object that is not Ready they are read anew.
const PROBE: SignedDuration = SignedDuration::from_hours(4);
/// Exchange answers slowly, and each cmdlet is a request of its own.
const EXCHANGE: SignedDuration = SignedDuration::from_hours(8);

/// For how long an answer to this read is good for others.
pub fn of(key: &Key) -> SignedDuration {
    match (key.service, &key.actor) {
        (Service::Exchange, _) => EXCHANGE,
        (Service::Token, Actor::App { .. }) => PROBE,
        (Service::Graph, Actor::App { .. }) => PROBE,
        (Service::Graph, Actor::ManagingApp { .. }) => at_home(&key.path),
        _ => SignedDuration::ZERO,
    }
}

fn at_home(path: &str) -> SignedDuration {
    if path.contains("findTenantInformationByDomainName") || path.contains("appRoles") && path.contains("$select") {
        HARDLY_EVER
    } else if path.contains("/accessAssignments") {
        // One tenant's own.
        SignedDuration::ZERO
    } else if path.starts_with("/tenantRelationships/delegatedAdminRelationships?") {
        RELATIONSHIPS
    } else {
        AT_HOME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::read::TenantId;

    fn fresh(service: Service, actor: Actor, path: &str) -> i64 {
        of(&Key::new(&TenantId::new("t"), service, &actor, path)).as_mins()
    }

    #[test]
    fn what_is_one_tenants_own_is_always_read() {
        let user = || Actor::ServiceAccount { partner: "northwind".into() };
        let app = || Actor::ManagingApp { partner: "northwind".into() };
        assert_eq!(fresh(Service::Graph, user(), "/servicePrincipals(appId='a')/appRoleAssignments"), 0);
        assert_eq!(fresh(Service::Token, user(), "graph"), 0);
        let assignments = "/tenantRelationships/delegatedAdminRelationships/1/accessAssignments";
        assert_eq!(fresh(Service::Graph, app(), assignments), 0);
        assert_eq!(fresh(Service::Graph, app(), "/tenantRelationships/delegatedAdminRelationships?$top=300"), 1);
    }
}
