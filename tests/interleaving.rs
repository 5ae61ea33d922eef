//! Any interleaving of the records of any set of events, with any split of reads, gives the same events.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod model;

use std::io::{Seek, SeekFrom, Write};

use auditward::audit::log::{Lines, Next, Options};
use auditward::audit::reassembler::{Counters, Ended, Limits};
use auditward::audit::{Reassembler, Record};
use common::{Event, assert_adds_up, lines, recordings};
use proptest::collection::vec;
use proptest::prelude::*;

/// The lines of one event, in the kernel's order.
type Written = Vec<Vec<u8>>;

/// What an event is made of.
#[derive(Clone, Debug)]
enum Shape {
    Exec { args: Vec<Vec<u8>>, paths: u8, end: bool },
    Open { paths: u8, lost: bool, end: bool },
    Login { with_call: bool },
    Message,
    Unknown(u16),
}

fn shape() -> impl Strategy<Value = Shape> {
    let argument = prop_oneof![4 => vec(1_u8..=255, 0..20), 1 => vec(1_u8..=255, 7_000..9_000)];
    prop_oneof![
        4 => (vec(argument, 1..6), 1_u8..4, any::<bool>())
            .prop_map(|(args, paths, end)| Shape::Exec { args, paths, end }),
        2 => (0_u8..20, any::<bool>(), any::<bool>())
            .prop_map(|(paths, lost, end)| Shape::Open { paths, lost, end }),
        1 => any::<bool>().prop_map(|with_call| Shape::Login { with_call }),
        1 => Just(Shape::Message),
        1 => (1330_u16..1999).prop_map(Shape::Unknown),
    ]
}

/// Writes an event. Stamps go up and down; serials are distinct within a node.
fn write(shape: &Shape, node: u8, serial: u64, millis: u64) -> Written {
    let node = ["", "node=alpha ", "node=Rack 7 b "][usize::from(node % 3)];
    let mut written = Vec::new();
    let mut line = |kind: &str, text: &str| {
        let stamp = format!("msg=audit({}.{:03}:{serial})", millis / 1000, millis % 1000);
        written.push(format!("{node}type={kind} {stamp}: {text}\n").into_bytes());
    };
    let syscall = |nr: u16, items: u8| {
        format!(
            "arch=c000003e syscall={nr} success=yes exit=0 a0=1 items={items} ppid=1 pid={serial} comm=\"x\""
        )
    };
    let path = |item: u8| format!("item={item} name=\"/p/{serial}/{item}\" inode={item} nametype=NORMAL");
    let mut eoe = false;
    match shape {
        Shape::Exec { args, paths, end } => {
            line("SYSCALL", &syscall(59, *paths));
            for text in model::execve(args) {
                line("EXECVE", &text);
            }
            line("CWD", "cwd=\"/\"");
            (0..*paths).for_each(|item| line("PATH", &path(item)));
            line("PROCTITLE", "proctitle=\"x\"");
            eoe = *end;
        }
        Shape::Open { paths, lost, end } => {
            line("SYSCALL", &syscall(257, *paths));
            (0..*paths).skip(usize::from(*lost)).for_each(|item| line("PATH", &path(item)));
            line("PROCTITLE", "proctitle=2F62696E2F73680078");
            eoe = *end;
        }
        Shape::Login { with_call } => {
            line("LOGIN", "pid=1 uid=0 old-auid=4294967295 auid=1000 ses=4 res=1");
            if *with_call {
                line("SYSCALL", &syscall(1, 0));
                line("PROCTITLE", "proctitle=\"sshd\"");
                eoe = true;
            }
        }
        Shape::Message => line("USER_ACCT", "pid=1 uid=0 msg='op=PAM:accounting acct=\"root\" res=success'"),
        Shape::Unknown(kind) => line(&format!("UNKNOWN[{kind}]"), "a=1 b=2"),
    }
    if eoe {
        line("EOE", "");
    }
    written
}

/// A set of events, and an order in which they take turns.
fn input() -> impl Strategy<Value = (Vec<Written>, Vec<u8>)> {
    vec((shape(), any::<u8>(), 0_u64..100_000), 1..12).prop_flat_map(|shapes| {
        let written: Vec<_> = shapes
            .iter()
            .zip(1..)
            .map(|((shape, node, millis), serial)| write(shape, *node, serial, 1_790_000_000_000 + millis))
            .collect();
        let turns: usize = written.iter().map(Vec::len).sum();
        (Just(written), vec(any::<u8>(), turns))
    })
}

