//! The kernel's audit multicast group: the socket, its receive buffer and what it had no room for.
//!
//! Any number of readers may join the group; none of them is the audit daemon, and none can make a
//! system call wait. The kernel therefore never repeats a record: what finds the receive buffer full
//! is lost to us, is told by ENOBUFS now and then, and is counted exactly by the socket.
//!
//! After an overflow the kernel delivers nothing until the buffer has been read empty
//! (`NETLINK_S_CONGESTED` in `net/netlink/af_netlink.c`). `NETLINK_NO_ENOBUFS` would lift that, and is
//! left off on purpose: under a lasting overload it would lose a record here and there, so that hardly
//! an event stayed whole, in place of a stretch with whole events on both sides.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use netlink_sys::protocols::NETLINK_AUDIT;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{NetlinkAddr, getsockname, getsockopt, setsockopt, sockopt};

use super::datagrams::Datagrams;
pub use super::datagrams::{Counters, Received};
use super::record::Record;
use super::sockopt as audit_sockopt;

/// `AUDIT_NLGRP_READLOG` of `include/uapi/linux/audit.h`.
const GROUP_READLOG: u32 = 1;

/// Receive buffer asked for unless configured otherwise, in bytes. The kernel takes the memory only
/// as records wait in it.
pub const DEFAULT_BUFFER: usize = 64 * 1024 * 1024;

/// Largest size that SO_RCVBUF takes (it is doubled into an int).
const LARGEST_BUFFER: usize = (i32::MAX / 2) as usize;

/// What the receive buffer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Bytes asked for.
    pub asked: usize,
    /// Bytes granted, in the same unit (the kernel accounts twice as much for its overhead).
    pub granted: usize,
}

impl Buffer {
    /// Asks for a receive buffer of `asked` bytes for `socket`; never makes it smaller than it is.
    ///
    /// # Errors
    /// Those of getsockopt(2) and setsockopt(2); a size that is not granted is none.
    pub fn enlarge(socket: &impl AsFd, asked: usize) -> io::Result<Self> {
        let asked = asked.min(LARGEST_BUFFER);
        let before = granted(socket)?;
        if before < asked && setsockopt(socket, sockopt::RcvBufForce, &asked).is_err() {
            // Without CAP_NET_ADMIN the kernel cuts to rmem_max, which may be less than what is there.
            let allowed = std::fs::read_to_string("/proc/sys/net/core/rmem_max");
            let allowed = allowed.ok().and_then(|s| s.trim().parse().ok()).unwrap_or(asked);
            if allowed > before {
                setsockopt(socket, sockopt::RcvBuf, &asked)?;
            }
        }
        Ok(Self { asked, granted: granted(socket)? })
    }

    /// One line for the administrator when less was granted than asked for.
    #[must_use]
    pub fn shortfall(&self) -> Option<String> {
        (self.granted < self.asked).then(|| {
            format!(
                "asked for a receive buffer of {} bytes and got {}: bursts may be lost; give the process \
                 CAP_NET_ADMIN at its start, or set `sysctl -w net.core.rmem_max={}`, or let systemd's \
                 socket unit set ReceiveBuffer=",
                self.asked, self.granted, self.asked
            )
        })
    }
}

/// Why there is no socket to read from.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The kernel has no audit, or this is not the initial network namespace, where the group lives.
    #[error(
        "this kernel (or network namespace) has no audit multicast group: {0}; the kernel needs \
         CONFIG_AUDIT and no `audit=0`, the process the host's network namespace"
    )]
    NoAudit(#[source] io::Error),
    /// CAP_AUDIT_READ is missing.
    #[error(
        "not permitted to join the audit multicast group: this needs CAP_AUDIT_READ in the initial user \
         namespace (start as root, or from the systemd socket unit)"
    )]
    NotPermitted,
    /// systemd handed over something else.
    #[error(
        "the socket handed over by systemd is no audit netlink socket ({0}); expected `ListenNetlink=audit 1`"
    )]
    NotAudit(String),
    /// Everything else.
    #[error("audit socket: {0}")]
    Other(#[from] io::Error),
}

/// A member of the audit multicast group.
#[derive(Debug)]
pub struct Socket {
    fd: Owner,
    datagrams: Datagrams<NetlinkAddr>,
    buffer: Buffer,
    drops: u64,
}

/// Who made the socket.
#[derive(Debug)]
enum Owner {
    Joined(netlink_sys::Socket),
    HandedOver(OwnedFd),
}

