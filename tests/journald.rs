//! A real systemd-journald, in namespaces of its own (no audit, no kernel log, nothing of the system's): what it stored is
//! read back by journalctl, field by field.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use auditward::daemon::config::{self, Mode};
use auditward::output::Outputs;
use serde_json::Value;
use syslog_support::{alert, hostile, until};

const PROGRAM: &str = "/lib/systemd/systemd-journald";

/// A journald whose sockets are in `journal`, its files in `log` below `here`; ended when dropped.
struct Journald(Child);

impl Journald {
    /// None, with the reason printed, where it cannot be had.
    fn start(here: &Path) -> Option<Self> {
        if !Path::new(PROGRAM).exists() || !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root and {PROGRAM}");
            return None;
        }
        for name in ["journal", "log"] {
            std::fs::create_dir(here.join(name)).unwrap();
        }
        std::fs::write(here.join("conf"), "[Journal]\nAudit=no\nReadKMsg=no\nStorage=volatile\n").unwrap();
        let script = "set -e; mount -t tmpfs tmpfs /run
            mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
            mount --bind \"$1/journal\" /run/systemd/journal
            mount --bind \"$1/log\" /run/log/journal
            cp \"$1/conf\" /run/systemd/journald.conf.d/test.conf
            exec \"$2\"";
        // Without the host's network there is no audit socket of the host's either.
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--net", "sh", "-c", script, "sh"])
            .arg(here)
            .arg(PROGRAM)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(here.join("own.log")).unwrap())
            .spawn()
            .unwrap();
        let journald = Self(child);
        until("journald's socket", || here.join("journal/socket").exists());
        Some(journald)
    }
}

impl Drop for Journald {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What journalctl finds.
fn journal(here: &Path, matches: &[&str]) -> Vec<Value> {
    let output = Command::new("journalctl")
        .args(["--no-pager", "--all", "--output=json", "--directory"])
        .arg(here.join("log"))
        .args(matches)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn alerts_are_in_the_journal_with_their_fields_whatever_stands_in_the_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let Some(_journald) = Journald::start(here) else { return };
    let text = format!(
        "[syslog]\nenabled = false\n[[destination]]\nname = \"journal\"\ntype = \"journal\"\npath = \"{}\"\nlimit = 262144\n",
        here.join("journal/socket").display()
    );
    std::fs::write(here.join("auditward.toml"), text).unwrap();
    let (config, faults) = config::read(&here.join("auditward.toml"), Mode::Check).unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let outputs = Outputs::new(config.sinks()).unwrap();
    let sent: Vec<_> = (1..=504)
        .map(|n| {
            let args = hostile(n);
            let alert = alert(&args.iter().map(String::as_str).collect::<Vec<_>>(), n);
            outputs.push(&alert);
            (alert, args)
        })
        .collect();
    until("all are out", || outputs.counters()[0].sent == 504);
    until("all are in the journal", || journal(here, &["SYSLOG_IDENTIFIER=auditward"]).len() >= 504);
    let found = journal(here, &["MESSAGE_ID=6f0d2a0e5f1b4f1e9b571d6f0b6f2a00"]);
    assert_eq!(found.len(), 504, "each once, and nothing that was forged");
    for (entry, (alert, args)) in found.iter().zip(&sent) {
        let get = |name: &str| entry[name].as_str().unwrap_or_else(|| panic!("{name}: {entry}"));
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
    assert_eq!(journal(here, &["AUDITWARD_RULE=linux_backdoor_user_creation", "PRIORITY=4"]).len(), 504);
    assert_eq!(outputs.counters()[0].refused, 0);
}
