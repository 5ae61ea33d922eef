//! The recordings of a real kernel, read by the audit room: every exec exactly as an independent decoder
//! reads it (`*-execs.ndjson.gz`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;

use auditward::audit::execve::Arguments;
use auditward::audit::{AuditEvent, RecordType, Syscall, fields, value};
use common::{fixtures, gunzip, hex, read_events, recordings};

#[derive(Debug, PartialEq, Eq)]
struct Exec {
    args: Vec<String>,
    exe: String,
    cwd: String,
    pid: String,
    ppid: String,
    uid: String,
    auid: String,
}

fn exec_of(event: &AuditEvent<'_>) -> Option<Exec> {
    event.record(RecordType::EXECVE)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let call = Syscall::parse(event.record(RecordType::SYSCALL)?.body);
    let mut arguments = Arguments::default();
    arguments.read(event);
    assert!(arguments.is_whole() && !event.incomplete, "{:?}", event.stamp);
    let cwd = fields::find(event.record(RecordType::CWD)?.body, b"cwd")?;
    Some(Exec {
        args: arguments.iter().map(hex).collect(),
        exe: hex(&value::untrusted(&call.exe?)?),
        cwd: hex(&value::untrusted(&cwd)?),
        pid: text(call.pid),
        ppid: text(call.ppid),
        uid: text(call.uid),
        auid: text(call.auid),
    })
}

/// By file and serial.
fn expected() -> BTreeMap<(String, u64), Exec> {
    let mut all = BTreeMap::new();
    for set in ["kernel", "uid0", "admin-day"] {
        let text = gunzip(&fixtures().join(format!("{set}-execs.ndjson.gz")));
        for line in text.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let json: serde_json::Value = serde_json::from_slice(line).unwrap();
            let text = |key: &str| match &json[key] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let args = json["args_hex"].as_array().unwrap();
            let exec = Exec {
                args: args.iter().map(|arg| arg.as_str().unwrap().to_owned()).collect(),
                exe: text("exe_hex"),
                cwd: text("cwd_hex"),
                pid: text("pid"),
                ppid: text("ppid"),
                uid: text("uid"),
                auid: text("auid"),
            };
            all.insert((text("file"), json["sequence"].as_u64().unwrap()), exec);
        }
    }
    all
}

#[test]
fn every_recorded_exec_is_exact() {
    let expected = expected();
    assert_eq!(expected.len(), 4472);
    let mut found = BTreeMap::new();
    for (name, log) in recordings() {
        read_events(&log, |event| {
            if let Some(exec) = exec_of(event) {
                assert!(found.insert((name.clone(), event.stamp.serial), exec).is_none());
            }
        });
    }
    for (key, exec) in &expected {
        assert_eq!(found.get(key), Some(exec), "{key:?}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn every_recording_gives_the_events_and_records_that_its_index_names() {
    let index = std::fs::read_to_string(fixtures().join("kernel/INDEX.txt")).unwrap();
    let recordings: BTreeMap<_, _> = recordings().into_iter().collect();
    let mut seen = 0;
    for line in index.lines() {
        let parts: Vec<_> = line.split(" | ").collect();
        let [name, events, records, _, kinds, ..] = parts[..] else { continue };
        let Some(log) = recordings.get(name) else { panic!("{name} is not there") };
        let (mut count, mut by_kind) = (0, BTreeMap::new());
        let counters = read_events(log, |event| {
            count += 1;
            for kind in event.kinds() {
                *by_kind.entry(kind.to_string()).or_insert(0) += 1;
            }
            assert!(!event.incomplete, "{name} {:?} {}", event.stamp, event.gaps);
        });
        if counters.ends > 0 {
            by_kind.insert("EOE".to_owned(), counters.ends);
        }
        assert_eq!(format!("events {count}"), events, "{name}");
        assert_eq!(format!("records {}", counters.records), records, "{name}");
        let told: BTreeMap<_, _> = kinds
            .split(' ')
            .map(|kind| kind.rsplit_once(':').unwrap())
            .map(|(kind, count)| (kind.to_owned(), count.parse::<u64>().unwrap()))
            .collect();
        assert_eq!(by_kind, told, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 70);
}
