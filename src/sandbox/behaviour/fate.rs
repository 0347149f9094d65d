//! What becomes of a request in a hostile cloud: it fails, or it is done and the answer gets lost.
use crate::sandbox::state::State;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// 503, and nothing was done.
    Refused,
    /// 504 after it was done.
    TimedOut,
    /// It was done, and the connection breaks off.
    Dropped,
}

/// By the number of the request: of those that are struck a half is refused, a quarter times out, a quarter is cut off.
pub fn of(state: &State, number: u64) -> Fate {
    let percent = state.switches.chaos;
    let number = number.to_string();
    if percent == 0 || state.chance(&["fate", &number], 100) >= percent {
        return Fate::Answered;
    }
    match state.chance(&["kind of fate", &number], 4) {
        0 | 1 => Fate::Refused,
        2 => Fate::TimedOut,
        _ => Fate::Dropped,
    }
}
