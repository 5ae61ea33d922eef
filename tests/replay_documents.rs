//! `auditward replay` over documents in JSON: the four collectors' that the literal rule is written for, our own,
//! and broken ones.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

mod common;
mod program;

use common::fixtures;
use program::auditward;

const LITERAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// A take-over as each collector writes it, in the least that the rule asks for and the source is known by.
fn take_overs() -> [(&'static str, Value); 4] {
    let args = json!(["usermod", "-u", "0", "-o", "bob"]);
    let time = "2026-09-21T12:00:00.123Z";
    [
        (
            "auditd_manager",
            json!({
                "@timestamp": time, "host": { "os": { "type": "linux" } },
                "data_stream": { "type": "logs", "dataset": "auditd_manager.auditd", "namespace": "default" },
                "event": { "action": "executed", "type": ["start"], "category": ["process"] },
                "process": { "name": "usermod", "args": args },
            }),
        ),
        (
            "auditbeat, dotted and nested",
            json!({
                "@timestamp": time, "host.os.type": "linux", "agent": { "type": "auditbeat" },
                "event.action": "process_started", "event": { "type": ["start"], "category": ["process"] },
                "process": { "name": "usermod", "args": args },
            }),
        ),
        (
            "endpoint, with what was joined",
            json!({
                "@timestamp": "2026-09-21T12:00:00.1234567Z", "host": { "os": { "type": "linux" } },
                "data_stream": { "dataset": "endpoint.events.process" },
                "event": { "action": ["fork", "exec", "end"], "type": ["start", "end"], "category": ["process"] },
                "process": { "name": "usermod", "args": args }, "user": { "id": 0 },
            }),
        ),
        (
            "endgame",
            json!({
                "@timestamp": time, "host": { "os": { "type": "linux" } }, "endgame": { "opcode": 5 },
                "event": { "module": "endgame", "action": "exec_event", "type": "start", "category": "process" },
                "process": { "name": "usermod", "args": args },
            }),
        ),
    ]
}

/// `replay` with the literal rule over files in a directory of their own: alerts and what was said.
fn replay(files: &[(&str, &[u8])], more: &[&str]) -> (Vec<Value>, String) {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec!["replay", "--rules", LITERAL, "--format", "json"];
    arguments.extend(more);
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).unwrap();
        arguments.push(name);
    }
    let (status, out, told) = auditward(directory.path(), &arguments);
    assert_eq!(status, 0, "{told}");
    (out.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), told)
}

fn over(documents: &[Value]) -> Vec<Value> {
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    replay(&[("documents.ndjson", lines.as_bytes())], &[]).0
}

#[test]
fn a_take_over_alerts_in_the_documents_of_each_source() {
    for (source, document) in take_overs() {
        let alerts = over(std::slice::from_ref(&document));
        let [alert] = alerts.as_slice() else { panic!("{source}: {alerts:?}") };
        assert_eq!(alert["process"]["args"], document["process"]["args"], "{source}");
        let mut other = document;
        other["process"]["args"] = json!(["usermod", "-ou", "0", "bob"]);
        assert_eq!(over(&[other]), Vec::<Value>::new(), "{source}: no words of their own");
    }
}

#[test]
fn a_rule_is_for_the_indices_that_it_names() {
    let [(_, mut document), ..] = take_overs();
    for index in [json!("other.data"), json!("auditd_manager")] {
        document["data_stream"]["dataset"] = index;
        let text = document.to_string();
        assert_eq!(replay(&[("a", text.as_bytes())], &[]).0, Vec::<Value>::new());
        assert_eq!(replay(&[("a", text.as_bytes())], &["--any-index"]).0.len(), 1);
    }
    // The name that a search answer tells goes before what stands in the document.
    let hit = |index: &str| json!({ "_index": index, "_source": take_overs()[1].1 }).to_string();
    assert_eq!(replay(&[("a", hit("auditbeat-9.1.0-2026.09.21-000001").as_bytes())], &[]).0.len(), 1);
    assert_eq!(replay(&[("a", hit(".alerts-security.alerts-default").as_bytes())], &[]).0.len(), 0);
}

/// An answer to a search comes on one line, of more than the longest line of records.
#[test]
fn an_answer_of_megabytes_is_read() {
    let hits: Vec<Value> = (0..12_000).map(|n| json!({ "_source": take_overs()[n % 4].1 })).collect();
    let answer = json!({ "took": 1, "hits": { "hits": hits } }).to_string();
    assert!(answer.len() > 3 << 20, "{}", answer.len());
    let (alerts, told) = replay(&[("answer.json", answer.as_bytes())], &[]);
    assert_eq!(alerts.len(), 12_000, "{told}");
    assert!(told.contains("12000 documents"), "{told}");
}

