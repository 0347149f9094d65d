//! Graph: create, update, delete and renew group.
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::access::GROUPERS;
use super::errors::Failure;
use super::group_members::{self, need_role_management};
use super::privilege::{self, DIRECTORY_WRITERS};
use super::routes::Key;
use super::{Ctx, Reply, create_if_missing, deleted, groups, licences, query, refs, shape};
use crate::sandbox::http::Answer;
use crate::sandbox::shelf::Gone;
use crate::sandbox::state::{Group, Props, Tenant};

const OF: &str = "group";

/// Set by the service; a body that names them is refused.
const READ_ONLY: &[&str] = &[
    "id",
    "createdDateTime",
    "deletedDateTime",
    "expirationDateTime",
    "mail",
    "proxyAddresses",
    "securityIdentifier",
    "renewedDateTime",
    "organizationId",
    "assignedLicenses",
    "licenseProcessingState",
    "hasMembersWithLicenseErrors",
    "infoCatalogs",
    "isArchived",
    "isManagementRestricted",
    "onPremisesDomainName",
    "onPremisesLastSyncDateTime",
    "onPremisesNetBiosName",
    "onPremisesProvisioningErrors",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "serviceProvisioningErrors",
    "unseenConversationsCount",
    "unseenMessagesCount",
];

/// Microsoft 365 groups have them; no other group.
const ONLY_UNIFIED: &[&str] = &[
    "accessType",
    "allowExternalSenders",
    "autoSubscribeNewMembers",
    "hideFromAddressLists",
    "hideFromOutlookClients",
    "isFavorite",
    "isSubscribedByMail",
    "preferredDataLocation",
    "theme",
    "unseenCount",
    "welcomeMessageEnabled",
];

/// Entra: service limits.
const MOST_ROLE_ASSIGNABLE: usize = 500;

fn invalid(name: &str) -> Failure {
    Failure::bad(format!("Invalid value specified for property '{name}' of resource 'Group'."))
}

fn taken(name: &str) -> Failure {
    Failure::bad(format!("Another object with the same value for property {name} already exists."))
}

/// Graph: create group, the characters a nickname may not have.
pub fn is_nickname(name: &str) -> bool {
    let bad = ['@', '(', ')', '\\', '[', ']', '"', ';', ':', '.', '<', '>', ',', ' '];
    !name.is_empty() && name.chars().count() <= 64 && name.is_ascii() && !name.contains(bad)
}

/// What a group is, from its properties.
struct Kind {
    unified: bool,
    dynamic: bool,
    assignable: bool,
}

fn kind(props: &Props) -> Kind {
    let types = props.get("groupTypes").and_then(Value::as_array);
    let has = |name: &str| types.is_some_and(|t| t.iter().any(|t| t.as_str() == Some(name)));
    Kind {
        unified: has("Unified"),
        dynamic: has("DynamicMembership"),
        assignable: props.get("isAssignableToRole") == Some(&json!(true)),
    }
}

pub fn create(ctx: &mut Ctx) -> Reply {
    need_maker(ctx)?;
    let body = ctx.body(OF)?;
    let id = make(ctx, body)?;
    created(ctx, &id)
}

/// Entra: default user permissions. Members may make groups, unless the tenant's policy says no.
fn need_maker(ctx: &Ctx) -> Result<(), Failure> {
    let policy = ctx.tenant()?.shelves.get("authorizationPolicy").and_then(|s| s.values().next());
    let open =
        policy.and_then(|p| p.props.get("defaultUserRolePermissions")?.get("allowedToCreateSecurityGroups")?.as_bool());
    let member = ctx.caller.user.as_ref().and_then(|u| ctx.tenant().ok()?.users.get(u)).is_some_and(|u| !u.is_guest());
    if member && open.unwrap_or(true) {
        return Ok(());
    }
    ctx.need_role(&[GROUPERS, &[DIRECTORY_WRITERS]].concat())
}

fn created(ctx: &Ctx, id: &str) -> Reply {
    let g = ctx.tenant()?.groups.get(id).ok_or_else(|| Failure::not_found(id))?;
    let location =
        format!("{}/{}/directoryObjects/{id}/Microsoft.DirectoryServices.Group", ctx.call.base(), ctx.version);
    Ok(query::single(ctx, OF, "groups", groups::render(g), 201)?.with("Location", location))
}

