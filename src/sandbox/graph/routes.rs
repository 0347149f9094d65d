//! The routes of Graph that are served, each with its name (what `refuse` calls it), roles and handler.
use super::errors::Failure;
use super::{
    Ctx, Reply, app_role_assignments as ara, applications as app, credentials, directory as dir, grants, groups, roles,
    service_principals as sp, users,
};
use crate::sandbox::facts::{
    APPLICATION_ADMINISTRATOR as APP, CLOUD_APPLICATION_ADMINISTRATOR as CLOUD_APP, GLOBAL_ADMINISTRATOR as GLOBAL,
    GROUPS_ADMINISTRATOR as GROUPS, PRIVILEGED_ROLE_ADMINISTRATOR as PRIVILEGED, USER_ADMINISTRATOR as USERS,
};
use crate::sandbox::gdap::{assignments as gda, relationships as gdr, requests as gdq};

pub type Handler = fn(&mut Ctx) -> Reply;

pub struct Route {
    pub method: &'static str,
    pub pattern: &'static str,
    pub name: &'static str,
    pub write: bool,
    /// Directory roles, one of which a delegated caller needs; empty: the handler decides, or none is needed.
    pub roles: &'static [&'static str],
    pub handler: Handler,
}

/// A captured part of the path.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    Plain(String),
    /// `collection(name='value')`.
    Alternate(String, String),
}

impl Key {
    pub fn text(&self) -> String {
        match self {
            Key::Plain(v) | Key::Alternate(_, v) => v.clone(),
        }
    }
}

pub struct Match {
    pub route: &'static Route,
    pub version: &'static str,
    pub keys: Vec<Key>,
}

const fn read(pattern: &'static str, name: &'static str, handler: Handler) -> Route {
    Route { method: "GET", pattern, name, write: false, roles: &[], handler }
}

const fn write(
    method: &'static str,
    pattern: &'static str,
    name: &'static str,
    roles: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route { method, pattern, name, write: true, roles, handler }
}

/// Who may manage applications and principals by delegation.
const APPS: &[&str] = &[APP, CLOUD_APP, GLOBAL];
/// Who may grant delegated permissions.
const CONSENT: &[&str] = &[APP, CLOUD_APP, PRIVILEGED, GLOBAL];
/// Who may give directory roles.
const ROLES: &[&str] = &[PRIVILEGED, GLOBAL];
const GROUPERS: &[&str] = &[GROUPS, USERS, PRIVILEGED, GLOBAL];

macro_rules! gdap {
    ($rest:literal) => {
        concat!("/tenantRelationships/delegatedAdminRelationships", $rest)
    };
}

