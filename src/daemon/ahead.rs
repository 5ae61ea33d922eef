//! Documents read on several cores, and given to the rules in the order of the input.
//!
//! What costs most is to read a document and to ask what it could be of. Threads do that, a batch of values each; the
//! one that reads the input takes what they found in the order in which it gave it to them, so that all that has state
//! (sequences, cases, counts, output) sees what it would have seen with one core. It is one of them: where the others
//! have enough to do it reads a batch itself.

use std::collections::{BTreeMap, VecDeque};
use std::iter::Take;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, vec};

use super::recorded::{Read, Reader};
use crate::detect::{self, Evidence, Sieve};
use crate::event::wrapped::{Broken, Piece};

/// So many bytes of JSON are a batch.
const BATCH: usize = 1 << 20;

/// JSON values of one file.
#[derive(Debug, Default)]
pub struct Batch {
    file: Arc<str>,
    bytes: Vec<u8>,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    from: u64,
    action: Option<Range<usize>>,
    text: Result<Range<usize>, Broken>,
}

impl Batch {
    fn push(&mut self, piece: Piece<'_>) {
        let mut copy = |text: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(text);
            start..self.bytes.len()
        };
        let (action, text) = (piece.action.map(&mut copy), piece.text.map(copy));
        self.values.push(Value { from: piece.from, action, text });
    }

    fn get(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }
}

/// What was read of a value.
#[derive(Debug)]
pub struct Done<'d> {
    /// The line in which it began.
    pub from: u64,
    /// What it came to.
    pub read: Read,
    /// Its documents.
    pub documents: Take<&'d mut vec::IntoIter<Sifted>>,
}

/// A document.
#[derive(Debug)]
pub enum Sifted {
    /// One that no rule takes: its host and its time.
    Idle {
        /// As [`crate::detect::Keep::host_key`] has it.
        host: u64,
        /// In milliseconds since the Unix epoch.
        millis: i64,
    },
    /// One that some rule takes.
    Taken(Box<Taken>),
}

/// A document that some rule takes.
#[derive(Debug)]
pub struct Taken {
    /// As [`crate::detect::Keep::host_key`] has it.
    pub(super) host: u64,
    /// In milliseconds since the Unix epoch.
    pub(super) millis: i64,
    /// The kernel's, of our own documents.
    pub(super) serial: Option<u64>,
    /// What it is to the rules.
    pub(super) rules: detect::Sifted,
    /// What is kept of it, with its text.
    pub(super) evidence: Evidence,
    /// The index that its wrapping told, where a rule takes it alone.
    pub(super) told: Option<Box<str>>,
}

/// The threads, and what is between them and the one that reads.
#[derive(Debug)]
pub struct Ahead {
    between: Arc<Between>,
    own: Tools,
    filling: Batch,
    /// Memory to be used again.
    spare: Vec<Batch>,
    /// The numbers of the next batch to give and to take.
    given: u64,
    taken: u64,
    /// The most batches that are between.
    most: u64,
}

#[derive(Debug, Default)]
struct Between {
    state: Mutex<State>,
    /// There is a batch to read, or never will be.
    wanted: Condvar,
    /// One was read.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(u64, Batch)>,
    /// By their numbers; nothing where a thread failed.
    done: BTreeMap<u64, Option<Finished>>,
    closed: bool,
}

/// A batch, and what it came to.
#[derive(Debug)]
struct Finished {
    batch: Batch,
    /// Of each value what it came to and how many documents are its.
    read: Vec<(Read, usize)>,
    documents: Vec<Sifted>,
}

/// What a thread reads with.
#[derive(Debug)]
struct Tools {
    reader: Reader,
    sieve: Sieve,
}

