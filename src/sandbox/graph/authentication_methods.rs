//! Graph: authenticationMethodsPolicy and its configurations, one for each method.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::sets::{self, Set};
use super::{Ctx, Reply, policies, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

const OF: &str = "authenticationMethodConfiguration";
const SHELF: &str = "authenticationMethodConfigurations";
const PATH: &str = "/policies/authenticationMethodsPolicy/authenticationMethodConfigurations";

const READERS: &[&str] =
    &[facts::GLOBAL_READER, facts::AUTHENTICATION_POLICY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];
const WRITERS: &[&str] = &[facts::AUTHENTICATION_POLICY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];

static POLICY: Set = Set {
    fixed: &["id", "displayName", "description", "lastModifiedDateTime", "policyVersion"],
    built_in: |_| facts::policy_defaults("authenticationMethodsPolicy"),
    read: policies::writable,
    show: show_policy,
    ..Set::new(
        "authenticationMethodsPolicy",
        "/policies/authenticationMethodsPolicy",
        "authentication-methods-policy",
        "authentication-methods-policy",
    )
};

static CONFIGURATIONS: Set = Set {
    built_in: |_| facts::policy_defaults(SHELF),
    read,
    show,
    ..Set::new(OF, PATH, "authentication-method", "authentication-methods")
};

pub fn routes(to: &mut Routes) {
    to.singleton("PATCH", &POLICY, READERS, WRITERS);
    let set = &CONFIGURATIONS;
    to.read(PATH, "list-authentication-methods", OF, list).of_set(set).by(READERS);
    let one = format!("{PATH}/{{key}}");
    to.read(one.clone(), "get-authentication-method", OF, sets::get).of_set(set).by(READERS);
    to.write("PATCH", one.clone(), "update-authentication-method", OF, sets::update).of_set(set).by(WRITERS);
    to.write("DELETE", one, "reset-authentication-method", OF, reset).of_set(set).by(WRITERS);
}

fn all(ctx: &Ctx, t: &Tenant) -> Vec<Value> {
    let wanted = facts::policy_defaults(SHELF);
    let items = sets::items(t, &CONFIGURATIONS, SHELF);
    // In Microsoft's order, not by what was written last.
    let of = |d: &Props| items.iter().find(|i| d.get("id").and_then(Value::as_str) == Some(&i.id));
    wanted.iter().filter_map(of).map(|i| sets::shown(ctx, &CONFIGURATIONS, i)).collect()
}

fn show_policy(ctx: &Ctx, item: &Item, value: &mut Value) {
    if item.modified != jiff::Timestamp::UNIX_EPOCH {
        value["lastModifiedDateTime"] = json!(item.modified);
    }
    let context = format!(
        "{}/{}/$metadata#policies/authenticationMethodsPolicy/authenticationMethodConfigurations",
        ctx.call.base(),
        ctx.version
    );
    value["authenticationMethodConfigurations@odata.context"] = json!(context);
    value["authenticationMethodConfigurations"] = ctx.tenant().map(|t| all(ctx, t)).unwrap_or_default().into();
}

/// Who a method is for is a link: it is kept with the rest, and shown with it.
fn show(ctx: &Ctx, item: &Item, value: &mut Value) {
    let context = format!(
        "{}/{}/$metadata#policies/authenticationMethodsPolicy/authenticationMethodConfigurations('{}')/includeTargets",
        ctx.call.base(),
        ctx.version,
        item.id
    );
    value["includeTargets@odata.context"] = json!(context);
    value["includeTargets"] = item.props.get("includeTargets").cloned().unwrap_or_else(|| json!([]));
}

fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx, ctx.tenant()?);
    query::list(ctx, &List { directory: false, ..List::directory(OF, PATH.trim_start_matches('/')) }, items)
}

/// The type of the targets of a method.
fn target_type(configuration: &str) -> &'static str {
    match configuration {
        "smsAuthenticationMethodConfiguration" => "smsAuthenticationMethodTarget",
        "microsoftAuthenticatorAuthenticationMethodConfiguration" => "microsoftAuthenticatorAuthenticationMethodTarget",
        "fido2AuthenticationMethodConfiguration" => "passkeyAuthenticationMethodTarget",
        _ => "authenticationMethodTarget",
    }
}

fn read(ctx: &Ctx, _: &Set, old: Option<&Item>) -> Result<Props, Failure> {
    let old = old.ok_or_else(|| Failure::not_found(&ctx.id(0)))?;
    let of = old.props.get("@odata.type").and_then(Value::as_str).unwrap_or(OF).trim_start_matches("#microsoft.graph.");
    let mut body = ctx.json()?;
    if let Some(said) = body.get("@odata.type").and_then(Value::as_str)
        && said.trim_start_matches('#').trim_start_matches("microsoft.graph.") != of
    {
        return Err(Failure::bad_query(format!(
            "The type '{said}' does not agree with the configuration '{}'.",
            old.id
        )));
    }
    let targets = body.as_object_mut().and_then(|b| {
        let is_same_id = |k: &str, v: &Value| k == "id" && v.as_str() == Some(&old.id);
        b.retain(|k, v| !(k.starts_with("@odata.") || is_same_id(k, v)));
        b.remove("includeTargets@odata.context");
        b.remove("includeTargets")
    });
    let mut props = shape::check(of, &body)?;
    if let Some(targets) = targets {
        props.insert("includeTargets".to_owned(), check_targets(of, targets)?);
    }
    Ok(props)
}

fn check_targets(of: &str, targets: Value) -> Result<Value, Failure> {
    let invalid = || Failure::bad_query("Invalid value specified for property 'includeTargets'.");
    let Value::Array(list) = targets else { return Err(invalid()) };
    let kind = target_type(of);
    let filled = |target: Value| {
        let mut props = shape::check(kind, &target)?;
        props.retain(|k, _| !k.contains('@'));
        if props.get("id").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(invalid());
        }
        if kind == "microsoftAuthenticatorAuthenticationMethodTarget" {
            props.entry("authenticationMode").or_insert(json!("any"));
        }
        props.entry("targetType").or_insert(json!("group"));
        let shown = shape::complete(kind, props);
        Ok(shown)
    };
    list.into_iter().map(filled).collect()
}

/// Graph: delete …Configuration, which takes it back to what it was at first.
fn reset(ctx: &mut Ctx) -> Reply {
    let item = sets::find(ctx, &CONFIGURATIONS)?;
    let tenant = ctx.tenant_mut()?;
    if let Some(shelf) = tenant.shelves.get_mut(SHELF) {
        shelf.remove(&item.id);
    }
    tenant.shelves.retain(|_, s| !s.is_empty());
    Ok(Answer::empty(204))
}
