//! `tenantry sandbox reset`: forgets a cloud, and keeps what it gave away out of the next one's reach.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::embedded::Embedded;
use super::failure::Failure;
use super::printer::Printer;
use crate::engine::diagnostic::Diagnostic;
use crate::sandbox;

/// The folder in which everything of a sandbox lies by default.
const HOME: &str = ".tenantry";

/// Removes the state. Secrets of the cloud and the journal, where they lie in their default places, are put
/// aside: they would be wrong in the next cloud, and only their owner may throw them away.
pub async fn reset(state: &Path, printer: &Printer) -> Result<(), Failure> {
    if !state.exists() {
        printer.say(&format!("there is no sandbox in {}", state.display()));
    } else {
        in_use(state).await?;
        let keys = [sandbox::ca_file(state), sandbox::key_file(state)];
        for file in std::iter::once(state.to_owned()).chain(keys.into_iter().filter(|file| file.exists())) {
            fs::remove_file(&file).map_err(|error| wrong(&file, &error))?;
            printer.say(&format!("forgot {}", file.display()));
        }
    }
    let home = state.parent().filter(|folder| folder.file_name().is_some_and(|name| name == HOME));
    for name in home.into_iter().flat_map(|home| [home.join("secrets"), home.join("journal.json")]) {
        if name.exists() {
            let aside = aside(&name);
            fs::rename(&name, &aside).map_err(|error| wrong(&name, &error))?;
            printer.say(&format!("moved {} to {}", name.display(), aside.display()));
        }
    }
    Ok(())
}

/// A state that cannot be read may be removed; one that a process serves may not.
async fn in_use(state: &Path) -> Result<(), Failure> {
    match Embedded::open(state, None, 1).await {
        Ok(sandbox) if !sandbox.is_ours() => {
            let summary = format!("{} is served by a process at {}", state.display(), sandbox.url());
            Err(Diagnostic::error("sandbox", summary).remedy("Stop that process first.").into())
        }
        Ok(sandbox) => {
            sandbox.stop().await;
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// The first name that is free: `secrets.old`, `secrets.old-2` …
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let candidates = (1..).map(|n: u32| if n == 1 { format!("{name}.old") } else { format!("{name}.old-{n}") });
    let mut free = candidates.map(|name| path.with_file_name(name)).filter(|path| !path.exists());
    free.next().unwrap_or_else(|| path.with_extension("old"))
}

fn wrong(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error("sandbox", format!("{} cannot be removed", path.display())).detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::captured;

    #[tokio::test]
    async fn a_state_cut_short_is_forgotten_and_secrets_are_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join(HOME);
        let state = home.join("sandbox.json");
        for round in ["secrets.old", "secrets.old-2"] {
            fs::create_dir_all(home.join("secrets/rallied-credentials")).unwrap();
            fs::write(&state, "{\"format\":").unwrap();
            reset(&state, &captured().0).await.unwrap();
            assert!(!state.exists() && !home.join("secrets").exists());
            assert!(home.join(round).join("rallied-credentials").is_dir());
        }
    }
}
