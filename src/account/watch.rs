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
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use super::source::{FILES, SUDOERS_D, Source, USERDB};

/// Directories of files with these names, below the root.
const DIRECTORIES: [(&str, &[&str]); 2] = [
    ("etc", &["passwd", "group", "shadow", "gshadow", "nsswitch.conf", "sudoers", "sudoers.d", "userdb"]),
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
    watched: HashMap<WatchDescriptor, Watched>,
    /// What became of files since it was last taken.
    written: BTreeMap<Source, Written>,
    /// What was heard and is not waited for yet.
    woken: Option<Woken>,
    by_path: HashMap<PathBuf, WatchDescriptor>,
    mounts: Option<File>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// Of a directory.
    wanted: Wanted,
    is_directory: bool,
}

/// What was heard of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How often it was closed after it was written, or another put in its place: as its directory tells.
    pub directory: u32,
    /// The same, as the file itself tells, by whatever name it was written.
    pub file: u32,
    /// It may have been another at some time between.
    pub unsure: bool,
    /// It is being written again since.
    pub open: bool,
}

impl Written {
    /// Whether all that was heard is that it was written once, and that this was over.
    #[must_use]
    pub fn is_once(self) -> bool {
        !self.unsure && !self.open && self.directory.max(self.file) == 1
    }

    /// Both, one after the other.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            directory: self.directory.saturating_add(next.directory),
            file: self.file.saturating_add(next.file),
            unsure: self.unsure || next.unsure,
            open: next.open || (self.open && next.directory.max(next.file) == 0),
        }
    }

    fn take(&mut self, event: AddWatchFlags, of_directory: bool) {
        let closed = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        let other = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM;
        if event.intersects(closed) {
            let count = if of_directory { &mut self.directory } else { &mut self.file };
            *count = count.saturating_add(1);
            self.open = false;
        } else if event.contains(AddWatchFlags::IN_MODIFY) {
            self.open = true;
        } else if event.intersects(other) {
            self.unsure = true;
        }
    }
}

/// Files of which it is kept how they were written.
pub const COUNTED: [Source; 2] = [Source::Passwd, Source::Group];

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// A file was closed after it was written, or put in the place of another: it can be read.
    Written,
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
            watched: HashMap::new(),
            written: BTreeMap::new(),
            woken: None,
            by_path: HashMap::new(),
            mounts: File::open("/proc/self/mountinfo").ok(),
        }
    }

    /// Whether inotify is to be had at all: its instances are limited for each user.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.inotify.is_some() && !self.watched.is_empty()
    }

    /// Watches what is there now: to be called before each reading, since a file that is replaced is another one.
    pub fn renew(&mut self) {
        let mut directories: BTreeMap<PathBuf, Wanted> = BTreeMap::new();
        let names = |names: &[&str]| Some(names.iter().map(OsString::from).collect());
        for (directory, files) in DIRECTORIES {
            self.plan(&mut directories, directory, names(files));
        }
        // Whom sudo lets what may be in a directory that the daemon may not list: then records and the interval tell.
        for directory in USERDB.into_iter().chain([SUDOERS_D]) {
            self.plan(&mut directories, directory, None);
        }
        let files = FILES.iter().map(|source| self.root.join(source.path().trim_start_matches('/')));
        let files: Vec<PathBuf> = files.collect();
        let mut before = std::mem::take(&mut self.by_path);
        self.watched.clear();
        for (path, wanted) in directories {
            self.add(path, of_directory(), wanted, true, &mut before);
        }
        for path in files {
            self.add(path, of_file(), None, false, &mut before);
        }
        let Some(inotify) = &self.inotify else { return };
        for (_, stale) in before {
            if !self.watched.contains_key(&stale) {
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
        is_directory: bool,
        before: &mut HashMap<PathBuf, WatchDescriptor>,
    ) {
        let Some(inotify) = &self.inotify else { return };
        let Ok(descriptor) = inotify.add_watch(&path, flags) else { return };
        if let Some(former) = before.remove(&path).filter(|former| *former != descriptor) {
            let _ = inotify.rm_watch(former);
        }
        self.watched.insert(descriptor, Watched { path: path.clone(), wanted, is_directory });
        self.by_path.insert(path, descriptor);
    }

    /// Waits until something may have changed, `call` is readable, or it is `until`.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(&mut self, call: BorrowedFd<'_>, until: Instant) -> io::Result<Woken> {
        loop {
            if let Some(woken) = self.woken.take() {
                return Ok(woken);
            }
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
            self.hear();
            if mounted {
                self.doubt();
                self.woken = self.woken.or(Some(Woken::Changed));
            }
            if let Some(woken) = self.woken.take() {
                return Ok(woken);
            }
        }
    }

    /// What was heard of the [`COUNTED`] files since this was last asked.
    pub fn take_written(&mut self) -> BTreeMap<Source, Written> {
        self.hear();
        self.woken = None;
        std::mem::take(&mut self.written)
    }

    /// Whether anything was heard of them since.
    #[must_use]
    pub fn has_written(&mut self) -> bool {
        self.hear();
        !self.written.is_empty()
    }

    /// They may have been others between.
    fn doubt(&mut self) {
        for source in COUNTED {
            self.written.entry(source).or_default().unsure = true;
        }
    }

    /// Takes what inotify has to say. What exactly changed is looked up, not believed.
    fn hear(&mut self) {
        while let Some(events) = self.inotify.as_ref().and_then(|inotify| inotify.read_events().ok()) {
            for event in events {
                // A file that can be read goes before one that may not be whole.
                self.woken = match (self.woken, self.take(&event)) {
                    (Some(Woken::Written), _) | (_, Some(Woken::Written)) => Some(Woken::Written),
                    (before, now) => now.or(before),
                };
            }
        }
    }

    fn take(&mut self, event: &InotifyEvent) -> Option<Woken> {
        let Some(watched) = self.watched.get(&event.wd) else {
            // Of a file that is no longer there, or the queue ran over.
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                self.doubt();
            }
            return Some(Woken::Changed);
        };
        if let (Some(names), Some(name)) = (&watched.wanted, &event.name)
            && !names.contains(name)
        {
            return None;
        }
        let path = event.name.as_ref().map_or_else(|| watched.path.clone(), |name| watched.path.join(name));
        let is = |source: &Source| self.root.join(source.path().trim_start_matches('/')) == path;
        let counts = !event.mask.intersects(AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_IGNORED);
        if let Some(source) = COUNTED.into_iter().find(is).filter(|_| counts) {
            self.written.entry(source).or_default().take(event.mask, watched.is_directory);
        }
        let closed = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        Some(if event.mask.intersects(closed) { Woken::Written } else { Woken::Changed })
    }
}
