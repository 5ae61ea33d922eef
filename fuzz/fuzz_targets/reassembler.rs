//! Any records in any order: bounds hold, and every record that goes in is in an event or counted.
#![no_main]

use arbitrary::Arbitrary;
use auditward::audit::reassembler::Limits;
use auditward::audit::{AuditEvent, Reassembler, Record, RecordType, Stamp};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    open_events: u8,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Record { kind: Kind, serial: u8, node: Option<bool>, body: &'a [u8] },
    Wait(u16),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Kind {
    Syscall,
    Execve,
    Path,
    Cwd,
    Proctitle,
    Eoe,
    Login,
    User,
    Any(u16),
}

impl Kind {
    fn number(self) -> RecordType {
        match self {
            Self::Syscall => RecordType::SYSCALL,
            Self::Execve => RecordType::EXECVE,
            Self::Path => RecordType::PATH,
            Self::Cwd => RecordType::CWD,
            Self::Proctitle => RecordType::PROCTITLE,
            Self::Eoe => RecordType::EOE,
            Self::Login => RecordType(1006),
            Self::User => RecordType(1112),
            Self::Any(number) => RecordType(number),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let limits = Limits {
        open_events: usize::from(input.open_events).max(1),
        event_bytes: Limits::SMALLEST_EVENT,
        total_bytes: 4 * Limits::SMALLEST_EVENT,
        ..Limits::default()
    };
    let most = limits.event_bytes;
    let mut reassembler = Reassembler::new(limits);
    let (mut events, mut records, mut now) = (0_u64, 0_u64, 0_u64);
    let mut given = 0_u64;
    let mut emit = |event: &AuditEvent<'_>| {
        events += 1;
        let bytes: usize = event.records().map(|record| record.body.len() + record.enriched.len()).sum();
        assert!(bytes <= most, "an event of {bytes} bytes");
        given += event.records().count() as u64;
    };
    for step in &input.steps {
        match step {
            Step::Record { kind, serial, node, body } => {
                let node: Option<&[u8]> = node.map(|alpha| if alpha { &b"alpha"[..] } else { b"beta" });
                let stamp = Stamp { millis: 1_790_000_000_000, serial: u64::from(*serial) };
                let record = Record { node, kind: kind.number(), stamp, body, enriched: b"" };
                reassembler.push(&record, now, &mut emit);
                records += 1;
            }
            Step::Wait(millis) => {
                now += u64::from(*millis);
                reassembler.expire(now, &mut emit);
            }
        }
    }
    reassembler.finish(&mut emit);
    assert_eq!(reassembler.next_deadline(), None, "something is still open");
    let counters = &reassembler.counters;
    assert_eq!(counters.records, records);
    assert_eq!(counters.events, events);
    assert!(
        given + counters.duplicates + counters.late + counters.oversize <= records,
        "made up: {counters:?}"
    );
});
