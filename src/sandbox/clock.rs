//! The one virtual clock of the cloud, and the lags that are counted on it.
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `now` of the whole cloud; every answer carries it in its `Date` header.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub enum Clock {
    /// Wall time plus an offset that `advance` moves.
    #[serde(rename_all = "camelCase")]
    Follow { offset_seconds: i64 },
    /// Stands still; moved by `advance` only.
    Fixed { at: Timestamp },
}

/// What a clock shall do: `follow`, or `fixed@2026-11-23T10:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockWish {
    Follow,
    Fixed(Timestamp),
}

impl FromStr for ClockWish {
    type Err = String;

    fn from_str(text: &str) -> Result<ClockWish, String> {
        let bad = || "write `follow`, or `fixed@` and a time such as fixed@2026-11-23T10:00:00Z".to_owned();
        match text.split_once('@') {
            None if text == "follow" => Ok(ClockWish::Follow),
            Some(("fixed", at)) => at.parse().map(|at| ClockWish::Fixed(whole_seconds(at))).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Clock::Follow { offset_seconds: 0 }
    }
}

impl Clock {
    pub fn is_fixed(&self) -> bool {
        matches!(self, Clock::Fixed { .. })
    }

    /// A new cloud's clock.
    pub fn new(wish: Option<ClockWish>) -> Clock {
        match wish {
            None | Some(ClockWish::Follow) => Clock::default(),
            Some(ClockWish::Fixed(at)) => Clock::Fixed { at },
        }
    }

    /// Goes on from a moment as wall time does.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is the clock that rules")]
    pub fn following_from(at: Timestamp) -> Clock {
        Clock::Follow { offset_seconds: at.as_second() - whole_seconds(Timestamp::now()).as_second() }
    }

    #[expect(clippy::disallowed_methods, reason = "the sandbox is the clock that rules")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::Follow { offset_seconds } => plus(whole_seconds(Timestamp::now()), *offset_seconds),
            Clock::Fixed { at } => *at,
        }
    }

    pub fn advance(&mut self, seconds: i64) {
        match self {
            Clock::Follow { offset_seconds } => *offset_seconds = offset_seconds.saturating_add(seconds),
            Clock::Fixed { at } => *at = plus(*at, seconds),
        }
    }
}

/// Microsoft's times are shown in whole seconds, so they are kept that way.
fn whole_seconds(t: Timestamp) -> Timestamp {
    Timestamp::from_second(t.as_second()).unwrap_or(t)
}

pub fn plus(t: Timestamp, seconds: i64) -> Timestamp {
    t.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

pub fn days(n: i64) -> i64 {
    n.saturating_mul(86_400)
}

/// RFC 7231 form for the `Date` header.
pub fn http_date(t: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&t)
        .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned())
}

/// A length of virtual time: `45m`, `365d`, `2h`, `10s`, `0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delay(pub i64);

impl Delay {
    pub fn parse(text: &str) -> Result<Delay, String> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let bad = || format!("`{text}` is no length of time; write for example `45m`, `2h`, `365d`");
        let n: i64 = digits.parse().map_err(|_| bad())?;
        let factor = match unit {
            "" | "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(bad()),
        };
        // A century is enough for any lag, and keeps the arithmetic on timestamps inside its range.
        n.checked_mul(factor).filter(|s| *s <= 3_200_000_000).map(Delay).ok_or_else(bad)
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format!("{}s", self.0))
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Delay;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a length of time such as 45m")
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Delay, E> {
                Delay::parse(v).map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Delay, E> {
                Delay::parse(&v.to_string()).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Delay, E> {
                Delay::parse(&v.to_string()).map_err(E::custom)
            }
        }
        d.deserialize_any(Text)
    }
}

/// How long the cloud takes to do what it was told; all zero in the profile `instant`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Lag {
    /// Directory role on a principal → Exchange accepts it.
    pub exchange_role: Delay,
    /// GDAP access assignment: pending → active.
    pub access_assignment: Delay,
    /// GDAP relationship: activating → active.
    pub relationship_activation: Delay,
    /// addPassword → the token service accepts the secret.
    pub new_secret: Delay,
    /// Partner Center consent → principal and grants appear.
    pub consent: Delay,
    /// A certificate on an application → the token service accepts it.
    pub new_certificate: Delay,
    /// A federated identity credential → the token service accepts it.
    pub new_federated_credential: Delay,
    /// App-role assignment given or taken → the tokens say so.
    pub token_app_role: Delay,
    /// Directory role given or taken → the tokens say so.
    pub token_directory_role: Delay,
    /// GDAP access assignment active → its roles are in the customer's tokens and role assignments.
    pub delegated_roles: Delay,
    /// GDAP relationship: lockForApproval → approvalPending.
    pub relationship_lock: Delay,
    /// GDAP relationship: each step from terminationRequested to terminated, and from approved to activating.
    pub relationship_termination: Delay,
    /// GDAP operation: each step from notStarted to succeeded.
    pub operation: Delay,
    /// GDAP access assignment: deleting → deleted.
    pub assignment_removal: Delay,
    /// How far the slowest read replica of a directory is behind.
    pub replica: Delay,
    /// How far the replica that takes writes may be behind what was written elsewhere.
    pub write_replica: Delay,
    /// Conditional access: write → read.
    pub policies: Delay,
    /// How close two writes of credentials on one application may be without a conflict.
    pub credential_writes: Delay,
}

impl Lag {
    /// Whether writes have to be looked at for what others learn of them later.
    pub fn is_watched(&self) -> bool {
        let late = [
            self.new_certificate,
            self.new_federated_credential,
            self.token_app_role,
            self.token_directory_role,
            self.replica,
            self.write_replica,
            self.policies,
        ];
        late.iter().any(|lag| lag.0 > 0)
    }
}
