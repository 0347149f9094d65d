//! Graph: delegatedAdminRelationshipRequest and delegatedAdminRelationshipOperation.
use serde_json::{Value, json};

use super::relationships::{bad, find, find_mut, if_match};
use super::{Operation, Request, Status, arrive, etag};
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::{self, List};
use crate::sandbox::graph::{Ctx, Reply, shape};
use crate::sandbox::ids;

const TYPE: &str = "delegatedAdminRelationshipRequest";
const OPERATION: &str = "delegatedAdminRelationshipOperation";

fn render(r: &Request) -> Value {
    let props = json!({
        "@odata.etag": etag(&r.id, 1), "id": r.id, "action": r.action, "status": "succeeded", "createdDateTime": r.created, "lastModifiedDateTime": r.created,
    });
    shape::complete(TYPE, props.as_object().cloned().unwrap_or_default())
}

fn render_operation(ctx: &Ctx, o: &Operation) -> Value {
    // Evolvable: shown only to those who ask for unknown members.
    let asked = ctx.call.header("prefer").is_some_and(|p| p.contains("include-unknown-enum-members"));
    let kind = if o.kind == "delegatedAdminRelationshipUpdate" && !asked { "unknownFutureValue" } else { &o.kind };
    let props = json!({
        "@odata.etag": etag(&o.id, 1), "id": o.id, "operationType": kind, "status": "succeeded", "data": "{}",
        "createdDateTime": o.created, "lastModifiedDateTime": o.modified,
    });
    shape::complete(OPERATION, props.as_object().cloned().unwrap_or_default())
}

fn context(ctx: &Ctx, what: &str) -> String {
    format!("tenantRelationships/delegatedAdminRelationships('{}')/{what}", ctx.id(0))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let items = find(ctx)?.requests.iter().map(render).collect();
    query::list(ctx, &List::gdap(TYPE, &context(ctx, "requests")), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(1);
    let item = find(ctx)?.requests.iter().find(|r| r.id == id).map(render);
    let item = item.ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))?;
    query::single(ctx, TYPE, &context(ctx, "requests"), item, 200)
}

/// `lockForApproval` and `terminate`. The customer's approval has no API.
pub fn create(ctx: &mut Ctx) -> Reply {
    let body = ctx.body(TYPE)?;
    let action = body.get("action").and_then(Value::as_str).ok_or_else(|| bad("The action is required."))?.to_owned();
    let r = find(ctx)?;
    // Some clients send the etag here; it is not required.
    if ctx.call.header("if-match").is_some() {
        if_match(ctx, &etag(&r.id, r.version))?;
    }
    let to = match (action.as_str(), r.status) {
        ("lockForApproval", Status::Created) => Status::ApprovalPending,
        ("terminate", Status::Active) => Status::TerminationRequested,
        ("lockForApproval" | "terminate" | "approve" | "reject", status) => {
            return Err(bad(format!("The action '{action}' is not allowed in status {}.", status.as_str())));
        }
        _ => return Err(bad(format!("The action '{action}' is invalid."))),
    };
    let id = r.id.clone();
    let now = ctx.now;
    let request =
        Request { id: ids::guid(ctx.state.seed, &[&id, "request"], r.requests.len() as u64), action, created: now };
    let mut item = render(&request);
    // The answer to the call itself shows the request as it was taken in.
    item["status"] = json!("created");
    let location = format!(
        "{}/{}/{}/{}",
        ctx.call.base(),
        ctx.version,
        format_args!("tenantRelationships/delegatedAdminRelationships/{id}/requests"),
        request.id
    );
    let r = find_mut(ctx)?;
    r.requests.push(request);
    if to == Status::ApprovalPending {
        r.locked = Some(now);
    }
    arrive(ctx.state, now, &id, to);
    Ok(query::single(ctx, TYPE, &context(ctx, "requests"), item, 201)?.with("Location", location))
}

pub fn operations(ctx: &mut Ctx) -> Reply {
    let items = find(ctx)?.operations.iter().map(|o| render_operation(ctx, o)).collect();
    query::list(ctx, &List::gdap(OPERATION, &context(ctx, "operations")), items)
}

pub fn operation(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(1);
    let item = find(ctx)?.operations.iter().find(|o| o.id == id).map(|o| render_operation(ctx, o));
    let item = item.ok_or_else(|| Failure::gdap(404, "notFound", "The resource could not be found."))?;
    query::single(ctx, OPERATION, &context(ctx, "operations"), item, 200)
}
