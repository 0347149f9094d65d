//! Graph: setVerifiedPublisher and unsetVerifiedPublisher.
use serde_json::{Value, json};

use super::credentials::{Holder, parameters};
use super::errors::Failure;
use super::{Ctx, Reply};
use crate::sandbox::http::Answer;

/// A verified publisher's id is the number of a partner account; its name is that of the tenant.
pub fn set(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    let body = parameters(ctx, "setVerifiedPublisher", &["verifiedPublisherId"])?;
    let id = body.get("verifiedPublisherId").and_then(Value::as_str).unwrap_or_default().to_owned();
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
        return Err(Failure::bad(
            "Invalid value specified for property 'verifiedPublisherId' of resource 'Application'.",
        ));
    }
    let tenant = ctx.tenant()?;
    // The publisher's domain has to be a verified one of its own.
    if tenant.default_domain().ends_with(".onmicrosoft.com") {
        return Err(Failure::bad("The application's publisher domain is not a verified custom domain."));
    }
    let publisher = json!({ "displayName": tenant.display_name, "verifiedPublisherId": id, "addedDateTime": ctx.now });
    write(ctx, &holder, Some(publisher))
}

pub fn unset(ctx: &mut Ctx) -> Reply {
    let holder = Holder::of_path(ctx)?;
    write(ctx, &holder, None)
}

fn write(ctx: &mut Ctx, holder: &Holder, publisher: Option<Value>) -> Reply {
    let missing = || Failure::not_found(&holder.id);
    let app = ctx.tenant_mut()?.applications.get_mut(&holder.id).ok_or_else(missing)?;
    match publisher {
        Some(p) => drop(app.props.insert("verifiedPublisher".to_owned(), p)),
        None => drop(app.props.remove("verifiedPublisher")),
    }
    ctx.touch(holder.of, &holder.id)?;
    Ok(Answer::empty(204))
}
