//! `auditward reload`: the running daemon reads rules and settings anew.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

use super::Status;
use super::status::{connect, runtime};
use crate::clean;
use crate::daemon::directories::CONTROL_SOCKET;

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// How long reading the rules may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Have the running daemon read rules, lists, exceptions and settings anew, and open its files anew.
///
/// No event is lost. What has a fault is refused whole: everything stays as it was, the faults are shown
/// with their places, and the command fails. Each rule that changed is answered with whether it is live.
/// Only root may ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 in force, 1 refused, 2 the daemon could not be asked.\n\
    `systemctl reload auditward` does the same; SIGHUP too, with the answer in the log.")]
pub struct Args {
    /// The runtime directory of the daemon [default: of the configuration, else /run/auditward]
    #[arg(long, value_name = "DIR")]
    runtime: Option<PathBuf>,

    /// Configuration file, to find the daemon by [default: /etc/auditward/auditward.toml where it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// No daemon runs, or it does not answer.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let (word, lines) = ask(args.runtime.as_deref(), args.config.as_deref(), "reload\n", PATIENCE)?;
    match word.as_str() {
        "reloaded" => {
            print!("{lines}");
            Ok(Status::Fine)
        }
        "refused" => {
            eprint!("{lines}");
            Ok(Status::NotSo)
        }
        _ => bail!("the daemon's answer is not understood"),
    }
}

/// Asks the running daemon, over the socket that is for root: the first word of its answer, and its lines, clean.
///
/// # Errors
/// No daemon runs, or it does not answer.
pub(super) fn ask(
    named: Option<&Path>,
    config: Option<&Path>,
    request: &str,
    patience: Duration,
) -> anyhow::Result<(String, String)> {
    let socket = runtime(named, config).join(CONTROL_SOCKET);
    let Some(mut stream) = connect(&socket)? else {
        bail!("no daemon answers at {}: none runs", socket.display());
    };
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    let (word, rest) = answer.split_once('\n').unwrap_or((&answer, ""));
    let lines = rest.lines().map(|line| format!("{}\n", clean::text(line.as_bytes()))).collect();
    Ok((word.to_owned(), lines))
}
