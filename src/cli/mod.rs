//! The command line: what people type, and what they see.
//!
//! One file a command. Each gathers what it needs, lets the pass look or apply, and renders what
//! came of it: as text for people or as one JSON document. Nothing here decides what is written.

mod apply;
mod args;
mod completion;
pub mod crds;
mod exit;
mod interrupt;
mod passing;
mod plan;
mod printer;
mod progress;
mod render;
mod status;
mod style;
pub mod validate;
mod version;

use clap::CommandFactory as _;

pub use args::Cli;
use args::Command;
pub use exit::Exit;
use printer::Printer;

/// Runs what was asked for, to its exit code.
pub fn main(cli: Cli) -> Exit {
    let printer = Printer::of_process(cli.color);
    let exit = run(cli, &printer);
    match printer.fault() {
        Some(fault) => {
            printer.say(&format!("error: stdout cannot be written: {fault}"));
            Exit::Error
        }
        None => exit,
    }
}

/// What cannot be parsed is an error; help and version are data.
pub fn usage(said: &clap::Error) -> Exit {
    // The reader may be gone; there is nobody left to tell.
    let _ = said.print();
    if said.use_stderr() { Exit::Error } else { Exit::Ok }
}

fn run(cli: Cli, printer: &Printer) -> Exit {
    match cli.command {
        Command::Completion(args) => completion::run(args, &mut Cli::command(), printer),
        Command::Version(args) => version::run(args, printer),
        _ => Exit::Error,
    }
}
