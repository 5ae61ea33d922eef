//! What users reported of other tools at the stage of rules, as tests here, named after the report.
//!
//! Elsewhere: F03 in `tests/rule_loading.rs` and `tests/check.rs`; F48 and F53 also in `src/eql/tests`.
//! F36 by the shipped rules together is in `tests/uid0.rs`.
//! F02's real timer is in `tests/live_sequences.rs`, F51's reload of a running daemon in `tests/live_status.rs`, F16's
//! watches in `tests/kernel_rules_command.rs`. Later: F11's roll-up of suppressed alerts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

use std::sync::Arc;

use bumpalo::Bump;

use auditward::daemon::trial;
use auditward::diagnostic::Source;
use auditward::eql::Program;
use auditward::eql::finite::{Bounds, answer};
use auditward::event::schema::Live;

fn program(query: &str) -> Result<Program, Vec<auditward::diagnostic::Diagnostic>> {
    Program::compile(&Arc::new(Source { name: "q".into(), text: query.to_owned() }), &Live)
}

/// How many rows of events `query` finds in records or documents.
fn found(query: &str, events: &str) -> usize {
    let program = program(query).expect("the query is sound");
    let arena = Bump::new();
    let events = trial::events(events, program.fields(), &arena).expect("events");
    answer(&program, &events, Bounds::default()).len()
}

/// An execution as the kernel records it.
fn exec(millis: u64, serial: u64, ppid: u32, args: &[&str]) -> String {
    let name = args[0];
    let argv: Vec<String> = args.iter().enumerate().map(|(at, arg)| format!("a{at}=\"{arg}\"")).collect();
    let stamp = format!("audit({}.{:03}:{serial})", millis / 1000, millis % 1000);
    format!(
        "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=8 items=1 \
         ppid={ppid} pid={} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
         comm=\"{name}\" exe=\"/usr/sbin/{name}\" key=\"exec\"\n\
         type=EXECVE msg={stamp}: argc={} {}\n\
         type=PATH msg={stamp}: item=0 name=\"/usr/sbin/{name}\" inode=131 dev=fe:01 mode=0100755 ouid=0 ogid=0 \
         rdev=00:00 nametype=NORMAL\n\
         type=EOE msg={stamp}: \n",
        1600 + serial,
        args.len(),
        argv.join(" ")
    )
}

/// The file ends inside the window of a missing event: that is undecided, not an alert; with the start
/// six minutes later there is none either, and when time has passed the alert is due.
#[test]
fn f02_absence_is_not_concluded_before_its_window_has_passed() {
    let query = "sequence by user.id with maxspan=10m [process where process.name == \"service-stop\"] \
                 ![process where process.name == \"service-start\"]";
    let (stop, start) = (
        exec(1_790_000_100_310, 711, 9, &["service-stop", "db"]),
        exec(1_790_000_461_310, 712, 9, &["service-start", "db"]),
    );
    let later = exec(1_790_001_000_310, 713, 9, &["date"]);
    assert_eq!(found(query, &format!("{stop}{start}{later}")), 0);
    assert_eq!(found(query, &format!("{stop}{later}")), 1);
}

/// Arguments that come near, and those that the literal rule's words fit: what is said of each.
#[test]
fn f36_the_rule_is_not_bound_to_sudo() {
    let rules = auditward::rule::load::embedded(&Live);
    let query = &rules.rules.iter().find(|rule| rule.id == "linux_backdoor_user_creation").unwrap().query;
    let alerts = |args: &[&str]| found(query, &exec(1_790_000_100_320, 721, 2101, args));
    assert_eq!(
        alerts(&["sudo", "usermod", "-u", "0", "-o", "carol"]),
        0,
        "sudo's own exec is not the change"
    );
    assert_eq!(alerts(&["usermod", "-u", "0", "-o", "carol"]), 1, "through sudo or from a root shell");
    assert_eq!(alerts(&["useradd", "-m", "dave"]), 0, "a normal account");
    let literal = alerts(&["usermod", "-o", "-u", "1001", "-g", "0", "dave"]);
    assert_eq!(literal, 1, "the literal rule's words are all there: its match stays, as the literal rule's");
}

