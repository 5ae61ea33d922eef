//! Field reports on putting events together: each test is named after its entry and asserts the outcome
//! that the entry calls right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;

use auditward::audit::reassembler::{Ended, Limits};
use auditward::audit::{Reassembler, Record, RecordType, Stamp};
use common::{Event, assert_adds_up, events, field_report, lines};

const TAKE_OVER: [&str; 5] = ["usermod", "-u", "0", "-o", "carol"];

#[test]
fn f05_each_record_arrives_twice() {
    let (events, counters) = events(&field_report("F05"));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.kinds(), "SYSCALL EXECVE CWD PATH PATH PROCTITLE");
    assert_eq!(event.args(), TAKE_OVER);
    assert!(event.gaps.is_empty());
    // Six records and then EOE came a second time.
    assert_eq!((counters.duplicates, counters.ends, counters.late), (6, 1, 1));
}

#[test]
fn f05_the_second_copy_of_a_whole_event_opens_no_half_event() {
    let log = field_report("F63");
    let twice = [&field_report("F46")[..], &log[..], b"type=EOE msg=audit(1790000100.171:571): \n"].concat();
    let (events, counters) = events(&[&twice[..], &twice[..]].concat());
    assert_eq!(events.len(), 2);
    assert_eq!(counters.late, counters.records / 2);
}

#[test]
fn f05_a_second_execve_that_continues_the_numbering_is_no_duplicate() {
    let log = b"type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes exit=0 items=0\n\
        type=EXECVE msg=audit(1.000:1): argc=4 a0=\"usermod\" a1=\"-u\"\n\
        type=EXECVE msg=audit(1.000:1): a2=\"0\" a3=\"-o\"\n\
        type=EXECVE msg=audit(1.000:1): a2=\"0\" a3=\"-o\"\n\
        type=EOE msg=audit(1.000:1): \n";
    let (events, counters) = events(log);
    assert_eq!(events[0].args(), ["usermod", "-u", "0", "-o"]);
    assert!(events[0].gaps.is_empty());
    assert_eq!(counters.duplicates, 1);
}

/// That auditd gave up its place comes alone and needs no wait: what comes after it must not be told before it. A new auditd's word
/// is a part of its system call's event, as are other settings.
#[test]
fn auditds_leave_is_an_event_at_once() {
    let mut reassembler = Reassembler::new(Limits::default());
    let mut given = Vec::new();
    let lines = [
        &b"type=CONFIG_CHANGE msg=audit(1795859723.584:1517): op=set audit_pid=0 old=218 auid=4294967295 ses=4294967295 res=1"[..],
        b"type=CONFIG_CHANGE msg=audit(1795859723.900:1520): op=set audit_pid=0 old=218 auid=0 ses=1 res=0",
        b"type=CONFIG_CHANGE msg=audit(1795859723.964:1521): op=set audit_pid=856 old=0 auid=4294967295 ses=4294967295 res=1",
        b"type=SYSCALL msg=audit(1795859723.964:1521): arch=c000003e syscall=44 success=yes exit=60 items=0 ppid=851 pid=856",
        b"type=EOE msg=audit(1795859723.964:1521): ",
    ];
    for line in lines {
        let record = Record::from_log_line(line).unwrap();
        reassembler.push(&record, 0, &mut |event| given.push((event.stamp.serial, event.ended)));
    }
    assert_eq!(given, [(1517, Ended::Single), (1521, Ended::Eoe)], "and what was refused waits for its call");
}

/// Records without companions, and the greatest of everything seen meanwhile.
fn half_open(reassembler: &mut Reassembler, serials: std::ops::Range<u64>) -> (usize, usize) {
    let body =
        b"arch=c000003e syscall=59 success=yes exit=0 a0=55d0c8a1f2b0 a1=55d0c8a1f4c0 a2=55d0c8a20010 \
        a3=8 items=2 ppid=2101 pid=2150 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
        tty=pts0 ses=4 comm=\"id\" exe=\"/usr/bin/id\" subj=unconfined key=\"exec\"";
    let (mut bytes, mut open) = (0, 0);
    for serial in serials {
        let stamp = Stamp { millis: 1_790_000_000_000 + serial / 1000, serial };
        let record = Record { node: None, kind: RecordType::SYSCALL, stamp, body, enriched: &[] };
        reassembler.push(&record, 0, &mut |event| {
            assert!(event.incomplete && event.ended == Ended::Bound);
        });
        bytes = bytes.max(reassembler.held_bytes());
        open = open.max(reassembler.open_events());
    }
    (bytes, open)
}

/// As many as the entry asks for; fewer where nothing is optimized.
const HALF_OPEN: u64 = if cfg!(debug_assertions) { 400_000 } else { 2_000_000 };

