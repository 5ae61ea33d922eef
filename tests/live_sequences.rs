//! Rules that join events, on the real kernel: live, over a stop and start between two stages, and in replay of a
//! recording of the same run; what must not happen, by a real timer.
//!
//! Needs root and `auditctl`; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use auditward::audit::RecordType;
use auditward::audit::netlink::{DEFAULT_BUFFER, Socket};
use live::{Daemon, KernelAudit, eventually, scratch};
use nix::sys::signal::Signal;
use serde_json::Value as Json;

/// A second listener of the kernel's group that writes what it hears as auditd would.
struct Recorder {
    stop: Arc<AtomicBool>,
    /// The execution of [`WAITS`] has come, whole: to every member of the group at once.
    waits: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Begins with a snapshot of the processes, taken when it listens already.
    fn start(file: &Path) -> Self {
        let mut socket = Socket::join(DEFAULT_BUFFER).expect("joined");
        let snapshot =
            Command::new(env!("CARGO_BIN_EXE_auditward")).arg("snapshot").output().expect("snapshot");
        assert!(snapshot.status.success());
        let mut out = snapshot.stdout;
        let (stop, file) = (Arc::new(AtomicBool::new(false)), file.to_owned());
        let stopped = Arc::clone(&stop);
        let waits = Arc::new(AtomicBool::new(false));
        let came = Arc::clone(&waits);
        let thread = thread::spawn(move || {
            let mut event = None;
            loop {
                let ends = stopped.load(Ordering::Acquire);
                let deadline = Some(Instant::now() + Duration::from_millis(50));
                let received = socket.receive(None, deadline, &mut |record| {
                    let stamp = record.stamp;
                    if memchr::memmem::find(record.body, WAITS.as_bytes()).is_some() {
                        event = Some(stamp.serial);
                    }
                    if record.kind == RecordType::EOE && event == Some(stamp.serial) {
                        came.store(true, Ordering::Release);
                    }
                    let (seconds, millis) = (stamp.millis / 1000, stamp.millis % 1000);
                    let head =
                        format!("type={} msg=audit({seconds}.{millis:03}:{}): ", record.kind, stamp.serial);
                    out.extend(head.as_bytes());
                    out.extend(record.body);
                    out.push(b'\n');
                });
                // What was delivered before the end belongs to the recording.
                if received.expect("the socket reads on").datagrams == 0 && ends {
                    break;
                }
            }
            assert_eq!(socket.drops().expect("drops"), 0);
            fs::File::create(file).expect("file").write_all(&out).expect("written");
        });
        Self { stop, waits, thread }
    }

    fn finish(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the recorder ends well");
    }
}

/// The program whose execution is the last thing before the restart.
const WAITS: &str = "aw-waits";

/// The whole arrangement.
struct Stage {
    folder: tempfile::TempDir,
    kernel: KernelAudit,
    alerts: PathBuf,
    rules: Vec<PathBuf>,
}

impl Stage {
    /// With rules of these names and queries, and auditing on.
    fn set(rules: &[(&str, &str)]) -> Option<Self> {
        let kernel = KernelAudit::take()?;
        kernel.turn_on();
        let folder = scratch();
        let written = folder.path().join("rules");
        fs::create_dir(&written).expect("folder");
        for (name, query) in rules {
            let text = format!(
                "[rule]\nrule_id = \"{name}\"\nname = \"{name}\"\ndescription = \"d\"\ntype = \"eql\"\n\
                 severity = \"low\"\nrisk_score = 21\nquery = '''{query}'''\n"
            );
            fs::write(written.join(format!("{name}.toml")), text).expect("rule");
        }
        Some(Self::with_rules(kernel, folder, vec![written]))
    }

    /// With rules that lie somewhere.
    fn with_rules(kernel: KernelAudit, folder: tempfile::TempDir, rules: Vec<PathBuf>) -> Self {
        let at = |name: &str| folder.path().join(name);
        for name in ["state", "out"] {
            fs::create_dir(at(name)).expect("folder");
        }
        fs::set_permissions(at("out"), fs::Permissions::from_mode(0o777)).expect("mode");
        let alerts = at("out").join("alerts.ndjson");
        let text = format!(
            "rules = {rules:?}\n[syslog]\nenabled = false\n[file]\npath = {alerts:?}\n[daemon]\nstate_directory = {:?}\n",
            at("state")
        );
        fs::write(at("auditward.toml"), text).expect("configuration");
        Self { kernel, alerts, rules, folder }
    }

