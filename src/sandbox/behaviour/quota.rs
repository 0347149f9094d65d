//! Throttling: buckets of resource units and of writes, by app and tenant. Graph: throttling limits, identity and access.
//! Every answer says what it cost; who asks while it is throttled waits longer.
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::sandbox::graph::errors::Failure;
use crate::sandbox::http::{Answer, Call};
use crate::sandbox::state::{State, Tenant};

/// Resource units that are not one: method, path as the permissions table writes it, units.
const COSTS: &[(&str, &str, u64)] = &[
    ("GET", "/applications", 2),
    ("GET", "/applications/{key}/extensionProperties", 2),
    ("GET", "/contracts", 3),
    ("POST", "/directoryObjects/getByIds", 3),
    ("GET", "/domains/{key}/domainNameReferences", 4),
    ("GET", "/groups/{key}/members", 3),
    ("GET", "/groups/{key}/transitiveMembers", 5),
    ("POST", "/users/{key}/checkMemberGroups", 4),
    ("POST", "/users/{key}/checkMemberObjects", 4),
    ("POST", "/users/{key}/getMemberGroups", 2),
    ("POST", "/users/{key}/getMemberObjects", 2),
    ("GET", "/users/{key}/licenseDetails", 2),
    ("GET", "/users/{key}/memberOf", 2),
    ("GET", "/users/{key}/ownedObjects", 2),
    ("GET", "/users/{key}/transitiveMemberOf", 2),
    ("GET", "/oauth2PermissionGrants", 2),
    ("GET", "/oauth2PermissionGrants/{id}", 2),
    ("GET", "/servicePrincipals/{key}/appRoleAssignments", 2),
    ("GET", "/subscribedSkus", 3),
    ("GET", "/users", 2),
];

/// What a request costs in resource units: fewer for less data, more for more.
pub fn units(method: &str, pattern: &str, call: &Call) -> u64 {
    let part = |(a, b): (&str, &str)| a.eq_ignore_ascii_case(b) || (a.starts_with('{') && b.starts_with('{'));
    let parts = |path: &str| path.split('/').count();
    let same = |a: &str, b: &str| parts(a) == parts(b) && a.split('/').zip(b.split('/')).all(part);
    let base = COSTS.iter().find(|(m, p, _)| *m == method && same(p, pattern)).map_or(1, |(_, _, units)| *units);
    if method != "GET" {
        return base;
    }
    let few = call.param("$top").and_then(|t| t.parse::<u64>().ok()).is_some_and(|n| n < 20);
    let more = u64::from(call.param("$expand").is_some());
    let less = u64::from(call.param("$select").is_some()) + u64::from(few);
    (base + more).saturating_sub(less).max(1)
}

/// How much there is, and in how many seconds it comes back.
#[derive(Debug, Clone, Copy)]
struct Limit {
    most: u64,
    seconds: u64,
}

/// What was used of a limit, in units times seconds, and when that was so.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    used: u64,
    at: Timestamp,
}

/// All buckets that somebody has used.
#[derive(Default)]
pub struct Quota(BTreeMap<String, Bucket>);

/// One bucket of those that a request draws on.
struct Draw {
    key: String,
    limit: Limit,
    amount: u64,
    /// For `x-ms-throttle-scope` and `x-ms-throttle-information`.
    scope: String,
    why: &'static str,
}

/// What a request that may pass says of the limits.
#[derive(Debug, Default, Clone, Copy)]
pub struct Toll {
    pub units: u64,
    /// Of a hundred, when it is much.
    pub percent: Option<u64>,
}

impl Toll {
    pub fn told(self, answer: Answer) -> Answer {
        let answer = answer.with("x-ms-resource-unit", self.units.to_string());
        match self.percent {
            Some(p) => answer.with("x-ms-throttle-limit-percentage", format!("{}.{:02}", p / 100, p % 100)),
            None => answer,
        }
    }
}

impl Quota {
    /// Takes what a request to a directory costs, or says how long to stay away.
    pub fn take(
        &mut self,
        state: &State,
        tenant: &Tenant,
        app: &str,
        write: bool,
        units: u64,
        now: Timestamp,
    ) -> Result<Toll, Failure> {
        if state.switches.limits == 0 {
            return Ok(Toll { units, percent: None });
        }
        let draws = draws(state.switches.limits, tenant, app, write, units);
        let over = draws.iter().find(|d| self.lacking(d, now).is_some());
        // What is asked in vain counts too: it takes longer for those who do not wait.
        let percent = draws.iter().map(|d| self.draw(d, now)).max().filter(|p| *p >= 80);
        let Some(draw) = over else { return Ok(Toll { units, percent }) };
        let seconds = self.lacking(draw, now).unwrap_or(1);
        let text = "Too many requests. Please retry after the time that Retry-After says.";
        Err(Failure::new(429, "TooManyRequests", text)
            .with("Retry-After", seconds.to_string())
            .with("x-ms-throttle-scope", draw.scope.clone())
            .with("x-ms-throttle-information", draw.why))
    }

    /// Whether there is one more of so many in a second; what is asked in vain does not count here.
    pub fn each_second(&mut self, key: String, most: u64, now: Timestamp) -> bool {
        self.within(key, Limit { most, seconds: 1 }, now)
    }

    /// Graph: reports and sign-in logs, five in ten seconds for each app and tenant.
    pub fn reports(&mut self, state: &State, tenant: &str, app: &str, now: Timestamp) -> Result<(), Failure> {
        let limit = Limit { most: scaled(5, state.switches.limits), seconds: 10 };
        if state.switches.limits == 0 || self.within(format!("reports {app} {tenant}"), limit, now) {
            return Ok(());
        }
        Err(Failure::new(429, "TooManyRequests", "Too many requests.").with("Retry-After", "10"))
    }

