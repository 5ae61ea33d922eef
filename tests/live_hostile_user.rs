//! What a local process does to blind, hold up or forge, on the real kernel. The table of all of it is in docs/threat-model.md.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use live::stage::Stage;
use live::{answered_status, eventually};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket,
};

/// Who may connect at all can do no more than make others wait for `status`: callers that read nothing, and say what
/// nobody asked for.
#[test]
fn callers_of_the_status_socket_that_read_nothing_and_say_much_hold_up_no_alert() {
    let Some(stage) = Stage::set() else { return };
    let socket = stage.runtime().join("status.sock");
    eventually("the socket is there", || UnixStream::connect(&socket).map(drop).map_err(|e| e.to_string()));
    let mut callers = Vec::new();
    for _ in 0..100 {
        let caller = UnixStream::connect(&socket).expect("a connection");
        caller.set_nonblocking(true).expect("a socket");
        // A megabyte, as far as it is taken: nobody reads it.
        let _ = (&caller).write(&vec![b'x'; 1 << 20]);
        callers.push(caller);
    }
    (0..20).for_each(|n| stage.alerts(&format!("bob{n}")));
    drop(callers);
    let report = answered_status(&stage.runtime());
    assert_eq!(report["totals"]["alerts"], 20, "{report:#}");
    stage.nothing_lost();
    assert!(stage.daemon.resident_kib() < 128 * 1024);
}

/// Records in the form of the kernel's, from another process to the daemon's own address: root may send them, others may not.
#[test]
fn records_that_another_process_sends_are_thrown_away() {
    let Some(stage) = Stage::set() else { return };
    let forged =
        "audit(1790000100.500:7): pid=1 uid=0 auid=0 ses=1 msg='op=forged acct=\"forged\" res=success'";
    // struct nlmsghdr: length, type (1112 is AUDIT_USER_LOGIN), flags, sequence, port.
    let mut datagram = u32::try_from(16 + forged.len()).expect("short").to_ne_bytes().to_vec();
    datagram.extend(1112_u16.to_ne_bytes());
    datagram.extend([0; 10]);
    datagram.extend(forged.as_bytes());
    let sender =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkAudit)
            .expect("a socket");
    let address = NetlinkAddr::new(stage.daemon.socket().expect("socket").port, 0);
    let before = answered_status(&stage.runtime())["totals"]["events"].clone();
    for _ in 0..10 {
        match sendto(sender.as_raw_fd(), &datagram, &address, MsgFlags::MSG_DONTWAIT) {
            Ok(_) => {}
            Err(Errno::EPERM) => return println!("skipped: not even root may send them here"),
            Err(error) => panic!("{error}"),
        }
    }
    let report = eventually("they are counted", || {
        let report = answered_status(&stage.runtime());
        if report["lost"]["foreign"] == 10 { Ok(report) } else { Err(report["lost"].to_string()) }
    });
    assert_eq!(report["totals"]["events"], before, "none became an event");
    stage.alerts("bob");
    stage.nothing_lost();
}
