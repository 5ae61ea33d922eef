//! What is done to auditing itself, where no rule over records can tell it.
//!
//! The live part needs root, `auditctl`, `auditd` and `rsyslogd`; see [`live`]. What is not here: that auditward itself is killed
//! (`tests/live_status.rs`), and that its receive buffer was full (`tests/live_run.rs`). The table is in docs/detection.md.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use live::{Daemon, KernelAudit, Rsyslogd, auditctl, eventually, private_usermod, run, scratch};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// An auditd with a configuration and a log of its own. It leaves the kernel's settings and rules alone.
struct Auditd(Child);

impl Auditd {
    /// Starts it and waits until the kernel sends it the records.
    fn start(folder: &Path) -> Self {
        let directory = folder.join("auditd");
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
        let log = directory.join("audit.log");
        let text = format!(
            "log_file = {}\nlog_format = RAW\nlocal_events = yes\nwrite_logs = yes\nflush = NONE\nmax_log_file = 8\n\
             num_logs = 2\nspace_left = 2\nadmin_space_left = 1\nspace_left_action = IGNORE\n\
             admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\n",
            log.display()
        );
        let configuration = directory.join("auditd.conf");
        fs::write(&configuration, text).unwrap();
        fs::set_permissions(&configuration, fs::Permissions::from_mode(0o640)).unwrap();
        fs::create_dir_all(directory.join("plugins.d")).unwrap();
        let mut command = Command::new("/usr/sbin/auditd");
        command.args(["-n", "-s", "nochange", "-c"]).arg(&directory);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let auditd = Self(child);
        eventually("auditd gets the records", || {
            let status = run("auditctl", &["-s"]);
            let wanted = format!("pid {}", auditd.0.id());
            if status.lines().any(|line| line == wanted) { Ok(()) } else { Err(status) }
        });
        auditd
    }

    fn end(mut self, signal: Signal) -> u32 {
        let pid = self.0.id();
        nix::sys::signal::kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
        self.0.wait().unwrap();
        pid
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        // It takes its leave, so that the kernel does not go on sending.
        let _ = nix::sys::signal::kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGTERM);
        let _ = self.0.wait();
        let _ = fs::remove_file("/run/auditd.pid");
    }
}

/// A configuration in `folder`: the shipped rules, alerts to `rsyslogd`.
fn configuration(folder: &Path, rsyslogd: &Rsyslogd) -> PathBuf {
    configured(folder, rsyslogd, concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))
}

/// The same with rules of the test's own.
fn configured(folder: &Path, rsyslogd: &Rsyslogd, rules: &str) -> PathBuf {
    let config = folder.join("auditward.toml");
    let socket = rsyslogd.socket.display();
    fs::write(&config, format!("rules = [\"{rules}\"]\n[syslog]\nsocket = \"{socket}\"\n")).unwrap();
    config
}

/// Whether there is an auditd, and none of the host's own; why not is printed.
fn may_run_auditd() -> bool {
    let may = Path::new("/usr/sbin/auditd").exists() && !Path::new("/run/auditd.pid").exists();
    if !may {
        println!("skipped: no auditd, or one of the host's own");
    }
    may
}

#[test]
fn auditd_that_is_killed_is_told_and_one_that_is_stopped_is_not() {
    let Some(kernel) = KernelAudit::take() else { return };
    if !may_run_auditd() {
        return;
    }
    kernel.turn_on();
    let folder = scratch();
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = configuration(folder.path(), &rsyslogd);
    // One runs before the daemon starts, one begins while it watches.
    let first = Auditd::start(folder.path());
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    let first = first.end(Signal::SIGTERM);
    rsyslogd.expect_line("| LOW Audit Daemon Stopped: ");
    let second = Auditd::start(folder.path()).end(Signal::SIGKILL);
    let line = rsyslogd.expect_line("| HIGH Audit Daemon Killed: ");
    assert!(line.contains(&format!("auditd (pid {second}) ended without a word")), "{line}");
    assert!(line.contains("; none runs now"), "{line}");
    daemon.process.end(Signal::SIGTERM);
    let lines = rsyslogd.lines();
    assert_eq!(lines.iter().filter(|line| line.contains("Daemon Killed")).count(), 1, "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains(&format!("(pid {first}) ended"))), "{lines:?}");
    let _ = fs::remove_file("/run/auditd.pid");
    drop(kernel);
}

/// What is done to auditing by its own tool, live: each act is told. The last two are the last that the kernel says, so that only
/// time can tell that no rule came in place of the one that went.
#[test]
fn each_act_against_auditing_is_told_also_when_it_is_the_last_thing_said() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = configuration(folder.path(), &rsyslogd);
    let watched = folder.path().join("watched").display().to_string();
    let watch = ["-w", watched.as_str(), "-p", "wa", "-k", kernel.key()];
    let unwatch = ["-W", watched.as_str(), "-p", "wa", "-k", kernel.key()];
    auditctl(&watch);
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    auditctl(&["-b", "63"]);
    rsyslogd.expect_line("| MEDIUM Audit Queue Made Shorter: ");
    // More than anybody reaches here: nothing is lost by it.
    auditctl(&["-r", "1000000"]);
    auditctl(&["-r", "0"]);
    rsyslogd.expect_line("| MEDIUM Audit Records Limited by Rate: ");
    auditctl(&unwatch);
    auditctl(&watch);
    rsyslogd.expect_line("| LOW Audit Rules Loaded Anew: ");
    // A rule that goes so shortly after is a part of the same, and what is seen to go is seen after a while of silence.
    std::thread::sleep(std::time::Duration::from_secs(6));
    auditctl(&unwatch);
    auditctl(&["-e", "0"]);
    rsyslogd.expect_line("| HIGH Auditing Switched Off: ");
    rsyslogd.expect_line("| MEDIUM Audit Rules Removed: ");
    daemon.process.end(Signal::SIGTERM);
    let lines = rsyslogd.lines();
    for told in [
        "Audit Queue Made Shorter: ",
        "Audit Records Limited by Rate: ",
        "Audit Rules Loaded Anew: ",
        "Auditing Switched Off: ",
        "Audit Rules Removed: ",
    ] {
        assert_eq!(lines.iter().filter(|line| line.contains(told)).count(), 1, "{told}: {lines:?}");
    }
}

