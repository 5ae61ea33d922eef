//! Whole events of the recordings in tests/fixtures/kernel: tests/golden holds what `auditward events`
//! gives for each. `AUDITWARD_UPDATE=1 cargo test --test golden` writes the files anew; what they say is held
//! against what INDEX.txt says was run, so that a wrong file is not merely repeated.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// `NAME.log` and the columns behind it, of each recording.
fn index() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(tests().join("fixtures/kernel/INDEX.txt")).unwrap();
    let rows = text.lines().map(|line| line.split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>());
    rows.filter(|columns| columns[0].ends_with(".log")).map(|c| (c[0].clone(), c[1..].to_vec())).collect()
}

fn run(recording: &str) -> Vec<u8> {
    let file = tests().join("fixtures/kernel").join(recording);
    let output = Command::new(env!("CARGO_BIN_EXE_auditward")).arg("events").arg(file).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// The events of a recording as its golden file has them.
fn golden(recording: &str) -> Vec<Value> {
    let file = tests().join("golden").join(recording.replace(".log", ".ndjson"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn only(recording: &str) -> Value {
    let mut events = golden(recording);
    assert_eq!(events.len(), 1, "{recording}");
    events.remove(0)
}

#[test]
fn each_recording_gives_its_golden_events() {
    let update = std::env::var_os("AUDITWARD_UPDATE").is_some();
    for recording in index().keys() {
        let file = tests().join("golden").join(recording.replace(".log", ".ndjson"));
        let now = run(recording);
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &now).unwrap();
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text(&now) == text(&std::fs::read(&file).unwrap()), "{recording} gives other events now");
    }
}

#[test]
fn the_index_counts_the_events() {
    let index = index();
    assert_eq!(index.len(), 70);
    for (recording, columns) in index {
        let events: usize = columns[0].strip_prefix("events ").unwrap().parse().unwrap();
        assert_eq!(golden(&recording).len(), events, "{recording}");
    }
}

#[test]
fn arguments_are_those_that_were_given() {
    let args = |recording| only(recording)["process"]["args"].clone();
    assert_eq!(args("simple.log"), json!(["nop", "-a", "file.txt"]));
    assert_eq!(args("empty_arg.log"), json!(["nop", "", "x", ""]));
    assert_eq!(args("empty_argv0.log")[0], "");
    assert_eq!(args("null_argv.log"), json!([""]));
    for (length, recording) in [(7490, "len_7490.log"), (7500, "len_7500.log"), (8000, "len_8000.log")] {
        assert_eq!(args(recording)[1].as_str().unwrap().len(), length, "{recording}");
    }
    for (length, recording) in [(3740, "lenhex_3740.log"), (3760, "lenhex_3760.log")] {
        let text = args(recording)[1].as_str().unwrap().to_owned();
        assert!(text.len() == length && text.contains(' '), "{recording}");
    }
    assert_eq!(args("long_plain.log")[1].as_str().unwrap().len(), 100 << 10);
    assert_eq!(args("huge_single.log")[1].as_str().unwrap().len(), 131_071);
    assert!(args("many_args.log").as_array().unwrap().len() >= 5_000);
    assert_eq!(
        only("many_args.log")["process"]["args_count"],
        args("many_args.log").as_array().unwrap().len()
    );
    assert!(args("bytes_ff.log").to_string().contains('\u{fffd}'));
}

#[test]
fn failed_executions_are_no_process_start() {
    let errors = [
        ("fail_enoent.log", "ENOENT"),
        ("fail_eacces.log", "EACCES"),
        ("fail_enoexec.log", "ENOEXEC"),
        ("fail_badinterp.log", "ENOENT"),
        ("fail_e2big.log", "E2BIG"),
        ("fail_enotdir.log", "ENOTDIR"),
        ("fail_efault.log", "EFAULT"),
    ];
    for (recording, error) in errors {
        let event = only(recording);
        assert_eq!(event["event"]["outcome"], "failure", "{recording}");
        assert_ne!(event["event"]["type"], json!(["start"]), "{recording}");
        assert_eq!(event["auditd"]["data"]["exit"], error, "{recording}");
        assert_eq!(event["process"]["args"], Value::Null, "{recording}");
    }
}

#[test]
fn a_success_is_a_process_start_with_the_one_word() {
    for recording in ["simple.log", "dynamic.log", "tty.log", "suid.log", "memfd.log", "no_key.log"] {
        let event = only(recording);
        assert_eq!(event["event"]["outcome"], "success", "{recording}");
        assert_eq!(event["event"]["category"], json!(["process"]), "{recording}");
        assert_eq!(event["event"]["type"], json!(["start"]), "{recording}");
        assert_eq!(event["event"]["action"], "executed", "{recording}");
    }
}

#[test]
fn who_and_where_are_what_was_set_up() {
    assert_eq!(only("suid.log")["user"]["effective"]["id"], "0");
    assert_eq!(only("suid.log")["user"]["id"], "54321");
    assert_eq!(only("no_key.log")["tags"], Value::Null);
    assert_eq!(only("two_keys.log")["tags"].as_array().unwrap().len(), 2);
    assert_eq!(only("simple.log")["process"]["working_directory"], "/srv/t1/case");
    let login = golden("loginuid.log");
    assert_eq!(login[1]["user"]["audit"]["id"], "1000");
    // The 64-bit shell runs a 32-bit program, and that one another.
    let arches: Vec<_> = golden("arch32.log").iter().map(|e| e["auditd"]["data"]["arch"].clone()).collect();
    assert_eq!(arches, ["x86_64", "i386"]);
    assert!(only("newline_path.log")["process"]["name"].as_str().unwrap().contains('\n'));
    assert!(only("space_path.log")["process"]["executable"].as_str().unwrap().contains(' '));
}

#[test]
fn what_is_no_execution_says_what_it_is() {
    let category = |event: &Value| event["event"]["category"].clone();
    assert!(golden("config_change.log").iter().all(|e| category(e) == json!(["configuration"])));
    assert_eq!(only("seccomp.log")["auditd"]["message_type"], "seccomp");
    assert_eq!(only("user_msg.log")["auditd"]["message_type"], "user");
    let addresses: Vec<_> = golden("connect.log").iter().map(|e| e["destination"]["ip"].clone()).collect();
    assert_eq!(addresses.iter().filter(|ip| ip.is_string()).count(), 2, "IPv4 and IPv6: {addresses:?}");
}
