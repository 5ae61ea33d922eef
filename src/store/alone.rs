//! A file for one daemon alone.

use std::fs::{File, TryLockError};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a lock is waited for. A program that the one before has just started holds its locks too, until its execve(2):
/// they are of the open file, which a fork shares (flock(2)).
const PATIENCE: Duration = Duration::from_secs(1);

/// Locks an open file, for as long as it is open.
///
/// # Errors
/// Another daemon has it and keeps it, or those of flock(2).
pub(crate) fn lock_alone(file: &File) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                return Err(io::Error::other("another daemon uses it"));
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(10)),
        }
    }
}
