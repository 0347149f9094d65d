//! Graph: authentication methods of users.
use serde_json::{Value, json};

use super::errors::Failure;
use super::privilege::{self, AUTHENTICATION_ADMINISTRATOR, GLOBAL_READER, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR};
use super::query::{self, List};
use super::routes::{Handler, Routes};
use super::{Ctx, Reply, passwords, people, shape, user_changes};
use crate::sandbox::clock::plus;
use crate::sandbox::facts::GLOBAL_ADMINISTRATOR;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{State, Tenant, User};

/// A kind of method: its type, its collection, and the id that its only object has everywhere.
struct Kind {
    of: &'static str,
    path: &'static str,
    one: &'static str,
    fixed_id: Option<&'static str>,
}

const PASSWORD: &str = "28c10230-6103-485e-b985-444c60001490";
const EMAIL: &str = "3ddfcfc8-9383-446f-83cc-3ab9be4be18f";

const fn kind(of: &'static str, path: &'static str, one: &'static str, fixed_id: Option<&'static str>) -> Kind {
    Kind { of, path, one, fixed_id }
}

static KINDS: &[Kind] = &[
    kind("passwordAuthenticationMethod", "passwordMethods", "password-method", Some(PASSWORD)),
    kind("phoneAuthenticationMethod", "phoneMethods", "phone-method", None),
    kind("emailAuthenticationMethod", "emailMethods", "email-method", Some(EMAIL)),
    kind("microsoftAuthenticatorAuthenticationMethod", "microsoftAuthenticatorMethods", "authenticator-method", None),
    kind("fido2AuthenticationMethod", "fido2Methods", "fido2-method", None),
    kind("softwareOathAuthenticationMethod", "softwareOathMethods", "software-oath-method", None),
    kind("temporaryAccessPassAuthenticationMethod", "temporaryAccessPassMethods", "access-pass-method", None),
    kind("windowsHelloForBusinessAuthenticationMethod", "windowsHelloForBusinessMethods", "hello-method", None),
];

const READERS: &[&str] =
    &[GLOBAL_READER, AUTHENTICATION_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR];
const WRITERS: &[&str] = &[AUTHENTICATION_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR];

const BASE: &str = "/users/{key}/authentication";
const ANY: &str = "authenticationMethod";

pub fn routes(to: &mut Routes) {
    to.read(format!("{BASE}/methods"), "list-methods", ANY, list_all).by(READERS).or_owner();
    to.read(format!("{BASE}/methods/{{id}}"), "get-method", ANY, get_any).by(READERS).or_owner();
    to.write("POST", format!("{BASE}/methods/{{id}}/resetPassword"), "reset-password", ANY, reset_password)
        .by(privilege::RESETTERS);
    for k in KINDS {
        let (all, one) = (format!("{BASE}/{}", k.path), format!("{BASE}/{}/{{id}}", k.path));
        to.read(all.clone(), format!("list-{}s", k.one), k.of, list).by(READERS).or_owner();
        to.read(one.clone(), format!("get-{}", k.one), k.of, get).by(READERS).or_owner();
        let make: Option<Handler> = match k.path {
            "phoneMethods" => Some(add_phone),
            "emailMethods" => Some(add_email),
            "temporaryAccessPassMethods" => Some(add_pass),
            _ => None,
        };
        if let Some(make) = make {
            to.write("POST", all, format!("create-{}", k.one), k.of, make).by(WRITERS).or_owner();
        }
        if ["phoneMethods", "emailMethods"].contains(&k.path) {
            to.write("PATCH", one.clone(), format!("update-{}", k.one), k.of, update).by(WRITERS).or_owner();
        }
        if k.path != "passwordMethods" {
            to.write("DELETE", one, format!("delete-{}", k.one), k.of, delete).by(WRITERS).or_owner();
        }
    }
}

/// The kind that a route is about.
fn of_route(ctx: &Ctx) -> Result<&'static Kind, Failure> {
    let word = ctx.route.pattern.split('/').nth(4).unwrap_or_default();
    KINDS.iter().find(|k| k.path == word).ok_or_else(|| Failure::segment(word))
}

fn shelf(user: &str) -> String {
    format!("{user}/authentication")
}

/// Shows a method with its type.
fn typed(of: &str, mut props: Value) -> Value {
    props["@odata.type"] = json!(format!("#microsoft.graph.{of}"));
    shape::filled(of, props)
}

