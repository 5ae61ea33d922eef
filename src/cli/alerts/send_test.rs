//! `auditward alerts send-test`: a marked alert down every destination, and what each said.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::cli::Status;
use crate::cli::reload::ask;

/// How long the daemon may take: it waits 10 s for its destinations.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The runtime directory of the daemon [default: of the configuration, else /run/auditward]
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,

    /// Configuration file, to find the daemon by [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Status> {
    let (word, lines) = ask(args.runtime.as_deref(), args.config.as_deref(), "send-test\n", PATIENCE)?;
    print!("{lines}");
    match word.as_str() {
        "sent" => Ok(Status::Fine),
        "failed" => Ok(Status::NotSo),
        "refused" => bail!("the daemon refuses"),
        _ => bail!("the daemon's answer is not understood"),
    }
}
