//! Parses, runs, and turns the outcome into an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use tenantry::cli;

fn main() -> ExitCode {
    // One provider for the whole process, said once: an error only means that it was said before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match cli::Cli::try_parse() {
        Ok(parsed) => cli::main(parsed).into(),
        Err(said) => cli::usage(&said).into(),
    }
}
