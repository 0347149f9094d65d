//! The fleet as it is declared: all objects of the cluster, resolved together, and what a new state of them changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::cache::{Cache, Known};
use super::locked;
use super::vault::Vault;
use crate::api::{API_VERSION, Kind, SecretName, Spec};
use crate::engine::diagnostic::Diagnostic;
use crate::engine::digest;
use crate::engine::kind::Mode;
use crate::kinds::Resolved;
use crate::kinds::want::{App, Partner, Stored, Tenant};
use crate::pass::{Given, Wanted};
use crate::source::{Inputs, Name, Object, SecretSink, Secrets};

/// Labels of all namespaces.
pub type Namespaces = BTreeMap<String, BTreeMap<String, String>>;

/// The declarations at one moment.
pub struct Snapshot {
    pub resolved: Arc<Resolved>,
    pub inputs: Arc<Inputs>,
    pub secrets: Arc<Secrets>,
    /// What is wrong, by object.
    pub wrong: BTreeMap<Name, Vec<Diagnostic>>,
    /// The object behind an address.
    pub names: BTreeMap<String, Name>,
    /// Which generation of each object is in it.
    generations: BTreeMap<Name, i64>,
    /// What each Partner signs in with, as a digest.
    identities: BTreeMap<String, String>,
}

/// What a new snapshot changes.
#[derive(Default, Debug)]
pub struct Difference {
    /// Objects whose declaration, with all that it takes from others, is another one.
    pub objects: BTreeSet<Name>,
    /// Partners that sign in with something else.
    pub partners: BTreeSet<String>,
}

/// How long it took to make the fleet, and when that was.
struct Pace {
    took: Duration,
    ended: Instant,
}

/// The fleet, made anew whenever something changed and somebody asks.
pub struct Fleet {
    cache: Arc<Mutex<Cache>>,
    namespaces: Arc<Mutex<Namespaces>>,
    vault: Arc<Vault>,
    current: Mutex<Arc<Snapshot>>,
    stale: AtomicBool,
    pace: Mutex<Pace>,
    /// What has changed and was not yet acted on.
    pending: Mutex<Difference>,
}

impl Fleet {
    pub fn new(cache: Arc<Mutex<Cache>>, namespaces: Arc<Mutex<Namespaces>>, vault: Arc<Vault>) -> Fleet {
        let nothing = Snapshot {
            resolved: Arc::default(),
            inputs: Arc::default(),
            secrets: Arc::new(Secrets::of_cluster(vec![])),
            wrong: BTreeMap::new(),
            names: BTreeMap::new(),
            generations: BTreeMap::new(),
            identities: BTreeMap::new(),
        };
        let (current, stale) = (Mutex::new(Arc::new(nothing)), AtomicBool::new(true));
        let pace = Mutex::new(Pace { took: Duration::ZERO, ended: Instant::now() });
        Fleet { cache, namespaces, vault, current, stale, pace, pending: Mutex::default() }
    }

    /// Something that the fleet is made of has changed.
    pub fn stir(&self) {
        self.stale.store(true, Relaxed);
    }

