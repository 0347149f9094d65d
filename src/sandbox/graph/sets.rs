//! Collections whose objects are kept as they were written: the checks of their type, and what a [`Set`] says.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::Failure;
use super::query::{self, List};
use super::routes::Key;
use super::{Ctx, Reply, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::{Props, Tenant};

/// A collection, or an object that a tenant has exactly one of.
#[derive(Debug)]
pub struct Set {
    /// Graph type of its objects; where that is abstract, a body says which it is.
    pub of: &'static str,
    /// `/identity/conditionalAccess/policies`; below an object: `/applications/{key}/federatedIdentityCredentials`.
    pub path: &'static str,
    /// The type whose objects contain it.
    pub owner: Option<&'static str>,
    /// What one and many of its objects are called in the names of routes.
    pub one: &'static str,
    pub many: &'static str,
    /// A property besides `id` by which an object may be named in a path.
    pub alternate: Option<&'static str>,
    /// Without these there is no object.
    pub required: &'static [&'static str],
    /// Set by the service: a body that names them is refused.
    pub fixed: &'static [&'static str],
    /// Set once, at creation.
    pub once: &'static [&'static str],
    /// No two objects agree in one of these.
    pub unique: &'static [&'static str],
    pub page: usize,
    /// Lists refuse advanced queries unless they are asked for.
    pub is_directory: bool,
    /// Nobody can make, change or delete its objects.
    pub is_fixed: bool,
    /// Objects that every tenant has; they can be changed, not deleted.
    pub built_in: fn(&Tenant) -> Vec<Props>,
    /// What the service adds to a new object.
    pub fill: fn(&Ctx, &mut Props),
    /// Checks beyond the type: the object before (at a change) and after.
    pub check: fn(&Ctx, Option<&Props>, &Props) -> Result<(), Failure>,
    /// The shelf, where it is not called as the last word of the path.
    pub shelf: &'static str,
    /// Reads a body, of a new object or of a change of one.
    pub read: fn(&Ctx, &Set, Option<&Item>) -> Result<Props, Failure>,
    /// What an answer shows besides what is kept.
    pub show: fn(&Ctx, &Item, &mut Value),
    /// Whether an object may be deleted.
    pub may_go: fn(&Ctx, &Item) -> Result<(), Failure>,
    /// The shelf where deleted objects wait to be restored.
    pub bin: Option<&'static str>,
    /// How a missing object is answered.
    pub missing: fn(&str) -> Failure,
}

impl Set {
    pub const fn new(of: &'static str, path: &'static str, one: &'static str, many: &'static str) -> Set {
        Set {
            of,
            path,
            owner: None,
            one,
            many,
            alternate: None,
            required: &[],
            fixed: &["id"],
            once: &[],
            unique: &[],
            page: 100,
            is_directory: false,
            is_fixed: false,
            built_in: |_| Vec::new(),
            fill: |_, _| {},
            check: |_, _, _| Ok(()),
            shelf: "",
            read: |ctx, set, _| ctx.body(set.of),
            show: |_, _, _| {},
            may_go: |_, _| Ok(()),
            bin: None,
            missing: Failure::not_found,
        }
    }

    /// The last word of its path, unless it says otherwise.
    pub fn name(&self) -> &'static str {
        if !self.shelf.is_empty() {
            return self.shelf;
        }
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    fn context(&self) -> &'static str {
        self.path.trim_start_matches('/')
    }
}

/// The key of a shelf: the path of the collection, or its owner's id and its name.
fn shelf_of(ctx: &Ctx, set: &Set) -> Result<String, Failure> {
    match set.owner {
        None => Ok(set.name().to_owned()),
        Some(of) => {
            let id = ctx.found(of, 0)?;
            ctx.need_owner(&id)?;
            Ok(format!("{id}/{}", set.name()))
        }
    }
}

