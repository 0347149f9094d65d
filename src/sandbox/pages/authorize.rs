//! The authorization endpoint: a person signs in, and the client gets a code or an ID token.
//! Entra: OAuth 2.0 authorization code flow, OpenID Connect.
use super::callback::{Callback, Mode};
use super::gate::{self, Gate, Wanted};
use super::sign_in::{self, For, Signed};
use super::{Deed, Turn, Visit};
use crate::sandbox::ids;
use crate::sandbox::keys::Kind;
use crate::sandbox::state::{Application, Tenant};
use crate::sandbox::sts::code::{self, Code};
use crate::sandbox::sts::flows::Login;
use crate::sandbox::sts::people::{self, Person};
use crate::sandbox::sts::redirects::{self, Platform};
use crate::sandbox::sts::scope::Scope;
use crate::sandbox::sts::sign_in::Seen;
use crate::sandbox::sts::{Form, Realm, Refusal, client_app, delegated, device, id_token, refuse};

/// A request that may be answered by a redirect.
struct Request<'a> {
    app: &'a Application,
    realm: Realm<'a>,
    callback: Callback,
    platform: Platform,
}

/// What of it the client could have got wrong.
struct Details {
    scope: Scope,
    challenge: Option<(String, bool)>,
    code: bool,
    id_token: bool,
    token: bool,
}

pub fn turn(visit: &Visit) -> Turn {
    match request(visit) {
        Err(refused) => Turn::show(visit.refused(&refused)),
        Ok(request) => match details(visit, &request) {
            Err(refused) => Turn::show(request.callback.error(&visit.cx, refused.error, &refused)),
            Ok(details) => signed(visit, &request, &details),
        },
    }
}

fn request<'a>(visit: &Visit<'a>) -> Result<Request<'a>, Refusal> {
    let cx = &visit.cx;
    let need = |name: &str| visit.param(name).ok_or_else(|| Refusal::missing(name));
    let client = need("client_id")?;
    let realm = cx.realm()?;
    let named = cx.tenant_name();
    let app = client_app(cx.state, client).ok_or_else(|| Refusal::not_in_tenant(named, client))?;
    device::check_app(cx, app, &realm)?;
    let given = visit.param("redirect_uri").or_else(|| redirects::only(app)).ok_or_else(no_address)?;
    let platform = redirects::platform(app, given).ok_or_else(|| wrong_address(app, given))?;
    let kinds = visit.param("response_type").unwrap_or_default();
    let implicit = kinds.split_whitespace().any(|k| k != "code");
    let mode = match visit.param("response_mode") {
        Some("fragment") => Mode::Fragment,
        Some("form_post") => Mode::FormPost,
        Some("query") => Mode::Query,
        _ if implicit => Mode::Fragment,
        _ => Mode::Query,
    };
    let callback = Callback { uri: given.to_owned(), mode, state: visit.param("state").map(str::to_owned) };
    Ok(Request { app, realm, callback, platform })
}

pub fn no_address() -> Refusal {
    refuse(500_113, "invalid_request", "No reply address is registered for the application.")
}

pub fn wrong_address(app: &Application, given: &str) -> Refusal {
    let text = format!(
        "The redirect URI '{given}' specified in the request does not match the redirect URIs configured for the application '{}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
        app.app_id
    );
    refuse(50_011, "invalid_request", text)
}

fn details(visit: &Visit, request: &Request) -> Result<Details, Refusal> {
    let cx = &visit.cx;
    let kinds: Vec<&str> =
        visit.param("response_type").ok_or_else(|| Refusal::missing("response_type"))?.split_whitespace().collect();
    if let Some(other) = kinds.iter().find(|k| !["code", "id_token", "token"].contains(*k)) {
        return Err(refuse(
            70_007,
            "unsupported_response_type",
            format!("'{other}' is not a supported value of 'response_type'."),
        ));
    }
    let has = |kind: &str| kinds.contains(&kind);
    allowed(request.app, has("id_token"), has("token"))?;
    if (has("id_token") || has("token")) && visit.param("response_mode") == Some("query") {
        let text = "'query' is not a supported value of 'response_mode' when requesting a token.";
        return Err(refuse(70_007, "unsupported_response_type", text));
    }
    if has("id_token") && visit.param("nonce").is_none() {
        return Err(Refusal::missing("nonce"));
    }
    let scope = match (visit.param("scope"), visit.param("resource")) {
        (_, Some(resource)) => Scope::of_resource(cx.state, resource, &cx.call.host)?,
        (Some(scope), None) => Scope::parse(cx.state, scope, &cx.call.host)?,
        (None, None) if cx.v1 => Scope::parse(cx.state, "openid", &cx.call.host)?,
        (None, None) => return Err(Refusal::missing("scope")),
    };
    let fields = Form::of_pairs(["code_challenge", "code_challenge_method"].map(|n| (n, visit.param(n))));
    let challenge = if has("code") { code::challenge(&fields, request.platform)? } else { None };
    Ok(Details { scope, challenge, code: has("code"), id_token: has("id_token"), token: has("token") })
}

