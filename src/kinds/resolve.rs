//! From what is declared to what is wanted: own > class > template > profile > Partner > built-in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::conflicts;
use super::gathered::Tenants;
use super::permissions;
use super::scope::{Fault, Scope, Surroundings};
use super::want::{self, Stored};
use crate::api::{
    GdapTemplateSpec, GrantFrom, Kind, Management, PartnerAppSpec, PartnerSpec, SecretName, Spec, TenantClassSpec,
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
    pub namespace: String,
    pub place: Place,
    pub spec: Spec,
}

/// What lies in a sink of this name.
pub type SinkState = Stored;
pub type Sinks<'a> = &'a dyn Fn(&SecretName) -> SinkState;

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

impl Resolved {
    /// A Tenant by name.
    pub fn tenant(&self, name: &str) -> Option<&Arc<want::Tenant>> {
        let at = self.tenants.binary_search_by(|tenant| tenant.name.as_str().cmp(name)).ok()?;
        self.tenants.get(at)
    }

    /// The objects of these addresses and all that they depend on, in the order of kinds.
    pub fn around(&self, addresses: &BTreeSet<String>) -> Vec<Arc<dyn Object>> {
        let names = addresses.iter().filter_map(|address| address.strip_prefix("Tenant/"));
        let tenants: Vec<&Arc<want::Tenant>> = names.filter_map(|name| self.tenant(name)).collect();
        let mut near = Resolved::default();
        let (mut partners, mut apps, mut templates) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for tenant in &tenants {
            apps.extend(tenant.apps.iter().map(|one| (one.app.address(), one.app.clone())));
            templates.insert(tenant.relationship.template.address(), tenant.relationship.template.clone());
            partners.insert(tenant.partner.address(), tenant.partner.clone());
        }
        apps.extend(self.apps.iter().map(|a| (a.address(), a.clone())).filter(|(at, _)| addresses.contains(at)));
        let own = self.templates.iter().map(|t| (t.address(), t.clone()));
        templates.extend(own.filter(|(at, _)| addresses.contains(at)));
        partners.extend(apps.values().map(|a| (a.partner.address(), a.partner.clone())));
        partners.extend(templates.values().map(|t| (t.partner.address(), t.partner.clone())));
        partners
            .extend(self.partners.iter().map(|p| (p.address(), p.clone())).filter(|(at, _)| addresses.contains(at)));
        near.partners = partners.into_values().collect();
        near.apps = apps.into_values().collect();
        near.templates = templates.into_values().collect();
        near.tenants = tenants.into_iter().cloned().collect();
        near.objects()
    }
}

/// Namespace and name of a declared object.
pub type Key<'a> = (&'a str, &'a str);

impl Declared {
    pub fn key(&self) -> Key<'_> {
        (&self.namespace, &self.name)
    }
}

