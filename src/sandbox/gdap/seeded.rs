//! Relationships that a world begins with: of Microsoft's own migration, of a reseller, or long over.
use jiff::Timestamp;

use super::{Relationship, Status, arrive, relationships};
use crate::sandbox::clock::{days, plus};
use crate::sandbox::facts;
use crate::sandbox::ids;
use crate::sandbox::state::State;
use crate::sandbox::world::RelationshipFile;

pub fn add(state: &mut State, file: &RelationshipFile, now: Timestamp) -> Result<(), String> {
    let name = &file.display_name;
    let status = status(file.status.as_deref().unwrap_or("active"))?;
    let customer = file.customer.as_ref().map(|c| c.to_ascii_lowercase());
    if let Some(c) = customer.as_ref().filter(|c| !state.tenants.contains_key(c)) {
        return Err(format!("the relationship {name} names the customer {c}, which the world does not have"));
    }
    if state.relationships.values().any(|r| r.display_name.eq_ignore_ascii_case(name)) {
        return Err(format!("the relationship {name} is declared twice"));
    }
    let mut roles = Vec::new();
    for role in &file.roles {
        let (id, _) = facts::role_named(role)
            .ok_or_else(|| format!("no built-in directory role is called `{role}` (relationship {name})"))?;
        roles.push(id.to_owned());
    }
    roles.sort();
    roles.dedup();
    let duration = file.duration.clone().unwrap_or_else(|| "P730D".to_owned());
    let length = relationships::duration_days(&duration).filter(|d| (1..=730).contains(d));
    let length =
        length.ok_or_else(|| format!("the relationship {name} has the duration `{duration}`; write P1D to P2Y"))?;
    let part = |n: u64| ids::guid(state.seed, &[&state.partner, "relationship of the world", name], n);
    let id = format!("{}-{}", part(0), part(1));
    // What is over has been for a while.
    let over = matches!(status, Status::Expired | Status::Terminated);
    let made = if over { plus(now, -days(length + 30)) } else { now };
    let auto_extend = if file.auto_extend_duration.as_deref() == Some("P180D") { "P180D" } else { "PT0S" };
    let relationship = Relationship {
        id: id.clone(),
        display_name: name.clone(),
        duration,
        auto_extend: auto_extend.to_owned(),
        customer,
        roles,
        status,
        created: made,
        modified: made,
        locked: (status != Status::Created).then_some(made),
        activated: over.then_some(made),
        end: over.then(|| plus(made, days(length))),
        version: 1,
        requests: Vec::new(),
        assignments: Vec::new(),
        operations: Vec::new(),
        indirect_provider: file.indirect_provider.clone(),
    };
    state.relationships.insert(id.clone(), relationship);
    if status == Status::Active {
        arrive(state, now, &id, Status::Active);
    }
    Ok(())
}

fn status(text: &str) -> Result<Status, String> {
    let all = [Status::Created, Status::ApprovalPending, Status::Active, Status::Expired, Status::Terminated];
    let names = all.map(Status::as_str).join(", ");
    all.into_iter()
        .find(|s| s.as_str() == text)
        .ok_or_else(|| format!("a relationship of a world is {names}, not `{text}`"))
}
