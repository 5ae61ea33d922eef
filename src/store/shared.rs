//! What the loop, the writer and the destinations share: the queue of what is to be written, how far it was, and
//! how far each destination is.
//!
//! Alerts are numbered from 1 in each run. In the file, the number is added to what stood there before (`base`), which
//! is known once the file was opened: a disk that is full at the start may have space later.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Settings;
use crate::alert::{Alert, RestKey};

/// Alerts that may wait for the writer.
const WAITING: usize = 8192;
/// The same in bytes of memory; most of it is shared with the queues of the destinations.
const WAITING_BYTES: usize = 16 << 20;
/// Alerts written with one commit.
const BATCH: usize = 64;
/// How long the writer may stand still before alerts go out that were not committed.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);
/// How long the positions may wait for a commit of their own.
const LAZY: Duration = Duration::from_millis(50);
/// Sentences that wait to be told.
const TOLD: usize = 16;

/// See the module's page.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// Number in the file less number in this run.
    pub(super) base: AtomicI64,
    pub(super) counts: Counts,
    /// A reader has met damage.
    pub(super) damaged: AtomicBool,
    state: Mutex<State>,
    work: Condvar,
    settled: Mutex<Settled>,
    moved: Condvar,
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<(i64, Arc<Alert>)>,
    bytes: usize,
    /// The number of the last alert that was taken in.
    last: i64,
    /// Since when a destination has news of its position.
    nudged: Option<Instant>,
    closing: bool,
    ended: bool,
    slots: Vec<Arc<Slot>>,
    /// Names whose places are to be deleted.
    forgotten: Vec<String>,
    /// What was kept back and is told by now.
    settled: Vec<(RestKey, u64)>,
    told: Vec<String>,
    trouble: Option<String>,
}

/// How far the writer is: everything up to here is in the file, or never will be.
#[derive(Clone, Copy, Debug, Default)]
struct Settled {
    number: i64,
    /// The same of the documents, which come a moment later.
    documented: i64,
    /// Patience ran out here; until it moves, nobody waits again.
    stuck: Option<i64>,
}

/// A destination's place.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// The last number that its receiver has taken.
    pub(super) taken: AtomicI64,
    /// The same as it stands in the file; [`UNWRITTEN`] before it was written.
    pub(super) written: AtomicI64,
    /// Another one has its place.
    pub(super) left: AtomicBool,
}

/// No place: nothing was written yet.
pub(super) const UNWRITTEN: i64 = i64::MIN;

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) rows: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) stored: AtomicU64,
    pub(super) unstored: AtomicU64,
    pub(super) early: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) set_aside: AtomicU64,
}

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Alerts in the file.
    pub rows: u64,
    /// Bytes of the file and of its log.
    pub bytes: u64,
    /// Alerts written in this run.
    pub stored: u64,
    /// Alerts that could not be written in this run: they went out all the same.
    pub unstored: u64,
    /// Deliveries in this run that did not wait for the commit, since it stood still.
    pub early: u64,
    /// Alerts deleted in this run, as they were too old or too many.
    pub deleted: u64,
    /// Files set aside in this run.
    pub set_aside: u64,
    /// Alerts that wait to be written.
    pub waiting: usize,
    /// Why nothing can be written at the moment.
    pub trouble: Option<String>,
}