/// Resolves all objects. What cannot be resolved is a diagnostic, and left out.
pub fn resolve(declared: &[Declared], around: Surroundings<'_>) -> Resolved {
    let scope = Scope::new(declared, around.labels);
    let mut out = Resolved { diagnostics: conflicts::of_names(declared), ..Resolved::default() };
    let partners: BTreeMap<Key<'_>, Arc<want::Partner>> = declared
        .iter()
        .filter_map(|d| match &d.spec {
            Spec::Partner(spec) => Some((d.key(), Arc::new(partner(d, spec)))),
            _ => None,
        })
        .collect();
    let mut told = |fault: Fault| out.diagnostics.extend(fault.map(|error| *error));
    let mut apps: BTreeMap<Key<'_>, Arc<want::App>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for d in declared {
        let Spec::PartnerApp(spec) = &d.spec else { continue };
        match scope.partner(d, &spec.partner_ref).map(|found| partners.get(&found.key())) {
            Ok(Some(partner)) => match app(d, spec, partner, around.sinks) {
                Ok(app) => drop(apps.insert(d.key(), Arc::new(app))),
                Err(errors) => wrong.extend(errors),
            },
            Ok(None) => {}
            Err(fault) => told(fault),
        }
    }
    for d in declared {
        if let Spec::TenantClass(spec) = &d.spec {
            class(d, spec, &scope, &mut told);
        }
    }
    let tenants = Tenants::gather(declared, &scope, &partners, &apps, &mut told);
    let mut templates: BTreeMap<Key<'_>, Arc<want::Template>> = BTreeMap::new();
    for d in declared {
        let Spec::GdapTemplate(spec) = &d.spec else { continue };
        match scope.partner(d, &spec.partner_ref).map(|found| partners.get(&found.key())) {
            Ok(Some(partner)) => match template(d, spec, partner, &tenants.rungs_of(d)) {
                Ok(template) => drop(templates.insert(d.key(), Arc::new(template))),
                Err(errors) => wrong.extend(errors),
            },
            Ok(None) => {}
            Err(fault) => told(fault),
        }
    }
    for gathered in tenants.0 {
        // A template that is there and has errors of its own tells them itself.
        let Some(template) = templates.get(&gathered.template.key()) else { continue };
        if template.partner.address() != gathered.partner.address() {
            told(Some(Box::new(gathered.of_another_partner(&template.address(), &template.partner))));
            continue;
        }
        wrong.extend(gathered.roles_missing(template));
        let (declared, tenant) = (gathered.declared, gathered.tenant(template));
        match too_long(declared, &tenant.relationship.display_name) {
            Some(error) => wrong.push(error),
            None => out.tenants.push(Arc::new(tenant)),
        }
    }
    out.diagnostics.extend(wrong);
    out.partners = partners.into_values().collect();
    out.apps = apps.into_values().collect();
    out.templates = templates.into_values().collect();
    out.tenants.sort_by(|a, b| a.name.cmp(&b.name));
    out.diagnostics.extend(conflicts::of_claims(&out, declared));
    out
}

/// What a class refers to must be there, whether or not there is a Tenant of it.
fn class(d: &Declared, spec: &TenantClassSpec, scope: &Scope<'_>, told: &mut dyn FnMut(Fault)) {
    let partner = match scope.partner(d, &spec.partner_ref) {
        Ok(partner) => partner,
        Err(fault) => return told(fault),
    };
    let namespaces = [d.namespace.as_str(), partner.namespace.as_str()];
    let template = spec.access.iter().filter_map(|a| a.gdap.as_ref()).map(|g| (Kind::GdapTemplate, &g.template));
    let apps = spec.apps.iter().flatten().map(|app| (Kind::PartnerApp, &app.name));
    for (kind, name) in template.chain(apps) {
        if let Err(fault) = scope.named(d, kind, name, &namespaces) {
            told(fault);
        }
    }
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

fn partner(d: &Declared, spec: &PartnerSpec) -> want::Partner {
    want::Partner {
        name: d.name.as_str().into(),
        namespace: d.namespace.as_str().into(),
        place: d.place.clone(),
        tenant: TenantId::new(&spec.tenant_id),
        client_id: spec.managing_app.client_id.to_ascii_lowercase(),
        service_account: spec.managing_app.service_account.user_principal_name.clone(),
        interval: spec.interval.parse().unwrap_or(jiff::SignedDuration::from_hours(1)),
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
        credentials: credentials(&d.namespace, spec, profile, sinks),
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

fn credentials(
    namespace: &str,
    spec: &PartnerAppSpec,
    profile: Option<&Profile>,
    sinks: Sinks<'_>,
) -> Vec<want::Credential> {
    let defaults = profile.map(|p| &p.credential);
    spec.credentials
        .iter()
        .flatten()
        .filter_map(|credential| {
            let timing = credential.client_secret.as_ref();
            let lifetime = timing.and_then(|t| t.lifetime.as_ref()).or(defaults.map(|d| &d.lifetime));
            let rotate = timing.and_then(|t| t.rotate_before.as_ref()).or(defaults.map(|d| &d.rotate_before));
            let sink = SecretName::new(namespace, &credential.write_to.secret_ref.as_ref()?.name);
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
