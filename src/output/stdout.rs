//! Standard output, without ever hanging in it: a pipe that nobody reads keeps the messages in the
//! queue.
//!
//! The descriptor is shared with the shell, so it is not set non-blocking; instead no more is written
//! at a time than a pipe that polls as writable takes at once.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout};

use super::lines::Format;
use super::message::Message;
use super::sink::{Outcome, Sink};

/// PIPE_BUF on Linux: a pipe polls as writable when it has room for one page.
const CHUNK: usize = 4096;

/// See the module's page; over any descriptor, for the tests.
pub(super) struct StreamSink<W> {
    stream: W,
    format: Format,
    line: Vec<u8>,
    written: usize,
    trouble: Option<io::Error>,
}

/// A sink over this process's standard output, past the standard library's buffer.
pub(super) fn open(format: Format) -> io::Result<StreamSink<File>> {
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(StreamSink::new(File::from(stdout), format))
}

impl<W: Write + AsFd + Send> StreamSink<W> {
    fn new(stream: W, format: Format) -> Self {
        Self { stream, format, line: Vec::new(), written: 0, trouble: None }
    }

    fn room(&self, timeout: PollTimeout) -> bool {
        let mut fds = [PollFd::new(self.stream.as_fd(), PollFlags::POLLOUT)];
        // POLLERR (no reader) counts as room: the write tells what is wrong.
        nix::poll::poll(&mut fds, timeout).is_ok_and(|ready| ready > 0)
    }
}

impl<W: Write + AsFd + Send> Sink for StreamSink<W> {
    fn begin(&mut self, message: &Message) -> Outcome {
        self.line.clear();
        self.written = 0;
        self.format.push(&mut self.line, message);
        self.line.push(b'\n');
        self.go_on(message)
    }

    fn go_on(&mut self, _message: &Message) -> Outcome {
        while let Some(rest) = self.line.get(self.written..).filter(|rest| !rest.is_empty()) {
            if !self.room(PollTimeout::ZERO) {
                return Outcome::Later;
            }
            let chunk = rest.get(..CHUNK).unwrap_or(rest);
            match self.stream.write(chunk) {
                Ok(n) => self.written += n,
                Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                    return Outcome::Later;
                }
                // A full disk behind a redirection, say: the line stays.
                Err(e) if e.kind() == io::ErrorKind::StorageFull => {
                    self.trouble = Some(e);
                    return Outcome::Later;
                }
                Err(e) => return Outcome::Lost(e),
            }
        }
        self.trouble = None;
        match self.stream.flush() {
            Ok(()) => Outcome::Sent,
            Err(e) => Outcome::Lost(e),
        }
    }

    fn wait(&self, at_most: Duration) -> bool {
        let timeout = u16::try_from(at_most.as_millis().min(60_000)).unwrap_or(u16::MAX);
        if self.trouble.is_some() {
            return false;
        }
        self.room(PollTimeout::from(timeout));
        true
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.as_ref().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;

    fn alert() -> Message {
        Message::Alert(Arc::new(crate::alert::sample::plain()))
    }

    #[test]
    fn a_pipe_that_nobody_reads_never_blocks_and_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = StreamSink::new(writer, Format::Text);
        let begun = Instant::now();
        let mut lines = 0;
        let mut outcome = sink.begin(&alert());
        while let Outcome::Sent = outcome {
            lines += 1;
            outcome = sink.begin(&alert());
        }
        assert!(matches!(outcome, Outcome::Later), "{outcome:?}");
        assert!(lines > 50, "a pipe holds 64 KiB");
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert!(sink.wait(Duration::from_millis(1)));
        let mut some = vec![0; 32 << 10];
        reader.read_exact(&mut some).unwrap();
        assert!(matches!(sink.go_on(&alert()), Outcome::Sent));
        drop(sink);
        reader.read_to_end(&mut some).unwrap();
        let text = String::from_utf8(some).unwrap();
        assert_eq!(text.lines().count(), lines + 1);
        assert!(text.lines().all(|l| l == crate::alert::sample::plain().line));
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_not_the_end() {
        let (reader, writer) = io::pipe().unwrap();
        let mut sink = StreamSink::new(writer, Format::Json);
        drop(reader);
        assert!(matches!(sink.begin(&alert()), Outcome::Lost(e) if e.kind() == io::ErrorKind::BrokenPipe));
    }
}
