//! Playing the people and the world: the operations behind `tenantry sandbox …` and `/_sandbox/`.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cloud::Cloud;
use super::faults::Wish;
use super::gdap::{self, NotApproved, Status};
use super::log::Entry;
use super::server::{Shared, locked};
use super::state::{Application, State};
use super::sts::{consent, managed_identity};
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

/// An administrator of a tenant lets an app in, with all that its registration requires.
pub fn consent(cloud: &mut Cloud, tenant: &str, app: &str) -> Outcome<Value> {
    let now = cloud.now();
    cloud.state.settle(now);
    let tenant = drift::tenant(&cloud.state, tenant)?.id.clone();
    let app_id = drift::app_id(&mut cloud.state, app)?;
    let (home, app) = cloud.state.application(&app_id).ok_or_else(|| format!("no app {app_id}"))?;
    if app.audience() == "AzureADMyOrg" && home.id != tenant {
        return Err(format!("{} is for its own tenant alone (signInAudience AzureADMyOrg)", app.display_name()));
    }
    let name = app.display_name().to_owned();
    let wish = consent::required(&cloud.state, app);
    consent::grant(&mut cloud.state, &tenant, &app_id, &wish, None, now)
        .map_err(|resource| format!("the tenant has no service principal of {resource}"))?;
    saved(cloud)?;
    let scopes: usize = wish.scopes.values().map(|s| s.len()).sum();
    let roles: usize = wish.roles.values().map(|r| r.len()).sum();
    Ok(json!({ "tenant": tenant, "app": name, "appId": app_id, "scopes": scopes, "roles": roles }))
}

/// Another key signs from now on.
pub fn rotate_keys(cloud: &mut Cloud) -> Outcome<Value> {
    cloud.rotate_keys().map_err(|e| e.to_string())?;
    saved(cloud)?;
    Ok(json!({ "keys": cloud.published() }))
}

/// What other programs need to know to act in a tenant, as far as the cloud knows it: it keeps no secret's value.
pub fn env(cloud: &Cloud, tenant: Option<&str>) -> Outcome<Value> {
    let state = &cloud.state;
    let tenant = drift::tenant(state, tenant.unwrap_or(&state.partner))?;
    let partner = state.tenants.get(&state.partner).ok_or("the world has no partner")?;
    // The one that can do most is the one that administrates.
    let rights = |a: &Application| {
        let principal = partner.principal_of(&a.app_id).map(|p| p.id.as_str());
        partner.app_roles.values().filter(|r| Some(r.principal_id.as_str()) == principal).count()
    };
    let app = partner.applications.values().max_by_key(|a| (rights(a), std::cmp::Reverse(a.app_id.clone())));
    let identity = managed_identity::all(partner).next().map(|p| p.app_id.clone());
    let good = |a: &Application| {
        let secrets = a.secrets.iter().filter(|s| s.start <= cloud.now() && s.end > cloud.now());
        secrets.filter_map(|s| s.display_name.clone()).collect::<Vec<_>>()
    };
    let secrets = app.map(good);
    Ok(json!({
        "tenantId": tenant.id, "domain": tenant.default_domain(), "clientId": app.map(|a| &a.app_id),
        "clientName": app.map(Application::display_name), "secretNames": secrets,
        "managedIdentity": identity.is_some().then(|| cloud.identity_header()),
    }))
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