/// Makes a group and answers its id.
pub fn make(ctx: &mut Ctx, mut body: Props) -> Result<String, Failure> {
    check_values(&body)?;
    for name in ["displayName", "mailNickname"] {
        if body.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Failure::required(name, "Group"));
        }
    }
    for name in ["mailEnabled", "securityEnabled"] {
        if !body.get(name).is_some_and(Value::is_boolean) {
            return Err(Failure::required(name, "Group"));
        }
    }
    check_kind(ctx, &body)?;
    let text = |k: &str| body.get(k).and_then(Value::as_str).map(str::to_owned);
    let (name, nickname) = (text("displayName").unwrap_or_default(), text("mailNickname").unwrap_or_default());
    let unique = text("uniqueName");
    if unique.as_ref().is_some_and(|u| ctx.tenant().is_ok_and(|t| groups::by_unique_name(t, u).is_some())) {
        return Err(taken("uniqueName"));
    }
    let members = group_members::take_bound(ctx, &mut body)?;
    let owners = refs::take_bound(ctx, &mut body, "owners", &["user", "servicePrincipal"])?;
    refs::drop_annotations(&mut body)?;
    if owners.len() + members.len() > 20 {
        return Err(Failure::bad("The number of relationships in the request exceeds 20."));
    }
    let now = kind(&body);
    if now.dynamic && !members.is_empty() {
        return Err(group_members::dynamic());
    }
    if now.unified {
        address(ctx.tenant()?, &nickname, &mut body)?;
    }
    let home = ctx.caller.tenant.clone();
    let id = ctx.state.fresh_id(&home, OF, unique.as_ref().unwrap_or(&name));
    let group = Group { id: id.clone(), props: body, members: BTreeSet::new(), created: ctx.now };
    members.iter().try_for_each(|m| group_members::check_member(ctx, &group, m))?;
    // A user becomes the owner of what it makes; an app only when it says so.
    let creator =
        ctx.caller.user.clone().filter(|u| ctx.tenant().is_ok_and(|t| super::people::exists(ctx.state, t, u)));
    let tenant = ctx.tenant_mut()?;
    tenant.groups.insert(id.clone(), Group { members, ..group });
    tenant.links.add_all(&id, "owners", owners.iter().chain(&creator));
    ctx.touch(OF, &id)?;
    Ok(id)
}

/// A Microsoft 365 group has an address of its own.
fn address(tenant: &Tenant, nickname: &str, body: &mut Props) -> Result<(), Failure> {
    let same = |g: &Group| {
        g.props.get("mailEnabled") == Some(&json!(true))
            && g.text("mailNickname").is_some_and(|n| n.eq_ignore_ascii_case(nickname))
    };
    if tenant.groups.values().any(same) {
        return Err(taken("mailNickname"));
    }
    let mail = format!("{nickname}@{}", tenant.default_domain());
    body.insert("proxyAddresses".into(), json!([format!("SMTP:{mail}")]));
    body.insert("mail".into(), json!(mail));
    body.entry("visibility").or_insert(json!("Public"));
    Ok(())
}

