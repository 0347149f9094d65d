//! Graph: authenticationStrengthPolicy, built-in and custom, under both of its paths.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::conditional_access::{self, READERS, WRITERS};
use super::errors::Failure;
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::sets::{self, Set};
use super::{Ctx, Reply, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

pub const OF: &str = "authenticationStrengthPolicy";
const SHELF: &str = "authenticationStrengthPolicies";
const BELOW: &str = "/identity/conditionalAccess/authenticationStrength";

const BASE: Set = Set {
    required: &["displayName", "allowedCombinations"],
    fixed: &["id", "createdDateTime", "modifiedDateTime", "policyType", "requirementsSatisfied"],
    unique: &["displayName"],
    shelf: SHELF,
    built_in: |_| facts::policy_defaults(SHELF),
    check,
    fill,
    show,
    may_go,
    ..Set::new(OF, "/policies/authenticationStrengthPolicies", "authentication-strength", "authentication-strengths")
};

static POLICIES: Set = BASE;
static OTHERS: Set = Set { path: "/identity/conditionalAccess/authenticationStrength/policies", ..BASE };

static MODES: Set = Set {
    is_fixed: true,
    built_in: |_| facts::policy_defaults("authenticationMethodModes"),
    ..Set::new(
        "authenticationMethodModeDetail",
        "/identity/conditionalAccess/authenticationStrength/authenticationMethodModes",
        "authentication-method-mode",
        "authentication-method-modes",
    )
};

pub fn routes(to: &mut Routes) {
    for set in [&POLICIES, &OTHERS] {
        to.set(set, READERS, WRITERS);
        let one = format!("{}/{{key}}", set.path);
        let name = "update-allowed-combinations";
        to.write("POST", format!("{one}/updateAllowedCombinations"), name, OF, update_combinations)
            .of_set(set)
            .by(WRITERS);
        to.read(format!("{one}/usage"), "get-strength-usage", "authenticationStrengthUsage", usage)
            .of_set(set)
            .by(READERS);
        let by_mode = format!("{}/findByMethodMode/{{key}}", set.path);
        to.read(by_mode, "find-strengths-by-mode", OF, by_method_mode).of_set(set).by(READERS);
    }
    to.set(&MODES, READERS, WRITERS);
    to.read(BELOW, "get-authentication-strength-root", "authenticationStrengthRoot", root).by(READERS);
    to.read(format!("{BELOW}/combinations"), "list-strength-combinations", "authenticationStrengthRoot", combinations)
        .by(READERS);
}

/// A strength by its id, as Graph shows it.
pub fn shown(ctx: &Ctx, id: &str) -> Option<Value> {
    let all = sets::items(ctx.tenant().ok()?, &POLICIES, SHELF);
    all.iter().find(|i| i.id == id).map(|i| sets::shown(ctx, &POLICIES, i))
}

fn show(ctx: &Ctx, item: &Item, value: &mut Value) {
    value["combinationConfigurations"] = super::auth_combinations::all(ctx, &item.id).into();
}

/// The members of a combination, in no order.
fn members(combination: &str) -> BTreeSet<&str> {
    combination.split(',').map(str::trim).collect()
}

/// Combinations of methods that count as two factors, and those that are one.
fn known(strong: bool) -> Vec<String> {
    let texts = |v: &Value| -> Vec<String> {
        v.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    if strong {
        let all = facts::policy_defaults(SHELF).into_iter().next();
        return all.and_then(|p| p.get("allowedCombinations").map(texts)).unwrap_or_default();
    }
    facts::policies().get("singleFactorCombinations").map(texts).unwrap_or_default()
}

fn requirements(combinations: &[&str]) -> Result<&'static str, Failure> {
    let is_in = |strong: bool, c: &str| known(strong).iter().any(|k| members(k) == members(c));
    if let Some(bad) = combinations.iter().find(|c| !is_in(true, c) && !is_in(false, c)) {
        return Err(Failure::bad_query(format!("The authentication method combination '{bad}' is not valid.")));
    }
    Ok(if combinations.iter().all(|c| is_in(true, c)) { "mfa" } else { "none" })
}

fn combinations_of(props: &Props) -> Vec<&str> {
    let list = props.get("allowedCombinations").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn check(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let name = after.get("displayName").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() || name.chars().count() > 30 {
        return Err(Failure::bad_query("The display name must have 1 to 30 characters."));
    }
    if combinations_of(after).is_empty() {
        return Err(Failure::bad_query("At least one authentication method combination must be allowed."));
    }
    requirements(&combinations_of(after))?;
    let Some(before) = before else {
        let own = ctx.tenant()?.shelves.get(SHELF).map_or(0, |s| s.len());
        // Entra: authentication strengths, limits.
        return if own < 15 {
            Ok(())
        } else {
            Err(Failure::bad_query("A tenant can have at most 15 custom authentication strengths."))
        };
    };
    refuse_built_in(before)?;
    if before.get("allowedCombinations") != after.get("allowedCombinations") {
        return Err(Failure::bad_query(
            "The property 'allowedCombinations' cannot be changed here; use updateAllowedCombinations.",
        ));
    }
    Ok(())
}

fn refuse_built_in(props: &Props) -> Result<(), Failure> {
    if props.get("policyType").and_then(Value::as_str) == Some("builtIn") {
        return Err(Failure::bad_query("A built-in authentication strength policy cannot be changed."));
    }
    Ok(())
}

fn fill(ctx: &Ctx, props: &mut Props) {
    let satisfied = requirements(&combinations_of(props)).unwrap_or("none");
    props.insert("policyType".to_owned(), json!("custom"));
    props.insert("requirementsSatisfied".to_owned(), json!(satisfied));
    props.insert("createdDateTime".to_owned(), json!(ctx.now));
    props.insert("modifiedDateTime".to_owned(), json!(ctx.now));
}

/// Policies of conditional access that ask for a strength.
fn users_of<'a>(t: &'a Tenant, id: &'a str) -> impl Iterator<Item = &'a Item> {
    let strength = |p: &Item| {
        let at = p.props.get("grantControls").and_then(|c| c.pointer("/authenticationStrength/id"));
        at.and_then(Value::as_str) == Some(id)
    };
    conditional_access::policies(t).filter(move |p| strength(p))
}

fn may_go(ctx: &Ctx, item: &Item) -> Result<(), Failure> {
    refuse_built_in(&item.props)?;
    if users_of(ctx.tenant()?, &item.id).next().is_some() {
        return Err(Failure::bad_query(
            "The authentication strength policy is used by a conditional access policy and cannot be deleted.",
        ));
    }
    Ok(())
}

fn of_function(ctx: &Ctx, name: &str) -> String {
    format!("{}/{}/$metadata#{name}", ctx.call.base(), ctx.version)
}

/// Graph: authenticationStrengthPolicy, updateAllowedCombinations.
fn update_combinations(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let mut item = sets::find(ctx, set)?;
    refuse_built_in(&item.props)?;
    let wish = shape::check(OF, &ctx.json()?)?;
    let new = wish.get("allowedCombinations").cloned().unwrap_or(Value::Null);
    if new.as_array().is_none_or(Vec::is_empty) {
        return Err(Failure::bad_query("The parameter 'allowedCombinations' is required."));
    }
    let satisfied = requirements(&combinations_of(&wish))?;
    let before = item.props.insert("allowedCombinations".to_owned(), new.clone());
    item.props.insert("requirementsSatisfied".to_owned(), json!(satisfied));
    item.props.insert("modifiedDateTime".to_owned(), json!(ctx.now));
    item.modified = ctx.now;
    let id = item.id.clone();
    let tenant = ctx.tenant_mut()?;
    tenant.shelves.entry(SHELF.to_owned()).or_default().insert(id.clone(), item);
    let references: Vec<String> = users_of(tenant, &id).map(|p| p.id.clone()).collect();
    ctx.touch(OF, &id)?;
    Ok(Answer::json(
        200,
        json!({
            "@odata.context": of_function(ctx, "microsoft.graph.updateAllowedCombinationsResult"),
            "additionalInformation": null, "conditionalAccessReferences": references,
            "currentCombinations": new, "previousCombinations": before,
        }),
    ))
}

/// Policies that use the strength, and whether they ask for MFA by it.
fn usage(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let item = sets::find(ctx, set)?;
    let policies: Vec<Value> = users_of(ctx.tenant()?, &item.id).map(|p| conditional_access::render(ctx, p)).collect();
    let mfa = item.props.get("requirementsSatisfied").and_then(Value::as_str) == Some("mfa");
    let (mfa, none) = if mfa { (policies, Vec::new()) } else { (Vec::new(), policies) };
    let context = of_function(ctx, "microsoft.graph.authenticationStrengthUsage");
    Ok(Answer::json(200, json!({ "@odata.context": context, "mfa": mfa, "none": none })))
}

/// Graph: authenticationStrengthRoot, findByMethodMode.
fn by_method_mode(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let Key::Alternate(_, modes) = ctx.key(0) else { return Err(Failure::segment("findByMethodMode")) };
    let modes = modes.trim_matches(['[', ']']).replace(['"', '\''], "");
    let wanted = members(&modes);
    let has = |i: &&Item| combinations_of(&i.props).iter().any(|c| members(c).iter().any(|m| wanted.contains(m)));
    let all = sets::items(ctx.tenant()?, set, SHELF);
    let items = all.iter().filter(has).map(|i| sets::shown(ctx, set, i)).collect();
    query::list(ctx, &List { directory: false, ..List::directory(OF, set.path.trim_start_matches('/')) }, items)
}

fn all_combinations() -> Vec<String> {
    [known(true), known(false)].concat()
}

fn root(ctx: &mut Ctx) -> Reply {
    let item = shape::filled("authenticationStrengthRoot", json!({ "id": "", "combinations": all_combinations() }));
    query::single(ctx, "authenticationStrengthRoot", BELOW.trim_start_matches('/'), item, 200)
}

fn combinations(ctx: &mut Ctx) -> Reply {
    let context = of_function(ctx, "Collection(microsoft.graph.authenticationMethodModes)");
    Ok(Answer::json(200, json!({ "@odata.context": context, "value": all_combinations() })))
}
