//! Where Microsoft's services answer.

/// Base addresses, without a slash at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    pub login: String,
    /// With the version: `https://graph.microsoft.com/v1.0`.
    pub graph: String,
    /// With the version: `https://api.partnercenter.microsoft.com/v1`.
    pub partner_center: String,
    /// `https://outlook.office365.com/adminapi/beta`.
    pub exchange: String,
}

impl Endpoints {
    /// The worldwide cloud.
    pub fn global() -> Endpoints {
        Endpoints {
            login: "https://login.microsoftonline.com".into(),
            graph: "https://graph.microsoft.com/v1.0".into(),
            partner_center: "https://api.partnercenter.microsoft.com/v1".into(),
            exchange: "https://outlook.office365.com/adminapi/beta".into(),
        }
    }

    /// Everything at one address, with Microsoft's own paths: the sandbox.
    pub fn all_at(url: &str) -> Endpoints {
        let url = url.trim_end_matches('/');
        Endpoints {
            login: url.to_owned(),
            graph: format!("{url}/v1.0"),
            partner_center: format!("{url}/v1"),
            exchange: format!("{url}/adminapi/beta"),
        }
    }
}

impl Endpoints {
    /// Whether the servers are on the loopback of this machine.
    pub fn on_this_machine(&self) -> bool {
        let host = self.login.split("://").nth(1).unwrap_or_default();
        ["127.", "localhost", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
    }
}

/// The resource of a token, as scopes name it.
pub fn scope(resource: &str) -> &'static str {
    match resource {
        "partnercenter" => "https://api.partnercenter.microsoft.com/.default",
        "exchange" => "https://outlook.office365.com/.default",
        _ => "https://graph.microsoft.com/.default",
    }
}