fn check_values(body: &Props) -> Result<(), Failure> {
    if let Some(p) = READ_ONLY.iter().find(|p| body.contains_key(**p)) {
        return Err(Failure::bad(format!("Property '{p}' is read-only and cannot be set.")));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    if body.get("displayName").is_some_and(|n| n.as_str().is_none_or(|n| n.is_empty() || n.chars().count() > 256)) {
        return Err(invalid("displayName"));
    }
    if text("description").is_some_and(|d| d.chars().count() > 1024 || d.is_empty()) {
        return Err(invalid("description"));
    }
    if text("mailNickname").is_some_and(|n| !n.is_empty() && !is_nickname(n)) {
        return Err(invalid("mailNickname"));
    }
    if text("visibility").is_some_and(|v| !["Private", "Public", "HiddenMembership"].contains(&v)) {
        return Err(invalid("visibility"));
    }
    if text("membershipRuleProcessingState").is_some_and(|v| !["On", "Paused"].contains(&v)) {
        return Err(invalid("membershipRuleProcessingState"));
    }
    let types = body.get("groupTypes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if types.into_iter().any(|t| !["Unified", "DynamicMembership"].contains(&t)) {
        return Err(invalid("groupTypes"));
    }
    Ok(())
}

/// Which kinds of groups there are, and what each needs.
fn check_kind(ctx: &Ctx, body: &Props) -> Result<(), Failure> {
    let now = kind(body);
    let is = |name: &str| body.get(name) == Some(&json!(true));
    if is("mailEnabled") && !now.unified {
        return Err(Failure::bad(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.",
        ));
    }
    if now.unified != is("mailEnabled") {
        return Err(invalid("mailEnabled"));
    }
    if !is("mailEnabled") && !is("securityEnabled") {
        return Err(invalid("securityEnabled"));
    }
    let only = ONLY_UNIFIED.iter().find(|p| body.get(**p).is_some_and(|v| !v.is_null()));
    if let Some(p) = only.filter(|_| !now.unified) {
        return Err(invalid(p));
    }
    if body.get("visibility") == Some(&json!("HiddenMembership")) && !now.unified {
        return Err(invalid("visibility"));
    }
    check_rule(body, now.dynamic)?;
    let premium = licences::has_premium(ctx.tenant()?);
    if now.dynamic && !premium {
        return Err(Failure::denied());
    }
    if !now.assignable {
        return Ok(());
    }
    need_role_management(ctx)?;
    if !is("securityEnabled") || (is("mailEnabled") && body.get("visibility") != Some(&json!("Private"))) {
        return Err(Failure::bad("Role-assignable groups must be security enabled and not mail enabled."));
    }
    if now.dynamic {
        return Err(Failure::bad("Role-assignable groups cannot have dynamic membership."));
    }
    if !premium {
        return Err(Failure::bad("The tenant has no license for role-assignable groups."));
    }
    let many = ctx.tenant()?.groups.values().filter(|g| g.is_role_assignable()).count();
    if many >= MOST_ROLE_ASSIGNABLE {
        return Err(Failure::bad(format!(
            "The maximum number of role-assignable groups, {MOST_ROLE_ASSIGNABLE}, has been reached."
        )));
    }
    Ok(())
}

/// A dynamic group has a rule, no other group has one.
fn check_rule(body: &Props, dynamic: bool) -> Result<(), Failure> {
    let rule = body.get("membershipRule").and_then(Value::as_str).filter(|r| !r.trim().is_empty());
    match rule {
        Some(rule) if dynamic => {
            let depth = rule.chars().try_fold(0i32, |d, c| match c {
                '(' => Some(d + 1),
                ')' if d == 0 => None,
                ')' => Some(d - 1),
                _ => Some(d),
            });
            let good = depth == Some(0) && rule.chars().count() <= 3072 && rule.contains(" -");
            if good { Ok(()) } else { Err(invalid("membershipRule")) }
        }
        None if dynamic => Err(Failure::required("membershipRule", "Group")),
        Some(_) => Err(invalid("membershipRule")),
        None => Ok(()),
    }
}

pub fn update(ctx: &mut Ctx) -> Reply {
    let key = ctx.key(0);
    let mut body = ctx.body(OF)?;
    let id = match (groups::find(ctx.tenant()?, &key), &key) {
        (Ok(id), _) => id,
        (Err(_), Key::Alternate(name, value)) if name == "uniqueName" && create_if_missing(ctx.call) => {
            body.insert("uniqueName".into(), json!(value));
            let id = make(ctx, body)?;
            return created(ctx, &id);
        }
        (Err(e), _) => return Err(e),
    };
    check_values(&body)?;
    privilege::need_unrestricted(ctx, &id)?;
    let members = group_members::take_bound(ctx, &mut body)?;
    let owners = refs::take_bound(ctx, &mut body, "owners", &["user", "servicePrincipal"])?;
    refs::drop_annotations(&mut body)?;
    let tenant = ctx.tenant()?;
    let g = tenant.groups.get(&id).ok_or_else(|| Failure::not_found(&id))?;
    check_change(ctx, g, &body)?;
    if members.iter().any(|m| g.members.contains(m)) {
        return Err(refs::already("members"));
    }
    if owners.iter().any(|o| tenant.links.has(&id, "owners", o)) {
        return Err(refs::already("owners"));
    }
    members.iter().try_for_each(|m| group_members::check_member(ctx, g, m))?;
    let tenant = ctx.tenant_mut()?;
    tenant.links.add_all(&id, "owners", &owners);
    if let Some(g) = tenant.groups.get_mut(&id) {
        shape::patch(&mut g.props, body);
        g.members.extend(members);
        if !g.is_of_type("DynamicMembership") {
            g.props.remove("membershipRule");
            g.props.remove("membershipRuleProcessingState");
        }
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}

/// What is set once, and what a changed group would no longer be.
fn check_change(ctx: &Ctx, g: &Group, body: &Props) -> Result<(), Failure> {
    if body.get("isAssignableToRole").is_some_and(|v| v.as_bool().unwrap_or(false) != g.is_role_assignable()) {
        return Err(Failure::bad("Property 'isAssignableToRole' is immutable."));
    }
    if g.is_role_assignable() {
        need_role_management(ctx)?;
    }
    let (before, mut after) = (kind(&g.props), g.props.clone());
    shape::patch(&mut after, body.clone());
    let now = kind(&after);
    if before.unified != now.unified {
        return Err(invalid("groupTypes"));
    }
    if body.get("mailEnabled").is_some_and(|v| Some(v) != g.props.get("mailEnabled")) {
        return Err(Failure::bad("Property 'mailEnabled' is read-only and cannot be set."));
    }
    let hidden = json!("HiddenMembership");
    if body.get("visibility").is_some_and(|v| (*v == hidden) != (g.props.get("visibility") == Some(&hidden))) {
        return Err(invalid("visibility"));
    }
    if now.dynamic {
        check_rule(&after, true)?;
    } else if body.get("membershipRule").is_some_and(|r| !r.is_null()) {
        return Err(invalid("membershipRule"));
    }
    if after.get("securityEnabled") != Some(&json!(true)) && !now.unified {
        return Err(invalid("securityEnabled"));
    }
    let only = ONLY_UNIFIED.iter().find(|p| body.get(**p).is_some_and(|v| !v.is_null()));
    if let Some(p) = only.filter(|_| !now.unified) {
        return Err(invalid(p));
    }
    check_unique_name(ctx.tenant()?, g, body)
}

fn check_unique_name(tenant: &Tenant, g: &Group, body: &Props) -> Result<(), Failure> {
    let Some(new) = body.get("uniqueName").and_then(Value::as_str) else { return Ok(()) };
    match g.text("uniqueName") {
        Some(old) if old != new => {
            Err(Failure::bad("Property 'uniqueName' is read-only and cannot be changed once set."))
        }
        None if groups::by_unique_name(tenant, new).is_some() => Err(taken("uniqueName")),
        _ => Ok(()),
    }
}

/// Soft: the group goes to the deleted items.
pub fn delete(ctx: &mut Ctx) -> Reply {
    let id = groups::find(ctx.tenant()?, &ctx.key(0))?;
    remove(ctx, &id)
}

/// Deletes a group that exists.
pub fn remove(ctx: &mut Ctx, id: &str) -> Reply {
    privilege::need_unrestricted(ctx, id)?;
    if ctx.tenant()?.groups.get(id).is_some_and(Group::is_role_assignable) {
        need_role_management(ctx)?;
    }
    let group = ctx.tenant_mut()?.groups.remove(id).ok_or_else(|| Failure::not_found(id))?;
    deleted::bin(ctx, Gone::Group(group))?;
    Ok(Answer::empty(204))
}

/// Graph: group renew.
pub fn renew(ctx: &mut Ctx) -> Reply {
    let id = ctx.found(OF, 0)?;
    let now = ctx.now;
    if let Some(g) = ctx.tenant_mut()?.groups.get_mut(&id) {
        g.props.insert("renewedDateTime".into(), json!(now));
    }
    ctx.touch(OF, &id)?;
    Ok(Answer::empty(204))
}
