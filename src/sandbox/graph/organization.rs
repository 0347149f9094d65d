//! Graph: organization, contract, tenantInformation, remoteTenantGroup: tenants, as they and others see them.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, domains, shape, skus};
use crate::sandbox::http::Answer;
use crate::sandbox::state::{Props, State, Tenant};
use crate::sandbox::{facts, gdap, ids};

pub fn routes(to: &mut Routes) {
    to.read("/organization", "list-organization", ORGANIZATION, list);
    to.read("/organization/{id}", "get-organization", ORGANIZATION, get);
    to.write("PATCH", "/organization/{id}", "update-organization", ORGANIZATION, update)
        .by(&[facts::GLOBAL_ADMINISTRATOR]);
    to.read("/contracts", "list-contracts", CONTRACT, contracts);
    to.read("/contracts/{id}", "get-contract", CONTRACT, contract);
    for by in ["TenantId", "DomainName"] {
        let path = format!("/tenantRelationships/findTenantInformationBy{by}/{{key}}");
        to.read(path, "find-tenant", "tenantInformation", find_tenant);
    }
    to.read("/directory/remoteTenantGroups", "list-remote-tenant-groups", REMOTE, remote_groups);
    to.read("/directory/remoteTenantGroups/{id}", "get-remote-tenant-group", REMOTE, remote_group);
}

const ORGANIZATION: &str = "organization";
const CONTRACT: &str = "contract";
const REMOTE: &str = "remoteTenantGroup";

/// Graph: update organization.
const WRITABLE: [&str; 6] = [
    "marketingNotificationEmails",
    "preferredLanguage",
    "privacyProfile",
    "securityComplianceNotificationMails",
    "securityComplianceNotificationPhones",
    "technicalNotificationMails",
];

/// The tenants of a world are older than it.
pub const FOUNDED: &str = "2020-01-15T08:00:00Z";

/// Where what was written is kept.
const SHELF: &str = "organization";

fn render(state: &State, t: &Tenant) -> Value {
    let written = t.shelves.get(SHELF).and_then(|s| s.get(&t.id)).map(|i| i.props.clone());
    let mut props: Props = written.unwrap_or_default();
    let plans: Vec<_> = skus::of(t).into_iter().flat_map(|(_, sku)| skus::plans(sku)).collect();
    let assigned = plans.iter().map(|(_, p)| {
        json!({ "assignedDateTime": FOUNDED, "capabilityStatus": "Enabled", "service": p.service, "servicePlanId": p.id })
    });
    let provisioned = plans
        .iter()
        .map(|(_, p)| json!({ "capabilityStatus": "Enabled", "provisioningStatus": "Success", "service": p.service }));
    let own = json!({
        "id": t.id, "displayName": t.display_name, "tenantType": "AAD", "mobileDeviceManagementAuthority": "intune",
        "createdDateTime": FOUNDED, "countryLetterCode": "US", "verifiedDomains": domains::verified(t),
        "assignedPlans": assigned.collect::<Vec<_>>(), "provisionedPlans": provisioned.collect::<Vec<_>>(),
        "partnerTenantType": (t.id == state.partner).then_some("resellerPartnerDelegatedAdmin"),
    });
    props.extend(own.as_object().cloned().unwrap_or_default());
    if !props.contains_key("technicalNotificationMails") {
        props.insert("technicalNotificationMails".to_owned(), json!([format!("admin@{}", t.default_domain())]));
    }
    shape::complete(ORGANIZATION, props)
}

fn list(ctx: &mut Ctx) -> Reply {
    let item = render(ctx.state, ctx.tenant()?);
    query::list(ctx, &List::directory(ORGANIZATION, "organization"), vec![item])
}

/// The tenant of the token, when the path names it.
fn own<'a>(ctx: &'a Ctx) -> Result<&'a Tenant, Failure> {
    let id = ctx.id(0);
    let t = ctx.tenant()?;
    if t.id.eq_ignore_ascii_case(&id) { Ok(t) } else { Err(Failure::not_found(&id)) }
}

fn get(ctx: &mut Ctx) -> Reply {
    let item = render(ctx.state, own(ctx)?);
    query::single(ctx, ORGANIZATION, "organization", item, 200)
}

