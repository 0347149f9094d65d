//! What a delta query tells of an object.
use serde_json::{Value, json};

use crate::sandbox::facts;
use crate::sandbox::graph::query::{self, Selection};
use crate::sandbox::graph::{Ctx, nav, objects};
use crate::sandbox::shelf::Mark;

/// An object with what is selected of it, and its tracked links.
pub fn shown(ctx: &Ctx, of: &'static str, item: Value, selection: &Selection, mark: Option<(&Mark, u64)>) -> Value {
    let Value::Object(mut map) = item else { return item };
    let id = map.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    map.remove("@odata.type");
    selection.apply(of, &mut map);
    let is_new =
        |name: &str| mark.is_none_or(|(m, since)| m.made > since || m.changed.get(name).is_some_and(|s| *s > since));
    let was_set = |name: &str| mark.is_some_and(|(m, _)| m.changed.contains_key(name));
    let minimal = mark.is_some() && query::prefers(ctx.call, "return=minimal");
    // What was never set is not told; what was taken away is.
    map.retain(|k, v| (!v.is_null() || was_set(k)) && (!minimal || is_new(k)));
    map.insert("id".to_owned(), json!(id));
    for link in links(of, selection) {
        let told = targets(ctx, of, &id, link, mark);
        if !told.is_empty() {
            map.insert(format!("{link}@delta"), Value::Array(told));
        }
    }
    if ctx.route.of == "directoryObject" {
        map.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{of}")));
    }
    query::dress(ctx, ctx.route.of, &mut map);
    Value::Object(map)
}

/// The links that are tracked: those selected, and without a selection a container's members.
fn links<'a>(of: &str, selection: &'a Selection) -> Vec<&'a str> {
    let Selection::These(names) = selection else {
        let has_members = ["group", "administrativeUnit", "directoryRole"].contains(&of);
        return if has_members { vec!["members"] } else { Vec::new() };
    };
    let table = facts::of_type(of);
    names.iter().map(String::as_str).filter(|n| table.is_some_and(|t| t.links.contains_key(*n))).collect()
}

/// The targets of a link: all of them where the object is new, else those that came or went.
fn targets(ctx: &Ctx, of: &str, id: &str, link: &str, mark: Option<(&Mark, u64)>) -> Vec<Value> {
    let Ok(tenant) = ctx.tenant() else { return Vec::new() };
    let short = |item: &Value| json!({ "@odata.type": item["@odata.type"], "id": item["id"] });
    let Some((mark, since)) = mark.filter(|(m, since)| m.made <= *since) else {
        let Some(nav) = nav::named(of, link) else { return Vec::new() };
        return nav.targets_of(ctx.state, tenant, id).iter().map(short).collect();
    };
    let moved = mark.targets.get(link).into_iter().flatten().filter(|(_, (seq, _))| *seq > since);
    let told = |(target, (_, added)): (&String, &(u64, bool))| {
        let of = objects::shown(ctx.state, tenant, target).map_or("directoryObject", |(of, _)| of);
        let mut out = json!({ "@odata.type": format!("#microsoft.graph.{of}"), "id": target });
        if !added {
            out["@removed"] = json!({ "reason": "deleted" });
        }
        out
    };
    moved.map(told).collect()
}
