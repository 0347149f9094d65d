//! Graph: create, update and delete user.
use serde_json::{Value, json};

use super::errors::Failure;
use super::privilege::{self, RESETTERS};
use super::routes::path::ME;
use super::{Ctx, Reply, deleted, passwords, people, refs, shape, users};
use crate::sandbox::clock::plus;
use crate::sandbox::facts::{GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR};
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Props, State, Tenant, User};

/// Set by the service; a body that names them is refused.
const READ_ONLY: &[&str] = &[
    "id",
    "createdDateTime",
    "deletedDateTime",
    "assignedLicenses",
    "assignedPlans",
    "provisionedPlans",
    "licenseAssignmentStates",
    "proxyAddresses",
    "imAddresses",
    "creationType",
    "externalUserState",
    "externalUserStateChangeDateTime",
    "isManagementRestricted",
    "isResourceAccount",
    "lastPasswordChangeDateTime",
    "legalAgeGroupClassification",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "securityIdentifier",
    "serviceProvisioningErrors",
    "signInActivity",
    "signInSessionsValidFromDateTime",
];

/// Graph: user, the longest value of each property.
const LONGEST: &[(&str, usize)] = &[
    ("displayName", 256),
    ("givenName", 64),
    ("surname", 64),
    ("jobTitle", 128),
    ("department", 64),
    ("companyName", 64),
    ("city", 128),
    ("state", 128),
    ("country", 128),
    ("streetAddress", 1024),
    ("postalCode", 40),
    ("officeLocation", 128),
    ("mobilePhone", 64),
    ("faxNumber", 64),
    ("employeeId", 16),
    ("mailNickname", 64),
];

/// Their change is open only to who outranks the user.
const SENSITIVE: &[&str] = &[
    "accountEnabled",
    "businessPhones",
    "mobilePhone",
    "onPremisesImmutableId",
    "otherMails",
    "passwordProfile",
    "userPrincipalName",
];

/// What users without a role may change of themselves.
const OWN: &[&str] = &[
    "aboutMe",
    "birthday",
    "businessPhones",
    "interests",
    "mobilePhone",
    "mySite",
    "pastProjects",
    "preferredLanguage",
    "preferredName",
    "responsibilities",
    "schools",
    "skills",
];

/// Permissions that open only some properties.
const PARTIAL: &[(&str, &[&str])] = &[
    ("User-Mail.ReadWrite.All", &["otherMails"]),
    ("User-PasswordProfile.ReadWrite.All", &["passwordProfile"]),
    ("User-Phone.ReadWrite.All", &["businessPhones", "mobilePhone"]),
    ("User.EnableDisableAccount.All", &["accountEnabled"]),
    ("User.ManageIdentities.All", &["identities"]),
];

fn invalid(name: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{name}' of resource 'User'."))
}

fn taken(name: &str) -> Failure {
    Failure::bad(format!("Another object with the same value for property {name} already exists."))
}

