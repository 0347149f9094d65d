//! Graph: conditionalAccessPolicy, and what was deleted of conditional access.
use serde_json::{Map, Value, json};

use super::conditional_access_rules as rules;
use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::sets::{self, Set};
use super::{Ctx, Reply, auth_strength, named_locations, shape};
use crate::sandbox::clock;
use crate::sandbox::facts;
use crate::sandbox::ids;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

pub const OF: &str = "conditionalAccessPolicy";
const PATH: &str = "/identity/conditionalAccess/policies";
const BIN: &str = "deletedConditionalAccessPolicies";

/// Graph: get conditionalAccessPolicy, update conditionalAccessPolicy.
pub const READERS: &[&str] = &[
    facts::SECURITY_READER,
    facts::SECURITY_ADMINISTRATOR,
    facts::GLOBAL_READER,
    facts::CONDITIONAL_ACCESS_ADMINISTRATOR,
    facts::GLOBAL_ADMINISTRATOR,
];
pub const WRITERS: &[&str] =
    &[facts::CONDITIONAL_ACCESS_ADMINISTRATOR, facts::SECURITY_ADMINISTRATOR, facts::GLOBAL_ADMINISTRATOR];

const BASE: Set = Set {
    required: &["displayName", "state", "conditions"],
    fixed: &["id", "createdDateTime", "modifiedDateTime", "deletedDateTime"],
    read,
    check: rules::check,
    fill: stamp,
    show,
    bin: Some(BIN),
    missing: policy_missing,
    ..Set::new(OF, PATH, "conditional-access-policy", "conditional-access-policies")
};

static POLICIES: Set = BASE;

/// The same policies under their older path.
static OTHERS: Set = Set { shelf: "policies", path: "/policies/conditionalAccessPolicies", ..BASE };

static DELETED: Set = Set {
    is_fixed: true,
    shelf: BIN,
    show,
    missing: policy_missing,
    ..Set::new(
        OF,
        "/identity/conditionalAccess/deletedItems/policies",
        "deleted-conditional-access-policy",
        "deleted-conditional-access-policies",
    )
};

static DELETED_LOCATIONS: Set = Set {
    is_fixed: true,
    shelf: named_locations::BIN,
    missing: named_locations::missing,
    ..Set::new(
        "namedLocation",
        "/identity/conditionalAccess/deletedItems/namedLocations",
        "deleted-named-location",
        "deleted-named-locations",
    )
};

static CONTEXTS: Set = Set {
    required: &["id", "displayName"],
    fixed: &[],
    once: &["id"],
    unique: &["id"],
    read: context_body,
    ..Set::new(
        "authenticationContextClassReference",
        "/identity/conditionalAccess/authenticationContextClassReferences",
        "authentication-context",
        "authentication-contexts",
    )
};

pub fn routes(to: &mut Routes) {
    to.set(&POLICIES, READERS, WRITERS);
    to.set(&OTHERS, READERS, WRITERS);
    to.set(&CONTEXTS, READERS, WRITERS);
    for set in [&DELETED, &DELETED_LOCATIONS] {
        to.read(set.path, format!("list-{}", set.many), set.of, list_deleted).of_set(set).by(READERS);
        let one = format!("{}/{{key}}", set.path);
        to.read(one.clone(), format!("get-{}", set.one), set.of, get_deleted).of_set(set).by(READERS);
        to.write("DELETE", one.clone(), format!("purge-{}", set.one), set.of, sets::delete).of_set(set).by(WRITERS);
        to.write("POST", format!("{one}/restore"), format!("restore-{}", set.one), set.of, restore)
            .of_set(set)
            .by(WRITERS);
    }
}

/// A refusal of the policy engine: a number, and a text that says what is wrong.
pub fn refused(number: u32, text: impl std::fmt::Display) -> Failure {
    Failure::bad_query(format!("{number}: {text}"))
}

fn policy_missing(id: &str) -> Failure {
    Failure::new(404, "NotFound", format!("1004: The conditional access policy '{id}' does not exist."))
}

/// What the engine says of a body that is no policy at all.
pub fn malformed() -> Failure {
    refused(
        1007,
        "Incoming ConditionalAccessPolicy object is null or does not match the schema of ConditionalAccessPolicy type. For examples, please see API documentation at https://docs.microsoft.com/en-us/graph/api/conditionalaccessroot-post-policies?view=graph-rest-1.0.",
    )
}

/// The strength in `grantControls` is a link: it is taken by its id, and kept that way.
fn read(ctx: &Ctx, set: &Set, _: Option<&Item>) -> Result<Props, Failure> {
    let mut body = ctx.json()?;
    let strength = match body.get_mut("grantControls").and_then(Value::as_object_mut) {
        Some(controls) => take_strength(controls)?,
        None => None,
    };
    rules::settle_external_tenants(&mut body)?;
    let mut props = shape::check(set.of, &body)?;
    if let (Some(strength), Some(Value::Object(controls))) = (strength, props.get_mut("grantControls")) {
        controls.insert("authenticationStrength".to_owned(), strength);
    }
    // Clients send back what they have read.
    for name in ["id", "createdDateTime", "modifiedDateTime", "deletedDateTime"] {
        if props.get(name).is_some_and(Value::is_null) {
            props.remove(name);
        }
    }
    Ok(props)
}

