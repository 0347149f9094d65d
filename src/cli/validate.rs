//! `tenantry validate`: what is wrong with manifests, without asking anybody.

use std::fmt::Write;
use std::path::PathBuf;

use crate::api::Kind;
use crate::engine::diagnostic::Diagnostic;
use crate::source::{self, Inputs, Object, Problem, Severity};

/// What was read, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of objects of each kind that has any; none if there are errors.
    pub objects: Vec<(Kind, usize)>,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
}

impl Summary {
    fn of(inputs: Option<&Inputs>, problems: &[Problem]) -> Self {
        let number = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
        let count = |kind| inputs.map_or(0, |inputs| inputs.objects.of(kind).count());
        let objects = Kind::ALL.into_iter().map(|kind| (kind, count(kind))).filter(|(_, count)| *count > 0).collect();
        Summary { objects, errors: number(Severity::Error), warnings: number(Severity::Warning) }
    }

    /// Whether all is well.
    pub fn is_valid(&self) -> bool {
        self.errors == 0
    }

    /// The numbers in a sentence.
    pub fn sentence(&self) -> String {
        let mut parts: Vec<String> = self.objects.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let valid = match parts.pop() {
            None => String::new(),
            Some(only) if parts.is_empty() => format!("{only}: valid"),
            Some(last) => format!("{} and {last}: valid", parts.join(", ")),
        };
        let faults: Vec<String> = [(self.errors, "error"), (self.warnings, "warning")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
            .collect();
        let all: Vec<String> = [valid, faults.join(", ")].into_iter().filter(|part| !part.is_empty()).collect();
        all.join("; ")
    }
}

/// Reads manifests and says what is wrong with them, in the order in which it stands there.
pub fn validate(paths: &[PathBuf], profiles: &[(&str, i64)]) -> (Vec<Problem>, Summary) {
    match source::load(paths, profiles) {
        Ok(inputs) => {
            let mut problems = inputs.notes.clone();
            problems.extend(crate::pass::offline(&inputs).iter().map(|found| problem(&inputs, found)));
            let valid = problems.iter().all(|problem| problem.severity != Severity::Error);
            let summary = Summary::of(valid.then_some(&inputs), &problems);
            (problems, summary)
        }
        Err(problems) => {
            let summary = Summary::of(None, &problems);
            (problems, summary)
        }
    }
}

/// What the rules of a kind say, in the shape of what the schema says, with the line.
fn problem(inputs: &Inputs, diagnostic: &Diagnostic) -> Problem {
    let severity = if diagnostic.is_error() { Severity::Error } else { Severity::Warning };
    let problem = Problem {
        address: diagnostic.address.clone(),
        code: diagnostic.code.clone(),
        detail: diagnostic.detail.clone(),
        remedy: diagnostic.remedy.clone(),
        ..Problem::new(severity, &diagnostic.summary)
    };
    let meant = |object: &&Object| {
        object.address() == diagnostic.object() && Some(&*object.place.file) == diagnostic.file.as_deref()
    };
    match inputs.objects.iter().find(meant) {
        Some(object) if diagnostic.path.is_empty() => object.blame_whole(problem),
        Some(object) => object.blame(problem, &diagnostic.path),
        None => problem,
    }
}

/// A problem as plain text: what, where, the line with the place marked, why, and what to do.
pub fn render(problem: &Problem) -> String {
    let mut out = format!("{}: {}\n", problem.severity.as_str(), problem.summary);
    let margin = problem.place.line.max(1).to_string().len();
    let blank = " ".repeat(margin);
    let has_place = !problem.place.file.is_empty();
    if has_place {
        let _ = writeln!(out, "{blank}--> {}", problem.place);
    }
    if let Some(excerpt) = &problem.excerpt {
        let marks = format!("{}{}", " ".repeat(excerpt.start), "^".repeat(excerpt.length));
        let _ = writeln!(out, "{blank} |");
        let _ = writeln!(out, "{} | {}", problem.place.line, excerpt.text);
        let _ = writeln!(out, "{blank} | {marks}");
    }
    let subject = match (problem.address.as_str(), problem.path.as_str()) {
        ("", path) => path.to_string(),
        (address, "") => address.to_string(),
        (address, path) => format!("{address}: {path}"),
    };
    for (label, text) in [("in: ", &subject), ("", &problem.detail), ("help: ", &problem.remedy)] {
        if !text.is_empty() {
            let _ = writeln!(out, "{blank} = {label}{text}");
        }
    }
    out
}

#[cfg(test)]
#[path = "validate/tests.rs"]
mod tests;
