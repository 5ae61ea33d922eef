//! What is done to auditing itself, where no rule over records can tell it.
//!
//! The live part needs root, `auditctl`, `auditd` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use live::{Daemon, KernelAudit, Rsyslogd, auditctl, eventually, run, scratch};
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
    let config = folder.join("auditward.toml");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/rules");
    let socket = rsyslogd.socket.display();
    fs::write(&config, format!("rules = [\"{rules}\"]\n[syslog]\nsocket = \"{socket}\"\n")).unwrap();
    config
}

#[test]
fn auditd_that_is_killed_is_told_and_one_that_is_stopped_is_not() {
    let Some(kernel) = KernelAudit::take() else { return };
    if !Path::new("/usr/sbin/auditd").exists() || Path::new("/run/auditd.pid").exists() {
        println!("skipped: no auditd, or one of the host's own");
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
        "Audit Rules Loaded Anew: ",
        "Auditing Switched Off: ",
        "Audit Rules Removed: ",
    ] {
        assert_eq!(lines.iter().filter(|line| line.contains(told)).count(), 1, "{told}: {lines:?}");
    }
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
    let wanted =
        "-t|auditward|-p|authpriv.crit|HIGH Auditward Ended Otherwise Than It Should: signal, killed KILL|";
    assert_eq!(told("signal", "killed", "KILL"), wanted);
    assert!(told("watchdog", "killed", "ABRT").contains(": watchdog, killed ABRT|"));
}
