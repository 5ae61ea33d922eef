//! Our kernel rules beside rule sets of the kind that CIS and STIG ask for, in both orders: theirs are all there and
//! give their keys, ours are there, and an execution is seen whoever's rule records it.
//!
//! The sets are narrowed to one private program and scratch paths, and without `-D`, `-b`, `-f` and `-e 2`: this
//! machine's own rules stay. Needs root and `auditctl`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use auditward::audit::control::Control;
use auditward::audit::kernel_rules::{self, Abi, KEY, LoadedRule, Rule, lines};
use auditward::audit::netlink::{DEFAULT_BUFFER, Socket};
use auditward::audit::{Record, RecordType};
use live::{KernelAudit, auditctl, private_usermod, run, scratch};

const SETS: [(&str, &str); 2] =
    [("CIS", include_str!("kernel_rules/cis.rules")), ("STIG", include_str!("kernel_rules/stig.rules"))];

/// The rules of a set, without settings and comments.
fn rules_of(set: &str) -> Vec<&str> {
    set.lines().filter(|line| line.starts_with("-a ") || line.starts_with("-w ")).collect()
}

/// `-k` or `-F key=` of a line.
fn key_of(line: &str) -> &str {
    let words: Vec<&str> = line.split(' ').collect();
    let after_k = words.iter().position(|w| *w == "-k").and_then(|at| words.get(at + 1)).copied();
    after_k.or_else(|| words.iter().find_map(|w| w.strip_prefix("key="))).expect("a key")
}

#[test]
fn the_sets_are_of_the_size_and_shape_that_hosts_have() {
    for (name, set) in SETS {
        let rules = rules_of(set);
        assert!(rules.len() >= 60, "{name}: {}", rules.len());
        assert_eq!(set.lines().rfind(|line| !line.is_empty()), Some("-e 2"), "{name}");
        for wanted in ["/etc/passwd -p wa", "chmod,fchmod", "-S execve"] {
            assert!(rules.iter().any(|rule| rule.contains(wanted)), "{name}: {wanted}");
        }
        let euid = rules.iter().any(|r| r.contains("-S execve") && r.contains("euid"));
        assert!(euid, "{name}: executions by euid");
    }
}

/// None of their rules does our work (they ask who did it, and we must not), so that ours are all loaded.
#[test]
fn no_rule_of_theirs_passes_for_one_of_ours() {
    let abis = Abi::of("x86_64", true);
    for program in ["/usr/sbin/usermod", "/usr/sbin/useradd", "/usr/bin/passwd"] {
        for abi in &abis {
            let ours = Rule::executions(*abi, Some(program.to_owned()));
            for (name, set) in SETS {
                let by = rules_of(set).into_iter().find(|line| lines::covers(line, &ours));
                assert_eq!(by, None, "{name} covers {ours}");
            }
        }
    }
}

/// The set about `program` and files of `folder` only, with the test's key beside each rule's own.
fn narrowed(set: &str, program: &Path, folder: &Path, key: &str) -> Vec<String> {
    let private = |path: &str| match path.rsplit('/').next() {
        Some("usermod") => program.display().to_string(),
        _ => format!("{}/{}", folder.display(), path.replace('/', "_")),
    };
    let narrow = |line: &str| {
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let after_w = words.last().is_some_and(|last| last == "-w");
            match word.strip_prefix("path=") {
                Some(path) => words.push(format!("path={}", private(path))),
                None if after_w => words.push(private(word)),
                // The test has no login uid; still a condition that ours do not have.
                None if word.starts_with("auid") => words.push("auid!=12345".to_owned()),
                None => words.push(word.to_owned()),
            }
        }
        if line.starts_with("-a") && !line.contains("-F path=") {
            words.extend(["-F".to_owned(), format!("exe={}", program.display())]);
        }
        words.extend(["-k".to_owned(), key.to_owned()]);
        words.join(" ")
    };
    rules_of(set).into_iter().map(narrow).collect()
}

