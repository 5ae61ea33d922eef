//! Problems users of tools like this one reported, at the stage of the socket: each is a test here.
//! A socket pair stands in for netlink, so that no privilege is needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use auditward::audit::RecordType;
use auditward::audit::datagrams::{Counters, Datagrams, Received};
use auditward::audit::netlink::Buffer;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, socketpair};

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::SOCK_CLOEXEC).unwrap()
}

fn put(socket: &OwnedFd, bytes: &[u8]) {
    assert_eq!(send(socket.as_raw_fd(), bytes, MsgFlags::empty()).unwrap(), bytes.len());
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn within(millis: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(millis))
}

/// A datagram as the kernel multicasts it: the length counts the header.
fn datagram(kind: u16, text: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + text.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(text);
    bytes
}

#[test]
fn f01_the_length_in_the_netlink_header_follows_two_conventions() {
    let counts_the_header =
        hex("29000000280500000000000000000000617564697428313739303030303130302e3130313a37293a20");
    let leaves_it_out = hex(
        "8e000000580400000000000000000000617564697428313739303030303130302e3130323a38293a207069643d32313031207569643d3020617569643d31303030207365733d34206d73673d276f703d6c6f67696e2069643d31303030206578653d222f7573722f7362696e2f737368642220686f73746e616d653d3f20616464723d3f207465726d696e616c3d737368207265733d7375636365737327",
    );
    let longer_than_the_datagram =
        hex("69000000280500000000000000000000617564697428313739303030303130302e3130333a39293a20");
    let half_a_header = hex("1000000028050000");

    let (kernel, reader) = pair();
    for bytes in [
        &counts_the_header,
        &longer_than_the_datagram,
        &leaves_it_out,
        &half_a_header,
        &datagram(1320, b"no stamp at all"),
        &datagram(1320, b"audit(1790000100.101:10): "),
    ] {
        put(&kernel, bytes);
    }
    let mut datagrams = Datagrams::<()>::new();
    let mut seen = Vec::new();
    let received = datagrams
        .receive(reader.as_fd(), None, within(1_000), &mut |record| {
            let body = String::from_utf8_lossy(record.body).into_owned();
            seen.push((record.kind, record.stamp.millis, record.stamp.serial, body));
        })
        .unwrap();
    assert_eq!(received, Received { datagrams: 6, woken: false });
    let login = "pid=2101 uid=0 auid=1000 ses=4 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" hostname=? addr=? \
                 terminal=ssh res=success'";
    assert_eq!(
        seen,
        [
            (RecordType::EOE, 1_790_000_100_101, 7, String::new()),
            (RecordType(1112), 1_790_000_100_102, 8, login.to_owned()),
            (RecordType::EOE, 1_790_000_100_101, 10, String::new()),
        ]
    );
    let counters = Counters { datagrams: 6, records: 3, malformed: 3, ..Counters::default() };
    assert_eq!(datagrams.counters, counters);
}

/// The text of datagram `serial`, made from nothing but the serial.
fn text_of(serial: u64, length: usize) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"abcdefghijklmnopqrstuvwxyz=0123456789"[(state >> 33) as usize % 37]
        };
        (0..80_000).map(|_| next()).collect()
    });
    let mut text = format!("audit(1790000100.101:{serial}): ").into_bytes();
    text.extend(&NOISE[serial as usize % 8_191..][..length]);
    text.truncate(length);
    text
}

#[test]
fn f60_receive_buffers_that_grow_keep_old_bytes_or_are_handed_on_too_early() {
    const COUNT: u64 = 100_000;
    // 17 to 9,000 bytes with the header, in no order.
    let length = |serial: u64| (serial.wrapping_mul(2_654_435_761) % 8_984) as usize + 1;
    let stamp = |serial: u64| format!("audit(1790000100.101:{serial}):").len();
    let (kernel, reader) = pair();
    let sender = std::thread::spawn(move || {
        for serial in 0..COUNT {
            put(&kernel, &datagram(1300, &text_of(serial, length(serial))));
        }
    });
    let mut datagrams = Datagrams::<()>::new();
    let capacity = datagrams.capacity();
    let mut next = 0;
    let mut random = 1u64;
    while datagrams.counters.datagrams < COUNT {
        let received = datagrams
            .receive(reader.as_fd(), None, within(10_000), &mut |record| {
                // Too short for a stamp: counted as malformed, not given out.
                while length(next) < stamp(next) {
                    next += 1;
                }
                assert_eq!(record.stamp.serial, next);
                let text = text_of(next, length(next));
                assert_eq!(record.body, text[stamp(next)..].trim_ascii(), "datagram {next}");
                next += 1;
            })
            .unwrap();
        assert!(received.datagrams > 0, "the sender is stuck");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if random >> 59 == 0 {
            std::thread::sleep(Duration::from_micros(random >> 52 & 0x3ff));
        }
    }
    sender.join().unwrap();
    assert_eq!(datagrams.capacity(), capacity);
    let short = (0..COUNT).filter(|&s| length(s) < stamp(s)).count() as u64;
    assert!(short > 100, "the short lengths are tried too");
    let counters =
        Counters { datagrams: COUNT, records: COUNT - short, malformed: short, ..Counters::default() };
    assert_eq!(datagrams.counters, counters);
}

