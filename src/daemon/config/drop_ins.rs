//! The drop-ins of a configuration file: `auditward.d/*.toml` beside `auditward.toml`.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::toml_file::{self, Codes};

/// The paths of the drop-ins of `file`, in the order of their names; a fault in the place of what cannot be listed. A
/// directory that is not there has none.
pub(super) fn paths(file: &Path) -> Vec<Result<PathBuf, Box<Diagnostic>>> {
    let directory = file.with_extension("d");
    let fault = |error: &io::Error| toml_file::unreadable(&directory, error, Codes::CONFIG);
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![Err(fault(&error))],
    };
    let (mut paths, mut faults) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => faults.push(Err(fault(&error))),
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.into_iter().map(Ok).chain(faults).collect()
}
