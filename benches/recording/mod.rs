//! What the benchmarks run over: a day of ordinary administration (50,459 records, 7,139 events, of which 4,247
//! execs).

use std::io::Read;
use std::path::{Path, PathBuf};

use auditward::audit::reassembler::Limits;
use auditward::audit::{Reassembler, Record};
use auditward::event::{AuditDocument, Host, Mapper, Options};
use bumpalo::Bump;

/// A path within the repository.
pub(crate) fn manifest(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The day's log.
pub(crate) fn admin_day() -> Vec<u8> {
    let file = std::fs::File::open(manifest("tests/fixtures/admin-day.log.gz")).unwrap();
    let mut log = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut log).unwrap();
    log
}

/// Its records.
pub(crate) fn records(log: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', log).filter_map(move |end| {
        let line = log.get(start..end)?;
        start = end + 1;
        Record::from_log_line(line).ok()
    })
}

/// Each event of the log, mapped as in a replay; how many there were.
pub(crate) fn each_event(log: &[u8], mut ask: impl FnMut(&AuditDocument<'_>)) -> u64 {
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    let mut reassembler = Reassembler::new(Limits::default());
    let mut arena = Bump::new();
    let mut events = 0;
    for record in records(log) {
        reassembler.push(&record, 0, &mut |event| {
            arena.reset();
            if let Some(document) = mapper.map(event, &arena) {
                events += 1;
                ask(&document);
            }
        });
    }
    events
}
