//! What the live tests share: the kernel's audit state kept as it was found, a private rsyslogd, a private
//! program named `usermod`, and the daemon itself as a child.
//!
//! Live tests need root, an audit-capable kernel in the initial namespaces, `auditctl` and `rsyslogd`.
//! Where one is missing they print the reason and pass; with `AUDITWARD_LIVE=1` they fail instead.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod chroot;
#[path = "../common/growth.rs"]
pub(crate) mod growth;
pub(crate) mod stage;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use growth::{while_more_comes, whole_lines};

/// Held while a test changes the kernel's audit state; the machine has only one.
const LOCK: &str = "/run/lock/auditward-live-test.lock";

/// How long anything may take that should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The kernel's audit state: as it was found, and put back when this is dropped.
pub(crate) struct KernelAudit {
    before: String,
    key: String,
    _lock: File,
}

impl KernelAudit {
    /// Takes the machine's audit state for one test, or says why it cannot be had.
    pub(crate) fn take() -> Option<Self> {
        match Self::try_take() {
            Ok(state) => Some(state),
            Err(why) if std::env::var_os("AUDITWARD_LIVE").is_some_and(|v| v == "1") => {
                panic!("AUDITWARD_LIVE=1, but {why}")
            }
            Err(why) => {
                println!("skipped: {why}");
                None
            }
        }
    }

    fn try_take() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("live tests need root".into());
        }
        for program in ["auditctl", "rsyslogd"] {
            which(program).ok_or(format!("{program} is not installed"))?;
        }
        let lock = File::create(LOCK).map_err(|e| format!("{LOCK}: {e}"))?;
        lock.lock().map_err(|e| format!("{LOCK}: {e}"))?;
        let before = audit_settings();
        if !before.contains("enabled ") {
            return Err("auditctl -s gives no status (no audit in this kernel or namespace)".into());
        }
        if before.contains("enabled 2") {
            return Err("the audit rules are locked (enabled 2)".into());
        }
        let key = format!("auditward-test-{}", std::process::id());
        Ok(Self { before, key, _lock: lock })
    }

    /// Turns auditing on, with room for a burst; no rule is added.
    pub(crate) fn turn_on(&self) {
        auditctl(&["-e", "1"]);
        auditctl(&["-b", "8192"]);
    }

    /// Turns auditing on and records executions of exactly this program.
    pub(crate) fn record_executions_of(&self, program: &Path) {
        self.turn_on();
        let path = format!("path={}", program.display());
        auditctl(&[
            "-a",
            "always,exit",
            "-F",
            "arch=b64",
            "-S",
            "execve,execveat",
            "-F",
            &path,
            "-k",
            &self.key,
        ]);
    }

    /// Turns auditing on and records each getppid(2) of this executable: three cheap records a call.
    pub(crate) fn record_getppid_of(&self, executable: &Path) {
        self.turn_on();
        let exe = format!("exe={}", executable.display());
        auditctl(&["-a", "always,exit", "-F", "arch=b64", "-S", "getppid", "-F", &exe, "-k", &self.key]);
    }

    /// The key of this test's kernel rules.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What the state was when it was taken: settings and rules, as auditctl prints them.
    pub(crate) fn before(&self) -> &str {
        &self.before
    }
}

impl Drop for KernelAudit {
    fn drop(&mut self) {
        let setting =
            |name: &str| self.before.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().to_owned());
        let _ = run("auditctl", &["-D", "-k", &self.key]);
        for (name, flag) in [("rate_limit ", "-r"), ("backlog_limit ", "-b"), ("enabled ", "-e")] {
            if let Some(value) = setting(name) {
                let _ = run("auditctl", &[flag, &value]);
            }
        }
        let after = audit_settings();
        if !std::thread::panicking() {
            assert_eq!(after, self.before, "the audit state is not as it was found");
        }
    }
}

/// Records that the kernel has lost before any reader, since it was started.
pub(crate) fn lost_in_kernel() -> u64 {
    let status = run("auditctl", &["-s"]);
    let lost = status.lines().find_map(|line| line.strip_prefix("lost "));
    lost.expect("auditctl -s tells lost").trim().parse().expect("a number")
}

/// Settings and rules, without the counters that move by themselves.
pub(crate) fn audit_settings() -> String {
    let kept = ["enabled ", "failure ", "rate_limit ", "backlog_limit ", "backlog_wait_time "];
    let status = run("auditctl", &["-s"]);
    let settings = status.lines().filter(|l| kept.iter().any(|k| l.starts_with(k)));
    settings.map(|l| format!("{l}\n")).collect::<String>() + &run("auditctl", &["-l"])
}

