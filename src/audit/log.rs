//! The lines of audit logs: files, standard input and whatever of these is gzip or zstd.
//!
//! Lines are borrowed from one large buffer. An input that can keep its reader waiting (a pipe, a
//! terminal, a socket) is read with a deadline, so that an event whose last record was written
//! without anything following it still ends in time.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::input::Input;
use super::line_buffer::LineBuffer;

/// How a log is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the read buffer.
    pub buffer: usize,
    /// Longest line handed out, in bytes; a longer one is cut there and counted.
    pub max_line: usize,
    /// The same of a line that begins as JSON does: an answer to a search is one line.
    pub max_document: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { buffer: 64 << 10, max_line: 1 << 20, max_document: 16 << 20 }
    }
}

/// What [`Lines::next_line`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A line, without its line feed (a carriage return before it is left there).
    Line(&'a [u8]),
    /// Nothing came before the deadline, or a signal interrupted the wait.
    Idle,
    /// The input has ended.
    End,
}

/// Reads one log line by line, see the module.
#[derive(Debug)]
pub struct Lines {
    input: Input,
    buffer: LineBuffer,
    size: Option<u64>,
    end: End,
}

/// How far the end of the input has been dealt with.
#[derive(Debug)]
enum End {
    NotSeen,
    /// No more bytes will come; after the last line this error, if any, is still to be told.
    Seen(Option<io::Error>),
}

