//! The command line, as types: what is asked for, never what it does.

mod help;
mod operator;
mod sandbox;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::style::ColorChoice;
pub use operator::{LogFormat, OperatorArgs, Time};
pub use sandbox::{BenchArgs, EnvArgs, InitArgs, SandboxArgs, SandboxCommand, ServeArgs, WORLD as SANDBOX_WORLD};
pub use values::Length;

/// Where the embedded Microsoft cloud keeps its state unless another file is given.
pub const SANDBOX_STATE: &str = ".tenantry/sandbox.json";

/// Infrastructure as code for the Microsoft 365 partner set-up of an MSP.
#[derive(Parser, Clone, Debug)]
#[command(name = "tenantry", version, about, long_about = help::ABOUT, after_help = help::EVERYWHERE)]
#[command(propagate_version = false, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// When to colour output; NO_COLOR and CLICOLOR_FORCE are honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,

    /// Log to stderr; twice for more. Secrets are never logged
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Check manifests offline: schema, rules, references
    #[command(after_help = help::VALIDATE)]
    Validate(ValidateArgs),
    /// Show what would change, and what waits for whom; writes nothing
    #[command(after_help = help::PLAN)]
    Plan(PlanArgs),
    /// Make it so: plan, confirm, write, read back
    #[command(after_help = help::APPLY)]
    Apply(ApplyArgs),
    /// Show the fleet and every condition, read live; writes nothing
    #[command(after_help = help::STATUS)]
    Status(StatusArgs),
    /// Keep what a Kubernetes cluster declares, until told to stop
    #[command(after_help = help::OPERATOR)]
    Operator(OperatorArgs),
    /// Rehearse against an embedded Microsoft cloud
    Sandbox(SandboxArgs),
    /// Print or write the custom resource definitions
    #[command(after_help = help::CRDS)]
    Crds(CrdsArgs),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETION)]
    Completion(CompletionArgs),
    /// Print the version
    Version(VersionArgs),
}

/// `-o` of the commands whose result is data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON document on stdout.
    Json,
}

/// What is declared.
#[derive(Args, Clone, Debug)]
pub struct Files {
    /// Manifests: files, folders (recursively), or - for stdin; YAML of several documents, or JSON
    ///
    /// The order does not matter. Files and folders whose name begins with a dot are not read.
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true, num_args = 1..)]
    pub filename: Vec<PathBuf>,
}

/// What is declared, in files or in a cluster.
#[derive(Args, Clone, Debug)]
pub struct Sources {
    /// Manifests: files, folders (recursively), or - for stdin; YAML of several documents, or JSON
    ///
    /// The order does not matter. Files and folders whose name begins with a dot are not read.
    #[arg(short = 'f', long = "filename", value_name = "PATH", num_args = 1.., required_unless_present = "kube")]
    pub filename: Vec<PathBuf>,

    /// What a cluster declares, instead of files; its Secrets are read and written
    #[arg(long, conflicts_with = "filename", help_heading = "Cluster")]
    pub kube: bool,

    /// Only this namespace of the cluster [default: all]
    #[arg(short, long, value_name = "NAMESPACE", requires = "kube", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", requires = "kube", help_heading = "Cluster")]
    pub context: Option<String>,
}

/// How Microsoft is reached, and where secrets lie.
#[derive(Args, Clone, Debug)]
pub struct Reaching {
    /// Against the embedded Microsoft cloud, whose state lies in FILE
    ///
    /// It is made on first use, from .sandbox/world.yaml beside the manifests, else from what the
    /// manifests declare.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = SANDBOX_STATE, help_heading = "Where")]
    pub sandbox: Option<PathBuf>,

    /// Another server that answers with Microsoft's paths [env: TENANTRY_ENDPOINT]
    #[arg(long, value_name = "URL", conflicts_with = "sandbox", help_heading = "Where")]
    pub endpoint: Option<String>,

    /// Certificates in PEM to trust beside the public ones [env: TENANTRY_CA_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "sandbox", help_heading = "Where")]
    pub ca_file: Option<PathBuf>,

    /// Secrets, read and written as DIR/<secret>/<key> [default with --sandbox: .tenantry/secrets]
    #[arg(long, value_name = "DIR", env = "TENANTRY_SECRETS_DIR", hide_env_values = true, help_heading = "Where")]
    pub secrets_dir: Option<PathBuf>,

    /// Remembers when changes were made, for waits that Microsoft keeps no time of
    /// [default with --sandbox: .tenantry/journal.json]
    #[arg(long, value_name = "FILE", help_heading = "Where")]
    pub journal: Option<PathBuf>,

    /// Requests under way at once
    #[arg(long, value_name = "N", default_value = "10", value_parser = values::positive, help_heading = "Where")]
    pub parallelism: usize,
}

#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub files: Files,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    pub sources: Sources,
    #[command(flatten)]
    pub reaching: Reaching,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Exit with 2 when something would be written now
    #[arg(long)]
    pub detailed_exitcode: bool,
}

#[derive(Args, Clone, Debug)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub sources: Sources,
    #[command(flatten)]
    pub reaching: Reaching,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Do not ask before writing
    #[arg(long)]
    pub auto_approve: bool,
    /// Go on until all is Ready or waits for a person, at most DURATION (30m, 2h) [without a value: 3h]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "3h")]
    pub wait: Option<Length>,
    /// Exit with 0 instead of 3 when something waits
    #[arg(long)]
    pub allow_waiting: bool,
    /// Write nothing when the plan has more than N changes
    #[arg(long, value_name = "N")]
    pub max_changes: Option<usize>,
}

#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    pub sources: Sources,
    #[command(flatten)]
    pub reaching: Reaching,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Args, Clone, Debug)]
pub struct CrdsArgs {
    /// Write one file a kind into this folder instead of printing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write nothing; fail when the files in --out DIR are not as they would be written
    #[arg(long, requires = "out")]
    pub check: bool,
}

#[derive(Args, Clone, Debug)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Args, Clone, Debug)]
pub struct VersionArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

#[cfg(test)]
mod tests;