pub static ROUTES: &[Route] = &[
    read("/applications", "list-applications", app::list),
    write("POST", "/applications", "create-application", APPS, app::create),
    read("/applications/{key}", "get-application", app::get),
    write("PATCH", "/applications/{key}", "update-application", APPS, app::update),
    write("DELETE", "/applications/{key}", "delete-application", APPS, app::delete),
    read("/applications/{key}/owners", "list-owners", app::owners),
    write("POST", "/applications/{key}/addPassword", "add-password", APPS, credentials::add_password),
    write("POST", "/applications/{key}/removePassword", "remove-password", APPS, credentials::remove_password),
    read("/servicePrincipals", "list-service-principals", sp::list),
    write("POST", "/servicePrincipals", "create-service-principal", APPS, sp::create),
    read("/servicePrincipals/{key}", "get-service-principal", sp::get),
    write("PATCH", "/servicePrincipals/{key}", "update-service-principal", APPS, sp::update),
    write("DELETE", "/servicePrincipals/{key}", "delete-service-principal", APPS, sp::delete),
    read("/servicePrincipals/{key}/appRoleAssignments", "list-app-roles", ara::of_principal),
    // The right role depends on the resource, so these two decide it themselves.
    write("POST", "/servicePrincipals/{key}/appRoleAssignments", "grant-app-role", &[], ara::create),
    write("DELETE", "/servicePrincipals/{key}/appRoleAssignments/{id}", "revoke-app-role", CONSENT, ara::delete),
    read("/servicePrincipals/{key}/appRoleAssignedTo", "list-app-roles-assigned", ara::of_resource),
    write("POST", "/servicePrincipals/{key}/appRoleAssignedTo", "grant-app-role", &[], ara::create),
    write("DELETE", "/servicePrincipals/{key}/appRoleAssignedTo/{id}", "revoke-app-role", CONSENT, ara::delete),
    read("/servicePrincipals/{key}/oauth2PermissionGrants", "list-grants-of", grants::of_principal),
    read("/servicePrincipals/{key}/memberOf", "list-memberships", dir::member_of),
    read("/servicePrincipals/{key}/memberOf/{cast}", "list-memberships", dir::member_of),
    read("/servicePrincipals/{key}/transitiveMemberOf", "list-memberships", dir::member_of),
    read("/servicePrincipals/{key}/transitiveMemberOf/{cast}", "list-memberships", dir::member_of),
    read("/oauth2PermissionGrants", "list-grants", grants::list),
    write("POST", "/oauth2PermissionGrants", "grant-delegated", CONSENT, grants::create),
    read("/oauth2PermissionGrants/{id}", "get-grant", grants::get),
    write("PATCH", "/oauth2PermissionGrants/{id}", "update-delegated", CONSENT, grants::update),
    write("DELETE", "/oauth2PermissionGrants/{id}", "revoke-delegated", CONSENT, grants::delete),
    read("/groups", "list-groups", groups::list),
    write("POST", "/groups", "create-group", GROUPERS, groups::create),
    read("/groups/{key}", "get-group", groups::get),
    write("PATCH", "/groups/{key}", "update-group", GROUPERS, groups::update),
    write("DELETE", "/groups/{key}", "delete-group", GROUPERS, groups::delete),
    read("/groups/{key}/members", "list-members", groups::members),
    read("/groups/{key}/members/{cast}", "list-members", groups::members),
    write("POST", "/groups/{key}/members/$ref", "add-member", GROUPERS, groups::add_member),
    write("DELETE", "/groups/{key}/members/{id}/$ref", "remove-member", GROUPERS, groups::remove_member),
    read("/users", "list-users", users::list),
    read("/users/{id}", "get-user", users::get),
    read("/users/{id}/memberOf", "list-memberships", dir::member_of),
    read("/users/{id}/memberOf/{cast}", "list-memberships", dir::member_of),
    read("/users/{id}/transitiveMemberOf", "list-memberships", dir::member_of),
    read("/users/{id}/transitiveMemberOf/{cast}", "list-memberships", dir::member_of),
    read("/directoryObjects/{id}", "get-directory-object", dir::object),
    read("/organization", "list-organization", dir::organizations),
    read("/organization/{id}", "get-organization", dir::organization),
    read("/domains", "list-domains", dir::domains),
    read("/domains/{id}", "get-domain", dir::domain),
    read("/contracts", "list-contracts", dir::contracts),
    read("/roleManagement/directory/roleDefinitions", "list-role-definitions", roles::definitions),
    read("/roleManagement/directory/roleDefinitions/{id}", "get-role-definition", roles::definition),
    read("/roleManagement/directory/roleAssignments", "list-role-assignments", roles::list),
    write("POST", "/roleManagement/directory/roleAssignments", "assign-directory-role", ROLES, roles::create),
    read("/roleManagement/directory/roleAssignments/{id}", "get-role-assignment", roles::get),
    write("DELETE", "/roleManagement/directory/roleAssignments/{id}", "remove-directory-role", ROLES, roles::delete),
    read("/tenantRelationships/findTenantInformationByTenantId/{key}", "find-tenant", dir::find_tenant),
    read("/tenantRelationships/findTenantInformationByDomainName/{key}", "find-tenant", dir::find_tenant),
    read("/tenantRelationships/delegatedAdminCustomers", "list-customers", gdr::customers),
    read("/tenantRelationships/delegatedAdminCustomers/{id}", "get-customer", gdr::customer),
    read(gdap!(""), "list-relationships", gdr::list),
    write("POST", gdap!(""), "create-relationship", &[], gdr::create),
    read(gdap!("/{id}"), "get-relationship", gdr::get),
    write("PATCH", gdap!("/{id}"), "update-relationship", &[], gdr::update),
    write("DELETE", gdap!("/{id}"), "delete-relationship", &[], gdr::delete),
    read(gdap!("/{id}/requests"), "list-relationship-requests", gdq::list),
    write("POST", gdap!("/{id}/requests"), "lock-relationship", &[], gdq::create),
    read(gdap!("/{id}/requests/{request}"), "get-relationship-request", gdq::get),
    read(gdap!("/{id}/operations"), "list-operations", gdq::operations),
    read(gdap!("/{id}/operations/{operation}"), "get-operation", gdq::operation),
    read(gdap!("/{id}/accessAssignments"), "list-access-assignments", gda::list),
    write("POST", gdap!("/{id}/accessAssignments"), "create-access-assignment", &[], gda::create),
    read(gdap!("/{id}/accessAssignments/{assignment}"), "get-access-assignment", gda::get),
    write("PATCH", gdap!("/{id}/accessAssignments/{assignment}"), "update-access-assignment", &[], gda::update),
    write("DELETE", gdap!("/{id}/accessAssignments/{assignment}"), "delete-access-assignment", &[], gda::delete),
];

