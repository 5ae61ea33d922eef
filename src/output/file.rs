//! A file that grows by one line a message. A full disk keeps the line and its rest until there is space.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::appended::Appended;
use super::lines::Format;
use super::message::Message;
use super::sink::{Outcome, Sink};

/// See the module's page.
#[derive(Debug)]
pub(super) struct FileSink {
    file: Appended,
    format: Format,
    line: Vec<u8>,
    written: usize,
    trouble: Option<io::Error>,
}

impl FileSink {
    /// Opens or creates the file, so that a path that cannot be is told at the start.
    pub(super) fn open(path: PathBuf, mode: u32, format: Format) -> io::Result<Self> {
        let file = Appended::open(path, mode)?;
        Ok(Self { file, format, line: Vec::new(), written: 0, trouble: None })
    }
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
        if self.file.look() {
            self.written = 0;
        }
        match self.file.write(&self.line, &mut self.written) {
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
        self.file.reopen();
        self.written = 0;
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(|e| format!("{}: {e}", self.file.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::sync::Arc;

    use super::super::appended::LOOK_AGAIN;
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
        sink.file.looked -= LOOK_AGAIN;
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
        sink.file.path = dir.path().join("space");
        sink.reopen();
        assert!(matches!(sink.go_on(&alert()), Outcome::Sent));
        assert_eq!(lines(&sink.file.path), 1);
        assert!(sink.trouble().is_none());
    }

    #[test]
    fn a_directory_is_refused_at_the_start() {
        assert!(FileSink::open("/tmp".into(), 0o600, Format::Text).is_err());
        assert!(FileSink::open("/nonexistent/alerts".into(), 0o600, Format::Text).is_err());
    }
}
