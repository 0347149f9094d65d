//! The last step of `make test`: no secret of the suite may stand in what the program showed or left where people look.
//! Not a test of its own (it needs the output of all the others), so `cargo test` alone does not run it. With `--clear` it
//! empties the log, so that the search covers one run of the suite.

#[path = "it/support/canary.rs"]
mod canary;

use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let log = canary::log_dir();
    if std::env::args().any(|arg| arg == "--clear") {
        let cleared = !log.exists() || std::fs::remove_dir_all(&log).is_ok();
        return if cleared { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let (said, code) = match canary::search(&log) {
        Ok(files) => (format!("canaries: no secret in {files} files of {}", log.display()), ExitCode::SUCCESS),
        Err(shown) => (format!("canaries: FAILED\n{}", shown.join("\n")), ExitCode::FAILURE),
    };
    match writeln!(std::io::stderr(), "{said}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
