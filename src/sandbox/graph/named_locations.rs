//! Graph: ipNamedLocation, countryNamedLocation.
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::conditional_access::{READERS, WRITERS, policies, refused};
use super::errors::Failure;
use super::routes::Routes;
use super::sets::Set;
use super::{Ctx, shape, skus};
use crate::sandbox::facts;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::Props;

pub const BIN: &str = "deletedNamedLocations";

pub static LOCATIONS: Set = Set {
    required: &["displayName"],
    fixed: &["id", "createdDateTime", "modifiedDateTime", "deletedDateTime"],
    once: &["@odata.type"],
    read,
    check,
    fill: stamp,
    may_go,
    bin: Some(BIN),
    missing,
    ..Set::new("namedLocation", "/identity/conditionalAccess/namedLocations", "named-location", "named-locations")
};

pub fn routes(to: &mut Routes) {
    to.set(&LOCATIONS, READERS, WRITERS);
}

pub fn missing(id: &str) -> Failure {
    Failure::new(404, "NotFound", format!("1056: The named location '{id}' does not exist."))
}

/// The body says which kind of location it is; a change may leave that out.
fn read(ctx: &Ctx, set: &Set, old: Option<&Item>) -> Result<Props, Failure> {
    let mut body = ctx.json()?;
    let said = body.get("@odata.type").and_then(Value::as_str).map(|t| t.trim_start_matches('#').to_owned());
    let own = old.and_then(|i| i.props.get("@odata.type")).and_then(Value::as_str);
    let of = said.or_else(|| own.map(|t| t.trim_start_matches('#').to_owned()));
    let name = of.as_deref().and_then(|t| t.strip_prefix("microsoft.graph.")).unwrap_or(set.of).to_owned();
    if !facts::types().is_a(&name, set.of) {
        return Err(Failure::bad_query(format!("The type 'microsoft.graph.{name}' is no named location.")));
    }
    if let Some(map) = body.as_object_mut().filter(|_| name != set.of) {
        map.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{name}")));
        // Clients send back what they have read.
        map.retain(|k, v| !(v.is_null() && set.fixed.contains(&k.as_str())));
    }
    shape::check(set.of, &body)
}

fn stamp(ctx: &Ctx, props: &mut Props) {
    props.insert("createdDateTime".to_owned(), json!(ctx.now));
    props.insert("modifiedDateTime".to_owned(), json!(ctx.now));
    props.entry("isTrusted").or_insert(json!(false));
    if props.contains_key("countriesAndRegions") {
        props.remove("isTrusted");
        props.entry("countryLookupMethod").or_insert(json!("clientIpAddress"));
    }
}

fn check(ctx: &Ctx, _: Option<&Props>, after: &Props) -> Result<(), Failure> {
    if !skus::has_plan(ctx.tenant()?, skus::P1) {
        return Err(Failure::new(403, "AccessDenied", "Your tenant is not licensed for this feature."));
    }
    if after.get("displayName").and_then(Value::as_str).is_none_or(|n| n.is_empty() || n.chars().count() > 256) {
        return Err(refused(1012, "Named location's display name is invalid."));
    }
    let list = |name: &str| after.get(name).and_then(Value::as_array).filter(|l| !l.is_empty());
    if after.get("@odata.type").and_then(Value::as_str) == Some("#microsoft.graph.countryNamedLocation") {
        let countries = list("countriesAndRegions");
        let unknown = after.get("includeUnknownCountriesAndRegions") == Some(&Value::Bool(true));
        let code = |c: &Value| c.as_str().is_some_and(|c| c.len() == 2 && c.chars().all(|c| c.is_ascii_uppercase()));
        let good = countries.is_some_and(|l| l.iter().all(code)) || (unknown && countries.is_none());
        return if good { Ok(()) } else { Err(refused(1014, "Named location contains invalid countries or regions.")) };
    }
    let ranges = list("ipRanges").ok_or_else(|| refused(1013, "Named location must contain at least one IP range."))?;
    if ranges.len() > 2_000 {
        return Err(refused(1013, "Named location contains too many IP ranges."));
    }
    match ranges.iter().find(|r| !is_range(r)) {
        None => Ok(()),
        Some(bad) => {
            let text = bad.get("cidrAddress").and_then(Value::as_str).unwrap_or_default();
            Err(refused(1015, format_args!("Named location contains an invalid IP range: '{text}'.")))
        }
    }
}

/// Graph: ipNamedLocation, prefixes from /8.
fn is_range(range: &Value) -> bool {
    let of = range.get("@odata.type").and_then(Value::as_str).unwrap_or_default().trim_start_matches('#').to_owned();
    let cidr = range.get("cidrAddress").and_then(Value::as_str).and_then(|c| c.split_once('/'));
    let Some((address, prefix)) = cidr else { return false };
    let bits = prefix.parse::<u8>().ok();
    match of.as_str() {
        "microsoft.graph.iPv4CidrRange" => {
            address.parse::<Ipv4Addr>().is_ok() && bits.is_some_and(|b| (8..=32).contains(&b))
        }
        "microsoft.graph.iPv6CidrRange" => {
            address.parse::<Ipv6Addr>().is_ok() && bits.is_some_and(|b| (8..=128).contains(&b))
        }
        _ => false,
    }
}

/// Neither a trusted location nor one that a policy names can be deleted.
fn may_go(ctx: &Ctx, item: &Item) -> Result<(), Failure> {
    if item.props.get("isTrusted") == Some(&Value::Bool(true)) {
        return Err(refused(1116, "A named location that is marked as trusted cannot be deleted."));
    }
    let named = |p: &Item| {
        ["includeLocations", "excludeLocations"].iter().any(|side| {
            let at = p.props.get("conditions").and_then(|c| c.pointer(&format!("/locations/{side}")));
            let list = at.and_then(Value::as_array).into_iter().flatten();
            list.into_iter().any(|id| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(&item.id)))
        })
    };
    if policies(ctx.tenant()?).any(named) {
        return Err(refused(1117, "The named location is used by a conditional access policy and cannot be deleted."));
    }
    Ok(())
}
