//! Who calls, and what its token allows: everything is read from the token's claims, as Graph does.
use jiff::Timestamp;
use serde_json::Value;

use super::errors::Failure;
use super::routes::Match;
use super::{objects, users};
use crate::sandbox::facts::{
    self, APPLICATION_ADMINISTRATOR as APP, CLOUD_APPLICATION_ADMINISTRATOR as CLOUD_APP,
    GLOBAL_ADMINISTRATOR as GLOBAL, GROUPS_ADMINISTRATOR as GROUPS, Need, PRIVILEGED_ROLE_ADMINISTRATOR as PRIVILEGED,
    USER_ADMINISTRATOR as USERS,
};
use crate::sandbox::http::Call;
use crate::sandbox::keys::Keys;
use crate::sandbox::state::State;

/// The claims of an access token that matter here.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub app_id: String,
    pub tenant: String,
    /// Object id of the user, for delegated tokens.
    pub user: Option<String>,
    pub upn: Option<String>,
    pub object: String,
    pub roles: Vec<String>,
    pub scopes: Vec<String>,
    pub wids: Vec<String>,
    pub mfa: bool,
}

impl Caller {
    pub fn has_role(&self, any: &[&str]) -> bool {
        self.wids.iter().any(|w| any.contains(&w.as_str()))
    }

    /// How the request log names it.
    pub fn name(&self) -> String {
        self.upn.as_ref().map_or_else(|| self.app_id.clone(), |u| format!("{u}@{}", self.app_id))
    }
}

/// Why a bearer token is not accepted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    Missing,
    Invalid,
    Expired,
    Audience,
}

