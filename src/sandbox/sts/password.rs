//! Resource owner password credentials: a program that knows a person's password.
use super::delegated::{self, Ask};
use super::flows::Login;
use super::scope::Scope;
use super::{Cx, Granted, Refusal, client, device, grant, people, refuse};
use crate::sandbox::ids;
use crate::sandbox::keys::Refresh;
use crate::sandbox::state::User;

pub const WRONG: &str = "Error validating credentials due to invalid username or password.";

/// Whether a password is the user's; who has none cannot give it.
pub fn is_right(user: &User, password: &str) -> bool {
    user.password.as_ref().is_some_and(|hash| *hash == ids::secret_hash(password))
}

/// Entra: AADSTS50126 wrong, 50076 a second factor is needed, which nobody can give here.
pub fn redeem(cx: &Cx, client_id: &str) -> Result<Granted, Refusal> {
    let name = cx.form.need("username")?;
    let password = cx.form.need("password")?;
    let named = cx.tenant_name();
    let realm = cx.realm()?;
    let app = grant::application(cx, named, client_id)?;
    device::check_app(cx, app, &realm)?;
    let proof = client::public_or(cx, app, grant::home_of(cx, app)?, client::is_public(app))?;
    let home = grant::home_of(cx, app)?;
    let person = people::named(cx.state, name).ok_or_else(|| Refusal::no_user(name, cx.tenant().unwrap_or(home)))?;
    let tenant = cx.tenant_for(realm, &person.home)?;
    let scope = Scope::of_form(cx.state, cx.form, &cx.call.host)?;
    let login = Login { user: person.user.id.clone(), home: person.home.clone(), mfa: false, at: cx.now.as_second() };
    let refresh = (cx.v1 || scope.openid.contains("offline_access"))
        .then(|| Refresh { public: proof == client::NOTHING, ..Refresh::default() });
    let ask = Ask {
        app,
        tenant,
        person: &person,
        login: &login,
        scope: &scope,
        proof,
        nonce: None,
        refresh,
        error: "invalid_grant",
        interactive: true,
        protocol: "ropc",
    };
    check(&ask, password).map_err(|r| r.of(&ask.seen()))?;
    delegated::issue(cx, &ask)
}

fn check(ask: &Ask, password: &str) -> Result<(), Refusal> {
    if !is_right(&ask.person.user, password) {
        return Err(refuse(50_126, "invalid_grant", WRONG));
    }
    if !ask.person.is_enabled() {
        return Err(refuse(50_057, "invalid_grant", "The user account is disabled."));
    }
    if ask.person.user.mfa {
        let needed = super::sign_in::refusal(super::conditional_access::Verdict::NeedsMfa, ask.error, true);
        return needed.map_or(Ok(()), Err);
    }
    Ok(())
}
