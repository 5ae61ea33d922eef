//! A rule and a source event for the tests of this room and of `output`.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Alert;
use crate::audit::Stamp;
use crate::diagnostic::Source;
use crate::rule::{Indices, Rule, Severity, Technique, Threat, ThreatItem};

pub(crate) const STAMP: Stamp = Stamp { millis: 1_790_000_100_181, serial: 581 };

/// Half a second after the event.
pub(crate) fn created() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_100_681).unwrap()
}

fn item(id: &str, name: &str) -> ThreatItem {
    let page = format!("https://attack.mitre.org/{id}/");
    ThreatItem { id: id.to_owned(), name: name.to_owned(), reference: page }
}

/// A query that every event matches.
fn program() -> crate::eql::Program {
    let source = Arc::new(Source { name: "test".into(), text: "any where true".to_owned() });
    crate::eql::Program::compile(&source, &crate::event::schema::Live).unwrap()
}

/// The first rule, in short.
pub(crate) fn rule() -> Rule {
    Rule {
        uuid: "494ebba4-ecb7-4be4-8c6f-654c686549ad".to_owned(),
        id: "uid0-account-usermod".to_owned(),
        group: None,
        milder: crate::rule::Milder::default(),
        name: "Potential Linux Backdoor User Account Creation".to_owned(),
        description: "An account is given the user id of root.".to_owned(),
        author: vec!["Elastic".to_owned()],
        license: "Elastic License v2".to_owned(),
        version: 7,
        severity: Severity::Medium,
        risk_score: 47,
        index: Indices::new(Vec::new()),
        from: "now-9m".to_owned(),
        interval: "5m".to_owned(),
        window: std::time::Duration::from_secs(300),
        max_signals: 100,
        tags: vec!["Domain: Endpoint".to_owned(), "OS: Linux".to_owned()],
        references: Vec::new(),
        false_positives: Vec::new(),
        note: String::new(),
        setup: String::new(),
        threat: vec![Threat {
            framework: "MITRE ATT&CK".to_owned(),
            tactic: item("TA0003", "Persistence"),
            technique: vec![Technique {
                id: "T1136".to_owned(),
                name: "Create Account".to_owned(),
                reference: "https://attack.mitre.org/techniques/T1136/".to_owned(),
                subtechnique: vec![item("T1136.001", "Local Account")],
            }],
        }],
        metadata: crate::rule::Metadata::default(),
        timestamp_override: None,
        building_block: false,
        timeline: None,
        suppression: None,
        investigation_fields: Vec::new(),
        osquery: Vec::new(),
        investigate: Vec::new(),
        query: String::new(),
        effective: Arc::new(Source { name: "test".into(), text: String::new() }),
        tests: Vec::new(),
        exceptions: Vec::new(),
        overridden: Vec::new(),
        exception_lists: Vec::new(),
        program: program(),
        not_live: None,
        ruleset: "embedded".to_owned(),
        path: None,
        source: Arc::new(Source { name: "test".into(), text: String::new() }),
        in_line: OnceLock::new(),
    }
}

/// `usermod -u 0 -o bob` by alice through sudo, as the event room describes it.
pub(crate) fn usermod(args: &[&str]) -> Map<String, Value> {
    let document = json!({
        "@timestamp": "2026-09-21T14:15:00.181Z",
        "event": {
            "kind": "event", "module": "auditd", "category": ["process"], "type": ["start"],
            "action": "executed", "outcome": "success", "sequence": 581,
        },
        "host": { "name": "web1", "id": "7e0b37f5f03fca0d1d0448ebc1ce866c", "os": { "type": "linux" } },
        "process": {
            "pid": 4711, "name": "usermod", "executable": "/usr/sbin/usermod", "args": args,
            "args_count": args.len(), "working_directory": "/root",
            "parent": { "pid": 4700, "name": "bash", "executable": "/usr/bin/bash" },
        },
        "user": {
            "id": "0", "name": "root", "audit": { "id": "1000", "name": "alice" },
            "effective": { "id": "0", "name": "root" },
        },
        "auditd": { "session": "3", "data": { "tty": "pts0" } },
        "tags": ["exec"],
    });
    document.as_object().cloned().unwrap()
}

/// The alert of [`rule`] on [`usermod`].
pub(crate) fn alert(args: &[&str]) -> Alert {
    Alert::new(&Arc::new(rule()), &[usermod(args)], &[STAMP], "7e0b37f5f03fca0d1d0448ebc1ce866c", created())
}

/// The plainest one.
pub(crate) fn plain() -> Alert {
    alert(&["usermod", "-u", "0", "-o", "bob"])
}
