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

/// A take-over as a document of its own: documents that are equal to the last byte tell of one act.
fn numbered(source: usize, number: usize) -> Value {
    let mut document = take_overs()[source % 4].1.clone();
    document["message"] = number.to_string().into();
    document
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
    let hits: Vec<Value> = (0..12_000).map(|n| json!({ "_source": numbered(n, n) })).collect();
    let answer = json!({ "took": 1, "hits": { "hits": hits } }).to_string();
    assert!(answer.len() > 3 << 20, "{}", answer.len());
    let (alerts, told) = replay(&[("answer.json", answer.as_bytes())], &[]);
    assert_eq!(alerts.len(), 12_000, "{told}");
    assert!(told.contains("12000 documents"), "{told}");
}

#[test]
fn what_is_broken_is_named_by_file_and_line_and_the_rest_goes_on() {
    let [good, other, third] = [1, 2, 3].map(|n| numbered(0, n).to_string());
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
        let file = format!("{records}{good}\n{broken}\n{other}\n");
        let pretty = format!("{{\n \"event\": {{\n  \"x\" 1\n }}\n}}\n{third}\n{{\"half\":");
        let (alerts, told) = replay(&[("a.ndjson", file.as_bytes()), ("b\n.json", pretty.as_bytes())], &[]);
        assert_eq!(alerts.len(), 3, "{what}: {told}");
        let named: Vec<&str> =
            told.lines().filter_map(|line| line.strip_prefix("auditward: ")?.split(": ").next()).collect();
        assert_eq!(named, ["a.ndjson:3", "b\\n.json:1", "b\\n.json:7"], "{what}: {told}");
        assert!(told.contains("3 documents, 3 broken documents"), "{what}: {told}");
    }
}

/// Compressed as the program of that name does it.
fn compressed(program: &str, content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child =
        Command::new(program).args(["-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// What `events` and `eql` print and how often `replay` alerts, over one file.
fn all_commands(content: &[u8]) -> [usize; 3] {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a"), content).unwrap();
    let run = |arguments: &[&str]| {
        let (status, out, told) = auditward(directory.path(), arguments);
        assert_eq!(status, 0, "{arguments:?}: {told}");
        out.lines().count()
    };
    let query = "process where process.args == \"-u\" and process.args == \"0\"";
    [&["events", "a"][..], &["eql", query, "a"], &["replay", "--rules", LITERAL, "a"]].map(run)
}

#[test]
fn every_command_reads_every_form() {
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|n| numbered(0, n));
    let kcat =
        json!({ "topic": "audit", "partition": 0, "offset": 12, "key": "h", "payload": e.to_string() });
    let kafka = format!(
        "CreateTime:1790000100000\tNO_HEADERS\tnull\t{a}\nPartition:3\tOffset:9\t{{\"key\":1}}\t{b}\n\
         host-1\t{c}\n{d}\n{kcat}\nhost-2\tnull\n"
    );
    let lines = format!("{a}\n{b}\n{c}\n");
    let members = [a.to_string(), "\n".to_owned(), b.to_string()];
    let members = members.map(|part| compressed("gzip", part.as_bytes())).concat();
    let search = json!({ "hits": { "hits": [{ "_source": a }, { "_source": b }] } });
    let sequence = json!({ "hits": { "sequences": [{ "events": [{ "_source": a }] }] } });
    let beats = a.to_string().replacen('{', "{\"@metadata\":{\"beat\":\"auditbeat\"},", 1);
    let forms: [(&str, Vec<u8>, usize); 10] = [
        ("lines", lines.clone().into(), 3),
        ("zstd", compressed("zstd", lines.as_bytes()), 3),
        ("gzip of several members", members, 2),
        ("Kafka", kafka.into(), 5),
        ("pretty", serde_json::to_vec_pretty(&a).unwrap(), 1),
        ("list", format!("[{a},\n{b}]").into(), 2),
        ("search", search.to_string().into(), 2),
        ("EQL", sequence.to_string().into(), 1),
        ("bulk", format!("{{\"create\":{{}}}}\n{a}\n{{\"index\":{{}}}}\n{b}\n").into(), 2),
        ("Beats", beats.into(), 1),
    ];
    for (form, content, wanted) in forms {
        assert_eq!(all_commands(&content), [wanted; 3], "{form}");
    }
}

/// A take-over in records, as auditd writes it.
const RECORDS: &str = concat!(
    "type=SYSCALL msg=audit(1790000100.500:1): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 auid=0 uid=0 ",
    "gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=1 comm=\"usermod\" exe=\"/usr/sbin/usermod\"\n",
    "type=EXECVE msg=audit(1790000100.500:1): argc=5 a0=\"usermod\" a1=\"-u\" a2=\"0\" a3=\"-o\" a4=\"bob\"\n",
    "type=EOE msg=audit(1790000100.500:1): \n",
);

#[test]
fn records_and_documents_may_be_mixed() {
    let one = take_overs()[1].1.to_string();
    let cut = format!("{{\"cut\":\n{RECORDS}{one}");
    for text in [format!("{RECORDS}{one}\n"), format!("{one}\n{RECORDS}"), cut] {
        assert_eq!(all_commands(text.as_bytes()), [2; 3], "{text}");
    }
}

#[test]
fn events_and_eql_name_what_is_broken_and_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let one = take_overs()[0].1.to_string();
    let text = format!("{one}\n{{\"cut\":\"\n{one}\n[7]\n{{\"n\":1e999}}\n");
    std::fs::write(directory.path().join("a"), text).unwrap();
    for arguments in [&["events", "a"][..], &["eql", "any where true", "a"]] {
        let (status, out, told) = auditward(directory.path(), arguments);
        assert_eq!((status, out.lines().count()), (0, 2), "{told}");
        for line in [2, 4, 5] {
            assert!(
                told.contains(&format!("auditward: a:{line}: a broken document")),
                "{arguments:?}: {told}"
            );
        }
    }
}

/// Events are written many at once, also those with a secret; a document has its place among them.
#[test]
fn events_and_documents_stay_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let document = take_overs()[0].1.to_string();
    let record = |serial: u32| {
        let secret = if serial.is_multiple_of(7) { "-psecret1" } else { "-v" };
        format!(
            "type=SYSCALL msg=audit(1790000100.101:{serial}): arch=c000003e syscall=59 success=yes exit=0 items=0 ppid=1 \
             pid={serial} auid=0 uid=0 gid=0 euid=0 tty=pts0 ses=1 comm=\"mysql\" exe=\"/usr/bin/mysql\" key=(null)\n\
             type=EXECVE msg=audit(1790000100.101:{serial}): argc=2 a0=\"mysql\" a1=\"{secret}\"\n\
             type=EOE msg=audit(1790000100.101:{serial}): \n"
        )
    };
    let mut text = String::new();
    for serial in 1..=300 {
        text += &record(serial);
        if serial % 100 == 50 {
            writeln!(text, "{document}").unwrap();
        }
    }
    std::fs::write(directory.path().join("a"), text).unwrap();
    let (status, out, told) = auditward(directory.path(), &["events", "a"]);
    assert_eq!(status, 0, "{told}");
    assert!(out.len() > 2 << 16 && !out.contains("secret1"), "{} bytes", out.len());
    let mut serials =
        (1..=300_u64).flat_map(|serial| [Some(serial), (serial % 100 == 50).then_some(0)]).flatten();
    for line in out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(Some(event["event"]["sequence"].as_u64().unwrap_or(0)), serials.next(), "{line}");
    }
    assert_eq!(serials.next(), None);
}

