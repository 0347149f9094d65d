//! Finish: the only writer of status.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::cache::{Known, News, condition};
use super::status::{Facts, Saying, abnormal, is_due, same, unknown};
use super::watch::api;
use super::{MANAGER, Operator};
use crate::api::{API_VERSION, Kind};
use crate::engine::conditions::{Condition, Status};

/// What a pass has to say of an object.
pub struct Said {
    /// `Ready`, `Synced`, then domain conditions.
    pub conditions: Vec<Condition>,
    pub facts: Facts,
    /// Microsoft is at work on something of it.
    pub waits_on_microsoft: bool,
    /// Looks in a row that brought nothing new.
    pub tries: u32,
    /// It was looked at as the annotation asked.
    pub looked: bool,
}

impl Operator {
    /// Writes the status where it says something new. Whether it did.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(super) async fn finish(&self, known: &Known, said: Said) -> Result<bool, kube::Error> {
        let kind = known.name.kind;
        let mut conditions = said.conditions;
        for column in unknown(kind, "Unreadable", "it was not looked at") {
            if !conditions.iter().any(|c| c.kind == column.kind) {
                conditions.push(column);
            }
        }
        conditions.extend(abnormal(&conditions, said.waits_on_microsoft, said.tries));
        let mut facts = said.facts;
        if kind == Kind::Tenant {
            facts.entry("waitsFor").or_insert_with(|| json!("-"));
            facts.entry("ends").or_insert_with(|| json!("-"));
        }
        let ready = conditions.iter().find(|c| c.kind == "Ready").cloned();
        let now = self.now();
        let spread = self.phase(known);
        let requested = known.requested_at.as_deref().filter(|_| said.looked);
        let saying = Saying { kind, generation: known.generation, conditions, facts, requested, now };
        let old = known.status.value();
        let waits = saying.facts.get("waits").and_then(Value::as_array).is_some_and(|all| !all.is_empty());
        let status = saying.status(&old);
        if same(&old, &status) && !is_due(&old, &status, spread) {
            return Ok(false);
        }
        self.write(known, &status).await?;
        if let Some(ready) = ready {
            self.turned(known, &old, waits, &ready).await;
        }
        Ok(true)
    }

    /// A word for an object that nobody has looked at yet, so that no column of `kubectl get` is blank.
    ///
    /// # Errors
    /// The API server does not take it.
    pub(super) async fn greet(&self, known: &Known) -> Result<(), kube::Error> {
        let why = "it is going to be looked at";
        let new = |kind| Condition { kind, status: Status::Unknown, reason: "Progressing", message: why.into() };
        let mut conditions = vec![new("Ready"), new("Synced")];
        conditions.extend(unknown(known.name.kind, "Progressing", why));
        let said = Said { conditions, facts: Facts::new(), waits_on_microsoft: false, tries: 0, looked: false };
        self.finish(known, said).await.map(drop)
    }

    async fn write(&self, known: &Known, status: &Value) -> Result<(), kube::Error> {
        let name = &known.name;
        // With its uid, so that the status of an object never lands on another one of the same name.
        let body = json!({
            "apiVersion": API_VERSION, "kind": name.kind.as_str(),
            "metadata": {"name": name.name, "namespace": name.namespace, "uid": known.uid},
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        let api = api(&self.client, name.kind, Some(&name.namespace));
        let written = api.patch_status(&name.name, &params, &Patch::Apply(body)).await?;
        self.metrics.status_written(name.kind.as_str());
        tracing::debug!(address = known.address(), "status written");
        // Known at once; the watch tells it later.
        if let Some(written) = Known::read(name.kind, written) {
            let news = self.cache().apply_own(written);
            if news == News::Changed {
                // Somebody changed it meanwhile, and the watch will tell nothing that is not known by now.
                self.changed(name);
            }
        }
        Ok(())
    }

    /// An event when it became ready, or stopped being so, or for another reason.
    async fn turned(&self, known: &Known, old: &Value, waits: bool, ready: &Condition) {
        let word =
            |name: &str| condition(old, "Ready").and_then(|c| c.get(name)).and_then(Value::as_str).unwrap_or_default();
        let (was, why) = (word("status").to_owned(), word("reason").to_owned());
        let is = match ready.status {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        };
        if (was.as_str(), why.as_str()) != (is, ready.reason) && ready.reason != "Progressing" {
            let ready_now = ready.status == Status::True;
            self.events.turned(known, ready_now, waits, ready.reason, &ready.message).await;
        }
    }
}
