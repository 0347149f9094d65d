//! When an object is looked at again. Pure.

use jiff::{SignedDuration, Timestamp};

use super::queue::Lane;
use super::status::row_of;
use crate::api::conditions::Retry;
use crate::engine::conditions::{Condition, Status};
use crate::engine::plan::PlannedWait;
use crate::engine::step::Who;

/// What the next look depends on.
pub struct Course<'a> {
    pub conditions: &'a [Condition],
    pub waits: &'a [PlannedWait],
    /// Changes of this object that are to be made and are not made.
    pub pending: bool,
    /// A server asks not to be asked before then.
    pub after: Option<Timestamp>,
    /// Looks in a row that brought nothing new.
    pub tries: u32,
    pub now: Timestamp,
    /// The drift interval.
    pub interval: SignedDuration,
    /// Where in the interval this object has its turn: from 0 to 1.
    pub phase: f64,
}

const SHORTEST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(10);
/// A customer who has been asked for longer is looked after less often.
const PATIENCE: [(SignedDuration, SignedDuration); 3] = [
    (SignedDuration::from_hours(24), SignedDuration::from_mins(5)),
    (SignedDuration::from_hours(24 * 7), SignedDuration::from_mins(15)),
    (SignedDuration::MAX, SignedDuration::from_hours(1)),
];
/// What only another declaration ends is looked at once a day.
const DAILY: SignedDuration = SignedDuration::from_hours(24);

impl Course<'_> {
    /// The next look.
    pub fn next(&self) -> (Timestamp, Lane) {
        if let Some(after) = self.after {
            // Not before, also when the clocks differ; and not all at that second.
            let spread = SignedDuration::try_from_secs_f64(self.phase * 5.0).unwrap_or_default();
            return (after.max(self.now + SHORTEST).checked_add(spread).unwrap_or(after), Lane::Soon);
        }
        let ready = self.conditions.iter().find(|c| c.kind == "Ready");
        let is_ready = ready.is_some_and(|c| c.status == Status::True);
        if is_ready && !self.pending && self.waits.is_empty() {
            return (self.turn(), Lane::Routine);
        }
        let mut next = self.turn();
        for wait in self.waits {
            next = next.min(self.of_wait(wait));
        }
        if self.pending {
            next = next.min(self.plus(self.backoff()));
        }
        let retry = ready.and_then(|ready| row_of(self.conditions, ready)).and_then(|row| row.retry);
        let unknown = ready.is_none_or(|c| c.status == Status::Unknown);
        if unknown || matches!(retry, Some(Retry::Transient | Retry::Fixable)) {
            next = next.min(self.plus(self.backoff()));
        }
        if retry == Some(Retry::Permanent) && self.waits.is_empty() && !self.pending {
            return (self.plus(DAILY), Lane::Routine);
        }
        (next, Lane::Soon)
    }

    fn of_wait(&self, wait: &PlannedWait) -> Timestamp {
        let pause = match wait.wait.who {
            Who::Microsoft => self.backoff(),
            Who::Customer | Who::Partner => {
                let age = wait.wait.since.map_or(SignedDuration::ZERO, |since| self.now.duration_since(since));
                let tier = PATIENCE.iter().find(|(upto, _)| age < *upto);
                tier.map_or(LONGEST, |(_, pause)| *pause).min(self.interval)
            }
        };
        let next = self.plus(pause);
        // At its deadline a wait becomes overdue, and that is news.
        match wait.wait.deadline.filter(|deadline| *deadline > self.now) {
            Some(deadline) => next.min(deadline),
            None => next,
        }
    }

    /// Longer from try to try.
    fn backoff(&self) -> SignedDuration {
        SHORTEST.checked_mul(1 << self.tries.min(6)).unwrap_or(LONGEST).min(LONGEST)
    }

    /// A pause, a little longer or shorter so that many objects do not come back at one moment.
    fn plus(&self, pause: SignedDuration) -> Timestamp {
        let seconds = pause.as_secs_f64() * (0.9 + 0.2 * self.phase);
        let spread = SignedDuration::try_from_secs_f64(seconds).unwrap_or(pause);
        self.now.checked_add(spread).unwrap_or(Timestamp::MAX)
    }

    /// The object's own moment of the next interval. It does not depend on when the process began: a restart moves nothing.
    fn turn(&self) -> Timestamp {
        // What was just looked at is not looked at again at once, and never later than an interval and a little.
        let little = self.interval.checked_div(10).unwrap_or_default();
        turn(self.now.checked_add(little).unwrap_or(self.now), self.interval, self.phase)
    }
}

