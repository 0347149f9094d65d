//! Graph: directoryObject.
use super::errors::Failure;
use super::query;
use super::routes::Routes;
use super::{Ctx, Reply, objects};

pub fn routes(to: &mut Routes) {
    to.read("/directoryObjects/{id}", "get-directory-object", "directoryObject", object);
}

pub fn object(ctx: &mut Ctx) -> Reply {
    let id = ctx.id(0).to_ascii_lowercase();
    let item = objects::object(ctx.state, ctx.tenant()?, &id).ok_or_else(|| Failure::not_found(&id))?;
    query::single(ctx, "directoryObject", "directoryObjects", item, 200)
}
