//! From what is declared to what is wanted: own > class > template > profile > Partner > built-in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conflicts;
use super::permissions;
use super::want::{self, Stored};
use crate::api::{
    ExchangeWay, GdapTemplateSpec, GrantFrom, Management, PartnerAppSpec, PartnerSpec, Spec, TenantClassSpec,
    TenantSpec,
};
use crate::catalog::ladder::{self, Rung};
use crate::catalog::near;
use crate::catalog::profiles::{self, Profile};
use crate::catalog::roles;
use crate::engine::diagnostic::{Diagnostic, Place};
use crate::engine::kind::{Mode, Object};
use crate::engine::read::TenantId;

/// A declared object, wherever it came from.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    pub name: String,
    pub place: Place,
    pub spec: Spec,
}

/// What lies in a sink of this name.
pub type SinkState = Stored;
pub type Sinks<'a> = &'a dyn Fn(&str) -> SinkState;

/// Everything that is wanted, ready to be looked at.
#[derive(Clone, Default)]
pub struct Resolved {
    pub partners: Vec<Arc<want::Partner>>,
    pub apps: Vec<Arc<want::App>>,
    pub templates: Vec<Arc<want::Template>>,
    pub tenants: Vec<Arc<want::Tenant>>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Resolved {
    /// All objects in the order of kinds.
    pub fn objects(&self) -> Vec<Arc<dyn Object>> {
        let mut all: Vec<Arc<dyn Object>> = Vec::new();
        all.extend(self.partners.iter().map(|o| o.clone() as Arc<dyn Object>));
        all.extend(self.apps.iter().map(|o| o.clone() as Arc<dyn Object>));
        all.extend(self.templates.iter().map(|o| o.clone() as Arc<dyn Object>));
        for tenant in &self.tenants {
            all.push(Arc::new(tenant.relationship.clone()));
            all.push(tenant.clone());
        }
        all
    }
}

/// Resolves all objects. What cannot be resolved is a diagnostic, and left out.
pub fn resolve(declared: &[Declared], sinks: Sinks<'_>) -> Resolved {
    let mut out = Resolved { diagnostics: conflicts::of_names(declared), ..Resolved::default() };
    let partners: BTreeMap<&str, Arc<want::Partner>> = declared
        .iter()
        .filter_map(|d| match &d.spec {
            Spec::Partner(spec) => Some((d.name.as_str(), Arc::new(partner(d, spec)))),
            _ => None,
        })
        .collect();
    let mut apps: BTreeMap<&str, Arc<want::App>> = BTreeMap::new();
    for d in declared {
        if let Spec::PartnerApp(spec) = &d.spec {
            match partners.get(spec.partner_ref.name.as_str()) {
                Some(partner) => match app(d, spec, partner, sinks) {
                    Ok(app) => drop(apps.insert(&d.name, Arc::new(app))),
                    Err(errors) => out.diagnostics.extend(errors),
                },
                None => out.diagnostics.extend(missing(declared, d, "Partner", &spec.partner_ref.name)),
            }
        }
    }
    let tenants = Tenants::gather(declared, &apps, &mut out.diagnostics);
    let mut templates: BTreeMap<&str, Arc<want::Template>> = BTreeMap::new();
    for d in declared {
        if let Spec::GdapTemplate(spec) = &d.spec {
            match partners.get(spec.partner_ref.name.as_str()) {
                Some(partner) => match template(d, spec, partner, &tenants.rungs_of(&d.name)) {
                    Ok(template) => drop(templates.insert(&d.name, Arc::new(template))),
                    Err(errors) => out.diagnostics.extend(errors),
                },
                None => out.diagnostics.extend(missing(declared, d, "Partner", &spec.partner_ref.name)),
            }
        }
    }
    for gathered in tenants.0 {
        match templates.get(gathered.template.as_str()) {
            Some(template) => {
                out.diagnostics.extend(gathered.roles_missing(template));
                let (declared, tenant) = (gathered.declared, gathered.tenant(template));
                match too_long(declared, &tenant.relationship.display_name) {
                    Some(error) => out.diagnostics.push(error),
                    None => out.tenants.push(Arc::new(tenant)),
                }
            }
            None => out.diagnostics.extend(missing(declared, gathered.declared, "GdapTemplate", &gathered.template)),
        }
    }
    out.partners = partners.into_values().collect();
    out.apps = apps.into_values().collect();
    out.templates = templates.into_values().collect();
    out.tenants.sort_by(|a, b| a.name.cmp(&b.name));
    out.diagnostics.extend(conflicts::of_claims(&out, declared));
    out
}

/// Microsoft takes names of 50 characters at most, and refuses a longer one only when it is asked.
fn too_long(d: &Declared, name: &str) -> Option<Diagnostic> {
    let remedy = "Shorten displayName of the template or the name of the Tenant.";
    (name.chars().count() > want::LONGEST_NAME).then(|| {
        Diagnostic::error(
            format!("Tenant/{}", d.name),
            format!("the relationship's name {name} is longer than {} characters", want::LONGEST_NAME),
        )
        .code("InvalidSpec")
        .path("metadata.name")
        .remedy(remedy)
        .at(Some(&d.place))
    })
}

/// The error for a reference to nothing. None where the object is there and has errors of its own: those are told.
fn missing(declared: &[Declared], d: &Declared, of: &str, name: &str) -> Option<Diagnostic> {
    if declared.iter().any(|other| other.spec.kind().as_str() == of && other.name == name) {
        return None;
    }
    let kind = d.spec.kind();
    let error = Diagnostic::error(format!("{kind}/{}", d.name), format!("{of}/{name} is not declared"))
        .code("ReferenceNotFound")
        .remedy(format!("Declare a {of} of that name in the same namespace, or correct the reference."));
    Some(error.at(Some(&d.place)))
}

fn partner(d: &Declared, spec: &PartnerSpec) -> want::Partner {
    want::Partner {
        name: d.name.as_str().into(),
        place: d.place.clone(),
        tenant: TenantId::new(&spec.tenant_id),
        client_id: spec.managing_app.client_id.to_ascii_lowercase(),
        service_account: spec.managing_app.service_account.user_principal_name.clone(),
        mode: match (spec.suspend, spec.management) {
            (true, _) => Mode::Suspended,
            (_, Management::Observe) => Mode::Observe,
            (_, Management::Enforce) => Mode::Enforce,
        },
    }
}

fn app(
    d: &Declared,
    spec: &PartnerAppSpec,
    partner: &Arc<want::Partner>,
    sinks: Sinks<'_>,
) -> Result<want::App, Vec<Diagnostic>> {
    let address = format!("PartnerApp/{}", d.name);
    let profile = match &spec.profile {
        Some(wanted) => Some(profiles::builtin(&wanted.name, wanted.version).ok_or_else(|| {
            let known: Vec<String> = profiles::known().map(|(n, v)| format!("{n} v{v}")).collect();
            let summary = format!("there is no profile {} v{}", wanted.name, wanted.version);
            let error =
                Diagnostic::error(&address, summary).code("ReferenceNotFound").path("spec.profile").at(Some(&d.place));
            vec![error.remedy(format!("Known profiles: {}.", known.join(", ")))]
        })?),
        None => None,
    };
    let permissions = permissions::wanted(&address, &d.place, spec, profile)?;
    let operations = permissions::operations(spec, profile);
    let exchange = profile.and_then(|p| p.exchange.as_ref()).filter(|e| !e.operations.is_disjoint(&operations));
    let window = |text: Option<&String>, default: i64| {
        text.and_then(|t| t.parse().ok()).unwrap_or(jiff::SignedDuration::from_mins(default))
    };
    Ok(want::App {
        name: d.name.clone(),
        place: d.place.clone(),
        partner: partner.clone(),
        display_name: spec.display_name.clone(),
        unique_name: spec.unique_name.clone().unwrap_or_else(|| format!("tenantry-partnerapp-{}", d.name)),
        audience: profile.map_or_else(|| "AzureADMultipleOrgs".to_owned(), |p| p.audience.clone()),
        redirect_uris: redirect_uris(spec, profile),
        permissions,
        credentials: credentials(spec, profile, sinks),
        admin_agents: spec.admin_agents.or(profile.map(|p| p.admin_agents)).unwrap_or(true),
        partner_consent: spec.partner_consent.or(profile.map(|p| p.partner_consent)).unwrap_or(true),
        exchange_role: exchange.and_then(|e| roles::id(&e.role)),
        exchange_window: window(profile.map(|p| &p.windows.exchange_role), 120),
        consent_window: window(profile.map(|p| &p.windows.consent), 15),
        origin: profile
            .map_or_else(|| "from the manifest".into(), |p| format!("from profile {} v{}", p.name, p.version)),
    })
}

fn redirect_uris(spec: &PartnerAppSpec, profile: Option<&Profile>) -> want::RedirectUris {
    let set = |list: &Option<Vec<String>>| list.as_ref().map(|l| l.iter().cloned().collect());
    match (&spec.redirect_uris, profile) {
        (Some(own), _) => {
            want::RedirectUris { web: set(&own.web), spa: set(&own.spa), public_client: set(&own.public_client) }
        }
        (None, Some(profile)) => want::RedirectUris {
            web: Some(profile.redirect_uris.iter().cloned().collect()),
            spa: Some(BTreeSet::new()),
            public_client: Some(BTreeSet::new()),
        },
        (None, None) => want::RedirectUris::default(),
    }
}

fn credentials(spec: &PartnerAppSpec, profile: Option<&Profile>, sinks: Sinks<'_>) -> Vec<want::Credential> {
    let defaults = profile.map(|p| &p.credential);
    spec.credentials
        .iter()
        .flatten()
        .filter_map(|credential| {
            let timing = credential.client_secret.as_ref();
            let lifetime = timing.and_then(|t| t.lifetime.as_ref()).or(defaults.map(|d| &d.lifetime));
            let rotate = timing.and_then(|t| t.rotate_before.as_ref()).or(defaults.map(|d| &d.rotate_before));
            let sink = credential.write_to.secret_ref.as_ref()?.name.clone();
            Some(want::Credential {
                name: credential.name.clone(),
                lifetime_days: days(lifetime, 730),
                rotate_before_days: days(rotate, 60),
                stored: sinks(&sink),
                sink,
            })
        })
        .collect()
}

/// `730d` in days; the schema has checked the form.
pub fn days(text: Option<&String>, default: i64) -> i64 {
    text.and_then(|t| t.strip_suffix('d')).and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn template(
    d: &Declared,
    spec: &GdapTemplateSpec,
    partner: &Arc<want::Partner>,
    rungs: &BTreeSet<Rung>,
) -> Result<want::Template, Vec<Diagnostic>> {
    let (mut groups, mut errors) = (Vec::new(), Vec::new());
    for (at, grant) in spec.grants.iter().enumerate() {
        let ids: BTreeSet<String> = match grant.from {
            GrantFrom::Needs => ladder::needs(rungs),
            GrantFrom::Roles => {
                let path = |role| format!("spec.grants[{at}].roles[{role}]");
                let named = grant.roles.iter().flatten().enumerate().map(|(n, role)| role_id(d, role, path(n)));
                named.filter_map(|id| id.map_err(|error| errors.push(*error)).ok()).collect()
            }
        };
        for id in ids {
            let role = roles::name(&id).to_owned();
            let slug = slug(&role);
            groups.push(want::Group {
                display_name: grant.groups.display_name.replace("{role}", &role),
                // By the role's id: Microsoft renames roles, and a mark is for ever.
                unique_name: format!("tenantry-gdaptemplate-{}-{}-{id}", d.name, grant.name),
                label: format!("{}/{slug}", grant.name),
                members: grant.groups.members.iter().filter_map(|m| member(m, partner)).collect(),
                role_id: id,
                role_name: role,
            });
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(want::Template {
        name: d.name.clone(),
        place: d.place.clone(),
        partner: partner.clone(),
        display_name: spec.display_name.clone(),
        duration_days: days(Some(&spec.duration), 730),
        auto_extend: spec.auto_extend,
        groups,
    })
}

/// A name that the table knows, or any template id: Microsoft adds roles without notice.
fn role_id(d: &Declared, role: &str, path: String) -> Result<String, Box<Diagnostic>> {
    let is_guid = role.len() == 36 && role.split('-').count() == 5;
    match roles::id(role) {
        Some(id) => Ok(id.to_owned()),
        None if is_guid => Ok(role.to_ascii_lowercase()),
        None => Err(Box::new(
            Diagnostic::error(format!("GdapTemplate/{}", d.name), format!("there is no role \"{role}\""))
                .code("InvalidSpec")
                .path(path)
                .remedy(near::suggest(role, roles::names(), "roles"))
                .at(Some(&d.place)),
        )),
    }
}

fn member(member: &crate::api::GroupMember, partner: &want::Partner) -> Option<want::Member> {
    match (&member.user_principal_name, &member.object_id, member.service_account) {
        (Some(upn), ..) => Some(want::Member::User(upn.clone())),
        (_, Some(id), _) => Some(want::Member::ObjectId(id.to_ascii_lowercase())),
        (.., Some(true)) => Some(want::Member::User(partner.service_account.clone())),
        _ => None,
    }
}

/// Words of a name for marks and addresses: `privileged-role-administrator`.
pub fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Tenants with class and apps put in, before their template is known.
struct Tenants<'a>(Vec<Gathered<'a>>);

struct Gathered<'a> {
    declared: &'a Declared,
    spec: &'a TenantSpec,
    template: String,
    apps: Vec<want::Use>,
    rungs: BTreeSet<Rung>,
}

impl<'a> Tenants<'a> {
    fn gather(
        declared: &'a [Declared],
        apps: &BTreeMap<&str, Arc<want::App>>,
        errors: &mut Vec<Diagnostic>,
    ) -> Tenants<'a> {
        let class = |name: &str| {
            declared.iter().find_map(|d| match &d.spec {
                Spec::TenantClass(class) if d.name == name => Some(class),
                _ => None,
            })
        };
        let mut all = Vec::new();
        for d in declared {
            let Spec::Tenant(spec) = &d.spec else { continue };
            let Some(class) = class(&spec.class) else {
                errors.extend(missing(declared, d, "TenantClass", &spec.class));
                continue;
            };
            let access = spec.access.as_ref().or(class.access.as_ref());
            let Some(template) = access.and_then(|a| a.gdap.as_ref()).map(|g| g.template.clone()) else {
                errors.push(
                    Diagnostic::error(
                        format!("Tenant/{}", d.name),
                        "neither the Tenant nor its class says how it is reached",
                    )
                    .code("InvalidSpec")
                    .remedy("Give access: { mode: Gdap, gdap: { template: … } } in the class or here.")
                    .at(Some(&d.place)),
                );
                continue;
            };
            let mut uses = Vec::new();
            for (name, way) in merged_apps(spec, class) {
                match apps.get(name) {
                    Some(app) => uses.push(want::Use {
                        app: app.clone(),
                        exchange: app.exchange_role.is_some() && way != Some(ExchangeWay::None),
                    }),
                    None => errors.extend(missing(declared, d, "PartnerApp", name)),
                }
            }
            let rungs = rungs(&uses);
            all.push(Gathered { declared: d, spec, template, apps: uses, rungs });
        }
        Tenants(all)
    }

    /// What is done in all tenants of a template together.
    fn rungs_of(&self, template: &str) -> BTreeSet<Rung> {
        self.0.iter().filter(|t| t.template == template).flat_map(|t| t.rungs.iter().copied()).collect()
    }
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
    fn roles_missing(&self, template: &want::Template) -> Vec<Diagnostic> {
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

    fn tenant(self, template: &Arc<want::Template>) -> want::Tenant {
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
            rungs: self.rungs,
        }
    }
}
