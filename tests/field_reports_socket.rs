//! Problems users of tools like this one reported, at the stage of the socket: each is a test here.
//! A socket pair stands in for netlink, so that no privilege is needed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use auditward::audit::RecordType;
use auditward::audit::control::{ControlError, Status};
use auditward::audit::datagrams::{Counters, Datagrams, Received};
use auditward::audit::kernel_rules::{self, Abi, Access, LoadedRule, Rule, RuleTable, Scope, What};
use auditward::audit::netlink::Buffer;
use auditward::daemon::detector::{Created, Detector};
use auditward::daemon::intake::Intake;
use auditward::event::schema::Live;
use auditward::output::{
    Body, Bounds, Destination, Formatter, Outputs, Protocol, SinkConfig, syslog::Address,
};
use auditward::rule::load;
use netlink_packet_audit::{RuleAction, RuleField, RuleFieldFlags, RuleFlags, RuleMessage, RuleSyscalls};
use netlink_packet_core::Emitable;
use nix::errno::Errno;
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

/// The kernel's rule table, played: counts what is asked of it.
#[derive(Default)]
struct Table {
    status: Status,
    rules: Vec<LoadedRule>,
    add_requests: u32,
    /// As before Linux 5.16.
    without_ring: bool,
}

impl RuleTable for Table {
    fn status(&mut self) -> Result<Status, ControlError> {
        Ok(self.status)
    }

    fn rules(&mut self) -> Result<Vec<LoadedRule>, ControlError> {
        Ok(self.rules.clone())
    }

    fn add(&mut self, rule: &Rule) -> Result<bool, ControlError> {
        self.add_requests += 1;
        if self.status.locked() {
            return Err(ControlError::NotPermitted { what: "adding an audit rule" });
        }
        if self.without_ring && rule.what == What::Ring {
            return Err(ControlError::Refused { what: "adding an audit rule", errno: Errno::EINVAL });
        }
        let rule = rule.as_loaded().unwrap();
        let new = !self.rules.contains(&rule);
        self.rules.extend(new.then_some(rule));
        Ok(new)
    }

    fn delete(&mut self, rule: &LoadedRule) -> Result<bool, ControlError> {
        let before = self.rules.len();
        self.rules.retain(|r| r != rule);
        Ok(self.rules.len() < before)
    }
}

/// Of the rules for io_uring those load that the kernel takes; that it has no filter is no fault, and is not asked for each.
#[test]
fn a_kernel_without_the_filter_of_io_uring_gets_what_it_takes() {
    let abis = Abi::of("x86_64", false);
    let watch = |path: &str| Rule { what: What::Access(Access::CHANGE), scope: Scope::Path(path.to_owned()) };
    let mut ring: Vec<Rule> =
        ["/etc/passwd", "/etc/group"].iter().flat_map(|path| Rule::ring_of(&watch(path), &abis)).collect();
    ring.sort_by_key(|rule| rule.what == What::Ring);
    let mut old = Table { without_ring: true, ..Table::default() };
    assert_eq!(kernel_rules::load_ring(&mut old, &ring).unwrap(), ring[..2]);
    assert_eq!(old.add_requests, 3);
    let mut new = Table::default();
    assert_eq!(kernel_rules::load_ring(&mut new, &ring).unwrap(), ring);
    assert_eq!(kernel_rules::load_ring(&mut new, &ring).unwrap(), []);
    assert_eq!((new.rules.len(), new.add_requests), (4, 4));
    let status = Status { enabled: 2, ..Status::default() };
    let mut locked = Table { status, ..Table::default() };
    assert_eq!(kernel_rules::load_ring(&mut locked, &ring).unwrap(), []);
    assert_eq!(locked.add_requests, 0);
}

fn loaded(message: &RuleMessage) -> LoadedRule {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    LoadedRule::parse(bytes).unwrap()
}

/// A rule of somebody else's: list exit, action always, these system calls (none: all), these fields.
fn foreign(syscalls: &[u32], fields: Vec<RuleField>) -> RuleMessage {
    let mut message = RuleMessage::new();
    message.flags = RuleFlags::FilterExit;
    message.action = RuleAction::Always;
    message.syscalls =
        if syscalls.is_empty() { RuleSyscalls::new_maxed() } else { RuleSyscalls::new_zeroed() };
    for &number in syscalls {
        message.syscalls.set(number);
    }
    message.fields = fields.into_iter().map(|field| (field, RuleFieldFlags::Equal)).collect();
    message
}

