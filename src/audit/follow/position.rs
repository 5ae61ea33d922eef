//! A place in a log that survives rotation and restart.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// See the module. To be kept from one run to the next by [`Position::save`] and [`Position::load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Device of the file. For the reader's information: files are known by their beginning.
    pub device: u64,
    /// Inode of the file; the same.
    pub inode: u64,
    /// Bytes of the file before the place, as they are uncompressed.
    pub offset: u64,
    /// How many of the file's first bytes `beginning` is made from.
    pub beginning_length: u64,
    /// SHA-256 of these, in hex.
    pub beginning: String,
    /// When the file had last been written, in nanoseconds since the epoch: files that were written
    /// later are newer.
    pub modified: u64,
}

impl Position {
    /// Writes it to a file, so that either the old or the new position is there at any time.
    ///
    /// # Errors
    /// Those of writing and renaming.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }

    /// Reads what [`Position::save`] wrote; `None` where there is no file.
    ///
    /// # Errors
    /// Those of reading, and `InvalidData` for what is no position.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the file held nothing yet.
    pub(super) fn is_beginning(&self) -> bool {
        self.beginning_length == 0
    }
}

/// What [`Position::beginning`] is for these first bytes.
pub(super) fn digest(beginning: &[u8]) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(beginning) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
