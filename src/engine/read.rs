//! Reads as data: what a kind may ask for, and what came back.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use crate::api::SecretName;

/// A tenant's directory id, a GUID in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Any spelling of the GUID gives the same id.
    pub fn new(id: &str) -> Self {
        TenantId(id.trim().to_ascii_lowercase().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The service that answers a read or takes a write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// Microsoft Graph v1.0; paths as behind `/v1.0`.
    Graph,
    /// Partner Center; paths as behind `/v1`.
    PartnerCenter,
    /// Exchange's admin API; the path is a cmdlet, then `?Name=value` parameters.
    Exchange,
    /// The claims of an access token; the path names its resource (`graph`, `partnercenter`, `exchange`).
    Token,
}

/// Who asks: an identity by name, never its secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Actor {
    /// The managing app of a Partner, app-only.
    ManagingApp { partner: Arc<str> },
    /// The managing app of a Partner on behalf of its service account.
    ServiceAccount { partner: Arc<str> },
    /// A declared app by its own credential, which lies in the sink `secret`.
    App { client_id: Arc<str>, secret: SecretName },
}

/// One read. Its order groups reads that travel in one batch: same tenant, service and actor.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    pub tenant: TenantId,
    pub service: Service,
    pub actor: Actor,
    pub path: String,
    /// A list that is to be read to its end.
    pub all_pages: bool,
}

impl Key {
    /// A single object or a first page.
    pub fn new(tenant: &TenantId, service: Service, actor: &Actor, path: impl Into<String>) -> Self {
        Key { tenant: tenant.clone(), service, actor: actor.clone(), path: path.into(), all_pages: false }
    }

    /// A list to its end.
    pub fn list(tenant: &TenantId, service: Service, actor: &Actor, path: impl Into<String>) -> Self {
        Key { all_pages: true, ..Key::new(tenant, service, actor, path) }
    }
}

/// A server said no, in a shape that was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `Authorization_RequestDenied`, `AADSTS65001`, `2032` …: what decisions go by.
    pub code: String,
    /// For people only; already free of secrets.
    pub message: String,
    /// Microsoft's id of the request, for its support.
    pub request_id: Option<String>,
}

impl Refusal {
    /// The number behind `AADSTS`, where the token service refused.
    pub fn aadsts(&self) -> Option<u32> {
        self.code.strip_prefix("AADSTS").and_then(|n| n.parse().ok())
    }
}

/// No answer that means anything: transport, 5xx, a page of HTML.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub message: String,
    pub remedy: String,
    /// The server asks not to be asked again before then.
    pub after: Option<Timestamp>,
}

impl Fault {
    pub fn new(message: impl Into<String>, remedy: impl Into<String>) -> Fault {
        Fault { message: message.into(), remedy: remedy.into(), after: None }
    }
}

/// What came back for a [`Key`].
#[derive(Clone, PartialEq, Debug)]
pub enum Got {
    /// The body; of a list all its pages, as `{"value": […]}`.
    Found(Arc<Value>),
    /// Complete and permitted, and not there. Never a guess.
    Absent,
    /// Understood and refused.
    Refused(Refusal),
    /// Not understood or not answered.
    Failed(Fault),
}

/// Why something could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    Refused(Refusal),
    Failed(Fault),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Refused(r) => write!(f, "{} ({}): {}", r.code, r.status, r.message),
            Why::Failed(fault) => f.write_str(&fault.message),
        }
    }
}

/// A fact as it was read: there, not there, or not known.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen<T> {
    Is(T),
    Not,
    Unknown(Why),
}

impl<T> Seen<T> {
    pub fn is(&self) -> Option<&T> {
        match self {
            Seen::Is(value) => Some(value),
            _ => None,
        }
    }

    pub fn why(&self) -> Option<&Why> {
        match self {
            Seen::Unknown(why) => Some(why),
            _ => None,
        }
    }

