//! One object, worked on once: hold it, look, write what differs, finish.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::cache::{Known, condition};
use super::finish::Said;
use super::fleet::Snapshot;
use super::queue::Lane;
use super::status::{Facts, row_of, unknown};
use super::telling::{class, outcome};
use super::timing::Course;
use super::{Memory, Operator, locked};
use crate::api::Kind;
use crate::cloud::executor::Watch;
use crate::engine::conditions::{self, Condition, Standing as Ground, Status};
use crate::engine::diagnostic::Diagnostic;
use crate::engine::kind::Mode;
use crate::engine::read::Service;
use crate::engine::step::{Stale, Who};
use crate::engine::value::StepId;
use crate::pass::{Applied, Approval, Looked, Pass, Standing, Terms, Until};
use crate::source::Name;

/// How long an accepted change that cannot be read is not made again.
const SETTLES: SignedDuration = SignedDuration::from_mins(15);

/// When an object is looked at again.
pub type Next = Option<(Timestamp, Lane)>;

/// Ends an apply when there is nobody any more for whom it would go on.
struct Attending {
    operator: Arc<Operator>,
    name: Name,
    uid: String,
}

impl Watch for Attending {
    fn done(&self, _: &StepId, _: Timestamp) {}

    fn failed(&self, _: &Diagnostic) {}

    fn waiting(&self, what: &str) {
        tracing::debug!(name = self.name.name, what, "waits");
    }

    fn interrupted(&self) -> bool {
        self.operator.is_stopping()
            || self.operator.cache().get(&self.name).is_none_or(|known| known.deleting || known.uid != self.uid)
    }
}

impl Operator {
    /// Works on one object. What goes wrong with the API server is tried again.
    pub(super) async fn work(self: Arc<Self>, name: Name) -> Next {
        let known = self.known(&name)?;
        let (begun, kind) = (Instant::now(), name.kind.as_str());
        let span = tracing::info_span!(
            "reconcile",
            kind,
            namespace = name.namespace,
            name = name.name,
            generation = known.generation
        );
        let done = self.once(&known).instrument(span).await;
        if let Some(outcome) = self.remember(&name, |memory| memory.outcome.take()) {
            self.metrics.reconciled(kind, outcome, begun.elapsed().as_secs_f64());
        }
        match done {
            Ok(next) => {
                self.remember(&name, |memory| memory.faults = 0);
                next
            }
            Err(error) => {
                let tries = self.remember(&name, |memory| {
                    memory.faults = memory.faults.saturating_add(1);
                    memory.faults
                });
                tracing::warn!(address = known.address(), %error, "the API server did not take what was found");
                let pause = SignedDuration::from_secs(1 << tries.min(8));
                Some((self.now().checked_add(pause).unwrap_or(Timestamp::MAX), Lane::Soon))
            }
        }
    }

    fn remember<T>(&self, name: &Name, what: impl FnOnce(&mut Memory) -> T) -> T {
        what(locked(&self.memory).entry(name.clone()).or_default())
    }

    async fn once(self: &Arc<Self>, known: &Known) -> Result<Next, kube::Error> {
        if known.deleting {
            let gone = self.let_go(known).await?;
            let again = self.now().checked_add(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MAX);
            return Ok((!gone).then_some((again, Lane::Routine)));
        }
        if known.is_new() {
            // All newcomers get a word before the first of them is looked at.
            self.greet(known).await?;
            return Ok(Some((self.now(), Lane::Now)));
        }
        let snapshot = self.fleet.snapshot_for(known);
        match known.name.kind {
            Kind::GdapRelationship => self.alone(known).await.map(|()| None),
            Kind::TenantClass => self.class(known, &snapshot).await,
            _ => self.kept(known, &snapshot).await,
        }
    }

