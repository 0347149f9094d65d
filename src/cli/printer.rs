//! The one way to a person's eyes: data to stdout, progress and diagnostics to stderr.
//!
//! A reader that goes away (`tenantry plan | head`) is no error: what comes after is dropped, and
//! work that was begun is finished.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

use super::style::{ColorChoice, Paint};

/// Writes to both streams. One for each process.
pub struct Printer {
    out: Mutex<Stream>,
    err: Mutex<Stream>,
    /// Lines on stderr go above it.
    bar: Mutex<Option<ProgressBar>>,
    /// How data is painted.
    pub on_out: Paint,
    /// How diagnostics are painted.
    pub on_err: Paint,
    /// Whether somebody watches stderr.
    pub interactive: bool,
}

struct Stream {
    sink: Box<dyn Write + Send>,
    /// The first fault; nothing is written after it.
    fault: Option<io::Error>,
}

impl Stream {
    fn new(sink: Box<dyn Write + Send>) -> Mutex<Stream> {
        Mutex::new(Stream { sink, fault: None })
    }

    fn write(&mut self, text: &str) {
        if self.fault.is_none() {
            self.fault = self.sink.write_all(text.as_bytes()).and_then(|()| self.sink.flush()).err();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Printer {
    /// To the process's own streams.
    pub fn of_process(color: ColorChoice) -> Printer {
        let env = |name: &str| std::env::var(name).ok();
        let watched = io::stderr().is_terminal();
        Printer {
            out: Stream::new(Box::new(io::stdout())),
            err: Stream::new(Box::new(io::stderr())),
            bar: Mutex::new(None),
            on_out: Paint::choose(color, io::stdout().is_terminal(), env),
            on_err: Paint::choose(color, watched, env),
            interactive: watched && std::env::var_os("CI").is_none(),
        }
    }

    /// To any two sinks, plain.
    #[cfg(test)]
    pub fn to(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Printer {
        Printer {
            out: Stream::new(out),
            err: Stream::new(err),
            bar: Mutex::new(None),
            on_out: Paint::PLAIN,
            on_err: Paint::PLAIN,
            interactive: false,
        }
    }

    /// Data, as it is.
    pub fn data(&self, text: &str) {
        let write = || lock(&self.out).write(text);
        let bar = lock(&self.bar).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Progress or a diagnostic; a line's end is added where it lacks.
    pub fn say(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.ask(&format!("{text}{end}"));
    }

    /// As [`Printer::say`], without a line's end: a question.
    pub fn ask(&self, text: &str) {
        let write = || lock(&self.err).write(text);
        let bar = lock(&self.bar).clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Puts a progress bar below all that is said; `None` takes it away.
    pub fn set_bar(&self, bar: Option<ProgressBar>) {
        if let Some(old) = std::mem::replace(&mut *lock(&self.bar), bar) {
            old.finish_and_clear();
        }
    }

    /// Why data did not reach its reader; a reader that went away is no fault.
    pub fn fault(&self) -> Option<String> {
        let out = lock(&self.out);
        out.fault.as_ref().filter(|e| e.kind() != ErrorKind::BrokenPipe).map(ToString::to_string)
    }
}

/// A printer into memory, and what it printed as data and as diagnostics.
#[cfg(test)]
pub(super) fn captured() -> (Printer, impl Fn() -> String, impl Fn() -> String) {
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (out, err) = (Memory::default(), Memory::default());
    let printer = Printer::to(Box::new(out.clone()), Box::new(err.clone()));
    let read = |memory: Memory| move || String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    (printer, read(out), read(err))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_fault_and_a_full_disk_is_one() {
        for (kind, fault) in [(ErrorKind::BrokenPipe, false), (ErrorKind::StorageFull, true)] {
            let printer = Printer::to(Box::new(Failing(kind)), Box::new(io::sink()));
            printer.data("x");
            printer.data("y");
            assert_eq!(printer.fault().is_some(), fault);
        }
    }
}
