//! Waiting for a log to grow or be rotated: inotify where it is to be had, a slow look in any case.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use super::generation::Generation;
use crate::audit::input::poll_timeout;

/// How long nothing is looked at although inotify is silent: network file systems tell it nothing.
const SLOW: Duration = Duration::from_secs(1);

/// The same where inotify is not to be had (its instances are limited for each user).
const ALONE: Duration = Duration::from_millis(200);

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There may be something new.
    Perhaps,
    /// The deadline passed, or a signal came.
    NotInTime,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: Option<Inotify>,
    file: Option<WatchDescriptor>,
}

impl Watch {
    /// Watches the folder of `path` for files that come and go, and `current` for growth.
    pub(super) fn new(path: &Path, current: &Generation) -> Self {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok();
        let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let changes = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        let inotify = inotify.filter(|inotify| inotify.add_watch(folder, changes).is_ok());
        let mut watch = Self { inotify, file: None };
        watch.move_to(current);
        watch
    }

    /// Watches another file for growth.
    pub(super) fn move_to(&mut self, current: &Generation) {
        let Some(inotify) = &self.inotify else { return };
        if let Some(before) = self.file.take() {
            // Gone by itself when the file is.
            let _ = inotify.rm_watch(before);
        }
        let Some(file) = current.file() else { return };
        // By the descriptor, since the name may mean another file by now.
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.file = inotify.add_watch(name.as_str(), AddWatchFlags::IN_MODIFY).ok();
    }

    /// Waits for a change, for the time of the next look, or for `deadline`.
    ///
    /// # Errors
    /// Those of poll(2).
    pub(super) fn wait(&self, deadline: Option<Instant>) -> io::Result<Woken> {
        let watched = self.inotify.as_ref().filter(|_| self.file.is_some());
        let look = Instant::now() + if watched.is_some() { SLOW } else { ALONE };
        let until = deadline.map_or(look, |deadline| deadline.min(look));
        let mut fds: Vec<PollFd<'_>> =
            self.inotify.iter().map(|i| PollFd::new(i.as_fd(), PollFlags::POLLIN)).collect();
        let changed = match poll(&mut fds, poll_timeout(Some(until))) {
            Ok(count) => count > 0,
            Err(Errno::EINTR) => return Ok(Woken::NotInTime),
            Err(errno) => return Err(errno.into()),
        };
        if changed && let Some(inotify) = &self.inotify {
            // What exactly has changed is looked up, not believed.
            let _ = inotify.read_events();
        }
        let in_time = changed || deadline.is_none_or(|deadline| Instant::now() < deadline);
        Ok(if in_time { Woken::Perhaps } else { Woken::NotInTime })
    }
}
