//! ID tokens and `client_info`: who signed in, for the client itself.
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::people::Person;
use super::{Cx, claims, discovery};
use crate::sandbox::ids;
use crate::sandbox::state::Tenant;

/// What an ID token is made for.
pub struct Wanted<'a> {
    pub client: &'a str,
    pub nonce: Option<&'a str>,
    /// Binds the code that it comes with.
    pub code: Option<&'a str>,
    /// Scopes of OpenID Connect beside `openid`.
    pub email: bool,
    pub profile: bool,
}

/// Entra: ID token claims.
pub fn claims(cx: &Cx, tenant: &Tenant, person: &Person, wanted: &Wanted) -> Value {
    let t = cx.now.as_second();
    let (user, client) = (&person.user, wanted.client);
    let mut claims = json!({
        "aud": client, "iat": t, "nbf": t, "exp": claims::end(cx.now), "oid": user.id, "tid": tenant.id,
        "sub": claims::pairwise(&user.id, client),
    });
    if cx.v1 {
        claims["iss"] = json!(discovery::issuer_v1(&tenant.id));
        claims["ver"] = json!("1.0");
        claims["upn"] = json!(user.user_principal_name);
        claims["unique_name"] = json!(user.user_principal_name);
        claims["name"] = json!(user.display_name);
        claims["amr"] = json!(["pwd"]);
    } else {
        claims["iss"] = json!(discovery::issuer(&cx.call.base(), &tenant.id));
        claims["ver"] = json!("2.0");
        if wanted.profile {
            claims["name"] = json!(user.display_name);
            claims["preferred_username"] = json!(user.user_principal_name);
        }
        if wanted.email {
            claims["email"] = json!(user.props.get("mail").and_then(Value::as_str).unwrap_or(person.upn()));
        }
    }
    if let Some(nonce) = wanted.nonce {
        claims["nonce"] = json!(nonce);
    }
    if let Some(code) = wanted.code {
        claims["c_hash"] = json!(ids::b64(&Sha256::digest(code.as_bytes())[..16]));
    }
    if tenant.id != person.home {
        claims["idp"] = json!(discovery::issuer_v1(&person.home));
    }
    claims::marks(cx, &tenant.id, client, &mut claims);
    claims
}

/// MSAL knows accounts by it: object id and tenant at home.
pub fn client_info(person: &Person) -> String {
    ids::b64(json!({ "uid": person.user.id, "utid": person.home }).to_string().as_bytes())
}
