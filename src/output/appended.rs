//! A file that is only ever appended to, whose rotation is followed both ways: told ([`Appended::reopen`]) or not (the
//! path is looked at once a second when something is to be written).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use super::sink::write_rest;

/// How often the path is looked at.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// See the module's page.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) path: PathBuf,
    mode: u32,
    file: Option<File>,
    pub(super) looked: Instant,
}

impl Appended {
    /// Opens or creates the file, so that a path that cannot be is told at the start.
    pub(super) fn open(path: PathBuf, mode: u32) -> io::Result<Self> {
        let file = open(&path, mode)?;
        Ok(Self { path, mode, file: Some(file), looked: Instant::now() })
    }

    /// Lets go of a file that no longer stands under the path; whether it did. A line that was begun is to be begun
    /// again then, so that no file holds the end of a line without its beginning.
    pub(super) fn look(&mut self) -> bool {
        if self.looked.elapsed() < LOOK_AGAIN {
            return false;
        }
        self.looked = Instant::now();
        let held = self.file.as_ref().and_then(|f| f.metadata().ok());
        let there = std::fs::metadata(&self.path).ok();
        let id = |m: std::fs::Metadata| (m.dev(), m.ino());
        let moved = held.map(id) != there.map(id);
        if moved {
            self.reopen();
        }
        moved
    }

    /// Lets go of the file; the next write opens what stands under the path then.
    pub(super) fn reopen(&mut self) {
        self.file = None;
        self.looked = Instant::now();
    }

    /// Appends `bytes` from `written` on, which goes on as they are taken.
    ///
    /// # Errors
    /// Not all could be written.
    pub(super) fn write(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path, self.mode)?),
        };
        write_rest(file, bytes, written)
    }
}

/// For appending, created with `mode` (less the umask). A FIFO or a device is not waited for. Root follows no link that another
/// user could have made: the directory may be the daemon's own.
fn open(path: &Path, mode: u32) -> io::Result<File> {
    let of_another = nix::unistd::geteuid().is_root()
        && path.parent().and_then(|parent| parent.metadata().ok()).is_some_and(|parent| parent.uid() != 0);
    let mut flags = OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
    flags.set(OFlag::O_NOFOLLOW, of_another);
    let file =
        OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    if kind.is_block_device() || kind.is_dir() {
        return Err(io::Error::other("not a file to append to"));
    }
    if of_another && kind.is_file() && metadata.nlink() != 1 {
        return Err(io::Error::other("it has other names too, in a directory that is not root's"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn root_follows_no_link_in_a_directory_of_another_user() {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: only root may give a directory away");
            return;
        }
        let folder = tempfile::tempdir().expect("a directory");
        let (other, own) = (folder.path().join("other"), folder.path().join("own"));
        fs::write(&other, "kept").expect("a file");
        fs::create_dir(&own).expect("a directory");
        let [link, second] = ["link", "second"].map(|name| own.join(name));
        std::os::unix::fs::symlink(&other, &link).expect("a link");
        fs::hard_link(&other, &second).expect("a link");
        assert!(Appended::open(link.clone(), 0o600).is_ok(), "root's own link");
        std::os::unix::fs::chown(&own, Some(12_345), None).expect("given away");
        for path in [link, second] {
            assert!(Appended::open(path.clone(), 0o600).is_err(), "{}", path.display());
        }
        assert!(Appended::open(own.join("plain"), 0o600).is_ok());
    }
}
