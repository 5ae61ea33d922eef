//! What the tests of the event room share: documents of a log, and looking into them.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

use auditward::audit::reassembler::Limits;
use auditward::audit::{Reassembler, Record};
use auditward::event::{AuditDocument, FieldId, Host, Mapper, Options, Value, json};
use serde_json::Value as Json;

/// Maps each event of a log; lines of a snapshot at its head are taken in. Whatever is no record is passed
/// over.
pub(crate) fn each(mapper: &mut Mapper, log: &[u8], mut look: impl FnMut(&AuditDocument<'_>)) {
    let mut reassembler = Reassembler::new(Limits::default());
    let mut arena = bumpalo::Bump::new();
    for line in log.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        if mapper.absorb(line) {
            continue;
        }
        let Ok(record) = Record::from_log_line(line) else { continue };
        reassembler.push(&record, 0, &mut |event| {
            arena.reset();
            look(&mapper.map(event, &arena).expect("an event has records"));
        });
    }
    reassembler.finish(&mut |event| {
        arena.reset();
        look(&mapper.map(event, &arena).expect("an event has records"));
    });
}

/// The document as it is exported; panics where that is no JSON, or not one line.
pub(crate) fn exported(document: &AuditDocument<'_>) -> Json {
    let mut writer = json::Writer::default();
    let line = writer.write(document);
    assert!(!line.contains(&b'\n'));
    serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line)))
}

/// The exported documents of a log, as a replay gives them.
pub(crate) fn documents(log: &[u8]) -> Vec<Json> {
    documents_by(&mut Mapper::new(Host::recorded(None), &Options::replay()), log)
}

/// The exported documents of a log by a mapper.
pub(crate) fn documents_by(mapper: &mut Mapper, log: &[u8]) -> Vec<Json> {
    let mut all = Vec::new();
    each(mapper, log, |document| all.push(exported(document)));
    all
}

/// What stands at a dotted name; null where nothing does.
pub(crate) fn at<'a>(document: &'a Json, name: &str) -> &'a Json {
    name.split('.').fold(document, |value, part| &value[part])
}

/// The values of a field in matching, as bytes.
pub(crate) fn matched(document: &AuditDocument<'_>, field: FieldId) -> Vec<Vec<u8>> {
    let values = document.ask(field);
    values
        .as_slice()
        .iter()
        .map(|value| match value {
            Value::Text(text) => text.to_vec(),
            other => format!("{other:?}").into_bytes(),
        })
        .collect()
}

/// A log of tests/fixtures.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The document of one serial.
pub(crate) fn by_serial(documents: &[Json], serial: u64) -> &Json {
    documents
        .iter()
        .find(|d| at(d, "event.sequence") == serial)
        .unwrap_or_else(|| panic!("no event {serial}"))
}
