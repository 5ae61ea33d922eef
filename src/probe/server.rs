//! The probe's life: it takes connections of one user only, and answers one request after the other on each.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrLike, UnixAddr, accept4, getsockname, getsockopt,
    recv, send, setsockopt, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::answer::Answer;
use super::request::{LENGTH, Question, Request};
use super::{accounts, auditing, digest, process};

/// Most connections at one time; the daemon needs a few.
const MOST: usize = 16;

/// How long an asker may leave its answers unread, in seconds.
const PATIENCE: i64 = 2;

/// What a question is answered.
#[must_use]
pub fn look(question: Question) -> Answer {
    match question {
        Question::Process(target) => process::look(target),
        Question::Digest(target) => digest::look(target),
        Question::Accounts(from) => accounts::look(Path::new("/etc"), from),
        Question::Auditing(from) => auditing::look(from),
    }
}

/// The bytes of the answer to a datagram; `None` for what is no request: whoever sent it is hung up on.
#[must_use]
pub fn answer(datagram: &[u8], look: impl FnOnce(Question) -> Answer) -> Option<Vec<u8>> {
    let Request { tag, question } = Request::parse(datagram)?;
    Some(look(question).to_bytes(tag))
}

/// Makes sure that a descriptor is what [`serve`] wants: a local socket that listens for packets.
///
/// # Errors
/// It is something else.
pub fn check_listener(listener: &OwnedFd) -> io::Result<()> {
    let local = getsockname::<UnixAddr>(listener.as_raw_fd())?.family() == Some(AddressFamily::Unix);
    let packets = getsockopt(listener, sockopt::SockType)? == SockType::SeqPacket;
    let listens = getsockopt(listener, sockopt::AcceptConn)?;
    let fits = local && packets && listens;
    if fits {
        Ok(())
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "not a local socket that listens for packets"))
    }
}

/// Serves `listener` for the user `allowed`, until nobody holds the other end of `end` any more; without `end` for
/// ever.
///
/// # Errors
/// The socket is of no use any more.
pub fn serve(listener: &OwnedFd, allowed: u32, end: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let connections = Arc::new(());
    loop {
        let mut fds = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(end.map(|end| PollFd::new(end, PollFlags::empty())));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let happened =
            |at: usize| fds.get(at).and_then(PollFd::revents).is_some_and(|events| !events.is_empty());
        if happened(1) {
            return Ok(());
        }
        if !happened(0) {
            continue;
        }
        match accept4(listener, SockFlag::SOCK_CLOEXEC) {
            Ok(connection) => admit(connection, allowed, &connections),
            Err(Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK) => return Err(Errno::EINVAL.into()),
            // Out of descriptors, say: not in a hurry.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Gives the connection a thread, or hangs up.
fn admit(connection: OwnedFd, allowed: u32, connections: &Arc<()>) {
    // SO_PEERCRED: who it was when it connected.
    let peer = getsockopt(&connection, sockopt::PeerCredentials);
    if !peer.is_ok_and(|peer| peer.uid() == allowed) || Arc::strong_count(connections) > MOST {
        return;
    }
    let held = Arc::clone(connections);
    let thread = std::thread::Builder::new().name("asker".to_owned());
    // Without a thread the connection ends here too.
    let _ = thread.spawn(move || {
        let _ = converse(&connection);
        drop((connection, held));
    });
}

/// Answers until the asker hangs up, or says what is no request.
fn converse(connection: &OwnedFd) -> io::Result<()> {
    setsockopt(connection, sockopt::SendTimeout, &TimeVal::seconds(PATIENCE))?;
    // One byte more than a request: what is longer shows as longer.
    let mut datagram = [0; LENGTH + 1];
    loop {
        let length = match recv(connection.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let Some(bytes) = answer(datagram.get(..length).unwrap_or_default(), look) else { return Ok(()) };
        send(connection.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL)?;
    }
}

/// A socket that listens, to serve in a test.
#[cfg(test)]
pub(crate) fn listener(path: &Path) -> OwnedFd {
    use nix::sys::socket::{Backlog, bind, listen, socket};

    let listener =
        socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).expect("socket");
    bind(listener.as_raw_fd(), &UnixAddr::new(path).expect("address")).expect("bound");
    listen(&listener, Backlog::new(8).expect("backlog")).expect("listens");
    listener
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::answer::{Known, LONGEST};
    use super::super::request::Target;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Any bytes: no panic, and a bounded answer to a request or none. The pids are those of real processes too.
        #[test]
        fn whatever_is_sent(
            random in proptest::collection::vec(any::<u8>(), 0..64),
            pid in prop_oneof![0_u32..400, any::<u32>()],
            start: u64,
            kind in 1_u8..3,
        ) {
            let target = Target { pid, start };
            let question = if kind == 1 { Question::Process(target) } else { Question::Digest(target) };
            for bytes in [random, Request { tag: 1, question }.to_bytes().to_vec()] {
                let told = answer(&bytes, look);
                prop_assert_eq!(told.is_some(), Request::parse(&bytes).is_some());
                if let Some(told) = told {
                    prop_assert!(told.len() <= LONGEST && Answer::parse(&told).is_some());
                }
            }
        }
    }

    #[test]
    fn every_process_of_this_machine_has_a_bounded_answer() {
        let mut known = 0;
        for entry in std::fs::read_dir("/proc").expect("proc").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Ok(stat) = std::fs::read(entry.path().join("stat")) else { continue };
            let Some(start) = process::start(&stat) else { continue };
            let told = look(Question::Process(Target { pid, start }));
            let bytes = told.to_bytes(pid);
            assert!(bytes.len() <= LONGEST);
            known += usize::from(matches!(told, Answer::Known(Known::Process(_))));
            assert_eq!(Answer::parse(&bytes), Some((pid, told)));
        }
        assert!(known > 0);
    }
}