#[test]
fn f07_open_events_pile_up() {
    let limits = Limits::default();
    let mut reassembler = Reassembler::new(limits.clone());
    let part_size = HALF_OPEN / 50;
    for part in 0..50 {
        let (bytes, open) = half_open(&mut reassembler, part * part_size..(part + 1) * part_size);
        assert!(open <= limits.open_events && bytes <= limits.total_bytes, "{open} {bytes}");
    }
    // That a record costs the same at the end is benches/audit.rs' to show.
    let counters = reassembler.counters.clone();
    assert_eq!((counters.evicted, counters.incomplete), (counters.events, counters.events));

    let mut found = Vec::new();
    for line in lines(&field_report("F05")) {
        let record = Record::from_log_line(line).unwrap();
        reassembler.push(&record, 0, &mut |event| found.push(Event::of(event)));
    }
    let take_over = found.iter().find(|event| event.stamp.serial == 581).unwrap();
    assert_eq!(take_over.args(), TAKE_OVER);
    assert!(take_over.gaps.is_empty());
    let mut rest = 0;
    reassembler.finish(&mut |event| {
        assert!(event.incomplete);
        rest += 1;
    });
    assert_eq!(reassembler.counters.events, HALF_OPEN + 1);
    assert!(rest <= limits.open_events);
    assert_adds_up(&reassembler.counters, 0);
}

#[test]
fn f29_a_stamp_older_than_what_was_already_seen() {
    let (mut events, counters) = events(&field_report("F29"));
    events.sort_by_key(|event| event.stamp.serial);
    let args: Vec<_> = events.iter().map(|event| (event.stamp.serial, event.args().join(" "))).collect();
    let expected = [(4410, "uptime"), (4411, "date"), (4412, "usermod -u 0 -o carol")];
    assert_eq!(args, expected.map(|(serial, args)| (serial, args.to_owned())));
    for event in &events {
        assert_eq!(event.kinds(), "SYSCALL EXECVE CWD PATH PATH PROCTITLE");
        assert!(event.gaps.is_empty());
    }
    assert_eq!((counters.late, counters.timed_out, counters.evicted), (0, 0, 0));
}

#[test]
fn f29_the_clock_is_set_back_an_hour_or_forward_a_day() {
    for shift in [-3_600_000_i64, 86_400_000] {
        let mut reassembler = Reassembler::new(Limits::default());
        let mut found = Vec::new();
        // Another event, stamped after the clock was set, between each two records.
        for (at, line) in lines(&field_report("F29")).enumerate() {
            let record = Record::from_log_line(line).unwrap();
            let serial = 9_000 + at as u64;
            let stamp = Stamp { millis: record.stamp.millis.checked_add_signed(shift).unwrap(), serial };
            let other = Record { stamp, kind: RecordType::SYSCALL, body: b"items=0", ..record };
            reassembler.push(&record, at as u64, &mut |event| found.push(Event::of(event)));
            reassembler.push(&other, at as u64, &mut |event| found.push(Event::of(event)));
            reassembler.expire(at as u64, &mut |event| found.push(Event::of(event)));
        }
        assert_eq!(found, [], "{shift}");
        reassembler.finish(&mut |event| found.push(Event::of(event)));
        let whole: Vec<_> = found.iter().filter(|event| event.stamp.serial < 9_000).collect();
        assert_eq!(whole.len(), 3);
        assert!(whole.iter().all(|event| event.gaps.is_empty() && event.records.len() == 6));
    }
}

#[test]
fn f46_single_record_types_that_do_have_companions() {
    let (events, _) = events(&field_report("F46"));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.kinds(), "LOGIN SYSCALL PROCTITLE");
    assert_eq!(event.raw(RecordType::LOGIN, "old-auid"), "4294967295");
    assert_eq!(event.raw(RecordType::LOGIN, "auid"), "1000");
    assert_eq!(event.text(RecordType::SYSCALL, "comm").as_deref(), Some("sshd"));
    assert!(event.gaps.is_empty());
}

#[test]
fn f46_a_login_without_companion_is_given_out_after_the_timeout() {
    let log = field_report("F46");
    let login = Record::from_log_line(lines(&log).next().unwrap()).unwrap();
    let mut reassembler = Reassembler::new(Limits::default());
    let mut found = Vec::new();
    reassembler.push(&login, 500, &mut |event| found.push(Event::of(event)));
    assert_eq!(reassembler.next_deadline(), Some(2_500));
    reassembler.expire(2_499, &mut |event| found.push(Event::of(event)));
    assert_eq!(found, []);
    reassembler.expire(2_500, &mut |event| found.push(Event::of(event)));
    let [event] = &found[..] else { panic!("{found:?}") };
    assert_eq!((event.kinds().as_str(), event.ended), ("LOGIN", Ended::Timeout));
    assert!(event.gaps.is_empty());
    assert_eq!(reassembler.next_deadline(), None);
}

