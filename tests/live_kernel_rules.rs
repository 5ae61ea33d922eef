//! The kernel's rules on the real kernel: what we load is what auditctl lists, what we remove is only ours,
//! and the keeper puts everything back, also when the daemon is killed.
//!
//! Needs root and `auditctl`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use auditward::audit::Reassembler;
use auditward::audit::control::Control;
use auditward::audit::execve::Arguments;
use auditward::audit::kernel_rules::{self, Abi, Access, KEY, LoadedRule, Rule, Scope, What};
use auditward::audit::netlink::{DEFAULT_BUFFER, Socket};
use auditward::audit::reassembler::Limits;
use auditward::daemon::keeper::Keeper;
use live::{KernelAudit, auditctl, eventually, private_usermod, run, scratch};

/// The rules with our own key, removed when the test ends, however it ends.
struct OurRules(Control);

impl OurRules {
    fn none_yet() -> Self {
        let mut control = Control::open().expect("audit");
        kernel_rules::unload(&mut control).expect("unload");
        Self(control)
    }

    fn loaded(&mut self) -> Vec<LoadedRule> {
        self.0.rules().expect("rules").into_iter().filter(|r| r.has_only_key(KEY)).collect()
    }
}

impl Drop for OurRules {
    fn drop(&mut self) {
        let _ = kernel_rules::unload(&mut self.0);
    }
}

fn rules_for(program: &Path) -> Vec<Rule> {
    let program = program.to_str().expect("a path of text").to_owned();
    Abi::of_this_host().into_iter().map(|abi| Rule::executions(abi, Some(program.clone()))).collect()
}

#[test]
fn our_rules_are_listed_by_auditctl_as_we_print_them_and_only_ours_are_removed() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_usermod(folder.path());
    let mut ours = OurRules::none_yet();
    let (path, key) = (program.display(), kernel.key());
    let foreign = format!("-a always,exit -F arch=b64 -S execve -F exe={path} -F auid>=1000 -F key={key}");
    for rule in [format!("-w {path} -p wa -k {key}"), foreign.clone()] {
        auditctl(&rule.split(' ').collect::<Vec<_>>());
    }
    let before = run("auditctl", &["-l"]);

    let mut wanted = rules_for(&program);
    assert_eq!(Abi::of_this_host().iter().map(|abi| abi.word).collect::<Vec<_>>(), ["b64", "b32"]);
    // Those for one program first: the rule for every execution would cover them.
    let loading = kernel_rules::load(&mut ours.0, &wanted).expect("load");
    assert_eq!((loading.added.as_slice(), loading.refused.len()), (wanted.as_slice(), 0));
    let every = Rule::executions(Abi::of_this_host()[0], None);
    assert_eq!(kernel_rules::load(&mut ours.0, std::slice::from_ref(&every)).expect("load").added.len(), 1);
    wanted.push(every);
    let listed = run("auditctl", &["-l"]);
    for rule in &wanted {
        assert_eq!(listed.lines().filter(|line| *line == rule.to_string()).count(), 1, "{rule}\n{listed}");
    }
    // What the kernel lists is, byte for byte, what we would send.
    let loaded = ours.loaded();
    for rule in &wanted {
        assert!(loaded.contains(&rule.as_loaded().expect("encoded")), "{rule}");
        assert!(
            !ours.0.add_rule(&rule.as_loaded().expect("encoded")).expect("EEXIST is no error"),
            "it is there already"
        );
    }
    let again = kernel_rules::load(&mut ours.0, &wanted).expect("load");
    assert_eq!((again.added.len(), again.covered.len()), (0, wanted.len()));
    // A foreign rule is read whole: the path of exe= is text, and the key stands behind it.
    let shown: Vec<String> = ours.0.rules().expect("rules").iter().map(ToString::to_string).collect();
    assert!(shown.contains(&foreign), "{shown:?}");

    assert_eq!(kernel_rules::unload(&mut ours.0).expect("unload").len(), wanted.len());
    assert_eq!(run("auditctl", &["-l"]), before);
}

