//! Whether auditd was killed: SIGTERM has the kernel say that it gave up its place, SIGKILL says nothing.
//!
//! What is held is the open `/proc/PID/stat` of the one auditd: it answers of that process and of no other that is given
//! the number later. It is read once a second, which needs no privilege.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use crate::audit::{Record, fields};

/// How long the record that it gave up its place may take to come.
const GRACE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Auditd {
    running: Option<Running>,
    /// One that has ended, as far as is known without a word.
    ended: Option<(u32, Instant)>,
}

#[derive(Debug)]
struct Running {
    pid: u32,
    stat: File,
}

impl Running {
    fn of(pid: u32) -> Option<Self> {
        let mut running = Self { pid, stat: File::open(format!("/proc/{pid}/stat")).ok()? };
        running.is_alive().then_some(running)
    }

    /// A process that is gone cannot be read; one that nobody has taken note of yet is a zombie.
    fn is_alive(&mut self) -> bool {
        let mut text = Vec::new();
        let read = self.stat.rewind().and_then(|()| self.stat.read_to_end(&mut text));
        // The name, in parentheses, may hold any byte; the state follows the last of them (proc(5)).
        let state = text.iter().rposition(|byte| *byte == b')').and_then(|at| text.get(at + 2));
        read.is_ok() && !matches!(state, None | Some(b'Z' | b'X' | b'x'))
    }
}

impl Auditd {
    /// Watches the auditd of this host: `pid` as the kernel says, else root's process of that name.
    pub(super) fn find(pid: Option<u32>) -> Self {
        let pid = pid.filter(|pid| *pid != 0).or_else(by_name);
        Self { running: pid.and_then(Running::of), ended: None }
    }

    /// Takes what a record says of who receives audit records:
    /// `op=set audit_pid=0 old=812 … res=1` (`kernel/audit.c`, `audit_log_config_change`).
    pub(super) fn record(&mut self, record: &Record<'_>, now: Instant) {
        let number = |key: &[u8]| {
            let field = fields::find(record.body, key)?;
            std::str::from_utf8(field.raw).ok()?.parse::<u32>().ok()
        };
        let (Some(pid), Some(1)) = (number(b"audit_pid"), number(b"res")) else { return };
        if pid != 0 {
            // Its predecessor may have been killed within the second.
            self.look(now);
            self.running = Running::of(pid);
            return;
        }
        self.running = None;
        if self.ended.is_some_and(|(ended, _)| number(b"old").is_none_or(|old| old == ended)) {
            self.ended = None;
        }
    }

    /// Why it is told at `now`, once for each that was killed.
    pub(super) fn round(&mut self, now: Instant) -> Option<String> {
        self.look(now);
        let (pid, _) = self.ended.take_if(|(_, at)| now.saturating_duration_since(*at) >= GRACE)?;
        let again = match &self.running {
            Some(running) => format!("another one runs (pid {})", running.pid),
            None => "none runs now".to_owned(),
        };
        Some(format!("auditd (pid {pid}) ended without a word, as one that is killed does; {again}"))
    }

    fn look(&mut self, now: Instant) {
        if let Some(gone) = self.running.take_if(|running| !running.is_alive()) {
            self.ended = Some((gone.pid, now));
        }
    }
}

/// Root's process named auditd.
fn by_name() -> Option<u32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let name = fs::read(entry.path().join("comm")).ok()?;
        let is_roots = entry.metadata().is_ok_and(|metadata| metadata.uid() == 0);
        (is_roots && name == b"auditd\n").then_some(pid)
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn process() -> Child {
        Command::new("sleep").arg("1000").spawn().expect("sleep")
    }

    fn change(auditd: &mut Auditd, text: &str, now: Instant) {
        let line = format!("type=CONFIG_CHANGE msg=audit(1790000000.000:7): {text}");
        let record = Record::from_log_line(line.as_bytes()).expect("a record");
        auditd.record(&record, now);
    }

    #[test]
    fn one_that_is_killed_is_told_once_and_after_a_while() {
        let mut child = process();
        let (mut auditd, now) = (Auditd::find(Some(child.id())), Instant::now());
        assert_eq!(auditd.round(now), None);
        child.kill().expect("killed");
        // Also while it is a zombie, which it is until somebody asks for its status.
        while auditd.running.is_some() {
            assert_eq!(auditd.round(now), None, "its word may still come");
        }
        child.wait().expect("gone");
        assert_eq!(auditd.round(now + GRACE / 2), None);
        let told = auditd.round(now + GRACE).expect("told");
        let begin = format!("auditd (pid {}) ended without a word", child.id());
        assert!(told.starts_with(&begin) && told.ends_with("; none runs now"), "{told}");
        assert_eq!(auditd.round(now + 2 * GRACE), None, "once");
    }

    #[test]
    fn one_that_gave_up_its_place_has_said_so() {
        for word_first in [true, false] {
            let mut child = process();
            let (mut auditd, now) = (Auditd::find(Some(child.id())), Instant::now());
            let word = format!("op=set audit_pid=0 old={} auid=1000 ses=1 res=1", child.id());
            if word_first {
                change(&mut auditd, &word, now);
            }
            child.kill().expect("killed");
            child.wait().expect("gone");
            assert_eq!(auditd.round(now), None);
            change(&mut auditd, &word, now);
            assert_eq!(auditd.round(now + 10 * GRACE), None);
        }
    }

    #[test]
    fn the_next_one_is_watched_and_its_killed_predecessor_is_told() {
        let (mut first, mut second) = (process(), process());
        let (mut auditd, now) = (Auditd::find(Some(first.id())), Instant::now());
        first.kill().expect("killed");
        first.wait().expect("gone");
        let word = format!("op=set audit_pid={} old={} auid=1000 ses=1 res=1", second.id(), first.id());
        change(&mut auditd, &word.replace("res=1", "res=0"), now);
        assert_eq!(auditd.running.as_ref().map(|running| running.pid), Some(first.id()), "it was refused");
        change(&mut auditd, &word, now);
        let told = auditd.round(now + GRACE).expect("told");
        assert!(told.ends_with(&format!("; another one runs (pid {})", second.id())), "{told}");
        second.kill().expect("killed");
        second.wait().expect("gone");
        assert_eq!(auditd.round(now + GRACE), None);
        assert!(auditd.round(now + 2 * GRACE).is_some());
    }

    #[test]
    fn where_none_runs_nothing_is_told() {
        let mut auditd = Auditd { running: Running::of(u32::MAX), ended: None };
        assert_eq!(auditd.round(Instant::now()), None);
    }
}
