//! Reads datagrams in batches into one fixed block of memory and gives out the records in them.
//!
//! The block never grows and is never shared: a record borrows its slot, so the next batch cannot be
//! read before the last record of this one has been let go. Nothing of a longer predecessor shows
//! behind a shorter datagram, since a slot is cut to the length received.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Instant;

use netlink_packet_core::NetlinkBuffer;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{MsgFlags, NetlinkAddr, SockaddrLike, recvmmsg};

use super::input::poll_timeout;
use super::record::{Malformed, Record};
use super::sockopt::Headers;
use super::types::RecordType;

/// Datagrams read by one system call.
const SLOTS: usize = 64;

/// Bytes of a slot. The kernel's longest records (a user message of 8,970 bytes, a PATH whose name of
/// 4,096 bytes is written in hex) fit three times over; memory that no record reached is not used.
const SLOT: usize = 32 * 1024;

/// `nlmsghdr`.
const HEADER: usize = 16;

/// What was received since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams, whatever they were.
    pub datagrams: u64,
    /// Of these, records given out.
    pub records: u64,
    /// Of these, no record: a header that does not fit, or a text without a stamp.
    pub malformed: u64,
    /// Of these, longer than a slot: given out cut short.
    pub truncated: u64,
    /// Of these, not from the kernel: thrown away unread.
    pub foreign: u64,
    /// Times that the kernel reported a full receive buffer (ENOBUFS). Each may stand for many lost
    /// records; the socket's drop counter says how many.
    pub overruns: u64,
}

/// What one call of [`Datagrams::receive`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams read, good or bad. None: the deadline passed, or a signal came, or the wake-up did.
    pub datagrams: usize,
    /// The wake-up descriptor became readable.
    pub woken: bool,
}

/// A sender's address, and whether it is the kernel's.
pub trait Sender: SockaddrLike + Copy {
    /// Whether the datagram is to be believed.
    fn is_kernel(&self) -> bool;
}

impl Sender for NetlinkAddr {
    /// Port 0 is the kernel; any other is a process that sent to us.
    fn is_kernel(&self) -> bool {
        self.pid() == 0
    }
}

/// For sockets without sender addresses: a socket pair standing in for netlink.
impl Sender for () {
    fn is_kernel(&self) -> bool {
        true
    }
}

/// What one recvmmsg(2) gave.
enum Batch {
    Read(usize),
    Overrun,
}

/// See the module.
pub struct Datagrams<A> {
    slots: Box<[u8]>,
    headers: Headers<A>,
    /// What was received so far.
    pub counters: Counters,
}

impl<A: Sender> Datagrams<A> {
    /// Takes the memory that all later calls use.
    #[must_use]
    pub fn new() -> Self {
        Self {
            slots: vec![0; SLOTS * SLOT].into_boxed_slice(),
            headers: Headers::new(SLOTS),
            counters: Counters::default(),
        }
    }

    /// Bytes held for datagrams; the same at every time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Waits until `socket` or `wake` can be read, the deadline passes or a signal comes; then reads
    /// what is there, at most one batch, and calls `sink` for each record. `wake` is only watched,
    /// never read.
    ///
    /// # Errors
    /// Those of poll(2) and recvmmsg(2) that waiting does not mend. ENOBUFS is counted, EINTR ends the
    /// wait; neither is an error.
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        wake: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
        sink: &mut dyn FnMut(&Record<'_>),
    ) -> io::Result<Received> {
        let mut fds =
            [PollFd::new(socket, PollFlags::POLLIN), PollFd::new(wake.unwrap_or(socket), PollFlags::POLLIN)];
        let watched = if wake.is_some() { fds.as_mut_slice() } else { &mut fds[..1] };
        match poll(watched, poll_timeout(deadline)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Received::default()),
            Ok(_) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [socket_ready, wake_ready] = fds.map(|fd| fd.any().unwrap_or(true));
        let mut datagrams = 0;
        if socket_ready {
            datagrams = match self.read(socket, sink)? {
                Batch::Read(count) => count,
                // An overflow is told once; what was received before it still waits.
                Batch::Overrun => match self.read(socket, sink)? {
                    Batch::Read(count) => count,
                    Batch::Overrun => 0,
                },
            };
        }
        Ok(Received { datagrams, woken: wake.is_some() && wake_ready })
    }

    /// Reads one batch without waiting.
    fn read(&mut self, socket: BorrowedFd<'_>, sink: &mut dyn FnMut(&Record<'_>)) -> io::Result<Batch> {
        let mut slots = self.slots.chunks_exact_mut(SLOT);
        let mut slices: [[IoSliceMut<'_>; 1]; SLOTS] =
            std::array::from_fn(|_| [IoSliceMut::new(slots.next().unwrap_or_default())]);
        let fd = socket.as_fd().as_raw_fd();
        let batch =
            match recvmmsg(fd, self.headers.get_mut(), slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
                Ok(batch) => batch,
                Err(Errno::ENOBUFS) => {
                    self.counters.overruns += 1;
                    return Ok(Batch::Overrun);
                }
                Err(Errno::EINTR | Errno::EAGAIN) => return Ok(Batch::Read(0)),
                Err(errno) => return Err(errno.into()),
            };
        let mut count = 0;
        for message in batch {
            count += 1;
            let bytes = message.iovs().next().unwrap_or_default();
            let truncated = message.flags.contains(MsgFlags::MSG_TRUNC);
            if message.address.is_some_and(|sender| sender.is_kernel()) {
                give_out(&mut self.counters, bytes, truncated, sink);
            } else {
                self.counters.foreign += 1;
            }
        }
        self.counters.datagrams += count as u64;
        Ok(Batch::Read(count))
    }
}

impl<A: Sender> Default for Datagrams<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> std::fmt::Debug for Datagrams<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datagrams").field("counters", &self.counters).finish_non_exhaustive()
    }
}

fn give_out(counters: &mut Counters, bytes: &[u8], truncated: bool, sink: &mut dyn FnMut(&Record<'_>)) {
    counters.truncated += u64::from(truncated);
    match record(bytes, truncated) {
        Ok(record) => {
            counters.records += 1;
            sink(&record);
        }
        Err(reason) => {
            counters.malformed += 1;
            tracing::trace!(%reason, length = bytes.len(), bytes = %bytes.escape_ascii(), "malformed datagram");
        }
    }
}

/// The record in a datagram: `nlmsghdr` and text.
///
/// `nlmsg_len` follows two conventions: on the multicast path it counts the header, on the unicast
/// path to auditd it does not. A datagram holds one message, so either way the text goes on to the
/// datagram's end and is never cut by the length; a length that fits neither is malformed. (A
/// `truncated` datagram's length says more than is there.)
///
/// # Errors
/// [`Malformed::BadHeader`], or why the text is no record.
fn record(datagram: &[u8], truncated: bool) -> Result<Record<'_>, Malformed> {
    let (header, text) = datagram.split_at_checked(HEADER).ok_or(Malformed::BadHeader)?;
    let header = NetlinkBuffer::new(header);
    let length = header.length() as usize;
    let fits = length == datagram.len() || length == text.len() || (truncated && length > datagram.len());
    if !fits {
        return Err(Malformed::BadHeader);
    }
    Record::from_payload(RecordType(header.message_type()), text)
}
