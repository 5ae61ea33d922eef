//! Names of users and groups, from /etc/passwd and /etc/group as files: never through NSS, which may ask
//! the network and wait.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How often the files are looked at for changes, in milliseconds.
const LOOK_EVERY: u64 = 1000;

/// A file larger than this is not read: it is no account file.
const LARGEST: u64 = 64 << 20;

/// Names by number. Where a number stands twice the first line counts, as it does for `getpwuid(3)`; rules
/// should go by numbers. A copy shares its memory, and keeps the names as they were.
#[derive(Clone, Debug, Default)]
pub struct Names {
    users: Option<File>,
    groups: Option<File>,
    looked: u64,
}

#[derive(Clone, Debug)]
struct File {
    path: Arc<Path>,
    changed: Option<(SystemTime, u64)>,
    names: Arc<HashMap<u32, Box<[u8]>>>,
}

impl Names {
    /// No names are known: for a replay, whose accounts are not this host's.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether none are known.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.users.is_none() && self.groups.is_none()
    }

    /// The names of this host's files.
    #[must_use]
    pub fn of_files() -> Self {
        Self::of_paths("/etc/passwd".into(), "/etc/group".into())
    }

    /// The names of other files.
    #[must_use]
    pub fn of_paths(passwd: PathBuf, group: PathBuf) -> Self {
        let file = |path: PathBuf| Some(File { path: path.into(), changed: None, names: Arc::default() });
        let mut names = Self { users: file(passwd), groups: file(group), looked: 0 };
        names.read();
        names
    }

    /// Whether the files were not looked at for a second, at `now` (milliseconds).
    #[must_use]
    pub fn are_old(&self, now: u64) -> bool {
        self.users.is_some() && now.abs_diff(self.looked) >= LOOK_EVERY
    }

    /// Reads the files again if they were changed; local files only, so that nothing waits for long.
    pub fn refresh(&mut self, now: u64) {
        self.looked = now;
        self.read();
    }

    fn read(&mut self) {
        for file in [&mut self.users, &mut self.groups].into_iter().flatten() {
            file.read();
        }
    }

    /// The name of a user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&[u8]> {
        self.users.as_ref()?.names.get(&uid).map(|name| &**name)
    }

    /// The name of a group.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&[u8]> {
        self.groups.as_ref()?.names.get(&gid).map(|name| &**name)
    }
}

impl File {
    fn read(&mut self) {
        let Ok(meta) = fs::metadata(&self.path) else {
            // Gone, or being replaced: the last known names stand.
            return;
        };
        let changed = meta.modified().ok().map(|time| (time, meta.len()));
        if changed == self.changed || meta.len() > LARGEST || !meta.is_file() {
            return;
        }
        if let Ok(text) = fs::read(&self.path) {
            self.changed = changed;
            self.names = Arc::new(parse(&text));
        }
    }
}

/// Name and number of each line: `name:password:number:…` (`passwd(5)`, `group(5)`).
fn parse(text: &[u8]) -> HashMap<u32, Box<[u8]>> {
    let mut names = HashMap::new();
    for line in text.split(|&b| b == b'\n') {
        let mut parts = line.split(|&b| b == b':');
        let (Some(name), Some(_), Some(number)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if name.is_empty() || matches!(name.first(), Some(b'+' | b'-' | b'#')) {
            continue;
        }
        if let Some(number) = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok()) {
            names.entry(number).or_insert_with(|| name.into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_number_counts_and_odd_lines_are_passed_over() {
        let names =
            parse(b"r00t:x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n\n+::::::\nx\nbob:x:4001:\nbad:x:y:\n");
        assert_eq!(names.get(&0).map(|n| &**n), Some(&b"r00t"[..]));
        assert_eq!(names.get(&4001).map(|n| &**n), Some(&b"bob"[..]));
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_missing_one_keeps_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let passwd = dir.path().join("passwd");
        fs::write(&passwd, "bob:x:1000:1000::/:/bin/sh\n").unwrap();
        let mut names = Names::of_paths(passwd.clone(), dir.path().join("group"));
        let before = names.clone();
        assert!(names.are_old(LOOK_EVERY) && !names.are_old(LOOK_EVERY - 1));
        assert_eq!(names.user(1000), Some(&b"bob"[..]));
        assert_eq!(names.group(0), None);
        fs::write(&passwd, "carolina:x:1000:1000::/:/bin/sh\n").unwrap();
        names.refresh(5000);
        assert_eq!(names.user(1000), Some(&b"carolina"[..]));
        assert_eq!(before.user(1000), Some(&b"bob"[..]), "what was kept stays as it was");
        fs::remove_file(&passwd).unwrap();
        names.refresh(10_000);
        assert_eq!(names.user(1000), Some(&b"carolina"[..]));
    }
}
