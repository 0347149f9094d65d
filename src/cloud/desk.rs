//! The desk of the loader: answers that are still fresh, and reads that are under way or about to be, so that passes which
//! run side by side share them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;

use crate::engine::read::{Got, Key};
use crate::engine::step::Stale;

/// For how long an answer may be given to others; nothing where it is read anew each time.
pub type Freshness = fn(&Key) -> SignedDuration;

/// Nothing is fresh: each load reads.
pub fn always_anew(_: &Key) -> SignedDuration {
    SignedDuration::ZERO
}

/// A read on its way: whoever needs its answer waits for it here.
pub struct Flight {
    answer: watch::Sender<Option<Got>>,
    /// A write made what it reads stale while it was under way: it is not kept.
    tainted: AtomicBool,
}

/// What came of asking at the desk.
#[derive(Default)]
pub struct Asked {
    /// Known already.
    pub known: BTreeMap<Key, Got>,
    /// On their way.
    pub awaited: BTreeMap<Key, watch::Receiver<Option<Got>>>,
    /// Whether something was added to what waits for departure.
    pub added: bool,
}

struct Kept {
    got: Got,
    read: Timestamp,
    until: Timestamp,
}

/// A list of more elements than a page has is not read anew for each write that touches it, but for all of them together.
const LONG: usize = 300;
/// How old it may get while it is written to.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

fn is_long(got: &Got) -> bool {
    matches!(got, Got::Found(body) if body.get("value").and_then(Value::as_array).is_some_and(|all| all.len() > LONG))
}

#[derive(Default)]
pub struct Desk {
    kept: BTreeMap<Key, Kept>,
    flying: BTreeMap<Key, Arc<Flight>>,
    waiting: BTreeSet<Key>,
    /// Lists that were long when they were last read.
    long: BTreeSet<Key>,
    /// Kept answers at the last sweep.
    swept: usize,
}

impl Desk {
    /// What is known of these, what is on its way, and what sets out with the next departure.
    pub fn ask(&mut self, keys: BTreeSet<Key>, now: Timestamp) -> Asked {
        let mut asked = Asked::default();
        for key in keys {
            if let Some(kept) = self.kept.get(&key).filter(|kept| kept.until > now) {
                asked.known.insert(key, kept.got.clone());
                continue;
            }
            let flight = self.flying.entry(key.clone()).or_insert_with(|| {
                self.waiting.insert(key.clone());
                asked.added = true;
                Arc::new(Flight { answer: watch::Sender::new(None), tainted: AtomicBool::new(false) })
            });
            asked.awaited.insert(key, flight.answer.subscribe());
        }
        asked
    }

    /// All that waits for departure, with where the answers go.
    pub fn depart(&mut self) -> Vec<(Key, Arc<Flight>)> {
        let leaving = std::mem::take(&mut self.waiting);
        leaving.into_iter().filter_map(|key| Some((key.clone(), self.flying.get(&key)?.clone()))).collect()
    }

    /// An answer has come.
    pub fn land(&mut self, key: Key, flight: &Arc<Flight>, got: Got, fresh: SignedDuration, now: Timestamp) {
        if self.flying.get(&key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            self.flying.remove(&key);
        }
        flight.answer.send_replace(Some(got.clone()));
        match is_long(&got) {
            true => drop(self.long.insert(key.clone())),
            false => drop(self.long.remove(&key)),
        }
        // What is not there may be on its way to the replica that was asked.
        let keeps = fresh > SignedDuration::ZERO && matches!(got, Got::Found(_));
        if keeps && !flight.tainted.load(Relaxed) {
            let until = now.checked_add(fresh).unwrap_or(now);
            self.kept.insert(key, Kept { got, read: now, until });
            self.sweep(now);
        }
    }

    /// Forgets what writes made stale: what is kept, and what is read at this moment.
    pub fn forget(&mut self, stale: &[Stale]) {
        let covered = |key: &Key| stale.iter().any(|s| s.covers(key));
        let (waiting, long) = (&self.waiting, &self.long);
        self.kept.retain(|key, kept| {
            let soon = kept.read.checked_add(PATIENCE).unwrap_or(kept.read);
            let stays = !covered(key) || long.contains(key);
            if stays && covered(key) {
                kept.until = kept.until.min(soon);
            }
            stays
        });
        self.flying.retain(|key, flight| {
            let goes = covered(key) && !waiting.contains(key) && !long.contains(key);
            flight.tainted.fetch_or(goes, Relaxed);
            !goes
        });
    }

