//! The way out: a [`Write`] that never blocks, reconnects, and keeps its frames whole.
//!
//! [`Write::write`] takes one whole message as the next frame and hands over what the receiver has
//! room for; [`Write::flush`] goes on with the rest and returns [`io::ErrorKind::WouldBlock`] until
//! all of it is out. While a frame is unfinished the next is refused with `WouldBlock`. No other
//! error than these leaves this file:
//!
//! - `WouldBlock`: the receiver is away, slow or full. The frame is kept; try `flush` again after
//!   [`Transport::wait`].
//! - EMSGSIZE: the frame is too long for a datagram here; it is dropped, and
//!   [`Transport::fitting`] says what would fit.

//!
//! `unix`, `udp`, `tcp` and `tls` are the connections themselves.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket;
use nix::sys::socket::sockopt::SndBuf;

use super::Framing;
use crate::audit::sockopt;
use crate::output::backoff::Backoff;

mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod udp;
mod unix;
mod unread;

pub use tls::Peer;

use tcp::Tcp;
use tls::Tls;
use udp::Udp;
use unix::Local;
use unread::Unread;

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A local socket: `/dev/log`. A datagram socket as a rule, else a stream.
    Unix(PathBuf),
    /// journald's own socket.
    Journal(PathBuf),
    /// RFC 5426: one message a datagram.
    Udp(SocketAddr),
    /// RFC 6587, with octet counting or line feeds.
    Tcp(SocketAddr, Framing),
    /// RFC 5425: TLS, with octet counting.
    Tls(SocketAddr, Box<Peer>),
}

/// A connection that takes care of itself.
#[derive(Debug)]
pub struct Transport {
    address: Address,
    socket: Option<Socket>,
    /// Why there is no socket, or why the last one was given up.
    trouble: Option<io::Error>,
    backoff: Backoff,
    next_attempt: Option<Instant>,
    /// The message that is going out; after what is to be sent again.
    message: Vec<u8>,
    unread: Unread,
    /// The same, framed for the socket of the moment.
    frame: Vec<u8>,
    /// Bytes of `frame` that the socket has taken.
    sent: usize,
    /// When the place of a full socket was last looked at.
    looked: Option<Instant>,
    /// Length of the last datagram that was too long.
    refused: usize,
    /// How many were.
    refusals: u64,
}

#[derive(Debug)]
enum Socket {
    Local(Local),
    Udp(Udp),
    Tcp(Tcp),
    Tls(Box<Tls>),
}

