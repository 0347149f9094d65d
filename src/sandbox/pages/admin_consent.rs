//! Admin consent: an administrator lets an app into the whole tenant.
//! Entra: admin consent on the Microsoft identity platform; the older form asks for all that the app requires.
use super::authorize::{no_address, wrong_address};
use super::callback::{Callback, Mode};
use super::sign_in::{self, For, Signed};
use super::{Deed, Turn, Visit, gate, html};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Application, Tenant};
use crate::sandbox::sts::consent::{self, Wish};
use crate::sandbox::sts::flows::Login;
use crate::sandbox::sts::people::{self, Person};
use crate::sandbox::sts::redirects;
use crate::sandbox::sts::scope::{self, Scope};
use crate::sandbox::sts::{Realm, Refusal, client_app, delegated, device, refuse};

struct Request<'a> {
    app: &'a Application,
    realm: Realm<'a>,
    /// `None`: the app has no address to go back to.
    callback: Option<Callback>,
    wish: Wish,
    /// What the callback says was granted.
    scopes: String,
}

pub fn turn(visit: &Visit) -> Turn {
    match request(visit) {
        Err(refused) => Turn::show(visit.refused(&refused)),
        Ok(request) => signed(visit, &request),
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
    let (wish, scopes) =
        if cx.v1 { (consent::required(cx.state, app), String::new()) } else { asked(visit, app, need("scope")?)? };
    let state = visit.param("state").map(str::to_owned);
    let back = |uri: &str| Callback { uri: uri.to_owned(), mode: Mode::Query, state: state.clone() };
    let callback = match visit.param("redirect_uri") {
        Some(given) if redirects::platform(app, given).is_none() => return Err(wrong_address(app, given)),
        Some(given) => Some(back(given)),
        None => redirects::only(app).map(back),
    };
    Ok(Request { app, realm, callback, wish, scopes })
}

/// Scopes of any number of resources; `.default` is all that the app requires.
fn asked(visit: &Visit, app: &Application, raw: &str) -> Result<(Wish, String), Refusal> {
    let state = visit.cx.state;
    let mut wish = Wish::default();
    for part in raw.split_whitespace() {
        let scope = Scope::parse(state, part, &visit.cx.call.host)?;
        if scope.is_default() {
            let all = consent::required(state, app);
            wish.scopes.extend(all.scopes);
            wish.roles.extend(all.roles);
            continue;
        }
        let resource = scope.resource.clone().ok_or_else(|| Refusal::invalid_scope(raw))?;
        let names: Vec<&String> = scope.named().chain(&scope.openid).collect();
        if names.iter().any(|n| scope::delegated_scope(state, &resource, n).is_none()) {
            return Err(Refusal::invalid_scope(raw));
        }
        wish.scopes.entry(resource).or_default().extend(names.into_iter().cloned());
    }
    let uri = |resource: &String, scope: &String| match facts::resource(resource) {
        _ if scope::OPENID.contains(&scope.as_str()) => scope.clone(),
        Some(known) => format!("{}/{scope}", known.audience().trim_end_matches('/')),
        None => format!("api://{resource}/{scope}"),
    };
    let granted = wish.scopes.iter().flat_map(|(r, scopes)| scopes.iter().map(move |s| uri(r, s)));
    let mut said: Vec<String> = granted.collect();
    said.extend(raw.split_whitespace().filter(|p| p.ends_with(".default")).map(str::to_owned));
    Ok((wish, said.join(" ")))
}

fn signed(visit: &Visit, request: &Request) -> Turn {
    let what = For {
        app: request.app.display_name(),
        client: &request.app.app_id,
        resource: Some(facts::GRAPH.to_owned()),
        tenant: match &request.realm {
            Realm::Of(tenant) => Some(tenant),
            Realm::Any => None,
        },
        hint: visit.param("login_hint"),
        afresh: false,
        protocol: "oAuth2",
        along: String::new(),
    };
    match sign_in::step(visit, &what) {
        Signed::Page(turn) => turn,
        Signed::Cancelled => Turn::show(declined(visit, request)),
        Signed::In { login, proof, new } => {
            let turn = decide(visit, request, &login, &proof);
            match new {
                Some(person) => turn.with(Deed::SignedIn(login, person)),
                None => turn,
            }
        }
    }
}

fn decide(visit: &Visit, request: &Request, login: &Login, proof: &str) -> Turn {
    let state = visit.cx.state;
    let Some(person) = people::by_id(state, &login.home, &login.user) else {
        return Turn::show(visit.refused(&refuse(50_058, "login_required", "The session is of nobody.")));
    };
    let tenant = match &request.realm {
        Realm::Of(tenant) => Some(*tenant),
        Realm::Any => state.tenants.get(&person.home),
    };
    let Some(tenant) = tenant else { return Turn::show(visit.refused(&Refusal::no_tenant(&person.home))) };
    if let Err(refused) = delegated::enter(state, tenant, &person, request.app) {
        return Turn::show(visit.refused(&refused));
    }
    match visit.action() {
        Some("decline") => Turn::show(declined(visit, request)),
        _ if !consent::admin_may(state, tenant, &person, &request.wish) => {
            Turn::show(not_an_admin(visit, request, proof))
        }
        Some("accept") => accept(visit, request, tenant, &person),
        _ => Turn::show(page(visit, request, tenant, &person, proof)),
    }
}

fn page(visit: &Visit, request: &Request, tenant: &Tenant, person: &Person, proof: &str) -> Answer {
    let mut body = html::paragraph(person.upn());
    body += &html::paragraph(&format!(
        "If you accept, {} gets access to these resources for all users in {}. No one else will be prompted to review these permissions.",
        request.app.display_name(),
        tenant.display_name
    ));
    body += &gate::permissions(&request.wish);
    body += &visit.form(Some(proof));
    body += &html::button("action", "accept", "Accept");
    body += &html::button("action", "decline", "Cancel");
    html::page(200, "Permissions requested. Review for your organization", &(body + "</form>"))
}

/// Entra: AADSTS90094.
fn not_an_admin(visit: &Visit, request: &Request, proof: &str) -> Answer {
    let mut body = html::alert(&format!(
        "{} needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it. (AADSTS90094)",
        request.app.display_name()
    ));
    body += &visit.form(Some(proof));
    body += &html::button("action", "decline", "Return to the application without granting consent");
    html::page(403, "Need admin approval", &(body + "</form>"))
}

fn accept(visit: &Visit, request: &Request, tenant: &Tenant, person: &Person) -> Turn {
    let lacking = request.wish.resources().find(|id| tenant.principal_of(id).is_none());
    if let Some(resource) = lacking {
        let text = format!(
            "The app needs access to a service ('{resource}') that your organization '{}' has not subscribed to or enabled. Contact your IT Admin to review the configuration of your service subscriptions.",
            tenant.id
        );
        return Turn::show(visit.refused(&refuse(650_052, "invalid_client", text)));
    }
    let deed = Deed::Grant {
        tenant: tenant.id.clone(),
        app: request.app.app_id.clone(),
        wish: request.wish.clone(),
        all: true,
        by: person.clone(),
    };
    let Some(callback) = &request.callback else {
        // It was granted; there is only nowhere to say so.
        return Turn::show(visit.refused(&no_address())).with(deed);
    };
    let mut fields = vec![("admin_consent", "True".to_owned()), ("tenant", tenant.id.clone())];
    if !visit.cx.v1 {
        fields.push(("scope", request.scopes.clone()));
    }
    Turn::show(callback.send(fields)).with(deed)
}

fn declined(visit: &Visit, request: &Request) -> Answer {
    let refused = gate::declined();
    let Some(callback) = &request.callback else { return visit.refused(&refused) };
    let text = refused.description(visit.cx.state, visit.cx.call, visit.cx.now);
    let error = if visit.cx.v1 { "permission_denied" } else { "access_denied" };
    let mut fields = vec![("error", error.to_owned()), ("error_description", text)];
    if !visit.cx.v1 {
        fields.insert(0, ("admin_consent", "True".to_owned()));
        fields.push(("error_subcode", "cancel".to_owned()));
    }
    callback.send(fields)
}
