//! Graph: domainDnsRecord, and what is called by a domain.
use serde_json::{Value, json};

use super::domains::{is_verified, named, services};
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, objects, shape};
use crate::sandbox::ids;
use crate::sandbox::state::Tenant;

pub fn routes(to: &mut Routes) {
    const RECORD: &str = "domainDnsRecord";
    to.read("/domains/{id}/verificationDnsRecords", "list-verification-records", RECORD, verification);
    to.read("/domains/{id}/serviceConfigurationRecords", "list-configuration-records", RECORD, configuration);
    to.read("/domains/{id}/domainNameReferences", "list-domain-references", "directoryObject", names);
}

fn record(ctx: &Ctx, domain: &str, kind: &str, label: &str, service: &str, own: Value) -> Value {
    let id = ids::guid(ctx.state.seed, &[&ctx.caller.tenant, domain, kind, label], 0);
    let of = format!("domainDns{}Record", if kind == "CName" { "Cname" } else { kind });
    let mut props = json!({
        "@odata.type": format!("#microsoft.graph.{of}"), "id": id, "isOptional": false, "label": label,
        "recordType": kind, "supportedService": service, "ttl": 3600,
    });
    if let (Some(props), Some(own)) = (props.as_object_mut(), own.as_object()) {
        props.extend(own.clone());
    }
    shape::filled(&of, props)
}

fn answer(ctx: &Ctx, domain: &str, link: &str, items: Vec<Value>) -> Reply {
    let context = format!("domains('{domain}')/{link}");
    query::list(ctx, &List { directory: false, ..List::directory("domainDnsRecord", &context) }, items)
}

/// Either of the two records proves the domain.
fn verification(ctx: &mut Ctx) -> Reply {
    let domain = named(ctx)?;
    let hash = ids::guid(ctx.state.seed, &[&ctx.caller.tenant, "verification", &domain], 0);
    let number: u32 = hash.bytes().fold(7, |n: u32, b| n.wrapping_mul(31).wrapping_add(u32::from(b))) % 90_000_000;
    let code = format!("ms{}", number + 10_000_000);
    let items = vec![
        record(ctx, &domain, "Txt", &domain, "", json!({ "text": format!("MS={code}") })),
        record(
            ctx,
            &domain,
            "Mx",
            &domain,
            "",
            json!({ "mailExchange": format!("{code}.msv1.invalid"), "preference": 32_767 }),
        ),
    ];
    answer(ctx, &domain, "verificationDnsRecords", items)
}

/// What the domain's services need in DNS.
fn configuration(ctx: &mut Ctx) -> Reply {
    let domain = named(ctx)?;
    let tenant = ctx.tenant()?;
    let services = if is_verified(tenant, &domain) { services(tenant, &domain) } else { Vec::new() };
    let has = |service: &str| services.iter().any(|s| s == service);
    let mut items = Vec::new();
    if has("Email") {
        let host = format!("{}.mail.protection.outlook.com", domain.replace('.', "-"));
        items.push(record(ctx, &domain, "Mx", &domain, "Email", json!({ "mailExchange": host, "preference": 0 })));
        let text = "v=spf1 include:spf.protection.outlook.com -all";
        items.push(record(ctx, &domain, "Txt", &domain, "Email", json!({ "text": text })));
        let label = format!("autodiscover.{domain}");
        let target = json!({ "canonicalName": "autodiscover.outlook.com" });
        items.push(record(ctx, &domain, "CName", &label, "Email", target));
    }
    if has("OfficeCommunicationsOnline") {
        let service = "OfficeCommunicationsOnline";
        for (label, host) in [("sip", "sipdir.online.lync.com"), ("lyncdiscover", "webdir.online.lync.com")] {
            let label = format!("{label}.{domain}");
            items.push(record(ctx, &domain, "CName", &label, service, json!({ "canonicalName": host })));
        }
        for (name, protocol, port, host) in [
            ("_sip", "_tls", 443, "sipdir.online.lync.com"),
            ("_sipfederationtls", "_tcp", 5061, "sipfed.online.lync.com"),
        ] {
            let own = json!({ "nameTarget": host, "port": port, "priority": 100, "protocol": protocol, "service": name, "weight": 1 });
            items.push(record(ctx, &domain, "Srv", &format!("{name}.{protocol}.{domain}"), service, own));
        }
    }
    answer(ctx, &domain, "serviceConfigurationRecords", items)
}

/// Whether a name or a URI is of a domain.
pub fn is_of(name: &str, domain: &str) -> bool {
    let host = name.split_once("://").map_or(name, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    host.eq_ignore_ascii_case(domain)
}

/// Ids of the objects that are called by a domain.
pub fn references(t: &Tenant, domain: &str) -> Vec<String> {
    let users = t.users.values().filter(|u| is_of(&u.user_principal_name, domain)).map(|u| u.id.clone());
    let groups = t.groups.values().filter(|g| g.text("mail").is_some_and(|m| is_of(m, domain))).map(|g| g.id.clone());
    let has_uri =
        |uris: &Value| uris.as_array().into_iter().flatten().any(|u| u.as_str().is_some_and(|u| is_of(u, domain)));
    let apps = t.applications.values().filter(|a| a.props.get("identifierUris").is_some_and(has_uri));
    users.chain(groups).chain(apps.map(|a| a.id.clone())).collect()
}

fn names(ctx: &mut Ctx) -> Reply {
    let domain = named(ctx)?;
    let tenant = ctx.tenant()?;
    let ids = references(tenant, &domain);
    let items = ids.iter().filter_map(|id| objects::object(ctx.state, tenant, id)).collect();
    query::list(ctx, &List::directory("directoryObject", "directoryObjects"), items)
}
