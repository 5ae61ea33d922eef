//! A file in the state directory, opened while the daemon may do everything and kept open, so that it can
//! be written whoever the daemon is by then.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::store::lock_alone;

/// The file, open and locked.
#[derive(Debug)]
pub(super) struct StateFile {
    pub(super) path: PathBuf,
    file: File,
}

impl StateFile {
    /// Opens the file `name` in `directory`, which it makes (0600) where it is missing.
    ///
    /// # Errors
    /// It cannot be opened for writing, is no plain file, has other names, or another daemon has it.
    pub(super) fn open(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags.bits());
        let file = options.open(&path).map_err(|error| named(&path, &error))?;
        let metadata = file.metadata()?;
        // The directory may be the daemon's own, and this is done as root.
        if !metadata.is_file() || metadata.nlink() != 1 {
            return Err(named(&path, &io::Error::other("not a plain file with one name")));
        }
        lock_alone(&file).map_err(|error| named(&path, &error))?;
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        Ok(Self { path, file })
    }

    /// What is in it, at most so many bytes.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn read(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&self.file).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Leaves nothing in it.
    ///
    /// # Errors
    /// Those of ftruncate(2) and fsync(2).
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0).and_then(|()| self.file.sync_all())
    }

    /// Puts `bytes` in the place of what is in it.
    ///
    /// # Errors
    /// It cannot be written; then the file is empty.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let write = |file: &mut File| {
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write(&mut self.file).map_err(|error| {
            let _ = self.file.set_len(0);
            named(&self.path, &error)
        })
    }
}

/// The error with the file's name.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