pub fn of_route(ctx: &Ctx) -> Result<&'static Set, Failure> {
    ctx.route.set.ok_or_else(|| Failure::segment(&ctx.route.pattern))
}

/// Kinds of directory objects that are kept on shelves, and on which.
const DIRECTORY_OBJECTS: &[(&str, &str)] = &[
    ("administrativeUnit", "administrativeUnits"),
    ("tokenLifetimePolicy", "tokenLifetimePolicies"),
    ("tokenIssuancePolicy", "tokenIssuancePolicies"),
    ("claimsMappingPolicy", "claimsMappingPolicies"),
    ("homeRealmDiscoveryPolicy", "homeRealmDiscoveryPolicies"),
    ("appManagementPolicy", "appManagementPolicies"),
    ("activityBasedTimeoutPolicy", "activityBasedTimeoutPolicies"),
];

/// The type of the directory objects on a shelf.
pub fn type_of_shelf(shelf: &str) -> &'static str {
    DIRECTORY_OBJECTS.iter().find(|(_, s)| *s == shelf).map_or("directoryObject", |(of, _)| of)
}

/// An item of a type that is a directory object.
pub fn shelf_item<'a>(tenant: &'a Tenant, of: &str, id: &str) -> Option<&'a Item> {
    let (_, shelf) = DIRECTORY_OBJECTS.iter().find(|(t, _)| *t == of)?;
    tenant.shelves.get(*shelf)?.get(id)
}

pub fn directory_object(tenant: &Tenant, id: &str) -> Option<(&'static str, Value)> {
    DIRECTORY_OBJECTS.iter().find_map(|(of, shelf)| {
        let item = tenant.shelves.get(*shelf)?.get(id)?;
        Some((*of, render_as(of, item)))
    })
}

pub fn render_as(of: &str, item: &Item) -> Value {
    let mut props = item.props.clone();
    props.insert("id".to_owned(), json!(item.id));
    let own = own_type(of, &props).to_owned();
    shape::complete(&own, props)
}

/// The objects of a collection inside an object.
pub fn inside(tenant: &Tenant, set: &Set, owner: &str) -> Vec<Value> {
    let all = items(tenant, set, &format!("{owner}/{}", set.name()));
    all.iter().map(|item| render_as(set.of, item)).collect()
}

/// An object as this collection answers it.
pub fn shown(ctx: &Ctx, set: &Set, item: &Item) -> Value {
    let mut value = render_as(set.of, item);
    (set.show)(ctx, item, &mut value);
    value
}

/// The type that an object says it is, where the collection's type has descendants.
fn own_type<'a>(of: &'a str, props: &'a Props) -> &'a str {
    props.get("@odata.type").and_then(Value::as_str).and_then(|t| t.strip_prefix("#microsoft.graph.")).unwrap_or(of)
}

/// All objects of a shelf: what was written, and the built-in ones that were not changed.
pub fn items(tenant: &Tenant, set: &Set, shelf: &str) -> Vec<Item> {
    let written = tenant.shelves.get(shelf);
    let mut all: Vec<Item> = written.into_iter().flat_map(|s| s.values().cloned()).collect();
    for props in (set.built_in)(tenant) {
        let id = props.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if written.is_none_or(|s| !s.contains_key(&id)) {
            all.push(Item { id, props, created: Timestamp::UNIX_EPOCH, modified: Timestamp::UNIX_EPOCH });
        }
    }
    all
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let tenant = ctx.tenant()?;
    let mut all: Vec<Value> =
        items(tenant, set, &shelf_of(ctx, set)?).iter().map(|item| shown(ctx, set, item)).collect();
    if let Some(cast) = &ctx.cast {
        super::objects::of_type(&mut all, cast);
    }
    let context = context_of(ctx, set);
    let how = List { of: set.of, context: &context, default_top: set.page, max_top: 999, directory: set.is_directory };
    query::list(ctx, &how, all)
}

