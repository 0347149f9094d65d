//! `tenantry completion SHELL`

use super::args::CompletionArgs;
use super::exit::Exit;
use super::printer::Printer;

/// Prints the completion script of a shell.
pub fn run(args: CompletionArgs, command: &mut clap::Command, printer: &Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "tenantry", &mut script);
    printer.data(&String::from_utf8_lossy(&script));
    Exit::Ok
}