/// Two steps in one millisecond are ordered by serial.
#[test]
fn f42_equal_stamps_follow_their_serials() {
    let query = "sequence by process.parent.pid with maxspan=5s [process where process.name == \"useradd\"] \
                 [process where process.name == \"usermod\"]";
    let at = 1_790_000_100_300;
    let (add, change) = (["useradd", "-m", "carol"], ["usermod", "-u", "0", "-o", "carol"]);
    assert_eq!(found(query, &(exec(at, 701, 2101, &add) + &exec(at, 702, 2101, &change))), 1);
    assert_eq!(found(query, &(exec(at, 701, 2101, &change) + &exec(at, 702, 2101, &add))), 0);
    let document = |name: &str| {
        format!(
            "{{\"@timestamp\":\"2026-09-21T14:15:00.300Z\",\"event\":{{\"category\":\"process\"}},\
             \"process\":{{\"name\":\"{name}\",\"parent\":{{\"pid\":7}}}}}}\n"
        )
    };
    assert_eq!(found(query, &(document("useradd") + &document("usermod"))), 1, "documents: the file's order");
    assert_eq!(found(query, &(document("usermod") + &document("useradd"))), 0);
}

/// A condition is asked of each value of a list, not of its first or last.
#[test]
fn f48_conditions_look_at_every_value_of_a_list() {
    let event = exec(1_790_000_100_330, 722, 2322, &["usermod", "-u", "0", "-o", "carol"]);
    let none = "{\"event\":{\"category\":\"process\"},\"process\":{\"name\":\"x\"}}\n";
    let holds = |condition: &str, event: &str| found(&format!("process where {condition}"), event) == 1;
    assert!(holds("process.args == \"-o\" and process.args == \"0\"", &event));
    assert!(!holds("not process.args == \"-o\"", &event));
    assert!(holds("process.args in (\"x\", \"0\")", &event));
    assert!(!holds("process.args == null", &event));
    assert!(holds("process.args == null", none));
    assert!(holds("startsWith(process.args, \"car\")", &event) && holds("length(process.args) == 1", &event));
}

/// Which operator takes wildcards, and which ignores case.
#[test]
fn f53_wildcards_and_case_by_operator() {
    let event = "{\"event\":{\"category\":\"process\"},\"process\":{\"name\":\"UserMod\",\"args\":[\"C:\\\\dir\\\\x\"]}}\n";
    for (condition, holds) in [
        ("process.name == \"usermod\"", false),
        ("process.name : \"usermod\"", true),
        ("process.name == \"User*\"", false),
        ("process.name : \"user*\"", true),
        ("process.name like \"User*\"", true),
        ("process.name like \"user*\"", false),
        ("process.name like~ \"user*\"", true),
        ("process.name in (\"usermod\")", false),
        ("process.name in~ (\"usermod\")", true),
        (r#"process.args : """*C:\dir*""""#, true),
    ] {
        assert_eq!(found(&format!("process where {condition}"), event), usize::from(holds), "{condition}");
    }
    assert_eq!(found("\"process\" where true", event), 1);
    for old in ["?\"usermod\"", "'usermod'"] {
        let query = format!("process where process.name == {old}");
        let faults = program(&query).expect_err("an old form");
        let help = faults[0].help.clone().unwrap_or_default() + &faults[0].title;
        assert!(help.contains("\"…\"") || help.contains("\"\"\""), "{faults:?}");
        assert!(faults[0].primary.as_ref().is_some_and(|label| label.span.start >= 30), "{faults:?}");
    }
}

fn rule_file(folder: &tempfile::TempDir, id: &str, query: &str) {
    let text = format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"Rule {id}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nmax_signals = 100\nquery = '''{query}'''\n"
    );
    std::fs::write(folder.path().join(format!("{id}.toml")), text).unwrap();
}

