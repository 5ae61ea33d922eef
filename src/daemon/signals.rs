//! SIGTERM, SIGINT and SIGHUP as flags, and a descriptor that becomes readable when one is raised.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// The signals that the daemon listens to.
#[derive(Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    wake: UnixStream,
    raised: UnixStream,
}

impl Signals {
    /// Installs the handlers. A second SIGTERM or SIGINT while the first is being obeyed ends the
    /// process at once.
    ///
    /// # Errors
    /// A handler cannot be installed.
    pub fn install() -> io::Result<Self> {
        let (wake, raised) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        raised.set_nonblocking(true)?;
        let signals =
            Self { stop: Arc::default(), reload: Arc::default(), wake, raised: raised.try_clone()? };
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&signals.stop))?;
            flag::register(signal, Arc::clone(&signals.stop))?;
            low_level::pipe::register(signal, raised.try_clone()?)?;
        }
        flag::register(SIGHUP, Arc::clone(&signals.reload))?;
        low_level::pipe::register(SIGHUP, raised)?;
        Ok(signals)
    }

    /// What makes [`Signals::wake`] readable, for other threads: write a byte.
    ///
    /// # Errors
    /// No more file descriptors.
    pub fn waker(&self) -> io::Result<UnixStream> {
        self.raised.try_clone()
    }

    /// Readable once a signal was raised.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Takes what the handlers wrote, so that [`Signals::wake`] sleeps again.
    pub fn settle(&mut self) {
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(read) if read == bytes.len()) {}
    }

    /// Whether SIGTERM or SIGINT has come.
    #[must_use]
    pub fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether SIGHUP has come since it was last asked.
    #[must_use]
    pub fn reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }
}
