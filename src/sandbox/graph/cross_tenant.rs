//! Graph: crossTenantAccessPolicy, its default, and its partners by tenant id.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query;
use super::routes::Routes;
use super::sets::{self, Set};
use super::{Ctx, Reply, policies, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::ids;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::Props;

const READERS: &[&str] =
    &[facts::SECURITY_READER, facts::GLOBAL_READER, facts::SECURITY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];
const WRITERS: &[&str] = &[facts::SECURITY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];

static POLICY: Set = Set {
    built_in: |_| facts::policy_defaults("crossTenantAccessPolicy"),
    read: policies::writable,
    check: known_clouds,
    ..Set::new(
        "crossTenantAccessPolicy",
        "/policies/crossTenantAccessPolicy",
        "cross-tenant-access-policy",
        "cross-tenant-access-policy",
    )
};

static DEFAULT: Set = Set {
    shelf: "crossTenantAccessDefault",
    fixed: &["id", "isServiceDefault", "automaticUserConsentSettings"],
    built_in: |_| facts::policy_defaults("crossTenantAccessPolicyConfigurationDefault"),
    show: show_default,
    ..Set::new(
        "crossTenantAccessPolicyConfigurationDefault",
        "/policies/crossTenantAccessPolicy/default",
        "cross-tenant-default",
        "cross-tenant-default",
    )
};

static PARTNERS: Set = Set {
    shelf: "crossTenantAccessPartners",
    required: &["tenantId"],
    fixed: &[],
    once: &["tenantId"],
    unique: &["tenantId"],
    alternate: Some("tenantId"),
    check: check_partner,
    fill: |_, props| {
        let id = props.get("tenantId").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        props.insert("id".to_owned(), json!(id));
    },
    show: show_partner,
    ..Set::new(PARTNER, PARTNERS_PATH, "cross-tenant-partner", "cross-tenant-partners")
};

const PARTNER: &str = "crossTenantAccessPolicyConfigurationPartner";
const PARTNERS_PATH: &str = "/policies/crossTenantAccessPolicy/partners";
const SYNC: &str = "crossTenantIdentitySyncPolicyPartner";
const SYNC_SHELF: &str = "crossTenantIdentitySync";

pub fn routes(to: &mut Routes) {
    to.singleton("PATCH", &POLICY, READERS, WRITERS);
    to.singleton("PATCH", &DEFAULT, READERS, WRITERS);
    let reset = format!("{}/resetToSystemDefault", DEFAULT.path);
    to.write("POST", reset, "reset-cross-tenant-default", DEFAULT.of, reset_default).by(WRITERS);
    to.set(&PARTNERS, READERS, WRITERS);
    let sync = format!("{PARTNERS_PATH}/{{key}}/identitySynchronization");
    to.read(sync.clone(), "get-identity-synchronization", SYNC, get_sync).by(READERS);
    to.write("PUT", sync.clone(), "set-identity-synchronization", SYNC, put_sync).by(WRITERS);
    to.write("PATCH", sync.clone(), "update-identity-synchronization", SYNC, patch_sync).by(WRITERS);
    to.write("DELETE", sync, "delete-identity-synchronization", SYNC, delete_sync).by(WRITERS);
}

/// Graph: crossTenantAccessPolicy, `allowedCloudEndpoints`.
fn known_clouds(_: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let known = ["microsoftonline.com", "microsoftonline.us", "partner.microsoftonline.cn"];
    let all = after.get("allowedCloudEndpoints").and_then(Value::as_array).into_iter().flatten();
    match all.into_iter().find(|c| !c.as_str().is_some_and(|c| known.contains(&c))) {
        Some(bad) => Err(Failure::bad(format!("Invalid value {bad} for property 'allowedCloudEndpoints'."))),
        None => Ok(()),
    }
}

fn show_default(_: &Ctx, item: &Item, value: &mut Value) {
    value["isServiceDefault"] = json!(item.modified == jiff::Timestamp::UNIX_EPOCH);
}

fn reset_default(ctx: &mut Ctx) -> Reply {
    let tenant = ctx.tenant_mut()?;
    tenant.shelves.remove(DEFAULT.name());
    Ok(Answer::empty(204))
}

fn check_partner(ctx: &Ctx, before: Option<&Props>, after: &Props) -> Result<(), Failure> {
    let id = after.get("tenantId").and_then(Value::as_str).unwrap_or_default();
    let invalid = || Failure::bad(format!("Invalid value '{id}' specified for property 'tenantId'."));
    if before.is_none() {
        let known = ids::is_guid(id) && ctx.state.tenants.contains_key(&id.to_ascii_lowercase());
        let own = id.eq_ignore_ascii_case(&ctx.caller.tenant);
        if !ids::is_guid(id) || own {
            return Err(invalid());
        }
        if !known {
            return Err(Failure::new(
                404,
                "Directory_ObjectNotFound",
                format!("Unable to read the company information from the directory for '{id}'."),
            ));
        }
    }
    check_settings(after)
}

/// Users and applications of a B2B setting go together.
fn check_settings(after: &Props) -> Result<(), Failure> {
    let kinds =
        ["b2bCollaborationInbound", "b2bCollaborationOutbound", "b2bDirectConnectInbound", "b2bDirectConnectOutbound"];
    for kind in kinds {
        for part in ["usersAndGroups", "applications"] {
            let Some(setting) = after.get(kind).and_then(|s| s.get(part)).filter(|s| !s.is_null()) else { continue };
            let targets = setting.get("targets").and_then(Value::as_array);
            if setting.get("accessType").is_none_or(Value::is_null) || targets.is_none_or(Vec::is_empty) {
                return Err(Failure::bad(format!("Invalid value specified for property '{kind}/{part}'.")));
            }
        }
    }
    Ok(())
}

/// What is not said of a partner is `null`: the default holds. A partner with roles here through GDAP is a provider.
fn show_partner(ctx: &Ctx, item: &Item, value: &mut Value) {
    let gdap = item.id == ctx.state.partner
        && crate::sandbox::gdap::active_into(ctx.state, &ctx.caller.tenant).next().is_some();
    let written = item.props.get("isServiceProvider").cloned().unwrap_or(Value::Null);
    value["isServiceProvider"] = if gdap { json!(true) } else { written };
    if value["automaticUserConsentSettings"].is_null() {
        value["automaticUserConsentSettings"] = json!({ "inboundAllowed": null, "outboundAllowed": null });
    }
    value["isInMultiTenantOrganization"] = json!(false);
}

fn partner(ctx: &Ctx) -> Result<String, Failure> {
    sets::find(ctx, &PARTNERS).map(|item| item.id)
}

fn sync(ctx: &Ctx, partner: &str) -> Result<Item, Failure> {
    let hit = ctx.tenant()?.shelves.get(SYNC_SHELF).and_then(|s| s.get(partner));
    hit.cloned().ok_or_else(|| Failure::not_found(partner))
}

fn get_sync(ctx: &mut Ctx) -> Reply {
    let partner = partner(ctx)?;
    let mut props = sync(ctx, &partner)?.props;
    props.insert("tenantId".to_owned(), json!(partner));
    let context = format!("policies/crossTenantAccessPolicy/partners('{partner}')/identitySynchronization");
    query::single(ctx, SYNC, &context, shape::complete(SYNC, props), 200)
}

fn sync_body(ctx: &Ctx, partner: &str) -> Result<Props, Failure> {
    let mut body = ctx.body(SYNC)?;
    match body.remove("tenantId").as_ref().and_then(Value::as_str) {
        Some(other) if !other.eq_ignore_ascii_case(partner) => {
            Err(Failure::bad("Property 'tenantId' is read-only and cannot be set."))
        }
        _ => Ok(body),
    }
}

fn keep_sync(ctx: &mut Ctx, partner: String, item: Item) -> Reply {
    ctx.tenant_mut()?.shelves.entry(SYNC_SHELF.to_owned()).or_default().insert(partner, item);
    Ok(Answer::empty(204))
}

/// Graph: create identitySynchronization. It is made once.
fn put_sync(ctx: &mut Ctx) -> Reply {
    let partner = partner(ctx)?;
    let props = sync_body(ctx, &partner)?;
    if sync(ctx, &partner).is_ok() {
        return Err(Failure::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            "An identity synchronization policy of this partner already exists.",
        ));
    }
    let item = Item { id: partner.clone(), props, created: ctx.now, modified: ctx.now };
    keep_sync(ctx, partner, item)
}

fn patch_sync(ctx: &mut Ctx) -> Reply {
    let partner = partner(ctx)?;
    let mut item = sync(ctx, &partner)?;
    let body = sync_body(ctx, &partner)?;
    shape::patch(&mut item.props, body);
    item.modified = ctx.now;
    keep_sync(ctx, partner, item)
}

fn delete_sync(ctx: &mut Ctx) -> Reply {
    let partner = partner(ctx)?;
    sync(ctx, &partner)?;
    let tenant = ctx.tenant_mut()?;
    if let Some(shelf) = tenant.shelves.get_mut(SYNC_SHELF) {
        shelf.remove(&partner);
    }
    tenant.shelves.retain(|_, s| !s.is_empty());
    Ok(Answer::empty(204))
}
