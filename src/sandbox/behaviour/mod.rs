//! How Microsoft behaves in time: what is seen late, what is refused for a while, and what is made known only after it
//! has happened. In the profile `instant` all of it is off; each part can be switched off by itself.
//!
//! Everything counts on the virtual clock and goes by the seed: two runs with one seed see the same.
//! What of it is where, and which test shows it: `README.md` beside this file.
pub mod fate;
pub mod masks;
pub mod pace;
pub mod quota;
pub mod replicas;
pub mod serve;
pub mod tokens;
pub mod watch;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::clock::{Delay, Lag};
use super::ids;
use super::kept::Kept;
use super::state::{State, Tenant};
use super::world::WorldFile;

/// How lively the cloud is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// Nothing takes time unless the world says so.
    #[default]
    Instant,
    /// As slow and as forgetful as Microsoft.
    Realistic,
    /// Realistic, and some answers get lost.
    Hostile,
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        match text {
            "instant" => Ok(Profile::Instant),
            "realistic" => Ok(Profile::Realistic),
            "hostile" => Ok(Profile::Hostile),
            _ => Err("write `instant`, `realistic` or `hostile`".to_owned()),
        }
    }
}

/// What is no lag but a habit; the lags are [`Lag`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Switches {
    /// Each lag is between a quarter and the whole of its length, by seed; else it is exactly that long.
    pub spread: bool,
    /// How many read replicas a tenant has. With fewer than two a read sees what was written.
    pub replicas: u64,
    /// How much of Microsoft's resource units and write limits there is, in percent; 0: as much as anybody wants.
    pub limits: u64,
    /// Exchange: calls a second and tenant before it says that there are too many at once; 0: any.
    pub exchange_calls: u64,
    /// Objects that a directory may hold.
    pub directory_quota: u64,
    /// Answers vary where Microsoft's do: prose, numbers as text, one of several refusals.
    pub moods: bool,
    /// Writes that succeed and say they did not, one in so many; 0: none.
    pub masked: u64,
    /// Of the pages of long lists one in so many is empty and links to the next; of deltas one in so many tells something
    /// twice. 0: none.
    pub odd_pages: u64,
    /// Of a hundred requests, so many fail or lose their answer.
    pub chaos: u64,
    /// Status of a GDAP write without `If-Match`.
    pub missing_etag: u16,
    /// Status of an access assignment in a relationship that is not active.
    pub inactive_relationship: u16,
    /// Status of the deletion of a relationship that is not `created`.
    pub undeletable_relationship: u16,
    /// Removing the consent of Partner Center takes the principal away too.
    pub consent_takes_principal: bool,
    /// Partner Center's lists begin with a byte order mark.
    pub byte_order_mark: bool,
    /// The cloud is one whose Graph knows no GDAP.
    pub without_gdap: bool,
}

impl Default for Switches {
    fn default() -> Switches {
        Switches {
            spread: false,
            replicas: 0,
            limits: 0,
            exchange_calls: 0,
            // Entra: service limits, with a verified domain.
            directory_quota: 300_000,
            moods: false,
            masked: 0,
            odd_pages: 0,
            chaos: 0,
            missing_etag: 428,
            inactive_relationship: 409,
            undeletable_relationship: 400,
            consent_takes_principal: false,
            byte_order_mark: false,
            without_gdap: false,
        }
    }
}

impl Switches {
    fn of(profile: Profile) -> Switches {
        let realistic = Switches {
            spread: true,
            replicas: 3,
            limits: 100,
            exchange_calls: 10,
            moods: true,
            masked: 5,
            odd_pages: 7,
            byte_order_mark: true,
            ..Switches::default()
        };
        match profile {
            Profile::Instant => Switches::default(),
            Profile::Realistic => realistic,
            Profile::Hostile => Switches { chaos: 8, masked: 3, ..realistic },
        }
    }
}

/// The lags of a profile, at their longest. Where they were observed: the table in `README.md`.
fn lags(profile: Profile) -> Lag {
    if profile == Profile::Instant {
        return Lag::default();
    }
    let (seconds, minutes) = (Delay, |n: i64| Delay(n * 60));
    Lag {
        exchange_role: minutes(120),
        access_assignment: minutes(4),
        relationship_activation: minutes(5),
        new_secret: seconds(18),
        consent: seconds(60),
        new_certificate: seconds(30),
        new_federated_credential: seconds(120),
        token_app_role: minutes(5),
        token_directory_role: minutes(15),
        delegated_roles: minutes(60),
        relationship_lock: seconds(5),
        relationship_termination: seconds(60),
        operation: seconds(20),
        assignment_removal: seconds(30),
        replica: seconds(10),
        write_replica: seconds(4),
        policies: seconds(25),
        credential_writes: seconds(5),
    }
}

