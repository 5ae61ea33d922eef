//! The audit socket and the reassembler on the real kernel: nothing is lost where there is room, and what
//! is lost where there is none is counted exactly.
//!
//! Needs root and `auditctl`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auditward::audit::execve::Arguments;
use auditward::audit::netlink::{DEFAULT_BUFFER, JoinError, Socket};
use auditward::audit::reassembler::Limits;
use auditward::audit::{Reassembler, RecordType};
use live::{KernelAudit, private_usermod, scratch};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket, sockopt,
};

/// Set for the copy of this program that makes the calls.
const CALLS: &str = "AUDITWARD_TEST_GETPPID";

/// No test: what a copy of this program does for the others when it is asked to.
#[test]
fn helper_that_calls_getppid() {
    let Some(calls) = std::env::var(CALLS).ok().and_then(|n| n.parse::<u32>().ok()) else { return };
    for _ in 0..calls {
        let _ = nix::unistd::getppid();
    }
}

/// Makes `calls` recorded system calls, as fast as the kernel lets it.
fn call_getppid(program: &Path, calls: u32) {
    let status = Command::new(program)
        .args(["--exact", "helper_that_calls_getppid"])
        .env(CALLS, calls.to_string())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("the helper runs").success());
}

/// A copy of this test program, so that a rule on its path records nobody else.
fn helper(folder: &Path) -> PathBuf {
    let copy = folder.join("getppid");
    std::fs::copy(std::env::current_exe().expect("this program"), &copy).expect("copy");
    copy
}

/// What came in until the work was done and nothing had come for a while.
#[derive(Debug, Default)]
struct Seen {
    records: u64,
    /// Events of system calls with the test's key.
    ours: u32,
    incomplete: u64,
    /// What the reassembler dropped for any reason.
    dropped: u64,
}

/// Reads `socket` through a reassembler while `work` runs in another thread; `work` is told how many records
/// have been read so far.
fn read_while(socket: &mut Socket, key: &str, work: impl FnOnce(&AtomicU64) + Send) -> Seen {
    let (done, read) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            work(&read);
            done.store(true, Ordering::Release);
        });
        let mut reassembler = Reassembler::new(Limits::default());
        let mut seen = Seen::default();
        let quoted = format!("key=\"{key}\"");
        let start = Instant::now();
        loop {
            let finished = done.load(Ordering::Acquire);
            let now = u64::try_from(start.elapsed().as_millis()).expect("milliseconds");
            let deadline = Some(Instant::now() + Duration::from_millis(500));
            let received = socket.receive(None, deadline, &mut |record| {
                seen.records += 1;
                reassembler.push(record, now, &mut |event| {
                    let call = event.record(RecordType::SYSCALL);
                    let ours = call.is_some_and(|r| r.body.ends_with(quoted.as_bytes()));
                    seen.ours += u32::from(ours);
                    seen.incomplete += u64::from(ours && event.incomplete);
                });
            });
            let received = received.expect("the socket reads on").datagrams;
            read.store(seen.records, Ordering::Release);
            if finished && received == 0 {
                break;
            }
        }
        let counters = reassembler.counters;
        seen.dropped = counters.oversize + counters.evicted + counters.duplicates + counters.late;
        seen
    })
}

/// Calls of one burst of the million. An optimised build takes all of them at the rate that the kernel gives; an
/// unoptimised one, on a machine with something else to do, does not: it gets what its buffer holds, and the next
/// burst when it has read that.
const BURST: u32 = if cfg!(debug_assertions) { 15_000 } else { u32::MAX };

