//! The few things about sockets that no crate wraps, and with them the house's only unsafe code.
#![expect(unsafe_code, reason = "getsockopt of three options, an inherited descriptor, one Send")]

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;
use nix::sys::socket::{MultiHeaders, SockaddrLike, getsockopt};
use nix::{getsockopt_impl, sockopt_impl};

/// `SK_MEMINFO_VARS` of `include/uapi/linux/sock_diag.h`: how many words SO_MEMINFO gives.
const MEMINFO_WORDS: usize = 9;

/// `SK_MEMINFO_WMEM_ALLOC`: the word that counts the bytes of messages that the receiving socket still holds.
const MEMINFO_WMEM_ALLOC: usize = 2;

/// `SK_MEMINFO_WMEM_QUEUED`: the word that counts the bytes of a TCP socket that the other side has not acknowledged.
const MEMINFO_WMEM_QUEUED: usize = 5;

/// `SK_MEMINFO_DROPS`: the word that counts what the socket had no room for.
const MEMINFO_DROPS: usize = 8;

sockopt_impl!(
    /// Memory and drop counters of a socket (Linux 4.12 and later).
    MemInfo,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_MEMINFO,
    [u32; MEMINFO_WORDS]
);

sockopt_impl!(
    /// The protocol number that the socket was made with.
    Protocol,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_PROTOCOL,
    i32
);

sockopt_impl!(
    /// The address family that the socket was made with.
    Domain,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_DOMAIN,
    i32
);

/// Messages that the socket had no room for since it was made, modulo 2³².
pub(super) fn drops(socket: &impl AsFd) -> io::Result<u32> {
    let words = getsockopt(socket, MemInfo)?;
    Ok(words.get(MEMINFO_DROPS).copied().unwrap_or_default())
}

/// Whether the receiver of a local socket has read all that was sent to it.
///
/// # Errors
/// Those of getsockopt(2).
pub(crate) fn is_read(socket: &impl AsFd) -> io::Result<bool> {
    Ok(getsockopt(socket, MemInfo)?.get(MEMINFO_WMEM_ALLOC) == Some(&0))
}

/// Whether the other side has acknowledged all that was sent down a TCP socket.
///
/// # Errors
/// Those of getsockopt(2).
pub(crate) fn is_acknowledged(socket: &impl AsFd) -> io::Result<bool> {
    Ok(getsockopt(socket, MemInfo)?.get(MEMINFO_WMEM_QUEUED) == Some(&0))
}

/// Address family and protocol of a socket.
///
/// # Errors
/// `ENOTSOCK` for what is none.
pub(super) fn domain_and_protocol(socket: &impl AsFd) -> io::Result<(i32, i32)> {
    Ok((getsockopt(socket, Domain)?, getsockopt(socket, Protocol)?))
}

/// The descriptors that systemd handed over (`sd_listen_fds(3)`), owned; empty where it did not, and
/// at every call but the first.
///
/// # Errors
/// When `LISTEN_FDS` or `LISTEN_PID` are there and make no sense.
pub(crate) fn take_listen_fds() -> io::Result<Vec<OwnedFd>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let fds = sd_notify::listen_fds()?;
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(Vec::new());
    }
    // SAFETY: by the protocol these descriptors are open and belong to this process (LISTEN_PID is
    // ours and listen_fds has just set their CLOEXEC flag), and the swap above makes this their one
    // owner.
    Ok(fds.map(|fd: RawFd| unsafe { OwnedFd::from_raw_fd(fd) }).collect())
}

/// The headers of a batch of datagrams, which may go to the thread that reads them.
pub(super) struct Headers<A>(MultiHeaders<A>);

// SAFETY: the pointers that keep `MultiHeaders` from being Send lead into its own boxed slices, which
// do not move with it; those to the caller's buffers are written anew by each `recvmmsg` before they
// are used. Nothing in it is shared with another thread.
unsafe impl<A: Send> Send for Headers<A> {}

impl<A: SockaddrLike + Copy> Headers<A> {
    /// Headers for `count` datagrams.
    pub(super) fn new(count: usize) -> Self {
        Self(MultiHeaders::preallocate(count, None))
    }

    pub(super) fn get_mut(&mut self) -> &mut MultiHeaders<A> {
        &mut self.0
    }
}