/// Lags and switches of a new cloud: its profile's, then what the world says of them.
pub fn of_world(profile: Profile, world: &WorldFile) -> Result<(Lag, Switches), String> {
    let named = serde_json::to_value(&world.lag).map_err(|e| e.to_string())?;
    let none = serde_json::to_value(Delay::default()).map_err(|e| e.to_string())?;
    // A lag of zero there is one that was not named.
    let mut wish: Map<String, Value> = named
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, v)| **v != none)
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    wish.extend(world.behaviour.clone());
    overlaid(&lags(profile), &Switches::of(profile), &wish)
}

/// Lags and switches with some of them replaced by name.
pub fn overlaid(lag: &Lag, switches: &Switches, wish: &Map<String, Value>) -> Result<(Lag, Switches), String> {
    let map = |v: Value| v.as_object().cloned().unwrap_or_default();
    let mut lags = map(serde_json::to_value(lag).map_err(|e| e.to_string())?);
    let mut habits = map(serde_json::to_value(switches).map_err(|e| e.to_string())?);
    for (name, value) in wish {
        let of = if lags.contains_key(name) { &mut lags } else { &mut habits };
        if !of.contains_key(name) {
            let all: Vec<&str> = lags.keys().chain(habits.keys()).map(String::as_str).collect();
            return Err(format!("no behaviour is called `{name}`; there are: {}", all.join(", ")));
        }
        of.insert(name.clone(), value.clone());
    }
    let wrong = |e: serde_json::Error| format!("not a behaviour: {e}");
    let lag = serde_json::from_value(Value::Object(lags)).map_err(wrong)?;
    let switches = serde_json::from_value(Value::Object(habits)).map_err(wrong)?;
    Ok((lag, switches))
}

/// A wish of the control API: `profile` sets all, every other name one lag or switch.
pub fn wished(state: &mut State, wish: &Value) -> Result<(), String> {
    let mut wish = wish.as_object().cloned().ok_or("a behaviour is an object of names and values")?;
    let (mut lag, mut switches) = (state.lag.clone(), state.switches.clone());
    if let Some(profile) = wish.remove("profile") {
        let profile: Profile = profile.as_str().unwrap_or_default().parse()?;
        (lag, switches) = (lags(profile), Switches::of(profile));
    }
    (state.lag, state.switches) = overlaid(&lag, &switches, &wish)?;
    Ok(())
}

/// All that a running cloud remembers only for its behaviour; a new process begins without it, as if all were quiet.
#[derive(Default)]
pub struct Live {
    pub replicas: replicas::Replicas,
    pub quota: quota::Quota,
    pub pace: pace::Pace,
}

impl Live {
    /// What a tenant is like before a write, when that matters afterwards.
    pub fn before(&self, state: &State, tenant: &str) -> Option<Kept<Tenant>> {
        (state.switches.replicas > 1 || state.lag.is_watched()).then(|| state.tenants.share(tenant)).flatten()
    }

    /// A write is over: older versions stay readable for a while, and what others learn late is scheduled.
    pub fn after(&mut self, state: &mut State, tenant: &str, before: Option<Kept<Tenant>>, now: Timestamp) {
        let (Some(before), Some(current)) = (before, state.tenants.share(tenant)) else { return };
        if before.is_same(&current) {
            return;
        }
        watch::changed(state, &before, &current, now);
        self.replicas.keep(tenant, before, now, longest(&state.lag));
    }
}

/// How long older versions are asked for.
fn longest(lag: &Lag) -> i64 {
    [lag.replica, lag.write_replica, lag.policies].iter().map(|d| d.0).max().unwrap_or(0)
}

impl State {
    /// From now on it behaves as a profile does.
    pub fn behave(&mut self, profile: Profile) {
        (self.lag, self.switches) = (lags(profile), Switches::of(profile));
    }

    /// How long a lag is this time: between a quarter and the whole of it, by what it is about.
    pub fn lag_of(&self, lag: Delay, about: &str) -> Delay {
        if !self.switches.spread || lag.0 <= 0 {
            return lag;
        }
        let least = (lag.0 + 3) / 4;
        Delay(least + i64::try_from(self.chance(&["lag", about], (lag.0 - least + 1).unsigned_abs())).unwrap_or(0))
    }

    /// Whether the page that answers this request is one of the odd ones.
    pub fn is_odd_page(&self) -> bool {
        let one_in = self.switches.odd_pages;
        one_in > 0 && self.chance(&["page", &self.log.next.to_string()], one_in) == 0
    }

    /// A number below `sides`, by seed and natural key.
    pub fn chance(&self, about: &[&str], sides: u64) -> u64 {
        let id = ids::guid(self.seed, about, 0);
        let number = id.get(..8).and_then(|head| u64::from_str_radix(head, 16).ok()).unwrap_or(0);
        number % sides.max(1)
    }
}