/// The lines, event by event as the turns say, each event's own in order.
fn interleave(events: &[Written], turns: &[u8]) -> Vec<u8> {
    let mut queues: Vec<_> = events.iter().map(|lines| lines.iter()).collect();
    let mut log = Vec::new();
    for turn in turns {
        queues.retain(|queue| queue.len() > 0);
        let at = usize::from(*turn) % queues.len();
        log.extend_from_slice(queues[at].next().unwrap());
    }
    log
}

/// Reads a log through a file, in reads of at most `read` bytes.
fn read(log: &[u8], read: usize) -> (Vec<Event>, Counters) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(log).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let mut source = Lines::new(file, &Options { buffer: read, ..Options::default() });
    let mut reassembler = Reassembler::new(Limits::default());
    let mut events = Vec::new();
    loop {
        match source.next_line(None).unwrap() {
            Next::Line(line) => {
                let record = Record::from_log_line(line).unwrap();
                reassembler.push(&record, 0, &mut |event| events.push(Event::of(event)));
            }
            Next::Idle => {}
            Next::End => break,
        }
    }
    reassembler.finish(&mut |event| events.push(Event::of(event)));
    assert_adds_up(&reassembler.counters, 0);
    // Whether an event without EOE settled or met the end of the input first depends on what lies between.
    for event in events.iter_mut().filter(|event| event.ended == Ended::Settled) {
        event.ended = Ended::EndOfInput;
    }
    events.sort_by(|a, b| (a.stamp.serial, &a.node).cmp(&(b.stamp.serial, &b.node)));
    (events, reassembler.counters)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_interleaving_and_any_split_of_reads_give_the_same_events(
        (events, turns) in input(),
        size in prop_oneof![1_usize..200, 200_usize..100_000],
    ) {
        let (one_by_one, _) = read(&events.concat().concat(), 1 << 20);
        let (mixed, counters) = read(&interleave(&events, &turns), size);
        prop_assert_eq!(mixed.len(), events.len());
        prop_assert_eq!(one_by_one, mixed);
        prop_assert_eq!((counters.late, counters.duplicates, counters.evicted, counters.oversize), (0, 0, 0, 0));
    }

    /// As above, and each record arrives twice, the second time a little later.
    #[test]
    fn duplicates_change_nothing_and_are_counted(
        (events, turns) in input(),
        delays in vec(0_usize..6, 1..40),
    ) {
        let log = interleave(&events, &turns);
        let (once, counters) = read(&log, 1 << 20);
        let mut twice: Vec<(usize, &[u8])> = Vec::new();
        for (at, line) in lines(&log).enumerate() {
            twice.push((10 * at, line));
            twice.push((10 * (at + delays[at % delays.len()]) + 5, line));
        }
        twice.sort_by_key(|(at, _)| *at);
        let doubled: Vec<u8> = twice.iter().flat_map(|(_, line)| [*line, b"\n"].concat()).collect();
        let (events, doubled) = read(&doubled, 1 << 20);
        prop_assert_eq!(once, events);
        prop_assert_eq!(doubled.records, 2 * counters.records);
        prop_assert_eq!(doubled.duplicates + doubled.late, counters.records);
    }
}

#[test]
fn recordings_laid_over_one_another_give_what_they_give_alone() {
    let logs: Vec<_> = recordings().into_iter().filter(|(name, _)| name != "admin-day.log").collect();
    let mut alone = Vec::new();
    let mut queues = Vec::new();
    for (at, (_, log)) in logs.iter().enumerate() {
        // A node each, since the recordings share serials.
        let named: Vec<_> =
            lines(log).map(|line| [format!("node={at} ").as_bytes(), line, b"\n"].concat()).collect();
        alone.extend(read(&named.concat(), 1 << 20).0);
        queues.push(named.into_iter());
    }
    let mut mixed = Vec::new();
    while queues.iter().any(|queue| queue.len() > 0) {
        mixed.extend(queues.iter_mut().filter_map(Iterator::next).flatten());
    }
    let (mixed, counters) = read(&mixed, 4096);
    alone.sort_by(|a, b| (a.stamp.serial, &a.node).cmp(&(b.stamp.serial, &b.node)));
    assert_eq!(mixed.len(), alone.len());
    assert!(mixed == alone);
    assert_eq!((counters.late, counters.duplicates, counters.incomplete), (0, 0, 0));
}
