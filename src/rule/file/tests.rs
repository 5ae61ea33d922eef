//! What rule files say, and every fault they can have.

use crate::rule::Policy;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Origin, Reading, is_date_math, length_of_time, read, short_id};
use crate::diagnostic::{Diagnostic, Level, Source};
use crate::event::schema::Live;
use crate::rule::{Milder, Osquery, Rule, Severity, SkipReason};

const SOUND: &str = r#"
[rule]
rule_id = "0b7c1f2e"
name = "A rule"
description = "What happened."
type = "eql"
severity = "medium"
risk_score = 47
query = '''
process where process.name == "usermod"
'''
"#;

/// A rule file with every key that is read.
const WHOLE: &str = include_str!("whole.toml");

fn read_text(text: &str) -> (Reading, Vec<Diagnostic>) {
    let source = Arc::new(Source { name: "rules/some rule.toml".into(), text: text.to_owned() });
    read(
        &source,
        &Origin { ruleset: "test", path: Some(Path::new("rules/some rule.toml")) },
        &Live,
        &Policy::default(),
    )
}

fn rule(text: &str) -> Rule {
    match read_text(text) {
        (Reading::Rule(rule), faults) if faults.is_empty() => *rule,
        (_, faults) => panic!("{faults:#?}"),
    }
}

/// Level, code, the text at the place, and title of each fault.
fn faults(text: &str) -> Vec<String> {
    let told = |fault: Diagnostic| {
        let place = fault.primary.zip(fault.source).map(|(label, source)| {
            let place = &source.text[label.span.start as usize..label.span.end as usize];
            place.lines().next().unwrap_or_default().to_owned()
        });
        format!("{:?} {} `{}`: {}", fault.level, fault.code, place.unwrap_or_default(), fault.title)
    };
    read_text(text).1.into_iter().map(told).collect()
}

#[test]
fn defaults_are_kibanas() {
    let rule = rule(SOUND);
    assert_eq!((rule.interval.as_str(), rule.window), ("5m", Duration::from_secs(300)));
    assert_eq!((rule.from.as_str(), rule.max_signals, rule.version), ("now-6m", 100, 1));
    assert_eq!((rule.severity, rule.risk_score), (Severity::Medium, 47));
    assert_eq!((rule.id.as_str(), rule.ruleset.as_str()), ("some_rule", "test"));
    assert_eq!(rule.query, "process where process.name == \"usermod\"\n");
    assert!(!rule.building_block && rule.suppression.is_none() && rule.timeline.is_none());
    assert!(rule.tags.is_empty() && rule.references.is_empty() && rule.threat.is_empty());
}

#[test]
fn every_key_is_read() {
    let (Reading::Rule(rule), faults) = read_text(WHOLE) else { panic!("{:#?}", read_text(WHOLE).1) };
    let warned: Vec<_> = faults.iter().map(|fault| (fault.level, fault.code)).collect();
    assert_eq!(warned, [(Level::Warning, 507); 11], "{faults:#?}");
    insta::assert_debug_snapshot!(About(&rule));
}

/// A rule without its program and source.
struct About<'r>(&'r Rule);

impl std::fmt::Debug for About<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = self.0;
        f.debug_struct("Rule")
            .field("ids", &[&rule.uuid, &rule.id])
            .field("texts", &[&rule.name, &rule.description, &rule.license, &rule.note, &rule.setup])
            .field("author", &rule.author)
            .field("version", &rule.version)
            .field("group", &rule.group)
            .field("milder", &rule.milder)
            .field("severity", &(rule.severity, rule.risk_score))
            .field("index", &rule.index.names)
            .field("schedule", &(&rule.from, &rule.interval, rule.window, rule.max_signals))
            .field("tags", &rule.tags)
            .field("references", &rule.references)
            .field("false_positives", &rule.false_positives)
            .field("threat", &rule.threat)
            .field("metadata", &rule.metadata)
            .field("timestamp_override", &rule.timestamp_override)
            .field("building_block", &rule.building_block)
            .field("timeline", &rule.timeline)
            .field("suppression", &rule.suppression)
            .field("investigation_fields", &rule.investigation_fields)
            .field("osquery", &rule.osquery)
            .field("investigate", &rule.investigate)
            .finish_non_exhaustive()
    }
}