#[test]
fn rules_for_calls_of_a_program_and_for_files_are_listed_by_auditctl_as_we_print_them() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let at = |name: &str| folder.path().join(name).to_str().expect("a path of text").to_owned();
    let program = private_usermod(folder.path()).to_str().expect("a path of text").to_owned();
    std::fs::create_dir(at("directory")).expect("a directory");
    let mut ours = OurRules::none_yet();
    let before = run("auditctl", &["-l"]);
    let calls = ["connect", "setuid", "init_module", "ptrace", "memfd_create", "setsid", "kill"];
    let mut wanted: Vec<Rule> = Abi::of_this_host()
        .into_iter()
        .filter_map(|abi| Rule::calls(abi, calls, Scope::Executable(program.clone())))
        .collect();
    let access = |access, scope| Rule { what: What::Access(access), scope };
    wanted.push(access(Access::CHANGE, Scope::Path(at("not-here-yet"))));
    wanted.push(access(Access::ANY, Scope::Directory(at("directory"))));
    wanted.push(access(Access::CHANGE, Scope::Executable(program.clone())));
    let loading = kernel_rules::load(&mut ours.0, &wanted).expect("load");
    assert_eq!((loading.added.as_slice(), loading.refused.len()), (wanted.as_slice(), 0), "{loading:?}");
    let listed = run("auditctl", &["-l"]);
    for rule in &wanted {
        assert_eq!(listed.lines().filter(|line| *line == rule.to_string()).count(), 1, "{rule}\n{listed}");
    }
    let again = kernel_rules::load(&mut ours.0, &wanted).expect("load");
    assert_eq!((again.added.len(), again.covered.len()), (0, wanted.len()));
    assert_eq!(kernel_rules::unload(&mut ours.0).expect("unload").len(), wanted.len());
    assert_eq!(run("auditctl", &["-l"]), before);
}

/// Executes `program` with `word` as its argument; true when the event of that comes within 5 s.
fn is_seen(socket: &mut Socket, program: &Path, word: &str) -> bool {
    assert!(Command::new(program).arg(word).status().expect("it runs").success());
    let mut reassembler = Reassembler::new(Limits::default());
    let (mut seen, mut arguments) = (false, Arguments::default());
    let end = Instant::now() + Duration::from_secs(5);
    while !seen && Instant::now() < end {
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let received = socket.receive(None, deadline, &mut |record| {
            reassembler.push(record, 0, &mut |event| {
                arguments.read(event);
                seen |= arguments.iter().last() == Some(word.as_bytes());
            });
        });
        received.expect("the socket reads on");
    }
    seen
}

#[test]
fn a_rule_by_path_sees_the_program_however_it_is_reached_and_after_an_upgrade() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let program = private_usermod(folder.path());
    let path = |name: &str| folder.path().join(name);
    let mut ours = OurRules::none_yet();
    assert_eq!(kernel_rules::load(&mut ours.0, &rules_for(&program)).expect("load").added.len(), 2);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");

    assert!(is_seen(&mut socket, &program, "by its path"));
    std::fs::hard_link(&program, path("hard-link")).expect("hard link");
    assert!(is_seen(&mut socket, &path("hard-link"), "by a hard link"));
    symlink(&program, path("symbolic-link")).expect("symbolic link");
    assert!(is_seen(&mut socket, &path("symbolic-link"), "by a symbolic link"));
    symlink(folder.path(), path("folder")).expect("symbolic link");
    assert!(is_seen(&mut socket, &path("folder/usermod"), "through a linked directory"));
    std::fs::copy(&program, path("new")).expect("copy");
    std::fs::rename(path("new"), &program).expect("rename");
    assert!(is_seen(&mut socket, &program, "after an upgrade"));
    // What profile minimal says it gives up.
    std::fs::copy(&program, path("renamed")).expect("copy");
    assert!(!is_seen(&mut socket, &path("renamed"), "as a copy"));
}

#[test]
fn every_execution_also_of_a_copy_is_seen_under_profile_all() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let copy = folder.path().join("renamed");
    std::fs::copy("/bin/true", &copy).expect("copy");
    let mut ours = OurRules::none_yet();
    let rules: Vec<Rule> = Abi::of_this_host().into_iter().map(|abi| Rule::executions(abi, None)).collect();
    kernel_rules::load(&mut ours.0, &rules).expect("load");
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    assert!(is_seen(&mut socket, &copy, "as a copy"));
}

/// Set for the copy of this program that plays the daemon: the program to load rules for.
const DAEMON: &str = "AUDITWARD_TEST_DAEMON";

/// No test: the daemon that the next test kills.
#[test]
fn helper_that_starts_a_keeper() {
    let Some(program) = std::env::var_os(DAEMON) else { return };
    let keeper =
        Keeper::start_program(env!("CARGO_BIN_EXE_auditward").as_ref(), &rules_for(Path::new(&program)), &[]);
    let keeper = keeper.expect("a keeper");
    assert!(keeper.report.enabled);
    assert_eq!(keeper.report.added.len(), 2);
    sleep(Duration::from_secs(60));
    drop(keeper);
}