/// What the writer is to do next.
pub(super) enum Work {
    /// Write these, and the positions.
    Batch(Vec<(i64, Arc<Alert>)>),
    /// Write the positions.
    Positions,
    /// Nothing for a while: time to tidy up.
    Idle,
    /// All is written; write the positions, and end.
    End,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            last: 0,
            nudged: None,
            closing: false,
            ended: false,
            slots: Vec::new(),
            forgotten: Vec::new(),
            settled: Vec::new(),
            told: Vec::new(),
            trouble: None,
        };
        Self {
            settings,
            base: AtomicI64::new(0),
            counts: Counts::default(),
            damaged: AtomicBool::new(false),
            state: Mutex::new(state),
            work: Condvar::new(),
            settled: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    // Both are whole between any two statements: a panic elsewhere does not harm them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`super::Store::hand_over`].
    pub(super) fn hand_over(&self, alert: &Arc<Alert>) -> Option<i64> {
        let size = alert.size();
        let mut state = self.state();
        let full = state.waiting.len() >= WAITING
            || (!state.waiting.is_empty() && state.bytes.saturating_add(size) > WAITING_BYTES);
        if full || state.closing {
            drop(state);
            self.counts.unstored.fetch_add(1, Ordering::Relaxed);
            alert.mark_unstored();
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.bytes += size;
        state.waiting.push_back((number, Arc::clone(alert)));
        drop(state);
        self.work.notify_one();
        Some(number)
    }

    /// The writer's: waits for something to do, `at_most` so long.
    pub(super) fn next(&self, at_most: Duration) -> Work {
        let until = Instant::now() + at_most;
        let mut state = self.state();
        loop {
            if !state.waiting.is_empty() {
                let count = state.waiting.len().min(BATCH);
                let batch: Vec<_> = state.waiting.drain(..count).collect();
                let bytes: usize = batch.iter().map(|(_, alert)| alert.size()).sum();
                state.bytes = state.bytes.saturating_sub(bytes);
                state.nudged = None;
                return Work::Batch(batch);
            }
            if state.closing {
                return Work::End;
            }
            let now = Instant::now();
            let due = state.nudged.map(|since| since + LAZY);
            if due.is_some_and(|due| due <= now) {
                state.nudged = None;
                return Work::Positions;
            }
            if now >= until {
                return Work::Idle;
            }
            let wake = due.map_or(until, |due| due.min(until));
            state = self.work.wait_timeout(state, wake - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether alerts wait to be written.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// The writer's: everything up to `number` is in the file, or never will be.
    pub(super) fn settle(&self, number: i64) {
        let mut settled = self.settled();
        (settled.number, settled.stuck) = (number, None);
        drop(settled);
        self.moved.notify_all();
    }

    /// The writer's: the documents up to `number` are in the file too, or never will be; none waits when there is no
    /// number.
    pub(super) fn document(&self, number: Option<i64>) {
        let mut settled = self.settled();
        settled.documented = number.unwrap_or(settled.number);
        drop(settled);
        self.moved.notify_all();
    }

    /// Waits until `number` was written (or given up), at most [`PATIENCE`] for each step of the writer; false when
    /// that ran out.
    pub(super) fn wait_for(&self, number: i64) -> bool {
        let mut settled = self.settled();
        let (mut at, mut until) = (settled.number, Instant::now() + PATIENCE);
        while settled.number < number {
            if settled.stuck == Some(settled.number) {
                return false;
            }
            let now = Instant::now();
            if settled.number > at {
                (at, until) = (settled.number, now + PATIENCE);
            } else if now >= until {
                settled.stuck = Some(settled.number);
                return false;
            }
            settled = self.moved.wait_timeout(settled, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Whether everything up to `number` was written, documents too, or given up; waits for it `at_most`.
    pub(super) fn is_settled(&self, number: i64, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        let mut settled = self.settled();
        while settled.documented < number {
            let now = Instant::now();
            if now >= until {
                return false;
            }
            settled = self.moved.wait_timeout(settled, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// A destination has nothing more to do: its position is to be written.
    pub(super) fn nudge(&self) {
        let mut state = self.state();
        if state.nudged.is_none() {
            state.nudged = Some(Instant::now());
            drop(state);
            self.work.notify_one();
        }
    }

    /// Takes in a destination, which has `taken` (none: everything up to now). One of the same name gives up its
    /// place.
    pub(super) fn slot(&self, name: &str, taken: Option<i64>, written: i64) -> (Arc<Slot>, i64) {
        let mut state = self.state();
        let (mut taken, last) = (taken, state.last);
        for before in state.slots.iter().filter(|slot| slot.name == name) {
            before.left.store(true, Ordering::SeqCst);
            taken = taken.or(Some(before.taken.load(Ordering::SeqCst)));
        }
        state.slots.retain(|slot| slot.name != name);
        state.forgotten.retain(|forgotten| forgotten != name);
        let slot = Arc::new(Slot {
            name: name.to_owned(),
            taken: AtomicI64::new(taken.unwrap_or(last)),
            written: AtomicI64::new(written),
            left: AtomicBool::new(false),
        });
        state.slots.push(Arc::clone(&slot));
        state.nudged.get_or_insert_with(Instant::now);
        drop(state);
        self.work.notify_one();
        (slot, last)
    }

    /// The places of the destinations.
    pub(super) fn slots(&self) -> Vec<Arc<Slot>> {
        self.state().slots.clone()
    }

    /// The place of a destination is no longer needed.
    pub(super) fn forget(&self, name: String) {
        let mut state = self.state();
        state
            .slots
            .iter()
            .filter(|slot| slot.name == name)
            .for_each(|slot| slot.left.store(true, Ordering::SeqCst));
        state.slots.retain(|slot| slot.name != name);
        state.forgotten.push(name);
        state.nudged.get_or_insert_with(Instant::now);
        drop(state);
        self.work.notify_one();
    }

    /// See [`super::Store::settle_untold`].
    pub(super) fn settle_untold(&self, key: RestKey, told: u64) {
        let mut state = self.state();
        state.settled.push((key, told));
        state.nudged.get_or_insert_with(Instant::now);
        drop(state);
        self.work.notify_one();
    }

    /// Destinations whose places are to be deleted, and what was kept back and is told by now.
    pub(super) fn take_forgotten(&self) -> (Vec<String>, Vec<(RestKey, u64)>) {
        let mut state = self.state();
        (std::mem::take(&mut state.forgotten), std::mem::take(&mut state.settled))
    }

    /// Keeps a sentence until it is told.
    pub(super) fn tell(&self, sentence: String) {
        let mut state = self.state();
        if state.told.len() < TOLD {
            state.told.push(sentence);
        }
    }

    pub(super) fn take_told(&self) -> Vec<String> {
        std::mem::take(&mut self.state().told)
    }

    pub(super) fn set_trouble(&self, trouble: Option<String>) {
        self.state().trouble = trouble;
    }

    pub(super) fn close(&self) {
        self.state().closing = true;
        self.work.notify_one();
    }

    /// The writer's last word: nobody waits for it any more.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.settle(i64::MAX);
        self.document(None);
        self.work.notify_all();
    }

    /// Waits for the writer's end, until `deadline`.
    pub(super) fn wait_for_end(&self, deadline: Instant) -> bool {
        let mut state = self.state();
        while !state.ended {
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            state = self.work.wait_timeout(state, deadline - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn figures(&self) -> Figures {
        let (waiting, trouble) = {
            let state = self.state();
            (state.waiting.len(), state.trouble.clone())
        };
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        Figures {
            rows: get(&counts.rows),
            bytes: get(&counts.bytes),
            stored: get(&counts.stored),
            unstored: get(&counts.unstored),
            early: get(&counts.early),
            deleted: get(&counts.deleted),
            set_aside: get(&counts.set_aside),
            waiting,
            trouble,
        }
    }
}
