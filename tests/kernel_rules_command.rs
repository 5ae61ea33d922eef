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
    assert!(every.contains("they may match any program: A Test\n"), "{every}");
    assert!(every.contains("kernel-rules cost\n"), "{every}");
    assert!(
        every.lines().all(|line| line.starts_with('#')),
        "no rule file turns every execution on: {every}"
    );
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

/// `install` into a directory of the test's own, beside `others`.
fn install(folder: &tempfile::TempDir, others: &[(&str, &str)]) -> (Output, String) {
    for (name, text) in others {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let rules = rule_file(folder, Some("tail"));
    let rules_d = folder.path().to_str().expect("text");
    let output = kernel_rules(&["install", "--rules", &rules, "--rules-d", rules_d]);
    (output, std::fs::read_to_string(folder.path().join("70-auditward.rules")).unwrap_or_default())
}

#[test]
fn install_writes_a_file_of_rules_and_nothing_that_changes_a_setting() {
    let folder = tempfile::tempdir().expect("folder");
    let (output, first) =
        install(&folder, &[("99-finalize.rules", "-e 2\n"), ("10-base.rules", "-D\n-b 8192\n")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(first.contains("-F path=/usr/bin/tail -F key=auditward\n"), "{first}");
    assert!(
        first.lines().all(|line| line.starts_with('#') || line.starts_with("-a always,exit ")),
        "{first}"
    );
    let (again, second) = install(&folder, &[]);
    assert!(text(&again.stdout).starts_with("as it was "), "{}", text(&again.stdout));
    assert_eq!(first, second);
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").flatten().collect();
    names.sort_by_key(std::fs::DirEntry::file_name);
    let names: Vec<_> = names.iter().map(|e| e.file_name().into_string().expect("text")).collect();
    assert_eq!(names, ["10-base.rules", "70-auditward.rules", "99-finalize.rules", "rule.toml"]);
}

/// The first rule that matches gives an event its key, and augenrules goes by the names.
#[test]
fn install_stands_behind_the_rules_of_others_whatever_their_file_is_called() {
    let folder = tempfile::tempdir().expect("folder");
    let there = |name: &str| folder.path().join(name).exists();
    install(&folder, &[("99-finalize.rules", "-e 2\n")]);
    assert!(there("70-auditward.rules"));
    let (output, _) = install(&folder, &[("stig.rules", "-w /etc/passwd -p wa -k identity\n-e 2\n")]);
    let told = text(&output.stdout);
    assert!(told.contains("removed  ") && told.contains("/70-auditward.rules"), "{told}");
    assert!(there("zz-auditward.rules") && !there("70-auditward.rules"), "{told}");
    std::fs::remove_file(folder.path().join("stig.rules")).expect("removed");
    install(&folder, &[]);
    assert!(there("70-auditward.rules") && !there("zz-auditward.rules"));
}

#[test]
fn install_does_not_ask_again_for_what_another_file_asks_for() {
    let folder = tempfile::tempdir().expect("folder");
    let (output, file) = install(&folder, &[("30-site.rules", "-w /usr/bin/tail -p x -k tails\n")]);
    let told = text(&output.stdout);
    assert!(
        told.contains("by -w /usr/bin/tail -p x -k tails (") && told.contains("30-site.rules)"),
        "{told}"
    );
    assert!(!file.is_empty() && file.lines().all(|line| line.starts_with('#')), "{file}");
}

#[test]
fn install_without_the_directory_says_what_to_do() {
    let folder = tempfile::tempdir().expect("folder");
    let rules = rule_file(&folder, Some("tail"));
    let output = kernel_rules(&["install", "--rules", &rules, "--rules-d", "/no/such/rules.d"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("kernel-rules load"), "{}", text(&output.stderr));
}

#[test]
fn cost_measures_this_host() {
    let before = std::fs::read_to_string("/proc/stat").expect("/proc/stat");
    let output = kernel_rules(&["cost", "--seconds", "1"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(before.contains("processes ") && told.contains(" new processes a second, over 1 s\n"), "{told}");
    assert!(told.contains(" MB a day in auditd's log") && told.contains(" records a second\n"), "{told}");
}

/// On a test machine no auditd runs, and an ordinary user cannot ask: both are a reason.
#[test]
fn every_execution_is_refused_where_it_can_harm_and_nothing_is_loaded() {
    let Some(kernel) = KernelAudit::take() else { return };
    if !run("auditctl", &["-s"]).contains("pid 0\n") {
        println!("skipped: an audit daemon runs here");
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let rules = rule_file(&folder, Some("tail"));
    for action in ["load", "install"] {
        let output = kernel_rules(&[action, "--profile", "all", "--rules", &rules]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("--force") && told.contains("no audit daemon runs"), "{told}");
    }
    // Asked for in the configuration, the same is told and minimal stands; off is off.
    let config = folder.path().join("auditward.toml");
    let configured = |word: &str, action: &str| {
        std::fs::write(&config, format!("kernel_rules = \"{word}\"\nrules = [\"{rules}\"]\n"))
            .expect("written");
        let output = kernel_rules(&[action, "--config", config.to_str().expect("text")]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let all = configured("all", "load");
    assert_eq!(all.0, Some(2), "{all:?}");
    assert!(all.1.contains("path=/usr/bin/tail") && all.2.contains("minimal stands"), "{all:?}");
    assert!(configured("all", "print").1.contains("profile all"));
    kernel_rules(&["unload"]);
    let off = configured("off", "load");
    assert_eq!(off.0, Some(0), "{off:?}");
    assert!(off.1.contains("nothing is loaded"), "{off:?}");
    // A rule that may match any program is named, and turns nothing on.
    let any = rule_file(&folder, None);
    let output = kernel_rules(&["load", "--rules", &any]);
    assert!(text(&output.stderr).contains("not live, because they may match any program"));
    assert_eq!(live::audit_settings(), kernel.before());
}

/// F61: what was turned on is turned off again; what stands beside stays.
#[test]
fn f61_auditing_that_was_off_is_turned_on_and_put_back_with_its_limits() {
    let Some(kernel) = KernelAudit::take() else { return };
    let status = run("auditctl", &["-s"]);
    if !(status.contains("enabled 0\n") && status.contains("pid 0\n")) {
        println!("skipped: auditing is on already on this machine");
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let rules = rule_file(&folder, Some("tail"));
    live::auditctl(&["-w", "/etc/hostname", "-p", "wa", "-k", kernel.key()]);
    let before = live::audit_settings();
    let load = kernel_rules(&["load", "--turn-on", "--rules", &rules]);
    let during = live::audit_settings();
    let again = kernel_rules(&["load", "--turn-on", "--rules", &rules]);
    let (here, differs) = (kernel_rules(&["diff", "--rules", &rules]), {
        let other = tempfile::tempdir().expect("folder");
        kernel_rules(&["diff", "--rules", &rule_file(&other, Some("head"))])
    });
    let removed = kernel_rules(&["remove", "--rules-d", folder.path().to_str().expect("text")]);
    let after = live::audit_settings();

    assert!(text(&load.stdout).contains("auditing was off: turned on"), "{}", text(&load.stderr));
    assert!(during.contains("enabled 1\n") && during.contains("backlog_limit 8192\n"), "{during}");
    assert!(during.contains("backlog_wait_time 100\n"), "{during}");
    assert!(!text(&again.stdout).contains("turned on"), "what it found is kept over a second load");
    assert_eq!(here.status.code(), Some(0), "{}", text(&here.stdout));
    assert!(text(&here.stdout).lines().all(|line| line.starts_with("there    ")));
    assert_eq!(differs.status.code(), Some(1));
    let told = text(&differs.stdout);
    assert!(told.contains("missing  ") && told.contains("unneeded "), "{told}");
    assert!(text(&removed.stdout).contains("auditing turned off again"), "{}", text(&removed.stderr));
    assert_eq!(after, before);
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
