//! Runs the program as a person does: in a folder of its own, by its command line, reading what it prints.
//!
//! Whatever a run shows or leaves in its folder is also copied to the canary log (see [`canary`]), except the manifests
//! and secrets that the test itself wrote, and sinks for secrets that nobody else may read.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{canary, root};

const TIMEOUT: Duration = Duration::from_secs(120);
/// Where the program puts secrets when it is not told where.
const DEFAULT_SECRETS_DIR: &str = ".tenantry/secrets";
/// Where `sandbox reset` moves them.
const OLD_SECRETS_DIR: &str = ".tenantry/secrets.old";

/// A fresh folder for one test; kept, and named, when the test fails.
pub struct Dir {
    path: PathBuf,
    log: PathBuf,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    runs: usize,
    /// What the test wrote, by path within the folder: the places where secrets belong.
    inputs: HashMap<PathBuf, Vec<u8>>,
    /// What is already in the log, so that a large state is not copied once a run.
    logged: HashMap<PathBuf, Vec<u8>>,
    secrets_dirs: HashSet<PathBuf>,
}

impl Dir {
    pub fn new() -> Self {
        static SEEN: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);
        let test = std::thread::current().name().expect("made in the test's own thread").replace("::", ".");
        let count = {
            let mut seen = SEEN.lock().unwrap();
            let count = seen.entry(test.clone()).or_default();
            *count += 1;
            *count
        };
        // Beside the same test of the whole suite; see mutants.rs.
        let test = match std::env::var("TENANTRY_SANDBOX_REFUSE") {
            Ok(step) => format!("{test}-without-{step}"),
            Err(_) => test,
        };
        let name = if count == 1 { test } else { format!("{test}-{count}") };
        let log = canary::log_dir().join(&name);
        if log.exists() {
            fs::remove_dir_all(&log).unwrap(); // of an earlier run of the suite
        }
        let path = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap()
            .keep();
        let book =
            Book { secrets_dirs: [DEFAULT_SECRETS_DIR.into(), OLD_SECRETS_DIR.into()].into(), ..Book::default() };
        Self { path, log, book: Mutex::new(book) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an input of the program; folders are made.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let (path, bytes) = (self.path.join(&name), bytes.as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        if canary::find(bytes).is_some() {
            self.note_planted();
        }
        self.book.lock().unwrap().inputs.insert(name.as_ref().to_owned(), bytes.to_vec());
        path
    }

    /// Copies a folder of the clone, for example `examples/first`, to the same place here.
    pub fn copy(&self, folder: &str) {
        let files = canary::all_files(&root().join(folder));
        assert!(!files.is_empty(), "there is nothing in {folder}");
        for file in files {
            self.write(file.strip_prefix(root()).unwrap(), fs::read(&file).unwrap());
        }
    }

    /// Writes `DIR/<secret>/<key>` as `--secrets-dir DIR` reads it.
    pub fn secret(&self, secrets_dir: &str, secret: &str, key: &str, value: &str) {
        assert!(value.starts_with(canary::PREFIX), "a secret of the suite begins with {}", canary::PREFIX);
        self.write(Path::new(secrets_dir).join(secret).join(key), value);
    }

    pub fn read(&self, name: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }

    /// Runs to the end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        self.cmd(args).run()
    }

    /// A run that needs more than arguments.
    pub fn cmd<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Cmd<'_> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Cmd { dir: self, args, env: Vec::new(), stdin: Vec::new() }
    }

    /// Notes something that people can see, such as objects of a cluster, for the search for leaked secrets.
    pub fn note(&self, name: &str, text: &str) {
        fs::create_dir_all(&self.log).unwrap();
        fs::write(self.log.join(name), text).unwrap();
    }

    fn note_planted(&self) {
        fs::create_dir_all(&self.log).unwrap();
        fs::write(self.log.join(canary::PLANTED), "").unwrap();
    }

    /// Copies to the log what a run printed, and what it left in the folder since the last one.
    fn record(&self, args: &[OsString], stdout: &[u8], stderr: &[u8]) {
        let mut book = self.book.lock().unwrap();
        book.runs += 1;
        let log = self.log.join(format!("{:03}", book.runs));
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join("args"), format!("{args:?}")).unwrap();
        fs::write(log.join("stdout"), stdout).unwrap();
        fs::write(log.join("stderr"), stderr).unwrap();
        for pair in args.windows(2).filter(|pair| pair[0] == "--secrets-dir") {
            book.secrets_dirs.insert(PathBuf::from(&pair[1]));
        }
        for file in canary::all_files(&self.path) {
            // It may be gone by now, when another process works in the folder.
            let (Ok(bytes), Ok(meta)) = (fs::read(&file), fs::metadata(&file)) else { continue };
            let name = file.strip_prefix(&self.path).unwrap().to_owned();
            let is_private = meta.permissions().mode() & 0o077 == 0;
            let is_sink =
                is_private && book.secrets_dirs.iter().any(|dir| name.starts_with(dir) || file.starts_with(dir));
            if is_sink || book.inputs.get(&name) == Some(&bytes) || book.logged.get(&name) == Some(&bytes) {
                continue;
            }
            let copy = log.join("files").join(&name);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::write(copy, &bytes).unwrap();
            book.logged.insert(name, bytes);
        }
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the folder of the test is kept: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path); // a left-over is no failure
        }
    }
}

