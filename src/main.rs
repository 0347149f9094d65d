//! Parses, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use tenantry::cli;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(parsed) => cli::main(parsed).into(),
        Err(said) => cli::usage(&said).into(),
    }
}
