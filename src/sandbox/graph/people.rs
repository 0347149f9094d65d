//! Users as Graph shows them and where they are found: those that are kept, and the made-up ones of a tenant.
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{licences, privilege, shape};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::ids;
use crate::sandbox::state::{Props, State, Tenant, User};

/// A user's security identifier: its id as four numbers, as Entra derives it.
pub fn security_identifier(id: &str) -> Option<String> {
    let bytes = uuid::Uuid::try_parse(id).ok()?.to_bytes_le();
    let parts = bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]).to_string());
    Some(format!("S-1-12-1-{}", parts.collect::<Vec<_>>().join("-")))
}

/// The user as Graph shows it.
pub fn render(tenant: &Tenant, u: &User) -> Value {
    let mut p = u.props.clone();
    let upn = u.user_principal_name.as_str();
    p.insert("id".into(), json!(u.id));
    p.insert("userPrincipalName".into(), json!(upn));
    p.insert("displayName".into(), json!(u.display_name));
    p.insert("createdDateTime".into(), json!(u.created));
    p.insert("signInSessionsValidFromDateTime".into(), json!(u.tokens_valid_from));
    p.insert("securityIdentifier".into(), json!(security_identifier(&u.id)));
    let mut or = |name: &str, value: Value| {
        p.entry(name).or_insert(value);
    };
    or("accountEnabled", json!(true));
    or("userType", json!("Member"));
    or("mailNickname", json!(upn.split('@').next()));
    or("lastPasswordChangeDateTime", json!(u.created));
    or("authorizationInfo", json!({ "certificateUserIds": [] }));
    let mail = licences::has_mailbox(tenant, u).then_some(upn);
    or("mail", json!(mail));
    let addresses: Vec<String> = p["mail"].as_str().map(|m| format!("SMTP:{m}")).into_iter().collect();
    p.entry("proxyAddresses").or_insert(json!(addresses));
    add_identity(tenant, upn, &mut p);
    licences::show(tenant, u, &mut p);
    if privilege::is_restricted(tenant, &u.id) {
        p.insert("isManagementRestricted".into(), json!(true));
    }
    shape::complete("user", p)
}

/// The name to sign in with is one of the identities.
fn add_identity(tenant: &Tenant, upn: &str, p: &mut Props) {
    let own = "userPrincipalName";
    let mut all = p.get("identities").and_then(Value::as_array).cloned().unwrap_or_default();
    all.retain(|i| i["signInType"] != own);
    let issuer = tenant.domains.last().map_or("", String::as_str);
    all.push(json!({ "signInType": own, "issuer": issuer, "issuerAssignedId": upn }));
    p.insert("identities".into(), Value::Array(all));
}

fn plain_id(state: &State, tenant: &Tenant, n: u32) -> String {
    ids::guid(state.seed, &[&tenant.id, "plain user"], u64::from(n))
}

/// When the plain users of a tenant began, a few each week.
const FIRST_PLAIN: i64 = 1_646_121_600;

/// The n-th plain user of a tenant: every fourth has no second factor.
fn plain(state: &State, tenant: &Tenant, n: u32) -> User {
    let number = format!("{:03}", n + 1);
    let created = Timestamp::from_second(FIRST_PLAIN).map(|t| plus(t, days(i64::from(n % 400)))).unwrap_or_default();
    let licences: Vec<Value> =
        licences::everyones(tenant).map(|s| json!({ "skuId": s.id, "disabledPlans": [] })).into_iter().collect();
    let name = json!({ "givenName": "User", "surname": number, "usageLocation": "US", "assignedLicenses": licences });
    User {
        id: plain_id(state, tenant, n),
        user_principal_name: format!("user{number}@{}", tenant.default_domain()),
        display_name: format!("User {number}"),
        mfa: n % 4 != 3,
        props: name.as_object().cloned().unwrap_or_default(),
        created,
        tokens_valid_from: created,
        password: None,
    }
}

fn numbers(tenant: &Tenant) -> impl Iterator<Item = u32> {
    (0..tenant.plain_users).filter(|n| !tenant.plain_taken.contains(n))
}

/// The number of the plain user with an id.
fn plain_number(state: &State, tenant: &Tenant, id: &str) -> Option<u32> {
    if tenant.plain_users == 0 {
        return None;
    }
    let all = tenant.plain_ids.get_or_init(|| {
        let pairs = (0..tenant.plain_users).map(|n| (plain_id(state, tenant, n), n));
        Arc::new(pairs.collect::<HashMap<String, u32>>())
    });
    all.get(id).copied().filter(|n| !tenant.plain_taken.contains(n))
}

/// The number that the name of a plain user says.
fn plain_named(tenant: &Tenant, upn: &str) -> Option<u32> {
    let (local, domain) = upn.split_once('@')?;
    let digits = local.get(..4).filter(|u| u.eq_ignore_ascii_case("user")).and(local.get(4..))?;
    let n = digits.parse::<u32>().ok()?.checked_sub(1)?;
    let fits = format!("{:03}", n + 1) == digits && domain.eq_ignore_ascii_case(tenant.default_domain());
    (fits && n < tenant.plain_users && !tenant.plain_taken.contains(&n)).then_some(n)
}

/// A user by id.
pub fn get<'a>(state: &State, tenant: &'a Tenant, id: &str) -> Option<Cow<'a, User>> {
    if let Some(u) = tenant.users.get(id) {
        return Some(Cow::Borrowed(u));
    }
    plain_number(state, tenant, id).map(|n| Cow::Owned(plain(state, tenant, n)))
}

/// A user by id or user principal name.
pub fn known(state: &State, tenant: &Tenant, name: &str) -> Option<User> {
    find(state, tenant, name).and_then(|id| get(state, tenant, &id)).map(Cow::into_owned)
}

pub fn exists(state: &State, tenant: &Tenant, id: &str) -> bool {
    tenant.users.contains_key(id) || plain_number(state, tenant, id).is_some()
}

/// The id behind an id or a user principal name.
pub fn find(state: &State, tenant: &Tenant, key: &str) -> Option<String> {
    let lower = key.to_ascii_lowercase();
    if ids::is_guid(&lower) {
        return exists(state, tenant, &lower).then_some(lower);
    }
    let kept = tenant.users.values().find(|u| u.user_principal_name.eq_ignore_ascii_case(key)).map(|u| u.id.clone());
    kept.or_else(|| plain_named(tenant, key).map(|n| plain_id(state, tenant, n)))
}

/// All users: those that are kept, then the plain ones.
pub fn all<'a>(state: &'a State, tenant: &'a Tenant) -> impl Iterator<Item = Cow<'a, User>> {
    let kept = tenant.users.values().map(Cow::Borrowed);
    kept.chain(numbers(tenant).map(|n| Cow::Owned(plain(state, tenant, n))))
}

/// How many users a tenant has.
pub fn count(tenant: &Tenant) -> usize {
    tenant.users.len() + numbers(tenant).count()
}

/// A user to be written; a plain one becomes one that is kept.
pub fn change<'a>(state: &'a mut State, tenant: &str, id: &str) -> Option<&'a mut User> {
    let t = state.tenants.get(tenant)?;
    let made = if t.users.contains_key(id) {
        None
    } else {
        let n = plain_number(state, t, id)?;
        Some((n, plain(state, t, n)))
    };
    let t = state.tenants.get_mut(tenant)?;
    if let Some((n, user)) = made {
        t.plain_taken.insert(n);
        t.users.insert(id.to_owned(), user);
    }
    t.users.get_mut(id)
}
