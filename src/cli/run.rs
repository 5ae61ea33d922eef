//! `auditward run`: the daemon in the foreground.

use std::path::PathBuf;

use super::Status;
use crate::daemon;
use crate::rule::policy::SITE;

/// Watch this machine, in the foreground.
///
/// Joins the kernel's audit multicast group, beside auditd, and writes alerts to the system's log (see
/// them with `journalctl -t auditward` or in the file for authpriv). Started as root, it gives root up
/// before it reads the first record. Ends on SIGTERM or Ctrl-C; SIGHUP does what `auditward reload` does.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 told to end, 2 error, 3 another daemon runs already, 4 this kernel or \
    namespace has no auditing, 5 not permitted to listen."
)]
pub struct Args {
    /// Configuration file [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Rule file or directory, instead of the configured ones (again for more)
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)
    #[arg(long, value_name = "DIR", default_value = SITE)]
    site: PathBuf,

    /// Print alerts on standard output as well
    #[arg(long)]
    stdout: bool,

    /// Account to run as when started as root [default: `auditward` where it exists, else a free number]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Turn auditing on and load the kernel rules that the detection rules need; at the end, also after
    /// kill -9, take back exactly what was changed
    #[arg(long)]
    load_kernel_rules: bool,
}

/// Runs the command.
///
/// # Errors
/// The daemon cannot start, or the audit socket is gone.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    daemon::run(&daemon::Options {
        config: args.config.clone(),
        rules: args.rules.clone(),
        site: Some(args.site.clone()),
        stdout: args.stdout,
        user: args.user.clone(),
        load_kernel_rules: args.load_kernel_rules,
    })?;
    Ok(Status::Fine)
}
