//! Graph: organization, domain, contract, tenantInformation.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::{Key, Routes};
use super::{Ctx, Reply, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::state::Tenant;

pub fn routes(to: &mut Routes) {
    to.read("/organization", "list-organization", "organization", organizations);
    to.read("/organization/{id}", "get-organization", "organization", organization);
    to.read("/domains", "list-domains", "domain", domains);
    to.read("/domains/{id}", "get-domain", "domain", domain);
    to.read("/contracts", "list-contracts", "contract", contracts);
    for by in ["TenantId", "DomainName"] {
        let path = format!("/tenantRelationships/findTenantInformationBy{by}/{{key}}");
        to.read(path, "find-tenant", "tenantInformation", find_tenant);
    }
}

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
