//! Callers with any permissions and roles: their tokens are signed by the cloud's own key.
use serde_json::{Value, json};

use super::support::{Api, Cloud, MANAGER};
use crate::sandbox::keys::Keys;
use crate::sandbox::server::locked;

/// An id that no object has.
pub const NOBODY: &str = "00000000-0000-4000-8000-0000000000aa";

fn signed<'a>(cloud: &'a Cloud, tenant: &str, with: Value) -> Api<'a> {
    let inner = locked(&cloud.sandbox.cloud);
    let t = inner.now().as_second();
    let mut claims = json!({
        "aud": "https://graph.microsoft.com", "appid": MANAGER, "tid": tenant, "oid": NOBODY, "iat": t, "nbf": t, "exp": t + 3599,
    });
    claims.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    let token = Keys::open(&inner.state.signing_key, &inner.state.ring).unwrap().sign(&claims).unwrap();
    Api { cloud, token }
}

/// An app with these permissions.
pub fn app<'a>(cloud: &'a Cloud, tenant: &str, permissions: &[&str]) -> Api<'a> {
    signed(cloud, tenant, json!({ "idtyp": "app", "roles": permissions }))
}

/// An app that holds directory roles too.
pub fn app_with_roles<'a>(cloud: &'a Cloud, tenant: &str, permissions: &[&str], roles: &[&str]) -> Api<'a> {
    signed(cloud, tenant, json!({ "idtyp": "app", "roles": permissions, "wids": roles }))
}

/// A user with these scopes and directory roles.
pub fn user<'a>(cloud: &'a Cloud, tenant: &str, id: &str, scopes: &[&str], roles: &[&str]) -> Api<'a> {
    let with = json!({ "idtyp": "user", "oid": id, "upn": "somebody@northwind.example", "scp": scopes.join(" "), "wids": roles, "amr": ["pwd", "mfa"] });
    signed(cloud, tenant, with)
}

/// `{"@odata.id": …}` of an object.
pub fn reference(id: &str) -> Value {
    json!({ "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}") })
}

/// The body that makes a user of the partner.
pub fn new_user(name: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": name, "mailNickname": name, "userPrincipalName": format!("{name}@northwind.example"),
        "passwordProfile": { "password": "cnry-Passw0rd!", "forceChangePasswordNextSignIn": true },
    })
}

pub const ALL: &[&str] = &[
    "User.ReadWrite.All",
    "Group.ReadWrite.All",
    "Directory.ReadWrite.All",
    "Directory.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "AdministrativeUnit.ReadWrite.All",
    "User.Invite.All",
    "UserAuthenticationMethod.ReadWrite.All",
    "AuditLog.Read.All",
    "User-PasswordProfile.ReadWrite.All",
    "LicenseAssignment.ReadWrite.All",
    "Application.ReadWrite.All",
];

pub const USER_ADMIN: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";
pub const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
