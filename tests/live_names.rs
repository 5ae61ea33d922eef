//! Names of users on the real kernel: the daemon never waits for a name service (F43), and gives no name of the
//! host's to a process that sees other accounts (F47).
//!
//! Needs root, `auditctl`, `rsyslogd`; F43 a C compiler, F47 `unshare`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use live::{Daemon, KernelAudit, Rsyslogd, eventually, private_usermod, scratch, uncapped};
use serde_json::Value as Json;

/// What a hanging directory service looks like to a program: every look-up by number takes 5 s (4242), or fails
/// as a network does (4243). Each call is written down.
const SLOW_NSS: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int asked(const char *what, unsigned id) {
    const char *path = getenv("SLOW_NSS_LOG");
    char line[64];
    int length = snprintf(line, sizeof line, "%s %u\n", what, id);
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0666) : -1;
    if (fd >= 0) { if (write(fd, line, length) < 0) abort(); close(fd); }
    if (id == 4243) { errno = ECONNREFUSED; return ECONNREFUSED; }
    sleep(5);
    return 0;
}

struct passwd *getpwuid(uid_t id) { asked("getpwuid", id); return NULL; }
struct group *getgrgid(gid_t id) { asked("getgrgid", id); return NULL; }
int getpwuid_r(uid_t id, struct passwd *p, char *b, size_t n, struct passwd **r) { *r = NULL; return asked("getpwuid_r", id); }
int getgrgid_r(gid_t id, struct group *g, char *b, size_t n, struct group **r) { *r = NULL; return asked("getgrgid_r", id); }
"#;

/// Compiles [`SLOW_NSS`].
fn slow_nss(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("slow_nss.c"), folder.join("slow_nss.so"));
    fs::write(&source, SLOW_NSS).expect("source");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(status.expect("a C compiler").success());
    library
}

/// A configuration for the private rsyslogd, with documents into a file.
fn configuration(folder: &Path, rsyslogd: &Rsyslogd) -> (PathBuf, PathBuf) {
    let (file, alerts) = (folder.join("auditward.toml"), folder.join("alerts"));
    fs::create_dir(&alerts).expect("folder");
    fs::set_permissions(&alerts, std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("mode");
    let documents = alerts.join("alerts.ndjson");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");
    let rule = folder.join("rule.toml");
    fs::write(&rule, uncapped(&fs::read_to_string(shipped).expect("the rule"))).expect("a copy");
    let socket = &rsyslogd.socket;
    let text = format!("rules = [{rule:?}]\n[syslog]\nsocket = {socket:?}\n[file]\npath = {documents:?}\n");
    fs::write(&file, text).expect("configuration");
    (file, documents)
}

/// The documents of `file` so far.
fn documents(file: &Path) -> Vec<Json> {
    let text = live::growth::whole_lines(file);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Waits for the document of the take-over of `account`.
fn document_of(file: &Path, account: &str) -> Json {
    eventually(&format!("the alert of {account}"), || {
        let takes = |d: &Json| d.pointer("/process/args/4").is_some_and(|a| a == account);
        documents(file).into_iter().find(takes).ok_or_else(|| format!("{} others", documents(file).len()))
    })
}

#[test]
fn f43_a_name_service_that_hangs_delays_no_alert() {
    const EACH: u32 = 100;
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let (library, calls) = (slow_nss(folder.path()), folder.path().join("calls"));
    let preloaded = |command: &mut Command| {
        command.env("LD_PRELOAD", &library).env("SLOW_NSS_LOG", &calls);
    };
    // It works: a program that does ask is refused a name, and is written down.
    let mut id = Command::new("id");
    preloaded(id.args(["-un"]).uid(4243).gid(4243));
    fs::write(&calls, "").expect("file");
    fs::set_permissions(&calls, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("mode");
    assert!(!id.output().expect("id runs").status.success());
    assert!(fs::read_to_string(&calls).expect("calls").contains("getpwuid"), "the module stands in the way");
    fs::write(&calls, "").expect("file");

    let usermod = private_usermod(folder.path());
    kernel.record_executions_of(&usermod);
    let rsyslogd = Rsyslogd::start(folder.path());
    let (file, written) = configuration(folder.path(), &rsyslogd);
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    preloaded(command.arg("run").arg("--config").arg(&file));
    let _daemon = Daemon::start_by(&mut command, folder.path());

    let mut slowest = Duration::ZERO;
    for n in 0..2 * EACH {
        let (uid, account) = (4242 + n % 2, format!("carol{n}"));
        let start = Instant::now();
        let mut child = Command::new(&usermod);
        child.args(["-u", "0", "-o", &account]).uid(uid).gid(uid).current_dir("/");
        assert!(child.status().expect("usermod runs").success());
        rsyslogd.expect_line(&format!("-o {account}"));
        slowest = slowest.max(start.elapsed());
    }
    println!("{} take-overs by numbers without an account: slowest line after {slowest:?}", 2 * EACH);
    // One look-up alone would take 5 s.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let alert = document_of(&written, "carol0");
    assert_eq!(alert.pointer("/user/id"), Some(&Json::from("4242")), "the number, at once");
    assert_eq!(alert.pointer("/user/name"), None);
    assert_eq!(fs::read_to_string(&calls).expect("calls"), "", "nobody asked the name service for a number");
}

#[test]
fn f47_a_process_in_namespaces_of_its_own_gets_no_name_of_the_host() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let usermod = private_usermod(folder.path());
    kernel.record_executions_of(&usermod);
    let rsyslogd = Rsyslogd::start(folder.path());
    let (file, written) = configuration(folder.path(), &rsyslogd);
    let _daemon = Daemon::start(folder.path(), &["--config", file.to_str().expect("a path that is UTF-8")]);

    assert!(Command::new(&usermod).args(["-u", "0", "-o", "on-the-host"]).status().expect("runs").success());
    let on_host = document_of(&written, "on-the-host");
    assert_eq!(on_host.pointer("/user/name"), Some(&Json::from("root")), "this host's name for 0: {on_host}");

    let passwd = folder.path().join("passwd");
    fs::write(&passwd, "toor:x:0:0::/root:/bin/sh\n").expect("another passwd");
    // What it starts with is this host's shell, and it stays until its child was looked at.
    let script = format!(
        "mount --bind {} /etc/passwd && id -un && {} -u 0 -o inside && sleep 1",
        passwd.display(),
        usermod.display()
    );
    let unshared = Command::new("unshare").args(["-m", "-p", "-f", "sh", "-c", &script]).output();
    let unshared = unshared.expect("unshare runs");
    let said = String::from_utf8_lossy(&unshared.stdout);
    if !unshared.status.success() {
        let why = String::from_utf8_lossy(&unshared.stderr);
        assert!(std::env::var_os("AUDITWARD_LIVE").is_none(), "unshare: {why}");
        println!("skipped: unshare: {why}");
        return;
    }
    assert_eq!(said.trim(), "toor", "what 0 is called in there");
    let inside = document_of(&written, "inside");
    assert_eq!(inside.pointer("/user/id"), Some(&Json::from("0")), "the number always");
    assert_eq!(inside.pointer("/user/name"), None, "no name from the wrong file: {inside}");
    let lines = ["-o on-the-host", "-o inside"].map(|text| rsyslogd.expect_line(text));
    assert!(lines[0].contains(" as root"), "{}", lines[0]);
    assert!(lines[1].contains(" as uid 0 "), "nor in the line: {}", lines[1]);
    println!("{}", lines[1]);
}