/// A method and its type.
pub type Method = (&'static str, Value);

/// All methods of a user: what everybody has, what comes with the persona, and what was registered.
pub fn methods(state: &State, tenant: &Tenant, u: &User) -> Vec<Method> {
    let kept = tenant.shelves.get(&shelf(&u.id));
    let gone = |id: &str| kept.and_then(|s| s.get(id)).is_some_and(|i| i.props.contains_key("removed"));
    let changed = u.props.get("lastPasswordChangeDateTime").cloned().unwrap_or(json!(u.created));
    let mut all = vec![("passwordAuthenticationMethod", json!({ "id": PASSWORD, "createdDateTime": changed }))];
    if u.mfa {
        let id = ids::guid(state.seed, &[&tenant.id, "authenticator", &u.id], 0);
        if !gone(&id) {
            let app = json!({ "id": id, "createdDateTime": u.created, "displayName": "Phone", "deviceTag": "SoftwareTokenActivated", "phoneAppVersion": "6.2401.0119" });
            all.push(("microsoftAuthenticatorAuthenticationMethod", app));
        }
    }
    for item in kept.into_iter().flat_map(|s| s.values()).filter(|i| !i.props.contains_key("removed")) {
        let of = item.props.get("of").and_then(Value::as_str).unwrap_or_default();
        let Some(kind) = KINDS.iter().find(|k| k.of == of) else { continue };
        let mut props = item.props.clone();
        props.remove("of");
        props.insert("id".into(), json!(item.id));
        props.insert("createdDateTime".into(), json!(item.created));
        all.push((kind.of, Value::Object(props)));
    }
    all.into_iter().map(|(of, m)| (of, typed(of, m))).collect()
}

fn of_user(ctx: &Ctx) -> Result<(String, Vec<Method>), Failure> {
    let id = ctx.found("user", 0)?;
    let tenant = ctx.tenant()?;
    let user = people::get(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    let all = methods(ctx.state, tenant, &user);
    Ok((id, all))
}

fn bare(mut item: Value) -> Value {
    item.as_object_mut().map(|o| o.remove("@odata.type"));
    item
}

fn context(user: &str, path: &str) -> String {
    format!("users('{user}')/authentication/{path}")
}

fn plain_list<'a>(of: &'a str, context: &'a str) -> List<'a> {
    List { of, context, default_top: 100, max_top: 999, directory: false }
}

fn list_all(ctx: &mut Ctx) -> Reply {
    let (user, all) = of_user(ctx)?;
    let items = all.into_iter().map(|(_, m)| m).collect();
    query::list(ctx, &plain_list(ANY, &context(&user, "methods")), items)
}

fn missing(id: &str) -> Failure {
    Failure::new(
        404,
        "resourceNotFound",
        format!("Resource not found: the authentication method '{id}' does not exist."),
    )
}

fn get_any(ctx: &mut Ctx) -> Reply {
    let (user, all) = of_user(ctx)?;
    let id = ctx.id(1);
    let hit = all.into_iter().find(|(_, m)| m["id"].as_str() == Some(&id)).ok_or_else(|| missing(&id))?;
    query::single(ctx, ANY, &context(&user, "methods"), hit.1, 200)
}

fn list(ctx: &mut Ctx) -> Reply {
    let kind = of_route(ctx)?;
    let (user, all) = of_user(ctx)?;
    let items = all.into_iter().filter(|(of, _)| *of == kind.of).map(|(_, m)| bare(m)).collect();
    query::list(ctx, &plain_list(kind.of, &context(&user, kind.path)), items)
}

fn found(ctx: &Ctx) -> Result<(String, Value), Failure> {
    let kind = of_route(ctx)?;
    let (user, all) = of_user(ctx)?;
    let id = ctx.id(1);
    let same = |m: &Value| m["id"].as_str().is_some_and(|i| i.eq_ignore_ascii_case(&id));
    let hit = all.into_iter().find(|(of, m)| *of == kind.of && same(m)).ok_or_else(|| missing(&id))?;
    Ok((user, hit.1))
}

fn get(ctx: &mut Ctx) -> Reply {
    let kind = of_route(ctx)?;
    let (user, item) = found(ctx)?;
    query::single(ctx, kind.of, &context(&user, kind.path), bare(item), 200)
}

/// Graph: phoneAuthenticationMethod, each type of phone has an id of its own.
fn phone_id(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "mobile" => "3179e48a-750b-4051-897c-87b9720928f7",
        "alternateMobile" => "b6332ec1-7057-4abe-9331-3d72feddfe41",
        "office" => "e37fc753-ff3b-4958-9484-eaa9425c82bc",
        _ => return None,
    })
}

