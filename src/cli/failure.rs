//! Why a command could not begin: what is wrong with its inputs or its surroundings.

use super::exit::Exit;
use super::printer::Printer;
use super::render::{diagnostics, problems};
use crate::engine::diagnostic::Diagnostic;
use crate::source::Problem;

/// What is wrong. All of it, not the first.
#[derive(Debug)]
pub enum Failure {
    /// With the manifests.
    Inputs(Vec<Problem>),
    /// With everything else.
    Run(Vec<Diagnostic>),
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Failure {
        Failure::Run(vec![diagnostic])
    }
}

impl Failure {
    /// For the documents of `-o json`.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Failure::Inputs(problems) => problems.iter().filter_map(problems::diagnostic).collect(),
            Failure::Run(diagnostics) => diagnostics.clone(),
        }
    }

    /// For people.
    pub fn tell(&self, printer: &Printer) -> Exit {
        match self {
            Failure::Inputs(all) => {
                printer.say(&problems::all(all, printer.on_err));
            }
            Failure::Run(all) => printer.say(&diagnostics::all(all, printer.on_err)),
        }
        let tally = diagnostics::tally(&self.diagnostics());
        printer.say(&printer.on_err.bold(&tally));
        Exit::Error
    }
}
