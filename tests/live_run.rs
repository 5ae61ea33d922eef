//! `auditward run` on the real kernel, into a real rsyslogd: the path of a record, live.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use live::stage::{LITERAL, RULE_NAME, Stage, alone, configuration};
use live::{
    Daemon, KernelAudit, Rsyslogd, Tail, answered_status, eventually, expect_audit_settings, scratch,
    take_over,
};
use nix::sys::signal::Signal;

#[test]
fn an_execution_becomes_an_alert_line_in_syslog() {
    let Some(mut stage) = Stage::set() else { return };
    let pid = take_over(&stage.usermod, "bob");
    let line = stage.rsyslogd.expect_line(RULE_NAME);
    println!("{line}");
    assert!(line.starts_with("auditward "), "the program name is ours: {line}");
    assert!(line.contains("-u 0 -o bob"), "the arguments are whole: {line}");
    assert!(line.contains(&pid.to_string()), "the process is named: {line}");
    let status = stage.daemon.process.end(Signal::SIGTERM);
    assert!(status.success(), "SIGTERM is a good end: {status}: {}", stage.daemon.stderr());
    assert_eq!(stage.rsyslogd.lines().iter().filter(|l| l.contains("-o bob")).count(), 1, "one alert, once");
}

/// `[events]`: what matches its query stands in the file, and read back it gives the very alert.
#[test]
fn events_that_are_asked_for_stand_in_their_file_and_give_the_alert_again() {
    let further = "[events]\npath = \"FOLDER/state/events.ndjson\"\n\
                   query = 'process where process.args == \"-o\"'\n";
    let Some(mut stage) = Stage::set_with(further) else { return };
    let pid = take_over(&stage.usermod, "bob");
    let line = stage.rsyslogd.expect_line(RULE_NAME);
    let other = Command::new(&stage.usermod).arg("--version").status();
    assert!(other.is_ok());
    let run = stage.folder.path().join("run");
    eventually("it is written", || match answered_status(&run)["events"]["written"].as_u64() {
        Some(1) => Ok(()),
        written => Err(format!("{written:?}")),
    });
    let status = stage.daemon.process.end(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", stage.daemon.stderr());
    let file = stage.folder.path().join("state/events.ndjson");
    let text = fs::read_to_string(&file).expect("the file");
    assert_eq!(text.lines().count(), 1, "{text}");
    let event: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&event["process"]["pid"], &event["event"]["dataset"]),
        (&pid.into(), &"auditward.event".into())
    );
    let again = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["replay", "--rules"])
        .args([alone(stage.folder.path()), file])
        .output()
        .expect("auditward runs");
    let again = String::from_utf8_lossy(&again.stdout).into_owned();
    let id = |text: &str| text.split(" alert=").nth(1).map(|rest| rest.split(' ').next().map(str::to_owned));
    assert_eq!(id(&again), id(&line), "{line}\n{again}");
}

/// Two rules match the arguments: the real timer ends their wait, without any further event.
#[test]
fn two_rules_on_one_act_are_one_line() {
    let Some(mut stage) = Stage::set_whole() else { return };
    let begun = Instant::now();
    take_over(&stage.usermod, "bob");
    let line = stage.rsyslogd.expect_line("-o bob");
    assert!(begun.elapsed() >= Duration::from_millis(50), "it waited for stronger evidence");
    assert!(line.contains(&format!("MEDIUM {RULE_NAME}: ")), "{line}");
    assert!(line.contains(", also matched by UID 0 Asked of an Account Tool; time="), "{line}");
    let status = stage.daemon.process.end(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", stage.daemon.stderr());
    assert_eq!(stage.rsyslogd.lines().iter().filter(|l| l.contains("-o bob")).count(), 1);
}

#[test]
fn the_reading_process_holds_no_capability_and_is_not_root() {
    let Some(stage) = Stage::set() else { return };
    take_over(&stage.usermod, "bob"); // all threads are at work
    stage.rsyslogd.expect_line(RULE_NAME);
    let tasks = stage.daemon.task_statuses();
    assert!(!tasks.is_empty());
    for task in tasks {
        let field = |name: &str| task.lines().find_map(|l| l.strip_prefix(name)).expect("field").trim();
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(field(set), "0000000000000000", "{set} of {}", field("Name:"));
        }
        for ids in ["Uid:", "Gid:"] {
            assert!(field(ids).split_whitespace().all(|id| id != "0"), "{ids} {}", field(ids));
        }
        assert!(field("Groups:").split_whitespace().all(|id| id != "0"), "Groups: {}", field("Groups:"));
        assert_eq!(field("NoNewPrivs:"), "1");
    }
}