    /// Forgets these: they are read anew.
    pub fn forget_keys(&mut self, keys: &BTreeSet<Key>) {
        self.kept.retain(|key, _| !keys.contains(key));
        for flight in self.flying.iter().filter(|(key, _)| keys.contains(*key)).map(|(_, flight)| flight) {
            flight.tainted.store(true, Relaxed);
        }
    }

    /// Forgets everything that was read.
    pub fn clear(&mut self) {
        self.kept.clear();
        let waiting = &self.waiting;
        self.flying.retain(|key, flight| {
            let stays = waiting.contains(key);
            flight.tainted.fetch_or(!stays, Relaxed);
            stays
        });
    }

    /// Drops what has gone stale by itself, each time the desk has doubled.
    fn sweep(&mut self, now: Timestamp) {
        if self.kept.len() > 2 * self.swept.max(512) {
            self.kept.retain(|_, kept| kept.until > now);
            self.swept = self.kept.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::read::{Actor, Service, TenantId};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn key(path: &str) -> Key {
        let actor = Actor::ManagingApp { partner: "northwind".into() };
        Key::new(&TenantId::new("t"), Service::Graph, &actor, path)
    }

    fn ask(desk: &mut Desk, now: Timestamp) -> Asked {
        desk.ask(BTreeSet::from([key("/groups")]), now)
    }

    fn there() -> Got {
        Got::Found(Arc::new(Value::Null))
    }

    fn hour() -> SignedDuration {
        SignedDuration::from_hours(1)
    }

    #[test]
    fn those_who_ask_for_the_same_share_one_read_and_its_answer_for_as_long_as_it_is_fresh() {
        let mut desk = Desk::default();
        let (first, second) = (ask(&mut desk, NOW), ask(&mut desk, NOW));
        assert!(first.added && !second.added);
        let leaving = desk.depart();
        assert_eq!(leaving.len(), 1);
        assert!(desk.depart().is_empty());
        desk.land(key("/groups"), &leaving[0].1, there(), hour(), NOW);
        for asked in [first, second] {
            assert_eq!(*asked.awaited[&key("/groups")].borrow(), Some(there()));
        }
        assert_eq!(ask(&mut desk, NOW).known.len(), 1);
        assert!(ask(&mut desk, NOW + hour()).added);
    }

    #[test]
    fn what_a_write_made_stale_is_read_again_even_when_the_old_read_is_still_under_way() {
        let mut desk = Desk::default();
        ask(&mut desk, NOW);
        let leaving = desk.depart();
        let stale = Stale::Path { tenant: TenantId::new("t"), service: Service::Graph, path: "/groups".into() };
        desk.forget(&[stale]);
        assert!(ask(&mut desk, NOW).added, "it does not wait for the answer of before the write");
        desk.land(key("/groups"), &leaving[0].1, there(), hour(), NOW);
        assert!(ask(&mut desk, NOW).known.is_empty(), "and that answer is not kept");
    }

    #[test]
    fn a_long_list_is_read_anew_for_many_writes_together() {
        let list = |length: usize| Got::Found(Arc::new(serde_json::json!({ "value": vec![0; length] })));
        let stale = || Stale::Path { tenant: TenantId::new("t"), service: Service::Graph, path: "/groups".into() };
        let later = |seconds| NOW + SignedDuration::from_secs(seconds);
        for (length, shared) in [(LONG, false), (LONG + 1, true)] {
            let mut desk = Desk::default();
            ask(&mut desk, NOW);
            let leaving = desk.depart();
            desk.land(key("/groups"), &leaving[0].1, list(length), hour(), NOW);
            desk.forget(&[stale()]);
            assert_eq!(ask(&mut desk, later(29)).known.len(), usize::from(shared), "{length}");
            assert!(ask(&mut desk, later(30)).known.is_empty());
        }
    }

    #[test]
    fn neither_a_refusal_nor_an_absence_is_kept() {
        for got in [Got::Failed(crate::engine::read::Fault::new("no", "wait")), Got::Absent] {
            let mut desk = Desk::default();
            ask(&mut desk, NOW);
            let leaving = desk.depart();
            desk.land(key("/groups"), &leaving[0].1, got, hour(), NOW);
            assert!(ask(&mut desk, NOW).added);
        }
    }
}