    /// A copy of `of` under another name, each execution of which the kernel records.
    fn program(&self, of: &str, name: &str) -> PathBuf {
        let program = self.folder.path().join(name);
        fs::copy(of, &program).expect("a copy");
        self.kernel.record_executions_of(&program);
        program
    }

    fn daemon(&self) -> Daemon {
        let file = self.folder.path().join("auditward.toml");
        let daemon = Daemon::start(self.folder.path(), &["--config", file.to_str().expect("UTF-8")]);
        eventually("the daemon watches", || {
            if daemon.stderr().contains("started") { Ok(()) } else { Err(daemon.stderr()) }
        });
        daemon
    }

    /// The rule and id of each alert so far.
    fn alerts(&self) -> Vec<(String, String)> {
        alerts(&live::growth::whole_lines(&self.alerts))
    }

    fn count(&self, rule: &str) -> usize {
        self.alerts().iter().filter(|(name, _)| name == rule).count()
    }

    fn expect_alert(&self, rule: &str) {
        eventually(&format!("an alert of {rule}"), || {
            if self.count(rule) > 0 { Ok(()) } else { Err(format!("{:?}", self.alerts())) }
        });
    }

    /// What a replay of `recording` says, sorted; and its summary.
    fn replay(&self, recording: &Path) -> (Vec<(String, String)>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
        command.args(["replay", "--format", "json"]);
        for rules in &self.rules {
            command.arg("--rules").arg(rules);
        }
        let output = command.arg(recording).output().expect("replay runs");
        let summary = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{summary}");
        let mut found = alerts(&String::from_utf8_lossy(&output.stdout));
        found.sort();
        (found, summary)
    }
}

/// Of documents, one a line; notices have no rule.
fn alerts(text: &str) -> Vec<(String, String)> {
    let documents = text.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let field = |document: &Json, at: &str| document.pointer(at).and_then(Json::as_str).map(str::to_owned);
    documents.filter_map(|d| Some((field(&d, "/rule/uuid")?, field(&d, "/event/id")?))).collect()
}

fn execute(program: &Path, arguments: &[&str]) {
    assert!(Command::new(program).args(arguments).status().expect("it runs").success());
}

/// Of each kind one, by name.
const RULES: &[(&str, &str)] = &[
    (
        "siblings",
        "sequence by process.parent.entity_id with maxspan=1m \
             [process where event.type == \"start\" and process.name == \"aw-one\"] \
             [process where event.type == \"start\" and process.name == \"aw-two\"]",
    ),
    (
        "one process",
        "sequence by process.entity_id with maxspan=1m \
             [process where event.type == \"start\" and process.name == \"aw-shell\"] \
             [process where event.type == \"start\" and process.name == \"aw-two\"]",
    ),
    (
        "thrice",
        "sequence by process.parent.pid with maxspan=1m \
             [process where event.type == \"start\" and process.name == \"aw-many\"] with runs=3",
    ),
    (
        "restart",
        "sequence by process.parent.entity_id with maxspan=2m \
             [process where event.type == \"start\" and process.name == \"aw-before\"] \
             [process where event.type == \"start\" and process.name == \"aw-after\"]",
    ),
    (
        "one process, restart",
        "sequence by process.entity_id with maxspan=2m \
             [process where event.type == \"start\" and process.name == \"aw-waits\"] \
             [process where event.type == \"start\" and process.name == \"aw-goes-on\"]",
    ),
    (
        "sample",
        "sample by process.parent.entity_id \
             [process where event.type == \"start\" and process.name == \"aw-after\"] \
             [process where event.type == \"start\" and process.name == \"aw-before\"]",
    ),
];

