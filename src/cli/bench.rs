//! `tenantry sandbox bench`: the simulated cloud against its budgets.

use std::fmt::Write as _;
use std::time::Duration;

use super::args::BenchArgs;
use super::embedded;
use super::failure::Failure;
use super::printer::Printer;
use crate::sandbox::bench::{self, Fleet, Reads};

/// Point reads in a second on one core, at least.
const READS: f64 = 5_000.0;
/// Memory of the process that serves the large world, at most.
const RESIDENT: f64 = 1024.0 * 1024.0 * 1024.0;

/// Measures and prints; a ratio above 1 is over the budget.
pub fn run(args: &BenchArgs, printer: &Printer) -> Result<(), Failure> {
    let world = embedded::read(&args.world)?;
    let fleet = bench::fleet(&world, args.fleet).map_err(|error| embedded::wrong(&error))?;
    let reads = bench::reads(&world, Duration::from_secs(args.seconds)).map_err(|error| embedded::wrong(&error))?;
    printer.data(&report(&reads, args.fleet, &fleet));
    Ok(())
}

fn report(reads: &Reads, customers: u32, fleet: &Fleet) -> String {
    let mut text = String::from("what\tmeasured\tof its budget\n");
    for (collection, rate) in &reads.of {
        // Writing to a String does not fail.
        let _ = writeln!(text, "point reads of {collection}\t{rate:.0} /s\t{:.2}", READS / rate);
    }
    let name = format!("a world of {customers} customers");
    for (what, took) in [("to make", fleet.make), ("to write", fleet.save), ("to read", fleet.load)] {
        let _ = writeln!(text, "{name}: {what}\t{:.2} s\t", took.as_secs_f64());
    }
    let _ = writeln!(text, "{name}: file\t{:.0} MiB\t", mebibytes(fleet.file_bytes as f64));
    match fleet.resident_bytes {
        Some(bytes) => {
            let bytes = bytes as f64;
            let _ = writeln!(text, "{name}: memory\t{:.0} MiB\t{:.2}", mebibytes(bytes), bytes / RESIDENT);
        }
        None => text += &format!("{name}: memory\tnot told by this system\t\n"),
    }
    text
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / 1024.0 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_above_one_is_over_the_budget() {
        let reads = Reads { of: vec![("users".to_owned(), 10_000.0), ("groups".to_owned(), 2_500.0)] };
        let second = Duration::from_secs(1);
        let fleet =
            Fleet { make: second, save: second, load: second, file_bytes: 1, resident_bytes: Some(512 * 1024 * 1024) };
        let said = report(&reads, 7, &fleet);
        assert!(said.contains("users\t10000 /s\t0.50\n"), "{said}");
        assert!(said.contains("groups\t2500 /s\t2.00\n"), "{said}");
        assert!(said.contains("a world of 7 customers: memory\t512 MiB\t0.50\n"), "{said}");
    }
}
