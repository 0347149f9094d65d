//! Partner Center: customers, and consent on a customer's behalf (the CPV API).
//! Partner Center: applicationconsents, customers, error codes.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::audit::{Change, Event, Target};
use super::due::Effect;
use super::facts::{
    self, APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
};
use super::gdap;
use super::graph::access::{Bad, Caller, bearer};
use super::graph::{self, ensure_principal, remove_principal};
use super::http::{Answer, Body, Call};
use super::ids;
use super::kept::Kept;
use super::keys::Keys;
use super::state::{Grant, Replay, State};

/// Any of these, held through GDAP in the customer's tenant, lets a user consent.
const CONSENT_ROLES: [&str; 4] =
    [APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR];

/// How many answers are remembered by `ms-requestid`.
const REPLAYS: usize = 1_000;

/// Partner Center's error body: a numeric code.
fn error(status: u16, code: u32, description: &str) -> Answer {
    Answer::json(status, json!({ "code": code, "description": description, "data": [], "source": "PartnerFD" }))
}

/// What a path below `/v1/` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Customers,
    Customer(String),
    Consent(String),
    RemoveConsent(String, String),
    Unknown,
}

impl Ask {
    pub fn of(call: &Call) -> Ask {
        let parts: Vec<&str> = call.path.trim_start_matches("/v1/").split('/').filter(|p| !p.is_empty()).collect();
        match (call.method.as_str(), parts.as_slice()) {
            ("GET", ["customers"]) => Ask::Customers,
            ("GET", ["customers", id]) => Ask::Customer((*id).to_ascii_lowercase()),
            ("POST", ["customers", id, "applicationconsents"]) => Ask::Consent((*id).to_ascii_lowercase()),
            ("DELETE", ["customers", id, "applicationconsents", app]) => {
                Ask::RemoveConsent((*id).to_ascii_lowercase(), (*app).to_ascii_lowercase())
            }
            _ => Ask::Unknown,
        }
    }

    /// The customer that a write is about.
    pub fn customer(&self) -> Option<&str> {
        match self {
            Ask::Consent(id) | Ask::RemoveConsent(id, _) => Some(id),
            _ => None,
        }
    }

    /// The name by which `refuse` knows a write.
    pub fn step(&self) -> Option<&'static str> {
        match self {
            Ask::Consent(_) => Some("partner-consent"),
            Ask::RemoveConsent(..) => Some("remove-partner-consent"),
            _ => None,
        }
    }
}

pub fn unavailable() -> Answer {
    error(503, 503, "The service is temporarily unavailable.")
}

pub fn too_many() -> Answer {
    error(429, 429, "Too many requests.").with("Retry-After", "1")
}

pub fn refused() -> Answer {
    error(403, 2032, "Access denied.")
}

pub fn authenticate(state: &State, keys: &Keys, call: &Call, now: Timestamp) -> Result<Caller, Answer> {
    let caller = bearer(keys, call, now, facts::PARTNER_CENTER).map_err(|bad| match bad {
        Bad::Expired => error(401, 2002, "Access denied. The token is expired."),
        _ => error(401, 2002, "Access denied. The token is missing, invalid or for another audience."),
    })?;
    if caller.tenant != state.partner {
        return Err(error(403, 2032, "Access denied. The token is not of the partner's tenant."));
    }
    Ok(caller)
}

/// Answers; who asks whether its sign-in had MFA is told so in a header.
pub fn handle(state: &mut State, call: &Call, ask: &Ask, caller: &Caller, now: Timestamp) -> Answer {
    let asked = call.header("validatemfa").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let answer = answer(state, call, ask, caller, now);
    if asked { answer.with("isMfaCompliant", caller.mfa.to_string()) } else { answer }
}