/// The time from before the exec to the line in rsyslogd's file, by this test's own clock: one behind the other, where
/// what is gathered for one alert takes the processors from the next, and with a pause.
#[test]
fn an_alert_takes_milliseconds() {
    let Some(stage) = Stage::set() else { return };
    take_over(&stage.usermod, "warm-up");
    stage.rsyslogd.expect_line("warm-up");
    let mut tail = Tail::from_end(&stage.rsyslogd.file);
    for (runs, pause) in [(1_000, Duration::ZERO), (500, Duration::from_millis(10))] {
        let mut times: Vec<Duration> = (0..runs)
            .map(|n| {
                std::thread::sleep(pause);
                let account = format!("bob{n}-{}", pause.as_millis());
                let start = Instant::now();
                take_over(&stage.usermod, &account);
                loop {
                    let line = tail.next_line();
                    if line.contains(RULE_NAME) {
                        assert!(line.contains(&format!("-o {account}")), "in order, each once: {line}");
                        return start.elapsed();
                    }
                }
            })
            .collect();
        times.sort_unstable();
        let (median, p99, max) = (times[runs / 2], times[runs * 99 / 100], times[runs - 1]);
        println!(
            "exec to line in the file, {runs} runs, {pause:?} between: median {median:?}, p99 {p99:?}, max {max:?}"
        );
        // Loose enough for a busy machine and an unoptimised build; docs/performance.md has the figures.
        assert!(median < Duration::from_millis(50), "median {median:?}");
    }
    assert_eq!(stage.daemon.socket().expect("socket").drops, 0);
}

/// F27: rsyslogd stands still with its socket open. The reader keeps draining, executions are not slowed, memory stays
/// bounded, `status` answers, and all alerts are in the store and go out in order when it wakes. For so many seconds as
/// `AUDITWARD_STALL_SECONDS` says, at 2,000 executions a second where the machine makes them.
#[test]
fn f27_a_stopped_syslog_does_not_stop_the_reader() {
    let seconds =
        std::env::var("AUDITWARD_STALL_SECONDS").ok().map(|text| text.parse::<u32>().expect("seconds"));
    let executions = seconds.map_or(10_000, |seconds| 2_000 * seconds);
    let Some(stage) = Stage::set() else { return };
    let runtime = stage.folder.path().join("run");
    take_over(&stage.usermod, "warm-up");
    stage.rsyslogd.expect_line("warm-up");
    let up = burst(&stage, "up", executions);
    stage.rsyslogd.expect_while_more_comes(&format!("-o up{},", executions - 10));
    let drops_up = stage.daemon.socket().expect("socket").drops;

    stage.rsyslogd.process.signal(Signal::SIGSTOP);
    let stopped = burst(&stage, "stopped", executions);
    eventually("the socket is drained while syslog stands still", || {
        let waiting = stage.daemon.socket().expect("socket").waiting;
        if waiting == 0 { Ok(()) } else { Err(format!("{waiting} bytes wait")) }
    });
    let drops = stage.daemon.socket().expect("socket").drops;
    assert_eq!((drops_up, drops), (0, 0), "records were dropped");
    assert!(stopped < up * 2, "executions were slowed: {up:?} with syslog up, {stopped:?} without");
    let resident = stage.daemon.resident_kib();
    assert!(resident < 128 * 1024, "{resident} KiB resident");
    let alerts = executions / 10;
    eventually("status answers meanwhile, and all alerts are in the store", || {
        let report = answered_status(&runtime);
        if report["store"]["stored"] == 1 + 2 * alerts { Ok(()) } else { Err(format!("{report:#}")) }
    });

    stage.rsyslogd.process.signal(Signal::SIGCONT);
    take_over(&stage.usermod, "after");
    stage.rsyslogd.expect_while_more_comes("-o after");
    let order: Vec<u32> = numbers(&stage.rsyslogd.lines(), "-o stopped");
    assert!(
        order == (0..executions).step_by(10).collect::<Vec<_>>(),
        "each once, in order: {} of {alerts}",
        order.len()
    );
    println!(
        "{executions} executions, {alerts} alerts: {up:?} with syslog up, {stopped:?} with syslog stopped; {resident} KiB \
         resident; no record lost; all alerts in the store, then in syslog, in order"
    );
}

