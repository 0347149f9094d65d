//! The reads of several kinds, in one place so that they are the same read.

use std::sync::Arc;

use serde_json::Value;

use super::permissions::AppRoles;
use super::relationship_state::Index;
use super::want::{App, Partner};
use crate::catalog::apps::Resource;
use crate::engine::read::{Actor, Ask, Fault, Key, Seen, Service, TenantId, Why, list, text};
use crate::engine::step::{Method, Need, Send};
use crate::engine::value::Val;

/// Where references to directory objects point, whatever host answers (Graph: add members).
pub const DIRECTORY_OBJECTS: &str = "https://graph.microsoft.com/v1.0/directoryObjects/";

/// A single object in the partner tenant, as the managing app sees it.
pub fn home(ask: &Ask<'_>, partner: &Partner, path: &str) -> Option<Seen<Arc<Value>>> {
    let key = Key::new(&partner.tenant, Service::Graph, &partner.managing_app(), path);
    Some(ask.get(key)?.seen())
}

/// A list in the partner tenant, to its end.
pub fn home_list(ask: &Ask<'_>, partner: &Partner, path: &str) -> Option<Seen<Vec<Value>>> {
    let key = Key::list(&partner.tenant, Service::Graph, &partner.managing_app(), path);
    Some(ask.get(key)?.items())
}

/// What a token says.
pub fn claims(ask: &Ask<'_>, tenant: &TenantId, resource: &str, actor: &Actor) -> Option<Seen<Arc<Value>>> {
    Some(ask.get(Key::new(tenant, Service::Token, actor, resource))?.seen())
}

/// The application behind an App, by its mark.
pub fn application(ask: &Ask<'_>, app: &App) -> Option<Seen<Arc<Value>>> {
    home(ask, &app.partner, &application_path(app))
}

pub fn application_path(app: &App) -> String {
    format!(
        "/applications(uniqueName='{}')?$select=id,appId,displayName,signInAudience,web,spa,publicClient,\
         requiredResourceAccess,passwordCredentials,uniqueName",
        app.unique_name
    )
}

/// App roles of a resource, as the partner tenant has it: the ids are the same everywhere.
pub fn app_roles(ask: &Ask<'_>, partner: &Partner, resource: Resource) -> Option<Arc<SeenRoles>> {
    let path = format!("/servicePrincipals(appId='{}')?$select=id,appId,appRoles", resource.app_id);
    let key = Key::new(&partner.tenant, Service::Graph, &partner.managing_app(), path);
    ask.memo(key, |got| got.seen().map(|sp| (text(&sp, "id").to_owned(), AppRoles::read(&sp))))
}

/// A resource's principal in the partner tenant, and its app roles.
pub type SeenRoles = Seen<(String, AppRoles)>;

/// The group that Partner Center calls "Admin agent"; its id differs from tenant to tenant.
pub fn admin_agents(ask: &Ask<'_>, partner: &Partner) -> Option<Seen<String>> {
    let path = "/groups?$filter=displayName eq 'AdminAgents'&$select=id,displayName";
    let found = home(ask, partner, path)?.and_then(|body| match list(&body).as_slice() {
        [group] => Seen::Is(text(group, "id").to_owned()),
        [] => Seen::Not,
        _ => Seen::Unknown(Why::Failed(Fault {
            message: "there is more than one group called AdminAgents".into(),
            remedy: "Rename the one that Partner Center did not make.".into(),
            after: None,
        })),
    });
    Some(found)
}

/// A user of the partner tenant by sign-in name.
pub fn user(ask: &Ask<'_>, partner: &Partner, upn: &str) -> Option<Seen<Arc<Value>>> {
    home(ask, partner, &format!("/users/{upn}?$select=id,userPrincipalName,accountEnabled"))
}

/// The tenant that a domain belongs to.
pub fn owner_of_domain(ask: &Ask<'_>, partner: &Partner, domain: &str) -> Option<Seen<Arc<Value>>> {
    home(ask, partner, &format!("/tenantRelationships/findTenantInformationByDomainName(domainName='{domain}')"))
}

/// All relationships of the partner: one list for all tenants.
pub fn relationships(ask: &Ask<'_>, partner: &Partner) -> Option<Arc<Seen<Index>>> {
    let key = Key::list(&partner.tenant, Service::Graph, &partner.managing_app(), RELATIONSHIPS);
    ask.memo(key, |got| got.seen().map(|body| Index::read(&body)))
}

/// 300 is the most that a page takes (Graph: list delegatedAdminRelationships).
pub const RELATIONSHIPS: &str = "/tenantRelationships/delegatedAdminRelationships?$top=300";

/// A write in the partner tenant by the managing app.
pub fn at_home(partner: &Partner, method: Method, path: Val, body: Option<Val>) -> Send {
    Send {
        tenant: partner.tenant.clone(),
        service: Service::Graph,
        actor: partner.managing_app(),
        method,
        path,
        body,
        headers: vec![],
    }
}

/// What the managing app must hold at home for a write.
pub fn need(partner: &Partner, one_of: &'static [&'static str], condition: &'static str, reason: &'static str) -> Need {
    Need { tenant: partner.tenant.clone(), actor: partner.managing_app(), one_of, condition, reason }
}

/// Permissions with which applications and principals are written (Graph: upsert application).
pub const WRITE_APPS: &[&str] = &["Application.ReadWrite.All", "Application.ReadWrite.OwnedBy"];
/// … groups and their members.
pub const WRITE_GROUPS: &[&str] = &["Group.ReadWrite.All", "Directory.ReadWrite.All"];
/// … app-role assignments.
pub const WRITE_GRANTS: &[&str] = &["AppRoleAssignment.ReadWrite.All"];
/// … GDAP relationships and their assignments.
pub const WRITE_GDAP: &[&str] = &["DelegatedAdminRelationship.ReadWrite.All"];
