//! Tokens that callers carry from one request to the next: opaque, and worth nothing when they were altered.
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sandbox::ids;
use crate::sandbox::state::State;

/// A hash over the content and the sandbox's seed.
fn seal(state: &State, purpose: &str, text: &str) -> String {
    ids::guid(state.seed, &["token", purpose, text], 0).replace('-', "")
}

/// `purpose` says where it counts: a token of one list is none of another.
pub fn made(state: &State, purpose: &str, content: &impl Serialize) -> String {
    let text = serde_json::to_string(content).unwrap_or_default();
    let seal = seal(state, purpose, &text);
    ids::b64(format!("{seal}{text}").as_bytes())
}

pub fn read<T: DeserializeOwned>(state: &State, purpose: &str, token: &str) -> Option<T> {
    let whole = String::from_utf8(ids::unb64(token)?).ok()?;
    let (given, text) = whole.split_at_checked(32)?;
    if given != seal(state, purpose, text) {
        return None;
    }
    serde_json::from_str(text).ok()
}