/// auditd that is stopped and stays away, and nothing is said after it. The rule waits three seconds here, and two minutes as it
/// is shipped.
#[test]
fn auditd_that_does_not_come_back_is_told_when_nothing_else_is_said() {
    let Some(kernel) = KernelAudit::take() else { return };
    if !may_run_auditd() {
        return;
    }
    kernel.turn_on();
    let folder = scratch();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/defense_evasion_auditd_not_back.toml");
    let text = fs::read_to_string(shipped).unwrap();
    assert_eq!(text.matches("maxspan=2m").count(), 1);
    let rule = folder.path().join("sooner.toml");
    fs::write(&rule, text.replace("maxspan=2m", "maxspan=3s")).unwrap();
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = configured(folder.path(), &rsyslogd, rule.to_str().unwrap());
    let auditd = Auditd::start(folder.path());
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    auditd.end(Signal::SIGTERM);
    rsyslogd.expect_line("| MEDIUM Audit Daemon Stopped and Not Back: ");
    daemon.process.end(Signal::SIGTERM);
    drop(kernel);
}

/// Auditward's own files in a tree that stands in for /etc, /usr/bin and /usr/share, in a mount namespace of each act's own.
struct OwnFiles {
    root: PathBuf,
}

impl OwnFiles {
    fn lay_out(folder: &Path) -> Self {
        let root = folder.join("root");
        for directory in [
            "etc/auditward/rules.d",
            "etc/audit/rules.d",
            "etc/systemd/system/multi-user.target.wants",
            "usr/bin",
            "usr/share/auditward/rules",
        ] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in [
            "etc/auditward/auditward.toml",
            "etc/audit/rules.d/70-auditward.rules",
            "etc/systemd/system/multi-user.target.wants/auditward.service",
            "etc/systemd/system/multi-user.target.wants/other.service",
            "usr/bin/auditward",
            "usr/share/auditward/rules/a.toml",
            "usr/share/auditward/rules/b.toml",
        ] {
            fs::write(root.join(file), "").unwrap();
        }
        // What the kernel calls a package manager is what lies at its path.
        for (program, name) in [
            ("/bin/sh", "sh"),
            ("/bin/sh", "dpkg"),
            ("/bin/rm", "rm"),
            ("/bin/ln", "ln"),
            ("/bin/mkdir", "mkdir"),
        ] {
            fs::copy(program, root.join("usr/bin").join(name)).unwrap();
        }
        Self { root }
    }

    /// Runs `command` by `shell` with the tree in place of the host's directories; `told` is awaited before the shell ends, so
    /// that there is a parent to be looked at.
    fn act(&self, shell: &str, command: &str, told: impl FnOnce()) {
        let root = self.root.display();
        let script = format!(
            "mount --bind {root}/etc /etc && mount --bind {root}/usr/share /usr/share && \
             mount --bind {root}/usr/bin /usr/bin && exec /usr/bin/{shell} -c '{command}; read end || :'"
        );
        let mut command = Command::new("unshare");
        let mut child =
            command.args(["-m", "/bin/sh", "-ec", &script]).stdin(Stdio::piped()).spawn().unwrap();
        told();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success(), "{script}");
    }
}

