//! Writes as data: what a kind wants done, in which order, and how success is recognised.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use super::diagnostic::Diagnostic;
use super::read::{Actor, Key, Service, TenantId};
use super::value::{StepId, Val};
use crate::api::SecretName;

/// Classes of change, by which approval goes (design: rules of the engine, 9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    Application,
    CredentialRotation,
    Consent,
    GroupMembership,
    DirectoryRole,
    Relationship,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What happens to the object of a change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    Create,
    Update,
    Delete,
}

impl Action {
    pub fn word(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}

/// One difference between what is declared and what is, in words that a person reviews:
/// names, never ids given by Microsoft and never secrets.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// `Tenant/contoso:consent/rallied`
    pub address: String,
    pub class: Class,
    pub action: Action,
    /// What is there; `null` where nothing is.
    pub before: Value,
    /// What is declared, normalised.
    pub after: Value,
    /// Fields of `after` that depend on the time or on Microsoft: shown, but not part of the digest.
    pub volatile: &'static [&'static str],
    /// Fields whose values are secret and never shown.
    pub sensitive: Vec<String>,
    /// Where the declaration comes from ("from template standard").
    pub origin: String,
    /// Why this is needed.
    pub reason: String,
}

impl Change {
    /// The object it belongs to: the address up to what is managed of it.
    pub fn object(&self) -> &str {
        self.address.split(':').next().unwrap_or_default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    Post,
    Patch,
    Delete,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A mutating request.
#[derive(Clone, PartialEq, Debug)]
pub struct Send {
    pub tenant: TenantId,
    pub service: Service,
    pub actor: Actor,
    pub method: Method,
    pub path: Val,
    pub body: Option<Val>,
    pub headers: Vec<(&'static str, String)>,
}

/// A place for a generated secret.
pub type Sink = SecretName;

/// Who has to act before a wait ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    Customer,
    Partner,
    Microsoft,
}

impl Who {
    pub fn word(self) -> &'static str {
        match self {
            Who::Customer => "Customer",
            Who::Partner => "Partner",
            Who::Microsoft => "Microsoft",
        }
    }

    /// `person` or `microsoft`, as the plan's JSON says.
    pub fn on(self) -> &'static str {
        if self == Who::Microsoft { "microsoft" } else { "person" }
    }
}

/// Something that we can only wait for.
#[derive(Clone, PartialEq, Debug)]
pub struct Wait {
    /// The object that waits: `Tenant/contoso`.
    pub address: String,
    /// Condition type and reason, of the vocabulary.
    pub condition: &'static str,
    pub reason: &'static str,
    pub who: Who,
    /// Where the person clicks; may be known only after a step.
    pub link: Option<Val>,
    pub since: Option<Timestamp>,
    /// When it counts as overdue.
    pub deadline: Option<Timestamp>,
    /// What exactly has to happen.
    pub what: String,
}

/// What a step does.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    Send(Send),
    /// Reads what can only be read once earlier steps are done, for those that come after.
    Read(Reading),
    /// Notes in the sink that a credential of this name is about to be made, so that one whose
    /// value was lost on the way can be told from one that somebody uses.
    Intend {
        sink: Sink,
        credential: String,
    },
    /// Puts values into a sink at once; if that fails, `undo` takes back what was made for it.
    Store {
        sink: Sink,
        values: Vec<(&'static str, Val)>,
        undo: Box<Send>,
    },
    Wait(Wait),
}

/// A fact to be read: which request, and what to look for in its answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    pub tenant: TenantId,
    pub service: Service,
    pub actor: Actor,
    pub path: Val,
    pub all_pages: bool,
    pub find: Find,
}

impl Reading {
    fn needs(&self, into: &mut Vec<StepId>) {
        self.path.needs(into);
        self.find.fields.iter().for_each(|(_, value)| value.needs(into));
    }
}

