//! TCP, without ever waiting: for the connection, for room, for a peer that is gone.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, sockopt};

use super::closed;
use crate::output::sink::write_rest;

/// Unacknowledged data for so long means that a TCP peer is gone.
const TCP_USER_TIMEOUT_MS: u32 = 30_000;

/// A peer from which nothing was heard for so long is asked whether it is there still, and after that so often.
const KEEPALIVE_IDLE_S: u32 = 60;
const KEEPALIVE_INTERVAL_S: u32 = 10;

/// What the kernel may hold for us on TCP, in bytes (it takes double). Plain syslog has no
/// acknowledgement: when a connection breaks, what was in here is lost, so it is kept small.
const TCP_SEND_BUFFER: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) stream: TcpStream,
    connected: bool,
}

impl Tcp {
    /// Begins to connect.
    pub(super) fn open(to: SocketAddr) -> io::Result<Self> {
        let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket: OwnedFd = socket::socket(family, SockType::Stream, flags, None)?;
        socket::setsockopt(&socket, sockopt::KeepAlive, &true)?;
        socket::setsockopt(&socket, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE_S)?;
        socket::setsockopt(&socket, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL_S)?;
        socket::setsockopt(&socket, sockopt::TcpUserTimeout, &TCP_USER_TIMEOUT_MS)?;
        socket::setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
        socket::setsockopt(&socket, sockopt::SndBuf, &TCP_SEND_BUFFER)?;
        let connected = match socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
            Ok(()) => true,
            Err(Errno::EINPROGRESS) => false,
            Err(e) => return Err(e.into()),
        };
        Ok(Self { stream: TcpStream::from(socket), connected })
    }

    /// `WouldBlock` while the three-way handshake lasts; its error when it failed.
    pub(super) fn finish_connecting(&mut self) -> io::Result<()> {
        if self.connected {
            return Ok(());
        }
        if let Some(e) = self.stream.take_error()? {
            return Err(e);
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connected = true;
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Err(io::ErrorKind::WouldBlock.into()),
            Err(e) => Err(e),
        }
    }

    /// Whether the three-way handshake was seen to be over.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        self.finish_connecting()?;
        if *sent == 0 {
            self.still_open()?;
        }
        write_rest(&mut self.stream, frame, sent)
    }

    /// A peer that has closed would take the first write and lose it: its end of stream is seen before.
    /// What it may have sent is read and thrown away; syslog has no answers.
    pub(super) fn still_open(&self) -> io::Result<()> {
        let mut scrap = [0_u8; 256];
        loop {
            match socket::recv(self.stream.as_raw_fd(), &mut scrap, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Err(closed()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
    }
}

impl AsFd for Tcp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