/// `calls` recorded system calls by `program`, which give three records each, in bursts.
fn call_in_bursts(program: &Path, calls: u32, read: &AtomicU64) {
    let (mut made, patience) = (0, Instant::now() + Duration::from_secs(120));
    while made < calls {
        let burst = BURST.min(calls - made);
        call_getppid(program, burst);
        made += burst;
        while made < calls && read.load(Ordering::Acquire) < 3 * u64::from(made) && Instant::now() < patience
        {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_million_cheap_records_lose_none() {
    const CALLS: u32 = 333_334;
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = helper(folder.path());
    kernel.record_getppid_of(&program);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    let start = Instant::now();
    let seen = read_while(&mut socket, kernel.key(), |read| call_in_bursts(&program, CALLS, read));
    println!("{seen:?} in {:?}, {:?}", start.elapsed(), socket.counters());
    assert_eq!(socket.drops().expect("drops"), 0);
    assert!(seen.records >= 1_000_000, "{seen:?}");
    assert_eq!((seen.ours, seen.incomplete, seen.dropped), (CALLS, 0, 0), "every call is one whole event");
}

#[test]
fn a_hundred_thousand_executions_at_full_rate_lose_none() {
    const EACH: u32 = 50_000;
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_usermod(folder.path());
    kernel.record_executions_of(&program);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    let start = Instant::now();
    let execute = || {
        for _ in 0..EACH {
            assert!(Command::new(&program).arg("-L").status().expect("it runs").success());
        }
    };
    let seen = read_while(&mut socket, kernel.key(), |_| {
        thread::scope(|scope| {
            scope.spawn(execute);
            execute();
        });
    });
    println!("{seen:?} in {:?}, {:?}", start.elapsed(), socket.counters());
    assert_eq!(socket.drops().expect("drops"), 0);
    assert_eq!((seen.ours, seen.incomplete, seen.dropped), (2 * EACH, 0, 0), "every execution is whole");
}

/// A member of the group with the smallest receive buffer there is.
fn tiny_socket() -> Socket {
    let fd: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkAudit)
            .expect("socket");
    setsockopt(&fd, sockopt::RcvBuf, &1).expect("SO_RCVBUF");
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 1)).expect("joined");
    Socket::from_fd(fd, 1).expect("a member")
}

/// Takes what waits, without the reassembler; gives the number of datagrams.
fn drain(socket: &mut Socket) -> u64 {
    let before = socket.counters().datagrams;
    loop {
        let deadline = Some(Instant::now() + Duration::from_millis(200));
        let overruns = socket.counters().overruns;
        let received = socket.receive(None, deadline, &mut |_| {}).expect("the socket reads on");
        if received.datagrams == 0 && socket.counters().overruns == overruns {
            return socket.counters().datagrams - before;
        }
    }
}

#[test]
fn received_and_counted_drops_are_what_was_sent() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = helper(folder.path());
    let mut tiny = tiny_socket();
    // The witness has room for everything: what it receives is what the kernel sent.
    let mut witness = Socket::join(DEFAULT_BUFFER).expect("joined");
    kernel.record_getppid_of(&program);
    drain(&mut witness);
    drain(&mut tiny);
    let already = tiny.drops().expect("drops");
    let (mut sent, mut received) = (0, 0);
    // Bursts that do not fit, with reading between them: the socket recovers each time.
    for burst in [50, 5_000, 1, 20_000] {
        call_getppid(&program, burst);
        sent += drain(&mut witness);
        received += drain(&mut tiny);
    }
    let dropped = tiny.drops().expect("drops") - already;
    println!("sent {sent}, received {received}, dropped {dropped}, {:?}", tiny.counters());
    assert_eq!(witness.drops().expect("drops"), 0, "the witness saw everything");
    assert!(dropped > 0 && received > 0, "some fitted and some did not");
    assert_eq!(received + dropped, sent);
    assert!(tiny.counters().overruns < dropped, "ENOBUFS is told far less often than records are lost");
}

