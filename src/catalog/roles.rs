//! Built-in directory roles by name and template id.

use std::collections::BTreeMap;
use std::sync::LazyLock;

static BY_NAME: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("roles.yaml")).unwrap_or_default());

pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";
pub const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
pub const CLOUD_APPLICATION_ADMINISTRATOR: &str = "158c047a-c907-4556-b7ef-446551a6b5f7";
pub const EXCHANGE_ADMINISTRATOR: &str = "29232cdf-9323-42fd-ade2-1d097af3e4de";

/// A role as it is written in a manifest, name (any case) or template id, to its template id.
pub fn id(role: &str) -> Option<&'static str> {
    BY_NAME
        .iter()
        .find(|(name, id)| name.eq_ignore_ascii_case(role) || id.eq_ignore_ascii_case(role))
        .map(|(_, id)| id.as_str())
}

/// The role's name, or the id itself where the table does not know it yet.
pub fn name(id: &str) -> &str {
    BY_NAME.iter().find(|(_, known)| known.eq_ignore_ascii_case(id)).map_or(id, |(name, _)| name)
}

/// All names that the table knows.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    BY_NAME.keys().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_by_name_and_by_id_in_any_case() {
        assert_eq!(BY_NAME.len(), 73);
        assert_eq!(id("exchange administrator"), Some(EXCHANGE_ADMINISTRATOR));
        assert_eq!(id(&PRIVILEGED_ROLE_ADMINISTRATOR.to_uppercase()), Some(PRIVILEGED_ROLE_ADMINISTRATOR));
        assert_eq!(name(CLOUD_APPLICATION_ADMINISTRATOR), "Cloud Application Administrator");
        assert_eq!(name(GLOBAL_ADMINISTRATOR), "Global Administrator");
        assert_eq!(name(APPLICATION_ADMINISTRATOR), "Application Administrator");
        assert_eq!(id("Janitor"), None);
        assert!(names().any(|name| name == "Exchange Administrator"));
    }
}