impl Between {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut tools: Tools) {
        loop {
            let mut state = self.lock();
            let (number, batch) = loop {
                match state.waiting.pop_front() {
                    Some(next) => break next,
                    None if state.closed => return,
                    None => state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            drop(state);
            // Whoever takes is told, and does not wait for ever.
            let finished = catch_unwind(AssertUnwindSafe(|| tools.read(batch))).ok();
            let failed = finished.is_none();
            self.lock().done.insert(number, finished);
            self.done.notify_one();
            if failed {
                return;
            }
        }
    }
}

impl Tools {
    fn read(&mut self, batch: Batch) -> Finished {
        let Self { reader, sieve } = self;
        let (mut read, mut documents) = (Vec::with_capacity(batch.values.len()), Vec::new());
        documents.reserve(batch.values.len());
        for value in &batch.values {
            let before = documents.len();
            let came_to = match &value.text {
                Err(why) => Read::broken(*why),
                Ok(text) => {
                    let action = value.action.as_ref().map(|action| batch.get(action));
                    reader.read(batch.get(text), action, &mut |found| documents.push(found.sift(sieve)))
                }
            };
            read.push((came_to, documents.len() - before));
        }
        Finished { batch, read, documents }
    }
}

impl Ahead {
    /// Has so many threads read, each with a reader and a sieve of its own: this one and as many as it begins.
    ///
    /// # Errors
    /// A thread cannot be begun.
    pub fn begin(threads: u16, mut tools: impl FnMut() -> (Reader, Sieve)) -> io::Result<Self> {
        let between = Arc::<Between>::default();
        let mut tools = || {
            let (reader, sieve) = tools();
            Tools { reader, sieve }
        };
        for number in 1..threads {
            let (between, tools) = (Arc::clone(&between), tools());
            std::thread::Builder::new()
                .name(format!("documents-{number}"))
                .spawn(move || between.work(tools))?;
        }
        let most = 2 * u64::from(threads);
        let (filling, spare) = (Batch::default(), Vec::new());
        Ok(Self { between, own: tools(), filling, spare, given: 0, taken: 0, most })
    }

    /// Takes a value of `file`, and gives what is done by now.
    ///
    /// # Errors
    /// A thread has ended before its time.
    pub fn push(
        &mut self,
        file: &Arc<str>,
        piece: Piece<'_>,
        each: &mut dyn FnMut(&str, Done<'_>),
    ) -> io::Result<()> {
        if !Arc::ptr_eq(&self.filling.file, file) {
            self.give();
            self.filling.file = Arc::clone(file);
        }
        self.filling.push(piece);
        if self.filling.bytes.len() >= BATCH {
            self.give();
            self.take_down_to(self.most, each)?;
        }
        Ok(())
    }

    /// Gives all that is not done yet.
    ///
    /// # Errors
    /// As [`Ahead::push`].
    pub fn drain(&mut self, each: &mut dyn FnMut(&str, Done<'_>)) -> io::Result<()> {
        self.give();
        self.take_down_to(0, each)
    }

    fn give(&mut self) {
        if self.filling.values.is_empty() {
            return;
        }
        let mut next = self.spare.pop().unwrap_or_default();
        next.file = Arc::clone(&self.filling.file);
        let batch = std::mem::replace(&mut self.filling, next);
        self.between.lock().waiting.push_back((self.given, batch));
        self.between.wanted.notify_one();
        self.given += 1;
    }

    /// Takes what is done, and does what is not until no more than `most` batches are between.
    fn take_down_to(&mut self, most: u64, each: &mut dyn FnMut(&str, Done<'_>)) -> io::Result<()> {
        loop {
            let mut state = self.between.lock();
            if let Some(finished) = state.done.remove(&self.taken) {
                let Some(finished) = finished else {
                    // It stays told.
                    state.done.insert(self.taken, None);
                    return Err(io::Error::other("a thread that reads documents has ended before its time"));
                };
                drop(state);
                self.take(finished, each);
            } else if self.given - self.taken <= most {
                return Ok(());
            } else if let Some((number, batch)) = state.waiting.pop_front() {
                drop(state);
                let finished = self.own.read(batch);
                self.between.lock().done.insert(number, Some(finished));
            } else {
                drop(self.between.done.wait(state).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    fn take(&mut self, finished: Finished, each: &mut dyn FnMut(&str, Done<'_>)) {
        let Finished { mut batch, read, documents } = finished;
        self.taken += 1;
        let mut documents = documents.into_iter();
        for (value, (read, count)) in batch.values.iter().zip(read) {
            let documents = documents.by_ref().take(count);
            each(&batch.file, Done { from: value.from, read, documents });
        }
        // One long value is no reason to keep much memory.
        if batch.bytes.capacity() <= 2 * BATCH {
            batch.bytes.clear();
            batch.values.clear();
            self.spare.push(batch);
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.between.lock().closed = true;
        self.between.wanted.notify_all();
    }
}
