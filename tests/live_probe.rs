//! The probe as a process of its own, as `run` starts it: whom it answers, what it holds, what it survives.
//!
//! Needs root; see [`live`].
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod live;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use auditward::event::ancestry::Gaps;
use auditward::event::proc::ProcGaps;
use auditward::probe::answer::LONGEST;
use auditward::probe::client::Address;
use auditward::probe::request::LENGTH;
use auditward::probe::{Answer, Client, Counts, NotReadable, Question, Request, Target, process};
use live::{Daemon, KernelAudit, SOON, eventually, scratch};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, getsockname, listen, recv,
    send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The number that the probe of these tests becomes: one that nobody uses.
const PROBE: u32 = 61_170;

/// Ordinary users: the one that is answered in a test, and another.
const ASKER: u32 = 61_171;
const OTHER: u32 = 61_172;

fn root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    assert!(
        root || std::env::var_os("AUDITWARD_LIVE").is_none_or(|v| v != "1"),
        "AUDITWARD_LIVE=1 needs root"
    );
    if !root {
        println!("skipped: live tests need root");
    }
    root
}

/// A probe, started as `auditward run` starts it.
struct Probe {
    name: Vec<u8>,
    child: Child,
    end: Option<BufReader<ChildStdout>>,
}

impl Probe {
    fn start(client: u32) -> Self {
        let listener = packets();
        bind(listener.as_raw_fd(), &UnixAddr::new_unnamed()).expect("bound");
        let name = getsockname::<UnixAddr>(listener.as_raw_fd())
            .expect("a name")
            .as_abstract()
            .expect("a name")
            .to_vec();
        Self::start_on(listener, name, client)
    }

    fn start_on(listener: OwnedFd, name: Vec<u8>, client: u32) -> Self {
        listen(&listener, Backlog::new(16).expect("backlog")).expect("listens");
        let mut child = Command::new(env!("CARGO_BIN_EXE_auditward"))
            .args(["probe", "--client", &client.to_string(), "--become", &PROBE.to_string()])
            .stdin(Stdio::from(listener))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the probe starts");
        let mut end = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut told = String::new();
        end.read_line(&mut told).expect("a line");
        assert_eq!(told, "ready\n");
        Self { name, child, end: Some(end) }
    }

    fn client(&self) -> Client {
        Client::new(Address::Abstract(self.name.clone()), SOON, Arc::new(Counts::default()))
    }

    fn connect(&self) -> OwnedFd {
        let link = packets();
        connect(link.as_raw_fd(), &UnixAddr::new_abstract(&self.name).expect("address")).expect("connected");
        setsockopt(&link, sockopt::ReceiveTimeout, &TimeVal::seconds(20)).expect("timeout");
        link
    }

