//! Graph: delegatedAdminRelationshipRequest.
use serde_json::{Value, json};

use super::operations::wants_unknown;
use super::relationships::{bad, find, find_mut, if_match};
use super::{Relationship, Request, Status, arrive, etag};
use crate::sandbox::due::Effect;
use crate::sandbox::graph::errors::Failure;
use crate::sandbox::graph::query::{self, List};
use crate::sandbox::graph::{Ctx, Reply, shape};
use crate::sandbox::ids;

const TYPE: &str = "delegatedAdminRelationshipRequest";

fn render(ctx: &Ctx, r: &Relationship, request: &Request) -> Value {
    // Evolvable: shown only to those who ask for unknown members.
    let action = if request.action == "reject" && !wants_unknown(ctx) { "unknownFutureValue" } else { &request.action };
    // The answer to the call itself shows the request as it was taken in.
    let status = match (is_open(ctx, r, request), ctx.call.method.as_str()) {
        (_, "POST") => "created",
        (true, _) => "pending",
        (false, _) => "succeeded",
    };
    shape::filled(
        TYPE,
        json!({
            "@odata.etag": etag(&request.id, 1), "id": request.id, "action": action, "status": status,
            "createdDateTime": request.created, "lastModifiedDateTime": request.created,
        }),
    )
}

/// Whether the relationship is still on its way to what was asked for.
fn is_open(ctx: &Ctx, r: &Relationship, request: &Request) -> bool {
    match request.action.as_str() {
        "lockForApproval" => is_locking(ctx, &r.id),
        "terminate" => matches!(r.status, Status::TerminationRequested | Status::Terminating),
        _ => false,
    }
}

fn is_locking(ctx: &Ctx, id: &str) -> bool {
    ctx.state.is_pending(&Effect::Relationship { id: id.to_owned(), to: Status::ApprovalPending })
}

fn context(ctx: &Ctx, what: &str) -> String {
    format!("tenantRelationships/delegatedAdminRelationships('{}')/{what}", ctx.id(0))
}

pub fn list(ctx: &mut Ctx) -> Reply {
    let r = find(ctx)?;
    let items = r.requests.iter().map(|one| render(ctx, r, one)).collect();
    query::list(ctx, &List::gdap(TYPE, &context(ctx, "requests")), items)
}

pub fn get(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(1);
    let r = find(ctx)?;
    let item = r.requests.iter().find(|one| one.id == id).map(|one| render(ctx, r, one));
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
        ("lockForApproval", Status::Created) if is_locking(ctx, &r.id) => {
            return Err(bad("The relationship is being locked for approval already."));
        }
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
    let item = render(ctx, r, &request);
    let location = format!(
        "{}/{}/{}/{}",
        ctx.call.base(),
        ctx.version,
        format_args!("tenantRelationships/delegatedAdminRelationships/{id}/requests"),
        request.id
    );
    find_mut(ctx)?.requests.push(request);
    if to == Status::ApprovalPending {
        let lag = ctx.state.lag_of(ctx.state.lag.relationship_lock, &id);
        ctx.state.after(lag, now, Effect::Relationship { id, to });
    } else {
        arrive(ctx.state, now, &id, to);
    }
    Ok(query::single(ctx, TYPE, &context(ctx, "requests"), item, 201)?.with("Location", location))
}
