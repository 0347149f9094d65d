//! Sign-ins that are under way: device codes that wait for a person, and codes that were used up.
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Flows {
    /// By the code that a person types.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, Device>,
    /// Hashes of authorization codes that were redeemed, and until when they would have lived.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redeemed: BTreeMap<String, Timestamp>,
}

/// How a person signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Object id.
    pub user: String,
    /// The user's tenant.
    pub home: String,
    pub mfa: bool,
    /// Seconds since 1970.
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    pub user_code: String,
    /// Hash of what the device shows to the token endpoint.
    pub hash: String,
    pub client: String,
    /// As the path named it.
    pub tenant: String,
    pub scope: String,
    pub v1: bool,
    pub until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// What the person did.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Signed in, for a tenant.
    Approved {
        login: Login,
        tenant: String,
    },
    Declined,
}

/// Seconds that an expired device code is remembered, so that its device learns why.
const MEMORY: i64 = 3_600;

impl Flows {
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.redeemed.is_empty()
    }

    /// Lets go of what nobody can use any more.
    pub fn forget(&mut self, now: Timestamp) {
        self.devices.retain(|_, d| d.until.as_second() + MEMORY > now.as_second());
        self.redeemed.retain(|_, until| *until > now);
    }

    pub fn device_of(&mut self, hash: &str) -> Option<&mut Device> {
        self.devices.values_mut().find(|d| d.hash == hash)
    }
}
