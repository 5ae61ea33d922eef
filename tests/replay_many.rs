//! `auditward replay` over the documents of many hosts: on several processors, told by rule and host, and gone on with
//! after an interruption.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

mod common;
mod program;

use common::fixtures;
use program::auditward;

/// What a host's document says: its time in seconds after noon, and what it is of.
fn document(host: &str, seconds: u64, args: &[&str]) -> Value {
    let [hours, minutes, rest] = [12 + seconds / 3600, seconds / 60 % 60, seconds % 60];
    json!({
        "@timestamp": format!("2026-09-21T{hours:02}:{minutes:02}:{rest:02}Z"),
        "host": { "id": host, "os": { "type": "linux" } },
        "data_stream": { "dataset": "auditd_manager.auditd" },
        "event": { "action": "executed", "type": ["start"], "category": ["process"] },
        "process": { "name": args[0], "args": args },
        "message": "x".repeat(500),
    })
}

/// Documents of seven hosts, one in `every` a take-over, some broken, and with `records` audit records between.
fn fleet(documents: usize, every: usize, records: bool) -> String {
    let day = fs::read_to_string(fixtures().join("uid0/usermod_u0_o.log")).unwrap();
    let mut text = String::new();
    for n in 0..documents {
        let args: &[&str] =
            if n % every == 5 { &["usermod", "-u", "0", "-o", "bob"] } else { &["ls", "-l", "/root"] };
        let _ = writeln!(text, "{}", document(&format!("host-{}", n % 7), n as u64, args));
        if n % 1009 == 3 {
            text.push_str("{\"cut\":\n");
        }
        if records && n % 2000 == 7 {
            text.push_str(&day);
        }
    }
    text
}

/// Output and summary over `text`, with the rules that come with the program.
fn replay(text: &str, more: &[&str]) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("in"), text).unwrap();
    let arguments = [&["replay", "--site", "/nonexistent", "--format", "json", "in"], more].concat();
    let (status, out, told) = auditward(directory.path(), &arguments);
    assert_eq!(status, 0, "{told}");
    (out, told)
}

#[test]
fn any_number_of_jobs_gives_the_same_alerts_in_the_same_order() {
    for records in [false, true] {
        let text = fleet(6_000, 97, records);
        let one = replay(&text, &[]);
        assert!(one.0.lines().count() > 60, "{}", one.1);
        assert!(one.1.contains("6000 documents, 6 broken documents"), "{}", one.1);
        for jobs in ["2", "5"] {
            assert!(replay(&text, &["--jobs", jobs]) == one, "{jobs} jobs, records: {records}");
        }
    }
}

/// The literal rule with another query, in a file of its own.
fn rule(directory: &Path, number: u8, query: &str) {
    let literal = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");
    let rule = fs::read_to_string(literal).unwrap();
    let (head, rest) = rule.split_once("query = '''").unwrap();
    let (_, tail) = rest.split_once("'''").unwrap();
    let (before, after) = head.split_once("rule_id = \"").unwrap();
    let head = format!("{before}rule_id = \"{number:08x}{}", &after[8..]);
    fs::write(directory.join(format!("{number}.toml")), format!("{head}query = '''\n{query}\n'''{tail}"))
        .unwrap();
}

/// Output and summary over `text`, with `rules`, the same with one job, two and four.
fn replay_with_any_jobs(rules: &Path, text: &str) -> (String, String) {
    let one = replay(text, &["--rules", rules.to_str().unwrap()]);
    for jobs in ["2", "4"] {
        let more = replay(text, &["--rules", rules.to_str().unwrap(), "--jobs", jobs]);
        assert_eq!(more.1, one.1, "{jobs} jobs");
        assert!(more.0 == one.0, "{jobs} jobs give other alerts, or in another order");
    }
    one
}

/// Events that a rule matches alone and that complete a sequence, or begin one, at the same time on many hosts.
fn pairs(rules: &Path) {
    rule(rules, 1, "process where process.name == \"b\"");
    rule(
        rules,
        2,
        "sequence by host.id with maxspan=10m [process where process.name == \"a\"] [process where process.name == \"b\"]",
    );
    rule(
        rules,
        3,
        "sequence with maxspan=10m [process where process.name == \"b\"] [process where process.name in (\"a\", \"c\")]",
    );
}