/// A run to be started.
pub struct Cmd<'a> {
    dir: &'a Dir,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    stdin: Vec<u8>,
}

impl<'a> Cmd<'a> {
    pub fn env(mut self, key: &str, value: &str) -> Self {
        if canary::find(value.as_bytes()).is_some() {
            self.dir.note_planted();
        }
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// What the program reads; without it, its stdin is at its end and no terminal.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.as_bytes().to_vec();
        self
    }

    pub fn run(self) -> Run {
        self.start().wait()
    }

    pub fn start(self) -> Running<'a> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
        let colour = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "RUST_LOG", "KUBECONFIG", "CI"];
        for (key, _) in std::env::vars_os() {
            let text = key.to_string_lossy();
            // The mutation switch is for the program; see mutants.rs.
            if text.starts_with("TENANTRY_") && text != "TENANTRY_SANDBOX_REFUSE"
                || text.starts_with("XDG_")
                || colour.contains(&&*text)
                || text.to_lowercase().ends_with("_proxy")
            {
                command.env_remove(&key);
            }
        }
        let mut child = command
            .args(&self.args)
            .current_dir(&self.dir.path)
            .env("HOME", self.dir.path.join("home"))
            .envs(self.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = self.stdin;
        // In a thread, as all three: a full pipe must not hold up the others. A program may end without reading.
        std::thread::spawn(move || drop(stdin.write_all(&text)));
        let stdout = drain(child.stdout.take().unwrap());
        let stderr = drain(child.stderr.take().unwrap());
        Running { dir: self.dir, args: self.args, child: Process(child), stdout, stderr, started: Instant::now() }
    }
}

/// What a stream has said so far, and the thread that listens.
struct Drained {
    said: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Drained {
    fn so_far(&self) -> Vec<u8> {
        self.said.lock().unwrap().clone()
    }

    fn all(self) -> Vec<u8> {
        self.thread.join().unwrap();
        std::mem::take(&mut self.said.lock().unwrap())
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> Drained {
    let said = Arc::<Mutex<Vec<u8>>>::default();
    let ours = said.clone();
    let thread = std::thread::spawn(move || {
        let mut piece = [0; 4096];
        loop {
            match pipe.read(&mut piece).unwrap() {
                0 => return,
                read => ours.lock().unwrap().extend_from_slice(&piece[..read]),
            }
        }
    });
    Drained { said, thread }
}

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where somebody waited for it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A run under way.
pub struct Running<'a> {
    dir: &'a Dir,
    args: Vec<OsString>,
    child: Process,
    stdout: Drained,
    stderr: Drained,
    started: Instant,
}

impl Running<'_> {
    /// SIGKILL, as when the power fails.
    pub fn kill(mut self) -> Run {
        self.child.0.kill().unwrap();
        self.wait()
    }

    /// SIGINT, as Ctrl-C sends it.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    /// SIGTERM, as whoever runs servers sends it.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for the first line on stdout; one that does not come fails the test with what was said instead.
    pub fn first_line(&mut self) -> String {
        loop {
            let said = String::from_utf8(self.stdout.so_far()).unwrap();
            if let Some((line, _)) = said.split_once('\n') {
                return line.to_owned();
            }
            let ended = self.child.0.try_wait().unwrap();
            if ended.is_some() || self.started.elapsed() > TIMEOUT {
                let _ = self.child.0.kill();
                panic!("no line on stdout: {ended:?} {}", String::from_utf8_lossy(&self.stderr.so_far()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_some()
    }

    /// Waits for the end; a run that hangs is killed and fails the test with what it had said.
    pub fn wait(mut self) -> Run {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(1);
        let (status, late) = loop {
            if let Some(status) = self.child.0.try_wait().unwrap() {
                break (status, false);
            }
            if begun.elapsed() > TIMEOUT {
                self.child.0.kill().unwrap();
                break (self.child.0.wait().unwrap(), true);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        self.dir.record(&self.args, &stdout, &stderr);
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let run = Run { args: self.args, status, stdout: text(stdout), stderr: text(stderr) };
        assert!(!late, "no end within {TIMEOUT:?}: {run}");
        run
    }
}

/// A run that has ended.
pub struct Run {
    args: Vec<OsString>,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Expects exit code 0.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.code(0)
    }

    /// Expects this exit code.
    #[track_caller]
    pub fn code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// stdout as the one JSON document that it must be.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON: {error}\n{self}"))
    }

    /// `None` when a signal ended it.
    pub fn exit_code(&self) -> Option<i32> {
        self.status.code()
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let args: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        write!(
            f,
            "tenantry {}: {}\n--- stdout\n{}\n--- stderr\n{}",
            args.join(" "),
            self.status,
            self.stdout,
            self.stderr
        )
    }
}
