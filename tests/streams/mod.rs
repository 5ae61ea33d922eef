//! Made records, as many as one likes, through `auditward replay` as a child: its alerts, its summary, its memory.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose program cannot be run fails")]

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};

use serde_json::Value;

/// The address space that a replay may have: what needs more fails.
const MOST_KIB: u64 = 1 << 20;

/// An execution; what is not set is that of a shell's child of alice's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exec<'a> {
    pub(crate) millis: u64,
    pub(crate) serial: u64,
    pub(crate) pid: u32,
    pub(crate) ppid: u32,
    /// The login user.
    pub(crate) auid: u32,
    pub(crate) exe: &'a str,
    pub(crate) args: &'a [&'a str],
}

impl Exec<'_> {
    /// `usermod -u 0 -o`, at this time.
    pub(crate) fn at(millis: u64, serial: u64) -> Self {
        let args = &["usermod", "-u", "0", "-o", "bob"];
        Self { millis, serial, pid: 2150, ppid: 2101, auid: 1000, exe: "/usr/sbin/usermod", args }
    }

    /// Its records, as auditd writes them.
    pub(crate) fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { millis, serial, pid, ppid, auid, exe, args } = *self;
        let stamp = format!("audit({}.{:03}:{serial})", millis / 1000, millis % 1000);
        let name = exe.rsplit('/').next().unwrap_or_default();
        write!(
            out,
            "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=8 items=1 ppid={ppid} \
             pid={pid} auid={auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm=\"{name}\" \
             exe=\"{exe}\" subj=unconfined key=\"exec\"\ntype=EXECVE msg={stamp}: argc={}",
            args.len()
        )?;
        for (n, arg) in args.iter().enumerate() {
            write!(out, " a{n}=\"{arg}\"")?;
        }
        write!(
            out,
            "\ntype=CWD msg={stamp}: cwd=\"/root\"\ntype=PATH msg={stamp}: item=0 name=\"{exe}\" inode=131 dev=fe:01 \
             mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n\
             type=PROCTITLE msg={stamp}: proctitle=\"{name}\"\ntype=EOE msg={stamp}: \n"
        )
    }
}

/// What became of a replay.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) alerts: Vec<Value>,
    /// What it said on standard error.
    pub(crate) told: String,
    /// The most that was resident, in KiB, up to the last record.
    pub(crate) peak_kib: u64,
}

impl Replayed {
    /// The last argument of each alert's program: here the account, or what else tells them apart.
    pub(crate) fn last_arguments(&self) -> Vec<&str> {
        let args = self.alerts.iter().map(|alert| alert["process"]["args"].as_array().expect("args"));
        args.map(|args| args.last().and_then(Value::as_str).expect("a text")).collect()
    }
}

/// `auditward replay` with these rules over what `feed` writes, within [`MOST_KIB`].
pub(crate) fn replay(rules: &Path, feed: impl FnOnce(&mut BufWriter<ChildStdin>)) -> Replayed {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| fs::File::create(folder.path().join(name)).unwrap();
    let mut child = Command::new("/bin/sh")
        .args(["-c", &format!("ulimit -v {MOST_KIB}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_auditward")])
        .args(["replay", "--site", "/nonexistent", "--format", "json", "--rules"])
        .arg(rules)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(file("out"))
        .stderr(file("told"))
        .spawn()
        .unwrap();
    let mut input = BufWriter::with_capacity(1 << 16, child.stdin.take().unwrap());
    feed(&mut input);
    input.flush().unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let peak_kib = peak.split_whitespace().next().unwrap().parse().unwrap();
    drop(input);
    let ended = child.wait().unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let told = read("told");
    assert!(ended.success(), "{ended}: {told}");
    let alerts = read("out").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Replayed { alerts, told, peak_kib }
}

/// The literal rule alone.
pub(crate) fn literal() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml").into()
}

/// A rule of this name and query, in a file of `folder`.
pub(crate) fn rule(folder: &Path, name: &str, query: &str) -> PathBuf {
    let file = folder.join(format!("{name}.toml"));
    let text = format!(
        "[rule]\nrule_id = \"{name}\"\nname = \"{name}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
         risk_score = 21\nmax_signals = 1000000\nlanguage = \"eql\"\nquery = '''{query}'''\n"
    );
    fs::write(&file, text).unwrap();
    file
}
