//! Between signing in and a token: may this person come in, do the tenant's policies agree, was it consented to?
use super::sign_in::{self, For};
use super::{Deed, Turn, Visit, html};
use crate::sandbox::facts;
use crate::sandbox::state::{Application, Tenant};
use crate::sandbox::sts::consent::{self, Wish};
use crate::sandbox::sts::flows::Login;
use crate::sandbox::sts::people::Person;
use crate::sandbox::sts::scope::Scope;
use crate::sandbox::sts::{Refusal, delegated, refuse};

/// What a person wants to sign in to.
pub struct Wanted<'a> {
    pub app: &'a Application,
    pub tenant: &'a Tenant,
    pub person: &'a Person,
    pub login: &'a Login,
    pub scope: &'a Scope,
    pub protocol: &'static str,
    /// Consent is asked for although it was given.
    pub consent: bool,
    /// Nobody may be asked anything.
    pub silent: bool,
    pub proof: &'a str,
}

pub enum Gate {
    /// Come in; what was just consented to is granted with it.
    Open(Vec<Deed>),
    Page(Turn),
    /// The person said no.
    Declined,
    /// Told on a page: nothing of it is the client's business.
    Refused(Refusal),
    /// Told to the client.
    Returned(Refusal),
}

pub fn pass(visit: &Visit, what: &For, wanted: &Wanted) -> Gate {
    let ask = delegated::Ask {
        app: wanted.app,
        tenant: wanted.tenant,
        person: wanted.person,
        login: wanted.login,
        scope: wanted.scope,
        proof: "0",
        nonce: None,
        refresh: None,
        error: "interaction_required",
        interactive: true,
        protocol: wanted.protocol,
    };
    let mut seen = ask.seen();
    let state = visit.cx.state;
    if let Err(refused) = delegated::enter(state, wanted.tenant, wanted.person, wanted.app) {
        return Gate::Refused(refused.of(&seen));
    }
    if let Err(refused) = delegated::check_policies(state, &ask, &mut seen) {
        if sign_in::is_step_up(&refused) && wanted.person.user.mfa && !wanted.silent {
            return Gate::Page(sign_in::step_up(visit, what, wanted.person));
        }
        return Gate::Refused(refused.of(&seen));
    }
    agree(visit, what, wanted)
}

/// Consent, where something is missing.
fn agree(visit: &Visit, what: &For, wanted: &Wanted) -> Gate {
    let state = visit.cx.state;
    let (app, tenant) = (wanted.app, wanted.tenant);
    if wanted.scope.resource.as_deref().is_none_or(|id| tenant.principal_of(id).is_none()) {
        return Gate::Returned(wanted.scope.no_resource(tenant));
    }
    let Some(mut wish) = consent::missing(state, tenant, app, wanted.person, wanted.scope) else {
        return Gate::Returned(unknown_scope(wanted));
    };
    if wanted.consent && wish.is_empty() {
        wish = asked(wanted);
    }
    if wish.is_empty() {
        return Gate::Open(Vec::new());
    }
    if wanted.silent {
        return Gate::Returned(Refusal::no_consent(&app.app_id, app.display_name()));
    }
    let admin = consent::admin_may(state, tenant, wanted.person, &wish);
    match visit.action() {
        Some("decline") => Gate::Declined,
        _ if !admin && !consent::user_may(state, tenant, &wish) => {
            Gate::Page(Turn::show(approval_needed(visit, what, wanted)))
        }
        Some("accept") => {
            let all = admin && visit.cx.form.get("organization").is_some();
            let (tenant, app) = (tenant.id.clone(), app.app_id.clone());
            Gate::Open(vec![Deed::Grant { tenant, app, wish, all, by: wanted.person.clone() }])
        }
        _ => Gate::Page(Turn::show(page(visit, what, wanted, &wish, admin))),
    }
}

fn asked(wanted: &Wanted) -> Wish {
    let mut wish = Wish::default();
    if let Some(resource) = &wanted.scope.resource {
        let names = wanted.scope.named().chain(&wanted.scope.openid).cloned();
        wish.scopes.insert(resource.clone(), names.collect());
    }
    wish
}

fn unknown_scope(wanted: &Wanted) -> Refusal {
    let text = format!(
        "The application '{}' asked for scope '{}' that doesn't exist on the resource '{}'. Contact the app vendor.",
        wanted.app.display_name(),
        wanted.scope.raw,
        wanted.scope.uri
    );
    Refusal::new(400, "invalid_client", 650_053, text)
}

/// Permissions by name, those of a resource together.
pub fn permissions(wish: &Wish) -> String {
    let name = |id: &str| facts::resource(id).map_or_else(|| id.to_owned(), |r| r.display_name.clone());
    let mut text = String::new();
    for (resource, scopes) in wish.scopes.iter().filter(|(_, s)| !s.is_empty()) {
        text += &format!("<h2>{}, as the signed-in user</h2>", html::escape(&name(resource)));
        text += &html::list(scopes.iter().map(String::as_str));
    }
    for (resource, roles) in wish.roles.iter().filter(|(_, r)| !r.is_empty()) {
        text += &format!("<h2>{}, as the app itself</h2>", html::escape(&name(resource)));
        text += &html::list(roles.values().map(String::as_str));
    }
    text
}

fn page(visit: &Visit, what: &For, wanted: &Wanted, wish: &Wish, admin: bool) -> crate::sandbox::http::Answer {
    let mut body = html::paragraph(wanted.person.upn());
    body += &html::paragraph(&format!("{} would like to:", wanted.app.display_name()));
    body += &permissions(wish);
    body += &visit.form(Some(wanted.proof));
    body += &what.along;
    if admin {
        body += "<p><input type=\"checkbox\" id=\"organization\" name=\"organization\" value=\"on\"> <label for=\"organization\" style=\"display:inline\">Consent on behalf of your organization</label></p>";
    }
    body += &html::button("action", "accept", "Accept");
    body += &html::button("action", "decline", "Cancel");
    html::page(200, "Permissions requested", &(body + "</form>"))
}

/// Entra: AADSTS90094, said on the page.
fn approval_needed(visit: &Visit, what: &For, wanted: &Wanted) -> crate::sandbox::http::Answer {
    let mut body = html::paragraph(wanted.person.upn());
    body += &html::alert(&format!(
        "{} needs permission to access resources in your organization that only an admin can grant. Please ask an admin to grant permission to this app before you can use it. (AADSTS90094)",
        wanted.app.display_name()
    ));
    body += &visit.form(Some(wanted.proof));
    body += &what.along;
    body += &html::button("action", "decline", "Return to the application without granting consent");
    html::page(200, "Need admin approval", &(body + "</form>"))
}

/// What the client hears when the person said no.
pub fn declined() -> Refusal {
    let text = "User declined to consent to access the app.";
    refuse(65_004, "access_denied", text)
}
