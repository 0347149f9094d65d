//! The world that a sandbox begins with: a YAML file, or a value that another room makes.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::behaviour::Profile;
use super::clock::{Delay, Lag};
use super::ids;
use std::collections::BTreeMap;

/// Permissions by resource: `MicrosoftGraph: [User.Read.All]`.
pub type Permissions = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldFile {
    #[serde(default)]
    pub seed: Option<u64>,
    /// How lively the cloud is, unless the command says so.
    #[serde(default)]
    pub profile: Option<Profile>,
    #[serde(default)]
    pub lag: Lag,
    /// Lags and switches of the profile that are otherwise here, by name; also a lag of 0.
    #[serde(default)]
    pub behaviour: Map<String, Value>,
    pub partner: PartnerFile,
    #[serde(default)]
    pub customers: Vec<CustomerFile>,
    /// Delegated admin relationships that are there from the beginning.
    #[serde(default)]
    pub relationships: Vec<RelationshipFile>,
}

/// A relationship that somebody made before: by Microsoft's own migration (`MLT_…`), through a reseller, or long ago.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RelationshipFile {
    pub display_name: String,
    /// Tenant id of the customer; none: an open invitation.
    #[serde(default)]
    pub customer: Option<String>,
    /// By name or template id.
    pub roles: Vec<String>,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub duration: Option<String>,
    #[serde(default)]
    pub auto_extend_duration: Option<String>,
    /// Tenant id of the indirect provider: the relationship is a reseller's.
    #[serde(default)]
    pub indirect_provider: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartnerFile {
    pub tenant_id: String,
    pub display_name: String,
    pub domain: String,
    /// As of customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licences: Option<Vec<String>>,
    #[serde(default)]
    pub users: Vec<UserFile>,
    #[serde(default)]
    pub apps: Vec<AppFile>,
    #[serde(default)]
    pub groups: Vec<GroupFile>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserFile {
    pub user_principal_name: String,
    #[serde(default)]
    pub display_name: Option<String>,
    /// Signed in with MFA: what its tokens' `amr` says.
    #[serde(default = "yes")]
    pub mfa: bool,
    #[serde(default)]
    pub admin_agents: bool,
    /// Directory roles at home, by name or template id.
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub refresh_tokens: Vec<RefreshTokenFile>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshTokenFile {
    /// Display name or client id of the app it was issued to.
    pub app: String,
    pub value: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppFile {
    pub display_name: String,
    pub client_id: String,
    #[serde(default)]
    pub secrets: Vec<SecretFile>,
    #[serde(default)]
    pub certificates: Vec<CertificateFile>,
    /// Application permissions granted at home.
    #[serde(default)]
    pub application: Permissions,
    /// Delegated permissions granted at home, for all principals.
    #[serde(default)]
    pub delegated: Permissions,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretFile {
    pub name: String,
    pub value: String,
    /// Default: two years. `0` has expired already.
    #[serde(default)]
    pub expires_in: Option<Delay>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CertificateFile {
    pub pem: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub expires_in: Option<Delay>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupFile {
    pub display_name: String,
    /// User principal names.
    #[serde(default)]
    pub members: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomerFile {
    pub tenant_id: String,
    pub display_name: String,
    pub domain: String,
    #[serde(default = "ten")]
    pub users: u32,
    /// Has an Exchange Online licence.
    #[serde(default = "yes")]
    pub exchange: bool,
    /// Has a commercial (reseller) relationship with the partner.
    #[serde(default = "yes")]
    pub commercial: bool,
    /// Part numbers of its SKUs (`SPB`, `AAD_PREMIUM`); without: what tenants have by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licences: Option<Vec<String>>,
}

impl Default for CustomerFile {
    fn default() -> Self {
        CustomerFile {
            tenant_id: String::new(),
            display_name: String::new(),
            domain: String::new(),
            users: ten(),
            exchange: true,
            commercial: true,
            licences: None,
        }
    }
}

fn yes() -> bool {
    true
}

fn ten() -> u32 {
    10
}

impl WorldFile {
    /// Adds so many customers, `fleet-00001` and on: each id is a hash of the seed and the name.
    pub fn add_fleet(&mut self, count: u32, seed: u64) {
        let seed = self.seed.unwrap_or(seed);
        self.customers.extend((1..=count).map(|n| {
            let name = format!("fleet-{n:05}");
            let tenant_id = ids::guid(seed, &["fleet", &name], 0);
            let domain = format!("{name}.example");
            CustomerFile { tenant_id, display_name: name, domain, ..CustomerFile::default() }
        }));
    }

    /// Reads a world; unknown fields and wrong types are errors with line and column.
    pub fn from_yaml(text: &str) -> Result<WorldFile, String> {
        serde_yaml::from_str(text).map_err(|e| e.to_string())
    }
}
