//! Every route, every permission of the table, every kind of token: what opens a route opens it, all the rest does not.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::support::{CONTOSO, MANAGER, PARTNER, PRIVILEGED, world};
use crate::sandbox::facts::{self, Need};
use crate::sandbox::graph::routes::{self, Route};
use crate::sandbox::http::Call;
use crate::sandbox::keys::Keys;
use crate::sandbox::state::State;
use crate::sandbox::{genesis, graph};

/// An id that no object has.
const NOBODY: &str = "00000000-0000-4000-8000-0000000000aa";

/// The version that has the route.
pub fn version(route: &Route) -> &'static str {
    if route.beta { "beta" } else { "v1.0" }
}

/// Who holds the token, beside its permissions.
#[derive(Clone, Copy, PartialEq)]
enum Who<'a> {
    App,
    /// A user at home, with these directory roles.
    User(&'a [&'a str]),
    /// A user of the partner in a customer, with these roles through GDAP.
    Technician(&'a [&'a str]),
}

struct Walk {
    state: State,
    keys: Keys,
    now: Timestamp,
    tokens: BTreeMap<String, String>,
    cases: usize,
}

impl Walk {
    fn new() -> Walk {
        let mut state = genesis::state(&world(), 7, Default::default()).unwrap();
        let keys = Keys::open(&state.signing_key, &state.ring).unwrap();
        let now = state.clock.now();
        // The calls of GDAP have two preconditions of their own: its principal, and an Admin agent.
        let gdap = graph::ensure_principal(&mut state, PARTNER, facts::GDAP_SERVICE);
        assert!(gdap.is_some());
        Walk { state, keys, now, tokens: BTreeMap::new(), cases: 0 }
    }

    /// An Admin agent of the partner.
    fn agent(&self) -> String {
        let partner = self.state.tenants.get(PARTNER).unwrap();
        partner.group_named("AdminAgents").unwrap().members.iter().next().unwrap().clone()
    }

    fn token(&mut self, who: Who, permissions: &BTreeSet<&str>) -> String {
        let t = self.now.as_second();
        let tenant = if matches!(who, Who::Technician(_)) { CONTOSO } else { PARTNER };
        let mut claims = json!({
            "aud": "https://graph.microsoft.com", "appid": MANAGER, "tid": tenant, "oid": NOBODY, "iat": t, "nbf": t, "exp": t + 3599,
        });
        match who {
            Who::App => {
                claims["idtyp"] = json!("app");
                claims["roles"] = json!(permissions);
            }
            Who::User(roles) | Who::Technician(roles) => {
                claims["idtyp"] = json!("user");
                claims["oid"] = json!(self.agent());
                claims["upn"] = json!("svc-tenantry@northwind.example");
                claims["amr"] = json!(["pwd", "mfa"]);
                claims["scp"] = json!(permissions.iter().copied().collect::<Vec<_>>().join(" "));
                claims["wids"] = json!(roles);
            }
        }
        let keys = &self.keys;
        self.tokens.entry(claims.to_string()).or_insert_with(|| keys.sign(&claims).unwrap()).clone()
    }

    /// Whether the door opens. What lies behind it is not asked.
    fn opens(&mut self, route: &Route, who: Who, permissions: &BTreeSet<&str>) -> bool {
        self.cases += 1;
        let key = if opens_self_only(permissions) && route.pattern.starts_with("/users/{") {
            self.agent()
        } else {
            NOBODY.to_owned()
        };
        let path =
            route.pattern.split('/').map(|p| if p.starts_with('{') { key.as_str() } else { p }).collect::<Vec<_>>();
        let path = path.join("/");
        let matched =
            routes::find(route.method, &path, version(route)).unwrap_or_else(|f| panic!("{route:?}: {}", f.message));
        assert_eq!(matched.route.name, route.name, "{route:?}");
        let token = self.token(who, permissions);
        let mut call = Call { method: route.method.to_owned(), path: format!("/v1.0{path}"), ..Call::default() };
        call.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
        match graph::open(&self.state, &self.keys, &call, matched, self.now) {
            Ok(_) => true,
            Err(refused) => {
                assert_eq!(refused.1.status, 403, "{route:?}: {}", refused.1.message);
                false
            }
        }
    }
}

/// Whether the permissions are about the signed-in user alone.
fn opens_self_only(permissions: &BTreeSet<&str>) -> bool {
    let own =
        |p: &&str| ["User.Read", "User.ReadWrite"].contains(p) || (p.starts_with("UserAuth") && !p.ends_with(".All"));
    !permissions.is_empty() && permissions.iter().all(own)
}

/// Every permission that any rule names.
fn every_permission() -> BTreeSet<&'static str> {
    let rules = facts::permits().values().flat_map(BTreeMap::values);
    let needs = rules.flat_map(|r| r.app.iter().chain(&r.user));
    needs.flat_map(|n| std::iter::once(&n.permission).chain(&n.with)).map(String::as_str).collect()
}

/// Each way in: a permission, with each of those that it needs beside it.
fn ways(needs: &[Need]) -> Vec<BTreeSet<&str>> {
    let of = |n: &'_ Need| -> Vec<BTreeSet<String>> {
        let own = BTreeSet::from([n.permission.clone()]);
        if n.with.is_empty() {
            return vec![own];
        }
        n.with.iter().map(|w| own.iter().cloned().chain([w.clone()]).collect()).collect()
    };
    let all: Vec<BTreeSet<String>> = needs.iter().flat_map(of).collect();
    let known = every_permission();
    all.iter().map(|way| known.iter().copied().filter(|p| way.contains(*p)).collect()).collect()
}

