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

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, sockopt};

use super::Framing;
use crate::output::backoff::Backoff;

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A local socket: `/dev/log`. A datagram socket as a rule, else a stream.
    Unix(PathBuf),
    /// RFC 5426: one message a datagram.
    Udp(SocketAddr),
    /// RFC 6587, with octet counting or line feeds.
    Tcp(SocketAddr, Framing),
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
    /// The message that is going out.
    message: Vec<u8>,
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
    Datagram(UnixDatagram, Inode),
    Stream(UnixStream),
    Udp(UdpSocket),
    /// Not yet connected until the flag is true.
    Tcp(TcpStream, bool),
}

/// Device and inode of a socket's place.
type Inode = Option<(u64, u64)>;

/// How often a full socket's place is looked at: a receiver may have been replaced by another.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Unacknowledged data for so long means that a TCP peer is gone.
const TCP_USER_TIMEOUT_MS: u32 = 30_000;

/// What the kernel may hold for us on TCP, in bytes (it takes double). Plain syslog has no
/// acknowledgement: when a connection breaks, what was in here is lost, so it is kept small.
const TCP_SEND_BUFFER: usize = 64 << 10;

impl Transport {
    /// Not connected yet; the first write connects.
    #[must_use]
    pub fn new(address: Address) -> Self {
        let longest = match address {
            Address::Unix(_) => Duration::from_secs(1),
            Address::Udp(_) | Address::Tcp(..) => Duration::from_secs(15),
        };
        Self {
            address,
            socket: None,
            trouble: None,
            backoff: Backoff::new(Duration::from_millis(20), longest),
            next_attempt: None,
            message: Vec::new(),
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
        let buffer = self.socket.as_ref().and_then(|s| socket::getsockopt(s, sockopt::SndBuf).ok());
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
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
        nix::poll::poll(&mut fds, PollTimeout::from(timeout)).is_ok()
    }

    /// Tries to get the rest of the frame out.
    fn go_on(&mut self) -> io::Result<()> {
        // Twice: a socket that turns out dead is replaced at once, then only after a pause.
        for _ in 0..2 {
            self.connect()?;
            let Some(socket) = &mut self.socket else { break };
            if self.frame.is_empty() {
                socket.framing(&self.address).push(&mut self.frame, &self.message);
            }
            match socket.send_rest(&self.frame, &mut self.sent) {
                Ok(()) => {
                    self.done();
                    return Ok(());
                }
                Err(e) if is_full(&e) => {
                    if self.was_replaced() {
                        self.disconnect(None);
                        continue;
                    }
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Err(e) if e.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                    self.refused = self.message.len();
                    self.refusals += 1;
                    self.clear();
                    return Err(e);
                }
                Err(e) => self.disconnect(Some(e)),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn done(&mut self) {
        self.clear();
        self.backoff.reset();
        self.trouble = None;
    }

    fn clear(&mut self) {
        self.message.clear();
        self.frame.clear();
        self.sent = 0;
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

    /// Gives the socket up; a frame that was begun is sent again whole on the next.
    fn disconnect(&mut self, why: Option<io::Error>) {
        self.socket = None;
        self.frame.clear();
        self.sent = 0;
        self.trouble = why.or_else(|| Some(io::Error::other("the receiver's socket was replaced")));
    }

    /// Whether another socket stands now where the full one was met.
    fn was_replaced(&mut self) -> bool {
        let (Some(Socket::Datagram(_, met)), Address::Unix(path)) = (&self.socket, &self.address) else {
            return false;
        };
        let now = Instant::now();
        if self.looked.is_some_and(|at| now.duration_since(at) < LOOK_AGAIN) {
            return false;
        }
        self.looked = Some(now);
        let found = inode(path);
        found.is_some() && found != *met
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
        match address {
            Address::Unix(path) => open_unix(path),
            Address::Udp(to) => {
                let any: SocketAddr = match to {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.set_nonblocking(true)?;
                socket.connect(to)?;
                Ok(Self::Udp(socket))
            }
            Address::Tcp(to, _) => open_tcp(*to),
        }
    }

    fn framing(&self, address: &Address) -> Framing {
        match (self, address) {
            (Self::Tcp(..), Address::Tcp(_, framing)) => *framing,
            (Self::Stream(_), _) => Framing::Nul,
            _ => Framing::Datagram,
        }
    }

    /// Hands over `frame` from `sent` on, until all is taken or the socket has no room.
    fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        match self {
            Self::Datagram(socket, _) => socket.send(frame).map(drop),
            Self::Udp(socket) => socket.send(frame).map(drop),
            Self::Stream(stream) => write_rest(stream, frame, sent),
            Self::Tcp(stream, connected) => {
                if !*connected {
                    finish_connecting(stream)?;
                    *connected = true;
                }
                if *sent == 0 {
                    still_open(stream)?;
                }
                write_rest(stream, frame, sent)
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Datagram(s, _) => s.as_fd(),
            Self::Stream(s) => s.as_fd(),
            Self::Udp(s) => s.as_fd(),
            Self::Tcp(s, _) => s.as_fd(),
        }
    }
}

fn open_unix(path: &Path) -> io::Result<Socket> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    // Before connecting: should it be replaced in between, the difference is seen later.
    let inode = inode(path);
    match socket.connect(path) {
        Ok(()) => Ok(Socket::Datagram(socket, inode)),
        Err(e) if e.raw_os_error() == Some(Errno::EPROTOTYPE as i32) => {
            let stream = socket::socket(
                AddressFamily::Unix,
                SockType::Stream,
                SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
                None,
            )?;
            // A stream's connect() does not wait here: it gives EAGAIN while the backlog is full.
            socket::connect(std::os::fd::AsRawFd::as_raw_fd(&stream), &socket::UnixAddr::new(path)?)?;
            Ok(Socket::Stream(UnixStream::from(stream)))
        }
        Err(e) => Err(e),
    }
}

fn open_tcp(to: SocketAddr) -> io::Result<Socket> {
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd = socket::socket(family, SockType::Stream, flags, None)?;
    socket::setsockopt(&socket, sockopt::KeepAlive, &true)?;
    socket::setsockopt(&socket, sockopt::TcpUserTimeout, &TCP_USER_TIMEOUT_MS)?;
    socket::setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
    socket::setsockopt(&socket, sockopt::SndBuf, &TCP_SEND_BUFFER)?;
    let connected =
        match socket::connect(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrStorage::from(to)) {
            Ok(()) => true,
            Err(Errno::EINPROGRESS) => false,
            Err(e) => return Err(e.into()),
        };
    Ok(Socket::Tcp(TcpStream::from(socket), connected))
}

/// `WouldBlock` while the three-way handshake lasts; its error when it failed.
fn finish_connecting(stream: &TcpStream) -> io::Result<()> {
    if let Some(e) = stream.take_error()? {
        return Err(e);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
        Err(e) => Err(e),
    }
}

/// A peer that has closed would take the first write and lose it: its end of stream is seen before.
/// What it may have sent is read and thrown away; syslog has no answers.
fn still_open(stream: &TcpStream) -> io::Result<()> {
    let mut scrap = [0_u8; 256];
    loop {
        match socket::recv(std::os::fd::AsRawFd::as_raw_fd(stream), &mut scrap, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Err(io::ErrorKind::ConnectionReset.into()),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}

fn write_rest(stream: &mut impl Write, frame: &[u8], sent: &mut usize) -> io::Result<()> {
    while let Some(rest) = frame.get(*sent..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *sent += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// No room at the moment: keep the socket and try later.
fn is_full(e: &io::Error) -> bool {
    e.kind() == io::ErrorKind::WouldBlock
        || matches!(e.raw_os_error(), Some(n) if n == Errno::ENOBUFS as i32 || n == Errno::ENOMEM as i32 || n == Errno::EINTR as i32)
}

fn inode(path: &Path) -> Inode {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Goes on until all is out; panics when that takes longer than anything here should.
    fn flushed(transport: &mut Transport) {
        let begun = Instant::now();
        while let Err(e) = transport.flush() {
            assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", transport.trouble());
            if !transport.wait(Duration::from_millis(50)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn send(transport: &mut Transport, message: &str) {
        assert_eq!(transport.write(message.as_bytes()).unwrap(), message.len());
        flushed(transport);
    }

    /// The next connection, which must come soon.
    fn accept(listener: &TcpListener) -> TcpStream {
        listener.set_nonblocking(true).unwrap();
        let begun = Instant::now();
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    return stream;
                }
                Err(e) => assert!(begun.elapsed() < Duration::from_secs(20), "{e}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn received(receiver: &UnixDatagram) -> String {
        receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 100];
        let n = receiver.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    }

    #[test]
    fn a_local_socket_that_is_not_there_yet_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut transport = Transport::new(Address::Unix(path.clone()));
        assert_eq!(transport.write(b"early").unwrap(), 5, "taken, not yet out");
        assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(transport.trouble().unwrap().kind(), io::ErrorKind::NotFound);
        assert_eq!(transport.write(b"second").unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let receiver = UnixDatagram::bind(&path).unwrap();
        flushed(&mut transport);
        assert!(transport.trouble().is_none());
        assert_eq!(received(&receiver), "early");
    }

    #[test]
    fn a_restarted_receiver_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let mut transport = Transport::new(Address::Unix(path.clone()));
        send(&mut transport, "one");
        assert_eq!(received(&receiver), "one");
        drop(receiver);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(transport.write(b"two").unwrap(), 3);
        assert!(transport.flush().is_err());
        let receiver = UnixDatagram::bind(&path).unwrap();
        flushed(&mut transport);
        assert_eq!(received(&receiver), "two");
    }

    #[test]
    fn a_full_socket_that_was_replaced_by_another_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let stopped = UnixDatagram::bind(&path).unwrap();
        let mut transport = Transport::new(Address::Unix(path.clone()));
        let mut taken = 0;
        while transport.flush().is_ok() {
            transport.write_all(b"x").unwrap();
            taken += 1;
        }
        std::fs::remove_file(&path).unwrap();
        let receiver = UnixDatagram::bind(&path).unwrap();
        flushed(&mut transport);
        assert_eq!(received(&receiver), "x", "the one that found no room, after {taken}");
        drop(stopped);
    }

    #[test]
    fn a_stream_socket_in_the_place_of_the_log_socket_gets_nul_after_each() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let listener = UnixListener::bind(&path).unwrap();
        let mut transport = Transport::new(Address::Unix(path));
        send(&mut transport, "one");
        send(&mut transport, "two");
        drop(transport);
        let mut all = String::new();
        listener.accept().unwrap().0.read_to_string(&mut all).unwrap();
        assert_eq!(all, "one\0two\0");
    }

    #[test]
    fn a_tcp_peer_that_closed_is_noticed_before_the_next_message_is_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let mut transport = Transport::new(Address::Tcp(to, Framing::OctetCounting));
        send(&mut transport, "one");
        let mut first = accept(&listener);
        let mut frame = [0; 5];
        first.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"3 one");
        drop(first);
        std::thread::sleep(Duration::from_millis(20));
        send(&mut transport, "two");
        let mut second = accept(&listener);
        second.read_exact(&mut frame).unwrap();
        assert_eq!(&frame, b"3 two");
    }

    #[test]
    fn a_frame_that_was_begun_on_a_broken_connection_is_sent_again_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let mut transport = Transport::new(Address::Tcp(to, Framing::OctetCounting));
        let big = "b".repeat(32 << 20);
        transport.write_all(big.as_bytes()).unwrap();
        for _ in 0..100 {
            assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            transport.wait(Duration::from_millis(1));
        }
        assert!(transport.sent > 0 && transport.sent < big.len());
        drop(accept(&listener));
        let reader = std::thread::spawn(move || {
            let mut second = accept(&listener);
            let mut all = Vec::new();
            second.read_to_end(&mut all).unwrap();
            all
        });
        flushed(&mut transport);
        drop(transport);
        let all = reader.join().unwrap();
        assert_eq!(all.len(), format!("{} ", big.len()).len() + big.len());
        assert!(all.starts_with(format!("{} bbb", big.len()).as_bytes()));
    }

    #[test]
    fn nobody_listening_is_no_error_and_no_hurry() {
        let to = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut transport = Transport::new(Address::Tcp(to, Framing::LineFeed));
        transport.write_all(b"x").unwrap();
        let begun = Instant::now();
        let mut rounds = 0;
        while begun.elapsed() < Duration::from_millis(300) {
            assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
            if !transport.wait(Duration::from_millis(50)) {
                std::thread::sleep(Duration::from_millis(1));
            }
            rounds += 1;
        }
        assert!(rounds > 10);
        assert_eq!(transport.trouble().unwrap().kind(), io::ErrorKind::ConnectionRefused);
        // 20, 40, 80, 160 ms: a handful of attempts, however often it is asked.
        assert!(transport.backoff.next() > Duration::from_millis(80));
    }

    #[test]
    fn what_fits_is_below_what_was_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let _receiver = UnixDatagram::bind(&path).unwrap();
        let mut transport = Transport::new(Address::Unix(path));
        let e = transport.write(&[b'x'; 300_000]).unwrap_err();
        assert_eq!(e.raw_os_error(), Some(Errno::EMSGSIZE as i32));
        let fits = transport.fitting();
        assert!(fits > 8192 && fits < 300_000);
        assert_eq!(transport.write(&vec![b'x'; fits]).unwrap(), fits);
        assert!(transport.flush().is_ok());
        let e = transport.write(&vec![b'x'; fits + 1]).unwrap_err();
        assert_eq!(e.raw_os_error(), Some(Errno::EMSGSIZE as i32), "the kernel's very limit");
    }
}