fn update(ctx: &mut Ctx) -> Reply {
    let id = own(ctx)?.id.clone();
    let body = ctx.body(ORGANIZATION)?;
    if let Some(name) = body.keys().find(|k| !k.contains('@') && !WRITABLE.contains(&k.as_str())) {
        return Err(Failure::bad(format!("Property '{name}' is read-only and cannot be set.")));
    }
    let mails = ["marketingNotificationEmails", "securityComplianceNotificationMails", "technicalNotificationMails"];
    for name in mails {
        let all = body.get(name).and_then(Value::as_array).into_iter().flatten();
        if all.into_iter().any(|m| m.as_str().is_none_or(|m| !m.contains('@'))) {
            return Err(Failure::bad(format!(
                "Invalid value specified for property '{name}' of resource 'Organization'."
            )));
        }
    }
    let now = ctx.now;
    let shelf = ctx.tenant_mut()?.shelves.entry(SHELF.to_owned()).or_default();
    let item = shelf.entry(id.clone()).or_insert_with(|| crate::sandbox::shelf::Item {
        id: id.clone(),
        props: Props::new(),
        created: now,
        modified: now,
    });
    item.modified = now;
    shape::patch(&mut item.props, body);
    ctx.touch(ORGANIZATION, &id)?;
    Ok(Answer::empty(204))
}

/// Names are copies from the time of the contract: a renamed customer keeps its old ones here.
fn render_contract(state: &State, t: &Tenant) -> Value {
    let id = ids::guid(state.seed, &[&state.partner, "contract", &t.id], 0);
    let (name, domain) = match &t.contract {
        Some(c) => (c.display_name.as_str(), c.default_domain.as_str()),
        None => (t.display_name.as_str(), t.default_domain()),
    };
    json!({ "id": id, "customerId": t.id, "displayName": name, "defaultDomainName": domain, "contractType": "ResellerPartner" })
}

fn customers<'a>(ctx: &'a Ctx) -> impl Iterator<Item = &'a Tenant> {
    let partner = &ctx.state.partner;
    let is_home = ctx.caller.tenant == *partner;
    ctx.state.tenants.values().filter(move |t| is_home && t.commercial && t.id != *partner)
}

/// Partner tenants only.
fn contracts(ctx: &mut Ctx) -> Reply {
    let all = customers(ctx).collect();
    let state = &*ctx.state;
    query::lazy(ctx, &List::directory(CONTRACT, "contracts"), all, |t| render_contract(state, t))
}

fn contract(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let hit = customers(ctx).map(|t| render_contract(ctx.state, t)).find(|c| c["id"] == id.as_str());
    let item = hit.ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, CONTRACT, "contracts", shape::filled(CONTRACT, item), 200)
}

/// Graph: findTenantInformationByTenantId and …ByDomainName.
fn find_tenant(ctx: &mut Ctx) -> Reply {
    let Key::Alternate(name, value) = ctx.key(0) else { return Err(Failure::segment("findTenantInformation")) };
    let hit = match name.as_str() {
        "tenantId" if !ids::is_guid(&value) => {
            return Err(Failure::bad_query(format!("Invalid value '{value}' for parameter 'tenantId'.")));
        }
        "tenantId" => ctx.state.tenants.get(&value.to_ascii_lowercase()),
        "domainName" => ctx.state.tenant_of_domain(&value),
        _ => return Err(Failure::bad_query(format!("The parameter '{name}' is not known."))),
    };
    let t = hit.ok_or_else(|| {
        let text = format!("Unable to read the company information from the directory for '{value}'.");
        Failure::new(404, "Directory_ObjectNotFound", text)
    })?;
    let props = json!({ "tenantId": t.id, "displayName": t.display_name, "defaultDomainName": t.default_domain() });
    let mut body = shape::filled("tenantInformation", props);
    let context = format!("{}/{}/$metadata#microsoft.graph.tenantInformation", ctx.call.base(), ctx.version);
    body["@odata.context"] = json!(context);
    Ok(Answer::json(200, body))
}

/// Graph: list remoteTenantGroups. The partner's groups that hold roles here through GDAP.
fn remote(ctx: &Ctx) -> Result<Vec<Value>, Failure> {
    let (state, here) = (&*ctx.state, ctx.tenant()?);
    let Some(partner) = state.tenants.get(&state.partner) else { return Ok(Vec::new()) };
    let mut groups: Vec<&str> = gdap::active_into(state, &here.id).map(|(_, a)| a.group.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    let shown = groups.into_iter().map(|group| {
        shape::filled(
            REMOTE,
            json!({
                "id": ids::guid(state.seed, &[&here.id, "remoteTenantGroup", group], 0),
                "remoteTenantId": partner.id, "remoteGroupId": group, "remoteTenantDisplayName": partner.display_name,
                "remoteTenantPrimaryDomain": partner.default_domain(),
                "remoteGroupDisplayName": partner.groups.get(group).map(|g| g.display_name()),
            }),
        )
    });
    Ok(shown.collect())
}

fn remote_groups(ctx: &mut Ctx) -> Reply {
    let items = remote(ctx)?;
    query::list(ctx, &List::directory(REMOTE, "directory/remoteTenantGroups"), items)
}

fn remote_group(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let item = remote(ctx)?.into_iter().find(|g| g["id"] == id.as_str()).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, REMOTE, "directory/remoteTenantGroups", item, 200)
}
