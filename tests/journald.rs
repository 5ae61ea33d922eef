//! A real systemd-journald, in namespaces of its own: what it stored is read back by journalctl, field by field.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::time::Duration;

use auditward::output::Outputs;
use serde_json::Value;
use syslog_support::journald::Journald;
use syslog_support::{alert, configured, hostile, small_large_small, until};

fn to_journal(journald: &Journald, more: &str) -> Outputs {
    let path = journald.socket();
    configured(&format!("[[destination]]\nname = \"journal\"\ntype = \"journal\"\npath = {path:?}\n{more}\n"))
}

/// A field of an entry, which is text.
fn get<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or_else(|| panic!("{name}: {entry}"))
}

#[test]
fn alerts_are_in_the_journal_with_their_fields_whatever_stands_in_the_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let Some(journald) = Journald::start(folder.path(), "") else { return };
    let outputs = to_journal(&journald, "limit = 262144");
    let sent: Vec<_> = (1..=504)
        .map(|n| {
            let args = hostile(n);
            let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), n);
            outputs.push(&alert);
            (alert, args)
        })
        .collect();
    until("all are out", || outputs.counters()[0].sent == 504);
    let last = format!("AUDITWARD_ALERT={}", sent[503].0.id);
    until("the last is in the journal", || !journald.entries(&[&last]).is_empty());
    let found = journald.entries(&["MESSAGE_ID=6f0d2a0e5f1b4f1e9b571d6f0b6f2a00"]);
    assert_eq!(found.len(), 504, "each once, and nothing that was forged");
    for (entry, (alert, args)) in found.iter().zip(&sent) {
        let get = |name| get(entry, name);
        assert_eq!(get("AUDITWARD_ALERT"), alert.id);
        assert_eq!((get("PRIORITY"), get("SYSLOG_FACILITY")), ("4", "10"));
        assert_eq!(get("MESSAGE"), alert.line);
        assert_eq!((get("AUDITWARD_AUID"), get("AUDITWARD_LOGIN_USER")), ("1000", "alice"));
        let command = auditward::clean::unescape(get("AUDITWARD_COMMAND")).unwrap();
        assert_eq!(command, args.join(" ").as_bytes());
        let raw = |value: &Value| {
            value.as_str().is_none_or(|text| text.contains(|c: char| c.is_control() || c == '\u{202e}'))
        };
        let fields = entry.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('_'));
        assert_eq!(fields.filter(|(_, value)| raw(value)).count(), 0, "{entry}");
    }
    let by_rule =
        ["AUDITWARD_RULE=linux_backdoor_user_creation", "PRIORITY=4", "--output-fields=AUDITWARD_ALERT"];
    assert_eq!(journald.entries(&by_rule).len(), 504);
    assert_eq!(outputs.counters()[0].refused, 0);
}

/// F04: cut to the destination's limit, and a file in the datagram's place where even that is too long for one.
#[test]
fn f04_a_message_too_long_for_the_datagram_reaches_journald_and_its_neighbours_arrive() {
    for (more, limit) in [("", 48 << 10), ("limit = 262144", 256 << 10)] {
        let folder = tempfile::tempdir().unwrap();
        let Some(journald) = Journald::start(folder.path(), "") else { return };
        let outputs = to_journal(&journald, more);
        small_large_small().iter().for_each(|alert| outputs.push(alert));
        until("all are in the journal", || journald.entries(&["SYSLOG_IDENTIFIER=auditward"]).len() == 3);
        let entries = journald.entries(&["SYSLOG_IDENTIFIER=auditward"]);
        for (entry, name) in entries.iter().zip(["first", "large", "last"]) {
            let (message, command) = (get(entry, "MESSAGE"), get(entry, "AUDITWARD_COMMAND"));
            assert!(
                message.ends_with(&format!("={name}")) && command.ends_with(&format!(" {name}")),
                "{name}"
            );
            assert_eq!(message.contains(" truncated=yes "), name == "large");
            // The limit is that of the bytes shown; the gap says how long it was.
            let shown = command.split_once("...[").map_or(0, |(begin, rest)| begin.len() + rest.len());
            assert_eq!((limit..limit + 40).contains(&shown), name == "large", "{shown}");
        }
        assert!(outputs.shutdown(Duration::from_secs(10)).is_empty());
    }
}

/// F56, for the socket that is /dev/log where journald has it; rsyslog's part is in field_reports_syslog.rs.
#[test]
fn f56_a_local_message_is_read_by_journald_as_it_was_meant() {
    let folder = tempfile::tempdir().unwrap();
    let Some(journald) = Journald::start(folder.path(), "") else { return };
    let path = journald.log_socket();
    let outputs =
        configured(&format!("[[destination]]\nname = \"near\"\ntype = \"unix\"\npath = {path:?}\n"));
    let alert = alert(&["usermod", "-u", "0", "-o", "bob"], 581);
    outputs.push(&alert);
    until("the alert", || !journald.entries(&["SYSLOG_IDENTIFIER=auditward"]).is_empty());
    let entry = &journald.entries(&["SYSLOG_IDENTIFIER=auditward"])[0];
    assert_eq!(get(entry, "_TRANSPORT"), "syslog");
    assert_eq!(get(entry, "SYSLOG_PID"), std::process::id().to_string());
    assert_eq!((get(entry, "SYSLOG_FACILITY"), get(entry, "PRIORITY")), ("10", "4"), "authpriv.warning");
    assert_eq!(get(entry, "MESSAGE"), alert.line);
}
