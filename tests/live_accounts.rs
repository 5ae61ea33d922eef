//! Ordinary work on accounts by shadow's own tools, on the real kernel: no alarm. tests/ordinary_accounts.rs has ten
//! thousand of these as records.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`]. The tools run in a root of their own, copied from the machine's,
//! with account files of its own.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use live::{Daemon, KernelAudit, Rsyslogd, auditctl, run, scratch};
use nix::sys::signal::Signal;

const TOOLS: [&str; 8] = [
    "/usr/sbin/useradd",
    "/usr/sbin/usermod",
    "/usr/sbin/userdel",
    "/usr/sbin/groupadd",
    "/usr/sbin/groupmod",
    "/usr/sbin/groupdel",
    "/usr/bin/gpasswd",
    "/usr/bin/chage",
];

const FILES: [(&str, &str); 6] = [
    ("passwd", "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/sh\n"),
    ("shadow", "root:*:19000:0:99999:7:::\nbob:!:19000:0:99999:7:::\n"),
    ("group", "root:x:0:\nsudo:x:27:\nusers:x:100:\nvideo:x:44:\nbob:x:1000:\n"),
    ("gshadow", "root:*::\nsudo:*::\nusers:*::\nvideo:*::\nbob:!::\n"),
    ("subuid", ""),
    ("subgid", ""),
];

/// A root with the tools, what they are linked with, and account files.
struct Root(PathBuf);

impl Root {
    /// None where a tool is missing.
    fn copy(folder: &Path) -> Option<Self> {
        let root = folder.join("root");
        let mut files: BTreeSet<String> = TOOLS.map(str::to_owned).into();
        for tool in TOOLS {
            let libraries = run("ldd", &[tool]);
            let words = libraries.split_whitespace().filter(|word| word.starts_with('/'));
            files.extend(words.map(str::to_owned));
        }
        for file in files {
            let copy = root.join(&file[1..]);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(&file, &copy).ok()?;
        }
        for directory in ["etc/default", "home", "dev", "var/mail"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (name, text) in FILES {
            fs::write(root.join("etc").join(name), text).unwrap();
        }
        fs::write(root.join("etc/nsswitch.conf"), "passwd: files\ngroup: files\nshadow: files\n").unwrap();
        fs::write(root.join("etc/login.defs"), "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\n")
            .unwrap();
        Some(Self(root))
    }

    /// Runs a tool in it; each works.
    fn run(&self, command: &str) {
        let output = Command::new("chroot").arg(&self.0).args(command.split(' ')).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn passwd(&self) -> String {
        fs::read_to_string(self.0.join("etc/passwd")).unwrap()
    }
}

#[test]
fn two_hundred_ordinary_operations_are_no_alarm_and_a_take_over_among_them_is_one() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let Some(root) = Root::copy(folder.path()) else {
        println!("skipped: no shadow tools");
        return;
    };
    kernel.turn_on();
    for tool in TOOLS {
        let path = format!("path={}{tool}", root.0.display());
        auditctl(&["-a", "always,exit", "-F", "arch=b64", "-S", "execve", "-F", &path, "-k", kernel.key()]);
    }
    for file in ["passwd", "shadow", "group", "gshadow"] {
        let path = root.0.join("etc").join(file);
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
    let line =
        rsyslogd.expect_line("| HIGH Account Given UID 0: /usr/sbin/usermod -ou 0 bob, account bob (0)");
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
