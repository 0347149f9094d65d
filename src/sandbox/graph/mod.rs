//! Microsoft Graph v1.0 (and `/beta` for the same routes): permissions from the token's claims, then the route.
pub mod access;
mod app_limits;
mod app_policies;
mod app_role_assignments;
mod app_rules;
mod app_templates;
mod applications;
mod audit;
mod audit_log;
mod auth_combinations;
mod auth_strength;
mod authentication;
mod authentication_methods;
pub mod batch;
mod classifications;
mod conditional_access;
mod conditional_access_rules;
mod credentials;
mod cross_tenant;
pub mod deleted;
mod delta;
mod directory_objects;
mod directory_roles;
mod domain_records;
mod domains;
pub mod errors;
mod federated;
mod filter;
mod grants;
mod group_changes;
mod group_members;
mod groups;
mod invitations;
mod keys;
mod licences;
mod logo;
mod membership;
pub mod metadata;
mod named_locations;
mod narrow;
mod nav;
mod objects;
mod organization;
mod passwords;
mod people;
mod policies;
mod privilege;
mod publisher;
pub mod query;
mod refs;
mod registration;
mod role_definitions;
mod role_requests;
mod role_schedules;
mod roles;
pub mod routes;
mod service_principals;
mod sets;
pub mod shape;
mod skus;
mod units;
mod user_actions;
mod user_changes;
mod users;

pub use app_role_assignments::known_role;
pub use applications::ensure_principal;
pub use audit::by as caller_of;
pub use membership::all_groups_of as groups_of;
pub use people::known as find_user;
pub use role_requests::begin as begin_role;
pub use role_schedules::end as end_role;
pub use service_principals::remove as remove_principal;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::http::{Answer, Call};
use super::keys::Keys;
use super::state::{State, Tenant};
use access::Caller;
use errors::Failure;
use routes::{Key, Match, Route, Routes, Tail};

pub type Reply = Result<Answer, Failure>;

/// One request on its way through a handler.
pub struct Ctx<'a> {
    pub state: &'a mut State,
    pub call: &'a Call,
    pub caller: &'a Caller,
    pub now: Timestamp,
    /// `v1.0` or `beta`.
    pub version: &'a str,
    pub route: &'static Route,
    /// What the pattern's `{…}` captured, in order.
    pub keys: Vec<Key>,
    /// Only objects of this type are meant.
    pub cast: Option<String>,
    pub tail: Option<Tail>,
    /// The only permission that opened the route was `Application.ReadWrite.OwnedBy`.
    pub owned_only: bool,
    /// The service itself asks: lists answer all their items as they are, in a plain array.
    pub whole: bool,
}

/// What the outer layers need to know of a request to Graph before and after it is handled.
#[derive(Clone)]
pub struct Opened {
    pub matched: Match,
    pub caller: Caller,
    owned_only: bool,
}

/// Who was refused, when that is known, and why.
pub type Refused = (Option<Caller>, Failure);

/// Finds the route and checks the token and its permissions.
pub fn open(state: &State, keys: &Keys, call: &Call, matched: Match, now: Timestamp) -> Result<Opened, Box<Refused>> {
    let caller = access::authenticate(state, keys, call, now).map_err(|f| Box::new((None, f)))?;
    match access::permitted(state, &caller, &matched) {
        Ok(owned_only) => Ok(Opened { matched, caller, owned_only }),
        Err(f) => Err(Box::new((Some(caller), f))),
    }
}

/// Clouds differ in what their Graph knows.
pub fn known_here(state: &State, matched: Match) -> Result<Match, Failure> {
    let gdap =
        matched.route.pattern.strip_prefix("/tenantRelationships/").filter(|rest| rest.starts_with("delegatedAdmin"));
    match gdap.filter(|_| state.switches.without_gdap) {
        Some(rest) => Err(Failure::segment(rest.split('/').next().unwrap_or(rest))),
        None => Ok(matched),
    }
}

pub fn handle(state: &mut State, call: &Call, opened: Opened, now: Timestamp) -> Reply {
    let Opened { matched, caller, owned_only } = opened;
    let Match { route, version, keys, cast, tail, .. } = matched;
    let call = query::normalised(call)?;
    query::check_format(&call)?;
    let mut ctx =
        Ctx { state, call: &call, caller: &caller, now, version, route, keys, cast, tail, owned_only, whole: false };
    let before = audit::before(&ctx);
    let answer = (route.handler)(&mut ctx)?;
    audit::after(&mut ctx, before, &answer);
    let answer = query::applied(&mut ctx, answer)?;
    Ok(query::finish(&call, answer))
}

