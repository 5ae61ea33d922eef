//! A file that grows by one line a message.
//!
//! Rotation is followed both ways: told ([`Sink::reopen`]) or not (the path is looked at once a second
//! when something is to be written). A full disk keeps the line and its rest until there is space.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;

use super::lines::Format;
use super::message::Message;
use super::sink::{Outcome, Sink};

/// How often the path is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// See the module's page.
#[derive(Debug)]
pub(super) struct FileSink {
    path: PathBuf,
    mode: u32,
    format: Format,
    file: Option<File>,
    looked: Instant,
    line: Vec<u8>,
    written: usize,
    trouble: Option<io::Error>,
}

impl FileSink {
    /// Opens or creates the file, so that a path that cannot be is told at the start.
    pub(super) fn open(path: PathBuf, mode: u32, format: Format) -> io::Result<Self> {
        let file = open(&path, mode)?;
        Ok(Self {
            path,
            mode,
            format,
            file: Some(file),
            looked: Instant::now(),
            line: Vec::new(),
            written: 0,
            trouble: None,
        })
    }

    /// Lets go of a file that no longer stands under the path. A line that was begun is begun again in
    /// the new file, so that no file holds the end of a line without its beginning.
    fn look(&mut self) {
        if self.looked.elapsed() < LOOK_AGAIN {
            return;
        }
        self.looked = Instant::now();
        let held = self.file.as_ref().and_then(|f| f.metadata().ok());
        let there = std::fs::metadata(&self.path).ok();
        let id = |m: std::fs::Metadata| (m.dev(), m.ino());
        if held.map(id) != there.map(id) {
            self.reopen();
        }
    }

    fn write_rest(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(open(&self.path, self.mode)?),
        };
        while let Some(rest) = self.line.get(self.written..).filter(|rest| !rest.is_empty()) {
            match file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// For appending, created with `mode` (less the umask). A FIFO or a device is not waited for.
fn open(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(mode)
        .custom_flags((OFlag::O_CLOEXEC | OFlag::O_NOCTTY | OFlag::O_NONBLOCK).bits())
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_block_device() || kind.is_dir() {
        return Err(io::Error::other("not a file to append to"));
    }
    Ok(file)
}

impl Sink for FileSink {
    fn begin(&mut self, message: &Message) -> Outcome {
        self.line.clear();
        self.written = 0;
        self.format.push(&mut self.line, message);
        self.line.push(b'\n');
        self.go_on(message)
    }

    /// Every trouble of a file may pass: a full disk, a directory that is not there yet, a quota.
    fn go_on(&mut self, _message: &Message) -> Outcome {
        self.look();
        match self.write_rest() {
            Ok(()) => {
                self.trouble = None;
                Outcome::Sent
            }
            Err(e) => {
                self.trouble = Some(e);
                Outcome::Later
            }
        }
    }

    fn wait(&self, _at_most: Duration) -> bool {
        false
    }

    fn reopen(&mut self) {
        self.file = None;
        self.written = 0;
        self.looked = Instant::now();
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(|e| format!("{}: {e}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn alert() -> Message {
        Message::Alert(Arc::new(crate::alert::sample::plain()))
    }

    fn lines(path: &Path) -> usize {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().count()
    }

    #[test]
    fn rotation_is_followed_told_and_untold() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("alerts.log"), dir.path().join("alerts.log.1"));
        let mut sink = FileSink::open(path.clone(), 0o600, Format::Text).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        std::fs::rename(&path, &old).unwrap();
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        assert_eq!((lines(&old), path.exists()), (2, false), "not yet looked at");
        sink.reopen();
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        assert_eq!((lines(&old), lines(&path)), (2, 1));
        std::fs::rename(&path, &old).unwrap();
        sink.looked -= LOOK_AGAIN;
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        assert_eq!((lines(&old), lines(&path)), (1, 1));
    }

    #[test]
    fn a_truncated_copy_goes_on_at_its_new_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.log");
        let mut sink = FileSink::open(path.clone(), 0o640, Format::Json).unwrap();
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        assert!(matches!(sink.begin(&alert()), Outcome::Sent));
        assert_eq!(lines(&path), 1);
    }

    #[test]
    fn a_full_device_keeps_the_line() {
        let mut sink = FileSink::open("/dev/full".into(), 0o600, Format::Text).unwrap();
        assert!(matches!(sink.begin(&alert()), Outcome::Later));
        assert!(sink.trouble().unwrap().starts_with("/dev/full: No space left"));
        assert!(matches!(sink.go_on(&alert()), Outcome::Later));
        let dir = tempfile::tempdir().unwrap();
        sink.path = dir.path().join("space");
        sink.reopen();
        assert!(matches!(sink.go_on(&alert()), Outcome::Sent));
        assert_eq!(lines(&sink.path), 1);
        assert!(sink.trouble().is_none());
    }

    #[test]
    fn a_directory_is_refused_at_the_start() {
        assert!(FileSink::open("/tmp".into(), 0o600, Format::Text).is_err());
        assert!(FileSink::open("/nonexistent/alerts".into(), 0o600, Format::Text).is_err());
    }
}
