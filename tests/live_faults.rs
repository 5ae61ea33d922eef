//! Faults under the daemon while it runs, on the real kernel: each is made, what is lost is told, and the next act alerts.
//!
//! The table of all faults is in docs/reliability.md. Needs root, `auditctl` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use live::stage::{Stage, alone, apart, configuration};
use live::{KernelAudit, answered_status, auditctl, eventually, lost_in_kernel, scratch, status, take_over};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A control group of this test's own; gone with all that is in it when this is dropped.
struct ControlGroup(PathBuf);

impl ControlGroup {
    /// One of `controller`, with this in its file (of version 1's name, or of version 2's); none, with a printed reason, where
    /// that cannot be had.
    fn make(controller: &str, limits: [&str; 2], value: &str) -> Option<Self> {
        let name = format!("auditward-test-{}", std::process::id());
        let roots = [format!("/sys/fs/cgroup/{controller}"), "/sys/fs/cgroup".to_owned()];
        for (root, limit) in roots.iter().zip(limits) {
            let group = Self(Path::new(root).join(&name));
            if fs::create_dir(&group.0).is_ok() && fs::write(group.0.join(limit), value).is_ok() {
                return Some(group);
            }
        }
        println!("skipped: no control group of {controller} can be made here");
        None
    }

    fn take(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("a process joins the control group");
    }

