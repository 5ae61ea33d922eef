//! What the tests of the audit room share: fixtures, and reading a log from memory.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its fixtures fails")]

use std::io::Read;
use std::path::{Path, PathBuf};

use auditward::audit::execve::Arguments;
use auditward::audit::reassembler::{Counters, Ended, Gaps, Limits};
use auditward::audit::{AuditEvent, Reassembler, Record, RecordType, Stamp, fields, value};
use auditward::event::{AuditDocument, Host, Mapper, Options};

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(crate) fn gunzip(path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Name and content of every recording: `kernel/`, `uid0/` and `admin-day.log`.
pub(crate) fn recordings() -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("admin-day.log".to_owned(), gunzip(&fixtures().join("admin-day.log.gz")))];
    for set in ["kernel", "uid0"] {
        for entry in std::fs::read_dir(fixtures().join(set)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                all.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

pub(crate) fn lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', log).chain(std::iter::once(log.len()));
    ends.map(move |end| &log[std::mem::replace(&mut start, end + 1)..end]).filter(|line| !line.is_empty())
}

/// Reads a log that holds nothing malformed, with the default limits.
pub(crate) fn read_events(log: &[u8], mut emit: impl FnMut(&AuditEvent<'_>)) -> Counters {
    let mut reassembler = Reassembler::new(Limits::default());
    for line in lines(log) {
        let record =
            Record::from_log_line(line).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line)));
        reassembler.push(&record, 0, &mut emit);
    }
    reassembler.finish(&mut emit);
    reassembler.counters
}

/// Each event of a recording, mapped as in replay.
pub(crate) fn each_document(log: &[u8], mut ask: impl FnMut(&AuditDocument<'_>)) {
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    let mut arena = bumpalo::Bump::new();
    read_events(log, |event| {
        arena.reset();
        if let Some(document) = mapper.map(event, &arena) {
            ask(&document);
        }
    });
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A log of `tests/fixtures/field_reports`.
pub(crate) fn field_report(id: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(format!("field_reports/{id}.log"))).unwrap()
}

/// An event, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) node: Option<Vec<u8>>,
    pub(crate) stamp: Stamp,
    pub(crate) ended: Ended,
    pub(crate) gaps: Gaps,
    pub(crate) records: Vec<(RecordType, Vec<u8>, Vec<u8>)>,
}

impl Event {
    pub(crate) fn of(event: &AuditEvent<'_>) -> Self {
        assert_eq!(event.incomplete, !event.gaps.is_empty());
        assert_eq!(event.len(), event.records().len());
        Self {
            node: event.node.map(<[u8]>::to_vec),
            stamp: event.stamp,
            ended: event.ended,
            gaps: event.gaps,
            records: event.records().map(|r| (r.kind, r.body.to_vec(), r.enriched.to_vec())).collect(),
        }
    }

    pub(crate) fn kinds(&self) -> String {
        self.records.iter().map(|(kind, ..)| kind.to_string()).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn bodies(&self, kind: RecordType) -> impl Iterator<Item = &[u8]> + Clone {
        self.records.iter().filter(move |(k, ..)| *k == kind).map(|(_, body, _)| body.as_slice())
    }

    pub(crate) fn body(&self, kind: RecordType) -> &[u8] {
        self.bodies(kind).next().unwrap_or_else(|| panic!("no {kind} in {}", self.kinds()))
    }

    /// The value of a field that the kernel wrote, as it stands.
    pub(crate) fn raw(&self, kind: RecordType, key: &str) -> String {
        let field = fields::find(self.body(kind), key.as_bytes()).unwrap_or_else(|| panic!("no {key}"));
        String::from_utf8_lossy(field.raw).into_owned()
    }

    /// The value of a field that the kernel encoded, escaped; `None` where it is `(null)`.
    pub(crate) fn text(&self, kind: RecordType, key: &str) -> Option<String> {
        let field = fields::find(self.body(kind), key.as_bytes()).unwrap_or_else(|| panic!("no {key}"));
        value::untrusted(&field).map(|bytes| bytes.escape_ascii().to_string())
    }

    /// The value of a field that a program wrote, as it stands, escaped.
    pub(crate) fn said(&self, kind: RecordType, key: &str) -> String {
        let field = fields::user(self.body(kind)).find(|field| field.key == key.as_bytes());
        let field = field.unwrap_or_else(|| panic!("no {key}"));
        field.raw.escape_ascii().to_string()
    }

    pub(crate) fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::default();
        arguments.read_bodies(self.bodies(RecordType::EXECVE));
        arguments
    }

    /// The arguments, escaped.
    pub(crate) fn args(&self) -> Vec<String> {
        self.arguments().iter().map(|argument| argument.escape_ascii().to_string()).collect()
    }
}

/// The events of a log with nothing malformed, read with the default limits, and what was counted.
pub(crate) fn events(log: &[u8]) -> (Vec<Event>, Counters) {
    let mut events = Vec::new();
    let counters = read_events(log, |event| events.push(Event::of(event)));
    assert_adds_up(&counters, 0);
    (events, counters)
}

/// Every record taken in is somewhere; `open`: records of events that have not ended.
pub(crate) fn assert_adds_up(counters: &Counters, open: u64) {
    let Counters { records, given, ends, duplicates, late, oversize, .. } = *counters;
    assert_eq!(records, given + ends + duplicates + late + oversize + open, "{counters:?}");
}

/// The reference data that lies beside a checkout (never in it): `$AUDITWARD_SHARED`, else `../shared`;
/// none, with a printed reason, where it is absent.
pub(crate) fn shared(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("AUDITWARD_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join(what);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there (set AUDITWARD_SHARED)", path.display());
    None
}