/// Sequences over parents, one process, repetition, and a stop between two stages: the daemon's alerts are those
/// of a replay.
#[test]
fn live_and_replay_give_the_same_alerts_also_over_a_restart() {
    let Some(stage) = Stage::set(RULES) else { return };
    let program = |name: &str| stage.program("/bin/true", name);
    let [one, two, many, before, after] =
        ["aw-one", "aw-two", "aw-many", "aw-before", "aw-after"].map(program);
    let shell = stage.program("/bin/sh", "aw-shell");
    let (waits, goes_on) = (stage.program("/bin/sh", WAITS), program("aw-goes-on"));
    let recording = stage.folder.path().join("recording.log");
    let recorder = Recorder::start(&recording);

    let mut daemon = stage.daemon();
    execute(&two, &[]);
    execute(&one, &[]);
    execute(&two, &[]);
    stage.expect_alert("siblings");
    execute(&shell, &["-c", &format!("exec {}", two.display())]);
    stage.expect_alert("one process");
    (0..3).for_each(|_| execute(&many, &[]));
    stage.expect_alert("thrice");
    execute(&before, &[]);
    // It lives on: its number and its times are /proc's for the next daemon.
    let script = format!("read line; exec {}", goes_on.display());
    let mut waiting = Command::new(&waits);
    let mut waiting = waiting.args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("it runs");
    eventually("the execution before the restart is delivered", || {
        if recorder.waits.load(Ordering::Acquire) { Ok(()) } else { Err("not yet".into()) }
    });
    let status = daemon.process.end(Signal::SIGTERM);
    assert!(status.success(), "{}", daemon.stderr());
    let state = stage.folder.path().join("state/sequences.state");
    let metadata = fs::metadata(&state).expect("the state was written");
    assert!(metadata.len() > 0 && metadata.permissions().mode() & 0o777 == 0o600, "{metadata:?}");
    assert_eq!(stage.count("restart"), 0);

    let mut daemon = stage.daemon();
    assert!(daemon.stderr().contains("sequences go on where the last run stopped"), "{}", daemon.stderr());
    execute(&after, &[]);
    drop(waiting.stdin.take());
    assert!(waiting.wait().expect("it ends").success());
    stage.expect_alert("one process, restart");
    stage.expect_alert("restart");
    stage.expect_alert("sample");
    daemon.process.end(Signal::SIGTERM);
    recorder.finish();

    let mut live = stage.alerts();
    live.sort();
    let names: Vec<&str> = live.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["one process", "one process, restart", "restart", "sample", "siblings", "thrice"],
        "each once"
    );
    let (replayed, summary) = stage.replay(&recording);
    assert_eq!(live, replayed, "{summary}");
}

/// F02 live: nothing is said before the time has passed, with the event in between never; when no event comes at
/// all, a timer says it.
#[test]
fn f02_absence_is_concluded_by_a_timer_and_not_before() {
    let rule = |stop: &str| {
        format!(
            "sequence by user.id with maxspan=2s [process where process.name == \"{stop}\"] \
             ![process where process.name == \"aw-start\"]"
        )
    };
    let (never, always) = (rule("aw-stop-1"), rule("aw-stop-2"));
    let Some(stage) = Stage::set(&[("never", &never), ("always", &always)]) else { return };
    let [first, second, start] =
        ["aw-stop-1", "aw-stop-2", "aw-start"].map(|name| stage.program("/bin/true", name));
    let recording = stage.folder.path().join("recording.log");
    let recorder = Recorder::start(&recording);
    let mut daemon = stage.daemon();
    execute(&first, &[]);
    sleep(Duration::from_millis(500));
    execute(&start, &[]);
    sleep(Duration::from_millis(100));
    let stopped = Instant::now();
    execute(&second, &[]);
    sleep(Duration::from_millis(1_700));
    assert_eq!(stage.alerts(), [], "too early");
    stage.expect_alert("always");
    let took = stopped.elapsed();
    println!("absence of 2 s was told after {took:?}");
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(4), "{took:?}");
    assert_eq!(stage.count("never"), 0);
    // An event behind the time, for the replay to see that it has passed.
    execute(&start, &[]);
    sleep(Duration::from_millis(200));
    daemon.process.end(Signal::SIGTERM);
    recorder.finish();
    let (replayed, summary) = stage.replay(&recording);
    assert_eq!(replayed, stage.alerts(), "{summary}");
    // A recording that ends inside the time: undecided, and said.
    let text = fs::read_to_string(&recording).expect("a recording");
    let end =
        text.rfind("aw-stop-2").and_then(|at| Some(at + text[at..].find('\n')?)).expect("the execution");
    fs::write(&recording, &text[..=end]).expect("written");
    let (replayed, summary) = stage.replay(&recording);
    assert_eq!(replayed, [], "{summary}");
    assert!(summary.contains("1 undecided"), "{summary}");
}

/// Set for the copy of this program that makes system calls.
const HELPER: &str = "AUDITWARD_TEST_CALLS";

/// No test: what copies of this program do for the next one.
#[test]
fn helper_that_makes_calls() {
    match std::env::var(HELPER).as_deref() {
        // Nobody listens there; that it was tried counts.
        Ok("connect") => drop(std::net::TcpStream::connect("127.0.0.2:9")),
        Ok("setuid") => nix::unistd::setuid(nix::unistd::Uid::from_raw(0)).expect("root stays root"),
        _ => {}
    }
}

