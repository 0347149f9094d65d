//! Graph: create invitation. The guest is there at once, and is waited for.
use serde_json::{Value, json};

use super::errors::Failure;
use super::query;
use super::routes::Routes;
use super::{Ctx, Reply, people, refs, shape, user_changes, users};
use crate::sandbox::http::encode;
use crate::sandbox::ids;
use crate::sandbox::state::{Tenant, User};

const OF: &str = "invitation";

pub fn routes(to: &mut Routes) {
    to.write("POST", "/invitations", "create-invitation", OF, create);
}

fn invalid(name: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{name}' of resource 'Invitation'."))
}

fn invited_before<'a>(tenant: &'a Tenant, mail: &str) -> Option<&'a User> {
    tenant.users.values().find(|u| {
        u.text("creationType") == Some("Invitation") && u.text("mail").is_some_and(|m| m.eq_ignore_ascii_case(mail))
    })
}

/// Who may invite, as the tenant's policy says; members may where it says nothing.
fn need_inviter(ctx: &Ctx) -> Result<(), Failure> {
    const INVITERS: &[&str] = &[
        super::privilege::GUEST_INVITER,
        super::privilege::DIRECTORY_WRITERS,
        crate::sandbox::facts::USER_ADMINISTRATOR,
        crate::sandbox::facts::GLOBAL_ADMINISTRATOR,
    ];
    let policy = ctx.tenant()?.shelves.get("authorizationPolicy").and_then(|s| s.values().next());
    match policy.and_then(|p| p.props.get("allowInvitesFrom")).and_then(Value::as_str) {
        Some("none") => Err(Failure::denied()),
        Some("adminsAndGuestInviters") => ctx.need_role(INVITERS),
        _ => Ok(()),
    }
}

fn create(ctx: &mut Ctx) -> Reply {
    need_inviter(ctx)?;
    let mut body = ctx.body(OF)?;
    for name in ["id", "inviteRedeemUrl", "status"] {
        if body.contains_key(name) {
            return Err(Failure::bad(format!("Property '{name}' is read-only and cannot be set.")));
        }
    }
    let sponsors = refs::take_bound(ctx, &mut body, "invitedUserSponsors", &["user", "group"])?;
    refs::drop_annotations(&mut body)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    let mail =
        text("invitedUserEmailAddress").ok_or_else(|| Failure::required("invitedUserEmailAddress", "Invitation"))?;
    let back = text("inviteRedirectUrl").ok_or_else(|| Failure::required("inviteRedirectUrl", "Invitation"))?;
    let (local, domain) = mail.split_once('@').ok_or_else(|| invalid("invitedUserEmailAddress"))?;
    if local.is_empty() || !domain.contains('.') || mail.contains(['~', '`', '!', ' ', '<', '>', '(', ')']) {
        return Err(invalid("invitedUserEmailAddress"));
    }
    if !back.starts_with("https://") && !back.starts_with("http://") {
        return Err(invalid("inviteRedirectUrl"));
    }
    let kind = text("invitedUserType").unwrap_or_else(|| "Guest".to_owned());
    if !["Guest", "Member"].contains(&kind.as_str()) {
        return Err(invalid("invitedUserType"));
    }
    let tenant = ctx.tenant()?;
    if tenant.domains.iter().any(|d| d.eq_ignore_ascii_case(domain)) || people::find(ctx.state, tenant, &mail).is_some()
    {
        return Err(Failure::new(
            400,
            "BadRequest",
            "The invited user already exists in the directory as object ID. They can use that account to sign in to shared apps and resources.",
        ));
    }
    let name = text("invitedUserDisplayName").unwrap_or_else(|| local.to_owned());
    let guest = match invited_before(tenant, &mail).map(|u| u.id.clone()) {
        Some(id) => id,
        None => user_changes::guest(ctx, &mail, &name, &kind)?,
    };
    let own = ctx.caller.user.clone().filter(|_| sponsors.is_empty());
    let tenant = ctx.tenant_mut()?;
    tenant.links.add_all(&guest, "sponsors", sponsors.iter().chain(&own));
    let id = ids::guid(ctx.state.seed, &[&ctx.caller.tenant, "invitation", &guest], ctx.state.log.next);
    let redeem = format!(
        "{}/redeem?rd={}",
        ctx.call.base(),
        encode(&format!(
            "https://invitations.microsoft.com/redeem/?tenant={}&user={guest}&ticket={id}",
            ctx.caller.tenant
        ))
    );
    let shown = users::by_id(ctx.state, ctx.tenant()?, &guest).ok_or_else(|| Failure::not_found(&guest))?;
    body.insert("id".into(), json!(id));
    body.insert("inviteRedeemUrl".into(), json!(redeem));
    body.insert("invitedUserType".into(), json!(kind));
    body.insert("invitedUserDisplayName".into(), json!(name));
    body.entry("sendInvitationMessage").or_insert(json!(false));
    body.entry("resetRedemption").or_insert(json!(false));
    body.insert("status".into(), json!("PendingAcceptance"));
    let mut item = shape::complete(OF, body);
    item["invitedUser"] = shown;
    if let Some(invited) = item["invitedUser"].as_object_mut() {
        query::Selection::Default.apply("user", invited);
    }
    query::single(ctx, OF, "invitations", item, 201)
}
