//! The reassembler against a specification that keeps plain lists and looks at all of them each time: the same events, for
//! the same reasons, with the same gaps, and the same counts, whatever is lost, doubled, out of order or late, and wherever
//! the clock of the machine jumps. What the daemon tells of losses is made of these counts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use auditward::audit::reassembler::{Counters, Ended, Gap, Gaps, Limits};
use auditward::audit::{Reassembler, Record, RecordType, Stamp};
use auditward::daemon::intake::Intake;
use auditward::event::{Host, Mapper, Options};
use common::{Event, assert_adds_up};
use proptest::collection::vec;
use proptest::prelude::*;

const LOGIN: RecordType = RecordType(1006);
const USER_ACCT: RecordType = RecordType(1101);

/// What one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Syscall {
        exec: bool,
        items: u8,
    },
    /// Piece `n` of so many, an argument each.
    Execve {
        n: u8,
        of: u8,
    },
    Path(u8),
    Cwd,
    Proctitle,
    Eoe,
    /// Alone or beside a SYSCALL record.
    Login,
    /// Always alone.
    Message(u8),
}

impl Says {
    fn kind(self) -> RecordType {
        match self {
            Self::Syscall { .. } => RecordType::SYSCALL,
            Self::Execve { .. } => RecordType::EXECVE,
            Self::Path(_) => RecordType::PATH,
            Self::Cwd => RecordType::CWD,
            Self::Proctitle => RecordType::PROCTITLE,
            Self::Eoe => RecordType::EOE,
            Self::Login => LOGIN,
            Self::Message(_) => USER_ACCT,
        }
    }

    fn body(self) -> String {
        match self {
            Self::Syscall { exec, items } => {
                let call = if exec { 59 } else { 257 };
                format!("arch=c000003e syscall={call} success=yes exit=0 a0=1 items={items} ppid=1 pid=7")
            }
            Self::Execve { n: 0, of } => format!("argc={of} a0=\"x\""),
            Self::Execve { n, .. } => format!("a{n}=\"x\""),
            Self::Path(item) => format!("item={item} name=\"/p\" inode={item} nametype=NORMAL"),
            Self::Cwd => "cwd=\"/\"".to_owned(),
            Self::Proctitle => "proctitle=\"x\"".to_owned(),
            Self::Eoe => String::new(),
            Self::Login => "pid=1 uid=0 old-auid=4294967295 auid=1000 ses=4 res=1".to_owned(),
            Self::Message(n) => format!("pid={n} uid=0 msg='op=PAM:accounting acct=\"root\" res=success'"),
        }
    }
}

/// A record on its way.
#[derive(Clone, Debug)]
struct Sent {
    node: Option<&'static str>,
    stamp: Stamp,
    says: Says,
}

#[derive(Clone, Debug)]
enum Step {
    Record(Sent),
    /// So many milliseconds pass.
    Wait(u64),
}

/// The specification.
struct Spec {
    limits: Limits,
    counters: Counters,
    /// Those that wait, the one whose last record is oldest first.
    open: Vec<Open>,
    /// Those that ended, the latest last; of those that come alone also the type. Whether an EOE is still to come.
    ended: Vec<(Option<&'static str>, Stamp, Option<RecordType>, bool)>,
    /// Which event is looked at again, after how many records.
    again: Vec<(u64, u64)>,
    opened: u64,
    ends_come: bool,
    given: Vec<Event>,
}

struct Open {
    number: u64,
    node: Option<&'static str>,
    stamp: Stamp,
    records: Vec<Says>,
    touched: u64,
}

impl Spec {
    fn new(limits: Limits) -> Self {
        let (open, ended, again, given) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { limits, counters: Counters::default(), open, ended, again, opened: 0, ends_come: false, given }
    }

    fn record(&mut self, sent: &Sent, now: u64) {
        self.counters.records += 1;
        match sent.says {
            Says::Message(_) => self.alone(sent),
            Says::Eoe => self.end_of(sent),
            _ => self.part(sent, now),
        }
        // What has all but its EOE does not wait for it for ever.
        while self.again.first().is_some_and(|(_, when)| *when <= self.counters.records) {
            let (number, _) = self.again.remove(0);
            if let Some(at) = self.open.iter().position(|open| open.number == number)
                && missing(&self.open[at].records).is_empty()
            {
                self.end(at, Ended::Settled);
            }
        }
    }