    /// A class is only looked at: whether what it refers to is there.
    async fn class(&self, known: &Known, snapshot: &Snapshot) -> Result<Next, kube::Error> {
        let wrong = snapshot.wrong.get(&known.name).map_or(&[][..], Vec::as_slice);
        let ground = Ground { diagnostics: wrong.iter().collect(), ..Ground::default() };
        let mut conditions = conditions::finish(vec![], &ground);
        for condition in conditions.iter_mut().filter(|c| c.status == Status::True) {
            condition.message = "everything that it refers to is there".into();
        }
        let members = self.members(known);
        let facts = Facts::from([("tenants", json!(members))]);
        let said = Said { conditions, facts, waits_on_microsoft: false, tries: 0, looked: true };
        self.finish(known, said).await?;
        Ok(None)
    }

    /// How many Tenants are of a class.
    fn members(&self, class: &Known) -> usize {
        use crate::api::Spec;
        let of = |known: &&Known| matches!(&known.spec, Ok(Spec::Tenant(spec)) if spec.class == class.name.name);
        self.cache().iter().filter(|known| !known.deleting).filter(of).count()
    }

    /// An object that is kept at Microsoft.
    async fn kept(self: &Arc<Self>, known: &Known, snapshot: &Snapshot) -> Result<Next, kube::Error> {
        let address = known.address();
        let mine = snapshot.names.get(&address) == Some(&known.name);
        let Some(mode) = snapshot.mode(&address).filter(|_| mine) else {
            return self.unresolved(known, snapshot).await;
        };
        if let Some(host) = &self.forbidden {
            return self.refused(known, host).await;
        }
        if mode == Mode::Suspended {
            return self.suspended(known).await;
        }
        let known = match mode == Mode::Enforce && !known.is_held() {
            true => self.hold(known).await?,
            false => known.clone(),
        };
        self.vault.inspect(&snapshot.sinks_of(&address)).await;
        let mut focus = BTreeSet::from([address.clone()]);
        let tenant = snapshot.resolved.tenant(&known.name.name).filter(|_| known.name.kind == Kind::Tenant).cloned();
        focus.extend(tenant.iter().map(|tenant| tenant.relationship.address()));
        if known.is_requested() || known.ready() != "True" {
            // What tokens said, or that there was none, may be old by now.
            let of = tenant.as_ref().map(|tenant| &tenant.customer);
            let home = snapshot.resolved.partners.iter().find(|p| p.address() == address).map(|p| &p.tenant);
            for tenant in of.into_iter().chain(home) {
                self.ground.cloud.auth.drop_tokens(tenant).await;
                let (service, path) = (Service::Token, String::new());
                self.ground.loader.forget(&[Stale::Path { tenant: tenant.clone(), service, path }]);
            }
        }
        let mut pass = Pass::focused(self.fleet.clone(), focus, self.ground.clone());
        if known.is_requested() {
            pass = pass.anew();
        }
        let looked = pass.look().await;
        let (looked, applied) = match mode {
            Mode::Enforce => self.apply(&known, pass, looked).await,
            _ => (looked, None),
        };
        let Some(standing) = looked.objects.iter().find(|o| o.address == address) else {
            self.unresolved(&known, snapshot).await?;
            return Ok(self.after(SignedDuration::from_mins(1), Lane::Soon));
        };
        let next = self.conclude(&known, standing, &looked, applied.as_ref()).await?;
        let shown = looked.objects.iter().find(|o| o.address.starts_with("GdapRelationship/"));
        if let (Some(tenant), Some(shown)) = (&tenant, shown) {
            self.derive(&known, &tenant.relationship, shown).await?;
        }
        Ok(next)
    }