/// Entra: AADSTS700054 and 700051; an app says which tokens it takes without a code.
fn allowed(app: &Application, id_token: bool, token: bool) -> Result<(), Refusal> {
    let settings = app.props.get("web").and_then(|w| w.get("implicitGrantSettings"));
    let enabled = |name: &str| settings.and_then(|s| s.get(name)).is_some_and(|v| *v == true);
    let off = |code, kind: &str| {
        let text = format!("response_type '{kind}' is not enabled for the application.");
        Err(refuse(code, "unsupported_response_type", text))
    };
    match (id_token && !enabled("enableIdTokenIssuance"), token && !enabled("enableAccessTokenIssuance")) {
        (true, _) => off(700_054, "id_token"),
        (_, true) => off(700_051, "token"),
        _ => Ok(()),
    }
}

fn signed(visit: &Visit, request: &Request, details: &Details) -> Turn {
    let prompts: Vec<&str> = visit.param("prompt").unwrap_or_default().split_whitespace().collect();
    let prompt = |name: &str| prompts.contains(&name);
    let hint = visit.param("login_hint");
    let hinted = hint.and_then(|h| people::named(visit.cx.state, h));
    // A session of somebody else is not whom the client means.
    let other = hinted.is_some_and(|p| visit.browser.login.as_ref().is_some_and(|l| l.user != p.user.id));
    let what = For {
        app: request.app.display_name(),
        client: &request.app.app_id,
        resource: details.scope.resource.clone(),
        tenant: match &request.realm {
            Realm::Of(tenant) => Some(tenant),
            Realm::Any => None,
        },
        hint,
        afresh: other || prompt("login") || prompt("select_account"),
        protocol: "oAuth2",
        along: carried(visit),
    };
    if prompt("none") && (other || visit.browser.login.is_none()) {
        let text = "Session information is not sufficient for single-sign-on.";
        let refused = refuse(50_058, "login_required", text);
        return Turn::show(request.callback.error(&visit.cx, "login_required", &refused));
    }
    match sign_in::step(visit, &what) {
        Signed::Page(turn) => turn,
        Signed::Cancelled => {
            let refused = gate::declined();
            Turn::show(request.callback.error(&visit.cx, "access_denied", &refused))
        }
        Signed::In { login, proof, new } => {
            let silent = prompt("none");
            let consent = prompt("consent") && visit.action() != Some("accept");
            let turn = enter(visit, &what, request, details, &Entry { login: &login, proof: &proof, silent, consent });
            match new {
                Some(person) => turn.with(Deed::SignedIn(login, person)),
                None => turn,
            }
        }
    }
}

/// The parameters of a request that came as a form travel along in the forms of its pages.
fn carried(visit: &Visit) -> String {
    const OURS: [&str; 7] = ["canary", "flow", "action", "login", "passwd", "number", "organization"];
    let fields = visit.cx.form.pairs().filter(|(name, _)| !OURS.contains(name) && visit.cx.call.param(name).is_none());
    fields.map(|(name, value)| super::html::hidden(name, value)).collect()
}

struct Entry<'a> {
    login: &'a Login,
    proof: &'a str,
    silent: bool,
    consent: bool,
}

