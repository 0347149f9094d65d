//! Which of a customer's relationships counts, and what comes next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::want::Relationship;
use crate::engine::read::text;

/// One relationship as Graph tells it (Graph: delegatedAdminRelationship).
#[derive(Clone, PartialEq, Debug)]
pub struct Live {
    pub id: String,
    pub name: String,
    pub status: String,
    pub roles: BTreeSet<String>,
    pub changed: Option<Timestamp>,
    pub ends: Option<Timestamp>,
}

impl Live {
    fn read(value: &Value) -> Live {
        let roles = value.pointer("/accessDetails/unifiedRoles").and_then(Value::as_array).into_iter().flatten();
        Live {
            id: text(value, "id").to_owned(),
            name: text(value, "displayName").to_owned(),
            status: text(value, "status").to_owned(),
            roles: roles.map(|r| text(r, "roleDefinitionId").to_ascii_lowercase()).collect(),
            changed: text(value, "lastModifiedDateTime").parse().ok(),
            ends: text(value, "endDateTime").parse().ok(),
        }
    }

    pub fn is_active(&self) -> bool {
        matches!(self.status.as_str(), "active" | "expiring")
    }

    fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "expired" | "terminated" | "terminating" | "terminationRequested")
    }

    /// Microsoft-led ones carry reading roles only and are not ours to use.
    fn is_microsoft_led(&self) -> bool {
        self.name.starts_with("MLT_")
    }
}

/// All relationships of a partner, by customer: thousands of tenants look into one list.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Index {
    by_customer: BTreeMap<String, Vec<Live>>,
    /// Names are unique over all customers, and stay taken after the end.
    names: BTreeSet<String>,
}

impl Index {
    /// Reads the collection as Graph gives it.
    pub fn read(body: &Value) -> Index {
        let mut index = Index::default();
        for value in body.get("value").and_then(Value::as_array).into_iter().flatten() {
            let live = Live::read(value);
            index.names.insert(live.name.clone());
            let customer = value.pointer("/customer/tenantId").and_then(Value::as_str).unwrap_or_default();
            index.by_customer.entry(customer.to_ascii_lowercase()).or_default().push(live);
        }
        index
    }
}

/// What comes next for a customer.
#[derive(Clone, PartialEq, Debug)]
pub enum Stage {
    /// Nothing carries the roles: ask for it under this name.
    Create { name: String },
    /// Made, and not locked for approval yet.
    Lock(Live),
    /// The customer has to accept.
    Approval(Live),
    /// Accepted; Microsoft is at work.
    Activating(Live),
    /// Every role is carried by an active relationship: role → relationship.
    Active(BTreeMap<String, Live>),
    /// An active relationship of our name lacks roles, and roles are fixed.
    RolesMissing { of: Live, missing: BTreeSet<String>, carriers: BTreeMap<String, Live> },
    /// The customer ended it; only a person asks again.
    Ended(Live),
    /// Another customer's relationship has the name.
    NameTaken { name: String },
}

/// Judges all of the partner's relationships for one customer.
pub fn stage(want: &Relationship, all: &Index) -> Stage {
    let customers: &[Live] = all.by_customer.get(want.customer.as_str()).map_or(&[], Vec::as_slice);
    let ours = |r: &&Live| number(&want.display_name, &r.name).is_some();
    let own =
        customers.iter().filter(ours).filter(|r| !r.has_ended()).max_by_key(|r| number(&want.display_name, &r.name));
    match own {
        Some(own) if own.status == "created" => return Stage::Lock(own.clone()),
        Some(own) if own.status == "approvalPending" => return Stage::Approval(own.clone()),
        Some(own) if !own.is_active() => return Stage::Activating(own.clone()),
        _ => {}
    }
    let usable = || own.into_iter().chain(customers.iter().filter(|r| r.is_active() && !r.is_microsoft_led()));
    let wanted = want.template.roles();
    let carriers: BTreeMap<String, Live> = wanted
        .iter()
        .filter_map(|role| Some((role.clone(), usable().find(|r| r.roles.contains(role))?.clone())))
        .collect();
    let missing: BTreeSet<String> = wanted.into_iter().filter(|role| !carriers.contains_key(role)).collect();
    match own {
        _ if missing.is_empty() => Stage::Active(carriers),
        Some(own) => Stage::RolesMissing { of: own.clone(), missing, carriers },
        None => next(want, customers, all),
    }
}

/// The next name, unless the customer has ended the last one.
fn next(want: &Relationship, customers: &[Live], all: &Index) -> Stage {
    let last = customers
        .iter()
        .filter_map(|r| Some((number(&want.display_name, &r.name)?, r)))
        .max_by_key(|(number, _)| *number);
    let name = match last {
        Some((_, last)) if last.status != "expired" => return Stage::Ended(last.clone()),
        Some((number, _)) => format!("{}-{}", want.display_name, number + 1),
        None => want.display_name.clone(),
    };
    if all.names.contains(&name) { Stage::NameTaken { name } } else { Stage::Create { name } }
}

