//! Damaged input: no panic, bounded memory, everything counted, and the next good event still comes out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod decode;

use std::collections::BTreeSet;

use auditward::audit::execve::Arguments;
use auditward::audit::reassembler::Limits;
use auditward::audit::{Reassembler, Record, RecordType, fields};
use common::{Event, assert_adds_up, field_report, lines, recordings};
use decode::decode_everything;

/// Takes damaged lines and payloads, as a reader would.
struct Reader {
    reassembler: Reassembler,
    limits: Limits,
    arguments: Arguments,
    malformed: u64,
    taken: u64,
}

impl Reader {
    fn new() -> Self {
        let limits = Limits { open_events: 500, total_bytes: 1 << 20, ..Limits::default() };
        let limits = Limits { event_bytes: 256 << 10, ..limits };
        Self {
            reassembler: Reassembler::new(limits.clone()),
            limits,
            arguments: Arguments::default(),
            malformed: 0,
            taken: 0,
        }
    }

    fn line(&mut self, line: &[u8]) {
        self.take(Record::from_log_line(line).ok());
        if let Some(at) = memchr::memmem::find(line, b"audit(") {
            self.take(Record::from_payload(RecordType::EXECVE, &line[at..]).ok());
        }
    }

    fn take(&mut self, record: Option<Record<'_>>) {
        self.taken += 1;
        let Some(record) = record else {
            self.malformed += 1;
            return;
        };
        decode_everything(&record, &mut self.arguments);
        self.reassembler.push(&record, 0, &mut |event| assert!(event.len() > 0));
        assert!(self.reassembler.held_bytes() <= self.limits.total_bytes);
        assert!(self.reassembler.open_events() <= self.limits.open_events);
    }

    /// The next good event comes out, and every record is accounted for.
    fn finish(mut self) {
        let mut found = Vec::new();
        for line in lines(&field_report("F05")) {
            let record = Record::from_log_line(line).unwrap();
            self.taken += 1;
            self.reassembler.push(&record, 0, &mut |event| found.push(Event::of(event)));
        }
        let good = found.iter().find(|event| event.stamp.serial == 581).expect("the good event");
        assert_eq!(good.args(), ["usermod", "-u", "0", "-o", "carol"]);
        assert!(good.gaps.is_empty());
        self.reassembler.finish(&mut |_| {});
        assert_adds_up(&self.reassembler.counters, 0);
        assert_eq!(self.reassembler.counters.records + self.malformed, self.taken);
    }
}

/// A line of each shape: of each type one for every sequence of keys and encodings.
fn shapes() -> Vec<Vec<u8>> {
    let mut seen = BTreeSet::new();
    let mut shapes = Vec::new();
    for (_, log) in recordings() {
        for line in lines(&log) {
            let record = Record::from_log_line(line).unwrap();
            let fields = fields::kernel(record.body).chain(fields::user(record.body)).take(30);
            let shape: Vec<_> = fields.map(|field| (field.key.to_vec(), field.quoted)).collect();
            if seen.insert((record.kind, shape)) {
                shapes.push(line.to_vec());
            }
        }
    }
    for id in ["F09", "F33", "F37", "F41", "F46", "F54", "F68"] {
        shapes.extend(lines(&field_report(id)).map(<[u8]>::to_vec));
    }
    shapes.push(
        b"type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=42 success=yes exit=0 items=0 \
            \x1dARCH=x86_64 SYSCALL=connect AUID=\"unset\" SADDR={ saddr_fam=inet laddr=10.0.0.1 lport=80 }"
            .to_vec(),
    );
    assert!((100..400).contains(&shapes.len()), "{}", shapes.len());
    shapes
}

/// Each place of a short line; of a long one those near its ends, and some between.
fn places(line: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let length = line.len();
    (0..=length).filter(move |at| *at < 400 || at + 50 > length || at % 1999 == 0)
}

#[test]
fn lines_cut_at_every_byte() {
    let mut reader = Reader::new();
    for line in shapes() {
        for at in places(&line) {
            reader.line(&line[..at]);
        }
    }
    reader.finish();
}