    /// Writes what differs, and looks again.
    async fn apply(self: &Arc<Self>, known: &Known, mut pass: Pass, looked: Looked) -> (Looked, Option<Applied>) {
        let now = self.now();
        let made = self.remember(&known.name, |memory| {
            if std::mem::replace(&mut memory.generation, known.generation) != known.generation {
                memory.made.clear();
            }
            memory.made.retain(|(_, at)| now.duration_since(*at) < SETTLES);
            memory.made.iter().map(|(address, _)| address.clone()).collect()
        });
        let terms = Terms { until: Until::Done, approval: Approval::AsDeclared, made };
        let watch = Attending { operator: self.clone(), name: known.name.clone(), uid: known.uid.clone() };
        let applied = pass.apply(looked, terms, &watch).await;
        let after = match applied.failed.is_empty() {
            true => applied.after.clone(),
            false => pass.look_after(applied.failed.clone()).await,
        };
        self.remember(&known.name, |memory| {
            // What can be read has arrived.
            let open: BTreeSet<&str> =
                after.plan.behind.iter().chain(&after.plan.changes).map(|c| c.address.as_str()).collect();
            let known: BTreeSet<String> = memory.made.iter().map(|(address, _)| address.clone()).collect();
            memory.made.extend(applied.made.iter().filter(|a| !known.contains(*a)).map(|a| (a.clone(), now)));
            memory.made.retain(|(address, _)| open.contains(address.as_str()));
        });
        for change in &applied.done {
            self.metrics.changed(change.class, change.action);
            self.events.made(known, change).await;
        }
        (after, Some(applied))
    }

    /// Status, events, and when it is looked at again.
    async fn conclude(
        &self,
        known: &Known,
        standing: &Standing,
        looked: &Looked,
        applied: Option<&Applied>,
    ) -> Result<Next, kube::Error> {
        let address = known.address();
        let own = |d: &&Diagnostic| {
            d.is_error() && (d.object() == address || looked.objects.iter().any(|o| o.address == d.object()))
        };
        let wrong: Vec<&Diagnostic> = looked.plan.diagnostics.iter().filter(own).collect();
        self.tell(known, &wrong).await;
        let plan = &looked.plan;
        let held = plan.held.values().sum::<usize>() > 0;
        let pending = held || !plan.changes.is_empty();
        let microsoft = plan.waits.iter().any(|w| w.wait.who == Who::Microsoft);
        let wrote = applied.is_some_and(|applied| !applied.done.is_empty());
        let tries = self.remember(&known.name, |memory| {
            memory.held = held || !wrong.is_empty();
            memory.tries =
                if wrote || is_new(known, &standing.conditions) { 0 } else { memory.tries.saturating_add(1) };
            memory.tries
        });
        let mut conditions = standing.conditions.clone();
        explain(&mut conditions, wrong.first().copied());
        let mut facts = standing.facts.clone();
        if standing.conditions.iter().any(|c| c.kind == "Ready" && c.status == Status::True) {
            facts.entry("lastVerified").or_insert_with(|| json!(looked.now));
        }
        if known.name.kind == Kind::PartnerApp {
            facts.extend(self.counts(&known.name.name));
        }
        let said = Said { conditions, facts, waits_on_microsoft: microsoft, tries, looked: true };
        let news = self.finish(known, said).await?;
        // Counts and times of an app are no news to those who wait for it.
        if (wrote || news && is_new(known, &standing.conditions)) && known.name.kind != Kind::Tenant {
            self.wake();
        }
        if news && known.name.kind == Kind::Tenant {
            self.recount(known);
        }
        let outcome = outcome(&standing.conditions, !wrong.is_empty(), !plan.waits.is_empty());
        self.remember(&known.name, |memory| memory.outcome = Some(outcome));
        if !wrong.is_empty() {
            let ready = standing.conditions.iter().find(|c| c.kind == "Ready");
            let row = ready.and_then(|ready| row_of(&standing.conditions, ready));
            self.metrics.failed(known.name.kind.as_str(), class(row.and_then(|row| row.retry)));
        }
        let course = Course {
            conditions: &standing.conditions,
            waits: &plan.waits,
            pending,
            after: plan.diagnostics.iter().filter_map(|d| d.after).max(),
            tries,
            now: self.now(),
            interval: self.interval(&known.name),
            phase: self.phase(known),
        };
        let (at, lane) = course.next();
        if lane == Lane::Routine
            && let Some(tenant) = self.fleet.current().resolved.tenant(&known.name.name)
            && known.name.kind == Kind::Tenant
        {
            // They would have expired before they are used again.
            self.ground.cloud.auth.drop_tokens(&tenant.customer).await;
        }
        Ok(Some((at, lane)))
    }

