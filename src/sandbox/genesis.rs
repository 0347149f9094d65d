//! Makes the first state out of a world.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::json;

use super::behaviour;
use super::clock::{self, Clock, days};
use super::due::Dues;
use super::error::SandboxError;
use super::facts::{self, Resource};
use super::faults::Faults;
use super::gdap;
use super::kept::Book;
use super::state::{
    AppRoleAssignment, Application, Certificate, FORMAT, Grant, Group, Limits, Principal, Props, RoleAssignment,
    Secret, Seeded, State, Tenant, User,
};
use super::sts::flows::Flows;
use super::world::{AppFile, CustomerFile, PartnerFile, Permissions, WorldFile};
use super::{ids, keys, log, personas};

type Made<T> = Result<T, SandboxError>;

fn world(reason: impl Into<String>) -> SandboxError {
    SandboxError::World(reason.into())
}

fn tenant_id(text: &str, whose: &str) -> Made<String> {
    if !ids::is_guid(text) {
        return Err(world(format!("the tenantId of {whose}, `{text}`, is no GUID")));
    }
    Ok(text.to_ascii_lowercase())
}

/// A world's beginning: tenants, Microsoft's own principals, the partner's users, apps and groups.
pub fn state(file: &WorldFile, seed: u64, clock: Clock) -> Made<State> {
    let (lag, switches) = behaviour::of_world(file.profile.unwrap_or_default(), file).map_err(world)?;
    let seed = file.seed.unwrap_or(seed);
    let now = clock.now();
    let partner = tenant_id(&file.partner.tenant_id, "the partner")?;
    let mut state = State {
        format: FORMAT,
        seed,
        signing_key: keys::generate(clock.is_fixed().then_some(seed))?,
        clock,
        lag,
        switches,
        events: VecDeque::new(),
        ring: keys::Ring::default(),
        flows: Flows::default(),
        issuers: BTreeMap::new(),
        partner: partner.clone(),
        tenants: Book::default(),
        relationships: Book::default(),
        refresh_tokens: BTreeMap::new(),
        due: Dues::default(),
        faults: Faults::default(),
        retired: BTreeSet::new(),
        limits: Limits::default(),
        replays: VecDeque::new(),
        log: log::Log::default(),
        domains: OnceLock::new(),
        homes: OnceLock::new(),
    };
    let own = CustomerFile {
        tenant_id: partner.clone(),
        display_name: file.partner.display_name.clone(),
        domain: file.partner.domain.clone(),
        users: 0,
        licences: file.partner.licences.clone(),
        ..CustomerFile::default()
    };
    let mut domains = BTreeSet::new();
    for t in std::iter::once(&own).chain(&file.customers) {
        add_tenant(&mut state, &mut domains, t)?;
    }
    let mut tenant = state.tenants.remove(&partner).unwrap_or_default();
    fill_partner(&mut state, &mut tenant, &file.partner, now)?;
    state.tenants.insert(partner, tenant);
    for r in &file.relationships {
        gdap::seeded::add(&mut state, r, now).map_err(world)?;
    }
    personas::add(&mut state, file, now)?;
    Ok(state)
}

fn add_tenant(state: &mut State, domains: &mut BTreeSet<String>, file: &CustomerFile) -> Made<()> {
    let id = tenant_id(&file.tenant_id, &file.display_name)?;
    if state.tenants.contains_key(&id) {
        return Err(world(format!("tenant {id} is declared twice")));
    }
    let domain = file.domain.to_ascii_lowercase();
    if domain.is_empty() || !domains.insert(domain.clone()) {
        return Err(world(format!(
            "the domain `{}` of {} is empty or belongs to another tenant",
            file.domain, file.display_name
        )));
    }
    let known = &facts::products().skus;
    if let Some(sku) = file.licences.iter().flatten().find(|sku| !known.contains_key(*sku)) {
        let all = known.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(world(format!(
            "{} has no SKU to give that is called `{sku}`; there are: {all}",
            file.display_name
        )));
    }
    let label = domain.split('.').next().unwrap_or(&domain);
    let mut initial = format!("{label}.onmicrosoft.com");
    if !domains.insert(initial.clone()) {
        initial = format!("{}.onmicrosoft.com", domain.replace('.', "-"));
        domains.insert(initial.clone());
    }
    let mut tenant = Tenant {
        id: id.clone(),
        display_name: file.display_name.clone(),
        domains: vec![domain, initial],
        exchange: file.exchange,
        commercial: file.commercial,
        plain_users: file.users,
        licences: file.licences.clone(),
        ..Tenant::default()
    };
    let mut resources = vec![facts::GRAPH, facts::PARTNER_CENTER];
    // Without a licence the tenant has no principal of Exchange, and the token service says 500011.
    if file.exchange {
        resources.push(facts::EXCHANGE);
    }
    for app_id in resources {
        let pid = ids::guid(state.seed, &[&id, "principal", app_id], 0);
        tenant.principals.insert(pid.clone(), Principal::new(pid, app_id.to_owned()));
    }
    state.tenants.insert(id, tenant);
    Ok(())
}