/// Reads and verifies the bearer token for one resource.
pub fn bearer(keys: &Keys, call: &Call, now: Timestamp, resource: &str) -> Result<Caller, Bad> {
    let header = call.header("authorization").ok_or(Bad::Missing)?;
    let token = header
        .get(..7)
        .filter(|b| b.eq_ignore_ascii_case("bearer "))
        .and_then(|_| header.get(7..))
        .ok_or(Bad::Missing)?;
    let claims = keys.verify(token.trim()).ok_or(Bad::Invalid)?;
    let number = |k: &str| claims.get(k).and_then(Value::as_i64).unwrap_or(0);
    let text = |k: &str| claims.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Five minutes of skew, as token validators usually grant.
    if number("exp") <= now.as_second() || number("nbf") > now.as_second() + 300 {
        return Err(Bad::Expired);
    }
    let audience = text("aud");
    if audience_app(&audience, &call.host) != Some(resource) {
        return Err(Bad::Audience);
    }
    let list = |k: &str| -> Vec<String> {
        claims
            .get(k)
            .and_then(Value::as_array)
            .map(|a| a.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let delegated = claims.get("idtyp").and_then(Value::as_str) == Some("user");
    Ok(Caller {
        app_id: text("appid"),
        tenant: text("tid"),
        user: delegated.then(|| text("oid")),
        upn: delegated.then(|| text("upn")),
        object: text("oid"),
        roles: list("roles"),
        scopes: text("scp").split_whitespace().map(str::to_owned).collect(),
        wids: list("wids"),
        mfa: list("amr").iter().any(|a| a == "mfa"),
    })
}

/// Whether a URI is the sandbox's own address.
pub fn is_own(uri: &str, host: &str) -> bool {
    uri.split_once("://")
        .is_some_and(|(scheme, at)| ["http", "https"].contains(&scheme) && at.trim_end_matches('/') == host)
}

/// The resource that an audience or a scope's URI names; the sandbox's own address is a name of Graph.
pub fn audience_app(name: &str, host: &str) -> Option<&'static str> {
    if is_own(name, host) {
        return Some(facts::GRAPH);
    }
    facts::resource_named(name.trim_end_matches('/')).map(|r| r.app_id.as_str())
}

/// Graph: 401 `InvalidAuthenticationToken`.
pub fn authenticate(state: &State, keys: &Keys, call: &Call, now: Timestamp) -> Result<Caller, Failure> {
    let caller = bearer(keys, call, now, facts::GRAPH).map_err(|bad| {
        Failure::token(match bad {
            Bad::Missing => "Access token is empty.",
            Bad::Invalid => "CompactToken validation failed with reason code: 80049228.",
            Bad::Expired => "Lifetime validation failed, the token is expired.",
            Bad::Audience => "Access token validation failure. Invalid audience.",
        })
    })?;
    if !state.tenants.contains_key(&caller.tenant) {
        return Err(Failure::token("The tenant of the token does not exist."));
    }
    Ok(caller)
}

/// Who may manage applications and principals by delegation.
pub const APPS: &[&str] = &[APP, CLOUD_APP, GLOBAL];
/// Who may grant delegated permissions.
pub const CONSENT: &[&str] = &[APP, CLOUD_APP, PRIVILEGED, GLOBAL];
/// Who may give directory roles.
pub const ROLES: &[&str] = &[PRIVILEGED, GLOBAL];
pub const GROUPERS: &[&str] = &[GROUPS, USERS, PRIVILEGED, GLOBAL];

const OWNED_BY: &str = "Application.ReadWrite.OwnedBy";

impl Caller {
    /// The permissions of its token: scopes for a user, roles for an app.
    pub fn held(&self) -> &[String] {
        if self.user.is_some() { &self.scopes } else { &self.roles }
    }

    fn meets(&self, need: &Need) -> bool {
        let holds = |p: &String| self.held().contains(p);
        holds(&need.permission) && (need.with.is_empty() || need.with.iter().any(holds))
    }
}

/// Permissions that are about the signed-in user alone.
fn is_of_self(permission: &str) -> bool {
    ["User.Read", "User.ReadWrite"].contains(&permission)
        || (permission.starts_with("UserAuth") && !permission.ends_with(".All"))
}

/// 403 unless scopes or roles of the token open the route. Returns whether only `OwnedBy` did.
pub fn permitted(state: &State, caller: &Caller, matched: &Match) -> Result<bool, Failure> {
    let route = matched.route;
    let gdap = route.pattern.starts_with("/tenantRelationships/delegatedAdmin");
    let denied = || if gdap { Failure::gdap(403, "forbidden", DENIED) } else { Failure::denied() };
    if matched.of_caller && caller.user.is_none() {
        return Err(Failure::bad_query("/me request is only valid with delegated authentication flow."));
    }
    let rule = route.rule(matched.of_caller, matched.cast.as_deref()).ok_or_else(denied)?;
    let opens = if caller.user.is_some() { &rule.user } else { &rule.app };
    let mut met: Vec<&Need> = opens.iter().filter(|need| caller.meets(need)).collect();
    if met.iter().any(|need| is_of_self(&need.permission)) && !objects::is_self(state, caller, matched) {
        met.retain(|need| !is_of_self(&need.permission) || !route.pattern.starts_with("/users"));
    }
    if met.is_empty() {
        return Err(denied());
    }
    if let Some(user) = &caller.user {
        let abroad = caller.tenant != state.partner;
        if abroad && caller.wids.is_empty() && !is_at_home(state, caller, user) {
            return Err(denied());
        }
        let owns = || route.or_owner && objects::owned_by(state, caller, matched, user);
        let scoped = || objects::scoped_role(state, caller, matched);
        if !route.roles.is_empty() && !caller.has_role(route.roles) && !owns() && !scoped() {
            return Err(denied());
        }
        // Entra: guests read themselves and the organisation, nobody else.
        let home = state.tenants.get(&caller.tenant).and_then(|t| t.users.get(user));
        let open = ["/organization", "/groups/{key}"].iter().any(|p| route.pattern.starts_with(p));
        if home.is_some_and(|u| u.is_guest())
            && caller.wids.is_empty()
            && !open
            && !objects::is_self(state, caller, matched)
        {
            return Err(denied());
        }
    }
    if gdap {
        gdap_precondition(state, caller)?;
    }
    Ok(route.write && met.iter().all(|need| need.permission == OWNED_BY))
}

/// Whether a user is of the token's tenant, and not of the partner's who came in by GDAP.
fn is_at_home(state: &State, caller: &Caller, user: &str) -> bool {
    state.tenants.get(&caller.tenant).is_some_and(|t| users::by_id(state, t, user).is_some())
}

const DENIED: &str =
    "The user (principal) does not have the required permissions to perform the specified action on the resource.";

/// Graph: delegatedAdminRelationships, overview. App-only calls need the service's own principal in the
/// partner's tenant; delegated ones an Admin agent who signed in with MFA.
fn gdap_precondition(state: &State, caller: &Caller) -> Result<(), Failure> {
    let forbidden = || Failure::gdap(403, "forbidden", DENIED);
    if caller.tenant != state.partner {
        return Err(forbidden());
    }
    let partner = state.tenants.get(&state.partner).ok_or_else(forbidden)?;
    match &caller.user {
        None if partner.principal_of(facts::GDAP_SERVICE).is_none() => Err(forbidden()),
        None => Ok(()),
        Some(_) if !caller.mfa => {
            Err(Failure::gdap(401, "unauthorized", "MFA is required to perform the specified action on the resource."))
        }
        Some(user) if partner.group_named("AdminAgents").is_some_and(|g| g.members.contains(user)) => Ok(()),
        Some(_) => Err(forbidden()),
    }
}
