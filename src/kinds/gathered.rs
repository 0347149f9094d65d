//! Tenants with class and apps put in: what is known of them before their template is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::resolve::{Declared, Key};
use super::scope::{Fault, Scope};
use super::want;
use crate::api::{ExchangeWay, Kind, Spec, TenantClassSpec, TenantSpec};
use crate::catalog::ladder::Rung;
use crate::catalog::roles;
use crate::engine::diagnostic::Diagnostic;
use crate::engine::kind::Mode;
use crate::engine::read::TenantId;

type Partners<'p, 'a> = &'p BTreeMap<Key<'a>, Arc<want::Partner>>;
type Apps<'p, 'a> = &'p BTreeMap<Key<'a>, Arc<want::App>>;

/// All Tenants that could be gathered.
pub struct Tenants<'a>(pub Vec<Gathered<'a>>);

/// One of them.
pub struct Gathered<'a> {
    pub declared: &'a Declared,
    spec: &'a TenantSpec,
    pub partner: Arc<want::Partner>,
    pub template: &'a Declared,
    apps: Vec<want::Use>,
    /// Apps that are declared and have errors of their own.
    broken: Vec<String>,
    rungs: BTreeSet<Rung>,
}

impl<'a> Tenants<'a> {
    /// Gathers what can be; the rest is told.
    pub fn gather(
        declared: &'a [Declared],
        scope: &Scope<'a>,
        partners: Partners<'_, 'a>,
        apps: Apps<'_, 'a>,
        told: &mut dyn FnMut(Fault),
    ) -> Tenants<'a> {
        let mut all = Vec::new();
        for d in declared {
            let Spec::Tenant(spec) = &d.spec else { continue };
            match Gathered::of(d, spec, scope, partners, apps, told) {
                Ok(gathered) => all.push(gathered),
                Err(fault) => told(fault),
            }
        }
        Tenants(all)
    }

    /// What is done in all tenants of a template together.
    pub fn rungs_of(&self, template: &Declared) -> BTreeSet<Rung> {
        self.0.iter().filter(|t| std::ptr::eq(t.template, template)).flat_map(|t| t.rungs.iter().copied()).collect()
    }
}

impl<'a> Gathered<'a> {
    fn of(
        d: &'a Declared,
        spec: &'a TenantSpec,
        scope: &Scope<'a>,
        partners: Partners<'_, 'a>,
        apps: Apps<'_, 'a>,
        told: &mut dyn FnMut(Fault),
    ) -> Result<Gathered<'a>, Fault> {
        let (class, class_spec) = scope.class(d, &spec.class)?;
        // The class tells what is wrong with it; the Tenant has to say that it goes no further because of it.
        let unusable = |_| Some(Box::new(unusable(d, &spec.class)));
        let partner = scope.partner(class, &class_spec.partner_ref).map_err(unusable)?;
        // What the MSP keeps in one place is not shadowed by what lies beside a Tenant.
        let namespaces = [class.namespace.as_str(), partner.namespace.as_str(), d.namespace.as_str()];
        let access = spec.access.as_ref().or(class_spec.access.as_ref());
        let template = access.and_then(|a| a.gdap.as_ref()).map(|g| g.template.as_str());
        let template = template.ok_or_else(|| Some(Box::new(no_access(d))))?;
        let template = scope.named(d, Kind::GdapTemplate, template, &namespaces)?;
        let partner = partners.get(&partner.key()).ok_or(None)?.clone();
        let (mut uses, mut broken) = (Vec::new(), Vec::new());
        for (name, way) in merged_apps(spec, class_spec) {
            let found = match scope.named(d, Kind::PartnerApp, name, &namespaces) {
                Ok(found) => found,
                Err(fault) => {
                    told(fault);
                    continue;
                }
            };
            match apps.get(&found.key()) {
                Some(app) if app.partner.address() != partner.address() => {
                    told(Some(Box::new(of_another_partner(d, &app.address(), &app.partner, &partner))));
                }
                Some(app) => uses.push(want::Use {
                    app: app.clone(),
                    exchange: app.exchange_role.is_some() && way != Some(ExchangeWay::None),
                }),
                None => broken.push(format!("PartnerApp/{name}")),
            }
        }
        let rungs = rungs(&uses);
        Ok(Gathered { declared: d, spec, partner, template, apps: uses, broken, rungs })
    }

    /// The template belongs to another Partner than the class.
    pub fn of_another_partner(&self, address: &str, theirs: &want::Partner) -> Diagnostic {
        of_another_partner(self.declared, address, theirs, &self.partner)
    }
}