/// The cap is shown; what is beyond it is told as a number; a replay, which is asked for, shows all.
#[test]
fn f11_the_cap_is_told_and_no_alert_is_dropped_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    rule_file(&folder, "cap", "process where process.name == \"usermod\"");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"));
        let output = command.args(arguments).current_dir(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = run(&["rules", "show", "cap.toml"]);
    assert!(shown.contains("cap: 100 alerts in each 5m") && shown.contains("told as a number"), "{shown}");
    let exec =
        |at: u64| exec(1_790_000_100_000 + at * 1000, 1000 + at, 9, &["usermod", "-u", "0", "-o", "carol"]);
    std::fs::write(folder.path().join("a.log"), (0..250).map(exec).collect::<String>()).unwrap();
    assert_eq!(run(&["replay", "--rules", "cap.toml", "a.log"]).lines().count(), 250);

    use auditward::alert::{Alert, suppress::Suppressor};
    let rules = auditward::rule::load::load(&[folder.path().join("cap.toml")], &Live).rules;
    let (mut suppressor, start) = (Suppressor::default(), std::time::Instant::now());
    let alert = |n: u64| {
        let stamp = auditward::audit::Stamp { millis: 1_790_000_100_000 + n, serial: n };
        // The 240th is about another account.
        let target = if n == 240 { "dave" } else { "carol" };
        let event =
            serde_json::json!({ "user": { "audit": { "name": "alice" }, "target": { "name": target } } });
        let event = event.as_object().unwrap().clone();
        Alert::new(&rules[0], &[event], &[stamp], "host", jiff::Timestamp::UNIX_EPOCH)
    };
    let sent: Vec<u64> = (1..=250).filter(|n| suppressor.take(&alert(*n), start).is_none()).collect();
    assert_eq!(sent, (1..=100).chain([240]).collect::<Vec<_>>(), "another account is never hidden");
    let told = suppressor.due(start + std::time::Duration::from_secs(60));
    assert_eq!(told.len(), 1);
    let line = &told[0].line;
    assert!(line.starts_with("LOW Rule cap: 149 more in 60 s, not sent: 100 in 300 s at most"), "{line}");
    assert!(line.contains("(max_signals), accounts alice carol"), "{line}");
    let suppressed = &told[0].document()["auditward"]["suppressed"];
    assert_eq!(
        (&suppressed["count"], &suppressed["accounts"]),
        (&149.into(), &serde_json::json!(["alice", "carol"]))
    );
    assert_eq!(suppressor.counts().capped, 149);
}

/// A rule on executions, one on a file, one on messages of programs: what each needs of the kernel.
#[test]
fn f16_each_rule_says_what_the_kernel_must_record() {
    use auditward::audit::kernel_rules::{Abi, Plan, Profile};
    let folder = tempfile::tempdir().unwrap();
    rule_file(&folder, "exec", "process where event.type == \"start\" and process.name == \"usermod\"");
    rule_file(&folder, "file", "file where file.path == \"/etc/passwd\" and event.type == \"change\"");
    rule_file(&folder, "message", "iam where event.action == \"added-user-account\"");
    let rules = auditward::rule::load::load(&[folder.path().to_owned()], &Live).rules;
    let needs: Vec<_> = rules.iter().map(|rule| auditward::detect::kernel_needs(rule).join("; ")).collect();
    assert_eq!(needs[0], "kernel rules for executions of usermod (profile minimal)");
    assert_eq!(needs[1], "kernel rules for accesses of /etc/passwd (profile minimal)");
    assert_eq!(needs[2], "no kernel rule: auditing must be on");
    let programs = tempfile::tempdir().unwrap();
    let usermod = programs.path().join("usermod");
    std::fs::write(&usermod, "#!/bin/sh\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&usermod, mode).unwrap();
    let directories = [programs.path().to_str().unwrap()];
    let needs = auditward::detect::needs(&rules);
    let text = Plan::new(&needs, Profile::Minimal, &Abi::of_this_host(), &directories).to_string();
    assert!(text.contains("usermod"), "{text}");
    if cfg!(target_arch = "x86_64") {
        assert!(text.contains("arch=b64") && text.contains("arch=b32"), "{text}");
    }
}