    fn has_ended(&self, sent: &Sent, alone: Option<RecordType>) -> Option<usize> {
        self.ended
            .iter()
            .position(|(node, stamp, kind, _)| (*node, *stamp, *kind) == (sent.node, sent.stamp, alone))
    }

    fn remember(
        &mut self,
        node: Option<&'static str>,
        stamp: Stamp,
        alone: Option<RecordType>,
        lacks_end: bool,
    ) {
        self.ended.push((node, stamp, alone, lacks_end));
        if self.ended.len() > self.limits.remembered {
            self.ended.remove(0);
        }
    }

    fn alone(&mut self, sent: &Sent) {
        let kind = sent.says.kind();
        if self.has_ended(sent, Some(kind)).is_some() {
            self.counters.late += 1;
            return;
        }
        self.remember(sent.node, sent.stamp, Some(kind), false);
        self.give(sent.node, sent.stamp, Ended::Single, Gaps::default(), &[sent.says]);
    }

    fn place(&self, sent: &Sent) -> Option<usize> {
        self.open.iter().position(|open| (open.node, open.stamp) == (sent.node, sent.stamp))
    }

    fn end_of(&mut self, sent: &Sent) {
        self.ends_come = true;
        if let Some(at) = self.place(sent) {
            self.counters.ends += 1;
            return self.end(at, Ended::Eoe);
        }
        match self.has_ended(sent, None) {
            Some(at) if self.ended[at].3 => {
                self.ended[at].3 = false;
                self.counters.ends += 1;
            }
            Some(_) => self.counters.late += 1,
            None => {
                self.counters.ends += 1;
                self.counters.lone_ends += 1;
                self.remember(sent.node, sent.stamp, None, false);
            }
        }
    }

    fn part(&mut self, sent: &Sent, now: u64) {
        let mut open = match self.place(sent) {
            Some(at) => self.open.remove(at),
            None if self.has_ended(sent, None).is_some() => {
                self.counters.late += 1;
                return;
            }
            None => {
                self.opened += 1;
                Open {
                    number: self.opened,
                    node: sent.node,
                    stamp: sent.stamp,
                    records: Vec::new(),
                    touched: now,
                }
            }
        };
        // It has shown life either way.
        open.touched = now;
        let same = |says: &Says| (says.kind(), says.body()) == (sent.says.kind(), sent.says.body());
        let is_new = !open.records.iter().any(same);
        if is_new {
            open.records.push(sent.says);
        } else {
            self.counters.duplicates += 1;
        }
        if is_new && sent.says == Says::Proctitle {
            self.ends_come = true;
            self.again.push((open.number, self.counters.records + self.limits.settle_records));
        }
        self.open.push(open);
        while self.open.len() > self.limits.open_events {
            self.end(0, Ended::Bound);
        }
    }

    fn expire(&mut self, now: u64) {
        while self.open.first().is_some_and(|open| now >= open.touched + self.limits.timeout_ms) {
            self.end(0, Ended::Timeout);
        }
    }

    fn finish(&mut self) {
        while !self.open.is_empty() {
            self.end(0, Ended::EndOfInput);
        }
    }

    fn end(&mut self, at: usize, ended: Ended) {
        let Open { node, stamp, records, .. } = self.open.remove(at);
        self.remember(node, stamp, None, ended != Ended::Eoe);
        let mut gaps = missing(&records);
        let has = |wanted: fn(&Says) -> bool| records.iter().any(wanted);
        let is_call = |says: &Says| matches!(says, Says::Syscall { .. });
        if self.ends_come && ended != Ended::Eoe && has(is_call) && !records.contains(&Says::Proctitle) {
            gaps.push(Gap::End);
        }
        self.counters.timed_out += u64::from(ended == Ended::Timeout);
        self.counters.evicted += u64::from(ended == Ended::Bound);
        self.give(node, stamp, ended, gaps.into_iter().collect(), &records);
    }

