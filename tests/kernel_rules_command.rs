//! `auditward kernel-rules` as a whole program. What needs the running kernel is skipped without root, see
//! [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::process::{Command, Output};

use live::{KernelAudit, run};

fn kernel_rules(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.arg("kernel-rules").args(arguments).output().expect("auditward runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A rule file about executions of `program`, or of any.
fn rule_file(folder: &tempfile::TempDir, program: Option<&str>) -> String {
    let condition = program.map_or("true".to_owned(), |name| format!("process.name == \"{name}\""));
    let path = folder.path().join("rule.toml");
    let rule = format!(
        "[rule]\nauthor = [\"test\"]\nname = \"A Test\"\ndescription = \"d\"\nlicense = \"MIT\"\nrisk_score = 21\n\
         rule_id = \"11111111-2222-4333-8444-555555555555\"\nseverity = \"low\"\ntype = \"eql\"\nlanguage = \
         \"eql\"\nindex = [\"logs-*\"]\nquery = '''\nprocess where event.type == \"start\" and {condition}\n'''\n"
    );
    std::fs::write(&path, rule).expect("written");
    path.to_str().expect("text").to_owned()
}

#[test]
fn print_shows_rules_for_the_programs_that_are_here_and_says_what_is_not() {
    let folder = tempfile::tempdir().expect("folder");
    let printed = |program: Option<&str>, more: &[&str]| {
        let rules = rule_file(&folder, program);
        let output = kernel_rules(&[&["print", "--rules", &rules], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    // tail is in every base system, and no link.
    let tail = printed(Some("tail"), &[]);
    let lines: Vec<&str> = tail.lines().filter(|line| !line.starts_with('#')).collect();
    let path = std::fs::canonicalize("/usr/bin/tail").expect("tail");
    let rule =
        format!("-a always,exit -F arch=b64 -S execve,execveat -F path={} -F key=auditward", path.display());
    assert!(lines.contains(&rule.as_str()), "{tail}");
    assert!(tail.contains("profile minimal") && tail.contains("Not recorded"), "{tail}");

    let absent = printed(Some("no-such-program"), &[]);
    assert!(absent.contains("# Named by a detection rule and not found here: no-such-program\n"), "{absent}");
    assert!(absent.lines().all(|line| line.starts_with('#')), "{absent}");

    let every = printed(None, &[]);
    assert!(every.contains("rules that may match any program: A Test\n"), "{every}");
    assert!(every.contains("\n-a always,exit -F arch=b64 -S execve,execveat -F key=auditward\n"), "{every}");
    let all = printed(Some("tail"), &["--profile", "all"]);
    assert!(all.ends_with(" -S execve,execveat -F key=auditward\n") && !all.contains("path="), "{all}");
}

#[test]
fn what_cannot_be_done_is_an_error() {
    for arguments in
        [&["print", "--rules", "/no/such/rule.toml"][..], &["print", "--config", "/no/such.toml"]]
    {
        let output = kernel_rules(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn load_adds_what_is_missing_once_and_unload_takes_only_ours_back() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let rules = rule_file(&folder, Some("tail"));
    live::auditctl(&["-w", "/etc/hostname", "-p", "wa", "-k", kernel.key()]);
    let before = run("auditctl", &["-l"]);
    let load = || {
        let output = kernel_rules(&["load", "--rules", &rules]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (first, second) = (load(), load());
    let listed = run("auditctl", &["-l"]);
    let (unloaded, again) = (kernel_rules(&["unload"]), kernel_rules(&["unload"]));
    let after = run("auditctl", &["-l"]);

    assert_eq!(first.0, Some(0), "{first:?}");
    let added: Vec<&str> = first.1.lines().filter_map(|line| line.strip_prefix("added    ")).collect();
    assert!(!added.is_empty() && added.len() == first.1.lines().count(), "{first:?}");
    assert!(added.iter().all(|rule| listed.lines().any(|line| line == *rule)), "{listed}");
    assert!(kernel.before().contains("enabled 1") || first.2.contains("auditing is off"), "{first:?}");
    assert!(second.1.lines().all(|line| line.starts_with("loaded   ")), "{second:?}");
    assert_eq!(text(&unloaded.stdout).matches("removed  ").count(), added.len());
    assert!(text(&again.stdout).contains("nothing to unload"));
    assert_eq!((unloaded.status.code(), again.status.code()), (Some(0), Some(0)));
    assert_eq!(after, before);
}
