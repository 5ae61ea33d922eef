//! How often each program was executed, kept over a restart: one file in the state directory, written every few minutes and at
//! the end by a thread of its own.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::state_file::StateFile;
use crate::event::Runs;

/// The file in it.
const FILE: &str = "programs.state";

/// The most bytes that are read: of 4,096 paths with 1,024 bytes, each of which may be written as `\xNN`.
const MOST_BYTES: u64 = 20 << 20;

/// How often it is written; what a `kill -9` can cost.
const OFTEN: Duration = Duration::from_secs(300);

/// The file, open and locked.
#[derive(Debug)]
pub(super) struct Programs {
    file: StateFile,
}

/// The thread that writes it.
#[derive(Debug)]
pub(super) struct Keeping {
    end: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Programs {
    /// Opens the file in `directory`, which it makes (0600) where it is missing.
    ///
    /// # Errors
    /// It cannot be opened for writing, is no plain file, has other names, or another daemon has it.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: StateFile::open(directory, FILE)? })
    }

    /// Adds what former runs counted; why that cannot be, where it cannot.
    pub(super) fn resume(&self, runs: &Runs) -> Option<String> {
        let resumed = match self.file.read(MOST_BYTES) {
            Ok(bytes) if bytes.is_empty() => return None,
            Ok(bytes) => runs.resume(&bytes),
            Err(error) => Err(error.to_string()),
        };
        let why = resumed.err()?;
        Some(format!("{}: {why}: executions of programs are counted anew", self.file.path.display()))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// Those of pthread_create(3).
    pub(super) fn keep(mut self, runs: Arc<Runs>) -> io::Result<Keeping> {
        let (end, ended) = sync_channel::<()>(0);
        let mut told = false;
        let mut write = move || match self.file.write(&runs.written()) {
            Ok(()) => told = false,
            Err(error) if !told => {
                tracing::warn!("{error}: how often programs were executed is not kept");
                told = true;
            }
            Err(_) => {}
        };
        let run = move || {
            while ended.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                write();
            }
            write();
        };
        let thread = std::thread::Builder::new().name("programs".to_owned()).spawn(run)?;
        Ok(Keeping { end, thread })
    }
}

impl Keeping {
    /// Has it written a last time, and waits for that.
    pub(super) fn finish(self) {
        drop(self.end);
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_counted_on_in_the_next_run() {
        let folder = tempfile::tempdir().expect("a directory");
        for run in 1..=3 {
            let runs = Arc::new(Runs::default());
            let programs = Programs::open(folder.path()).expect("opened");
            assert_eq!(programs.resume(&runs), None);
            runs.note(b"/usr/sbin/usermod", 1_790_000_000_000 + run);
            let keeping = programs.keep(Arc::clone(&runs)).expect("a thread");
            keeping.finish();
            let known = runs.of(b"/usr/sbin/usermod").expect("it was executed");
            assert_eq!((known.count, known.first), (run, 1_790_000_000_001));
        }
    }

    #[test]
    fn what_is_damaged_is_told_and_written_anew() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join(FILE);
        std::fs::write(&path, "half a fi").expect("written");
        let runs = Arc::new(Runs::default());
        let programs = Programs::open(folder.path()).expect("opened");
        let told = programs.resume(&runs).expect("told");
        assert!(told.ends_with("executions of programs are counted anew"), "{told}");
        programs.keep(Arc::clone(&runs)).expect("a thread").finish();
        assert_eq!(Programs::open(folder.path()).expect("opened").resume(&runs), None);
    }
}
