//! What objects say of each other: that what they name is there, and that it fits.

use std::collections::{BTreeMap, HashSet};

use super::object::{Name, Object, Objects};
use super::problem::{Problem, Severity};
use crate::api::{Access, AppUse, Kind, PartnerRef, Spec};
use crate::catalog::near::{list, suggest};

/// What is known of objects that are wrong themselves.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Their names: naming them is no error of its own.
    pub broken: &'a HashSet<Name>,
    /// Whether those are all. If not, what is not found may be in what cannot be read, and is not complained about.
    pub complete: bool,
}

/// A check in progress.
struct Check<'a> {
    objects: &'a Objects,
    names: Names<'a>,
    profiles: &'a [(&'a str, i64)],
    problems: Vec<Problem>,
}

/// What is wrong with the references between objects. `profiles` are the built-in profiles with their versions.
pub(super) fn check(objects: &Objects, names: Names<'_>, profiles: &[(&str, i64)]) -> Vec<Problem> {
    let mut check = Check { objects, names, profiles, problems: Vec::new() };
    for object in objects.iter() {
        check.object(object);
    }
    check.same_tenant();
    check.problems
}

impl<'a> Check<'a> {
    fn blame(&mut self, object: &Object, path: &str, problem: Problem) {
        self.problems.push(object.blame(problem, path));
    }

