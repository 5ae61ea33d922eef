//! Spellings of a UID 0 with what usermod and useradd made of them, against the rule that reads arguments.
//!
//! `tests/fixtures/uid0_spellings.ndjson` was measured: random arguments (glued and clustered letters, beginnings of long
//! options, zeros with signs and white space of every kind, any order, and texts that look like options) given to shadow 4.13's
//! own tools with `-P DIRECTORY`, which works on a copy of the account files; `uid0` is what the copy's passwd
//! said afterwards. The executions are written here as the kernel would record them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Run {
    tool: String,
    args: Vec<String>,
    /// Its exit status.
    status: i32,
    /// Whether an account beside root then had UID 0.
    uid0: bool,
}

impl Run {
    /// An exec of it, with `serial`.
    fn records(&self, serial: usize) -> String {
        let stamp = format!("audit(1790000{:03}.{:03}:{serial})", serial / 1000, serial % 1000);
        let tool = &self.tool;
        let mut text = format!(
            "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=8 items=1 \
             ppid=2101 pid={} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
             comm=\"{tool}\" exe=\"/usr/sbin/{tool}\" key=\"exec\"\n\
             type=EXECVE msg={stamp}: argc={} a0=\"{tool}\"",
            3000 + serial,
            self.args.len() + 1,
        );
        for (at, argument) in self.args.iter().enumerate() {
            let plain = argument.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
            let hex = || argument.bytes().map(|b| format!("{b:02X}")).collect::<String>();
            let value = if plain { format!("\"{argument}\"") } else { hex() };
            write!(text, " a{}={value}", at + 1).unwrap();
        }
        write!(
            text,
            "\ntype=PATH msg={stamp}: item=0 name=\"/usr/sbin/{tool}\" inode=131 dev=fe:01 mode=0100755 ouid=0 ogid=0 \
             rdev=00:00 nametype=NORMAL\ntype=EOE msg={stamp}: \n"
        )
        .unwrap();
        text
    }

    /// Whether a value that is no option (a comment) looks like the option.
    fn looks_like_it(&self) -> bool {
        self.args
            .windows(2)
            .any(|pair| pair[0] == "-c" && (pair[1].contains("-u 0") || pair[1].contains("--uid=0")))
    }
}

fn runs() -> Vec<Run> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/uid0_spellings.ndjson");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The places of the runs that alert.
fn alerted(runs: &[Run]) -> BTreeSet<usize> {
    let mut log = tempfile::NamedTempFile::new().unwrap();
    for (at, run) in runs.iter().enumerate() {
        log.write_all(run.records(at + 1).as_bytes()).unwrap();
    }
    let rule = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_uid_0_by_arguments.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--format", "json", "--rules", rule])
        .arg(log.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let sequence =
        |line| -> Value { serde_json::from_slice::<Value>(line).unwrap()["event"]["sequence"].clone() };
    lines.map(|line| usize::try_from(sequence(line).as_u64().unwrap()).unwrap() - 1).collect()
}

#[test]
fn every_spelling_that_the_tools_took_for_uid_0_alerts() {
    let runs = runs();
    let alerted = alerted(&runs);
    let taken = runs.iter().filter(|run| run.uid0).count();
    assert_eq!(taken, 339, "docs/detection.md says so");
    for (at, run) in runs.iter().enumerate() {
        assert!(!run.uid0 || alerted.contains(&at), "missed: {run:?}");
    }
}

/// A run that gave another uid alerts only where a comment is written like the option.
#[test]
fn another_uid_does_not_alert() {
    let runs = runs();
    let alerted = alerted(&runs);
    let others = |run: &&Run| !run.uid0 && run.status == 0 && !run.looks_like_it();
    assert!(runs.iter().filter(others).count() > 100);
    for (at, run) in runs.iter().enumerate().filter(|(_, run)| others(run)) {
        assert!(!alerted.contains(&at), "false: {run:?}");
    }
}