/// Elastic's rules, read where they lie, of five kinds.
const ELASTIC: [(&str, &str); 5] = [
    // An execution with a condition on its parent.
    ("discovery_sudo_allowed_command_enumeration", "exec"),
    // `with runs=20`.
    ("discovery_unusual_user_enumeration_via_id", "runs"),
    // An execution, then a connection by the same process.
    ("command_and_control_linux_chisel_client_activity", "connect"),
    // An execution, then a new file by the same process.
    ("persistence_dynamic_linker_backup", "file"),
    // An execution, then a change of identity by another child of the same parent.
    ("privilege_escalation_enlightenment_window_manager", "uid_change"),
];

/// Each is really triggered, by harmless programs of the names that the rules look for, under kernel rules that
/// name only these.
#[test]
fn elastics_rules_of_five_kinds_alert_live_and_in_replay() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/elastic-rules/linux");
    if !corpus.exists() {
        println!("skipped: {} is not there", corpus.display());
        return;
    }
    let Some(kernel) = KernelAudit::take() else { return };
    kernel.turn_on();
    let files = ELASTIC.map(|(name, _)| corpus.join(format!("{name}.toml")));
    let stage = Stage::with_rules(kernel, scratch(), files.to_vec());
    let ids: Vec<String> = files.iter().map(|file| rule_id(file)).collect();
    let at = |name: &str| stage.folder.path().join(name);
    let [sudo, id, enlightenment] =
        ["sudo", "id", "enlightenment_sys"].map(|name| stage.program("/bin/true", name));
    let (shell, cp) = (stage.program("/bin/sh", "sh"), stage.program("/bin/cp", "cp"));
    let this = std::env::current_exe().expect("this program");
    let this = this.to_str().expect("UTF-8");
    let [chisel, changer] = ["aw-chisel", "aw-changer"].map(|name| stage.program(this, name));
    fs::create_dir(at("watched")).expect("folder");
    let record = |arguments: &[&str]| live::auditctl(&[arguments, &["-k", stage.kernel.key()]].concat());
    for (call, program) in [("connect", &chisel), ("setuid", &changer)] {
        let exe = format!("exe={}", program.display());
        record(&["-a", "always,exit", "-F", "arch=b64", "-S", call, "-F", &exe]);
    }
    record(&["-w", at("watched").to_str().expect("UTF-8"), "-p", "wa"]);
    let recording = at("recording.log");
    let recorder = Recorder::start(&recording);
    let mut daemon = stage.daemon();
    assert!(daemon.stderr().contains("started, 5 rules live"), "{}", daemon.stderr());

    let helper = "helper_that_makes_calls";
    let by_shell = |script: String, calls: &str| {
        let mut command = Command::new(&shell);
        assert!(command.args(["-c", &script]).env(HELPER, calls).status().expect("it runs").success());
    };
    by_shell(format!("{} -l; true", sudo.display()), "");
    stage.expect_alert(&ids[0]);
    let times = (0..20).map(|n| format!("{} user{n}", id.display())).collect::<Vec<_>>().join("; ");
    by_shell(times, "");
    stage.expect_alert(&ids[1]);
    by_shell(format!("{} --exact client R:socks {helper}; true", chisel.display()), "connect");
    stage.expect_alert(&ids[2]);
    let copied = at("watched").join("ld.so");
    execute(&cp, &["-S", "/etc/ld.so.preload", "/bin/true", copied.to_str().expect("UTF-8")]);
    stage.expect_alert(&ids[3]);
    execute(&enlightenment, &["-o"]);
    let mut change = Command::new(&changer);
    assert!(change.args(["--exact", helper]).env(HELPER, "setuid").status().expect("it runs").success());
    stage.expect_alert(&ids[4]);
    daemon.process.end(Signal::SIGTERM);
    recorder.finish();

    let mut live = stage.alerts();
    live.sort();
    for ((name, kind), id) in ELASTIC.iter().zip(&ids) {
        println!("{kind}: {name}: {} alerts", stage.count(id));
        assert_eq!(stage.count(id), 1, "{name}");
    }
    let (replayed, summary) = stage.replay(&recording);
    assert_eq!(live, replayed, "{summary}");
}

/// `rule_id` of a rule file.
fn rule_id(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a rule");
    let line = text.lines().find_map(|line| line.strip_prefix("rule_id = \"")).expect("rule_id");
    line.trim_end_matches('"').to_owned()
}
