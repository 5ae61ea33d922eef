//! Documents read on several cores, and given to the rules in the order of the input.
//!
//! What costs most is to read a document and to ask what it could be of. Threads do that, a batch of values each; the
//! one that reads the input takes what they give in the order in which it gave it to them, so that all that has state
//! (sequences, cases, counts, output) sees what it would have seen with one core.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

use super::recorded::{Read, Reader};
use crate::detect::Sieve;
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
pub struct Done {
    /// The line in which it began.
    pub from: u64,
    /// What it came to.
    pub read: Read,
    /// Its documents.
    pub documents: Vec<Sifted>,
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
    /// One to be asked about.
    Taken {
        /// It.
        text: Box<str>,
        /// The index that its wrapping told.
        told: Option<Box<str>>,
    },
}

/// The threads, and what is between them and the one that reads.
#[derive(Debug)]
pub struct Ahead {
    jobs: Sender<(u64, Batch)>,
    done: Receiver<Given>,
    /// What came before its turn.
    early: BTreeMap<u64, Option<Finished>>,
    filling: Batch,
    /// The numbers of the next batch to give and to take.
    given: u64,
    taken: u64,
    /// The most batches that are between.
    most: u64,
}

impl Ahead {
    /// Begins so many threads, each with a reader and a sieve of its own.
    ///
    /// # Errors
    /// A thread cannot be begun.
    pub fn begin(threads: usize, mut tools: impl FnMut() -> (Reader, Sieve)) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<(u64, Batch)>();
        let (give, done) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..threads {
            let (waiting, give, (reader, sieve)) = (Arc::clone(&waiting), give.clone(), tools());
            std::thread::Builder::new()
                .name(format!("documents-{number}"))
                .spawn(move || work(&waiting, &give, reader, sieve))?;
        }
        let most = 2 * threads as u64 + 2;
        let (early, filling) = (BTreeMap::new(), Batch::default());
        Ok(Self { jobs, done, early, filling, given: 0, taken: 0, most })
    }

    /// Takes a value of `file`, and gives what is done by now.
    ///
    /// # Errors
    /// A thread has ended before its time.
    pub fn push(
        &mut self,
        file: &Arc<str>,
        piece: Piece<'_>,
        each: &mut dyn FnMut(&str, Done),
    ) -> io::Result<()> {
        if !Arc::ptr_eq(&self.filling.file, file) {
            self.give();
            self.filling.file = Arc::clone(file);
        }
        self.filling.push(piece);
        if self.filling.bytes.len() >= BATCH {
            self.give();
            while self.given - self.taken > self.most {
                self.take(each)?;
            }
        }
        Ok(())
    }

    /// Gives all that is not done yet.
    ///
    /// # Errors
    /// As [`Ahead::push`].
    pub fn drain(&mut self, each: &mut dyn FnMut(&str, Done)) -> io::Result<()> {
        self.give();
        while self.given > self.taken {
            self.take(each)?;
        }
        Ok(())
    }

    fn give(&mut self) {
        if self.filling.values.is_empty() {
            return;
        }
        let file = Arc::clone(&self.filling.file);
        let batch = std::mem::replace(&mut self.filling, Batch { file, ..Batch::default() });
        // Where no thread is left to take it, taking says so.
        let _ = self.jobs.send((self.given, batch));
        self.given += 1;
    }

    fn take(&mut self, each: &mut dyn FnMut(&str, Done)) -> io::Result<()> {
        let died = || io::Error::other("a thread that reads documents has ended before its time");
        let done = loop {
            if let Some(done) = self.early.remove(&self.taken) {
                break done;
            }
            let (number, done) = self.done.recv().map_err(|_| died())?;
            self.early.insert(number, done);
        };
        self.taken += 1;
        let Finished { file, done } = done.ok_or_else(died)?;
        done.into_iter().for_each(|done| each(&file, done));
        Ok(())
    }
}

/// What a batch came to.
#[derive(Debug)]
struct Finished {
    file: Arc<str>,
    done: Vec<Done>,
}

/// A batch's number, and what it came to; nothing where a thread failed.
type Given = (u64, Option<Finished>);

fn work(waiting: &Mutex<Receiver<(u64, Batch)>>, give: &Sender<Given>, mut reader: Reader, mut sieve: Sieve) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, batch)) = next else { return };
        // Whoever takes is told, and does not wait for ever.
        let done = catch_unwind(AssertUnwindSafe(|| sift(&batch, &mut reader, &mut sieve))).ok();
        if give.send((number, done.map(|done| Finished { file: batch.file, done }))).is_err() {
            return;
        }
    }
}

fn sift(batch: &Batch, reader: &mut Reader, sieve: &mut Sieve) -> Vec<Done> {
    let one = |value: &Value| {
        let mut documents = Vec::new();
        let read = match &value.text {
            Err(why) => Read::broken(*why),
            Ok(text) => {
                let action = value.action.as_ref().map(|action| batch.get(action));
                reader.read(batch.get(text), action, &mut |found| documents.push(found.sift(sieve)))
            }
        };
        Done { from: value.from, read, documents }
    };
    batch.values.iter().map(one).collect()
}