fn take_strength(controls: &mut Map<String, Value>) -> Result<Option<Value>, Failure> {
    controls.remove("authenticationStrength@odata.context");
    let bound = controls.remove("authenticationStrength@odata.bind");
    if let Some(reference) = bound.as_ref().and_then(Value::as_str) {
        let id = super::bound_id(reference).ok_or_else(malformed)?;
        return Ok(Some(json!({ "id": id })));
    }
    match controls.remove("authenticationStrength") {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(Value::Null)),
        Some(strength) => {
            let id = strength.get("id").and_then(Value::as_str).ok_or_else(malformed)?;
            // Some clients know a strength by its path.
            let id = id.rsplit('/').next().unwrap_or_default();
            Ok(Some(json!({ "id": id.to_ascii_lowercase() })))
        }
    }
}

fn stamp(ctx: &Ctx, props: &mut Props) {
    props.insert("createdDateTime".to_owned(), json!(ctx.now));
    props.remove("deletedDateTime");
}

/// All policies of a tenant, with their ids.
pub fn policies(t: &Tenant) -> impl Iterator<Item = &Item> {
    t.shelves.get("policies").into_iter().flat_map(|s| s.values())
}

/// A policy as Graph answers it.
pub fn render(ctx: &Ctx, item: &Item) -> Value {
    sets::shown(ctx, &POLICIES, item)
}

fn show(ctx: &Ctx, item: &Item, value: &mut Value) {
    if let Some(Value::Array(apps)) = value.pointer_mut("/conditions/clientAppTypes")
        && apps.is_empty()
    {
        apps.push(json!("all"));
    }
    for side in ["includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"] {
        let at = format!("/conditions/users/{side}/guestOrExternalUserTypes");
        if let Some(types) = value.pointer_mut(&at) {
            shuffle(ctx, &item.id, types);
        }
    }
    show_strength(ctx, item, value);
}

/// The members of a flags value come in no promised order.
fn shuffle(ctx: &Ctx, id: &str, flags: &mut Value) {
    let Some(text) = flags.as_str() else { return };
    let mut members: Vec<&str> = text.split(',').map(str::trim).collect();
    members.sort_by_cached_key(|m| ids::guid(ctx.state.seed, &["flags", id, m], 0));
    *flags = json!(members.join(","));
}

fn show_strength(ctx: &Ctx, item: &Item, value: &mut Value) {
    let Some(controls) = value.get_mut("grantControls").and_then(Value::as_object_mut) else { return };
    let strength = item.props.get("grantControls").and_then(|c| c.pointer("/authenticationStrength/id"));
    let shown = strength.and_then(Value::as_str).and_then(|id| auth_strength::shown(ctx, id));
    let at = format!(
        "{}/{}/$metadata#identity/conditionalAccess/policies('{}')/grantControls/authenticationStrength/$entity",
        ctx.call.base(),
        ctx.version,
        item.id
    );
    controls.insert("authenticationStrength@odata.context".to_owned(), json!(at));
    controls.insert("authenticationStrength".to_owned(), shown.unwrap_or(Value::Null));
}

/// Deleted objects are shown for 30 days.
fn is_kept(ctx: &Ctx, item: &Item) -> bool {
    let deleted = item.props.get("deletedDateTime").and_then(Value::as_str).and_then(|t| t.parse().ok());
    deleted.is_none_or(|at| clock::plus(at, clock::days(30)) > ctx.now)
}

fn list_deleted(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let all = sets::items(ctx.tenant()?, set, set.name());
    let items = all.iter().filter(|i| is_kept(ctx, i)).map(|i| sets::shown(ctx, set, i)).collect();
    let context = set.path.trim_start_matches('/');
    query::list(ctx, &List { directory: false, ..List::directory(set.of, context) }, items)
}

/// A deleted object of the path, while it is kept.
fn deleted(ctx: &Ctx) -> Result<Item, Failure> {
    let set = sets::of_route(ctx)?;
    let item = sets::find(ctx, set)?;
    if is_kept(ctx, &item) { Ok(item) } else { Err((set.missing)(&item.id)) }
}

fn get_deleted(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let item = deleted(ctx)?;
    query::single(ctx, set.of, set.path.trim_start_matches('/'), sets::shown(ctx, set, &item), 200)
}

/// Back to where it was, under the same id.
fn restore(ctx: &mut Ctx) -> Reply {
    let set = sets::of_route(ctx)?;
    let mut item = deleted(ctx)?;
    item.props.remove("deletedDateTime");
    item.modified = ctx.now;
    let home = if set.of == OF { &POLICIES } else { &named_locations::LOCATIONS };
    let tenant = ctx.tenant_mut()?;
    if let Some(bin) = tenant.shelves.get_mut(set.name()) {
        bin.remove(&item.id);
    }
    tenant.shelves.entry(home.name().to_owned()).or_default().insert(item.id.clone(), item.clone());
    tenant.shelves.retain(|_, s| !s.is_empty());
    ctx.touch(set.of, &item.id)?;
    query::single(ctx, set.of, home.path.trim_start_matches('/'), sets::shown(ctx, home, &item), 200)
}

/// Graph: authenticationContextClassReference, ids `c1` to `c99`. Updates make what is missing.
fn context_body(ctx: &Ctx, set: &Set, old: Option<&Item>) -> Result<Props, Failure> {
    let mut body = ctx.body(set.of)?;
    let id = body.get("id").and_then(Value::as_str).map(str::to_owned);
    if let Some(id) = id.filter(|_| old.is_none()) {
        let number = id.strip_prefix('c').and_then(|n| n.parse::<u8>().ok());
        if !number.is_some_and(|n| (1..=99).contains(&n)) {
            return Err(Failure::bad_query(format!("Invalid authentication context id '{id}'.")));
        }
    }
    if old.is_some() {
        body.remove("id");
    }
    Ok(body)
}
