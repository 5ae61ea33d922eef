//! `auditward snapshot`: the processes that run now, for the head of a recording.

use std::io::Write;

use super::Status;
use crate::event::{Host, proc::ProcGaps, snapshot};

/// Print this host's processes, to stand at the head of a recording.
///
/// A replay knows parents only from the records, unless these lines come first:
///
///   auditward snapshot > recording.log   (as root, so that executables can be read)
///   tail -n 0 -F /var/log/audit/audit.log >> recording.log
///   auditward replay recording.log
///
/// ausearch and other readers of audit logs pass over the lines.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {}

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(_: &Args) -> anyhow::Result<Status> {
    let mut out = std::io::stdout().lock();
    snapshot::write(&Host::this(), &ProcGaps::new().all(), &mut out)?;
    out.flush()?;
    Ok(Status::Fine)
}
