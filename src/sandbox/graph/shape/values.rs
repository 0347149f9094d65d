//! Primitive values of a body: whether they are of an EDM type, and the one form in which they are kept.
use serde_json::Value;

use crate::sandbox::ids;

/// The value as it is kept, or nothing where it is of another type.
pub fn primitive(kind: &str, value: &Value) -> Option<Value> {
    let text = || value.as_str();
    match kind {
        "String" => text().map(|_| value.clone()),
        "Boolean" => value.as_bool().map(Value::Bool),
        "Int16" => whole(value, i64::from(i16::MIN), i64::from(i16::MAX)),
        "Int32" => whole(value, i64::from(i32::MIN), i64::from(i32::MAX)),
        "Int64" => whole(value, i64::MIN, i64::MAX),
        "Double" => value.is_number().then(|| value.clone()),
        "Guid" => text().filter(|t| ids::is_guid(t)).map(|t| Value::String(t.to_ascii_lowercase())),
        "DateTimeOffset" => moment(text()?).map(Value::String),
        "Date" => text().filter(|t| t.len() == 10 && t.parse::<jiff::civil::Date>().is_ok()).map(|_| value.clone()),
        "TimeOfDay" => {
            text().filter(|t| t.contains(':') && t.parse::<jiff::civil::Time>().is_ok()).map(|_| value.clone())
        }
        "Duration" => text().filter(|t| is_duration(t)).map(|_| value.clone()),
        "Binary" => text().filter(|t| is_base64(t)).map(|_| value.clone()),
        // A stream has an address of its own.
        _ => None,
    }
}

fn whole(value: &Value, least: i64, most: i64) -> Option<Value> {
    value.as_i64().filter(|n| (least..=most).contains(n)).map(Value::from)
}

/// A moment in UTC, without a fraction when that is nothing: `2024-01-01T00:00:00Z`.
pub fn moment(text: &str) -> Option<String> {
    let plain = text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    let parsed: jiff::Timestamp = text.parse().ok()?;
    if plain {
        return Some(text.to_owned());
    }
    (text.contains(['T', 't']) && !text.contains('[')).then(|| parsed.to_string())
}

/// EDM's durations have days and time; months and years have no length.
fn is_duration(text: &str) -> bool {
    let body = text.strip_prefix('-').unwrap_or(text);
    let Some(rest) = body.strip_prefix('P') else { return false };
    let date = rest.split('T').next().unwrap_or_default();
    !date.contains(['Y', 'M', 'W']) && text.parse::<jiff::Span>().is_ok()
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b)) && body.len() % 4 != 1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_kept_in_one_form() {
        for (kind, value, kept) in [
            ("DateTimeOffset", json!("2024-01-01T02:00:00+02:00"), json!("2024-01-01T00:00:00Z")),
            ("DateTimeOffset", json!("2024-01-01T00:00:00.000Z"), json!("2024-01-01T00:00:00Z")),
            ("DateTimeOffset", json!("2024-01-01T00:00:00.25Z"), json!("2024-01-01T00:00:00.25Z")),
            ("Guid", json!("5C1F0A52-7D1E-4A52-9A55-0F3B7F1F6F10"), json!("5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10")),
            ("Duration", json!("P1DT2H"), json!("P1DT2H")),
        ] {
            assert_eq!(primitive(kind, &value), Some(kept), "{kind} {value}");
        }
    }

    #[test]
    fn values_of_another_type_are_refused() {
        for (kind, value) in [
            ("DateTimeOffset", json!("2024-01-01")),
            ("DateTimeOffset", json!("2024-01-01T00:00:00")),
            ("DateTimeOffset", json!("2024-01-01 00:00:00Z")),
            ("Date", json!("2024-13-01")),
            ("TimeOfDay", json!("25:00:00")),
            ("Duration", json!("P1Y")),
            ("Duration", json!("1 day")),
            ("Int32", json!(2_147_483_648_i64)),
            ("Int32", json!(1.5)),
            ("Guid", json!("no")),
            ("Binary", json!("*")),
            ("String", json!(1)),
            ("Stream", json!("x")),
        ] {
            assert_eq!(primitive(kind, &value), None, "{kind} {value}");
        }
    }
}