fn check_values(body: &Props) -> Result<(), Failure> {
    if let Some(name) = READ_ONLY.iter().find(|p| body.contains_key(**p)) {
        return Err(Failure::bad(format!("Property '{name}' is read-only and cannot be set.")));
    }
    for (name, longest) in LONGEST {
        match body.get(*name) {
            Some(Value::String(s)) if s.is_empty() || s.chars().count() > *longest => return Err(invalid(name)),
            Some(Value::Null) if ["displayName", "mailNickname"].contains(name) => return Err(invalid(name)),
            _ => {}
        }
    }
    for name in ["accountEnabled", "userPrincipalName"] {
        if body.get(name).is_some_and(Value::is_null) {
            return Err(invalid(name));
        }
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    // Graph: create user, the characters a nickname may not have.
    let bad = |n: &str| !n.is_ascii() || n.contains(['@', '(', ')', '\\', '[', ']', '"', ';', ':', '<', '>', ',', ' ']);
    if text("mailNickname").is_some_and(bad) {
        return Err(invalid("mailNickname"));
    }
    if text("usageLocation").is_some_and(|l| l.len() != 2 || !l.chars().all(|c| c.is_ascii_alphabetic())) {
        return Err(invalid("usageLocation"));
    }
    if text("userType").is_some_and(|t| !["Member", "Guest"].contains(&t)) {
        return Err(invalid("userType"));
    }
    if body.get("businessPhones").and_then(Value::as_array).is_some_and(|p| p.len() > 1) {
        return Err(invalid("businessPhones"));
    }
    check_choices(body)
}

/// Properties whose type is text, but whose values are few.
fn check_choices(body: &Props) -> Result<(), Failure> {
    let few: [(&str, &[&str]); 2] = [
        ("ageGroup", &["Minor", "NotAdult", "Adult"]),
        ("consentProvidedForMinor", &["Granted", "Denied", "NotRequired"]),
    ];
    for (name, choices) in few {
        if body.get(name).and_then(Value::as_str).is_some_and(|v| !choices.contains(&v)) {
            return Err(invalid(name));
        }
    }
    let policies = body.get("passwordPolicies").and_then(Value::as_str).unwrap_or("None");
    let known = ["None", "DisablePasswordExpiration", "DisableStrongPassword"];
    if !policies.is_empty() && policies.split(',').any(|p| !known.contains(&p.trim())) {
        return Err(invalid("passwordPolicies"));
    }
    let address = |v: &Value| {
        v.as_str().is_some_and(|m| m.split_once('@').is_some_and(|(l, d)| !l.is_empty() && d.contains('.')))
    };
    if body.get("mail").is_some_and(|m| !m.is_null() && !address(m)) {
        return Err(invalid("mail"));
    }
    let mails = body.get("otherMails").and_then(Value::as_array);
    if mails.is_some_and(|all| all.len() > 250 || !all.iter().all(address)) {
        return Err(invalid("otherMails"));
    }
    Ok(())
}

/// The name to sign in with: of a verified domain, and nobody else's.
fn check_upn(state: &State, tenant: &Tenant, upn: &str, own: Option<&str>) -> Result<(), Failure> {
    let malformed = || Failure::bad("Property userPrincipalName is invalid.");
    let (local, domain) = upn.split_once('@').ok_or_else(malformed)?;
    let good = |c: char| c.is_ascii_alphanumeric() || "'.-_!#^~".contains(c);
    if local.is_empty() || local.len() > 64 || !local.chars().all(good) || local.ends_with('.') || domain.contains('@')
    {
        return Err(malformed());
    }
    if !tenant.domains.iter().any(|d| d.eq_ignore_ascii_case(domain)) {
        return Err(Failure::bad(
            "The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names in your organization.",
        ));
    }
    match people::find(state, tenant, upn) {
        Some(other) if Some(other.as_str()) != own => Err(taken("userPrincipalName")),
        _ => Ok(()),
    }
}

/// What Graph keeps unique besides the name.
fn check_unique(tenant: &Tenant, body: &Props, own: Option<&str>) -> Result<(), Failure> {
    for name in ["onPremisesImmutableId", "mail"] {
        let Some(value) = body.get(name).and_then(Value::as_str) else { continue };
        let same =
            |u: &&User| Some(u.id.as_str()) != own && u.text(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        if tenant.users.values().any(|u| same(&u)) {
            return Err(taken(if name == "mail" { "proxyAddresses" } else { name }));
        }
    }
    Ok(())
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let mut body = ctx.body("user")?;
    check_values(&body)?;
    for name in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"] {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(Failure::required(name, "User"));
        }
    }
    let manager = refs::take_bound(ctx, &mut body, "manager", &["user"])?;
    let sponsors = refs::take_bound(ctx, &mut body, "sponsors", &["user", "group"])?;
    refs::drop_annotations(&mut body)?;
    let upn = take_text(&mut body, "userPrincipalName");
    check_upn(ctx.state, ctx.tenant()?, &upn, None)?;
    check_unique(ctx.tenant()?, &body, None)?;
    let password = passwords::taken(&mut body, &upn)?;
    let password = password.ok_or_else(|| Failure::bad("A password must be specified to create a new user."))?;
    body.insert("assignedLicenses".into(), json!([]));
    body.insert("lastPasswordChangeDateTime".into(), json!(ctx.now));
    let home = ctx.caller.tenant.clone();
    let user = User {
        id: ctx.state.fresh_id(&home, "user", &upn.to_ascii_lowercase()),
        display_name: take_text(&mut body, "displayName"),
        user_principal_name: upn,
        mfa: false,
        props: body,
        created: ctx.now,
        tokens_valid_from: ctx.now,
        password: Some(password),
    };
    let id = user.id.clone();
    let tenant = ctx.tenant_mut()?;
    tenant.users.insert(id.clone(), user);
    tenant.links.add_all(&id, "manager", &manager);
    tenant.links.add_all(&id, "sponsors", &sponsors);
    ctx.touch("user", &id)?;
    users::made(ctx, &id)
}