    fn give(&mut self, node: Option<&'static str>, stamp: Stamp, ended: Ended, gaps: Gaps, records: &[Says]) {
        self.counters.events += 1;
        self.counters.given += records.len() as u64;
        self.counters.incomplete += u64::from(!gaps.is_empty());
        let records =
            records.iter().map(|says| (says.kind(), says.body().into_bytes(), Vec::new())).collect();
        self.given.push(Event {
            node: node.map(|node| node.as_bytes().to_vec()),
            stamp,
            ended,
            gaps,
            records,
        });
    }
}

/// What the records of an event announce that is not among them.
fn missing(records: &[Says]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let call = records.iter().find_map(|says| match says {
        Says::Syscall { exec, items } => Some((*exec, *items)),
        _ => None,
    });
    let paths = records.iter().filter(|says| matches!(says, Says::Path(_))).count();
    let pieces: Vec<(u8, u8)> = records
        .iter()
        .filter_map(|says| match says {
            Says::Execve { n, of } => Some((*n, *of)),
            _ => None,
        })
        .collect();
    match call {
        Some((exec, items)) => {
            if usize::from(items) > paths {
                gaps.push(Gap::Paths);
            }
            if exec && pieces.is_empty() {
                gaps.push(Gap::Execve);
            }
        }
        None if records.iter().any(|says| *says != Says::Login) => gaps.push(Gap::Syscall),
        None => {}
    }
    let first = pieces.iter().find(|(n, _)| *n == 0);
    let whole = first.is_some_and(|(_, of)| (0..*of).all(|n| pieces.iter().any(|(piece, _)| *piece == n)));
    if !pieces.is_empty() && !whole {
        gaps.push(Gap::Arguments);
    }
    gaps
}

/// An event as the kernel writes it.
fn written() -> impl Strategy<Value = Vec<Says>> {
    let exec = (1_u8..4, 0_u8..3, any::<bool>()).prop_map(|(args, paths, eoe)| {
        let mut records = vec![Says::Syscall { exec: true, items: paths }];
        records.extend((0..args).map(|n| Says::Execve { n, of: args }));
        records.push(Says::Cwd);
        records.extend((0..paths).map(Says::Path));
        records.push(Says::Proctitle);
        records.extend(eoe.then_some(Says::Eoe));
        records
    });
    let open = (0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(paths, title, eoe)| {
        let mut records = vec![Says::Syscall { exec: false, items: paths }];
        records.extend((0..paths).map(Says::Path));
        records.extend(title.then_some(Says::Proctitle));
        records.extend(eoe.then_some(Says::Eoe));
        records
    });
    let login = any::<bool>().prop_map(|called| match called {
        true => vec![Says::Login, Says::Syscall { exec: false, items: 0 }, Says::Proctitle, Says::Eoe],
        false => vec![Says::Login],
    });
    prop_oneof![3 => exec, 3 => open, 1 => login, 1 => (0_u8..2).prop_map(|n| vec![Says::Message(n)])]
}

/// What becomes of a record on its way: lost, once, or twice; and by how many places it is moved.
fn fate() -> impl Strategy<Value = (u8, [u16; 2])> {
    (prop_oneof![1 => Just(0_u8), 6 => Just(1), 1 => Just(2)], [0_u16..24, 0..120])
}

const YEAR: u64 = 31_536_000_000;
const NOW: u64 = 1_790_000_000_000;

/// Records of events that overlap, each with its fate; between them time passes. The stamps jump by a year and back, and
/// serials begin anew, as after a boot.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = prop_oneof![3 => Just(None), 1 => Just(Some("alpha")), 1 => Just(Some("beta"))];
    let jump = prop_oneof![6 => 0_u64..50, 1 => Just(YEAR), 1 => Just(2 * YEAR)];
    let event = (written(), node, jump, 1_u64..40, vec(fate(), 10));
    let wait = prop_oneof![4 => 0_u64..50, 1 => 1_900_u64..2_100, 1 => 2_000_u64..10_000];
    (vec(event, 1..25), vec((0_u16..300, wait), 0..12)).prop_map(|(events, waits)| {
        let mut placed: Vec<(u32, Step)> = Vec::new();
        for (at, (records, node, jump, serial, fates)) in (0_u32..).zip(events) {
            let stamp = Stamp { millis: NOW - YEAR + jump, serial };
            for ((n, says), (copies, moved)) in (0_u32..).zip(records).zip(fates) {
                for by in &moved[..usize::from(copies)] {
                    // An event begins six places behind the one before; most records keep their order.
                    let by = if by % 3 == 0 { u32::from(*by) } else { 0 };
                    placed.push((6 * at + n + by, Step::Record(Sent { node, stamp, says })));
                }
            }
        }
        placed.extend(waits.into_iter().map(|(at, millis)| (u32::from(at), Step::Wait(millis))));
        placed.sort_by_key(|(at, _)| *at);
        placed.into_iter().map(|(_, step)| step).collect()
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    (1_usize..12, 0_u64..30, 1_usize..20).prop_map(|(open_events, settle_records, remembered)| Limits {
        open_events,
        settle_records,
        remembered,
        timeout_ms: 2_000,
        ..Limits::default()
    })
}

fn run(limits: &Limits, steps: &[Step]) -> Result<Counters, TestCaseError> {
    let (mut spec, mut reassembler) = (Spec::new(limits.clone()), Reassembler::new(limits.clone()));
    let mut intake = Intake::new(limits.clone(), Mapper::new(Host::recorded(None), &Options::replay()));
    let (mut now, mut found, mut told) = (0, Vec::new(), 0_u64);
    for step in steps {
        match step {
            Step::Record(sent) => {
                let body = sent.says.body();
                let (node, kind) = (sent.node.map(str::as_bytes), sent.says.kind());
                let record = Record { node, kind, stamp: sent.stamp, body: body.as_bytes(), enriched: b"" };
                spec.record(sent, now);
                reassembler.push(&record, now, &mut |event| found.push(Event::of(event)));
                intake.record(&record, now, &mut |_| told += 1);
            }
            Step::Wait(millis) => {
                now += millis;
                spec.expire(now);
                reassembler.expire(now, &mut |event| found.push(Event::of(event)));
                intake.expire(now, &mut |_| told += 1);
            }
        }
        prop_assert_eq!(&found, &spec.given, "after {:?}", step);
        prop_assert_eq!(&reassembler.counters, &spec.counters, "after {:?}", step);
        prop_assert_eq!(reassembler.open_events(), spec.open.len());
        let next = spec.open.first().map(|open| open.touched + limits.timeout_ms);
        prop_assert_eq!(reassembler.next_deadline(), next);
        let open: usize = spec.open.iter().map(|open| open.records.len()).sum();
        assert_adds_up(&reassembler.counters, open as u64);
    }
    spec.finish();
    reassembler.finish(&mut |event| found.push(Event::of(event)));
    intake.finish(&mut |_| told += 1);
    prop_assert_eq!(&found, &spec.given);
    prop_assert_eq!(&reassembler.counters, &spec.counters);
    // What the daemon's status and its blind spots are made of.
    let summary = intake.summary();
    prop_assert_eq!(
        (&summary.reassembly, summary.malformed, told),
        (&spec.counters, 0, spec.counters.events)
    );
    Ok(spec.counters)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_does_what_the_specification_does((limits, steps) in (limits(), steps())) {
        run(&limits, &steps)?;
    }
}

/// What is drawn above does all that is counted: a comparison in which nothing happens shows nothing.
#[test]
fn all_that_is_counted_happens_in_what_is_drawn() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let (mut runner, mut sum) = (TestRunner::deterministic(), Counters::default());
    for _ in 0..300 {
        let (limits, steps) = (limits(), steps()).new_tree(&mut runner).unwrap().current();
        let counters = run(&limits, &steps).unwrap();
        sum.events += counters.events;
        sum.incomplete += counters.incomplete;
        sum.duplicates += counters.duplicates;
        sum.late += counters.late;
        sum.lone_ends += counters.lone_ends;
        sum.evicted += counters.evicted;
        sum.timed_out += counters.timed_out;
    }
    println!("{sum:?}");
    for count in [sum.incomplete, sum.duplicates, sum.late, sum.lone_ends, sum.evicted, sum.timed_out] {
        assert!(count > 50, "{sum:?}");
    }
    assert!(sum.events - sum.incomplete > 100, "{sum:?}");
}
