//! A file that is replaced whole: what reads it (node_exporter's textfile collector) never sees half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts `text` under `path`, readable by everybody, by way of a file of another name in the same directory.
///
/// # Errors
/// The directory may not be written, or the disk is full; what stood there stays.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // Collectors read `*.prom`.
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file: File = File::options().write(true).create_new(true).mode(0o644).open(path)?;
    file.write_all(text.as_bytes())?;
    // The umask may be tighter than what the collector needs.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_reader_never_sees_half_of_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("auditward.prom");
        let texts: Vec<String> = (0..2).map(|n| format!("line {n}\n").repeat(20_000)).collect();
        replace(&path, &texts[0]).expect("written");
        std::thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|n| replace(&path, &texts[n % 2]).expect("replaced")));
            for _ in 0..200 {
                let read = fs::read_to_string(&path).expect("readable");
                assert!(texts.contains(&read), "{} bytes", read.len());
            }
        });
        assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 1);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn what_stood_there_stays_when_it_cannot_be_written() {
        let path = Path::new("/nonexistent/auditward.prom");
        assert!(replace(path, "x").is_err());
        let dir = tempfile::tempdir().expect("a directory");
        assert!(replace(dir.path(), "x").is_err(), "a directory is not replaced");
        assert!(dir.path().is_dir());
    }
}
