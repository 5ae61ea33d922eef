//! What `replay`, `events` and `eql` read: files, standard input, one after the other, or one as it grows.

use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::paths;
use crate::audit::follow::{Follow, Start};
use crate::audit::log::{Lines, Next, Options};
use crate::clean;
use crate::daemon::clock::Clock;
use crate::daemon::intake::counted;
use crate::daemon::signals::Signals;

/// Where lines go.
pub(super) trait Sink {
    /// What comes from now on is of `path`, from its first line; `grows` says whether somebody may still write to it.
    fn begins(&mut self, _path: &Path, _grows: bool) {}

    /// One line, without its end. `now` is milliseconds on a monotonic clock, which stands still while
    /// a regular file is read: its events never time out.
    ///
    /// # Errors
    /// Writing what came of it failed; reading stops.
    fn line(&mut self, line: &[u8], now: u64) -> io::Result<()>;

    /// Nothing came until `now`.
    ///
    /// # Errors
    /// As [`Sink::line`].
    fn idle(&mut self, now: u64) -> io::Result<()>;

    /// When [`Sink::idle`] is wanted next.
    fn deadline(&self) -> Option<u64>;
}

/// What reading came to, as the end of a sentence about what was in it.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Inputs that could not be read (to their end), each already told on standard error.
    pub(super) failed: usize,
    /// Lines cut at the bound of a line.
    pub(super) cut: u64,
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cut > 0 {
            write!(f, ", {}", counted(self.cut, "line cut at the longest length"))?;
        }
        Ok(())
    }
}

/// Longest wait before flushing and signals are looked at again.
const TICK: Duration = Duration::from_millis(200);

/// Whoever may write into a directory that is read gives its files their names.
fn complain(path: &Path, error: &io::Error) {
    eprintln!("auditward: {}: {error}", clean::text(path.as_os_str().as_bytes()));
}

/// Reads all inputs in order into `sink`; none is standard input. An input that cannot be read is told
/// on standard error and passed over. `progress` is shown as asked, and by itself on a terminal.
///
/// # Errors
/// Only the sink's.
pub(super) fn read(inputs: &[PathBuf], progress: Option<bool>, sink: &mut dyn Sink) -> io::Result<Read> {
    let (inputs, failed) = match inputs {
        [] => (vec![PathBuf::from("-")], Vec::new()),
        named => paths::expand(named),
    };
    failed.iter().for_each(|(path, error)| complain(path, error));
    let mut reader = Reader { clock: Clock::start(), progress: Progress::new(&inputs, progress), sink };
    let mut result = Read { failed: failed.len(), cut: 0 };
    for path in &inputs {
        let read = match Lines::open(path, &Options::default()) {
            Ok(mut lines) => {
                reader.sink.begins(path, lines.size().is_none());
                let read = reader.drain(&mut lines)?;
                result.cut += lines.cut_lines();
                reader.progress.before += lines.consumed();
                read
            }
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            reader.progress.hide();
            complain(path, &error);
            result.failed += 1;
        }
    }
    reader.progress.hide();
    Ok(result)
}

struct Reader<'a> {
    clock: Clock,
    progress: Progress,
    sink: &'a mut dyn Sink,
}

impl Reader<'_> {
    /// The outer error is the sink's, the inner one the input's.
    fn drain(&mut self, lines: &mut Lines) -> io::Result<io::Result<()>> {
        let waits = lines.size().is_none();
        loop {
            let deadline = waits.then(|| self.clock.wake(self.sink.deadline(), Instant::now() + TICK));
            match lines.next_line(deadline) {
                Ok(Next::Line(line)) => {
                    let length = line.len();
                    let now = if waits { self.clock.millis() } else { 0 };
                    self.sink.line(line, now)?;
                    if self.progress.is_due(length) {
                        self.progress.show(lines.consumed());
                    }
                }
                Ok(Next::Idle) => self.sink.idle(self.clock.millis())?,
                Ok(Next::End) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

/// Follows a growing log across rotation into `sink` until SIGTERM or SIGINT.
///
/// # Errors
/// The sink's, and those of following the file.
pub(super) fn follow(path: &Path, sink: &mut dyn Sink) -> io::Result<Read> {
    let clock = Clock::start();
    let signals = Signals::install()?;
    let mut follower = Follow::open(path, &Start::Beginning, &Options::default())?;
    sink.begins(path, true);
    while !signals.stop() {
        match follower.next_line(Some(clock.wake(sink.deadline(), Instant::now() + TICK)))? {
            Next::Line(line) => sink.line(line, clock.millis())?,
            Next::Idle | Next::End => sink.idle(clock.millis())?,
        }
    }
    Ok(Read { cut: follower.cut_lines(), failed: 0 })
}

/// How much has been read, how fast, and how long it will take: a bar on a terminal, once reading takes longer than a
/// second, and lines elsewhere.
struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    /// Elsewhere, where it is asked for: when the last line was written.
    lines: Option<Instant>,
    started: Instant,
    /// Bytes of text since it was shown.
    pending: u64,
    /// Bytes of all files, and of those that were read.
    total: u64,
    before: u64,
}

/// The time between two lines of progress.
const BETWEEN: Duration = Duration::from_secs(10);

impl Progress {
    fn new(inputs: &[PathBuf], asked: Option<bool>) -> Self {
        let total = inputs.iter().map(|path| std::fs::metadata(path).map_or(0, |m| m.len())).sum();
        let (terminal, started) = (io::IsTerminal::is_terminal(&io::stderr()), Instant::now());
        let bar = (terminal && total > 0 && asked != Some(false))
            .then(|| ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()));
        if let (Some(bar), Ok(style)) = (
            &bar,
            ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"),
        ) {
            bar.set_style(style);
        }
        let lines = (!terminal && asked == Some(true)).then_some(started);
        Self { bar, lines, started, pending: 0, total, before: 0 }
    }

    /// Whether it is to be shown by now that a line of this length was read.
    fn is_due(&mut self, line: usize) -> bool {
        self.pending += line as u64 + 1;
        self.pending >= 1 << 22
    }

    /// So many bytes of the file were read.
    fn show(&mut self, consumed: u64) {
        self.pending = 0;
        let done = self.before + consumed;
        if let Some(bar) = &self.bar {
            if bar.is_hidden() && self.started.elapsed() > Duration::from_secs(1) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_position(done);
        }
        if self.lines.is_some_and(|last| last.elapsed() >= BETWEEN) {
            self.lines = Some(Instant::now());
            eprintln!("auditward: {}", self.told(done));
        }
    }

    fn told(&self, done: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let mega = |bytes: f64| bytes / 1e6;
        let left = match self.total.saturating_sub(done) {
            more if more > 0 && rate > 0.0 => format!(", {:.0} s left", more as f64 / rate),
            _ => String::new(),
        };
        let [done, total] = [done, self.total].map(|bytes| mega(bytes as f64));
        format!("{done:.1} of {total:.1} MB read in {seconds:.0} s, {:.1} MB/s{left}", mega(rate))
    }

    /// Takes the bar off the screen; the last line says what it came to.
    fn hide(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.lines.is_some() {
            eprintln!("auditward: {}", self.told(self.before));
        }
    }
}
