//! Which objects a simple filter can mean, before any of them is made: large lists are asked for one object often.
use crate::sandbox::http::Call;

/// The value that each object of a query's answer has in a property; `None`: the filter is not as simple as that.
pub fn sought(call: &Call, property: &str) -> Option<String> {
    of_filter(call.param("$filter")?, property)
}

/// Only what stands in a plain row of `and` says something of every object.
fn of_filter(filter: &str, property: &str) -> Option<String> {
    let lower = filter.to_ascii_lowercase();
    if lower.contains(['(', ')']) || lower.contains(" or ") || lower.contains("not ") || lower.contains("''") {
        return None;
    }
    let value = |term: &str| {
        let (name, rest) = term.trim().split_once(' ')?;
        let value = rest.trim_start().strip_prefix("eq ")?.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        (name == property && !value.contains('\'')).then(|| value.to_owned())
    };
    filter.split(" and ").find_map(value)
}

#[cfg(test)]
mod tests {
    use super::of_filter;

    #[test]
    fn only_what_holds_for_every_object_narrows() {
        for (filter, sought) in [
            ("appId eq 'a'", Some("a")),
            ("accountEnabled eq true and appId eq 'a'", Some("a")),
            ("appId eq 'a' or displayName eq 'b'", None),
            ("not appId eq 'a'", None),
            ("not(appId eq 'a')", None),
            ("appId ne 'a'", None),
            ("startswith(appId,'a')", None),
            ("displayName eq 'appId eq x'", None),
            ("displayName eq 'x and appId eq ''y'''", None),
            ("displayName eq 'x and appId eq y'", None),
        ] {
            assert_eq!(of_filter(filter, "appId").as_deref(), sought, "{filter}");
        }
    }
}