    /// The object that `path` of `from` names, if it is there and right. If it is not there, says so.
    fn named(&mut self, from: &Object, path: &str, kind: Kind, name: &str) -> Option<&'a Object> {
        let found = self.objects.get(kind, &from.namespace, name).or_else(|| self.shared(kind, name));
        let key = Name { kind, namespace: from.namespace.clone(), name: name.into() };
        if found.is_some() || !self.names.complete || self.names.broken.contains(&key) {
            return found;
        }
        let there: Vec<&Object> = self.objects.of(kind).collect();
        let elsewhere = there.iter().find(|object| object.name == name).map(|object| object.namespace.clone());
        let here = there.iter().filter(|object| object.namespace == from.namespace).map(|object| object.name.as_str());
        let broken = self.names.broken.iter().filter(|name| name.kind == kind && name.namespace == from.namespace);
        let here = here.chain(broken.map(|name| name.name.as_str()));
        let mut problem = Problem::error(format!("there is no {kind} `{name}`"));
        problem = match elsewhere {
            Some(namespace) => problem
                .detail(format!("There is one in namespace `{namespace}`; this object is in `{}`.", from.namespace))
                .remedy(
                    "Put both into one namespace, or let the Partner there admit this one with spec.tenantNamespaces.",
                ),
            None => {
                let suggestion = suggest(name, here.collect::<Vec<_>>(), &format!("objects of kind {kind}"));
                problem.remedy(format!("{suggestion} All objects that belong together are given in one run, with -f for each file or folder."))
            }
        };
        self.blame(from, path, problem);
        None
    }

    fn object(&mut self, object: &'a Object) {
        match &object.spec {
            Spec::Partner(_) => {}
            Spec::PartnerApp(spec) => {
                self.partner(object, &spec.partner_ref);
                if let Some(profile) = &spec.profile {
                    self.profile(object, &profile.name, profile.version);
                }
                self.generic_name(object, &spec.display_name);
            }
            Spec::GdapTemplate(spec) => self.partner(object, &spec.partner_ref),
            Spec::GdapRelationship(spec) => {
                self.partner(object, &spec.partner_ref);
                if let Some(template) = &spec.template {
                    self.named(object, "spec.template", Kind::GdapTemplate, template);
                }
            }
            Spec::TenantClass(spec) => {
                self.partner(object, &spec.partner_ref);
                let partner = Some(spec.partner_ref.name.as_str());
                self.access(object, spec.access.as_ref(), partner);
                self.apps(object, spec.apps.as_deref(), partner);
            }
            Spec::Tenant(spec) => {
                let class = self.named(object, "spec.class", Kind::TenantClass, &spec.class);
                let class = class.and_then(|class| match &class.spec {
                    Spec::TenantClass(class) => Some(class),
                    _ => None,
                });
                let partner = class.map(|class| class.partner_ref.name.as_str());
                self.access(object, spec.access.as_ref(), partner);
                self.apps(object, spec.apps.as_deref(), partner);
                if spec.access.is_none() && class.is_some_and(|class| class.access.is_none()) {
                    let problem = Problem::error("nothing says how this tenant is reached")
                        .detail(format!("Neither the Tenant nor its class `{}` has `access`.", spec.class))
                        .remedy("Add `access: { mode: Gdap, gdap: { template: … } }` to one of them.");
                    self.blame(object, "spec.class", problem);
                }
            }
        }
    }

    fn partner(&mut self, object: &Object, partner: &PartnerRef) {
        let path = "spec.partnerRef.name";
        let Some(namespace) = partner.namespace.as_ref().filter(|other| **other != object.namespace) else {
            self.named(object, path, Kind::Partner, &partner.name);
            return;
        };
        let problem = match self.objects.partner(namespace, &partner.name) {
            Some((_, spec)) if spec.tenant_namespaces.is_some() => return,
            None if !self.names.complete => return,
            Some(_) => Problem::error(format!("Partner `{}` admits no other namespace", partner.name))
                .detail(format!("It is in `{namespace}`; this object is in `{}`.", object.namespace))
                .remedy("Give the Partner spec.tenantNamespaces with labels that this namespace has."),
            None => Problem::error(format!("there is no Partner `{}` in namespace `{namespace}`", partner.name))
                .remedy("Correct the reference, or give the Partner's manifest, too."),
        };
        self.blame(object, "spec.partnerRef.namespace", problem);
    }

    /// The one object of that name in a namespace whose Partner opens itself to others. By which labels, only a cluster knows.
    fn shared(&self, kind: Kind, name: &str) -> Option<&'a Object> {
        let opens = |object: &&Object| {
            let mut partners = self.objects.of(Kind::Partner).filter(|partner| partner.namespace == object.namespace);
            partners.any(|p| matches!(&p.spec, Spec::Partner(spec) if spec.tenant_namespaces.is_some()))
        };
        let mut all = self.objects.of(kind).filter(|object| object.name == name).filter(opens);
        all.next().filter(|_| all.next().is_none())
    }

    fn access(&mut self, object: &Object, access: Option<&Access>, partner: Option<&str>) {
        let Some(gdap) = access.and_then(|access| access.gdap.as_ref()) else { return };
        let path = "spec.access.gdap.template";
        let template = self.named(object, path, Kind::GdapTemplate, &gdap.template);
        if let Some(Spec::GdapTemplate(template)) = template.map(|template| &template.spec) {
            self.same_partner(object, path, Kind::GdapTemplate, &gdap.template, &template.partner_ref.name, partner);
        }
    }

    fn apps(&mut self, object: &Object, apps: Option<&[AppUse]>, partner: Option<&str>) {
        for (index, app) in apps.into_iter().flatten().enumerate() {
            let path = format!("spec.apps[{index}].name");
            let found = self.named(object, &path, Kind::PartnerApp, &app.name);
            if let Some(Spec::PartnerApp(found)) = found.map(|found| &found.spec) {
                self.same_partner(object, &path, Kind::PartnerApp, &app.name, &found.partner_ref.name, partner);
            }
        }
    }

    fn same_partner(&mut self, object: &Object, path: &str, kind: Kind, name: &str, theirs: &str, ours: Option<&str>) {
        if let Some(ours) = ours.filter(|ours| *ours != theirs) {
            let problem = Problem::error(format!("{kind} `{name}` belongs to another Partner"))
                .detail(format!("It belongs to `{theirs}`; this object belongs to `{ours}`."))
                .remedy(format!("Name a {kind} of `{ours}`."));
            self.blame(object, path, problem);
        }
    }

    fn profile(&mut self, object: &Object, name: &str, version: i64) {
        let versions: Vec<i64> = self.profiles.iter().filter(|known| known.0 == name).map(|known| known.1).collect();
        if versions.contains(&version) {
            return;
        }
        let (path, problem) = if versions.is_empty() {
            let names: Vec<&str> = self.profiles.iter().map(|known| known.0).collect();
            let problem =
                Problem::error(format!("there is no profile `{name}`")).remedy(suggest(name, names, "profiles"));
            ("spec.profile.name", problem)
        } else {
            let known: Vec<String> = versions.iter().map(i64::to_string).collect();
            let known = list(known.iter().map(String::as_str), "and");
            let problem = Problem::error(format!("the profile `{name}` has no version {version}"))
                .remedy(format!("This build of Tenantry knows version {known}."));
            ("spec.profile.version", problem)
        };
        self.blame(object, path, problem);
    }

    /// Customers see the name in role pickers and consent dialogs: it should tell whose app it is.
    fn generic_name(&mut self, object: &Object, name: &str) {
        const GENERIC: [&str; 22] = [
            "a",
            "an",
            "api",
            "app",
            "application",
            "automation",
            "client",
            "default",
            "demo",
            "graph",
            "integration",
            "m365",
            "msp",
            "multi",
            "my",
            "new",
            "partner",
            "tenant",
            "test",
            "the",
            "tool",
            "app1",
        ];
        let lower = name.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        if words.all(|word| GENERIC.contains(&word) || word.chars().all(|c| c.is_ascii_digit())) {
            let problem = Problem::new(Severity::Warning, format!("the name `{name}` says nothing"))
                .detail("Customers see it in consent dialogs and role pickers, beside the apps of others.")
                .remedy("Name the MSP and the product, for example `Northwind – Rallied Integration`.");
            self.blame(object, "spec.displayName", problem);
        }
    }

    /// Two Tenants of one Partner that are the same customer would work against each other.
    fn same_tenant(&mut self) {
        let mut first: BTreeMap<(String, String, String), &Object> = BTreeMap::new();
        for object in self.objects.of(Kind::Tenant) {
            let Spec::Tenant(spec) = &object.spec else { continue };
            let own = self.objects.get(Kind::TenantClass, &object.namespace, &spec.class);
            let Some(there) = own.or_else(|| self.shared(Kind::TenantClass, &spec.class)) else { continue };
            let Spec::TenantClass(class) = &there.spec else { continue };
            let home = class.partner_ref.namespace.as_ref().unwrap_or(&there.namespace);
            let partner = self.objects.get(Kind::Partner, home, &class.partner_ref.name);
            if let Some((partner, Spec::Partner(own))) = partner.map(|partner| (partner, &partner.spec))
                && own.tenant_id.eq_ignore_ascii_case(&spec.tenant_id)
            {
                let problem = Problem::error(format!("this is the tenant of {}", partner.address()))
                    .detail("A partner is no customer of its own.")
                    .remedy("Give the tenant id of the customer.");
                let problem = object.blame(problem, "spec.tenantId");
                self.problems.push(problem);
                continue;
            }
            let key = (home.clone(), class.partner_ref.name.clone(), spec.tenant_id.to_lowercase());
            if let Some(earlier) = first.get(&key) {
                let problem = Problem::error(format!("{} is the same tenant", earlier.address()))
                    .detail(format!("It has this tenant id in {}.", earlier.place_of("spec.tenantId")))
                    .remedy("Keep one of the two, or correct the tenant id.");
                let problem = object.blame(problem, "spec.tenantId");
                self.problems.push(problem);
            } else {
                first.insert(key, object);
            }
        }
    }
}
