//! Follows a growing log across rotation: every line once, in order.
//!
//! A log's name stands for one file after another. What was written into one file from its beginning to
//! its end is a *generation* here, and it is known by its first bytes (in an audit log: a stamp and a
//! serial), since inode numbers are used again as soon as a file is gone.
//!
//! - **Rename and create**: the old file is read on until the new one holds something (its writer has
//!   then changed over) and from there to its end, before the new one is begun. Files that came and went
//!   in between are found by their names and times.
//! - **Copy and truncate**: seen by a file that is shorter than what was read, or begins differently.
//!   What had not been read yet is read from the copy.
//! - **Restart**: a [`Position`] names the generation, wherever it lies by then, and the place in it.

mod generation;
mod position;
mod rotated;
mod watch;

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::line_buffer::LineBuffer;
use super::log::{Next, Options};
use generation::{Generation, Progress};
use watch::{Watch, Woken};

pub use position::Position;

/// How many finished generations are remembered, lest a copy of one be read again.
const REMEMBERED: usize = 64;

/// Where to begin.
#[derive(Clone, Debug)]
pub enum Start {
    /// With the first line of the file.
    Beginning,
    /// After the last line that is there now.
    End,
    /// Where a former run left off.
    At(Position),
}

/// What was met on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Changes from one file to the next, or to the next content of the same file where that was not seen
    /// to be truncated.
    pub rotations: u64,
    /// Truncations in place.
    pub truncations: u64,
    /// Truncations where no copy of the old content was found: what had not been read is lost, if there
    /// was anything.
    pub truncations_without_copy: u64,
    /// 1 when the file of the [`Position`] was gone: reading went on with what is newer.
    pub position_lost: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    buffer: LineBuffer,
    current: Generation,
    /// To be read after `current` has ended, in this order; the last one is what the path names.
    next: VecDeque<Generation>,
    /// Where the line lies that began in a former generation and has not ended: there, and the
    /// generation's length.
    began_in: Option<(Position, u64)>,
    /// When `current` had last been written as it was taken up, in nanoseconds since the epoch.
    opened: u64,
    /// Beginnings of the generations that were read to their end, or are older than the start.
    finished: VecDeque<Vec<u8>>,
    watch: Watch,
    /// What was met on the way.
    pub counters: Counters,
}

impl Follow {
    /// Opens `path`, or what a former run has left of it.
    ///
    /// # Errors
    /// Those of opening the file: it has to be there.
    pub fn open(path: &Path, start: &Start, options: &Options) -> io::Result<Self> {
        let mut counters = Counters::default();
        let (current, next) = match start {
            Start::Beginning => (Generation::open(path)?, VecDeque::new()),
            Start::End => (Generation::open_at_end(path)?, VecDeque::new()),
            Start::At(position) => resume(path, position, &mut counters)?,
        };
        let ahead =
            |g: &Generation| g.identity == current.identity || next.iter().any(|n| n.identity == g.identity);
        let behind = rotated::all(path).into_iter().filter(|g| !ahead(g));
        let finished = behind.map(|g| g.beginning()).take(REMEMBERED).collect();
        let watch = Watch::new(path, &current);
        let buffer = LineBuffer::new(options.buffer, options.max_line, options.max_document);
        let (path, opened) = (path.to_owned(), current.modified());
        Ok(Self { path, buffer, current, next, began_in: None, opened, finished, watch, counters })
    }

