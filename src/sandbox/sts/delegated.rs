//! Tokens for people: the checks that every flow shares, and the answer that they end in.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::claims::{self, Token};
use super::conditional_access::{self, Attempt};
use super::flows::Login;
use super::people::{self, Person};
use super::scope::Scope;
use super::sign_in::{self, Seen};
use super::{Cx, Granted, Refusal, consent, first_party, id_token, refuse};
use crate::sandbox::facts;
use crate::sandbox::keys::{Keys, Kind, Refresh};
use crate::sandbox::state::{Application, Principal, State, Tenant};

/// A person who signed in to an app for a tenant.
pub struct Ask<'a> {
    pub app: &'a Application,
    pub tenant: &'a Tenant,
    pub person: &'a Person,
    pub login: &'a Login,
    pub scope: &'a Scope,
    /// How the client proved itself.
    pub proof: &'static str,
    pub nonce: Option<&'a str>,
    /// The refresh token to give, when one is wanted; its user, client and time are filled in.
    pub refresh: Option<Refresh>,
    /// The error that policies refuse with.
    pub error: &'static str,
    pub interactive: bool,
    pub protocol: &'static str,
}

impl Ask<'_> {
    pub fn seen(&self) -> Seen {
        Seen {
            tenant: self.tenant.id.clone(),
            client: self.app.app_id.clone(),
            resource: self.scope.resource.clone(),
            person: Some(self.person.clone()),
            interactive: self.interactive,
            protocol: self.protocol,
            mfa: self.login.mfa,
            applied: Vec::new(),
        }
    }
}

/// Whether a person may come into a tenant at all: its own users, and technicians by GDAP.
pub fn enter(state: &State, tenant: &Tenant, person: &Person, app: &Application) -> Result<(), Refusal> {
    if !person.is_enabled() {
        return Err(refuse(50_057, "invalid_grant", "The user account is disabled."));
    }
    if tenant.id != person.home && people::roles(state, tenant, person).is_empty() {
        return Err(refuse(
            50_020,
            "invalid_grant",
            format!(
                "User account '{}' from identity provider 'https://sts.windows.net/{}/' does not exist in tenant '{}' and cannot access the application '{}'({}) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
                person.upn(),
                person.home,
                tenant.display_name,
                app.app_id,
                app.display_name()
            ),
        ));
    }
    let home = state.application(&app.app_id).map(|(t, _)| t.id.as_str());
    if app.audience() == "AzureADMyOrg" && home.is_some_and(|h| h != tenant.id) {
        return Err(Refusal::not_in_tenant(&tenant.display_name, &app.app_id));
    }
    Ok(())
}

/// What the tenant's policies say of it; `seen` learns which of them applied.
pub fn check_policies(state: &State, ask: &Ask, seen: &mut Seen) -> Result<(), Refusal> {
    let (tenant, person) = (ask.tenant, ask.person);
    let roles: Vec<String> = people::roles(state, tenant, person).into_iter().collect();
    if has_security_defaults(tenant) && !ask.login.mfa && !roles.is_empty() {
        // Security defaults: administrators always use a second factor.
        let refused = sign_in::refusal(conditional_access::Verdict::NeedsMfa, ask.error, person.user.mfa);
        return refused.map_or(Ok(()), Err);
    }
    let Some(policies) = tenant.shelves.get("policies") else { return Ok(()) };
    let groups = people::groups(tenant, person);
    let abroad = tenant.id != person.home;
    let external = match (abroad, person.is_guest()) {
        (true, _) => Some(("serviceProvider", person.home.as_str())),
        (false, true) => Some(("b2bCollaborationGuest", "")),
        (false, false) => None,
    };
    let attempt = Attempt {
        subject: &person.user.id,
        workload: false,
        groups: &groups,
        roles,
        external,
        resource: ask.scope.resource.as_deref().unwrap_or_default(),
        client: &ask.app.app_id,
        mfa: ask.login.mfa,
        device_code: ask.protocol == "deviceCode",
        browser: ask.proof == "1" || ask.proof == "2",
    };
    let all = policies.iter().map(|(id, item)| (id.as_str(), &item.props));
    let (verdict, applied) = conditional_access::decide(all, &attempt);
    seen.applied = applied;
    sign_in::refusal(verdict, ask.error, person.user.mfa).map_or(Ok(()), Err)
}

fn has_security_defaults(tenant: &Tenant) -> bool {
    let policy = tenant.shelves.get("identitySecurityDefaultsEnforcementPolicy").and_then(|s| s.values().next());
    policy.is_some_and(|p| p.props.get("isEnabled") == Some(&Value::Bool(true)))
}

/// The resource, and the scopes that the token gets for it.
fn consented<'a>(cx: &Cx, ask: &Ask<'a>) -> Result<(&'a Principal, BTreeSet<String>), Refusal> {
    let (app, tenant) = (ask.app, ask.tenant);
    let no_consent = || Refusal::no_consent(&app.app_id, app.display_name());
    let resource_id = ask.scope.resource.as_deref();
    let tool = resource_id.is_some_and(|r| first_party::preauthorised(&app.app_id, r).is_some());
    let principal = tenant.principal_of(&app.app_id);
    if principal.is_none() && !tool {
        return Err(no_consent());
    }
    if principal.is_some_and(|p| p.props.get("accountEnabled") == Some(&json!(false))) {
        return Err(disabled(&app.app_id));
    }
    let resource = ask.scope.principal(tenant)?;
    let mut scopes = consent::granted(cx.state, tenant, &app.app_id, &resource.app_id, &ask.person.user.id);
    let unknown = ask.scope.named().any(|s| !scopes.contains(s));
    if unknown || scopes.is_empty() {
        return Err(no_consent());
    }
    scopes.retain(|s| ask.scope.names.is_empty() || ask.scope.openid.contains(s) || !is_openid(s));
    check_assignment(tenant, ask.person, principal, app)?;
    Ok((resource, scopes))
}

