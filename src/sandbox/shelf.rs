//! What tenants keep of objects that have no behaviour of their own: items on shelves, links between objects, what
//! was deleted and can come back, and which objects have changed since when.
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::{AppRoleAssignment, Application, Grant, Group, Principal, Props, RoleAssignment, User};

/// An object that is kept as it was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub id: String,
    /// By Graph's property names; `@odata.type` where the collection's type has descendants.
    pub props: Props,
    pub created: Timestamp,
    pub modified: Timestamp,
}

/// Path of a collection → id → item. A collection inside an object begins with the object's id.
pub type Shelves = BTreeMap<String, BTreeMap<String, Item>>;

type Named = BTreeMap<String, BTreeSet<String>>;

/// Links between objects: source → name of the link → targets.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Links(BTreeMap<String, Named>);

impl Links {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of(&self, source: &str, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(source).and_then(|n| n.get(name)).into_iter().flatten().map(String::as_str)
    }

    pub fn has(&self, source: &str, name: &str, target: &str) -> bool {
        self.0.get(source).and_then(|n| n.get(name)).is_some_and(|t| t.contains(target))
    }

    /// Those whose link of that name leads here.
    pub fn towards<'a>(&'a self, name: &'a str, target: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(_, n)| n.get(name).is_some_and(|t| t.contains(target))).map(|(s, _)| s.as_str())
    }

    /// All links that lead to an object: whose, and which.
    pub fn inbound(&self, target: &str) -> Vec<(String, String)> {
        let of = |(source, named): (&String, &Named)| {
            let names = named.iter().filter(|(_, targets)| targets.contains(target));
            names.map(|(name, _)| (source.clone(), name.clone())).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    /// Whether it is new.
    pub fn add(&mut self, source: &str, name: &str, target: &str) -> bool {
        let named = self.0.entry(source.to_owned()).or_default();
        named.entry(name.to_owned()).or_default().insert(target.to_owned())
    }

    pub fn add_all<'a>(&mut self, source: &str, name: &str, targets: impl IntoIterator<Item = &'a String>) {
        for target in targets {
            self.add(source, name, target);
        }
    }

    /// The link leads there, and nowhere else.
    pub fn set(&mut self, source: &str, name: &str, target: &str) {
        if let Some(named) = self.0.get_mut(source) {
            named.remove(name);
        }
        self.add(source, name, target);
    }

    /// Whether it was there.
    pub fn remove(&mut self, source: &str, name: &str, target: &str) -> bool {
        let Some(named) = self.0.get_mut(source) else { return false };
        let was = named.get_mut(name).is_some_and(|targets| targets.remove(target));
        named.retain(|_, targets| !targets.is_empty());
        if named.is_empty() {
            self.0.remove(source);
        }
        was
    }

    /// Takes an object out of every link, and answers its own.
    pub fn forget(&mut self, id: &str) -> Named {
        let own = self.0.remove(id).unwrap_or_default();
        self.0.retain(|_, named| {
            for targets in named.values_mut() {
                targets.remove(id);
            }
            named.retain(|_, targets| !targets.is_empty());
            !named.is_empty()
        });
        own
    }

    pub fn restore(&mut self, id: &str, own: Named) {
        if !own.is_empty() {
            self.0.insert(id.to_owned(), own);
        }
    }
}

/// A deleted object: it can come back for 30 days.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binned {
    pub object: Gone,
    pub deleted: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: Named,
    /// Links of others to it: whose, and which.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub towards: Vec<(String, String)>,
    /// Groups that it was a member of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub app_roles: Vec<AppRoleAssignment>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_assignments: Vec<RoleAssignment>,
}

impl Binned {
    pub fn new(object: Gone, deleted: Timestamp) -> Binned {
        Binned {
            object,
            deleted,
            links: Named::new(),
            towards: Vec::new(),
            groups: Vec::new(),
            app_roles: Vec::new(),
            grants: Vec::new(),
            role_assignments: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Gone {
    Application(Application),
    ServicePrincipal(Principal),
    User(User),
    Group(Group),
    Item { shelf: String, item: Item },
}

impl Gone {
    pub fn id(&self) -> &str {
        match self {
            Gone::Application(a) => &a.id,
            Gone::ServicePrincipal(p) => &p.id,
            Gone::User(u) => &u.id,
            Gone::Group(g) => &g.id,
            Gone::Item { item, .. } => &item.id,
        }
    }
}

/// When each object last changed, in a count that only grows: what `delta` goes by.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct History {
    next: u64,
    marks: BTreeMap<String, Mark>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    pub seq: u64,
    /// Graph type.
    pub of: String,
    /// `changed`: it can be restored; `deleted`: it is gone for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<String>,
    /// When all of it was new last; 0: before anything was counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub made: u64,
    /// Property or link → when it changed last.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, u64>,
    /// Link → target → when it was added or (`false`) taken away.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, BTreeMap<String, (u64, bool)>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What changed of an object.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is new, or nobody knows.
    Whole,
    /// These properties, and these links: name, target, whether it was added.
    Parts { properties: Vec<String>, targets: Vec<(String, String, bool)> },
}

impl History {
    pub fn is_empty(&self) -> bool {
        self.next == 0
    }

    pub fn now(&self) -> u64 {
        self.next
    }

    /// An object was made, came back, or changed in a way that nobody knows.
    pub fn touch(&mut self, of: &str, id: &str) {
        self.change(of, id, Change::Whole);
    }

    pub fn change(&mut self, of: &str, id: &str, change: Change) {
        let seq = self.count();
        let mark = self.marks.entry(id.to_owned()).or_default();
        mark.seq = seq;
        of.clone_into(&mut mark.of);
        let back = mark.removed.take().is_some();
        match change {
            Change::Parts { properties, targets } if !back => {
                mark.changed.extend(properties.into_iter().map(|p| (p, seq)));
                for (link, target, added) in targets {
                    mark.changed.insert(link.clone(), seq);
                    mark.targets.entry(link).or_default().insert(target, (seq, added));
                }
            }
            _ => mark.made = seq,
        }
    }

    pub fn remove(&mut self, of: &str, id: &str, for_good: bool) {
        let removed = Some(if for_good { "deleted" } else { "changed" }.to_owned());
        let mark = Mark { seq: self.count(), of: of.to_owned(), removed, ..Mark::default() };
        self.marks.insert(id.to_owned(), mark);
    }

    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Objects of a type that changed after a moment of the count.
    pub fn since<'a>(&'a self, of: &'a str, seq: u64) -> impl Iterator<Item = (&'a str, &'a Mark)> {
        self.marks.iter().filter(move |(_, m)| m.of == of && m.seq > seq).map(|(id, m)| (id.as_str(), m))
    }
}
