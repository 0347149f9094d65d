//! What is wrong with manifests: the line itself, with the place marked.

use super::super::style::Paint;
use super::super::validate;
use super::clean;
use crate::engine::diagnostic::{self, Diagnostic};
use crate::source::{Problem, Severity};

/// Errors and warnings; notes are worth knowing and left to `validate`.
pub fn all(problems: &[Problem], paint: Paint) -> String {
    let told = problems.iter().filter(|p| p.severity != Severity::Note).map(|p| one(p, paint));
    told.collect::<Vec<_>>().join("\n")
}

/// One problem, its first word coloured by how bad it is.
pub fn one(problem: &Problem, paint: Paint) -> String {
    let text = validate::render(problem);
    let text = clean(&text);
    let word = problem.severity.as_str();
    let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let summary = head.strip_prefix(word).unwrap_or(head);
    let word = match problem.severity {
        Severity::Error => paint.red(word),
        Severity::Warning => paint.yellow(word),
        Severity::Note => paint.cyan(word),
    };
    format!("{word}{}\n{rest}", paint.bold(summary))
}

/// The same in the shape of the plan's JSON; `None` for a note.
pub fn diagnostic(problem: &Problem) -> Option<Diagnostic> {
    let make = match problem.severity {
        Severity::Error => Diagnostic::error,
        Severity::Warning => Diagnostic::warning,
        Severity::Note => return None,
    };
    let summary = match problem.path.as_str() {
        "" => problem.summary.clone(),
        path => format!("{path}: {}", problem.summary),
    };
    let place = diagnostic::Place { file: problem.place.file.to_string(), line: problem.place.line as usize };
    let place = (!place.file.is_empty()).then_some(place);
    let code = if problem.code.is_empty() { "InvalidSpec" } else { &problem.code };
    let mut made: Diagnostic = make(problem.address.clone(), summary);
    made = made.detail(&problem.detail).code(code).remedy(&problem.remedy).at(place.as_ref());
    made.line = made.line.filter(|line| *line > 0);
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn loaded(text: &str) -> Vec<Problem> {
        let mut stdin = text.as_bytes();
        crate::source::load_with(&[PathBuf::from("-")], &[], &mut stdin).unwrap_err()
    }

    #[test]
    fn an_error_shows_its_line_and_has_the_same_place_in_json() {
        let problems = loaded(
            "apiVersion: tenantry.dev/v1alpha1\nkind: Tenant\nmetadata: { name: contoso }\nspec: { clas: managed }\n",
        );
        let told = all(&problems, Paint::PLAIN);
        assert!(told.contains("--> -:4") && told.contains("spec: { clas: managed }"), "{told}");
        let diagnostics: Vec<Diagnostic> = problems.iter().filter_map(diagnostic).collect();
        assert!(diagnostics.iter().any(|d| d.line == Some(4) && d.summary.contains("clas")), "{diagnostics:?}");
        assert!(all(&problems, Paint::COLOUR).starts_with("\u{1b}[31merror\u{1b}[0m"), "{told}");
    }
}