/// Every area's routes.
fn areas(to: &mut Routes) {
    let all = [
        applications::routes,
        service_principals::routes,
        deleted::routes,
        app_role_assignments::routes,
        grants::routes,
        app_policies::routes,
        app_templates::routes,
        groups::routes,
        users::routes,
        authentication::routes,
        registration::routes,
        invitations::routes,
        directory_objects::routes,
        roles::routes,
        role_schedules::routes,
        role_requests::routes,
        directory_roles::routes,
        units::routes,
        organization::routes,
        domains::routes,
        skus::routes,
        conditional_access::routes,
        named_locations::routes,
        auth_strength::routes,
        auth_combinations::routes,
        policies::routes,
        authentication_methods::routes,
        cross_tenant::routes,
        audit_log::routes,
        super::gdap::routes,
        // Last: it follows the lists of the others.
        delta::routes,
    ];
    all.iter().for_each(|area| area(to));
}

impl Ctx<'_> {
    /// The tenant that the token is for.
    pub fn tenant(&self) -> Result<&Tenant, Failure> {
        self.state
            .tenants
            .get(&self.caller.tenant)
            .ok_or_else(|| Failure::token("The tenant of the token does not exist."))
    }

    pub fn tenant_mut(&mut self) -> Result<&mut Tenant, Failure> {
        self.state
            .tenants
            .get_mut(&self.caller.tenant)
            .ok_or_else(|| Failure::token("The tenant of the token does not exist."))
    }

    pub fn key(&self, n: usize) -> Key {
        self.keys.get(n).cloned().unwrap_or(Key::Plain(String::new()))
    }

    /// A key that must be a plain id.
    pub fn id(&self, n: usize) -> String {
        self.key(n).text()
    }

    pub fn json(&self) -> Result<Value, Failure> {
        if self.call.body.is_empty() {
            return Err(Failure::bad_query("Empty Payload. JSON content expected."));
        }
        match self.call.header("content-type") {
            None => {
                let text = "Write requests (excluding DELETE) must contain the Content-Type header declaration.";
                return Err(Failure::bad_query(text));
            }
            Some(kind) if !kind.to_ascii_lowercase().contains("json") => return Err(Failure::media_type(kind)),
            Some(_) => {}
        }
        serde_json::from_slice(&self.call.body).map_err(|_| {
            Failure::bad_query("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
        })
    }

    /// The body checked against a Graph type.
    pub fn body(&self, of: &str) -> Result<Map<String, Value>, Failure> {
        let mut body = self.json()?;
        let extensions = federated::take(self.tenant()?, of, &mut body)?;
        let mut props = shape::check(of, &body)?;
        props.extend(extensions);
        Ok(props)
    }

    /// A delegated caller needs one of these directory roles; an app-only caller does not.
    pub fn need_role(&self, roles: &[&str]) -> Result<(), Failure> {
        if self.caller.user.is_none() || self.caller.has_role(roles) { Ok(()) } else { Err(Failure::denied()) }
    }

    /// `Application.ReadWrite.OwnedBy` counts only for objects that the calling app owns.
    pub fn need_owner(&self, id: &str) -> Result<(), Failure> {
        let own = self.tenant()?.links.has(id, "owners", &self.caller.object);
        if self.owned_only && !own { Err(Failure::denied()) } else { Ok(()) }
    }

    /// The id of the object that a reference names, a user by its principal name too.
    pub fn bound(&self, reference: &str) -> Option<String> {
        let by_name = || {
            let name = reference.trim_end_matches('/').rsplit('/').next()?.trim_end_matches("')");
            let name = name.rsplit_once("('").map_or(name, |(_, name)| name);
            people::find(self.state, self.tenant().ok()?, name).filter(|_| name.contains('@'))
        };
        bound_id(reference).or_else(by_name)
    }

    /// An object was made or changed: `delta` will show it.
    pub fn touch(&mut self, of: &str, id: &str) -> Result<(), Failure> {
        let change = delta::change(self);
        self.tenant_mut()?.history.change(of, id, change);
        Ok(())
    }
}

/// Whether `Prefer: create-if-missing` was sent.
pub fn create_if_missing(call: &Call) -> bool {
    call.header("prefer")
        .is_some_and(|p| p.split([',', ';']).any(|p| p.trim().eq_ignore_ascii_case("create-if-missing")))
}

/// `{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/{id}"}` → id.
pub fn bound_id(reference: &str) -> Option<String> {
    let id_of = |part: &str| {
        let id = part.rsplit_once("('").map_or(part, |(_, k)| k.trim_end_matches("')"));
        super::ids::is_guid(id).then(|| id.to_ascii_lowercase())
    };
    // The directory's own references end with the object's type.
    let (rest, last) = reference.trim_end_matches('/').rsplit_once('/').unwrap_or(("", reference));
    id_of(last).or_else(|| last.starts_with("Microsoft.DirectoryServices.").then(|| id_of(rest.rsplit('/').next()?))?)
}