/// What to look for in an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Find {
    /// Look among the elements of this list (a JSON pointer) rather than at the answer itself.
    pub list: Option<&'static str>,
    /// JSON pointer and the value wanted there; strings compare without case (GUIDs).
    pub fields: Vec<(&'static str, Val)>,
    /// JSON pointer and the words of which the string there must be one.
    pub one_of: Vec<(&'static str, &'static [&'static str])>,
    /// JSON pointer and the words that the string there must all have, between spaces.
    pub words: Vec<(&'static str, &'static [&'static str])>,
    /// JSON pointer and what must be in the list there.
    pub members: Vec<(&'static str, &'static str)>,
}

impl Find {
    /// The object itself, with these fields.
    pub fn here<const N: usize>(fields: [(&'static str, Val); N]) -> Find {
        Find { list: None, fields: fields.into(), one_of: vec![], words: vec![], members: vec![] }
    }

    /// The first element of a collection with these fields.
    pub fn among<const N: usize>(fields: [(&'static str, Val); N]) -> Find {
        Find { list: Some("/value"), ..Find::here(fields) }
    }

    /// … whose string at `pointer` is one of `words`.
    pub fn one_of(mut self, pointer: &'static str, words: &'static [&'static str]) -> Find {
        self.one_of.push((pointer, words));
        self
    }

    /// … whose string at `pointer` has all of `words`.
    pub fn with_words(mut self, pointer: &'static str, words: &'static [&'static str]) -> Find {
        self.words.push((pointer, words));
        self
    }

    /// … whose list at `pointer` has all of `members`.
    pub fn with_members(mut self, pointer: &'static str, members: &[&'static str]) -> Find {
        self.members.extend(members.iter().map(|member| (pointer, *member)));
        self
    }

    /// Finds it in `body`; `wanted` are the fields, resolved.
    pub fn pick<'a>(&self, body: &'a Value, wanted: &[(&'static str, Value)]) -> Option<&'a Value> {
        let list = |item: &'a Value, pointer: &str| {
            item.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        };
        let text = |item: &'a Value, pointer: &str| item.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let fits = |item: &&'a Value| {
            let equal = wanted.iter().all(|(pointer, want)| match (item.pointer(pointer), want) {
                (Some(Value::String(is)), Value::String(want)) => is.eq_ignore_ascii_case(want),
                (is, want) => is == Some(want),
            });
            let one = self.one_of.iter().all(|(pointer, words)| words.contains(&text(item, pointer)));
            let has = |have: &str, word: &str| have.split(' ').any(|w| w == word);
            let all = self.words.iter().all(|(p, words)| words.iter().all(|w| has(text(item, p), w)));
            let holds = |p: &str, m: &str| list(item, p).any(|have| have.eq_ignore_ascii_case(m));
            equal && one && all && self.members.iter().all(|(p, member)| holds(p, member))
        };
        match self.list {
            Some(list) => body.pointer(list).and_then(Value::as_array)?.iter().find(fits),
            None => Some(body).filter(fits),
        }
    }
}

/// A right that the acting identity must hold; checked before any write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Need {
    pub tenant: TenantId,
    pub actor: Actor,
    /// Any one of these permission values is enough.
    pub one_of: &'static [&'static str],
    /// The condition that is False where it is missing.
    pub condition: &'static str,
    pub reason: &'static str,
}

/// Reads that a step makes stale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stale {
    /// All of a tenant whose path begins so.
    Path { tenant: TenantId, service: Service, path: String },
    /// All that was read with the credential in this sink.
    Sink(Sink),
}

impl Stale {
    pub fn covers(&self, key: &Key) -> bool {
        match self {
            Stale::Path { tenant, service, path } => {
                key.tenant == *tenant && key.service == *service && key.path.starts_with(path)
            }
            Stale::Sink(sink) => matches!(&key.actor, Actor::App { secret, .. } if secret == sink),
        }
    }
}

/// One step of a change.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub id: StepId,
    pub act: Act,
    /// Steps that come first, beside those whose results the request needs.
    pub after: Vec<StepId>,
    /// Where the object is found by its natural key: after a lost answer and after a refusal
    /// that may mean "there already".
    pub lookup: Option<Reading>,
    /// What must be readable before what follows may go on.
    pub proof: Option<Reading>,
    /// Statuses of a refusal that can only mean "there already": what was sent is in place, if
    /// perhaps not readable yet.
    pub already: &'static [u16],
    /// It must not be sent a second time when its answer was lost and it cannot be found: it would
    /// leave something behind that nobody knows of.
    pub once: bool,
    /// Writers of the same object take turns.
    pub serial: Option<String>,
    pub stales: Vec<Stale>,
    /// Tenants whose tokens carry old rights from here on.
    pub drops_tokens: Vec<TenantId>,
    pub needs: Vec<Need>,
}

impl Step {
    pub fn new(id: StepId, act: Act) -> Step {
        Step {
            id,
            act,
            after: vec![],
            lookup: None,
            proof: None,
            already: &[],
            once: false,
            serial: None,
            stales: vec![],
            drops_tokens: vec![],
            needs: vec![],
        }
    }

    pub fn after(mut self, step: &StepId) -> Step {
        self.after.push(step.clone());
        self
    }

    pub fn lookup(mut self, reading: Reading) -> Step {
        self.lookup = Some(reading);
        self
    }

    pub fn proof(mut self, reading: Reading) -> Step {
        self.proof = Some(reading);
        self
    }

    pub fn serial(mut self, object: impl Into<String>) -> Step {
        self.serial = Some(object.into());
        self
    }

    pub fn stales(mut self, tenant: &TenantId, service: Service, path: impl Into<String>) -> Step {
        self.stales.push(Stale::Path { tenant: tenant.clone(), service, path: path.into() });
        self
    }

    pub fn drops_tokens(mut self, tenant: &TenantId) -> Step {
        self.drops_tokens.push(tenant.clone());
        self
    }

    pub fn needs(mut self, need: Need) -> Step {
        self.needs.push(need);
        self
    }

    /// The steps whose results this one needs.
    pub fn results(&self) -> Vec<StepId> {
        let mut all = Vec::new();
        match &self.act {
            Act::Send(send) => {
                send.path.needs(&mut all);
                send.body.iter().for_each(|body| body.needs(&mut all));
            }
            Act::Store { values, .. } => values.iter().for_each(|(_, v)| v.needs(&mut all)),
            Act::Read(reading) => reading.needs(&mut all),
            Act::Intend { .. } | Act::Wait(_) => {}
        }
        all
    }

    /// Every step that must be done before this one.
    pub fn dependencies(&self) -> Vec<StepId> {
        let mut all = self.results();
        all.extend(self.after.iter().cloned());
        all.sort();
        all.dedup();
        all
    }
}

/// What one object wants: its changes, the steps that make them, and what is wrong with it.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Draft {
    pub changes: Vec<Change>,
    pub steps: Vec<Step>,
    pub diagnostics: Vec<Diagnostic>,
    /// Managed things that are as declared.
    pub unchanged: usize,
    /// Things a person should know that are neither change nor fault: members left alone …
    pub notes: Vec<String>,
}

impl Draft {
    /// Takes over all of another.
    pub fn add(&mut self, other: Draft) {
        self.changes.extend(other.changes);
        self.steps.extend(other.steps);
        self.diagnostics.extend(other.diagnostics);
        self.unchanged += other.unchanged;
        self.notes.extend(other.notes);
    }
}