/// `pattern` is 1, `pattern-2` is 2 …; anything else is not of this pattern.
fn number(pattern: &str, name: &str) -> Option<u32> {
    match name.strip_prefix(pattern)? {
        "" => Some(1),
        rest => rest.strip_prefix('-')?.parse().ok().filter(|n| *n > 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::diagnostic::Place;
    use crate::engine::kind::Mode;
    use crate::engine::read::TenantId;
    use crate::kinds::want::{Group, Partner, Template};
    use serde_json::json;
    use std::sync::Arc;

    const CONTOSO: &str = "9e0c6a0b-2f0a-4a4f-8f5e-9a9f6a1c7b11";

    fn want() -> Relationship {
        let partner = Partner {
            namespace: "default".into(),
            interval: jiff::SignedDuration::from_hours(1),
            name: "northwind".into(),
            place: Place::default(),
            tenant: TenantId::new("5c1f0a52-7d1e-4a52-9a55-0f3b7f1f6f10"),
            client_id: String::new(),
            service_account: String::new(),
            mode: Mode::Enforce,
        };
        let group = |role: &str| Group {
            role_id: role.into(),
            role_name: role.into(),
            display_name: role.into(),
            unique_name: role.into(),
            members: BTreeSet::new(),
            label: role.into(),
        };
        let template = Template {
            name: "standard".into(),
            place: Place::default(),
            partner: Arc::new(partner),
            display_name: "NW-{tenant}".into(),
            duration_days: 730,
            auto_extend: true,
            groups: vec![group("r1"), group("r2")],
        };
        Relationship {
            name: "contoso-standard".into(),
            tenant: "contoso".into(),
            place: Place::default(),
            mode: Mode::Enforce,
            template: Arc::new(template),
            customer: TenantId::new(CONTOSO),
            domain: "contoso.com".into(),
            sufficient: true,
            display_name: "NW-contoso".into(),
        }
    }

    fn live(name: &str, status: &str, roles: &[&str]) -> Value {
        let roles: Vec<Value> = roles.iter().map(|r| json!({"roleDefinitionId": r})).collect();
        json!({"id": name, "displayName": name, "status": status, "customer": {"tenantId": CONTOSO},
            "accessDetails": {"unifiedRoles": roles}})
    }

    fn index(all: &[Value]) -> Index {
        Index::read(&json!({ "value": all }))
    }

    #[test]
    fn the_first_is_asked_for_under_the_pattern_and_a_successor_under_the_next_number() {
        assert_eq!(stage(&want(), &index(&[])), Stage::Create { name: "NW-contoso".into() });
        let expired = [live("NW-contoso", "expired", &[]), live("NW-contoso-2", "expired", &[])];
        assert_eq!(stage(&want(), &index(&expired)), Stage::Create { name: "NW-contoso-3".into() });
    }

    #[test]
    fn what_the_customer_ended_is_not_asked_for_again() {
        let all = [live("NW-contoso", "terminated", &["r1", "r2"])];
        assert!(matches!(stage(&want(), &index(&all)), Stage::Ended(_)));
    }

    #[test]
    fn active_relationships_of_others_that_hold_the_roles_need_no_click() {
        let all = [live("CIPP_1", "active", &["r1"]), live("Old", "active", &["r2", "r3"])];
        let Stage::Active(carriers) = stage(&want(), &index(&all)) else { panic!() };
        assert_eq!((carriers["r1"].name.as_str(), carriers["r2"].name.as_str()), ("CIPP_1", "Old"));
        let led = [live("MLT_x", "active", &["r1", "r2"])];
        assert!(matches!(stage(&want(), &index(&led)), Stage::Create { .. }), "Microsoft-led ones do not count");
    }

    #[test]
    fn fixed_roles_that_fall_short_are_reported_and_never_replaced() {
        let all = [live("NW-contoso", "active", &["r1"])];
        let Stage::RolesMissing { missing, .. } = stage(&want(), &index(&all)) else { panic!() };
        assert_eq!(missing, BTreeSet::from(["r2".to_owned()]));
    }

    #[test]
    fn a_name_that_another_customer_has_is_not_unique() {
        let mut other = live("NW-contoso", "active", &[]);
        other["customer"]["tenantId"] = json!("1b7d5a5e-93c1-4d0e-8f1b-2c5d0c0f4a22");
        assert!(matches!(stage(&want(), &index(&[other])), Stage::NameTaken { .. }));
    }
}
