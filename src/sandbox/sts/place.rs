//! Which part of the token service a path leads to.

/// A path of the token service, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// `{tenant}` of the path; empty where it has none.
    pub tenant: String,
    pub v1: bool,
    pub what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Token,
    DeviceCode,
    Keys,
    Discovery,
    Instance,
    /// Whom a user signs in with.
    Realm(String),
    UserInfo,
    /// Managed identities of virtual machines, and of App Service.
    Imds,
    AppService,
}

pub fn find(path: &str) -> Option<Place> {
    let place = |tenant: &str, v1, what| Some(Place { tenant: tenant.to_owned(), v1, what });
    match path.to_ascii_lowercase().as_str() {
        "/oidc/userinfo" => return place("", false, What::UserInfo),
        "/metadata/identity/oauth2/token" => return place("", true, What::Imds),
        "/msi/token" => return place("", true, What::AppService),
        "/common/discovery/instance" => return place("common", false, What::Instance),
        _ => {}
    }
    let (tenant, rest) = path.strip_prefix('/')?.split_once('/')?;
    if tenant.is_empty() {
        return None;
    }
    let lower = rest.to_ascii_lowercase();
    if let Some(("userrealm", _)) = lower.split_once('/') {
        let user = rest.split_once('/').map_or("", |(_, user)| user);
        return place(tenant, false, What::Realm(user.to_owned()));
    }
    let (v1, what) = match lower.as_str() {
        "oauth2/v2.0/token" => (false, What::Token),
        "oauth2/token" => (true, What::Token),
        "oauth2/v2.0/devicecode" => (false, What::DeviceCode),
        "oauth2/devicecode" => (true, What::DeviceCode),
        "discovery/v2.0/keys" => (false, What::Keys),
        "discovery/keys" => (true, What::Keys),
        "v2.0/.well-known/openid-configuration" => (false, What::Discovery),
        ".well-known/openid-configuration" => (true, What::Discovery),
        "openid/userinfo" => (true, What::UserInfo),
        _ => return None,
    };
    place(tenant, v1, what)
}