fn take_text(body: &mut Props, name: &str) -> String {
    match body.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    let mut body = ctx.body("user")?;
    need_properties(ctx, &id, &body)?;
    privilege::need_unrestricted(ctx, &id)?;
    if SENSITIVE.iter().any(|p| body.contains_key(*p)) {
        privilege::need_outranking(ctx, &id)?;
    }
    check_values(&body)?;
    let tenant = ctx.tenant()?;
    let manager = refs::take_bound(ctx, &mut body, "manager", &["user"])?;
    refs::drop_annotations(&mut body)?;
    let before = people::get(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    let old_upn = before.user_principal_name.clone();
    let upn = body.contains_key("userPrincipalName").then(|| take_text(&mut body, "userPrincipalName"));
    if let Some(upn) = &upn {
        check_upn(ctx.state, tenant, upn, Some(&id))?;
    }
    check_unique(tenant, &body, Some(&id))?;
    let name = body.contains_key("displayName").then(|| take_text(&mut body, "displayName"));
    let password = passwords::taken(&mut body, upn.as_deref().unwrap_or(&old_upn))?;
    let (home, now) = (ctx.caller.tenant.clone(), ctx.now);
    let user = people::change(ctx.state, &home, &id).ok_or_else(|| Failure::not_found(&id))?;
    user.user_principal_name = upn.unwrap_or(old_upn);
    name.into_iter().for_each(|n| user.display_name = n);
    shape::patch(&mut user.props, body);
    if let Some(password) = password {
        // Set by an administrator: whoever is signed in has to sign in again.
        passwords::set(user, password, now);
        user.tokens_valid_from = plus(now, 1);
    }
    if let Some(manager) = manager.first() {
        ctx.tenant_mut()?.links.set(&id, "manager", manager);
    }
    ctx.touch("user", &id)?;
    Ok(Answer::empty(204))
}

/// Whether the caller's permissions and roles open these properties of a user.
fn need_properties(ctx: &Ctx, id: &str, body: &Props) -> Result<(), Failure> {
    let held = ctx.caller.held();
    let holds = |p: &str| held.iter().any(|h| h == p);
    let own = ctx.caller.user.as_deref() == Some(id);
    let roles = privilege::over(ctx.tenant()?, ctx.caller, id);
    let any = |those: &[&str]| those.iter().any(|r| roles.contains(*r));
    let full = held.iter().any(|h| h.ends_with(".ReadWrite.All") && !h.starts_with("User-"))
        || (own && holds("User.ReadWrite"));
    let names = body.keys().map(|k| k.split('@').next().unwrap_or(k)).filter(|name| !name.is_empty());
    for name in names {
        let partly = PARTIAL.iter().any(|(p, names)| holds(p) && names.contains(&name));
        if !full && !partly {
            return Err(Failure::denied());
        }
        let open = match (&ctx.caller.user, name) {
            // Graph: update user, an app needs a role or its own permission to set a password.
            (None, "passwordProfile") => holds("User-PasswordProfile.ReadWrite.All") || any(RESETTERS),
            (None, _) => true,
            (Some(_), "passwordProfile") => any(RESETTERS),
            (Some(_), name) => any(users::MANAGERS) || (own && OWN.contains(&name)) || partial_role(name, &roles),
        };
        if !open {
            return Err(Failure::denied());
        }
    }
    Ok(())
}

/// Administrators of authentication manage how users are reached.
fn partial_role(name: &str, roles: &std::collections::BTreeSet<String>) -> bool {
    let some = [privilege::AUTHENTICATION_ADMINISTRATOR, privilege::PRIVILEGED_AUTHENTICATION_ADMINISTRATOR];
    let names = ["businessPhones", "mobilePhone", "otherMails", "accountEnabled", "userPrincipalName"];
    names.contains(&name) && some.iter().any(|r| roles.contains(*r))
}

/// Soft: the user goes to the deleted items.
pub fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    remove(ctx, &id)
}