fn fill_partner(state: &mut State, tenant: &mut Tenant, file: &PartnerFile, now: Timestamp) -> Made<()> {
    let seed = state.seed;
    let id = |kind: &str, key: &str| ids::guid(seed, &[&tenant.id, kind, key], 0);
    let mut agents = BTreeSet::new();
    let mut users = BTreeMap::new();
    let mut roles = Vec::new();
    for u in &file.users {
        let upn = u.user_principal_name.to_ascii_lowercase();
        let uid = id("user", &upn);
        if u.admin_agents {
            agents.insert(uid.clone());
        }
        for r in &u.roles {
            let (role, _) = facts::role_named(r)
                .ok_or_else(|| world(format!("no built-in directory role is called `{r}` (user {upn})")))?;
            roles.push(RoleAssignment {
                id: id("roleAssignment", &format!("{uid} {role}")),
                role: role.to_owned(),
                principal_id: uid.clone(),
                scope: "/".to_owned(),
            });
        }
        let user = User {
            id: uid.clone(),
            display_name: u.display_name.clone().unwrap_or_else(|| upn.split('@').next().unwrap_or(&upn).to_owned()),
            user_principal_name: upn.clone(),
            mfa: u.mfa,
            props: Props::new(),
            created: now,
            tokens_valid_from: now,
            password: u.password.as_deref().map(ids::secret_hash),
        };
        if users.insert(uid, user).is_some() {
            return Err(world(format!("user {upn} is declared twice")));
        }
        for t in &u.refresh_tokens {
            let app = file.apps.iter().find(|a| a.display_name == t.app || a.client_id.eq_ignore_ascii_case(&t.app));
            let app = app.ok_or_else(|| {
                world(format!("the refresh token of {upn} names the app `{}`, which the world does not have", t.app))
            })?;
            let seeded = Seeded { user: id("user", &upn), client_id: app.client_id.to_ascii_lowercase(), issued: now };
            state.refresh_tokens.insert(ids::secret_hash(&t.value), seeded);
        }
    }
    let by_upn = |upn: &str| {
        users.values().find(|u: &&User| u.user_principal_name.eq_ignore_ascii_case(upn)).map(|u| u.id.clone())
    };
    let mut groups: Vec<(String, BTreeSet<String>)> = vec![("AdminAgents".to_owned(), agents)];
    groups.extend(["HelpdeskAgents", "SalesAgents"].map(|n| (n.to_owned(), BTreeSet::new())));
    for g in &file.groups {
        let mut members = BTreeSet::new();
        for upn in &g.members {
            members.insert(by_upn(upn).ok_or_else(|| {
                world(format!("group {} names the member {upn}, which is no user of the world", g.display_name))
            })?);
        }
        groups.push((g.display_name.clone(), members));
    }
    for (name, members) in groups {
        let gid = id("group", &name);
        let nickname: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let props =
            json!({ "displayName": name, "mailEnabled": false, "mailNickname": nickname, "securityEnabled": true });
        let props = props.as_object().cloned().unwrap_or_default();
        tenant.groups.insert(gid.clone(), Group { id: gid, props, members, created: now });
    }
    for app in &file.apps {
        add_app(seed, tenant, app, now)?;
    }
    tenant.users = users;
    tenant.role_assignments = roles.into_iter().map(|r| (r.id.clone(), r)).collect();
    Ok(())
}

/// A resource, and permissions of it as value and id.
type Granted<'a> = (&'static Resource, Vec<(&'a str, &'static str)>);

fn granted<'a>(app: &'a AppFile, permissions: &'a Permissions, delegated: bool) -> Made<Vec<Granted<'a>>> {
    let mut all = Vec::new();
    for (name, values) in permissions {
        let resource = facts::resource_named(name).ok_or_else(|| {
            world(format!("app {} asks for permissions of `{name}`, which is no resource here", app.display_name))
        })?;
        let table = if delegated { &resource.delegated } else { &resource.application };
        let mut list = Vec::new();
        for v in values {
            let id = table.get(v).ok_or_else(|| {
                world(format!(
                    "{} has no {} permission `{v}` (app {})",
                    resource.display_name,
                    if delegated { "delegated" } else { "application" },
                    app.display_name
                ))
            })?;
            list.push((v.as_str(), id.as_str()));
        }
        all.push((resource, list));
    }
    Ok(all)
}

