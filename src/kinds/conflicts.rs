//! Two declared objects that would be one at Microsoft, or would undo each other.

use std::collections::BTreeMap;

use super::resolve::{Declared, Resolved};
use crate::api::{SecretName, Spec};
use crate::engine::diagnostic::{Diagnostic, Place};

/// Marks in Microsoft's objects know no namespaces: two objects of one name would be one there.
pub fn of_names(declared: &[Declared]) -> Vec<Diagnostic> {
    let mut first: BTreeMap<(&str, &str), &Declared> = BTreeMap::new();
    let mut found = Vec::new();
    for d in declared {
        let key = (d.spec.kind().as_str(), d.name.as_str());
        match first.get(&key) {
            Some(other) => found.push(
                Diagnostic::error(format!("{}/{}", key.0, key.1), "two objects of this name would be one at Microsoft")
                    .code("Conflict")
                    .detail(format!("The other stands at {}:{}.", other.place.file, other.place.line))
                    .remedy("Rename one of them; marks know no namespaces.")
                    .at(Some(&d.place)),
            ),
            None => drop(first.insert(key, d)),
        }
    }
    found
}

/// Secrets of different namespaces are different, and people know them by name.
fn secret(at: &SecretName) -> String {
    match &*at.namespace {
        "default" => format!("the secret {at}"),
        namespace => format!("the secret {namespace}/{at}"),
    }
}

/// One mark is one object at Microsoft, and one sink holds one secret: two that share either would undo each other.
pub fn of_claims(out: &Resolved, declared: &[Declared]) -> Vec<Diagnostic> {
    let mut claims: Vec<(String, String, &Place)> = Vec::new();
    for app in &out.apps {
        claims.push((format!("the mark {}", app.unique_name.to_lowercase()), app.address(), &app.place));
        let sinks = app.credentials.iter().map(|c| secret(&c.sink));
        claims.extend(sinks.map(|sink| (sink, app.address(), &app.place)));
    }
    for template in &out.templates {
        let marks = template.groups.iter().map(|g| format!("the mark {}", g.unique_name));
        claims.extend(marks.map(|mark| (mark, template.address(), &template.place)));
    }
    for d in declared {
        if let Spec::Partner(spec) = &d.spec {
            let store = &spec.managing_app.service_account.refresh_token.store.secret_ref.name;
            let store = SecretName::new(&d.namespace, store);
            claims.push((secret(&store), format!("Partner/{}", d.name), &d.place));
        }
    }
    for tenant in &out.tenants {
        let customer = format!("the customer {}", tenant.customer);
        claims.push((customer, tenant.address(), &tenant.place));
    }
    // Of two that claim the same the first declared has it: in a cluster, the oldest.
    let rank: BTreeMap<String, usize> =
        declared.iter().enumerate().map(|(at, d)| (format!("{}/{}", d.spec.kind(), d.name), at)).collect();
    claims.sort_by_key(|(_, address, _)| rank.get(address).copied());
    let mut first: BTreeMap<&str, (&str, &Place)> = BTreeMap::new();
    let mut found = Vec::new();
    for (claim, address, place) in &claims {
        match first.get(claim.as_str()) {
            // One object twice is told by its name.
            Some((other, _)) if other == address => {}
            Some((other, at)) => found.push(
                Diagnostic::error(address, format!("{claim} is used twice"))
                    .code("Conflict")
                    .detail(match at.file.as_str() {
                        "" => format!("The other is {other}."),
                        file => format!("The other is {other} at {file}:{}.", at.line),
                    })
                    .remedy("Give each its own: two of them would undo each other.")
                    .at(Some(place)),
            ),
            None => drop(first.insert(claim, (address, place))),
        }
    }
    found
}