/// How often a full socket's place is looked at: a receiver may have been replaced by another.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Transport {
    /// Not connected yet; the first write connects.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let longest = match address {
            Address::Unix(_) | Address::Journal(_) => Duration::from_secs(1),
            Address::Udp(_) | Address::Tcp(..) | Address::Tls(..) => Duration::from_secs(15),
        };
        Self {
            address,
            socket: None,
            trouble: None,
            backoff: Backoff::new(Duration::from_millis(20), longest),
            next_attempt: None,
            message: Vec::new(),
            unread: Unread::default(),
            frame: Vec::new(),
            sent: 0,
            looked: None,
            refused: 0,
            refusals: 0,
        }
    }

    /// Why nothing goes out at the moment; none while connected.
    #[must_use]
    pub fn trouble(&self) -> Option<&io::Error> {
        self.trouble.as_ref()
    }

    /// How many messages were refused with EMSGSIZE.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.refusals
    }

    /// Bytes that a message may have after the last one was refused with EMSGSIZE.
    #[must_use]
    pub fn fitting(&self) -> usize {
        let buffer = self.socket.as_ref().and_then(|s| socket::getsockopt(s, SndBuf).ok());
        // The kernel (unix_dgram_sendmsg) refuses what is longer than the send buffer less 32 bytes; for
        // UDP the path decides, and what every path of IPv6 takes without fragments is 1280 less headers.
        let known = match self.address {
            Address::Udp(_) if self.refused <= 65_507 => 1232,
            Address::Udp(_) => 65_507,
            _ => buffer.map_or(1024, |b| b.saturating_sub(32)),
        };
        if known < self.refused { known } else { self.refused / 2 }
    }

    /// Waits until the socket may have room, for `at_most` (up to a minute); false when there is
    /// nothing to wait for but time: the caller sleeps then.
    pub fn wait(&self, at_most: Duration) -> bool {
        let Some(socket) = &self.socket else { return false };
        let timeout = u16::try_from(at_most.as_millis().min(60_000)).unwrap_or(u16::MAX);
        let mut fds = [PollFd::new(socket.as_fd(), socket.awaits())];
        nix::poll::poll(&mut fds, PollTimeout::from(timeout)).is_ok()
    }

    /// Looks, while nothing is to be sent, whether the receiver is there still and what it has read; what one that has
    /// ended left unread is sent again. False when nothing is left to look for.
    pub fn look(&mut self) -> bool {
        if let (Some(socket), None) = (&mut self.socket, self.unread.next()) {
            match socket.look(&self.address) {
                Ok(true) => self.unread.read(0),
                Ok(false) => self.unread.expire(),
                Err(e) => self.disconnect(Some(e)),
            }
        }
        if self.unread.next().is_some() {
            // What it cannot do now, the next look or the next message does.
            let _ = self.go_on();
        }
        !self.unread.is_empty()
    }

    /// Tries to get the rest of the frame out, and before a new one what is to be sent again.
    fn go_on(&mut self) -> io::Result<()> {
        // Twice: a socket that turns out dead is replaced at once, then only after a pause.
        let mut dead = 0;
        while dead < 2 {
            self.connect()?;
            let Some(socket) = &mut self.socket else { break };
            if self.frame.is_empty() {
                let next = self.unread.next().unwrap_or(&self.message);
                if next.is_empty() {
                    return Ok(());
                }
                socket.framing(&self.address).push(&mut self.frame, next);
            }
            // Asked before: when the receiver takes one more, it was alive when it had read all others.
            let others_read = socket.is_read();
            match socket.send_rest(&self.frame, &mut self.sent) {
                Ok(()) => {
                    let again = self.unread.next().is_some();
                    let keeps = socket.can_lose();
                    self.frame.clear();
                    self.sent = 0;
                    self.backoff.reset();
                    self.trouble = None;
                    match (again, keeps) {
                        (true, _) => self.unread.sent_again(keeps),
                        (false, true) => self.unread.taken(std::mem::take(&mut self.message)),
                        (false, false) => self.message.clear(),
                    }
                    if others_read {
                        self.unread.read(1);
                    }
                    if !again {
                        return Ok(());
                    }
                }
                Err(e) if is_full(&e) => {
                    if self.was_replaced() {
                        self.disconnect(None);
                        dead += 1;
                        continue;
                    }
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(e) if e.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                    self.frame.clear();
                    self.sent = 0;
                    if self.unread.next().is_some() {
                        self.unread.sent_again(false);
                        continue;
                    }
                    self.refused = self.message.len();
                    self.refusals += 1;
                    self.message.clear();
                    return Err(e);
                }
                Err(e) => {
                    self.disconnect(Some(e));
                    dead += 1;
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Connects unless connected; `WouldBlock` while the pause after a failure lasts.
    fn connect(&mut self) -> io::Result<()> {
        if self.socket.is_some() {
            return Ok(());
        }
        let now = Instant::now();
        if self.next_attempt.is_some_and(|at| now < at) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Set before trying: a socket that connects and fails at the first write is not tried again
        // in a hurry either.
        self.next_attempt = Some(now + self.backoff.next());
        match Socket::open(&self.address) {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(())
            }
            Err(e) => {
                self.trouble = Some(e);
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }

    /// Gives the socket up; a frame that was begun is sent again whole on the next, after what its receiver has perhaps
    /// not read.
    fn disconnect(&mut self, why: Option<io::Error>) {
        let has_read = why.as_ref().is_some_and(|why| why.kind() == io::ErrorKind::UnexpectedEof);
        match self.socket.take() {
            Some(socket) if has_read && socket.is_acknowledged() => self.unread.read(0),
            _ => self.unread.lost(),
        }
        self.frame.clear();
        self.sent = 0;
        self.trouble = why.or_else(|| Some(io::Error::other("the receiver's socket was replaced")));
    }

    /// Whether another socket stands now where the full one was met.
    fn was_replaced(&mut self) -> bool {
        let (Some(Socket::Local(local)), Address::Unix(path) | Address::Journal(path)) =
            (&self.socket, &self.address)
        else {
            return false;
        };
        let now = Instant::now();
        if self.looked.is_some_and(|at| now.duration_since(at) < LOOK_AGAIN) {
            return false;
        }
        self.looked = Some(now);
        local.was_replaced(path)
    }
}

impl Write for Transport {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        if !self.message.is_empty() {
            self.go_on()?;
        }
        self.message.extend_from_slice(message);
        match self.go_on() {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
            // Taken: it goes out now or at a later flush.
            _ => Ok(message.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.message.is_empty() { Ok(()) } else { self.go_on() }
    }
}

impl Socket {
    fn open(address: &Address) -> io::Result<Self> {
        Ok(match address {
            Address::Unix(path) => Self::Local(Local::open(path)?),
            Address::Journal(path) => Self::Local(Local::open_journal(path)?),
            Address::Udp(to) => Self::Udp(Udp::open(*to)?),
            Address::Tcp(to, _) => Self::Tcp(Tcp::open(*to)?),
            Address::Tls(to, peer) => Self::Tls(Box::new(Tls::open(*to, peer)?)),
        })
    }

    fn framing(&self, address: &Address) -> Framing {
        match (self, address) {
            (Self::Tcp(_), Address::Tcp(_, framing)) => *framing,
            (Self::Tls(_), _) => Framing::OctetCounting,
            (Self::Local(local), _) => local.framing(),
            _ => Framing::Datagram,
        }
    }

    /// Hands over `frame` from `sent` on, until all is taken or the socket has no room.
    fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        match self {
            Self::Local(local) => local.send_rest(frame, sent),
            Self::Udp(udp) => udp.send(frame),
            Self::Tcp(tcp) => tcp.send_rest(frame, sent),
            Self::Tls(tls) => tls.send_rest(frame, sent),
        }
    }

    /// Whether what the kernel has taken can be lost with its receiver without our being told: not known of datagrams
    /// over the network.
    fn can_lose(&self) -> bool {
        !matches!(self, Self::Udp(_))
    }

    /// Whether the receiver, if it is there still, has read all; false where that cannot be known.
    fn is_read(&self) -> bool {
        matches!(self, Self::Local(local) if local.is_read())
    }

    /// After the end of a stream: whether the other side had all by then. It would have reset the connection had its
    /// program not read all of that.
    fn is_acknowledged(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Tls(_) => sockopt::is_acknowledged(self).unwrap_or(false),
            Self::Local(_) | Self::Udp(_) => true,
        }
    }

    /// Whether the receiver is there and has read all; its end as the error. False where that cannot be known.
    fn look(&mut self, address: &Address) -> io::Result<bool> {
        match (self, address) {
            (Self::Local(local), Address::Unix(path) | Address::Journal(path)) => local.look(path),
            (Self::Tcp(tcp), _) => tcp.still_open().map(|()| false),
            (Self::Tls(tls), _) => tls.read().map(|()| false),
            _ => Ok(false),
        }
    }

    /// What is to be waited for before it goes on.
    fn awaits(&self) -> PollFlags {
        match self {
            Self::Tls(tls) => tls.awaits(),
            _ => PollFlags::POLLOUT,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Local(local) => local.as_fd(),
            Self::Udp(udp) => udp.as_fd(),
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Tls(tls) => tls.as_fd(),
        }
    }
}

/// The other side has closed a stream.
fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the receiver has closed the connection")
}

/// No room at the moment: keep the socket and try later.
fn is_full(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::WouldBlock
        || matches!(e.raw_os_error(), Some(n) if n == Errno::ENOBUFS as i32 || n == Errno::ENOMEM as i32 || n == Errno::EINTR as i32)
}