/// Waits until the audit state is `wanted`; panics with what it is instead.
pub(crate) fn expect_audit_settings(wanted: &str) {
    eventually("the audit state is as it was found", || {
        let now = audit_settings();
        if now == wanted { Ok(()) } else { Err(format!("found {wanted}now {now}")) }
    });
}

pub(crate) fn auditctl(arguments: &[&str]) {
    let output = Command::new("auditctl").args(arguments).output().expect("auditctl runs");
    assert!(output.status.success(), "auditctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .map(|folder| folder.join(program))
        .find(|file| file.exists())
}

/// Calls `look` until it answers, for [`SOON`]; then panics with its last complaint.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if start.elapsed() > SOON => panic!("not within {SOON:?}: {what}: {why}"),
            Err(_) => sleep(Duration::from_millis(5)),
        }
    }
}

/// What `auditward status` tells of the daemon with this runtime directory, or why it does not.
fn ask_status(runtime: &Path) -> Result<serde_json::Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
    command.args(["status", "--format", "json", "--runtime"]).arg(runtime);
    let output = command.output().map_err(|e| e.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The status as it is now; null where the daemon does not answer.
pub(crate) fn status(runtime: &Path) -> serde_json::Value {
    ask_status(runtime).unwrap_or_default()
}

/// The status, once the daemon answers.
pub(crate) fn answered_status(runtime: &Path) -> serde_json::Value {
    eventually("the daemon answers", || ask_status(runtime))
}

/// A scratch folder that other users may enter: the daemon has given up being root.
pub(crate) fn scratch() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("auditward-live.").tempdir().expect("a scratch folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("folder mode");
    folder
}

/// A shipped rule that may send all its alerts: what `max_signals` would keep back is no matter of most tests.
pub(crate) fn uncapped(rule: &str) -> String {
    assert!(rule.contains("\nmax_signals = 100\n"), "the cap as it is shipped");
    rule.replace("\nmax_signals = 100\n", "\nmax_signals = 1000000\n")
}

/// A harmless program of the name that the shipped rule looks for: it does nothing, whatever its arguments.
pub(crate) fn private_usermod(folder: &Path) -> PathBuf {
    let program = folder.join("usermod");
    fs::copy("/bin/true", &program).expect("copy of /bin/true");
    program
}

/// Runs `usermod -u 0 -o ACCOUNT` (the private one), which the shipped rule matches; gives its pid.
pub(crate) fn take_over(program: &Path, account: &str) -> u32 {
    let mut child = Command::new(program).args(["-u", "0", "-o", account]).spawn().expect("usermod starts");
    let pid = child.id();
    assert!(child.wait().expect("usermod ends").success());
    pid
}

/// A child that does not outlive its test.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).expect("signal");
    }

    /// Asks it to end and waits for it.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the child ends", || match self.0.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("still running".into()),
            Err(e) => Err(e.to_string()),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An rsyslogd of our own: a private socket in, a file out.
pub(crate) struct Rsyslogd {
    pub(crate) process: Running,
    pub(crate) socket: PathBuf,
    pub(crate) file: PathBuf,
}

impl Rsyslogd {
    /// Each line of the file is `PROGRAMNAME FACILITY.SEVERITY TAG|MESSAGE`.
    pub(crate) fn start(folder: &Path) -> Self {
        let (socket, file) = (folder.join("log"), folder.join("syslog"));
        let configuration = folder.join("rsyslog.conf");
        fs::write(
            &configuration,
            format!(
                r#"global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="off" RateLimit.Interval="0")
template(name="line" type="string"
    string="%programname% %syslogfacility-text%.%syslogseverity-text% %syslogtag%|%msg%\n")
action(type="omfile" file="{file}" template="line" fileCreateMode="0644")
"#,
                folder = folder.display(),
                socket = socket.display(),
                file = file.display()
            ),
        )
        .expect("rsyslog.conf");
        let program = which("rsyslogd").expect("rsyslogd");
        let child = Command::new(program)
            .args(["-n", "-f"])
            .arg(&configuration)
            .arg("-i")
            .arg(folder.join("rsyslogd.pid"))
            .stdin(Stdio::null())
            .spawn()
            .expect("rsyslogd starts");
        let process = Running(child);
        eventually("rsyslogd opens its socket", || {
            if socket.exists() { Ok(()) } else { Err("no socket yet".into()) }
        });
        Self { process, socket, file }
    }

