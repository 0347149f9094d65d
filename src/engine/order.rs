//! The order of steps, and what stands behind a wait.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Act, Step};
use super::value::StepId;

/// Steps in an order in which each comes after what it needs; those of one object stay together
/// as far as that allows.
///
/// # Errors
/// The steps that need each other, or something that is not there.
pub fn sort(steps: Vec<Step>) -> Result<Vec<Step>, Vec<StepId>> {
    let mut left: Vec<Step> = steps;
    let mut placed: BTreeSet<StepId> = BTreeSet::new();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let (ready, blocked): (Vec<Step>, Vec<Step>) =
            left.into_iter().partition(|step| step.dependencies().iter().all(|d| placed.contains(d)));
        if ready.is_empty() {
            return Err(blocked.into_iter().map(|step| step.id).collect());
        }
        placed.extend(ready.iter().map(|step| step.id.clone()));
        order.extend(ready);
        left = blocked;
    }
    Ok(order)
}

/// For each step the waits that must end first; a wait is not behind itself.
pub fn waits_before(ordered: &[Step]) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let is_wait: BTreeSet<&StepId> = ordered.iter().filter(|s| matches!(s.act, Act::Wait(_))).map(|s| &s.id).collect();
    let mut before: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for step in ordered {
        let mut waits = BTreeSet::new();
        for dependency in step.dependencies() {
            if let Some(of_it) = before.get(&dependency) {
                waits.extend(of_it.iter().cloned());
            }
            if is_wait.contains(&dependency) {
                waits.insert(dependency);
            }
        }
        before.insert(step.id.clone(), waits);
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::{Wait, Who};

    fn id(name: &str) -> StepId {
        StepId::new(name, "send")
    }

    fn wait() -> Act {
        Act::Wait(Wait {
            address: "Tenant/contoso".into(),
            condition: "GdapActive",
            reason: "AwaitingCustomerApproval",
            who: Who::Customer,
            link: None,
            since: None,
            deadline: None,
            what: String::new(),
        })
    }

    fn step(name: &str, after: &[&str]) -> Step {
        let act = Act::Intend { sink: crate::api::SecretName::new("default", "s"), credential: name.into() };
        let act = if name == "wait" { wait() } else { act };
        after.iter().fold(Step::new(id(name), act), |step, dep| step.after(&id(dep)))
    }

    #[test]
    fn steps_come_after_what_they_need() {
        let order = sort(vec![step("c", &["b"]), step("b", &["a"]), step("a", &[])]).unwrap();
        assert_eq!(order.iter().map(|s| s.id.address()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn steps_that_need_each_other_are_named() {
        assert_eq!(sort(vec![step("a", &["b"]), step("b", &["a"])]), Err(vec![id("a"), id("b")]));
        assert_eq!(sort(vec![step("a", &["gone"])]), Err(vec![id("a")]));
    }

    #[test]
    fn what_follows_a_wait_stands_behind_it_however_far() {
        let order = sort(vec![step("a", &[]), step("wait", &["a"]), step("b", &["wait"]), step("c", &["b"])]);
        let before = waits_before(&order.unwrap());
        assert!(before[&id("a")].is_empty() && before[&id("wait")].is_empty());
        assert_eq!(before[&id("c")], BTreeSet::from([id("wait")]));
    }
}
