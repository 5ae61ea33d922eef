//! The processes that run, as far as everybody may read them.

use std::fs::{self, File};
use std::path::Path;

use super::Missing;
use crate::event::ancestry::Terminal;
use crate::event::proc::boot_millis;
use crate::probe;

/// Processes that are read.
const MOST: usize = 32_768;

/// Bytes of a command line that are read.
const LINE: u64 = 4096;

/// Clock ticks a second, the unit of start times: `USER_HZ` (`include/asm-generic/param.h`).
const TICKS: u64 = 100;

/// A process that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) pid: u32,
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) state: String,
    /// The name that it goes by, at most 15 bytes.
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) euid: u32,
    pub(super) egid: u32,
    pub(super) terminal: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub(super) start: u64,
    pub(super) args: Vec<String>,
    /// Where this process may read it.
    pub(super) executable: Option<String>,
    pub(super) directory: Option<String>,
}

/// All of them, by pid, and why they are not all.
pub(super) fn all(proc: &Path) -> (Vec<Task>, Option<Missing>) {
    let boot = boot_millis(proc);
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut tasks: Vec<Task> = pids.take(MOST).filter_map(|pid| one(proc, boot, pid)).collect();
    tasks.sort_by_key(|task| task.pid);
    // With `hidepid` of proc(5) and `ProtectProc=` of systemd.exec(5), init is not among them.
    let why = match tasks.first() {
        None => Some("/proc cannot be read"),
        Some(first) if first.pid != 1 => Some("/proc hides those of other users"),
        Some(_) => (tasks.len() == MOST).then_some("there are more than are read"),
    };
    (tasks, why.map(|why| Missing::of("processes of the users", why)))
}

fn one(proc: &Path, boot: u64, pid: u32) -> Option<Task> {
    let directory = proc.join(pid.to_string());
    let stat = limited(&directory.join("stat"), LINE)?;
    let (open, close) = (memchr::memchr(b'(', &stat)?, memchr::memrchr(b')', &stat)?);
    let name = lossy(stat.get(open + 1..close)?);
    let rest = lossy(stat.get(close + 1..)?);
    // Field 3 (state) is the first behind the name (proc_pid_stat(5)).
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let status = limited(&directory.join("status"), LINE)?;
    let ids = |key: &[u8]| -> Option<[u32; 2]> {
        let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key))?;
        let mut numbers = std::str::from_utf8(line).ok()?.split_ascii_whitespace().map(str::parse);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
    };
    let ([uid, euid], [gid, egid]) = (ids(b"Uid:")?, ids(b"Gid:")?);
    let line = limited(&directory.join("cmdline"), LINE).unwrap_or_default();
    let line = line.strip_suffix(b"\0").unwrap_or(&line);
    let args = if line.is_empty() { Vec::new() } else { line.split(|byte| *byte == 0).map(lossy).collect() };
    let link = |name: &str| Some(fs::read_link(directory.join(name)).ok()?.to_string_lossy().into_owned());
    Some(Task {
        pid,
        parent: field(4)?.parse().ok()?,
        group: field(5)?.parse().ok()?,
        state: field(3)?.to_owned(),
        name,
        uid,
        gid,
        euid,
        egid,
        terminal: Terminal::of_number(field(7)?.parse::<i32>().ok()?.cast_unsigned()).name(),
        start: boot + field(22)?.parse::<u64>().ok()?.saturating_mul(1000) / TICKS,
        args,
        executable: link("exe"),
        directory: link("cwd"),
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn limited(path: &Path, most: u64) -> Option<Vec<u8>> {
    probe::process::beginning(File::open(path).ok()?, most).ok()
}

/// The innermost unit in a process's `cgroup` file: the service, scope or slice that systemd put it in.
pub(super) fn unit(proc: &Path, pid: u32) -> Option<String> {
    let text = limited(&proc.join(format!("{pid}/cgroup")), 64 << 10)?;
    let text = lossy(&text);
    // Version 2 has one line, `0::/path`; of version 1 systemd's own hierarchy counts.
    let line = text.lines().find(|line| line.starts_with("0::") || line.contains(":name=systemd:"))?;
    let named = |part: &&str| [".service", ".scope", ".slice"].iter().any(|end| part.ends_with(end));
    line.rsplit('/').find(named).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_among_them() {
        let (all, missing) = all(Path::new("/proc"));
        assert_eq!(missing, None);
        let own = all.iter().find(|task| task.pid == std::process::id()).expect("own process");
        assert_eq!(own.parent, nix::unistd::getppid().as_raw().cast_unsigned());
        assert_eq!(own.uid, nix::unistd::getuid().as_raw());
        assert_eq!(own.args, std::env::args().collect::<Vec<_>>());
        let executable = std::env::current_exe().expect("a path");
        assert_eq!(own.executable.as_deref(), executable.to_str());
        assert!(all.iter().any(|task| task.pid == 1));
    }

    #[test]
    fn the_innermost_unit_counts() {
        let proc = tempfile::tempdir().expect("a directory");
        fs::create_dir(proc.path().join("7")).expect("a directory");
        for (text, expected) in [
            ("0::/user.slice/user-1000.slice/session-4.scope\n", Some("session-4.scope")),
            ("0::/system.slice/ssh.service\n", Some("ssh.service")),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope/y\n", Some("x.scope")),
            ("12:pids:/a.scope\n1:name=systemd:/system.slice/cron.service\n0::/\n", Some("cron.service")),
            ("0::/\n", None),
        ] {
            fs::write(proc.path().join("7/cgroup"), text).expect("written");
            assert_eq!(unit(proc.path(), 7).as_deref(), expected, "{text}");
        }
        assert_eq!(unit(proc.path(), 8), None);
    }
}