    fn within(&mut self, key: String, limit: Limit, now: Timestamp) -> bool {
        let draw = Draw { key, limit, amount: 1, scope: String::new(), why: "" };
        let free = self.lacking(&draw, now).is_none();
        if free {
            self.draw(&draw, now);
        }
        free
    }

    /// What is used now: it comes back as time goes by.
    fn used(&self, draw: &Draw, now: Timestamp) -> u64 {
        let Some(bucket) = self.0.get(&draw.key) else { return 0 };
        let passed = u64::try_from(now.as_second() - bucket.at.as_second()).unwrap_or(0);
        bucket.used.saturating_sub(passed.saturating_mul(draw.limit.most))
    }

    /// Seconds until there is enough, when there is not.
    fn lacking(&self, draw: &Draw, now: Timestamp) -> Option<u64> {
        let Limit { most, seconds } = draw.limit;
        let wanted = self.used(draw, now) + draw.amount * seconds;
        wanted.checked_sub(most * seconds).filter(|lack| *lack > 0).map(|lack| lack.div_ceil(most.max(1)).max(1))
    }

    /// Takes it, at most up to 1.8 of the limit; answers how much of a hundred is used.
    fn draw(&mut self, draw: &Draw, now: Timestamp) -> u64 {
        let whole = draw.limit.most * draw.limit.seconds;
        let used = (self.used(draw, now) + draw.amount * draw.limit.seconds).min(whole * 9 / 5);
        self.0.insert(draw.key.clone(), Bucket { used, at: now });
        used * 100 / whole.max(1)
    }
}

fn scaled(most: u64, percent: u64) -> u64 {
    (most * percent / 100).max(1)
}

/// Graph: throttling limits. By the size of the tenant; for each app and tenant, each app, and each tenant.
fn draws(percent: u64, tenant: &Tenant, app: &str, write: bool, units: u64) -> Vec<Draw> {
    let users = u64::from(tenant.plain_users) + tenant.users.len() as u64;
    let size = match users {
        0..50 => 3_500,
        50..=500 => 5_000,
        _ => 8_000,
    };
    let id = &tenant.id;
    let draw = |name: &str, whose: String, most: u64, seconds: u64, amount: u64, why: &'static str| Draw {
        key: format!("{name} {whose}"),
        limit: Limit { most: scaled(most, percent), seconds },
        amount,
        scope: format!("{name}/{}/{app}/{id}", if amount == units { "ReadWrite" } else { "Write" }),
        why,
    };
    const UNITS: &str = "ResourceUnitLimitExceeded";
    const WRITES: &str = "WriteLimitExceeded";
    let mut all = vec![
        draw("Tenant_Application", format!("{app} {id}"), size, 10, units, UNITS),
        draw("Application", app.to_owned(), 150_000, 20, units, UNITS),
    ];
    if write {
        all.push(draw("Tenant_Application", format!("writes {app} {id}"), 3_000, 150, 1, WRITES));
        all.push(draw("Application", format!("writes {app}"), 70_000, 300, 1, WRITES));
        all.push(draw("Tenant", format!("writes {id}"), 18_000, 300, 1, WRITES));
    }
    all
}

/// Entra: service limits. Whether a directory takes one more object; of what can be restored a quarter counts.
pub fn room(state: &State, tenant: &Tenant) -> Result<(), Failure> {
    let held = tenant.users.len() + tenant.applications.len() + tenant.principals.len() + tenant.groups.len();
    let held = held as u64 + u64::from(tenant.plain_users) + tenant.bin.len() as u64;
    if held < state.switches.directory_quota {
        return Ok(());
    }
    Err(Failure::new(
        403,
        "Directory_QuotaExceeded",
        "The directory object quota limit for the Tenant has been exceeded. Please ask your administrator to increase the quota limit or delete objects to reduce the used quota.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(query: &str) -> Call {
        let mut call = Call::default();
        call.target(&format!("/v1.0/x?{query}"));
        call
    }

    #[test]
    fn a_request_costs_by_what_it_reads() {
        let plain = call("");
        assert_eq!(units("GET", "/groups/{key}/transitiveMembers", &plain), 5);
        assert_eq!(units("GET", "/groups/{key}/owners", &plain), 1);
        assert_eq!(units("GET", "/users", &call("$top=5&$select=id")), 1);
        assert_eq!(units("GET", "/users", &call("$expand=manager")), 3);
        assert_eq!(units("PATCH", "/users/{key}", &plain), 1);
    }

    #[test]
    fn a_bucket_fills_up_again_and_asking_in_vain_makes_it_longer() {
        let mut quota = Quota::default();
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let draw = |amount: u64| Draw {
            key: "k".to_owned(),
            limit: Limit { most: 10, seconds: 10 },
            amount,
            scope: String::new(),
            why: "",
        };
        assert_eq!(quota.draw(&draw(8), at(0)), 80);
        assert_eq!(quota.lacking(&draw(3), at(0)), Some(1));
        assert_eq!(quota.lacking(&draw(3), at(1)), None);
        assert_eq!(quota.draw(&draw(8), at(1)), 150);
        assert_eq!(quota.lacking(&draw(1), at(1)), Some(6));
        assert_eq!(quota.draw(&draw(99), at(1)), 180, "there is an end to it");
    }
}
