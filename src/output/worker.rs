//! The writer thread of one destination.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::delays::Delays;
use super::message::{Message, Notice, Topic, Urgency};
use super::queue::{Gap, Item, Queue, Span, TestAnswer};
use super::sink::{Outcome, Sink};
use crate::store::Position;

/// The longest wait at a stretch: how late the end of the daemon is noticed.
const SLICE: Duration = Duration::from_millis(200);
/// How soon after the last message is looked whether it was read, and how often after that.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often the same trouble is told in the daemon's own log.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// What a writer has done.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Alerts the receiver has taken.
    pub(crate) sent: AtomicU64,
    /// Alerts that it can never take.
    pub(crate) refused: AtomicU64,
    /// Alerts that were left to the store and were no longer in it.
    pub(crate) missing: AtomicU64,
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
    /// Its place in the store, where there is one.
    pub(crate) place: Option<Position>,
    pub(crate) told: Option<Instant>,
}

/// What became of a message.
enum Delivered {
    Taken,
    /// It can never be, and why.
    Refused(String),
    /// The time was over first.
    Over,
}

/// How often reading from the store is tried before its alerts are given up.
const READ_AGAIN: u32 = 5;

impl Worker {
    /// Runs until the queue is closed and empty, or its time is over.
    pub(crate) fn run(mut self) {
        let (mut unsent, mut look) = (0, None);
        while let Some(item) = self.queue.pop_within(look) {
            match item {
                Item::Nothing => {
                    look = self.sink.look().then_some(LOOK_AGAIN);
                    self.tally.set_hand(|hand| hand.trouble = self.sink.trouble().filter(|_| look.is_some()));
                    continue;
                }
                Item::Reopen => self.sink.reopen(),
                Item::Gap(gap) => {
                    let notice = self.lost(&gap, &format!("the {} queue was full", self.name));
                    unsent += u64::from(!self.hand(&Message::Notice(notice), Some(Instant::now())));
                }
                Item::Message(message, since, number) => {
                    if let (Some(place), Some(number)) = (&self.place, number) {
                        place.wait_for(number);
                    }
                    let done = self.hand(&message, Some(since));
                    unsent += u64::from(!done);
                    if let (Some(place), Some(number), true) = (&self.place, number, done) {
                        place.taken(number);
                    }
                }
                Item::Stored(span) => self.stored(&span),
                Item::Test(message, answer) => self.test(&message, &answer),
                Item::Passed(number) => self.place.iter().for_each(|place| place.taken(number)),
            }
            look = Some(LOOK);
            if let Some(place) = &mut self.place
                && self.queue.is_empty()
            {
                place.rest();
            }
        }
        self.queue.finish(unsent);
    }

    /// [`Worker::deliver`], and says meanwhile what it is at.
    fn hand(&mut self, message: &Message, since: Option<Instant>) -> bool {
        self.tally.set_hand(|hand| hand.since = since);
        let done = self.deliver(message, since);
        self.tally.set_hand(|hand| *hand = Hand::default());
        !matches!(done, Delivered::Over)
    }

    /// Delivers an alert that only tries the destination.
    fn test(&mut self, message: &Message, answer: &SyncSender<TestAnswer>) {
        let begun = Instant::now();
        self.tally.set_hand(|hand| hand.since = Some(begun));
        let delivered = self.deliver(message, None);
        self.tally.set_hand(|hand| *hand = Hand::default());
        // Who asked may have gone.
        let _ = answer.try_send(match delivered {
            Delivered::Taken => Ok(begun.elapsed()),
            Delivered::Refused(why) => Err(why),
            Delivered::Over => Err("the destination ended before".to_owned()),
        });
    }

    /// Delivers what is in the store alone. What is not delivered when the time is over stays there, and in the
    /// queue's count; what is not there any more is told.
    fn stored(&mut self, span: &Span) {
        let (mut from, mut left, mut failures, mut counted) =
            (span.alerts.from, span.alerts.alerts, 0, false);
        while let Some(place) = &mut self.place {
            if self.queue.is_over() {
                return;
            }
            if !place.is_settled(span.alerts.to, SLICE) {
                continue;
            }
            // Of what an earlier run has left, it is known only now how much is not for this destination.
            if span.times.is_none() && !counted {
                counted = true;
                let others = place.others(from, span.alerts.to).unwrap_or(0).min(left);
                left -= others;
                self.queue.read(others);
                continue;
            }
            let alerts = match place.read(from, span.alerts.to) {
                Ok(alerts) => alerts,
                Err(why) => {
                    failures += 1;
                    self.tell(&format!("the store cannot be read: {why}"));
                    if failures >= READ_AGAIN {
                        break;
                    }
                    self.queue.pause(Duration::from_secs(1));
                    continue;
                }
            };
            if alerts.is_empty() {
                break;
            }
            for (number, alert) in alerts {
                if self.queue.is_over() || !self.hand(&Message::Stored(Box::new(alert)), span.since) {
                    return;
                }
                from = number + 1;
                left = left.saturating_sub(1);
                self.queue.read(1);
                self.place.iter().for_each(|place| place.taken(number));
            }
        }
        if left > 0 {
            self.queue.read(left);
            self.tally.missing.fetch_add(left, Ordering::Relaxed);
            let now = jiff::Timestamp::now();
            let (from, to) = span.times.unwrap_or((now, now));
            let gap = Gap { alerts: left, notices: 0, from, to };
            let notice = self.lost(&gap, &format!("they left the store before {} took them", self.name));
            self.hand(&Message::Notice(notice), Some(Instant::now()));
        }
        self.place.iter().for_each(|place| place.taken(span.alerts.to));
    }

    /// Delivers one message, however long it takes, unless the time is over first. `since` is when what it tells
    /// was received, none where that was in an earlier run.
    fn deliver(&mut self, message: &Message, since: Option<Instant>) -> Delivered {
        let mut pauses = Backoff::new(Duration::from_millis(2), SLICE);
        let mut outcome = self.sink.begin(message);
        loop {
            match outcome {
                Outcome::Sent => {
                    self.count(message, &self.tally.sent);
                    if let (Message::Alert(_) | Message::Stored(_), Some(since)) = (message, since) {
                        let mut delays = self.tally.delays.lock().unwrap_or_else(PoisonError::into_inner);
                        delays.add(since.elapsed());
                    }
                    return Delivered::Taken;
                }
                Outcome::Lost(e) => {
                    self.count(message, &self.tally.refused);
                    self.tell(&format!("a message was refused and is lost: {e}"));
                    return Delivered::Refused(e.to_string());
                }
                Outcome::Later => {}
            }
            if self.queue.is_over() {
                return Delivered::Over;
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
        if let Message::Alert(_) | Message::Stored(_) = message {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sentence that stands where messages are missing.
    fn lost(&self, gap: &Gap, why: &str) -> Notice {
        let span = |f: &str| (gap.from.strftime(f).to_string(), gap.to.strftime(f).to_string());
        let (from, to) = span("%Y-%m-%dT%H:%M:%SZ");
        let what = match (gap.alerts, gap.notices) {
            (0, n) => format!("{n} notices"),
            (n, 0) => format!("{n} alerts"),
            (a, n) => format!("{a} alerts and {n} notices"),
        };
        let text = format!("{what} lost because {why}, from {from} to {to}");
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