/// A mount as the entry has it, stamped by `serial`.
fn mount(serial: u64) -> String {
    let stamp = format!("msg=audit(1790000100.160:{serial})");
    let mut log = format!(
        "type=SYSCALL {stamp}: arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=64 pid=9\n\
         type=CWD {stamp}: cwd=\"/\"\n"
    );
    for item in 0..64 {
        let digits = format!("{:02X}", 0x80 + item).repeat(2000);
        writeln!(log, "type=PATH {stamp}: item={item} name={digits} inode=1 nametype=NORMAL").unwrap();
    }
    write!(log, "type=PROCTITLE {stamp}: proctitle=\"mount\"\ntype=EOE {stamp}: \n").unwrap();
    log
}

#[test]
fn f62_events_of_more_than_sixteen_records() {
    let log = [mount(560).as_bytes(), &field_report("F05")].concat();
    let (events, _) = events(&log);
    let [mount, take_over] = &events[..] else { panic!("{}", events.len()) };
    assert_eq!(mount.bodies(RecordType::PATH).count(), 64);
    assert!(mount.gaps.is_empty());
    assert_eq!(take_over.args(), TAKE_OVER);
}

#[test]
fn f62_a_bound_cuts_with_a_mark_and_a_count_and_ten_thousand_of_them_stay_within_it() {
    let limits = Limits { event_bytes: 128 << 10, total_bytes: 256 << 10, ..Limits::default() };
    let mut reassembler = Reassembler::new(limits.clone());
    let mut cut = 0;
    let log = mount(0);
    let records: Vec<_> = lines(log.as_bytes()).map(|line| Record::from_log_line(line).unwrap()).collect();
    for serial in 0..10_000 {
        for record in &records {
            let record = Record { stamp: Stamp { serial, ..record.stamp }, ..*record };
            reassembler.push(&record, 0, &mut |event| {
                assert_eq!(event.gaps.to_string(), "paths cut");
                cut += 1;
            });
            assert!(reassembler.held_bytes() <= limits.total_bytes);
        }
    }
    assert_eq!(cut, 10_000);
    assert!(reassembler.counters.oversize > 10_000 * 20);
    assert_adds_up(&reassembler.counters, 0);
    let mut found = Vec::new();
    for line in lines(&field_report("F05")) {
        let record = Record::from_log_line(line).unwrap();
        reassembler.push(&record, 0, &mut |event| found.push(Event::of(event)));
    }
    assert_eq!(found[0].args(), TAKE_OVER);
}

#[test]
fn f63_no_eoe_and_the_last_event_waits_for_the_timer_alone() {
    let log = field_report("F63");
    let mut reassembler = Reassembler::new(Limits::default());
    let mut found = Vec::new();
    for line in lines(&log) {
        let record = Record::from_log_line(line).unwrap();
        reassembler.push(&record, 10_000, &mut |event| found.push(Event::of(event)));
    }
    assert_eq!(found, []);
    let deadline = reassembler.next_deadline().unwrap();
    assert!(deadline <= 12_000);
    reassembler.expire(deadline, &mut |event| found.push(Event::of(event)));
    assert_eq!(found[0].args(), TAKE_OVER);
    // PROCTITLE, all PATHs and all arguments are there: nothing is missing.
    assert!(found[0].gaps.is_empty());

    let (at_end, _) = events(&log);
    assert_eq!(at_end[0].args(), TAKE_OVER);
    assert_eq!(at_end[0].ended, Ended::EndOfInput);
}

#[test]
fn f63_a_log_without_any_eoe_gives_its_events_as_it_goes_and_none_is_called_incomplete() {
    let log = common::gunzip(&common::fixtures().join("admin-day.log.gz"));
    let without: Vec<_> = lines(&log).filter(|line| !line.starts_with(b"type=EOE")).collect();
    let (with, _) = events(&log);
    let mut reassembler = Reassembler::new(Limits::default());
    let (mut found, mut most_open) = (Vec::new(), 0);
    for line in without {
        let record = Record::from_log_line(line).unwrap();
        reassembler.push(&record, 0, &mut |event| found.push(Event::of(event)));
        most_open = most_open.max(reassembler.open_events());
    }
    reassembler.finish(&mut |event| found.push(Event::of(event)));
    assert!(most_open < 300, "{most_open}");
    assert_eq!(found.len(), with.len());
    let key = |event: &Event| (event.stamp.serial, event.records.len(), event.gaps);
    let mut ours: Vec<_> = found.iter().map(key).collect();
    let mut theirs: Vec<_> = with.iter().map(key).collect();
    ours.sort_by_key(|(serial, ..)| *serial);
    theirs.sort_by_key(|(serial, ..)| *serial);
    assert_eq!(ours, theirs);
}