/// `-w PATH -p PERMISSIONS -k KEY`
fn watch(path: &str, permissions: u32, key: &str) -> LoadedRule {
    let fields = vec![
        RuleField::Watch(path.to_owned()),
        RuleField::Perm(permissions),
        RuleField::Filterkey(key.to_owned()),
    ];
    loaded(&foreign(&[], fields))
}

const WRITE_OR_ATTRIBUTE: u32 = 2 | 8;
const EXECUTE: u32 = 1;

/// The rules for /usr/sbin/usermod on x86_64: b64 and b32.
fn usermod_rules() -> Vec<Rule> {
    let abis = Abi::of("x86_64", true);
    abis.into_iter().map(|abi| Rule::executions(abi, Some("/usr/sbin/usermod".to_owned()))).collect()
}

#[test]
fn f18_rules_are_locked_with_e_2() {
    let mut table = Table {
        without_ring: false,
        status: Status { enabled: 2, ..Status::default() },
        rules: vec![watch("/etc/passwd", WRITE_OR_ATTRIBUTE, "identity")],
        add_requests: 0,
    };
    let wanted = usermod_rules();
    let loading = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!(loading.locked_out, wanted);
    assert!(loading.added.is_empty() && loading.refused.is_empty() && loading.covered.is_empty());
    assert_eq!(table.add_requests, 0);
    let said = kernel_rules::advice(&loading.locked_out, true).unwrap();
    for rule in ["b64", "b32"].map(|abi| {
        format!(
            "-a always,exit -F arch={abi} -S execve,execveat -F path=/usr/sbin/usermod -F key=auditward\n"
        )
    }) {
        assert_eq!(said.matches(&rule).count(), 1, "{said}");
    }
    assert!(said.contains("take effect after a reboot"), "{said}");

    // Had the administrator loaded what is needed by hand, under a key of his own, nothing is missing.
    table.rules.push(watch("/usr/sbin/usermod", EXECUTE, "tools"));
    let loading = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!((loading.covered.len(), loading.locked_out.len(), table.add_requests), (2, 0, 0));
    assert_eq!(kernel_rules::advice(&loading.locked_out, true), None);
}

#[test]
fn f61_rules_stay_after_uninstall() {
    let both_keys = foreign(
        &[59],
        vec![RuleField::Arch(0xc000_003e), RuleField::Filterkey("auditward\u{1}theirs".to_owned())],
    );
    let others = vec![
        watch("/etc/passwd", WRITE_OR_ATTRIBUTE, "identity"),
        watch("/usr/bin/passwd", EXECUTE, "auditward-too"),
        loaded(&both_keys),
        loaded(&foreign(&[59], vec![RuleField::Arch(0xc000_003e)])),
    ];
    let mut table = Table { rules: others.clone(), ..Table::default() };
    let wanted = usermod_rules();
    // The foreign rule for every 64-bit execve does not see execveat, so both of ours are needed.
    let loading = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!(loading.added, wanted);
    let again = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!((again.added.len(), again.covered.len(), table.rules.len()), (0, 2, 6));

    let removed = kernel_rules::unload(&mut table).unwrap();
    assert_eq!(removed.len(), 2);
    assert_eq!(table.rules, others);
    assert!(kernel_rules::unload(&mut table).unwrap().is_empty());
}

