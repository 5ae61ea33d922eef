//! Events as lines of a file, beside the alerts: the loop appends to what waits in memory, and a thread of its own writes
//! that. What finds no room is left out and counted, so that a slow disk holds back no record and no alert.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::appended::Appended;

/// How long a write that failed waits for the next try.
const AGAIN: Duration = Duration::from_millis(250);

/// What became of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFigures {
    /// Written.
    pub written: u64,
    /// Left out, since there was no room.
    pub left_out: u64,
    /// Bytes that wait.
    pub waiting: u64,
    /// Why nothing is written at the moment.
    pub trouble: Option<String>,
}

/// See the module's page.
#[derive(Debug)]
pub struct EventFile {
    shared: Arc<Shared>,
    /// Bytes that may wait, beside as many in the thread's hand.
    most: usize,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    written: AtomicU64,
    left_out: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    lines: u64,
    /// Bytes that the thread has taken and not written.
    taken: usize,
    reopen: bool,
    /// When the thread is to give up.
    until: Option<Instant>,
    trouble: Option<String>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Whole between any two statements: a panic elsewhere does not harm it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventFile {
    /// Opens or creates the file with the permission bits `mode`, and starts the thread; at most `bytes` are held in
    /// memory.
    ///
    /// # Errors
    /// The file cannot be opened, or no thread be started.
    pub fn start(path: PathBuf, mode: u32, bytes: usize) -> io::Result<Self> {
        let file = Appended::open(path, mode)?;
        let shared = Arc::<Shared>::default();
        let mut writer =
            Writer { shared: Arc::clone(&shared), file, lines: Vec::new(), count: 0, written: 0 };
        let thread = std::thread::Builder::new().name("out-events".to_owned()).spawn(move || writer.run())?;
        Ok(Self { shared, most: bytes / 2, thread })
    }

    /// Appends a line, without its end. Never waits for the disk.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.shared.state();
        if state.waiting.len() + line.len() + 1 > self.most {
            self.shared.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let idle = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        state.waiting.push(b'\n');
        state.lines += 1;
        drop(state);
        if idle {
            self.shared.wake.notify_one();
        }
    }

    /// The file was rotated: what comes goes to the one that stands under the path now.
    pub fn reopen(&self) {
        self.shared.state().reopen = true;
        self.shared.wake.notify_one();
    }

    /// What became of events.
    #[must_use]
    pub fn figures(&self) -> EventFigures {
        let state = self.shared.state();
        EventFigures {
            written: self.shared.written.load(Ordering::Relaxed),
            left_out: self.shared.left_out.load(Ordering::Relaxed),
            waiting: (state.waiting.len() + state.taken) as u64,
            trouble: state.trouble.clone(),
        }
    }

    /// Writes what waits, until `deadline` at the latest; what became of all.
    #[must_use]
    pub fn finish(self, deadline: Instant) -> EventFigures {
        self.shared.state().until = Some(deadline);
        self.shared.wake.notify_one();
        // Not joined: a write to a file system that hangs never returns, and alerts are still to go out. A moment more than
        // the thread has, which counts what it could not write.
        while !self.thread.is_finished() && Instant::now() < deadline + AGAIN {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.figures()
    }
}

/// The thread's own.
struct Writer {
    shared: Arc<Shared>,
    file: Appended,
    lines: Vec<u8>,
    count: u64,
    written: usize,
}

impl Writer {
    fn run(&mut self) {
        loop {
            let until = self.take();
            if self.lines.is_empty() {
                if until.is_some() {
                    return;
                }
                continue;
            }
            if !self.write()
                && until.or(self.shared.state().until).is_some_and(|until| Instant::now() >= until)
            {
                self.shared.left_out.fetch_add(self.unwritten(), Ordering::Relaxed);
                return;
            }
        }
    }

    /// Takes what waits, unless the last was not written yet; waits for it. Until when the end may wait.
    fn take(&mut self) -> Option<Instant> {
        let shared = Arc::clone(&self.shared);
        let (wake, mut state) = (&shared.wake, shared.state());
        if self.lines.is_empty() {
            let idle = |state: &mut State| state.waiting.is_empty() && state.until.is_none() && !state.reopen;
            state = wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
            mem::swap(&mut self.lines, &mut state.waiting);
            self.count = mem::take(&mut state.lines);
            state.taken = self.lines.len();
        } else {
            // It failed a moment ago.
            state = wake.wait_timeout(state, AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        if mem::take(&mut state.reopen) {
            self.file.reopen();
            self.begin_again();
        }
        state.until
    }

    /// The line that was begun is begun again.
    fn begin_again(&mut self) {
        let written = self.lines.get(..self.written).unwrap_or_default();
        self.written = memchr::memrchr(b'\n', written).map_or(0, |end| end + 1);
    }

    /// Whether all is written.
    fn write(&mut self) -> bool {
        if self.file.look() {
            self.begin_again();
        }
        let result = self.file.write(&self.lines, &mut self.written);
        let path = self.file.path.display();
        let trouble = result.as_ref().err().map(|error| format!("{path}: {error}"));
        let mut state = self.shared.state();
        if trouble.is_some() && state.trouble.is_none() {
            tracing::warn!("events are not written: {}", trouble.as_deref().unwrap_or_default());
        }
        state.trouble = trouble;
        if result.is_ok() {
            self.shared.written.fetch_add(self.count, Ordering::Relaxed);
            self.lines.clear();
            self.written = 0;
        }
        state.taken = self.lines.len() - self.written;
        result.is_ok()
    }

    /// Lines that were not written whole.
    fn unwritten(&self) -> u64 {
        let rest = self.lines.get(self.written..).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', rest).count() as u64;
        self.shared.written.fetch_add(self.count.saturating_sub(lines), Ordering::Relaxed);
        lines + self.shared.state().lines
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::waiting::until;

    fn start(path: &Path) -> EventFile {
        EventFile::start(path.to_owned(), 0o600, 1 << 20).expect("a file")
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn every_line_is_written_in_order_and_a_rotated_file_is_let_go() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, old) = (directory.path().join("events"), directory.path().join("events.1"));
        let events = start(&path);
        for n in 0..1000 {
            events.push(format!("a{n}").as_bytes());
        }
        until("all are written", || events.figures().written == 1000);
        std::fs::rename(&path, &old).expect("rotated");
        events.reopen();
        for n in 0..1000 {
            events.push(format!("b{n}").as_bytes());
        }
        let figures = events.finish(soon());
        assert_eq!(figures, EventFigures { written: 2000, ..EventFigures::default() });
        let expected = |letter: &str| (0..1000).map(|n| format!("{letter}{n}\n")).collect::<String>();
        assert_eq!((text(&old), text(&path)), (expected("a"), expected("b")));
    }

    #[test]
    fn what_finds_no_room_is_counted_and_a_disk_that_is_full_is_waited_for() {
        let full = Path::new("/dev/full");
        let events = EventFile::start(full.to_owned(), 0o600, 1000).expect("a device");
        let line = [b'x'; 99];
        events.push(&line);
        until("it is tried", || events.figures().trouble.is_some());
        (0..9).for_each(|_| events.push(&line));
        let figures = events.figures();
        assert_eq!((figures.written, figures.left_out, figures.waiting), (0, 4, 600));
        assert!(figures.trouble.expect("trouble").starts_with("/dev/full: No space left"));
        let figures = events.finish(Instant::now());
        assert_eq!((figures.written, figures.left_out), (0, 10), "what could not be written is told");
    }

    #[test]
    fn a_path_that_cannot_be_is_told_at_the_start() {
        assert!(EventFile::start("/nonexistent/events".into(), 0o600, 1000).is_err());
        assert!(EventFile::start("/tmp".into(), 0o600, 1000).is_err());
    }
}
