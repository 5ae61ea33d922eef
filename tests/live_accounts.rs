//! Ordinary work on accounts by shadow's own tools, on the real kernel: no alarm. tests/ordinary_accounts.rs has ten
//! thousand of these as records.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`]. The tools run in a root of their own, copied from the machine's,
//! with account files of its own.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;

use live::chroot::{Root, TOOLS};
use live::{Daemon, KernelAudit, Rsyslogd, auditctl, scratch};
use nix::sys::signal::Signal;

#[test]
fn two_hundred_ordinary_operations_are_no_alarm_and_a_take_over_among_them_is_one() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let Some(root) = Root::copy(&folder.path().join("root")) else {
        println!("skipped: no shadow tools");
        return;
    };
    kernel.turn_on();
    for tool in TOOLS {
        let path = format!("path={}{tool}", root.path().display());
        auditctl(&["-a", "always,exit", "-F", "arch=b64", "-S", "execve", "-F", &path, "-k", kernel.key()]);
    }
    for file in ["passwd", "shadow", "group", "gshadow"] {
        let path = root.path().join("etc").join(file);
        auditctl(&["-w", path.to_str().unwrap(), "-p", "wa", "-k", kernel.key()]);
    }
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = folder.path().join("auditward.toml");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let socket = rsyslogd.socket.display();
    fs::write(&config, format!("rules = [\"{rules}\"]\n[syslog]\nsocket = \"{socket}\"\n")).unwrap();
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    let ordinary = |from: usize, to: usize| {
        for n in from..to {
            let spelling = ["-u ", "-u", "--uid ", "--uid="][n % 4];
            for command in [
                format!("/usr/sbin/useradd -M -c Nr.{n} u{n}"),
                format!("/usr/sbin/usermod {spelling}{} u{n}", 3000 + n),
                format!("/usr/sbin/usermod -o -u 1000 -s /bin/sh u{n}"),
                format!("/usr/sbin/usermod -aG users,video u{n}"),
                format!("/usr/sbin/groupadd -g {} g{n}", 4000 + n),
                format!("/usr/bin/gpasswd -a u{n} g{n}"),
                format!("/usr/bin/gpasswd -d u{n} g{n}"),
                format!("/usr/sbin/groupmod -n h{n} g{n}"),
                format!("/usr/bin/chage -M 90 u{n}"),
                "/usr/sbin/usermod -s /bin/bash root".to_owned(),
                format!("/usr/sbin/groupdel h{n}"),
                format!("/usr/sbin/userdel u{n}"),
            ] {
                root.run(&command);
            }
        }
    };
    ordinary(0, 9);
    root.run("/usr/sbin/usermod -ou 0 bob");
    assert!(root.passwd().contains("\nbob:x:0:"), "{}", root.passwd());
    let line = rsyslogd.expect_line(" Account Given UID 0: /usr/sbin/usermod -ou 0 bob, account bob (0)");
    // It is not the host's root; who has ended before that can be seen ranks as the host's, and who ended a moment later
    // is told without the root's path.
    let medium = line.contains("| MEDIUM ") && line.contains(", in another root");
    assert!(medium || line.contains("| HIGH "), "{line}");
    assert!(line.contains(", also matched by UID 0 Asked of an Account Tool; time="), "{line}");
    ordinary(9, 18);
    root.run("/usr/sbin/usermod -aG sudo bob");
    rsyslogd.expect_line("| LOW Privileged Group Asked of an Account Tool: /usr/sbin/usermod -aG sudo bob");
    assert_eq!(daemon.socket().expect("socket").drops, 0);
    daemon.process.end(Signal::SIGTERM);
    let lines = rsyslogd.lines();
    let alerts: Vec<_> = lines.iter().filter(|line| line.contains(" severity=")).collect();
    assert_eq!(alerts.len(), 2, "nothing else: {alerts:#?}");
}
