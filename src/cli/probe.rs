//! `auditward probe`: what the daemon may not read, read for it.

use super::Status;
use crate::daemon::probe;

/// Read for the daemon what it may not read itself (started by auditward-probe.socket).
///
/// The daemon runs without any privilege. This process holds three capabilities (CAP_SYS_PTRACE,
/// CAP_DAC_READ_SEARCH, CAP_AUDIT_CONTROL) and answers four fixed questions of the daemon's user, and of nobody
/// else: the program, namespaces and a few environment variables of a process; the SHA-256 of its program;
/// which accounts have no password, a locked one or one that is set; the state of the kernel's audit system.
/// It changes nothing. Where it does not run, the daemon goes on, and says what it could not read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user id that is answered [default: that of the account `auditward`]
    #[arg(long, value_name = "UID")]
    client: Option<u32>,

    /// The user and group id to become when started as root, as `auditward run` does it
    #[arg(long = "become", value_name = "UID")]
    become_id: Option<u32>,
}

/// Runs the command.
///
/// # Errors
/// There is no socket to listen on, or privilege cannot be laid down.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    probe::main(probe::Options { client: args.client, become_id: args.become_id })?;
    Ok(Status::Fine)
}