/// Country code and number: `+1 2065555555`, with an extension perhaps.
fn is_phone(number: &str) -> bool {
    number.strip_prefix('+').and_then(|n| n.split_once(' ')).is_some_and(|(country, rest)| {
        let digits = rest.split('x').next().unwrap_or_default();
        (1..=3).contains(&country.len())
            && country.chars().all(|c| c.is_ascii_digit())
            && digits.len() >= 4
            && digits.chars().all(|c| c.is_ascii_digit())
    })
}

fn invalid(name: &str) -> Failure {
    Failure::new(400, "invalidRequest", format!("Invalid value specified for property '{name}'."))
}

/// Keeps a method of a user, and answers it.
fn keep(ctx: &mut Ctx, user: &str, id: &str, of: &'static Kind, props: Value) -> Reply {
    privilege::need_outranking(ctx, user)?;
    let mut props = props.as_object().cloned().unwrap_or_default();
    props.insert("of".into(), json!(of.of));
    let item = Item { id: id.to_owned(), props: props.clone(), created: ctx.now, modified: ctx.now };
    ctx.tenant_mut()?.shelves.entry(shelf(user)).or_default().insert(id.to_owned(), item);
    props.remove("of");
    props.insert("id".into(), json!(id));
    props.insert("createdDateTime".into(), json!(ctx.now));
    let shown = shape::complete(of.of, props);
    query::single(ctx, of.of, &context(user, of.path), shown, 201)
}

fn taken(ctx: &Ctx, user: &str, id: &str) -> bool {
    let kept = ctx.tenant().ok().and_then(|t| t.shelves.get(&shelf(user))).and_then(|s| s.get(id));
    kept.is_some_and(|i| !i.props.contains_key("removed"))
}

fn exists(what: &str) -> Failure {
    Failure::new(400, "invalidRequest", format!("The user already has a method of this kind: {what}."))
}

fn add_phone(ctx: &mut Ctx) -> Reply {
    let (kind, body) = (of_route(ctx)?, ctx.body("phoneAuthenticationMethod")?);
    let user = ctx.found("user", 0)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let number = text("phoneNumber").filter(|n| is_phone(n)).ok_or_else(|| invalid("phoneNumber"))?;
    let of = text("phoneType").ok_or_else(|| invalid("phoneType"))?;
    let id = phone_id(of).ok_or_else(|| invalid("phoneType"))?;
    if taken(ctx, &user, id) {
        return Err(exists(of));
    }
    let sms = if of == "mobile" { "ready" } else { "notSupported" };
    keep(ctx, &user, id, kind, json!({ "phoneNumber": number, "phoneType": of, "smsSignInState": sms }))
}

fn add_email(ctx: &mut Ctx) -> Reply {
    let (kind, body) = (of_route(ctx)?, ctx.body("emailAuthenticationMethod")?);
    let user = ctx.found("user", 0)?;
    let mail = body.get("emailAddress").and_then(Value::as_str).filter(|m| m.contains('@'));
    let mail = mail.ok_or_else(|| invalid("emailAddress"))?;
    let id = kind.fixed_id.unwrap_or_default();
    if taken(ctx, &user, id) {
        return Err(exists("email"));
    }
    keep(ctx, &user, id, kind, json!({ "emailAddress": mail }))
}