/// Deletes a user that exists.
pub fn remove(ctx: &mut Ctx, id: &str) -> Reply {
    privilege::need_unrestricted(ctx, id)?;
    let tenant = ctx.tenant()?;
    let admin = privilege::is_admin(tenant, id);
    let roles = privilege::over(tenant, ctx.caller, id);
    let strong = [USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR].iter().any(|r| roles.contains(*r));
    if admin && !(strong && privilege::outranks(tenant, &roles, id)) {
        return Err(Failure::denied());
    }
    if ctx.caller.user.as_deref() == Some(id) && ctx.id(0) == ME {
        return Err(Failure::denied());
    }
    let home = ctx.caller.tenant.clone();
    // A plain user becomes one that is kept before it goes, so that it does not come back.
    people::change(ctx.state, &home, id).ok_or_else(|| Failure::not_found(id))?;
    let user = ctx.tenant_mut()?.users.remove(id).ok_or_else(|| Failure::not_found(id))?;
    deleted::bin(ctx, Gone::User(user))?;
    Ok(Answer::empty(204))
}

/// A guest that was invited.
pub fn guest(ctx: &mut Ctx, mail: &str, name: &str, kind: &str) -> Result<String, Failure> {
    let tenant = ctx.tenant()?;
    let initial = tenant.domains.last().map_or("", String::as_str);
    let local = mail.replace('@', "_") + "#EXT#";
    let props = json!({
        "userType": kind, "mail": mail, "creationType": "Invitation", "externalUserState": "PendingAcceptance",
        "externalUserStateChangeDateTime": ctx.now, "otherMails": [mail], "mailNickname": local, "assignedLicenses": [],
        "identities": [{ "signInType": "federated", "issuer": "mail", "issuerAssignedId": mail }],
    });
    let upn = format!("{local}@{initial}");
    let home = tenant.id.clone();
    let id = ctx.state.fresh_id(&home, "user", &upn.to_ascii_lowercase());
    let user = User {
        id: id.clone(),
        user_principal_name: upn,
        display_name: name.to_owned(),
        mfa: false,
        props: props.as_object().cloned().unwrap_or_default(),
        created: ctx.now,
        tokens_valid_from: ctx.now,
        password: None,
    };
    ctx.tenant_mut()?.users.insert(id.clone(), user);
    ctx.touch("user", &id)?;
    Ok(id)
}

/// A password that the service makes up: shown once.
pub fn made_up_password(state: &State, id: &str) -> String {
    format!("cnry-{}!Aa1", &ids::guid(state.seed, &["password", id], state.log.next)[..8])
}
