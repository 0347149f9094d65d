//! Graph: the logo of an application.
use serde_json::json;

use super::access::APPS;
use super::errors::Failure;
use super::routes::Routes;
use super::{Ctx, Reply};
use crate::sandbox::http::{Answer, Body};
use crate::sandbox::keys;
use crate::sandbox::shelf::Item;
use crate::sandbox::state::Props;

const OF: &str = "application";

pub fn routes(to: &mut Routes) {
    const PATH: &str = "/applications/{key}/logo";
    to.read(PATH, "get-logo", OF, get);
    to.write("PUT", PATH, "set-logo", OF, put).by(APPS).or_owner();
    to.write("DELETE", PATH, "delete-logo", OF, delete).by(APPS).or_owner();
    // Some clients write streams as `$value`.
    to.read("/applications/{key}/logo/$value", "get-logo", OF, get);
}

/// Entra: 100 KB at most.
const LARGEST: usize = 100 * 1024;

const KINDS: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/bmp"];

fn shelf(id: &str) -> String {
    format!("{id}/logo")
}

fn put(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    ctx.need_owner(&id)?;
    let named = ctx.call.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = KINDS.iter().find(|k| named.starts_with(**k) || named.starts_with("image/*"));
    let kind = kind.ok_or_else(|| Failure::new(415, "UnsupportedMediaType", "The logo must be an image."))?;
    if ctx.call.body.is_empty() || ctx.call.body.len() > LARGEST {
        return Err(Failure::bad("The size of the logo is out of range."));
    }
    let props = Props::from_iter([
        ("type".to_owned(), json!(kind)),
        ("bytes".to_owned(), json!(keys::standard_b64(&ctx.call.body))),
    ]);
    let item = Item { id: "logo".to_owned(), props, created: ctx.now, modified: ctx.now };
    let url = format!("{}/{}/applications/{id}/logo", ctx.call.base(), ctx.version);
    let tenant = ctx.tenant_mut()?;
    tenant.shelves.entry(shelf(&id)).or_default().insert("logo".to_owned(), item);
    show(ctx, &id, Some(url))
}

/// `info.logoUrl` says where it is.
fn show(ctx: &mut Ctx, id: &str, url: Option<String>) -> Reply {
    let app = ctx.tenant_mut()?.applications.get_mut(id).ok_or_else(|| Failure::not_found(id))?;
    let info = app.props.entry("info").or_insert_with(|| json!({}));
    if info.is_object() {
        info["logoUrl"] = json!(url);
    }
    ctx.touch(OF, id)?;
    Ok(Answer::empty(204))
}

fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    let item = ctx.tenant()?.shelves.get(&shelf(&id)).and_then(|s| s.get("logo"));
    let item = item.ok_or_else(|| Failure::not_found("logo"))?;
    let kind = KINDS.into_iter().find(|k| item.props["type"] == *k).unwrap_or(KINDS[0]);
    let bytes = item.props["bytes"].as_str().and_then(keys::from_standard_b64).unwrap_or_default();
    Ok(Answer { status: 200, headers: Vec::new(), body: Body::Bytes(kind, bytes) })
}

fn delete(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    ctx.need_owner(&id)?;
    ctx.tenant_mut()?.shelves.remove(&shelf(&id)).ok_or_else(|| Failure::not_found("logo"))?;
    show(ctx, &id, None)
}
