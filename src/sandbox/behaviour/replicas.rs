//! Read replicas: every tenant is kept in several places that learn of a write one after the other.
//! Graph: eventual consistency of directory objects.
//!
//! A version that a write replaced stays as long as some replica may still show it. Versions are shared with the state
//! (`Kept`), so one costs what the write changed for its tenant, and only tenants written in the window have any.
use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::sandbox::clock::{Delay, plus};
use crate::sandbox::kept::Kept;
use crate::sandbox::state::{State, Tenant};

/// Versions of tenants that were replaced not long ago, each with the moment at which it was.
#[derive(Default)]
pub struct Replicas {
    replaced: BTreeMap<String, VecDeque<(Timestamp, Kept<Tenant>)>>,
}

impl Replicas {
    /// Keeps what a write has replaced. Of the versions of one second the first is enough: replicas are whole seconds
    /// behind.
    pub fn keep(&mut self, tenant: &str, version: Kept<Tenant>, now: Timestamp, window: i64) {
        self.replaced.retain(|_, versions| {
            versions.retain(|(at, _)| plus(*at, window) > now);
            !versions.is_empty()
        });
        let versions = self.replaced.entry(tenant.to_owned()).or_default();
        if versions.back().is_none_or(|(at, _)| *at < now) {
            versions.push_back((now, version));
        }
    }

    /// A tenant as it was at a moment, when it has changed since.
    fn at(&self, tenant: &str, moment: Timestamp) -> Option<Kept<Tenant>> {
        let versions = self.replaced.get(tenant)?;
        versions.iter().find(|(replaced, _)| *replaced > moment).map(|(_, version)| version.clone())
    }

    /// What a read of a directory sees: one of the replicas, by the number of the request. Advanced queries are answered
    /// from an index, which is always late.
    pub fn read(&self, state: &State, read: &Read, now: Timestamp) -> Option<Kept<Tenant>> {
        let behind = match read.what {
            What::Nothing => return None,
            What::Policies => state.lag_of(state.lag.policies, &format!("policies {}", read.tenant)).0,
            What::Directory if state.switches.replicas < 2 => return None,
            What::Directory if read.eventual => state.lag.replica.0,
            What::Directory => {
                let replica = state.chance(&["replica", &read.number.to_string()], state.switches.replicas);
                behind(state.lag.replica, replica, state.switches.replicas)
            }
        };
        if behind <= 0 { None } else { self.at(read.tenant, plus(now, -behind)) }
    }

    /// What the replica that takes a write knows of the tenant, when that is not all.
    pub fn write(&self, state: &State, tenant: &str, now: Timestamp) -> Option<Kept<Tenant>> {
        let behind = state.lag_of(state.lag.write_replica, &format!("write {tenant}")).0;
        if behind <= 0 { None } else { self.at(tenant, plus(now, -behind)) }
    }
}

/// The first replica is up to date, the last as far behind as a replica can be, the others between.
fn behind(most: Delay, replica: u64, replicas: u64) -> i64 {
    let of = |n: u64| i64::try_from(n).unwrap_or(0);
    most.0 * of(replica) / of(replicas.saturating_sub(1)).max(1)
}

/// One read, as far as it matters which replica answers it.
pub struct Read<'a> {
    pub tenant: &'a str,
    pub what: What,
    /// `ConsistencyLevel: eventual`.
    pub eventual: bool,
    pub number: u64,
}

/// Which store is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Directory,
    /// Conditional access.
    Policies,
    /// A store that has one place only: GDAP, reports, logs.
    Nothing,
}

/// The store behind a route.
pub fn store_of(pattern: &str) -> What {
    let first = pattern.split('/').nth(1).unwrap_or_default();
    match first {
        "identity" => What::Policies,
        "tenantRelationships"
        | "reports"
        | "auditLogs"
        | "organization"
        | "domains"
        | "subscribedSkus"
        | "contracts" => What::Nothing,
        _ => What::Directory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_behind_by_even_steps() {
        let all: Vec<i64> = (0..3).map(|n| behind(Delay(10), n, 3)).collect();
        assert_eq!(all, [0, 5, 10]);
        assert_eq!(behind(Delay(10), 0, 1), 0);
    }

    #[test]
    fn a_moment_shows_the_version_that_was_not_replaced_yet_and_old_ones_go() {
        let named = |name: &str| Kept::new(Tenant { display_name: name.to_owned(), ..Tenant::default() });
        let second = |s: i64| Timestamp::from_second(s).unwrap();
        let mut replicas = Replicas::default();
        replicas.keep("t", named("first"), second(100), 10);
        replicas.keep("t", named("same second"), second(100), 10);
        replicas.keep("t", named("second"), second(104), 10);
        let seen = |r: &Replicas, s: i64| r.at("t", second(s)).map(|t| t.display_name.clone());
        assert_eq!(seen(&replicas, 99).as_deref(), Some("first"));
        assert_eq!(seen(&replicas, 100).as_deref(), Some("second"));
        assert_eq!(seen(&replicas, 104), None);
        replicas.keep("u", named("other"), second(200), 10);
        assert_eq!(seen(&replicas, 0), None, "the window is over");
    }
}
