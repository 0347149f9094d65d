//! What the token service knows: it has replicas of its own, and they learn of new credentials and roles later than the
//! directory does.
use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::sandbox::due::Effect;
use crate::sandbox::state::{Secret, State, Tenant};

/// Whether the node that answers this request knows a secret. Of two nodes one learns of it after half of the time, so
/// that for a while one request is accepted and the next is not.
pub fn knows_secret(state: &State, app_id: &str, secret: &Secret, now: Timestamp) -> bool {
    let awaited = Effect::SecretUsable { app_id: app_id.to_owned(), key_id: secret.key_id.clone() };
    let Some(at) = state.due.when(&awaited) else { return true };
    if !state.switches.spread {
        return false;
    }
    let (from, to) = (secret.start.as_second(), at.as_second());
    let quicker = state.chance(&["node", &state.log.next.to_string()], 2) == 0;
    quicker && now.as_second() >= from + (to - from) / 2
}

pub fn knows_certificate(state: &State, app_id: &str, key_id: &str) -> bool {
    !state.is_pending(&Effect::CertificateUsable { app_id: app_id.to_owned(), key_id: key_id.to_owned() })
}

/// App-role and directory-role assignments of a tenant that tokens do not show yet, by id.
pub fn unseen<'a>(state: &'a State, tenant: &Tenant) -> BTreeSet<&'a str> {
    let of = |e: &'a Effect| match e {
        Effect::InTokens { tenant: t, assignment } if *t == tenant.id => Some(assignment.as_str()),
        _ => None,
    };
    state.due.pending().filter_map(of).collect()
}

/// Roles that were taken from a principal and are in its tokens still: of the resource of that principal, or, without
/// one, directory roles.
pub fn lingering<'a>(state: &'a State, tenant: &Tenant, principal: &str, resource: Option<&str>) -> BTreeSet<&'a str> {
    let of = |e: &'a Effect| match e {
        Effect::OutOfTokens { tenant: t, principal: p, resource: r, role }
            if *t == tenant.id && p == principal && r.as_deref() == resource =>
        {
            Some(role.as_str())
        }
        _ => None,
    };
    state.due.pending().filter_map(of).collect()
}