#[test]
fn any_number_of_jobs_gives_the_same_sequences() {
    let rules = tempfile::tempdir().unwrap();
    pairs(rules.path());
    let mut text = String::new();
    for n in 0..9_000_u64 {
        let name = match n % 97 {
            0..30 => "a",
            50 => "b",
            60 => "c",
            _ => "ls",
        };
        let _ = writeln!(text, "{}", document(&format!("host-{}", n % 13), n / 40, &[name]));
    }
    let (_, told) = replay_with_any_jobs(rules.path(), &text);
    for number in 1..=3 {
        let uuid = format!("{number:08x}-");
        let matched =
            told.lines().find(|line| line.contains(&uuid)).and_then(|line| line.split_whitespace().next());
        assert!(
            matched.and_then(|matched| matched.parse().ok()).is_some_and(|matched: u32| matched > 50),
            "{told}"
        );
    }
}

/// More hosts than are followed, and more bytes of events than are kept.
#[test]
fn any_number_of_jobs_gives_up_the_same_at_the_bounds() {
    let rules = tempfile::tempdir().unwrap();
    pairs(rules.path());
    let mut text = String::new();
    for (round, name) in ["a", "b", "a", "c"].iter().enumerate() {
        for host in 0..2_300 {
            let _ = writeln!(text, "{}", document(&format!("host-{host}"), 10 * round as u64, &[name]));
        }
    }
    let (_, told) = replay_with_any_jobs(rules.path(), &text);
    assert!(told.contains("given up for lack of room"), "{told}");

    let mut text = String::new();
    for n in 0..400 {
        let mut long = document(&format!("host-{}", n % 7), n, &[if n % 50 == 49 { "b" } else { "a" }]);
        long["message"] = "x".repeat(60_000).into();
        let _ = writeln!(text, "{long}");
    }
    let (out, told) = replay_with_any_jobs(rules.path(), &text);
    assert!(!out.is_empty(), "{told}");
}

/// A day of administration on several hosts whose clocks differ, their documents in turn.
#[test]
fn any_number_of_jobs_gives_the_same_alerts_of_all_rules_of_the_corpus() {
    let Some(corpus) = common::shared("elastic-rules") else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (recording, takes) in [("admin-day.log.gz", 150), ("uid0/usermod_u0_o.log", usize::MAX)] {
        let recording = fixtures().join(recording);
        let (status, events, told) = auditward(
            directory.path(),
            &["events", "--format", "json", "--secrets", "keep", recording.to_str().unwrap()],
        );
        assert_eq!(status, 0, "{told}");
        for (n, line) in events.lines().take(takes).enumerate() {
            for host in 0..5 {
                // Not all in turn.
                if (n + host) % 7 != 0 {
                    let _ = writeln!(
                        text,
                        "{}",
                        line.replacen("\"host\":{", &format!("\"host\":{{\"id\":\"h{host}\","), 1)
                    );
                }
            }
        }
    }
    let (out, told) = replay_with_any_jobs(&corpus, &text);
    assert!(out.lines().count() >= 4, "{told}");
}

#[test]
fn jobs_read_wrapped_documents_too() {
    let hits: Vec<Value> = (0..300)
        .map(|n| json!({ "_index": "auditbeat-9", "_source": document("h", n, &["usermod", "-u", "0", "-o", "x"]) }))
        .collect();
    let text =
        format!("{}\n{{\"create\":{{}}}}\n{}\n", json!({ "hits": { "hits": hits } }), hits[0]["_source"]);
    let one = replay(&text, &[]);
    assert!(one.1.contains("301 documents"), "{}", one.1);
    assert_eq!(replay(&text, &["--jobs", "3"]), one);
}

/// Two hosts whose clocks are three hours apart, their documents in turn: each is followed by itself.
#[test]
fn sequences_are_followed_on_each_host_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let query = "sequence with maxspan=1m [process where process.name == \"a\"] [process where process.name == \"b\"]";
    rule(directory.path(), 0, query);
    let mut text = String::new();
    for n in 0..20 {
        let name = if n % 2 == 0 { "a" } else { "b" };
        for (host, ahead) in [("one", 0), ("two", 3 * 3600)] {
            let _ =
                writeln!(text, "{}", document(host, ahead + n * 100 + u64::from(n % 2 == 0) * 90, &[name]));
        }
        // What another host does completes nothing.
        let _ = writeln!(text, "{}", document(if name == "a" { "three" } else { "four" }, n * 100, &[name]));
    }
    fs::write(directory.path().join("in"), text).unwrap();
    for jobs in ["1", "2"] {
        let (_, out, told) = auditward(
            directory.path(),
            &["replay", "--rules", "0.toml", "--format", "json", "--jobs", jobs, "in"],
        );
        let hosts: Vec<Value> = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["host"]["id"].clone())
            .collect();
        let of = |host: &str| hosts.iter().filter(|of| **of == host).count();
        assert_eq!((of("one"), of("two"), hosts.len()), (10, 10, 20), "{told}");
    }
}