    /// Tells of failures, once each.
    async fn tell(&self, known: &Known, wrong: &[&Diagnostic]) {
        let key = |d: &Diagnostic| format!("{}\n{}", d.address, d.summary);
        let now: BTreeSet<String> = wrong.iter().map(|d| key(d)).collect();
        let before = self.remember(&known.name, |memory| std::mem::replace(&mut memory.told, now));
        for diagnostic in wrong.iter().filter(|d| !before.contains(&key(d))) {
            self.events.failed(known, diagnostic).await;
        }
    }

    /// An object that cannot be looked at: its declaration or one that it refers to is wrong.
    async fn unresolved(&self, known: &Known, snapshot: &Snapshot) -> Result<Next, kube::Error> {
        let wrong: Vec<&Diagnostic> = snapshot.wrong.get(&known.name).into_iter().flatten().collect();
        self.tell(known, &wrong).await;
        let fallback = Diagnostic::error(known.address(), "something that it refers to has errors of its own");
        let fallback = fallback.code("ReferenceNotFound");
        let diagnostics = if wrong.is_empty() { vec![&fallback] } else { wrong };
        let why = diagnostics.first().map_or(String::new(), |d| d.summary.clone());
        let mut conditions = conditions::finish(vec![], &Ground { diagnostics, ..Ground::default() });
        conditions.extend(unknown(known.name.kind, "Unreadable", &format!("not looked at: {why}")));
        let mut facts = kept_facts(known);
        // Nobody waits for anything before the declaration is right.
        facts.retain(|name, _| !matches!(*name, "waits" | "waitsFor" | "links"));
        let said = Said { conditions, facts, waits_on_microsoft: false, tries: 0, looked: true };
        self.finish(known, said).await?;
        self.show_derived(known).await?;
        // Another declaration ends it, and that is told by the watch; the daily look is a net.
        Ok(self.after(SignedDuration::from_hours(24), Lane::Routine))
    }

    fn after(&self, pause: SignedDuration, lane: Lane) -> Next {
        Some((self.now().checked_add(pause).unwrap_or(Timestamp::MAX), lane))
    }

    /// Secrets would go to a server that nobody allowed: nothing is sent.
    async fn refused(&self, known: &Known, host: &str) -> Result<Next, kube::Error> {
        let error = Diagnostic::error(known.address(), format!("the endpoint {host} is not allowed; nothing is sent"))
            .code("GuardRefused")
            .remedy(format!("Start the operator with --allow-endpoint {host} if secrets may go there."));
        self.tell(known, &[&error]).await;
        let mut conditions = conditions::finish(vec![], &Ground { diagnostics: vec![&error], ..Ground::default() });
        conditions.extend(unknown(known.name.kind, "Unreadable", &error.summary));
        let said = Said { conditions, facts: Facts::new(), waits_on_microsoft: false, tries: 0, looked: true };
        self.finish(known, said).await?;
        self.show_derived(known).await?;
        Ok(None)
    }

    /// Nothing is read or written; what was known stays as it was.
    async fn suspended(&self, known: &Known) -> Result<Next, kube::Error> {
        let why = "spec.suspend is true: nothing is read or written; the rest is as it was last read";
        let mut conditions = vec![Condition::no("Ready", "Suspended", why)];
        conditions.extend(kept_conditions(known));
        let facts = kept_facts(known);
        let said = Said { conditions, facts, waits_on_microsoft: false, tries: 0, looked: true };
        self.finish(known, said).await?;
        self.show_derived(known).await?;
        Ok(None)
    }

