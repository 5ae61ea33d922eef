//! The writer thread of one destination.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::delays::Delays;
use super::message::{Message, Notice, Topic, Urgency};
use super::queue::{Gap, Item, Queue};
use super::sink::{Outcome, Sink};

/// The longest wait at a stretch: how late the end of the daemon is noticed.
const SLICE: Duration = Duration::from_millis(200);
/// How often the same trouble is told in the daemon's own log.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// What a writer has done.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Alerts the receiver has taken.
    pub(crate) sent: AtomicU64,
    /// Alerts that it can never take.
    pub(crate) refused: AtomicU64,
    /// From receipt to delivery, of alerts.
    pub(crate) delays: Mutex<Delays>,
    /// What it is at.
    pub(crate) hand: Mutex<Hand>,
}

/// What a writer is at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hand {
    /// Since when the message that is being delivered was received.
    pub(crate) since: Option<Instant>,
    /// Why nothing goes out at the moment.
    pub(crate) trouble: Option<String>,
}

impl Tally {
    fn set_hand(&self, change: impl FnOnce(&mut Hand)) {
        change(&mut self.hand.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Takes from the queue and delivers, in order, one at a time.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) queue: Arc<Queue>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) told: Option<Instant>,
}

impl Worker {
    /// Runs until the queue is closed and empty, or its time is over.
    pub(crate) fn run(mut self) {
        let mut unsent = 0;
        while let Some(item) = self.queue.pop() {
            let message = match item {
                Item::Reopen => {
                    self.sink.reopen();
                    continue;
                }
                Item::Gap(gap) => (Message::Notice(self.lost(&gap)), Instant::now()),
                Item::Message(message, since) => (message, since),
            };
            let (message, since) = message;
            self.tally.set_hand(|hand| hand.since = Some(since));
            if !self.deliver(&message, since) {
                unsent += 1;
            }
            self.tally.set_hand(|hand| *hand = Hand::default());
        }
        self.queue.finish(unsent);
    }

    /// Delivers one message, however long it takes; false when the time was over first.
    fn deliver(&mut self, message: &Message, since: Instant) -> bool {
        let mut pauses = Backoff::new(Duration::from_millis(2), SLICE);
        let mut outcome = self.sink.begin(message);
        loop {
            match outcome {
                Outcome::Sent => {
                    self.count(message, &self.tally.sent);
                    if matches!(message, Message::Alert(_)) {
                        let mut delays = self.tally.delays.lock().unwrap_or_else(PoisonError::into_inner);
                        delays.add(since.elapsed());
                    }
                    return true;
                }
                Outcome::Lost(e) => {
                    self.count(message, &self.tally.refused);
                    self.tell(&format!("a message was refused and is lost: {e}"));
                    return true;
                }
                Outcome::Later => {}
            }
            if self.queue.is_over() {
                return false;
            }
            let trouble = self.sink.trouble();
            if let Some(trouble) = &trouble {
                self.tell(trouble);
            }
            self.tally.set_hand(|hand| hand.trouble = trouble);
            let begun = Instant::now();
            let room = self.sink.wait(SLICE);
            // Nothing to wait for, or "room" at once that turns out to be none: never in a hurry.
            if !room || begun.elapsed() < Duration::from_millis(1) {
                self.queue.pause(pauses.next());
            }
            if self.queue.take_reopen() {
                self.sink.reopen();
            }
            outcome = self.sink.go_on(message);
        }
    }

    fn count(&self, message: &Message, counter: &AtomicU64) {
        if let Message::Alert(_) = message {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sentence that stands where messages are missing.
    fn lost(&self, gap: &Gap) -> Notice {
        let span = |f: &str| (gap.from.strftime(f).to_string(), gap.to.strftime(f).to_string());
        let (from, to) = span("%Y-%m-%dT%H:%M:%SZ");
        let what = match (gap.alerts, gap.notices) {
            (0, n) => format!("{n} notices"),
            (n, 0) => format!("{n} alerts"),
            (a, n) => format!("{a} alerts and {n} notices"),
        };
        let text = format!("{what} lost because the {} queue was full, from {from} to {to}", self.name);
        Notice { topic: Topic::QueueFull, text, urgency: Urgency::Warning, time: jiff::Timestamp::now() }
    }

    /// Tells trouble in the daemon's own log, once a minute at most.
    fn tell(&mut self, trouble: &str) {
        if self.told.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
            self.told = Some(Instant::now());
            let (waiting, _, _) = self.queue.counts();
            tracing::warn!(output = self.name, waiting, "{trouble}");
        }
    }
}
