use proptest::prelude::*;
use serde_json::json;

use super::*;

struct Nowhere;

impl Links for Nowhere {
    fn targets(&self, _: &Value, _: &str) -> Vec<Value> {
        Vec::new()
    }
}

fn checked(of: &str, directory: bool, text: &str) -> Result<Expr, String> {
    let scope = Scope { of, directory, is_link: false, advanced: false, followed: &|_| false };
    parse(text).and_then(|e| check(e, &scope)).map_err(|f| f.message)
}

fn holds(of: &str, text: &str, item: &Value) -> bool {
    let expr = checked(of, false, text).unwrap_or_else(|why| panic!("{text}: {why}"));
    expr.holds(item, &Nowhere)
}

#[test]
fn values_compare_as_what_they_are() {
    let item = json!({
        "displayName": "Zoë", "status": "active", "duration": "P1DT1H", "createdDateTime": "2024-03-01T10:00:00Z",
        "customer": { "tenantId": "x", "displayName": null },
    });
    for (text, expected) in [
        ("displayName eq 'ZOË'", true),
        ("displayName gt 'a' and displayName lt 'zz'", true),
        ("contains(displayName, 'o') and endswith(displayName,'ë')", true),
        ("status eq 'active'", true),
        ("status in ('created', 'expired')", false),
        ("duration ge duration'PT25H'", true),
        ("duration lt duration'PT25H'", false),
        ("createdDateTime gt 2024-03-01T11:00:00+02:00", true),
        ("createdDateTime ge 2024-03-01", true),
        ("createdDateTime lt 2024-03-01", false),
        ("customer/tenantId eq 'x' and customer/displayName eq null", true),
        ("customer/displayName ne null", false),
        ("not (status eq 'active' or status eq 'created')", false),
        ("status eq 'created' or status eq 'active' and displayName eq 'x'", false),
    ] {
        assert_eq!(holds("delegatedAdminRelationship", text, &item), expected, "{text}");
    }
}

#[test]
fn collections_are_asked_item_by_item() {
    let item = json!({ "targetResources": [{ "id": "a", "displayName": "x" }, { "id": "b", "displayName": "y" }] });
    for (text, expected) in [
        ("targetResources/any(t:t/id eq 'a' and t/displayName eq 'x')", true),
        ("targetResources/any(t:t/id eq 'a' and t/displayName eq 'y')", false),
        ("targetResources/any(t: t/id eq 'c' or startswith(t/displayName, 'y'))", true),
        ("targetResources/any()", true),
        ("targetResources/$count gt 1", true),
    ] {
        assert_eq!(holds("directoryAudit", text, &item), expected, "{text}");
    }
}

#[test]
fn descendants_are_told_apart() {
    let item = json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "isTrusted": true });
    for (text, expected) in [
        ("isof('microsoft.graph.ipNamedLocation')", true),
        ("isof('microsoft.graph.countryNamedLocation')", false),
        ("isof('microsoft.graph.namedLocation')", true),
        ("microsoft.graph.ipNamedLocation/isTrusted eq true", true),
    ] {
        assert_eq!(holds("namedLocation", text, &item), expected, "{text}");
    }
    assert!(checked("namedLocation", false, "microsoft.graph.user/isTrusted eq true").is_err());
}

#[test]
fn directory_extensions_are_filtered() {
    let name = "extension_0d9b6b0e7c3e4a388a556c0f7ac1e2b4_team";
    assert!(checked("user", true, &format!("{name} eq 'x'")).is_ok());
    assert!(checked("user", true, &format!("startswith({name},'x')")).is_err());
    assert!(checked("user", true, "extension_team eq 'x'").is_err());
}

proptest! {
    /// Whatever is asked, there is an answer.
    #[test]
    fn no_filter_ends_the_server(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "(", ")", ",", ":", "'", "''", "eq", "ne", "in", "and", "or", "not", "any", "tags/any(", "x:x", "displayName",
            "startswith(", "null", "-", "2024-01-01", "9e999", "$count", "owners/$count", "/", "ü", "\u{1f600}", " ",
            "duration'P1D'", "isof(", "'x'", "1", "microsoft.graph.user", "id", "identities/any(i:i/issuer",
        ]), 0..40))
    {
        let text = words.join(" ");
        let _ = checked("user", true, &text);
        if let Ok(expr) = checked("user", false, &text) {
            expr.holds(&json!({ "displayName": "x", "id": "y", "tags": ["z"] }), &Nowhere);
        }
        let _ = checked("user", true, &words.concat());
    }
}
