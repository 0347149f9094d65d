//! Diagnosis by code: what a refusal of Microsoft's means and what to do about it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Whether trying again helps, and if not, who can.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    Transient,
    Person,
    Fixable,
    Permanent,
}

/// What is known of one code.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The condition it makes False, and the reason.
    pub condition: String,
    pub reason: String,
    pub retry: Retry,
    pub cause: String,
    pub remedy: String,
}

static RULES: LazyLock<BTreeMap<String, Rule>> =
    LazyLock::new(|| serde_yaml::from_str(include_str!("diagnosis.yaml")).unwrap_or_default());

/// The rule for a code (`AADSTS65001`, `Authorization_RequestDenied`, `2032` …).
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.get(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_and_ends_in_a_remedy() {
        assert!(RULES.len() > 20);
        assert!(RULES.values().all(|r| r.remedy.ends_with('.') && !r.cause.ends_with('.')));
        assert_eq!(rule("AADSTS7000222").unwrap().retry, Retry::Person);
    }
}