/// The pids of a process's children, whichever of its threads started them.
fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("tasks");
    let files = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    files.collect::<String>().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[test]
fn the_keeper_takes_back_what_it_changed_when_the_daemon_is_killed() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_usermod(folder.path());
    auditctl(&["-w", &program.display().to_string(), "-p", "wa", "-k", kernel.key()]);
    let mut ours = OurRules::none_yet();
    if ours.0.status().expect("status").enabled != 0 {
        println!("skipped: auditing is on already on this machine");
        return;
    }
    let before = run("auditctl", &["-l"]);

    let this = std::env::current_exe().expect("this program");
    let mut daemon = Command::new(this)
        .args(["--exact", "helper_that_starts_a_keeper"])
        .env(DAEMON, &program)
        .stdout(Stdio::null())
        .spawn()
        .expect("the helper runs");
    eventually("the rules are loaded", || match ours.loaded().len() {
        2 => Ok(()),
        other => Err(format!("{other} rules")),
    });
    assert_eq!(ours.0.status().expect("status").enabled, 1);

    let keepers = children(daemon.id());
    let [keeper] = keepers.as_slice() else { panic!("one keeper: {keepers:?}") };
    let status = std::fs::read_to_string(format!("/proc/{keeper}/status")).expect("status");
    for line in [
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000040000000",
        "CapEff:\t0000000040000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.lines().any(|l| l == line), "{line} in {status}");
    }
    let uids = status.lines().find_map(|l| l.strip_prefix("Uid:")).expect("Uid");
    assert!(!uids.split_whitespace().any(|uid| uid == "0"), "{uids}");

    // A terminal's ^C or a service manager's stop reaches the keeper too, and does not end it.
    for signal in ["-INT", "-TERM", "-HUP", "-QUIT"] {
        let sent = Command::new("kill").args([signal, &keeper.to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
    sleep(Duration::from_millis(200));
    assert_eq!(ours.loaded().len(), 2);

    daemon.kill().expect("kill -9");
    daemon.wait().expect("gone");
    let killed = Instant::now();
    eventually("everything is as before", || {
        let (rules, enabled) = (run("auditctl", &["-l"]), ours.0.status().expect("status").enabled);
        if (rules.as_str(), enabled) == (before.as_str(), 0) { Ok(()) } else { Err(rules) }
    });
    println!("taken back after {:?}", killed.elapsed());
    assert!(killed.elapsed() < Duration::from_secs(1));
}

#[test]
fn the_keeper_leaves_what_was_there_and_says_what_it_took_back() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let rules = rules_for(&private_usermod(folder.path()));
    let mut ours = OurRules::none_yet();
    // One of the two is there already, and auditing is on: neither is the keeper's to take back.
    ours.0.add_rule(&rules[0].as_loaded().expect("encoded")).expect("added");
    let keeper = Keeper::start_program(env!("CARGO_BIN_EXE_auditward").as_ref(), &rules, &[]);
    let mut keeper = keeper.expect("a keeper");
    assert_eq!(keeper.report.added, [rules[1].to_string()]);
    assert_eq!(keeper.report.covered, [(rules[0].to_string(), rules[0].to_string())]);
    assert!(!keeper.report.enabled && keeper.is_alive().expect("waitpid"));
    let undone = keeper.finish().expect("undone");
    assert_eq!((undone.removed, undone.disabled, undone.left.len()), (1, false, 0));
    assert_eq!(ours.loaded(), [rules[0].as_loaded().expect("encoded")]);
    assert_eq!(ours.0.status().expect("status").enabled, 1);
}

#[test]
fn a_watch_that_is_loaded_is_not_missing_whoever_loaded_it() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let watched = folder.path().join("watched");
    std::fs::write(&watched, "").expect("file");
    let mut ours = OurRules::none_yet();
    let wanted = Rule {
        what: What::Access(Access::CHANGE),
        scope: Scope::Path(watched.to_str().expect("a path of text").to_owned()),
    };
    let missing = |ours: &mut OurRules| {
        let loaded = ours.0.rules().expect("rules");
        kernel_rules::missing(&loaded, std::slice::from_ref(&wanted)).len()
    };
    assert_eq!(missing(&mut ours), 1);
    ours.0.add_rule(&wanted.as_loaded().expect("encoded")).expect("added");
    assert_eq!(missing(&mut ours), 0, "{:?}", ours.loaded());
    assert_eq!(ours.loaded(), [wanted.as_loaded().expect("encoded")], "as the kernel lists it");
    assert_eq!(ours.loaded()[0].to_string(), wanted.to_string());
    kernel_rules::unload(&mut ours.0).expect("unload");
    // The same by auditctl, under a key of somebody else's.
    let watch = watched.to_str().expect("a path of text");
    auditctl(&["-w", watch, "-p", "wa", "-k", kernel.key()]);
    assert_eq!(missing(&mut ours), 0, "covered");
}