/// The next moment after `now` at which an object of this phase has its turn.
pub fn turn(now: Timestamp, interval: SignedDuration, phase: f64) -> Timestamp {
    let interval = interval.as_secs_f64().max(1.0);
    let now_s = now.as_duration().as_secs_f64();
    let mut next = (now_s / interval).floor() * interval + phase * interval;
    while next < now_s {
        next += interval;
    }
    Timestamp::from_second(next as i64).unwrap_or(Timestamp::MAX)
}

/// Where in the interval an object has its turn, from 0 to 1. Objects are looked at in companies of up to 20, whose reads at home
/// travel in one batch.
pub fn phase(uid: &str, fleet: usize) -> f64 {
    let hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let companies = fleet.div_ceil(20).max(1) as u64;
    ((hash >> 16) % companies) as f64 / companies as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::step::Wait;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn course<'a>(conditions: &'a [Condition], waits: &'a [PlannedWait]) -> Course<'a> {
        let interval = SignedDuration::from_hours(1);
        Course { conditions, waits, pending: false, after: None, tries: 0, now: at(0), interval, phase: 0.5 }
    }

    fn wait(who: Who, since: Option<Timestamp>, deadline: Option<Timestamp>) -> PlannedWait {
        let (address, what) = ("Tenant/contoso".to_owned(), String::new());
        let (condition, reason) = ("GdapActive", "AwaitingCustomerApproval");
        let wait = Wait { address: address.clone(), condition, reason, who, link: None, since, deadline, what };
        PlannedWait { address, wait, then: vec![] }
    }

    fn seconds(course: &Course<'_>) -> i64 {
        course.next().0.duration_since(at(0)).as_secs()
    }

    #[test]
    fn what_is_ready_has_its_turn_once_an_interval_whenever_the_process_began() {
        let ready = [Condition::yes("Ready", "Ready", "")];
        let (first, lane) = course(&ready, &[]).next();
        assert_eq!(lane, Lane::Routine);
        let mut later = course(&ready, &[]);
        later.now = first;
        assert_eq!(later.next().0.duration_since(first).as_secs(), 3600);
        let restarted = turn(at(1), SignedDuration::from_hours(1), 0.5);
        assert_eq!(restarted, first);
    }

    #[test]
    fn a_customer_is_looked_after_every_five_minutes_at_first_and_less_often_later() {
        let waiting = [Condition::no("Ready", "AwaitingCustomerApproval", "")];
        let of = |days: i64| seconds(&course(&waiting, &[wait(Who::Customer, Some(at(-days * 86_400)), None)]));
        assert_eq!((of(0), of(2)), (300, 900));
        assert!(of(30) > 1500);
    }

    #[test]
    fn microsoft_is_asked_again_with_growing_pauses_and_at_the_deadline() {
        let waiting = [Condition::no("Ready", "Activating", "")];
        let of = |tries, deadline| {
            let waits = [wait(Who::Microsoft, None, deadline)];
            seconds(&Course { tries, ..course(&waiting, &waits) })
        };
        assert_eq!((of(0, None), of(3, None), of(30, None)), (10, 80, 600));
        assert_eq!(of(30, Some(at(45))), 45);
    }

    #[test]
    fn a_pause_that_a_server_asks_for_is_kept_and_not_by_all_to_the_same_second() {
        let unknown = [Condition::new("Ready", Status::Unknown, "Throttled", "")];
        let throttled = Course { after: Some(at(315)), ..course(&unknown, &[]) };
        assert!((315..=320).contains(&seconds(&throttled)));
    }

    #[test]
    fn what_only_another_declaration_ends_is_looked_at_once_a_day() {
        let stalled = [Condition::no("Ready", "ReferenceNotFound", "")];
        assert_eq!(seconds(&course(&stalled, &[])), 86_400);
    }

    #[test]
    fn a_fleet_is_spread_over_the_interval_in_companies_of_about_twenty() {
        let mut companies = std::collections::BTreeMap::<u64, usize>::new();
        for n in 0..1000 {
            *companies.entry((phase(&format!("0000-{n}-uid"), 1000) * 1e6) as u64).or_default() += 1;
        }
        assert_eq!(companies.len(), 50);
        assert!(companies.values().all(|n| (5..45).contains(n)), "{companies:?}");
    }
}