impl Lines {
    /// Opens a log; `-` is standard input.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn open(path: &Path, options: &Options) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Self::stdin(options);
        }
        Ok(Self::new(File::open(path)?, options))
    }

    /// Reads standard input.
    ///
    /// # Errors
    /// When it is closed.
    pub fn stdin(options: &Options) -> io::Result<Self> {
        Ok(Self::new(io::stdin().as_fd().try_clone_to_owned()?.into(), options))
    }

    /// Reads an open file, pipe, terminal or socket from where it stands.
    #[must_use]
    pub fn new(file: File, options: &Options) -> Self {
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
        // Advice only: reading works the same without it.
        let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL);
        Self {
            input: Input::new(file),
            buffer: LineBuffer::new(options.buffer, options.max_line, options.max_document),
            size,
            end: End::NotSeen,
        }
    }

    /// The next line. A file never gives [`Next::Idle`]; other inputs do when `deadline` passes
    /// (never with `None`) or a signal arrives. The last line counts also without a line feed.
    ///
    /// # Errors
    /// A read error or damaged compressed data, once, after all lines that could be read before it.
    pub fn next_line(&mut self, deadline: Option<Instant>) -> io::Result<Next<'_>> {
        let line = loop {
            if let Some(line) = self.buffer.take() {
                break line;
            }
            if let End::Seen(error) = &mut self.end {
                let error = error.take();
                match (self.buffer.take_rest(), error) {
                    (Some(line), error) => {
                        self.end = End::Seen(error);
                        break line;
                    }
                    (None, Some(error)) => return Err(error),
                    (None, None) => return Ok(Next::End),
                }
            }
            if !self.fill(deadline) {
                return Ok(Next::Idle);
            }
        };
        Ok(Next::Line(self.buffer.get(line)))
    }

    /// Bytes of the file as it was when opened (compressed ones); `None` for pipes and the like.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes read from the file so far (compressed ones).
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.input.consumed()
    }

    /// Lines that were longer than [`Options::max_line`] and have been cut.
    #[must_use]
    pub fn cut_lines(&self) -> u64 {
        self.buffer.cut
    }

    /// Reads once. `false` when the deadline passed first.
    fn fill(&mut self, deadline: Option<Instant>) -> bool {
        self.input.set_deadline(deadline);
        match self.input.read(self.buffer.room()) {
            Ok(0) => self.end = End::Seen(None),
            Ok(count) => self.buffer.filled(count),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => self.end = End::Seen(Some(e)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read_all(mut lines: Lines) -> (Vec<String>, Option<io::Error>) {
        let mut out = Vec::new();
        loop {
            match lines.next_line(None) {
                Ok(Next::Line(line)) => out.push(String::from_utf8_lossy(line).into_owned()),
                Ok(Next::Idle) => {}
                Ok(Next::End) => return (out, None),
                Err(error) => {
                    assert_eq!(lines.next_line(None).unwrap(), Next::End, "an error is told once");
                    return (out, Some(error));
                }
            }
        }
    }

    fn file_with(bytes: &[u8]) -> Lines {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        Lines::open(file.path(), &Options::default()).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn pipe() -> (File, Lines) {
        let (read, write) = nix::unistd::pipe().unwrap();
        (write.into(), Lines::new(read.into(), &Options::default()))
    }

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(30))
    }

    #[test]
    fn carriage_returns_stay_and_the_last_line_needs_no_line_feed() {
        assert_eq!(read_all(file_with(b"a\r\n\nb")).0, ["a\r", "", "b"]);
        assert_eq!(read_all(file_with(b"")).0, [""; 0]);
        assert_eq!(read_all(file_with(b"\x1f")).0, ["\x1f"]);
        assert_eq!(read_all(file_with(b"\x1fa\n")).0, ["\x1fa"]);
    }

    #[test]
    fn gzip_is_known_by_its_first_bytes_and_may_have_several_members() {
        let mut bytes = gzip(b"one\ntw");
        bytes.extend(gzip(b"o\nthree"));
        let lines = file_with(&bytes);
        assert_eq!(lines.size(), Some(bytes.len() as u64));
        assert_eq!(read_all(lines).0, ["one", "two", "three"]);
    }

    /// `zstd`'s own output for "one\ntw", a skippable frame of 3 bytes, and "o\nthree".
    const ZSTD: &[u8] = include_bytes!("../../tests/fixtures/two-frames.zst");

    #[test]
    fn zstd_is_known_by_its_first_bytes_and_may_have_several_frames() {
        assert_eq!(read_all(file_with(ZSTD)).0, ["one", "two", "three"]);
        let (lines, error) = read_all(file_with(&ZSTD[..ZSTD.len() - 3]));
        assert_eq!((lines[0].as_str(), error.unwrap().kind()), ("one", io::ErrorKind::InvalidData));
        assert_eq!(read_all(file_with(&ZSTD[..3])).0.len(), 1, "no magic");
    }

    #[test]
    fn a_gzip_file_cut_short_gives_its_lines_and_then_the_error() {
        let text: String = (0..20_000).map(|i| format!("line {i} {}\n", i * 7919 % 10007)).collect();
        let bytes = gzip(text.as_bytes());
        let (lines, error) = read_all(file_with(&bytes[..bytes.len() / 2]));
        assert!(lines.len() > 5_000, "{}", lines.len());
        assert!(text.starts_with(&lines[..lines.len() - 1].join("\n")));
        assert_eq!(error.unwrap().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_pipe_gives_its_line_at_once_and_idle_at_the_deadline() {
        let (mut write, mut lines) = pipe();
        assert_eq!(lines.next_line(soon()).unwrap(), Next::Idle);
        write.write_all(b"one\ntw").unwrap();
        assert_eq!(lines.next_line(None).unwrap(), Next::Line(b"one"));
        let before = Instant::now();
        assert_eq!(lines.next_line(soon()).unwrap(), Next::Idle);
        assert!(before.elapsed() >= Duration::from_millis(30));
        write.write_all(b"o").unwrap();
        drop(write);
        assert_eq!(lines.next_line(None).unwrap(), Next::Line(b"two"));
        assert_eq!(lines.next_line(None).unwrap(), Next::End);
    }

    #[test]
    fn a_gzip_stream_over_a_pipe_gives_what_was_flushed_and_does_not_hang() {
        let (write, mut lines) = pipe();
        let mut encoder = GzEncoder::new(write, Compression::fast());
        encoder.write_all(b"one\n").unwrap();
        encoder.flush().unwrap();
        assert_eq!(lines.next_line(soon()).unwrap(), Next::Line(b"one"));
        assert_eq!(lines.next_line(soon()).unwrap(), Next::Idle);
        encoder.write_all(b"two\n").unwrap();
        encoder.finish().unwrap();
        assert_eq!(lines.next_line(soon()).unwrap(), Next::Line(b"two"));
        assert_eq!(lines.next_line(soon()).unwrap(), Next::End);
    }

    #[test]
    fn an_overlong_line_is_cut_and_counted_and_the_next_is_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(format!("{}\nnext\n{}", "x".repeat(5_000), "y".repeat(2_000)).as_bytes()).unwrap();
        let mut lines =
            Lines::open(file.path(), &Options { buffer: 64, max_line: 1_000, max_document: 1_000 }).unwrap();
        let mut lengths = Vec::new();
        while let Next::Line(line) = lines.next_line(None).unwrap() {
            lengths.push(line.len());
        }
        assert_eq!((lengths, lines.cut_lines()), (vec![1_000, 4, 1_000], 2));
    }

    #[test]
    fn a_directory_and_a_missing_file_are_errors() {
        assert!(Lines::open(Path::new("/nonexistent"), &Options::default()).is_err());
        let (lines, error) = read_all(Lines::open(Path::new("/"), &Options::default()).unwrap());
        assert!(lines.is_empty() && error.is_some());
    }
}