#[test]
fn every_key_is_documented_and_in_the_whole_file() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rule-files.md")).expect("page");
    let source = Arc::new(Source { name: "whole.toml".into(), text: WHOLE.to_owned() });
    let faults = crate::toml_file::Faults::new(source, crate::toml_file::Codes::RULE, Level::Warning);
    super::read_tree(&faults, &Origin { ruleset: "test", path: None }, &Live, &Policy::default());
    for path in faults.asked() {
        let key = path.rsplit('.').next().unwrap_or_default();
        assert!(
            page.contains(&format!("`{key}`")) || page.contains(&format!("[{path}]")),
            "{path}: not in the page"
        );
        assert!(WHOLE.contains(&format!("\n{key} = ")) || WHOLE.contains(key), "{path}: not in whole.toml");
    }
}

#[test]
fn all_faults_of_a_file_are_told_at_once() {
    let text = r#"
[metadata]
creation_date = 2026
maturty = "production"

[rule]
name = ""
rule_id = "0b7c1f2e"
type = "eql"
severity = "hgih"
risk_score = 470
max_signals = 0
from = "yesterday"
interval = "5 m"
tags = ["a", 1]
author = 3
nam = "A rule"
language = "kuery"
filters = [{ query = "x" }]
building_block_type = "yes"
query = '''
process where process.naem == "usermod" and
  process.args == 1 and lenght(process.args) > 0
'''

[[rule.threat]]
framework = "MITRE ATT&CK"

[rule.threat.tactic]
id = "TA0003"
name = "Persistence"

[auditward]
id = "with a blank"

[surprise]
"#;
    insta::assert_snapshot!(faults(text).join("\n"));
}

#[test]
fn one_missing_key_at_a_time() {
    for key in ["rule_id", "name", "description", "type", "severity", "risk_score"] {
        let text: String = SOUND
            .lines()
            .filter(|line| !line.starts_with(&format!("{key} =")))
            .map(|l| format!("{l}\n"))
            .collect();
        let faults = faults(&text);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(
            faults[0].starts_with("Error 504 `[rule]`") && faults[0].contains(&format!("`rule.{key}`")),
            "{faults:?}"
        );
    }
    assert_eq!(faults("[rule]\ntype = \"eql\"\n").len(), 6);
}

#[test]
fn no_toml() {
    let faults = faults("[rule]\nname = \"open\nseverity = = 3\n");
    assert!(faults.len() >= 2 && faults.iter().all(|fault| fault.starts_with("Error 502")), "{faults:?}");
}

#[test]
fn the_caret_of_a_query_lands_in_the_file() {
    for (from, to) in [("\n", "\n"), ("\n", "\r\n")] {
        let text = SOUND.replace("process.name", "process.naem").replace(from, to);
        let (_, faults) = read_text(&text);
        let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
        let (source, place) =
            (fault.source.as_ref().expect("a source"), fault.primary.as_ref().expect("a place"));
        assert_eq!(source.text, text);
        assert_eq!(&text[place.span.start as usize..place.span.end as usize], "process.naem");
        assert!(fault.help.as_ref().is_some_and(|help| help.contains("process.name")), "{fault:?}");
    }
}

#[test]
fn an_escaped_query_is_shown_alone() {
    let text = SOUND.replace(
        "'''\nprocess where process.name == \"usermod\"\n'''",
        r#""process where process.naem == \"x\"""#,
    );
    let (_, faults) = read_text(&text);
    let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
    let source = fault.source.as_ref().expect("a source");
    assert_eq!(source.text, "process where process.naem == \"x\"");
    assert_eq!(source.name, Path::new("rules/some rule.toml (query of line 9, escapes read)"));
}

