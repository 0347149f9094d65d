//! `Prefer: return=…` on writes: the object instead of nothing, or nothing instead of the object.
use super::wire::prefers;
use crate::sandbox::graph::{Ctx, Reply, routes};
use crate::sandbox::http::{Answer, Body};

const WHOLE: &str = "return=representation";
const NOTHING: &str = "return=minimal";

/// The answer of a write as its caller prefers it.
pub fn applied(ctx: &mut Ctx, answer: Answer) -> Reply {
    let method = ctx.route.method;
    if answer.status == 204 && ["PATCH", "PUT"].contains(&method) && prefers(ctx.call, WHOLE) {
        let read = routes::all().iter().find(|r| r.method == "GET" && r.pattern == ctx.route.pattern);
        return match read {
            Some(read) => Ok((read.handler)(ctx)?.with("Preference-Applied", WHOLE)),
            None => Ok(answer),
        };
    }
    if answer.status == 201 && method == "POST" && ctx.route.write && prefers(ctx.call, NOTHING) {
        let answer = Answer { status: 204, body: Body::Empty, ..answer };
        return Ok(answer.with("Preference-Applied", NOTHING));
    }
    Ok(answer)
}
