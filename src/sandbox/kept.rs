//! Values that a snapshot shares with the living state: taking one copies no tenant, and what changes afterwards
//! is copied alone.
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is shared until somebody changes it. In the file it is the value itself.
#[derive(Debug, Default)]
pub struct Kept<T>(Arc<T>);

impl<T> Kept<T> {
    pub fn new(value: T) -> Kept<T> {
        Kept(Arc::new(value))
    }
}

impl<T: Clone> Kept<T> {
    pub fn change(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
    /// Whether nobody has changed the one since it was the other.
    pub fn is_same(&self, other: &Kept<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
    pub fn take(self) -> T {
        Arc::unwrap_or_clone(self.0)
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(s)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(Kept::new)
    }
}

/// A map by id whose values are shared with snapshots of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent, bound(deserialize = "T: Deserialize<'de>"))]
pub struct Book<T>(BTreeMap<String, Kept<T>>);

impl<T> Default for Book<T> {
    fn default() -> Self {
        Book(BTreeMap::new())
    }
}

impl<T> Clone for Book<T> {
    fn clone(&self) -> Self {
        Book(self.0.clone())
    }
}

impl<T: Clone> Book<T> {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn contains_key(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }
    pub fn get(&self, id: &str) -> Option<&T> {
        self.0.get(id).map(|v| &**v)
    }
    pub fn values(&self) -> impl Iterator<Item = &T> + Clone {
        self.0.values().map(|v| &**v)
    }
    /// The value is copied when a snapshot still shares it.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.0.get_mut(id).map(Kept::change)
    }
    pub fn insert(&mut self, id: String, value: T) {
        self.0.insert(id, Kept::new(value));
    }
    /// The value as it is now, whatever becomes of it.
    pub fn share(&self, id: &str) -> Option<Kept<T>> {
        self.0.get(id).cloned()
    }
    /// Puts another version in place of the one that is there, and answers that.
    pub fn exchange(&mut self, id: &str, version: Kept<T>) -> Option<Kept<T>> {
        self.0.get_mut(id).map(|place| std::mem::replace(place, version))
    }
    pub fn remove(&mut self, id: &str) -> Option<T> {
        self.0.remove(id).map(Kept::take)
    }
}
