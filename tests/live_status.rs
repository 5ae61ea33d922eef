//! The daemon's life on the real kernel: status, reload, start and stop.
//!
//! Needs root, `auditctl` and `rsyslogd`; see [`live`].
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use live::{Daemon, KernelAudit, Rsyslogd, eventually, private_usermod, scratch, take_over};
use nix::sys::signal::Signal;
use serde_json::Value;

const RULE_NAME: &str = "Potential Linux Backdoor User Account Creation";

/// The whole arrangement, with a directory in the place of /etc/auditward.
struct Stage {
    // Dropped in this order: the daemon first, the kernel's state last.
    daemon: Option<Daemon>,
    rsyslogd: Rsyslogd,
    usermod: PathBuf,
    folder: tempfile::TempDir,
    kernel: KernelAudit,
}

impl Stage {
    /// `further` settings and files of the site (name, text); the shipped rule is among them.
    fn set(further: &str, files: &[(&str, &str)]) -> Option<Self> {
        let stage = Self::prepare(further, files)?;
        Some(stage.started())
    }

    fn prepare(further: &str, files: &[(&str, &str)]) -> Option<Self> {
        let kernel = KernelAudit::take()?;
        let folder = scratch();
        let usermod = private_usermod(folder.path());
        kernel.record_executions_of(&usermod);
        let rsyslogd = Rsyslogd::start(folder.path());
        let stage = Self { daemon: None, rsyslogd, usermod, folder, kernel };
        stage.configure(further);
        let shipped = "rules/persistence_linux_backdoor_user_creation.toml";
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(shipped);
        stage.write("rules.d/shipped.toml", &live::uncapped(&fs::read_to_string(shipped).unwrap()));
        files.iter().for_each(|(name, text)| stage.write(name, text));
        Some(stage)
    }

    fn configure(&self, further: &str) {
        let folder = self.folder.path().display();
        let socket = self.rsyslogd.socket.display();
        let text = format!(
            "rules = [\"{folder}/rules.d\"]\n[syslog]\nsocket = \"{socket}\"\n[daemon]\nruntime_directory = \
             \"{folder}/run\"\nstate_directory = \"{folder}/state\"\n{further}"
        );
        self.write("auditward.toml", &text);
    }

    fn started(mut self) -> Self {
        self.daemon = Some(self.start());
        self
    }

    fn start(&self) -> Daemon {
        let (config, site) = (self.config(), self.folder.path().to_str().unwrap());
        Daemon::start(self.folder.path(), &["--config", &config, "--site", site])
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("started")
    }

    fn end(&mut self, signal: Signal) -> Daemon {
        let mut daemon = self.daemon.take().expect("started");
        daemon.process.end(signal);
        daemon
    }

    fn config(&self) -> String {
        self.folder.path().join("auditward.toml").to_str().unwrap().to_owned()
    }

    /// As an editor does it: a new file, renamed over the old one.
    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(beside, path).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Output {
        auditward(arguments).args(["--config", &self.config()]).output().expect("auditward runs")
    }

    fn reload(&self) -> (Option<i32>, String) {
        let output = self.command(&["reload"]);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    fn status(&self) -> Value {
        eventually("the daemon answers", || {
            let output = self.command(&["status", "--format", "json"]);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                Ok(serde_json::from_slice(&output.stdout).unwrap())
            } else {
                Err(error)
            }
        })
    }

    fn run(&self, count: usize) {
        for _ in 0..count {
            assert!(Command::new(&self.usermod).arg("-L").status().unwrap().success());
        }
    }

    /// Waits until everything that was done so far has gone its way.
    fn settle(&self, account: &str) {
        take_over(&self.usermod, account);
        self.rsyslogd.expect_line(&format!("-o {account}"));
    }
}

fn auditward(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn number(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} in {report:#}"))
}

fn texts(report: &Value, pointer: &str, key: &str) -> Vec<String> {
    let list = report.pointer(pointer).and_then(Value::as_array).expect(pointer);
    list.iter().map(|one| one.get(key).unwrap_or(one).as_str().expect("a text").to_owned()).collect()
}

fn rule(id: &str, name: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"{name}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
         risk_score = 1\nquery = '''\nprocess where event.type == \"start\" and process.name == \"usermod\" and \
         process.args == \"{id}\"\n'''\n\n[auditward]\nid = \"{id}\"\n"
    )
}