#[test]
fn lines_whose_head_is_gone() {
    let mut reader = Reader::new();
    for line in shapes() {
        for at in places(&line).filter(|at| *at < 60) {
            reader.line(&line[at..]);
        }
    }
    reader.finish();
}

#[test]
fn every_byte_flipped_or_nul_or_another_structure() {
    let mut reader = Reader::new();
    // Where nothing is optimized, every fifth place, another one in each shape.
    let step = if cfg!(debug_assertions) { 5 } else { 1 };
    for (number, line) in shapes().into_iter().enumerate() {
        let mut line = line;
        let places = places(&line).filter(|at| *at < line.len()).skip(number % step).step_by(step);
        for at in places.collect::<Vec<_>>() {
            let before = line[at];
            let bit = 1 << ((number + at) % 8);
            let structure = b"=\" '(){}[]:,\x1d\n\\"[(number * 7 + at) % 15];
            for byte in [before ^ bit, 0, structure] {
                line[at] = byte;
                reader.line(&line);
            }
            line[at] = before;
        }
    }
    reader.finish();
}

#[test]
fn records_of_sixty_four_kilobytes_and_more() {
    let mut reader = Reader::new();
    for length in [65_535, 65_536, 300_000, 2_000_000] {
        for (head, fill) in [
            ("type=EXECVE msg=audit(5.000:5): argc=1 a0=", "41"),
            ("type=EXECVE msg=audit(5.000:6): argc=1 a0=\"", "x"),
            ("type=EXECVE msg=audit(5.000:7): argc=9", " a1=\"\""),
            ("type=USER_CMD msg=audit(5.000:8): msg='cmd=", "4142"),
            ("type=PATH msg=audit(5.000:9): name=", "\0"),
            ("type=CWD msg=audit(5.000:10): ", "="),
            ("type=CWD msg=audit(5.000:11): ", "{ "),
            ("type=CWD msg=audit(5.000:12): \x1d", "\x1d"),
            ("node=", "n type=CWD msg=audit(5.000:12): x "),
            ("", "\0"),
            ("type=", "A"),
            ("type=CWD msg=audit(", "9"),
        ] {
            let mut line = head.as_bytes().to_vec();
            while line.len() < length {
                line.extend_from_slice(fill.as_bytes());
            }
            line.truncate(length);
            reader.line(&line);
        }
    }
    reader.finish();
}

#[test]
fn texts_of_the_issue() {
    let mut reader = Reader::new();
    for text in [
        r#"argc=1 a10000000="x""#,
        r#"argc=4294967295 a0="x""#,
        "argc=1 a0[0]=(null)",
        "argc=-1 a-1=\"x\"",
        "argc=99999999999999999999 a0=\"x\"",
        "argc=2 a0_len=18446744073709551615 a0[4294967295]=41 a0[0]=42 a1=43",
        "argc=1 a0_len=5 a0[0]=4 a0[1]=\"x\" a0[2]=4",
        "a=1 a[=1 a[]=1 a]=1 a0[=1 a0]=1 a0[x]=1 a_len=1 a0_lenx=1",
    ] {
        for kind in ["EXECVE", "SYSCALL", "USER", "EOE", "LOGIN"] {
            reader.line(format!("type={kind} msg=audit(5.000:5): {text}").as_bytes());
        }
    }
    reader.finish();
}

/// Many records that all differ in one event: looking for repeated ones must not take time by their square.
#[test]
fn an_event_of_a_hundred_thousand_small_records_is_bounded_in_time() {
    let mut reassembler = Reassembler::new(Limits::default());
    let start = std::time::Instant::now();
    for at in 0..100_000 {
        let line = format!("type=PATH msg=audit(5.000:5): item={at:06}");
        reassembler.push(&Record::from_log_line(line.as_bytes()).unwrap(), 0, &mut |_| {});
        reassembler.push(&Record::from_log_line(line.as_bytes()).unwrap(), 0, &mut |_| {});
    }
    assert_eq!(reassembler.counters.duplicates, 100_000);
    let mut length = 0;
    reassembler.finish(&mut |event| length = event.len());
    assert_eq!(length, 100_000);
    // A second or so where nothing is optimized; by the square it would be many minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
