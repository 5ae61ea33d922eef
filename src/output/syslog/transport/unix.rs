//! A local socket: datagrams as a rule, else a stream.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{self, AddressFamily, SockFlag, SockType};

use super::write_rest;
use crate::output::syslog::Framing;

#[derive(Debug)]
pub(super) enum Local {
    Datagram(UnixDatagram, Inode),
    Stream(UnixStream),
}

/// Device and inode of a socket's place.
type Inode = Option<(u64, u64)>;

impl Local {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // Before connecting: should it be replaced in between, the difference is seen later.
        let inode = inode(path);
        match socket.connect(path) {
            Ok(()) => Ok(Self::Datagram(socket, inode)),
            Err(e) if e.raw_os_error() == Some(Errno::EPROTOTYPE as i32) => {
                let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
                let stream = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
                // A stream's connect() does not wait here: it gives EAGAIN while the backlog is full.
                socket::connect(stream.as_raw_fd(), &socket::UnixAddr::new(path)?)?;
                Ok(Self::Stream(UnixStream::from(stream)))
            }
            Err(e) => Err(e),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        match self {
            Self::Datagram(..) => Framing::Datagram,
            Self::Stream(_) => Framing::Nul,
        }
    }

    pub(super) fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        match self {
            Self::Datagram(socket, _) => socket.send(frame).map(drop),
            Self::Stream(stream) => write_rest(stream, frame, sent),
        }
    }

    /// Whether another socket stands now at `path`, where this one was met.
    pub(super) fn was_replaced(&self, path: &Path) -> bool {
        let Self::Datagram(_, met) = self else { return false };
        let found = inode(path);
        found.is_some() && found != *met
    }
}

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Datagram(socket, _) => socket.as_fd(),
            Self::Stream(stream) => stream.as_fd(),
        }
    }
}

fn inode(path: &Path) -> Inode {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}
