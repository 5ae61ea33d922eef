//! `auditward alerts` over a store without a daemon: list, show, follow, export. Over a running one: tests/live_status.rs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditward::alert::Alert;
use auditward::store::{FILE, Settings, Store};
use serde_json::Value;
use syslog_support::{alert_on, alerts, exec};

const SOON: Duration = Duration::from_secs(30);

struct Stored {
    directory: tempfile::TempDir,
    alerts: Vec<Arc<Alert>>,
}

impl Stored {
    fn new(alerts: Vec<Arc<Alert>>) -> Self {
        let stored = Self { directory: tempfile::tempdir().unwrap(), alerts };
        stored.write(&stored.alerts);
        stored
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    fn write(&self, alerts: &[Arc<Alert>]) {
        let store = Store::open(Settings { path: self.file(), days: 36_500, bytes: 64 << 20 }).unwrap();
        for alert in alerts {
            assert!(store.hand_over(alert).is_some());
        }
        assert!(store.close(Instant::now() + SOON));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(arguments, &self.file()).output().expect("auditward runs")
    }

    fn lines(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

fn command(arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.arg("alerts").args(arguments).arg("--store").arg(file);
    command
}

fn lines(alerts: &[Arc<Alert>]) -> Vec<String> {
    alerts.iter().map(|alert| alert.line.clone()).collect()
}

/// An alert a minute, of alice and, every third, of mallory.
fn minutes(count: u64) -> Vec<Arc<Alert>> {
    let one = |serial: u64| {
        let (mut document, mut stamp) = exec(&["usermod", "-u", "0", "-o", "bob"], serial);
        if serial.is_multiple_of(3) {
            document["user"]["audit"]["name"] = "mallory".into();
        }
        stamp.millis += serial * 60_000;
        document.remove("@timestamp");
        alert_on(document, stamp)
    };
    (1..=count).map(one).collect()
}

#[test]
fn list_prints_the_newest_in_order() {
    let stored = Stored::new(alerts(300));
    assert_eq!(stored.lines(&["list"]), lines(&stored.alerts[250..]));
    assert_eq!(stored.lines(&["list", "-n", "200"]), lines(&stored.alerts[100..]));
    assert_eq!(stored.lines(&["list", "-n", "9999"]), lines(&stored.alerts));
    let documents = stored.lines(&["list", "-n", "1", "--format", "json"]);
    assert_eq!(documents, [stored.alerts[299].json()]);
}

#[test]
fn filters_must_all_hold() {
    let stored = Stored::new(minutes(30));
    let ids = |arguments: &[&str]| stored.lines(&[&["list"], arguments].concat());
    let mallory: Vec<_> = stored.alerts.iter().skip(2).step_by(3).cloned().collect();
    assert_eq!(ids(&["--user", "mallory"]), lines(&mallory));
    assert_eq!(ids(&["--user", "1000"]).len(), 30, "the number of both");
    assert_eq!(ids(&["--user", "bob"]).len(), 30, "whom it was done to");
    // The sixth minute to the ninth.
    let at = |minute: u64| stored.alerts[minute as usize - 1].time().to_string();
    let span = ["--since", &at(6), "--until", &at(10)];
    assert_eq!(ids(&span), lines(&stored.alerts[5..9]));
    assert_eq!(ids(&[&span[..], &["--user", "mallory"]].concat()), lines(&mallory[1..3]));
    assert_eq!(ids(&["--severity", "medium"]).len(), 30);
    for rule in [&stored.alerts[0].rule.id, &stored.alerts[0].rule.uuid, &stored.alerts[0].rule.name] {
        assert_eq!(ids(&["--rule", rule]).len(), 30, "{rule}");
    }
    for none in [["--severity", "high"], ["--user", "alic"], ["--user", "%"], ["--rule", "x' OR 1 --"]] {
        let output = stored.run(&[&["list"], &none[..]].concat());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{none:?}");
    }
    assert_eq!(stored.run(&["list", "--severity", "worst"]).status.code(), Some(2));
    assert_eq!(stored.run(&["list", "--since", "whenever"]).status.code(), Some(2));
}

#[test]
fn show_tells_what_happened_and_what_to_do() {
    let (mut document, stamp) = exec(&["usermod", "-u", "0", "-o", "x\u{1b}[2J\ny"], 7);
    document.insert(
        "auditward".into(),
        serde_json::json!({ "ancestors": [
            { "pid": 2101, "name": "bash", "executable": "/usr/bin/bash", "args": ["-bash"] },
            { "pid": 1, "name": "systemd", "executable": "/usr/lib/systemd/systemd" },
        ] }),
    );
    let stored = Stored::new(vec![alert_on(document, stamp)]);
    let id = stored.alerts[0].id.clone();
    for wanted in [&id, &id[..8], "last"] {
        let text = stored.lines(&["show", wanted]).join("\n");
        assert!(!text.contains('\u{1b}'), "nothing of it reaches the terminal");
        for part in [
            "MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o ",
            &format!("alert           {id}, number 1 in the store\n"),
            "time            2026-09-21T14:15:00.101Z\n",
            "severity        medium, risk score 47\n",
            "login user      alice (1000)\n",
            "session         4\n",
            "as user         root (0)\n",
            "\n  systemd (1)  /usr/lib/systemd/systemd\n  └─ bash (2101)  /usr/bin/bash  $ -bash\n     └─ usermod (2401)  ",
            "ATT&CK          T1136 Create Account  https://attack.mitre.org/techniques/T1136/\n",
            "\nwhat it means:\n  An account was given the user id 0",
            "\nwhen it is no attack:\n",
            "\nwhat to do:\n",
            "\"Which accounts beside root have UID 0?\" (not asked when this happened: `SELECT ",
            "\nreferences:\n",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
    }
    let document = stored.lines(&["show", &id, "--format", "json"]);
    assert_eq!(document, [stored.alerts[0].json()]);
    let none = stored.run(&["show", "ffff\u{1b}"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(!none.stderr.contains(&0x1b));
    let empty = Stored::new(Vec::new()).run(&["show", "last"]);
    assert_eq!((empty.status.code(), &*empty.stderr), (Some(1), &b"auditward: no alert is stored\n"[..]));
}

#[test]
fn export_writes_every_document_also_as_elasticsearch_takes_it() {
    let stored = Stored::new(minutes(150));
    let documents: Vec<String> = stored.alerts.iter().map(|alert| alert.json().into_owned()).collect();
    assert_eq!(stored.lines(&["export"]), documents);
    let bulk = stored.lines(&["export", "--format", "bulk", "--user", "mallory"]);
    assert_eq!(bulk.len(), 100);
    for (n, pair) in bulk.chunks(2).enumerate() {
        let alert = &stored.alerts[3 * n + 2];
        let action: Value = serde_json::from_str(&pair[0]).unwrap();
        assert_eq!(action, serde_json::json!({ "create": { "_id": alert.id } }));
        assert_eq!(pair[1], alert.json());
    }
}

#[test]
fn follow_prints_what_comes() {
    let all = minutes(40);
    let stored = Stored::new(all[..20].to_vec());
    let mut child = command(&["follow", "-n", "2", "--user", "mallory"], &stored.file())
        .stdout(Stdio::piped())
        .spawn()
        .expect("auditward runs");
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        |count: usize| -> Vec<String> { printed.by_ref().take(count).map(Result::unwrap).collect() };
    assert_eq!(next(2), [all[14].line.clone(), all[17].line.clone()]);
    stored.write(&all[20..]);
    let mallory: Vec<String> =
        all.iter().enumerate().filter(|(n, _)| *n >= 20 && n % 3 == 2).map(|(_, a)| a.line.clone()).collect();
    assert_eq!(next(mallory.len()), mallory);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn without_daemon_and_store_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("auditward.toml");
    let text = format!(
        "[daemon]\nruntime_directory = \"{0}/run\"\nstate_directory = \"{0}/state\"\n",
        directory.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    let output = command.args(["alerts", "list", "--config"]).arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("no daemon answers at") && told.contains("there is no store at"), "{told}");
    // A file that is no store is none.
    let file = directory.path().join("x.db");
    std::fs::write(&file, "no database\n".repeat(100)).unwrap();
    let output = self::command(&["list"], &file).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