#[test]
fn the_summary_tells_by_rule_and_host() {
    let mut text = String::new();
    for (host, seconds) in [("a", 0), ("b\u{1b}", 100), ("a", 200)] {
        let _ = writeln!(text, "{}", document(host, seconds, &["usermod", "-u", "0", "-o", "x"]));
    }
    let (_, told) = replay(&text, &["--summary", "--progress"]);
    let rows: Vec<Vec<&str>> = told
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("alerts"))
        .map(|line| line.split_whitespace().take(5).collect())
        .collect();
    let row = |alerts, host, first, last| vec![alerts, "medium", host, first, last];
    let first = ["2026-09-21T12:00:00Z", "2026-09-21T12:01:40Z", "2026-09-21T12:03:20Z"];
    assert_eq!(rows.len(), 3, "{told}");
    assert_eq!(rows[1], row("2", "a", first[0], first[2]), "{told}");
    assert_eq!(rows[2], row("1", "b\\x1b", first[1], first[1]), "{told}");
    // Standard error is no terminal here: progress is a line.
    assert!(told.contains(" MB read in "), "{told}");
}

fn begin(directory: &Path, jobs: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command
        .current_dir(directory)
        .args(["replay", "--site", "/nonexistent", "--format", "json", "--jobs", jobs])
        .args(["--checkpoint", "mark", "--checkpoint-every", "1", "in", "more"])
        .stdout(OpenOptions::new().create(true).append(true).open(directory.join("out")).unwrap())
        .stderr(Stdio::null());
    command
}

/// For lines less is kept of events than where hosts are counted: where room is short, other sequences may be given up.
#[test]
fn a_checkpoint_for_lines_is_none_for_counted_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("in"), fleet(20, 2, true)).unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
        command.current_dir(directory.path()).args([
            "replay",
            "--site",
            "/nonexistent",
            "--checkpoint",
            "mark",
            "in",
        ]);
        let out = OpenOptions::new().create(true).append(true).open(path("out")).unwrap();
        command.args(more).stdout(out).stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!([run(&[]), run(&[]), run(&["--summary"])], [Some(0), Some(0), Some(2)]);
}

/// Killed when it had read all of its first file, some time after its last mark.
#[test]
fn a_run_that_was_killed_goes_on_without_an_alert_missing_or_twice() {
    const MIB: usize = 1 << 20;
    let text = fleet(9_000, 11, true);
    let (whole, _) = replay(&text, &[]);
    // Behind the mark after the third MiB there is most of one more.
    let place = text[..3 * MIB + MIB * 9 / 10].rfind('\n').unwrap() + 1;
    let (first, rest) = text.split_at(place);
    for jobs in ["1", "3"] {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("in"), first).unwrap();
        nix::unistd::mkfifo(&path("more"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut child = begin(directory.path(), jobs).spawn().unwrap();
        // It is open when the other side has opened it, too.
        let pipe = File::options().write(true).open(path("more")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(pipe);
        let mark: Value = serde_json::from_slice(&fs::read(path("mark")).unwrap()).unwrap();
        let (marked, written) = (mark["output"].as_u64().unwrap(), fs::metadata(path("out")).unwrap().len());
        assert!(marked > 0 && marked <= written, "{marked} {written}");
        if jobs == "1" {
            assert!(marked < written, "some alerts were written after the mark: {marked} {written}");
        }
        fs::remove_file(path("more")).unwrap();
        fs::write(path("more"), rest).unwrap();
        // And once more, when there is nothing left to do.
        for _ in 0..2 {
            assert!(begin(directory.path(), jobs).status().unwrap().success());
            assert!(fs::read_to_string(path("out")).unwrap() == whole, "{jobs} jobs");
        }
        // With other inputs it is another run.
        let other = begin(directory.path(), jobs).arg("in").status().unwrap();
        assert_eq!(other.code(), Some(2));
    }
}