    fn status(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        text.lines()
            .filter_map(|l| l.split_once(':'))
            .map(|(k, v)| (k.to_owned(), v.trim().to_owned()))
            .collect()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packets() -> OwnedFd {
    socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).expect("socket")
}

fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

fn target(pid: u32) -> Target {
    let stat = fs::read(format!("/proc/{pid}/stat")).expect("stat");
    Target { pid, start: process::start(&stat).expect("a start") }
}

/// A process of an ordinary user with an environment of its own, which sleeps until the test ends.
struct Sleeper(Child);

impl Sleeper {
    fn start(program: &Path) -> Self {
        let child = Command::new(program)
            .env_clear()
            .envs([
                ("GLIBC_TUNABLES", "glibc.a=1"),
                ("PASSWORD", "secret"),
                ("https_proxy", "http://u:secret@h/"),
            ])
            .stdin(Stdio::piped())
            .current_dir("/tmp")
            .uid(OTHER)
            .gid(OTHER)
            .spawn()
            .expect("a process");
        let pid = child.id();
        eventually("the program runs", || {
            let exe = fs::read_link(format!("/proc/{pid}/exe")).map_err(|e| e.to_string())?;
            if exe == program { Ok(()) } else { Err(exe.display().to_string()) }
        });
        Self(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that waits for the end of its input.
fn private_cat(folder: &Path) -> std::path::PathBuf {
    let program = folder.join("sleeper");
    fs::copy("/bin/cat", &program).expect("copy of /bin/cat");
    program
}

#[test]
fn it_reads_what_others_may_not_and_never_more_than_the_listed_variables() {
    if !root() {
        return;
    }
    let (folder, probe) = (scratch(), Probe::start(own_uid()));
    let program = private_cat(folder.path());
    let sleeper = Sleeper::start(&program);
    let mut client = probe.client();
    let told = client.process(target(sleeper.0.id())).expect("an answer");
    use std::os::unix::ffi::OsStrExt;
    assert_eq!(told.executable.expect("exe").bytes, program.as_os_str().as_bytes());
    assert_eq!(told.directory.expect("cwd").bytes, b"/tmp");
    assert_eq!(told.root.expect("root").bytes, b"/");
    let own = client.process(target(std::process::id())).expect("an answer");
    assert_eq!(told.namespaces, own.namespaces, "the same namespaces as this test");
    assert!(told.namespaces.mount != 0 && told.namespaces.user != 0);
    let variables: Vec<_> = told.environment.expect("environ").into_iter().map(|text| text.bytes).collect();
    assert_eq!(variables.len(), 2, "{variables:?}");
    for expected in [&b"GLIBC_TUNABLES=glibc.a=1"[..], b"https_proxy=http://***@h/"] {
        assert!(variables.iter().any(|variable| variable == expected), "{variables:?}");
    }
    // The file is read through the process, also when its path names another by now.
    let before = client.digest(target(sleeper.0.id())).expect("a digest");
    fs::remove_file(&program).expect("removed");
    fs::copy("/bin/true", &program).expect("replaced");
    let after = client.digest(target(sleeper.0.id())).expect("a digest");
    assert_eq!(before.sha256, after.sha256);
    assert_eq!(before.file.inode, after.file.inode);
    let sum = live::run("sha256sum", &["/bin/cat"]);
    let hex: String = after.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(sum.starts_with(&hex), "{sum}{hex}");
}

#[test]
fn accounts_are_told_without_a_hash_and_the_sudoers_files_by_stat() {
    if !root() {
        return;
    }
    let probe = Probe::start(own_uid());
    let told = probe.client().accounts().expect("an answer");
    let lines =
        fs::read_to_string("/etc/shadow").expect("root reads it").lines().filter(|l| l.contains(':')).count();
    let accounts =
        told.entries.iter().filter(|e| matches!(e, auditward::probe::accounts::Entry::Account { .. }));
    assert_eq!(accounts.count(), lines);
    assert!(told.shadow.is_some() && !told.truncated);
}

#[test]
fn the_audit_status_is_the_kernels_and_nothing_is_changed() {
    if !root() {
        return;
    }
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    kernel.record_executions_of(&live::private_usermod(folder.path()));
    let probe = Probe::start(own_uid());
    let (status, rules) = probe.client().auditing().expect("an answer");
    let mut control = auditward::audit::control::Control::open().expect("control");
    let own = control.status().expect("status");
    assert_eq!(
        (status.enabled, status.failure, status.backlog_limit),
        (own.enabled, own.failure, own.backlog_limit)
    );
    assert_eq!(rules, control.rules().expect("rules"));
    assert!(rules.iter().any(|rule| rule.has_only_key(kernel.key())));
}

#[test]
fn it_holds_three_capabilities_and_its_filter() {
    if !root() {
        return;
    }
    let probe = Probe::start(own_uid());
    let status = probe.status();
    // capabilities(7): CAP_DAC_READ_SEARCH 2, CAP_SYS_PTRACE 19, CAP_AUDIT_CONTROL 30.
    let held = format!("{:016x}", 1_u64 << 2 | 1 << 19 | 1 << 30);
    let none = format!("{:016x}", 0);
    let expected = [
        ("CapInh", none.as_str()),
        ("CapPrm", &held),
        ("CapEff", &held),
        ("CapBnd", &none),
        ("CapAmb", &none),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("Groups", ""),
    ];
    for (name, value) in expected {
        assert_eq!(status.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(status["Uid"], format!("{PROBE}\t{PROBE}\t{PROBE}\t{PROBE}"));
}

/// Whether what was sent on a new connection is answered.
fn is_answered(probe: &Probe, bytes: &[u8]) -> bool {
    let link = probe.connect();
    if send(link.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL).is_err() {
        return false;
    }
    let mut datagram = [0; LONGEST + 1];
    match recv(link.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
        Ok(0) | Err(nix::errno::Errno::ECONNRESET) => false,
        Ok(length) => Answer::parse(&datagram[..length]).is_some(),
        Err(errno) => panic!("neither an answer nor the end: {errno}"),
    }
}

#[test]
fn malformed_and_oversized_requests_are_hung_up_on_and_it_goes_on() {
    if !root() {
        return;
    }
    let probe = Probe::start(own_uid());
    let sound = Request { tag: 5, question: Question::Process(target(1)) }.to_bytes();
    let mut longer = sound.to_vec();
    longer.push(0);
    let mut version = sound;
    version[0] = 2;
    let mut padding = sound;
    padding[13] = 1;
    let oversized = vec![b'x'; 100_000];
    for wrong in [&[0; LENGTH][..], b"x", &sound[1..], &longer, &version, &padding, &oversized] {
        assert!(!is_answered(&probe, wrong), "{} bytes", wrong.len());
    }
    assert!(is_answered(&probe, &sound));
}

#[test]
fn another_user_is_not_answered_not_even_root() {
    if !root() {
        return;
    }
    let probe = Probe::start(ASKER);
    let sound = Request { tag: 5, question: Question::Process(target(1)) }.to_bytes();
    assert!(!is_answered(&probe, &sound), "root is another user");
    // This test again, as another user and as the one that is served: it asks and says how it went.
    let name: String = probe.name.iter().map(|byte| format!("{byte:02x}")).collect();
    for (uid, answered) in [(OTHER, false), (ASKER, true)] {
        let program = File::open(std::env::current_exe().expect("path")).expect("this program");
        let output = Command::new("/proc/self/fd/0")
            .args(["--exact", "asks_as_another_user", "--nocapture", "--ignored"])
            .env("AUDITWARD_PROBE_NAME", &name)
            .stdin(program)
            .uid(uid)
            .gid(uid)
            .output()
            .expect("this program again");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(
            told.contains(&format!("answered: {answered}")),
            "{uid}: {told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
#[ignore = "a part of another test, which runs it under another user"]
fn asks_as_another_user() {
    let Some(name) = std::env::var_os("AUDITWARD_PROBE_NAME") else { return };
    let name = name.to_str().expect("hexadecimal").as_bytes();
    let digits =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("digits");
    let name: Vec<u8> = name.chunks(2).map(digits).collect();
    let mut client = Client::new(Address::Abstract(name), SOON, Arc::new(Counts::default()));
    let told = client.process(target(1));
    assert!(told.is_ok() || told == Err(NotReadable::Away), "{told:?}");
    println!("answered: {}", told.is_ok());
    // What this is for: a process of somebody else's, which no record told of. (The machine's first has a program.)
    let first = fs::read("/proc/1/cmdline").expect("readable by everybody");
    let program = |gaps: &mut ProcGaps| gaps.look(1).expect("it runs").image.executable().map(<[u8]>::to_vec);
    assert_eq!(program(&mut ProcGaps::new()), None, "not readable without the probe");
    let known = program(&mut ProcGaps::with_probe(client));
    assert_eq!(known.is_some(), told.is_ok() && !first.is_empty(), "{known:?}");
}

#[test]
fn a_pid_that_is_given_again_is_gone() {
    if !root() {
        return;
    }
    let (folder, probe) = (scratch(), Probe::start(own_uid()));
    let program = private_cat(folder.path());
    let sleeper = Sleeper::start(&program);
    let known = target(sleeper.0.id());
    let mut client = probe.client();
    client.process(known).expect("it runs");
    let pid = sleeper.0.id();
    drop(sleeper);
    assert_eq!(client.process(known), Err(NotReadable::Gone));
    // The same number, for a process that began later: what the kernel's next_pid allows root to ask for.
    let Some(again) = with_pid(pid) else {
        println!("the number could not be had again; another beginning of this process stands for it");
        let own = target(std::process::id());
        assert_eq!(client.process(Target { start: own.start + 1, ..own }), Err(NotReadable::Gone));
        return;
    };
    assert_eq!(again.id(), pid);
    // Clock ticks are hundredths of a second: a process that began in the same one is not told apart.
    let now = target(pid);
    if now.start != known.start {
        assert_eq!(client.process(known), Err(NotReadable::Gone));
        assert_eq!(client.digest(known), Err(NotReadable::Gone));
    }
    client.process(now).expect("the other process");
    let mut again = again;
    let _ = again.kill();
    let _ = again.wait();
}

/// A process with this very number: `/proc/sys/kernel/ns_last_pid`, where it can be written and nobody is quicker.
fn with_pid(pid: u32) -> Option<Child> {
    for _ in 0..50 {
        let mut last = fs::OpenOptions::new().write(true).open("/proc/sys/kernel/ns_last_pid").ok()?;
        last.write_all((pid - 1).to_string().as_bytes()).ok()?;
        let mut child = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().ok()?;
        if child.id() == pid {
            return Some(child);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    None
}

/// `AUDITWARD_REQUESTS` asks for more; a million takes a few minutes in a debug build.
#[test]
fn a_hundred_thousand_requests_are_answered_and_leave_nothing_behind() {
    if !root() {
        return;
    }
    let probe = Probe::start(own_uid());
    let mut client = probe.client();
    let (own, mut ask) = (target(std::process::id()), |count: usize| {
        for _ in 0..count {
            client.process(target(1)).expect("an answer");
        }
    });
    ask(1000);
    let resources = |probe: &Probe| {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", probe.child.id())).expect("fd").count();
        let memory: u64 =
            probe.status()["RssAnon"].split(' ').next().and_then(|n| n.parse().ok()).expect("KiB");
        (descriptors, memory)
    };
    let (descriptors, memory) = resources(&probe);
    let count =
        std::env::var("AUDITWARD_REQUESTS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    ask(count);
    let after = resources(&probe);
    assert_eq!(after.0, descriptors);
    assert!(after.1 < memory + 1024, "{memory} KiB, then {} KiB", after.1);
    assert_eq!(probe.client().process(own).map(|process| process.executable.is_some()), Ok(true));
}

#[test]
fn connections_are_bounded() {
    if !root() {
        return;
    }
    let probe = Probe::start(own_uid());
    let links: Vec<_> = (0..16).map(|_| probe.connect()).collect();
    // Each has a thread by the time it is answered.
    let sound = Request { tag: 5, question: Question::Process(target(1)) }.to_bytes();
    for link in &links {
        send(link.as_raw_fd(), &sound, MsgFlags::MSG_NOSIGNAL).expect("sent");
        assert!(recv(link.as_raw_fd(), &mut [0; LONGEST], MsgFlags::empty()).expect("an answer") > 0);
    }
    assert!(!is_answered(&probe, &sound), "one too many");
    drop(links);
    eventually("room again", || if is_answered(&probe, &sound) { Ok(()) } else { Err("hung up".to_owned()) });
}

#[test]
fn it_ends_with_the_daemon_and_a_new_one_is_found_again() {
    if !root() {
        return;
    }
    let folder = scratch();
    let path = folder.path().join("socket");
    let listener = packets();
    bind(listener.as_raw_fd(), &UnixAddr::new(&path).expect("address")).expect("bound");
    let mut first = Probe::start_on(listener, Vec::new(), own_uid());
    let mut client = Client::new(path.as_path().into(), SOON, Arc::new(Counts::default()));
    client.process(target(1)).expect("an answer");
    first.child.kill().expect("killed");
    first.child.wait().expect("ended");
    fs::remove_file(&path).expect("removed");
    assert_eq!(client.process(target(1)), Err(NotReadable::Away));
    let listener = packets();
    bind(listener.as_raw_fd(), &UnixAddr::new(&path).expect("address")).expect("bound");
    let mut second = Probe::start_on(listener, Vec::new(), own_uid());
    eventually("it is found again", || client.process(target(1)).map(drop).map_err(|e| e.to_string()));
    // The other end of its standard output is the daemon's: closed, however that came about.
    drop(second.end.take());
    eventually("it ends", || match second.child.try_wait() {
        Ok(Some(status)) if status.success() => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A daemon as `run` starts it, with one rule, which reads the environment.
fn daemon(folder: &Path, program: &Path) -> Daemon {
    let rule = format!(
        "[rule]\nrule_id = \"environment\"\nname = \"environment\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = '''process where event.type == \"start\" and process.executable \
         == \"{}\" and process.env_vars : \"*GLIBC_TUNABLES=glibc.*=glibc.*=*\"'''\n",
        program.display()
    );
    fs::write(folder.join("rule.toml"), rule).expect("rule");
    let at = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "rules = [\"{}\"]\n[syslog]\nenabled = false\n[daemon]\nruntime_directory = \"{}\"\n",
        at("rule.toml"),
        at("run")
    );
    fs::write(folder.join("auditward.toml"), config).expect("configuration");
    Daemon::start(folder, &["--config", &at("auditward.toml"), "--site", &at(""), "--stdout"])
}

/// The probe that a daemon starts, once it has joined the audit group: its one child of that command.
fn probe_of(daemon: &Daemon) -> u32 {
    let pid = daemon.process.pid();
    eventually("the daemon's probe", || child_probe(pid).ok_or_else(|| daemon.stderr()))
}

fn child_probe(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().filter_map(|child| child.parse().ok()).find(|child: &u32| {
        fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|line| line.starts_with(b"auditward\0probe\0"))
    })
}

fn report(folder: &Path) -> serde_json::Value {
    live::answered_status(&folder.join("run"))
}

/// Runs the program for a moment, with this value of `GLIBC_TUNABLES`.
fn run_with(program: &Path, tunables: &str) -> Sleeper {
    let child = Command::new(program).env("GLIBC_TUNABLES", tunables).stdin(Stdio::piped()).spawn();
    Sleeper(child.expect("a process"))
}

/// Why rules see a part only.
fn partly(report: &serde_json::Value) -> String {
    report["rules"]["partly"].to_string()
}

#[test]
fn a_rule_on_the_environment_alerts_and_without_the_probe_the_daemon_goes_on() {
    if !root() {
        return;
    }
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_cat(folder.path());
    kernel.record_executions_of(&program);
    let daemon = daemon(folder.path(), &program);
    let alerts = || live::growth::whole_lines(&folder.path().join("auditward.stdout"));
    let others = run_with(&program, "glibc.malloc.check=1");
    // The probe is asked for 10 ms: on a busy machine more than one may have to be run.
    let mut running = Vec::new();
    eventually("an alert", || {
        running.push(run_with(&program, "glibc.malloc.mxfast=glibc.malloc.mxfast=A"));
        std::thread::sleep(std::time::Duration::from_millis(300));
        if alerts().contains("LOW environment") { Ok(()) } else { Err(daemon.stderr()) }
    });
    let told = alerts().lines().filter(|line| line.contains("LOW environment")).count();
    assert!((1..=running.len()).contains(&told), "{}", alerts());
    let told = report(folder.path());
    assert_eq!(told["probe"]["answers"], true, "{told:#}");
    assert!(told["probe"]["answered"].as_u64().is_some_and(|count| count > 0));
    eventually("the kernel is asked again", || {
        let told = report(folder.path());
        if told["auditing"]["enabled"] == 1 { Ok(()) } else { Err(told["auditing"].to_string()) }
    });
    let hindered = partly(&report(folder.path()));
    assert!(!hindered.contains("process.env_vars"), "{hindered}");
    let probe = probe_of(&daemon);
    kill(nix::unistd::Pid::from_raw(probe.cast_signed()), Signal::SIGKILL).expect("killed");
    eventually("that the probe is away is told", || {
        let told = report(folder.path());
        if told["probe"]["answers"] == false { Ok(()) } else { Err(told["probe"].to_string()) }
    });
    let hindered = partly(&report(folder.path()));
    assert!(hindered.contains("process.env_vars cannot be read: "), "{hindered}");
    // What needs the probe is not readable; the events go on.
    let before = report(folder.path())["totals"]["events"].as_u64();
    drop(run_with(&program, "glibc.malloc.mxfast=glibc.malloc.mxfast=A"));
    eventually("events go on", || {
        let now = report(folder.path())["totals"]["events"].as_u64();
        if now > before { Ok(()) } else { Err(format!("{now:?}")) }
    });
    drop((running, others));
}

#[test]
fn the_probe_ends_with_a_daemon_that_is_killed() {
    if !root() {
        return;
    }
    let Some(kernel) = KernelAudit::take() else { return };
    let folder = scratch();
    let program = private_cat(folder.path());
    kernel.record_executions_of(&program);
    let mut daemon = daemon(folder.path(), &program);
    let probe = probe_of(&daemon);
    daemon.process.end(Signal::SIGKILL);
    eventually("the probe ends", || match fs::read_to_string(format!("/proc/{probe}/stat")) {
        Ok(stat) if !stat.contains(") Z ") => Err(stat),
        _ => Ok(()),
    });
}

#[test]
fn by_hand_it_says_what_it_is_for() {
    let output = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["probe", "--client", "1"])
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let mut told = String::new();
    output.stderr.as_slice().read_to_string(&mut told).expect("text");
    assert!(told.contains("started by auditward-probe.socket or by `auditward run`, not by hand"), "{told}");
}
