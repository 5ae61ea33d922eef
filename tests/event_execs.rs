//! Every exec of the recordings against what an independent decoder reads from them: arguments, program,
//! directory, pid, parent, user and login user, exact.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot read its fixtures fails")]

mod common;

use std::collections::BTreeMap;

use auditward::event::{Host, Mapper, Options, json};
use common::{fixtures, gunzip, read_events, recordings};
use serde_json::Value;

/// The documents of a recording.
fn documents(log: &[u8]) -> Vec<Value> {
    let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
    let mut arena = bumpalo::Bump::new();
    let mut all = Vec::new();
    let mut writer = json::Writer::default();
    read_events(log, |event| {
        arena.reset();
        let document = mapper.map(event, &arena).expect("an event has records");
        let line = writer.write(&document);
        all.push(
            serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line))),
        );
    });
    all
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn text(hex: &Value) -> String {
    String::from_utf8_lossy(&unhex(hex.as_str().unwrap())).into_owned()
}

#[test]
fn all_4472_execs_are_exact_and_there_are_no_others() {
    let mut expected: BTreeMap<String, BTreeMap<u64, Value>> = BTreeMap::new();
    for set in ["admin-day", "kernel", "uid0"] {
        let lines = gunzip(&fixtures().join(format!("{set}-execs.ndjson.gz")));
        for line in lines.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
            let exec: Value = serde_json::from_slice(line).unwrap();
            let file = exec["file"].as_str().unwrap().trim_end_matches(".gz").to_owned();
            expected.entry(file).or_default().insert(exec["sequence"].as_u64().unwrap(), exec);
        }
    }
    let mut count = 0;
    for (name, log) in recordings() {
        let mut wanted = expected.remove(&name).unwrap_or_default();
        for document in documents(&log) {
            if document["process"].get("args").is_none() || document["event"]["outcome"] == "failure" {
                continue;
            }
            let sequence = document["event"]["sequence"].as_u64().unwrap();
            let exec = wanted.remove(&sequence).unwrap_or_else(|| panic!("{name}#{sequence} is no exec"));
            compare(&document, &exec, &format!("{name}#{sequence}"));
            count += 1;
        }
        assert!(wanted.is_empty(), "{name}: not found {:?}", wanted.keys());
    }
    assert_eq!((count, expected.len()), (4472, 0));
}

fn compare(document: &Value, exec: &Value, place: &str) {
    let args: Vec<String> = exec["args_hex"].as_array().unwrap().iter().map(text).collect();
    let process = &document["process"];
    assert_eq!(process["args"], Value::from(args.clone()), "{place}");
    assert_eq!(process["args_count"], args.len(), "{place}");
    assert_eq!(process["command_line"], args.join(" "), "{place}");
    assert_eq!(process["executable"], text(&exec["exe_hex"]), "{place}");
    if exec["cwd_hex"] != "" {
        assert_eq!(process["working_directory"], text(&exec["cwd_hex"]), "{place}");
    }
    assert_eq!(process["pid"], exec["pid"], "{place}");
    assert_eq!(process["parent"]["pid"], exec["ppid"], "{place}");
    assert_eq!(document["user"]["id"], exec["uid"], "{place}");
    let auid = exec["auid"].as_str().unwrap();
    assert_eq!(
        document["user"]["audit"]["id"].as_str(),
        Some(auid).filter(|a| *a != "4294967295"),
        "{place}"
    );
    assert_eq!(document["event"]["action"], "executed", "{place}");
    assert_eq!(document["event"]["type"], serde_json::json!(["start"]), "{place}");
    assert_eq!(document["event"]["category"], serde_json::json!(["process"]), "{place}");
    assert_eq!(document["event"]["outcome"], "success", "{place}");
    for (at, arg) in exec["args_hex"].as_array().unwrap().iter().enumerate() {
        let bytes = unhex(arg.as_str().unwrap());
        let exact = document["auditd"]["data"].get(format!("a{at}_hex")).and_then(Value::as_str).map(unhex);
        assert_eq!(exact, Some(bytes).filter(|b| std::str::from_utf8(b).is_err()), "{place} a{at}");
    }
}
