//! The thread that brings what was committed from the write-ahead log into the file, and to the disk.
//!
//! Between two checkpoints nothing is synchronised: a commit costs no wait for the disk, and a power loss may cost
//! what was committed since the last one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::file;

/// The time between two checkpoints while alerts are written.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// Where the thread is told that something was committed. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    committed: Option<SyncSender<()>>,
    gate: Arc<Mutex<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(path: PathBuf) -> io::Result<Self> {
        let (committed, told) = sync_channel(1);
        let gate = Arc::new(Mutex::new(()));
        let shut = Arc::clone(&gate);
        let thread = std::thread::Builder::new()
            .name("store-sync".to_owned())
            .spawn(move || run(&path, &told, &shut))?;
        Ok(Self { committed: Some(committed), gate, thread: Some(thread) })
    }

    /// Keeps the thread from the file, which is to be replaced: SQLite deletes a log by its name when the last
    /// connection is closed, whatever file has the name by then.
    pub(super) fn shut(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was committed.
    pub(super) fn committed(&self) {
        if let Some(Err(TrySendError::Disconnected(()))) =
            self.committed.as_ref().map(|told| told.try_send(()))
        {
            tracing::debug!("the store's thread for checkpoints is gone");
        }
    }
}

impl Drop for Checkpoints {
    /// Its connection must be closed first: the last one to be closed brings everything into the file.
    fn drop(&mut self) {
        self.committed = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(path: &Path, told: &Receiver<()>, gate: &Mutex<()>) {
    while told.recv().is_ok() {
        let due = Instant::now() + EVERY;
        loop {
            match told.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let _gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
        // Opened each time: the file may be another one by now, and its pages need not stay in memory.
        if let Err(error) = file::open_to_checkpoint(path).and_then(|connection| passive(&connection)) {
            tracing::debug!("checkpoint of the store: {error}");
        }
    }
}

/// A checkpoint that waits for nobody.
///
/// # Errors
/// Those of SQLite.
pub(super) fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