/// `applications('{id}')/federatedIdentityCredentials` for a collection inside an object.
fn context_of(ctx: &Ctx, set: &Set) -> String {
    match set.owner {
        None => set.context().to_owned(),
        Some(_) => set.context().replace("/{key}", &format!("('{}')", ctx.id(0))),
    }
}

fn key_of(ctx: &Ctx, set: &Set) -> Key {
    ctx.key(usize::from(set.owner.is_some()))
}

pub fn find(ctx: &Ctx, set: &Set) -> Result<Item, Failure> {
    let key = key_of(ctx, set);
    let all = items(ctx.tenant()?, set, &shelf_of(ctx, set)?);
    let hit = all.into_iter().find(|item| match (&key, set.alternate) {
        (Key::Alternate(name, value), Some(known)) if name == known => {
            item.props.get(known).and_then(Value::as_str) == Some(value)
        }
        (Key::Alternate(name, _), _) if name != "id" => false,
        // Some collections take either in the plain form.
        (key, known) => {
            let text = key.text();
            item.id.eq_ignore_ascii_case(&text)
                || known.is_some_and(|k| item.props.get(k).and_then(Value::as_str) == Some(&text))
        }
    });
    hit.ok_or_else(|| (set.missing)(&key.text()))
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let item = find(ctx, set)?;
    let context = context_of(ctx, set);
    query::single(ctx, set.of, &context, shown(ctx, set, &item), 200)
}

pub fn create(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let body = (set.read)(ctx, set, None)?;
    let item = make(ctx, set, body)?;
    let context = context_of(ctx, set);
    query::single(ctx, set.of, &context, shown(ctx, set, &item), 201)
}

fn make(ctx: &mut Ctx, set: &'static Set, mut body: Props) -> Result<Item, Failure> {
    let abstract_type = facts::of_type(own_type(set.of, &body)).is_none_or(|t| t.is_abstract);
    if abstract_type {
        return Err(Failure::bad_query(format!(
            "A type named 'microsoft.graph.{}' is abstract and cannot be created: '@odata.type' must say which it is.",
            set.of
        )));
    }
    check_fixed(set, &body)?;
    for name in set.required {
        if body.get(*name).is_none_or(|v| v.is_null() || v.as_str().is_some_and(str::is_empty)) {
            return Err(Failure::required(name, &facts::noun(set.of)));
        }
    }
    let shelf = shelf_of(ctx, set)?;
    check_unique(ctx, set, &shelf, None, &body)?;
    (set.check)(ctx, None, &body)?;
    (set.fill)(ctx, &mut body);
    let natural = ["displayName", "name", "tenantId"].iter().find_map(|k| body.get(*k).and_then(Value::as_str));
    let key = format!("{shelf} {}", natural.unwrap_or_default());
    let given = body.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = given.unwrap_or_else(|| ctx.state.fresh_id(&ctx.caller.tenant, set.of, &key));
    body.remove("id");
    let item = Item { id: id.clone(), props: body, created: ctx.now, modified: ctx.now };
    ctx.tenant_mut()?.shelves.entry(shelf).or_default().insert(id.clone(), item.clone());
    ctx.touch(set.of, &id)?;
    Ok(item)
}

fn check_fixed(set: &Set, body: &Props) -> Result<(), Failure> {
    match set.fixed.iter().find(|name| body.contains_key(**name)) {
        Some(name) => Err(Failure::bad(format!("Property '{name}' is read-only and cannot be set."))),
        None => Ok(()),
    }
}

