//! A local socket: datagrams as a rule, else a stream.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{self, AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr};

use crate::audit::sockopt;
use crate::output::sink::write_rest;
use crate::output::syslog::Framing;

#[derive(Debug)]
pub(super) enum Local {
    Datagram(UnixDatagram, Inode),
    /// That of journald, which takes what is too long for a datagram as a file.
    Journal(UnixDatagram, Inode),
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

    /// As [`Local::open`], of journald's socket.
    pub(super) fn open_journal(path: &Path) -> io::Result<Self> {
        match Self::open(path)? {
            Self::Datagram(socket, inode) => Ok(Self::Journal(socket, inode)),
            other => Ok(other),
        }
    }

    pub(super) fn framing(&self) -> Framing {
        match self {
            Self::Datagram(..) | Self::Journal(..) => Framing::Datagram,
            Self::Stream(_) => Framing::Nul,
        }
    }

    pub(super) fn send_rest(&mut self, frame: &[u8], sent: &mut usize) -> io::Result<()> {
        match self {
            Self::Datagram(socket, _) => socket.send(frame).map(drop),
            Self::Journal(socket, _) => match socket.send(frame) {
                Err(e) if e.raw_os_error() == Some(Errno::EMSGSIZE as i32) => send_sealed(socket, frame),
                sent => sent.map(drop),
            },
            Self::Stream(stream) => write_rest(stream, frame, sent),
        }
    }

    /// Whether the receiver has read all, if it is there still: what one that has ended did not read is gone too.
    pub(super) fn is_read(&self) -> bool {
        sockopt::is_read(self).unwrap_or(false)
    }

    /// Whether the receiver at `path` is there still and has read all; that it is not, as the error.
    pub(super) fn look(&self, path: &Path) -> io::Result<bool> {
        let read = self.is_read();
        if let Self::Datagram(_, met) | Self::Journal(_, met) = self {
            return match inode(path) {
                // Its place alone may be gone, and it reads all the same.
                None => Ok(false),
                // Refused when nobody holds the socket any more; that there is no descriptor to ask with says nothing of it.
                found if found == *met => match UnixDatagram::unbound() {
                    Ok(asking) => asking.connect(path).map(|()| read),
                    Err(_) => Ok(false),
                },
                Some(_) => Err(io::ErrorKind::ConnectionRefused.into()),
            };
        }
        Ok(read)
    }

    /// Whether another socket stands now at `path`, where this one was met.
    pub(super) fn was_replaced(&self, path: &Path) -> bool {
        let (Self::Datagram(_, met) | Self::Journal(_, met)) = self else { return false };
        let found = inode(path);
        found.is_some() && found != *met
    }
}

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Datagram(socket, _) | Self::Journal(socket, _) => socket.as_fd(),
            Self::Stream(stream) => stream.as_fd(),
        }
    }
}

/// Sends a memory file that holds `frame` and that nobody can change any more: what journald takes of strangers.
fn send_sealed(socket: &UnixDatagram, frame: &[u8]) -> io::Result<()> {
    let mut file =
        File::from(memfd_create("auditward", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?);
    file.write_all(frame)?;
    let seals =
        SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    let files = [file.as_raw_fd()];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    socket::sendmsg::<UnixAddr>(socket.as_raw_fd(), &[], &[ControlMessage::ScmRights(&files)], flags, None)?;
    Ok(())
}

fn inode(path: &Path) -> Inode {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}
