//! The embedded Microsoft cloud: opened or found, and its clock played when something waits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::control::Control;
use super::failure::Failure;
use super::world;
use crate::cloud::Sleep;
use crate::cloud::clock::Slept;
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox::world::WorldFile;
use crate::sandbox::{self, Door, Options, Profile, Sandbox, SandboxError};
use crate::source::{Inputs, Secrets};

/// Where a world lies that belongs to manifests.
const WORLD: &str = ".sandbox/world.yaml";

/// A sandbox that answers: our own, or another process's.
pub struct Embedded {
    url: String,
    state: PathBuf,
    ours: Option<Sandbox>,
}

impl Embedded {
    /// Opens the state, or finds the process that has it open. `world` is needed only when there is no state yet.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn open(state: &Path, world: Option<WorldFile>, seed: u64) -> Result<Embedded, Failure> {
        let state = state.to_owned();
        let options = Options { state: state.clone(), world, seed, profile: Profile::Instant };
        match sandbox::open(options).await {
            Ok(Door::Running(url)) => Ok(Embedded { url, state, ours: None }),
            Ok(Door::Opened(ours)) => Ok(Embedded { url: ours.url(), state, ours: Some(ours) }),
            Err(error) => Err(wrong(&error).into()),
        }
    }

    /// The same for manifests: their world is theirs, or what they declare.
    ///
    /// # Errors
    /// Why there is no world, or it cannot be opened.
    pub async fn of(state: &Path, paths: &[PathBuf], inputs: &Inputs, secrets: &Secrets) -> Result<Embedded, Failure> {
        let world = match state.exists() {
            true => None,
            false => Some(match beside(paths) {
                Some(file) => read(&file)?,
                None => world::derive(inputs, secrets)?,
            }),
        };
        Embedded::open(state, world, 1).await
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether this process serves it.
    pub fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// Whom to trust when it is served with TLS: the CA beside the state.
    ///
    /// # Errors
    /// The certificate cannot be read.
    pub fn ca(&self) -> Result<Option<Vec<u8>>, Failure> {
        if !self.url.starts_with("https://") {
            return Ok(None);
        }
        let file = sandbox::ca_file(&self.state);
        let read = std::fs::read(&file).map_err(|error| {
            Diagnostic::error("sandbox", format!("the certificate {} of the sandbox cannot be read", file.display()))
                .detail(error.to_string())
                .remedy("Stop `tenantry sandbox serve` and start it again: it puts the certificate beside the state.")
        })?;
        Ok(Some(read))
    }

    /// # Errors
    /// No HTTP client can be made, or the certificate of the sandbox cannot be read.
    pub fn control(&self) -> Result<Control, Failure> {
        Control::new(&self.url, self.ca()?.as_deref())
    }

    /// Saves, and gives the state free.
    pub async fn stop(self) {
        if let Some(sandbox) = self.ours {
            sandbox.stop().await;
        }
    }
}

/// Why there is no sandbox, for people.
pub fn wrong(error: &SandboxError) -> Diagnostic {
    let mut diagnostic = Diagnostic::error("sandbox", error.to_string()).remedy(error.remedy());
    if let Some((file, line)) = error.place() {
        (diagnostic.file, diagnostic.line) = (Some(file.display().to_string()), line);
    }
    diagnostic
}

/// The world beside the first manifest path: in the folder itself when it is one.
fn beside(paths: &[PathBuf]) -> Option<PathBuf> {
    let first = paths.first()?;
    let folder = if first.is_dir() { first.clone() } else { first.parent()?.to_owned() };
    Some(folder.join(WORLD)).filter(|file| file.is_file())
}

/// Reads a world.
///
/// # Errors
/// What is wrong with it, with its name.
pub fn read(file: &Path) -> Result<WorldFile, Failure> {
    let wrong = |why: String| {
        Diagnostic::error("sandbox", format!("the world {} cannot be read", file.display()))
            .detail(why)
            .remedy("examples/first/.sandbox/world.yaml shows what a world looks like.")
    };
    let text = std::fs::read_to_string(file).map_err(|e| wrong(e.to_string()))?;
    WorldFile::from_yaml(&text).map_err(|why| wrong(why).into())
}

/// Lets the cloud's time go by instead of ours.
pub struct VirtualSleep(pub Control);

impl Sleep for VirtualSleep {
    fn sleep(&self, at_most: Duration) -> Slept<'_> {
        Box::pin(async move {
            let most = i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX).max(1);
            let next = self.0.get("clock").await.ok().and_then(|clock| clock.get("next").and_then(Value::as_i64));
            let seconds = next.unwrap_or(most).clamp(1, most);
            if self.0.post("advance", &json!({ "seconds": seconds })).await.is_err() {
                // Its owner is gone or busy; whoever asks again must not ask without a pause.
                crate::cloud::clock::RealSleep.sleep(Duration::from_millis(200)).await;
            }
        })
    }
}

#[cfg(test)]
mod tests;
