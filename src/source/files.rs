//! The files behind `-f`.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Place, Problem, Text};

/// Most bytes that all inputs together may have.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The folder that a sandbox's world lies in, and others like it, are never read as manifests.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().first() == Some(&b'.'))
}

fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Gathers texts and what is wrong with the places they come from.
#[derive(Default)]
pub(super) struct Files {
    pub texts: Vec<Arc<Text>>,
    pub problems: Vec<Problem>,
    seen: HashSet<PathBuf>,
    bytes: u64,
}

impl Files {
    /// Reads a file, a folder with all that is in it, or, for `-`, what `stdin` holds.
    pub fn read(&mut self, path: &Path, stdin: &mut dyn Read) {
        if path.as_os_str() == "-" {
            self.keep("-", stdin);
            return;
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                let before = self.texts.len() + self.problems.len();
                self.folder(path);
                if self.texts.len() + self.problems.len() == before {
                    let problem = self.problem(path, "the folder holds no manifest");
                    self.problems
                        .push(problem.remedy(
                            "Manifests end in .yaml, .yml or .json; names that begin with a dot are left out.",
                        ));
                }
            }
            Ok(_) => self.file(path),
            Err(error) => {
                let problem = self.problem(path, "the path cannot be read").detail(reason(&error));
                self.problems.push(problem.remedy("Check the path given with -f."));
            }
        }
    }

    fn problem(&self, path: &Path, summary: &str) -> Problem {
        Problem::error(summary).file(&path.display().to_string().into())
    }

    /// All manifests of a folder and those in it, by name. Each folder is read once, so that links in a circle do no harm.
    fn folder(&mut self, path: &Path) {
        let entries = match fs::canonicalize(path).map(|real| self.seen.insert(real)) {
            Ok(false) => return,
            Ok(true) => fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>()),
            Err(error) => Err(error),
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                let problem = self.problem(path, "the folder cannot be read").detail(reason(&error));
                self.problems.push(problem);
                return;
            }
        };
        let mut paths: Vec<PathBuf> =
            entries.into_iter().map(|entry| entry.path()).filter(|path| !is_hidden(path)).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.folder(&path);
            } else if is_manifest(&path) {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if let Ok(real) = fs::canonicalize(path)
            && !self.seen.insert(real)
        {
            return;
        }
        match fs::File::open(path) {
            Ok(mut file) => self.keep(&path.display().to_string(), &mut file),
            Err(error) => {
                let problem = self.problem(path, "the file cannot be read").detail(reason(&error));
                self.problems.push(problem);
            }
        }
    }

    fn keep(&mut self, name: &str, from: &mut dyn Read) {
        let mut bytes = Vec::new();
        let left = MAX_BYTES.saturating_sub(self.bytes);
        let problem = |summary: &str| Problem::error(summary).file(&name.into());
        if let Err(error) = from.take(left + 1).read_to_end(&mut bytes) {
            self.problems.push(problem("the file cannot be read").detail(reason(&error)));
            return;
        }
        if bytes.len() as u64 > left {
            let remedy = "Give fewer files at once, for example one folder for each ring of tenants.";
            self.problems.push(problem("the inputs have more than 64 MiB").remedy(remedy));
            return;
        }
        self.bytes += bytes.len() as u64;
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").map(<[u8]>::to_vec).unwrap_or(bytes);
        match String::from_utf8(bytes) {
            Ok(text) => self.texts.push(Arc::new(Text::new(name, text))),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + good.iter().filter(|byte| **byte == b'\n').count() as u32;
                let mut problem = problem("the file is not UTF-8").remedy("Save it as UTF-8.");
                problem.place = Place { line, ..problem.place };
                self.problems.push(problem);
            }
        }
    }
}

/// What the operating system says, in its words.
pub(super) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    format!("{}.", text.trim_end_matches('.'))
}