/// All that does not open it: every permission that is no first of a need, and each first alone that needs another.
fn closed(needs: &[Need]) -> Vec<BTreeSet<&str>> {
    let firsts: BTreeSet<&str> = needs.iter().map(|n| n.permission.as_str()).collect();
    let rest = every_permission().into_iter().filter(|p| !firsts.contains(p)).collect();
    let alone = needs.iter().filter(|n| !n.with.is_empty() && !n.with.contains(&n.permission));
    let opens_alone = |p: &str| needs.iter().any(|n| n.permission == p && n.with.is_empty());
    let alone = alone.map(|n| n.permission.as_str()).filter(|p| !opens_alone(p)).map(|p| BTreeSet::from([p]));
    [BTreeSet::new(), rest].into_iter().chain(alone).collect()
}

/// A role that opens the route for a user; where it names none, any will do.
fn role_for(route: &Route) -> &str {
    route.roles.last().copied().unwrap_or(PRIVILEGED)
}

#[test]
fn each_route_opens_for_what_the_table_says_and_for_nothing_else() {
    let mut walk = Walk::new();
    let mut wrong = Vec::new();
    for route in routes::all() {
        let rule = route.rule(false, None).unwrap_or_else(|| panic!("no permissions for {route:?}"));
        let role = [role_for(route)];
        for (who, needs, kind) in [(Who::App, &rule.app, "app"), (Who::User(&role), &rule.user, "user")] {
            for way in ways(needs) {
                if !walk.opens(route, who, &way) {
                    wrong.push(format!("{route:?}: an {kind} with {way:?} is refused"));
                }
            }
            for none in closed(needs) {
                if walk.opens(route, who, &none) {
                    let few: Vec<_> = none.iter().take(3).collect();
                    wrong.push(format!("{route:?}: an {kind} is let in with {few:?} …"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), walk.cases, wrong.join("\n"));
    println!("{} routes, {} cases of token and permission", routes::all().len(), walk.cases);
    assert!(walk.cases > 4_000, "only {} cases", walk.cases);
}

#[test]
fn a_user_needs_one_of_the_directory_roles_that_the_route_names_at_home_and_through_gdap() {
    let mut walk = Walk::new();
    let mut wrong = Vec::new();
    for route in routes::all() {
        let rule = route.rule(false, None).unwrap();
        let Some(way) = ways(&rule.user).into_iter().find(|way| !opens_self_only(way)) else { continue };
        let is_gdap = route.pattern.starts_with("/tenantRelationships/delegatedAdmin");
        let others: Vec<&str> =
            facts::roles().keys().map(String::as_str).filter(|r| !route.roles.contains(r)).collect();
        let mut expect = |who: Who, open: bool, what: &str| {
            if walk.opens(route, who, &way) != open {
                wrong.push(format!("{route:?}: {what} is {}", if open { "refused" } else { "let in" }));
            }
        };
        for role in route.roles {
            expect(Who::User(&[role]), true, role);
            expect(Who::Technician(&[role]), !is_gdap, role);
        }
        if !route.roles.is_empty() {
            expect(Who::User(&others), false, "a user with every other role");
            expect(Who::Technician(&others), false, "a technician with every other role");
        }
        expect(Who::Technician(&[]), false, "a technician without a role");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), walk.cases, wrong.join("\n"));
    println!("{} cases of directory roles", walk.cases);
}

#[test]
fn a_token_that_is_missing_forged_expired_or_for_another_resource_opens_nothing() {
    let walk = Walk::new();
    let t = walk.now.as_second();
    let claims = json!({ "aud": "https://graph.microsoft.com", "appid": MANAGER, "tid": PARTNER, "oid": NOBODY, "idtyp": "app",
        "roles": every_permission(), "iat": t, "nbf": t, "exp": t + 3599 });
    let with = |name: &str, value: Value| {
        let mut other = claims.clone();
        other[name] = value;
        walk.keys.sign(&other).unwrap()
    };
    let good = walk.keys.sign(&claims).unwrap();
    let tokens = [
        None,
        Some("nonsense".to_owned()),
        Some(good.rsplit_once('.').unwrap().0.to_owned() + ".AAAA"),
        Some(with("exp", json!(t - 1))),
        Some(with("nbf", json!(t + 3600))),
        Some(with("aud", json!("https://outlook.office365.com"))),
        Some(with("tid", json!(NOBODY))),
    ];
    for route in routes::all().iter().step_by(7) {
        let path = route.pattern.split('/').map(|p| if p.starts_with('{') { NOBODY } else { p }).collect::<Vec<_>>();
        for token in &tokens {
            let matched = routes::find(route.method, &path.join("/"), version(route)).unwrap();
            let mut call = Call { method: route.method.to_owned(), ..Call::default() };
            if let Some(token) = token {
                call.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
            }
            let refused = graph::open(&walk.state, &walk.keys, &call, matched, walk.now).err().unwrap();
            assert_eq!((refused.1.status, refused.1.code), (401, "InvalidAuthenticationToken"), "{route:?} {token:?}");
        }
    }
}