/// `auditctl -R`, as augenrules does it: one bad line, and all behind it are not loaded.
fn load_file(folder: &Path, rules: &[String]) {
    let file = folder.join("set.rules");
    fs::write(&file, rules.join("\n") + "\n").expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("mode");
    auditctl(&["-R", file.to_str().expect("text")]);
}

/// Executes `program`; the `key=` of the SYSCALL record of that, as the kernel writes it.
fn key_seen(socket: &mut Socket, program: &Path) -> String {
    assert!(Command::new(program).arg("x").status().expect("it runs").success());
    let exe = format!("exe=\"{}\"", program.display());
    let (end, mut key) = (Instant::now() + Duration::from_secs(5), None);
    while key.is_none() {
        assert!(Instant::now() < end, "no record of {exe}");
        let deadline = Some(Instant::now() + Duration::from_millis(50));
        let mut take = |record: &Record<'_>| {
            let body = String::from_utf8_lossy(record.body);
            if record.kind == RecordType::SYSCALL && body.contains(&exe) && body.contains("syscall=59") {
                key = key.take().or_else(|| body.rsplit_once("key=").map(|(_, k)| k.trim().to_owned()));
            }
        };
        socket.receive(None, deadline, &mut take).expect("the socket reads on");
    }
    key.expect("a key")
}

/// Several keys come as hex, joined by 0x01.
fn names(key: &str, part: &str) -> bool {
    let hex: String = part.bytes().map(|b| format!("{b:02X}")).collect();
    key.contains(part) || key.contains(&hex)
}

#[test]
fn ours_beside_theirs_in_both_orders() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let program = private_usermod(folder.path());
    let path = program.to_str().expect("text").to_owned();
    let ours: Vec<Rule> =
        Abi::of_this_host().into_iter().map(|abi| Rule::executions(abi, Some(path.clone()))).collect();
    let mut control = Control::open().expect("audit");
    kernel_rules::unload(&mut control).expect("unload");
    let before = run("auditctl", &["-l"]);
    let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
    for (name, set) in SETS {
        let theirs = narrowed(set, &program, folder.path(), kernel.key());
        for ours_first in [false, true] {
            if ours_first {
                kernel_rules::load(&mut control, &ours).expect("load");
            }
            load_file(folder.path(), &theirs);
            let alone = control.rules().expect("rules");
            let done = kernel_rules::load(&mut control, &ours).expect("load");
            let loaded = control.rules().expect("rules");
            let key = key_seen(&mut socket, &program);

            // All of both are there, and nothing of theirs moved.
            let count = |key: &str| loaded.iter().filter(|r| r.keys().any(|k| k == key.as_bytes())).count();
            assert_eq!(count(kernel.key()), theirs.len(), "{name}");
            assert_eq!(count(KEY), ours.len(), "{name}");
            for line in rules_of(set) {
                assert!(count(key_of(line)) > 0, "{name}: {line}");
            }
            let added = if ours_first { 0 } else { ours.len() };
            assert_eq!((done.added.len(), done.refused.len()), (added, 0), "{name}");
            assert_eq!(!done.moved.is_empty(), ours_first, "{name}: {done:?}");
            let others = |rules: &[LoadedRule]| -> Vec<LoadedRule> {
                rules.iter().filter(|rule| !rule.has_only_key(KEY)).cloned().collect()
            };
            assert_eq!(others(&loaded), others(&alone), "{name}");
            // The first that matches gives its key: ours have stepped behind.
            assert!(names(&key, "usermod"), "{name}, ours first {ours_first}: {key}");

            auditctl(&["-D", "-k", kernel.key()]);
            assert_eq!(kernel_rules::unload(&mut control).expect("unload").len(), ours.len());
        }
    }
    assert_eq!(run("auditctl", &["-l"]), before);
}
