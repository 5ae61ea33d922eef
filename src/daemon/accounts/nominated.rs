//! Who may have written an account file since its last known state: a record only nominates, since it comes at
//! the open and not at the write.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::account::Writer;
use crate::event::date;

/// Candidates that are kept, the newest.
const MOST: usize = 64;

/// How long a candidate that still runs stays one: after a change that may have been its, and after none.
const AFTER_CHANGE: i64 = 10_000;
const AFTER_NONE: i64 = 600_000;

/// Who wrote so shortly before a look that saw no change may yet have made the next one: stamps are of the call's entry, and
/// of a clock of 4 ms. Less than the news of a write is put off, so that nobody stays a candidate for a look that never comes.
const ENTRY: i64 = 15;

/// The candidates.
#[derive(Debug)]
pub(in crate::daemon) struct Nominated {
    root: PathBuf,
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    /// From the root.
    path: String,
    /// When its system call was entered, in milliseconds.
    at: i64,
    /// The files were read since, and it stayed a candidate since it still runs.
    old: bool,
    event: Map<String, Value>,
}

impl Nominated {
    /// Of the files below `root`.
    pub(in crate::daemon) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), candidates: Vec::new() }
    }

    /// Takes the source event of a write or rename; whether it is of a file that is watched. A process is one
    /// candidate, however often it opens the file.
    pub(in crate::daemon) fn note(&mut self, event: Map<String, Value>) -> bool {
        let Some(path) = text(&event, "file", "path") else { return false };
        let Ok(below) = Path::new(path).strip_prefix(&self.root) else { return false };
        let path = format!("/{}", below.display());
        let stamp = event.get("@timestamp").and_then(Value::as_str).and_then(date::iso);
        let at = stamp.map_or(0, |(millis, _)| millis);
        let who = |event: &Map<String, Value>| {
            let get = |key: &str| event.get("process").and_then(|process| process.get(key)).cloned();
            (get("entity_id"), get("pid"), get("executable"))
        };
        self.candidates.retain(|known| known.path != path || who(&known.event) != who(&event));
        if self.candidates.len() >= MOST {
            self.candidates.remove(0);
        }
        self.candidates.push(Candidate { path, at, old: false, event });
        true
    }

    /// Who may have written the file until it was read.
    pub(in crate::daemon) fn of(&self, path: &str, read_at: Timestamp) -> Writer {
        // What is known of an account's password stands in shadow, of a group in either of two files.
        let read_at = read_at.as_millisecond();
        let candidates = self.candidates.iter().filter(|known| known.path == path && known.at <= read_at);
        let mut events: Vec<_> = candidates.map(|known| known.event.clone()).collect();
        match events.len() {
            0 => Writer::Unknown,
            1 => events.pop().map_or(Writer::Unknown, Writer::One),
            _ => Writer::Several(events),
        }
    }

    /// Whether somebody did it since the file was last read.
    pub(in crate::daemon) fn has_new(&self, path: &str, read_at: Timestamp) -> bool {
        let read_at = read_at.as_millisecond();
        self.candidates.iter().any(|known| known.path == path && known.at <= read_at && !known.old)
    }

    /// How many may have.
    pub(in crate::daemon) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// The files were read, from `began` on, and these have changed: who wrote before is a candidate no more, unless
    /// he may still hold the file open.
    pub(in crate::daemon) fn settle(&mut self, changed: &[&str], began: Timestamp) {
        let began = began.as_millisecond();
        self.candidates.retain_mut(|known| {
            let (entry, limit) = match changed.contains(&known.path.as_str()) {
                true => (0, AFTER_CHANGE),
                false => (ENTRY, AFTER_NONE),
            };
            let new = known.at > began - entry;
            known.old |= !new;
            new || (began - known.at < limit && runs(&known.event))
        });
    }
}

/// Whether the process is still there; its number may be another's by now, which keeps one candidate too many.
fn runs(event: &Map<String, Value>) -> bool {
    let pid = event.get("process").and_then(|process| process.get("pid")).and_then(Value::as_u64);
    pid.is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists())
}

fn text<'e>(event: &'e Map<String, Value>, object: &str, key: &str) -> Option<&'e str> {
    event.get(object)?.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(pid: u64, path: &str, millis: i64) -> Map<String, Value> {
        let time = Timestamp::from_millisecond(millis).expect("a time").to_string();
        let event = json!({ "@timestamp": time, "process": { "pid": pid }, "file": { "path": path } });
        event.as_object().cloned().expect("an object")
    }

    /// No process has this number (`pid_max` is at most 4194304).
    const NOBODY: u64 = 9_000_000;

    #[test]
    fn one_is_named_several_are_candidates_and_none_is_unknown() {
        let at = |millis| Timestamp::from_millisecond(millis).expect("a time");
        let mut nominated = Nominated::new(Path::new("/srv/tree"));
        assert!(!nominated.note(event(NOBODY, "/etc/passwd", 1_000)), "another tree");
        assert_eq!(nominated.of("/etc/passwd", at(9_000)), Writer::Unknown);
        assert!(nominated.note(event(NOBODY, "/srv/tree/etc/passwd", 1_000)));
        assert!(nominated.note(event(NOBODY, "/srv/tree/etc/passwd", 2_000)));
        assert!(
            matches!(nominated.of("/etc/passwd", at(9_000)), Writer::One(_)),
            "a process is one candidate"
        );
        assert_eq!(nominated.of("/etc/group", at(9_000)), Writer::Unknown);
        assert!(nominated.note(event(NOBODY + 1, "/srv/tree/etc/passwd", 8_000)));
        assert!(matches!(nominated.of("/etc/passwd", at(7_000)), Writer::One(_)), "who came after is none");
        assert!(matches!(nominated.of("/etc/passwd", at(9_000)), Writer::Several(two) if two.len() == 2));
        nominated.settle(&["/etc/passwd"], at(7_000));
        assert!(matches!(nominated.of("/etc/passwd", at(9_000)), Writer::One(_)));
        nominated.settle(&[], at(9_000));
        assert_eq!(nominated.of("/etc/passwd", at(9_000)), Writer::Unknown, "it has ended");
        // Who still runs may write later.
        assert!(nominated.note(event(u64::from(std::process::id()), "/srv/tree/etc/passwd", 10_000)));
        nominated.settle(&[], at(20_000));
        assert!(matches!(nominated.of("/etc/passwd", at(30_000)), Writer::One(_)));
        nominated.settle(&["/etc/passwd"], at(20_001));
        assert_eq!(nominated.of("/etc/passwd", at(30_000)), Writer::Unknown);
    }

    #[test]
    fn candidates_are_bounded() {
        let mut nominated = Nominated::new(Path::new("/"));
        for pid in 0..1_000 {
            nominated.note(event(NOBODY + pid, "/etc/passwd", 1_000));
        }
        let now = Timestamp::from_millisecond(2_000).expect("a time");
        assert!(matches!(nominated.of("/etc/passwd", now), Writer::Several(all) if all.len() == MOST));
    }
}