#[test]
fn a_loaded_rule_covers_what_it_records_whatever_its_key() {
    let wanted = usermod_rules();
    let b64 = 0xc000_003e;
    let number_of_missing = |rule: LoadedRule| kernel_rules::missing(&[rule], &wanted).len();
    let rule = |syscalls: &[u32], fields| loaded(&foreign(syscalls, fields));
    let directory = |path: &str, permissions| {
        rule(&[], vec![RuleField::Dir(path.to_owned()), RuleField::Perm(permissions)])
    };
    assert_eq!(number_of_missing(rule(&[59, 322], vec![RuleField::Arch(b64)])), 1);
    assert_eq!(number_of_missing(rule(&[59], vec![RuleField::Arch(b64)])), 2);
    assert_eq!(number_of_missing(rule(&[], vec![])), 0);
    assert_eq!(number_of_missing(rule(&[59, 322], vec![RuleField::Arch(b64), RuleField::Uid(0)])), 2);
    assert_eq!(number_of_missing(watch("/usr/sbin/usermod", EXECUTE, "x")), 0);
    assert_eq!(number_of_missing(watch("/usr/sbin/usermod", WRITE_OR_ATTRIBUTE, "x")), 2);
    assert_eq!(number_of_missing(watch("/usr/sbin/useradd", EXECUTE, "x")), 2);
    assert_eq!(number_of_missing(directory("/usr/sbin", EXECUTE)), 0);
    assert_eq!(number_of_missing(directory("/usr/s", EXECUTE)), 2);
    assert_eq!(number_of_missing(directory("/usr/sbin", WRITE_OR_ATTRIBUTE)), 2);
    let mut never = foreign(&[], vec![]);
    never.action = RuleAction::Never;
    assert_eq!(number_of_missing(loaded(&never)), 2);
}

/// The first rule that matches gives an event its key: ours step behind others' that may match the same, once.
#[test]
fn ours_step_behind_rules_of_others_that_came_later() {
    let wanted = usermod_rules();
    let mut table = Table::default();
    kernel_rules::load(&mut table, &wanted).unwrap();
    let ours = table.rules.clone();
    // Neither another program's nor another kind of access meets ours, nor a rule that has no key to give.
    let apart = [
        watch("/usr/bin/su", EXECUTE, "privileged"),
        loaded(&foreign(
            &[90],
            vec![RuleField::Arch(0xc000_003e), RuleField::Filterkey("perm_mod".to_owned())],
        )),
        loaded(&foreign(&[59], vec![RuleField::Arch(0xc000_003e)])),
    ];
    table.rules.extend(apart.clone());
    let loading = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!((loading.moved.len(), loading.covered.len()), (0, 2));
    let theirs = loaded(&foreign(
        &[59],
        vec![RuleField::Arch(0xc000_003e), RuleField::Euid(0), RuleField::Filterkey("execpriv".to_owned())],
    ));
    table.rules.push(theirs.clone());
    let loading = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!(loading.moved, wanted[..1], "b32 does not meet b64");
    let [b64, b32] = ours.as_slice() else { panic!("two") };
    let expected: Vec<LoadedRule> =
        std::iter::once(b32).chain(&apart).chain([&theirs, b64]).cloned().collect();
    assert_eq!(table.rules, expected);
    let again = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!((again.moved.len(), again.covered.len()), (0, 2), "once");
    assert_eq!(table.rules, expected);
    // Locked: nothing is tried.
    table.rules.push(watch("/usr/sbin/usermod", EXECUTE, "privileged-usermod"));
    table.status.enabled = 2;
    let locked = kernel_rules::load(&mut table, &wanted).unwrap();
    assert_eq!((locked.moved.len(), locked.covered.len()), (0, 2));
}

#[test]
fn a_task_filter_that_silences_everything_is_told() {
    // Not tried on the running kernel: what is forked while it is loaded is never recorded again.
    let mut never_task = foreign(&[], vec![]);
    never_task.flags = RuleFlags::FilterTask;
    never_task.action = RuleAction::Never;
    never_task.syscalls = RuleSyscalls::new_zeroed();
    let mut never_exit = foreign(&[59], vec![RuleField::Arch(0xc000_003e), RuleField::Uid(1000)]);
    never_exit.action = RuleAction::Never;
    let mut table = Table { rules: vec![loaded(&never_task), loaded(&never_exit)], ..Table::default() };
    let loading = kernel_rules::load(&mut table, &usermod_rules()).unwrap();
    assert!(loading.silenced);
    assert_eq!(loading.shadowing, [loaded(&never_exit)]);
    assert_eq!(loading.added.len(), 2);
    assert_eq!(loaded(&never_task).to_string(), "-a never,task");
    let shown = loaded(&never_exit).to_string();
    assert_eq!(shown, "-a never,exit -F arch=b64 -S execve -F uid=1000");
}

