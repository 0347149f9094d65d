//! Graph: subscribedSku, companySubscription. What a tenant has bought, and how much of it is given to users.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, licences, shape};
use crate::sandbox::facts::{self, Plan, Sku};
use crate::sandbox::ids;
use crate::sandbox::state::{State, Tenant};

pub fn routes(to: &mut Routes) {
    to.read("/subscribedSkus", "list-subscribed-skus", SKU, list);
    to.read("/subscribedSkus/{id}", "get-subscribed-sku", SKU, get);
    to.read("/directory/subscriptions", "list-subscriptions", SUBSCRIPTION, subscriptions);
    to.read("/directory/subscriptions/{key}", "get-subscription", SUBSCRIPTION, subscription);
}

const SKU: &str = "subscribedSku";
const SUBSCRIPTION: &str = "companySubscription";

/// Service plans that open features of Entra.
pub const P1: &str = "AAD_PREMIUM";
pub const P2: &str = "AAD_PREMIUM_P2";

/// Units that a tenant has of each of its SKUs: enough for its plain users, and some more.
pub fn bought(tenant: &Tenant) -> u32 {
    tenant.plain_users + 25
}

const DEFAULT: [&str; 2] = ["AAD_PREMIUM_P2", "SPB"];

/// The SKUs of a tenant, by part number. One without Exchange has none that is made for it.
pub fn of(tenant: &Tenant) -> Vec<(&'static str, &'static Sku)> {
    let all = &facts::products().skus;
    let wanted = |part: &str| match &tenant.licences {
        Some(own) => own.iter().any(|o| o == part),
        None => DEFAULT.contains(&part),
    };
    let mails = |sku: &Sku| sku.plans.iter().any(|p| p.starts_with("EXCHANGE_S_") && p != "EXCHANGE_S_FOUNDATION");
    all.iter()
        .filter(|(part, sku)| wanted(part) && (tenant.exchange || !mails(sku)))
        .map(|(part, sku)| (part.as_str(), sku))
        .collect()
}

/// Whether any SKU of a tenant has a service plan.
pub fn has_plan(tenant: &Tenant, plan: &str) -> bool {
    of(tenant).iter().any(|(_, sku)| sku.plans.iter().any(|p| p == plan))
}

/// The service plans of a SKU, by name.
pub fn plans(sku: &'static Sku) -> impl Iterator<Item = (&'static str, &'static Plan)> {
    sku.plans.iter().filter_map(|name| facts::products().plans.get_key_value(name)).map(|(n, p)| (n.as_str(), p))
}

fn plan_infos(sku: &'static Sku) -> Vec<Value> {
    plans(sku)
        .map(|(name, plan)| {
            json!({ "servicePlanId": plan.id, "servicePlanName": name, "provisioningStatus": "Success", "appliesTo": applies_to(name) })
        })
        .collect()
}

/// Plans that belong to the tenant as a whole.
fn applies_to(plan: &str) -> &'static str {
    if plan == "EXCHANGE_S_FOUNDATION" { "Company" } else { "User" }
}

fn subscription_id(state: &State, tenant: &Tenant, sku: &Sku) -> String {
    ids::guid(state.seed, &[&tenant.id, "subscription", &sku.id], 0)
}

fn render(state: &State, tenant: &Tenant, part: &str, sku: &'static Sku) -> Value {
    let initial = super::domains::initial(tenant);
    shape::filled(
        SKU,
        json!({
            "id": format!("{}_{}", tenant.id, sku.id), "accountId": tenant.id,
            "accountName": initial.split('.').next(), "appliesTo": "User", "capabilityStatus": "Enabled",
            "consumedUnits": licences::consumed(tenant, &sku.id), "skuId": sku.id, "skuPartNumber": part,
            "prepaidUnits": { "enabled": bought(tenant), "suspended": 0, "warning": 0, "lockedOut": 0 },
            "servicePlans": plan_infos(sku), "subscriptionIds": [subscription_id(state, tenant, sku)],
        }),
    )
}

fn all(ctx: &Ctx) -> Result<Vec<Value>, Failure> {
    let tenant = ctx.tenant()?;
    Ok(of(tenant).into_iter().map(|(part, sku)| render(ctx.state, tenant, part, sku)).collect())
}

fn list(ctx: &mut Ctx) -> Reply {
    let items = all(ctx)?;
    query::list(ctx, &List { directory: false, ..List::directory(SKU, "subscribedSkus") }, items)
}

fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let hit = all(ctx)?.into_iter().find(|s| s["id"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(&id)));
    let item = hit.ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, SKU, "subscribedSkus", item, 200)
}

fn subscription_of(state: &State, tenant: &Tenant, part: &str, sku: &'static Sku) -> Value {
    let id = subscription_id(state, tenant, sku);
    let commerce = ids::guid(state.seed, &[&id, "commerce"], 0);
    shape::filled(
        SUBSCRIPTION,
        json!({
            "id": id, "commerceSubscriptionId": commerce, "skuId": sku.id, "skuPartNumber": part, "isTrial": false,
            "status": "Enabled", "totalLicenses": bought(tenant), "serviceStatus": plan_infos(sku),
            "createdDateTime": super::organization::FOUNDED, "ownerId": null, "ownerTenantId": null, "ownerType": null,
        }),
    )
}

fn all_subscriptions(ctx: &Ctx) -> Result<Vec<Value>, Failure> {
    let tenant = ctx.tenant()?;
    Ok(of(tenant).into_iter().map(|(part, sku)| subscription_of(ctx.state, tenant, part, sku)).collect())
}

fn subscriptions(ctx: &mut Ctx) -> Reply {
    let items = all_subscriptions(ctx)?;
    query::list(ctx, &List { directory: false, ..List::directory(SUBSCRIPTION, "directory/subscriptions") }, items)
}

/// Also `(commerceSubscriptionId='…')`.
fn subscription(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let by = match &key {
        Key::Plain(_) => "id",
        Key::Alternate(name, _) if name == "commerceSubscriptionId" => "commerceSubscriptionId",
        Key::Alternate(name, _) => {
            return Err(Failure::bad_query(format!(
                "The key property '{name}' is not a key of type '{SUBSCRIPTION}'."
            )));
        }
    };
    let hit = all_subscriptions(ctx)?.into_iter().find(|s| s[by] == key.text().as_str());
    let item = hit.ok_or_else(|| Failure::not_found(&key.text()))?;
    query::single(ctx, SUBSCRIPTION, "directory/subscriptions", item, 200)
}
