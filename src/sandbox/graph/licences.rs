//! Graph: assignLicense, licenseDetails. What users hold, directly and through groups.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query;
use super::routes::Routes;
use super::{Ctx, Reply, groups, people, privilege, skus};
use crate::sandbox::facts::{self, GLOBAL_ADMINISTRATOR, GROUPS_ADMINISTRATOR, Plan, Sku, USER_ADMINISTRATOR};
use crate::sandbox::ids;
use crate::sandbox::state::{Props, State, Tenant, User};

/// Graph: assignLicense, the roles.
const LICENSERS: &[&str] = &[
    privilege::LICENSE_ADMINISTRATOR,
    privilege::DIRECTORY_WRITERS,
    USER_ADMINISTRATOR,
    GROUPS_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
];

pub fn routes(to: &mut Routes) {
    to.write("POST", "/users/{key}/assignLicense", "assign-license", "user", assign_to_user).by(LICENSERS);
    to.write("POST", "/users/{key}/reprocessLicenseAssignment", "reprocess-licenses", "user", reprocess).by(LICENSERS);
    to.write("POST", "/groups/{key}/assignLicense", "assign-group-license", "group", assign_to_group).by(LICENSERS);
}

const MAILBOX: &str = "EXCHANGE_S_STANDARD";

/// How many units of a licence are assigned.
pub fn consumed(tenant: &Tenant, sku: &str) -> u32 {
    let kept = tenant.users.values().filter(|u| held(tenant, u).iter().any(|h| h.sku == sku)).count();
    let plain =
        if everyones(tenant).is_some_and(|s| s.id == sku) { people::count(tenant) - tenant.users.len() } else { 0 };
    u32::try_from(kept + plain).unwrap_or(u32::MAX)
}

/// What plain users have: the licence with a mailbox, where the tenant has Exchange.
pub fn everyones(tenant: &Tenant) -> Option<&'static Sku> {
    skus::of(tenant).into_iter().map(|(_, s)| s).find(|s| s.plans.iter().any(|p| p == MAILBOX))
}

/// A licence that somebody holds, directly or through a group.
struct Held {
    sku: String,
    disabled: Vec<String>,
    through: Option<String>,
}

fn listed(props: &Props, through: Option<&str>) -> Vec<Held> {
    let all = props.get("assignedLicenses").and_then(Value::as_array).into_iter().flatten();
    let one = |l: &Value| {
        let plans = l["disabledPlans"].as_array().into_iter().flatten();
        let disabled = plans.filter_map(Value::as_str).map(str::to_owned).collect();
        Some(Held { sku: l["skuId"].as_str()?.to_owned(), disabled, through: through.map(str::to_owned) })
    };
    all.filter_map(one).collect()
}

fn held(tenant: &Tenant, u: &User) -> Vec<Held> {
    let mut all = listed(&u.props, None);
    let licensed = tenant.groups.values().filter(|g| g.props.contains_key("assignedLicenses"));
    all.extend(licensed.filter(|g| g.members.contains(&u.id)).flat_map(|g| listed(&g.props, Some(&g.id))));
    all
}

fn sku_of(id: &str) -> Option<(&'static str, &'static Sku)> {
    facts::products().skus.iter().find(|(_, s)| s.id.eq_ignore_ascii_case(id)).map(|(part, s)| (part.as_str(), s))
}

/// The service plans of a licence, by name.
fn plans_of(sku: &str) -> impl Iterator<Item = (&'static str, &'static Plan)> {
    sku_of(sku).into_iter().flat_map(|(_, s)| skus::plans(s))
}

pub fn has_mailbox(tenant: &Tenant, u: &User) -> bool {
    let mail = |h: &Held| plans_of(&h.sku).any(|(name, p)| name == MAILBOX && !h.disabled.contains(&p.id));
    // The personas of the world have theirs without one.
    let given = !u.props.contains_key("assignedLicenses");
    tenant.exchange && (given || held(tenant, u).iter().any(mail))
}

/// Whether a tenant has what Entra's paid features need.
pub fn has_premium(tenant: &Tenant) -> bool {
    skus::has_plan(tenant, skus::P1) || skus::has_plan(tenant, skus::P2)
}

/// Adds what a user's licences say to its properties.
pub fn show(tenant: &Tenant, u: &User, p: &mut Props) {
    let held = held(tenant, u);
    let mut licences: Vec<Value> = Vec::new();
    let mut plans: Vec<Value> = Vec::new();
    let mut states = Vec::new();
    for h in &held {
        if !licences.iter().any(|l| l["skuId"] == json!(h.sku)) {
            licences.push(json!({ "skuId": h.sku, "disabledPlans": h.disabled }));
        }
        states.push(json!({
            "skuId": h.sku, "disabledPlans": h.disabled, "assignedByGroup": h.through, "state": "Active", "error": "None",
            "lastUpdatedDateTime": u.created,
        }));
        for (_, Plan { id, service }) in plans_of(&h.sku) {
            let on = if h.disabled.contains(id) { "Deleted" } else { "Enabled" };
            if !plans.iter().any(|p| p["servicePlanId"] == json!(id)) {
                plans.push(json!({ "servicePlanId": id, "service": service, "capabilityStatus": on, "assignedDateTime": u.created }));
            }
        }
    }
    let provisioned = plans.iter().map(|p| json!({ "service": p["service"], "capabilityStatus": p["capabilityStatus"], "provisioningStatus": "Success" }));
    p.insert("provisionedPlans".into(), provisioned.collect());
    p.insert("assignedLicenses".into(), Value::Array(licences));
    p.insert("licenseAssignmentStates".into(), Value::Array(states));
    p.insert("assignedPlans".into(), Value::Array(plans));
}

