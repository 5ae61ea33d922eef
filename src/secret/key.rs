//! The key that tokens are made under.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

const LENGTH: usize = 32;

/// 32 random bytes.
#[derive(Clone)]
pub struct Key([u8; LENGTH]);

/// No key: without one no token can be made.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file is there and cannot be read, or cannot be made.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file has another length.
    #[error("{}: {length} bytes, where the key has 32; remove the file for a new key", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// The kernel gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl Key {
    /// A key for this run alone.
    ///
    /// # Errors
    /// The kernel gives no random bytes.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// A key for this run where the kernel gives no random bytes (before Linux 3.17, or refused by a sandbox):
    /// tokens can be guessed then, but nothing is shown in plain.
    pub(super) fn of_time() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (time, pid) = (now.as_nanos().to_le_bytes(), std::process::id().to_le_bytes());
        let mut bytes = [0; LENGTH];
        for (place, byte) in bytes.iter_mut().zip(time.into_iter().chain(pid)) {
            *place = byte;
        }
        Self(bytes)
    }

    /// The key of a file.
    ///
    /// # Errors
    /// It is not there, cannot be read, or is no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let fault = |source| KeyError::File { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        // One more than it should have, so that a longer file is seen, whatever its size.
        File::open(path)
            .and_then(|file| file.take(LENGTH as u64 + 1).read_to_end(&mut bytes))
            .map_err(fault)?;
        match bytes.as_slice().try_into() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(KeyError::Length { path: path.to_owned(), length: bytes.len() }),
        }
    }

    /// The key of a file, which is made where there is none, for its owner alone.
    ///
    /// # Errors
    /// It cannot be read or made, or is no key.
    pub fn read_or_make(path: &Path) -> Result<Self, KeyError> {
        match Self::read(path) {
            Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let key = Self::random()?;
        let fault = |source| KeyError::File { path: path.to_owned(), source };
        let mut file = match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(path)
        {
            Ok(file) => file,
            // Somebody was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Self::read(path),
            Err(source) => return Err(fault(source)),
        };
        match file.write_all(&key.0).and_then(|()| file.sync_all()) {
            Ok(()) => Ok(key),
            Err(source) => {
                // Half a key would be refused at the next start.
                let _ = std::fs::remove_file(path);
                Err(fault(source))
            }
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(super) fn of(byte: u8) -> Self {
        Self([byte; LENGTH])
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}
