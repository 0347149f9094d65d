//! Passwords of users: only hashes are kept.
use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors::Failure;
use crate::sandbox::ids;
use crate::sandbox::state::{Props, User};

/// Takes the password out of a body's profile and answers its hash; the rest of the profile stays.
pub fn taken(body: &mut Props, upn: &str) -> Result<Option<String>, Failure> {
    let Some(Value::Object(profile)) = body.get_mut("passwordProfile") else { return Ok(None) };
    let Some(password) = profile.remove("password") else {
        return Ok(None);
    };
    for name in ["forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa"] {
        profile.entry(name).or_insert(json!(name == "forceChangePasswordNextSignIn"));
    }
    let password = password.as_str().unwrap_or_default().to_owned();
    let weak_allowed =
        body.get("passwordPolicies").and_then(Value::as_str).is_some_and(|p| p.contains("DisableStrongPassword"));
    if password.is_empty() || (!weak_allowed && !is_strong(&password, upn)) || password.chars().count() > 256 {
        return Err(weak());
    }
    Ok(Some(ids::secret_hash(&password)))
}

pub fn weak() -> Failure {
    Failure::bad(
        "The specified password does not comply with password complexity requirements. Please provide a different password.",
    )
}

/// Entra: password policies. Eight characters, three of four kinds, and not the user's own name.
pub fn is_strong(password: &str, upn: &str) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_lowercase(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_digit(),
        |c| !c.is_ascii_alphanumeric(),
    ];
    let used = kinds.iter().filter(|kind| password.chars().any(*kind)).count();
    let name = upn.split('@').next().unwrap_or_default();
    // A short name is in many a word.
    let named = name.len() > 3 && password.to_lowercase().contains(&name.to_lowercase());
    password.chars().count() >= 8 && used >= 3 && !named
}

/// The password of a user is another one from now on.
pub fn set(user: &mut User, hash: String, now: Timestamp) {
    user.password = Some(hash);
    user.props.insert("lastPasswordChangeDateTime".into(), json!(now));
}