#[test]
fn a_record_longer_than_a_slot_is_cut_and_counted_and_the_next_is_whole() {
    let (kernel, reader) = pair();
    put(&kernel, &datagram(1300, &text_of(1, 64 * 1024)));
    put(&kernel, &datagram(1300, &text_of(2, 100)));
    let mut datagrams = Datagrams::<()>::new();
    let mut lengths = Vec::new();
    datagrams
        .receive(reader.as_fd(), None, within(1_000), &mut |r| lengths.push((r.stamp.serial, r.body.len())))
        .unwrap();
    assert_eq!(lengths, [(1, 32 * 1024 - 16 - 25), (2, 100 - 25)]);
    let counters = Counters { datagrams: 2, records: 2, truncated: 1, ..Counters::default() };
    assert_eq!(datagrams.counters, counters);
}

#[test]
fn the_wake_up_ends_the_wait_and_the_deadline_does_too() {
    let (_kernel, reader) = pair();
    let (wake_writer, wake) = pair();
    let mut datagrams = Datagrams::<()>::new();
    let mut sink = |_: &auditward::audit::Record<'_>| panic!("nothing was sent");
    let before = Instant::now();
    let received = datagrams.receive(reader.as_fd(), Some(wake.as_fd()), within(50), &mut sink).unwrap();
    assert_eq!(received, Received::default());
    assert!(before.elapsed() >= Duration::from_millis(50));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            put(&wake_writer, b"x");
        });
        let received = datagrams.receive(reader.as_fd(), Some(wake.as_fd()), None, &mut sink).unwrap();
        assert_eq!(received, Received { datagrams: 0, woken: true });
    });
}

#[test]
fn a_signal_ends_the_wait_and_is_no_error() {
    let (kernel, reader) = pair();
    let mut datagrams = Datagrams::<()>::new();
    signal_hook::flag::register(nix::libc::SIGUSR1, std::sync::Arc::default()).unwrap();
    let waiting = nix::sys::pthread::pthread_self();
    std::thread::spawn(move || {
        for _ in 0..20 {
            std::thread::sleep(Duration::from_millis(20));
            nix::sys::pthread::pthread_kill(waiting, nix::sys::signal::Signal::SIGUSR1).unwrap();
        }
        put(&kernel, &datagram(1320, b"audit(1.000:1): "));
    });
    let mut records = 0;
    let mut interrupted = 0;
    while records == 0 {
        let received = datagrams.receive(reader.as_fd(), None, None, &mut |_| records += 1).unwrap();
        interrupted += u64::from(received.datagrams == 0);
    }
    assert!(interrupted > 0);
}

#[test]
fn f21_receive_buffer_too_small_for_a_burst() {
    let limit: usize =
        std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
    let asked = limit * 2;
    let enlarge = move || {
        let (_other, socket) = pair();
        Buffer::enlarge(&socket, asked).unwrap()
    };
    let may_force = caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_NET_ADMIN).unwrap();
    if may_force {
        let buffer = enlarge();
        assert_eq!(buffer, Buffer { asked, granted: asked });
        assert_eq!(buffer.shortfall(), None);
    } else {
        println!("without CAP_NET_ADMIN: SO_RCVBUFFORCE is not tried");
    }
    // Capabilities belong to the thread.
    let buffer = std::thread::spawn(move || {
        caps::drop(None, caps::CapSet::Effective, caps::Capability::CAP_NET_ADMIN).unwrap();
        enlarge()
    });
    let buffer = buffer.join().unwrap();
    assert_eq!(buffer, Buffer { asked, granted: limit });
    let said = buffer.shortfall().unwrap();
    assert!(said.contains(&format!("asked for a receive buffer of {asked} bytes and got {limit}")), "{said}");
    assert!(said.contains(&format!("sysctl -w net.core.rmem_max={asked}")), "{said}");
    assert!(!said.contains('\n'));
    // A larger buffer that somebody else has set is left alone.
    let (_other, socket) = pair();
    let before = Buffer::enlarge(&socket, 100_000).unwrap().granted;
    assert_eq!(Buffer::enlarge(&socket, 5_000).unwrap().granted, before);
}