#[test]
fn rules_of_other_engines_are_listed() {
    for kind in super::KINDS.into_iter().filter(|kind| *kind != "eql") {
        let text = format!(
            "[rule]\nname = \"N\"\nrule_id = \"I\"\ntype = \"{kind}\"\nquery = \"a:b\"\nthreshold = {{}}\n"
        );
        let (Reading::Skipped { name, uuid, reason }, faults) = read_text(&text) else { panic!("{kind}") };
        assert_eq!((name.as_deref(), uuid.as_deref(), faults.len()), (Some("N"), Some("I"), 0));
        assert_eq!(reason, SkipReason::OtherEngine { kind: kind.to_owned() });
    }
    let mistyped = faults(&SOUND.replace("\"eql\"", "\"eqll\""));
    assert_eq!(mistyped, ["Error 506 `\"eqll\"`: there is no such rule type"]);
}

#[test]
fn rules_switched_off_are_listed() {
    let (Reading::Skipped { reason, .. }, faults) =
        read_text(&SOUND.replace("[rule]", "[rule]\nenabled = false"))
    else {
        panic!("not skipped")
    };
    assert_eq!((reason, faults.len()), (SkipReason::Disabled { by: None }, 0));
    rule(&SOUND.replace("[rule]", "[rule]\nenabled = true"));
}

#[test]
fn other_tomls_are_no_rules() {
    let (Reading::Skipped { reason, .. }, faults) = read_text("[package]\nname = \"x\"\n") else { panic!() };
    assert_eq!((reason, faults.len()), (SkipReason::NoRule, 0));
    assert_eq!(faults_of("[metadata]\nmaturity = \"production\"\n"), ["Error 504 ``: `rule` is missing"]);
    assert_eq!(faults_of("rule = 3\n"), ["Error 503 `3`: `rule` must be a table, not an integer"]);
}

fn faults_of(text: &str) -> Vec<String> {
    faults(text)
}

#[test]
fn versions_and_ids() {
    let with = |lines: &str| rule(&format!("{SOUND}\n[auditward]\n{lines}\n"));
    assert_eq!((with("version = 7").version, with("id = \"x-1\"").id.as_str()), (7, "x-1"));
    let both = SOUND.replace("[rule]", "[rule]\nversion = 9") + "\n[auditward]\nversion = 7\n";
    assert_eq!(rule(&both).version, 9);
    assert_eq!(
        (with("version = 7").group, with("group = \"a-1_b\"").group.as_deref()),
        (None, Some("a-1_b"))
    );
    for group in ["", "A", "a b", &"a".repeat(33)] {
        let faults = faults_of(&format!("{SOUND}\n[auditward]\ngroup = \"{group}\"\n"));
        assert!(
            faults.iter().any(|fault| fault.contains("`auditward.group` cannot be a group")),
            "{faults:?}"
        );
    }
    assert_eq!(
        short_id(Path::new("a/persistence_linux_backdoor_user_creation.toml")),
        "persistence_linux_backdoor_user_"
    );
    assert_eq!(short_id(Path::new("Ä ö\u{7f}x y.toml")), "_x_y");
    assert_eq!(short_id(Path::new("ääää.toml")), "rule");
}

#[test]
fn times() {
    let lengths = ["30s", "5m", "24h", "7d", "0m", "m", "", "5", "5 m", "-5m", "99999999999999999999d", "5é"];
    let read: Vec<_> = lengths.iter().filter_map(|text| length_of_time(text)).map(|l| l.as_secs()).collect();
    assert_eq!(read, [30, 300, 86_400, 604_800]);
    assert!(["now", "now-9m", "now-1d/d", "now/d"].into_iter().all(is_date_math));
    assert!(!["", "9m", "now-", "now+5m", "now-9m/x", "now-9m/", "nowhere"].into_iter().any(is_date_math));
}