/// What a ring opens is no system call: no watch sees it, and rules of their own do.
#[test]
fn an_open_by_io_uring_is_recorded_by_rules_of_their_own_which_go_with_ours() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let file = folder.path().join("passwd");
    std::fs::write(&file, "root:x:0:0::/:/bin/sh\n").expect("a file");
    let text = file.to_str().expect("a path of text").to_owned();
    let watch = Rule { what: What::Access(Access::CHANGE), scope: Scope::Path(text.clone()) };
    let ring = Rule::ring_of(&watch, &Abi::of_this_host());
    let (within, filter) = ring.split_at(2);
    let mut ours = OurRules::none_yet();
    assert_eq!(kernel_rules::load(&mut ours.0, std::slice::from_ref(&watch)).expect("load").added.len(), 1);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    let append = |word: &str| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/io_uring_append.py");
        let arguments: &[&str] = if word == "--thread" { &[&text, "three", word] } else { &[&text, word] };
        let status = Command::new("python3").arg(script).args(arguments).status().expect("python3 runs");
        assert!(status.success() || status.code() == Some(3), "{status}");
        status.success()
    };
    let mut ring_records = |within: u64| {
        let (mut records, end) = (0, Instant::now() + Duration::from_millis(within));
        while records == 0 && Instant::now() < end {
            let deadline = Some(Instant::now() + Duration::from_millis(50));
            let received = socket.receive(None, deadline, &mut |record| {
                records += usize::from(record.kind == auditward::audit::RecordType::URINGOP);
            });
            received.expect("the socket reads on");
        }
        records
    };
    if !append("one") {
        println!("skipped: the kernel gives no ring");
        return;
    }
    assert_eq!(ring_records(300), 0, "by the watch alone");
    assert_eq!(kernel_rules::load_ring(&mut ours.0, within).expect("load"), within);
    assert!(append("two"));
    assert!(ring_records(20_000) > 0, "within io_uring_enter");
    let added = kernel_rules::load_ring(&mut ours.0, filter).expect("load");
    if added.is_empty() {
        println!("skipped: the kernel has no filter for rings");
        return;
    }
    let encoded: Vec<LoadedRule> = ring.iter().filter_map(Rule::as_loaded).collect();
    assert_eq!(encoded.len(), 3);
    assert_eq!(ours.loaded().iter().filter(|rule| encoded.contains(rule)).count(), 3, "{:?}", ours.loaded());
    assert_eq!(kernel_rules::load_ring(&mut ours.0, &ring).expect("load"), []);
    // By the filter alone, where the kernel's own thread does it; gone, it is loaded again.
    for rule in &encoded[..2] {
        ours.0.delete_rule(rule).expect("deleted");
    }
    assert!(append("--thread"));
    assert!(ring_records(20_000) > 0, "by the kernel's thread");
    assert_eq!(kernel_rules::load_ring(&mut ours.0, &ring).expect("load"), within);
    assert_eq!(kernel_rules::unload(&mut ours.0).expect("unload").len(), 4);
}

/// A directory that is missing is watched by its name: what is made in it later is recorded, the directory first.
#[test]
fn what_comes_into_a_directory_that_was_missing_is_recorded() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let directory = folder.path().join("userdb").to_str().expect("a path of text").to_owned();
    let watch = Rule { what: What::Access(Access::CHANGE), scope: Scope::Path(directory.clone()) };
    let mut ours = OurRules::none_yet();
    assert_eq!(kernel_rules::load(&mut ours.0, std::slice::from_ref(&watch)).expect("load").added.len(), 1);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    let script = "mkdir \"$1\"; echo {} > \"$1/eve.user\"";
    let status = Command::new("sh").args(["-ec", script, "sh", &directory]).status().expect("sh runs");
    assert!(status.success());
    let made = format!("name=\"{directory}/eve.user\"");
    let (mut seen, end) = (false, Instant::now() + Duration::from_secs(20));
    while !seen && Instant::now() < end {
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let received = socket.receive(None, deadline, &mut |record| {
            seen |= record.kind == auditward::audit::RecordType::PATH
                && String::from_utf8_lossy(record.body).contains(&made);
        });
        received.expect("the socket reads on");
    }
    assert!(seen);
}
