//! Graph: authenticationCombinationConfiguration, what a custom strength asks of its security keys and certificates.
use serde_json::{Value, json};

use super::conditional_access::{READERS, WRITERS};
use super::errors::Failure;
use super::query::{self, List};
use super::routes::Routes;
use super::{Ctx, Reply, auth_strength, shape};
use crate::sandbox::facts;
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::Props;

const OF: &str = "authenticationCombinationConfiguration";

pub fn routes(to: &mut Routes) {
    for path in
        ["/policies/authenticationStrengthPolicies", "/identity/conditionalAccess/authenticationStrength/policies"]
    {
        let all = format!("{path}/{{key}}/combinationConfigurations");
        let one = format!("{all}/{{id}}");
        to.read(all.clone(), "list-combination-configurations", OF, list).by(READERS);
        to.write("POST", all, "create-combination-configuration", OF, create).by(WRITERS);
        to.read(one.clone(), "get-combination-configuration", OF, get).by(READERS);
        to.write("PATCH", one.clone(), "update-combination-configuration", OF, update).by(WRITERS);
        to.write("DELETE", one, "delete-combination-configuration", OF, delete).by(WRITERS);
    }
}

fn shelf(strength: &str) -> String {
    format!("{strength}/combinationConfigurations")
}

fn render(item: &Item) -> Value {
    let of = item.props.get("@odata.type").and_then(Value::as_str).unwrap_or(OF).to_owned();
    let mut props = item.props.clone();
    props.insert("id".to_owned(), json!(item.id));
    shape::complete(of.trim_start_matches("#microsoft.graph."), props)
}

/// Those of one strength.
pub fn all(ctx: &Ctx, strength: &str) -> Vec<Value> {
    let kept = ctx.tenant().ok().and_then(|t| t.shelves.get(&shelf(strength)));
    kept.into_iter().flat_map(|s| s.values()).map(render).collect()
}

/// The strength that the path names; one that is built in cannot be written.
fn strength(ctx: &Ctx, write: bool) -> Result<String, Failure> {
    let id = ctx.id(0).to_ascii_lowercase();
    let shown = auth_strength::shown(ctx, &id).ok_or_else(|| Failure::not_found(&id))?;
    if write && shown["policyType"] == "builtIn" {
        return Err(Failure::bad_query("A built-in authentication strength policy cannot be changed."));
    }
    Ok(id)
}

fn context(strength: &str) -> String {
    format!("policies/authenticationStrengthPolicies('{strength}')/combinationConfigurations")
}

fn list(ctx: &mut Ctx) -> Reply {
    let strength = strength(ctx, false)?;
    let items = all(ctx, &strength);
    query::list(ctx, &List { directory: false, ..List::directory(OF, &context(&strength)) }, items)
}

fn find(ctx: &Ctx, strength: &str) -> Result<Item, Failure> {
    let id = ctx.id(1);
    let hit = ctx.tenant()?.shelves.get(&shelf(strength)).and_then(|s| s.get(&id.to_ascii_lowercase()));
    hit.cloned().ok_or_else(|| Failure::not_found(&id))
}

fn get(ctx: &mut Ctx) -> Reply {
    let strength = strength(ctx, false)?;
    let item = find(ctx, &strength)?;
    query::single(ctx, OF, &context(&strength), render(&item), 200)
}

/// The body, which says of which kind it is: of security keys, or of certificates.
fn body(ctx: &Ctx, old: Option<&Item>) -> Result<Props, Failure> {
    let mut body = ctx.json()?;
    let own = old.and_then(|i| i.props.get("@odata.type")).and_then(Value::as_str);
    let said = body.get("@odata.type").and_then(Value::as_str).or(own).unwrap_or_default();
    let name = said.trim_start_matches('#').trim_start_matches("microsoft.graph.").to_owned();
    if !facts::types().is_a(&name, OF) || name == OF {
        return Err(Failure::bad_query(format!("'@odata.type' must say which kind of '{OF}' it is.")));
    }
    if let Some(map) = body.as_object_mut() {
        map.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{name}")));
    }
    let props = shape::check(OF, &body)?;
    if props.contains_key("id") {
        return Err(Failure::bad("Property 'id' is read-only and cannot be set."));
    }
    Ok(props)
}

fn check(props: &Props) -> Result<(), Failure> {
    let is_key =
        props.get("@odata.type").and_then(Value::as_str) == Some("#microsoft.graph.fido2CombinationConfiguration");
    let fits = |c: &Value| {
        let c = c.as_str().unwrap_or_default();
        if is_key { c == "fido2" } else { c.starts_with("x509Certificate") }
    };
    let applies = props.get("appliesToCombinations").and_then(Value::as_array);
    if !applies.is_some_and(|a| !a.is_empty() && a.iter().all(fits)) {
        return Err(Failure::bad_query("Invalid value specified for property 'appliesToCombinations'."));
    }
    Ok(())
}

fn create(ctx: &mut Ctx) -> Reply {
    let strength = strength(ctx, true)?;
    let props = body(ctx, None)?;
    check(&props)?;
    let kind = props.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    let id = ctx.state.fresh_id(&ctx.caller.tenant, OF, &format!("{strength} {kind}"));
    let item = Item { id: id.clone(), props, created: ctx.now, modified: ctx.now };
    let shown = render(&item);
    ctx.tenant_mut()?.shelves.entry(shelf(&strength)).or_default().insert(id, item);
    query::single(ctx, OF, &context(&strength), shown, 201)
}

fn update(ctx: &mut Ctx) -> Reply {
    let strength = strength(ctx, true)?;
    let mut item = find(ctx, &strength)?;
    let change = body(ctx, Some(&item))?;
    shape::patch(&mut item.props, change);
    check(&item.props)?;
    item.modified = ctx.now;
    ctx.tenant_mut()?.shelves.entry(shelf(&strength)).or_default().insert(item.id.clone(), item);
    Ok(Answer::empty(204))
}

fn delete(ctx: &mut Ctx) -> Reply {
    let strength = strength(ctx, true)?;
    let item = find(ctx, &strength)?;
    let tenant = ctx.tenant_mut()?;
    if let Some(shelf) = tenant.shelves.get_mut(&shelf(&strength)) {
        shelf.remove(&item.id);
    }
    tenant.shelves.retain(|_, s| !s.is_empty());
    ctx.state.retired.insert(item.id);
    Ok(Answer::empty(204))
}