    /// The fleet as it is declared now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.made(&|_| self.is_stale())
    }

    /// The fleet with this object as it is known, and for the rest as it was not long ago: while thousands of objects arrive,
    /// it is not made anew for each of them.
    pub fn snapshot_for(&self, known: &Known) -> Arc<Snapshot> {
        self.made(&|old| old.generations.get(&known.name) != Some(&known.generation))
    }

    fn made(&self, is_needed: &dyn Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut current = locked(&self.current);
        let mut pace = locked(&self.pace);
        let written = self.vault.was_written();
        let missing = is_needed(&current);
        let stale = self.stale.load(Relaxed);
        if written || missing || stale && pace.ended.elapsed() > 5 * pace.took {
            let begun = Instant::now();
            self.stale.store(false, Relaxed);
            let next = Arc::new(self.make());
            compare(&current, &next, &mut locked(&self.pending));
            *current = next;
            *pace = Pace { took: begun.elapsed(), ended: Instant::now() };
        }
        current.clone()
    }

    /// The fleet as it was when it was last made.
    pub fn current(&self) -> Arc<Snapshot> {
        locked(&self.current).clone()
    }

    pub fn is_stale(&self) -> bool {
        self.stale.load(Relaxed)
    }

    /// Whether a change was found that was not yet acted on.
    pub fn has_pending(&self) -> bool {
        let pending = locked(&self.pending);
        !pending.objects.is_empty() || !pending.partners.is_empty()
    }

    /// What has changed since it was last asked.
    pub fn differences(&self) -> Difference {
        self.snapshot();
        std::mem::take(&mut locked(&self.pending))
    }

    fn make(&self) -> Snapshot {
        let mut wrong: BTreeMap<Name, Vec<Diagnostic>> = BTreeMap::new();
        let (mut names, mut generations) = (BTreeMap::new(), BTreeMap::new());
        let mut inputs = Inputs { secrets: self.vault.documents(), ..Inputs::default() };
        let mut owners = BTreeMap::new();
        let cache = locked(&self.cache);
        // Of two objects of one name the oldest wins: marks in Microsoft's objects know no namespaces.
        let mut all: Vec<&Known> = cache.iter().filter(|known| !known.deleting).collect();
        all.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        for known in all {
            let address = known.address();
            generations.insert(known.name.clone(), known.generation);
            match (&known.spec, names.get(&address)) {
                (_, Some(first)) => wrong.entry(known.name.clone()).or_default().push(taken(&address, first)),
                (Err(why), None) => wrong.entry(known.name.clone()).or_default().push(undecodable(&address, why)),
                (Ok(spec), None) => {
                    owners.extend(sinks(known, spec));
                    let object = Object::new(&known.name.name, &known.name.namespace, spec.clone());
                    // A name is declared once: the younger one was turned away above.
                    drop(inputs.objects.insert(object));
                }
            }
            names.entry(address).or_insert_with(|| known.name.clone());
        }
        drop(cache);
        inputs.namespaces = locked(&self.namespaces).clone();
        self.vault.owned_by(owners);
        let secrets = Arc::new(Secrets::of_cluster(inputs.secrets.clone()));
        let sink: Arc<dyn SecretSink> = self.vault.clone();
        let given = Given { inputs, secrets: secrets.clone(), sink: Some(sink) };
        let resolved = given.resolved();
        for diagnostic in &resolved.diagnostics {
            if let Some(name) = names.get(diagnostic.object()) {
                wrong.entry(name.clone()).or_default().push(diagnostic.clone());
            }
        }
        let identities = identities(&given.inputs, &secrets);
        Snapshot { resolved, inputs: Arc::new(given.inputs), secrets, wrong, names, generations, identities }
    }
}

impl Wanted for Fleet {
    fn resolved(&self) -> Arc<Resolved> {
        // As of not long ago, but with whatever we have put into Secrets.
        self.made(&|_| false).resolved.clone()
    }
}

impl Snapshot {
    /// Whether an object's differences are written; `None` where it could not be resolved.
    pub fn mode(&self, address: &str) -> Option<Mode> {
        let (kind, name) = address.split_once('/')?;
        match Kind::parse(kind)? {
            Kind::Tenant => self.resolved.tenant(name).map(|t| t.mode),
            kind => self.partner_of(kind, name).map(|p| p.mode),
        }
    }

    /// The Partner that an object belongs to; `None` where it could not be resolved, or belongs to none by itself.
    pub fn partner_of(&self, kind: Kind, name: &str) -> Option<&Arc<Partner>> {
        let resolved = &self.resolved;
        match kind {
            Kind::Partner => resolved.partners.iter().find(|p| *p.name == *name),
            Kind::PartnerApp => resolved.apps.iter().find(|a| a.name == name).map(|a| &a.partner),
            Kind::GdapTemplate => resolved.templates.iter().find(|t| t.name == name).map(|t| &t.partner),
            Kind::Tenant => resolved.tenant(name).map(|t| &t.partner),
            Kind::GdapRelationship | Kind::TenantClass => None,
        }
    }

    /// Sinks that an object writes to.
    pub fn sinks_of(&self, address: &str) -> Vec<SecretName> {
        let app = self.resolved.apps.iter().find(|app| app.address() == address);
        app.into_iter().flat_map(|app| app.credentials.iter().map(|c| c.sink.clone())).collect()
    }
}

fn taken(address: &str, first: &Name) -> Diagnostic {
    Diagnostic::error(address, "an older object of this name is in another namespace")
        .code("Conflict")
        .detail(format!("It is {}/{}.", first.namespace, first.name))
        .remedy("Rename this one: at Microsoft the two would be one.")
}

fn undecodable(address: &str, why: &str) -> Diagnostic {
    Diagnostic::error(address, format!("the object cannot be read: {why}"))
        .code("InvalidSpec")
        .remedy("Correct the field; and bring the CRDs to the version of the operator.")
}