    /// The next line; [`Next::Idle`] when `deadline` passes (never with `None`) or a signal comes.
    /// There is no end.
    ///
    /// # Errors
    /// Those of reading. It may be called again.
    pub fn next_line(&mut self, deadline: Option<Instant>) -> io::Result<Next<'_>> {
        let line = loop {
            if let Some(line) = self.buffer.take() {
                break line;
            }
            let fresh = self.current.is_fresh();
            match self.current.read(self.buffer.room())? {
                // What came and went while the file was empty stands before what was just read.
                Progress::Bytes(_) if fresh && self.find_missed()? => {}
                Progress::Bytes(count) => self.buffer.filled(count),
                Progress::Replaced => self.truncated()?,
                Progress::End if self.may_advance()? => {
                    if let Some(cut_short) = self.advance() {
                        break cut_short;
                    }
                }
                Progress::End => {
                    if !self.find_next()? && self.watch.wait(deadline)? == Woken::NotInTime {
                        return Ok(Next::Idle);
                    }
                }
            }
        };
        Ok(Next::Line(self.buffer.get(line)))
    }

    /// The place after the last line that was given out.
    #[must_use]
    pub fn position(&self) -> Position {
        let waiting = self.buffer.len() as u64;
        match &self.began_in {
            // The line that comes next begins in a file before this one.
            Some((before, length)) if waiting > self.current.offset => {
                Position { offset: length.saturating_sub(waiting - self.current.offset), ..before.clone() }
            }
            _ => Position { offset: self.current.offset.saturating_sub(waiting), ..self.current.position() },
        }
    }

    /// Lines that were longer than [`Options::max_line`] and have been cut.
    #[must_use]
    pub fn cut_lines(&self) -> u64 {
        self.buffer.cut
    }

    /// At the end of the current generation: whether there is one to go on with. A line that has not
    /// ended waits for the first bytes of the next one, which may end it.
    fn may_advance(&self) -> io::Result<bool> {
        let Some(next) = self.next.front() else { return Ok(false) };
        Ok(self.buffer.len() == 0 || !next.is_empty()?)
    }

    /// At the end of what the path named: whether it names something else by now.
    fn find_next(&mut self) -> io::Result<bool> {
        let unchanged = rotated::identity_of(&self.path) == Some(self.current.identity);
        if unchanged || !self.next.is_empty() {
            return Ok(false);
        }
        let (newer, last) = rotated::newer_than(&self.path, self.current.modified())?;
        // Without a file at the path, or with one that its writer has not begun, more may still come
        // into the old one.
        let Some(last) = last else { return Ok(false) };
        if last.identity == self.current.identity || last.is_empty()? {
            return Ok(false);
        }
        self.next = newer.into_iter().filter(|g| g.identity != self.current.identity).collect();
        self.forget_finished();
        self.next.push_back(last);
        self.counters.rotations += self.next.len() as u64;
        Ok(true)
    }

    /// The first bytes of a file that was empty have been read: whether whole generations came and went
    /// before. If so, they are next, and the file is begun again after them.
    fn find_missed(&mut self) -> io::Result<bool> {
        let (newer, _) = rotated::newer_than(&self.path, self.opened)?;
        let missed: Vec<Generation> = newer
            .into_iter()
            .filter(|g| g.identity != self.current.identity && g.beginning() != self.current.beginning())
            .filter(|g| !self.finished.contains(&g.beginning()))
            .collect();
        let mut missed = missed.into_iter();
        let Some(first) = missed.next() else { return Ok(false) };
        self.counters.rotations += 1 + missed.len() as u64;
        self.current.begin_again()?;
        let current = std::mem::replace(&mut self.current, first);
        self.next = missed.chain([current]).chain(std::mem::take(&mut self.next)).collect();
        Ok(true)
    }

    /// The file was truncated in place. What is unread of the old content is read from a copy.
    fn truncated(&mut self) -> io::Result<()> {
        if !self.next.is_empty() {
            // An old file that somebody has emptied.
            self.current.end_here();
            return Ok(());
        }
        self.counters.truncations += 1;
        let position = self.current.position();
        let copy = rotated::holding(&self.path, &position);
        let (newer, last) = rotated::newer_than(&self.path, self.current.modified())?;
        self.next = newer.into_iter().filter(|g| !g.begins_as(&position)).collect();
        self.forget_finished();
        self.next.extend(last);
        match copy {
            Some(copy) => self.current = copy,
            None => {
                self.counters.truncations_without_copy += 1;
                self.current.end_here();
            }
        }
        Ok(())
    }

    /// Takes copies of what was read from the queue.
    fn forget_finished(&mut self) {
        let finished = &self.finished;
        self.next.retain(|g| !finished.contains(&g.beginning()));
    }

    /// Goes on to the next generation. Gives out a line that the old one left unended, unless the new
    /// one goes on with it.
    fn advance(&mut self) -> Option<Range<usize>> {
        let next = self.next.pop_front()?;
        let before = std::mem::replace(&mut self.current, next);
        self.opened = self.current.modified();
        self.watch.move_to(&self.current);
        if self.finished.len() == REMEMBERED {
            self.finished.pop_front();
        }
        self.finished.push_back(before.beginning());
        if self.buffer.len() > 0 && !self.current.begins_a_record() {
            self.began_in = Some((before.position(), before.offset));
            return None;
        }
        self.began_in = None;
        self.buffer.take_rest()
    }
}

/// Finds the generation of `position`, and those after it.
fn resume(
    path: &Path,
    position: &Position,
    counters: &mut Counters,
) -> io::Result<(Generation, VecDeque<Generation>)> {
    if let Some(same) = Generation::at(path, position) {
        return Ok((same, VecDeque::new()));
    }
    let (newer, last) = rotated::newer_than(path, position.modified)?;
    let newer = newer.into_iter().filter(|g| !g.begins_as(position));
    let mut next: VecDeque<Generation> = newer.chain(last).collect();
    match rotated::holding(path, position) {
        Some(old) => {
            // Its writer may still have it, while the new file is empty.
            next.retain(|g| !g.is_empty().unwrap_or(true));
            return Ok((old, next));
        }
        // Nothing had been read of it, so nothing of it can be missing.
        None if position.is_beginning() => {}
        None => counters.position_lost = 1,
    }
    let first = next.pop_front().ok_or(io::ErrorKind::NotFound)?;
    Ok((first, next))
}