enum Segment {
    Word(String),
    Key(String, String),
}

/// `/servicePrincipals(appId='x')/memberOf` → word, alternate key, word.
fn segments(path: &str) -> Vec<Segment> {
    let mut out = Vec::new();
    for part in path.split('/').filter(|p| !p.is_empty()) {
        let keyed = part.strip_suffix(')').and_then(|p| p.split_once('(')).filter(|(name, _)| !name.is_empty());
        let Some((name, inner)) = keyed else {
            out.push(Segment::Word(part.to_owned()));
            continue;
        };
        out.push(Segment::Word(name.to_owned()));
        match inner.split_once('=') {
            Some((k, v)) => out.push(Segment::Key(k.trim().to_owned(), v.trim().trim_matches('\'').replace("''", "'"))),
            // `groups('id')` is the plain key in another form.
            None if !inner.is_empty() => out.push(Segment::Word(inner.trim_matches('\'').to_owned())),
            None => {}
        }
    }
    out
}

/// How far a pattern agrees with the path; all of it with the captures.
fn fit(pattern: &str, path: &[Segment]) -> Result<Vec<Key>, usize> {
    let wanted: Vec<_> = pattern.split('/').filter(|p| !p.is_empty()).collect();
    let mut keys = Vec::new();
    for (i, w) in wanted.iter().enumerate() {
        match (w.starts_with('{'), path.get(i)) {
            (true, Some(Segment::Word(v))) if !v.starts_with('$') => keys.push(Key::Plain(v.clone())),
            (true, Some(Segment::Key(k, v))) => keys.push(Key::Alternate(k.clone(), v.clone())),
            (false, Some(Segment::Word(v))) if v.eq_ignore_ascii_case(w) => {}
            _ => return Err(i),
        }
    }
    if path.len() == wanted.len() { Ok(keys) } else { Err(wanted.len()) }
}

/// The route of a path below the version, or Graph's own answer to a wrong one.
pub fn find(method: &str, path: &str, version: &'static str) -> Result<Match, Failure> {
    let path = segments(path);
    let mut furthest = 0;
    let mut other_method = false;
    for route in ROUTES {
        match fit(route.pattern, &path) {
            Ok(keys) if route.method == method => return Ok(Match { route, version, keys }),
            Ok(_) => other_method = true,
            Err(n) => furthest = furthest.max(n),
        }
    }
    if other_method {
        return Err(Failure::new(
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        ));
    }
    let segment = match path.get(furthest) {
        Some(Segment::Word(w) | Segment::Key(_, w)) => w.clone(),
        None => String::new(),
    };
    Err(Failure::segment(&segment))
}