#[test]
fn one_membership_gives_each_record_once_and_every_argument_is_exact() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_usermod(folder.path());
    kernel.record_executions_of(&program);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    let arguments = ["-u", "0", "-o", "", "two words", "\"quoted\"", "\u{e9}\n", "?"];
    assert!(Command::new(&program).args(arguments).status().expect("it runs").success());

    let (mut serial, mut records, mut read) = (None, Vec::new(), Arguments::default());
    let mut reassembler = Reassembler::new(Limits::default());
    let mut all = Vec::new();
    // Whatever would come twice comes within the 500 ms in which nothing more does.
    loop {
        let deadline = Some(Instant::now() + Duration::from_millis(500));
        let received = socket.receive(None, deadline, &mut |record| {
            all.push((record.stamp.serial, record.kind, record.body.to_vec()));
            reassembler.push(record, 0, &mut |event| {
                let call = event.record(RecordType::SYSCALL);
                if call.is_some_and(|r| r.body.ends_with(format!("key=\"{}\"", kernel.key()).as_bytes())) {
                    assert_eq!(serial.replace(event.stamp.serial), None, "one event");
                    records = event.kinds().collect();
                    read.read(event);
                }
            });
        });
        if received.expect("the socket reads on").datagrams == 0 {
            break;
        }
    }
    let given = [program.to_str().expect("text")].into_iter().chain(arguments).map(str::as_bytes);
    assert_eq!(read.iter().collect::<Vec<_>>(), given.collect::<Vec<_>>());
    assert_eq!(records.iter().filter(|&&kind| kind == RecordType::EXECVE).count(), 1);
    assert_eq!(records.iter().filter(|&&kind| kind == RecordType::PATH).count(), 2);
    let wire = all.iter().filter(|(s, ..)| Some(*s) == serial).collect::<Vec<_>>();
    assert_eq!(wire.len(), records.len() + 1, "EOE is not among the event's records");
    for (at, record) in wire.iter().enumerate() {
        assert!(!wire[..at].contains(record), "came twice: {record:?}");
    }
    let counters = socket.counters();
    assert_eq!((counters.malformed, counters.foreign, counters.truncated), (0, 0, 0));
}

#[test]
fn f21_the_receive_buffer_is_as_asked_where_permitted() {
    let Some(_kernel) = KernelAudit::take() else { return };
    let socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    assert_eq!((socket.buffer().granted, socket.buffer().shortfall()), (DEFAULT_BUFFER, None));
    // Without CAP_NET_ADMIN it starts all the same, and says what it got. (Capabilities are a thread's.)
    let less = thread::spawn(|| {
        caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_ADMIN).expect("dropped");
        Socket::join(DEFAULT_BUFFER).expect("joined").buffer()
    });
    let less = less.join().expect("no panic");
    let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max").expect("rmem_max");
    let limit: usize = limit.trim().parse().expect("a number");
    assert_eq!(less.granted, limit.min(DEFAULT_BUFFER));
    assert_eq!(less.shortfall().is_some(), limit < DEFAULT_BUFFER);
}

#[test]
fn joining_without_the_capability_says_what_is_missing() {
    let Some(_kernel) = KernelAudit::take() else { return };
    let refused = thread::spawn(|| {
        caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_AUDIT_READ).expect("dropped");
        Socket::join(DEFAULT_BUFFER).map(drop)
    });
    let error = refused.join().expect("no panic").expect_err("refused");
    assert!(matches!(error, JoinError::NotPermitted), "{error}");
    assert!(error.to_string().contains("CAP_AUDIT_READ"));
}

#[test]
fn what_systemd_hands_over_is_checked() {
    let refused = |fd: OwnedFd| match Socket::from_fd(fd, DEFAULT_BUFFER) {
        Err(JoinError::NotAudit(why)) => why,
        other => panic!("{other:?}"),
    };
    let netlink = |protocol| {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol);
        let fd = fd.expect("socket");
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).expect("bound");
        fd
    };
    assert!(refused(std::fs::File::open("/dev/null").expect("null").into()).contains("non-socket"));
    let (unix, _other) = std::os::unix::net::UnixDatagram::pair().expect("pair");
    assert_eq!(refused(unix.into()), "address family 1, protocol 0");
    assert_eq!(refused(netlink(SockProtocol::NetlinkRoute)), "address family 16, protocol 0");
    assert_eq!(refused(netlink(SockProtocol::NetlinkAudit)), "it is no member of group 1");
}