fn enter(visit: &Visit, what: &For, request: &Request, details: &Details, entry: &Entry) -> Turn {
    let state = visit.cx.state;
    let login = entry.login;
    let Some(person) = people::by_id(state, &login.home, &login.user) else {
        return Turn::show(visit.refused(&refuse(50_058, "login_required", "The session is of nobody.")));
    };
    let tenant = match &request.realm {
        Realm::Of(tenant) => Some(*tenant),
        Realm::Any => state.tenants.get(&person.home),
    };
    let Some(tenant) = tenant else { return Turn::show(visit.refused(&Refusal::no_tenant(&person.home))) };
    let wanted = Wanted {
        app: request.app,
        tenant,
        person: &person,
        login,
        scope: &details.scope,
        protocol: "oAuth2",
        consent: entry.consent,
        silent: entry.silent,
        proof: entry.proof,
    };
    match gate::pass(visit, what, &wanted) {
        Gate::Page(turn) => turn,
        Gate::Declined => {
            let refused = gate::declined();
            let seen = seen(request, details, tenant, &person);
            let answer = request.callback.error(&visit.cx, "access_denied", &refused);
            Turn::show(answer).with(Deed::Record(seen, Some(refused)))
        }
        Gate::Refused(refused) | Gate::Returned(refused) if entry.silent => {
            let error = if refused.code == 65_001 { "consent_required" } else { "interaction_required" };
            Turn::show(request.callback.error(&visit.cx, error, &refused))
        }
        Gate::Returned(refused) => Turn::show(request.callback.error(&visit.cx, refused.error, &refused)),
        Gate::Refused(refused) => {
            let seen = seen(request, details, tenant, &person);
            let seen = refused.seen.as_deref().cloned().unwrap_or(seen);
            Turn::show(visit.refused(&refused)).with(Deed::Record(seen, Some(refused)))
        }
        Gate::Open(deeds) => finish(visit, request, details, login, tenant, &person, deeds),
    }
}

fn seen(request: &Request, details: &Details, tenant: &Tenant, person: &Person) -> Seen {
    Seen {
        tenant: tenant.id.clone(),
        client: request.app.app_id.clone(),
        resource: details.scope.resource.clone(),
        person: Some(person.clone()),
        interactive: true,
        protocol: "oAuth2",
        ..Seen::default()
    }
}

/// The code and tokens that were asked for.
fn finish(
    visit: &Visit,
    request: &Request,
    details: &Details,
    login: &Login,
    tenant: &Tenant,
    person: &Person,
    deeds: Vec<Deed>,
) -> Turn {
    let cx = &visit.cx;
    let mut fields: Vec<(&str, String)> = Vec::new();
    let code = details.code.then(|| {
        cx.keys.seal(
            Kind::Code,
            &Code {
                client: request.app.app_id.clone(),
                tenant: tenant.id.clone(),
                login: login.clone(),
                redirect: request.callback.uri.clone(),
                platform: request.platform,
                scope: details.scope.raw.clone(),
                nonce: visit.param("nonce").map(str::to_owned),
                challenge: details.challenge.clone(),
                until: Code::end(cx.now),
                serial: cx.state.log.next,
            },
        )
    });
    if let Some(code) = &code {
        fields.push(("code", code.clone()));
    }
    if details.token || details.id_token {
        match tokens(visit, request, details, login, (tenant, person), code.as_deref()) {
            Ok(more) => fields.extend(more),
            Err(refused) => return Turn::show(request.callback.error(cx, refused.error, &refused)),
        }
    }
    if visit.param("client_info") == Some("1") {
        fields.push(("client_info", id_token::client_info(person)));
    }
    fields.push(("session_state", ids::guid(cx.state.seed, &["session", &login.user, &login.at.to_string()], 0)));
    let mut deeds = deeds;
    // A code is in the log when it is redeemed.
    if !details.code {
        let seen = Seen { mfa: login.mfa, ..seen(request, details, tenant, person) };
        deeds.push(Deed::Record(seen, None));
    }
    Turn { answer: request.callback.send(fields), deeds }
}

/// Tokens that come without a code's detour.
fn tokens<'f>(
    visit: &Visit,
    request: &Request,
    details: &Details,
    login: &Login,
    (tenant, person): (&Tenant, &Person),
    code: Option<&str>,
) -> Result<Vec<(&'f str, String)>, Refusal> {
    let cx = &visit.cx;
    let mut fields = Vec::new();
    if details.token {
        let ask = delegated::Ask {
            app: request.app,
            tenant,
            person,
            login,
            scope: &details.scope,
            proof: "0",
            nonce: None,
            refresh: None,
            error: "interaction_required",
            interactive: true,
            protocol: "oAuth2",
        };
        let granted = delegated::issue(cx, &ask)?;
        let text = |name: &str| granted.body[name].as_str().unwrap_or_default().to_owned();
        fields.push(("access_token", text("access_token")));
        fields.push(("token_type", "Bearer".to_owned()));
        fields.push(("expires_in", "3599".to_owned()));
        fields.push(("scope", text("scope")));
    }
    if details.id_token {
        let openid = |name: &str| details.scope.openid.contains(name);
        let wanted = id_token::Wanted {
            client: &request.app.app_id,
            nonce: visit.param("nonce"),
            code,
            email: openid("email"),
            profile: openid("profile"),
        };
        fields.push(("id_token", delegated::signed(cx.keys, &id_token::claims(cx, tenant, person, &wanted))?));
    }
    Ok(fields)
}