impl AsFd for Owner {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Joined(socket) => socket.as_fd(),
            Self::HandedOver(fd) => fd.as_fd(),
        }
    }
}

impl Socket {
    /// The socket that systemd handed over, or else one joined here; `buffer` bytes of receive buffer
    /// are asked for. Needs CAP_AUDIT_READ only where none was handed over.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn take_or_join(buffer: usize) -> Result<Self, JoinError> {
        match audit_sockopt::take_listen_fds()?.into_iter().next() {
            Some(fd) => Self::from_fd(fd, buffer),
            None => Self::join(buffer),
        }
    }

    /// Joins the group.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(buffer: usize) -> Result<Self, JoinError> {
        let mut socket = netlink_sys::Socket::new(NETLINK_AUDIT).map_err(explain)?;
        // Before joining, so that the first burst finds the room. The socket is ours alone: a size
        // below the system's default is meant.
        if buffer < granted(&socket)? {
            setsockopt(&socket, sockopt::RcvBuf, &buffer).map_err(io::Error::from)?;
        }
        let buffer = Buffer::enlarge(&socket, buffer)?;
        socket.bind_auto().map_err(explain)?;
        socket.add_membership(GROUP_READLOG).map_err(explain)?;
        Ok(Self { fd: Owner::Joined(socket), datagrams: Datagrams::new(), buffer, drops: 0 })
    }

    /// Takes over a socket that was joined by somebody else.
    ///
    /// # Errors
    /// [`JoinError::NotAudit`] for any other kind of descriptor, and for one outside the group.
    pub fn from_fd(fd: OwnedFd, buffer: usize) -> Result<Self, JoinError> {
        let kind = audit_sockopt::domain_and_protocol(&fd).map_err(|e| JoinError::NotAudit(e.to_string()))?;
        if kind != (libc::AF_NETLINK, libc::NETLINK_AUDIT) {
            return Err(JoinError::NotAudit(format!("address family {}, protocol {}", kind.0, kind.1)));
        }
        let address: NetlinkAddr =
            getsockname(std::os::fd::AsRawFd::as_raw_fd(&fd)).map_err(io::Error::from)?;
        if address.groups() & (1 << (GROUP_READLOG - 1)) == 0 {
            return Err(JoinError::NotAudit("it is no member of group 1".to_owned()));
        }
        let buffer = Buffer::enlarge(&fd, buffer)?;
        Ok(Self { fd: Owner::HandedOver(fd), datagrams: Datagrams::new(), buffer, drops: 0 })
    }

    /// Whether systemd handed the socket over.
    #[must_use]
    pub fn handed_over(&self) -> bool {
        matches!(self.fd, Owner::HandedOver(_))
    }

    /// Waits for records and gives them to `sink`, as [`Datagrams::receive`] does.
    ///
    /// # Errors
    /// As [`Datagrams::receive`]; ENOBUFS and EINTR are none.
    pub fn receive(
        &mut self,
        wake: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
        sink: &mut dyn FnMut(&Record<'_>),
    ) -> io::Result<Received> {
        self.datagrams.receive(self.fd.as_fd(), wake, deadline, sink)
    }

    /// What was received so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.datagrams.counters
    }

    /// What the receive buffer came to.
    #[must_use]
    pub fn buffer(&self) -> Buffer {
        self.buffer
    }

    /// Records that the receive buffer had no room for, exactly, since the socket was made. To be
    /// asked at least once in 2³² drops.
    ///
    /// # Errors
    /// On kernels before 4.12, which do not tell.
    pub fn drops(&mut self) -> io::Result<u64> {
        let counted = audit_sockopt::drops(&self.fd)?;
        // The kernel's counter has 32 bits and wraps.
        self.drops += u64::from(counted.wrapping_sub(self.drops as u32));
        Ok(self.drops)
    }
}

/// The receive buffer's size in the unit of SO_RCVBUF's argument.
fn granted(socket: &impl AsFd) -> io::Result<usize> {
    Ok(getsockopt(socket, sockopt::RcvBuf)? / 2)
}

fn explain(error: io::Error) -> JoinError {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) => JoinError::NotPermitted,
        Some(Errno::EPROTONOSUPPORT | Errno::EAFNOSUPPORT | Errno::ECONNREFUSED | Errno::ENOENT) => {
            JoinError::NoAudit(error)
        }
        _ => JoinError::Other(error),
    }
}
