//! The names of query options: `$` is optional, letter case does not matter, each may stand once.
use std::borrow::Cow;

use crate::sandbox::graph::errors::Failure;
use crate::sandbox::http::Call;

/// Graph: query parameters, and the state of a delta query.
const KNOWN: [&str; 12] = [
    "$select",
    "$filter",
    "$top",
    "$count",
    "$orderby",
    "$skiptoken",
    "$deltatoken",
    "$expand",
    "$format",
    "$search",
    "$skip",
    "$levels",
];

/// `Select` → `$select`, when it is the name of an option.
fn canonical(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix('$').unwrap_or(name);
    KNOWN.into_iter().find(|k| k[1..].eq_ignore_ascii_case(bare))
}

/// The call with its options under their own names.
pub fn normalised(call: &Call) -> Result<Cow<'_, Call>, Failure> {
    let mut seen: Vec<&str> = Vec::new();
    let mut changes = false;
    for (name, _) in &call.query {
        let Some(known) = canonical(name) else {
            if name.starts_with('$') {
                return Err(Failure::bad_query(format!("The query parameter '{name}' is not supported.")));
            }
            continue;
        };
        if seen.contains(&known) {
            return Err(Failure::bad_query(format!(
                "Query option '{known}' was specified more than once, but it must be specified at most once."
            )));
        }
        seen.push(known);
        changes |= known != name;
    }
    if !changes {
        return Ok(Cow::Borrowed(call));
    }
    let mut call = call.clone();
    for (name, _) in &mut call.query {
        if let Some(known) = canonical(name) {
            known.clone_into(name);
        }
    }
    Ok(Cow::Owned(call))
}

/// Whether the call says `ConsistencyLevel: eventual`, in its header or in its address.
pub fn is_eventual(call: &Call) -> bool {
    let asked = call.query.iter().find(|(k, _)| k.eq_ignore_ascii_case("consistencylevel")).map(|(_, v)| v.as_str());
    asked.or_else(|| call.header("consistencylevel")).is_some_and(|v| v.trim().eq_ignore_ascii_case("eventual"))
}

/// The directory refuses arguments that it does not know.
pub fn check_arguments(call: &Call) -> Result<(), Failure> {
    let known = |name: &str| {
        name.starts_with('$') || ["consistencylevel", "api-version"].iter().any(|k| k.eq_ignore_ascii_case(name))
    };
    match call.query.iter().find(|(name, _)| !known(name)) {
        Some((name, _)) => Err(Failure::bad(format!("Unrecognized query argument specified: '{name}'."))),
        None => Ok(()),
    }
}

/// Options of a collection on a single object. `$count` is let through: it makes a query an advanced one.
pub fn check_single(call: &Call) -> Result<(), Failure> {
    if ["$filter", "$orderby", "$top", "$skip", "$search"].iter().any(|o| call.param(o).is_some()) {
        return Err(Failure::bad_query(
            "The requested resource is not a collection. Query options $filter, $orderby, $count, $skip, and $top can be applied only on collections.",
        ));
    }
    Ok(())
}

/// `$count=true`.
pub fn count(call: &Call) -> Result<bool, Failure> {
    match call.param("$count") {
        None => Ok(false),
        Some(v) if v.eq_ignore_ascii_case("true") => Ok(true),
        Some(v) if v.eq_ignore_ascii_case("false") => Ok(false),
        Some(v) => Err(Failure::bad_query(format!(
            "Invalid value '{v}' for $count query option found. Valid values are 'true' or 'false'."
        ))),
    }
}

/// A whole number from an option.
pub fn number(call: &Call, option: &str) -> Result<Option<usize>, Failure> {
    let Some(text) = call.param(option) else { return Ok(None) };
    match text.trim().parse::<usize>() {
        Ok(n) => Ok(Some(n)),
        Err(_) => Err(Failure::bad_query(format!(
            "Invalid value '{text}' for {option} query option found. The {option} query option requires a non-negative integer value."
        ))),
    }
}
