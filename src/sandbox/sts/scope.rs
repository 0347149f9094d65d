//! Scopes and resources: what a token is asked for.
use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::refusal::{Refusal, refuse};
use super::{Form, first_party};
use crate::sandbox::facts;
use crate::sandbox::graph::access::{audience_app, is_own};
use crate::sandbox::ids;
use crate::sandbox::state::{Application, Principal, Props, State, Tenant};

/// The one resource of a request, and the scopes of it that were named.
#[derive(Debug, Clone)]
pub struct Scope {
    /// App id of the resource; `None` when nobody knows it.
    pub resource: Option<String>,
    pub uri: String,
    /// The sandbox's own address is the resource.
    pub own: bool,
    /// Without those of OpenID Connect.
    pub names: Vec<String>,
    /// `openid`, `profile`, `email`, `offline_access`.
    pub openid: BTreeSet<String>,
    pub raw: String,
}

pub const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

const GRAPH_URI: &str = "https://graph.microsoft.com";

/// `api://AzureADTokenExchange`: tokens by which one identity vouches for another.
pub const TOKEN_EXCHANGE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

impl Scope {
    /// From the form; the v1 endpoint names a resource instead of scopes.
    pub fn of_form(state: &State, form: &Form, host: &str) -> Result<Scope, Refusal> {
        match (form.get("scope"), form.get("resource")) {
            (_, Some(resource)) => Scope::of_resource(state, resource, host),
            (Some(scope), None) => Scope::parse(state, scope, host),
            (None, None) => Err(Refusal::missing("scope")),
        }
    }

    pub fn of_resource(state: &State, resource: &str, host: &str) -> Result<Scope, Refusal> {
        Scope::parse(state, &format!("{}/.default", resource.trim_end_matches('/')), host)
    }

    pub fn parse(state: &State, raw: &str, host: &str) -> Result<Scope, Refusal> {
        let mut uri: Option<String> = None;
        let mut names = Vec::new();
        let mut openid = BTreeSet::new();
        for part in raw.split_whitespace() {
            if OPENID.contains(&part) {
                openid.insert(part.to_owned());
                continue;
            }
            // Without a resource in front, a scope is Graph's.
            let (of, name) = match part.rsplit_once('/') {
                Some((of, name)) if !of.is_empty() && !of.ends_with('/') => (of.to_owned(), name.to_owned()),
                Some((of, name)) if of.ends_with('/') && of.len() > 2 => {
                    (of.trim_end_matches('/').to_owned(), name.to_owned())
                }
                _ => (GRAPH_URI.to_owned(), part.to_owned()),
            };
            let same = |u: &String| app_of(state, u, host) == app_of(state, &of, host);
            if uri.as_ref().is_some_and(|u| *u != of && !same(u)) {
                return Err(refuse(
                    28_002,
                    "invalid_request",
                    "Provided value for the input parameter scope is not valid because it contains more than one resource.",
                ));
            }
            uri = Some(of);
            names.push(name);
        }
        if uri.is_none() && openid.is_empty() {
            return Err(Refusal::invalid_scope(raw));
        }
        let uri = uri.unwrap_or_else(|| GRAPH_URI.to_owned());
        let own = is_own(&uri, host);
        Ok(Scope { resource: app_of(state, &uri, host), uri, own, names, openid, raw: raw.to_owned() })
    }

    pub fn is_default(&self) -> bool {
        self.names.iter().any(|n| n == ".default")
    }

    /// Scopes that were named one by one.
    pub fn named(&self) -> impl Iterator<Item = &String> {
        self.names.iter().filter(|n| *n != ".default")
    }

    /// The audience as it was asked for: Graph by the sandbox's own address stays that address.
    pub fn audience(&self, state: &State) -> String {
        match self.resource.as_deref() {
            Some(id) if !self.own => match facts::resource(id) {
                Some(known) => known.audience().to_owned(),
                None if is_v2(state, id) => id.to_owned(),
                None => self.uri.clone(),
            },
            _ => self.uri.clone(),
        }
    }

    /// The resource's principal in a tenant.
    pub fn principal<'a>(&self, tenant: &'a Tenant) -> Result<&'a Principal, Refusal> {
        if self.resource.as_deref() == Some(TOKEN_EXCHANGE) {
            return Ok(exchange());
        }
        self.resource.as_deref().and_then(|id| tenant.principal_of(id)).ok_or_else(|| self.no_resource(tenant))
    }

    pub fn no_resource(&self, tenant: &Tenant) -> Refusal {
        refuse(
            500_011,
            "invalid_resource",
            format!(
                "The resource principal named {} was not found in the tenant named {}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
                self.uri, tenant.display_name
            ),
        )
    }
}

impl Refusal {
    pub fn invalid_scope(raw: &str) -> Refusal {
        refuse(
            70_011,
            "invalid_scope",
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {raw} is not valid."
            ),
        )
    }
}

/// The principal of the token exchange, which every tenant has.
fn exchange() -> &'static Principal {
    static ONE: OnceLock<Principal> = OnceLock::new();
    ONE.get_or_init(|| Principal {
        secrets: Vec::new(),
        certificates: Vec::new(),
        id: TOKEN_EXCHANGE.to_owned(),
        app_id: TOKEN_EXCHANGE.to_owned(),
        props: Props::new(),
        created_by: None,
    })
}

/// The app behind a resource's URI: Microsoft's own, or a registered one by app id or identifier URI.
pub fn app_of(state: &State, uri: &str, host: &str) -> Option<String> {
    if let Some(known) = audience_app(uri, host) {
        return Some(known.to_owned());
    }
    let bare = uri.trim_end_matches('/');
    if bare.eq_ignore_ascii_case("api://AzureADTokenExchange") || bare == TOKEN_EXCHANGE {
        return Some(TOKEN_EXCHANGE.to_owned());
    }
    let id = bare.strip_prefix("api://").unwrap_or(bare);
    if ids::is_guid(id) && state.application(id).is_some() {
        return Some(id.to_ascii_lowercase());
    }
    let all = state.tenants.values().flat_map(|t| t.applications.values());
    all.into_iter().find(|a| uris(a).any(|u| u == bare || u == uri)).map(|a| a.app_id.clone())
}

fn uris(app: &Application) -> impl Iterator<Item = &str> {
    app.props.get("identifierUris").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether tokens for a resource are of version 2.0: only an app's own API asks for that.
pub fn is_v2(state: &State, resource: &str) -> bool {
    if resource == TOKEN_EXCHANGE {
        return true;
    }
    let version = |a: &Application| a.props.get("api")?.get("requestedAccessTokenVersion")?.as_i64();
    facts::resource(resource).is_none() && state.application(resource).and_then(|(_, a)| version(a)) == Some(2)
}

/// A permission of a resource by its name and whether a user may consent to it alone.
pub fn delegated_scope(state: &State, resource: &str, name: &str) -> Option<bool> {
    if OPENID.contains(&name) {
        return Some(true);
    }
    if let Some(known) = facts::resource(resource) {
        return known.delegated.contains_key(name).then(|| facts::user_may_consent(resource, name));
    }
    let (_, app) = state.application(resource)?;
    let scopes = app.props.get("api")?.get("oauth2PermissionScopes")?.as_array()?;
    let hit = scopes.iter().find(|s| s["value"] == *name && s["isEnabled"] != false)?;
    Some(hit["type"] == "User")
}

/// The registration of a client, also of Microsoft's own tools.
pub fn client<'a>(state: &'a State, id: &str) -> Option<&'a Application> {
    state.application(id).map(|(_, a)| a).or_else(|| first_party::application(id))
}
