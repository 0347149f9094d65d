//! Where a person types the code that a device shows.
use super::gate::{self, Gate, Wanted};
use super::sign_in::{self, For, Signed};
use super::{Deed, Turn, Visit, html};
use crate::sandbox::http::Answer;
use crate::sandbox::state::Application;
use crate::sandbox::sts::flows::{Device, Login, Outcome};
use crate::sandbox::sts::people;
use crate::sandbox::sts::scope::Scope;
use crate::sandbox::sts::{Refusal, client_app, refuse};

fn code_page(visit: &Visit, wrong: Option<&str>) -> Answer {
    let given = visit.param("otc").or_else(|| visit.param("user_code")).unwrap_or_default();
    let mut body = html::paragraph("Enter the code displayed on your app or device.");
    body += &wrong.map(html::alert).unwrap_or_default();
    body += &visit.form(None);
    body += &html::field("text", "otc", "Code", given);
    body += "<button type=\"submit\">Next</button></form>";
    html::page(200, "Enter code", &body)
}

pub fn turn(visit: &Visit) -> Turn {
    if !visit.is_post() {
        return Turn::show(code_page(visit, None));
    }
    let given: String =
        visit.cx.form.get("otc").unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    let known = visit.cx.state.flows.devices.get(&given.to_ascii_uppercase());
    let Some(device) = known.filter(|d| d.until > visit.cx.now && d.outcome.is_none()) else {
        let text = "That code didn't work. Check the code and try again. (AADSTS70018)";
        return Turn::show(code_page(visit, Some(text)));
    };
    let Some(app) = client_app(visit.cx.state, &device.client) else {
        return Turn::show(visit.refused(&Refusal::not_in_tenant(&device.tenant, &device.client)));
    };
    match Scope::parse(visit.cx.state, &device.scope, &visit.cx.call.host) {
        Ok(scope) => signed(visit, device, app, &scope),
        Err(refused) => Turn::show(visit.refused(&refused)),
    }
}

fn signed(visit: &Visit, device: &Device, app: &Application, scope: &Scope) -> Turn {
    let what = For {
        app: app.display_name(),
        client: &app.app_id,
        resource: scope.resource.clone(),
        tenant: visit.cx.state.tenant_named(&device.tenant),
        hint: None,
        // Whoever holds the device need not be whoever used this browser last.
        afresh: true,
        protocol: "deviceCode",
        along: html::hidden("otc", &device.user_code),
    };
    match sign_in::step(visit, &what) {
        Signed::Page(turn) => turn,
        Signed::Cancelled => declined(device),
        Signed::In { login, proof, new } => {
            let turn = enter(visit, &what, device, app, scope, &login, &proof);
            match new {
                Some(person) => turn.with(Deed::SignedIn(login, person)),
                None => turn,
            }
        }
    }
}

fn declined(device: &Device) -> Turn {
    let page =
        html::page(200, "You cancelled", &html::paragraph("The device was not signed in. You may close this window."));
    Turn::show(page).with(Deed::Device(device.user_code.clone(), Outcome::Declined))
}

fn enter(
    visit: &Visit,
    what: &For,
    device: &Device,
    app: &Application,
    scope: &Scope,
    login: &Login,
    proof: &str,
) -> Turn {
    let state = visit.cx.state;
    let person = people::by_id(state, &login.home, &login.user);
    let tenant = what.tenant.or_else(|| state.tenants.get(&login.home));
    let (Some(person), Some(tenant)) = (person, tenant) else {
        return Turn::show(visit.refused(&refuse(50_058, "login_required", "The session is of nobody.")));
    };
    let wanted = Wanted {
        app,
        tenant,
        person: &person,
        login,
        scope,
        protocol: "deviceCode",
        consent: false,
        silent: false,
        proof,
    };
    match gate::pass(visit, what, &wanted) {
        Gate::Page(turn) => turn,
        Gate::Declined => declined(device),
        Gate::Refused(refused) | Gate::Returned(refused) => {
            let page = Turn::show(visit.refused(&refused));
            match refused.seen.as_deref().cloned() {
                Some(seen) => page.with(Deed::Record(seen, Some(refused))),
                None => page,
            }
        }
        // Consenting is more than continuing, so nobody is asked twice.
        Gate::Open(deeds) if visit.action() != Some("continue") && deeds.is_empty() => {
            Turn::show(confirm(visit, what, proof))
        }
        Gate::Open(mut deeds) => {
            deeds.push(Deed::Device(
                device.user_code.clone(),
                Outcome::Approved { login: login.clone(), tenant: tenant.id.clone() },
            ));
            let text = format!(
                "You have signed in to the {} application on your device. You may now close this window.",
                what.app
            );
            Turn { answer: html::page(200, what.app, &html::paragraph(&text)), deeds }
        }
    }
}

fn confirm(visit: &Visit, what: &For, proof: &str) -> Answer {
    let mut body = html::paragraph("Only continue if you got the code from an app that you trust.");
    body += &visit.form(Some(proof));
    body += &what.along;
    body += &html::button("action", "continue", "Continue");
    body += &html::button("action", "cancel", "Cancel");
    html::page(200, &format!("Are you trying to sign in to {}?", what.app), &(body + "</form>"))
}