/// The records of one execution of usermod as the kernel multicasts them; `take_over` says whether it gives
/// the account the uid 0.
fn execution(serial: u64, take_over: bool) -> Vec<Vec<u8>> {
    let stamp = format!("audit(1790000100.101:{serial}): ");
    let option = if take_over { "-o" } else { "-L" };
    let texts = [
        (
            1300,
            format!(
                "{stamp}arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 ppid=2101 \
             pid={} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
             comm=\"usermod\" exe=\"/usr/sbin/usermod\" subj=unconfined key=\"auditward\"",
                3000 + serial
            ),
        ),
        (
            1309,
            format!("{stamp}argc=5 a0=\"usermod\" a1=\"-u\" a2=\"0\" a3=\"{option}\" a4=\"account{serial}\""),
        ),
        (1307, format!("{stamp}cwd=\"/root\"")),
        (
            1302,
            format!(
                "{stamp}item=0 name=\"/usr/sbin/usermod\" inode=131 dev=fe:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
            ),
        ),
        (1320, stamp),
    ];
    texts.map(|(kind, text)| datagram(kind, text.as_bytes())).into()
}

/// The reader's part: it goes on while an output stands still. (The whole daemon is stopped and woken in
/// the live tests.)
#[test]
fn f27_a_slow_output_stops_the_reader_or_the_whole_machine() {
    const EVENTS: u64 = 4_000;
    const EVERY: u64 = 10;
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("log");
    // A log daemon that has stopped: it holds its socket and reads nothing.
    let receiver = UnixDatagram::bind(&address).unwrap();
    let formatter = Formatter::new(Protocol::Rfc3164, Body::Text);
    let destination = Destination::Syslog { address: Address::Unix(address), formatter: Box::new(formatter) };
    let config = SinkConfig {
        name: "syslog".to_owned(),
        destination,
        bounds: Bounds::default(),
        choice: Default::default(),
    };
    let outputs = Outputs::new(vec![config]).unwrap();

    let (kernel, reader) = pair();
    let sender = std::thread::spawn(move || {
        let mut slowest = Duration::ZERO;
        for serial in 1..=EVENTS {
            for bytes in execution(serial, serial % EVERY == 0) {
                let before = Instant::now();
                put(&kernel, &bytes);
                slowest = slowest.max(before.elapsed());
            }
        }
        slowest
    });
    let mut datagrams = Datagrams::<()>::new();
    let mut intake = Intake::for_replay();
    let mut rules = load::embedded(&Live).rules;
    rules.retain(|rule| rule.id == "linux_backdoor_user_creation");
    let mut detector = Detector::new(rules, Created::Stamp);
    let mut alerts = 0;
    while datagrams.counters.datagrams < 5 * EVENTS {
        let received = datagrams
            .receive(reader.as_fd(), None, within(10_000), &mut |record| {
                intake.record(record, 0, &mut |event| {
                    detector.event(event, &mut |alert| {
                        alerts += 1;
                        outputs.push(&Arc::new(alert));
                    });
                });
            })
            .unwrap();
        assert!(received.datagrams > 0, "the sender is stuck");
    }
    detector.finish(&mut |alert| {
        alerts += 1;
        outputs.push(&Arc::new(alert));
    });
    // Whoever causes the records never waits for the output: were it so, this would never have ended.
    let slowest = sender.join().unwrap();
    assert!(slowest < Duration::from_secs(1), "a record waited {slowest:?}");
    assert_eq!((datagrams.counters.records, alerts), (5 * EVENTS, EVENTS / EVERY));
    assert!(outputs.counters()[0].waiting > 0, "the receiver has not read");

    // It wakes: everything that waited arrives once, in order.
    receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    for serial in (1..=EVENTS).filter(|serial| serial % EVERY == 0) {
        let length = receiver.recv(&mut buffer).unwrap();
        let line = String::from_utf8_lossy(&buffer[..length]);
        assert!(
            line.contains(&format!("account{serial}\"")) || line.contains(&format!("account{serial} ")),
            "{line}"
        );
    }
    assert_eq!(outputs.shutdown(Duration::from_secs(1)), []);
}