/// Each way to change what auditward is, does or starts with, as the last thing that the kernel says; those of a package manager and
/// of what it starts are low. No execution is recorded: whom a program was started by is known from /proc.
#[test]
fn each_change_of_our_own_files_is_told_also_when_it_is_the_last_thing_said() {
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let folder = scratch();
    let files = OwnFiles::lay_out(folder.path());
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = configuration(folder.path(), &rsyslogd);
    for tree in ["etc", "usr"] {
        let watched = files.root.join(tree).display().to_string();
        auditctl(&["-w", &watched, "-p", "wa", "-k", kernel.key()]);
    }
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    let told = |text: &str| rsyslogd.lines().iter().filter(|line| line.contains(text)).count();
    let one_more = |text: &str, shell: &str, command: &str| {
        let before = told(text);
        files.act(shell, command, || {
            eventually(&format!("{text} for {shell}: {command}"), || match told(text) - before {
                0 => Err(rsyslogd.lines().join("\n")),
                _ => Ok(()),
            });
        });
    };
    for command in [
        "echo x >>/usr/bin/auditward",
        "echo x >>/etc/auditward/auditward.toml",
        "echo x >/etc/auditward/rules.d/mine.toml",
        "rm /usr/share/auditward/rules/a.toml",
        "ln -s /dev/null /etc/systemd/system/auditward.service",
        "echo x >/etc/systemd/system/auditward.service.d.conf",
        "rm /etc/systemd/system/multi-user.target.wants/auditward.service",
        "rm /etc/audit/rules.d/70-auditward.rules",
    ] {
        one_more("| MEDIUM Auditward Changed by No Package Manager: ", "sh", command);
    }
    let before = told("| MEDIUM ");
    for command in [
        "echo x >>/usr/bin/auditward",
        "rm /usr/share/auditward/rules/b.toml",
        "sh -c \"ln -s x /etc/systemd/system/multi-user.target.wants/auditward.socket; read end || :\"",
    ] {
        one_more("| LOW Auditward Changed by a Package Manager: ", "dpkg", command);
    }
    // The neighbour's link is none of ours; what comes after it is told, and nothing of it.
    files.act("sh", "rm /etc/systemd/system/multi-user.target.wants/other.service", || {});
    one_more(
        "| LOW Auditward Changed by a Package Manager: ",
        "dpkg",
        "echo x >>/etc/auditward/auditward.toml",
    );
    daemon.process.end(Signal::SIGTERM);
    assert_eq!(told("| MEDIUM "), before, "{:?}", rsyslogd.lines());
    assert!(!rsyslogd.lines().iter().any(|line| line.contains("other.service")), "{:?}", rsyslogd.lines());
}

/// The kernel loses records before anybody can read them: here since no more than one a second are let through.
#[test]
fn records_that_the_kernel_loses_are_an_alert() {
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let usermod = private_usermod(folder.path());
    kernel.record_executions_of(&usermod);
    let rsyslogd = Rsyslogd::start(folder.path());
    let config = configuration(folder.path(), &rsyslogd);
    let mut daemon = Daemon::start(folder.path(), &["--config", config.to_str().unwrap()]);
    rsyslogd.expect_line("| started, ");
    auditctl(&["-r", "1"]);
    for _ in 0..20 {
        assert!(Command::new(&usermod).arg("-L").status().unwrap().success());
    }
    let line = rsyslogd.expect_line("| MEDIUM Audit Records Lost: ");
    assert!(line.contains(" lost: in the kernel, before any reader on "), "{line}");
    daemon.process.end(Signal::SIGTERM);
    drop(kernel);
}

/// The unit's `ExecStopPost=`, as a shell runs it with what systemd sets: `logger` is called with one line when
/// the end was none of the daemon's own, and not at all otherwise.
#[test]
fn the_unit_tells_of_an_end_that_is_none() {
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/auditward.service")).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStopPost=-/bin/sh -c '")).unwrap();
    let script = line.strip_suffix('\'').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let logger = folder.path().join("logger");
    fs::write(&logger, "#!/bin/sh\nprintf '%s|' \"$@\"\n").unwrap();
    fs::set_permissions(&logger, fs::Permissions::from_mode(0o755)).unwrap();
    let told = |result: &str, code: &str, status: &str| {
        let output = Command::new("/bin/sh")
            .args(["-c", script])
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .envs([("SERVICE_RESULT", result), ("EXIT_CODE", code), ("EXIT_STATUS", status)])
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(told("success", "exited", "0"), "");
    let wanted = "-i|-t|auditward|-p|authpriv.crit|HIGH Auditward Ended Otherwise Than It Should: signal, killed KILL|";
    assert_eq!(told("signal", "killed", "KILL"), wanted);
    assert!(told("watchdog", "killed", "ABRT").contains(": watchdog, killed ABRT|"));
}
