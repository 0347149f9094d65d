//! Which object a name means, seen from where it is named. A name means an object of the same namespace; another namespace
//! is reached only where the Partner there admits the one that names.

use std::collections::BTreeMap;

use super::resolve::{Declared, Sinks};
use crate::api::{Kind, PartnerRef, PartnerSpec, Spec, TenantClassSpec};
use crate::engine::diagnostic::Diagnostic;

/// Labels of a namespace; `None` where they cannot be known, as offline.
pub type Labels<'a> = &'a dyn Fn(&str) -> Option<BTreeMap<String, String>>;

/// What resolving has to know beside the declared objects.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub sinks: Sinks<'a>,
    pub labels: Labels<'a>,
}

/// The declared objects, found by kind, namespace and name.
pub struct Scope<'a> {
    by_name: BTreeMap<(Kind, &'a str), Vec<&'a Declared>>,
    labels: Labels<'a>,
}

/// A diagnostic, or nothing where the fault is told elsewhere.
pub type Fault = Option<Box<Diagnostic>>;

impl<'a> Scope<'a> {
    pub fn new(declared: &'a [Declared], labels: Labels<'a>) -> Scope<'a> {
        let mut by_name: BTreeMap<(Kind, &str), Vec<&Declared>> = BTreeMap::new();
        for d in declared {
            by_name.entry((d.spec.kind(), d.name.as_str())).or_default().push(d);
        }
        Scope { by_name, labels }
    }

    /// All objects of a kind and name, in whatever namespace.
    fn all(&self, kind: Kind, name: &str) -> &[&'a Declared] {
        self.by_name.iter().find(|((k, n), _)| *k == kind && *n == name).map_or(&[], |(_, all)| all)
    }

    fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&'a Declared> {
        let found = self.by_name.get(&(kind, name))?;
        found.iter().find(|d| d.namespace == namespace).copied()
    }

    /// Whether objects of `namespace` may refer to a Partner.
    fn admits(&self, partner: &Declared, spec: &PartnerSpec, namespace: &str) -> bool {
        if partner.namespace == namespace {
            return true;
        }
        let Some(wanted) = &spec.tenant_namespaces else { return false };
        // Offline there are no labels: the cluster decides.
        (self.labels)(namespace)
            .is_none_or(|labels| wanted.selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value)))
    }

    /// The Partner that an object refers to.
    ///
    /// # Errors
    /// It is not there, or does not admit the namespace.
    pub fn partner(&self, from: &Declared, wanted: &PartnerRef) -> Result<&'a Declared, Fault> {
        let namespace = wanted.namespace.as_deref().unwrap_or(&from.namespace);
        let Some(found) = self.get(Kind::Partner, namespace, &wanted.name) else {
            return Err(self.missing(from, Kind::Partner, &wanted.name));
        };
        match &found.spec {
            Spec::Partner(spec) if self.admits(found, spec, &from.namespace) => Ok(found),
            _ => Err(Some(Box::new(
                fault(from, format!("Partner/{} of namespace {namespace} does not admit {}", wanted.name, from.namespace))
                    .remedy("Give the namespace the labels that spec.tenantNamespaces of the Partner asks for, or move this object."),
            ))),
        }
    }

    /// The class of a Tenant: of its own namespace, else the one of that name whose Partner admits the Tenant's namespace.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub fn class(&self, from: &Declared, name: &str) -> Result<(&'a Declared, &'a TenantClassSpec), Fault> {
        let open = |d: &&&Declared| match &d.spec {
            Spec::TenantClass(spec) => self.partner(d, &spec.partner_ref).is_ok_and(|partner| match &partner.spec {
                Spec::Partner(spec) => self.admits(partner, spec, &from.namespace),
                _ => false,
            }),
            _ => false,
        };
        let own = self.get(Kind::TenantClass, &from.namespace, name);
        let shared: Vec<&&Declared> = self.all(Kind::TenantClass, name).iter().filter(open).collect();
        let found = match (own, shared.as_slice()) {
            (Some(own), _) => own,
            (None, [one]) => **one,
            (None, []) => return Err(self.missing(from, Kind::TenantClass, name)),
            (None, several) => {
                let names: Vec<String> = several.iter().map(|d| format!("{}/{name}", d.namespace)).collect();
                let error =
                    fault(from, format!("more than one TenantClass {name} is open to namespace {}", from.namespace))
                        .detail(names.join(", "))
                        .remedy("Declare a class of its own in this namespace.");
                return Err(Some(Box::new(error)));
            }
        };
        match &found.spec {
            Spec::TenantClass(spec) => Ok((found, spec)),
            _ => Err(None),
        }
    }

    /// An object by name in the first of these namespaces that has it.
    ///
    /// # Errors
    /// None of them has it.
    pub fn named(&self, from: &Declared, kind: Kind, name: &str, namespaces: &[&str]) -> Result<&'a Declared, Fault> {
        let found = namespaces.iter().find_map(|namespace| self.get(kind, namespace, name));
        found.ok_or_else(|| self.missing(from, kind, name))
    }

    /// The error for a reference to nothing.
    fn missing(&self, from: &Declared, kind: Kind, name: &str) -> Fault {
        let elsewhere: Vec<&str> = self.all(kind, name).iter().map(|d| d.namespace.as_str()).collect();
        let error = fault(from, format!("{kind}/{name} is not declared"));
        Some(Box::new(match elsewhere.as_slice() {
            [] => {
                error.remedy(format!("Declare a {kind} of that name in the same namespace, or correct the reference."))
            }
            all => error
                .detail(format!(
                    "There is one in namespace {}, which is not open to {}.",
                    all.join(", "),
                    from.namespace
                ))
                .remedy("Open it with spec.tenantNamespaces of the Partner there, or move one of the two."),
        }))
    }
}

fn fault(from: &Declared, summary: String) -> Diagnostic {
    let address = format!("{}/{}", from.spec.kind(), from.name);
    Diagnostic::error(address, summary).code("ReferenceNotFound").at(Some(&from.place))
}