/// n executions, m alerts, k losses: what the status says is what was done.
/// The same alerts from the running daemon, by its socket and for root only, and from the file when it has ended.
#[test]
fn stored_alerts_are_read_through_the_daemon_and_from_the_file_when_it_is_stopped() {
    let Some(mut stage) = Stage::set("", &[]) else { return };
    let list = |stage: &Stage| {
        let output = stage.command(&["alerts", "list"]);
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for account in ["carol", "dave"] {
        take_over(&stage.usermod, account);
        stage.rsyslogd.expect_line(&format!("-o {account}"));
    }
    // It was sent, so it is stored.
    let running = list(&stage);
    assert_eq!(running.lines().count(), 2, "{running}");
    assert!(running.lines().last().unwrap().contains("-o dave"), "{running}");
    let shown = stage.command(&["alerts", "show", "last"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("usermod -u 0 -o dave"), "{shown:?}");
    let status = stage.status();
    assert_eq!((&status["store"]["rows"], &status["store"]["unstored"]), (&2.into(), &0.into()), "{status}");
    // Who is not root is not even let to the socket.
    let output = auditward(&["alerts", "list", "--config", &stage.config()]).uid(65_534).gid(65_534).output();
    assert_eq!(output.unwrap().status.code(), Some(2));
    let daemon = stage.end(Signal::SIGTERM);
    assert_eq!(list(&stage), running, "{}", daemon.stderr());
    // After kill -9 the file is read with its log, and the next daemon can still write it.
    stage = stage.started();
    take_over(&stage.usermod, "erin");
    stage.rsyslogd.expect_line("-o erin");
    let daemon = stage.end(Signal::SIGKILL);
    assert_eq!(list(&stage).lines().filter(|line| line.contains("-o ")).count(), 3, "{}", daemon.stderr());
    stage = stage.started();
    take_over(&stage.usermod, "frank");
    stage.rsyslogd.expect_line("-o frank");
    let status = stage.status();
    assert_eq!(status["store"]["trouble"], Value::Null, "{status}");
    assert!(list(&stage).contains("-o frank"));
}

/// Each destination's answer to a marked alert; the site's labels in it; and what a cap keeps back, in the store and told.
#[test]
fn a_test_goes_down_every_destination_and_what_is_kept_back_is_listed_and_told() {
    let labels = "[labels]\nenvironment = \"lab\"\n";
    let away = "[[destination]]\nname = \"away\"\ntype = \"unix\"\npath = \"/nonexistent/log\"\n";
    let cap =
        "[[override]]\nrule = \"494ebba4-ecb7-4be4-8c6f-654c686549ad\"\nmax_signals = 2\nreason = \"r\"\n";
    let Some(mut stage) = Stage::set(&format!("{labels}{away}"), &[("overrides.d/cap.toml", cap)]) else {
        return;
    };
    let send_test = |stage: &Stage| {
        let output = stage.command(&["alerts", "send-test"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    stage.status();
    let (code, said) = send_test(&stage);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("syslog: taken after ") && said.contains("\naway: not taken within 10 s, "),
        "{said}"
    );
    assert!(said.contains("No such file or directory"), "{said}");
    let line = stage.rsyslogd.expect_line("Test Of Delivery");
    assert!(line.contains(" environment=lab ") && line.contains(" ruleset="), "{line}");
    stage.configure(labels);
    assert_eq!(stage.reload().0, Some(0));
    let (code, said) = send_test(&stage);
    assert!(
        code == Some(0) && said.starts_with("syslog: taken after ") && said.lines().count() == 1,
        "{said}"
    );
    let output =
        auditward(&["alerts", "send-test", "--config", &stage.config()]).uid(65_534).gid(65_534).output();
    assert_eq!(output.unwrap().status.code(), Some(2), "for root only");

    // Each account is told once whatever the cap; what comes of it again is kept back.
    for account in ["a", "b", "a", "b", "a"] {
        take_over(&stage.usermod, account);
    }
    eventually("all are counted", || {
        let status = stage.status();
        if number(&status, "/totals/capped") == 3 { Ok(()) } else { Err(status.to_string()) }
    });
    let list = |more: &[&str]| {
        let output = stage.command(&[&["alerts", "list"], more].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let (sent, kept) = (list(&[]), list(&["--suppressed"]));
    let of = |list: &str, account: &str| list.lines().filter(|line| line.contains(account)).count();
    assert_eq!((of(&sent, "-o a,"), of(&sent, "-o b,"), sent.lines().count()), (1, 1, 2), "{sent}");
    assert_eq!((of(&kept, "-o a,"), of(&kept, "-o b,"), kept.lines().count()), (2, 1, 3), "{kept}");
    assert!(sent.lines().all(|line| line.contains(" environment=lab ")), "{sent}");
    assert_eq!(of(&stage.rsyslogd.lines().join("\n"), "-o a,"), 1, "the others are kept back");
    let daemon = stage.end(Signal::SIGTERM);
    let told = stage.rsyslogd.expect_line(": 3 more in ");
    assert!(told.contains("not sent: 2 in 300 s at most (max_signals)"), "{told} {}", daemon.stderr());
}

#[test]
fn status_agrees_with_what_was_really_done() {
    let Some(stage) = Stage::set("[audit]\nreceive_buffer = \"128K\"\n", &[]) else { return };
    stage.settle("warm-up");
    let before = stage.status();
    for n in 0..30 {
        stage.run(9);
        take_over(&stage.usermod, &format!("bob{n}"));
        // One at a time: nothing is to be lost yet.
        stage.rsyslogd.expect_line(&format!("-o bob{n}"));
    }
    let after = stage.status();
    let grown = |pointer: &str| number(&after, pointer) - number(&before, pointer);
    assert_eq!(grown("/totals/alerts"), 30);
    assert_eq!(texts(&after, "/rules/matched", "name"), [RULE_NAME]);
    assert_eq!(number(&after, "/rules/matched/0/matches"), number(&after, "/totals/alerts"));
    assert_eq!(grown("/destinations/0/sent"), 30);
    assert_eq!(number(&after, "/lost/socket_records"), 0);
    let events = grown("/totals/events");
    // Another program's user message may come between.
    assert!((300..320).contains(&events), "{events} events of 300 executions");
    assert_eq!(number(&after, "/delivery/count"), number(&after, "/totals/alerts"));
    let (p50, p99) = (number(&after, "/delivery/p50_micros"), number(&after, "/delivery/p99_micros"));
    println!("from receipt to delivery: p50 {p50} µs, p99 {p99} µs");
    assert!(p50 > 0 && p50 <= p99);

    stage.daemon().process.signal(Signal::SIGSTOP);
    stage.run(1_000);
    stage.daemon().process.signal(Signal::SIGCONT);
    // A socket that was full takes nothing before it is empty again.
    eventually("executions are seen again", || {
        take_over(&stage.usermod, "after");
        std::thread::sleep(Duration::from_millis(100));
        let seen = stage.rsyslogd.lines().iter().any(|l| l.contains("-o after"));
        if seen { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let report = stage.status();
    let dropped = stage.daemon().socket().expect("socket").drops;
    assert!(dropped > 0);
    assert_eq!(number(&report, "/lost/socket_records"), dropped, "to the record");
    eventually("the blind spot is over", || {
        let lines = stage.rsyslogd.lines();
        let line = lines.into_iter().find(|l| l.contains("blind spot over"));
        let line = line.ok_or("not told")?;
        if line.contains("could not see everything: Potential Linux") { Ok(()) } else { Err(line) }
    });
    assert_eq!(number(&stage.status(), "/blind_spot/records"), dropped);

    let text = String::from_utf8(stage.command(&["status"]).stdout).unwrap();
    assert!(text.contains(&format!("lost       {dropped} records: the receive buffer was full\n")), "{text}");
    let metrics = stage.command(&["status", "--format", "prometheus"]).stdout;
    let metrics = String::from_utf8(metrics).unwrap();
    let wanted = format!("auditward_lost_total{{place=\"socket\",reason=\"full\"}} {dropped}\n");
    assert!(metrics.contains(&wanted), "{metrics}");
}

/// Who is neither root nor of the daemon's group is told nothing, and only root can have it reload.
#[test]
fn the_sockets_are_for_those_who_may() {
    let Some(stage) = Stage::set("", &[]) else { return };
    let report = stage.status();
    assert_eq!(number(&report, "/pid"), u64::from(stage.daemon().process.pid()));
    let as_other = |uid: u32, gid: u32, command: &str| {
        let program = stage.folder.path().join("auditward");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_auditward"), &program).unwrap();
        }
        let output =
            Command::new(program).args([command, "--config", &stage.config()]).uid(uid).gid(gid).output();
        let output = output.expect("auditward runs");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = as_other(65534, 65534, "status");
    assert!(code == Some(2) && error.contains("Permission denied"), "{code:?} {error}");
    let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(stage.folder.path().join("run")).unwrap());
    let (code, error) = as_other(65534, group, "status");
    assert_eq!((code, error.as_str()), (Some(0), ""), "the group may ask");
    let (code, error) = as_other(65534, group, "reload");
    assert!(code == Some(2) && error.contains("Permission denied"), "{code:?} {error}");
    // Whoever gets at the socket all the same (the daemon's own user) is refused by his credentials.
    let (code, error) = as_other(group, group, "reload");
    assert_eq!((code, error.as_str()), (Some(1), "only root may ask for this\n"));
}

#[test]
fn start_stop_and_unclean_stop_are_lines_of_their_own() {
    let Some(mut stage) = Stage::set("heartbeat_minutes = 0\n", &[]) else { return };
    stage.settle("one");
    let count =
        |stage: &Stage, word: &str| stage.rsyslogd.lines().iter().filter(|l| l.contains(word)).count();
    assert_eq!((count(&stage, "| started, 1 rule live"), count(&stage, "did not end as it should")), (1, 0));
    stage.end(Signal::SIGTERM);
    assert_eq!(count(&stage, "| stopped: "), 1);
    stage.daemon = Some(stage.start());
    stage.settle("two");
    assert_eq!(count(&stage, "did not end as it should"), 0, "a clean stop is none");
    stage.end(Signal::SIGKILL);
    stage.daemon = Some(stage.start());
    stage.settle("three");
    assert_eq!(count(&stage, "| the daemon before this one (pid "), 1);
    assert_eq!(count(&stage, "| HIGH Auditward Killed: the daemon before this one (pid "), 1, "and an alert");
    assert_eq!(count(&stage, "| started, 1 rule live"), 3);
}

#[test]
fn a_second_daemon_says_so_and_stops() {
    let Some(stage) = Stage::set("", &[]) else { return };
    let second = auditward(&["run", "--config", &stage.config()]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let said = String::from_utf8(second.stderr).unwrap();
    let wanted = format!("another auditward runs already (pid {})", stage.daemon().process.pid());
    assert!(said.contains(&wanted), "{said}");
    stage.settle("goes-on");
}

/// A broken rule, a broken list and a destination that cannot be opened cost themselves and nothing else.
#[test]
fn what_is_broken_at_the_start_is_left_out_and_an_alert() {
    let files = [
        ("rules.d/broken.toml", rule("broken", "Broken").replace("where", "wher")),
        ("lists.d/broken.toml", "[[list]]\nname = \"empty\"\nvalues = []\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let further = "unknown = 1\n[file]\npath = \"/nonexistent/alerts\"\n";
    let Some(stage) = Stage::set(further, &files) else { return };
    stage.settle("seen");
    for what in ["rules.d/broken.toml:9: ", "lists.d/broken.toml:3: ", "/nonexistent/alerts: No such file"] {
        let what = what.replace("/nonexistent/alerts: ", "output file: ");
        let line = stage.rsyslogd.expect_line(&what);
        assert!(line.contains("| MEDIUM Configuration Not In Force: "), "{line}");
    }
    let report = stage.status();
    let faults = report.pointer("/rules/faults").unwrap().to_string();
    for what in
        ["broken.toml:9: ", "lists.d/broken.toml:3: ", "output file: ", "there is no key `daemon.unknown`"]
    {
        assert!(faults.contains(what), "{what} in {faults}");
    }
    assert_eq!(number(&report, "/rules/live"), 1);
    assert_eq!(number(&report, "/totals/alerts"), 4, "three faults and one that was seen; a warning is none");
}

#[test]
fn a_reload_changes_rules_exceptions_and_destinations_and_a_refused_one_nothing() {
    let Some(stage) = Stage::set("", &[]) else { return };
    stage.settle("one");

    // A new rule, and one that cannot be live.
    stage.write("rules.d/new.toml", &rule("xyz", "New Rule"));
    let dead = rule("dead", "Dead Rule").replace("process.name == \"usermod\"", "dns.question.name == \"x\"");
    stage.write("rules.d/dead.toml", &dead);
    let (code, said) = stage.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("new: New Rule: live; needs kernel rules for executions of usermod"), "{said}");
    assert!(said.contains("new: Dead Rule: not live: "), "{said}");
    assert!(said.contains("reloaded, 2 rules live, hash of the rule set "), "{said}");
    assert!(Command::new(&stage.usermod).arg("xyz").status().unwrap().success());
    stage.rsyslogd.expect_line("New Rule");
    let report = stage.status();
    assert_eq!(texts(&report, "/rules/not_live", "name"), ["Dead Rule"]);

    // A fault: refused with a caret, and all stays.
    stage.write("rules.d/new.toml", &rule("xyz", "New Rule").replace("where", "wher"));
    let (code, said) = stage.reload();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("new.toml:9:") && said.contains('^'), "{said}");
    assert!(said.contains("reload refused, everything stays as it was: "), "{said}");
    stage.rsyslogd.expect_line("reload refused, everything stays as it was: ");
    assert_eq!(stage.status().pointer("/rules/hash"), report.pointer("/rules/hash"));
    assert!(Command::new(&stage.usermod).args(["xyz", "again"]).status().unwrap().success());
    stage.rsyslogd.expect_line("usermod xyz again");

    // An exception, and a second destination.
    stage.write("rules.d/new.toml", &rule("xyz", "New Rule"));
    let exception = "[[exception]]\nid = \"mine\"\nrules = [\"xyz\"]\nreason = \"r\"\nowner = \"o\"\ncondition = \
                     'process.args == \"excepted\" and user.id == \"0\"'\n";
    stage.write("exceptions.d/e.toml", exception);
    let alerts = stage.folder.path().join("alerts");
    fs::create_dir(&alerts).unwrap();
    fs::set_permissions(&alerts, fs::Permissions::from_mode(0o777)).unwrap();
    let file = alerts.join("alerts.log");
    stage.configure(&format!("[file]\npath = \"{}\"\nformat = \"text\"\n", file.display()));
    let (code, said) = stage.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("changed: New Rule: live") && !said.contains("Dead Rule"), "{said}");
    assert!(Command::new(&stage.usermod).args(["xyz", "excepted"]).status().unwrap().success());
    stage.settle("two");
    eventually("the file has the alert", || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if text.contains("-o two") { Ok(()) } else { Err(text) }
    });
    let report = stage.status();
    assert_eq!(number(&report, "/totals/excepted"), 1);
    assert_eq!(texts(&report, "/destinations", "name"), ["syslog", "file"]);
    assert!(!stage.rsyslogd.lines().iter().any(|l| l.contains("xyz excepted")));

    // Without the file again, and a destination that cannot be.
    stage.configure("[file]\npath = \"/nonexistent/alerts\"\n");
    let (code, said) = stage.reload();
    assert!(code == Some(1) && said.contains("output file: No such file"), "{said}");
    stage.configure("");
    assert_eq!(stage.reload().0, Some(0));
    stage.settle("three");
    assert!(!fs::read_to_string(&file).unwrap().contains("-o three"));
}

/// How many executions a second F51 asks for, by how many threads, and for how long at least.
const A_SECOND: u64 = 500;
const THREADS: u64 = 4;
const SECONDS: u64 = 3;

/// Executions to a timetable of [`A_SECOND`] until `stop`: one that is late is made up for. Gives how many.
fn stream(usermod: &Path, stop: &AtomicBool) -> u64 {
    let begun = Instant::now();
    let of_one = |thread: u64| {
        let mut made = 0;
        for n in (thread..).step_by(THREADS as usize) {
            if n >= A_SECOND * SECONDS && stop.load(Ordering::Relaxed) {
                break;
            }
            let at = begun + Duration::from_millis(n * 1000 / A_SECOND);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            take_over(usermod, &format!("stream{thread}x{made}"));
            made += 1;
        }
        made
    };
    let made: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || of_one(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    made.iter().sum()
}

/// F51: four rule files come one after the other, each with a SIGHUP, one of them broken in between, under 500 executions
/// a second. At rest the loaded set is the directory's, the broken state was refused with file and line, no event of the
/// stream is missing, what a sequence of an unchanged rule holds survives, and each thread exists once.
#[test]
fn f51_reload_catches_half_a_directory_or_loses_events() {
    let Some(stage) = Stage::set("heartbeat_minutes = 1\n", &[]) else { return };
    stage.settle("warm-up");
    let before = stage.status();
    let threads = || fs::read_dir(format!("/proc/{}/task", stage.daemon().process.pid())).unwrap().count();
    let threads_before = threads();
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let executed = std::thread::scope(|scope| {
        let stream = scope.spawn(|| stream(&stage.usermod, &stop));
        for n in 1..=4 {
            let whole = rule(&format!("f51-{n}"), &format!("F51 {n}"));
            if n == 3 {
                stage.write("rules.d/f51-3.toml", &whole.replace("where", "wher"));
                stage.daemon().process.signal(Signal::SIGHUP);
                stage.rsyslogd.expect_line("f51-3.toml:9: ");
            }
            stage.write(&format!("rules.d/f51-{n}.toml"), &whole);
            stage.daemon().process.signal(Signal::SIGHUP);
            std::thread::sleep(Duration::from_millis(50));
        }
        eventually("all four are live", || match number(&stage.status(), "/rules/live") {
            5 => Ok(()),
            live => Err(format!("{live} live")),
        });
        stop.store(true, Ordering::Relaxed);
        stream.join().expect("the stream")
    });
    let took = begun.elapsed();
    stage.settle("after");
    let report = stage.status();
    let refused = stage.rsyslogd.expect_line("reload refused, everything stays as it was: ");
    assert!(refused.contains("f51-3.toml:9: "), "{refused}");

    // The set is the directory's, file by file.
    let files = texts(&report, "/rules/files", "path");
    let mut there: Vec<String> = fs::read_dir(stage.folder.path().join("rules.d"))
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    there.sort();
    assert_eq!(files, there);
    for (path, hash) in files.iter().zip(texts(&report, "/rules/files", "sha256")) {
        let sum = live::run("sha256sum", &[path]);
        assert_eq!(sum.split(' ').next(), Some(hash.as_str()), "{path}");
    }

    // No event is missing: the socket lost nothing, and every execution has its line, once.
    println!("{executed} executions in {took:?} during five reloads");
    assert_eq!(stage.daemon().socket().expect("socket").drops, 0);
    assert!(executed >= A_SECOND * SECONDS, "{executed}");
    let lines = stage.rsyslogd.lines().into_iter().filter(|line| line.contains(RULE_NAME));
    let mut told: Vec<String> = lines
        .filter_map(|line| Some(line.split_once("usermod -u 0 -o stream")?.1.split_once(',')?.0.to_owned()))
        .collect();
    assert_eq!(told.len() as u64, executed);
    told.sort();
    told.dedup();
    assert_eq!(told.len() as u64, executed, "each has its own line");
    assert_eq!(number(&report, "/totals/alerts") - number(&before, "/totals/alerts"), executed + 1);
    assert_eq!(threads(), threads_before, "each thread exists once");
}

/// The canary's execution is recorded by a narrow rule of its own; status shows it, and it is no alert.
#[test]
fn a_canary_is_seen_and_is_no_alert() {
    let Some(stage) = Stage::set("", &[]) else { return };
    stage.settle("one");
    assert_eq!(stage.status().pointer("/canary/seen_at"), Some(&Value::Null));
    let unseen = stage.command(&["canary", "--wait", "1"]);
    assert_eq!(unseen.status.code(), Some(1), "no kernel rule records it yet");
    stage.kernel.record_executions_of(Path::new(env!("CARGO_BIN_EXE_auditward")));
    let seen = stage.command(&["canary", "--wait", "10"]);
    assert_eq!(seen.status.code(), Some(0), "{seen:?}");
    println!("canary: {}", String::from_utf8_lossy(&seen.stdout).trim());
    let report = stage.status();
    assert!(number(&report, "/canary/age_seconds") < 20);
    assert!(number(&report, "/canary/way_millis") < 5_000);
    assert_eq!(number(&report, "/totals/alerts"), 1, "only the first one");
}

#[test]
fn metrics_are_written_for_node_exporter() {
    let Some(kernel) = KernelAudit::take() else { return };
    drop(kernel);
    let place = scratch();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = place.path().join("auditward.prom");
    let Some(stage) = Stage::set(&format!("prometheus_file = \"{}\"\n", file.display()), &[]) else { return };
    let text = eventually("the metrics are written", || fs::read_to_string(&file).map_err(|e| e.to_string()));
    assert!(text.contains("auditward_rules{state=\"live\"} 1\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    drop(stage);
}

/// A rule with the daemon's own key, taken away again when the test ends, however it ends.
struct OurRule<'a>(Vec<&'a str>);

impl<'a> OurRule<'a> {
    fn added(path: &'a str) -> Self {
        let rule = vec![
            "always,exit",
            "-F",
            "arch=b64",
            "-S",
            "execve",
            "-F",
            path,
            "-k",
            auditward::audit::kernel_rules::KEY,
        ];
        live::auditctl(&[&["-a"], &rule[..]].concat());
        Self(rule)
    }
}

impl Drop for OurRule<'_> {
    fn drop(&mut self) {
        live::run("auditctl", &[&["-d"], &self.0[..]].concat());
    }
}

#[test]
fn kernel_rules_taken_away_are_told_within_five_seconds_with_the_blind_rules_and_when_they_are_back() {
    let Some(stage) = Stage::set("", &[]) else { return };
    let path = format!("path={}", stage.usermod.display());
    let rule = OurRule::added(&path);
    let told = Instant::now();
    drop(rule);
    let line = stage.rsyslogd.expect_line("taken away");
    println!("after {:?}: {line}", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
    assert!(line.contains("1 of the kernel's audit rules with the key auditward"), "{line}");
    assert!(line.contains(RULE_NAME), "what may be blind is named: {line}");
    // A daemon that systemd did not start has nobody to ask.
    assert!(line.contains("load them with `auditward kernel-rules load`"), "{line}");
    let _rule = OurRule::added(&path);
    let line = stage.rsyslogd.expect_line("kernel rules are loaded again");
    println!("{line}");
    let lines = stage.rsyslogd.lines();
    assert_eq!(lines.iter().filter(|l| l.contains("taken away")).count(), 1, "once: {lines:?}");
}

/// Which rules see a part only follows the kernel's rules as they are, by the probe: also after the start.
#[test]
fn rules_are_partly_live_by_what_the_kernel_has_loaded_now() {
    let Some(stage) = Stage::set("", &[]) else { return };
    let printed = stage.command(&["kernel-rules", "print"]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    // With this test's key, so that they go with it.
    let rules: Vec<Vec<String>> = printed
        .lines()
        .filter_map(|line| line.strip_prefix("-a "))
        .map(|line| line.replace("key=auditward", &format!("key={}", stage.kernel.key())))
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    assert!(!rules.is_empty(), "{printed}");
    let change = |how: &str| {
        for rule in &rules {
            let words: Vec<&str> = std::iter::once(how).chain(rule.iter().map(String::as_str)).collect();
            live::auditctl(&words);
        }
    };
    let partly = |wanted: &str| {
        eventually(wanted, || {
            let report = stage.status();
            let reasons = texts(&report, "/rules/partly", "reason");
            let missing = number(&report, "/auditing/missing_rules");
            let text = format!("{missing} missing; {}", reasons.join("; "));
            if text.starts_with(wanted) { Ok(text) } else { Err(text) }
        })
    };
    let all = rules.len();
    let none = format!("{all} missing; kernel rules were missing when the kernel was last asked");
    println!("{}", partly(&none));
    change("-a");
    assert_eq!(partly("0 missing"), "0 missing; ");
    change("-d");
    partly(&none);
}

/// The doctor on this very machine, beside the daemon: it finds what was done to it, and the bundle is an archive.
#[test]
fn the_doctor_sees_what_is_in_the_way() {
    let Some(stage) = Stage::set("", &[]) else { return };
    stage.settle("one");
    let site = stage.folder.path().to_str().unwrap().to_owned();
    let bundle = stage.folder.path().join("bundle.tar.gz");
    let doctor = || {
        let output = stage.command(&["doctor", "--site", &site]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let line = |text: &str, check: &str| {
        text.lines().filter(|line| line.contains(&format!(" {check} "))).collect::<Vec<_>>().join("\n")
    };
    let (_, text) = doctor();
    println!("{text}");
    assert!(line(&text, "kernel").starts_with("ok ") && line(&text, "enabled").starts_with("ok "), "{text}");
    assert!(
        line(&text, "daemon").contains(&format!("as process {}", stage.daemon().process.pid())),
        "{text}"
    );
    assert!(line(&text, "destinations").contains("syslog (1 sent)"), "{text}");
    assert!(line(&text, "syslog").starts_with("ok "), "{text}");
    stage.write("rules.d/broken.toml", &rule("broken", "Broken").replace("where", "wher"));
    live::auditctl(&["-e", "0"]);
    let (code, text) = doctor();
    live::auditctl(&["-e", "1"]);
    assert_eq!(code, Some(1));
    assert!(
        line(&text, "enabled").starts_with("MEND ") && line(&text, "enabled").contains("auditctl -e 1"),
        "{text}"
    );
    assert!(line(&text, "detection-rules").contains("broken.toml:9: "), "{text}");
    // As anybody: what cannot be seen is told.
    let program = stage.folder.path().join("auditward");
    fs::copy(env!("CARGO_BIN_EXE_auditward"), &program).unwrap();
    let mut command = Command::new(&program);
    command.args(["doctor", "--config", &stage.config(), "--site", &site]);
    let output = command.uid(65534).gid(65534).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        line(&text, "enabled").starts_with("unseen ") && line(&text, "daemon").starts_with("unseen "),
        "{text}"
    );
    // The bundle.
    let output = stage.command(&["doctor", "--site", &site, "--bundle", bundle.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("look at it before you send it"), "{output:?}");
    let names = live::run("tar", &["-tzf", bundle.to_str().unwrap()]);
    assert!(
        names.contains("auditward-bundle/doctor.txt") && names.contains("auditward-bundle/status.json"),
        "{names}"
    );
}

/// What a sequence holds survives a reload that leaves its rule as it is.
#[test]
fn a_sequence_goes_on_over_a_reload() {
    let sequence = "[rule]\nrule_id = \"steps\"\nname = \"Two Steps\"\ndescription = \"d\"\ntype = \"eql\"\n\
                    severity = \"low\"\nrisk_score = 1\nquery = '''\nsequence by process.parent.pid with maxspan=1m\n\
                    [process where event.type == \"start\" and process.args == \"first\"]\n\
                    [process where event.type == \"start\" and process.args == \"second\"]\n'''\n";
    let Some(stage) = Stage::set("", &[("rules.d/steps.toml", sequence)]) else { return };
    let step = |word: &str| assert!(Command::new(&stage.usermod).arg(word).status().unwrap().success());
    step("first");
    stage.settle("between");
    stage.write("rules.d/new.toml", &rule("xyz", "New Rule"));
    let (code, said) = stage.reload();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("left out") && !said.contains("lost"), "{said}");
    step("second");
    let line = stage.rsyslogd.expect_line("Two Steps");
    println!("{line}");
}