#[test]
fn what_is_broken_is_named_by_file_and_line_and_the_rest_goes_on() {
    let good = take_overs()[0].1.to_string();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20));
    let records = "type=EOE msg=audit(1790000100.500:1): \n";
    for (what, broken) in [
        ("cut", "{\"event\":{\"action\":\"exec"),
        ("no JSON", "{\"event\": what}"),
        ("no object", "[1, 2]"),
        ("deep", deep.as_str()),
        ("50 MB", long.as_str()),
    ] {
        let file = format!("{records}{good}\n{broken}\n{good}\n");
        let pretty = format!("{{\n \"event\": {{\n  \"x\" 1\n }}\n}}\n{good}\n{{\"half\":");
        let (alerts, told) = replay(&[("a.ndjson", file.as_bytes()), ("b\n.json", pretty.as_bytes())], &[]);
        assert_eq!(alerts.len(), 3, "{what}: {told}");
        let named: Vec<&str> =
            told.lines().filter_map(|line| line.strip_prefix("auditward: ")?.split(": ").next()).collect();
        assert_eq!(named, ["a.ndjson:3", "b\\n.json:1", "b\\n.json:7"], "{what}: {told}");
        assert!(told.contains("3 documents, 3 broken documents"), "{what}: {told}");
    }
}

#[test]
fn duplicate_keys_huge_numbers_and_wrong_types_are_no_reason_to_stop() {
    let [(_, document), ..] = take_overs();
    let odd = [
        r#"{"event":{"category":["process"]},"event":7}"#,
        r#"{"event":{"category":["process"],"type":["start"]},"process":{"pid":1e400}}"#,
        r#"{"event":{"category":["process"],"type":["start"]},"process":{"pid":123456789012345678901234567890}}"#,
        r#"{"@timestamp":{"x":1},"event":"process","process":[[["usermod"]]],"host":null}"#,
        "{}",
    ];
    let text = format!("{}\n{document}\n", odd.join("\n"));
    let (alerts, told) = replay(&[("a", text.as_bytes())], &[]);
    assert_eq!(alerts.len(), 1, "{told}");
    // A number that no double holds is no JSON for the parser.
    assert!(told.contains("auditward: a:2: a broken document"), "{told}");
}

/// What tells one alert from another, whichever way its events came.
fn essence(out: &str) -> Vec<String> {
    let line = |line: &str| {
        let alert: Value = serde_json::from_str(line).unwrap();
        format!("{} {} {}", alert["rule"]["id"], alert["event"]["severity"], alert["event"]["id"])
    };
    out.lines().map(line).collect()
}

/// Alerts of the shipped rules on a recording, and on what `events` wrote of it.
fn both_ways(recording: &Path, rules: &[&str]) -> (Vec<String>, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let name = recording.to_str().unwrap();
    let (status, documents, told) =
        auditward(directory.path(), &["events", "--format", "json", "--secrets", "keep", name]);
    assert_eq!(status, 0, "{told}");
    std::fs::write(directory.path().join("events.ndjson"), documents).unwrap();
    let replay = |file| {
        let mut arguments = vec!["replay", "--site", "/nonexistent", "--format", "json"];
        arguments.extend(rules);
        arguments.push(file);
        let (status, out, told) = auditward(directory.path(), &arguments);
        assert_eq!(status, 0, "{told}");
        essence(&out)
    };
    (replay(name), replay("events.ndjson"))
}

fn own_recordings() -> Vec<PathBuf> {
    let uid0 = std::fs::read_dir(fixtures().join("uid0")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = uid0.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    all.push(fixtures().join("admin-day.log.gz"));
    all.sort();
    all
}

#[test]
fn our_own_documents_give_the_alerts_of_their_records() {
    let mut differing = String::new();
    let mut alerts = 0;
    for recording in own_recordings() {
        let (records, documents) = both_ways(&recording, &[]);
        alerts += records.len();
        if records != documents {
            let _ = writeln!(differing, "{}:\n  {records:?}\n  {documents:?}", recording.display());
        }
    }
    assert_eq!(differing, "");
    assert!(alerts >= 18, "{alerts}");
}

#[test]
fn our_own_documents_give_the_alerts_of_their_records_for_the_rules_beside_a_checkout() {
    let Some(corpus) = common::shared("elastic-rules") else { return };
    let rules = ["--rules", corpus.to_str().unwrap()];
    let mut alerts = 0;
    for recording in own_recordings() {
        let (records, documents) = both_ways(&recording, &rules);
        alerts += records.len();
        assert_eq!(documents, records, "{}", recording.display());
    }
    assert!(alerts > 100, "{alerts}");
}

/// Files of the reference documents beside a checkout: how many alerts of the literal rule each must give.
#[test]
fn the_reference_documents_give_the_alerts_that_are_expected() {
    let Some(folder) = common::shared("documents") else { return };
    let mut wanted: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for (table, file, answer) in [("expected.tsv", 0, 2), ("same-six/expected.tsv", 1, 3)] {
        let below = Path::new(table).parent().unwrap();
        for row in std::fs::read_to_string(folder.join(table)).unwrap().lines() {
            let row: Vec<&str> = row.split('\t').collect();
            let Ok(answer) = row[answer].parse::<usize>() else { continue };
            let file = below.join(row[file]).to_str().unwrap().to_owned();
            *wanted.entry(file).or_default() += answer;
        }
    }
    assert!(wanted.len() >= 19, "{wanted:?}");
    for (file, wanted) in wanted {
        let path = folder.join(&file);
        let arguments = ["replay", "--rules", LITERAL, "--format", "json", path.to_str().unwrap()];
        let (status, out, told) = auditward(&folder, &arguments);
        assert_eq!((status, out.lines().count()), (0, wanted), "{file}: {told}");
    }
}
