//! `auditward canary`: an execution that the daemon is to see.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use jiff::Timestamp;

use super::Status;
use super::status::{connect, read, runtime};
use crate::daemon::directories::{CANARY_FILE, STATUS_SOCKET};

/// Be seen: prove that executions on this host reach the daemon's rules.
///
/// The execution of this very command is what is to be seen; the daemon says in its status when it last was,
/// and alerts when one was not. It does nothing else but note its time in the runtime directory. Run every 15
/// minutes by auditward-canary.timer.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 executed (with --wait: and seen), 1 not seen, 2 error.")]
pub struct Args {
    /// Wait until the daemon has seen it, for so many seconds at most
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,

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
/// The runtime directory may not be written, or the daemon not asked.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    // Before the file is written: stamps of the kernel move in steps.
    let executed = Timestamp::now() - Duration::from_millis(500);
    let runtime = runtime(args.runtime.as_deref(), args.config.as_deref());
    let file = runtime.join(CANARY_FILE);
    leave(&file).with_context(|| format!("{}: run it as root or as the daemon's user", file.display()))?;
    match args.wait {
        Some(seconds) => wait(&runtime.join(STATUS_SOCKET), executed, Duration::from_secs(seconds)),
        None => Ok(Status::Fine),
    }
}

/// The directory is the daemon's: nothing that lies there is followed or emptied.
fn leave(file: &Path) -> std::io::Result<()> {
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
    let opened: File =
        File::options().append(true).create(true).mode(0o640).custom_flags(flags).open(file)?;
    opened.set_modified(SystemTime::now())
}

fn wait(socket: &Path, executed: Timestamp, patience: Duration) -> anyhow::Result<Status> {
    let deadline = Instant::now() + patience;
    loop {
        let Some(stream) = connect(socket)? else {
            eprintln!("auditward: no daemon answers at {}: none runs", socket.display());
            return Ok(Status::NotSo);
        };
        let canary = read(stream)?.0.canary;
        let seen = canary.seen_at.as_ref().and_then(|at| at.parse::<Timestamp>().ok());
        if seen.is_some_and(|seen| seen >= executed) {
            println!("seen, {} ms after its execution", canary.way_millis.unwrap_or_default());
            return Ok(Status::Fine);
        }
        if Instant::now() >= deadline {
            let seconds = patience.as_secs();
            eprintln!("auditward: not seen within {seconds} s: `auditward doctor` says what is in the way");
            return Ok(Status::NotSo);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
