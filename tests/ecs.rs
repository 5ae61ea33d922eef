//! JSON alerts against the field types that ECS publishes, which stand in tests/fixtures/ecs_fields.txt.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod program;
mod syslog_support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use auditward::alert::suppress::Rest;
use auditward::alert::{Alert, Why};
use serde_json::Value;
use syslog_support::alert;

/// Fields that are no ECS and whose they are.
const OTHERS: [(&str, &str); 7] = [
    ("auditd.", "the auditd integration's own"),
    ("auditward.", "auditward's own"),
    ("file.Ext.", "Elastic Endpoint's"),
    ("user.audit.", "the auditd integration's: the login user"),
    ("user.filesystem.", "the auditd integration's"),
    ("user.saved.", "the auditd integration's"),
    ("host.user.", "ECS's reuse, without facts here"),
];

/// Field and type.
fn facts() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs_fields.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let facts: Vec<(String, String)> = lines
        .map(|line| line.split_once(' ').unwrap())
        .map(|(field, kind)| (field.to_owned(), kind.to_owned()))
        .collect();
    assert!(facts.is_sorted() && facts.len() > 150);
    facts.into_iter().collect()
}

/// What Elasticsearch would index a field of this type as, without an error and without changing it.
fn fits(kind: &str, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Array(items)) => items.iter().all(|item| !item.is_array() && fits(kind, item)),
        ("keyword" | "constant_keyword", Value::String(_)) => true,
        ("match_only_text", Value::String(_)) => true,
        ("long", Value::Number(number)) => number.is_i64(),
        ("float", Value::Number(_)) => true,
        ("boolean", Value::Bool(_)) => true,
        ("ip", Value::String(text)) => text.parse::<std::net::IpAddr>().is_ok(),
        ("date", Value::String(text)) => text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
        ("labels", Value::Object(labels)) => labels.values().all(Value::is_string),
        _ => false,
    }
}

/// Each fault of the document, by field.
fn faults(facts: &BTreeMap<String, String>, value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(kind) = facts.get(path) {
        if !fits(kind, value) {
            found.insert(format!("{path} is no {kind}: {value}"));
        }
        return;
    }
    if OTHERS.iter().any(|(begin, _)| path.starts_with(begin)) {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                faults(facts, value, &below, found);
            }
        }
        _ => _ = found.insert(format!("{path} is no field of ECS: {value}")),
    }
}

fn faults_of(document: &Value) -> Vec<String> {
    let mut found = BTreeSet::new();
    faults(&facts(), document, "", &mut found);
    for always in ["@timestamp", "ecs.version", "event.kind", "event.id", "rule.name", "message"] {
        let pointer = format!("/{}", always.replace('.', "/"));
        if document.pointer(&pointer).is_none() {
            found.insert(format!("{always} is missing"));
        }
    }
    found.into_iter().collect()
}

fn recordings() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut all = vec![fixtures.join("alert.log")];
    for set in ["uid0", "kernel", "field_reports"] {
        let entries = std::fs::read_dir(fixtures.join(set)).unwrap().map(|entry| entry.unwrap().path());
        all.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "log")));
    }
    all
}

#[test]
fn every_alert_on_the_recordings_has_the_types_of_ecs() {
    let here = tempfile::tempdir().unwrap();
    let mut alerts = 0;
    for recording in recordings() {
        let (_, out, _) =
            program::auditward(here.path(), &["replay", "--format", "json", recording.to_str().unwrap()]);
        for line in out.lines() {
            alerts += 1;
            let document = serde_json::from_str(line).unwrap();
            assert_eq!(faults_of(&document), Vec::<String>::new(), "{}: {line}", recording.display());
        }
    }
    assert!(alerts >= 20, "{alerts}");
}

#[test]
fn hostile_arguments_and_alerts_that_tell_a_number_have_them_too() {
    for argument in ["a\"]\n\u{1b}\u{202e}", "", &"l".repeat(128 << 10)] {
        let one = alert(&["usermod", "-u", "0", "-o", "-c", argument, "bob"], 7);
        assert_eq!(faults_of(&Value::Object(one.document())), Vec::<String>::new());
        let told: Alert =
            Rest::of(&one, std::time::Instant::now()).told(&Why::Suppression, std::time::Instant::now());
        assert_eq!(faults_of(&Value::Object(told.document())), Vec::<String>::new());
    }
}

// A check that takes everything proves nothing.
#[test]
fn what_is_not_of_ecs_is_found() {
    let mut document = Value::Object(alert(&["usermod"], 7).document());
    document["process"]["pid"] = "7".into();
    document["process"]["colour"] = "red".into();
    document["@timestamp"] = 7.into();
    document["event"]["severity"] = 1.5.into();
    document["labels"] = serde_json::json!({ "a": { "b": "c" } });
    document["host"]["name"] = serde_json::json!({ "x": "y" });
    let found = faults_of(&document);
    let fields: Vec<&str> = found.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    assert_eq!(
        fields,
        ["@timestamp", "event.severity", "host.name", "labels", "process.colour", "process.pid"]
    );
}
