//! What a test can make go wrong, on purpose and exactly.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::graph::routes;

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Faults {
    pub kill: Option<Kill>,
    pub refuse: Vec<String>,
    pub html: bool,
    /// Every service answers 503, the token service too.
    pub outage: bool,
    pub throttle: Option<Throttle>,
    pub drop: Option<Drop>,
    /// Given by the environment: it holds for this process and is not saved.
    #[serde(skip)]
    pub environment: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The k-th mutating request from now.
    pub write: u64,
    pub when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    BeforeCommit,
    BeforeAnswer,
    AfterAnswer,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttle {
    /// How many requests to Graph answer 429 from now.
    pub next: u64,
    pub retry_after: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drop {
    pub write: u64,
}

/// A wish of the control API: each part that is present replaces that fault.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Wish {
    pub kill: Option<Kill>,
    pub refuse: Option<Refuse>,
    pub html: Option<bool>,
    pub outage: Option<bool>,
    pub throttle: Option<Throttle>,
    pub drop: Option<Drop>,
    /// Takes all faults away first.
    pub clear: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    pub step: String,
}

/// What the counting faults say about one mutating request.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub kill: Option<When>,
    pub drop: bool,
}

impl Faults {
    pub fn refuse_step(&mut self, step: &str) -> Result<(), String> {
        check_step(step)?;
        if !self.refuse.iter().any(|s| s == step) {
            self.refuse.push(step.to_owned());
        }
        Ok(())
    }

    /// A mutation switch from outside, for this process only.
    pub fn refuse_by_environment(&mut self, step: &str) -> Result<(), String> {
        check_step(step)?;
        self.environment.push(step.to_owned());
        Ok(())
    }

    pub fn apply(&mut self, wish: Wish) -> Result<(), String> {
        let kept = Faults { environment: self.environment.clone(), ..Faults::default() };
        let mut next = if wish.clear { kept } else { self.clone() };
        if let Some(r) = wish.refuse {
            next.refuse_step(&r.step)?;
        }
        if wish.kill.as_ref().is_some_and(|k| k.write == 0) || wish.drop.as_ref().is_some_and(|d| d.write == 0) {
            return Err("`write` counts from 1".to_owned());
        }
        next.kill = wish.kill.or(next.kill);
        next.html = wish.html.unwrap_or(next.html);
        next.outage = wish.outage.unwrap_or(next.outage);
        next.throttle = wish.throttle.or(next.throttle);
        next.drop = wish.drop.or(next.drop);
        *self = next;
        Ok(())
    }

    pub fn refuses(&self, step: &str) -> bool {
        self.refuse.iter().chain(&self.environment).any(|s| s == step)
    }

    /// Counts one mutating request; a fault that strikes is used up.
    pub fn count_write(&mut self) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some(kill) = &mut self.kill {
            kill.write = kill.write.saturating_sub(1);
            if kill.write == 0 {
                verdict.kill = self.kill.take().map(|k| k.when);
            }
        }
        if let Some(drop) = &mut self.drop {
            drop.write = drop.write.saturating_sub(1);
            if drop.write == 0 {
                self.drop = None;
                verdict.drop = true;
            }
        }
        verdict
    }

    /// `Some(retry after)` when this request to Graph is throttled.
    pub fn count_graph(&mut self) -> Option<u64> {
        let throttle = self.throttle.as_mut()?;
        let retry_after = throttle.retry_after;
        throttle.next = throttle.next.saturating_sub(1);
        if throttle.next == 0 {
            self.throttle = None;
        }
        Some(retry_after)
    }

    pub fn picture(&self) -> Value {
        json!({ "active": self, "steps": names() })
    }
}

fn check_step(step: &str) -> Result<(), String> {
    let known = names();
    if known.contains(&step) {
        Ok(())
    } else {
        Err(format!("no write is called `{step}`; there are: {}", known.join(", ")))
    }
}

/// Names of all writes that `refuse` knows.
pub fn names() -> Vec<&'static str> {
    let mut all: Vec<&str> = routes::all().iter().filter(|r| r.write).map(|r| &*r.name).collect();
    all.extend(["partner-consent", "remove-partner-consent"]);
    all.sort_unstable();
    all.dedup();
    all
}

/// Ends this process as an outage would: no destructor runs, nothing more is written.
pub fn kill_now() -> ! {
    #[cfg(unix)]
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    std::process::abort()
}