    /// The lines written so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        whole_lines(&self.file).lines().map(str::to_owned).collect()
    }

    /// Waits for a line that holds `text`.
    pub(crate) fn expect_line(&self, text: &str) -> String {
        eventually(&format!("a line with {text:?} in syslog"), || {
            self.lines().into_iter().find(|l| l.contains(text)).ok_or_else(|| self.lines().join("\n"))
        })
    }

    /// Awaits a line for as long as others come: what waits in the store and in the kernel takes its time on a busy machine.
    pub(crate) fn expect_while_more_comes(&self, text: &str) {
        while_more_comes(&format!("line with {text:?} in syslog"), || {
            let lines = self.lines();
            if lines.iter().rev().any(|line| line.contains(text)) { Ok(()) } else { Err(lines.len()) }
        });
    }
}

/// Reads a growing file line by line, for the time a line takes to come.
pub(crate) struct Tail(BufReader<File>, String);

impl Tail {
    pub(crate) fn from_end(path: &Path) -> Self {
        eventually("the file is there", || File::open(path).map(drop).map_err(|e| e.to_string()));
        let mut file = BufReader::new(File::open(path).expect("file"));
        file.read_to_end(&mut Vec::new()).expect("to the end");
        Self(file, String::new())
    }

    /// The next whole line; looks every 50 µs.
    pub(crate) fn next_line(&mut self) -> String {
        let start = Instant::now();
        loop {
            self.0.read_line(&mut self.1).expect("readable");
            if self.1.ends_with('\n') {
                return std::mem::take(&mut self.1);
            }
            assert!(start.elapsed() < SOON, "no further line within {SOON:?}");
            sleep(Duration::from_micros(50));
        }
    }
}

/// `auditward run` as a child.
pub(crate) struct Daemon {
    pub(crate) process: Running,
    stderr: PathBuf,
}

impl Daemon {
    /// Starts it and waits until it has joined the multicast group.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_auditward")).arg("run").args(arguments), folder)
    }

    /// The same by a command of the test's own.
    pub(crate) fn start_by(command: &mut Command, folder: &Path) -> Self {
        let stderr = folder.join("auditward.stderr");
        let child = command
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("auditward.stdout")).expect("file"))
            .stderr(File::create(&stderr).expect("file"))
            .spawn()
            .expect("auditward starts");
        let mut daemon = Self { process: Running(child), stderr };
        eventually("auditward joins the audit group", || {
            if let Ok(Some(status)) = daemon.process.0.try_wait() {
                panic!("auditward ended with {status}: {}", daemon.stderr());
            }
            daemon.socket().map(drop).ok_or_else(|| daemon.stderr())
        });
        daemon
    }

    /// What it said on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// Its audit socket as the kernel sees it: an independent witness of what it reads and loses.
    pub(crate) fn socket(&self) -> Option<NetlinkSocket> {
        let inodes = socket_inodes(self.process.pid());
        audit_sockets().into_iter().find(|s| inodes.contains(&s.inode))
    }

    /// Which of its descriptors the audit socket is.
    pub(crate) fn socket_descriptor(&self) -> Option<String> {
        let inode = format!("socket:[{}]", self.socket()?.inode);
        let mut open = fs::read_dir(format!("/proc/{}/fd", self.process.pid())).ok()?.flatten();
        let is_it =
            |entry: &fs::DirEntry| fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str() == &*inode);
        open.find(is_it)?.file_name().into_string().ok()
    }

    /// The lines of `/proc/PID/task/*/status` of every thread.
    pub(crate) fn task_statuses(&self) -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.pid())).expect("tasks");
        tasks.filter_map(|t| fs::read_to_string(t.ok()?.path().join("status")).ok()).collect()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid())).expect("status");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("VmRSS");
        line.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number")
    }
}

/// A row of /proc/net/netlink.
pub(crate) struct NetlinkSocket {
    inode: u64,
    /// Its address.
    pub(crate) port: u32,
    /// Bytes that wait to be read.
    pub(crate) waiting: u64,
    /// Records that found it full.
    pub(crate) drops: u64,
}

/// The sockets of family NETLINK_AUDIT (9) that are members of a group.
fn audit_sockets() -> Vec<NetlinkSocket> {
    let table = fs::read_to_string("/proc/net/netlink").expect("/proc/net/netlink");
    let rows = table.lines().skip(1).map(|l| l.split_whitespace().collect::<Vec<_>>());
    rows.filter(|r| r.get(1) == Some(&"9") && r.get(3) != Some(&"00000000"))
        .filter_map(|r| {
            let number = |i: usize| r.get(i)?.parse().ok();
            Some(NetlinkSocket {
                inode: number(9)?,
                port: r.get(2)?.parse().ok()?,
                waiting: number(4)?,
                drops: number(8)?,
            })
        })
        .collect()
}

fn socket_inodes(pid: u32) -> HashSet<u64> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let links = descriptors.filter_map(|d| fs::read_link(d.ok()?.path()).ok());
    links.filter_map(|l| l.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}