    /// How many customers want an app, and how many have granted it everything.
    fn counts(&self, app: &str) -> Facts {
        let snapshot = self.fleet.current();
        let using = snapshot.resolved.tenants.iter().filter(|t| t.apps.iter().any(|one| one.app.name == app));
        let cache = self.cache();
        let (mut wanted, mut granted) = (0, 0);
        for tenant in using {
            wanted += 1;
            let known = snapshot.names.get(&tenant.address()).and_then(|name| cache.get(name));
            let status = known.map(|known| known.status.value()).unwrap_or_default();
            let apps = status.get("apps").and_then(Value::as_array);
            let mine = apps.into_iter().flatten().find(|one| one.get("name").and_then(Value::as_str) == Some(app));
            granted += i64::from(mine.is_some_and(|one| one.get("granted") == one.get("wanted")));
        }
        let text = format!("{granted}/{wanted}");
        Facts::from([("tenantsGranted", json!(granted)), ("tenantsWanted", json!(wanted)), ("tenants", json!(text))])
    }

    /// Apps count again when a Tenant has news.
    fn recount(&self, tenant: &Known) {
        let snapshot = self.fleet.current();
        let Some(want) = snapshot.resolved.tenant(&tenant.name.name) else { return };
        let soon = self.now().checked_add(SignedDuration::from_secs(10)).unwrap_or(Timestamp::MAX);
        for one in &want.apps {
            if let Some(name) = snapshot.names.get(&one.app.address()) {
                self.want(name.clone(), soon, Lane::Soon);
            }
        }
    }
}

/// There is no second page in a status: what an error says in detail stands behind its summary.
fn explain(conditions: &mut [Condition], error: Option<&Diagnostic>) {
    let Some(error) = error.filter(|error| !error.detail.is_empty()) else { return };
    for condition in conditions.iter_mut().filter(|c| c.message == error.summary) {
        condition.message = format!("{}: {}", error.summary, error.detail);
    }
}

/// Facts that an object keeps while it is not looked at.
const KEPT: [&str; 18] = [
    "displayName",
    "defaultDomain",
    "relationship",
    "links",
    "apps",
    "exchange",
    "waits",
    "waitsFor",
    "ends",
    "appId",
    "objectId",
    "servicePrincipalId",
    "credentials",
    "roles",
    "groups",
    "tenants",
    "tenantsGranted",
    "tenantsWanted",
];

/// Facts as they were last read.
fn kept_facts(known: &Known) -> Facts {
    let old = known.status.value();
    KEPT.into_iter().filter_map(|name| Some((name, old.get(name)?.clone()))).collect()
}

/// The conditions that the status has, but for Ready and what is true only while something is at work.
fn kept_conditions(known: &Known) -> Vec<Condition> {
    use crate::api::conditions::{ConditionType, Reason};
    let status = known.status.value();
    let all = status.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let read = |c: &Value| {
        let word = |name: &str| c.get(name).and_then(Value::as_str);
        let kind = ConditionType::parse(word("type")?)?.as_str();
        let status = match word("status")? {
            "True" => Status::True,
            "False" => Status::False,
            _ => Status::Unknown,
        };
        let reason = Reason::parse(word("reason")?)?.as_str();
        let temporary = matches!(kind, "Ready" | "Reconciling" | "Stalled");
        (!temporary).then(|| Condition {
            kind,
            status,
            reason,
            message: word("message").unwrap_or_default().to_owned(),
        })
    };
    all.filter_map(read).collect()
}

/// Whether the conditions say something else than the status does.
fn is_new(known: &Known, conditions: &[Condition]) -> bool {
    let status = known.status.value();
    let said = |c: &Condition| {
        let old = condition(&status, c.kind);
        old.and_then(|old| old.get("reason")).and_then(Value::as_str) == Some(c.reason)
    };
    !conditions.iter().all(said)
}
