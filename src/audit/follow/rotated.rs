//! The files that a log has been before: its siblings with a rotation's suffix.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::generation::{Generation, identity};
use super::position::Position;

/// How often the folder is read again when it changes meanwhile.
const ATTEMPTS: u32 = 8;

/// The generations that were written at `modified` (nanoseconds since the epoch) or later, oldest first,
/// without the file at `path`; and that file, if it is there.
///
/// # Errors
/// Those of opening that file.
pub(super) fn newer_than(path: &Path, modified: u64) -> io::Result<(Vec<Generation>, Option<Generation>)> {
    for attempt in 1.. {
        let last = match Generation::open(path) {
            Ok(last) => Some(last),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let named = last.as_ref().map(|g| g.identity);
        // A copy that is just being made before a truncation is no generation of its own.
        let beginning = last.as_ref().map(Generation::beginning).filter(|b| !b.is_empty());
        let newer = all(path)
            .into_iter()
            .filter(|g| g.modified() >= modified && Some(g.identity) != named)
            .filter(|g| beginning.is_none() || beginning != Some(g.beginning()))
            .collect();
        // Had a rotation come in between, a file could have been missed under both of its names.
        if identity_of(path) == named || attempt == ATTEMPTS {
            return Ok((newer, last));
        }
    }
    Ok((Vec::new(), None))
}

/// Device and inode of what is at `path` now.
pub(super) fn identity_of(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| identity(&metadata))
}

/// The generation of `position` among the rotated files, at that place.
pub(super) fn holding(path: &Path, position: &Position) -> Option<Generation> {
    (0..ATTEMPTS).find_map(|_| siblings(path).iter().rev().find_map(|name| Generation::at(name, position)))
}

/// All rotated files that can be read, oldest first, each content once.
pub(super) fn all(path: &Path) -> Vec<Generation> {
    let mut found: Vec<Generation> = Vec::new();
    for name in siblings(path) {
        // What is no log, or is gone by now, is passed over.
        let Ok(generation) = Generation::open(&name) else { continue };
        // A file may be met under two names while it is renamed, a content twice while it is compressed.
        let beginning = generation.beginning();
        let same = |known: &Generation| {
            known.identity == generation.identity || (!beginning.is_empty() && known.beginning() == beginning)
        };
        if !found.iter().any(same) {
            found.push(generation);
        }
    }
    // Stable: where times are equal, the order of the names holds.
    found.sort_by_key(Generation::modified);
    found
}

/// The names of rotated files: by number the highest first, else by name.
fn siblings(path: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u64, String)> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|sibling| Some((rotation(name, &sibling)?, sibling)))
        .collect();
    found.sort();
    found.into_iter().map(|(_, sibling)| folder.join(sibling)).collect()
}

/// Where in the order of names a rotated file stands: `NAME.7`, `NAME-20261125`, `NAME.7.gz` and, with
/// logrotate's `extension`, `STEM.7.log` and `STEM-20261125.log.gz`. `None` for any other file.
fn rotation(name: &str, sibling: &str) -> Option<u64> {
    let plain = sibling.strip_suffix(".gz").unwrap_or(sibling);
    let suffix = plain.strip_prefix(name).or_else(|| {
        let (stem, extension) = name.rsplit_once('.')?;
        plain.strip_prefix(stem)?.strip_suffix(extension)?.strip_suffix('.')
    })?;
    let number = suffix.strip_prefix(['.', '-'])?;
    let is_number =
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
    if !is_number || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match number.parse::<u64>() {
        // A counter: 7 is older than 1.
        Ok(count) if number.len() < 6 => Some(u64::MAX / 2 - count),
        // A date: the order of the names is that of time.
        _ => Some(u64::MAX / 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_is_known_by_its_name() {
        let is = |sibling| rotation("audit.log", sibling).is_some();
        for yes in [
            "audit.log.1",
            "audit.log.12",
            "audit.log-20261125",
            "audit.log-20261125-1764000000",
            "audit.log.1.gz",
            "audit-20261125.log",
            "audit.3.log.gz",
        ] {
            assert!(is(yes), "{yes}");
        }
        for no in [
            "audit.log",
            "audit.log.gz",
            "audit.log.bak",
            "audit.log.1~",
            "audit.log.new",
            "audit2.log",
            "audit.log-",
        ] {
            assert!(!is(no), "{no}");
        }
        assert!(rotation("audit.log", "audit.log.10") < rotation("audit.log", "audit.log.9"));
    }
}