fn check_unique(ctx: &Ctx, set: &Set, shelf: &str, own: Option<&str>, body: &Props) -> Result<(), Failure> {
    let all = items(ctx.tenant()?, set, shelf);
    for name in set.unique {
        let taken = |item: &Item| Some(item.id.as_str()) != own && item.props.get(*name) == body.get(*name);
        if body.get(*name).is_some_and(|v| !v.is_null()) && all.iter().any(taken) {
            return Err(Failure::new(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                format!("Another object with the same value for property {name} already exists."),
            ));
        }
    }
    Ok(())
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let found = find(ctx, set);
    let body = (set.read)(ctx, set, found.as_ref().ok())?;
    let item = match (found, key_of(ctx, set)) {
        (Ok(item), _) => item,
        (Err(_), Key::Alternate(name, value))
            if Some(name.as_str()) == set.alternate && super::create_if_missing(ctx.call) =>
        {
            let mut body = body;
            body.insert(name, json!(value));
            let item = make(ctx, set, body)?;
            let context = context_of(ctx, set);
            return query::single(ctx, set.of, &context, shown(ctx, set, &item), 201);
        }
        (Err(missing), _) => return Err(missing),
    };
    change(ctx, set, item, body)?;
    Ok(Answer::empty(204))
}

fn change(ctx: &mut Ctx, set: &'static Set, mut item: Item, mut body: Props) -> Result<(), Failure> {
    // Clients send back the id that they have read.
    if body.get("id").and_then(Value::as_str) == Some(&item.id) {
        body.remove("id");
    }
    check_fixed(set, &body)?;
    for name in set.once {
        if body.get(*name).is_some_and(|new| item.props.get(*name) != Some(new)) {
            return Err(Failure::bad(format!("Property '{name}' is read-only and cannot be changed once set.")));
        }
    }
    let before = item.props.clone();
    shape::patch(&mut item.props, body);
    let shelf = shelf_of(ctx, set)?;
    check_unique(ctx, set, &shelf, Some(&item.id), &item.props)?;
    (set.check)(ctx, Some(&before), &item.props)?;
    item.modified = ctx.now;
    if facts::of_type(set.of).is_some_and(|t| t.properties.contains_key("modifiedDateTime")) {
        item.props.insert("modifiedDateTime".to_owned(), json!(ctx.now));
    }
    let id = item.id.clone();
    ctx.tenant_mut()?.shelves.entry(shelf).or_default().insert(id.clone(), item);
    ctx.touch(set.of, &id)
}

pub fn delete(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let item = find(ctx, set)?;
    (set.may_go)(ctx, &item)?;
    let shelf = shelf_of(ctx, set)?;
    let now = ctx.now;
    let tenant = ctx.tenant_mut()?;
    let gone = tenant.shelves.get_mut(&shelf).and_then(|s| s.remove(&item.id));
    let Some(mut gone) = gone else {
        return Err(Failure::new(403, "Authorization_RequestDenied", "A built-in object cannot be deleted."));
    };
    tenant.links.forget(&item.id);
    tenant.history.remove(set.of, &item.id, set.bin.is_none());
    if let Some(bin) = set.bin {
        gone.props.insert("deletedDateTime".to_owned(), json!(now));
        tenant.shelves.entry(bin.to_owned()).or_default().insert(gone.id.clone(), gone);
    }
    // What was inside it is gone too.
    let inner = format!("{}/", item.id);
    tenant.shelves.retain(|path, s| !s.is_empty() && (set.bin.is_some() || !path.starts_with(&inner)));
    if set.bin.is_none() {
        ctx.state.retired.insert(item.id);
    }
    Ok(Answer::empty(204))
}

/// The one object: as it was written last, else as every tenant has it.
pub fn the_one(ctx: &Ctx, set: &Set) -> Result<Item, Failure> {
    items(ctx.tenant()?, set, set.name()).into_iter().next().ok_or_else(|| Failure::segment(set.name()))
}

pub fn get_singleton(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let item = the_one(ctx, set)?;
    query::single(ctx, set.of, set.context(), shown(ctx, set, &item), 200)
}

pub fn update_singleton(ctx: &mut Ctx) -> Reply {
    let set = of_route(ctx)?;
    let item = the_one(ctx, set)?;
    let body = (set.read)(ctx, set, Some(&item))?;
    change(ctx, set, item, body)?;
    Ok(Answer::empty(204))
}
