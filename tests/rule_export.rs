//! Kibana's NDJSON export of rules, exceptions included, read as it is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

use std::fs;
use std::path::PathBuf;

use auditward::daemon::trial;
use auditward::diagnostic::{Level, codes, render};
use auditward::event::schema::Live;
use auditward::rule::load::load;
use auditward::rule::{Loaded, SkipReason};
use serde_json::{Value, json};

/// A rule as Kibana exports one.
fn rule(id: &str, query: &str) -> Value {
    json!({
        "id": "0d1f", "updated_at": "2026-11-25T10:00:00.000Z", "updated_by": "elastic",
        "created_at": "2026-11-25T10:00:00.000Z", "created_by": "elastic", "name": "A rule", "tags": ["x"],
        "interval": "5m", "enabled": true, "revision": 0, "description": "d \"q\"\nline", "risk_score": 47,
        "severity": "medium", "note": "", "license": "", "output_index": "", "author": [],
        "false_positives": [], "from": "now-9m", "rule_id": id, "max_signals": 33,
        "risk_score_mapping": [], "severity_mapping": [], "threat": [{"framework": "MITRE ATT&CK",
        "tactic": {"id": "TA0003", "name": "Persistence", "reference": "https://x"}, "technique": []}],
        "to": "now", "references": [], "version": 3, "exceptions_list": [], "immutable": false,
        "related_integrations": [], "required_fields": [], "setup": "", "type": "eql", "language": "eql",
        "index": ["auditbeat-*"], "query": query, "filters": [], "actions": [], "meta": null,
        "rule_source": {"type": "internal"}
    })
}

fn read(lines: &[Value]) -> (tempfile::TempDir, Loaded) {
    let directory = tempfile::tempdir().unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(directory.path().join("rules_export.ndjson"), text).unwrap();
    let path: PathBuf = directory.path().to_owned();
    let mut loaded = load(&[path], &Live);
    trial::refuse_silencing(&mut loaded);
    (directory, loaded)
}

fn rendered(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(|fault| render(fault, false)).collect()
}

#[test]
fn rules_and_their_exceptions_are_read() {
    let mut with = rule("with", "process where process.name == \"usermod\"");
    with["exceptions_list"] =
        json!([{"id": "1", "list_id": "known", "type": "rule_default", "namespace_type": "single"}]);
    let mut off = rule("off", "any where true");
    off["enabled"] = json!(false);
    let mut other = rule("other", "x");
    other["type"] = json!("esql");
    let list = json!({"list_id": "known", "type": "rule_default", "name": "n", "description": "d"});
    let item = json!({"list_id": "known", "item_id": "i-1", "type": "simple", "name": "Backups", "description": "",
        "created_by": "carol", "expire_time": "2099-01-01T00:00:00.000Z", "entries": [
        {"field": "user.id", "operator": "included", "type": "match", "value": "990"}]});
    let summary = json!({"exported_count": 4, "exported_rules_count": 3});
    let (_keep, loaded) = read(&[with, off, other, list, item, summary]);
    assert_eq!(rendered(&loaded), "");
    let [rule] = loaded.rules.as_slice() else { panic!("{:?}", loaded.rules) };
    assert_eq!(
        (rule.uuid.as_str(), rule.id.as_str(), rule.version, rule.max_signals),
        ("with", "a_rule", 3, 33)
    );
    assert_eq!(rule.description, "d \"q\"\nline");
    let [applied] = rule.exceptions.as_slice() else { panic!("one exception") };
    let exception = &applied.exception;
    assert_eq!(exception.condition, "?user.id == \"990\"");
    assert_eq!((exception.owner.as_str(), exception.reason.as_str()), ("carol", "Backups"));
    assert_eq!(exception.expires.map(|day| day.to_string()).as_deref(), Some("2099-01-01"));
    let reasons: Vec<_> = loaded.skipped.iter().map(|skipped| skipped.reason.clone()).collect();
    let esql = SkipReason::OtherEngine { kind: "esql".to_owned() };
    assert_eq!(reasons, [SkipReason::Disabled { by: None }, esql]);
    assert_eq!(loaded.files, 1);
}

#[test]
fn faults_name_the_line_and_carry_a_caret() {
    let mut unknown = rule("b", "any where true");
    unknown["sevrity"] = json!("x");
    unknown["exceptions_list"] = json!([{"list_id": "elsewhere"}]);
    let item = json!({"list_id": "l", "item_id": "i", "entries": [
        {"field": "a", "operator": "included", "type": "list", "list": {"id": "v"}}]});
    let mut user = rule("c", "any where true");
    user["exceptions_list"] = json!([{"list_id": "l"}]);
    let (_keep, loaded) = read(&[rule("a", "process where process.naem == 1"), unknown, user, item]);
    let told: Vec<_> = loaded.diagnostics.iter().map(|fault| (fault.code, fault.level)).collect();
    assert!(told.contains(&(codes::UNKNOWN_FIELD, Level::Error)), "{told:?}");
    assert!(told.contains(&(codes::RULE_UNKNOWN_KEY, Level::Warning)), "{told:?}");
    assert!(told.contains(&(codes::RULE_KEY_WITHOUT_EFFECT, Level::Warning)), "{told:?}");
    let text = rendered(&loaded);
    assert!(
        text.contains("rules_export.ndjson (rule of line 1, as TOML)") && text.contains("^^^^"),
        "{text}"
    );
    assert!(text.contains("there is no key `rule.sevrity`") && text.contains("rule of line 2"), "{text}");
    assert!(text.contains("the exception of line 4 is not applied: an entry of the type list"), "{text}");
    assert_eq!(loaded.rules.len(), 2);
}

#[test]
fn documents_of_another_kind_in_a_directory_are_no_rules() {
    let (_keep, loaded) = read(&[json!({"event": {"category": "process"}})]);
    assert_eq!(loaded.errors(), 0);
    assert_eq!(
        loaded.skipped.iter().map(|skipped| &skipped.reason).collect::<Vec<_>>(),
        [&SkipReason::NoRule]
    );
}
