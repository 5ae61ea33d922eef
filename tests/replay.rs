//! The whole program by its command line: `auditward replay` and `auditward events` over recordings.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const V7: &str = "494ebba4-ecb7-4be4-8c6f-654c686549ad";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn auditward(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.args(arguments);
    command
}

/// Runs over `log` on standard input.
fn over(arguments: &[&str], log: &[u8]) -> Output {
    let mut child = auditward(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let log = log.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&log));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(output: &Output) -> Vec<Value> {
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The literal rule by itself: what all the shipped rules say of one act is in tests/uid0.rs.
const LITERAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// `replay` with the literal rule, in some format.
fn by_literal(format: &str, log: &[u8]) -> Output {
    over(&["replay", "--rules", LITERAL, "--format", format], log)
}

fn alerts(log: &[u8]) -> Vec<Value> {
    json(&by_literal("json", log))
}

fn report(id: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("field_reports/{id}.log"))).unwrap()
}

/// An exec of usermod -u 0 -o ACCOUNT, whole but for its end record.
fn take_over(serial: u64, account: &str) -> String {
    let stamp = format!("audit(1790000100.500:{serial})");
    format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 \
         ppid=2101 pid=2150 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
         comm=\"usermod\" exe=\"/usr/sbin/usermod\" subj=unconfined key=\"exec\"\n\
         type=EXECVE msg={stamp}: argc=5 a0=\"usermod\" a1=\"-u\" a2=\"0\" a3=\"-o\" a4=\"{account}\"\n\
         type=CWD msg={stamp}: cwd=\"/root\"\n\
         type=PATH msg={stamp}: item=0 name=\"/usr/sbin/usermod\" inode=131 dev=fe:01 mode=0100755 ouid=0 \
         ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
         type=PROCTITLE msg={stamp}: proctitle=\"usermod\"\n"
    )
}

#[test]
fn the_literal_rule_matches_each_recording_as_often_as_its_index_says() {
    let index = std::fs::read_to_string(fixture("uid0/INDEX.tsv")).unwrap();
    let mut cases = 0;
    for line in index.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let log = std::fs::read(fixture(&format!("uid0/{}.log", columns[0]))).unwrap();
        let found = json(&over(&["replay", "--format", "json"], &log));
        let named = |alert: &&Value| {
            alert["auditward"]["rules"].as_array().unwrap().iter().any(|rule| rule["uuid"] == V7)
        };
        let by_v7 = found.iter().filter(named).count();
        assert_eq!(by_v7, columns[2].parse::<usize>().unwrap(), "{}", columns[0]);
        cases += 1;
    }
    assert_eq!(cases, 25);
}

