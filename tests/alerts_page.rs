//! docs/alerts.md shows a real alert, made here from tests/fixtures/alert.log: parents from a snapshot,
//! names from an ENRICHED record. `AUDITWARD_UPDATE=1 cargo test --test alerts_page` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::sync::Arc;

use auditward::alert::Alert;
use auditward::output::{Body, Format, Formatter, Message, Protocol};
use jiff::tz::TimeZone;
use serde_json::Value;
use syslog_support::{alerts_of_log, pairs, strict};

const PAGE: &str = "docs/alerts.md";

fn sample() -> Arc<Alert> {
    let mut alerts = alerts_of_log("alert.log");
    assert_eq!(alerts.len(), 1);
    alerts.remove(0).0
}

fn syslog(protocol: Protocol) -> String {
    let formatter = Formatter {
        host: "web1".to_owned(),
        pid: 812,
        zone: Some(TimeZone::UTC),
        ..Formatter::new(protocol, Body::Text)
    };
    let mut out = Vec::new();
    Format::Syslog(Box::new(formatter)).push(&mut out, &Message::Alert(sample()));
    String::from_utf8(out).unwrap()
}

/// The take-over of which three rules tell, as `replay` does.
fn case() -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--rules", concat!(env!("CARGO_MANIFEST_DIR"), "/rules")])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uid0/usermod_u0_o.log"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The block behind `<!-- example: NAME -->`, replaced by `text`.
fn with_example(page: &str, name: &str, language: &str, text: &str) -> String {
    let mark = format!("<!-- example: {name} -->\n```{language}\n");
    let (before, rest) = page.split_once(&mark).unwrap_or_else(|| panic!("no example {name}"));
    let (_, after) = rest.split_once("\n```\n").expect("the end of the block");
    format!("{before}{mark}{text}\n```\n{after}")
}

#[test]
fn the_examples_are_what_comes_out() {
    let alert = sample();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md");
    let page = std::fs::read_to_string(path).unwrap();
    let json = serde_json::to_string_pretty(&Value::Object(alert.document())).unwrap();
    let mut made = page.clone();
    for (name, language, text) in [
        ("line", "text", &alert.line),
        ("case", "text", &case()),
        ("rfc3164", "text", &syslog(Protocol::Rfc3164)),
        ("rfc5424", "text", &syslog(Protocol::Rfc5424)),
        ("json", "json", &json),
    ] {
        made = with_example(&made, name, language, text);
    }
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        std::fs::write(path, &made).unwrap();
    } else {
        assert_eq!(page, made, "{PAGE} is stale: AUDITWARD_UPDATE=1 cargo test --test alerts_page");
    }
}

#[test]
fn every_key_of_the_line_is_explained() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/alerts.md")).unwrap();
    let rows: String = page.lines().filter_map(|l| l.strip_prefix("| ")?.split(" | ").next()).collect();
    for (key, _) in pairs(&sample().line).into_iter().chain(pairs(&case())) {
        let key = if key.strip_prefix('a').is_some_and(|n| n.parse::<u32>().is_ok()) {
            "a0".to_owned()
        } else {
            key
        };
        assert!(rows.contains(&format!("`{key}`")), "{PAGE}: {key}");
    }
}

#[test]
fn what_the_page_says_of_the_example_is_so() {
    let alert = sample();
    assert_eq!(
        alert.id,
        strict::rfc5424(syslog(Protocol::Rfc5424).as_bytes()).unwrap().param("alert").unwrap()
    );
    assert!(alert.line.len() < 1024, "a line of ordinary length is under 1 KiB: {}", alert.line.len());
    let account = alert.line.find("account bob").unwrap();
    assert!(account < 120, "the first two hundred characters say it all");
    let document = alert.document();
    let source = document["auditward"]["ancestors"].as_array().unwrap();
    let names: Vec<_> = source.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bash", "sudo", "bash", "sshd", "sshd", "systemd"]);
}
