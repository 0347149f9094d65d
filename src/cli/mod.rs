//! The command line: what people type, and what they see.
//!
//! One file a command. Each gathers what it needs, lets the pass look or apply, and renders what
//! came of it: as text for people or as one JSON document. Nothing here decides what is written.

mod apply;
mod args;
mod bench;
mod completion;
mod control;
pub mod crds;
mod embedded;
mod environment;
mod exit;
mod failure;
mod forget;
mod gather;
mod interrupt;
mod kube;
mod logs;
mod offline;
mod operator;
mod passing;
mod plan;
mod printer;
mod progress;
mod render;
mod sandbox;
mod serve;
mod session;
mod status;
mod style;
pub mod validate;
mod version;
mod world;

use std::sync::Arc;

use clap::CommandFactory as _;

pub use args::Cli;
use args::Command;
use engine::diagnostic::Diagnostic;
pub use exit::Exit;
use failure::Failure;
use interrupt::Interrupt;
use printer::Printer;

use crate::engine;

/// Runs what was asked for, to its exit code.
pub fn main(cli: Cli) -> Exit {
    let printer = Arc::new(Printer::of_process(cli.color));
    if !matches!(cli.command, Command::Operator(_)) {
        logs::start(cli.verbose, &printer);
    }
    let exit = run(cli.command, &printer);
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

fn run(command: Command, printer: &Arc<Printer>) -> Exit {
    let remote = match command {
        Command::Validate(args) => return offline::check(&args, printer),
        Command::Crds(args) => return offline::definitions(&args, printer),
        Command::Completion(args) => return completion::run(args, &mut Cli::command(), printer),
        Command::Version(args) => return version::run(args, printer),
        remote => remote,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let wrong = Diagnostic::error("tenantry", "no threads can be started").detail(error.to_string());
            return Failure::from(wrong).tell(printer);
        }
    };
    if let Command::Operator(args) = &remote {
        let exit = runtime.block_on(operator::run(args, printer));
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        return exit;
    }
    let exit = runtime.block_on(async {
        let interrupt = Arc::new(Interrupt::default());
        interrupt.listen(printer);
        tokio::select! {
            exit = reach(remote, printer, &interrupt) => exit,
            // All memory is at Microsoft: running it again finds what was done.
            () = interrupt.aborted() => Exit::Interrupted,
        }
    });
    // A thread may still wait for an answer on the terminal.
    runtime.shutdown_background();
    exit
}

/// The commands that talk to somebody.
async fn reach(command: Command, printer: &Arc<Printer>, interrupt: &Arc<Interrupt>) -> Exit {
    match command {
        Command::Plan(args) => session::plan(&args, printer, interrupt).await,
        Command::Apply(args) => session::apply(&args, printer, interrupt).await,
        Command::Status(args) => session::status(&args, printer, interrupt).await,
        Command::Sandbox(args) => sandbox::run(&args, printer, interrupt).await,
        Command::Operator(_)
        | Command::Validate(_)
        | Command::Crds(_)
        | Command::Completion(_)
        | Command::Version(_) => Exit::Ok,
    }
}