fn of_another_partner(d: &Declared, address: &str, theirs: &want::Partner, ours: &want::Partner) -> Diagnostic {
    Diagnostic::error(format!("Tenant/{}", d.name), format!("{address} belongs to {}", theirs.address()))
        .code("ReferenceNotFound")
        .detail(format!("This Tenant belongs to {}.", ours.address()))
        .remedy(format!("Name one that belongs to {}.", ours.address()))
        .at(Some(&d.place))
}

fn unusable(d: &Declared, class: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Tenant/{}", d.name),
        format!("the Partner of TenantClass/{class} is not there, or not open to it"),
    )
    .code("ReferenceNotFound")
    .remedy(format!("See what is wrong with TenantClass/{class}."))
    .at(Some(&d.place))
}

fn no_access(d: &Declared) -> Diagnostic {
    Diagnostic::error(format!("Tenant/{}", d.name), "neither the Tenant nor its class says how it is reached")
        .code("InvalidSpec")
        .remedy("Give access: { mode: Gdap, gdap: { template: … } } in the class or here.")
        .at(Some(&d.place))
}

/// Apps of class and tenant by name; the tenant's own fields win.
fn merged_apps<'a>(spec: &'a TenantSpec, class: &'a TenantClassSpec) -> Vec<(&'a str, Option<ExchangeWay>)> {
    let mut apps: BTreeMap<&str, Option<ExchangeWay>> = BTreeMap::new();
    for app in class.apps.iter().flatten().chain(spec.apps.iter().flatten()) {
        let way = apps.entry(&app.name).or_default();
        *way = app.exchange.as_ref().map(|e| e.way).or(*way);
    }
    apps.into_iter().collect()
}

fn rungs(uses: &[want::Use]) -> BTreeSet<Rung> {
    let mut rungs = BTreeSet::new();
    for one in uses {
        rungs.extend([Rung::PartnerCenterConsent, Rung::ServicePrincipal]);
        rungs.extend(one.app.permissions.iter().map(|p| Rung::of_app_role(p.resource)));
        if one.exchange {
            rungs.insert(Rung::DirectoryRole);
        }
    }
    rungs
}

impl Gathered<'_> {
    /// Every rung needs a role that the template gives; which one is missing is said before any write.
    pub fn roles_missing(&self, template: &want::Template) -> Vec<Diagnostic> {
        let held = template.roles();
        let lacking = self.rungs.iter().filter(|rung| !rung.allowed(&held));
        lacking
            .map(|rung| {
                let names: Vec<&str> = rung.roles().iter().map(|id| roles::name(id)).collect();
                let summary = format!("{} has no role for {}", template.address(), rung.describe());
                let address = format!("Tenant/{}", self.declared.name);
                let told = match rung {
                    // The last rung: nothing comes after it, and a person of the customer can do it.
                    Rung::DirectoryRole => Diagnostic::warning(address, summary)
                        .detail(format!("It needs {}; else the customer does it by hand.", names.join(" or "))),
                    _ => Diagnostic::error(address, summary)
                        .detail(format!("GdapActive=False/RolesMissing: it needs {}.", names.join(" or "))),
                };
                told.code("RolesMissing")
                    .remedy("Add the role to a grant of the template, or a grant with from: Needs.")
                    .at(Some(&self.declared.place))
                    .of_object()
            })
            .collect()
    }

    pub fn tenant(self, template: &Arc<want::Template>) -> want::Tenant {
        let partner = template.partner.clone();
        let mode = if self.spec.suspend { Mode::Suspended } else { partner.mode };
        let customer = TenantId::new(&self.spec.tenant_id);
        let name = &self.declared.name;
        want::Tenant {
            relationship: want::Relationship {
                name: format!("{name}-{}", template.name),
                tenant: name.clone(),
                place: self.declared.place.clone(),
                mode,
                display_name: template.display_name.replace("{tenant}", name),
                template: template.clone(),
                customer: customer.clone(),
                domain: self.spec.domain.clone(),
                sufficient: !self.roles_missing(template).iter().any(Diagnostic::is_error),
            },
            name: name.clone(),
            place: self.declared.place.clone(),
            mode,
            partner,
            customer,
            domain: self.spec.domain.clone(),
            apps: self.apps,
            broken: self.broken,
            rungs: self.rungs,
        }
    }
}
