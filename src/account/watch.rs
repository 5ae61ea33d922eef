//! When to read again: inotify on the directories and the files, a change of the mounts, a word from elsewhere,
//! and a slow interval where none of them can tell.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use super::source::{FILES, USERDB};

/// Directories of files with these names, below the root.
const DIRECTORIES: [(&str, &[&str]); 2] = [
    ("etc", &["passwd", "group", "shadow", "gshadow", "nsswitch.conf", "sudoers", "userdb"]),
    ("var/lib/extrausers", &["passwd", "group"]),
];

/// What is heard of a directory.
fn of_directory() -> AddWatchFlags {
    let names = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_MOVED_FROM;
    of_file() | names | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE
}

/// What is heard of a file, by whatever name it is written.
fn of_file() -> AddWatchFlags {
    AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ATTRIB
}

/// Which names in a directory count; none: all.
type Wanted = Option<Vec<OsString>>;

/// See the module.
#[derive(Debug)]
pub struct Watch {
    root: PathBuf,
    inotify: Option<Inotify>,
    /// What each descriptor stands for.
    wanted: HashMap<WatchDescriptor, Wanted>,
    by_path: HashMap<PathBuf, WatchDescriptor>,
    mounts: Option<File>,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something may have changed.
    Changed,
    /// The time is up.
    Time,
    /// Something waits in the descriptor that was given.
    Called,
}

impl Watch {
    /// For the files below `root`; [`Watch::renew`] begins it.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            inotify: Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok(),
            wanted: HashMap::new(),
            by_path: HashMap::new(),
            mounts: File::open("/proc/self/mountinfo").ok(),
        }
    }

    /// Whether inotify is to be had at all: its instances are limited for each user.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.inotify.is_some() && !self.wanted.is_empty()
    }

    /// Watches what is there now: to be called before each reading, since a file that is replaced is another one.
    pub fn renew(&mut self) {
        let mut directories: BTreeMap<PathBuf, Wanted> = BTreeMap::new();
        let names = |names: &[&str]| Some(names.iter().map(OsString::from).collect());
        for (directory, files) in DIRECTORIES {
            self.plan(&mut directories, directory, names(files));
        }
        for directory in USERDB {
            self.plan(&mut directories, directory, None);
        }
        let files = FILES.iter().map(|source| self.root.join(source.path().trim_start_matches('/')));
        let files: Vec<PathBuf> = files.collect();
        let mut before = std::mem::take(&mut self.by_path);
        self.wanted.clear();
        for (path, wanted) in directories {
            self.add(path, of_directory(), wanted, &mut before);
        }
        for path in files {
            self.add(path, of_file(), None, &mut before);
        }
        let Some(inotify) = &self.inotify else { return };
        for (_, stale) in before {
            if !self.wanted.contains_key(&stale) {
                // Gone by itself when the file is.
                let _ = inotify.rm_watch(stale);
            }
        }
    }

    /// The directory, or the nearest above it that is there, in which the next one down is awaited.
    fn plan(&self, directories: &mut BTreeMap<PathBuf, Wanted>, directory: &str, wanted: Wanted) {
        let mut path = self.root.join(directory.trim_start_matches('/'));
        let mut wanted = wanted;
        while !path.is_dir() && path != self.root {
            wanted = path.file_name().map(|name| vec![name.to_owned()]);
            if !path.pop() {
                return;
            }
        }
        match (directories.get_mut(&path), wanted) {
            (None, wanted) => {
                directories.insert(path, wanted);
            }
            (Some(Some(names)), Some(more)) => names.extend(more),
            (Some(all), None) => *all = None,
            (Some(None), Some(_)) => {}
        }
    }

    fn add(
        &mut self,
        path: PathBuf,
        flags: AddWatchFlags,
        wanted: Wanted,
        before: &mut HashMap<PathBuf, WatchDescriptor>,
    ) {
        let Some(inotify) = &self.inotify else { return };
        let Ok(descriptor) = inotify.add_watch(&path, flags) else { return };
        if let Some(former) = before.remove(&path).filter(|former| *former != descriptor) {
            let _ = inotify.rm_watch(former);
        }
        self.wanted.insert(descriptor, wanted);
        self.by_path.insert(path, descriptor);
    }

    /// Waits until something may have changed, `call` is readable, or it is `until`.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(&mut self, call: BorrowedFd<'_>, until: Instant) -> io::Result<Woken> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Woken::Time);
            }
            let mut fds = vec![PollFd::new(call, PollFlags::POLLIN)];
            let mounts = self.mounts.as_ref().map(AsFd::as_fd);
            let inotify = self.inotify.as_ref().map(AsFd::as_fd);
            fds.extend(mounts.map(|fd| PollFd::new(fd, PollFlags::POLLPRI)));
            fds.extend(inotify.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1);
            match poll(&mut fds, PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)) {
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(errno.into()),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect();
            if ready.first() == Some(&true) {
                return Ok(Woken::Called);
            }
            let mounted = mounts.is_some() && ready.get(1) == Some(&true);
            if self.heard() || mounted {
                return Ok(Woken::Changed);
            }
        }
    }

    /// Takes what inotify has to say; whether any of it counts. What exactly changed is looked up, not believed.
    fn heard(&self) -> bool {
        let Some(inotify) = &self.inotify else { return false };
        let mut heard = false;
        while let Ok(events) = inotify.read_events() {
            heard |= events.iter().any(|event| {
                let Some(wanted) = self.wanted.get(&event.wd) else {
                    // Of a file that is no longer there, or the queue ran over.
                    return true;
                };
                match (wanted, &event.name) {
                    (Some(names), Some(name)) => names.contains(name),
                    _ => true,
                }
            });
        }
        heard
    }
}
