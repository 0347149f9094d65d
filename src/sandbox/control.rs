//! Playing the people and the world: the operations behind `tenantry sandbox …` and `/_sandbox/`.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::faults::Wish;
use super::gdap::{self, NotApproved, Status};
use super::log::Entry;
use super::server::{Shared, locked};
use super::state::State;
use super::{behaviour, drift, drift_log, picture};

/// A handle on a running sandbox. Every operation is also served over HTTP.
#[derive(Clone)]
pub struct Control {
    cloud: Shared,
}

/// What a person reads when a wish cannot be fulfilled: what is wrong, and what there is.
pub type Outcome<T> = Result<T, String>;

impl Control {
    pub(super) fn new(cloud: Shared) -> Control {
        Control { cloud }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Cloud) -> Outcome<T>) -> Outcome<T> {
        f(&mut locked(&self.cloud))
    }

    /// The customer's Global Administrator accepts one invitation, by id or name.
    pub fn approve(&self, relationship: &str) -> Outcome<Value> {
        self.with(|c| approve(c, Some(relationship), None))
    }

    /// Turns one invitation down, by id or name.
    pub fn decline(&self, relationship: &str) -> Outcome<Value> {
        self.with(|c| decline(c, relationship))
    }

    pub fn approve_all(&self) -> Outcome<Value> {
        self.with(|c| approve(c, None, None))
    }

    pub fn advance(&self, seconds: i64) -> Outcome<Value> {
        self.with(|c| advance(c, seconds))
    }

    /// To the next moment at which something pending happens; answers how many seconds that was.
    pub fn advance_to_next(&self) -> Outcome<i64> {
        self.with(|c| {
            let seconds = c.state.next_lag(c.now()).unwrap_or(0);
            advance(c, seconds)?;
            Ok(seconds)
        })
    }

    pub fn requests(&self, since: u64, writes_only: bool) -> Vec<Entry> {
        locked(&self.cloud).state.log.since(since, writes_only)
    }

    /// A picture of the world for comparing two runs.
    pub fn state_of_world(&self) -> Value {
        locked(&self.cloud).picture()
    }

    pub fn drift(&self, wish: &Value) -> Outcome<Value> {
        self.with(|c| drifted(c, wish))
    }

    pub fn faults(&self, wish: &Value) -> Outcome<Value> {
        self.with(|c| faults(c, wish))
    }

    /// Sets lags and habits: `{"profile": "realistic", "replicas": 0}`.
    pub fn behaviour(&self, wish: &Value) -> Outcome<Value> {
        self.with(|c| behaviour(c, wish))
    }

    /// Notices that Microsoft would have sent by mail.
    pub fn events(&self) -> Value {
        json!(locked(&self.cloud).state.events)
    }

    pub fn clock(&self) -> Timestamp {
        locked(&self.cloud).now()
    }

    pub fn world(&self) -> Value {
        world(&locked(&self.cloud))
    }
}

impl Cloud {
    pub fn picture(&mut self) -> Value {
        let now = self.now();
        self.state.settle(now);
        picture::of(&self.state)
    }
}

fn saved(cloud: &mut Cloud) -> Outcome<()> {
    cloud.keep().map_err(|e| e.to_string())
}

/// What follows is in the file whatever happens to this process.
pub fn save(cloud: &mut Cloud) -> Outcome<Value> {
    cloud.save().map_err(|e| e.to_string())?;
    Ok(json!({ "saved": cloud.state.log.next }))
}

pub fn counts(cloud: &Cloud) -> Value {
    let log = &cloud.state.log;
    json!({ "http": log.counts.http, "tokens": log.counts.tokens, "writes": log.counts.writes, "next": log.next })
}