/// The daemon stands still and its small buffer overflows: what was lost is told in syslog, to the record,
/// and the next alert comes.
#[test]
fn a_loss_is_told_to_the_record() {
    let Some(stage) = Stage::set_with("[audit]\nreceive_buffer = \"4K\"\n") else { return };
    take_over(&stage.usermod, "before");
    stage.rsyslogd.expect_line("-o before");
    stage.daemon.process.signal(Signal::SIGSTOP);
    burst(&stage, "lost", 2_000);
    stage.daemon.process.signal(Signal::SIGCONT);
    eventually("the loss is told", || {
        let dropped = stage.daemon.socket().expect("socket").drops;
        let told: u32 = losses(&stage.rsyslogd.lines()).iter().sum();
        if dropped > 0 && u64::from(told) == dropped {
            Ok(())
        } else {
            Err(format!("{dropped} lost, {told} told"))
        }
    });
    let alert = stage.rsyslogd.expect_line("| MEDIUM Audit Records Lost: ");
    assert!(alert.contains(" lost: the receive buffer was full on "), "{alert}");
    take_over(&stage.usermod, "after");
    stage.rsyslogd.expect_line("-o after");
}

/// The numbers of lost records that the lines tell of.
fn losses(lines: &[String]) -> Vec<u32> {
    let told = lines.iter().filter(|l| l.contains("records lost, the receive buffer was full"));
    told.filter_map(|l| l.split("records lost").next()?.split_whitespace().last()?.parse().ok()).collect()
}