fn answer(state: &mut State, call: &Call, ask: &Ask, caller: &Caller, now: Timestamp) -> Answer {
    if call.header("ms-contract-version").is_some_and(|v| v != "v1") {
        return error(400, 3000, "The MS-Contract-Version is not supported.");
    }
    if ask.step().is_some() {
        // The same request id after a lost answer is the same request.
        let id = call.header("ms-requestid").map(|id| format!("{} {} {id}", call.method, call.path));
        if let Some(done) = id.as_ref().and_then(|id| state.replays.iter().find(|r| r.request_id == *id)) {
            return answer_of(done.status, done.body.clone());
        }
        let answer = match write(state, call, ask, caller, now) {
            Ok(a) | Err(a) => a,
        };
        if let Some(request_id) = id.filter(|_| answer.status < 500) {
            let body = match &answer.body {
                Body::Json(v) => v.clone(),
                _ => Value::Null,
            };
            state.replays.push_back(Kept::new(Replay { request_id, status: answer.status, body }));
            if state.replays.len() > REPLAYS {
                state.replays.pop_front();
            }
        }
        return answer;
    }
    match read(state, call, ask, caller) {
        Ok(a) | Err(a) => a,
    }
}

fn answer_of(status: u16, body: Value) -> Answer {
    if body.is_null() { Answer::empty(status) } else { Answer::json(status, body) }
}

fn check_mfa(caller: &Caller) -> Result<(), Answer> {
    // Since 2026-04-01 every call on behalf of a user needs it.
    if caller.user.is_some() && !caller.mfa { Err(error(401, 2003, "Unauthorized - MFA required")) } else { Ok(()) }
}

fn is_admin_agent(state: &State, user: &str) -> bool {
    state
        .tenants
        .get(&state.partner)
        .and_then(|t| t.group_named("AdminAgents"))
        .is_some_and(|g| g.members.contains(user))
}

fn write(state: &mut State, call: &Call, ask: &Ask, caller: &Caller, now: Timestamp) -> Result<Answer, Answer> {
    let user =
        caller.user.clone().ok_or_else(|| error(403, 2032, "Access denied. An app + user token is required."))?;
    check_mfa(caller)?;
    let (customer, app_id) = match ask {
        Ask::Consent(c) => (c.clone(), None),
        Ask::RemoveConsent(c, a) => (c.clone(), Some(a.clone())),
        _ => return Err(error(404, 1000, "Not found.")),
    };
    let tenant = state
        .tenants
        .get(&customer)
        .filter(|t| t.id != state.partner)
        .ok_or_else(|| error(404, 60_003, "Tenant not found."))?;
    if !is_admin_agent(state, &user) {
        return Err(error(403, 2032, "Access denied. The user is not an Admin agent of the partner."));
    }
    if !tenant.commercial {
        return Err(error(403, 20_002, "Access denied. There is no commercial relationship with the customer."));
    }
    let roles = gdap::roles_of(state, &user, &customer);
    if !roles.iter().any(|r| CONSENT_ROLES.contains(&r.as_str())) {
        return Err(error(
            403,
            2032,
            "Access denied. The user has no delegated role in the customer's tenant that allows consent.",
        ));
    }
    match app_id {
        Some(app) => {
            let answer = remove(state, &customer, &app);
            if answer.status < 300 {
                log_consent(state, call, caller, &customer, "withdraw", &app, None, now);
            }
            Ok(answer)
        }
        None => consent(state, call, caller, &customer, now),
    }
}

