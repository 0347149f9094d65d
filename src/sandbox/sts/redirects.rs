//! Where a sign-in may send a browser back to: redirect URIs as an app registered them.
use serde_json::Value;

use crate::sandbox::state::Application;

/// The platform that a redirect URI is registered for; it decides how its codes are redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Platform {
    /// A server: the code needs a credential.
    Web,
    /// A page: the code needs PKCE and comes from another origin.
    Spa,
    /// A program: no credential.
    PublicClient,
}

pub const PLATFORMS: [(&str, Platform); 3] =
    [("web", Platform::Web), ("spa", Platform::Spa), ("publicClient", Platform::PublicClient)];

pub fn registered<'a>(app: &'a Application, platform: &str) -> impl Iterator<Item = &'a str> {
    let list = app.props.get(platform).and_then(|p| p.get("redirectUris")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// The platform of a redirect URI; `None`: it is not registered.
pub fn platform(app: &Application, uri: &str) -> Option<Platform> {
    let hit = PLATFORMS.iter().find(|(name, _)| registered(app, name).any(|r| r == uri));
    let loose = || PLATFORMS.iter().find(|(name, _)| registered(app, name).any(|r| is_same(r, uri)));
    hit.or_else(loose).map(|(_, platform)| *platform)
}

/// The first one, for requests that name none.
pub fn only(app: &Application) -> Option<&str> {
    PLATFORMS.iter().find_map(|(name, _)| registered(app, name).next())
}

/// Case counts in the path; a program on loopback may choose its port (Entra: redirect URI restrictions).
fn is_same(registered: &str, given: &str) -> bool {
    let (Some(one), Some(two)) = (split(registered), split(given)) else { return false };
    if one.scheme != two.scheme || !one.host.eq_ignore_ascii_case(two.host) || one.path != two.path {
        return false;
    }
    let loopback = ["localhost", "127.0.0.1"].iter().any(|l| one.host.eq_ignore_ascii_case(l));
    one.port == two.port || (loopback && one.scheme == "http")
}

struct Parts<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    path: &'a str,
}

/// A URI without user information and without a fragment.
fn split(uri: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = uri.split_once("://")?;
    if rest.contains('@') || rest.contains('#') {
        return None;
    }
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (authority, ""),
    };
    Some(Parts { scheme, host, port, path: if path == "/" { "" } else { path } })
}

/// Scheme, host and port.
pub fn origin(uri: &str) -> &str {
    let from = uri.find("://").map_or(0, |at| at + 3);
    let end = uri.get(from..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(uri.len(), |at| from + at);
    uri.get(..end).unwrap_or(uri)
}

/// Whether a page of this origin may redeem the app's codes.
pub fn is_spa_origin(app: &Application, asking: &str) -> bool {
    registered(app, "spa").any(|r| {
        let same = origin(r) == asking;
        let loose = split(r).zip(split(asking)).is_some_and(|(r, a)| {
            r.scheme == a.scheme && r.host == a.host && ["localhost", "127.0.0.1"].contains(&r.host)
        });
        same || loose
    })
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_program_on_loopback_chooses_its_port_and_nobody_else_does() {
        assert!(is_same("http://localhost", "http://localhost:53211"));
        assert!(is_same("http://localhost", "http://localhost:53211/"));
        assert!(is_same("http://127.0.0.1/cb", "http://127.0.0.1:8400/cb"));
        assert!(!is_same("http://localhost/cb", "http://localhost:53211/other"));
        assert!(!is_same("https://app.example/cb", "https://app.example:444/cb"));
        assert!(!is_same("https://app.example/cb", "https://app.example/CB"));
        assert!(!is_same("http://localhost", "http://localhost@evil.example"));
        assert!(!is_same("http://localhost", "http://localhost.evil.example:80"));
    }
}
