//! `tenantry operator`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Whose time rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Time {
    /// The machine's.
    #[default]
    Machine,
    /// That of the endpoint, which must be a sandbox: for tests that play time.
    Cloud,
}

#[derive(Args, Clone, Debug)]
pub struct OperatorArgs {
    /// Watch this namespace only [default: all]
    #[arg(short, long, value_name = "NAMESPACE", help_heading = "Cluster")]
    pub namespace: Option<String>,

    /// Context of the kubeconfig [default: the current one; in a pod, its service account]
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub context: Option<String>,

    /// Another server that answers with Microsoft's paths [env: TENANTRY_ENDPOINT]
    #[arg(long, value_name = "URL", help_heading = "Microsoft")]
    pub endpoint: Option<String>,

    /// A host that --endpoint may name; secrets go there. May be given several times
    #[arg(
        long,
        value_name = "HOST",
        env = "TENANTRY_ALLOW_ENDPOINT",
        value_delimiter = ',',
        help_heading = "Microsoft"
    )]
    pub allow_endpoint: Vec<String>,

    /// Certificates in PEM to trust beside the public ones [env: TENANTRY_CA_FILE]
    #[arg(long, value_name = "FILE", help_heading = "Microsoft")]
    pub ca_file: Option<PathBuf>,

    /// Requests to Microsoft under way at once
    #[arg(long, value_name = "N", default_value = "20", value_parser = values::positive, help_heading = "Microsoft")]
    pub parallelism: usize,

    /// Objects worked on at once
    #[arg(long, value_name = "N", default_value = "32", value_parser = values::positive)]
    pub concurrency: usize,

    /// Where /livez, /readyz and /metrics are served; empty: nowhere
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9095", env = "TENANTRY_METRICS_LISTEN")]
    pub metrics_listen: String,

    /// How log lines look
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, env = "TENANTRY_LOG_FORMAT")]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "TENANTRY_LOG_LEVEL")]
    pub log_level: String,

    /// Whose time says what is due
    #[arg(long, value_enum, value_name = "WHOSE", default_value_t, hide = true)]
    pub clock: Time,
}