fn is_openid(scope: &str) -> bool {
    super::scope::OPENID.contains(&scope)
}

pub fn disabled(app_id: &str) -> Refusal {
    refuse(7_000_112, "unauthorized_client", format!("Application '{app_id}' is disabled."))
}

/// Entra: AADSTS50105.
fn check_assignment(
    tenant: &Tenant,
    person: &Person,
    principal: Option<&Principal>,
    app: &Application,
) -> Result<(), Refusal> {
    let demands = |p: &&Principal| p.props.get("appRoleAssignmentRequired") == Some(&json!(true));
    let Some(principal) = principal.filter(demands) else { return Ok(()) };
    let groups = people::groups(tenant, person);
    let holds = |id: &String| *id == person.user.id || groups.contains(id);
    if tenant.app_roles.values().any(|a| a.resource_id == principal.id && holds(&a.principal_id)) {
        return Ok(());
    }
    let text = format!(
        "Your administrator has configured the application {} ('{}') to block users unless they are specifically granted ('assigned') access to the application. The signed-in user '{}' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator.",
        app.display_name(),
        app.app_id,
        person.upn()
    );
    Err(refuse(50_105, "invalid_grant", text))
}

/// All checks, and the answer of the token endpoint.
pub fn issue(cx: &Cx, ask: &Ask) -> Result<Granted, Refusal> {
    let mut seen = ask.seen();
    let checked = enter(cx.state, ask.tenant, ask.person, ask.app)
        .and_then(|()| check_policies(cx.state, ask, &mut seen))
        .and_then(|()| consented(cx, ask));
    let (resource, scopes) = checked.map_err(|r| r.of(&seen))?;
    let audience = ask.scope.audience(cx.state);
    let token = Token { tenant: ask.tenant, client: &ask.app.app_id, proof: ask.proof, resource, audience };
    let claims = claims::delegated(cx, &token, ask.person, ask.login, &scopes);
    let mut body = json!({
        "token_type": "Bearer", "scope": scope_text(ask, &scopes, &token.audience), "expires_in": claims::LIFETIME,
        "ext_expires_in": claims::LIFETIME, "access_token": signed(cx.keys, &claims)?,
    });
    if cx.v1 {
        body["resource"] = json!(token.audience);
        body["expires_in"] = json!(claims::LIFETIME.to_string());
        body["ext_expires_in"] = json!(claims::LIFETIME.to_string());
        body["expires_on"] = json!(claims::end(cx.now).to_string());
        body["not_before"] = json!(cx.now.as_second().to_string());
    }
    add_id_token(cx, ask, &mut body)?;
    if let Some(refresh) = &ask.refresh {
        body["refresh_token"] = json!(cx.keys.seal(Kind::Refresh, &next(cx, ask, refresh)));
    }
    Ok(Granted { body, seen, redeemed: None })
}

/// Some clients treat a scope that is missing here as declined, so what was asked is said back.
fn scope_text(ask: &Ask, scopes: &BTreeSet<String>, audience: &str) -> String {
    let own = scopes.iter().map(|s| match is_openid(s) {
        true => s.clone(),
        false => format!("{}/{s}", audience.trim_end_matches('/')),
    });
    let mut all: Vec<String> = own.collect();
    for asked in ask.scope.raw.split_whitespace() {
        if !all.iter().any(|s| s == asked) {
            all.push(asked.to_owned());
        }
    }
    all.join(" ")
}

fn add_id_token(cx: &Cx, ask: &Ask, body: &mut Value) -> Result<(), Refusal> {
    let openid = |name: &str| ask.scope.openid.contains(name);
    if openid("openid") || (cx.v1 && ask.interactive) {
        let wanted = id_token::Wanted {
            client: &ask.app.app_id,
            nonce: ask.nonce,
            code: None,
            email: openid("email"),
            profile: openid("profile"),
        };
        let claims = id_token::claims(cx, ask.tenant, ask.person, &wanted);
        body["id_token"] = json!(signed(cx.keys, &claims)?);
    }
    if cx.form.get("client_info") == Some("1") {
        body["client_info"] = json!(id_token::client_info(ask.person));
    }
    if facts::resource(&ask.app.app_id).is_none() && first_party::application(&ask.app.app_id).is_some() {
        body["foci"] = json!("1");
    }
    Ok(())
}

/// Bound to user and client, not to tenant or resource; an older one stays valid.
fn next(cx: &Cx, ask: &Ask, like: &Refresh) -> Refresh {
    let home = &ask.person.home;
    Refresh {
        user: ask.person.user.id.clone(),
        client: ask.app.app_id.to_ascii_lowercase(),
        issued: cx.now.as_second(),
        serial: cx.state.log.next,
        home: (*home != cx.state.partner).then(|| home.clone()),
        mfa: Some(ask.login.mfa),
        public: like.public,
        spa_since: like.spa_since,
        scope: ask.scope.raw.clone(),
    }
}

pub fn signed(keys: &Keys, claims: &Value) -> Result<String, Refusal> {
    keys.sign(claims).map_err(|e| {
        Refusal::new(503, "temporarily_unavailable", 90_033, format!("A transient error has occurred: {e}"))
    })
}