fn consent(state: &mut State, call: &Call, caller: &Caller, customer: &str, now: Timestamp) -> Result<Answer, Answer> {
    let body: Value =
        serde_json::from_slice(&call.body).map_err(|_| error(400, 3000, "The body is not valid JSON."))?;
    let app_id = body.get("applicationId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    if !ids::is_guid(&app_id) {
        return Err(error(400, 3000, "Invalid property: applicationId."));
    }
    if app_id != caller.app_id {
        return Err(error(403, 2032, "Access denied. The token was issued to another application."));
    }
    match state.application(&app_id) {
        Some((_, app)) if app.audience() != "AzureADMyOrg" => {}
        Some(_) => return Err(error(400, 3000, "The application is not multi-tenant.")),
        None => return Err(error(404, 1000, "The application was not found.")),
    }
    let grants = body.get("applicationGrants").and_then(Value::as_array).filter(|g| !g.is_empty());
    let mut wanted = Vec::new();
    for g in grants.ok_or_else(|| error(400, 3000, "Invalid property: applicationGrants."))? {
        let resource =
            g.get("enterpriseApplicationId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let scope = g.get("scope").and_then(Value::as_str).unwrap_or_default();
        wanted.push((resource.clone(), scopes(&resource, scope)?));
    }
    let tenant = state.tenants.get(customer).ok_or_else(|| error(404, 60_003, "Tenant not found."))?;
    if let Some((missing, _)) = wanted.iter().find(|(r, _)| tenant.principal_of(r).is_none()) {
        return Err(error(
            400,
            3000,
            &format!("AADSTS500011: The resource principal named {missing} was not found in the tenant."),
        ));
    }
    let principal = tenant.principal_of(&app_id).map(|p| p.id.clone());
    let pending = state
        .due
        .pending()
        .any(|e| matches!(e, Effect::Consent { tenant, app_id: a, .. } if tenant == customer && *a == app_id));
    if pending
        || principal.is_some_and(|p| tenant.grants.values().any(|g| g.client_id == p && g.principal_id.is_none()))
    {
        return Err(error(409, 3000, "Permission entry already exists."));
    }
    let shown: Vec<Value> =
        wanted.iter().map(|(r, s)| json!({ "enterpriseApplicationId": r, "scope": s.replace(' ', ",") })).collect();
    let name = body.get("displayName").cloned().unwrap_or(Value::Null);
    let lag = state.lag_of(state.lag.consent, &format!("consent {customer} {app_id}"));
    let permissions = wanted.iter().map(|(_, s)| s.as_str()).collect::<Vec<_>>().join(" ");
    state.after(lag, now, Effect::Consent { tenant: customer.to_owned(), app_id: app_id.clone(), grants: wanted });
    log_consent(state, call, caller, customer, "consent", &app_id, Some(&permissions), now);
    Ok(Answer::json(201, json!({ "applicationId": app_id, "displayName": name, "applicationGrants": shown })))
}

/// The customer's audit log says who consented to what, or withdrew it.
#[expect(clippy::too_many_arguments, reason = "the parts of one entry")]
fn log_consent(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    customer: &str,
    activity: &str,
    app_id: &str,
    permissions: Option<&str>,
    now: Timestamp,
) {
    let principal = state.tenants.get(customer).and_then(|t| t.principal_of(app_id)).map(|p| p.id.clone());
    let name = state.application(app_id).map(|(_, a)| a.display_name().to_owned());
    let mut target = Target::new("servicePrincipal", principal.as_deref().unwrap_or(app_id), name.as_deref());
    let change = |name: &str, new: &str| {
        let new = Some(json!([new]).to_string());
        Change { name: name.to_owned(), old: None, new }
    };
    if let Some(permissions) = permissions {
        target.changes.push(change("ConsentContext.IsAdminConsent", "True"));
        target.changes.push(change("ConsentContext.OnBehalfOfAll", "True"));
        target.changes.push(change("ConsentAction.Permissions", permissions));
    }
    let event = Event {
        activity: activity.to_owned(),
        by: graph::caller_of(caller),
        correlation: call.request_id.clone(),
        agent: call.header("user-agent").map(str::to_owned),
        targets: vec![target],
    };
    state.audit(customer, now, event);
}

/// Comma-separated here, space-separated in the grant that it becomes.
fn scopes(resource: &str, text: &str) -> Result<String, Answer> {
    let known =
        facts::resource(resource).ok_or_else(|| error(400, 3000, "Invalid property: enterpriseApplicationId."))?;
    let mut out: Vec<&str> = Vec::new();
    for s in text.split(',').map(str::trim) {
        if s.is_empty() || s.contains(char::is_whitespace) {
            return Err(error(400, 3000, "Invalid property: scope. Scopes are separated by commas."));
        }
        if !known.delegated.contains_key(s) {
            return Err(error(
                400,
                3000,
                &format!("Invalid property: scope. '{s}' is no delegated permission of {}.", known.display_name),
            ));
        }
        if !out.contains(&s) {
            out.push(s);
        }
    }
    Ok(out.join(" "))
}

/// A consent takes effect: the principal and its grants for all principals appear.
pub fn appear(state: &mut State, tenant: &str, app_id: &str, grants: &[(String, String)]) {
    let Some(client_id) = ensure_principal(state, tenant, app_id) else { return };
    for (resource, scope) in grants {
        let Some(resource_id) = state.tenants.get(tenant).and_then(|t| t.principal_of(resource)).map(|p| p.id.clone())
        else {
            continue;
        };
        let id = state.opaque_id(tenant, "grant", &format!("{client_id} {resource_id} "));
        let grant = Grant {
            id: id.clone(),
            client_id: client_id.clone(),
            resource_id,
            principal_id: None,
            scope: scope.clone(),
        };
        if let Some(t) = state.tenants.get_mut(tenant) {
            t.grants.insert(id, grant);
        }
    }
}

/// The grants go, the principal stays.
fn remove(state: &mut State, customer: &str, app_id: &str) -> Answer {
    let Some(tenant) = state.tenants.get_mut(customer) else { return error(404, 60_003, "Tenant not found.") };
    let Some(p) = tenant.principal_of(app_id).map(|p| p.id.clone()) else {
        return error(404, 1000, "The application consent was not found.");
    };
    let gone: Vec<String> =
        tenant.grants.values().filter(|g| g.client_id == p && g.principal_id.is_none()).map(|g| g.id.clone()).collect();
    if gone.is_empty() {
        return error(404, 1000, "The application consent was not found.");
    }
    for id in &gone {
        tenant.grants.remove(id);
    }
    state.retired.extend(gone);
    if state.switches.consent_takes_principal {
        remove_principal(state, customer, &p);
    }
    Answer::empty(204)
}

fn customer_item(t: &super::state::Tenant) -> Value {
    json!({
        "id": t.id, "relationshipToPartner": "reseller", "attributes": { "objectType": "Customer" },
        "companyProfile": { "tenantId": t.id, "domain": t.default_domain(), "companyName": t.display_name, "attributes": { "objectType": "CustomerCompanyProfile" } },
    })
}

/// Lists may begin with a byte order mark.
fn marked(state: &State, answer: Answer) -> Answer {
    match answer.body {
        Body::Json(body) if state.switches.byte_order_mark => {
            let text = format!("\u{feff}{body}").into_bytes();
            Answer { body: Body::Bytes("application/json; charset=utf-8", text), ..answer }
        }
        body => Answer { body, ..answer },
    }
}

/// Customers with a commercial relationship only; pages go by `MS-ContinuationToken`.
fn read(state: &State, call: &Call, ask: &Ask, caller: &Caller) -> Result<Answer, Answer> {
    check_mfa(caller)?;
    if let Some(user) = &caller.user
        && !is_admin_agent(state, user)
    {
        return Err(refused());
    }
    let is_customer = |t: &&super::state::Tenant| t.commercial && t.id != state.partner;
    match ask {
        Ask::Customer(id) => state
            .tenants
            .get(id)
            .filter(is_customer)
            .map(|t| Answer::json(200, customer_item(t)))
            .ok_or_else(|| error(404, 60_003, "Tenant not found.")),
        Ask::Customers => {
            let all = state.tenants.values().filter(is_customer);
            let total = all.clone().count();
            let size = match call.param("size").map(str::parse::<usize>) {
                None => 500,
                Some(Ok(n)) if (1..=500).contains(&n) => n,
                Some(_) => return Err(error(400, 3000, "Invalid property: size.")),
            };
            let token =
                call.header("ms-continuationtoken").and_then(ids::unb64).and_then(|b| String::from_utf8(b).ok());
            let skip = match (call.header("ms-continuationtoken"), token.and_then(|t| t.parse::<usize>().ok())) {
                (None, _) => 0,
                (Some(_), Some(n)) => n,
                (Some(_), None) => return Err(error(400, 3000, "The continuation token is not valid.")),
            };
            let page: Vec<Value> = all.skip(skip).take(size).map(customer_item).collect();
            let mut links =
                json!({ "self": { "uri": format!("/customers?size={size}"), "method": "GET", "headers": [] } });
            if skip + page.len() < total {
                let token = ids::b64((skip + page.len()).to_string().as_bytes());
                links["next"] = json!({ "uri": format!("/customers?size={size}&seekOperation=Next"), "method": "GET", "headers": [{ "key": "MS-ContinuationToken", "value": token }] });
            }
            Ok(Answer::json(
                200,
                json!({ "totalCount": page.len(), "items": page, "links": links, "attributes": { "objectType": "Collection" } }),
            ))
            .map(|answer| marked(state, answer))
        }
        _ => Err(error(404, 1000, "Not found.")),
    }
}