#[test]
fn a_day_of_administration_is_silent() {
    let output = auditward(&["replay"]).arg(fixture("admin-day.log.gz")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let summary = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(summary.contains("50459 records, 7139 events\n"), "{summary}");
    assert!(summary.contains("0 alerts by 28 rules"), "{summary}");
}

#[test]
fn the_same_records_give_the_same_alert_byte_for_byte() {
    let log = take_over(581, "carol");
    let once = over(&["replay", "--format", "json"], log.as_bytes()).stdout;
    assert_eq!(once, over(&["replay", "--format", "json"], log.as_bytes()).stdout);
    assert_eq!(
        once.iter().filter(|b| **b == b'\n').count(),
        1,
        "the literal rule and the one for any spelling, as one alert"
    );
    assert_eq!(alerts(log.as_bytes()).len(), 1);
}

/// `--config`: more sequences begin than its bound allows, and which are given up is told.
#[test]
fn the_bounds_of_a_configuration_hold_in_replay_too() {
    let folder = tempfile::tempdir().unwrap();
    let rule = folder.path().join("rule.toml");
    let text = "[rule]\nname = \"Two\"\nrule_id = \"00000000-0000-4000-8000-000000000001\"\ndescription = \"Two.\"\n\
                type = \"eql\"\nlanguage = \"eql\"\nseverity = \"low\"\nrisk_score = 21\nauthor = [\"auditward\"]\nquery = \
                'sequence by process.command_line with maxspan=1h [process where process.name == \"usermod\"] \
                [process where process.name == \"id\"]'\n";
    std::fs::write(&rule, text).unwrap();
    let config = folder.path().join("auditward.toml");
    let log: String = (0..40).map(|n| take_over(1_000 + n, &format!("bob{n}"))).collect();
    for (bounds, given_up) in [("partials = 4096\n", false), ("partials = 16\n", true)] {
        std::fs::write(&config, format!("[sequences]\n{bounds}")).unwrap();
        let arguments = ["replay", "--config", config.to_str().unwrap(), "--rules", rule.to_str().unwrap()];
        let told = String::from_utf8(over(&arguments, log.as_bytes()).stderr).unwrap();
        assert_eq!(told.contains("given up for lack of room"), given_up, "{told}");
    }
    let missing =
        auditward(&["replay", "--config", "/nonexistent/auditward.toml", "/dev/null"]).output().unwrap();
    assert!(!missing.status.success(), "a file that was named and is not there is an error");
    let told = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(told.contains("/nonexistent/auditward.toml"), "{told}");
}

#[test]
fn fail_on_sets_the_exit_status_and_nothing_else_does() {
    let log = fixture("uid0/usermod_u0_o.log");
    let status = |more: &[&str]| auditward(&["replay"]).args(more).arg(&log).output().unwrap().status.code();
    assert_eq!(status(&[]), Some(0));
    assert_eq!(status(&["--fail-on", "medium"]), Some(1));
    assert_eq!(status(&["--fail-on", "critical"]), Some(0));
    let absent = auditward(&["replay", "/nonexistent"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("/nonexistent: No such file"));
}

#[test]
fn what_is_no_audit_record_is_counted_and_the_next_event_still_comes() {
    let mut log = b"garbage\n\0\xff\ntype=SYSCALL msg=audit(17900\ntype=EXECVE msg=audit(1790000100.400:7): \
        argc=4294967295 a10000000=\"x\" a0[0]=(null)\n"
        .to_vec();
    log.extend(take_over(9, "carol").bytes());
    let output = by_literal("json", &log);
    assert_eq!(json(&output).len(), 1);
    let summary = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(summary.contains("3 lines that are no audit records"), "{summary}");
}

#[test]
fn f05_each_record_arrives_twice() {
    let found = alerts(&report("F05"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["process"]["args"], serde_json::json!(["usermod", "-u", "0", "-o", "carol"]));
}

#[test]
fn f07_open_events_pile_up_and_the_next_take_over_alerts() {
    let mut log = String::new();
    for serial in 0..200_000 {
        log.push_str(&format!(
            "type=SYSCALL msg=audit(1790000100.000:{serial}): arch=c000003e syscall=59 success=yes items=2 pid=7\n"
        ));
    }
    log.push_str(&take_over(999_999, "carol"));
    let output = by_literal("json", log.as_bytes());
    assert_eq!(json(&output).len(), 1);
    let summary = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(summary.contains("200000 incomplete events"), "{summary}");
}

#[test]
fn f23_a_reused_pid_gives_the_right_parent() {
    let found = alerts(&report("F23"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["process"]["parent"]["name"], "bash", "{}", found[0]["process"]["parent"]);
}

#[test]
fn f29_a_stamp_older_than_what_was_already_seen() {
    let found = alerts(&report("F29"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["event"]["sequence"], 4412);
}

#[test]
fn f44_the_title_is_stale_and_the_arguments_count() {
    assert_eq!(alerts(&report("F44")).len(), 1);
}

#[test]
fn f57_uid_0_has_two_names_and_the_number_decides() {
    let found = alerts(take_over(631, "carol").as_bytes());
    assert_eq!(found[0]["user"]["id"], "0");
}

#[test]
fn f62_an_event_of_more_than_sixteen_records_leaves_the_next_untouched() {
    let mut log = String::new();
    let stamp = "audit(1790000100.100:62)";
    log.push_str(&format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=165 success=yes exit=0 items=64 ppid=1 pid=9 uid=0\n"
    ));
    for item in 0..64 {
        let name = "41".repeat(2_000);
        log.push_str(&format!("type=PATH msg={stamp}: item={item} name={name} inode=1 nametype=NORMAL\n"));
    }
    log.push_str(&format!("type=EOE msg={stamp}: \n{}", take_over(63, "carol")));
    assert_eq!(alerts(log.as_bytes()).len(), 1);
    let events = json(&over(&["events"], log.as_bytes()));
    assert_eq!(events[0]["auditd"]["paths"].as_array().unwrap().len(), 64);
}

#[test]
fn f63_the_alert_comes_though_no_line_follows() {
    let mut child = auditward(&["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(take_over(571, "carol").as_bytes()).unwrap();
    let started = Instant::now();
    let mut line = String::new();
    // The pipe stays open: only the timer can end the event.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("MEDIUM "), "{line}");
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "about two seconds are meant: {:?}",
        started.elapsed()
    );
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn f68_one_argument_in_pieces_and_thousands_of_arguments() {
    let events = json(&over(&["events"], &report("F68")));
    assert_eq!(events[0]["process"]["args"][2], "if true; then usermod -u 0 -o carol; fi");
    assert_eq!(events[0]["process"]["args"][3], "x");
    let stamp = "audit(1790000100.100:68)";
    let mut log = format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 items=0 ppid=1 pid=9 uid=0 \
         comm=\"x\" exe=\"/bin/x\"\n"
    );
    for first in (0..70_000).step_by(500) {
        log.push_str(&format!("type=EXECVE msg={stamp}:"));
        if first == 0 {
            log.push_str(" argc=70000");
        }
        for n in first..first + 500 {
            log.push_str(&format!(" a{n}=\"n{n}\""));
        }
        log.push('\n');
    }
    let events = json(&over(&["events"], log.as_bytes()));
    let args = events[0]["process"]["args"].as_array().unwrap();
    assert_eq!(args.len(), 70_000);
    assert!(args.iter().enumerate().all(|(n, arg)| *arg == format!("n{n}")));
}

/// F15: whatever an argument holds, each alert is one line, without a control character.
#[test]
fn f15_forged_lines_and_terminal_codes_in_arguments() {
    let hex: String = "x\nSep 21 13:35:00 hosta sudo: carol\r\x1b[2A\x7f\u{85}\u{2028}\x1d"
        .bytes()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let log = take_over(801, "carol")
        .replace("argc=5", "argc=6")
        .replace("\"carol\"", &format!("\"carol\" a5={hex}"));
    for format in ["text", "json", "syslog"] {
        let output = by_literal(format, log.as_bytes()).stdout;
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{format}: {text:?}");
        let hidden = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        assert!(!text.trim_end_matches('\n').contains(hidden), "{format}: {text:?}");
    }
}

/// What names files and rules may be anybody's: no character of theirs acts on a terminal.
#[test]
fn f15_names_of_files_and_rules_are_shown_and_never_act() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |output: Output| {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains(|c: char| c != '\n' && auditward::clean::is_hidden(c)), "{text:?}");
        text
    };
    let rule = std::fs::read_to_string("rules/persistence_linux_backdoor_user_creation.toml").unwrap();
    let (at, name) = (rule.find("\nname = \"Pot").unwrap() + 1, "name = \"Od\\u001b[31md\\n\\u202ename\"");
    let end = at + rule[at..].find('\n').unwrap();
    let odd = folder.path().join("odd.toml");
    std::fs::write(&odd, format!("{}{name}{}", &rule[..at], &rule[end..])).unwrap();
    let log = fixture("uid0/usermod_u0_o.log");
    for format in ["text", "json", "syslog"] {
        let mut command = auditward(&["replay", "--summary", "--format", format, "--rules"]);
        let text = shown(command.arg(&odd).arg(&log).output().unwrap());
        assert_eq!(
            text.matches(r"Od\x1b[31md\n\u{202e}name").count(),
            if format == "json" { 2 } else { 3 },
            "{text}"
        );
    }
    let logs = folder.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    std::fs::write(logs.join("\u{1b}[31m\nforged: 0 alerts.gz"), b"\x1f\x8b\x08 no gzip").unwrap();
    for command in ["replay", "events"] {
        let text = shown(auditward(&[command]).arg(&logs).output().unwrap());
        assert!(text.contains(r"/\x1b[31m\nforged: 0 alerts.gz: "), "{text}");
    }
    let mut command = auditward(&["rules", "explain", "uid_0_by_arguments"]);
    let text = shown(command.arg("no\u{1b}[31m such").output().unwrap());
    assert!(text.contains(r"cannot read no\u{1b}[31m such: "), "{text}");
}

/// Characters that are not seen, or turn the line around, are written as JSON's escapes, and come back whole.
#[test]
fn f15_hidden_characters_in_events_are_escaped() {
    let hidden = "x\u{202e}\u{200b}\u{feff}\u{85}\u{1b}\u{7f}y";
    let hex: String = hidden.bytes().map(|byte| format!("{byte:02X}")).collect();
    let log = String::from_utf8(std::fs::read(fixture("uid0/usermod_u0_o.log")).unwrap()).unwrap();
    let log = log.replace("a4=\"bob\"", &format!("a4={hex}"));
    for arguments in
        [&["events"][..], &["eql", "process where process.args == \"-o\""], &["events", "--format", "text"]]
    {
        let text = String::from_utf8(over(arguments, log.as_bytes()).stdout).unwrap();
        assert!(!text.contains(|c: char| c != '\n' && auditward::clean::is_hidden(c)), "{text:?}");
        if !arguments.contains(&"text") {
            let line =
                text.lines().find(|line| line.contains(r"x\u202e\u200b\ufeff\u0085\u001b\u007fy")).unwrap();
            assert!(serde_json::from_str::<Value>(line).unwrap().to_string().contains('\u{202e}'));
        }
    }
}

/// Fields of audit records have their types; a mapping that is asked all the same is not passed over in silence.
#[test]
fn a_mapping_over_audit_records_is_said_not_to_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let (sound, log) = (directory.path().join("mapping.json"), fixture("uid0/usermod_u0_o.log"));
    std::fs::write(&sound, r#"{"mappings":{"properties":{"process.pid":{"type":"keyword"}}}}"#).unwrap();
    let run = |mapping: &Path| {
        let query = "process where process.args == \"-o\"";
        auditward(&["eql", query, "--mapping"]).arg(mapping).arg(&log).output().unwrap()
    };
    let output = run(&sound);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), false), "{told}");
    assert!(told.contains("--mapping is not used: it is for documents"), "{told}");
    let output = run(&directory.path().join("none.json"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{told}");
    assert!(told.contains("none.json: No such file or directory"), "{told}");
}

/// Where alerts are printed as lines, less is kept of the events of sequences; with `--summary` all of it is.
#[test]
fn lines_are_the_same_whether_or_not_documents_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let usermod = "[process where process.name == \"usermod\"]";
    let rule = |number: u8, query: &str| {
        let text = format!(
            "[rule]\nrule_id = \"00000000-0000-4000-8000-{number:012}\"\nname = \"Rule {number}\"\ndescription = \"d\"\n\
             type = \"eql\"\nseverity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n"
        );
        std::fs::write(path("rules").join(format!("{number}.toml")), text).unwrap();
    };
    std::fs::create_dir_all(path("rules")).unwrap();
    std::fs::create_dir_all(path("site/exceptions.d")).unwrap();
    rule(1, &format!("sequence by user.audit.id with maxspan=1m {usermod} {usermod}"));
    rule(2, &format!("sequence by user.audit.id with maxspan=1m {usermod} with runs=3"));
    rule(
        3,
        &format!(
            "sequence by user.audit.id with maxspan=1m {usermod} ![process where process.args == \"dave\"]"
        ),
    );
    // Of the first rule, what carol began or ended.
    let exception = "[[exception]]\nid = \"known\"\nrules = [\"00000000-0000-4000-8000-000000000001\"]\n\
                     reason = \"r\"\nowner = \"o\"\ncondition = '''process.args == \"carol\" and user.id == \"0\"'''\n";
    std::fs::write(path("site/exceptions.d/a.toml"), exception).unwrap();
    let accounts = ["alice", "bob", "carol", "\u{ff}x", "dave", "erin"];
    let at = |serial, name| take_over(serial, name).replace(".500:", &format!(".50{serial}:"));
    let log: String = (1..).zip(accounts).map(|(serial, name)| at(serial, name)).collect();
    // One that is no UTF-8, as the kernel writes it; and much later something else, so that time goes on.
    let log = log.replace("\"\u{ff}x\"", "FF78") + &take_over(9, "frank").replace("1790000100", "1790000900");
    std::fs::write(path("log"), log).unwrap();
    let replay = |number: u8, more: &[&str]| {
        let (rule, site) = (path("rules").join(format!("{number}.toml")), path("site"));
        let mut command = auditward(&["replay", "--site"]);
        let output = command.arg(site).arg("--rules").arg(rule).args(more).arg(path("log")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    for (number, count) in [(1, 3), (2, 4), (3, 2)] {
        let lines = replay(number, &[]);
        assert_eq!(lines, replay(number, &["--summary"]));
        assert_eq!(lines.lines().count(), count, "{lines}");
        assert!(number != 2 || lines.contains("-o \"\\xffx\", account "), "{lines}");
        for (line, document) in lines.lines().zip(replay(number, &["--format", "json"]).lines()) {
            let document: Value = serde_json::from_str(document).unwrap();
            assert!(
                line.contains(&format!(" alert={} ", document["event"]["id"].as_str().unwrap())),
                "{line}"
            );
        }
    }
}