#[test]
fn events_prints_a_document_on_one_line_without_secrets_and_control_characters() {
    let directory = tempfile::tempdir().unwrap();
    let document = json!({
        "@timestamp": "2026-09-21T12:00:00Z",
        "event": { "category": ["process"], "type": ["start"], "action": "exec" },
        "process": { "name": "mysql", "args": ["mysql", "-psecret1", "\u{9b}x"] },
    });
    std::fs::write(directory.path().join("a"), serde_json::to_vec_pretty(&document).unwrap()).unwrap();
    let (_, json, told) = auditward(directory.path(), &["events", "a"]);
    assert!(
        !json.contains("secret1") && !json.contains('\u{9b}') && json.lines().count() == 1,
        "{json}{told}"
    );
    let (_, text, _) = auditward(directory.path(), &["events", "--format", "text", "a"]);
    assert!(text.starts_with("2026-09-21T12:00:00.000Z process/start exec process.name=mysql"), "{text}");
    assert!(!text.contains("secret1") && !text.contains('\u{9b}'), "{text}");
}

/// A rule that no event of this host can match is asked about documents, which may have what it asks for.
#[test]
fn a_rule_that_is_not_live_here_is_asked_about_documents() {
    let directory = tempfile::tempdir().unwrap();
    let rule = std::fs::read_to_string(LITERAL).unwrap();
    let (head, rest) = rule.split_once("process.name == \"usermod\" and").unwrap();
    let rule = format!("{head}process.hash.sha256 != null and {rest}");
    std::fs::write(directory.path().join("r.toml"), rule).unwrap();
    let mut document = take_overs()[2].1.clone();
    document["process"]["hash"] = json!({ "sha256": "00" });
    std::fs::write(directory.path().join("a"), document.to_string()).unwrap();
    let (status, out, told) = auditward(directory.path(), &["replay", "--rules", "r.toml", "a"]);
    assert_eq!((status, out.lines().count()), (0, 1), "{told}");
    std::fs::write(directory.path().join("a"), RECORDS).unwrap();
    let (_, out, told) = auditward(directory.path(), &["replay", "--rules", "r.toml", "a"]);
    assert!(out.is_empty() && told.contains("not live:"), "{told}");
}

#[test]
fn directories_and_patterns_are_read_like_files() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("in/host-1")).unwrap();
    for (n, name) in ["in/a.json", "in/host-1/b.json", "in/host-1/c.json"].into_iter().enumerate() {
        std::fs::write(directory.path().join(name), numbered(0, n).to_string()).unwrap();
    }
    for (path, wanted) in [("in", 3), ("in/host-*", 2), ("in/host-1/b*", 1)] {
        for arguments in
            [&["events", path][..], &["eql", "any where true", path], &["replay", "--rules", LITERAL, path]]
        {
            let (status, out, told) = auditward(directory.path(), arguments);
            assert_eq!((status, out.lines().count()), (0, wanted), "{arguments:?}: {told}");
        }
    }
    let (status, _, told) = auditward(directory.path(), &["events", "in/no*"]);
    assert!(status == 2 && told.contains("in/no*"), "{told}");
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

/// An alert holds its events, and is none.
#[test]
fn our_own_alerts_read_back_are_no_second_act() {
    let here = tempfile::tempdir().unwrap();
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/uid0");
    let (_, alerts, _) =
        program::auditward(here.path(), &["replay", "--format", "json", recordings.to_str().unwrap()]);
    let (again, told) = replay(&[("alerts.ndjson", alerts.as_bytes())], &[]);
    assert!(alerts.lines().count() >= 15);
    assert_eq!(again, Vec::<Value>::new(), "{told}");
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
