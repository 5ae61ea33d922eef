//! What the tests of the audit room share: fixtures, and reading a log from memory.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its fixtures fails")]

use std::io::Read;
use std::path::{Path, PathBuf};

use auditward::audit::reassembler::{Counters, Limits};
use auditward::audit::{AuditEvent, Reassembler, Record};

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
    log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
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

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