/// Graph: create temporaryAccessPassMethod. The pass is shown once; only its hash is kept.
fn add_pass(ctx: &mut Ctx) -> Reply {
    let (kind, body) = (of_route(ctx)?, ctx.body("temporaryAccessPassAuthenticationMethod")?);
    let user = ctx.found("user", 0)?;
    let minutes = body.get("lifetimeInMinutes").and_then(Value::as_i64).unwrap_or(60);
    if !(10..=43_200).contains(&minutes) {
        return Err(invalid("lifetimeInMinutes"));
    }
    let id = ctx.state.fresh_id(&ctx.caller.tenant, "access pass", &user);
    let pass = format!("cnry-{}", &ids::guid(ctx.state.seed, &["access pass", &id], ctx.state.log.next)[..8]);
    let start = body.get("startDateTime").cloned().unwrap_or(json!(ctx.now));
    let usable = start.as_str().and_then(|s| s.parse::<jiff::Timestamp>().ok()).is_none_or(|s| s <= ctx.now);
    let once = body.get("isUsableOnce").cloned().unwrap_or(json!(false));
    let props = json!({
        "startDateTime": start, "lifetimeInMinutes": minutes, "isUsableOnce": once, "isUsable": usable,
        "methodUsabilityReason": if usable { "EnabledByPolicy" } else { "NotYetValid" },
    });
    let mut answer = keep(ctx, &user, &id, kind, props)?;
    let kept = ctx.tenant_mut()?.shelves.get_mut(&shelf(&user)).and_then(|s| s.get_mut(&id));
    kept.into_iter().for_each(|item| drop(item.props.insert("hash".into(), json!(ids::secret_hash(&pass)))));
    if let crate::sandbox::http::Body::Json(body) = &mut answer.body {
        body["temporaryAccessPass"] = json!(pass);
    }
    Ok(answer)
}

fn update(ctx: &mut Ctx) -> Reply {
    let kind = of_route(ctx)?;
    let body = ctx.body(kind.of)?;
    let (user, item) = found(ctx)?;
    privilege::need_outranking(ctx, &user)?;
    let id = item["id"].as_str().unwrap_or_default().to_owned();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if text("phoneNumber").is_some_and(|n| !is_phone(n)) {
        return Err(invalid("phoneNumber"));
    }
    if text("phoneType").is_some_and(|t| phone_id(t) != Some(&id)) {
        return Err(invalid("phoneType"));
    }
    let now = ctx.now;
    if let Some(kept) = ctx.tenant_mut()?.shelves.get_mut(&shelf(&user)).and_then(|s| s.get_mut(&id)) {
        shape::patch(&mut kept.props, body);
        kept.modified = now;
    }
    Ok(Answer::empty(204))
}

fn delete(ctx: &mut Ctx) -> Reply {
    let (user, item) = found(ctx)?;
    privilege::need_outranking(ctx, &user)?;
    let id = item["id"].as_str().unwrap_or_default().to_owned();
    let now = ctx.now;
    let shelf = ctx.tenant_mut()?.shelves.entry(shelf(&user)).or_default();
    // What comes with the persona is remembered as removed.
    if shelf.remove(&id).is_none() {
        let props = json!({ "removed": true }).as_object().cloned().unwrap_or_default();
        shelf.insert(id.clone(), Item { id, props, created: now, modified: now });
    }
    ctx.tenant_mut()?.shelves.retain(|_, s| !s.is_empty());
    Ok(Answer::empty(204))
}

/// Graph: authenticationMethod resetPassword. Without a new password one is made up and answered.
fn reset_password(ctx: &mut Ctx) -> Reply {
    let user = ctx.found("user", 0)?;
    if ctx.id(1) != PASSWORD {
        return Err(missing(&ctx.id(1)));
    }
    privilege::need_outranking(ctx, &user)?;
    let body = if ctx.call.body.is_empty() { json!({}) } else { ctx.json()? };
    let given = body.get("newPassword").and_then(Value::as_str).filter(|p| !p.is_empty()).map(str::to_owned);
    let made = given.clone().unwrap_or_else(|| user_changes::made_up_password(ctx.state, &user));
    let (home, now) = (ctx.caller.tenant.clone(), ctx.now);
    let kept = people::change(ctx.state, &home, &user).ok_or_else(|| Failure::not_found(&user))?;
    if !passwords::is_strong(&made, &kept.user_principal_name) {
        return Err(passwords::weak());
    }
    passwords::set(kept, ids::secret_hash(&made), now);
    kept.tokens_valid_from = plus(now, 1);
    kept.props.insert(
        "passwordProfile".into(),
        json!({ "forceChangePasswordNextSignIn": true, "forceChangePasswordNextSignInWithMfa": false }),
    );
    ctx.touch("user", &user)?;
    let operation = ids::guid(ctx.state.seed, &["reset", &user], ctx.state.log.next);
    let at = format!("{}/{}/users/{user}/authentication/operations/{operation}", ctx.call.base(), ctx.version);
    let body = match given {
        Some(_) => json!({}),
        None => json!({
            "@odata.context": format!("{}/{}/$metadata#microsoft.graph.passwordResetResponse", ctx.call.base(), ctx.version),
            "newPassword": made,
        }),
    };
    Ok(Answer::json(202, body).with("Location", at))
}
