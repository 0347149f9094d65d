//! `tenantry sandbox …`: the embedded Microsoft cloud, and the people and the world around it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::Length;
use super::{Output, SANDBOX_STATE, help};
use crate::sandbox::{ClockWish, Profile};

/// Where a world lies unless another file is given.
pub const WORLD: &str = ".sandbox/world.yaml";

#[derive(Args, Clone, Debug)]
#[command(after_help = help::SANDBOX)]
pub struct SandboxArgs {
    #[command(subcommand)]
    pub command: SandboxCommand,

    /// The file that holds the cloud's state
    #[arg(long, global = true, value_name = "FILE", default_value = SANDBOX_STATE)]
    pub state: PathBuf,
}

#[derive(Subcommand, Clone, Debug)]
pub enum SandboxCommand {
    /// Make a cloud from a world file; fails when there is one already
    #[command(after_help = help::SANDBOX_INIT)]
    Init(InitArgs),
    /// Serve the cloud to other programs until SIGINT or SIGTERM
    #[command(after_help = help::SANDBOX_SERVE)]
    Serve(ServeArgs),
    /// Accept GDAP relationships, as the customer's administrator would
    #[command(after_help = help::SANDBOX_APPROVE)]
    Approve(ApproveArgs),
    /// Let an app into a tenant with all that it requires, as an administrator would
    #[command(after_help = help::SANDBOX_CONSENT)]
    Consent {
        /// Domain, name or id of the tenant
        tenant: String,
        /// Name or client id of the app
        app: String,
    },
    /// Print what other programs need to use the cloud, as export lines for a shell
    #[command(after_help = help::SANDBOX_ENV)]
    Env(EnvArgs),
    /// Let time go by in the cloud
    #[command(after_help = help::SANDBOX_ADVANCE)]
    Advance {
        /// 30m, 2h, 1h30m, 7d
        duration: Length,
    },
    /// Print what was asked of the cloud
    #[command(after_help = help::SANDBOX_REQUESTS)]
    Requests(RequestsArgs),
    /// Change something behind Tenantry's back
    #[command(after_help = help::SANDBOX_DRIFT)]
    Drift(DriftArgs),
    /// Forget the cloud; the next use makes a new one
    #[command(after_help = help::SANDBOX_RESET)]
    Reset,
    /// Print every operation of Microsoft Graph that is served, as tab-separated values
    #[command(hide = true)]
    Routes,
    /// Measure the cloud against its budgets
    #[command(hide = true)]
    Bench(BenchArgs),
    /// Make the cloud misbehave, for tests
    #[command(hide = true)]
    Fault {
        /// A JSON document, as POST /_sandbox/faults takes it
        wish: String,
    },
}

#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// A world in YAML: tenants, users, apps, groups
    #[arg(long, value_name = "FILE", default_value = WORLD)]
    pub world: PathBuf,
    /// Ids are derived from it: the same seed and world give the same ids
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How slow the cloud is: instant, realistic, hostile [default: the world's, else instant]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<Profile>,
    /// Add N customers to those of the world: fleet-00001, fleet-00002 …
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=99_999))]
    pub fleet: u32,
}

#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Serve with TLS, by a CA of its own beside the state file
    #[arg(long)]
    pub tls: bool,
    /// Answer so many milliseconds later, except the control API
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=600_000))]
    pub latency: u64,
    /// follow (wall time, moved by `advance`) or fixed@TIME (moved by `advance` only) [default: as the
    /// state has it; follow when it is new]
    #[arg(long, value_name = "CLOCK")]
    pub clock: Option<ClockWish>,
    /// How slow the cloud is from now on: instant, realistic, hostile [default: as the state has it; a new
    /// one as its world says]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<Profile>,
    /// A world in YAML, to make the cloud when there is none yet [default: .sandbox/world.yaml]
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct ApproveArgs {
    /// Name or id of the relationship
    pub relationship: Option<String>,
    /// Every relationship that waits for its customer
    #[arg(long)]
    pub all: bool,
}

#[derive(Args, Clone, Debug)]
pub struct EnvArgs {
    /// Domain, name or id of the tenant to act in [default: the partner's]
    pub tenant: Option<String>,
    /// The world in YAML that the cloud was made from: it alone knows the values of credentials
    #[arg(long, value_name = "FILE", default_value = WORLD)]
    pub world: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub struct RequestsArgs {
    /// Only those that changed something
    #[arg(long)]
    pub writes: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// A world in YAML
    #[arg(long, value_name = "FILE", default_value = WORLD)]
    pub world: PathBuf,
    /// How many customers the large world has
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=99_999))]
    pub fleet: u32,
    /// How many seconds are spent on reads
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
}

#[derive(Args, Clone, Debug)]
pub struct DriftArgs {
    /// What happens; leave it out to see what there is
    pub kind: Option<String>,
    /// To what it happens
    #[arg(value_name = "KEY=VALUE")]
    pub with: Vec<String>,
}