/// The Secrets that an object makes, which therefore belong to it.
fn sinks(known: &Known, spec: &Spec) -> Vec<(SecretName, OwnerReference)> {
    let owner = OwnerReference {
        api_version: API_VERSION.into(),
        kind: known.name.kind.as_str().into(),
        name: known.name.name.clone(),
        uid: known.uid.clone(),
        ..OwnerReference::default()
    };
    let names: Vec<&str> = match spec {
        Spec::Partner(spec) => vec![&spec.managing_app.service_account.refresh_token.store.secret_ref.name],
        Spec::PartnerApp(spec) => {
            let credentials = spec.credentials.iter().flatten();
            credentials.filter_map(|c| c.write_to.secret_ref.as_ref()).map(|r| r.name.as_str()).collect()
        }
        _ => vec![],
    };
    names.into_iter().map(|name| (SecretName::new(&known.name.namespace, name), owner.clone())).collect()
}

/// What each Partner signs in with. What the operator itself keeps, such as newer refresh tokens, is left out.
fn identities(inputs: &Inputs, secrets: &Secrets) -> BTreeMap<String, String> {
    let of = |object: &Object| {
        let Spec::Partner(spec) = &object.spec else { return None };
        let app = &spec.managing_app;
        let sources = [
            app.credential.client_secret.as_ref(),
            app.credential.certificate.as_ref(),
            Some(&app.service_account.refresh_token.seed),
        ];
        let store = &app.service_account.refresh_token.store.secret_ref.name;
        let credential = format!("{:?}", app.credential.r#type);
        let mut parts = vec![spec.tenant_id.clone(), app.client_id.clone(), credential, store.clone()];
        for source in sources.into_iter().flatten() {
            let at = &source.secret_ref;
            let value = secrets.get(&object.namespace, &at.name, &at.key);
            parts.push(value.map_or_else(|_| String::new(), |value| digest::sha256(value.expose())));
        }
        Some((object.name.clone(), digest::sha256(&parts.join("\n"))))
    };
    inputs.objects.of(Kind::Partner).filter_map(of).collect()
}

/// Notes which objects want something else than before.
fn compare(old: &Snapshot, new: &Snapshot, into: &mut Difference) {
    let known = |names: &BTreeMap<String, Name>, address: &str| names.get(address).cloned();
    let mut differs = |address: String| into.objects.extend(known(&new.names, &address));
    lists(&old.resolved.partners, &new.resolved.partners, |p| p.address(), &mut differs);
    lists(&old.resolved.apps, &new.resolved.apps, |a| a.address(), &mut differs);
    lists(&old.resolved.templates, &new.resolved.templates, |t| t.address(), &mut differs);
    let apps: BTreeSet<String> = other_apps(&old.resolved.apps, &new.resolved.apps);
    for tenant in &new.resolved.tenants {
        if old.resolved.tenant(&tenant.name).is_none_or(|old| !same_wish(old, tenant, &apps)) {
            differs(tenant.address());
        }
    }
    // What could be resolved and cannot be any more, because of something else.
    for tenant in old.resolved.tenants.iter().filter(|t| new.resolved.tenant(&t.name).is_none()) {
        differs(tenant.address());
    }
    for name in old.wrong.keys().chain(new.wrong.keys()) {
        if old.wrong.get(name) != new.wrong.get(name) {
            into.objects.insert(name.clone());
        }
    }
    for (partner, digest) in &new.identities {
        if old.identities.get(partner) != Some(digest) {
            into.partners.insert(partner.clone());
        }
    }
}

fn lists<T: PartialEq>(
    old: &[Arc<T>],
    new: &[Arc<T>],
    address: impl Fn(&T) -> String,
    differs: &mut dyn FnMut(String),
) {
    let before: BTreeMap<String, &Arc<T>> = old.iter().map(|one| (address(one), one)).collect();
    for one in new {
        let address = address(one);
        if before.get(&address).is_none_or(|old| ***old != **one) {
            differs(address);
        }
    }
}

/// Apps that want something else. What lies in their sinks is no wish: it changes with each rotation.
fn other_apps(old: &[Arc<App>], new: &[Arc<App>]) -> BTreeSet<String> {
    let wish = |app: &Arc<App>| {
        let mut app = App::clone(app);
        app.credentials.iter_mut().for_each(|credential| credential.stored = Stored::default());
        app
    };
    let before: BTreeMap<String, App> = old.iter().map(|app| (app.address(), wish(app))).collect();
    new.iter().filter(|app| before.get(&app.address()) != Some(&wish(app))).map(|app| app.address()).collect()
}

fn same_wish(old: &Tenant, new: &Tenant, other_apps: &BTreeSet<String>) -> bool {
    let uses = |tenant: &Tenant| -> Vec<(String, bool)> {
        tenant.apps.iter().map(|one| (one.app.address(), one.exchange)).collect()
    };
    old.mode == new.mode
        && old.customer == new.customer
        && old.domain == new.domain
        && old.broken == new.broken
        && old.rungs == new.rungs
        && old.relationship == new.relationship
        && uses(old) == uses(new)
        && !new.apps.iter().any(|one| other_apps.contains(&one.app.address()))
}
