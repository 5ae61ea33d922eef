//! Alerts on disk, before they are sent: an SQLite file (write-ahead log, `synchronous=NORMAL`).
//!
//! [`Store::hand_over`] never waits: it puts the alert into a bounded queue, from which one thread (`writer`)
//! commits batch after batch. Each destination has a [`Position`]: it waits there for the commit (a little
//! while, should the disk stand still), says what its receiver has taken, and reads what no longer fits into
//! memory, or was left by an earlier run. So one that hangs holds back no other, and a restart goes on where
//! each was: at least once, in order.
//!
//! What cannot be written goes out all the same, is counted and told ([`Store::told`]). A file that is damaged,
//! foreign or of a newer version is set aside (`file`), and a new one begun.
//!
//! What a crash costs: `kill -9` nothing that was committed, and what is sent was committed. A power loss may cost
//! what was written since the last checkpoint (`checkpoint`).

use std::path::PathBuf;

mod alone;
mod checkpoint;
mod file;
mod position;
mod query;
mod retention;
mod row;
mod schema;
mod shared;
mod untold;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use alone::lock_alone;
pub use position::{Backlog, Position};
pub use query::{Query, Reader, Tally, Wanted};
pub use row::StoredAlert;
pub use shared::Figures;
pub use writer::Store;

/// The file's name in the state directory.
pub const FILE: &str = "alerts.db";

/// Where alerts are stored, and how much of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file. Beside it stand SQLite's `-wal` and `-shm`, and `.lock`.
    pub path: PathBuf,
    /// Alerts older than so many days are deleted.
    pub days: u32,
    /// When the alerts take more bytes than this, the oldest are deleted.
    pub bytes: u64,
}