    fn processes(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Ends all that is in it: a bomb has new processes until nobody is left to make one.
    fn empty(&self) {
        eventually("nothing is left in the control group", || {
            let mut count = 0;
            for pid in self.processes() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                count += 1;
            }
            if count == 0 { Ok(()) } else { Err(format!("{count} left")) }
        });
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        for _ in 0..1_000 {
            for pid in self.processes() {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            if fs::remove_dir(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn auditing_switched_off_is_told_and_what_comes_after_it_is_on_again_alerts() {
    let Some(mut stage) = Stage::set_whole() else { return };
    auditctl(&["-e", "0"]);
    stage.rsyslogd.expect_line("| HIGH Auditing Switched Off: ");
    take_over(&stage.usermod, "unseen");
    auditctl(&["-e", "1"]);
    take_over(&stage.usermod, "seen");
    stage.rsyslogd.expect_line("-o seen,");
    assert!(stage.daemon.process.end(Signal::SIGTERM).success(), "{}", stage.daemon.stderr());
    assert_eq!((stage.told("-o unseen,"), stage.told("-o seen,"), stage.told("Switched Off")), (0, 1, 1));
}

/// A debugger closes it in the daemon, as a fault of the daemon's own would.
#[test]
fn the_netlink_socket_closed_under_it_ends_the_daemon_with_a_word_and_the_next_one_sees_again() {
    if Command::new("gdb").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: gdb is not installed");
        return;
    }
    let Some(mut stage) = Stage::set() else { return };
    stage.alerts("before");
    let descriptor = stage.daemon.socket_descriptor().expect("the audit socket");
    let close = format!("call ((int (*)(int)) __close)({descriptor})");
    let done = Command::new("gdb")
        .args(["-nx", "-batch", "-p", &stage.daemon.process.pid().to_string(), "-ex", &close])
        .stdin(Stdio::null())
        .output()
        .expect("gdb runs");
    let ended = stage.daemon.process.ended();
    assert!(!ended.success(), "{ended}: {}", String::from_utf8_lossy(&done.stderr));
    assert!(stage.daemon.stderr().contains("the audit socket failed"), "{}", stage.daemon.stderr());
    stage.rsyslogd.expect_line("| stopped: ");
    stage.start_again();
    stage.alerts("after");
    assert_eq!(stage.told("-o before,"), 1);
}

/// The kernel's own queue has room for one record, and nobody waits for room: what does not fit is lost before any reader, which is
/// told with the number, and what comes when there is room alerts.
#[test]
fn a_backlog_that_overflows_is_told_to_the_record_and_the_next_act_alerts() {
    let Some(stage) = Stage::set_whole() else { return };
    let before = lost_in_kernel();
    let _restored = BacklogWait::none();
    auditctl(&["-b", "1"]);
    eventually("records are lost in the kernel", || {
        let burst: Vec<_> = (0..20)
            .map(|_| Command::new(&stage.usermod).arg("-L").spawn().expect("usermod starts"))
            .collect();
        burst.into_iter().for_each(|mut one| _ = one.wait());
        if lost_in_kernel() > before + 100 { Ok(()) } else { Err("none yet".into()) }
    });
    auditctl(&["-b", "8192"]);
    let lost = lost_in_kernel() - before;
    eventually("all of it is told", || {
        let report = answered_status(&stage.runtime());
        if report["lost"]["kernel_records"] == lost {
            Ok(())
        } else {
            Err(format!("{lost}: {}", report["lost"]))
        }
    });
    let line = stage.rsyslogd.expect_line("| MEDIUM Audit Records Lost: ");
    assert!(line.contains(" lost: in the kernel, before any reader on "), "{line}");
    take_over(&stage.usermod, "after");
    stage.rsyslogd.expect_line("-o after,");
    assert_eq!(lost_in_kernel() - before, lost);
    println!("{lost} records lost, all told");
}

/// How long the kernel makes a process wait for room in its queue; as it was when this is dropped.
struct BacklogWait(String);

impl BacklogWait {
    /// It does not let it wait.
    fn none() -> Self {
        let status = live::run("auditctl", &["-s"]);
        let before = status.lines().find_map(|line| line.strip_prefix("backlog_wait_time "));
        let before = Self(before.expect("auditctl -s tells it").trim().to_owned());
        auditctl(&["--backlog_wait_time", "0"]);
        before
    }
}

impl Drop for BacklogWait {
    fn drop(&mut self) {
        let _ = live::run("auditctl", &["--backlog_wait_time", &self.0]);
    }
}

/// A bomb of executions that are recorded, in a group of 64 processes: it takes nothing from anybody outside.
#[test]
fn a_fork_bomb_in_a_control_group_loses_no_record_and_an_act_beside_it_alerts() {
    let Some(stage) = Stage::set() else { return };
    let Some(group) = ControlGroup::make("pids", ["pids.max", "pids.max"], "64") else { return };
    let script = format!("read begin; b() {{ while :; do {} -L; b & done; }}; b", stage.usermod.display());
    // It tries again where a fork fails, for some seconds.
    let mut bomb = Command::new("/bin/bash")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    group.take(bomb.id());
    bomb.stdin.take().expect("a pipe").write_all(b"\n").expect("it begins");
    eventually("the group is full", || match group.processes().len() {
        n if n >= 48 => Ok(()),
        n => Err(format!("{n} processes")),
    });
    for n in 0..20 {
        stage.alerts(&format!("beside{n}"));
    }
    group.empty();
    let _ = bomb.wait();
    stage.nothing_lost();
    let report = answered_status(&stage.runtime());
    assert_eq!(report["lost"]["socket_records"], 0, "{report:#}");
    println!("{} events beside the bomb", report["totals"]["events"]);
}

/// The daemon in a group that has no room for one process or thread more.
#[test]
fn where_no_process_and_no_thread_can_be_made_the_daemon_goes_on() {
    let Some(stage) = Stage::set() else { return };
    stage.alerts("before");
    let Some(group) = ControlGroup::make("pids", ["pids.max", "pids.max"], "1") else { return };
    group.take(stage.daemon.process.pid());
    stage.alerts("starved");
    stage.daemon.process.signal(Signal::SIGHUP);
    stage.rsyslogd.expect_line("reload");
    stage.alerts("after");
    assert!(!answered_status(&stage.runtime()).is_null());
    fs::write(group.0.join("pids.max"), "max").expect("room");
    stage.nothing_lost();
    let Stage { daemon, .. } = stage;
    drop(daemon);
}

/// Other users' processes are hidden (hidepid=2), then /proc is covered by an empty directory: what stands in records is told,
/// what would come from /proc is not.
#[test]
fn with_proc_hidden_and_then_gone_acts_alert_and_nothing_is_lost() {
    let Some(mut stage) = Stage::set_apart("mount -t proc -o hidepid=2 proc /proc") else { return };
    (0..20).for_each(|n| stage.alerts(&format!("hidden{n}")));
    let pid = stage.daemon.process.pid().to_string();
    let covered =
        Command::new("nsenter").args(["-t", &pid, "-m", "mount", "-t", "tmpfs", "none", "/proc"]).status();
    assert!(covered.expect("nsenter runs").success());
    (0..20).for_each(|n| stage.alerts(&format!("gone{n}")));
    stage.nothing_lost();
    let report = answered_status(&stage.runtime());
    assert_eq!(report["totals"]["alerts"], 40, "{report:#}");
    assert!(stage.daemon.process.end(Signal::SIGTERM).success(), "{}", stage.daemon.stderr());
}

/// Without /proc it cannot be seen whether privilege is laid down: it does not go on as root, and says why.
#[test]
fn without_proc_at_the_start_it_does_not_run_as_root() {
    let Some(_kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let file = configuration(folder.path(), &alone(folder.path()), Path::new("/dev/null"), "");
    let mut command = apart(folder.path(), "mount -t tmpfs none /proc");
    let ended = command.arg("--config").arg(file).output().expect("unshare runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && said.contains("privilege cannot be laid down"), "{said}");
}

/// Nothing can be written anywhere: no store, no marker, no sockets, each of which is told; alerts go out.
#[test]
fn on_a_read_only_root_acts_alert_and_what_is_not_kept_is_told() {
    let read_only = "for at in / $(findmnt -rno TARGET | grep -E '^/(tmp|var|run|home|root|work)'); do \
                     mount -o remount,bind,ro \"$at\" 2>/dev/null || :; done; ! touch FOLDER/x 2>/dev/null";
    let Some(mut stage) = Stage::set_apart(read_only) else { return };
    for n in 0..20 {
        stage.alerts(&format!("bob{n}"));
    }
    let said = stage.daemon.stderr();
    for told in
        ["an unclean stop will not be noticed", "`auditward status` and `auditward reload` do not work"]
    {
        assert!(said.contains(told), "{told}: {said}");
    }
    stage.nothing_lost();
    assert!(stage.daemon.process.end(Signal::SIGTERM).success(), "{}", stage.daemon.stderr());
    assert_eq!(stage.told("-o bob"), 20);
}

/// The daemon may open nothing more: the file of a reload, a connection, a file of /proc.
#[test]
fn out_of_file_descriptors_acts_alert_and_status_answers_when_there_are_some() {
    let Some(stage) = Stage::set() else { return };
    stage.alerts("before");
    let limit = |most: &str| {
        let pid = stage.daemon.process.pid().to_string();
        // As the daemon's own user: root needs a capability for it that root in a container may lack.
        let owner = fs::metadata(format!("/proc/{pid}")).expect("it runs");
        let done = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--nofile={most}:")])
            .uid(owner.uid())
            .gid(owner.gid())
            .status();
        assert!(done.expect("prlimit runs").success());
    };
    limit("3");
    for n in 0..20 {
        stage.alerts(&format!("starved{n}"));
    }
    // The one that it waited with for a caller it had taken before.
    eventually("no connection is taken", || match status(&stage.runtime()) {
        serde_json::Value::Null => Ok(()),
        _ => Err("answered".into()),
    });
    limit("1024");
    let report = answered_status(&stage.runtime());
    assert_eq!(report["totals"]["alerts"], 21, "{report:#}");
    stage.alerts("after");
    stage.nothing_lost();
}

/// All that the daemon has, pages of its files too, within 64 MB, in a storm of alerts whose receiver stands still for a while.
#[test]
fn within_64_mb_a_storm_of_alerts_is_stored_and_sent() {
    const STORM: usize = 2_000;
    let Some(stage) = Stage::set() else { return };
    let limits = ["memory.limit_in_bytes", "memory.max"];
    let Some(group) = ControlGroup::make("memory", limits, "64M") else { return };
    group.take(stage.daemon.process.pid());
    stage.rsyslogd.process.signal(Signal::SIGSTOP);
    (0..STORM).for_each(|n| _ = take_over(&stage.usermod, &format!("storm{n}")));
    stage.rsyslogd.process.signal(Signal::SIGCONT);
    stage.rsyslogd.expect_while_more_comes(&format!("-o storm{},", STORM - 1));
    assert_eq!(stage.told("-o storm"), STORM, "each once");
    stage.nothing_lost();
    println!("{STORM} alerts, {} KiB resident", stage.daemon.resident_kib());
    let Stage { daemon, .. } = stage;
    drop(daemon);
}

/// The daemon stands still (SIGSTOP), a minute in CI: the kernel keeps for it what is said meanwhile, as far as the buffer goes.
#[test]
fn a_daemon_that_stood_still_for_a_minute_tells_all_that_was_kept_for_it() {
    let away =
        Duration::from_secs(if std::env::var_os("AUDITWARD_STORM_MINUTES").is_some() { 60 } else { 2 });
    let Some(stage) = Stage::set() else { return };
    stage.alerts("before");
    stage.daemon.process.signal(Signal::SIGSTOP);
    let pause = away / 100;
    for n in 0..100 {
        take_over(&stage.usermod, &format!("meanwhile{n}"));
        std::thread::sleep(pause);
    }
    stage.daemon.process.signal(Signal::SIGCONT);
    stage.alerts("after");
    stage.nothing_lost();
    let lines = stage.rsyslogd.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains("-o meanwhile")).collect();
    assert_eq!(told.len(), 100, "each once");
    let in_order = told.iter().enumerate().all(|(n, line)| line.contains(&format!("-o meanwhile{n},")));
    assert!(in_order, "{told:#?}");
}
