//! Which object is next, and when. Pure: the time is a value.
//!
//! Each object is in the queue once and runs once at a time. What somebody waits for goes before what is only looked at again,
//! but never so that the latter starves; within a lane the one that waits longest is first, so that no object, however often it
//! asks, takes the place of another.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::source::Name;

/// How pressing it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lane {
    /// A person changed something, or asks.
    Now,
    /// Something is under way.
    Soon,
    /// Everything was fine, and is looked at again.
    Routine,
}

/// One turn of the lanes.
const TURN: [Lane; 6] = [Lane::Now, Lane::Now, Lane::Soon, Lane::Now, Lane::Soon, Lane::Routine];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    at: Timestamp,
    lane: Lane,
    ticket: u64,
}

#[derive(Debug, Default)]
pub struct Queue {
    places: BTreeMap<Name, Place>,
    lanes: BTreeMap<Lane, BTreeSet<(Timestamp, u64, Name)>>,
    running: BTreeSet<Name>,
    /// Asked for while it ran.
    again: BTreeMap<Name, (Timestamp, Lane)>,
    tickets: u64,
    turn: usize,
}

impl Queue {
    /// The object shall run at that time. An earlier or more pressing wish stays.
    pub fn want(&mut self, name: Name, at: Timestamp, lane: Lane) {
        if self.running.contains(&name) {
            let wish = self.again.entry(name).or_insert((at, lane));
            *wish = (wish.0.min(at), wish.1.min(lane));
            return;
        }
        let ticket = match self.places.remove(&name) {
            Some(old) => {
                self.lane(old.lane).remove(&(old.at, old.ticket, name.clone()));
                let (at, lane) = (old.at.min(at), old.lane.min(lane));
                return self.put(name, Place { at, lane, ticket: old.ticket });
            }
            None => self.ticket(),
        };
        self.put(name, Place { at, lane, ticket });
    }

    /// The next object that is due; it counts as running until [`Queue::done`].
    pub fn take(&mut self, now: Timestamp) -> Option<Name> {
        for _ in 0..TURN.len() {
            let lane = TURN[self.turn % TURN.len()];
            self.turn += 1;
            if let Some((_, _, name)) = self.lane(lane).first().filter(|(at, ..)| *at <= now).cloned() {
                self.forget(&name);
                self.running.insert(name.clone());
                return Some(name);
            }
        }
        None
    }

    /// The object has run; it runs again when it wants to, or sooner when that was asked for meanwhile.
    pub fn done(&mut self, name: &Name, next: Option<(Timestamp, Lane)>) {
        self.running.remove(name);
        for (at, lane) in self.again.remove(name).into_iter().chain(next) {
            self.want(name.clone(), at, lane);
        }
    }

    /// The object is gone.
    pub fn forget(&mut self, name: &Name) {
        if let Some(place) = self.places.remove(name) {
            self.lane(place.lane).remove(&(place.at, place.ticket, name.clone()));
        }
        self.again.remove(name);
    }

    /// When the next object is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(|lane| lane.first()).map(|(at, ..)| *at).min()
    }

    /// How many are due at that time.
    pub fn due(&self, now: Timestamp) -> usize {
        self.lanes.values().map(|lane| lane.iter().take_while(|(at, ..)| *at <= now).count()).sum()
    }

    pub fn running(&self) -> usize {
        self.running.len()
    }

    fn put(&mut self, name: Name, place: Place) {
        self.lane(place.lane).insert((place.at, place.ticket, name.clone()));
        self.places.insert(name, place);
    }

    fn lane(&mut self, lane: Lane) -> &mut BTreeSet<(Timestamp, u64, Name)> {
        self.lanes.entry(lane).or_default()
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use jiff::SignedDuration;

    fn name(name: &str) -> Name {
        Name { kind: Kind::Tenant, namespace: "default".into(), name: name.into() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_object_runs_once_at_a_time_and_again_when_it_was_asked_for_meanwhile() {
        let mut queue = Queue::default();
        queue.want(name("a"), at(0), Lane::Soon);
        queue.want(name("a"), at(5), Lane::Now);
        assert_eq!(queue.take(at(0)), Some(name("a")));
        queue.want(name("a"), at(1), Lane::Now);
        assert_eq!(queue.take(at(9)), None, "it runs");
        queue.done(&name("a"), Some((at(3600), Lane::Routine)));
        assert_eq!(queue.next(), Some(at(1)));
        assert_eq!(queue.take(at(1)), Some(name("a")));
    }

    #[test]
    fn nothing_is_due_before_its_time_and_an_earlier_wish_wins() {
        let mut queue = Queue::default();
        queue.want(name("a"), at(60), Lane::Routine);
        queue.want(name("a"), at(90), Lane::Routine);
        assert_eq!((queue.take(at(59)), queue.next()), (None, Some(at(60))));
        assert_eq!(queue.take(at(60)), Some(name("a")));
    }

    #[test]
    fn what_is_pressing_goes_first_and_routine_does_not_starve() {
        let mut queue = Queue::default();
        for n in 0..30 {
            queue.want(name(&format!("now-{n:02}")), at(0), Lane::Now);
        }
        queue.want(name("routine"), at(0), Lane::Routine);
        let order: Vec<Name> = std::iter::from_fn(|| queue.take(at(0))).collect();
        let place = order.iter().position(|n| *n == name("routine")).unwrap();
        assert!((1..8).contains(&place), "{place}");
        assert_eq!(order.len(), 31);
    }

    #[test]
    fn one_that_asks_all_the_time_does_not_take_the_place_of_another() {
        let mut queue = Queue::default();
        queue.want(name("loud"), at(0), Lane::Now);
        queue.want(name("quiet"), at(0), Lane::Now);
        assert_eq!(queue.take(at(0)), Some(name("loud")));
        queue.done(&name("loud"), Some((at(0), Lane::Now)));
        assert_eq!(queue.take(at(0)), Some(name("quiet")));
    }

    #[test]
    fn what_is_gone_does_not_come_back() {
        let mut queue = Queue::default();
        queue.want(name("a"), at(0), Lane::Now);
        queue.take(at(0));
        queue.want(name("a"), at(0), Lane::Now);
        queue.forget(&name("a"));
        queue.done(&name("a"), None);
        assert_eq!((queue.take(at(9)), queue.next()), (None, None));
    }
}
