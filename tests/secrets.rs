//! No output shows a secret that stands in arguments; rules see it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose program cannot be run fails")]

mod common;
mod program;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use common::hex;
use program::auditward;
use serde_json::Value;

const SECRET: &str = "korrekt-Pferd";

/// Records as the kernel and sudo write them: a shell, below it mysql with a password, a program that was
/// started by that (whose parent it is), a title with one, a command of sudo's, an argument that is not UTF-8.
fn log() -> String {
    let mut log = String::new();
    let mut exec = |serial: u32, pid: u32, ppid: u32, exe: &str, args: &[&[u8]]| {
        let stamp = format!("audit(1790000100.{serial:03}:{serial})");
        let name = exe.rsplit('/').next().unwrap();
        write!(
            log,
            "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 ppid={ppid} \
             pid={pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"{name}\" \
             exe=\"{exe}\" key=(null)\ntype=EXECVE msg={stamp}: argc={}",
            args.len()
        )
        .unwrap();
        for (at, arg) in args.iter().enumerate() {
            write!(log, " a{at}={}", hex(arg).to_uppercase()).unwrap();
        }
        let title = hex(args.join(&0)).to_uppercase();
        writeln!(
            log,
            "\ntype=CWD msg={stamp}: cwd=\"/root\"\ntype=PROCTITLE msg={stamp}: proctitle={title}\ntype=EOE msg={stamp}: "
        )
        .unwrap();
    };
    let glued = format!("-p{SECRET}");
    let url = format!("https://bob:{SECRET}@example.org/");
    let line = format!("mysql -u root {glued} sales");
    exec(101, 10, 9, "/usr/bin/bash", &[b"bash", b"-c", line.as_bytes()]);
    exec(102, 11, 10, "/usr/bin/mysql", &[b"mysql", b"-u", b"root", glued.as_bytes(), b"sales"]);
    exec(103, 12, 11, "/usr/bin/less", &[b"less"]);
    exec(104, 13, 10, "/usr/bin/git", &[b"git", b"clone", url.as_bytes()]);
    exec(
        105,
        14,
        10,
        "/usr/sbin/usermod",
        &[b"usermod", b"-p", &[SECRET.as_bytes(), b"\xff"].concat(), b"bob"],
    );
    writeln!(
        log,
        "type=USER_CMD msg=audit(1790000100.106:106): pid=15 uid=1000 auid=1000 ses=3 msg='cwd=\"/\" cmd={} \
         exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'",
        hex(&line).to_uppercase()
    )
    .unwrap();
    log
}

/// The secret as it is, and as audit writes what has a blank or is no UTF-8.
fn shown(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains(&SECRET.to_lowercase()) || text.contains(&hex(SECRET))
}

fn tokens(text: &str) -> BTreeSet<&str> {
    text.match_indices("{secret:").filter_map(|(at, _)| text.get(at..at + 21)).collect()
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let (status, out, err) = auditward(folder, arguments);
    assert_eq!(status, 0, "{arguments:?}: {err}");
    out
}

#[test]
fn events_show_none() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("audit.log"), log()).unwrap();
    for format in ["json", "text"] {
        let plain = run(folder.path(), &["events", "--format", format, "--secrets", "keep", "audit.log"]);
        assert!(shown(&plain));
        let masked = run(folder.path(), &["events", "--format", format, "audit.log"]);
        assert!(!shown(&masked), "{masked}");
        assert_eq!(plain.lines().count(), masked.lines().count());
        // One of the password, one of that with a byte behind it; a title shows that byte in another way.
        let wanted = if format == "json" { 3 } else { 2 };
        assert_eq!(tokens(&masked).len(), wanted, "{masked}");
    }
}

#[test]
fn all_else_of_an_event_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("audit.log"), log()).unwrap();
    let plain = run(folder.path(), &["events", "--secrets", "keep", "audit.log"]);
    let masked = run(folder.path(), &["events", "--secrets", "mask", "audit.log"]);
    let mut differing = BTreeSet::new();
    for (plain, masked) in plain.lines().zip(masked.lines()) {
        let (plain, masked): (Value, Value) =
            (serde_json::from_str(plain).unwrap(), serde_json::from_str(masked).unwrap());
        differences("", &plain, &masked, &mut differing);
    }
    let wanted = [
        ".auditd.data.a2_hex",
        ".auditd.data.cmd",
        ".process.args",
        ".process.command_line",
        ".process.parent.args",
        ".process.parent.command_line",
        ".process.title",
    ];
    let found: Vec<&str> = differing.iter().map(String::as_str).collect();
    assert_eq!(found, wanted);
}

fn differences(path: &str, plain: &Value, masked: &Value, found: &mut BTreeSet<String>) {
    match (plain, masked) {
        (Value::Object(plain), Value::Object(masked)) => {
            assert!(plain.keys().eq(masked.keys()), "{path}");
            for (key, value) in plain {
                differences(&format!("{path}.{key}"), value, &masked[key], found);
            }
        }
        _ if plain != masked => drop(found.insert(path.to_owned())),
        _ => {}
    }
}

/// A rule on the secret itself, one on a program whose parent was given it, one on two executions in a row.
fn rules(folder: &Path) {
    let rule = |name: &str, query: &str| {
        let text = format!(
            "[rule]\nrule_id = \"{name}\"\nname = \"{name}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 1\nquery = '''{query}'''\n"
        );
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules").join(format!("{name}.toml")), text).unwrap();
    };
    rule("secret", &format!("process where process.args : \"*{SECRET}*\""));
    rule("child", "process where process.name == \"less\"");
    rule(
        "pair",
        "sequence by user.id [process where process.name == \"mysql\"] [process where process.name == \"git\"]",
    );
}

#[test]
fn alerts_show_none_and_rules_see_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("audit.log"), log()).unwrap();
    rules(folder.path());
    for format in ["json", "text", "syslog"] {
        let replay = |secrets| {
            run(
                folder.path(),
                &["replay", "--rules", "rules", "--format", format, "--secrets", secrets, "audit.log"],
            )
        };
        let (plain, masked) = (replay("keep"), replay("mask"));
        assert!(shown(&plain));
        assert!(!shown(&masked), "{masked}");
        assert_eq!(plain.lines().count(), 6, "bash, mysql, git, usermod; less; mysql and git: {plain}");
        assert_eq!(masked.lines().count(), 6);
        assert!(!tokens(&masked).is_empty());
    }
}

#[test]
fn equal_secrets_have_equal_tokens_and_another_run_has_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("audit.log"), log()).unwrap();
    let first = run(folder.path(), &["events", "audit.log"]);
    let git = first.lines().find(|line| line.contains("git clone")).unwrap();
    let mysql = first.lines().find(|line| line.contains("\"mysql -u root")).unwrap();
    assert_eq!(tokens(git), tokens(mysql));
    // Without the daemon's key it is of this run alone.
    if !Path::new("/var/lib/auditward/secret.key").exists() {
        let second = run(folder.path(), &["events", "audit.log"]);
        assert!(tokens(&first).is_disjoint(&tokens(&second)));
    }
}
