//! The bytes of a log: a file, a pipe or a terminal, plain, gzip or zstd, and how long to wait for them.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use flate2::bufread::MultiGzDecoder;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::zstd::Frames;

/// The first bytes of a gzip member (RFC 1952, 2.3.1).
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Compressed bytes read at a time.
const COMPRESSED_BUFFER: usize = 128 * 1024;

/// A log's text. Whether it is compressed is told by its first bytes, never by its name.
#[derive(Debug)]
pub(super) enum Input {
    /// Nothing has been read; the first bytes will tell.
    Unknown(Waiting),
    /// As it is.
    Plain(Waiting),
    /// One or more gzip members.
    Gzip(Box<MultiGzDecoder<BufReader<Waiting>>>),
    /// One or more zstd frames. Its decoder cannot stop in the middle, so that these reads know no deadline.
    Zstd(Box<Frames<BufReader<Waiting>>>),
    /// Between two of the states above; never seen from outside.
    Moving,
}

impl Input {
    /// Takes over an open file; nothing is read yet.
    pub(super) fn new(file: File) -> Self {
        Self::Unknown(Waiting::new(file))
    }

    /// Until when a read may wait for a pipe, terminal or socket; `None` waits for ever.
    pub(super) fn set_deadline(&mut self, deadline: Option<Instant>) {
        if let Some(waiting) = self.waiting_mut() {
            waiting.deadline = deadline;
        }
    }

    /// Bytes taken from the file, compressed ones if it is compressed.
    pub(super) fn consumed(&self) -> u64 {
        match self {
            Self::Unknown(w) | Self::Plain(w) => w.consumed,
            Self::Gzip(gz) => gz.get_ref().get_ref().consumed,
            Self::Zstd(frames) => frames.source().get_ref().consumed,
            Self::Moving => 0,
        }
    }

    fn waiting_mut(&mut self) -> Option<&mut Waiting> {
        match self {
            Self::Unknown(w) | Self::Plain(w) => Some(w),
            Self::Gzip(gz) => Some(gz.get_mut().get_mut()),
            Self::Zstd(_) | Self::Moving => None,
        }
    }

    /// Reads the first bytes and settles what the rest is.
    fn settle(&mut self) -> io::Result<()> {
        let Self::Unknown(waiting) = self else { return Ok(()) };
        let gzip = waiting.begins_with(GZIP_MAGIC)?;
        let zstd = !gzip && waiting.begins_with(ZSTD_MAGIC)?;
        if let Self::Unknown(mut waiting) = std::mem::replace(self, Self::Moving) {
            if zstd {
                waiting.deadline = None;
            }
            let reader = |waiting| BufReader::with_capacity(COMPRESSED_BUFFER, waiting);
            *self = match (gzip, zstd) {
                (true, _) => Self::Gzip(Box::new(MultiGzDecoder::new(reader(waiting)))),
                (_, true) => Self::Zstd(Box::new(Frames::new(reader(waiting)))),
                _ => Self::Plain(waiting),
            };
        }
        Ok(())
    }
}

impl Read for Input {
    /// As [`Read::read`]; `WouldBlock` when the deadline passed first or a signal came.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.settle()?;
        match self {
            Self::Plain(w) | Self::Unknown(w) => w.read(into),
            Self::Gzip(gz) => gz.read(into),
            Self::Zstd(frames) => frames.read(into),
            Self::Moving => Ok(0),
        }
    }
}

/// A file whose reads end at a deadline when it is one that can keep its reader waiting.
#[derive(Debug)]
pub(super) struct Waiting {
    file: File,
    waits: bool,
    deadline: Option<Instant>,
    consumed: u64,
    /// Bytes read to see what the input is, to be read again.
    peeked: ([u8; 4], usize),
    /// How many of `peeked` have been given out.
    given: usize,
}

impl Waiting {
    fn new(file: File) -> Self {
        // Reading a regular file or a directory never waits for somebody else to write.
        let waits = file.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
        Self { file, waits, deadline: None, consumed: 0, peeked: ([0; 4], 0), given: 0 }
    }

    /// Whether the first bytes are `magic`; reads no further than needed to know.
    fn begins_with(&mut self, magic: &[u8]) -> io::Result<bool> {
        loop {
            let (bytes, count) = self.peeked;
            let same = bytes.iter().zip(magic).take(count).all(|(a, b)| a == b);
            if !same || count >= magic.len() {
                return Ok(same);
            }
            let mut more = [0];
            if self.read_file(&mut more)? == 0 {
                return Ok(false);
            }
            if let Some(slot) = self.peeked.0.get_mut(count) {
                *slot = more[0];
            }
            self.peeked.1 += 1;
        }
    }

    fn read_file(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.waits {
            wait_readable(&self.file, self.deadline)?;
        }
        let count = self.file.read(into)?;
        self.consumed += count as u64;
        Ok(count)
    }
}

impl Read for Waiting {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (bytes, count) = self.peeked;
        let left = bytes.get(self.given..count).unwrap_or_default();
        if left.is_empty() {
            return self.read_file(into);
        }
        let give = left.len().min(into.len());
        for (to, from) in into.iter_mut().zip(left) {
            *to = *from;
        }
        self.given += give;
        Ok(give)
    }
}

/// Waits until `file` can be read (or has ended).
///
/// # Errors
/// `WouldBlock` when the deadline came first or a signal arrived.
fn wait_readable(file: &impl AsFd, deadline: Option<Instant>) -> io::Result<()> {
    let mut fds = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, poll_timeout(deadline)) {
        Ok(0) | Err(Errno::EINTR) => Err(io::ErrorKind::WouldBlock.into()),
        Ok(_) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The time left until `deadline`, rounded up to poll(2)'s milliseconds so that it never spins.
pub(super) fn poll_timeout(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else { return PollTimeout::NONE };
    let left = deadline.saturating_duration_since(Instant::now());
    let rounded = left.saturating_add(Duration::from_micros(999));
    PollTimeout::try_from(rounded).unwrap_or(PollTimeout::MAX)
}