/// 10,000 alerts a minute for so long as `AUDITWARD_STORM_MINUTES` says, or else 3,000 as fast as programs start: no record
/// is lost, syslog has each alert, and a destination with a limit is told of what it did not get.
#[test]
fn a_storm_of_alerts_loses_no_record_and_leaves_none_uncounted() {
    let minutes =
        std::env::var("AUDITWARD_STORM_MINUTES").ok().map(|text| text.parse::<u32>().expect("minutes"));
    let count = minutes.map_or(3_000, |minutes| 10_000 * minutes);
    let limited = "[file]\npath = \"FOLDER/state/limited\"\nalerts_per_minute = 100\n";
    let Some(mut stage) = Stage::set_with(limited) else { return };
    let (begun, lost_before) = (Instant::now(), live::lost_in_kernel());
    for n in 0..count {
        if let Some(minutes) = minutes {
            let due = begun + Duration::from_secs(60) * minutes * n / count;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        take_over(&stage.usermod, &format!("storm{n}"));
    }
    let took = begun.elapsed();
    // Not as fast as it can: 10,000 a minute.
    assert!(minutes.is_none_or(|minutes| took > Duration::from_secs(59) * minutes), "{took:?}");
    stage.rsyslogd.expect_while_more_comes(&format!("-o storm{},", count - 1));
    assert_eq!(stage.daemon.socket().expect("socket").drops, 0, "records were lost in the daemon's socket");
    assert_eq!(live::lost_in_kernel(), lost_before, "records were lost in the kernel");
    let mut sent = numbers(&stage.rsyslogd.lines(), "-o storm");
    sent.sort_unstable();
    assert!(sent == (0..count).collect::<Vec<_>>(), "each once: {} of {count}", sent.len());
    let status = stage.daemon.process.end(Signal::SIGTERM);
    assert!(status.success(), "{status}: {}", stage.daemon.stderr());
    let text = fs::read_to_string(stage.folder.path().join("state/limited")).expect("the file");
    let (mut alerts, mut told) = (0, 0);
    for line in text.lines() {
        let document: serde_json::Value = serde_json::from_str(line).expect("JSON");
        match document.pointer("/auditward/suppressed/count").and_then(serde_json::Value::as_u64) {
            Some(more) => told += more,
            None => alerts += u64::from(document.pointer("/event/kind").is_some_and(|kind| kind == "alert")),
        }
    }
    println!(
        "{count} alerts in {took:?}: syslog has each once; {alerts} to the limited destination, {told} told as a number; \
         0 records lost in the socket, 0 in the kernel"
    );
    assert!(alerts >= 100 && told > 0, "{alerts} {told}");
    assert_eq!(alerts + told, u64::from(count), "sent and told are all");
}

/// As logrotate does it: the file is renamed, then a reload is asked for.
#[test]
fn a_file_destination_is_opened_anew_at_a_reload() {
    let Some(stage) = Stage::set_with("[file]\npath = \"FOLDER/state/alerts\"\nformat = \"text\"\n") else {
        return;
    };
    let [file, old] = ["state/alerts", "state/alerts.1"].map(|name| stage.folder.path().join(name));
    let expect = |account: &str| {
        take_over(&stage.usermod, account);
        eventually(account, || {
            let text = fs::read_to_string(&file).unwrap_or_default();
            if text.contains(&format!("-o {account}")) { Ok(()) } else { Err(text) }
        });
    };
    expect("first");
    fs::rename(&file, &old).expect("renamed");
    stage.daemon.process.signal(Signal::SIGHUP);
    stage.rsyslogd.expect_line("reloaded, ");
    expect("second");
    let rotated = fs::read_to_string(&old).expect("the old one");
    assert!(rotated.contains("-o first") && !rotated.contains("-o second"), "{rotated}");
    let open = fs::read_dir(format!("/proc/{}/fd", stage.daemon.process.pid())).expect("its descriptors");
    let held =
        open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).filter(|to| *to == old).count();
    assert_eq!(held, 0, "nobody holds the old one any more");
}

/// Every tenth of `count` executions alerts; 2,000 executions a second at most.
fn burst(stage: &Stage, account: &str, count: u32) -> Duration {
    let start = Instant::now();
    for n in 0..count {
        let due = start + Duration::from_micros(500) * n;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if n % 10 == 0 {
            take_over(&stage.usermod, &format!("{account}{n}"));
        } else {
            let status = std::process::Command::new(&stage.usermod).arg("-L").status();
            assert!(status.expect("usermod runs").success());
        }
    }
    start.elapsed()
}

/// The numbers that follow `prefix` in the lines, in order.
fn numbers(lines: &[String], prefix: &str) -> Vec<u32> {
    let after = lines.iter().filter_map(|l| l.split_once(prefix));
    after.filter_map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

/// `--load-kernel-rules` turns auditing on, loads what the rules need, and takes back exactly that.
#[test]
fn kernel_rules_are_taken_back_at_the_end_also_after_kill_9() {
    let Some(kernel) = KernelAudit::take() else { return };
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let folder = scratch();
        let rsyslogd = Rsyslogd::start(folder.path());
        let file = configuration(folder.path(), Path::new(LITERAL), &rsyslogd.socket, "");
        let arguments = ["--load-kernel-rules", "--config", file.to_str().expect("UTF-8 path")];
        let mut daemon = Daemon::start(folder.path(), &arguments);
        eventually("the kernel's rules are loaded", || {
            let now = live::audit_settings();
            if now.contains("usermod") && now.contains("enabled 1") { Ok(()) } else { Err(now) }
        });
        // The machine's own usermod, for an account that does not exist: refused, nothing is changed.
        let refused = std::process::Command::new("/usr/sbin/usermod")
            .args(["-u", "0", "-o", "auditward-no-such-account"])
            .output();
        assert!(!refused.expect("usermod runs").status.success());
        rsyslogd.expect_line("auditward-no-such-account");
        daemon.process.end(signal);
        expect_audit_settings(kernel.before());
    }
}
