//! Graph: organization, domain, contract, tenantInformation, directoryObject, memberOf.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Key;
use super::{Ctx, Reply, groups, service_principals, shape, users};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::state::{State, Tenant};

fn filled(of: &str, props: Value) -> Value {
    shape::complete(of, props.as_object().cloned().unwrap_or_default())
}

fn organization_of(t: &Tenant) -> Value {
    let domains = t.domains.iter().enumerate().map(|(i, d)| {
        json!({ "capabilities": "Email, OfficeCommunicationsOnline", "isDefault": i == 0, "isInitial": d.ends_with(".onmicrosoft.com"), "name": d, "type": "Managed" })
    });
    filled(
        "organization",
        json!({ "id": t.id, "displayName": t.display_name, "verifiedDomains": domains.collect::<Vec<_>>(), "tenantType": "AAD", "mobileDeviceManagementAuthority": "intune" }),
    )
}

pub fn organizations(ctx: &mut Ctx) -> Reply {
    let item = organization_of(ctx.tenant()?);
    query::list(ctx, &List::directory("organization", "organization"), vec![item])
}

pub fn organization(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0);
    let t = ctx.tenant()?;
    if !t.id.eq_ignore_ascii_case(&id) {
        return Err(Failure::not_found(&id));
    }
    query::single(ctx, "organization", "organization", organization_of(t), 200)
}

fn domain_of(i: usize, name: &str) -> Value {
    let initial = name.ends_with(".onmicrosoft.com");
    filled(
        "domain",
        json!({
            "id": name, "authenticationType": "Managed", "isAdminManaged": true, "isDefault": i == 0, "isInitial": initial, "isRoot": true,
            "isVerified": true, "supportedServices": ["Email", "OfficeCommunicationsOnline"], "passwordValidityPeriodInDays": 2147483647, "passwordNotificationWindowInDays": 14,
        }),
    )
}

pub fn domains(ctx: &mut Ctx) -> Reply {
    let items = ctx.tenant()?.domains.iter().enumerate().map(|(i, d)| domain_of(i, d)).collect();
    query::list(ctx, &List::directory("domain", "domains"), items)
}

pub fn domain(ctx: &mut Ctx) -> Reply {
    let name = ctx.id(0);
    let t = ctx.tenant()?;
    let hit = t.domains.iter().enumerate().find(|(_, d)| d.eq_ignore_ascii_case(&name));
    let item = hit.map(|(i, d)| domain_of(i, d)).ok_or_else(|| Failure::not_found(&name))?;
    query::single(ctx, "domain", "domains", item, 200)
}

/// Partner tenants only; the names are copies.
pub fn contracts(ctx: &mut Ctx) -> Reply {
    let (state, partner) = (&*ctx.state, &ctx.state.partner);
    let is_home = ctx.caller.tenant == *partner;
    let all = state.tenants.values().filter(|t| is_home && t.commercial && t.id != *partner).collect();
    query::lazy(ctx, &List::directory("contract", "contracts"), all, |t| {
        let id = crate::sandbox::ids::guid(state.seed, &[partner, "contract", &t.id], 0);
        json!({ "id": id, "customerId": t.id, "displayName": t.display_name, "defaultDomainName": t.default_domain(), "contractType": "ResellerPartner" })
    })
}

/// Graph: findTenantInformationByTenantId and …ByDomainName.
pub fn find_tenant(ctx: &mut Ctx) -> Reply {
    let Key::Alternate(name, value) = ctx.key(0) else { return Err(Failure::segment("findTenantInformation")) };
    let hit = match name.as_str() {
        "tenantId" if !crate::sandbox::ids::is_guid(&value) => {
            return Err(Failure::bad_query(format!("Invalid value '{value}' for parameter 'tenantId'.")));
        }
        "tenantId" => ctx.state.tenants.get(&value.to_ascii_lowercase()),
        "domainName" => ctx.state.tenant_of_domain(&value),
        _ => return Err(Failure::bad_query(format!("The parameter '{name}' is not known."))),
    };
    let t = hit.ok_or_else(|| {
        Failure::new(
            404,
            "Directory_ObjectNotFound",
            format!("Unable to read the company information from the directory for '{value}'."),
        )
    })?;
    let mut body = filled(
        "tenantInformation",
        json!({ "tenantId": t.id, "displayName": t.display_name, "defaultDomainName": t.default_domain() }),
    );
    body["@odata.context"] =
        json!(format!("{}/{}/$metadata#microsoft.graph.tenantInformation", ctx.call.base(), ctx.version));
    Ok(Answer::json(200, body))
}

pub fn object(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let item = groups::object(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, "directoryObject", "directoryObjects", item, 200)
}

/// The directory role that an assignment stands for, as `memberOf` shows it.
fn role_object(state: &State, tenant: &Tenant, role: &str) -> Value {
    let id = crate::sandbox::ids::guid(state.seed, &[&tenant.id, "directoryRole", role], 0);
    let mut v =
        filled("directoryRole", json!({ "id": id, "displayName": facts::role_name(role), "roleTemplateId": role }));
    v["@odata.type"] = json!("#microsoft.graph.directoryRole");
    v
}

/// Groups and directory roles of a user or a principal; groups of groups are not followed.
pub fn member_of(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant()?;
    let key = ctx.key(0);
    let id = if ctx.call.path.contains("/users/") {
        let user = users::find(ctx.state, tenant, &key.text()).ok_or_else(|| Failure::not_found(&key.text()))?;
        user["id"].as_str().unwrap_or_default().to_owned()
    } else {
        service_principals::find(tenant, &key)?
    };
    let cast = match ctx.keys.get(1) {
        Some(Key::Plain(c)) => Some(c.clone()),
        _ => None,
    };
    let mut items: Vec<Value> = tenant
        .groups
        .values()
        .filter(|g| g.members.contains(&id))
        .filter_map(|g| groups::object(ctx.state, tenant, &g.id))
        .collect();
    items.extend(
        tenant
            .role_assignments
            .values()
            .filter(|r| r.principal_id == id)
            .map(|r| role_object(ctx.state, tenant, &r.role)),
    );
    let of = match cast.as_deref() {
        None => "directoryObject",
        Some("microsoft.graph.group") => "group",
        Some("microsoft.graph.directoryRole") => "directoryRole",
        Some(other) => return Err(Failure::segment(other)),
    };
    if let Some(cast) = &cast {
        let wanted = json!(format!("#{cast}"));
        items.retain(|i| i["@odata.type"] == wanted);
    }
    // Without a cast the properties of groups may be selected.
    let of = if cast.is_none() && ctx.call.param("$select").is_some() { "group" } else { of };
    query::list(ctx, &List::directory(of, "directoryObjects"), items)
}
