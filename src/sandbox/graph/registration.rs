//! Graph: userRegistrationDetails, the report of who has registered which authentication methods.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, authentication, people, privilege, shape};
use crate::sandbox::facts::GLOBAL_ADMINISTRATOR;
use crate::sandbox::state::{State, Tenant, User};

const REPORT: &str = "/reports/authenticationMethods/userRegistrationDetails";
const DETAILS: &str = "userRegistrationDetails";

const REPORTERS: &[&str] = &[
    privilege::REPORTS_READER,
    "5d6b6bb7-de71-4623-b4af-96380a352509",
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
    privilege::GLOBAL_READER,
    GLOBAL_ADMINISTRATOR,
];

pub fn routes(to: &mut Routes) {
    to.read(REPORT, "list-registration-details", DETAILS, report).by(REPORTERS);
    to.read(format!("{REPORT}/{{id}}"), "get-registration-details", DETAILS, report_of).by(REPORTERS);
}

/// What a method is called in the report.
fn reported(of: &str) -> Option<&'static str> {
    Some(match of {
        "microsoftAuthenticatorAuthenticationMethod" => "microsoftAuthenticatorPush",
        "phoneAuthenticationMethod" => "mobilePhone",
        "emailAuthenticationMethod" => "email",
        "fido2AuthenticationMethod" => "fido2SecurityKey",
        "softwareOathAuthenticationMethod" => "softwareOneTimePasscode",
        "temporaryAccessPassAuthenticationMethod" => "temporaryAccessPass",
        "windowsHelloForBusinessAuthenticationMethod" => "windowsHelloForBusiness",
        _ => return None,
    })
}

fn registration(state: &State, tenant: &Tenant, u: &User) -> Value {
    let all = authentication::methods(state, tenant, u);
    let names: Vec<&str> = all.iter().filter_map(|(of, _)| reported(of)).collect();
    let has = |these: &[&str]| names.iter().any(|n| these.contains(n));
    let mfa = has(&[
        "microsoftAuthenticatorPush",
        "mobilePhone",
        "fido2SecurityKey",
        "softwareOneTimePasscode",
        "windowsHelloForBusiness",
    ]);
    let preferred = if has(&["microsoftAuthenticatorPush"]) {
        "push"
    } else if has(&["mobilePhone"]) {
        "sms"
    } else {
        "none"
    };
    let reset = has(&["microsoftAuthenticatorPush", "mobilePhone", "email"]);
    json!({
        "id": u.id, "userPrincipalName": u.user_principal_name, "userDisplayName": u.display_name,
        "userType": if u.is_guest() { "guest" } else { "member" }, "isAdmin": privilege::is_admin(tenant, &u.id),
        "isMfaRegistered": mfa, "isMfaCapable": mfa, "isPasswordlessCapable": has(&["fido2SecurityKey", "windowsHelloForBusiness"]),
        "isSsprRegistered": reset, "isSsprEnabled": false, "isSsprCapable": false, "methodsRegistered": names,
        "isSystemPreferredAuthenticationMethodEnabled": true, "systemPreferredAuthenticationMethods": [],
        "userPreferredMethodForSecondaryAuthentication": preferred, "lastUpdatedDateTime": u.tokens_valid_from,
    })
}

fn report(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let items =
        people::all(ctx.state, tenant).map(|u| shape::filled(DETAILS, registration(ctx.state, tenant, &u))).collect();
    let how = List { of: DETAILS, context: &REPORT[1..], default_top: 100, max_top: 999, directory: false };
    query::list(ctx, &how, items)
}

fn report_of(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let tenant = ctx.tenant()?;
    let user = people::get(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    let item = shape::filled(DETAILS, registration(ctx.state, tenant, &user));
    query::single(ctx, DETAILS, &REPORT[1..], item, 200)
}