/// Graph: list licenseDetails.
pub fn details(state: &State, tenant: &Tenant, id: &str) -> Vec<Value> {
    let Some(u) = people::get(state, tenant, id) else { return Vec::new() };
    let one = |h: &Held| {
        let (part, _) = sku_of(&h.sku)?;
        let plans = plans_of(&h.sku).map(|(name, Plan { id, .. })| {
            let status = if h.disabled.contains(id) { "Disabled" } else { "Success" };
            json!({ "servicePlanId": id, "servicePlanName": name, "provisioningStatus": status, "appliesTo": "User" })
        });
        let plans: Vec<Value> = plans.collect();
        let key = ids::opaque(state.seed, &[&tenant.id, "licence", id, &h.sku], |_| false);
        Some(json!({ "id": key, "skuId": h.sku, "skuPartNumber": part, "servicePlans": plans }))
    };
    held(tenant, &u).iter().filter_map(one).collect()
}

/// What a body of `assignLicense` asks for.
struct Wish {
    add: Vec<Value>,
    remove: Vec<String>,
}

fn wish(ctx: &Ctx) -> Result<Wish, Failure> {
    let body = ctx.json()?;
    let list = |name: &str| {
        body.get(name).and_then(Value::as_array).cloned().ok_or_else(|| {
            Failure::bad_query(format!(
                "One or more parameters of the operation 'assignLicense' are missing from the request payload. The missing parameters are: {name}."
            ))
        })
    };
    let add = list("addLicenses")?;
    let remove = list("removeLicenses")?.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect();
    let tenant = ctx.tenant()?;
    let mut clean = Vec::new();
    for licence in &add {
        let id = licence.get("skuId").and_then(Value::as_str).unwrap_or_default();
        let sku = skus::of(tenant).into_iter().map(|(_, s)| s).find(|s| s.id.eq_ignore_ascii_case(id));
        let sku =
            sku.ok_or_else(|| Failure::bad(format!("License {id} does not correspond to a valid company License.")))?;
        let plans: Vec<String> = licence
            .get("disabledPlans")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_ascii_lowercase)
            .collect();
        if let Some(p) = plans.iter().find(|p| !plans_of(&sku.id).any(|(_, plan)| plan.id == **p)) {
            return Err(Failure::bad(format!("Service plan {p} is not part of the license {id}.")));
        }
        clean.push(json!({ "skuId": sku.id, "disabledPlans": plans }));
    }
    Ok(Wish { add: clean, remove })
}

/// The licences after a wish; what is removed must have been there.
fn applied(before: Vec<Held>, wish: &Wish, whose: &str) -> Result<Value, Failure> {
    let mut after: Vec<Value> = before
        .into_iter()
        .filter(|h| h.through.is_none())
        .map(|h| json!({ "skuId": h.sku, "disabledPlans": h.disabled }))
        .collect();
    for id in &wish.remove {
        let many = after.len();
        after.retain(|l| l["skuId"].as_str() != Some(id));
        if after.len() == many {
            return Err(Failure::bad(format!("{whose} does not have a corresponding license.")));
        }
    }
    for licence in &wish.add {
        after.retain(|l| l["skuId"] != licence["skuId"]);
        after.push(licence.clone());
    }
    Ok(Value::Array(after))
}

fn assign_to_user(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    let wish = wish(ctx)?;
    let tenant = ctx.tenant()?;
    let user = people::get(ctx.state, tenant, &id).ok_or_else(|| Failure::not_found(&id))?;
    if !wish.add.is_empty() && user.text("usageLocation").is_none() {
        return Err(Failure::bad("License assignment cannot be done for user with invalid usage location."));
    }
    let before = held(tenant, &user);
    for sku in wish.add.iter().filter_map(|l| l["skuId"].as_str()) {
        if !before.iter().any(|h| h.sku == sku) && consumed(tenant, sku) >= skus::bought(tenant) {
            return Err(Failure::bad(format!("Subscription with SKU {sku} does not have any available licenses.")));
        }
    }
    let after = applied(before, &wish, "User")?;
    let home = ctx.caller.tenant.clone();
    let user = people::change(ctx.state, &home, &id).ok_or_else(|| Failure::not_found(&id))?;
    user.props.insert("assignedLicenses".into(), after);
    ctx.touch("user", &id)?;
    answer(ctx, &id)
}

fn answer(ctx: &Ctx, id: &str) -> Reply {
    let tenant = ctx.tenant()?;
    let user = people::get(ctx.state, tenant, id).ok_or_else(|| Failure::not_found(id))?;
    query::single(ctx, "user", "users", people::render(tenant, &user), 200)
}

fn reprocess(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("user", 0)?;
    answer(ctx, &id)
}

fn assign_to_group(ctx: &mut Ctx) -> Reply {
    let id = ctx.found("group", 0)?;
    let wish = wish(ctx)?;
    let group = ctx.tenant()?.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    let after = applied(listed(&group.props, None), &wish, "Group")?;
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        g.props.insert("assignedLicenses".into(), after);
    }
    ctx.touch("group", &id)?;
    let tenant = ctx.tenant()?;
    let group = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, "group", "groups", groups::render(group), 202)
}