fn add_app(seed: u64, tenant: &mut Tenant, file: &AppFile, now: Timestamp) -> Made<()> {
    if !ids::is_guid(&file.client_id) {
        return Err(world(format!("the clientId of {}, `{}`, is no GUID", file.display_name, file.client_id)));
    }
    let app_id = file.client_id.to_ascii_lowercase();
    let home = tenant.id.clone();
    let id = |kind: &str, key: &str| ids::guid(seed, &[&home, kind, key], 0);
    let principal = id("principal", &app_id);
    let mut required: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    let resource_principal = |tenant: &Tenant, r: &Resource| tenant.principal_of(&r.app_id).map(|p| p.id.clone());
    for (resource, list) in granted(file, &file.application, false)? {
        let Some(resource_id) = resource_principal(tenant, resource) else { continue };
        for (value, role) in list {
            required.entry(&resource.app_id).or_default().push(json!({ "id": role, "type": "Role" }));
            let aid = ids::opaque(seed, &[&home, "appRole", &principal, &resource.app_id, value], |_| false);
            let assignment = AppRoleAssignment {
                id: aid.clone(),
                principal_id: principal.clone(),
                resource_id: resource_id.clone(),
                app_role_id: role.to_owned(),
                created: now,
            };
            tenant.app_roles.insert(aid, assignment);
        }
    }
    for (resource, list) in granted(file, &file.delegated, true)? {
        let Some(resource_id) = resource_principal(tenant, resource) else { continue };
        for (_, scope) in &list {
            required.entry(&resource.app_id).or_default().push(json!({ "id": scope, "type": "Scope" }));
        }
        let gid = ids::opaque(seed, &[&home, "grant", &principal, &resource.app_id], |_| false);
        let scope = list.iter().map(|(v, _)| *v).collect::<Vec<_>>().join(" ");
        tenant.grants.insert(
            gid.clone(),
            Grant { id: gid, client_id: principal.clone(), resource_id, principal_id: None, scope },
        );
    }
    let required: Vec<_> =
        required.iter().map(|(r, access)| json!({ "resourceAppId": r, "resourceAccess": access })).collect();
    let audience = file.sign_in_audience.as_deref().unwrap_or("AzureADMultipleOrgs");
    let props =
        json!({ "displayName": file.display_name, "signInAudience": audience, "requiredResourceAccess": required });
    let mut props = props.as_object().cloned().unwrap_or_default();
    personas::redirects(&file.redirect_uris, &mut props)?;
    if file.public_client {
        props.insert("isFallbackPublicClient".to_owned(), json!(true));
    }
    let mut secrets = Vec::new();
    for s in &file.secrets {
        secrets.push(Secret {
            key_id: id("secret", &format!("{app_id} {}", s.name)),
            display_name: Some(s.name.clone()),
            start: now,
            end: clock::plus(now, s.expires_in.map_or(days(730), |d| d.0)),
            hint: s.value.chars().take(3).collect(),
            hash: ids::secret_hash(&s.value),
            of_key: None,
        });
    }
    let mut certificates = Vec::new();
    for (i, c) in file.certificates.iter().enumerate() {
        certificates.push(Certificate {
            key_id: id("certificate", &format!("{app_id} {i}")),
            display_name: c.name.clone(),
            start: now,
            end: clock::plus(now, c.expires_in.map_or(days(730), |d| d.0)),
            der: der_of_pem(&c.pem)
                .ok_or_else(|| world(format!("a certificate of {} is no PEM certificate", file.display_name)))?,
            usage: "Verify".to_owned(),
            kind: None,
            identifier: None,
        });
    }
    let object = id("application", &app_id);
    let application = Application {
        id: object.clone(),
        app_id: app_id.clone(),
        props,
        created_by: None,
        created: now,
        secrets,
        certificates,
    };
    if tenant.applications.insert(object, application).is_some() {
        return Err(world(format!("the app {app_id} is declared twice")));
    }
    tenant.principals.insert(principal.clone(), Principal::new(principal, app_id));
    Ok(())
}

/// The first certificate of a PEM text, as base64 DER.
pub fn der_of_pem(pem: &str) -> Option<String> {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1)?.split("-----END CERTIFICATE-----").next()?;
    keys::from_standard_b64(body).map(|der| keys::standard_b64(&der))
}