/// `which`: id or display name; `None` approves all that wait. `tenant` binds an open invitation.
pub fn approve(cloud: &mut Cloud, which: Option<&str>, tenant: Option<&str>) -> Outcome<Value> {
    let now = cloud.now();
    cloud.state.settle(now);
    let state = &mut cloud.state;
    let tenant = match tenant {
        None => None,
        Some(t) => Some(drift::tenant(state, t)?.id.clone()),
    };
    let ids: Vec<String> = match which {
        None => state
            .relationships
            .values()
            .filter(|r| r.status == Status::ApprovalPending && r.customer.is_some())
            .map(|r| r.id.clone())
            .collect(),
        Some(name) => vec![drift::relationship(state, name)?],
    };
    let mut done = Vec::new();
    for id in ids {
        gdap::approve(state, now, &id, tenant.as_deref()).map_err(|e| not_approved(state, &id, e))?;
        approved(state, now, &id);
        if let Some(r) = state.relationships.get(&id) {
            let customer = r.customer.as_ref().and_then(|c| state.tenants.get(c)).map(|t| t.display_name.clone());
            done.push(json!({ "id": id, "name": r.display_name, "customer": customer, "status": r.status.as_str() }));
        }
    }
    done.sort_by_key(|d| d["name"].to_string());
    saved(cloud)?;
    Ok(json!({ "approved": done }))
}

/// The customer's log says who approved.
fn approved(state: &mut State, now: Timestamp, id: &str) {
    let Some(r) = state.relationships.get(id) else { return };
    let (customer, target) = (r.customer.clone(), drift_log::relationship(&r.id, &r.display_name));
    if let Some(customer) = customer {
        state.audit_person(&customer, now, "approve", vec![target]);
    }
}

/// The customer's administrator does not want it.
pub fn decline(cloud: &mut Cloud, which: &str) -> Outcome<Value> {
    let now = cloud.now();
    cloud.state.settle(now);
    let id = drift::relationship(&cloud.state, which)?;
    gdap::decline(&mut cloud.state, now, &id).map_err(|e| not_approved(&cloud.state, &id, e))?;
    saved(cloud)?;
    Ok(json!({ "declined": id }))
}

fn not_approved(state: &super::state::State, id: &str, why: NotApproved) -> String {
    let name = state.relationships.get(id).map_or(id, |r| r.display_name.as_str());
    match why {
        NotApproved::State(Status::Created) => {
            format!("{name} is `created`: the partner has not sent it for approval (lockForApproval) yet")
        }
        NotApproved::State(s) => {
            format!("{name} is `{}`; only a relationship in `approvalPending` can be approved", s.as_str())
        }
        NotApproved::TooOld => format!("the invitation {name} is older than 90 days and can no longer be approved"),
        NotApproved::NoCustomer => {
            format!("{name} is not an invitation to that tenant; say which tenant approves (`tenant`)")
        }
    }
}

pub fn advance(cloud: &mut Cloud, seconds: i64) -> Outcome<Value> {
    if !(0..=3_200_000_000).contains(&seconds) {
        return Err(format!("the clock moves forward only, by at most a century; {seconds} seconds is not that"));
    }
    cloud.state.clock.advance(seconds);
    let now = cloud.now();
    cloud.state.settle(now);
    saved(cloud)?;
    Ok(json!({ "advanced": seconds, "now": now }))
}

pub fn drifted(cloud: &mut Cloud, wish: &Value) -> Outcome<Value> {
    let now = cloud.now();
    cloud.state.settle(now);
    let trace = drift_log::before(&cloud.state, wish);
    let what = drift::apply(&mut cloud.state, now, wish)?;
    drift_log::enter(&mut cloud.state, now, trace);
    saved(cloud)?;
    Ok(json!({ "drifted": what }))
}

pub fn faults(cloud: &mut Cloud, wish: &Value) -> Outcome<Value> {
    let wish: Wish = serde_json::from_value(wish.clone()).map_err(|e| format!("not a fault: {e}"))?;
    cloud.state.faults.apply(wish)?;
    saved(cloud)?;
    Ok(cloud.state.faults.picture())
}

pub fn behaviour(cloud: &mut Cloud, wish: &Value) -> Outcome<Value> {
    behaviour::wished(&mut cloud.state, wish)?;
    saved(cloud)?;
    Ok(behaviours(cloud))
}

/// Lags and habits as they are now, by name.
pub fn behaviours(cloud: &Cloud) -> Value {
    json!({ "lags": cloud.state.lag, "habits": cloud.state.switches })
}

pub fn world(cloud: &Cloud) -> Value {
    let tenants = cloud.state.tenants.values().map(|t| {
        json!({ "id": t.id, "displayName": t.display_name, "domains": t.domains, "partner": t.id == cloud.state.partner })
    });
    json!({ "tenants": tenants.collect::<Vec<_>>() })
}