    /// Keeps `Not` and `Unknown`, turns what is there.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Seen<U>) -> Seen<U> {
        match self {
            Seen::Is(value) => f(value),
            Seen::Not => Seen::Not,
            Seen::Unknown(why) => Seen::Unknown(why),
        }
    }

    /// As [`Seen::map`], of what is only borrowed.
    pub fn map_ref<U>(&self, f: impl FnOnce(&T) -> U) -> Seen<U> {
        match self {
            Seen::Is(value) => Seen::Is(f(value)),
            Seen::Not => Seen::Not,
            Seen::Unknown(why) => Seen::Unknown(why.clone()),
        }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Seen<U> {
        self.and_then(|value| Seen::Is(f(value)))
    }
}

impl Got {
    /// The answer as a fact.
    pub fn seen(&self) -> Seen<Arc<Value>> {
        match self {
            Got::Found(value) => Seen::Is(value.clone()),
            Got::Absent => Seen::Not,
            Got::Refused(r) => Seen::Unknown(Why::Refused(r.clone())),
            Got::Failed(f) => Seen::Unknown(Why::Failed(f.clone())),
        }
    }

    /// A list's elements; an absent parent is an absent list.
    pub fn items(&self) -> Seen<Vec<Value>> {
        self.seen().map(|body| list(&body))
    }
}

/// The elements of a Graph collection body.
pub fn list(body: &Value) -> Vec<Value> {
    body.get("value").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A string property, or the empty string.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Everything that is known in a pass.
pub type Answers = BTreeMap<Key, Got>;

/// What was made of an answer, and of which.
type Made = (Arc<Value>, Arc<dyn Any + Send + Sync>);

/// What was made of answers, for all passes that are given the same ones: an index over a list that thousands of objects look
/// into is made once a list.
#[derive(Default)]
pub struct Memo(Mutex<BTreeMap<(Key, TypeId), Made>>);

impl Memo {
    fn of<T: Send + Sync + 'static>(&self, key: Key, got: &Got, make: impl FnOnce(&Got) -> T) -> Arc<T> {
        let Got::Found(answer) = got else { return Arc::new(make(got)) };
        let at = (key, TypeId::of::<T>());
        let known = |made: &BTreeMap<(Key, TypeId), Made>| {
            let (of, made) = made.get(&at)?;
            Arc::ptr_eq(of, answer).then(|| made.clone().downcast().ok()).flatten()
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known(&all).unwrap_or_else(|| {
            // While it is made the others wait: they want the same.
            let made = Arc::new(make(got));
            all.insert(at, (answer.clone(), made.clone()));
            made
        })
    }
}

/// The window a kind observes through: what is known is given, what is not is noted.
pub struct Ask<'a> {
    answers: &'a Answers,
    wanted: RefCell<BTreeSet<Key>>,
    memo: &'a Memo,
}

impl<'a> Ask<'a> {
    pub fn new(answers: &'a Answers, memo: &'a Memo) -> Self {
        Ask { answers, wanted: RefCell::default(), memo }
    }

    /// The answer, or `None` after noting that it is needed.
    pub fn get(&self, key: Key) -> Option<&'a Got> {
        let got = self.answers.get(&key);
        if got.is_none() {
            self.wanted.borrow_mut().insert(key);
        }
        got
    }

    /// As [`Ask::get`], made into something once for all who ask.
    pub fn memo<T: Send + Sync + 'static>(&self, key: Key, make: impl FnOnce(&Got) -> T) -> Option<Arc<T>> {
        let got = self.get(key.clone())?;
        Some(self.memo.of(key, got, make))
    }

    /// What was asked for and not known.
    pub fn wanted(self) -> BTreeSet<Key> {
        self.wanted.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_noted_once_and_given_the_next_time() {
        let tenant = TenantId::new("5C1F0A52-7D1E-4A52-9A55-0F3B7F1F6F10");
        let actor = Actor::ManagingApp { partner: "northwind".into() };
        let key = Key::new(&tenant, Service::Graph, &actor, "/organization");
        let (mut answers, memo) = (Answers::new(), Memo::default());
        let ask = Ask::new(&answers, &memo);
        assert!(ask.get(key.clone()).is_none() && ask.get(key.clone()).is_none());
        assert_eq!(ask.wanted().len(), 1);
        answers.insert(key.clone(), Got::Absent);
        let ask = Ask::new(&answers, &memo);
        assert_eq!(ask.get(key), Some(&Got::Absent));
        assert!(ask.wanted().is_empty());
    }
}
