//! `tenantry sandbox …`: the embedded Microsoft cloud, and the people and the world around it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::Length;
use super::{Output, SANDBOX_STATE, help};

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
    /// Accept GDAP relationships, as the customer's administrator would
    #[command(after_help = help::SANDBOX_APPROVE)]
    Approve(ApproveArgs),
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
    #[arg(long, value_name = "FILE", default_value = ".sandbox/world.yaml")]
    pub world: PathBuf,
    /// Ids are derived from it: the same seed and world give the same ids
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How slow the cloud is
    #[arg(long, value_name = "NAME", default_value = "instant", value_parser = ["instant"])]
    pub profile: String,
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
pub struct RequestsArgs {
    /// Only those that changed something
    #[arg(long)]
    pub writes: bool,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

#[derive(Args, Clone, Debug)]
pub struct DriftArgs {
    /// What happens; leave it out to see what there is
    pub kind: Option<String>,
    /// To what it happens
    #[arg(value_name = "KEY=VALUE")]
    pub with: Vec<String>,
}