#[test]
fn suppression_is_checked() {
    let with = |lines: &str| faults(&format!("{SOUND}\n[rule.alert_suppression]\n{lines}\n"));
    assert_eq!(with("group_by = [\"user.id\"]\nduration = { value = 5, unit = \"h\" }").len(), 0);
    assert_eq!(with("group_by = []").len(), 1);
    assert_eq!(with("").len(), 1);
    assert_eq!(
        with("group_by = [\"a\", \"b\", \"c\", \"d\"]\nmissing_fields_strategy = \"perhaps\"").len(),
        2
    );
    assert_eq!(with("group_by = [\"a\"]\nduration = { value = 5, unit = \"y\" }").len(), 1);
}

#[test]
fn the_shipped_rule_says_what_the_reference_says() {
    let mut shipped = crate::rule::embedded::RULES.iter();
    let found = shipped.find(|(name, _)| *name == "persistence_linux_backdoor_user_creation.toml");
    let rule = rule(found.expect("the literal rule").1);
    assert_eq!(rule.uuid, "494ebba4-ecb7-4be4-8c6f-654c686549ad");
    assert_eq!(rule.name, "Potential Linux Backdoor User Account Creation");
    assert_eq!((rule.version, rule.severity, rule.risk_score), (7, Severity::Medium, 47));
    assert_eq!((rule.author.join("|"), rule.license.as_str()), ("Elastic".into(), "Elastic License v2"));
    assert_eq!(
        rule.index.names,
        ["logs-endpoint.events.*", "endgame-*", "auditbeat-*", "logs-auditd_manager.auditd-*"]
    );
    assert_eq!((rule.from.as_str(), rule.interval.as_str(), rule.max_signals), ("now-9m", "5m", 100));
    assert!(rule.references.is_empty());
    assert_eq!(
        rule.tags,
        [
            "Domain: Endpoint",
            "OS: Linux",
            "Use Case: Threat Detection",
            "Tactic: Persistence",
            "Data Source: Elastic Endgame",
            "Resources: Investigation Guide",
            "Data Source: Elastic Defend",
            "Data Source: Auditd Manager"
        ]
    );
    let [threat] = rule.threat.as_slice() else { panic!("one tactic") };
    let ids = (&threat.tactic.id, &threat.technique[0].id, &threat.technique[0].subtechnique[0].id);
    assert_eq!(ids, (&"TA0003".into(), &"T1136".into(), &"T1136.001".into()));
    assert_eq!(
        rule.query,
        "process where host.os.type == \"linux\" and event.type == \"start\" and\n  \
         event.action in (\"exec\", \"exec_event\", \"executed\", \"process_started\") and\n  \
         process.name == \"usermod\" and process.args : \"-u\" and process.args : \"0\" and process.args : \"-o\"\n"
    );
}

/// Every `$osquery_N` of a shipped rule's guide has its query, and every query is asked in the guide.
#[test]
fn guides_ask_what_their_files_hold() {
    for (name, text) in crate::rule::embedded::RULES {
        let rule = rule(text);
        assert!(
            !rule.note.is_empty() && !rule.setup.is_empty() && !rule.false_positives.is_empty(),
            "{name}"
        );
        for (at, Osquery { label, .. }) in rule.osquery.iter().enumerate() {
            assert!(rule.note.contains(&format!("$osquery_{at}")), "{name}: {label}");
        }
        assert!(!rule.note.contains(&format!("$osquery_{}", rule.osquery.len())), "{name}");
    }
}

#[test]
fn milder_severities() {
    let with = |lines: &str| rule(&format!("{SOUND}\n[auditward]\n{lines}\n")).milder;
    assert_eq!(with("version = 7"), Milder::default());
    let both = with("severity_in_other_root = \"low\"\nseverity_without_effect = \"medium\"");
    let wanted = Milder { in_other_root: Some(Severity::Low), without_effect: Some(Severity::Medium) };
    assert_eq!(both, wanted);
    let faults = faults_of(&format!("{SOUND}\n[auditward]\nseverity_in_other_root = \"none\"\n"));
    assert!(faults.iter().any(|fault| fault.contains("there is no such severity")), "{faults:?}");
}
